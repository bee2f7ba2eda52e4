"""Three bands, their lines chosen by the share of false alarms that a site accepts in each.

A calibrated probability is a promise: of the pairs at 0.9, one in ten is a false alarm. The share expected in a band is
thus the mean of ``1 - probability`` over its pairs, and its line is the lowest probability that keeps this share within
what is accepted. The lines follow from the pairs of the file itself; a file of few pairs borrows usual ones, up to
``ENOUGH`` in all, so that its lines do not hang on one or two of its own
(``docs/decisions/0306-bands-by-expected-false-alarms.md``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from insvigil.matching.weights import Bits, probability
from insvigil.settings import MatchingSettings
from insvigil.vocabulary import Band

KEPT = 0.05
"""Probability under which a pair is not kept: nineteen alarms in twenty would be false."""
ENOUGH = 200
"""Pairs from which a file draws its lines alone; with fewer, usual ones make up the number."""
BANDS: tuple[Band, ...] = (Band.SURE, Band.PROBABLE, Band.REVIEW)


@dataclass(frozen=True)
class Line:
    """Where a band stops: ``line`` is the lowest probability in it.

    ``accepted`` is the share of false alarms that the settings allow in the band, ``expected`` the one expected among
    its ``pairs``, and ``expected_above`` the one expected among all the pairs above the line; both null without pair.
    """

    band: str
    accepted: float
    line: float
    pairs: int
    expected: float | None
    expected_above: float | None


@dataclass(frozen=True)
class Lines:
    """The lines of a file, from the surest band to the least sure."""

    bands: tuple[Line, ...]

    @property
    def proposed(self) -> float:
        """The probability from which a pair is a doublon potentiel: the line of the second band."""
        return self.bands[1].line

    def described(self) -> list[dict[str, Any]]:
        """Return what ``read`` reads, as ``run.json`` tells it."""
        return [asdict(line) for line in self.bands]

    @classmethod
    def read(cls, described: Sequence[dict[str, Any]]) -> Self:
        """Return the lines that a run told."""
        return cls(tuple(Line(**line) for line in described))

    def bands_of(self, chance: pl.Series) -> pl.Series:
        """Return the band of each probability, null under the last line."""
        above = pl.coalesce(
            pl.when(pl.col("chance") >= line.line).then(pl.lit(line.band)).otherwise(None) for line in self.bands
        )
        named = above.cast(pl.Enum([band.value for band in BANDS]))
        return chance.alias("chance").to_frame().select(band=named).to_series()

    def band(self, chance: float) -> Band | None:
        """Return the band of one probability, None under the last line."""
        return next((Band.of(line.band) for line in self.bands if chance >= line.line), None)


def draw_lines(chance: Bits, settings: MatchingSettings, usual: npt.NDArray[np.float64] | None) -> Lines:
    """Return the lines of a file whose pairs (that no rule excludes) have the probabilities ``chance``.

    ``usual`` has one row a weight in bits: the weight and how often it comes; None where nothing is usual.
    """
    own = np.asarray(chance[chance >= KEPT])
    values, counts = np.unique(own, return_counts=True)
    pairs = counts.astype(np.float64)
    borrowed = np.zeros(0)
    if usual is not None and len(own) < ENOUGH:
        borrowed = usual[:, 1] * ((ENOUGH - len(own)) / usual[:, 1].sum())
        values = np.concatenate([values, probability(usual[:, 0])])
    order = np.argsort(-values, kind="stable")
    values, shared = values[order], np.concatenate([pairs, borrowed])[order]
    pairs = np.concatenate([pairs, np.zeros(len(borrowed))])[order]
    drawn: list[Line] = []
    first = 0
    for band, accepted in zip(BANDS, accepted_shares(settings), strict=True):
        false, counted = np.cumsum((1 - values[first:]) * shared[first:]), np.cumsum(shared[first:])
        # the mean of 1 - p only grows as p falls: the last place within what is accepted ends the band
        last = first + int(np.searchsorted(false / counted, accepted + 1e-12, side="right"))
        line = float(values[last - 1]) if last > first else (drawn[-1].line if drawn else 1.0)
        drawn.append(
            Line(
                band=band.value,
                accepted=accepted,
                line=line,
                pairs=int(pairs[first:last].sum()),
                expected=_false_share(values[first:last], pairs[first:last]),
                expected_above=_false_share(values[:last], pairs[:last]),
            )
        )
        first = last
    return Lines(tuple(drawn))


def accepted_shares(settings: MatchingSettings) -> tuple[float, float, float]:
    """Return the share of false alarms accepted in each band."""
    return settings.sure_false_alarms, settings.probable_false_alarms, settings.review_false_alarms


def _false_share(values: Bits, pairs: Bits) -> float | None:
    counted = float(pairs.sum())
    return float(((1 - values) * pairs).sum() / counted) if counted else None
