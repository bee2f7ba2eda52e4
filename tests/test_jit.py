"""The door to numba leaves numba as it found it, and its kernels can be made to check their indices."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np

import insvigil.jit  # noqa: F401

KERNEL = """
import numpy as np
from insvigil.jit import kernel

@kernel("int64(int64[::1], int64)")
def at(numbers, index):
    return numbers[index]

try:
    print(at(np.arange(5), 4), at(np.arange(5), -1))
except IndexError:
    print("out of bounds")
"""


def test_kernel__leaves_the_indices_of_others_alone() -> None:
    last = numba.njit("int64(int64[::1], int64)")(lambda numbers, index: numbers[index])
    assert last(np.arange(5), -1) == 4


def test_kernel__an_index_from_the_end_is_found_when_bounds_are_checked(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(KERNEL)
    told = os.environ | {"NUMBA_DISABLE_JIT": "0", "NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(tmp_path)}
    made = subprocess.run([sys.executable, script], env=told, capture_output=True, text=True, check=True)
    assert made.stdout == "out of bounds\n"


SLOW_FILE = """
from insvigil.jit import kernel

@kernel("int64(int64)", inner=True)
def one_more(number):
    return number + 1

met.set()
free.wait(2)

@kernel("int64(int64)")
def two_more(number):
    return one_more(one_more(number))
"""
OTHER_FILE = """
from insvigil.jit import kernel

@kernel("int64(int64)")
def twice(number):
    return 2 * number
"""
BOTH_AT_ONCE = """
import builtins, sys, threading
builtins.met, builtins.free = threading.Event(), threading.Event()
sys.path.insert(0, sys.argv[1])
import insvigil.jit
thread = threading.Thread(target=__import__, args=("slow_file",))
thread.start()
met.wait()
from other_file import twice
free.set()
thread.join()
from slow_file import two_more
print(twice(4), two_more(4))
"""


def test_kernel__two_threads_load_files_without_waiting_for_each_other(tmp_path: Path) -> None:
    for name, text in {"slow_file": SLOW_FILE, "other_file": OTHER_FILE, "both": BOTH_AT_ONCE}.items():
        (tmp_path / f"{name}.py").write_text(text)
    told = os.environ | {"NUMBA_DISABLE_JIT": "0", "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    made = subprocess.run(
        [sys.executable, tmp_path / "both.py", tmp_path],
        env=told,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert made.stdout == "8 6\n"


INNER = """
import numpy as np
from insvigil.jit import kernel

@kernel("int64(int64[::1], int64)", inner=True)
def at(numbers, index):
    return numbers[index] if index >= 0 else np.int64(-1)

@kernel("int64(int64[::1], int64)")
def sum_of_two(numbers, index):
    return at(numbers, index) + at(numbers, index - 1)

print(sum_of_two(np.arange(5), 3), sum_of_two(np.arange(5), 0), sum(sum_of_two.stats.cache_hits.values()))
"""


def test_kernel__an_inner_one_lives_in_its_callers_and_comes_back_from_the_disk(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    told = os.environ | {"NUMBA_DISABLE_JIT": "0", "NUMBA_CACHE_DIR": str(tmp_path)}

    def run() -> str:
        script.write_text(INNER)
        os.utime(script, (1, 1))
        return subprocess.run([sys.executable, script], env=told, capture_output=True, text=True, check=True).stdout

    assert run() == "5 -1 0\n"
    for saved in tmp_path.rglob("*sum_of_two*.nb[ci]"):
        saved.unlink()
    assert run() == "5 -1 0\n"  # the caller is compiled again, from what the disk kept of the other
    assert run() == "5 -1 1\n"
