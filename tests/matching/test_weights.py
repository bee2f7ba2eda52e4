"""The weights: read and written alike, bounded, monotone where a stronger level includes a weaker one."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from insvigil.matching import comparing
from insvigil.matching.coding import rarities
from insvigil.matching.comparing import EVERYTHING, compare_candidates
from insvigil.matching.encoding import encode
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
