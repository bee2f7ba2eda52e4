"""What the yardstick itself costs, and what reporting adds to a night.

State beside any figure: N, seed, versions and cores (pytest-benchmark keeps the machine).
"""

from __future__ import annotations

import io
from pathlib import Path

import polars as pl
import pytest

from insvigil.bench.lists import load_lists
from insvigil.bench.movement_files import write_nights
from insvigil.bench.population import Population, generate
from insvigil.bench.scoring import score_groups, score_pairs

SEED = 1


@pytest.fixture(scope="module")
def population() -> Population:
    return generate(1_000_000, SEED)


def test_generate__one_million_identities(benchmark) -> None:
    load_lists()
    made = benchmark.pedantic(generate, args=(1_000_000, SEED), rounds=1)
    benchmark.extra_info["rows"] = made.identities.height


def test_write_nights__twenty_thousand_identities_three_nights(benchmark, tmp_path: Path) -> None:
    small = generate(20_000, SEED)
    folders = benchmark.pedantic(write_nights, args=(small, tmp_path), kwargs={"nights": 3, "seed": SEED}, rounds=1)
    written = [path.read_bytes() for folder in folders for path in folder.iterdir()]
    benchmark.extra_info |= {
        "messages": sum(data.count(b"MSH|") for data in written),
        "bytes": sum(map(len, written)),
    }


def test_score_pairs__one_million_identities(benchmark, population: Population) -> None:
    truth = population.truth
    both = truth.join(truth, on="person", suffix="_right").filter(pl.col("id") < pl.col("id_right"))
    pairs = both.select(left="id", right="id_right")
    assert benchmark.pedantic(score_pairs, args=(truth, pairs), rounds=1)["f1"] == 1.0


def test_score_groups__one_million_identities(benchmark, population: Population) -> None:
    truth = population.truth
    groups = truth.filter(pl.len().over("person") > 1).select("id", group="person")
    assert benchmark.pedantic(score_groups, args=(truth, groups), rounds=1)["b_cubed_f1"] == 1.0


def test_reporting__page_and_worklist_of_fifty_thousand_identities(benchmark) -> None:
    from insvigil.reporting.report_page import render_report
    from insvigil.reporting.workbook import write_worklist
    from tests.reporting.nights import invent_night

    night = invent_night(50_000, SEED)

    def write() -> int:
        file = io.BytesIO()
        write_worklist(file, night)
        return len(render_report(night)) + len(file.getvalue())

    benchmark.extra_info |= {"bytes": benchmark.pedantic(write, rounds=1), "pairs": night.pairs.height}
