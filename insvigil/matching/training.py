"""Learning the weights from files whose truth is known: two adversaries, chance and kinship.

The pairs that are not one person are a mixture of two kinds that no truth tells apart, so the fit is an EM around a
logistic regression of three outcomes: same person, chance, kinship. The log of the size of the file is an offset of
chance alone. Run by ``python tools/train_matching.py``; the data sheet is in ``docs/reference/matching.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from insvigil.matching.bands import KEPT
from insvigil.matching.comparing import compare_candidates
from insvigil.matching.encoding import encode
from insvigil.matching.estimating import random_pairs, shares
from insvigil.matching.levels import (
    DIFFERENT,
    EXACT,
    LEVELS,
    RARITIES,
    STRONGER,
    STRONGEST,
    TRAITS,
    USUAL_RARITY,
    WIDTH,
)
from insvigil.matching.second_look import settle
from insvigil.matching.weights import Bits, Levels, Score, Weights

DEEP = -30.0
"""Bits below which a pair is too unlike to teach anything."""
RIDGE = (20.0, 3.0)
"""How strongly chance is pulled to the frequencies of random pairs, and kinship to 0."""
PRIOR_RIDGE = 0.1
"""How strongly a prior is pulled to where the search starts: hardly, since random pairs do not know it."""
DOUBT = 0.03
"""Share of the pairs of one person spread evenly over the levels of a trait: no generator knows all that happens."""
STEEPEST = 1.2
"""Slope of rarity at most: a value is worth what its frequency allows (1), a little more where others lean on it."""
HOLD = 100_000.0
"""How strongly the search is held to the limits of the slopes and to the order of the levels."""
LN2 = float(np.log(2.0))

RARE_LEVELS: dict[str, tuple[tuple[int, ...], ...]] = {
    "birth_name": ((3, 4), (5,), (6,), (7,), (8,), (9,)),
    "given_name": ((3, 4, 12, 16), (5, 13), (6, 14), (7, 15), (9,), (10,), (11,)),
    "birth_place": ((4,),),
    "postal_code": ((4,),),
    "address": ((3,),),
    "phone": ((3,),),
}
"""By trait, the levels at which the rarity of the value counts, those with one slope together."""


class Sample(NamedTuple):
    """The compared pairs of one file: distinct rows of levels, how many pairs have each, how many are one person."""

    levels: Levels
    pairs: Bits
    same: Bits
    size: int
    true_pairs: int


def draw_sample(traits: pl.DataFrame, person: npt.NDArray[np.int64], weights: Weights) -> Sample:
    """Return the pairs of a file whose truth is ``person``, one number an identity."""
    found = compare_candidates(encode(traits), Weights(weights.chance), DEEP)
    settle(traits, found.left, found.right, found.levels)
    frame = pl.DataFrame(found.levels).with_columns(same=pl.Series(person[found.left] == person[found.right]))
    grouped = frame.group_by(pl.exclude("same")).agg(n=pl.len(), k=pl.col("same").sum())
    levels = np.ascontiguousarray(grouped.drop("n", "k").to_numpy())
    records = np.unique(person, return_counts=True)[1]
    pairs, same = (grouped[name].cast(pl.Float64).to_numpy() for name in ("n", "k"))
    return Sample(levels, pairs, same, traits.height, int((records * (records - 1) // 2).sum()))


def chance_frequencies(traits: pl.DataFrame, weights: Weights) -> Bits:
    """Return how often two identities of a large file taken at random have each level."""
    return shares(random_pairs(traits, encode(traits), weights))


def fit(
    samples: Sequence[Sample],
    frequencies: Bits,
    *,
    start: Weights | None = None,
    rounds: int = 60,
    tell: Callable[[int, float], None] | None = None,
) -> Weights:
    """Return the weights that make the samples most likely.

    ``frequencies`` are the levels of random pairs, towards which chance is pulled: without it, what random pairs are
    like would be learnt from those few that the block keys let through, and large files would pay for it. Slopes stay
    between 0 and ``STEEPEST``: a rarer value never speaks against. ``start`` spares rounds.
    """
    columns = _Columns.make()
    beta = np.stack([_against_chance(samples, frequencies, columns), _against_kinship(columns)])
    centre = np.stack([beta[0], np.zeros(columns.width)])
    if start is not None and start.kinship is not None:
        beta = np.stack([columns.beta(start.chance), columns.beta(start.kinship)]) * LN2
    for k, row in enumerate(beta):
        _order(row, columns, chance=k == 0)
    limits = [_Limits.make(columns, chance=chance) for chance in (True, False)]
    best, least, speed = beta, np.inf, 1.0
    step = np.zeros_like(beta)
    for turn in range(rounds):
        loss, gradient, hessian = _derivatives(samples, beta, centre, columns)
        loss += sum(held.cost(row) for held, row in zip(limits, beta, strict=True))
        if tell is not None:
            tell(turn, loss)
        if loss < least:
            done = least - loss < 1e-5 * loss
            best, least, speed = beta, loss, min(1.0, speed * 2)
            if done:
                break
            step = np.stack([limits[k].step(beta[k], gradient[k], hessian[k]) for k in (0, 1)])
            step *= np.minimum(1.0, 3.0 / np.abs(step).max(axis=1, keepdims=True))
        else:
            speed /= 3
        beta = best + speed * step
    for k, row in enumerate(best):
        row[columns.sloping] = np.clip(row[columns.sloping], 0.0, STEEPEST * LN2)
        _order(row, columns, chance=k == 0)
    return Weights(columns.score(best[0] / LN2), columns.score(best[1] / LN2))


def keep_order(score: Score, *, chance: bool) -> Score:
    """Return the score with its levels in the order of ``levels.STRONGER``, moved by as little as it takes."""
    columns = _Columns.make()
    beta = columns.beta(score)
    _order(beta, columns, chance=chance)
    return columns.score(beta)


def usual_spread(samples: Sequence[Sample], weights: Weights) -> Bits:
    """Return how often each weight comes among the pairs of ``samples`` that are kept: (weight, share), by half bit."""
    least, most = float(np.log2(KEPT / (1 - KEPT))), 16.0
    counts: dict[float, float] = {}
    for sample in samples:
        weight = weights.weigh(sample.levels, sample.size)
        kept = weight >= least
        steps = np.floor(2 * np.minimum(weight[kept], most)) / 2
        for step in np.unique(steps):
            counts[float(step)] = counts.get(float(step), 0.0) + float(sample.pairs[kept][steps == step].sum())
    total = sum(counts.values())
    return np.array([[max(step + 0.25, least), round(count / total, 5)] for step, count in sorted(counts.items())])


class _Columns(NamedTuple):
    """The columns of the regression: where each level and slope is; column 0 is the prior."""

    levels: npt.NDArray[np.int64]  # (traits, levels) column, -1 where none
    slopes: npt.NDArray[np.int64]
    width: int

    @classmethod
    def make(cls) -> _Columns:
        levels, slopes = np.full((len(TRAITS), WIDTH), -1), np.full((len(TRAITS), WIDTH), -1)
        n = 1
        for t, trait in enumerate(TRAITS):
            for level in range(1, len(LEVELS[trait])):
                if LEVELS[trait][level]:
                    levels[t, level] = n
                    n += 1
            for together in RARE_LEVELS.get(trait, ()):
                slopes[t, list(together)] = n
                n += 1
        return cls(levels, slopes, n)

    @property
    def sloping(self) -> npt.NDArray[np.int64]:
        return np.unique(self.slopes[self.slopes >= 0])

    def rows(self, levels: Levels) -> Bits:
        x = np.zeros((len(levels), self.width + 1))  # the last column takes what has no column
        x[:, 0] = 1
        at = np.arange(len(levels))
        for t, trait in enumerate(TRAITS):
            x[at, self.levels[t][levels[:, t]]] = 1
            if trait in RARITIES:
                x[at, self.slopes[t][levels[:, t]]] = levels[:, len(TRAITS) + tuple(RARITIES).index(trait)] / 8
        return x[:, : self.width]

    def beta(self, score: Score) -> Bits:
        out = np.zeros(self.width)
        out[0] = score.prior
        for places, values in ((self.levels, score.bits), (self.slopes, score.slopes)):
            out[places[places >= 0]] = values[places >= 0]
        return out

    def score(self, beta: Bits) -> Score:
        return Score(
            prior=float(beta[0]),
            bits=np.where(self.levels >= 0, beta[self.levels], 0.0),
            slopes=np.where(self.slopes >= 0, beta[self.slopes], 0.0),
        )


def _against_chance(samples: Sequence[Sample], frequencies: Bits, columns: _Columns) -> Bits:
    """Return log m/u: how often the levels come among pairs of one person, and among random pairs."""
    agreed = np.zeros((len(TRAITS), WIDTH))
    for sample in samples:
        agreed += shares(sample.levels, sample.same) * sample.same.sum()
    agreed /= np.maximum(agreed.sum(axis=1, keepdims=True), 1e-9)
    named = columns.levels >= 0
    agreed = (1 - DOUBT) * agreed + DOUBT * named / named.sum(axis=1, keepdims=True)
    beta = np.zeros(columns.width)
    beta[0] = -2.5 * LN2  # 8 % copies: 0.09 pairs an identity, out of half as many pairs as its square
    for t, trait in enumerate(TRAITS):
        for level in np.flatnonzero(columns.levels[t] >= 0):
            column, slope = columns.levels[t, level], columns.slopes[t, level]
            exact = level in EXACT.get(trait, ())
            if slope >= 0:
                beta[slope] = (1.0 if exact else 0.3) * LN2
            against = 1.0 if exact else frequencies[t, level] + 1e-6
            beta[column] = np.log(agreed[t, level] / against)
    return beta


def _against_kinship(columns: _Columns) -> Bits:
    """Return where the search starts: relatives share the family name, and not the given name or the date."""
    beta = np.zeros(columns.width)
    for trait, level, value in (
        ("given_name", 1, -6.0), ("given_name", 11, 4.0), ("birth_date", 9, -2.0), ("birth_date", 1, -3.0)
    ):  # fmt: skip
        beta[columns.levels[TRAITS.index(trait), level]] = value
    return beta


class _Limits(NamedTuple):
    """The limits of a score: ``rows @ beta <= most``, held by a steep cost."""

    rows: Bits
    most: Bits

    @classmethod
    def make(cls, columns: _Columns, *, chance: bool) -> _Limits:
        """Return the limits of the slopes, the order of the levels and, against chance, the sign of both ends."""
        limits: list[tuple[Bits, float]] = []
        for column in columns.sloping:
            row = np.eye(columns.width)[column]
            limits += [(row, STEEPEST * LN2), (-row, 0.0)]
        for t, trait in enumerate(TRAITS):
            for chain in STRONGER[trait]:
                limits += [(_at(columns, t, a) - _at(columns, t, b), 0.0) for a, b in pairwise(chain)]
            if chance:
                limits += [(-_at(columns, t, STRONGEST[trait]), 0.0), (_at(columns, t, DIFFERENT), 0.0)]
        rows, most = zip(*limits, strict=True)
        return cls(np.stack(rows), np.array(most))

    def cost(self, beta: Bits) -> float:
        """Return what it costs to be beyond the limits."""
        return float(0.5 * HOLD * (np.maximum(self.rows @ beta - self.most, 0.0) ** 2).sum())

    def step(self, beta: Bits, gradient: Bits, hessian: Bits) -> Bits:
        """Return the step to the best of the quadratic model within the limits.

        The limits are part of the model: a step that ignores those it will cross must be shortened to nearly nothing,
        and moving the weights back after each step is no longer downhill. Both stop the search early.
        """
        step: Bits = np.zeros_like(beta)
        crossed = np.zeros(len(self.most), np.bool_)
        for _ in range(100):
            now = self.rows @ (beta + step) - self.most > 0
            if (now == crossed).all() and step.any():
                break
            crossed = now
            held = self.rows[crossed]
            pull = HOLD * held.T @ (held @ beta - self.most[crossed])
            step = np.asarray(np.linalg.solve(hessian + HOLD * held.T @ held, gradient - pull), np.float64)
        return step


def _at(columns: _Columns, trait: int, level: int) -> Bits:
    """Return the row that gives the weight of a level for a value of usual rarity."""
    row = np.zeros(columns.width)
    row[columns.levels[trait, level]] = 1.0
    if columns.slopes[trait, level] >= 0:
        row[columns.slopes[trait, level]] = USUAL_RARITY
    return row


def _order(beta: Bits, columns: _Columns, *, chance: bool) -> None:
    """Level, in place, what a stronger agreement would weigh less than a weaker one.

    Against chance, whole agreement weighs at least nothing and a difference at most nothing.
    """
    for _ in range(20):
        settled = True
        for t, trait in enumerate(TRAITS):
            if chance:
                least, most = columns.levels[t, STRONGEST[trait]], columns.levels[t, DIFFERENT]
                beta[least] += max(0.0, -_usual(beta, columns, t, STRONGEST[trait]))
                beta[most] -= max(0.0, _usual(beta, columns, t, DIFFERENT))
            for chain in STRONGER[trait]:
                for weaker, stronger in pairwise(chain):
                    a, b = columns.levels[t, weaker], columns.levels[t, stronger]
                    excess = _usual(beta, columns, t, weaker) - _usual(beta, columns, t, stronger)
                    if excess > 1e-9:
                        beta[a] -= excess / 2
                        beta[b] += excess / 2
                        settled = False
        if settled:
            return


def _usual(beta: Bits, columns: _Columns, trait: int, level: int) -> float:
    slope = columns.slopes[trait, level]
    return float(beta[columns.levels[trait, level]] + (USUAL_RARITY * beta[slope] if slope >= 0 else 0.0))


def _derivatives(
    samples: Sequence[Sample], beta: Bits, centre: Bits, columns: _Columns
) -> tuple[float, list[Bits], list[Bits]]:
    """Return minus the log-likelihood with its ridge, and by adversary its gradient and its expected Hessian."""
    classes = range(len(beta))
    pull = np.repeat(np.array(RIDGE)[:, None], columns.width, axis=1)
    pull[:, 0] = PRIOR_RIDGE
    loss = float(0.5 * (pull * (beta - centre) ** 2).sum())
    gradient = [-pull[k] * (beta[k] - centre[k]) for k in classes]
    hessian = [np.diag(pull[k]) for k in classes]
    for sample in samples:
        for first in range(0, len(sample.levels), 100_000):
            cut = slice(first, first + 100_000)
            x, n, same = columns.rows(sample.levels[cut]), sample.pairs[cut], sample.same[cut]
            against = -(x @ beta.T)
            against[:, 0] += np.log(sample.size)
            top = np.maximum(against.max(axis=1), 0.0)
            odds = np.exp(against - top[:, None])
            share = odds / (odds.sum(axis=1) + np.exp(-top))[:, None]
            other = share.sum(axis=1)
            loss -= float((same * np.log(np.maximum(1 - other, 1e-300))).sum())
            loss -= float(((n - same) * np.log(np.maximum(other, 1e-300))).sum())
            owed = share / np.maximum(other, 1e-300)[:, None] * (n - same)[:, None]
            for k in classes:
                gradient[k] = gradient[k] + x.T @ (n * share[:, k] - owed[:, k])
                hessian[k] = hessian[k] + (x * (n * share[:, k] * (1 - share[:, k]) + 1e-9)[:, None]).T @ x
    return loss, gradient, hessian
