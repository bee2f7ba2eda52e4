"""Candidate pairs: the groups of each key, stretch by stretch, the largest split rather than dropped."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import local
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from insvigil.matching.encoding import Encoding
from insvigil.matching.keys import Key

Words = npt.NDArray[np.uint32]
Longs = npt.NDArray[np.uint64]

Room = Callable[[int], Longs]

_NOWHERE = np.empty(0, np.uint32)

TILE = 128
STRETCH = 1 << 17
"""Lines read at a time for the keys that ask the birth year, and the rest of the last year: eight megabytes."""
FOCUSED_STRETCH = 1 << 15
"""Lines read at a time for all keys, where few of their hashes are kept."""
HASHES = 16 << 20
"""Hashes a thread holds at a time; the lines are read again for each batch of keys."""
KEYS_AT_LEAST = 2
"""Keys of a batch, however many the lines."""


class Work(NamedTuple):
    """Pairs to compare: those inside each unit of ``places``, and those across it and the ``reach`` units that follow.

    Unit ``u`` is ``places[starts[u]:starts[u + 1]]``. A cell is one unit and one of the units it meets, itself first.
    """

    places: Words
    starts: Words
    reach: int = 0

    def costs(self) -> npt.NDArray[np.int64]:
        """Return the pairs of each cell, an identity with itself excepted."""
        sizes: npt.NDArray[np.int64] = np.diff(self.starts).astype(np.int64)
        costs = np.zeros((len(sizes), self.reach + 1), np.int64)
        costs[:, 0] = sizes * (sizes - 1) // 2
        for r in range(1, self.reach + 1):
            costs[:-r, r] = sizes[:-r] * sizes[r:]
        return costs.ravel()


class Stretch(NamedTuple):
    """Keys, by their number, and the lines ``first`` to ``last`` among which their groups are whole."""

    keys: Sequence[int]
    first: int
    last: int


def new_room(hashes: int) -> Longs:
    """Return new memory for hashes."""
    return np.empty(hashes, np.uint64)


def row_bits(size: int) -> int:
    """Return how many low bits hold the place of a line."""
    return max(1, (size - 1).bit_length())


def whole_file(size: int) -> Work:
    """Return every pair of a small file, in tiles."""
    return tiles(np.arange(size, dtype=np.uint32), size // TILE)


def stretches(keys: Sequence[Key], encoding: Encoding, threads: int) -> list[Stretch]:
    """Return what there is to do, in parts that do not wait for one another.

    Lines come by birth date: the groups of a key that asks the year lie in one year, and what they compare stays in
    the cache. The other keys read the whole file; they come last, as they find few pairs that those have not.
    """
    from insvigil.matching.kernels.candidates import YEAR

    dated = [number for number, key in enumerate(keys) if key.parts & YEAR]
    others = [number for number, key in enumerate(keys) if not key.parts & YEAR]
    parts = [part for first, last in pairwise(_years(encoding)) for part in _batches(dated, first, last, 1)]
    return parts + _batches(others, 0, encoding.size, 2 * threads)


def _batches(keys: list[int], first: int, last: int, times: int) -> list[Stretch]:
    """Return the keys over some lines, at least ``times`` of them, more when their hashes would take too much room."""
    times = min(max(times, -(-len(keys) * 2 * (last - first) // HASHES)), -(-len(keys) // KEYS_AT_LEAST))
    cuts = [len(keys) * k // max(times, 1) for k in range(times + 1)]
    return [Stretch(keys[start:stop], first, last) for start, stop in pairwise(cuts)]


def _years(encoding: Encoding) -> list[int]:
    """Return where to cut the lines: at the first line of a year, every ``STRETCH`` lines or more."""
    from insvigil.matching.kernels.lines import DATE

    dates, size = encoding.lines[:, DATE], encoding.size
    cuts = {0, size}
    for place in range(STRETCH, size, STRETCH):
        cuts.add(bisect_left(range(size), int(dates[place]) >> 9, key=lambda at: int(dates[at]) >> 9))
    return sorted(cuts)


def work_of(key: Key, encoding: Encoding, *, focused: bool = False) -> list[Work]:
    """Return the work of one key alone."""
    filters = focus_filters([key], encoding, focused=focused)
    return next(groups_of([key], encoding, filters, 0, encoding.size))


def groups_of(
    keys: Sequence[Key], encoding: Encoding, filters: Longs, first: int, last: int, room: Room = new_room
) -> Iterator[list[Work]]:
    """Yield the work of each key over some lines: its groups, then those that were too large, split part by part.

    What no part splits is put in the order of its whole content and compared with its neighbours. Where ``filters``
    (see ``focus_filters``) have columns, the groups without an identity in focus are left out. ``room`` gives the
    memory that hashes are written in.
    """
    parts = np.array([key.parts for key in keys], np.int64)
    for key, some in zip(keys, _hashes(parts, (first, last), encoding, filters, room), strict=True):
        yield split(key, some, encoding, focused=filters.shape[1] > 0)


def focused_hashes(
    keys: Sequence[Key], encoding: Encoding, filters: Longs, pool: ThreadPoolExecutor
) -> tuple[list[int], list[Longs]]:
    """Return the numbers of the keys, in the order of ``stretches``, and the hashes of each that ``filters`` let pass.

    One line in twenty has any of a key's: the lines are read once for all keys, where a search of all pairs, which
    writes every hash, reads them key after key.
    """
    parts = stretches(keys, encoding, 1)
    numbers = list(dict.fromkeys(number for part in parts for number in part.keys))
    wanted = np.array([keys[number].parts for number in numbers], np.int64)

    held = local()

    def room(hashes: int) -> Longs:
        if not hasattr(held, "room") or len(held.room) < hashes:
            held.room = new_room(hashes)
        kept: Longs = held.room[:hashes]
        return kept

    def passing(first: int) -> list[Longs]:
        last = min(first + FOCUSED_STRETCH, encoding.size)
        return [some.copy() for some in _hashes(wanted, (first, last), encoding, filters[numbers], room)]

    found = list(pool.map(passing, range(0, encoding.size, FOCUSED_STRETCH)))
    return numbers, [np.concatenate([part[key] for part in found]) for key in range(len(numbers))]


def _hashes(
    parts: npt.NDArray[np.int64], where: Words | tuple[int, int], encoding: Encoding, filters: Longs,
    room: Room = new_room,
) -> list[Longs]:  # fmt: skip
    """Return for each key ``hash << shift | place`` of the lines that have every part of it.

    The lines are those of some places, or those between two.
    """
    from insvigil.matching.kernels import candidates as k

    places, (first, last) = (_NOWHERE, where) if isinstance(where, tuple) else (where, (0, 0))
    wanted, lines = int(np.bitwise_or.reduce(parts)), max(len(places), last - first)
    most = lines << int(bool(wanted & k.ANY_FAMILY)) << int(bool(wanted & k.ANY_GIVEN))  # also under their used names
    out = room(len(parts) * (most + 1)).reshape(len(parts), most + 1)  # what is not written costs no memory
    written, shift = np.zeros(len(parts), np.int64), np.uint64(row_bits(encoding.size))
    hashes, variants = np.empty((k.PARTS + 1, k.COLUMNS), np.uint64), np.empty((4, k.COLUMNS), np.int64)
    k.fill_keys(
        parts, encoding.lines, places, first, last, encoding.names, encoding.lists, shift, filters, hashes, variants,
        out, written,
    )  # fmt: skip
    return [out[key, :count] for key, count in enumerate(written)]


def focus_filters(keys: Sequence[Key], encoding: Encoding, *, focused: bool) -> Longs:
    """Return for each key the filter that only the hashes of identities in focus pass (and few others).

    It has no column when there is no focus.
    """
    from insvigil.matching.kernels import candidates as k
    from insvigil.matching.kernels.lines import FLAGS, FOCUS

    filters = np.zeros((len(keys), (1 << k.FILTER_BITS) // 64 if focused else 0), np.uint64)
    if not focused:
        return filters
    parts = np.array([key.parts for key in keys], np.int64)
    places = np.flatnonzero(encoding.lines[:, FLAGS] & FOCUS).astype(np.uint32)
    for filter_, hashes in zip(filters, _hashes(parts, places, encoding, filters[:, :0]), strict=True):
        k.mark(hashes, filter_)
    return filters


def split(key: Key, hashes: Longs, encoding: Encoding, *, focused: bool) -> list[Work]:
    """Return the work of one key from its hashes, which are sorted in place."""
    from insvigil.matching.kernels import candidates as k

    works = []
    parts, none = key.parts, np.zeros((1, 0), np.uint64)
    for split in (*key.splits, 0):
        work, large = _groups(hashes, key.cap, encoding, focused=focused)
        works.append(work)
        if not len(large):
            return works
        if split:
            parts |= split | k.LOOSE
            (hashes,) = _hashes(np.array([parts]), _members(hashes, large, encoding.size), encoding, none)
    low = np.uint64((1 << row_bits(encoding.size)) - 1)
    for start, size in large.astype(np.int64):
        places = np.unique(hashes[start : start + size] & low).astype(np.uint32)
        works.append(tiles(by_content(places, encoding), 1))
    return works


def _groups(hashes: Longs, cap: int, encoding: Encoding, *, focused: bool) -> tuple[Work, Words]:
    """Sort ``hashes``; return the groups of at most ``cap``, and (start, size) of the larger ones."""
    from insvigil.matching.kernels import candidates as k

    hashes.sort()
    places, ends = np.empty(len(hashes), np.uint32), np.empty(len(hashes) // 2, np.uint32)
    large = np.empty((len(hashes) // (cap + 1), 2), np.uint32)
    shift = np.uint64(row_bits(encoding.size))
    n, units, huge = k.find_groups(hashes, shift, cap, encoding.lines, focused, places, ends, large)
    starts = np.concatenate([np.zeros(1, np.uint32), ends[:units]])
    return Work(places[:n].copy(), starts), large[:huge]


def _members(hashes: Longs, groups: Words, size: int) -> Words:
    """Return the places of some groups, each once."""
    low = np.uint64((1 << row_bits(size)) - 1)
    chosen = np.zeros(size, np.bool_)
    for start, length in groups.astype(np.int64):
        chosen[hashes[start : start + length] & low] = True
    return np.flatnonzero(chosen).astype(np.uint32)


def by_content(places: Words, encoding: Encoding) -> Words:
    """Return places in the order of a hash of their lines: lines with the same content side by side."""
    from insvigil.matching.kernels import candidates as k

    everything = k.FAMILY | k.GIVEN | k.YEAR | k.MONTH | k.DAY | k.SEX | k.PLACE_CODE | k.POSTAL_CODE | k.LOOSE
    (content,) = _hashes(np.array([everything]), places, encoding, np.zeros((1, 0), np.uint64))
    content.sort()
    return (content & np.uint64((1 << row_bits(encoding.size)) - 1)).astype(np.uint32)


def tiles(places: Words, reach: int) -> Work:
    """Return places as tiles compared inside, and with the ``reach`` next ones."""
    starts = np.append(np.arange(0, len(places), TILE), len(places)).astype(np.uint32)
    return Work(places, starts, reach)
