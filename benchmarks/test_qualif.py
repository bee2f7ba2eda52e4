"""Statuses and indicators of a year: 2,000,000 movements of 500,000 identities, seed 7.

Run: ``pytest benchmarks/test_qualif.py --benchmark-enable --benchmark-only``. A smaller year: INSVIGIL_YEAR=0.1.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable
from datetime import date, datetime

import dataframely as dy
import numpy as np
import polars as pl
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from insvigil.frames import IDENTITY_FIELDS, Changes, Identities, StatusLedger, Stays
from insvigil.qualif import OBSERVED, assess, derive_statuses, measure, status_history
from insvigil.qualif.indicators import ALL_MESHES
from insvigil.settings import ObjectiveSettings, QualifSettings
from insvigil.vocabulary import Grain, Mesh, Status

SIZE = float(os.environ.get("INSVIGIL_YEAR", "1"))
PEOPLE, MOVEMENTS, SEED = int(500_000 * SIZE), int(2_000_000 * SIZE), 7
YEAR = (date(2025, 1, 1), date(2025, 12, 31))
NIR = "1.2.250.1.213.1.4.8"


def invented_identities() -> dy.DataFrame[Identities]:
    rng = np.random.default_rng(SEED)
    number = pl.Series(np.arange(PEOPLE, dtype=np.uint32))
    kind = pl.Series(rng.choice(4, PEOPLE, p=[0.2, 0.1, 0.1, 0.6]))
    frame = pl.select(identity_id=number, kind=kind, birth=pl.Series(rng.integers(1930, 2025, PEOPLE)))
    qualified = pl.col("kind") == 3
    made = frame.select(
        "identity_id",
        domain=pl.lit("H"),
        ipp=pl.col("identity_id").cast(pl.String).str.zfill(9),
        created_at=pl.lit(datetime(2024, 6, 1)),
        updated_at=pl.lit(datetime(2024, 6, 1)),
        changed=pl.lit(True),
        birth_name=pl.lit("ZELPHIN"),
        first_given_name=pl.lit("ORIANE"),
        given_names=pl.lit("ORIANE LISE"),
        birth_date=pl.col("birth").cast(pl.String) + "0312",
        sex=pl.lit("F"),
        birth_place=pl.lit("99214"),
        identity_code=pl.when(pl.col("kind") >= 2).then(pl.lit("VALI")).otherwise(pl.lit("PROV")),
        insi_date=pl.when(pl.col("kind") == 1).then(pl.lit("20240601")),
        matricule=pl.when(qualified).then(pl.lit("264039921407758")),
        matricule_oid=pl.when(qualified).then(pl.lit(NIR)),
    )
    absent = [pl.lit(None, dtype=pl.String).alias(field) for field in IDENTITY_FIELDS if field not in made.columns]
    return Identities.validate(made.with_columns(absent).select(Identities.column_names()))


def invented_stays() -> dy.DataFrame[Stays]:
    """Venues of four movements (entry, two transfers, exit) on 3 sites, 200 units and 5 activities."""
    rng = np.random.default_rng(SEED)
    venues = MOVEMENTS // 4
    start = np.datetime64("2025-01-01T00:00", "us") + rng.integers(0, 365 * 24 * 60, venues) * np.timedelta64(
        60_000_000
    )
    start = start.astype("datetime64[us]")
    venue = np.repeat(np.arange(venues), 4)
    step = np.tile(np.arange(4), venues)
    at = start[venue] + (step * rng.integers(1, 48 * 60, venues)[venue]).astype("timedelta64[m]").astype(
        "timedelta64[us]"
    )
    unit = rng.integers(0, 200, MOVEMENTS)
    frame = pl.DataFrame(
        {
            "person": rng.integers(0, PEOPLE, venues)[venue],
            "venue": venue,
            "movement_at": at,
            "unit": unit,
            "class": rng.choice(5, venues)[venue],
            "step": step,
        }
    )
    classes = pl.Series(["I", "E", "O", "R", "V"])
    triggers = pl.Series(["A01", "A02", "A02", "A03"])
    made = frame.select(
        domain=pl.lit("H"),
        ipp=pl.col("person").cast(pl.String).str.zfill(9),
        dossier=pl.lit("D") + pl.col("venue").cast(pl.String),
        visit=pl.lit("V") + pl.col("venue").cast(pl.String),
        movement=pl.lit("M") + pl.int_range(pl.len()).cast(pl.String),
        movement_at=pl.col("movement_at"),
        trigger=pl.lit(triggers).gather(pl.col("step")),
        patient_class=pl.lit(classes).gather(pl.col("class")),
        finess_eg=pl.lit("01000000") + (pl.col("unit") % 3).cast(pl.String),
        unit_medical=pl.col("unit").cast(pl.String).str.zfill(4),
    )
    types = {name: column.dtype for name, column in Stays.columns().items()}
    absent = [pl.lit(None, dtype=types[name]).alias(name) for name in types if name not in made.columns]
    return Stays.validate(made.with_columns(absent).select(list(types)))


def invented_ledger(statuses: pl.DataFrame, identities: pl.DataFrame) -> dy.DataFrame[StatusLedger]:
    """Everyone is provisional in 2024; those who are not today moved on a day of 2025."""
    rng = np.random.default_rng(SEED)
    base = identities.select("domain", "ipp").with_columns(now=statuses["status"])
    day = pl.Series(rng.integers(0, 365, PEOPLE))
    first = base.select("domain", "ipp", at=datetime(2024, 6, 1), from_status=None, to_status=pl.lit(Status.PROVISOIRE))
    then = base.with_columns(day=day).filter(pl.col("now") != Status.PROVISOIRE)
    second = then.select(
        "domain",
        "ipp",
        at=pl.lit(datetime(2025, 1, 1)) + pl.duration(days="day"),
        from_status=pl.lit(Status.PROVISOIRE),
        to_status=pl.col("now").cast(pl.String),
    )
    both = pl.concat([first.cast({"from_status": pl.String}), second]).with_columns(
        pl.col("from_status", "to_status").cast(pl.Enum(Status)),
        counted=pl.lit(True),
        evidence=pl.lit("creation"),
        source=pl.lit("pam"),
        anomaly=pl.lit(None, dtype=pl.String),
        refused=pl.lit(None, dtype=pl.Enum(Status)),
    )
    return StatusLedger.validate(both.select(StatusLedger.column_names()))


@pytest.fixture(scope="module")
def year() -> tuple[dy.DataFrame[Identities], dy.DataFrame[Stays]]:
    return invented_identities(), invented_stays()


def _timed(benchmark: BenchmarkFixture, work: Callable[[], pl.DataFrame], rounds: int = 2) -> pl.DataFrame:
    """Run the work and note the processor seconds of its best round, which other loads of the machine do not change."""
    spent: list[float] = []

    def once() -> pl.DataFrame:
        start = time.process_time()
        found = work()
        spent.append(time.process_time() - start)
        return found

    found = benchmark.pedantic(once, rounds=rounds)
    benchmark.extra_info |= {
        "identities": PEOPLE,
        "movements": MOVEMENTS,
        "seed": SEED,
        "polars": pl.__version__,
        "cores": os.cpu_count(),
        "cpu_s": round(min(spent), 2),
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "rows": found.height,
    }
    return found


def test_derive_statuses(
    benchmark: BenchmarkFixture, year: tuple[dy.DataFrame[Identities], dy.DataFrame[Stays]]
) -> None:
    found = _timed(benchmark, lambda: derive_statuses(year[0], QualifSettings()))
    assert found.height == PEOPLE


@pytest.mark.parametrize("grains", [(), tuple(Grain)], ids=["period", "all_grains"])
def test_measure__every_mesh_with_ledger(
    benchmark: BenchmarkFixture, year: tuple[dy.DataFrame[Identities], dy.DataFrame[Stays]], grains: tuple[Grain, ...]
) -> None:
    people, stays = year
    statuses = derive_statuses(people, QualifSettings())
    ledger = invented_ledger(statuses, people)
    poles = {f"pôle {n}": [f"{unit:04}" for unit in range(200) if unit % 8 == n] for n in range(8)}
    settings = QualifSettings(poles=poles)
    found = _timed(
        benchmark,
        lambda: measure(
            people, statuses, stays, settings, period=YEAR, ledger=ledger, meshes=ALL_MESHES, grains=grains
        ),
    )
    assert found.height > 100


def test_assess__a_commitment_with_its_pace(
    benchmark: BenchmarkFixture, year: tuple[dy.DataFrame[Identities], dy.DataFrame[Stays]]
) -> None:
    people, stays = year
    statuses = derive_statuses(people, QualifSettings())
    ledger = invented_ledger(statuses, people)
    settings = QualifSettings(objectives=[ObjectiveSettings(programme="HOPEN2_PHASE1", level=99)])
    figures = measure(people, statuses, stays, settings, period=YEAR, ledger=ledger, meshes=[Mesh.ESTABLISHMENT])
    found = _timed(benchmark, lambda: assess(figures, people, statuses, stays, settings, ledger=ledger))
    assert found["weekly_pace"][0] is not None


def test_status_history__of_everyone(
    benchmark: BenchmarkFixture, year: tuple[dy.DataFrame[Identities], dy.DataFrame[Stays]]
) -> None:
    """A first load: two messages an identity, replayed from the story of the register."""
    told = year[0].unpivot(OBSERVED, index=["domain", "ipp", "created_at"], variable_name="field", value_name="new")
    story = told.filter(pl.col("new").is_not_null()).with_columns(
        old=pl.lit(None, dtype=pl.String),
        valid_at=pl.col("created_at") + pl.duration(days=pl.col("field").is_in(["matricule", "matricule_oid"]) * 30),
        known_at=pl.lit(datetime(2025, 12, 31)),
        trigger=pl.lit("A31"),
        sender=pl.lit("GAM|H"),
        control_id=pl.lit(None, dtype=pl.String),
        run=pl.lit(1, dtype=pl.UInt32),
    )
    changes = Changes.validate(story.select(Changes.column_names()))
    found = _timed(benchmark, lambda: status_history(changes, QualifSettings()), rounds=1)
    assert found.height >= PEOPLE
