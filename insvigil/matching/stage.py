"""The stage: traits in; scored pairs, findings and groups out."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import dataframely as dy
import numpy as np
import numpy.typing as npt
import polars as pl

from insvigil.frames import Groups, ScoredPairs, Traits
from insvigil.matching.comparing import Progress, block_names, compare_candidates
from insvigil.matching.contacts import settle_contacts
from insvigil.matching.encoding import encode
from insvigil.matching.grouping import components
from insvigil.matching.levels import TRAITS
from insvigil.matching.weights import probability, shipped
from insvigil.settings import MatchingSettings
from insvigil.vocabulary import Finding


class Matching(NamedTuple):
    """What matching found, and what it cost: counts by name, seconds by step."""

    pairs: dy.DataFrame[ScoredPairs]
    groups: dy.DataFrame[Groups]
    counts: dict[str, Any]
    timings: dict[str, float]


def match(
    traits: dy.DataFrame[Traits],
    settings: MatchingSettings,
    *,
    decided: pl.DataFrame | None = None,
    focus: npt.NDArray[np.bool_] | None = None,
    progress: Progress | None = None,
) -> Matching:
    """Compare the identities of a file and return the pairs worth keeping, their findings and their groups."""
    clock = _Clock()
    encoding = encode(traits, focus)
    clock.lap("encoding")
    weights = shipped()
    least = float(np.log2(settings.review_threshold / (1 - settings.review_threshold)))
    found = compare_candidates(
        encoding, weights, least, threads=settings.threads, limit=settings.max_comparisons,
        focused=focus is not None, progress=progress,
    )  # fmt: skip
    clock.lap("comparing")
    settle_contacts(traits, found.left, found.right, found.levels)
    weight = weights.weigh(found.levels, traits.height)
    clock.lap("weighing")
    chance = probability(weight)
    proposed = chance >= settings.threshold
    kept = chance >= settings.review_threshold
    finding = np.where(proposed, Finding.DPOT.value, Finding.NONE.value)
    names = block_names()
    columns = {
        "left": pl.Series(found.left[kept]),
        "right": pl.Series(found.right[kept]),
        "probability": chance[kept],
        "weight": weight[kept],
        "finding": pl.Series(finding[kept]).cast(pl.Enum([f.value for f in Finding])),
        "rule": pl.Series([None], dtype=pl.String).new_from_index(0, int(kept.sum())),
        "block": pl.Series(names).gather(found.block[kept].astype(np.uint32)),
    }
    for t, trait in enumerate(TRAITS):
        columns[f"agree_{trait}"] = found.levels[kept, t]
    roots = components(np.stack([found.left[proposed], found.right[proposed]], axis=1), traits.height)
    sizes = np.bincount(roots, minlength=len(roots))
    members = np.flatnonzero(sizes[roots] > 1).astype(np.uint32)
    groups = pl.DataFrame({"identity_id": members, "group": roots[members]})
    clock.lap("grouping")
    counts = {
        "identities": traits.height, "candidates": found.compared, "survivors": len(found.left), "kept": int(kept.sum()),
        "proposed": int(proposed.sum()), "groups": groups["group"].n_unique(),
    }  # fmt: skip
    return Matching(ScoredPairs.validate(pl.DataFrame(columns)), Groups.validate(groups), counts, clock.laps)


class _Clock:
    """Seconds by step."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self.last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = now - self.last
        self.last = now
