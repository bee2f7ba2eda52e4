"""What was true on a day, and when we learnt it."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from insvigil.qualif import OBSERVED, ins_changes
from insvigil.register import Register, changes, history, told_of
from tests.register.messages import NIGHT, at, message, night, states
from tests.register.model import Model
from tests.register.strategies import MERGES, feeds
from tests.register.test_folding import RANDOM, take, undone


def test_history__tells_when_it_was_true_and_when_we_learnt_it(register: Register) -> None:
    night(register, message("A28", "1", 1, birth_name="DARK"), message("A31", "1", 9, birth_name="DARC"))
    later = NIGHT + timedelta(days=1)
    night(register, message("A31", "1", 5, birth_name="ENTRE"), now=later, name="b")
    told = history(register, "1").select("old", "new", "valid_at", "known_at").rows()
    assert told == [
        (None, "DARK", at(1), NIGHT),
        ("DARK", "ENTRE", at(5), later),
        ("ENTRE", "DARC", at(9), NIGHT),
    ]


def test_history__of_an_eliminated_ipp_and_of_its_survivor(register: Register) -> None:
    night(register, message("A28", "1", 1), message("A28", "2", 1), message("A40", "2", 5, merged_ipp="1"))
    assert history(register, "1").select("field", "new").rows() == [("merged_into", "2")]
    assert history(register, "2").select("field", "new").rows() == [("merged_from", "1")]
    assert history(register, "1", at=at(4)).is_empty()


def test_history__of_an_unknown_ipp_is_empty(register: Register) -> None:
    assert history(register, "1").is_empty()


def test_history__tells_domains_apart(register: Register) -> None:
    night(register, message("A28", "1", 1, sex="F"), message("A28", "1", 1, sex="M", domain="CHY"))
    assert history(register, "1")["new"].to_list() == ["F", "M"]
    assert history(register, "1", domain="CHY")["new"].to_list() == ["M"]


@RANDOM
@given(feed=feeds(MERGES), minute=st.integers(1, 40))
def test_history__at_a_date_is_what_the_messages_until_then_make(
    register: Register, feed: list[dict[str, object]], minute: int
) -> None:
    until = Model()
    until.take(*(said for said in feed if said["message_time"] <= at(minute) and said["domain"] == "CHX"))  # type: ignore[operator]
    with undone(register):
        take(register, [said for said in feed if said["domain"] == "CHX"])
        for (_, ipp), fields in until.identities().items():
            if any(said.get("merged_ipp") and said["trigger"] == "A47" for said in feed):
                continue  # a change of IPP takes over what was said before it
            told = history(register, ipp, at=at(minute)).filter(~pl.col("field").str.starts_with("merged"))
            assert dict(told.select("field", "new").rows()) == {k: v for k, v in fields.items() if v is not None}


def test_changes__since_a_run_are_those_of_the_identities_spoken_of(register: Register) -> None:
    night(register, message("A28", "1", 1, sex="F"), message("A28", "2", 1, sex="M"))
    night(register, message("A31", "2", 5, sex="F"), name="b")
    assert changes(register)["ipp"].to_list() == ["1", "2", "2"]
    told = changes(register, since=2)
    assert told.select("ipp", "old", "new", "run").rows() == [("2", None, "M", 1), ("2", "M", "F", 2)]
    assert states(register)["CHX", "2"]["sex"] == "F"


def test_changes__of_some_are_theirs_and_those_of_who_was_merged_into_them(register: Register) -> None:
    night(register, *(message("A28", ipp, 1, sex="F", matricule="1") for ipp in "123"))
    night(register, message("A40", "2", 5, merged_ipp="1"), message("A47", "3", 6, matricule='""'), name="b")
    keys = register.query("SELECT key, ipp FROM identity")
    for ipps in ("2", "3", "23"):
        of = told_of(register, keys.filter(pl.col("ipp").is_in(list(ipps)))["key"], OBSERVED)
        family = ipps.replace("2", "12")
        for whole, some in (
            (changes(register, fields=OBSERVED), changes(register, of=of, fields=OBSERVED)),
            (ins_changes(register), ins_changes(register, of=of)),
        ):
            assert some.equals(whole.filter(pl.col("ipp").is_in(list(family))))
    assert not ins_changes(register).is_empty()


def test_history__tells_links_on_both_sides(register: Register) -> None:
    night(register, message("A28", "1", 1), message("A28", "2", 1), message("A24", "1", 5, merged_ipp="2"))
    night(register, message("A37", "2", 9, merged_ipp="1"), name="b")
    assert history(register, "1").select("field", "old", "new").rows() == [
        ("linked_to", None, "2"),
        ("linked_to", "2", None),
    ]
    assert history(register, "2")["new"].to_list() == ["1", None]
