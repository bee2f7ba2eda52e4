"""How the codes of two lines agree: dates, matricules, places, phones; a few instructions each, no text read."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from insvigil.jit import kernel, prefetch
from insvigil.matching.kernels.agreements import (
    D_DIFFERENT,
    D_GENERATION,
    D_NEAR,
    D_PART,
    D_PLACEHOLDER,
    D_SAME,
    D_SAME_PLACEHOLDER,
    D_SWAPPED,
    D_YEAR,
    M_CLOSE,
    M_DIFFERENT,
    M_SAME,
    M_SAME_BIRTH,
    M_SAME_INCOHERENT,
    P_DIFFERENT,
    P_NEAR,
    P_SAME,
    T_ADDRESS,
    T_PHONE,
    T_SEX,
)
from insvigil.matching.kernels.lines import (
    ADDRESS,
    FLAGS,
    MATRICULE_HIGH,
    MATRICULE_INCOHERENT,
    MATRICULE_LOW,
    MATRICULE_VALID,
    PHONE,
    PHONE_HASHED,
    SEX_MASK,
)

Scalar = Any  # a number of the width of the signature
Words = npt.NDArray[np.uint32]
Bytes = npt.NDArray[np.uint8]

AHEAD = 16
"""Lines ahead of the one written, asked of memory."""
FOREIGN = (10 << 6) | 10  # places that begin with 99


def _neighbour(a: int, b: int) -> bool:
    """Whether two numbers of two digits differ by one, by one digit, or by their digits exchanged."""
    (p, q), (u, v) = divmod(a, 10), divmod(b, 10)
    return a != b and (abs(a - b) == 1 or p == u or q == v or (p, q) == (v, u))


def _beside(bits: int) -> list[int]:
    """Return by two numbers, one after the other, whether they are the same (1), near (2), one of them missing (4)."""
    numbers = range(1 << bits)
    return [(a == b) + 2 * _neighbour(a, b) + 4 * (a == 0 or b == 0) for a in numbers for b in numbers]


def _one_year(state: int) -> int:
    """Return the level of two dates of one year from what is beside months and days, exchanged, and default."""
    month, day, swapped, default = state & 7, state >> 3 & 7, state & 64, state & 128 or state & 36
    if month & day & 1:
        return D_SAME_PLACEHOLDER if default else D_SAME
    if default:
        return D_PLACEHOLDER
    if swapped:
        return D_SWAPPED
    if (month | day) & 1:
        return D_NEAR if (month | day) & 2 else D_PART
    return D_YEAR


MONTHS, DAYS = np.array(_beside(4), np.uint8), np.array(_beside(5), np.uint8)
ONE_YEAR = np.array([_one_year(state) for state in range(256)], np.uint8)


@kernel("i8(u8)", inner=True)
def digits_apart(x: Scalar) -> Scalar:
    """Return how many of the sixteen 4-bit characters of an exclusive or are not zero."""
    x = (x | (x >> np.uint64(1)) | (x >> np.uint64(2)) | (x >> np.uint64(3))) & np.uint64(0x1111111111111111)
    return np.int64((x * np.uint64(0x1111111111111111)) >> np.uint64(60))


@kernel("b1(u4)", inner=True)
def one_character_apart(x: Scalar) -> Scalar:
    """Whether one of the five 6-bit characters of an exclusive or is not zero, and no more."""
    y = np.uint32(x | (x >> np.uint32(1)))
    y = np.uint32(y | (y >> np.uint32(2)) | (x >> np.uint32(4)) | (x >> np.uint32(5))) & np.uint32(0x01041041)
    return y != 0 and y & (y - np.uint32(1)) == 0


@kernel("b1(i8, i8)", inner=True)
def digit_apart(x: Scalar, y: Scalar) -> Scalar:
    """Whether two numbers below 10,000 differ by one digit, or by two neighbouring digits exchanged."""
    n, first, u, v = 0, 0, x, y
    for k in range(4):
        if u % 10 != v % 10:
            n += 1
            if n == 1:
                first = k
            elif n > 2 or k != first + 1:
                return False
        u //= 10
        v //= 10
    if n == 2:
        p = (1, 10, 100, 1000)[first]
        return x // p % 10 == y // (10 * p) % 10 and x // (10 * p) % 10 == y // p % 10
    return n == 1


@kernel("i8(i8, i8, b1, b1)", inner=True)
def years_level(a: Scalar, b: Scalar, default_a: Scalar, default_b: Scalar) -> Scalar:
    """Return how two birth dates of different years agree; 0 when a year is missing."""
    ya, yb = a >> 9, b >> 9
    if ya == 0 or yb == 0:
        return 0
    if (a ^ b) & 511 == 0:
        return D_NEAR if abs(ya - yb) == 1 or digit_apart(ya, yb) else D_PART
    return D_GENERATION if abs(ya - yb) >= 15 and not (default_a or default_b) else D_DIFFERENT


@kernel("i8(i8, i8, b1, b1)", inner=True)
def date_level(a: Scalar, b: Scalar, default_a: Scalar, default_b: Scalar) -> Scalar:
    """Return how two birth dates agree, from ``D_DIFFERENT`` to ``D_SAME``; 0 when a year is missing.

    Most pairs share their year, which most keys ask: tables tell, without a jump from there.
    """
    if (a ^ b) >> 9 != 0:
        return years_level(a, b, default_a, default_b)
    ma, da, mb, db = (a >> 5) & 15, a & 31, (b >> 5) & 15, b & 31
    state = np.int64(MONTHS[ma << 4 | mb]) | np.int64(DAYS[da << 5 | db]) << 3
    state |= np.int64((ma == db) & (da == mb)) << 6 | np.int64(default_a | default_b) << 7
    return np.int64(ONE_YEAR[state]) if a >> 9 != 0 else 0


@kernel("i8(u4[:, ::1], i8, i8)", inner=True)
def matricule_level(lines: Words, i: Scalar, j: Scalar) -> Scalar:
    """Return how two matricules that are known agree, from ``M_DIFFERENT`` to ``M_SAME``."""
    flags, flags_b = lines[i, FLAGS], lines[j, FLAGS]
    apart = np.uint64(lines[i, MATRICULE_HIGH] ^ lines[j, MATRICULE_HIGH]) << np.uint64(32)
    apart |= np.uint64(lines[i, MATRICULE_LOW] ^ lines[j, MATRICULE_LOW])
    if apart == 0:
        return M_SAME_INCOHERENT if (flags | flags_b) & MATRICULE_INCOHERENT else M_SAME
    n = digits_apart(apart)
    if apart >> np.uint64(12) == 0:  # only the rank: brothers and sisters born in one maternity ward, or a slip
        return M_CLOSE if n == 1 and (flags ^ flags_b) & MATRICULE_VALID else M_SAME_BIRTH
    return M_CLOSE if n <= 2 else M_DIFFERENT


@kernel("i8(u4, u4, i8)", inner=True)
def code_level(x: Scalar, y: Scalar, foreign: Scalar) -> Scalar:
    """Return how two places or postal codes agree: same, near (one character, same department) or not.

    Without early exit: four unforeseeable branches cost more than the whole.
    """
    packed = (x | y) >> np.uint32(30) == 0
    one_department = (x >> np.uint32(18) == y >> np.uint32(18)) & (x >> np.uint32(18) != foreign)
    level = P_NEAR if packed & (one_department | one_character_apart(x ^ y)) else P_DIFFERENT
    level = P_SAME if x == y else level
    return level if (x != 0) & (y != 0) else 0


@kernel("i8(u4, u4)", inner=True)
def same_or_not(x: Scalar, y: Scalar) -> Scalar:
    """Return the level of a sex: 0 missing, 1 different, 2 same."""
    return ((x != 0) & (y != 0)) * (1 + np.int64(x == y))


@kernel("b1(u4, u4)", inner=True)
def numbers_alike(x: Scalar, y: Scalar) -> Scalar:
    """Whether two packed phones differ by one digit, or by two neighbouring digits exchanged."""
    a, b = np.int64(x) - 1, np.int64(y) - 1
    apart = abs(a - b)
    while apart % 10 == 0:
        apart //= 10
    if apart > 9 and (apart > 81 or apart % 9 != 0):  # d x 10^k for one digit, 9 d x 10^k for an exchange
        return False
    while a % 10 == b % 10:
        a //= 10
        b //= 10
    return a // 10 == b // 10 or (a // 100 == b // 100 and a % 10 == b // 10 % 10 and b % 10 == a // 10 % 10)


@kernel("b1(i8, u4, u4)", inner=True)
def maybe_alike(words: Scalar, x: Scalar, y: Scalar) -> Scalar:
    """Whether phones that differ may be alike, from what two lines share: seldom when all their digits are known."""
    apart = np.uint32(x - y) if x > y else np.uint32(y - x)
    round_ = (apart <= 810) | (apart % np.uint32(100) == 0)
    return (((x | y) >= PHONE_HASHED) | round_) & ((words >> PHONE) & ((1 << 16) + 1) == 1 << 16)


@kernel("void(u4[:, ::1], i8, i8, i8, i8, u1[::1])", inner=True)
def write_contacts(lines: Words, i: Scalar, j: Scalar, words: Scalar, alike: Scalar, found: Bytes) -> None:
    """Write the levels of the sex, the address, the phone and the e-mail: « similar » is settled later."""
    found[T_SEX] = same_or_not(lines[i, FLAGS] & SEX_MASK, lines[j, FLAGS] & SEX_MASK)
    for k in range(3):
        same, known = (words >> (ADDRESS + k)) & 1, (words >> (ADDRESS + k + 16)) & 1
        found[T_ADDRESS + k] = known + 2 * same
    found[T_PHONE] += alike


@kernel("void(u4[::1], u4[::1], u4[::1], u4[::1])")
def put_in_order(dates: Words, ends: Words, rows: Words, places: Words) -> None:
    """Write the rows in the order of their dates, and the place of each row in it.

    ``ends`` comes as zeros, one more than the dates may be. A counting sort: 0.3 s for ten million rows, a quarter of
    numpy's.
    """
    for row in range(dates.size):
        ends[dates[row] + np.uint32(1)] += np.uint32(1)
    for date in range(1, ends.size):
        ends[date] += ends[date - 1]
    for row in range(dates.size):
        place = ends[dates[row]]
        ends[dates[row]] = place + np.uint32(1)
        rows[place] = row
        places[row] = place


@kernel("void(Array(u4, 1, 'C', readonly=True), u4[::1])")
def tally(codes: Words, counts: Words) -> None:
    """Count each code in ``counts``; those beyond it in its last entry."""
    last = np.uint32(counts.size - 1)
    for k in range(codes.size):
        counts[min(codes[k], last)] += np.uint32(1)


@kernel("void(u4[:, ::1], Array(u4, 1, 'C', readonly=True), u4[:, ::1])")
def lay(columns: Words, places: Words, lines: Words) -> None:
    """Write what some identities have in each word (words x identities) as lines at their places.

    Each line is written once: writing the words of a batch one after the other, then its lines, takes four times as
    long.
    """
    for row in range(columns.shape[1]):
        prefetch(lines, np.int64(places[min(row + AHEAD, places.size - 1)]))
        place = places[row]
        for word in range(columns.shape[0]):
            lines[place, word] = columns[word, row]
