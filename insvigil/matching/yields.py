"""What each block key costs and finds, when the truth is known: the ceiling of recall, key by key."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from insvigil.matching.blocking import Work, groups_of
from insvigil.matching.encoding import encode
from insvigil.matching.keys import block_keys

TOTAL = "toutes les clés"


def keys_report(traits: pl.DataFrame, truth: pl.DataFrame) -> pl.DataFrame:
    """Return one row a block key, then one for all of them together.

    ``truth`` has ``person``, one row an identity in the order of ``traits``. Columns: ``key``; ``groups`` of two or
    more and the ``largest`` of them after splitting; ``pairs`` to compare; ``true_pairs`` among them, distinct;
    ``alone``, those that no other key finds; ``recall``, their share of all true pairs; ``seconds`` to make the
    groups, on one core.
    """
    encoding = encode(traits)
    person = truth["person"].to_numpy().astype(np.int64)
    records = np.unique(person, return_counts=True)[1]
    true_pairs = int((records * (records - 1) // 2).sum())
    rows: list[dict[str, Any]] = []
    found: list[npt.NDArray[Any]] = []
    for key in block_keys():
        start = time.perf_counter()
        works = list(groups_of(key, encoding, focused=False))
        seconds = time.perf_counter() - start
        found.append(np.unique(np.concatenate([_true_pairs(work, person) for work in works])))
        units = np.concatenate([work.units for work in works])
        rows.append({
            "key": key.name, "groups": len(units), "largest": int(units[:, 1].max(initial=0)),
            "pairs": sum(work.pairs for work in works), "true_pairs": len(found[-1]), "seconds": seconds,
        })  # fmt: skip
    distinct, times = np.unique(np.concatenate(found), return_counts=True)
    once = distinct[times == 1]
    for row, pairs in zip(rows, found, strict=True):
        row["alone"] = int(np.isin(pairs, once, assume_unique=True).sum())
    rows.append({
        "key": TOTAL, "groups": sum(row["groups"] for row in rows), "largest": max(row["largest"] for row in rows),
        "pairs": sum(row["pairs"] for row in rows), "true_pairs": len(distinct),
        "seconds": sum(row["seconds"] for row in rows), "alone": len(once),
    })  # fmt: skip
    report = pl.DataFrame(rows).with_columns(recall=pl.col("true_pairs") / max(true_pairs, 1))
    return report.select("key", "groups", "largest", "pairs", "true_pairs", "alone", "recall", "seconds")


def _true_pairs(work: Work, person: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the pairs of one person inside the units, as left << 32 | right."""
    low = np.uint64((1 << work.shift) - 1)
    out = [np.empty(0, np.uint64)]
    across = work.units[:, 0] != work.units[:, 2]
    for size in np.unique(work.units[~across, 1]):
        starts = work.units[~across & (work.units[:, 1] == size), 0].astype(np.int64)
        a, b = np.triu_indices(int(size), 1)
        for first in range(0, len(starts), max(1, 2_000_000 // max(len(a), 1))):
            some = starts[first : first + max(1, 2_000_000 // max(len(a), 1)), None]
            out.append(_same(work.keys[some + a].ravel() & low, work.keys[some + b].ravel() & low, person))
    for start, size, other, width in work.units[across].astype(np.int64):
        left = np.repeat(work.keys[start : start + size] & low, width)
        out.append(_same(left, np.tile(work.keys[other : other + width] & low, size), person))
    return np.concatenate(out)


def _same(left: npt.NDArray[Any], right: npt.NDArray[Any], person: npt.NDArray[Any]) -> npt.NDArray[Any]:
    same = (person[left.astype(np.int64)] == person[right.astype(np.int64)]) & (left != right)
    left, right = left[same], right[same]
    pairs: npt.NDArray[Any] = np.minimum(left, right) << np.uint64(32) | np.maximum(left, right)
    return pairs
