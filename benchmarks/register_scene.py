"""A register of millions that has lived a night, and the files of the next: ``python -m benchmarks.register_scene``.

``build`` folds the first load (A28, invented populations of a million, seed by seed) straight from frames, then lets
``insvigil run`` live a small first night, which compares everything. ``write_night`` writes the files of a night:
changes (a tenth created, of which a tenth known already; a hundredth merged) and movements. Invented people only.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.register_feed import file_read
from insvigil.bench.hospital import NIR_OID, UNITS
from insvigil.bench.messages import DOMAIN, er7
from insvigil.bench.population import COLUMNS, FIRST_ID, generate
from insvigil.frames import Movements

PART = 1_000_000
BATCH = 250_000
SEED = 7
LOADED = datetime(2026, 1, 1, 1)
SENDER = "GAM|HDEMO"
_AUTHORITY = DOMAIN.split("&")[1]


def parts(identities: int) -> Iterator[pl.DataFrame]:
    """Yield the identities as first said, at most a million at a time: the columns of ``Movements`` that are filled."""
    for part, start in enumerate(range(0, identities, PART)):
        size = min(PART, identities - start)
        rng = np.random.default_rng([SEED, part])
        vali = pl.Series(rng.random(size) < 0.6)
        yield (
            generate(size, SEED + part)
            .identities.select(
                *COLUMNS,
                ipp=(pl.int_range(size, dtype=pl.Int64) + FIRST_ID + start).cast(pl.String),
                identity_code=pl.when(vali).then(pl.lit("VALI")).otherwise(pl.lit("PROV")),
                document=pl.when(vali).then(pl.lit("CN")),
            )
            .with_columns(
                pl.when(pl.col("identity_code") == "VALI").then("matricule").alias("matricule"),
            )
            .with_columns(matricule_oid=pl.when(pl.col("matricule").is_not_null()).then(pl.lit(NIR_OID)))
        )


def load(folder: Path, identities: int) -> dict[str, float]:
    """Fold the first load into ``folder/registre.duckdb``; return seconds, seconds of processor and gigabytes."""
    from insvigil.register import fold, open_register
    from insvigil.settings import RegisterSettings

    folder.mkdir(parents=True, exist_ok=True)
    spent = {"seconds": 0.0, "cpu_seconds": 0.0}
    with open_register(RegisterSettings(), folder=folder) as register:
        register.begin(LOADED)
        for part, said in enumerate(parts(identities)):
            for at in range(0, said.height, BATCH):
                feed = _as_movements(said.slice(at, BATCH), part * PART + at)
                clock, cpu = time.perf_counter(), _cpu()
                fold(register, feed, sources=file_read(f"load-{part}-{at}"), now=LOADED)
                spent["seconds"] += time.perf_counter() - clock
                spent["cpu_seconds"] += _cpu() - cpu
        clock, cpu = time.perf_counter(), _cpu()
        register.commit()
        spent["seconds"] += time.perf_counter() - clock
        spent["cpu_seconds"] += _cpu() - cpu
    spent["peak_gb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    spent["file_gb"] = (folder / "registre.duckdb").stat().st_size / 1e9
    return spent


def _as_movements(said: pl.DataFrame, offset: int) -> pl.DataFrame:
    frame = said.with_columns(
        source=pl.lit(0, pl.UInt32),
        offset=pl.int_range(said.height, dtype=pl.UInt64) + offset,
        line=pl.int_range(said.height, dtype=pl.UInt32),
        sender=pl.lit(SENDER),
        control_id=pl.lit("L") + (pl.int_range(said.height) + offset).cast(pl.String),
        processing=pl.lit("P"),
        trigger=pl.lit("A28"),
        domain=pl.lit(_AUTHORITY),
        message_time=pl.lit(LOADED - timedelta(hours=1)),
    )
    wanted = {name: column.dtype for name, column in Movements.columns().items()}
    missing = [pl.lit(None, kind).alias(name) for name, kind in wanted.items() if name not in frame.columns]
    return Movements.validate(frame.with_columns(missing).select(list(wanted)), cast=True)


def write_night(folder: Path, identities: int, changes: int, movements: int, *, night: int) -> None:
    """Write the HL7 files of a night into ``folder``, ten thousand messages a file."""
    rng = np.random.default_rng([SEED, 1000 + night])
    day = LOADED + timedelta(days=night)
    drawn: list[dict[str, Any]] = []
    share = min(1.0, (1.01 * movements + 2 * changes) / identities)
    for said in parts(identities):
        chosen = rng.choice(said.height, max(1, round(said.height * share)), replace=False)
        drawn += said[chosen].to_dicts()
    rng.shuffle(drawn)  # type: ignore[arg-type]
    created, merged = changes // 10, changes // 100
    take = iter(drawn)
    messages = [_created(next(take), place, night, day) for place in range(created // 10)]
    strangers = generate(created - created // 10, 10_000 + night).identities.select(COLUMNS).to_dicts()
    messages += [
        _message(row | {"identity_code": "PROV", "ipp": f"N{night}{place:07}", "matricule": None}, "A28", day)
        for place, row in enumerate(strangers)
    ]
    for _ in range(merged):
        kept, gone = next(take), next(take)
        messages.append(_message(kept, "A40", day) | {"merged_ipp": gone["ipp"]})
    for _ in range(changes - created - merged):
        messages.append(_message(_altered(next(take), rng), "A31", day))
    units = rng.choice(len(UNITS), movements)
    for place in range(movements):
        row = next(take, None) or drawn[int(rng.integers(len(drawn)))]
        unit, number = UNITS[units[place]], f"{night}{place:07}"
        messages.append(
            _message(row, "A01", day)
            | {
                "movement": number, "visit": number, "dossier": number, "movement_action": "INSERT",
                "movement_historic": "N", "movement_nature": "HMS", "patient_class": unit.patient_class,
                "finess_eg": unit.finess, "unit_medical": unit.code, "movement_at": day, "admitted_at": day,
            }
        )  # fmt: skip
    rng.shuffle(messages)  # type: ignore[arg-type]
    folder.mkdir(parents=True, exist_ok=True)
    for part, at in enumerate(range(0, len(messages), 10_000)):
        text = "".join(
            segment + "\r"
            for place, message in enumerate(messages[at : at + 10_000], at)
            for segment in er7(
                message | {"control_id": f"M{night}-{place}", "message_time": day + timedelta(seconds=place / 4)},
                charset="UNICODE UTF-8",
            )
        )
        (folder / f"gam-{part:04}.hl7").write_text(text, encoding="utf-8", newline="")


def _message(row: dict[str, Any], trigger: str, day: datetime) -> dict[str, Any]:
    return row | {"trigger": trigger, "sender": SENDER, "event_time": day}


def _created(row: dict[str, Any], place: int, night: int, day: datetime) -> dict[str, Any]:
    """Return a second creation of somebody known: another IPP, without an INS, at another address."""
    other = {"ipp": f"D{night}{place:07}", "identity_code": "PROV", "matricule": None, "address": "1 RUE NEUVE"}
    return _message(row | other, "A28", day)


def _altered(row: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Return what is said of somebody after one thing changed."""
    draw = rng.random()
    if draw < 0.5:
        return row | {"phone": f"06{int(rng.integers(10**8)):08}"}
    if draw < 0.75:
        return row | {"address": f"{int(rng.integers(1, 300))} RUE DES INVENTES"}
    if draw < 0.95:
        return row | {"identity_code": "VALI", "document": "CN"}
    return row | {"used_name": row["birth_name"], "given_names": row["first_given_name"]}


def live(folder: Path, flux: str, *options: str) -> dict[str, float]:
    """Run the night with ``insvigil run`` in a process of its own; return seconds, processor and gigabytes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    clock = time.perf_counter()
    out = folder / "sortie" / flux
    done = subprocess.run(
        [sys.executable, "-m", "insvigil", "run", str(folder / flux), "--out", str(out), *options],
        cwd=folder, check=False, capture_output=True, text=True,
    )  # fmt: skip
    seconds = time.perf_counter() - clock
    print(done.stderr + done.stdout, flush=True)
    if done.returncode:
        raise SystemExit(done.returncode)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": seconds, "cpu_seconds": cpu, "peak_gb": after.ru_maxrss / 1e6}


def build(folder: Path, identities: int) -> None:
    """Make the scene in ``folder``: the register, its first night lived, and the night to come in ``nuit``."""
    print({name: round(value, 2) for name, value in load(folder, identities).items()}, flush=True)
    write_night(folder / "premiere", identities, 1_000, 5_000, night=1)
    print(live(folder, "premiere"), flush=True)
    write_night(folder / "nuit", identities, 50_000, 200_000, night=2)


def main() -> None:
    """Build a scene, or live its night on a copy and print what it took."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("--build", type=int, metavar="IDENTITIES")
    options.add_argument("--flux", default="nuit")
    chosen = options.parse_args()
    if chosen.build:
        build(chosen.folder, chosen.build)
        return
    work = chosen.folder.with_name(chosen.folder.name + "-work")
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(chosen.folder, work)
    print({name: round(value, 2) for name, value in live(work, chosen.flux).items()})
    shutil.rmtree(work)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
