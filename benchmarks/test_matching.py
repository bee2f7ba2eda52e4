"""Matching: quality on files it never saw, steps beside their floor, and the rate of comparison.

State beside any figure: N, seed, versions and cores (pytest-benchmark keeps the machine). Sizes: INSVIGIL_IDENTITIES
(default 1,000,000). Peers stand in ``peers.py``.
"""

from __future__ import annotations

import os
import time

import numpy as np
import polars as pl
import pytest

from benchmarks.second_hospital import invent
from insvigil.bench.mistakes import MIXES
from insvigil.bench.population import generate
from insvigil.bench.scoring import score_groups, score_pairs
from insvigil.matching import keys_report, match
from insvigil.matching.bands import KEPT
from insvigil.matching.comparing import compare_candidates
from insvigil.matching.encoding import encode
from insvigil.matching.kernels import comparing
from insvigil.matching.weights import shipped
from insvigil.settings import MatchingSettings
from insvigil.traits import normalise

IDENTITIES = int(os.environ.get("INSVIGIL_IDENTITIES", "1000000"))
SEED = 1


@pytest.fixture(scope="module")
def made():
    population = generate(IDENTITIES, SEED)
    return normalise(population.identities), population.truth


def judge(traits, truth: pl.DataFrame) -> dict[str, float]:
    found = match(traits, MatchingSettings())
    ids = truth["id"]
    pairs = found.pairs.with_columns(left=ids.gather(found.pairs["left"]), right=ids.gather(found.pairs["right"]))
    groups = found.groups.select(id=ids.gather(found.groups["identity_id"]), group="group")
    of_pairs, of_groups = score_pairs(truth, pairs), score_groups(truth, groups)
    return {
        "precision": of_pairs["precision"], "recall": of_pairs["recall"], "f1": of_pairs["f1"],
        "groups_f1": of_groups["f1"], "twins_joined": of_groups["twins_joined_rate"], **found.timings,
    }  # fmt: skip


def test_match__whole(benchmark, made) -> None:
    traits, truth = made
    match(traits[:1_000], MatchingSettings())  # kernels compiled or read back
    found = benchmark.pedantic(match, args=(traits, MatchingSettings()), rounds=3)
    benchmark.extra_info |= found.counts | judge(traits, truth)
    assert benchmark.extra_info["precision"] >= 0.98
    assert benchmark.extra_info["f1"] >= 0.98
    assert benchmark.extra_info["groups_f1"] >= 0.98


def test_encode__beside_coding_the_strings_with_polars(benchmark, made) -> None:
    traits, _ = made
    encode(traits[:1_000])
    benchmark.pedantic(encode, args=(traits,), rounds=3)


def test_code_strings_with_polars__the_floor(benchmark, made) -> None:
    traits, _ = made
    names = [traits[name].cast(pl.String) for name in ("birth_name", "given_names", "used_name")]
    benchmark.pedantic(lambda: [name.cast(pl.Categorical) for name in names], rounds=3)


def test_keys_report__recall_of_candidates(benchmark, made) -> None:
    traits, truth = made
    report = benchmark.pedantic(keys_report, args=(traits, truth), rounds=1)
    benchmark.extra_info["recall"] = report["recall"][-1]
    assert report["recall"][-1] >= 0.985


@pytest.mark.parametrize("mix", MIXES)
def test_match__other_error_mixes(benchmark, mix: str) -> None:
    population = generate(60_000, 91, MIXES[mix])
    traits = normalise(population.identities)
    benchmark.extra_info |= benchmark.pedantic(judge, args=(traits, population.truth), rounds=1)
    assert benchmark.extra_info["precision"] >= 0.98


@pytest.mark.parametrize("rates", [{}, {"slips": 2.0}, {"known_nir": 0.0}, {"twins": 0.1}], ids=str)
def test_match__a_hospital_built_otherwise(benchmark, rates: dict[str, float]) -> None:
    identities, truth = invent(60_000, 2, **rates)
    benchmark.extra_info |= benchmark.pedantic(judge, args=(normalise(identities), truth), rounds=1)
    assert benchmark.extra_info["precision"] >= 0.98


def test_compare__eighteen_million_pairs_of_a_small_file(benchmark) -> None:
    """Whole records a second on pairs taken at random, every core; ``pairs`` over the time is the figure."""
    traits = normalise(generate(6_000, SEED).identities)
    encoding = encode(traits)
    found = benchmark.pedantic(compare_candidates, args=(encoding, shipped(), -4.25), rounds=3, warmup_rounds=1)
    benchmark.extra_info["pairs"] = found.compared


def test_compare__pairs_a_second_of_one_core(benchmark, made, monkeypatch) -> None:
    """The comparison kernel alone on the candidates of every key, one thread; what finds these is left out."""
    encoding, compare, spent, pairs = encode(made[0]), comparing.compare, [], []

    def timed(*arguments):
        start = time.perf_counter()
        found = compare(*arguments)
        spent[-1] += time.perf_counter() - start
        pairs[-1] += found[2]
        return found

    def run() -> None:
        spent.append(0.0)
        pairs.append(0)
        compare_candidates(encoding, shipped(), float(np.log2(KEPT / (1 - KEPT))), threads=1)

    monkeypatch.setattr(comparing, "compare", timed)
    benchmark.pedantic(run, rounds=3, warmup_rounds=1)
    benchmark.extra_info |= {"pairs": pairs[-1], "nanoseconds_a_pair": 1e9 * min(spent) / pairs[-1]}
