"""Values that are not plain: their bytes without escapes.

Most values never come here: :mod:`picking` sets aside those that hold an escape or, in a message that is not UTF-8, a
byte above 0x7F.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from insvigil.jit import kernel
from insvigil.jit_blocks import TOPS

COLUMN, ROW, BEGIN, END, NATURE, MARKS = range(6)
"""Columns of the values set aside; ``MARKS`` holds the five separators, the first in the lowest byte."""


_WORDS = "Array(uint64, 1, 'A', aligned=False)"


@kernel(f"int64(uint8[::1], {_WORDS}, uint8[:, ::1], int64, int64)", inner=True)
def follow(buffer: Any, words: Any, steps: Any, begin: Any, end: Any) -> Any:
    """Return the state in which a stretch of bytes ends; ``steps``: the state after a state and a byte.

    ASCII changes nothing in state 0 and is stepped over eight bytes at once; state 1 is never left.
    """
    at = begin
    state: Any = 0
    while at < end and state != 1:
        if state == 0 and at + 8 <= end and words[at] & TOPS == 0:
            at += 8
        else:
            state = np.int64(steps[state, buffer[at]])
            at += 1
    return state


@kernel(f"void(uint8[::1], {_WORDS}, uint8[:, ::1], int64[:, ::1], uint8[::1])")
def follow_all(buffer: Any, words: Any, steps: Any, spans: Any, ends: Any) -> Any:
    """Write the state in which each stretch of bytes ends."""
    for row in range(spans.shape[0]):
        ends[row] = follow(buffer, words, steps, spans[row, 0], spans[row, 1])


@kernel("UniTuple(int64, 2)(uint8[::1], int64, int64, int64, uint8[::1], int64)", inner=True)
def unescape(buffer: Any, at: Any, end: Any, marks: Any, out: Any, to: Any) -> Any:
    """Write what the escape sequence at ``at`` stands for; return where it ends and where the writing stops.

    A sequence that is unknown or never closed gives one byte, the escape itself.
    """
    escape = (marks >> 24) & 0xFF
    close = at + 1
    while close < end and buffer[close] != escape and close - at < 64:
        close += 1
    if close >= end or buffer[close] != escape:
        out[to] = buffer[at]
        return at + 1, to + 1
    size = close - at - 1
    letter = np.int64(buffer[at + 1])
    if size == 1:
        # F field, S component, R repetition, E escape, T sub-component; H and N, highlighting, stand for nothing
        shift = -1
        shift = 0 if letter == 70 else shift
        shift = 8 if letter == 83 else shift
        shift = 16 if letter == 82 else shift
        shift = 24 if letter == 69 else shift
        shift = 32 if letter == 84 else shift
        if shift >= 0:
            out[to] = (marks >> shift) & 0xFF
            return close + 1, to + 1
        if letter == 72 or letter == 78:
            return close + 1, to
    elif size >= 3 and letter == 46 and buffer[at + 2] == 98 and buffer[at + 3] == 114:  # .br
        out[to] = 10
        return close + 1, to + 1
    elif size >= 3 and size % 2 == 1 and letter == 88:  # X and pairs of hexadecimal digits
        written = to
        value = np.int64(0)
        for k in range(at + 2, close):
            digit = np.int64(buffer[k])
            if not (48 <= digit <= 57 or 65 <= (digit & 0xDF) <= 70):
                written = -1
                break
            value = ((value & 0xF) << 4) + (digit - 48 if digit <= 57 else (digit & 0xDF) - 55)
            if (k - at) & 1 == 1:
                out[written] = value
                written += 1
        if written >= 0:
            return close + 1, written
    # kept as it is, with what it encloses
    for k in range(at, close + 1):
        out[to + k - at] = buffer[k]
    return close + 1, to + close + 1 - at


@kernel("void(uint8[::1], int64[:, ::1], uint8[::1])")
def unescape_values(buffer: Any, values: Any, out: Any) -> Any:
    """Write the bytes of each value with escapes resolved, one after the other, and where they stand into ``values``.

    ``out`` has room for all of them: none becomes longer.
    """
    to = 0
    for value in range(values.shape[0]):
        at = values[value, 2]
        end = values[value, 3]
        marks = values[value, 5]
        begin = to
        while at < end:
            if buffer[at] == (marks >> 24) & 0xFF:
                at, to = unescape(buffer, at, end, marks, out, to)
            else:
                out[to] = buffer[at]
                to += 1
                at += 1
        values[value, 2] = begin
        values[value, 3] = to
