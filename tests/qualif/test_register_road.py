"""The room on a real register: what was said, night after night, gives the statuses and their ledger."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from insvigil.frames import StatusLedger
from insvigil.qualif import OBSERVED, current, status_history
from insvigil.register import Register, changes, check, open_register, status_ledger
from insvigil.settings import QualifSettings, RegisterSettings
from insvigil.vocabulary import DELETED, Status
from tests.qualif.nights import at, message, night
from tests.qualif.people import INS, QUALIFIED, TRAITS

P, R, V, Q = Status
NONE = QualifSettings()


@pytest.fixture
def register(tmp_path: Path) -> Iterator[Register]:
    with open_register(RegisterSettings(path=tmp_path / "registre.duckdb")) as opened:
        yield opened


def told(register: Register) -> list[tuple[Any, ...]]:
    ledger = status_ledger(register)
    return ledger.select("ipp", "from_status", "to_status", "at", pl.col("evidence").str.split(" ").list.first()).rows()


def test_statuses__follow_the_ins_life_cycle_night_after_night(register: Register) -> None:
    assert night(register, 1, message(0, "A28", "1", **TRAITS, identity_code="PROV")) == {"1": P}
    assert night(register, 2, message(1, "A31", "1", **QUALIFIED, insi_date="20260302")) == {"1": Q}
    gone = {"matricule": DELETED, "matricule_oid": INS["matricule_oid"], "identity_code": "PROV"}
    assert night(register, 3, message(2, "A47", "1", **gone)) == {"1": P}
    # The INSi date of the register is the old one: nights without a message change nothing.
    assert night(register, 4) == {"1": P}
    assert night(register, 5, message(4, "A31", "1", insi_date="20260305")) == {"1": R}
    assert night(register, 6, message(5, "A31", "1", identity_code="VALI", **INS)) == {"1": Q}
    assert night(register, 7, message(6, "A31", "1", birth_name="ZELFIN")) == {"1": P}
    assert night(register, 8) == {"1": P}
    assert told(register) == [
        ("1", None, P, at(0), "creation"),
        ("1", P, Q, at(1), "insi_and_control"),
        ("1", Q, P, at(2), "ins_withdrawn"),
        ("1", P, R, at(4), "insi"),
        ("1", R, Q, at(5), "control"),
        ("1", Q, P, at(6), "strict_trait"),
    ]
    everything = changes(register, fields=OBSERVED)
    assert status_history(everything, NONE).drop("source").equals(status_ledger(register).drop("source"))


def test_statuses__a_first_load_of_several_messages_keeps_every_date(register: Register) -> None:
    night(
        register,
        9,
        message(0, "A28", "1", **TRAITS, identity_code="PROV"),
        message(1, "A28", "2", **TRAITS, identity_code="VALI"),
        message(3, "A31", "1", **QUALIFIED),
        message(5, "A40", "1", merged_domain="H", merged_ipp="2"),
        message(6, "A31", "2", phone="0102030405"),
    )
    assert told(register) == [
        ("1", None, P, at(0), "creation"),
        ("2", None, V, at(1), "creation"),
        ("1", P, Q, at(3), "insi_and_control"),
        ("2", V, None, at(5), "left"),
    ]
    assert current(status_ledger(register))["ipp"].to_list() == ["1"]


def test_transitions__a_late_message_changes_the_present_and_leaves_the_past_as_it_was_told(register: Register) -> None:
    night(register, 1, message(0, "A28", "1", **TRAITS, identity_code="PROV"))
    night(register, 5, message(4, "A31", "1", document="PA", identity_code="VALI"))
    assert night(register, 6, message(2, "A31", "1", identity_code="PROV", **INS)) == {"1": V}
    assert [row[1:4] for row in told(register)] == [(None, P, at(0)), (P, V, at(4))]
    assert night(register, 7, message(3, "A31", "1", **QUALIFIED)) == {"1": Q}
    assert [row[1:4] for row in told(register)] == [(None, P, at(0)), (P, V, at(4)), (V, Q, at(7))]
    StatusLedger.validate(status_ledger(register))


def test_statuses__an_impossible_change_is_refused_until_the_source_gives_it_up(register: Register) -> None:
    assert night(register, 1, message(0, "A28", "1", **TRAITS, identity_code="VALI", document="PA")) == {"1": V}
    claim = {"identity_code": "PROV", "collection_mode": "INSI", "insi_date": "20260303"}
    assert night(register, 3, message(2, "A31", "1", **claim)) == {"1": V}
    assert night(register, 4, message(3, "A31", "1", phone="0102030405")) == {"1": V}
    assert night(register, 5) == {"1": V}
    assert night(register, 6, message(5, "A31", "1", identity_code="VALI")) == {"1": V}
    assert night(register, 7, message(6, "A31", "1", identity_code="VALI", **INS)) == {"1": Q}
    ledger = status_ledger(register)
    assert ledger.select("at", "from_status", "to_status", "refused", "anomaly").rows() == [
        (at(0), None, V, None, None),
        (at(2), V, V, R, "IDV-QUA-030"),
        (at(5), V, V, None, None),
        (at(6), V, Q, None, None),
    ]
    assert ledger["evidence"][1] == "control_withdrawn ZFD-5=INSI ZFD-6=20260303 ZFD-7=PA"
    assert status_history(changes(register, fields=OBSERVED), NONE).drop("source").equals(ledger.drop("source"))
    assert check(register) == []
