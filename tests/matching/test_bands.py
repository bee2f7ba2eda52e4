"""The bands: lines follow from what is accepted and from the pairs of the file."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from insvigil.matching import Lines, match
from insvigil.matching.bands import KEPT, draw_lines
from insvigil.matching.weights import shipped
from insvigil.settings import MatchingSettings
from insvigil.vocabulary import Band, Finding
from tests.matching.files import population

SETTINGS = MatchingSettings()
CHANCES = st.lists(st.floats(0.0, 1.0), max_size=60).map(np.array)
SHARES = st.lists(st.floats(0.001, 0.9), min_size=3, max_size=3).map(sorted)


def accepting(shares: list[float]) -> MatchingSettings:
    names = ("sure_false_alarms", "probable_false_alarms", "review_false_alarms")
    return MatchingSettings(**dict(zip(names, shares, strict=True)))  # type: ignore[arg-type]


@given(CHANCES, SHARES)
def test_lines__hold_what_is_accepted_and_could_not_be_lower(chance: np.ndarray, shares: list[float]) -> None:
    lines = draw_lines(chance, accepting(shares), None)
    kept = np.sort(chance[chance >= KEPT])[::-1]
    above = 0
    for line, accepted in zip(lines.bands, shares, strict=True):
        inside = kept[above : above + line.pairs]
        assert (inside >= line.line).all()
        if line.pairs:
            assert line.expected is not None and line.expected_above is not None
            assert line.expected == pytest.approx((1 - inside).mean(), abs=1e-9)
            assert line.expected <= accepted + 1e-9
            assert line.expected_above <= accepted + 1e-9
        above += line.pairs
        rest = kept[above:]
        if len(rest):
            longer = np.concatenate([inside, rest[rest == rest[0]]])
            assert (1 - longer).mean() > accepted - 1e-9
    assert [line.line for line in lines.bands] == sorted((line.line for line in lines.bands), reverse=True)


@given(CHANCES, SHARES, st.randoms())
def test_lines__do_not_depend_on_the_order_and_read_back(chance: np.ndarray, shares: list[float], rng: object) -> None:
    settings = accepting(shares)
    lines = draw_lines(chance, settings, shipped().usual)
    assert draw_lines(chance[::-1].copy(), settings, shipped().usual) == lines
    assert Lines.read(json.loads(json.dumps(lines.described()))) == lines


def test_lines__accepting_more_lowers_them() -> None:
    chance = np.linspace(0.05, 1.0, 400)
    strict, easy = (draw_lines(chance, accepting(list(x)), None) for x in ((0.01, 0.1, 0.5), (0.05, 0.3, 0.8)))
    assert all(a.line > b.line for a, b in zip(strict.bands, easy.bands, strict=True))


def test_lines__a_file_of_few_pairs_borrows_the_usual_ones() -> None:
    usual = draw_lines(np.zeros(0), SETTINGS, shipped().usual)
    assert [line.pairs for line in usual.bands] == [0, 0, 0]
    one = draw_lines(np.array([0.6]), SETTINGS, shipped().usual)
    assert one.proposed == pytest.approx(usual.proposed, abs=0.1)
    assert 0.3 < usual.proposed < 0.7


def test_match__proposes_what_is_above_the_line_and_tells_the_bands() -> None:
    traits, person, _ = population(20_000, 14)
    found = match(traits, SETTINGS)
    free = found.pairs.filter(pl.col("rule").is_null(), pl.col("agree_matricule") < 4)
    assert ((free["finding"] == Finding.DPOT.value) == (free["probability"] >= found.lines.proposed)).all()
    told = found.counts["bands"]
    assert [row["band"] for row in told] == [band.value for band in (Band.SURE, Band.PROBABLE, Band.REVIEW)]
    bands = found.lines.bands_of(free["probability"])
    same = pl.Series(person[free["left"].to_numpy()] == person[free["right"].to_numpy()])
    sure = same.filter((bands == Band.SURE.value).fill_null(False))
    assert sure.mean() > 0.985  # type: ignore[operator]
    for chance in (0.999, 0.5, 0.01):
        assert found.lines.band(chance) == next(
            (Band.of(line.band) for line in found.lines.bands if chance >= line.line), None
        )


def test_settings__refuse_shares_out_of_order() -> None:
    with pytest.raises(ValidationError, match="croissant"):
        accepting([0.5, 0.2, 0.8])
