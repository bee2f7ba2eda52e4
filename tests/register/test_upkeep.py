"""Check, save, restore, count, forget, copy."""

from __future__ import annotations

import stat
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from insvigil.errors import RegisterError
from insvigil.register import (
    Register,
    backup,
    check,
    export,
    fold,
    identities,
    purge,
    replay,
    restore,
    stats,
    stays,
    store_statuses,
)
from insvigil.register.upkeep import _purge_statements
from insvigil.settings import RegisterSettings
from tests.register.messages import NIGHT, at, message, movements, night, opener, sources, states
from tests.register.model import Message
from tests.register.strategies import feeds
from tests.register.test_folding import RANDOM, take, undone
from tests.register.test_memory import moves

FEED = [
    message("A28", "1", 1, birth_name="DARK", matricule="260058815400233", identity_code="VALI"),
    message("A28", "2", 1, birth_name="DUPONT", matricule="160058815400233", identity_code="PROV"),
    message("A31", "1", 5, birth_name="DARC"),
    message("A01", "1", 6, movement="m1|D", visit="V", dossier="D"),
    message("A40", "2", 7, merged_ipp="3"),
]


def test_check__a_sound_register_has_no_fault_and_a_damaged_one_says_which(register: Register) -> None:
    night(register, *FEED)
    assert check(register) == []
    register.connection.execute("UPDATE identity SET birth_name = 'AUTRE' WHERE ipp = '1'")
    assert check(register) == ["1 identités ne sont pas ce que disent leurs messages."]
    register.connection.execute("INSERT INTO identity SELECT * FROM identity WHERE ipp = '2'")
    assert "Des IPP figurent deux fois." in check(register)


def test_backup_and_restore__bring_back_the_register_of_that_day(tmp_path: Path) -> None:
    copy = tmp_path / "copie.duckdb"
    with opener(tmp_path)() as register:
        night(register, *FEED)
        saved = states(register)
        backup(register, copy)
        night(register, message("A31", "1", 9, birth_name="APRES"), name="b")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    restore(RegisterSettings(wait_seconds=0), copy, folder=tmp_path)
    with opener(tmp_path)() as register:
        assert states(register) == saved
        assert check(register) == []
    assert (tmp_path / "registre.duckdb.ancien").exists()


def test_restore__replaces_a_damaged_register_and_refuses_a_bad_backup(tmp_path: Path) -> None:
    copy, path = tmp_path / "copie.duckdb", tmp_path / "registre.duckdb"
    with opener(tmp_path)() as register:
        night(register, *FEED)
        saved = states(register)
        backup(register, copy)
    path.write_bytes(path.read_bytes()[:5000])
    restore(RegisterSettings(wait_seconds=0), copy, folder=tmp_path)
    with opener(tmp_path)() as register:
        assert states(register) == saved
    copy.write_bytes(b"rien")
    with pytest.raises(RegisterError):
        restore(RegisterSettings(wait_seconds=0), copy, folder=tmp_path)
    with opener(tmp_path)() as register:
        assert states(register) == saved


def test_stats__count_every_table(register: Register) -> None:
    night(register, *FEED)
    figures = stats(register)
    assert (figures["active_identities"], figures["identity"], figures["statement"], figures["run"]) == (2, 3, 4, 1)
    assert figures["bytes"] > 0


def test_purge__forgets_what_nothing_rests_on_and_leaves_a_trace(register: Register) -> None:
    night(register, *FEED, message("A31", "1", 2000, birth_name="DARC", sex="F"))
    before, kept = states(register), stays(register)
    assert kept.height == 1
    removed = purge(register, date(2026, 11, 20), now=NIGHT)
    assert removed == {"statement": 2, "movement_event": 1, "stay": 1, "message": 5, "status": 0}
    assert states(register) == before
    assert stays(register).is_empty()
    assert check(register) == []
    assert register.query("SELECT count(*) AS n FROM purge")["n"].item() == 1


@RANDOM
@given(feed=feeds(), later=feeds(), minute=st.integers(1, 40))
def test_purge__changes_no_identity(register: Register, feed: list[Message], later: list[Message], minute: int) -> None:
    with undone(register):
        take(register, feed)
        before = identities(register)
        _purge_statements(register, {"before": at(minute)})
        assert identities(register).equals(before)
        assert replay(register) == 0


def test_export__gives_the_matricule_of_qualified_identities_only(register: Register, tmp_path: Path) -> None:
    register.begin(NIGHT)
    fold(register, movements(*FEED), sources=sources(), now=NIGHT)
    store_statuses(register, moves(("1", None, "QUALIFIEE"), ("2", None, "PROVISOIRE")))
    register.commit()
    written = export(register, tmp_path / "analystes")
    assert {stat.S_IMODE(file.stat().st_mode) for file in written} == {0o600}
    people = pl.read_parquet(tmp_path / "analystes/identites.parquet")
    assert people.select("ipp", "matricule", "status").rows() == [
        ("1", "260058815400233", "QUALIFIEE"),
        ("2", None, "PROVISOIRE"),
    ]
    assert "billing_nir" not in people.columns
    assert sorted(file.name for file in (tmp_path / "analystes").iterdir()) == sorted(file.name for file in written)
