"""The fused comparison of candidate pairs: agreement levels by trait, dropped as soon as they cannot matter."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from insvigil.jit import kernel
from insvigil.matching.kernels.lines import (
    ADDRESS,
    BIRTH,
    CITY,
    DATE,
    FIRST,
    FLAGS,
    FOCUS,
    LIST,
    MATRICULE_HIGH,
    MATRICULE_INCOHERENT,
    MATRICULE_LOW,
    MATRICULE_VALID,
    PLACE,
    PLACEHOLDER,
    POSTAL,
    RARITY,
    SEX_MASK,
    USED,
    USED_GIVEN,
)
from insvigil.matching.kernels.strings import CLOSE, DIFFERENT, FAINT, NEAR, PART, SAME, relate

Scalar = Any  # a number of the width of the signature
Words = npt.NDArray[np.uint32]
Bytes = npt.NDArray[np.uint8]
Longs = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float32]

# The order of the traits in ``levels``, as in ``frames.AGREEMENTS``.
T_FAMILY, T_GIVEN, T_DATE, T_SEX, T_PLACE, T_MATRICULE, T_POSTAL, T_ADDRESS, T_PHONE, T_EMAIL = range(10)
TRAITS = 10
LEVELS = 12

# Family name: how it relates, in order of strength (0: missing on a side).
F_DIFFERENT, F_FAINT, F_PREFIX, F_NEAR, F_CROSSED_CLOSE, F_PART, F_CLOSE, F_CROSSED, F_SAME = range(1, 10)
# Given names.
G_DIFFERENT, G_FAINT, G_PREFIX, G_ELSEWHERE, G_NEAR, G_PART, G_CLOSE, G_INVERTED = range(1, 9)
G_SAME_OTHERS_DIFFER, G_SAME, G_SAME_LIST = 9, 10, 11
# Birth date.
D_DIFFERENT, D_YEAR, D_GENERATION, D_PART, D_PLACEHOLDER, D_NEAR, D_SWAPPED, D_SAME_PLACEHOLDER, D_SAME = range(1, 10)
# Sex, place, postal code or city.
S_DIFFERENT, S_SAME = 1, 2
P_DIFFERENT, P_NEAR, P_CITY, P_SAME = 1, 2, 3, 4
# Matricule.
M_DIFFERENT, M_SAME_BIRTH, M_CLOSE, M_SAME_INCOHERENT, M_SAME = 1, 2, 3, 4, 5
# Address, phone, e-mail: ``X_SIMILAR`` is settled afterwards, on the few pairs that remain.
X_DIFFERENT, X_SIMILAR, X_SAME = 1, 2, 3

# The rarities that follow the levels, in eighths of a bit.
R_FAMILY, R_GIVEN, R_PLACE, R_POSTAL = TRAITS, TRAITS + 1, TRAITS + 2, TRAITS + 3

FOREIGN = (10 << 6) | 10  # places that begin with 99

# The table of distinct names: hashes of the sound, the skeleton, the first three letters and the initial, then the set
# of letters with the length in the six upper bits.
SOUND, SKELETON, HEAD, INITIAL, LETTERS = range(5)
MEMO_BITS = 15


@kernel("i8(u4)")
def bits_of(x: Scalar) -> Scalar:
    """Return how many bits are set (LLVM turns this into one instruction)."""
    x = x - ((x >> np.uint32(1)) & np.uint32(0x55555555))
    x = (x & np.uint32(0x33333333)) + ((x >> np.uint32(2)) & np.uint32(0x33333333))
    x = (x + (x >> np.uint32(4))) & np.uint32(0x0F0F0F0F)
    # Compiled arithmetic on 32 bits is done on 64: what overflows must be cut off.
    return np.int64(((x * np.uint32(0x01010101)) & np.uint32(0xFFFFFFFF)) >> np.uint32(24))


@kernel("i8(u8, i8, i8)")
def characters_apart(x: Scalar, bits: Scalar, width: Scalar) -> Scalar:
    """Return how many packed characters are not zero in the exclusive or of two codes."""
    n = 0
    group = np.uint64((1 << bits) - 1)
    for _ in range(width):
        if x & group:
            n += 1
        x >>= np.uint64(bits)
    return n


@kernel("b1(i8, i8)")
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


@kernel("i8(i8, i8, b1, b1)")
def date_level(a: Scalar, b: Scalar, default_a: Scalar, default_b: Scalar) -> Scalar:
    """Return how two birth dates agree, from ``D_DIFFERENT`` to ``D_SAME``; 0 when a year is missing."""
    ya, ma, da, yb, mb, db = a >> 9, (a >> 5) & 15, a & 31, b >> 9, (b >> 5) & 15, b & 31
    if ya == 0 or yb == 0:
        return 0
    if a == b:
        return D_SAME_PLACEHOLDER if default_a or default_b or ma == 0 or da == 0 else D_SAME
    if ya == yb and (default_a or default_b or ma == 0 or mb == 0 or da == 0 or db == 0):
        return D_PLACEHOLDER
    if ya == yb and ma == db and da == mb:
        return D_SWAPPED
    alike = (ya == yb) + (ma == mb) + (da == db)
    if alike == 2:
        if (
            (ya != yb and (abs(ya - yb) == 1 or digit_apart(ya, yb)))
            or (ma != mb and (abs(ma - mb) == 1 or digit_apart(ma, mb)))
            or (da != db and (abs(da - db) == 1 or digit_apart(da, db)))
        ):
            return D_NEAR
        return D_PART
    if ya == yb:
        return D_YEAR
    return D_GENERATION if abs(ya - yb) >= 15 and not (default_a or default_b) else D_DIFFERENT


@kernel("i8(u4[:, ::1], i8, i8)")
def matricule_level(lines: Words, i: Scalar, j: Scalar) -> Scalar:
    """Return how two matricules agree, from ``M_DIFFERENT`` to ``M_SAME``; 0 when one is missing."""
    if lines[i, MATRICULE_HIGH] == 0 or lines[j, MATRICULE_HIGH] == 0:
        return 0
    flags, flags_b = lines[i, FLAGS], lines[j, FLAGS]
    apart = np.uint64(lines[i, MATRICULE_HIGH] ^ lines[j, MATRICULE_HIGH]) << np.uint64(32)
    apart |= np.uint64(lines[i, MATRICULE_LOW] ^ lines[j, MATRICULE_LOW])
    if apart == 0:
        return M_SAME_INCOHERENT if (flags | flags_b) & MATRICULE_INCOHERENT else M_SAME
    n = characters_apart(apart, 4, 13)
    if apart >> np.uint64(12) == 0:  # only the rank: brothers and sisters born in one maternity ward, or a slip
        return M_CLOSE if n == 1 and (flags ^ flags_b) & MATRICULE_VALID else M_SAME_BIRTH
    return M_CLOSE if n <= 2 else M_DIFFERENT


@kernel("i8(u4, u4, i8)")
def code_level(x: Scalar, y: Scalar, foreign: Scalar) -> Scalar:
    """Return how two places or postal codes agree: same, near (one character, same department) or not."""
    if x == 0 or y == 0:
        return 0
    if x == y:
        return P_SAME
    if (x | y) >> np.uint32(30) == 0:
        department = x >> np.uint32(18)
        if department == y >> np.uint32(18) and department != foreign:
            return P_NEAR
        if characters_apart(np.uint64(x ^ y), 6, 5) == 1:
            return P_NEAR
    return P_DIFFERENT


@kernel("i8(u4, u4, u4[:, ::1])")
def hope(p: Scalar, q: Scalar, names: Words) -> Scalar:
    """Return the best relation that two names may have, from their letters and sounds; 0 when one is missing.

    An edit changes at most two members of the set of letters, so that the sets bound the distance from below.
    """
    if p == 0 or q == 0:
        return 0
    if p == q:
        return SAME
    if names[p, SOUND] == names[q, SOUND]:
        return CLOSE
    u, v = names[p, LETTERS], names[q, LETTERS]
    short = min(u >> np.uint32(26), v >> np.uint32(26))
    u &= np.uint32((1 << 26) - 1)
    v &= np.uint32((1 << 26) - 1)
    apart = bits_of(u ^ v)
    if apart <= 2 or u & ~v == 0 or v & ~u == 0:
        return CLOSE
    if (apart <= 4 and short >= 5) or (apart <= 6 and short >= 9):
        return NEAR
    if apart <= 6 or names[p, SKELETON] == names[q, SKELETON]:
        return FAINT
    return DIFFERENT


@kernel("i8(u4, u4, u4[:, ::1], u1[:, ::1], u8[::1])")
def relation(p: Scalar, q: Scalar, names: Words, chars: Bytes, memo: Longs) -> Scalar:
    """Return how two names relate; a distinct pair of names is compared once while it stays in ``memo``.

    The last 32 words of ``memo`` are the scratch of the edit distance, and are left at zero.
    """
    best = hope(p, q, names)
    if best == SAME or best <= DIFFERENT:
        return best
    x, y = min(p, q), max(p, q)
    pair = np.uint64(x) << np.uint64(32) | np.uint64(y)
    slot = (pair * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(64 - MEMO_BITS)
    known = memo[slot]
    if known >> np.uint64(3) == pair:
        return np.int64(known & np.uint64(7))
    m, n = np.int64(names[x, LETTERS] >> np.uint32(26)), np.int64(names[y, LETTERS] >> np.uint32(26))
    sound, skeleton = names[x, SOUND] == names[y, SOUND], names[x, SKELETON] == names[y, SKELETON]
    r = relate(chars[x], m, chars[y], n, sound, skeleton, memo[1 << MEMO_BITS :])
    memo[slot] = pair << np.uint64(3) | np.uint64(r)
    return r


@kernel("i8(u4[:, ::1], i8, i8, u4[:, ::1], u1[:, ::1], u8[::1])")
def family_level(lines: Words, i: Scalar, j: Scalar, names: Words, chars: Bytes, memo: Longs) -> Scalar:
    """Return how two persons' family names agree, birth and used names crossed."""
    r = relation(lines[i, BIRTH], lines[j, BIRTH], names, chars, memo)
    if r == SAME:
        return F_SAME
    crossed = np.int64(0)
    for k in range(1, 4):  # birth and used, used and birth, used and used
        if crossed != SAME:
            p, q = lines[i, k >> 1], lines[j, k & 1]
            crossed = max(crossed, relation(p, q, names, chars, memo))
    if crossed == SAME:
        return F_CROSSED
    if r == CLOSE:
        return F_CLOSE
    if r == PART:
        return F_PART
    if crossed >= PART:
        return F_CROSSED_CLOSE
    if r == 0:
        return F_DIFFERENT if crossed else 0
    return r  # NEAR, PREFIX, FAINT and DIFFERENT have the same numbers


@kernel("i8(u4[:, ::1], i8, i8, u4[:, ::1], u4[:, ::1], u1[:, ::1], u8[::1])")
def given_level(lines: Words, i: Scalar, j: Scalar, lists: Words, names: Words, chars: Bytes, memo: Longs) -> Scalar:
    """Return how two persons' given names agree: the first ones, then the lists."""
    r = relation(lines[i, FIRST], lines[j, FIRST], names, chars, memo)
    u, v, size = lines[i, LIST], lines[j, LIST], lists.shape[1]
    if r == SAME:
        for k in range(size):
            if lists[u, k] == 0 or lists[v, k] == 0:
                return G_SAME_LIST if k > 1 else G_SAME
            if lists[u, k] != lists[v, k]:
                return G_SAME_OTHERS_DIFFER if k else G_SAME
        return G_SAME_LIST
    if r >= PART:
        return G_CLOSE if r == CLOSE else G_PART
    if r == NEAR:
        return G_NEAR
    w, z = lines[i, USED_GIVEN], lines[j, USED_GIVEN]
    if (w != 0 and (w == lines[j, FIRST] or w == z)) or (z != 0 and z == lines[i, FIRST]):
        return G_ELSEWHERE
    for k in range(1, size):
        if (lists[v, k] != 0 and lists[u, 0] == lists[v, k]) or (lists[u, k] != 0 and lists[v, 0] == lists[u, k]):
            return G_ELSEWHERE
    return r  # PREFIX, FAINT and DIFFERENT have the same numbers


@kernel("b1(u4[:, ::1], i8, i8, u4[:, ::1], u1[:, ::1], u8[::1])")
def inverted(lines: Words, i: Scalar, j: Scalar, names: Words, chars: Bytes, memo: Longs) -> Scalar:
    """Whether the family name of each is the given name of the other, one of the two exactly."""
    there = lines[i, FIRST] != 0 and (lines[i, FIRST] == lines[j, BIRTH] or lines[i, FIRST] == lines[j, USED])
    back = lines[j, FIRST] != 0 and (lines[j, FIRST] == lines[i, BIRTH] or lines[j, FIRST] == lines[i, USED])
    if there and back:
        return True
    if there:
        return relation(lines[i, BIRTH], lines[j, FIRST], names, chars, memo) >= PART
    if back:
        return relation(lines[i, FIRST], lines[j, BIRTH], names, chars, memo) >= PART
    return False


@kernel("i8(u4, u4)")
def same_or_not(x: Scalar, y: Scalar) -> Scalar:
    """Return the level of a sex, an address, a phone or an e-mail: 0 missing, 1 different, 2 same."""
    if x == 0 or y == 0:
        return 0
    return 2 if x == y else 1


@kernel("void(u4[:, ::1], i8, i8, u1[::1])")
def first_look(lines: Words, i: Scalar, j: Scalar, found: Bytes) -> None:
    """Write the levels that cost a few instructions, and the rarities of the values."""
    flags, flags_b = lines[i, FLAGS], lines[j, FLAGS]
    default, default_b = flags & PLACEHOLDER != 0, flags_b & PLACEHOLDER != 0
    found[T_DATE] = date_level(np.int64(lines[i, DATE]), np.int64(lines[j, DATE]), default, default_b)
    found[T_SEX] = same_or_not(flags & SEX_MASK, flags_b & SEX_MASK)
    found[T_PLACE] = code_level(lines[i, PLACE], lines[j, PLACE], FOREIGN)
    postal = code_level(lines[i, POSTAL], lines[j, POSTAL], -1)
    if postal != P_SAME:
        city = same_or_not(lines[i, CITY], lines[j, CITY])
        postal = P_CITY if city == 2 else max(postal, city)
    found[T_POSTAL] = postal
    found[T_MATRICULE] = matricule_level(lines, i, j)
    for k in range(3):  # address, phone, e-mail: « similar » is settled later
        level = same_or_not(lines[i, ADDRESS + k], lines[j, ADDRESS + k])
        found[T_ADDRESS + k] = X_SAME if level == 2 else level
    x, y = lines[i, RARITY], lines[j, RARITY]
    for k in range(4):
        found[TRAITS + k] = min(x & np.uint32(255), y & np.uint32(255))
        x >>= np.uint32(8)
        y >>= np.uint32(8)


@kernel("f4(f4[:, :, ::1], i8, u1[::1], i8)")
def worth(tables: Floats, trait: Scalar, found: Bytes, rarity: Scalar) -> Scalar:
    """Return the bits of the level found for a trait whose rarity is at ``rarity``."""
    level = found[trait]
    return tables[0, trait, level] + tables[1, trait, level] * np.float32(found[rarity])


@kernel("b1(u4[:, ::1], i8, i8, u4[:, ::1], u4[:, ::1], u1[:, ::1], u8[::1], f4[:, :, ::1], f4, u1[::1])")
def compare_two(
    lines: Words,
    i: Scalar,
    j: Scalar,
    lists: Words,
    names: Words,
    chars: Bytes,
    memo: Longs,
    tables: Floats,
    floor: Scalar,
    found: Bytes,
) -> Scalar:
    """Write the levels and rarities of two identities in ``found``; return whether their weight may reach ``floor``.

    What is cheap comes first; the letters of names, then the names, are read only while the best they can bring may
    matter. One matricule on two identities is always worth a look.
    """
    first_look(lines, i, j, found)
    if found[T_MATRICULE] >= M_SAME_INCOHERENT:
        floor = np.float32(-1e9)
    place, postal = found[T_PLACE], found[T_POSTAL]
    total = (
        tables[0, T_DATE, found[T_DATE]]
        + tables[0, T_SEX, found[T_SEX]]
        + tables[0, T_MATRICULE, found[T_MATRICULE]]
        + tables[0, T_PLACE, place]
        + tables[1, T_PLACE, place] * np.float32(found[R_PLACE])
        + tables[2, T_POSTAL, postal]
        + tables[1, T_POSTAL, postal] * np.float32(found[R_POSTAL])
        + tables[2, T_ADDRESS, found[T_ADDRESS]]
        + tables[2, T_PHONE, found[T_PHONE]]
        + tables[2, T_EMAIL, found[T_EMAIL]]
    )
    x, y = lines[i, RARITY], lines[j, RARITY]
    family_rare = np.float32(max(x & np.uint32(255), y & np.uint32(255)))
    given_rare = np.float32(max((x >> np.uint32(8)) & np.uint32(255), (y >> np.uint32(8)) & np.uint32(255)))
    a, b, u, v = lines[i, BIRTH], lines[j, BIRTH], lines[i, USED], lines[j, USED]
    p, q = lines[i, FIRST], lines[j, FIRST]
    reach = given_reach = np.int64(CLOSE)  # the best that unequal names may bring
    if a in (b, v) or u == b or (u == v and u != 0):
        reach = np.int64(SAME)
    if p in (q, b, v) or q in (a, u):
        reach = given_reach = np.int64(SAME)
    family = tables[2, T_FAMILY, reach] + tables[3, T_FAMILY, reach] * family_rare
    given = tables[2, T_GIVEN, given_reach] + tables[3, T_GIVEN, given_reach] * given_rare
    if total + family + given < floor:
        return False
    turned = inverted(lines, i, j, names, chars, memo)
    if not turned:
        given_reach = hope(lines[i, FIRST], lines[j, FIRST], names)
        reach = np.int64(0)
        for k in range(4):
            reach = max(reach, hope(lines[i, k >> 1], lines[j, k & 1], names))
        family = tables[2, T_FAMILY, reach] + tables[3, T_FAMILY, reach] * family_rare
        given = tables[2, T_GIVEN, given_reach] + tables[3, T_GIVEN, given_reach] * given_rare
        if total + family + given < floor:
            return False
    found[T_FAMILY] = F_CROSSED if turned else family_level(lines, i, j, names, chars, memo)
    if found[T_FAMILY] == F_CROSSED:  # the rarity of the name found crossed, not that of the birth names
        there, back = lines[i, BIRTH] == lines[j, USED], lines[i, USED] == lines[j, BIRTH]
        if there != back:
            found[R_FAMILY] = (x if there else y) & np.uint32(255)
    total += worth(tables, T_FAMILY, found, R_FAMILY)
    if total + given < floor:
        return False
    found[T_GIVEN] = G_INVERTED if turned else given_level(lines, i, j, lists, names, chars, memo)
    return total + worth(tables, T_GIVEN, found, R_GIVEN) >= floor


@kernel(
    "UniTuple(i8, 3)(u4[:, ::1], i8, u8[::1], u8, u4[:, ::1], u4[:, ::1], u4[:, ::1], u1[:, ::1],"
    " f4[:, :, ::1], f4, b1, u8[::1], u8[::1], u4[:, ::1], u1[:, ::1])"
)
def compare(
    units: Words,
    first: Scalar,
    keys: Longs,
    shift: Scalar,
    lines: Words,
    lists: Words,
    names: Words,
    chars: Bytes,
    tables: Floats,
    floor: Scalar,
    focused: Scalar,
    memo: Longs,
    met: Longs,
    pairs: Words,
    levels: Bytes,
) -> tuple[Scalar, Scalar, Scalar]:
    """Compare the pairs of each unit and write those whose weight may reach ``floor``.

    A unit is (start, size, start, size) in ``keys``: the pairs inside one group when both starts are equal, else the
    pairs across two tiles. ``tables`` are, by trait and level: the weights, the slopes by eighth of a bit of rarity,
    upper bounds and, for names, the steepest slope; both by relation for names. A row of ``levels`` is the ten
    levels, then four rarities. ``memo`` is room to work in. ``met`` (a power of two) remembers the pairs
    already written, by an earlier key most often: a doublon shares fifteen keys, and costs 0.8 µs at each. It may
    forget one, which is then written twice. Stops before ``pairs`` may overflow; returns the next unit, the pairs
    written and the pairs looked at.
    """
    low = (np.uint64(1) << shift) - np.uint64(1)
    mask = np.uint64(met.size - 1)
    written, seen = 0, 0
    for u in range(first, units.shape[0]):
        start, size = np.int64(units[u, 0]), np.int64(units[u, 1])
        other, width = np.int64(units[u, 2]), np.int64(units[u, 3])
        if written + size * width > pairs.shape[0]:
            return u, written, seen
        for p in range(size):
            i = np.int64(keys[start + p] & low)
            for q in range(p + 1 if start == other else 0, width):
                j = np.int64(keys[other + q] & low)
                if i == j or (focused and not (lines[i, FLAGS] | lines[j, FLAGS]) & FOCUS):
                    continue
                seen += 1
                pair = np.uint64(min(i, j)) << np.uint64(32) | np.uint64(max(i, j))
                slot = ((pair * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(29)) & mask
                if met[slot] == pair:
                    continue
                if compare_two(lines, i, j, lists, names, chars, memo, tables, floor, levels[written]):
                    pairs[written, 0], pairs[written, 1] = min(i, j), max(i, j)
                    met[slot] = pair
                    written += 1
    return np.int64(units.shape[0]), written, seen
