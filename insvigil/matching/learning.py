"""Learning from what a site decided: the shipped weights, moved by a prior and by an offset a level, in bits.

The weight of a judged pair is the one of the base plus ``prior + sum(offset[trait, level])``; adding the same offset to
the score against chance and to the one against kinship adds it to the weight, so that the explanation keeps adding up.
Offsets are pulled to nothing (a ridge) and held to the order of ``levels.STRONGER``: few decisions change little, and a
stronger agreement never comes to weigh less. What people decided is what they were shown, most often proposed pairs: a
regression on the levels does not mind that the surest and the doubtful were chosen unequally, but nothing is learnt of
pairs that were never shown (``docs/decisions/0307-learning-from-decisions.md``).
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any, NamedTuple

import dataframely as dy
import numpy as np
import numpy.typing as npt
import polars as pl

from insvigil.errors import UsageError
from insvigil.frames import Traits
from insvigil.matching.comparing import compare_pairs
from insvigil.matching.encoding import encode
from insvigil.matching.grouping import components
from insvigil.matching.levels import LEVELS, STRONGER, TRAIT_LABELS, TRAITS, USUAL_RARITY, WIDTH
from insvigil.matching.second_look import settle
from insvigil.matching.stage import weights_for
from insvigil.matching.training import keep_order
from insvigil.matching.weights import Bits, Levels, Score, Weights, probability
from insvigil.settings import MatchingSettings
from insvigil.vocabulary import Decision

LEAST = 200
"""Decisions under which nothing is learnt."""
LEAST_OF_EACH = 40
"""Doublons, and non-doublons, under which nothing is learnt."""
PULL, PRIOR_PULL = 20.0, 2.0
"""How strongly an offset, and the prior, are pulled to nothing: 20 is a standard deviation of 0.3 bit before data."""
HOLD = 2_000.0
FOLDS = 5
ROUNDS = 30
STEPS = (0.0, 0.2, 0.5, 0.8, 0.95, 0.99, 1.000001)
"""Where the probabilities are cut to be set beside what people decided."""
LN2 = float(np.log(2.0))


class Learnt(NamedTuple):
    """What decisions taught: the new weights, and what changed.

    ``changes``: trait, agreement, decisions (pairs judged that have it), before, after, in bits, the prior first, then
    the levels that moved by 0.05 bit or more. ``calibration``: low, high, and for ``before`` and ``after`` how many
    pairs the weights put there, the probability said and the share decided doublon; ``after`` comes from folds, each
    judged by weights that have not seen it. ``loss_before`` and ``loss_after``: bits of surprise a decision, likewise.
    """

    weights: Weights
    decisions: int
    doublons: int
    changes: pl.DataFrame
    calibration: pl.DataFrame
    loss_before: float
    loss_after: float

    @property
    def better(self) -> bool:
        """Whether the decisions are foretold better by weights learnt from the others."""
        return self.loss_after < self.loss_before


def learn(traits: dy.DataFrame[Traits], decided: pl.DataFrame, settings: MatchingSettings) -> Learnt:
    """Return what the decisions teach; ``decided`` has left, right (row numbers of ``traits``) and decision.

    Only DOUBLON and NON_DOUBLON count, once a pair (the last). Raises ``UsageError`` when they are too few, or when the
    file is one that EM weighs.
    """
    judged = _judged(decided)
    same = (judged["decision"] == Decision.DOUBLON.value).to_numpy()
    _refuse_few(same)
    encoding = encode(traits)
    base = weights_for(traits, encoding, settings)
    if base.kinship is None:
        raise UsageError(
            "Ce fichier ne connaît ni le sexe ni le lieu de naissance : ses poids viennent de lui-même chaque nuit.",
            hint="Il n'y a rien à apprendre des décisions.",
        )
    left, right = (np.ascontiguousarray(judged[side].to_numpy()) for side in ("left", "right"))
    levels = compare_pairs(encoding, left, right, base)
    settle(traits, left, right, levels)
    weight = base.weigh(levels, encoding.size)
    groups = components(np.stack([left, right], axis=1), encoding.size)[left]
    _, folds = np.unique(groups, return_inverse=True)
    told = np.empty(len(same))
    for fold in range(FOLDS):
        out = folds % FOLDS == fold
        offsets = _fit(base, levels[~out], weight[~out], same[~out])
        told[out] = weight[out] + offsets.of(levels[out])
    offsets = _fit(base, levels, weight, same)
    weights = _moved(base, offsets)
    losses = tuple(_loss(bits, same) for bits in (weight, told))
    notes = {
        "decisions": len(same), "doublons": int(same.sum()), "base": dict(base.notes),
        "loss_before": round(losses[0], 4), "loss_after": round(losses[1], 4),
    }  # fmt: skip
    return Learnt(
        weights=replace(weights, notes=notes),
        decisions=len(same),
        doublons=int(same.sum()),
        changes=_changes(base, weights, levels),
        calibration=_calibration(weight, told, same),
        loss_before=losses[0],
        loss_after=losses[1],
    )


class _Offsets(NamedTuple):
    """Bits added to every weight, and to the weights that have a level."""

    prior: float
    bits: Bits  # (traits, levels)

    def of(self, levels: Levels) -> Bits:
        added = np.full(len(levels), self.prior)
        for t in range(len(TRAITS)):
            added += self.bits[t][levels[:, t]]
        return added


def _judged(decided: pl.DataFrame) -> pl.DataFrame:
    a, b = pl.col("left"), pl.col("right")
    ordered = decided.select(
        left=pl.min_horizontal(a, b).cast(pl.UInt32),
        right=pl.max_horizontal(a, b).cast(pl.UInt32),
        decision=pl.col("decision").cast(pl.String),
    )
    last = ordered.unique(["left", "right"], keep="last").filter(pl.col("left") != pl.col("right"))
    return last.filter(pl.col("decision").is_in([Decision.DOUBLON.value, Decision.NON_DOUBLON.value])).sort(
        "left", "right"
    )


def _refuse_few(same: npt.NDArray[np.bool_]) -> None:
    doublons = int(same.sum())
    others = len(same) - doublons
    if len(same) < LEAST or min(doublons, others) < LEAST_OF_EACH:
        raise UsageError(
            f"Trop peu de décisions pour apprendre : {doublons} doublons avérés et {others} non-doublons "
            f"(il en faut {LEAST} en tout, {LEAST_OF_EACH} de chaque).",
            hint="Gardez les poids livrés, et réessayez quand la cellule aura davantage décidé.",
        )


def _fit(base: Weights, levels: Levels, weight: Bits, same: npt.NDArray[np.bool_]) -> _Offsets:
    """Return the offsets that make the decisions most likely (Newton on a convex loss)."""
    places = np.full((len(TRAITS), WIDTH), -1)
    seen = [(t, int(level)) for t in range(len(TRAITS)) for level in np.unique(levels[:, t]) if level]
    for n, (t, level) in enumerate(seen, start=1):
        places[t, level] = n
    width = len(seen) + 1
    x = np.zeros((len(levels), width + 1))  # the last column takes missing sides
    x[:, 0] = 1
    rows = np.arange(len(levels))
    for t in range(len(TRAITS)):
        x[rows, places[t][levels[:, t]]] = 1
    x = x[:, :width]
    pull = np.full(width, PULL)
    pull[0] = PRIOR_PULL
    limits = _limits(base, places, width)
    beta = np.zeros(width)
    for _ in range(ROUNDS):
        said = probability(weight + (x @ beta) / LN2)
        gradient = x.T @ (same - said) - pull * beta
        hessian = (x * (said * (1 - said))[:, None]).T @ x + np.diag(pull)
        for row, most in limits:
            excess = float(beta @ row) - most
            if excess > 0:
                gradient -= HOLD * excess * row
                hessian += HOLD * np.outer(row, row)
        step = np.linalg.solve(hessian, gradient)
        beta = beta + step * min(1.0, 1.0 / float(np.abs(step).max(initial=1e-9)))
        if np.abs(step).max() < 1e-6:
            break
    bits = np.where(places >= 0, beta[places], 0.0) / LN2
    return _Offsets(float(beta[0] / LN2), bits)


def _limits(base: Weights, places: npt.NDArray[np.int64], width: int) -> list[tuple[Bits, float]]:
    """Return what keeps the order of the levels: how much more, in nats, a weaker one may gain than a stronger one."""
    limits = []
    for t, trait in enumerate(TRAITS):
        for chain in STRONGER[trait]:
            for weaker, stronger in pairwise(chain):
                row = np.zeros(width)
                for level, sign in ((weaker, 1.0), (stronger, -1.0)):
                    if places[t, level] > 0:
                        row[places[t, level]] += sign
                if row.any():
                    room = min(_usual(score, t, stronger) - _usual(score, t, weaker) for score in _scores(base))
                    limits.append((row, max(room, 0.0) * LN2))
    return limits


def _scores(weights: Weights) -> list[Score]:
    return [score for score in (weights.chance, weights.kinship) if score is not None]


def _usual(score: Score, trait: int, level: int) -> float:
    return float(score.bits[trait, level] + USUAL_RARITY * score.slopes[trait, level])


def _moved(base: Weights, offsets: _Offsets) -> Weights:
    """Return the weights with the offsets in both scores, their levels in order to the last digit."""
    moved = [
        keep_order(replace(score, prior=score.prior + offsets.prior, bits=score.bits + offsets.bits), chance=k == 0)
        for k, score in enumerate(_scores(base))
    ]
    return replace(base, chance=moved[0], kinship=moved[1])


def _loss(weight: Bits, same: npt.NDArray[np.bool_]) -> float:
    """Return the mean surprise of the decisions, in bits."""
    return float(np.logaddexp2(0.0, np.where(same, -weight, weight)).mean())


def _changes(base: Weights, weights: Weights, levels: Levels) -> pl.DataFrame:
    """Return the bits of each level against chance, before and after, where they moved."""
    before, after = base.chance, weights.chance
    rows = [("départ", "deux identités au hasard", len(levels), before.prior, after.prior)]
    for t, trait in enumerate(TRAITS):
        counts = np.bincount(levels[:, t], minlength=WIDTH)
        rows += [
            (
                TRAIT_LABELS[trait], LEVELS[trait][level], int(counts[level]),
                float(before.bits[t, level]), float(after.bits[t, level]),
            )
            for level in np.flatnonzero(np.abs(after.bits[t] - before.bits[t]) >= 0.05)
        ]  # fmt: skip
    return pl.DataFrame(rows, schema=["trait", "agreement", "decisions", "before", "after"], orient="row")


def _calibration(before: Bits, after: Bits, same: npt.NDArray[np.bool_]) -> pl.DataFrame:
    rows: list[dict[str, Any]] = []
    for low, high in pairwise(STEPS):
        row: dict[str, Any] = {"low": low, "high": min(high, 1.0)}
        for name, weight in (("before", before), ("after", after)):
            said = probability(weight)
            inside = (said >= low) & (said < high)
            row[f"{name}_pairs"] = int(inside.sum())
            row[f"{name}_said"] = float(said[inside].mean()) if inside.any() else None
            row[f"{name}_true"] = float(same[inside].mean()) if inside.any() else None
        rows.append(row)
    return pl.DataFrame(rows)
