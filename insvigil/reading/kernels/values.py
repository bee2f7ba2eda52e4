"""What one value is: a time stamp, text with escapes, text in some character set."""

from __future__ import annotations

from typing import Any

import numpy as np

from insvigil.jit import kernel

REPETITIONS, COMPONENTS = 32, 24
"""The most repetitions of a field and components of a repetition that are looked at."""

NO_TIME = -(2**63)

_WORDS = "Array(uint64, 1, 'A', aligned=False)"


@kernel(f"boolean(uint8[::1], {_WORDS}, int64, int64)", allocates=False, inner=True)
def is_utf8(buffer: Any, words: Any, begin: Any, end: Any) -> Any:
    """Return whether the bytes are well-formed UTF-8 (Unicode 15, table 3-7)."""
    tops = np.uint64(0x8080808080808080)
    at = begin
    while at < end:
        if at + 8 <= end and words[at] & tops == 0:
            at += 8
            continue
        byte = buffer[at]
        if byte < 0x80:
            at += 1
            continue
        low = 0x80
        high = 0xBF
        if 0xC2 <= byte <= 0xDF:
            more = 1
        elif 0xE0 <= byte <= 0xEF:
            more = 2
            if byte == 0xE0:
                low = 0xA0
            elif byte == 0xED:
                high = 0x9F
        elif 0xF0 <= byte <= 0xF4:
            more = 3
            if byte == 0xF0:
                low = 0x90
            elif byte == 0xF4:
                high = 0x8F
        else:
            return False
        if at + more >= end:
            return False
        if buffer[at + 1] < low or buffer[at + 1] > high:
            return False
        for k in range(2, more + 1):
            if buffer[at + k] & 0xC0 != 0x80:
                return False
        at += more + 1
    return True


@kernel("int64(uint8[::1], int64, int64)", allocates=False, inner=True)
def parse_time(buffer: Any, begin: Any, end: Any) -> Any:
    """Return microseconds since 1970 of an HL7 time stamp (local, offset dropped), or ``NO_TIME`` if it is not one.

    ``YYYY[MM[DD[HH[MM[SS[.S…]]]]]][±ZZZZ]`` (HL7 2.5 §2.A.77).
    """
    digits = 0
    number = np.int64(0)
    while begin + digits < end and 48 <= buffer[begin + digits] <= 57:
        number = number * 10 + np.int64(buffer[begin + digits] - 48)
        digits += 1
        if digits > 14:
            return NO_TIME
    if digits < 4 or digits % 2 == 1:
        return NO_TIME
    at = begin + digits
    micro = np.int64(0)
    if at < end and buffer[at] == 46 and digits == 14:
        at += 1
        scale = 100_000
        while at < end and 48 <= buffer[at] <= 57:
            micro += np.int64(buffer[at] - 48) * scale
            scale //= 10
            at += 1
    if at < end and (buffer[at] == 43 or buffer[at] == 45):
        at += 1
        while at < end and 48 <= buffer[at] <= 57:
            at += 1
    if at != end:
        return NO_TIME
    for missing in range(digits, 14, 2):
        number = number * 100 + (1 if missing < 8 else 0)
    second = number % 100
    minute = number // 100 % 100
    hour = number // 10_000 % 100
    day = number // 1_000_000 % 100
    month = number // 100_000_000 % 100
    year = number // 10_000_000_000
    if year < 1 or month < 1 or month > 12 or day < 1 or hour > 23 or minute > 59 or second > 60:
        return NO_TIME
    longest = 31
    if month == 4 or month == 6 or month == 9 or month == 11:
        longest = 30
    elif month == 2:
        longest = 29 if (year % 4 == 0 and year % 100 != 0) or year % 400 == 0 else 28
    if day > longest:
        return NO_TIME
    # days from civil: March-based years of 400-year eras
    shifted = year - 1 if month <= 2 else year
    era = shifted // 400
    of_era = shifted - era * 400
    of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    days = era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468
    return ((days * 24 + hour) * 60 + minute) * 60_000_000 + second * 1_000_000 + micro


@kernel("int64(uint8[::1], int64, int64, uint8[::1], int64, uint8[::1])", allocates=False, inner=True)
def unescape(buffer: Any, begin: Any, end: Any, out: Any, at: Any, marks: Any) -> Any:
    """Write the bytes with HL7 escapes resolved at ``out[at:]`` and return where they stop.

    ``marks`` holds field, component, repetition, escape, sub-component. Unknown sequences are kept as they are.
    """
    escape = marks[3]
    i = begin
    while i < end:
        byte = buffer[i]
        if byte != escape:
            out[at] = byte
            at += 1
            i += 1
            continue
        close = i + 1
        while close < end and buffer[close] != escape and close - i < 64:
            close += 1
        if close >= end or buffer[close] != escape:
            out[at] = byte
            at += 1
            i += 1
            continue
        letter = buffer[i + 1]
        size = close - i - 1
        known = True
        if size == 1 and letter == 70:  # F
            out[at] = marks[0]
            at += 1
        elif size == 1 and letter == 83:  # S
            out[at] = marks[1]
            at += 1
        elif size == 1 and letter == 82:  # R
            out[at] = marks[2]
            at += 1
        elif size == 1 and letter == 69:  # E
            out[at] = marks[3]
            at += 1
        elif size == 1 and letter == 84:  # T
            out[at] = marks[4]
            at += 1
        elif size == 1 and (letter == 72 or letter == 78):  # H, N: highlighting
            known = True
        elif size >= 3 and letter == 46 and buffer[i + 2] == 98 and buffer[i + 3] == 114:  # .br
            out[at] = 10
            at += 1
        elif size >= 3 and size % 2 == 1 and letter == 88:  # X
            for k in range(i + 2, close):
                digit = buffer[k]
                if not (48 <= digit <= 57 or 65 <= digit <= 70 or 97 <= digit <= 102):
                    known = False
            if known:
                for k in range(i + 2, close, 2):
                    value = 0
                    for digit in (buffer[k], buffer[k + 1]):
                        value = value * 16 + (digit - 48 if digit <= 57 else (digit & 0xDF) - 55)
                    out[at] = value
                    at += 1
        else:
            known = False
        if not known:
            for k in range(i, close + 1):
                out[at] = buffer[k]
                at += 1
        i = close + 1
    return at


@kernel(
    f"int64(uint8[::1], int64, int64, uint8[::1], {_WORDS}, int64, uint8[::1], uint16[::1], boolean)",
    allocates=False,
    inner=True,
)
def decode(
    buffer: Any, begin: Any, end: Any, arena: Any, arena_words: Any, at: Any, marks: Any, charmap: Any, utf8: Any
) -> Any:
    """Write the bytes at ``arena[at:]`` as UTF-8, escapes resolved, and return where they stop.

    The arena must have room for four times the bytes, plus 16.
    """
    scratch = at + 3 * (end - begin) + 8
    stop = unescape(buffer, begin, end, arena, scratch, marks)
    if utf8 and is_utf8(arena, arena_words, scratch, stop):
        for k in range(scratch, stop):
            arena[at] = arena[k]
            at += 1
        return at
    for k in range(scratch, stop):
        point = charmap[arena[k]]
        if point < 0x80:
            arena[at] = point
            at += 1
        elif point < 0x800:
            arena[at] = 0xC0 | (point >> 6)
            arena[at + 1] = 0x80 | (point & 0x3F)
            at += 2
        else:
            arena[at] = 0xE0 | (point >> 12)
            arena[at + 1] = 0x80 | ((point >> 6) & 0x3F)
            arena[at + 2] = 0x80 | (point & 0x3F)
            at += 3
    return at
