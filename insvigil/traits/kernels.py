"""Below the frames of traits: texts folded to the letters of a table, matricules checked, rows that meet found."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from insvigil.jit import TEXTS, kernel

Bytes = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.uint16]
Words = npt.NDArray[np.uint32]
Longs = npt.NDArray[np.uint64]

PHONE_DIGITS = 9
"""Digits of a national number in France, without its leading zero."""

SHORTEST_PHONE = 4

MATRICULE_SIZE = 15
"""Characters of a matricule with its key."""

_SPACE, _ZERO, _TWO, _NINE = np.uint8(32), np.uint8(48), np.uint8(50), np.uint8(57)
_CORSICA = np.uint64(6)  # where a matricule may have the A or B of 2A and 2B


@kernel(f"void({TEXTS}, u1[::1], i8[::1], u1[::1])")
def fold(offsets: Integers, data: Bytes, table: Bytes, ends: Integers, letters: Bytes) -> None:
    """Write each text with its bytes mapped by ``table`` (0: left out), single spaces and none at its ends.

    ``ends`` are the offsets of what is written in ``letters``, which has as many bytes as the texts. 10 ns a name,
    where ``bytes.translate`` and ``bytes.replace`` on all names joined, then cut again, take 130 ns.
    """
    at = np.uint64(0)
    ends[0] = 0
    for i in range(offsets.size - 1):
        begin = at
        gap = True
        for k in range(np.uint64(offsets[i]), np.uint64(offsets[i + 1])):
            letter = table[data[k]]
            if letter == 0 or (gap and letter == _SPACE):
                continue
            gap = letter == _SPACE
            letters[at] = letter
            at += np.uint64(1)
        if gap and at > begin:
            at -= np.uint64(1)
        ends[i + 1] = at


@kernel(f"void({TEXTS}, i8[::1], u1[::1])")
def fold_phones(offsets: Integers, data: Bytes, ends: Integers, letters: Bytes) -> None:
    """Write the last nine digits of each text, nothing when they are fewer than four or all the same."""
    at = np.uint64(0)
    ends[0] = 0
    for i in range(offsets.size - 1):
        begin, size, same = at, 0, True
        k = offsets[i + 1]
        while k > offsets[i] and size < PHONE_DIGITS:
            k -= 1
            size += _ZERO <= data[k] <= _NINE
        last = np.uint8(0)
        for p in range(k, offsets[i + 1]):
            digit = data[p]
            if _ZERO <= digit <= _NINE:
                same &= last == 0 or last == digit
                last = digit
                letters[at] = digit
                at += np.uint64(1)
        if same or size < SHORTEST_PHONE:
            at = begin
        ends[i + 1] = at


@kernel(f"void({TEXTS}, u2[::1], b1[::1])")
def count_digits(offsets: Integers, data: Bytes, counts: Counts, same: Flags) -> None:
    """Tell how many digits each text has, and whether they are one digit repeated, a zero before it apart."""
    for i in range(offsets.size - 1):
        count, last, same[i] = 0, np.uint8(0), True
        for k in range(np.uint64(offsets[i]), np.uint64(offsets[i + 1])):
            digit = data[k]
            if _ZERO <= digit <= _NINE:
                if count == 1 and last == _ZERO:
                    last = digit  # whatever follows a first zero
                same[i] &= count == 0 or last == digit
                last = digit
                count += 1
        same[i] &= count > 0
        counts[i] = min(count, 65535)


@kernel(f"void({TEXTS}, b1[::1])")
def check_matricules(offsets: Integers, data: Bytes, valid: Flags) -> None:
    """Tell of each text whether it is a whole INS: 15 characters, a possible sex, month and department, its key.

    The fifteen are digits, but for the second of the department, A (counted 2A = 19) or B (2B = 18) in Corsica.
    10 ns a text, where polars' regular expression, substitutions and casts take 400 ns.
    """
    for i in range(offsets.size - 1):
        valid[i] = False
        start = np.uint64(offsets[i])
        if offsets[i + 1] - offsets[i] != MATRICULE_SIZE:
            continue
        number, plain = np.int64(0), True
        for k in range(np.uint64(MATRICULE_SIZE - 2)):
            digit = np.int64(data[start + k]) - _ZERO
            if k == _CORSICA and data[start + k - np.uint64(1)] == _TWO and 17 <= digit <= 18:
                number, digit = number - 1, 26 - digit  # 2A: 19, 2B: 18
            plain &= 0 <= digit <= 9
            number = 10 * number + digit
        tens, units = np.int64(data[start + np.uint64(13)]) - _ZERO, np.int64(data[start + np.uint64(14)]) - _ZERO
        month = number // 100_000_000 % 100
        valid[i] = (
            plain
            and 0 <= tens <= 9
            and 0 <= units <= 9
            and 1 <= number // 1_000_000_000_000 <= 2
            and (1 <= month <= 12 or month >= 20)
            and 97 - number % 97 == 10 * tens + units
        )


@kernel("void(u8[::1], Array(u4, 1, 'C', readonly=True), u4)")
def mix(numbers: Longs, codes: Words, missing: int) -> None:
    """Take one more code into the number of each row; 0, and for ever, where a code is ``missing``. 2 ns a row."""
    for i in range(numbers.size):
        number = (numbers[i] ^ np.uint64(codes[i])) * np.uint64(0x9E3779B97F4A7C15)
        lacks = numbers[i] == 0 or codes[i] == missing
        numbers[i] = np.uint64(0) if lacks else number ^ (number >> np.uint64(29)) | np.uint64(1)


@kernel("void(u8[::1], u8, u1[::1], u1[::1])")
def mark(numbers: Longs, turn: int, once: Bytes, twice: Bytes) -> None:
    """Set the bit of each number but 0: in ``once``, then in ``twice`` where it is set there already.

    Both have a power of two of bytes, ``twice`` maybe one only: it says nothing then. Two numbers that share a bit
    share none with another ``turn`` (0 to 63), as a rule.
    """
    first, second = np.uint64(once.size - 1), np.uint64(twice.size - 1)
    for i in range(numbers.size):
        number = (numbers[i] >> turn) | (numbers[i] << ((np.uint64(64) - turn) & np.uint64(63)))
        if number:
            at, bit = number >> np.uint64(20), np.uint8(1) << np.uint8((number >> np.uint64(10)) & np.uint64(7))
            seen = once[at & first]
            twice[at & second] |= seen & bit
            once[at & first] = seen | bit


@kernel("void(u8[::1], u8, u1[::1], b1[::1])")
def find_marked(numbers: Longs, turn: int, marks: Bytes, found: Flags) -> None:
    """Write whether the bit of each number is set (see ``mark``); never for 0."""
    mask = np.uint64(marks.size - 1)
    for i in range(numbers.size):
        number = (numbers[i] >> turn) | (numbers[i] << ((np.uint64(64) - turn) & np.uint64(63)))
        bit = (number >> np.uint64(10)) & np.uint64(7)
        found[i] = number != 0 and (marks[(number >> np.uint64(20)) & mask] >> bit) & np.uint8(1) != 0
