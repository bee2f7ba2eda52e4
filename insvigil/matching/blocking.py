"""Candidate pairs: the groups of each key, the largest split rather than dropped."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from insvigil.matching.encoding import Encoding
from insvigil.matching.keys import Key

Words = npt.NDArray[np.uint32]
Longs = npt.NDArray[np.uint64]

GROUP_CAP = 200
"""A group of more identities is split by the next part of its key."""
TILE = 128
KEYS_ROOM = 256 << 20
"""Bytes of hashes held at a time, in the fewest rounds; a row is read again in each round."""
KEYS_AT_LEAST = 7
"""Keys of a round, however large the file: four rounds."""


class Work(NamedTuple):
    """Pairs to compare: those inside each unit of ``rows``, and those across it and the ``reach`` units that follow.

    Unit ``u`` is ``rows[starts[u]:starts[u + 1]]``. A cell is one unit and one of the units it meets, itself first.
    """

    rows: Words
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


def row_bits(size: int) -> int:
    """Return how many low bits hold a row."""
    return max(1, (size - 1).bit_length())


def whole_file(size: int) -> Work:
    """Return every pair of a small file, in tiles."""
    return tiles(np.arange(size, dtype=np.uint32), size // TILE)


def rounds(keys: Sequence[Key], encoding: Encoding) -> list[Sequence[Key]]:
    """Return the keys in as few rounds as the room for their hashes allows, in order."""
    most = max(KEYS_AT_LEAST, KEYS_ROOM // (16 * max(encoding.size, 1)))
    times = -(-len(keys) // most)
    return [keys[len(keys) * k // times : len(keys) * (k + 1) // times] for k in range(times)]


def groups_of(
    keys: Sequence[Key], encoding: Encoding, pool: ThreadPoolExecutor, threads: int, *, focused: bool
) -> list[list[Work]]:
    """Return the work of each key: its groups, then those that were too large, split part by part.

    When ``focused``, the groups without an identity in focus are left out. What no part splits is put in the order of
    its whole content and compared with its neighbours.
    """
    parts = np.array([key.parts for key in keys], np.int64)
    filters = _filters(parts, encoding) if focused else np.zeros((len(keys), 0), np.uint64)
    cuts = np.linspace(0, encoding.size, threads + 1).astype(np.int64)
    slices = list(pool.map(lambda cut: _hashes(parts, _between(*cut), encoding, filters), pairwise(cuts)))

    def work(key: Key, *hashes: Longs) -> list[Work]:
        return _split(key, np.concatenate(hashes), encoding, focused=focused)

    return list(pool.map(work, keys, *slices))


def _between(start: int, stop: int) -> Words:
    return np.arange(start, stop, dtype=np.uint32)


def _hashes(parts: npt.NDArray[np.int64], rows: Words, encoding: Encoding, filters: Longs) -> list[Longs]:
    """Return for each key ``hash << shift | row`` of the rows that have every part of it."""
    from insvigil.matching.kernels import candidates as k

    out = np.empty((len(parts), _room(int(np.bitwise_or.reduce(parts)), rows, encoding.lines)), np.uint64)
    written = np.zeros(len(parts), np.int64)
    shift = np.uint64(row_bits(encoding.size))
    k.fill_keys(parts, encoding.lines, rows, encoding.names, encoding.lists, shift, filters, out, written)
    return [out[key, :count] for key, count in enumerate(written)]


def _room(parts: int, rows: Words, lines: Words) -> int:
    """Return how many times rows may enter a key: also with their used names, where the key takes any name."""
    from insvigil.matching.kernels import candidates as k
    from insvigil.matching.kernels.lines import BIRTH, FIRST, USED, USED_GIVEN

    more = []
    for flag, one, other in ((k.ANY_FAMILY, BIRTH, USED), (k.ANY_GIVEN, FIRST, USED_GIVEN)):
        used = lines[rows, other]
        more.append(int(np.count_nonzero((used != 0) & (used != lines[rows, one]))) if parts & flag else 0)
    return len(rows) + sum(more) + min(more)


def _filters(parts: npt.NDArray[np.int64], encoding: Encoding) -> Longs:
    """Return for each key the filter that only the hashes of identities in focus pass (and few others)."""
    from insvigil.matching.kernels import candidates as k
    from insvigil.matching.kernels.lines import FLAGS, FOCUS

    rows = np.flatnonzero(encoding.lines[:, FLAGS] & FOCUS).astype(np.uint32)
    filters = np.zeros((len(parts), (1 << k.FILTER_BITS) // 64), np.uint64)
    for filter_, hashes in zip(filters, _hashes(parts, rows, encoding, filters[:, :0]), strict=True):
        k.mark(hashes, filter_)
    return filters


def _split(key: Key, hashes: Longs, encoding: Encoding, *, focused: bool) -> list[Work]:
    """Return the work of one key from the hashes of its rows, which are sorted in place."""
    from insvigil.matching.kernels import candidates as k

    works = []
    parts, none = key.parts, np.zeros((1, 0), np.uint64)
    for split in (*key.splits, 0):
        work, large = _groups(hashes, encoding, focused=focused)
        works.append(work)
        if not len(large):
            return works
        if split:
            parts |= split | k.LOOSE
            (hashes,) = _hashes(np.array([parts]), _members(hashes, large, encoding.size), encoding, none)
    low = np.uint64((1 << row_bits(encoding.size)) - 1)
    for start, size in large.astype(np.int64):
        rows = np.unique(hashes[start : start + size] & low).astype(np.uint32)
        works.append(tiles(by_content(rows, encoding), 1))
    return works


def _groups(hashes: Longs, encoding: Encoding, *, focused: bool) -> tuple[Work, Words]:
    """Sort ``hashes``; return the groups of at most ``GROUP_CAP``, and (start, size) of the larger ones."""
    from insvigil.matching.kernels import candidates as k

    hashes.sort()
    rows, ends = np.empty(len(hashes), np.uint32), np.empty(len(hashes) // 2, np.uint32)
    large = np.empty((len(hashes) // (GROUP_CAP + 1), 2), np.uint32)
    shift = np.uint64(row_bits(encoding.size))
    n, units, huge = k.find_groups(hashes, shift, GROUP_CAP, encoding.lines, focused, rows, ends, large)
    starts = np.concatenate([np.zeros(1, np.uint32), ends[:units]])
    return Work(rows[:n].copy(), starts), large[:huge]


def _members(hashes: Longs, groups: Words, size: int) -> Words:
    """Return the rows of some groups, each once."""
    low = np.uint64((1 << row_bits(size)) - 1)
    chosen = np.zeros(size, np.bool_)
    for start, length in groups.astype(np.int64):
        chosen[hashes[start : start + length] & low] = True
    return np.flatnonzero(chosen).astype(np.uint32)


def by_content(rows: Words, encoding: Encoding) -> Words:
    """Return rows in the order of a hash of their content: rows with the same content side by side."""
    from insvigil.matching.kernels import candidates as k

    everything = k.FAMILY | k.GIVEN | k.YEAR | k.MONTH | k.DAY | k.SEX | k.PLACE_CODE | k.POSTAL_CODE | k.LOOSE
    (content,) = _hashes(np.array([everything]), rows, encoding, np.zeros((1, 0), np.uint64))
    content.sort()
    return (content & np.uint64((1 << row_bits(encoding.size)) - 1)).astype(np.uint32)


def tiles(rows: Words, reach: int) -> Work:
    """Return rows as tiles compared inside, and with the ``reach`` next ones."""
    starts = np.append(np.arange(0, len(rows), TILE), len(rows)).astype(np.uint32)
    return Work(rows, starts, reach)
