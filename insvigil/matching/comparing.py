"""Candidate pairs compared in threads: what remains is worth a weight."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from queue import SimpleQueue
from threading import Lock
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from insvigil.errors import UsageError
from insvigil.matching.blocking import (
    Stretch,
    Work,
    focus_filters,
    focused_hashes,
    groups_of,
    new_room,
    row_bits,
    split,
    stretches,
    whole_file,
)
from insvigil.matching.bounds import bounds
from insvigil.matching.encoding import Encoding, aligned
from insvigil.matching.keys import Key, block_keys
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
    found = _searched(encoding, weights, floor, threads or os.cpu_count() or 1, _Budget(limit), focused, progress)
    return _merged(found, encoding)  # the memory of the search is free again


def _searched(
    encoding: Encoding, weights: Weights, floor: float, threads: int, budget: _Budget, focused: bool,
    progress: Progress | None,
) -> list[_Found]:  # fmt: skip
    """Return what each stretch of the file found."""
    keys = block_keys(sexed=encoding.sexed)
    engine = _Engine(encoding, weights, floor, focused, met_for(encoding.size), threads)
    results: list[_Found] = []
    with ThreadPoolExecutor(threads) as pool:
        if encoding.size <= WHOLE_FILE:
            return engine.compare(pool, len(keys), whole_file(encoding.size), budget)
        filters = focus_filters(keys, encoding, focused=focused)
        if focused:
            numbers, hashes = focused_hashes(keys, encoding, filters, pool)
            of_keys = pool.map(lambda key, some: engine.search_key(key, keys[key], some, budget), numbers, hashes)
            return [found for of_key in of_keys for found in of_key]
        parts = stretches(keys, encoding, threads)
        for done, found in enumerate(pool.map(lambda part: engine.search(part, keys, filters, budget), parts), 1):
            results += found
            if progress is not None:
                progress(done, len(parts))
    return results


class _Engine:
    """What every comparison of a file needs."""

    def __init__(
        self, encoding: Encoding, weights: Weights, floor: float, focused: bool, met: Longs, threads: int
    ) -> None:
        self.encoding = encoding
        self.bounds = bounds(weights.tables(encoding.size), weights.floors(floor, encoding.size))
        self.focused, self.met = focused, met
        self.desks: SimpleQueue[_Desk] = SimpleQueue()
        for _ in range(threads):
            self.desks.put(_Desk())

    def search(self, part: Stretch, keys: Sequence[Key], filters: Longs, budget: _Budget) -> list[_Found]:
        """Compare the pairs of a stretch, key by key: what a key found is met again by the next ones, not compared."""
        desk, found = self.desks.get(), []
        try:
            some = [keys[number] for number in part.keys]
            works = groups_of(some, self.encoding, filters[part.keys], part.first, part.last, desk.room)
            for number, of_key in zip(part.keys, works, strict=True):
                found += self._compare_works(desk, number, of_key, budget)
        finally:  # a desk lost would leave another thread waiting for ever
            self.desks.put(desk)
        return found

    def search_key(self, number: int, key: Key, hashes: Longs, budget: _Budget) -> list[_Found]:
        """Compare the pairs of a key that touch an identity in focus, from its hashes (see ``focused_hashes``)."""
        desk = self.desks.get()
        try:
            return self._compare_works(desk, number, split(key, hashes, self.encoding, focused=True), budget)
        finally:
            self.desks.put(desk)

    def _compare_works(self, desk: _Desk, number: int, works: list[Work], budget: _Budget) -> list[_Found]:
        found = []
        for work in works:
            costs = work.costs()
            budget.spend(int(costs.sum()))
            found.append(self._compare_cells(desk, number, work, 0, len(costs)))
        return found

    def compare(self, pool: ThreadPoolExecutor, number: int, work: Work, budget: _Budget) -> list[_Found]:
        """Compare the pairs of a work, in slices that go to whichever thread is free."""
        costs = np.cumsum(np.append(work.costs(), 0))
        budget.spend(int(costs[-1]))
        cuts = np.searchsorted(costs, np.arange(SLICE, costs[-1], SLICE))
        slices = pairwise([0, *cuts.tolist(), len(costs) - 1])
        return list(pool.map(lambda cells: self.compare_slice(number, work, *cells), slices))

    def compare_slice(self, number: int, work: Work, first: int, last: int) -> _Found:
        """Compare the pairs of some cells of a work."""
        desk = self.desks.get()
        try:
            return self._compare_cells(desk, number, work, first, last)
        finally:
            self.desks.put(desk)

    def _compare_cells(self, desk: _Desk, number: int, work: Work, first: int, last: int) -> _Found:
        from insvigil.matching.kernels.comparing import compare

        encoding, compared = self.encoding, 0
        pairs, levels = [np.empty(0, np.uint64)], [np.empty((0, desk.levels.shape[1]), np.uint8)]
        while first < last:
            first, written, seen = compare(
                work.places, work.starts, work.reach, number, first, last, encoding.lines, encoding.lists,
                encoding.names, encoding.hints, encoding.chars, self.bounds, self.focused, desk.queue, desk.waiting,
                desk.memo, self.met, desk.pairs, desk.levels,
            )  # fmt: skip
            compared += seen
            pairs.append(desk.pairs[:written].copy())
            levels.append(desk.levels[:written].copy())
        return _Found(np.concatenate(pairs), np.concatenate(levels), number, compared)


class _Desk:
    """What a thread works on: the memo of compared names with its scratch, and room for the pairs it writes."""

    def __init__(self) -> None:
        from insvigil.matching.kernels.comparing import LARGEST, TOGETHER
        from insvigil.matching.kernels.names import MEMO_BITS
        from insvigil.matching.kernels.passes import SEEN

        self.queue = np.empty(TOGETHER + LARGEST, np.uint64)
        self.waiting = np.empty((TOGETHER + LARGEST + 1, SEEN), np.int64)
        self.memo = np.zeros((1 << MEMO_BITS) + 32, np.uint64)
        self.pairs = np.empty(ROOM, np.uint64)
        self.levels = np.empty((ROOM + 1, len(TRAITS) + 4), np.uint8)
        self.hashes = np.empty(0, np.uint64)

    def room(self, hashes: int) -> Longs:
        """Return room for hashes: memory asked once costs the system nothing the next time."""
        if len(self.hashes) < hashes:
            self.hashes = new_room(hashes)
        return self.hashes[:hashes]


def met_for(size: int) -> Longs:
    """Return room for the pairs already met: two to four bytes an identity.

    At ten millions a twenty-fifth more pairs are forgotten, and written twice, than with twice as much; with half as
    much, a fifth.
    """
    slots = max(8, 1 << (row_bits(max(size, 4)) - 2))
    return aligned(slots // 8, 16).view(np.uint64).ravel()


class _Budget:
    """Comparisons still allowed."""

    def __init__(self, limit: int | None) -> None:
        self.limit, self.spent, self.lock = limit, 0, Lock()

    def spend(self, pairs: int) -> None:
        with self.lock:
            self.spent += pairs
        if self.limit is not None and self.spent > self.limit:
            raise UsageError(
                f"Le fichier demande plus de {self.limit} comparaisons.",
                hint="Relevez matching.max_comparisons, ou partagez le fichier.",
            )


def compare_work(work: Work, encoding: Encoding, weights: Weights) -> tuple[Words, Words, Bytes]:
    """Return every pair of rows of a work (``left`` < ``right``), in the order of its cells, and its levels."""
    threads = os.cpu_count() or 1
    engine = _Engine(encoding, weights, EVERYTHING, False, met_for(0), threads)
    with ThreadPoolExecutor(threads) as pool:
        found = engine.compare(pool, 0, work, _Budget(None))
    pairs, levels = (
        np.concatenate(parts) for parts in zip(*((some.pairs, some.levels) for some in found), strict=True)
    )
    return *_rows_of(pairs, encoding), levels


def _rows_of(pairs: Longs, encoding: Encoding) -> tuple[Words, Words]:
    """Return the smaller and the larger row of pairs of lines."""
    from insvigil.matching.kernels.passes import LOW, ROW

    one, other = encoding.rows[pairs >> ROW], encoding.rows[pairs & LOW]
    return np.minimum(one, other), np.maximum(one, other)


def compare_pairs(encoding: Encoding, left: Words, right: Words, weights: Weights) -> Bytes:
    """Return the levels and rarities of given pairs of rows (``left`` < ``right``), in their order."""
    left, right = encoding.places[left], encoding.places[right]
    lines = np.stack([left, right], axis=1).ravel()
    work = Work(lines, np.arange(0, len(lines) + 1, 2, dtype=np.uint32))
    return _with_contacts(compare_work(work, encoding, weights)[2], left, right, encoding)


def _merged(results: list[_Found], encoding: Encoding) -> Survivors:
    """Return each pair of rows once, under the first key that found it."""
    left, right = _rows_of(np.concatenate([found.pairs for found in results]), encoding)
    levels = np.concatenate([found.levels for found in results])
    block = np.repeat(np.array([found.block for found in results], np.uint8), [len(found.pairs) for found in results])
    pairs = left.astype(np.uint64) << np.uint64(32) | right
    order = np.argsort(pairs)  # not stable, three times as fast: a pair has the same levels under each of its keys
    first = np.flatnonzero(np.append(True, np.diff(pairs[order]) > 0)[: len(order)])
    block = np.minimum.reduceat(block[order], first)
    pairs, levels = pairs[order[first]], levels[order[first]]
    left, right = (pairs >> np.uint64(32)).astype(np.uint32), pairs.astype(np.uint32)
    levels = _with_contacts(levels, encoding.places[left], encoding.places[right], encoding)
    return Survivors(left, right, levels, block, sum(found.compared for found in results))


def _with_contacts(levels: Bytes, left: Words, right: Words, encoding: Encoding) -> Bytes:
    """Return levels with the rarities of the address and of the phone."""
    levels = np.concatenate([levels, encoding.contact_rarity(left, right)], axis=1)
    assert levels.shape[1] == len(TRAITS) + len(RARITIES)
    return levels
