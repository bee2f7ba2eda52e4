"""What a user waits for before the work begins: the help page, and the first compilation of the kernels.

Whole processes, user and system seconds as the operating system counts them.
"""

from __future__ import annotations

import os
import pkgutil
import resource
import subprocess
import sys
from pathlib import Path

import insvigil


def cpu_seconds(arguments: list[str], **environment: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True, env=os.environ | environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def kernel_modules() -> list[str]:
    found = pkgutil.walk_packages(insvigil.__path__, "insvigil.")
    return [module.name for module in found if ".kernels." in module.name]


def test_help__answers_in_a_blink(benchmark) -> None:  # type: ignore[no-untyped-def]
    """Aim: under 0.15 s of CPU."""
    benchmark.extra_info["cpu_seconds"] = round(cpu_seconds(["-m", "insvigil", "--help"]), 3)
    benchmark.pedantic(cpu_seconds, (["-m", "insvigil", "--help"],), rounds=5)


def test_kernels__cold_compilation(benchmark, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Aim: every kernel of the product compiled in under 8 s; the floor is the same imports with a warm cache."""
    imports = ["-c", "import " + ", ".join(kernel_modules())]
    cold = benchmark.pedantic(lambda: cpu_seconds(imports, NUMBA_CACHE_DIR=str(tmp_path)), rounds=1)
    warm = cpu_seconds(imports, NUMBA_CACHE_DIR=str(tmp_path))
    benchmark.extra_info |= {"modules": len(kernel_modules()), "cold_cpu": round(cold, 2), "warm_cpu": round(warm, 2)}
    assert warm < cold
