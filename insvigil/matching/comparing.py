"""Candidate pairs compared in threads: what remains is worth a weight."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from queue import SimpleQueue
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from insvigil.errors import UsageError
from insvigil.matching.blocking import Work, groups_of, rounds, row_bits, whole_file
from insvigil.matching.encoding import Encoding
from insvigil.matching.keys import block_keys
from insvigil.matching.levels import RARITIES, TRAITS
from insvigil.matching.weights import Weights

WHOLE_FILE = 6_000
"""Files of at most this many identities are compared whole: 18 million pairs, half a second."""
SLICE = 100_000
"""Pairs that a thread compares before it takes the next slice: some tens of milliseconds."""
WHOLE_NAME = "fichier entier"
ROOM = 1 << 18
"""Pairs a thread writes before they are set aside; more than the pairs of one unit."""

EVERYTHING = -1e9
"""A floor that no pair is under."""

Progress = Callable[[int, int], None]
Words = npt.NDArray[np.uint32]
Bytes = npt.NDArray[np.uint8]
Longs = npt.NDArray[np.uint64]


class Survivors(NamedTuple):
    """The pairs that may matter, each once, sorted: ``left`` < ``right``, levels then rarities, and their key."""

    left: Words
    right: Words
    levels: Bytes
    block: Bytes
    compared: int


class _Found(NamedTuple):
    pairs: Longs
    levels: Bytes
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
    threads = threads or os.cpu_count() or 1
    engine = _Engine(encoding, weights, floor, focused, met_for(encoding.size), threads)
    keys = block_keys(sexed=encoding.sexed)
    results: list[_Found] = []
    with ThreadPoolExecutor(threads) as pool:
        if encoding.size <= WHOLE_FILE:
            results += engine.compare(pool, [(len(keys), whole_file(encoding.size))], budget)
            return _merged(results, encoding)
        done = 0
        for some in rounds(keys, encoding):
            works = groups_of(some, encoding, pool, threads, focused=focused)
            named = [(done + at, work) for at, of_key in enumerate(works) for work in of_key]
            results += engine.compare(pool, named, budget)
            done += len(some)
            if progress is not None:
                progress(done, len(keys))
    return _merged(results, encoding)


class _Engine:
    """What every comparison of a file needs."""

    def __init__(
        self, encoding: Encoding, weights: Weights, floor: float, focused: bool, met: Longs, threads: int
    ) -> None:
        self.encoding = encoding
        self.tables, self.floors = weights.tables(encoding.size), weights.floors(floor, encoding.size)
        self.focused, self.met = focused, met
        self.desks: SimpleQueue[_Desk] = SimpleQueue()
        for _ in range(threads):
            self.desks.put(_Desk())

    def compare(self, pool: ThreadPoolExecutor, works: list[tuple[int, Work]], budget: _Budget) -> list[_Found]:
        """Compare the pairs of works, each named by its key, in slices that go to whichever thread is free.

        They go about key by key: what a key found is met again by the next ones, not compared.
        """
        slices = []
        for block, work in works:
            costs = np.cumsum(np.append(work.costs(), 0))
            budget.spend(int(costs[-1]))
            cuts = np.searchsorted(costs, np.arange(SLICE, costs[-1], SLICE))
            slices += [(block, work, *cut) for cut in pairwise([0, *cuts.tolist(), len(costs) - 1])]
        return list(pool.map(lambda part: self.compare_slice(*part), slices))

    def compare_slice(self, block: int, work: Work, first: int, last: int) -> _Found:
        """Compare the pairs of some cells of a work."""
        from insvigil.matching.kernels.comparing import compare

        encoding, desk = self.encoding, self.desks.get()
        pairs, levels, compared = [np.empty(0, np.uint64)], [np.empty((0, desk.levels.shape[1]), np.uint8)], 0
        try:
            while first < last:
                first, written, seen = compare(
                    work.rows, work.starts, work.reach, block, first, last, encoding.lines, encoding.lists,
                    encoding.names, encoding.chars, self.tables, self.floors, self.focused, desk.memo, self.met,
                    desk.pairs, desk.levels,
                )  # fmt: skip
                compared += seen
                both = desk.pairs[:written].astype(np.uint64)
                pairs.append(both[:, 0] << np.uint64(32) | both[:, 1])
                levels.append(desk.levels[:written].copy())
        finally:  # a desk lost would leave another thread waiting for ever
            self.desks.put(desk)
        return _Found(np.concatenate(pairs), np.concatenate(levels), block, compared)


class _Desk:
    """What a thread works on: the memo of compared names with its scratch, and room for the pairs it writes."""

    def __init__(self) -> None:
        from insvigil.matching.kernels.names import MEMO_BITS

        self.memo = np.zeros((1 << MEMO_BITS) + 32, np.uint64)
        self.pairs = np.empty((ROOM, 2), np.uint32)
        self.levels = np.empty((ROOM + 1, len(TRAITS) + 4), np.uint8)


def met_for(size: int) -> Longs:
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


def compare_work(work: Work, encoding: Encoding, weights: Weights) -> tuple[Words, Words, Bytes]:
    """Return every pair of a work (``left`` < ``right``), in the order of its cells, and its levels."""
    engine = _Engine(encoding, weights, EVERYTHING, False, met_for(0), 1)
    found = engine.compare_slice(0, work, 0, len(work.costs()))
    return (found.pairs >> np.uint64(32)).astype(np.uint32), found.pairs.astype(np.uint32), found.levels


def compare_pairs(encoding: Encoding, left: Words, right: Words, weights: Weights) -> Bytes:
    """Return the levels and rarities of given pairs (``left`` < ``right``), in their order."""
    rows = np.stack([left, right], axis=1).astype(np.uint32).ravel()
    work = Work(rows, np.arange(0, len(rows) + 1, 2, dtype=np.uint32))
    return _with_contacts(compare_work(work, encoding, weights)[2], left, right, encoding)


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


def _with_contacts(levels: Bytes, left: Words, right: Words, encoding: Encoding) -> Bytes:
    """Return levels with the rarities of the address and of the phone."""
    levels = np.concatenate([levels, encoding.contact_rarity(left, right)], axis=1)
    assert levels.shape[1] == len(TRAITS) + len(RARITIES)
    return levels
