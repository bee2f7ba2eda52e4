"""The kernels of each road: all of them are listed, and the first time two processes compile them."""

from __future__ import annotations

import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import insvigil
from insvigil import waking

WOKEN = """
import os
spawned = []
os.posix_spawn = lambda *arguments, **options: spawned.append(arguments)
os.cpu_count = lambda: 2
from insvigil.waking import wake
wake(("insvigil.matching.kernels.components",)).join()
from insvigil import jit
print(len(spawned), len(jit._BEFORE), "gc" if __import__("gc").isenabled() else "")
if spawned:
    print(spawned[0][1][2])
"""


def kernel_modules() -> set[str]:
    """Return every module of the package that writes a kernel."""
    found = pkgutil.walk_packages(insvigil.__path__, "insvigil.")
    files = {module.name: Path(*insvigil.__path__, *module.name.split(".")[1:]) for module in found}
    return {
        name
        for name, path in files.items()
        if path.with_suffix(".py").exists() and "@kernel(" in path.with_suffix(".py").read_text(encoding="utf-8")
    }


def test_roads__bring_every_kernel() -> None:
    script = (
        f"import sys; from insvigil import waking; waking.wake({waking.MATCHING + waking.MOVEMENTS!r}).join(); "
        "print(*sys.modules, sep='\\n')"
    )
    made = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert kernel_modules() <= set(made.stdout.split())


def test_wake__calls_for_help_when_the_disk_lacks_a_kernel_and_only_then(tmp_path: Path) -> None:
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "NUMBA_DISABLE_JIT": "0"}

    def woken() -> list[str]:
        made = subprocess.run(
            [sys.executable, "-c", WOKEN], env=environment, capture_output=True, text=True, check=True
        )
        return made.stdout.splitlines()

    first, program = woken()
    assert first == "1 0 gc"
    assert "insvigil.matching.kernels.components" in program
    assert "insvigil.reading.kernels.picking" in program
    assert woken() == ["0 0 gc"]  # and no kernel compiled later calls for help
