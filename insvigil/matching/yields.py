"""What each block key costs and finds, when the truth is known: the ceiling of recall, key by key."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from insvigil.matching.blocking import Work, work_of
from insvigil.matching.encoding import encode
from insvigil.matching.keys import block_keys

TOTAL = "toutes les clés"


def keys_report(traits: pl.DataFrame, truth: pl.DataFrame) -> pl.DataFrame:
    """Return one row a block key, then one for all of them together.

    ``truth`` has ``person``, one row an identity in the order of ``traits``. Columns: ``key``; ``groups`` of two or
    more and the ``largest`` of them after splitting; ``pairs`` to compare; ``true_pairs`` among them, distinct;
    ``alone``, those that no other key finds; ``recall``, their share of all true pairs; ``seconds`` to make the
    groups of this key alone.
    """
    encoding = encode(traits)
    person = truth["person"].to_numpy().astype(np.int64)[encoding.rows]
    records = np.unique(person, return_counts=True)[1]
    true_pairs = int((records * (records - 1) // 2).sum())
    rows: list[dict[str, Any]] = []
    found: list[npt.NDArray[Any]] = []
    for key in block_keys(sexed=encoding.sexed):
        start = time.perf_counter()
        works = work_of(key, encoding)
        seconds = time.perf_counter() - start
        found.append(np.unique(np.concatenate([_true_pairs(work, person) for work in works])))
        sizes = np.concatenate([np.diff(work.starts) for work in works])
        rows.append({
            "key": key.name, "groups": len(sizes), "largest": int(sizes.max(initial=0)),
            "pairs": sum(int(work.costs().sum()) for work in works), "true_pairs": len(found[-1]),
            "seconds": seconds,
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
    """Return the pairs of one person among those of a work, as left << 32 | right (places)."""
    places, starts = work.places.astype(np.uint64), work.starts.astype(np.int64)
    sizes = np.diff(starts)
    out = [np.empty(0, np.uint64)]
    for size in np.unique(sizes):
        some = starts[:-1][sizes == size]
        a, b = np.triu_indices(int(size), 1)
        for first in range(0, len(some), max(1, 2_000_000 // max(len(a), 1))):
            at = some[first : first + max(1, 2_000_000 // max(len(a), 1)), None]
            out.append(_same(places[at + a].ravel(), places[at + b].ravel(), person))
    for r in range(1, work.reach + 1):
        for u in range(len(sizes) - r):
            one, other = places[starts[u] : starts[u + 1]], places[starts[u + r] : starts[u + r + 1]]
            out.append(_same(np.repeat(one, len(other)), np.tile(other, len(one)), person))
    return np.concatenate(out)


def _same(left: npt.NDArray[Any], right: npt.NDArray[Any], person: npt.NDArray[Any]) -> npt.NDArray[Any]:
    same = (person[left.astype(np.int64)] == person[right.astype(np.int64)]) & (left != right)
    left, right = left[same], right[same]
    pairs: npt.NDArray[Any] = np.minimum(left, right) << np.uint64(32) | np.maximum(left, right)
    return pairs
