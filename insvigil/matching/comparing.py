"""Candidate pairs compared in threads: what remains is worth a weight."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from insvigil.errors import UsageError
from insvigil.matching.blocking import Work, groups_of, row_bits, whole_file
from insvigil.matching.encoding import Encoding
from insvigil.matching.keys import Key, block_keys
from insvigil.matching.levels import RARITIES, TRAITS
from insvigil.matching.weights import Weights

WHOLE_FILE = 6_000
"""Files of at most this many identities are compared whole: 18 million pairs, half a second."""
MANY_UNITS = 64
"""Units from which a work is worth sharing between threads."""
WHOLE_NAME = "fichier entier"
ROOM = 1 << 18
"""Pairs a thread writes before they are set aside; more than the pairs of one unit."""

EVERYTHING = -1e9
"""A floor that no pair is under."""

Progress = Callable[[int, int], None]


class Survivors(NamedTuple):
    """The pairs that may matter, each once, sorted: ``left`` < ``right``, levels then rarities, and their key."""

    left: npt.NDArray[np.uint32]
    right: npt.NDArray[np.uint32]
    levels: npt.NDArray[np.uint8]
    block: npt.NDArray[np.uint8]
    compared: int


class _Found(NamedTuple):
    pairs: npt.NDArray[np.uint64]
    levels: npt.NDArray[np.uint8]
    block: int
    compared: int


def block_names() -> tuple[str, ...]:
    """Return the names that ``Survivors.block`` counts from 0."""
    return (*(key.name for key in block_keys()), WHOLE_NAME)


def compare_candidates(
    encoding: Encoding,
    weights: Weights,
    floor: float,
    *,
    threads: int = 0,
    limit: int | None = None,
    focused: bool = False,
    progress: Progress | None = None,
) -> Survivors:
    """Return the candidate pairs whose weight may reach ``floor`` bits.

    Raises ``UsageError`` when more than ``limit`` comparisons would be made.
    """
    budget = _Budget(limit)
    engine = _Engine(
        encoding, weights.tables(encoding.size), floor - weights.start(encoding.size), focused, met_for(encoding.size)
    )
    threads = threads or os.cpu_count() or 1
    keys = block_keys()
    results: list[_Found] = []
    with ThreadPoolExecutor(threads) as pool:
        if encoding.size <= WHOLE_FILE:
            whole = whole_file(encoding.size)
            budget.spend(whole.pairs)
            return _merged([engine.share(pool, threads, len(keys), whole)], encoding)
        # groups are made ahead of the comparison, which goes key by key: what a key found is met again, not compared
        ahead = [pool.submit(engine.groups, key) for key in keys[: threads + 1]]
        for block in range(len(keys)):
            works = ahead.pop(0).result()
            if block + threads + 1 < len(keys):
                ahead.append(pool.submit(engine.groups, keys[block + threads + 1]))
            for work in works:
                budget.spend(work.pairs)
                results.append(engine.share(pool, threads, block, work))
            if progress is not None:
                progress(block + 1, len(keys))
    return _merged(results, encoding)


class _Engine(NamedTuple):
    """What every comparison of a file needs."""

    encoding: Encoding
    tables: npt.NDArray[np.float32]
    floor: float
    focused: bool
    met: npt.NDArray[np.uint64]

    def groups(self, key: Key) -> list[Work]:
        """Return the work of one key."""
        return list(groups_of(key, self.encoding, focused=self.focused))

    def share(self, pool: ThreadPoolExecutor, threads: int, block: int, work: Work) -> _Found:
        """Compare the pairs of a work, its units dealt to the threads in slices of as many pairs."""
        costs = np.cumsum(work.units[:, 1].astype(np.int64) * work.units[:, 3])
        slices = threads * 2 if len(costs) > MANY_UNITS else 1
        cuts = np.searchsorted(costs, np.linspace(0, costs[-1] if len(costs) else 0, slices + 1)[1:-1])
        parts = list(pool.map(self.compare, [work._replace(units=units) for units in np.split(work.units, cuts)]))
        pairs, levels, compared = zip(*parts, strict=True)
        return _Found(np.concatenate(pairs), np.concatenate(levels), block, sum(compared))

    def compare(self, work: Work) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint8], int]:
        """Return the pairs that may matter, as left << 32 | right, their levels and how many were looked at."""
        from insvigil.matching.kernels.comparing import compare

        encoding = self.encoding
        pairs, levels = np.empty((ROOM, 2), np.uint32), np.empty((ROOM + 1, len(TRAITS) + 4), np.uint8)
        memo = new_memo()
        kept = [np.empty(0, np.uint64)]
        rows = [np.empty((0, levels.shape[1]), np.uint8)]
        unit, compared = 0, 0
        while unit < len(work.units):
            unit, written, seen = compare(
                work.units, unit, work.keys, np.uint64(work.shift), encoding.lines, encoding.lists, encoding.names,
                encoding.chars, self.tables, np.float32(self.floor), self.focused, memo, self.met, pairs, levels,
            )  # fmt: skip
            compared += seen
            both = pairs[:written].astype(np.uint64)
            kept.append(both[:, 0] << np.uint64(32) | both[:, 1])
            rows.append(levels[:written].copy())
        return np.concatenate(kept), np.concatenate(rows), compared


def met_for(size: int) -> npt.NDArray[np.uint64]:
    """Return room for the pairs already met: eight bytes an identity or two, sixteen megabytes a million."""
    return np.zeros(1 << row_bits(max(size, 2)), np.uint64)


class _Budget:
    """Comparisons still allowed."""

    def __init__(self, limit: int | None) -> None:
        self.limit, self.spent = limit, 0

    def spend(self, pairs: int) -> None:
        self.spent += pairs
        if self.limit is not None and self.spent > self.limit:
            raise UsageError(
                f"Le fichier demande plus de {self.limit} comparaisons.",
                hint="Relevez matching.max_comparisons, ou partagez le fichier.",
            )


def new_memo() -> npt.NDArray[np.uint64]:
    """Return what the kernel works in: the memo of compared names, and its scratch."""
    from insvigil.matching.kernels.comparing import MEMO_BITS

    return np.zeros((1 << MEMO_BITS) + 32, np.uint64)


def compare_pairs(
    encoding: Encoding, left: npt.NDArray[np.uint32], right: npt.NDArray[np.uint32], weights: Weights
) -> npt.NDArray[np.uint8]:
    """Return the levels and rarities of given pairs (``left`` < ``right``), in their order."""
    keys = np.concatenate([left, right]).astype(np.uint64)
    at, one = np.arange(len(left), dtype=np.uint32), np.ones(len(left), np.uint32)
    work = Work(keys, np.stack([at, one, at + np.uint32(len(left)), one], axis=1), row_bits(encoding.size))
    engine = _Engine(encoding, weights.tables(encoding.size), EVERYTHING, False, met_for(0))
    return _with_contacts(engine.compare(work)[1], left, right, encoding)


def _merged(results: list[_Found], encoding: Encoding) -> Survivors:
    """Return each pair once, under the first key that found it."""
    pairs = np.concatenate([found.pairs for found in results])
    levels = np.concatenate([found.levels for found in results])
    block = np.concatenate([np.full(len(found.pairs), found.block, np.uint8) for found in results])
    pairs, first = np.unique(pairs, return_index=True)  # results come in the order of the keys
    levels, block = levels[first], block[first]
    left, right = (pairs >> np.uint64(32)).astype(np.uint32), pairs.astype(np.uint32)
    levels = _with_contacts(levels, left, right, encoding)
    return Survivors(left, right, levels, block, sum(found.compared for found in results))


def _with_contacts(
    levels: npt.NDArray[np.uint8], left: npt.NDArray[np.uint32], right: npt.NDArray[np.uint32], encoding: Encoding
) -> npt.NDArray[np.uint8]:
    """Return levels with the rarities of the address and of the phone."""
    contact = np.minimum(encoding.contact_rarity[left], encoding.contact_rarity[right])
    levels = np.concatenate([levels, contact], axis=1)
    assert levels.shape[1] == len(TRAITS) + len(RARITIES)
    return levels
