"""The kernels that number the distinct values of a column from their 64-bit hashes."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from insvigil.jit import kernel

Words = npt.NDArray[np.uint32]
Longs = npt.NDArray[np.uint64]

_START = 1 << 12
"""Slots of the first table: it stays in the nearest cache for a column of few values."""


@kernel("UniTuple(i8, 2)(Array(u8, 1, 'C', readonly=True), u4[::1], u4[::1], u8[::1], u4[::1], i8, i8, i8)")
def fill_codes(
    hashes: Longs, codes: Words, first: Words, values: Longs, table: Words, row: int, start: int, count: int
) -> tuple[int, int]:
    """Number the values of some rows, the first of which is ``row``, until the table is half full.

    ``start`` of them are numbered already; returns how many are, and the count of codes. ``table`` holds, at the slot
    of a hash or the first free one after it, its code plus one; ``values``, the hash of each code.
    """
    mask = np.uint64(table.size - 1)
    limit = np.uint32(table.size // 2)
    known = np.uint32(count)
    for i in range(start, hashes.size):
        value = hashes[i]
        at = value & mask
        while True:
            code = table[at]
            if code == 0:
                if known == limit:
                    return i, int(known)
                first[known], values[known] = row + i, value
                known += np.uint32(1)
                table[at] = known
                codes[row + i] = known - np.uint32(1)
                break
            if values[code - np.uint32(1)] == value:
                codes[row + i] = code - np.uint32(1)
                break
            at = (at + np.uint64(1)) & mask
    return hashes.size, int(known)


@kernel("void(u8[::1], u4[::1], i8)")
def refill(values: Longs, table: Words, count: int) -> None:
    """Put the codes known into a larger table of zeros."""
    mask = np.uint64(table.size - 1)
    for code in range(count):
        at = values[code] & mask
        while table[at] != 0:
            at = (at + np.uint64(1)) & mask
        table[at] = code + 1


def number(pieces: Iterable[Longs], size: int) -> tuple[Words, Words]:
    """Return the code of each value (0, 1, 2 … in order of appearance) and the row where each code appears first.

    The hashes of the ``size`` values come in pieces. An open-addressing table of codes, four times larger whenever it
    is half full: 6 to 36 ms for 1,000,000 values, where polars' ``Categorical`` takes 12 to 110 ms and keeps every
    string.
    """
    codes, first = np.empty(size, np.uint32), np.empty(size, np.uint32)
    values, table = np.empty(size, np.uint64), np.zeros(_START, np.uint32)
    row, count = 0, 0
    for hashes in pieces:
        done, count = fill_codes(hashes, codes, first, values, table, row, 0, count)
        while done < hashes.size:
            table = np.zeros(4 * table.size, np.uint32)
            refill(values, table, count)
            done, count = fill_codes(hashes, codes, first, values, table, row, done, count)
        row += hashes.size
    return codes, first[:count]
