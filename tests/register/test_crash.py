"""A night killed at any moment costs nothing; the hundred moments are in ``benchmarks/crash_harness.py``."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.register.crashes import contents, finish, make_scene, moments, trial

pytestmark = pytest.mark.skipif(os.name == "nt", reason="SIGKILL")


def test_run__killed_then_run_again_is_as_if_never_killed(tmp_path: Path) -> None:
    scene, reference = tmp_path / "scene", tmp_path / "reference"
    make_scene(scene, identities=200, seed=5)
    shutil.copytree(scene, reference)
    spent = finish(reference)
    wanted = contents(reference)
    for moment in moments(2, 5, spent):
        _, different = trial(scene, wanted, tmp_path / "work", moment)
        assert different == [], f"killed {moment[1]:.2f} s after {moment[0]}"
