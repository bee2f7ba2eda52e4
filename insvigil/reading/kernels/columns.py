"""Fixed-width lines to string views."""

from __future__ import annotations

from typing import Any

import numpy as np

from insvigil.jit import kernel
from insvigil.jit_blocks import NONE, ONE, equal_mask, high_mask, lowest
from insvigil.reading.kernels.views import INLINE, without_blanks, write_view

_HALF = np.uint64(16)
_PAIR = np.uint64(0xFFFF)
_LINE_END = np.uint8(10)

_WORDS = "Array(uint64, 1, 'A', aligned=False)"


@kernel(
    f"UniTuple(int64, 2)(uint8[::1], {_WORDS}, int64, int64[:, ::1], uint64[:, :, ::1], uint8[:, ::1], {_WORDS}, "
    "int64[:, ::1])",
)
def slice_lines(buffer: Any, words: Any, size: Any, spans: Any, views: Any, valid: Any, texts: Any, lines: Any) -> Any:
    """Fill one row a line of ``buffer[:size]`` with the spans of it, blanks stripped; return rows, lines.

    ``lines[row]`` is the offset, the number (from 0), the length of the line and two bits: 1 if a span holds a byte
    above 0x7F, 2 if a date (column 2 of its span is 1) is not eight digits; such a span is left missing. A text longer
    than 12 bytes is copied to ``texts``, for the buffer is used again. Blank lines make no row. Rows beyond the
    capacity are counted only.
    """
    row = 0
    number = 0
    held = 0
    at = 0
    while at < size:
        begin = at
        high_line = NONE
        while at < size:
            found = equal_mask(buffer, at, _LINE_END)
            above = high_mask(buffer, at)
            if found != 0:
                width = lowest(found)
                high_line |= above & ((ONE << np.uint64(width)) - ONE)
                at += width
                break
            high_line |= above
            at += 64
        end = min(at, size)
        at += 1
        number += 1
        while end > begin and (buffer[end - 1] == 13 or buffer[end - 1] == 32 or buffer[end - 1] == 0x1A):
            end -= 1
        if end == begin:
            continue
        if row < lines.shape[0]:
            lines[row, 0] = begin
            lines[row, 1] = number - 1
            lines[row, 2] = end - begin
            lines[row, 3] = 0
            for span in range(spans.shape[0]):
                left = begin + spans[span, 0]
                right = min(begin + spans[span, 1], end)
                left, right = without_blanks(buffer, left, right)
                length = right - left
                if length <= 0:
                    continue
                if high_line != 0:
                    high_bytes = False
                    for k in range(left, right):
                        high_bytes |= buffer[k] >= 0x80
                    if high_bytes:
                        lines[row, 3] |= 1
                        continue
                first = words[left]
                upcoming = words[left + 4]
                if spans[span, 2] == 1:  # DDMMYYYY to YYYYMMDD
                    digits = 0
                    for k in range(left, right):
                        digits += 48 <= buffer[k] <= 57
                    if length != 8 or digits != 8:
                        lines[row, 3] |= 2
                        continue
                    upcoming = ((first >> _HALF) & _PAIR) | ((first & _PAIR) << _HALF)
                    first = words[left + 4]
                write_view(views, valid, (span, row, length, held), first, upcoming)
                if length > INLINE:
                    for k in range(0, length, 8):
                        texts[held + k] = words[left + k]
                    held += length
        row += 1
    return row, number
