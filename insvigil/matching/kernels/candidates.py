"""Candidate pairs: one hash a row and a key, then the groups of equal hashes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from insvigil.jit import kernel
from insvigil.matching.kernels.lines import (
    ADDRESS,
    BIRTH,
    DATE,
    EMAIL,
    FIRST,
    FLAGS,
    FOCUS,
    LIST,
    MATRICULE_HIGH,
    MATRICULE_LOW,
    PHONE,
    PLACE,
    PLACEHOLDER,
    POSTAL,
    SEX_MASK,
    USED,
    USED_GIVEN,
)

Scalar = Any  # a number of the width of the signature
Words = npt.NDArray[np.uint32]
Longs = npt.NDArray[np.uint64]

# What a key is made of, one bit each. First the parts that do not depend on the names:
YEAR, MONTH, DAY, DAY_AND_MONTH, DECADE = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 4
SEX, PLACE_CODE, POSTAL_CODE, SECOND_GIVEN = 1 << 5, 1 << 6, 1 << 7, 1 << 8
PHONE_NUMBER, EMAIL_ADDRESS, STREET = 1 << 9, 1 << 10, 1 << 11
MATRICULE, MATRICULE_START, MATRICULE_END = 1 << 12, 1 << 13, 1 << 14
PLAIN = 15
# then those of the family name and of the given name (sound, skeleton, three letters, initial):
FAMILY, FAMILY_SKELETON, FAMILY_HEAD, FAMILY_INITIAL = 1 << 15, 1 << 16, 1 << 17, 1 << 18
GIVEN, GIVEN_SKELETON, GIVEN_HEAD, GIVEN_INITIAL = 1 << 19, 1 << 20, 1 << 21, 1 << 22
BOTH_NAMES = 1 << 23  # family and given name in any order
# and how it is read:
ANY_FAMILY = 1 << 24  # a row enters with its birth name and with its used name
ANY_GIVEN = 1 << 25  # a row enters with its first given name and with its used given name
LOOSE = 1 << 26  # a missing part is a value like another (used to split groups)


@kernel("u8(u8, u8)", inline=True)
def mixed(h: Scalar, x: Scalar) -> Scalar:
    """Return ``h`` with ``x`` stirred in (multiply and shift, from splitmix64)."""
    h = (h ^ x) * np.uint64(0xBF58476D1CE4E5B9)
    return h ^ (h >> np.uint64(31))


@kernel("void(u4[:, ::1], i8, u4[:, ::1], b1, u8[::1])")
def read_parts(lines: Words, row: Scalar, lists: Words, listed: Scalar, parts: Longs) -> None:
    """Write the plain parts of a line, in the order of their bits; 0 where one is missing.

    The second given name is far in memory: it is read when ``listed``."""
    date, flags = np.int64(lines[row, DATE]), np.int64(lines[row, FLAGS])
    year, month, day = date >> 9, (date >> 5) & 15, date & 31
    if flags & PLACEHOLDER:
        month, day = np.int64(0), np.int64(0)
    matricule = np.uint64(lines[row, MATRICULE_HIGH]) << np.uint64(32) | np.uint64(lines[row, MATRICULE_LOW])
    parts[0], parts[1], parts[2] = year, month, day
    parts[3] = min(month, day) << 5 | max(month, day) if month and day else 0
    parts[4] = year // 10
    parts[5] = flags & SEX_MASK
    parts[6], parts[7] = lines[row, PLACE], lines[row, POSTAL]
    parts[8] = lists[lines[row, LIST], 1] if listed else 0
    parts[9], parts[10], parts[11] = lines[row, PHONE], lines[row, EMAIL], lines[row, ADDRESS]
    parts[12] = matricule
    parts[13] = matricule >> np.uint64(12)  # sex, year, month, place
    parts[14] = matricule & np.uint64((1 << 40) - 1)  # month, place and rank


@kernel("i8(i8, u4[:, ::1], u4[::1], u4[:, ::1], u4[:, ::1], u8, u8[::1])")
def fill_keys(what: Scalar, lines: Words, rows: Words, names: Words, lists: Words, shift: Scalar, out: Longs) -> Scalar:
    """Write ``hash << shift | row`` for each row that has every part of the key; return how many were written.

    ``names`` holds for each distinct name the hashes of its fine key, its skeleton, its three letters and its
    initial. A row enters up to four times when the key takes any of its names; ``out`` must have room for that.
    """
    n = 0
    low = (np.uint64(1) << shift) - np.uint64(1)
    loose = what & LOOSE != 0
    parts = np.zeros(PLAIN, np.uint64)
    for r in range(rows.size):
        row = np.int64(rows[r])
        read_parts(lines, row, lists, what & SECOND_GIVEN != 0, parts)
        h, whole = np.uint64(what & (LOOSE - 1)), True
        for bit in range(PLAIN):
            if (what >> bit) & 1:
                whole = whole and parts[bit] != 0
                h = mixed(h, parts[bit])
        if not whole and not loose:
            continue
        family_2, given_2 = np.int64(0), np.int64(0)
        if what & ANY_FAMILY and lines[row, USED] != lines[row, BIRTH]:
            family_2 = np.int64(lines[row, USED])
        if what & ANY_GIVEN and lines[row, USED_GIVEN] != lines[row, FIRST]:
            given_2 = np.int64(lines[row, USED_GIVEN])
        for f in range(2 if family_2 else 1):
            family = family_2 if f else np.int64(lines[row, BIRTH])
            for g in range(2 if given_2 else 1):
                given = given_2 if g else np.int64(lines[row, FIRST])
                k, whole = h, True
                for column in range(4):
                    if (what >> (PLAIN + column)) & 1:
                        whole = whole and family != 0
                        k = mixed(k, np.uint64(names[family, column]))
                    if (what >> (PLAIN + 4 + column)) & 1:
                        whole = whole and given != 0
                        k = mixed(k, np.uint64(names[given, column]))
                if what & BOTH_NAMES:
                    x, y = np.uint64(names[family, 0]), np.uint64(names[given, 0])
                    whole = whole and family != 0 and given != 0 and x != y
                    k = mixed(mixed(k, min(x, y)), max(x, y))
                if whole or loose:
                    out[n] = (k & ~low) | np.uint64(row)
                    n += 1
    return n


@kernel("UniTuple(i8, 2)(u8[::1], u8, i8, u4[:, ::1], b1, u4[:, ::1])")
def find_groups(
    keys: Longs, shift: Scalar, cap: Scalar, lines: Words, focused: Scalar, out: Words
) -> tuple[Scalar, Scalar]:
    """Write (start, size, start, size) of each run of equal hashes in sorted ``keys``.

    Runs of at most ``cap`` are written from the top of ``out``, longer ones from its end backwards; return both
    numbers. When ``focused``, the runs without an identity in focus are left out.
    """
    n, back, i = 0, out.shape[0], 0
    low = (np.uint64(1) << shift) - np.uint64(1)
    while i < keys.size:
        h = keys[i] >> shift
        j = i + 1
        while j < keys.size and keys[j] >> shift == h:
            j += 1
        if j - i > 1:
            kept = not focused
            k = i
            while k < j and not kept:
                kept = lines[keys[k] & low, FLAGS] & FOCUS != 0
                k += 1
            if kept:
                if j - i > cap:
                    back -= 1
                    at = back
                else:
                    at = n
                    n += 1
                out[at, 0], out[at, 1], out[at, 2], out[at, 3] = i, j - i, i, j - i
        i = j
    return n, out.shape[0] - back
