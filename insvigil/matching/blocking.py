"""Candidate pairs: the groups of each key, the largest split rather than dropped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from insvigil.matching.encoding import Encoding
from insvigil.matching.keys import Key

GROUP_CAP = 200
"""A group of more identities is split by the next part of its key."""
TILE = 128


class Work(NamedTuple):
    """Pairs to compare: ``units`` (start, size, start, size) over ``keys``, whose low ``shift`` bits are rows."""

    keys: npt.NDArray[np.uint64]
    units: npt.NDArray[np.uint32]
    shift: int

    @property
    def pairs(self) -> int:
        """Number of pairs, an identity with itself excepted."""
        sizes = self.units[:, [1, 3]].astype(np.int64)
        inside = self.units[:, 0] == self.units[:, 2]
        return int(np.where(inside, sizes[:, 0] * (sizes[:, 0] - 1) // 2, sizes[:, 0] * sizes[:, 1]).sum())


def row_bits(size: int) -> int:
    """Return how many low bits hold a row."""
    return max(1, (size - 1).bit_length())


def whole_file(size: int) -> Work:
    """Return every pair of a small file, in tiles."""
    starts = np.arange(0, size, TILE)
    sizes = np.minimum(TILE, size - starts)
    a, b = np.triu_indices(len(starts))
    units = np.stack([starts[a], sizes[a], starts[b], sizes[b]], axis=1).astype(np.uint32)
    return Work(np.arange(size, dtype=np.uint64), units, row_bits(size))


def groups_of(key: Key, encoding: Encoding, *, focused: bool) -> Iterator[Work]:
    """Yield the work of one key: its groups, then those that were too large, split part by part.

    What no part splits is put in the order of its whole content and compared with its neighbours.
    """
    from insvigil.matching.kernels import candidates as k

    rows = np.arange(encoding.size, dtype=np.uint32)
    parts = key.parts
    for split in (*key.splits, 0):
        keys, units, large = _groups(parts, rows, encoding, focused=focused)
        yield Work(keys, units, row_bits(encoding.size))
        if not len(large):
            return
        if split:
            rows, parts = _members(keys, large, encoding.size), parts | split | k.LOOSE
    yield _neighbours(keys, large, encoding)


def _groups(
    parts: int, rows: npt.NDArray[np.uint32], encoding: Encoding, *, focused: bool
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
    """Return sorted keys, the groups of at most ``GROUP_CAP``, and the larger ones."""
    from insvigil.matching.kernels import candidates as k
    from insvigil.matching.kernels.lines import BIRTH, FIRST, USED, USED_GIVEN

    shift = np.uint64(row_bits(encoding.size))
    room = len(rows)
    for flag, one, other in ((k.ANY_FAMILY, BIRTH, USED), (k.ANY_GIVEN, FIRST, USED_GIVEN)):
        if parts & flag:
            more = encoding.lines[:, other]
            room += 2 * int(np.count_nonzero((more != 0) & (more != encoding.lines[:, one])))
    keys = np.empty(room, np.uint64)
    keys = keys[: k.fill_keys(parts, encoding.lines, rows, encoding.names, encoding.lists, shift, keys)]
    keys.sort()
    units = np.empty((len(keys) // 2 + 1, 4), np.uint32)
    small, large = k.find_groups(keys, shift, GROUP_CAP, encoding.lines, focused, units)
    return keys, units[:small], units[len(units) - large :]


def _members(keys: npt.NDArray[np.uint64], groups: npt.NDArray[np.uint32], size: int) -> npt.NDArray[np.uint32]:
    """Return the rows of some groups, each once."""
    low = np.uint64((1 << row_bits(size)) - 1)
    chosen = np.zeros(size, np.bool_)
    for start, length, *_ in groups:
        chosen[keys[start : start + length] & low] = True
    return np.flatnonzero(chosen).astype(np.uint32)


def _neighbours(keys: npt.NDArray[np.uint64], groups: npt.NDArray[np.uint32], encoding: Encoding) -> Work:
    """Return each group sorted by content, as tiles compared inside and with the next one."""
    from insvigil.matching.kernels import candidates as k

    shift = row_bits(encoding.size)
    low = np.uint64((1 << shift) - 1)
    everything = k.FAMILY | k.GIVEN | k.YEAR | k.MONTH | k.DAY | k.SEX | k.PLACE_CODE | k.POSTAL_CODE | k.LOOSE
    ordered, units = [], []
    at = 0
    for start, length, *_ in groups:
        rows = np.unique(keys[start : start + length] & low).astype(np.uint32)
        content = np.empty(len(rows), np.uint64)
        k.fill_keys(everything, encoding.lines, rows, encoding.names, encoding.lists, np.uint64(shift), content)
        content.sort()
        ordered.append(content)
        starts = at + np.arange(0, len(rows), TILE)
        sizes = np.minimum(TILE, at + len(rows) - starts)
        units.append(np.stack([starts, sizes, starts, sizes], axis=1))
        units.append(np.stack([starts[:-1], sizes[:-1], starts[1:], sizes[1:]], axis=1))
        at += len(rows)
    return Work(np.concatenate(ordered), np.concatenate(units).astype(np.uint32), shift)
