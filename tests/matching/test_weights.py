"""The weights: read and written alike, bounded, monotone where a stronger level includes a weaker one."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from insvigil.jit import kernel
from insvigil.matching import comparing
from insvigil.matching.bounds import bounds
from insvigil.matching.coding import rarities
from insvigil.matching.comparing import EVERYTHING, compare_candidates
from insvigil.matching.encoding import encode
from insvigil.matching.kernels import bounds as k
from insvigil.matching.levels import LEVELS, RARITIES, STRONGER, TRAITS, USUAL_RARITY
from insvigil.matching.levels import WIDTH as SCORE_WIDTH
from insvigil.matching.training import Sample, fit
from insvigil.matching.weights import Weights, probability, shipped
from tests.matching.files import population

WIDTH = len(TRAITS) + len(RARITIES)
ROWS = st.lists(
    st.tuples(
        *(st.sampled_from([k for k, name in enumerate(LEVELS[trait]) if name]) for trait in TRAITS),
        *(st.integers(0, 160) for _ in RARITIES),
    ),
    min_size=1,
    max_size=20,
)


def test_text__reads_back_the_same_weights() -> None:
    again = Weights.read(shipped().text())
    assert again.text() == shipped().text()


@given(ROWS, st.integers(2, 30_000_000))
def test_weigh__is_finite_and_its_probability_is_one(rows: list[tuple[int, ...]], size: int) -> None:
    levels = np.array(rows, np.uint8)
    weight = shipped().weigh(levels, size)
    assert np.isfinite(weight).all()
    assert ((probability(weight) >= 0) & (probability(weight) <= 1)).all()
    assert (weight <= shipped().chance.total(levels) - np.log2(size) + 1e-9).all()


@pytest.mark.parametrize("trait", TRAITS)
@given(rows=ROWS, size=st.sampled_from((1_000, 1_000_000)))
def test_weigh__a_stronger_agreement_never_weighs_less(trait: str, rows: list[tuple[int, ...]], size: int) -> None:
    levels = np.array(rows, np.uint8)
    if trait in RARITIES:
        levels[:, len(TRAITS) + tuple(RARITIES).index(trait)] = int(8 * USUAL_RARITY)
    for chain in STRONGER[trait]:
        for weaker, stronger in pairwise(chain):
            low, high = levels.copy(), levels.copy()
            low[:, TRAITS.index(trait)], high[:, TRAITS.index(trait)] = weaker, stronger
            assert (shipped().weigh(low, size) <= shipped().weigh(high, size) + 0.01).all(), (weaker, stronger)


def test_compare__drops_only_pairs_under_the_floor(monkeypatch: pytest.MonkeyPatch) -> None:
    traits, *_ = population(1_500, 21)
    encoding = encode(traits)
    monkeypatch.setattr(comparing, "ROOM", 1 << 17)
    everything = compare_candidates(encoding, shipped(), EVERYTHING)
    assert len(everything.left) == 1_500 * 1_499 // 2
    for floor in (-30.0, -8.0, 0.0):
        kept = compare_candidates(encoding, shipped(), floor)
        weight = shipped().weigh(everything.levels, encoding.size)
        wanted = pl.DataFrame({"left": everything.left, "right": everything.right}).filter(pl.Series(weight >= floor))
        assert wanted.join(
            pl.DataFrame({"left": kept.left, "right": kept.right}), on=["left", "right"], how="anti"
        ).is_empty()
        assert len(kept.left) < (1.0 if floor < -10 else 0.05) * len(everything.left)


@kernel("b1(i8)")
def short(total: Any) -> Any:
    return k.short(total)


def test_bounds__hold_both_scores_rounded_up() -> None:
    weights = shipped()
    sums = bounds(weights.tables(1_000), weights.floors(3.0, 1_000))
    for start, trait in ((k.FAMILY, "birth_name"), (k.GIVEN, "given_name")):
        found = sums[start : start + SCORE_WIDTH]
        kinship = found.astype(np.int32).astype(np.int64)
        for score, parts in ((weights.chance, (found - kinship) >> 32), (weights.kinship, kinship)):
            assert score is not None
            over = parts / k.UNIT - score.bits[TRAITS.index(trait)]
            assert (over > -1e-6).all() and (over < 2 / k.UNIT).all()


@given(st.lists(st.tuples(*[st.floats(-200, 200)] * 2), min_size=1, max_size=14), st.booleans())
def test_short__is_under_what_is_to_reach_against_one_of_both(bits: list[tuple[float, float]], again: bool) -> None:
    whole = [[int(np.ceil(x * k.UNIT)) for x in pair] for pair in bits]
    total = sum((chance << 32) + kinship for chance, kinship in whole) * (1 + again)
    assert short(total) == (sum(x for x, _ in whole) < 0 or sum(x for _, x in whole) < 0)


def test_rarities__are_the_log_of_the_frequency() -> None:
    assert rarities(np.array([4, 8, 4, 0]), 16).tolist() == [0, 8, 16, 255]


def test_fit__finds_the_odds_of_a_simple_world() -> None:
    """One trait that tells all: same sex is nine times as frequent among pairs of one person."""
    levels = np.zeros((2, WIDTH), np.uint8)
    levels[:, TRAITS.index("sex")] = (1, 2)
    sample = Sample(levels, np.array([10_000.0, 10_000.0]), np.array([100.0, 900.0]), 1_000, 1_000)
    frequencies = np.full((len(TRAITS), SCORE_WIDTH), 0.05)
    weights = fit([sample], frequencies, rounds=200)
    assert probability(weights.weigh(levels, 1_000)) == pytest.approx([0.01, 0.09], rel=0.25)
