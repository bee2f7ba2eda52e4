"""HL7 time stamps to microseconds since 1970."""

from __future__ import annotations

from typing import Any

import numpy as np

from insvigil.jit import kernel

NO_TIME = -(2**63)
DAY = 86_400_000_000
"""Microseconds."""

_WORDS = "Array(uint64, 1, 'A', aligned=False)"


@kernel("int64(int64, int64, int64)", inner=True)
def days_of(year: Any, month: Any, day: Any) -> Any:
    """Return the days since 1970 of a date of the Gregorian calendar, or ``NO_TIME`` if there is no such date."""
    if year < 1 or month < 1 or month > 12 or day < 1:
        return NO_TIME
    leap = np.int64(year % 4 == 0 and (year % 100 != 0 or year % 400 == 0))
    longest = 28 + leap if month == 2 else 30 + ((month + (month >> 3)) & 1)
    if day > longest:
        return NO_TIME
    before = (367 * month - 362) // 12  # as if February had 30 days
    if month > 2:
        before += leap - 2
    years = year - 1
    return years * 365 + years // 4 - years // 100 + years // 400 + before + day - 719_163


@kernel("int64(uint8[::1], int64, int64)", inner=True)
def parse_time(buffer: Any, begin: Any, end: Any) -> Any:
    """Return microseconds since 1970 of an HL7 time stamp (local, offset dropped), or ``NO_TIME`` if it is not one.

    ``YYYY[MM[DD[HH[MM[SS[.S…]]]]]][±ZZZZ]`` (HL7 2.5 §2.A.77).
    """
    digits = 0
    number = np.int64(0)
    micro = np.int64(0)
    scale = np.int64(0)  # of the next decimal
    zone = False
    for at in range(begin, end):
        digit = np.int64(buffer[at]) - 48
        if 0 <= digit <= 9:
            if zone:
                continue
            if scale > 0:
                micro += digit * (scale // 10)
                scale = max(scale // 10, np.int64(1))
            elif digits < 14:
                number = number * 10 + digit
                digits += 1
            else:
                return NO_TIME
        elif digit == -2 and digits == 14 and scale == 0 and not zone:  # .
            scale = np.int64(1_000_000)
        elif (digit == -5 or digit == -3) and not zone:  # + -
            zone = True
        else:
            return NO_TIME
    if digits < 4 or digits % 2 == 1:
        return NO_TIME
    for missing in range(digits, 14, 2):
        number = number * 100 + (1 if missing < 8 else 0)
    days = days_of(number // 10_000_000_000, number // 100_000_000 % 100, number // 1_000_000 % 100)
    hour = number // 10_000 % 100
    minute = number // 100 % 100
    second = number % 100
    if days == NO_TIME or hour > 23 or minute > 59 or second > 60:
        return NO_TIME
    return ((days * 24 + hour) * 60 + minute) * 60_000_000 + second * 1_000_000 + micro
