"""The stage: traits in; scored pairs, findings and groups out. Read this first."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import dataframely as dy
import numpy as np
import numpy.typing as npt
import polars as pl

from insvigil.frames import Groups, ScoredPairs, Traits
from insvigil.matching.bands import KEPT, Lines, draw_lines
from insvigil.matching.comparing import (
    WHOLE_NAME,
    Progress,
    Survivors,
    block_names,
    compare_candidates,
    compare_pairs,
)
from insvigil.matching.encoding import Encoding, encode
from insvigil.matching.estimating import learn_by_em, looks_like_a_hospital, random_pairs
from insvigil.matching.findings import FINDINGS, find
from insvigil.matching.grouping import group_pairs
from insvigil.matching.levels import TRAITS
from insvigil.matching.rules import Verdicts, judge
from insvigil.matching.second_look import settle
from insvigil.matching.weights import Bits, Weights, probability, weights_at
from insvigil.settings import MatchingSettings
from insvigil.vocabulary import Decision, Finding

HOPELESS = -20.0
"""Bits below which a pair teaches nothing to EM."""


class Matching(NamedTuple):
    """What matching found, what it cost (counts by name, seconds by step), and the file as coded, to explain pairs."""

    pairs: dy.DataFrame[ScoredPairs]
    groups: dy.DataFrame[Groups]
    counts: dict[str, Any]
    timings: dict[str, float]
    lines: Lines
    encoding: Encoding


def match(
    traits: dy.DataFrame[Traits],
    settings: MatchingSettings,
    *,
    decided: pl.DataFrame | None = None,
    focus: npt.NDArray[np.bool_] | None = None,
    carried: pl.DataFrame | None = None,
    progress: Progress | None = None,
) -> Matching:
    """Compare the identities of a file and return the pairs worth keeping, their findings and their groups.

    ``decided`` (left, right, decision) are pairs that people judged. With ``focus`` (one boolean an identity), only
    the pairs that touch an identity in focus are looked for; ``carried`` (left, right, block) are the pairs of other
    nights that touch none, compared anew so that their weight is this file's. Raises ``UsageError`` when more than
    ``settings.max_comparisons`` comparisons would be made. The result does not depend on the order of the rows nor
    on the number of threads.
    """
    clock = _Clock()
    encoding = encode(traits, focus)
    clock.lap("encoding")
    weights = weights_for(traits, encoding, settings)
    clock.lap("estimating")
    found = compare_candidates(
        encoding, weights, _bits(KEPT), threads=settings.threads, limit=settings.max_comparisons,
        focused=focus is not None, progress=progress,
    )  # fmt: skip
    for more in (carried, _doublons(decided)):
        if more is not None and more.height:
            found = _with(found, more, encoding, weights)
    clock.lap("comparing")
    settle(traits, found.left, found.right, found.levels)
    weight = weights.weigh(found.levels, encoding.size)
    chance = probability(weight)
    hospital = weights.kinship is not None
    verdicts = judge(traits, found.left, found.right, found.levels, chance, decided, hospital=hospital)
    lines = draw_lines(chance[~verdicts.never], settings, weights.usual)
    finding = find(found.levels, chance, verdicts, lines.proposed, hospital=hospital)
    clock.lap("weighing")
    proposed = finding == FINDINGS.index(Finding.DPOT)

    def weigh(pairs: npt.NDArray[np.uint32]) -> tuple[Bits, npt.NDArray[np.bool_]]:
        left, right = np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1])
        levels = compare_pairs(encoding, left, right, weights)
        settle(traits, left, right, levels)
        bits = weights.weigh(levels, encoding.size)
        judged = judge(traits, left, right, levels, probability(bits), decided, hospital=hospital)
        return np.where(judged.certain, np.inf, bits), judged.never

    pairs = np.stack([found.left, found.right], axis=1)[proposed]
    members, group = group_pairs(pairs, weight[proposed], weigh)
    groups = pl.DataFrame({"identity_id": members, "group": group})
    clock.lap("grouping")
    collision = finding == FINDINGS.index(Finding.COLP)
    kept = (chance >= KEPT) | proposed | collision
    scored = _frame(found, weight, chance, finding, verdicts, kept)
    counts = {
        "identities": encoding.size,
        "candidates": found.compared,
        "kept": scored.height,
        "proposed": int(proposed.sum()),
        "groups": int((members == group).sum()),
        "homonymes": int((finding[kept] == FINDINGS.index(Finding.HOMD)).sum()),
        "collisions": int(collision.sum()),
        "bands": lines.described(),
    }
    return Matching(ScoredPairs.validate(scored), Groups.validate(groups), counts, clock.laps, lines, encoding)


def weights_for(traits: pl.DataFrame, encoding: Encoding, settings: MatchingSettings) -> Weights:
    """Return the weights for a file: the site's or those shipped, or those of EM when it is unlike a hospital's."""
    weights = weights_at(settings.weights)
    if looks_like_a_hospital(traits):
        return weights
    start = Weights(weights.chance)
    found = compare_candidates(encoding, start, HOPELESS, threads=settings.threads, limit=settings.max_comparisons)
    settle(traits, found.left, found.right, found.levels)
    return learn_by_em(found.levels, random_pairs(traits, encoding, start), encoding.size, start)


def _doublons(decided: pl.DataFrame | None) -> pl.DataFrame | None:
    """Return the pairs that people judged doublons: they stand whatever their score."""
    if decided is None:
        return None
    judged = decided.filter(pl.col("decision").cast(pl.String) == Decision.DOUBLON.value)
    return judged.select(
        left=pl.min_horizontal("left", "right").cast(pl.UInt32),
        right=pl.max_horizontal("left", "right").cast(pl.UInt32),
        block=pl.lit(WHOLE_NAME),
    )


def _with(found: Survivors, more: pl.DataFrame, encoding: Encoding, weights: Weights) -> Survivors:
    """Return the survivors and ``more`` pairs (left, right, block), each once, sorted."""
    names = block_names()
    block = more["block"].replace_strict(names, range(len(names)), default=len(names) - 1, return_dtype=pl.UInt8)
    again = compare_pairs(encoding, more["left"].to_numpy(), more["right"].to_numpy(), weights)
    left = np.concatenate([found.left, more["left"].to_numpy()])
    right = np.concatenate([found.right, more["right"].to_numpy()])
    _, first = np.unique(left.astype(np.uint64) << np.uint64(32) | right, return_index=True)
    return Survivors(
        left[first],
        right[first],
        np.concatenate([found.levels, again])[first],
        np.concatenate([found.block, block.to_numpy()])[first],
        found.compared + more.height,
    )


def _bits(chance: float) -> float:
    return float(np.log2(chance / (1 - chance)))


def _frame(
    found: Survivors,
    weight: Bits,
    chance: Bits,
    finding: npt.NDArray[np.int8],
    verdicts: Verdicts,
    kept: npt.NDArray[np.bool_],
) -> pl.DataFrame:
    findings = pl.Series(FINDINGS).cast(pl.Enum([value.value for value in Finding]))
    columns = {
        "left": pl.Series(found.left[kept]),
        "right": pl.Series(found.right[kept]),
        "probability": pl.Series(chance[kept]),
        "weight": pl.Series(weight[kept]),
        "finding": findings.gather(finding[kept].astype(np.uint32)),
        "rule": verdicts.codes().filter(pl.Series(kept)),
        "block": pl.Series(block_names()).gather(found.block[kept].astype(np.uint32)),
    }
    for t, trait in enumerate(TRAITS):
        columns[f"agree_{trait}"] = pl.Series(found.levels[kept, t])
    return pl.DataFrame(columns)


class _Clock:
    """Seconds by step."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self.last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = now - self.last
        self.last = now
