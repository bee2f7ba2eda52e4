from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from insvigil.frames import StatusLedger
from insvigil.qualif import current, derive_statuses, kept, refusals, status_history, transitions
from insvigil.qualif.kernels.holding import hold
from insvigil.qualif.transitions import TRANSITIONS, Cause, loss, named, possible
from insvigil.settings import QualifSettings
from insvigil.vocabulary import Status
from tests.qualif.people import DAY, INS, MATRICULE, NIR, QUALIFIED, TRAITS, UNHURRIED, changes, creation, identities
from tests.references.status_machine import hold as slow_hold

NONE = QualifSettings()
NEXT = DAY + timedelta(days=1)
EMPTY = StatusLedger.create_empty()

PROVISIONAL = TRAITS | {"identity_code": "PROV"}
RECOVERED = PROVISIONAL | {"collection_mode": "INSI", "insi_date": "20260301"}
VALIDATED = TRAITS | {"identity_code": "VALI", "document": "PA"}
BY_STATUS: dict[Status, dict[str, Any]] = {
    Status.PROVISOIRE: PROVISIONAL,
    Status.RECUPEREE: RECOVERED,
    Status.VALIDEE: VALIDATED,
    Status.QUALIFIEE: QUALIFIED,
}


def night(before: dict[str, Any] | None, after: dict[str, Any] | None, **options: Any) -> list[dict[str, Any]]:
    first = identities() if before is None else identities(before)
    ledger = transitions(EMPTY, first, derive_statuses(first, NONE), DAY, settings=NONE)
    second = identities() if after is None else identities(after | {"updated_at": NEXT})
    found = derive_statuses(second, NONE, **options)
    return transitions(ledger, second, found, NEXT + timedelta(hours=9), settings=NONE, **options).to_dicts()


@pytest.mark.parametrize("status", list(Status))
def test_transitions__an_identity_appears_with_any_status_and_leaves_from_any(status: Status) -> None:
    (created,) = night(None, BY_STATUS[status])
    assert (created["from_status"], created["to_status"], created["at"]) == (None, status, NEXT)
    assert created["evidence"].startswith("creation")
    (left,) = night(BY_STATUS[status], None)
    assert (left["from_status"], left["to_status"], left["evidence"]) == (status, None, "left")
    assert left["anomaly"] is None


@pytest.mark.parametrize("status", list(Status))
def test_transitions__nothing_is_written_when_nothing_moved(status: Status) -> None:
    assert night(BY_STATUS[status], BY_STATUS[status] | {"phone": "0102030405"}) == []


P, R, V, Q = Status
MOVES = [
    (P, R, RECOVERED, "insi ZFD-5=INSI ZFD-6=20260301"),
    (P, V, VALIDATED, "control ZFD-7=PA"),
    (P, Q, QUALIFIED, "insi_and_control"),
    (P, Q, QUALIFIED | {"collection_mode": "AV"}, "vitale_app ZFD-5=AV"),
    (R, Q, QUALIFIED | {"document": "CN"}, "control ZFD-7=CN"),
    (R, Q, QUALIFIED | {"document": "AV"}, "vitale_app ZFD-7=AV"),
    (V, Q, QUALIFIED | {"insi_date": "20260303"}, "insi ZFD-6=20260303"),
    (V, Q, QUALIFIED | {"document": "AV"}, "vitale_app ZFD-7=AV"),
    (R, P, RECOVERED | {"attributes": "DOUT"}, "attribute ZFD-5=INSI ZFD-6=20260301"),
    (R, P, PROVISIONAL, "ins_withdrawn"),
    (R, P, RECOVERED | {"birth_date_corrected": "Y"}, "corrected_date ZFD-5=INSI ZFD-6=20260301"),
    (V, P, VALIDATED | {"attributes": "DOUT"}, "attribute ZFD-7=PA"),
    (V, P, PROVISIONAL, "control_withdrawn"),
    (Q, P, QUALIFIED | {"attributes": "FICT"}, "attribute"),
    (Q, P, PROVISIONAL | INS, "control_withdrawn"),
    (Q, P, PROVISIONAL, "ins_withdrawn"),
    (Q, R, RECOVERED, "control_withdrawn ZFD-5=INSI ZFD-6=20260301"),
    (Q, V, TRAITS | {"identity_code": "VALI"}, "ins_withdrawn"),
    (Q, V, QUALIFIED | {"birth_date_corrected": "Y"}, "corrected_date"),
    (R, V, VALIDATED | {"birth_date_corrected": "Y"}, "corrected_date ZFD-7=PA"),
    (P, V, VALIDATED | {"birth_date_corrected": "Y"}, "control ZFD-7=PA"),
    (V, P, PROVISIONAL | {"birth_date_corrected": "Y"}, "control_withdrawn"),
]


@pytest.mark.parametrize(("origin", "target", "after", "evidence"), MOVES)
def test_transitions__every_possible_move_says_what_moved_it(
    origin: Status, target: Status, after: dict[str, Any], evidence: str
) -> None:
    (row,) = night(BY_STATUS[origin], after)
    assert (row["from_status"], row["to_status"], row["evidence"]) == (origin, target, evidence)
    assert row["anomaly"] is None
    assert row["at"] == NEXT


@pytest.mark.parametrize(
    ("origin", "target", "evidence"),
    [(R, V, "control ZFD-7=PA"), (V, R, "control_withdrawn ZFD-5=INSI ZFD-6=20260301")],
)
def test_transitions__an_impossible_move_is_refused_with_its_code_and_its_evidence(
    origin: Status, target: Status, evidence: str
) -> None:
    (row,) = night(BY_STATUS[origin], BY_STATUS[target])
    assert (row["from_status"], row["to_status"], row["refused"]) == (origin, origin, target)
    assert (row["anomaly"], row["evidence"], row["at"]) == ("IDV-QUA-030", evidence, NEXT)


def test_transitions__a_trait_modified_takes_nothing_from_a_validated_identity() -> None:
    # The INS was unusable for want of a birth place; the name changed meanwhile, then the place came.
    before = QUALIFIED | {"birth_place": None}
    after = QUALIFIED | {"birth_name": "ZELFIN", "updated_at": NEXT}
    renamed = ("0000", "birth_name", "ZELPHIN", "ZELFIN", DAY + timedelta(hours=1))
    facts = changes([*creation("0000", before), renamed, ("0000", "birth_place", None, "99214", NEXT)])
    first, second = identities(before), identities(after)
    ledger = transitions(EMPTY, first, derive_statuses(first, NONE), DAY, settings=NONE)
    assert ledger["to_status"].to_list() == [V]
    found = derive_statuses(second, NONE, changes=facts)
    assert found["status"].to_list() == [P]
    (row,) = transitions(ledger, second, found, NEXT, settings=NONE, changes=facts).to_dicts()
    assert (row["to_status"], row["refused"], row["anomaly"]) == (V, P, "IDV-QUA-030")
    assert row["evidence"].startswith("strict_trait")


def test_transitions__a_refused_status_is_told_once_then_given_up_or_replaced() -> None:
    ledger: Any = EMPTY
    told = []
    people = [VALIDATED, RECOVERED, RECOVERED | {"phone": "0102030405"}, VALIDATED, RECOVERED, QUALIFIED]
    for number, person in enumerate(people):
        base = identities(person)
        claimed = derive_statuses(base, NONE)
        moved = transitions(ledger, base, claimed, DAY + timedelta(days=number), settings=NONE)
        ledger = StatusLedger.validate(pl.concat([ledger, moved]))
        now = kept(claimed, base, ledger).row(0, named=True)
        told.append((now["status"], [row["refused"] for row in moved.to_dicts()], refusals(base, ledger).height))
        assert now["document_controlled"]
        assert now["insi_recovered"] == (now["status"] == Q)
    assert told == [(V, [None], 0), (V, [R], 1), (V, [], 1), (V, [None], 0), (V, [R], 1), (Q, [None], 0)]
    assert ledger["evidence"].str.split(" ").list.first().to_list() == [
        "creation",
        "control_withdrawn",
        "claim_left",
        "control_withdrawn",
        "insi",
    ]
    assert ledger["anomaly"].to_list() == [None, "IDV-QUA-030", None, "IDV-QUA-030", None]


def test_status_history__a_refusal_decides_what_may_follow() -> None:
    rows = [
        *creation("0000", VALIDATED, DAY),
        ("0000", "identity_code", "VALI", "PROV", NEXT),
        ("0000", "collection_mode", None, "INSI", NEXT),
        ("0000", "identity_code", "PROV", "VALI", NEXT + timedelta(days=1)),
        ("0000", "matricule", None, MATRICULE, NEXT + timedelta(days=2)),
        ("0000", "matricule_oid", None, NIR, NEXT + timedelta(days=2)),
    ]
    found = status_history(changes(rows), NONE)
    assert found.select("from_status", "to_status", "refused").rows() == [
        (None, V, None),
        (V, V, R),
        (V, V, None),
        (V, Q, None),
    ]


@pytest.mark.parametrize("origin", [None, *Status])
@pytest.mark.parametrize("target", [None, *Status])
@pytest.mark.parametrize(
    "shown", [{}, *({name: True} for name in ("strict_changed", "withdrawn", "insi_refused", "date_corrected", "ins"))]
)
def test_named__refuses_what_the_table_of_the_machine_refuses(
    origin: Status | None, target: Status | None, shown: dict[str, bool]
) -> None:
    flags = ("fict", "dout", "strict_changed", "withdrawn", "insi_refused", "date_corrected", "ins")
    row = dict.fromkeys(flags, False) | shown | {"counted": True, "was": True, "from_status": origin}
    row |= {"to_status": target, "collected": None, "document_code": None, "insi_on": None, "insi_told": None}
    types: dict[str, Any] = {name: pl.Enum(Status) for name in ("from_status", "to_status")}
    types |= {"collected": pl.String, "document_code": pl.String, "insi_on": pl.Date, "insi_told": pl.Date}
    told = pl.DataFrame([row], schema_overrides=types)
    (answer,) = named(told).to_dicts()
    ranks: dict[Status | None, int] = {status: place for place, status in enumerate(Status)} | {None: 4}
    may = (
        possible()[told.select(loss()).item(), ranks[origin], ranks[target]]
        if (origin, target) != (None, None)
        else True
    )
    assert (answer["refused"] is None) == bool(may)
    assert answer["to_status"] == (target if may else origin)


STEP = st.tuples(st.booleans(), st.integers(0, 4), st.integers(0, 2), st.integers(0, 4))


@UNHURRIED
@given(st.lists(STEP, max_size=12), st.binary(min_size=75, max_size=75))
def test_hold__equals_its_slow_twin(steps: list[tuple[bool, int, int, int]], noise: bytes) -> None:
    table = (np.frombuffer(noise, np.uint8) % 2).astype(np.bool_).reshape(3, 5, 5)
    first = np.array([one[0] for one in steps], np.bool_)
    first[:1] = True
    claimed, shown, stood = (np.array([one[place] for one in steps], np.uint8) for place in (1, 2, 3))
    found = np.empty(len(steps), np.uint8)
    hold(first, claimed, shown, stood, table, found)
    assert found.tolist() == slow_hold(first.tolist(), claimed.tolist(), shown.tolist(), stood.tolist(), table.tolist())


@pytest.mark.parametrize(("origin", "kept", "target"), [(Q, False, P), (Q, True, V), (R, False, P)])
def test_transitions__a_strict_trait_modified_names_itself(origin: Status, kept: bool, target: Status) -> None:
    settings = QualifSettings(keep_status_on_strict_change=kept)
    before = BY_STATUS[origin] | {"document": "PA"}
    after = before | {"birth_name": "ZELFIN", "updated_at": NEXT}
    facts = changes([*creation("0000", before), ("0000", "birth_name", "ZELPHIN", "ZELFIN", NEXT)])
    first, second = identities(before), identities(after)
    ledger = transitions(EMPTY, first, derive_statuses(first, settings), DAY, settings=settings)
    found = derive_statuses(second, settings, changes=facts)
    (row,) = transitions(ledger, second, found, NEXT, settings=settings, changes=facts).to_dicts()
    assert (row["from_status"], row["to_status"]) == (origin, target)
    assert row["evidence"].startswith("strict_trait")
    assert row["anomaly"] is None


def test_transitions__becoming_fictive_leaves_the_counted_base_without_changing_status() -> None:
    (row,) = night(PROVISIONAL, PROVISIONAL | {"attributes": "FICT"})
    assert (row["from_status"], row["to_status"], row["counted"], row["evidence"]) == (P, P, False, "base")
    assert row["anomaly"] is None


def test_transitions_table__every_pair_of_statuses_is_decided() -> None:
    pairs = {(origin, target) for origin in (None, *Status) for target in (None, *Status)} - {(None, None)}
    impossible = pairs - TRANSITIONS.keys()
    assert impossible == {(V, R)}
    assert not possible()[:, 2, 1].any()
    assert {cause for causes in TRANSITIONS.values() for cause in causes} == set(Cause)
    proved = {(origin, target) for origin, target, *_ in MOVES} | {(V, R)}
    assert proved == {(origin, target) for origin, target in pairs if origin and target and origin != target}


def test_transitions__a_first_load_keeps_the_dates_of_its_messages() -> None:
    rows = [
        *creation("0000", PROVISIONAL, datetime(2026, 1, 5)),
        ("0000", "identity_code", "PROV", "VALI", datetime(2026, 2, 5)),
        ("0000", "matricule", None, MATRICULE, datetime(2026, 3, 5)),
        ("0000", "matricule_oid", None, NIR, datetime(2026, 3, 5)),
        ("0000", "phone", None, "0102030405", datetime(2026, 4, 5)),
    ]
    people = identities(QUALIFIED | {"updated_at": datetime(2026, 4, 5)})
    found = derive_statuses(people, NONE, changes=changes(rows))
    ledger = transitions(EMPTY, people, found, datetime(2026, 5, 1), settings=NONE, changes=changes(rows))
    assert ledger.select("at", "to_status").rows() == [
        (datetime(2026, 1, 5), P),
        (datetime(2026, 2, 5), V),
        (datetime(2026, 3, 5), Q),
    ]
    assert ledger.equals(status_history(changes(rows), NONE))


def test_status_history__ins_withdrawn_then_obtained_again_and_merge_are_dated() -> None:
    day = [datetime(2026, 1, number) for number in range(1, 8)]
    rows = [
        *creation("0000", QUALIFIED | {"collection_mode": "INSI", "insi_date": "20260101"}, day[0]),
        ("0000", "matricule", MATRICULE, None, day[1]),
        ("0000", "identity_code", "VALI", "PROV", day[1]),
        ("0000", "insi_date", "20260101", "20260103", day[2]),
        ("0000", "identity_code", "PROV", "VALI", day[3]),
        ("0000", "matricule", None, MATRICULE, day[3]),
        ("0000", "birth_name", "ZELPHIN", "ZELFIN", day[4]),
        ("0000", "merged_into", None, "0009", day[5]),
    ]
    found = status_history(changes(rows), NONE)
    moves = found.select("from_status", "to_status", "at", pl.col("evidence").str.split(" ").list.first()).rows()
    assert moves == [
        (None, Q, day[0], "creation"),
        (Q, P, day[1], "ins_withdrawn"),
        (P, R, day[2], "insi"),
        (R, Q, day[3], "control"),
        (Q, P, day[4], "strict_trait"),
        (P, None, day[5], "left"),
    ]
    assert found["anomaly"].null_count() == found.height
    assert current(found).is_empty()


PERSON = st.sampled_from(
    [
        PROVISIONAL,
        RECOVERED,
        VALIDATED,
        QUALIFIED,
        PROVISIONAL | {"attributes": "FICT"},
        QUALIFIED | {"attributes": "DOUT"},
    ]
)


@UNHURRIED
@given(st.lists(st.lists(PERSON, max_size=3), min_size=1, max_size=5))
def test_transitions__replaying_the_ledger_gives_the_current_statuses(nights: list[list[dict[str, Any]]]) -> None:
    ledger: Any = EMPTY
    for number, people in enumerate(nights):
        base = identities(*people)
        found = derive_statuses(base, NONE)
        moved = transitions(ledger, base, found, DAY + timedelta(days=number), settings=NONE)
        ledger = StatusLedger.validate(pl.concat([ledger, moved]))
        replayed = current(ledger).sort("ipp").select("domain", "ipp", "to_status")
        expected = base.select("domain", "ipp").with_columns(to_status=kept(found, base, ledger)["status"])
        assert replayed.rows() == expected.rows()
        lighter = transitions(StatusLedger.validate(current(ledger)), base, found, DAY, settings=NONE)
        assert lighter.is_empty()


FIELD = st.sampled_from(
    [
        ("identity_code", "VALI"),
        ("identity_code", "PROV"),
        ("matricule", MATRICULE),
        ("matricule", None),
        ("insi_date", "20260301"),
        ("birth_name", "ZELFIN"),
        ("birth_name", "ZELPHIN"),
        ("attributes", "DOUT"),
        ("attributes", None),
    ]
)


@UNHURRIED
@given(st.lists(st.tuples(st.integers(1, 9), FIELD), max_size=8))
def test_status_history__ends_where_derive_statuses_stands(steps: list[tuple[int, tuple[str, str | None]]]) -> None:
    start = PROVISIONAL | {"matricule_oid": NIR}
    state: dict[str, Any] = dict(start)
    rows: list[Any] = creation("0000", start)
    for day, (field, new) in sorted(steps, key=lambda step: step[0]):
        if state.get(field) != new:
            rows.append(("0000", field, state.get(field), new, DAY + timedelta(days=day)))
            state[field] = new
    ledger = changes(rows)
    base = identities(state)
    found, told = derive_statuses(base, NONE, changes=ledger), status_history(ledger, NONE)
    assert current(told)["to_status"].to_list() == kept(found, base, told)["status"].to_list()
    claimed = pl.coalesce("refused", "to_status")
    assert current(told).select(claimed).to_series().to_list() == found["status"].to_list()
