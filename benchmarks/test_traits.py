"""Traits on invented identities: normalisation, detectors, and the share of each step.

N is ``INSVIGIL_BENCH_N`` (default 1,000,000), seed 1. The floor is what no rewrite can avoid: interning the distinct
values of each received column as ``Categorical``. The peak of memory is that of the process. Run alone::

    python -m pytest benchmarks/test_traits.py --benchmark-enable --benchmark-only -s
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl
import pytest

from insvigil.bench.population import COLUMNS, generate
from insvigil.phonetics import coarse_keys, fine_keys
from insvigil.settings import TraitsSettings
from insvigil.traits import detect, normalise
from insvigil.traits.detectors import RULES

N = int(os.environ.get("INSVIGIL_BENCH_N", "1000000"))
SEED = 1


@pytest.fixture(scope="module")
def identities() -> pl.DataFrame:
    return generate(N, SEED).identities.rename({"id": "ipp"}).with_columns(domain=pl.lit("D"))


def _facts(benchmark: object) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    benchmark.extra_info.update(  # type: ignore[attr-defined]
        n=N, seed=SEED, cores=os.cpu_count(), polars=pl.__version__, python=sys.version.split()[0], peak_mb=round(peak)
    )


@contextmanager
def _cpu(shares: dict[str, float], step: str) -> Iterator[None]:
    start = time.process_time()
    yield
    shares[step] = shares.get(step, 0.0) + time.process_time() - start


def test_floor__interning(benchmark: object, identities: pl.DataFrame) -> None:
    texts = identities.select(COLUMNS)
    benchmark.pedantic(lambda: texts.select(pl.all().cast(pl.Categorical)), rounds=3)  # type: ignore[attr-defined]
    _facts(benchmark)


def test_normalise(benchmark: object, identities: pl.DataFrame) -> None:
    benchmark.pedantic(normalise, args=(identities,), rounds=3)  # type: ignore[attr-defined]
    _facts(benchmark)


def test_detect(benchmark: object, identities: pl.DataFrame) -> None:
    traits = normalise(identities)
    benchmark.pedantic(detect, args=(identities, traits), rounds=3)  # type: ignore[attr-defined]
    _facts(benchmark)


def test_normalise_and_detect__share_of_each_step(benchmark: object, identities: pl.DataFrame) -> None:
    """Both at once; then the CPU share of each column, and of each family of detectors asked alone.

    What several families look at is counted in each: the shares rank the steps, they do not add up to the time above.
    """
    benchmark.pedantic(lambda: detect(identities, normalise(identities)), rounds=3)  # type: ignore[attr-defined]
    shares: dict[str, float] = {}
    for column in COLUMNS:
        with _cpu(shares, f"normalise {column}"):
            normalise(identities.select(column))
    traits = normalise(identities)
    families = sorted({rule.code.split("-")[1] for rule in RULES})
    for family in families:
        with _cpu(shares, f"detect {family}"):
            others = [f"IDV-{other}" for other in families if other != family]
            detect(identities, traits, settings=TraitsSettings(ignore=others))
    total = sum(shares.values())
    benchmark.extra_info["shares"] = {  # type: ignore[attr-defined]
        step: f"{seconds / total:.1%}" for step, seconds in sorted(shares.items(), key=lambda item: -item[1])
    }
    _facts(benchmark)


@pytest.mark.parametrize("keys", [fine_keys, coarse_keys], ids=["fine", "coarse"])
def test_phonetics(benchmark: object, identities: pl.DataFrame, keys: object) -> None:
    names = normalise(identities.select("birth_name"))["birth_name"].drop_nulls().unique().cast(pl.String).to_list()
    benchmark.pedantic(keys, args=(names,), rounds=3)  # type: ignore[attr-defined]
    benchmark.extra_info["names"] = len(names)  # type: ignore[attr-defined]
    _facts(benchmark)
