"""Fixed-width lines to string views."""

from __future__ import annotations

from typing import Any

import numpy as np

from insvigil.jit import kernel
from insvigil.jit_blocks import equal_mask, high_mask, lowest

_WORDS = "Array(uint64, 1, 'A', aligned=False)"


@kernel(
    f"UniTuple(int64, 2)(uint8[::1], {_WORDS}, int64, int64[:, ::1], uint64[:, :, ::1], uint8[:, ::1], {_WORDS}, "
    "int64[:, ::1])",
    allocates=False,
)
def slice_lines(buffer: Any, words: Any, size: Any, spans: Any, views: Any, valid: Any, texts: Any, lines: Any) -> Any:
    """Fill one row a line of ``buffer[:size]`` with the spans of it, blanks stripped; return rows, lines.

    ``lines[row]`` is the offset, the number (from 0), the length of the line and two bits: 1 if a span holds a byte
    above 0x7F, 2 if a date (column 2 of its span is 1) is not eight digits; such a span is left missing. A text longer
    than 12 bytes is copied to ``texts``, for the buffer is used again. Blank lines make no row. Rows beyond the
    capacity are counted only.
    """
    full = np.uint64(0xFFFFFFFFFFFFFFFF)
    half = np.uint64(0xFFFFFFFF)
    pair = np.uint64(0xFFFF)
    row = 0
    number = 0
    held = 0
    at = 0
    while at < size:
        begin = at
        high_line = np.uint64(0)
        while at < size:
            found = equal_mask(buffer, at, np.uint8(10))
            above = high_mask(buffer, at)
            if found != 0:
                width = lowest(found)
                high_line |= above & ((np.uint64(1) << np.uint64(width)) - np.uint64(1))
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
                while left < right and buffer[left] == 32:
                    left += 1
                while right > left and buffer[right - 1] == 32:
                    right -= 1
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
                if spans[span, 2] == 1:  # DDMMYYYY to YYYYMMDD
                    digits = 0
                    for k in range(left, right):
                        digits += 48 <= buffer[k] <= 57
                    if length == 8 and digits == 8:
                        day = words[left]
                        views[span, row, 0] = np.uint64(8) | (day & ~half)
                        views[span, row, 1] = ((day >> np.uint64(16)) & pair) | ((day & pair) << np.uint64(16))
                        valid[span, row >> 3] |= np.uint8(1 << (row & 7))
                    else:
                        lines[row, 3] |= 2
                    continue
                low = words[left] & half
                high = np.uint64(held) << np.uint64(32)
                if length > 12:
                    for k in range(0, length, 8):
                        texts[held + k] = words[left + k]
                    held += length
                else:
                    high = words[left + 4]
                    if length <= 4:
                        high = np.uint64(0)
                        low &= full >> np.uint64(64 - 8 * length)
                    elif length < 12:
                        high &= full >> np.uint64(96 - 8 * length)
                views[span, row, 0] = np.uint64(length) | (low << np.uint64(32))
                views[span, row, 1] = high
                valid[span, row >> 3] |= np.uint8(1 << (row & 7))
        row += 1
    return row, number
