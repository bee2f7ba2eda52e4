"""The register: a first load, then a night of 50,000 changes and 200,000 movements on it.

Run: ``pytest benchmarks/test_register.py --benchmark-enable --benchmark-only``. The size of the register comes from
``INSVIGIL_REGISTER`` (identities, 1,000,000 unless told; the issue's figure is 5,000,000). Seed 7. Invented feeds made
column by column (``register_feed.py``): reading is not in the figures. The floor of the first load is DuckDB writing
the same rows once, without folding anything, in the same run.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import duckdb
import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.register_feed import START, a_night, admissions, file_read
from insvigil.register import changes, check, fold, identity_slices, open_register, roster
from insvigil.register.identity_table import write_identities
from insvigil.settings import RegisterSettings

SIZE = int(os.environ.get("INSVIGIL_REGISTER", "1000000"))
BATCH = 250_000
SEED = 7


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("register")


def batches() -> Iterator[tuple[int, np.ndarray]]:
    for start in range(0, SIZE, BATCH):
        yield start, np.arange(start, min(SIZE, start + BATCH))


def describe(benchmark: BenchmarkFixture, folder: Path, cpu: float) -> None:
    benchmark.extra_info |= {
        "identities": SIZE,
        "seed": SEED,
        "cpu_seconds": round(_cpu() - cpu, 2),
        "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
        "file_gb": round((folder / "registre.duckdb").stat().st_size / 1e9, 3),
        "cores": os.cpu_count(),
        "duckdb": duckdb.__version__,
    }


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def test_floor__duckdb_writes_the_rows(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    def write() -> None:
        with duckdb.connect(str(tmp_path / "floor.duckdb")) as connection:
            for start, ipps in batches():
                rows = admissions(ipps, SEED + start, trigger="A28", day=0)
                verb = "CREATE TABLE said AS" if start == 0 else "INSERT INTO said"
                connection.sql(f"{verb} SELECT * FROM rows")
                assert rows.height

    benchmark.pedantic(write, rounds=1)


def test_first_load(benchmark: BenchmarkFixture, folder: Path) -> None:
    cpu = _cpu()

    def load() -> None:
        now = START + timedelta(days=1)
        with open_register(RegisterSettings(), folder=folder) as register:
            register.begin(now)
            for start, ipps in batches():
                feed = admissions(ipps, SEED + start, trigger="A28", day=0)
                fold(register, feed, sources=file_read(f"f{start}"), now=now)
            register.commit()

    benchmark.pedantic(load, rounds=1)
    describe(benchmark, folder, cpu)


@pytest.mark.parametrize(("changed", "moved"), [(50_000, 200_000), (5_000, 20_000)], ids=["night", "tenth"])
def test_night(benchmark: BenchmarkFixture, folder: Path, changed: int, moved: int) -> None:
    day = 2 if changed == 50_000 else 3
    now = START + timedelta(days=day + 1)
    feed = a_night(SIZE, changed, moved, SEED + day, day=day)
    cpu = _cpu()

    def live() -> None:
        with open_register(RegisterSettings(), folder=folder) as register:
            register.begin(now)
            counts = fold(register, feed, sources=file_read(f"n{day}"), now=now).counts
            assert counts["movements"] == moved
            changes(register, since=register.run)
            register.commit()

    benchmark.pedantic(live, rounds=1)
    describe(benchmark, folder, cpu)


@contextlib.contextmanager
def counting() -> Iterator[None]:
    """Keep Python's lock busy meanwhile, as the stages of a night do."""
    stop = threading.Event()

    def count() -> None:
        while not stop.is_set():
            sum(range(10_000))

    thread = threading.Thread(target=count)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("beside", [contextlib.nullcontext, counting], ids=["alone", "beside_a_thread_that_counts"])
def test_identity_table(benchmark: BenchmarkFixture, folder: Path, tmp_path: Path, beside: type) -> None:
    """The table of identities written while nothing else runs, then while Python's lock is asked for without end."""
    cpu = _cpu()
    with open_register(RegisterSettings(), folder=folder) as register, beside():
        register.begin(START + timedelta(days=5))  # never made last
        roster(register)  # numbers them
        benchmark.pedantic(write_identities, (register, tmp_path / "identities.parquet"), {"statuses": None}, rounds=1)
    describe(benchmark, folder, cpu)


@pytest.mark.parametrize("wanted", [False, True], ids=["kept", "taken_back"])
def test_commit__room_of_rows_that_are_gone(
    benchmark: BenchmarkFixture, folder: Path, tmp_path: Path, wanted: bool
) -> None:
    """The commit of a night that leaves the room of rows that changed, and of one that takes it back."""
    shutil.copytree(folder, tmp_path / "copy")
    now, feed = START + timedelta(days=6), a_night(SIZE, 50_000, 200_000, SEED + 5, day=5)
    cpu = _cpu()
    with open_register(RegisterSettings(), folder=tmp_path / "copy") as register:
        register.begin(now)
        register.reclaim_room(wanted=wanted)
        fold(register, feed, sources=file_read("n5"), now=now)
        benchmark.pedantic(register.commit, rounds=1)
    describe(benchmark, tmp_path / "copy", cpu)


def test_identities_in_slices(benchmark: BenchmarkFixture, folder: Path) -> None:
    cpu = _cpu()

    def read() -> int:
        with open_register(RegisterSettings(), folder=folder, read_only=True) as register:
            return sum(piece.height for piece in identity_slices(register))

    assert benchmark.pedantic(read, rounds=1) > 0.9 * SIZE
    describe(benchmark, folder, cpu)


def test_check_replays_everything(benchmark: BenchmarkFixture, folder: Path) -> None:
    cpu = _cpu()
    with open_register(RegisterSettings(), folder=folder, read_only=True) as register:
        assert benchmark.pedantic(lambda: check(register), rounds=1) == []
    describe(benchmark, folder, cpu)
