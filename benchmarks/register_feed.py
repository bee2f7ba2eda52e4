"""Invented feeds for the register, made column by column: no reading, no people."""

from __future__ import annotations

from datetime import datetime

import dataframely as dy
import numpy as np
import polars as pl

from insvigil.frames import Movements, Sources

START = datetime(2026, 1, 1)
_NAMES = np.array([f"NOM{place:05d}" for place in range(20_000)])
_GIVEN = np.array([f"PRENOM{place:03d}" for place in range(800)])


def admissions(
    ipps: np.ndarray, seed: int, *, trigger: str, day: int, **more: pl.Series | str
) -> dy.DataFrame[Movements]:
    """Return one message an IPP, traits drawn from the seed."""
    rng = np.random.default_rng(seed)
    size = len(ipps)
    given = _GIVEN[rng.integers(0, 800, size)]
    seconds = rng.integers(0, 86_400, size) + 86_400 * day
    frame = pl.DataFrame(
        {
            "offset": pl.int_range(size, dtype=pl.UInt64, eager=True) * 900,
            "line": pl.int_range(size, dtype=pl.UInt32, eager=True),
            "control_id": pl.Series(ipps).cast(pl.String) + f"-{day}-{seed}",
            "ipp": pl.Series(ipps).cast(pl.String).str.zfill(9),
            "birth_name": _NAMES[rng.integers(0, 20_000, size)],
            "first_given_name": given,
            "given_names": given,
            "birth_date": rng.integers(19300101, 20261231, size).astype(str),
            "sex": np.array(["F", "M"])[rng.integers(0, 2, size)],
            "birth_place": rng.integers(1001, 95690, size).astype(str),
            "address": rng.integers(1, 99, size).astype(str),
            "postal_code": rng.integers(1000, 95999, size).astype(str),
            "phone": rng.integers(600_000_000, 699_999_999, size).astype(str),
            "matricule": rng.integers(10**14, 3 * 10**14, size).astype(str),
        }
    ).with_columns(
        source=pl.lit(0, pl.UInt32),
        sender=pl.lit("GAM|CHX"),
        processing=pl.lit("P"),
        trigger=pl.lit(trigger),
        domain=pl.lit("1.2.250.1.71.4.2.7"),
        message_time=pl.lit(START) + pl.Series(seconds).cast(pl.Int64) * pl.duration(seconds=1),
        city=pl.lit("RENNES"),
        country=pl.lit("FRA"),
        matricule_oid=pl.lit("1.2.250.1.213.1.4.8"),
        identity_code=pl.lit("VALI"),
        document=pl.lit("CN"),
        **{name: value if isinstance(value, pl.Series) else pl.lit(value) for name, value in more.items()},
    )
    wanted = {name: column.dtype for name, column in Movements.columns().items()}
    missing = [pl.lit(None, kind).alias(name) for name, kind in wanted.items() if name not in frame.columns]
    return Movements.validate(frame.with_columns(missing).select(list(wanted)), cast=True)


def a_night(identities: int, changes: int, movements: int, seed: int, *, day: int) -> dy.DataFrame[Movements]:
    """Return a night on a register of ``identities``: changes (a tenth new, a hundredth merges) and movements."""
    rng = np.random.default_rng(seed)
    created, merged = changes // 10, changes // 100
    parts = [
        admissions(np.arange(identities, identities + created), seed, trigger="A28", day=day),
        admissions(rng.choice(identities, changes - created - merged, replace=False), seed + 1, trigger="A31", day=day),
    ]
    pairs = rng.choice(identities, 2 * merged, replace=False)
    gone = pl.Series(pairs[merged:]).cast(pl.String).str.zfill(9)
    parts.append(admissions(pairs[:merged], seed + 2, trigger="A40", day=day, merged_ipp=gone))
    ipps = rng.integers(0, identities, movements)
    number = pl.Series(np.arange(movements) + movements * day).cast(pl.String)
    moved = admissions(
        ipps, seed + 3, trigger="A01", day=day, movement=number + "|GAM", visit=number, dossier=number,
        patient_class="I", unit_medical="1001", movement_action="INSERT",
    )  # fmt: skip
    night = pl.concat([*parts, moved]).with_columns(offset=pl.int_range(pl.len(), dtype=pl.UInt64))
    return Movements.validate(night)


def file_read(name: str) -> dy.DataFrame[Sources]:
    """Return one file read."""
    wanted = {column: kind.dtype for column, kind in Sources.columns().items()}
    row = {"source": 0, "path": name, "digest": name, "size": 1, "format": "hl7", "outcome": "read", "messages": 1}
    return Sources.validate(pl.DataFrame([row], schema=wanted))
