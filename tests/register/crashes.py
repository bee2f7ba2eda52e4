"""Killing a night at any moment: a real process, SIGKILL, a second try, and everything must be as if nothing happened.

A *scene* is a folder with settings, a register that has lived its first nights, and the flux of the night to come. The
child runs that night through ``pipeline.run`` at a fixed time, so that two runs can be compared to the last cell.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

FIRST = datetime(2026, 3, 2)
ROOT = Path(__file__).parents[2]
_VOLATILE = {"run": ("ended", "counts")}
_TIMINGS = {"seconds", "timings", "matching_seconds", "started", "ended", "duration", "host", "platform"}


def make_scene(folder: Path, *, identities: int, seed: int, nights: int = 2) -> None:
    """Invent a hospital and live all its nights but the last."""
    from insvigil.bench.movement_files import write_nights
    from insvigil.bench.population import generate

    folder.mkdir(parents=True)
    written = write_nights(
        generate(identities, seed), folder / "flux", nights=nights, seed=seed, first_night=FIRST.date()
    )
    for place, flux in enumerate(written[:-1]):
        _live(folder, flux, datetime(2026, 3, 2 + place, 23, 50), say=False)
    (folder / "last").write_text(json.dumps([str(written[-1].relative_to(folder)), nights - 1]))


def spawn(folder: Path) -> subprocess.Popen[bytes]:
    """Start the last night of the scene in a process of its own; it prints each stage it ends."""
    command = [sys.executable, "-m", "tests.register.crashes", str(folder)]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )


def finish(folder: Path) -> dict[str, float]:
    """Run the last night to its end; return the seconds after each stage was said (``start``: from the launch)."""
    spent, stage, start = {}, "start", time.monotonic()
    with spawn(folder) as child:
        assert child.stdout is not None
        for line in child.stdout:
            now = time.monotonic()
            spent[stage], stage, start = now - start, line.decode().strip(), now
    assert child.returncode == 0, f"the night failed with {child.returncode}"
    return {**spent, stage: time.monotonic() - start}


def kill_after(folder: Path, stage: str, seconds: float) -> bool:
    """Start the last night and kill it ``seconds`` after ``stage`` was said; return whether it was still alive."""
    with spawn(folder) as child:
        assert child.stdout is not None
        while stage != "start" and child.stdout.readline().decode().strip() not in (stage, ""):
            pass
        try:
            child.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            return True
    return False


def contents(folder: Path) -> dict[str, Any]:
    """Return all that must be the same: every table of the register, every file of the results."""
    found: dict[str, Any] = {}
    with duckdb.connect(str(folder / "registre.duckdb"), read_only=True) as connection:
        for (table,) in connection.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall():
            volatile = _VOLATILE.get(table, ())
            kept = f"EXCLUDE ({', '.join(volatile)})" if volatile else ""
            found[f"register/{table}"] = connection.sql(f"SELECT * {kept} FROM {table} ORDER BY ALL").pl()
    out = folder / "sortie"
    for file in sorted(out.rglob("*")):
        name = str(file.relative_to(folder))
        if any(part.startswith(".") for part in file.relative_to(folder).parts):
            continue  # what a kill leaves unnamed; see `leftovers`
        if file.suffix == ".parquet":
            found[name] = pl.read_parquet(file)
        elif file.suffix == ".json":
            found[name] = _without_timings(json.loads(file.read_text(encoding="utf-8")))
        elif file.suffix == ".csv":
            found[name] = file.read_text(encoding="utf-8")
        elif file.is_file():
            found[name] = True
    return found


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Return the names of what is not the same in both."""
    return [name for name in sorted(one.keys() | other.keys()) if not _same(one.get(name), other.get(name))]


def trial(scene: Path, wanted: dict[str, Any], work: Path, moment: tuple[str, float]) -> tuple[bool, list[str]]:
    """Kill one night at a moment, run it again; return whether the kill hit and what differs.

    A night killed once its transaction was committed is a night done: it is compared as it lies, not run again.
    """
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(scene, work)
    hit = kill_after(work, *moment)
    if hit and committed(work) < wanted["register/run"].height:
        finish(work)
    return hit, differences(wanted, contents(work))


def committed(folder: Path) -> int:
    """Return how many runs the register holds, once DuckDB has played its log again."""
    with duckdb.connect(str(folder / "registre.duckdb")) as connection:
        return int(connection.execute("SELECT count(*) FROM run").fetchall()[0][0])


def leftovers(folder: Path) -> list[str]:
    """Return the hidden or temporary files that a killed night and its second try left behind."""
    found = (str(file.relative_to(folder)) for file in folder.rglob("*"))
    return sorted(name for name in found if "/." in f"/{name}" or name.endswith((".tmp", ".wal")))


def moments(count: int, seed: int, spent: dict[str, float]) -> list[tuple[str, float]]:
    """Return seeded moments: a stage, all equally likely, and a time within it."""
    draw = random.Random(seed)
    stages = list(spent)
    return [(stage, draw.uniform(0.0, spent[stage])) for stage in draw.choices(stages, k=count)]


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, pl.DataFrame) and isinstance(other, pl.DataFrame):
        return one.equals(other)
    return type(one) is type(other) and bool(one == other)


def _without_timings(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_timings(item) for key, item in value.items() if key not in _TIMINGS}
    return value


def _live(folder: Path, flux: Path, now: datetime, *, say: bool) -> None:
    from insvigil import pipeline
    from insvigil.register import open_register
    from insvigil.settings import Settings

    def tell(stage: object, sentence: str) -> None:
        if say:
            print(str(stage).replace(" ", "_"), flush=True)

    settings = Settings()
    with open_register(settings.register_, folder=folder) as register:
        out = folder / "sortie" / now.date().isoformat()
        pipeline.run([flux], settings, register, out=out, now=now, tell=tell)


if __name__ == "__main__":
    os.chdir(sys.argv[1])  # relative paths, so that two scenes write the same register
    last_flux, night = json.loads(Path("last").read_text())
    _live(Path(), Path(last_flux), datetime(2026, 3, 2 + night, 23, 50), say=True)
