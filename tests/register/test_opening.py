"""Opening the register: who may, who may not, and what they are told."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from insvigil.errors import RegisterError
from insvigil.register import Register, identities, open_register, runs
from insvigil.register.opening import RECLAIMED_EVERY
from insvigil.settings import RegisterSettings
from tests.register.messages import NIGHT, message, night, opener, states

HOLD = (
    "import sys, duckdb\n"
    "held = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == 'r')\n"
    "print('held', flush=True)\n"
    "sys.stdin.read()\n"
)


def refused(folder: Path, **settings: object) -> RegisterError:
    with pytest.raises(RegisterError) as caught:
        open_register(RegisterSettings(wait_seconds=0, **settings), folder=folder)  # type: ignore[arg-type]
    assert caught.value.exit_code == 3
    assert caught.value.hint
    return caught.value


def test_open__makes_a_private_file_and_leaves_no_draft(tmp_path: Path) -> None:
    umask = os.umask(0o022)
    os.umask(umask)
    with opener(tmp_path)() as register:
        night(register, message("A28", "1", 1))
        modes = {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
        assert modes == {0o600}
    assert [file.name for file in tmp_path.iterdir()] == ["registre.duckdb"]
    after = os.umask(umask)
    assert after == umask


def test_open__read_only_needs_a_register_and_cannot_begin(tmp_path: Path) -> None:
    with pytest.raises(RegisterError, match="n'existe pas"):
        open_register(RegisterSettings(), folder=tmp_path, read_only=True)
    assert list(tmp_path.iterdir()) == []
    opener(tmp_path)().close()
    with (
        open_register(RegisterSettings(), folder=tmp_path, read_only=True) as register,
        pytest.raises(RegisterError, match="lecture seule"),
    ):
        register.begin(NIGHT)


@pytest.mark.parametrize("mode", ["w", "r"])
def test_open__says_who_holds_it(tmp_path: Path, mode: str) -> None:
    opener(tmp_path)().close()
    path = tmp_path / "registre.duckdb"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path), mode], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        told = refused(tmp_path)
        assert str(holder.pid) in told.message
        holder.communicate(b"")
    opener(tmp_path)().close()


def test_open__waits_for_a_holder_that_leaves(tmp_path: Path) -> None:
    opener(tmp_path)().close()
    brief = HOLD.replace("sys.stdin.read()", "import time; time.sleep(0.5)")
    with subprocess.Popen(
        [sys.executable, "-c", brief, str(tmp_path / "registre.duckdb"), "w"], stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        open_register(RegisterSettings(wait_seconds=30), folder=tmp_path).close()


def test_open__refuses_a_foreign_file_and_leaves_it_alone(tmp_path: Path) -> None:
    foreign = tmp_path / "registre.duckdb"
    foreign.write_bytes(b"not a register" * 500)
    assert "n'est pas un registre" in refused(tmp_path).message
    assert foreign.read_bytes() == b"not a register" * 500
    foreign.unlink()
    with duckdb.connect(str(foreign)) as connection:
        connection.execute("CREATE TABLE other (x INT)")
    assert "n'est pas un registre" in refused(tmp_path).message


def test_open__refuses_a_newer_register(tmp_path: Path) -> None:
    opener(tmp_path)().close()
    with duckdb.connect(str(tmp_path / "registre.duckdb")) as connection:
        connection.execute("UPDATE about SET value = '99' WHERE name = 'schema_version'")
    assert "plus récente" in refused(tmp_path).message


def test_open__needs_the_folder(tmp_path: Path) -> None:
    assert "dossier" in refused(tmp_path / "nulle_part").message


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anything")
def test_open__refuses_a_write_protected_register(tmp_path: Path) -> None:
    opener(tmp_path)().close()
    (tmp_path / "registre.duckdb").chmod(0o400)
    assert "protégé" in refused(tmp_path).message


def test_run__without_commit_leaves_nothing(tmp_path: Path) -> None:
    with opener(tmp_path)() as register:
        night(register, message("A28", "1", 1, birth_name="DARK"))
        before = states(register)
    with opener(tmp_path)() as register:
        register.begin(NIGHT)
        register.connection.execute("DELETE FROM identity")
    with opener(tmp_path)() as register:
        assert states(register) == before
        assert runs(register).height == 1


def test_begin__a_clock_behind_is_tolerated_for_two_hours_then_refused(register: Register) -> None:
    night(register, message("A28", "1", 1))
    night(register, message("A28", "2", 1), now=NIGHT - timedelta(hours=1), name="heure d'hiver")
    assert runs(register)["started"].to_list() == [NIGHT, NIGHT]
    with pytest.raises(RegisterError, match="horloge"):
        register.begin(NIGHT - timedelta(days=400))
    assert identities(register).height == 2


def test_open__two_runs_at_once_take_their_turn(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from insvigil.register import open_register\n"
        "from insvigil.settings import RegisterSettings; from tests.register.messages import message, night\n"
        "with open_register(RegisterSettings(wait_seconds=60), folder=Path(sys.argv[1])) as register:\n"
        "    night(register, message('A28', sys.argv[2], 1), name=sys.argv[2])\n"
    )
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", code, str(tmp_path)]
    both = [subprocess.Popen([*command, ipp], cwd=root) for ipp in ("1", "2")]
    assert [one.wait() for one in both] == [0, 0]
    with opener(tmp_path)() as register:
        assert identities(register)["ipp"].to_list() == ["1", "2"]
        assert runs(register).height == 2
    assert [file.name for file in tmp_path.iterdir()] == ["registre.duckdb"]


def test_commit__takes_back_the_room_of_what_changed_one_run_in_seven(register: Register) -> None:
    groups = []
    for run in range(1, RECLAIMED_EVERY + 2):
        night(register, message("A28", str(run), 1), name=str(run))
        register.connection.execute("CHECKPOINT")
        found = register.query("SELECT count(DISTINCT row_group_id) AS n FROM pragma_storage_info('identity')")
        groups.append(found.item())
    assert groups == [1, 2, 3, 4, 5, 6, 1, 2]
