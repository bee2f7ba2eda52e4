"""Rows that meet by one number, found with marks: two passes over the file, then what is left is asked exactly.

A bit of a table of eight megabytes stands for a number, where a hash table of five million takes a hundred and its
misses of the cache: 20 ns a row in all, where polars' ``is_in`` and numbering took 60 to 80.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from insvigil.distinct import Distinct

Words = npt.NDArray[np.uint32]
Longs = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]

MISSING = 0xFFFFFFFF
"""The code of a trait that is missing."""

_TURN = 24
"""What tells apart, the second time, numbers that shared a mark the first."""


def meeting(some: Longs, others: Longs) -> pl.Series:
    """Return the rows whose number is in the other column, on one side or the other, and few others; 0 meets none."""
    room = max(len(some), len(others))
    found = _marked(others, _marks(some, room, 0), 0)
    mine = _marked(some, _marks(others[found], room, _TURN), _TURN)
    found[found] = _marked(others[found], _marks(some[mine], room, _TURN), _TURN)
    return pl.Series(mine | found)


def repeated(numbers: Longs) -> pl.Series:
    """Return the rows whose number, not 0, is also another row's, and few others."""
    found = _marked(numbers, _twice(numbers, len(numbers), 0), 0)
    near = numbers[found]
    found[found] = _marked(near, _twice(near, len(numbers), _TURN), _TURN)
    return pl.Series(found)


def repeated_texts(values: pl.Series) -> pl.Series:
    """Return the rows whose text is also another row's."""
    return borne(values, more_than=1)


def borne(values: pl.Series, *, more_than: int) -> pl.Series:
    """Return the rows whose text more than so many rows have; a missing text is none."""
    hashes = values.hash(seed=0).to_numpy() | np.uint64(1)
    hashes[values.is_null().to_numpy()] = 0
    near = repeated(hashes)
    codes = Distinct(values.filter(near)).codes.to_numpy()
    return near.scatter(near.arg_true(), np.bincount(codes, minlength=1)[codes] > more_than)


def _marks(numbers: Longs, room: int, turn: int) -> npt.NDArray[np.uint8]:
    """Return the marks of some numbers, in a room for as many as ``room``."""
    from insvigil.traits.kernels import mark

    once = _bits(room)
    mark(numbers, turn, once, _bits(0))
    return once


def _twice(numbers: Longs, room: int, turn: int) -> npt.NDArray[np.uint8]:
    """Return the marks of the numbers that come twice."""
    from insvigil.traits.kernels import mark

    twice = _bits(room)
    mark(numbers, turn, _bits(room), twice)
    return twice


def _bits(numbers: int) -> npt.NDArray[np.uint8]:
    """Return no mark, in eight to sixteen bits a number."""
    return np.zeros(1 << numbers.bit_length(), np.uint8)


def _marked(numbers: Longs, marks: npt.NDArray[np.uint8], turn: int) -> Flags:
    from insvigil.traits.kernels import find_marked

    found = np.empty(len(numbers), np.bool_)
    find_marked(numbers, turn, marks, found)
    return found
