"""A disk that fills up: one French line, and the register as it was."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from insvigil.register import check
from tests.register.messages import message, night, opener, states

CHILD = """
import sys
from pathlib import Path
from insvigil.errors import RegisterError
from tests.register.messages import NIGHT, message, movements, opener, sources
from insvigil.register import fold

limit = int(sys.argv[2])
if limit:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
import random
draw = random.Random(1)
feed = [message("A28", f"x{n}", 9, birth_name="%0200x" % draw.getrandbits(800)) for n in range(12_000)]
try:
    with opener(Path(sys.argv[1]))() as register:
        register.begin(NIGHT)
        fold(register, movements(*feed), sources=sources("b"), now=NIGHT)
        register.commit()
except RegisterError as error:
    print(error)
    raise SystemExit(error.exit_code)
"""


def fill(folder: Path, limit: int) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", CHILD, str(folder), str(limit)]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)]
    if os.name == "nt" or os.geteuid() != 0 or subprocess.run(mounted, capture_output=True, check=False).returncode:
        pytest.skip("a small file system needs root")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def as_it_was(folder: Path, limit: int) -> None:
    with opener(folder)() as register:
        night(register, message("A28", "1", 1, birth_name="DARK"))
        before = states(register)
    done = fill(folder, limit)
    assert done.returncode == 3, done.stderr
    assert "est plein" in done.stdout
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""
    with opener(folder)() as register:
        assert states(register) == before
        assert check(register) == []


def test_disk__full_on_a_small_file_system(small_disk: Path) -> None:
    as_it_was(small_disk, 0)


@pytest.mark.skipif(os.name == "nt", reason="no limit on the size of files")
def test_disk__full_by_quota(tmp_path: Path) -> None:
    as_it_was(tmp_path, 4_000_000)
