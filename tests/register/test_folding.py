"""Folding: what is said last holds, whatever the order in which it arrives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from insvigil.errors import ContractError
from insvigil.register import (
    Register,
    absorbed,
    changes,
    fold,
    identities,
    identity_slices,
    known_digests,
    replay,
    resolve,
    stays,
    survivors,
)
from tests.register.messages import NIGHT, live, message, movements, night, sources, states
from tests.register.model import Message, Model
from tests.register.strategies import ALL, FEED, MERGES, MOVES, feeds

SHARED = Path(__file__).parents[2] / "../shared/samples/pam_spec"
RANDOM = settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@contextmanager
def undone(register: Register) -> Iterator[None]:
    """Begin a run and undo it: a fresh register for each example without making a file."""
    register.begin(NIGHT)
    try:
        yield
    finally:
        register.rollback()


def take(register: Register, *batches: list[Message]) -> None:
    for batch in batches:
        if batch:
            fold(register, movements(*batch), sources=sources(), now=NIGHT)


@pytest.mark.parametrize("triggers", [FEED, MERGES, (*MOVES, "A40")], ids=["feed", "merges", "moves"])
@RANDOM
@given(data=st.data())
def test_fold__equals_the_plain_model(register: Register, triggers: tuple[str, ...], data: st.DataObject) -> None:
    feed = data.draw(feeds(triggers))
    cut = data.draw(st.integers(0, len(feed)))
    model = Model()
    model.take(*feed)
    with undone(register):
        take(register, feed[:cut], feed[cut:])
        assert states(register) == model.identities()
        assert live(register) == model.stays()
        assert replay(register) == 0


@pytest.mark.parametrize("triggers", [MERGES, MOVES, ALL], ids=["merges", "moves", "all"])
@RANDOM
@given(data=st.data())
def test_fold__does_not_depend_on_the_order_of_arrival(
    register: Register, triggers: tuple[str, ...], data: st.DataObject
) -> None:
    feed = data.draw(feeds(triggers, distinct=True))
    shuffled = data.draw(st.permutations(feed))
    cut = data.draw(st.integers(0, len(feed)))
    with undone(register):
        take(register, feed)
        straight = identities(register).drop("changed"), stays(register)
    with undone(register):
        take(register, shuffled[:cut], shuffled[cut:])
        assert identities(register).drop("changed").equals(straight[0])
        assert stays(register).equals(straight[1])


@RANDOM
@given(feed=feeds())
def test_changes__replayed_give_the_state(register: Register, feed: list[Message]) -> None:
    with undone(register):
        take(register, feed)
        last = changes(register).group_by("domain", "ipp", "field", maintain_order=True).last()
        told = {(row["domain"], row["ipp"], row["field"]): row["new"] for row in last.to_dicts()}
        for (domain, ipp), fields in states(register).items():
            for field, value in fields.items():
                assert told.get((domain, ipp, field)) == value


@RANDOM
@given(first=feeds(), second=feeds())
def test_fold__net_changes_lead_from_one_state_to_the_next(
    register: Register, first: list[Message], second: list[Message]
) -> None:
    with undone(register):
        take(register, first)
        before = states(register)
        folding = fold(register, movements(*second), sources=sources(), now=NIGHT)
        after = states(register)
        for row in folding.changes.to_dicts():
            node = row["domain"], row["ipp"]
            if row["field"] in before.get(node, {}):
                assert before[node][row["field"]] == row["old"]
                before[node][row["field"]] = row["new"]
        assert {node: fields for node, fields in before.items() if node in after} == {
            node: fields for node, fields in after.items() if node in before
        }


def fields_of(register: Register, ipp: str, *names: str) -> tuple[Any, ...]:
    return identities(register).filter(pl.col("ipp") == ipp).select(names).row(0)


def test_fold__empty_leaves_and_two_quotes_delete(register: Register) -> None:
    night(register, message("A28", "1", 1, birth_name="DARK", used_name="NOZIERE", sex="F"))
    night(register, message("A31", "1", 2, used_name='""'))
    assert fields_of(register, "1", "birth_name", "used_name", "sex") == ("DARK", None, "F")


def test_fold__a_late_message_does_not_undo_a_later_one(register: Register) -> None:
    night(register, message("A28", "1", 1, birth_name="DARK"), message("A31", "1", 9, birth_name="DARC"))
    folding = night(register, message("A31", "1", 5, birth_name="TROP TARD", sex="F"))
    assert fields_of(register, "1", "birth_name", "sex") == ("DARC", "F")
    assert folding.changes["field"].to_list() == ["sex"]


def test_fold__a_new_address_keeps_no_line_of_the_old_one(register: Register) -> None:
    night(register, message("A28", "1", 1, address="1 RUE X", postal_code="35000", city="RENNES"))
    night(register, message("A31", "1", 2, postal_code="29200", city="BREST"))
    assert fields_of(register, "1", "address", "postal_code", "city") == (None, "29200", "BREST")


def test_fold__a40_moves_movements_to_the_surviving_ipp_through_chains(register: Register) -> None:
    night(
        register,
        message("A28", "1", 1, birth_name="UN"),
        message("A01", "1", 2, movement="m1|D", visit="V", dossier="D"),
        message("A28", "2", 1, birth_name="DEUX"),
        message("A28", "3", 1, birth_name="TROIS"),
    )
    night(register, message("A40", "2", 5, merged_ipp="1"))
    folding = night(register, message("A40", "3", 6, merged_ipp="2"))
    assert resolve(register, "CHX", "1") == resolve(register, "CHX", "2") == ("CHX", "3")
    assert identities(register)["ipp"].to_list() == ["3"]
    assert stays(register)["ipp"].to_list() == ["3"]
    merged = folding.changes.filter(pl.col("field") == "merged_into")
    assert merged.select("ipp", "new").rows() == [("2", "3")]


def test_fold__what_is_said_of_an_eliminated_ipp_counts_for_the_survivor(register: Register) -> None:
    night(register, message("A28", "1", 1), message("A28", "2", 1), message("A40", "2", 5, merged_ipp="1"))
    folding = night(register, message("A31", "1", 9, birth_name="APRES"), message("A31", "1", 3, birth_name="AVANT"))
    assert fields_of(register, "2", "birth_name") == ("APRES",)
    assert folding.rejects.select("code", "rejected").rows() == [("IDV-REG-007", False)]


def test_fold__what_is_said_at_the_second_of_the_merge_stays_with_the_eliminated_ipp(register: Register) -> None:
    night(register, message("A28", "1", 1), message("A28", "2", 1), message("A40", "2", 5, merged_ipp="1"))
    night(register, message("A31", "1", 5, birth_name="MEME SECONDE"))
    assert fields_of(register, "2", "birth_name") == (None,)


def test_fold__a_loop_of_merges_is_void_and_told(register: Register) -> None:
    night(register, message("A28", "1", 1), message("A28", "2", 1), message("A40", "2", 5, merged_ipp="1"))
    folding = night(register, message("A40", "1", 6, merged_ipp="2"), message("A28", "3", 1))
    assert "IDV-REG-005" in folding.rejects["code"].to_list()
    assert resolve(register, "CHX", "1") == ("CHX", "2")
    told = night(register, message("A40", "3", 7, merged_ipp="1")).rejects["code"].to_list()
    assert "IDV-REG-004" in told


def test_fold__a47_changes_the_ipp_and_keeps_what_was_said(register: Register) -> None:
    night(register, message("A28", "1", 1, birth_name="DARK", sex="F"))
    folding = night(register, message("A47", "9", 5, merged_ipp="1", sex="F"))
    assert identities(register)["ipp"].to_list() == ["9"]
    assert fields_of(register, "9", "birth_name", "sex") == ("DARK", "F")
    assert ("9", "ipp", "1", "9") in folding.changes.select("ipp", "field", "old", "new").rows()


def test_fold__domains_are_kept_apart(register: Register) -> None:
    night(register, message("A28", "1", 1, birth_name="X"), message("A28", "1", 1, birth_name="Y", domain="CHY"))
    assert identities(register).select("domain", "birth_name").rows() == [("CHX", "X"), ("CHY", "Y")]


def test_fold__a_movement_teaches_an_unknown_identity_and_fills_gaps_only(register: Register) -> None:
    venue = {"movement": "m|D", "visit": "V"}
    night(register, message("A01", "1", 1, birth_name="VENUE", matricule="2600588154002", **venue))
    assert fields_of(register, "1", "birth_name", "matricule") == ("VENUE", "2600588154002")
    night(register, message("A28", "1", 2, birth_name="DARK"))
    night(register, message("A02", "1", 3, birth_name="AUTRE", city="RENNES", matricule="2600588154002", **venue))
    assert fields_of(register, "1", "birth_name", "city", "matricule") == ("DARK", "RENNES", None)


def test_fold__refuses_what_cannot_be_folded_and_counts_every_message(register: Register) -> None:
    feed = [
        message("A40", "1", 1),
        message("A40", "1", 2, merged_ipp="1"),
        message("A44", "1", 3),
        message("A24", "1", 4),
        message("Z02", "1", 5),
        message("A28", "1", 6),
        message("A28", "1", 6),
    ]
    folding = night(register, *feed)
    assert folding.rejects.filter("rejected")["code"].to_list() == [
        "IDV-REG-001",
        "IDV-REG-001",
        "IDV-REG-002",
        "IDV-REG-003",
    ]
    wanted = {"read": 7, "kept": 2, "ignored": 1, "folded": 1, "rejected": 4, "created": 1}
    assert {name: folding.counts[name] for name in wanted} == wanted


def test_fold__a44_gives_the_dossier_to_the_right_identity(register: Register) -> None:
    night(
        register,
        message("A28", "1", 1),
        message("A28", "2", 1),
        message("A01", "1", 2, movement="m1|D", visit="V", dossier="D"),
        message("A44", "2", 5, merged_ipp="1", merged_dossier="D", dossier="D"),
    )
    assert stays(register)["ipp"].to_list() == ["2"]


def test_fold__cancel_and_correction_in_any_order(register: Register) -> None:
    venue = {"visit": "V", "dossier": "D"}
    feed = [
        message("A01", "1", 1, movement="m1|D", unit_medical="1001", **venue),
        message("A02", "1", 2, movement="m2|D", unit_medical="1002", **venue),
        message(
            "Z99",
            "1",
            3,
            movement="m1|D",
            movement_action="UPDATE",
            movement_origin="A01",
            unit_medical="1003",
            **venue,
        ),
        message("A12", "1", 4, movement="m2|D", movement_action="CANCEL", movement_origin="A02", **venue),
    ]
    Random(3).shuffle(feed)
    for part in feed:
        night(register, part)
    assert stays(register).select("movement", "trigger", "unit_medical").rows() == [("m1|D", "A01", "1003")]


def test_fold__movements_without_zbe_are_named_by_their_venue(register: Register) -> None:
    feed = [message("A04", "1", 1, visit="V"), message("A03", "1", 5, visit="V"), message("A13", "1", 6, visit="V")]
    night(register, *feed)
    assert stays(register)["trigger"].to_list() == ["A04"]
    night(register, message("A11", "1", 7, visit="V"))
    assert stays(register).is_empty()


ADMITTED = [
    message("A05", "1", 1, movement="p1|D", visit="V1", dossier="D"),
    message("A01", "1", 2, movement="m1|D", visit="V1", dossier="D"),
    message("A02", "1", 3, movement="m2|D", visit="V1", dossier="D"),
    message("A04", "1", 4, movement="m3|D", visit="V2", dossier="D"),
]


@pytest.mark.parametrize(
    ("told", "left"),
    [
        ({"visit_indicator": "V"}, ["m3|D"]),
        ({}, ["m3|D"]),
        ({"visit_indicator": "A"}, []),
        ({"visit_indicator": "V", "preadmission": "P1"}, ["p1|D", "m3|D"]),
        ({"visit_indicator": "A", "preadmission": "P1"}, ["p1|D"]),
    ],
)
def test_fold__a11_cancels_the_visit_and_what_pv1_says(
    register: Register, told: dict[str, str], left: list[str]
) -> None:
    feed = [*ADMITTED, message("A11", "1", 9, movement="m1|D", visit="V1", dossier="D", **told)]
    Random(5).shuffle(feed)
    for part in feed:
        night(register, part)
    assert sorted(stays(register)["movement"]) == sorted(left)
    night(register, message("A01", "1", 12, movement="m1|D", visit="V1", dossier="D"))
    assert "m1|D" in stays(register)["movement"], "admitted again"


def test_fold__a11_says_nothing_of_a_movement_first_told_after_it(register: Register) -> None:
    night(
        register,
        message("A11", "1", 1, movement="m1|D", visit="V1", dossier="D"),
        message("Z99", "1", 2, movement="m2|D", visit="V1", dossier="D"),
    )
    assert stays(register)["movement"].to_list() == ["m2|D"]


def test_fold__an_ins_given_without_vali_does_not_survive_a_validation_without_it(register: Register) -> None:
    night(register, message("A28", "1", 1, matricule="26", matricule_oid="8", identity_code="PROV"))
    assert fields_of(register, "1", "matricule", "identity_code") == ("26", "PROV")
    night(register, message("A31", "1", 2, identity_code="VALI"))
    assert fields_of(register, "1", "matricule", "matricule_oid", "identity_code") == (None, None, "VALI")


def test_fold__remembers_the_files_read(register: Register) -> None:
    night(register, message("A28", "1", 1), name="a")
    night(register, message("A28", "2", 1), name="b")
    assert known_digests(register) == {"a", "b"}


def test_fold__outside_a_run_is_a_bug(register: Register) -> None:
    with pytest.raises(ContractError):
        fold(register, movements(message("A28", "1", 1)), sources=sources(), now=NIGHT)


@pytest.mark.skipif(not SHARED.is_dir(), reason="samples absent")
def test_fold__the_ins_life_cycle_of_the_specification(register: Register) -> None:
    from insvigil.reading import iter_movements
    from insvigil.settings import ReadingSettings

    steps = []
    for file in sorted(SHARED.glob("*.hl7")):
        register.begin(NIGHT)
        for batch in iter_movements([file], ReadingSettings(), known=known_digests(register)):
            fold(register, batch.movements, sources=batch.sources, now=NIGHT)
        register.commit()
        found = identities(register).select("matricule", "matricule_oid", "identity_code").rows()
        assert len(found) == 1
        steps.append(found[0])
    nir = "1.2.250.1.213.1.4.8"
    assert steps == [
        ("260058815400233", nir, "VALI"),
        ("260058815400244", nir, "VALI"),
        (None, None, "VALI"),
        (None, None, "PROV"),
    ]


def test_identity_slices__are_the_identities_piece_by_piece(register: Register) -> None:
    night(register, *(message("A28", str(number), 1, f"c{number}", birth_name=f"NOM{number}") for number in range(25)))
    whole = identities(register)
    keys = register.keys
    pieces = list(identity_slices(register, size=10))
    assert pl.concat(pieces).equals(whole)
    assert register.keys is not None
    assert register.keys.equals(keys)
    assert max(piece.height for piece in pieces) <= 10


def test_absorbed__are_the_identities_merged_in_the_run(register: Register) -> None:
    night(register, message("A28", "1", 1, birth_name="UN"), message("A28", "2", 1), message("A28", "3", 1))
    night(register, message("A40", "3", 2, merged_ipp="2"))
    night(register, message("A40", "3", 5, merged_ipp="1"), name="b")
    assert absorbed(register).select("ipp", "birth_name", "into_ipp").rows() == [("1", "UN", "3")]
    assert survivors(register).select("ipp", "into_ipp").rows() == [("1", "3"), ("2", "3")]


def test_fold__an_ins_is_withdrawn_from_the_identity_that_bears_it_when_the_ipp_is_unknown(register: Register) -> None:
    ins = "260058815400233"
    night(register, message("A28", "1", 1, matricule=ins, identity_code="VALI", birth_name="DARK"))
    withdrawal = {"matricule": '""', "merged_matricule": ins, "identity_code": "PROV"}
    night(register, message("A47", "inconnu", 5, **withdrawal))
    assert identities(register)["ipp"].to_list() == ["1"]
    assert fields_of(register, "1", "birth_name", "matricule", "identity_code") == ("DARK", None, "PROV")
    night(register, message("A28", "2", 1), message("A47", "2", 6, **withdrawal))
    assert identities(register)["ipp"].to_list() == ["1", "2"], "a known IPP is the patient"
