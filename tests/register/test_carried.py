"""What is carried from night to night is what asking again would give, and stands only while nothing else moved."""

from __future__ import annotations

import tempfile
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insvigil.errors import ContractError
from insvigil.frames import IDENTITY_FIELDS
from insvigil.register import (
    Register,
    Words,
    carried_from,
    carried_statuses,
    carried_traits,
    describe_run,
    filled,
    fold,
    forget,
    identities,
    in_rows,
    keys_of,
    purge,
    roster,
    store_standing,
    store_traits,
)
from insvigil.traits import normalise
from tests.register.messages import NIGHT, message, movements, opener, sources
from tests.register.model import Message
from tests.register.strategies import feeds

SETTINGS, VERSION = "reglages", "1"


def a_night(register: Register, *feed: dict[str, Any], until: str = "qualif") -> None:
    """Live a night that asks everything again, and keeps it."""
    register.begin(NIGHT)
    fold(register, movements(*feed), sources=sources(), now=NIGHT)
    names = roster(register)
    forget(register, None)
    store_traits(register, normalise(identities(register, of=names["identity_id"])), Words())
    standing = names.select(
        "identity_id", status=pl.lit("VALIDEE"), counted=pl.lit(True), ins_transmissible=pl.lit(False),
        source=pl.lit("pam"), anomaly=pl.lit(None, pl.String),
    )  # fmt: skip
    store_standing(register, standing)
    describe_run(
        register, ended=NIGHT, version=VERSION, settings_digest=SETTINGS, counts={"traits": {}, until: {"VALIDEE": 1}}
    )
    register.commit()


def test_roster__numbers_identities_as_identities_does(register: Register) -> None:
    a_night(register, message("A28", "2", 1), message("A28", "1", 1), message("A28", "9", 1, domain="CHA"))
    names = roster(register)
    whole = identities(register)
    assert names.select("identity_id", "domain", "ipp", "changed").equals(
        whole.select("identity_id", "domain", "ipp", "changed")
    )
    some = pl.Series([2, 0], dtype=pl.UInt32)
    roster(register)
    assert identities(register, of=some).equals(whole[[0, 2]])


def test_roster__is_spoken_of_when_a_message_changes_nothing_and_when_a_relative_is(register: Register) -> None:
    a_night(register, *(message("A28", ipp, 1, birth_name="DARK") for ipp in "1234"))
    a_night(register, message("A40", "3", 2, merged_ipp="4"))
    register.begin(NIGHT)
    feed = [message("A31", "1", 5, birth_name="DARK"), message("A31", "4", 6, city="BREST")]
    fold(register, movements(*feed), sources=sources(), now=NIGHT)
    names = roster(register)
    assert names.filter("spoken")["ipp"].to_list() == ["1", "3"]
    assert names.filter("changed")["ipp"].to_list() == ["3"]


def test_carried_traits__are_those_made_again(register: Register) -> None:
    fields = {"birth_name": "D'Arc-Müller", "birth_date": "19800101", "sex": "F", "phone": "06 12 34 56 78"}
    a_night(register, message("A28", "1", 1, **fields), message("A28", "2", 1, birth_name="ZOÉ", email="z@x.fr"))
    names = roster(register)
    again = normalise(identities(register, of=names["identity_id"]))
    assert in_rows(register, carried_traits(register), []).equals(again)


def test_store_traits__keeps_each_text_once_and_adds_those_it_did_not_know(register: Register) -> None:
    a_night(
        register, message("A28", "1", 1, birth_name="ZOE", city="BREST"), message("A28", "2", 1, birth_name="BREST")
    )
    kept = carried_traits(register)
    assert register.query("SELECT text FROM word ORDER BY number")["text"].to_list() == ["ZOE", "BREST"]
    register.begin(NIGHT)
    fold(register, movements(message("A28", "3", 5, birth_name="ZOE", city="RENNES")), sources=sources(), now=NIGHT)
    names = roster(register)
    third = names.filter(pl.col("ipp") == "3")["identity_id"]
    fresh = normalise(identities(register, of=third))
    store_traits(register, fresh, kept.words)
    made = in_rows(register, kept, [fresh])
    register.commit()
    assert register.query("SELECT text FROM word ORDER BY number")["text"].to_list() == ["ZOE", "BREST", "RENNES"]
    assert in_rows(register, carried_traits(register), []).equals(made)


@given(st.lists(st.lists(st.sampled_from(["A", "B", "C", "É", None]), max_size=6), max_size=4))
def test_words__a_text_keeps_its_number_and_no_two_share_one(batches: list[list[str | None]]) -> None:
    words, known = Words([pl.Series(["B", "Z"])]), ["B", "Z"]
    for batch in batches:
        column = pl.Series("name", batch, pl.String).cast(pl.Categorical)
        numbers = words.numbers(column)
        new = list(dict.fromkeys(text for text in batch if text is not None and text not in known))
        known += new
        assert numbers.to_list() == [None if text is None else known.index(text) for text in batch]
        assert words.met()["text"].cast(pl.String).to_list() == new
        assert words.told(numbers).cast(pl.String).to_list() == batch
    assert Words([pl.Series(known)]).numbers(pl.Series(known).cast(pl.Categorical)).to_list() == list(range(len(known)))


def test_in_rows__takes_the_fresh_row_and_refuses_a_hole(register: Register) -> None:
    a_night(register, message("A28", "1", 1, city="BREST"), message("A28", "2", 1))
    roster(register)
    kept = carried_traits(register)
    fresh = in_rows(register, kept, []).head(1).with_columns(city=pl.lit("RENNES").cast(pl.Categorical))
    assert in_rows(register, kept, [fresh])["city"].to_list() == ["RENNES", None]
    with pytest.raises(ContractError):
        in_rows(register, None, [fresh])


def test_carried_statuses__are_put_in_rows_and_refuse_a_hole(register: Register) -> None:
    a_night(register, *(message("A28", ipp, 1) for ipp in "312"))
    register.begin(NIGHT)
    roster(register)
    forget(register, pl.Series([1], dtype=pl.UInt32))
    with pytest.raises(ContractError):
        carried_statuses(register)
    other = {"status": "QUALIFIEE", "counted": False, "ins_transmissible": True, "source": "fhir", "anomaly": "A"}
    store_standing(register, pl.DataFrame({"identity_id": [1], **other}))
    told = ("VALIDEE", True, False, "pam", None)
    assert carried_statuses(register).rows() == [told, tuple(other.values()), told]


def test_carried_from__stands_while_settings_version_and_last_run_do(register: Register) -> None:
    assert carried_from(register, SETTINGS, VERSION) is None, "nothing yet"
    a_night(register, message("A28", "1", 1))
    assert carried_from(register, SETTINGS, VERSION) is not None
    assert carried_from(register, "autres", VERSION) is None
    assert carried_from(register, SETTINGS, "2") is None
    a_night(register, message("A28", "2", 1), until="matching")
    assert carried_from(register, SETTINGS, VERSION) is None, "it stopped before the statuses"


def test_carried_from__falls_after_a_purge(register: Register) -> None:
    a_night(register, message("A28", "1", 1))
    purge(register, date(2020, 1, 1), now=NIGHT)
    assert carried_from(register, SETTINGS, VERSION) is None


def test_forget__drops_those_questioned_and_those_gone(register: Register) -> None:
    a_night(register, *(message("A28", ipp, 1) for ipp in "1234"))
    register.begin(NIGHT)
    fold(register, movements(message("A40", "1", 2, merged_ipp="2")), sources=sources(), now=NIGHT)
    names = roster(register)
    questioned = names.filter(pl.col("ipp") == "3")["identity_id"]
    forget(register, questioned)
    left = register.query("SELECT key FROM trait ORDER BY key")["key"].to_list()
    kept = names.filter(pl.col("ipp").is_in(["1", "4"]))["identity_id"]
    assert left == sorted(keys_of(register, kept).to_list())


def test_filled__counts_what_says_something(register: Register) -> None:
    a_night(register, message("A28", "1", 1, city="BREST"), message("A28", "2", 1, city='""'))
    counts = filled(register, ("city", "phone"))
    assert (counts["city"], counts["phone"]) == (1, 0)


@settings(max_examples=20, deadline=None)
@given(feed=feeds(("A28", "A28", "A31", "A31", "A40", "A47", "A01")))
def test_fold__tells_how_many_more_have_each_field(feed: list[Message]) -> None:
    with tempfile.TemporaryDirectory() as folder, opener(Path(folder))() as register:
        register.begin(NIGHT)
        said: Counter[str] = Counter(dict.fromkeys(IDENTITY_FIELDS, 0))
        for batch in (feed[: len(feed) // 2], feed[len(feed) // 2 :]):
            if batch:
                said.update(fold(register, movements(*batch), sources=sources(), now=NIGHT).filled)
        assert dict(said) == filled(register, IDENTITY_FIELDS)
