"""Candidate pairs: one hash a row and a key, then the groups of equal hashes.

The hash of a key is the sum of the hashes of its parts, so that a row is read once for many keys: stirring the parts of
a row costs about 150 ns, each key four additions more (one key at a time, hashing its own parts, took 87 ns a row and
key; there are 25 keys).

The birth year and month of a key that asks them are the first bits of its hash: groups come in the order of dates, as
the lines do, and what is compared lies in the cache.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from insvigil.jit import kernel, prefetch
from insvigil.matching.kernels.lines import (
    ADDRESS,
    BIRTH,
    DATE,
    EMAIL,
    FIRST,
    FLAGS,
    FOCUS,
    LIST,
    LIST_INDEX,
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
Integers = npt.NDArray[np.int64]

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
PARTS = 24
# and how it is read:
ANY_FAMILY = 1 << 24  # a row enters with its birth name and with its used name
ANY_GIVEN = 1 << 25  # a row enters with its first given name and with its used given name
LOOSE = 1 << 26  # a missing part is a value like another (used to split groups)

YEAR_BITS, MONTH_BITS, DAY_BITS = 7, 4, 5
"""First bits of a hash: the birth year of a century and more, then the month, then the day, where the key asks them."""

BLOCK = 64
"""Rows whose parts are held at a time: 24 parts of four variants of 64 rows fit a first-level cache."""
COLUMNS = 4 * BLOCK + 8
"""Columns held, and as many more as keep the parts of one of them from falling on the same lines of the cache."""
FILTER_BITS = 20
"""Bits of the hash that a filter tells apart: a night of 50,000 changes fills a twentieth of it."""


@kernel(inline=True)
def stirred(x: Scalar, part: Scalar) -> Scalar:
    """Return the hash of the value of one part (the finalizer of splitmix64)."""
    h = x * np.uint64(PARTS) + np.uint64(part) + np.uint64(0x9E3779B97F4A7C15)
    h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return h ^ (h >> np.uint64(31))


@kernel("void(u4[:, ::1], i8, u4[:, ::1], i8, u8[:, ::1], i8)", inner=True)
def read_parts(lines: Words, row: Scalar, lists: Words, wanted: Scalar, parts: Longs, at: Scalar) -> None:
    """Write the plain parts of a line in column ``at``, in the order of their bits; 0 where one is missing.

    The second given name is far in memory: it is read when it is ``wanted``.
    """
    date, flags = np.int64(lines[row, DATE]), np.int64(lines[row, FLAGS])
    year, month, day = date >> 9, (date >> 5) & 15, date & 31
    if flags & PLACEHOLDER:
        month, day = np.int64(0), np.int64(0)
    matricule = np.uint64(lines[row, MATRICULE_HIGH]) << np.uint64(32) | np.uint64(lines[row, MATRICULE_LOW])
    parts[0, at], parts[1, at], parts[2, at] = year, month, day
    parts[3, at] = min(month, day) << 5 | max(month, day) if month and day else 0
    parts[4, at] = year // 10
    parts[5, at] = flags & SEX_MASK
    parts[6, at], parts[7, at] = lines[row, PLACE], lines[row, POSTAL]
    parts[8, at] = lists[lines[row, LIST] & LIST_INDEX, 1] if wanted & SECOND_GIVEN else 0
    parts[9, at], parts[10, at], parts[11, at] = lines[row, PHONE], lines[row, EMAIL], lines[row, ADDRESS]
    parts[12, at] = matricule
    parts[13, at] = matricule >> np.uint64(12)  # sex, year, month, place
    parts[14, at] = matricule & np.uint64((1 << 40) - 1)  # month, place and rank


@kernel("void(i8, i8, u4[:, ::1], u8[:, ::1], i8)", inner=True)
def read_names(family: Scalar, given: Scalar, names: Words, parts: Longs, at: Scalar) -> None:
    """Write the parts of a family name and of a given name in column ``at``; 0 where one is missing."""
    for column in range(4):
        parts[PLAIN + column, at] = names[family, column] if family else 0
        parts[PLAIN + 4 + column, at] = names[given, column] if given else 0
    x, y = parts[PLAIN, at], parts[PLAIN + 4, at]
    parts[PARTS - 1, at] = min(x, y) << np.uint64(32) | max(x, y) if x and y else 0


@kernel(inline=True)
def dated(h: Scalar, key: Scalar, date: Scalar) -> Scalar:
    """Return the hash of a key, the date it asks before the rest: lines that meet are then near in memory."""
    if not key & YEAR:
        return h
    unasked = 0 if key & MONTH and key & DAY else DAY_BITS if key & MONTH else DAY_BITS + MONTH_BITS
    bits = np.uint64(YEAR_BITS + MONTH_BITS + DAY_BITS - unasked)
    return h >> bits | date >> np.uint64(unasked) << (np.uint64(64) - bits)


@kernel(inline=True)
def filtered_bit(h: Scalar) -> Scalar:
    """Return the bit of a hash in a filter: of its middle, which the date does not fill."""
    return (h >> np.uint64(28)) & np.uint64((1 << FILTER_BITS) - 1)


@kernel("b1(u8, u8[::1])", inner=True)
def passes(h: Scalar, filter_: Longs) -> Scalar:
    """Return whether the bit of a hash is set in a filter (see ``mark``)."""
    bit = filtered_bit(h)
    return (filter_[bit >> np.uint64(6)] >> (bit & np.uint64(63))) & np.uint64(1) != 0


@kernel("void(i8, i8, u8[:, ::1], i8[:, ::1])", inner=True, called=True)
def stir(wanted: Scalar, count: Scalar, parts: Longs, variants: Integers) -> None:
    """Put the hashes of the wanted parts in their place, and which of them are present, one bit each.

    Part by part: several columns at a time in the registers of the processor.
    """
    for v in range(count):
        variants[2, v] = np.int64(parts[0, v] << np.uint64(MONTH_BITS) | parts[1, v]) << DAY_BITS | np.int64(
            parts[2, v]
        )
        variants[1, v] = 0
    for part in range(PARTS):
        if (wanted >> part) & 1:
            for v in range(count):
                variants[1, v] |= np.int64(parts[part, v] != 0) << part
                parts[part, v] = stirred(parts[part, v], part)


@kernel(inline=True)
def place_at(places: Words, first: Scalar, r: Scalar) -> Scalar:
    """Return the place of one of the rows read: they come one after the other where no place is given."""
    return np.int64(places[r]) if places.size else first + r


@kernel("i8(u4[:, ::1], u4[::1], i8, i8, u4[:, ::1], u4[:, ::1], i8, u8[:, ::1], i8[:, ::1])", inner=True, called=True)
def read_block(
    lines: Words, places: Words, first: Scalar, count: Scalar, names: Words, lists: Words, wanted: Scalar, parts: Longs,
    variants: Integers,
) -> Scalar:  # fmt: skip
    """Read ``count`` rows: the hashes of their parts, one column a variant of a row; return how many columns.

    A row comes up to four times: with its birth and first given name, with its used name, with its used given name,
    with both. ``variants`` receives the row, the parts present, and the birth date of each column, then where
    each kind of variant ends.
    """
    n = 0
    for r in range(count):
        row = place_at(places, first, r)
        prefetch(names, np.int64(lines[row, BIRTH]))
        prefetch(names, np.int64(lines[row, FIRST]))
        if wanted & ANY_FAMILY:
            prefetch(names, np.int64(lines[row, USED]))
        if wanted & SECOND_GIVEN:
            prefetch(lists, np.int64(lines[row, LIST] & LIST_INDEX))
    for kind in range(4):
        for r in range(count):
            row = place_at(places, first, r)
            family, given = np.int64(lines[row, BIRTH]), np.int64(lines[row, FIRST])
            if kind & 1:
                used = np.int64(lines[row, USED])
                if used == 0 or used == family or not wanted & ANY_FAMILY:
                    continue
                family = used
            if kind & 2:
                used = np.int64(lines[row, USED_GIVEN])
                if used == 0 or used == given or not wanted & ANY_GIVEN:
                    continue
                given = used
            if kind == 0:
                read_parts(lines, row, lists, wanted, parts, n)
            else:
                for part in range(PLAIN):
                    parts[part, n] = parts[part, r]
            read_names(family, given, names, parts, n)
            variants[0, n] = row
            n += 1
        variants[3, kind] = n
    stir(wanted, n, parts, variants)
    return n


@kernel(
    "void(i8[::1], u4[:, ::1], u4[::1], i8, i8, u4[:, ::1], u4[:, ::1], u8, u8[:, ::1], u8[:, ::1], i8[:, ::1],"
    " u8[:, ::1], i8[::1])",
)
def fill_keys(
    keys: Integers, lines: Words, places: Words, first: Scalar, last: Scalar, names: Words, lists: Words, shift: Scalar,
    filters: Longs, hashes: Longs, variants: Integers, out: Longs, written: Integers,
) -> None:  # fmt: skip
    """Write ``hash << shift | place`` in row ``k`` of ``out`` for each line that has every part of key ``k``.

    The lines are those of ``places``, or the lines ``first`` to ``last`` when there are none.

    ``names`` holds for each distinct name the hashes of its fine key, its skeleton, its three letters and its
    initial. A row enters up to four times when a key takes any of its names; ``out`` must have room for that and one
    more, and ``written`` receives how many entered each key. ``hashes`` (a row a part, and one for their sums) and
    ``variants`` are room for the columns of a block. Where ``filters`` has columns, a hash enters only if its
    bit is set in the filter of the key (see ``mark``).
    """
    wanted = 0
    for k in range(keys.size):
        wanted |= keys[k]
        written[k] = 0
    low = (np.uint64(1) << shift) - np.uint64(1)
    sums = hashes[PARTS]
    filtered = filters.shape[1] > 0
    size = places.size if places.size else last - first
    for start in range(0, size, BLOCK):
        rows = min(BLOCK, size - start)
        count = read_block(lines, places[start:], first + start, rows, names, lists, wanted, hashes, variants)
        for k in range(keys.size):
            key = keys[k]
            needed = 0 if key & LOOSE else key & ((1 << PARTS) - 1)
            for v in range(count):
                sums[v] = 0
            for part in range(PARTS):
                if (key >> part) & 1:
                    for v in range(count):
                        sums[v] += hashes[part, v]
            n = written[k]
            for kind in range(4):
                if (kind & 1 and not key & ANY_FAMILY) or (kind & 2 and not key & ANY_GIVEN):
                    continue
                for v in range(variants[3, kind - 1] if kind else 0, variants[3, kind]):
                    h = dated(sums[v], key, np.uint64(variants[2, v]))
                    if filtered and not passes(h, filters[k]):
                        continue
                    # Written without asking: the next one takes its place when it lacks a part.
                    out[k, n] = (h & ~low) | np.uint64(variants[0, v])
                    n += variants[1, v] & needed == needed
            written[k] = n


@kernel("void(u8[::1], u8[::1])")
def mark(keys: Longs, filter_: Longs) -> None:
    """Set the bit of each hash of ``keys`` in a filter of 2 ** ``FILTER_BITS`` bits."""
    for k in range(keys.size):
        bit = filtered_bit(keys[k])
        filter_[bit >> np.uint64(6)] |= np.uint64(1) << (bit & np.uint64(63))


@kernel("UniTuple(i8, 3)(u8[::1], u8, i8, u4[:, ::1], b1, u4[::1], u4[::1], u4[:, ::1])")
def find_groups(
    keys: Longs, shift: Scalar, cap: Scalar, lines: Words, focused: Scalar, places: Words, ends: Words, large: Words
) -> tuple[Scalar, Scalar, Scalar]:
    """Write the places of each run of two or more equal hashes in sorted ``keys``, run after run, and where each ends.

    Runs longer than ``cap`` go to ``large`` instead, as (start, size) in ``keys``; while it is too small they are
    only counted. When ``focused``, the runs without an identity in focus are left out. Returns the number of places, of
    runs and of large runs.
    """
    n, units, huge, i = 0, 0, 0, 0
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
            if kept and j - i > cap:
                if huge < large.shape[0]:
                    large[huge, 0], large[huge, 1] = i, j - i
                huge += 1
            elif kept:
                for k in range(i, j):
                    places[n] = keys[k] & low
                    n += 1
                ends[units] = n
                units += 1
        i = j
    return n, units, huge
