"""What a user waits for before the work begins: the help page, and the first compilation of the kernels.

Whole processes, user and system seconds as the operating system counts them.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

from insvigil import waking


def cpu_seconds(arguments: list[str], **environment: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True, env=os.environ | environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_help__answers_in_a_blink(benchmark) -> None:  # type: ignore[no-untyped-def]
    """Aim: under 0.15 s of CPU."""
    benchmark.extra_info["cpu_seconds"] = round(cpu_seconds(["-m", "insvigil", "--help"]), 3)
    benchmark.pedantic(cpu_seconds, (["-m", "insvigil", "--help"],), rounds=5)


# in the order of a night
WAKES_ALL = "from insvigil.waking import MATCHING, MOVEMENTS, wake; wake(MOVEMENTS + MATCHING).join()"


def test_kernels__cold_start(benchmark, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Aim: every kernel of the product at hand in under 8 s on two cores, when the disk holds none.

    The floor is the same with all of them on the disk. The seconds of the second process, which nobody waits for, are
    not those of a child: they are not counted.
    """

    def start() -> float:
        return cpu_seconds(["-c", WAKES_ALL], NUMBA_CACHE_DIR=str(tmp_path))

    first = benchmark.pedantic(start, rounds=1)
    clock = time.perf_counter()
    again = start()
    benchmark.extra_info |= {
        "first_process_cpu": round(first, 2),
        "warm_cpu": round(again, 2),
        "warm_seconds": round(time.perf_counter() - clock, 2),
        "modules": len(waking.MATCHING + waking.MOVEMENTS),
    }
    assert again < first
