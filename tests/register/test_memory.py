"""What later nights find again: pairs, agrégats under stable numbers, decisions, statuses."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from insvigil.errors import UsageError
from insvigil.frames import AGREEMENTS, Groups, ScoredPairs, StatusLedger
from insvigil.register import (
    Register,
    agregats,
    closed_agregats,
    decisions,
    fold,
    history,
    identities,
    judged_pairs,
    model,
    previous_pairs,
    record_decision,
    status_ledger,
    store_groups,
    store_model,
    store_pairs,
    store_statuses,
)
from insvigil.vocabulary import Decision
from tests.register.messages import NIGHT, message, movements, night, sources


def people(*ipps: str) -> list[dict[str, object]]:
    return [message("A28", ipp, 1, f"c{ipp}", birth_name=f"NOM{ipp}") for ipp in ipps]


def grouped(register: Register, *groups: set[str]) -> dict[str, int]:
    """Store groups of IPPs in a run of their own; return the agrégat of each IPP."""
    register.begin(NIGHT)
    numbers = dict(identities(register).select("ipp", "identity_id").rows())
    rows = [(numbers[ipp], min(numbers[one] for one in group)) for group in groups for ipp in group]
    schema = {"identity_id": pl.UInt32, "group": pl.UInt32}
    store_groups(register, Groups.validate(pl.DataFrame(rows, schema=schema, orient="row")))
    register.commit()
    return dict(agregats(register).select("ipp", "agregat").rows())


def forwards(register: Register) -> dict[int, int | None]:
    return dict(register.query("SELECT agregat, forward FROM agregat WHERE closed_run IS NOT NULL").rows())


def test_agregats__keep_their_number_when_they_grow(register: Register) -> None:
    night(register, *people("1", "2", "3", "4"))
    assert grouped(register, {"3", "4"}) == {"3": 1, "4": 1}
    assert grouped(register, {"1", "2"}, {"3", "4"}) == {"1": 2, "2": 2, "3": 1, "4": 1}
    night(register, *people("0"))
    assert grouped(register, {"0", "3", "4"}, {"1", "2"}) == {"0": 1, "1": 2, "2": 2, "3": 1, "4": 1}


def test_agregats__joined_leave_a_forwarding_row_and_numbers_are_never_used_again(register: Register) -> None:
    night(register, *people("1", "2", "3", "4"))
    grouped(register, {"1", "2"}, {"3", "4"})
    assert set(grouped(register, {"1", "2", "3", "4"}).values()) == {1}
    assert forwards(register) == {2: 1}
    assert closed_agregats(register) == 0
    grouped(register)
    assert closed_agregats(register) == 1
    assert forwards(register) == {1: None, 2: 1}
    assert grouped(register, {"1", "2"}) == {"1": 3, "2": 3}


def test_agregats__the_largest_part_of_a_split_keeps_the_number(register: Register) -> None:
    night(register, *people("1", "2", "3", "4", "5"))
    grouped(register, {"1", "2", "3", "4", "5"})
    assert grouped(register, {"1", "2"}, {"3", "4", "5"}) == {"1": 2, "2": 2, "3": 1, "4": 1, "5": 1}


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(nights=st.lists(st.lists(st.integers(0, 3), min_size=6, max_size=6), min_size=1, max_size=3))
def test_agregats__partition_what_matching_found(register: Register, nights: list[list[int]]) -> None:
    register.begin(NIGHT)
    fold(register, movements(*people("1", "2", "3", "4", "5", "6")), sources=sources(), now=NIGHT)
    identities(register)
    seen: set[int] = set()
    for labels in nights:
        rows = [(place, labels.index(label)) for place, label in enumerate(labels) if labels.count(label) > 1]
        schema = {"identity_id": pl.UInt32, "group": pl.UInt32}
        named = store_groups(register, Groups.validate(pl.DataFrame(rows, schema=schema, orient="row")))
        found = dict(agregats(register).select("ipp", "agregat").rows())
        wanted = {str(place + 1): group for place, group in rows}
        assert set(found) == set(wanted)
        assert len(set(found.values())) == len(set(wanted.values())) == named.height
        assert all((found[a] == found[b]) == (wanted[a] == wanted[b]) for a in found for b in found)
        assert not set(named.filter(pl.col("outcome") == "new")["agregat"]) & seen
        seen |= set(named["agregat"])
    register.rollback()


def pairs(*sides: tuple[int, int]) -> pl.DataFrame:
    schema = {name: column.dtype for name, column in ScoredPairs.columns().items()}
    rows = [
        {"left": left, "right": right, "probability": 0.9, "weight": 5.0, "finding": "DPOT", "block": "x"}
        | dict.fromkeys((f"agree_{trait}" for trait in AGREEMENTS), 0)
        for left, right in sides
    ]
    return ScoredPairs.validate(pl.DataFrame(rows, schema=schema))


def test_pairs__carry_over_under_the_numbers_of_the_night_unless_a_side_changed(register: Register) -> None:
    register.begin(NIGHT)
    fold(register, movements(*people("2", "3", "4", "5")), sources=sources(), now=NIGHT)
    identities(register)
    store_pairs(register, pairs((0, 1), (1, 2), (2, 3)))
    store_model(register, "poids")
    register.commit()
    register.begin(NIGHT)
    feed = [message("A28", "1", 2), message("A31", "5", 3, birth_name="AUTRE")]
    fold(register, movements(*feed), sources=sources("b"), now=NIGHT)
    identities(register)
    assert previous_pairs(register).select("left", "right").rows() == [(1, 2), (2, 3)]
    assert model(register) == "poids"


def test_pairs__do_not_outlive_a_merge(register: Register) -> None:
    register.begin(NIGHT)
    fold(register, movements(*people("1", "2", "3")), sources=sources(), now=NIGHT)
    identities(register)
    store_pairs(register, pairs((0, 1), (0, 2)))
    fold(register, movements(message("A40", "2", 5, merged_ipp="1")), sources=sources("b"), now=NIGHT)
    identities(register)
    assert previous_pairs(register).is_empty()


def decide(register: Register, left: str, right: str, decision: Decision = Decision.NON_DOUBLON, hour: int = 0) -> None:
    moment = NIGHT + timedelta(hours=hour)
    ends = {"left": ("CHX", left), "right": ("CHX", right)}
    record_decision(register, **ends, decision=decision, author="civ", decided_at=moment, reason="vu")  # type: ignore[arg-type]


def in_force(register: Register) -> list[tuple[object, ...]]:
    return decisions(register).select("ipp_left", "ipp_right", "decision", "stands").rows()


def test_decision__stands_until_a_strict_trait_of_either_side_changes(register: Register) -> None:
    night(register, *people("1", "2"))
    decide(register, "2", "1")
    assert in_force(register) == [("1", "2", "NON_DOUBLON", True)]
    night(register, message("A31", "1", 5, city="RENNES", birth_name="nom1"))
    assert in_force(register) == [("1", "2", "NON_DOUBLON", True)], "neither the town nor the case is a strict trait"
    night(register, message("A31", "2", 6, birth_date="19600530"))
    assert in_force(register) == [("1", "2", "NON_DOUBLON", False)]
    decide(register, "1", "2", hour=1)
    assert in_force(register) == [("1", "2", "NON_DOUBLON", True)]


def test_decision__is_seen_again_when_both_sides_come_to_bear_one_ins(register: Register) -> None:
    night(register, *people("1", "2"))
    decide(register, "1", "2")
    ins = {"matricule": "260058815400233", "identity_code": "VALI"}
    night(register, message("A31", "1", 5, **ins))
    assert in_force(register)[0][-1] is True
    night(register, message("A31", "2", 6, **ins))
    assert in_force(register)[0][-1] is False


def test_decision__follows_a_merge_and_the_latest_counts(register: Register) -> None:
    night(register, *people("1", "2", "3"))
    decide(register, "1", "3")
    decide(register, "1", "3", Decision.A_VERIFIER, hour=2)
    night(register, message("A40", "2", 9, merged_ipp="1", birth_name="NOM1"))
    assert in_force(register) == [("2", "3", "A_VERIFIER", True)]
    night(register, message("A40", "2", 10, merged_ipp="3"))
    assert in_force(register) == []


def test_judged_pairs__a_doublon_merged_since_is_still_a_lesson(register: Register) -> None:
    night(register, *people("1", "2", "3", "4"))
    decide(register, "1", "2", Decision.DOUBLON)
    decide(register, "3", "1")
    decide(register, "3", "4", Decision.DOUBLON)
    decide(register, "4", "3", hour=1)
    night(register, message("A40", "1", 9, merged_ipp="2"), message("A31", "9", 9, birth_name="NOM9"))
    decide(register, "4", "9")
    night(register, message("A31", "9", 12, birth_name="AUTRE"))
    kept, pairs = judged_pairs(register)
    names = kept["birth_name"]
    told = {
        (*sorted((names[row["left"]], names[row["right"]])), row["decision"]) for row in pairs.iter_rows(named=True)
    }
    assert told == {("NOM1", "NOM2", "DOUBLON"), ("NOM1", "NOM3", "NON_DOUBLON"), ("NOM3", "NOM4", "NON_DOUBLON")}


def test_decision__twice_is_once_and_an_unknown_ipp_is_refused(register: Register) -> None:
    night(register, *people("1", "2"))
    decide(register, "1", "2")
    decide(register, "2", "1")
    assert register.query("SELECT count(*) AS n FROM decision")["n"].item() == 1
    with pytest.raises(UsageError):
        decide(register, "1", "99")
    with pytest.raises(UsageError):
        decide(register, "1", "1")


def moves(*rows: tuple[str, str | None, str | None]) -> pl.DataFrame:
    schema = {name: column.dtype for name, column in StatusLedger.columns().items()}
    made = [
        {"domain": "CHX", "ipp": ipp, "at": NIGHT, "from_status": before, "to_status": after, "counted": True}
        | {"evidence": "creation", "source": "pam"}
        for ipp, before, after in rows
    ]
    return StatusLedger.validate(pl.DataFrame(made, schema=schema))


def test_statuses__are_a_ledger_whose_last_row_stands(register: Register) -> None:
    night(register, *people("1", "2"))
    register.begin(NIGHT)
    store_statuses(register, moves(("1", None, "PROVISOIRE"), ("2", None, "VALIDEE")))
    store_statuses(register, moves(("1", "PROVISOIRE", "VALIDEE"), ("1", "VALIDEE", "QUALIFIEE")))
    register.commit()
    assert status_ledger(register)["to_status"].to_list() == ["PROVISOIRE", "VALIDEE", "VALIDEE", "QUALIFIEE"]
    standing = status_ledger(register, standing=True)
    assert standing.select("ipp", "to_status").rows() == [("2", "VALIDEE"), ("1", "QUALIFIEE")]
    told = history(register, "1").filter(pl.col("field") == "status")
    assert told["new"].to_list() == ["PROVISOIRE", "VALIDEE", "QUALIFIEE"]
