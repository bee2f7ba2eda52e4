"""Arrow's view of a text: sixteen bytes that hold its size and, up to twelve bytes, the text itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from insvigil.jit import kernel
from insvigil.jit_blocks import ALL, NONE

INLINE = 12
"""Bytes of a text that lie in its view; a longer one is in an arena, and the view holds its first four."""

_HALF = np.uint64(0xFFFFFFFF)


@kernel("void(uint64[:, :, ::1], uint8[:, ::1], UniTuple(int64, 4), uint64, uint64)", inner=True)
def write_view(views: Any, valid: Any, what: Any, first: Any, next_: Any) -> Any:
    """Write the view of a text that is not empty, and that it is there.

    ``what``: column, row, size, and its place in the arena if it is long. ``first``, ``next_``: the words at its first
    and fifth byte; what they hold beyond its end is left out.
    """
    column, row, size, place = what
    low = first & _HALF
    high = next_
    if size > INLINE:
        high = np.uint64(place) << np.uint64(32)
    elif size <= 4:
        high = NONE
        low &= ALL >> np.uint64(64 - 8 * size)
    elif size < INLINE:
        high &= ALL >> np.uint64(96 - 8 * size)
    views[column, row, 0] = np.uint64(size) | (low << np.uint64(32))
    views[column, row, 1] = high
    valid[column, row >> 3] |= np.uint8(1 << (row & 7))


@kernel("UniTuple(int64, 2)(uint8[::1], int64, int64)", inner=True)
def without_blanks(buffer: Any, begin: Any, end: Any) -> Any:
    """Return begin and end of a stretch of bytes without its outer spaces."""
    while begin < end and buffer[begin] == 32:
        begin += 1
    while end > begin and buffer[end - 1] == 32:
        end -= 1
    return begin, end
