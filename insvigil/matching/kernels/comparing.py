"""The fused comparison of candidate pairs: agreement levels by trait, dropped as soon as they cannot matter."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from insvigil.jit import kernel, prefetch
from insvigil.matching.kernels.lines import (
    ADDRESS,
    BIRTH,
    CHARS,
    CITY,
    DATE,
    FIRST,
    FLAGS,
    FOCUS,
    LETTER_SET,
    LETTERS,
    LIST,
    MATRICULE_HIGH,
    MATRICULE_INCOHERENT,
    MATRICULE_LOW,
    MATRICULE_VALID,
    PHONE,
    PHONE_HASHED,
    PLACE,
    PLACEHOLDER,
    POSTAL,
    RARITY,
    SEVERAL_WORDS,
    SEX_MASK,
    SKELETON,
    SOUND,
    TWICE,
    USED,
    USED_GIVEN,
)
from insvigil.matching.kernels.strings import CLOSE, DIFFERENT, FAINT, NEAR, PART, PREFIX, SAME, relate

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
# Address, phone, e-mail: ``X_SIMILAR`` is settled afterwards, on the few pairs that remain, but for packed phones.
X_DIFFERENT, X_SIMILAR, X_SAME = 1, 2, 3

# The rarities that follow the levels, in eighths of a bit.
R_FAMILY, R_GIVEN, R_PLACE, R_POSTAL = TRAITS, TRAITS + 1, TRAITS + 2, TRAITS + 3

FOREIGN = (10 << 6) | 10  # places that begin with 99

MEMO_BITS = 15
# The tables of weights, by trait and level: bits, bits by eighth of a bit of rarity, then both as upper bounds (of a
# name by relation, of a contact by what it may prove to be). Four against chance, then four against kinship.
BITS, SLOPES, MOST, STEEPEST = range(4)
CHANCE, KINSHIP = 0, 4
SAFE = np.float32(-1e9)  # a floor that no pair is under
AHEAD = 24  # rows asked of memory before they are compared


@kernel("i8(u4)", allocates=False)
def bits_of(x: Scalar) -> Scalar:
    """Return how many bits are set (LLVM turns this into one instruction)."""
    x = x - ((x >> np.uint32(1)) & np.uint32(0x55555555))
    x = (x & np.uint32(0x33333333)) + ((x >> np.uint32(2)) & np.uint32(0x33333333))
    x = (x + (x >> np.uint32(4))) & np.uint32(0x0F0F0F0F)
    # Compiled arithmetic on 32 bits is done on 64: what overflows must be cut off.
    return np.int64(((x * np.uint32(0x01010101)) & np.uint32(0xFFFFFFFF)) >> np.uint32(24))


@kernel("i8(u8)", allocates=False)
def digits_apart(x: Scalar) -> Scalar:
    """Return how many of the sixteen 4-bit characters of an exclusive or are not zero."""
    x = (x | (x >> np.uint64(1)) | (x >> np.uint64(2)) | (x >> np.uint64(3))) & np.uint64(0x1111111111111111)
    return np.int64((x * np.uint64(0x1111111111111111)) >> np.uint64(60))


@kernel("b1(u4)", allocates=False)
def one_character_apart(x: Scalar) -> Scalar:
    """Whether one of the five 6-bit characters of an exclusive or is not zero, and no more."""
    y = np.uint32(x | (x >> np.uint32(1)))
    y = np.uint32(y | (y >> np.uint32(2)) | (x >> np.uint32(4)) | (x >> np.uint32(5))) & np.uint32(0x01041041)
    return y != 0 and y & (y - np.uint32(1)) == 0


@kernel("b1(i8, i8)", allocates=False)
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


@kernel("i8(i8, i8, b1, b1)", allocates=False)
def date_level(a: Scalar, b: Scalar, default_a: Scalar, default_b: Scalar) -> Scalar:
    """Return how two birth dates agree, from ``D_DIFFERENT`` to ``D_SAME``; 0 when a year is missing."""
    ya, ma, da, yb, mb, db = a >> 9, (a >> 5) & 15, a & 31, b >> 9, (b >> 5) & 15, b & 31
    if ya == 0 or yb == 0:
        return 0
    default = (default_a | default_b) | (ma == 0) | (mb == 0) | (da == 0) | (db == 0)
    if a == b:
        return D_SAME_PLACEHOLDER if default else D_SAME
    if ya == yb:
        if default:
            return D_PLACEHOLDER
        if ma == db and da == mb:
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


@kernel("i8(u4[:, ::1], i8, i8)", allocates=False)
def matricule_level(lines: Words, i: Scalar, j: Scalar) -> Scalar:
    """Return how two matricules agree, from ``M_DIFFERENT`` to ``M_SAME``; 0 when one is missing."""
    if lines[i, MATRICULE_HIGH] == 0 or lines[j, MATRICULE_HIGH] == 0:
        return 0
    flags, flags_b = lines[i, FLAGS], lines[j, FLAGS]
    apart = np.uint64(lines[i, MATRICULE_HIGH] ^ lines[j, MATRICULE_HIGH]) << np.uint64(32)
    apart |= np.uint64(lines[i, MATRICULE_LOW] ^ lines[j, MATRICULE_LOW])
    if apart == 0:
        return M_SAME_INCOHERENT if (flags | flags_b) & MATRICULE_INCOHERENT else M_SAME
    n = digits_apart(apart)
    if apart >> np.uint64(12) == 0:  # only the rank: brothers and sisters born in one maternity ward, or a slip
        return M_CLOSE if n == 1 and (flags ^ flags_b) & MATRICULE_VALID else M_SAME_BIRTH
    return M_CLOSE if n <= 2 else M_DIFFERENT


@kernel("i8(u4, u4, i8)", allocates=False)
def code_level(x: Scalar, y: Scalar, foreign: Scalar) -> Scalar:
    """Return how two places or postal codes agree: same, near (one character, same department) or not.

    Without early exit: four unforeseeable branches cost more than the whole.
    """
    packed = (x | y) >> np.uint32(30) == 0
    one_department = (x >> np.uint32(18) == y >> np.uint32(18)) & (x >> np.uint32(18) != foreign)
    level = P_NEAR if packed & (one_department | one_character_apart(x ^ y)) else P_DIFFERENT
    level = P_SAME if x == y else level
    return level if (x != 0) & (y != 0) else 0


@kernel("i8(u4, u4, u4[:, ::1])", allocates=False)
def hope(p: Scalar, q: Scalar, names: Words) -> Scalar:
    """Return the best relation that two names may have, from their letters and sounds; 0 when one is missing.

    An edit takes at most one letter away and brings at most one, so that the letters of one that the other lacks
    (told apart up to the second of a kind) bound the distance from below, as their lengths do.
    """
    if p == 0 or q == 0:
        return 0
    if p == q:
        return SAME
    u, v = names[p, LETTERS], names[q, LETTERS]
    m, n = np.int64(u >> np.uint32(26)), np.int64(v >> np.uint32(26))
    u, v = u & LETTER_SET, v & LETTER_SET
    x, y = names[p, TWICE], names[q, TWICE]
    taken = bits_of(u & ~v) + bits_of(x & ~y & LETTER_SET)
    brought = bits_of(v & ~u) + bits_of(y & ~x & LETTER_SET)
    least, short = max(taken, brought, abs(m - n)), min(m, n)
    if least <= 1 or (taken == 0 and brought == 0) or names[p, SOUND] == names[q, SOUND]:
        return CLOSE
    if (x | y) & SEVERAL_WORDS and (u & ~v == 0 or v & ~u == 0):
        return PART
    if (least <= 2 and short >= 5) or (least <= 3 and short >= 9):
        return NEAR
    if taken == 0 or brought == 0:
        return PREFIX
    if (least <= 2 and short >= 3) or (least <= 3 and short >= 6) or names[p, SKELETON] == names[q, SKELETON]:
        return FAINT
    return DIFFERENT


@kernel("i8(u4, u4, u4[:, ::1], u1[:, ::1], u8[::1])", allocates=False)
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
    r = relate(chars[x, CHARS:], m, chars[y, CHARS:], n, sound, skeleton, memo[1 << MEMO_BITS :])
    memo[slot] = pair << np.uint64(3) | np.uint64(r)
    return r


@kernel("i8(u4[:, ::1], i8, i8, u4[:, ::1], u1[:, ::1], u8[::1])", allocates=False)
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


@kernel("i8(u4[:, ::1], i8, i8, u4[:, ::1], u4[:, ::1], u1[:, ::1], u8[::1])", allocates=False)
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


@kernel("b1(u4[:, ::1], i8, i8, u4[:, ::1], u1[:, ::1], u8[::1])", allocates=False)
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


@kernel("i8(u4, u4)", allocates=False)
def same_or_not(x: Scalar, y: Scalar) -> Scalar:
    """Return the level of a sex, an address, a phone or an e-mail: 0 missing, 1 different, 2 same."""
    return ((x != 0) & (y != 0)) * (1 + np.int64(x == y))


@kernel("b1(u4[:, ::1], i8, i8)", allocates=False)
def packed_phones(lines: Words, i: Scalar, j: Scalar) -> Scalar:
    """Whether both phones are known digit by digit."""
    return (lines[i, PHONE] | lines[j, PHONE]) < PHONE_HASHED


@kernel("b1(u4, u4)", allocates=False)
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


@kernel("void(u4[:, ::1], i8, i8, u1[::1])", allocates=False)
def first_look(lines: Words, i: Scalar, j: Scalar, found: Bytes) -> None:
    """Write the levels that cost a few instructions, and the rarities of the values."""
    flags, flags_b = lines[i, FLAGS], lines[j, FLAGS]
    default, default_b = flags & PLACEHOLDER != 0, flags_b & PLACEHOLDER != 0
    found[T_DATE] = date_level(np.int64(lines[i, DATE]), np.int64(lines[j, DATE]), default, default_b)
    found[T_SEX] = same_or_not(flags & SEX_MASK, flags_b & SEX_MASK)
    found[T_PLACE] = code_level(lines[i, PLACE], lines[j, PLACE], FOREIGN)
    postal = code_level(lines[i, POSTAL], lines[j, POSTAL], -1)
    city = same_or_not(lines[i, CITY], lines[j, CITY])
    found[T_POSTAL] = max(postal, P_CITY if city == 2 else city)
    found[T_MATRICULE] = matricule_level(lines, i, j)
    for k in range(3):  # address, phone, e-mail: « similar » is settled later
        level = same_or_not(lines[i, ADDRESS + k], lines[j, ADDRESS + k])
        found[T_ADDRESS + k] = level + (level >> 1)
    if found[T_PHONE] == X_DIFFERENT and packed_phones(lines, i, j):
        found[T_PHONE] += numbers_alike(lines[i, PHONE], lines[j, PHONE])
    x, y = lines[i, RARITY], lines[j, RARITY]
    for k in range(4):
        found[TRAITS + k] = min(x & np.uint32(255), y & np.uint32(255))
        x >>= np.uint32(8)
        y >>= np.uint32(8)


@kernel("f4(f4[:, :, ::1], i8, i8, u1[::1], i8)", allocates=False)
def worth(tables: Floats, score: Scalar, trait: Scalar, found: Bytes, rarity: Scalar) -> Scalar:
    """Return the bits of the level found for a trait whose rarity is at ``rarity``."""
    level = found[trait]
    return tables[score + BITS, trait, level] + tables[score + SLOPES, trait, level] * np.float32(found[rarity])


@kernel("f4(f4[:, :, ::1], i8, u1[::1], b1)", allocates=False)
def worth_beside_names(tables: Floats, score: Scalar, found: Bytes, sure: Scalar) -> Scalar:
    """Return the most that the levels found may bring, names apart; the level of the phone may be ``sure``."""
    most, slopes = score + MOST, score + SLOPES
    total = tables[slopes, T_PLACE, found[T_PLACE]] * np.float32(found[R_PLACE])
    total += tables[slopes, T_POSTAL, found[T_POSTAL]] * np.float32(found[R_POSTAL])
    for trait in range(T_DATE, TRAITS):
        total += tables[most, trait, found[trait]]
    if sure and found[T_PHONE] == X_DIFFERENT:
        total += tables[score + BITS, T_PHONE, X_DIFFERENT] - tables[most, T_PHONE, X_DIFFERENT]
    return total


@kernel("f4(f4[:, :, ::1], i8, i8, i8, f4)", allocates=False)
def most_of_name(tables: Floats, score: Scalar, trait: Scalar, relation: Scalar, rarity: Scalar) -> Scalar:
    """Return the most that a name may bring, by the best relation it may have and the rarity of the rarer side."""
    return tables[score + MOST, trait, relation] + tables[score + STEEPEST, trait, relation] * rarity


@kernel(
    "b1(u4[:, ::1], i8, i8, u4[:, ::1], u4[:, ::1], u1[:, ::1], u8[::1], f4[:, :, ::1], f4[::1], u1[::1])",
    allocates=False,
)
def compare_two(
    lines: Words, i: Scalar, j: Scalar, lists: Words, names: Words, chars: Bytes, memo: Longs, tables: Floats,
    floors: Floats, found: Bytes,
) -> Scalar:  # fmt: skip
    """Write the levels and rarities of two identities in ``found``; return whether their weight may reach the floors.

    What is cheap comes first; the letters of names, then the names, are read only while the best they can bring may
    matter, against chance and against kinship. One matricule on two identities is always worth a look.
    """
    first_look(lines, i, j, found)
    floor, kin_floor = floors[0], floors[1]
    if found[T_MATRICULE] >= M_SAME_INCOHERENT:
        floor, kin_floor = SAFE, SAFE
    sure = packed_phones(lines, i, j)
    total, kin = worth_beside_names(tables, CHANCE, found, sure), worth_beside_names(tables, KINSHIP, found, sure)
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
    family = most_of_name(tables, CHANCE, T_FAMILY, reach, family_rare)
    given = most_of_name(tables, CHANCE, T_GIVEN, given_reach, given_rare)
    kin_given = most_of_name(tables, KINSHIP, T_GIVEN, given_reach, given_rare)
    if total + family + given < floor:
        return False
    if kin + most_of_name(tables, KINSHIP, T_FAMILY, reach, family_rare) + kin_given < kin_floor:
        return False
    turned = inverted(lines, i, j, names, chars, memo)
    if not turned:
        given_reach = hope(p, q, names)
        reach = np.int64(0)
        for k in range(4):
            reach = max(reach, hope(lines[i, k >> 1], lines[j, k & 1], names))
        family = most_of_name(tables, CHANCE, T_FAMILY, reach, family_rare)
        given = most_of_name(tables, CHANCE, T_GIVEN, given_reach, given_rare)
        kin_given = most_of_name(tables, KINSHIP, T_GIVEN, given_reach, given_rare)
        if total + family + given < floor:
            return False
        if kin + most_of_name(tables, KINSHIP, T_FAMILY, reach, family_rare) + kin_given < kin_floor:
            return False
    found[T_FAMILY] = F_CROSSED if turned else family_level(lines, i, j, names, chars, memo)
    if found[T_FAMILY] == F_CROSSED:  # the rarity of the name found crossed, not that of the birth names
        there, back = lines[i, BIRTH] == lines[j, USED], lines[i, USED] == lines[j, BIRTH]
        if there != back:
            found[R_FAMILY] = (x if there else y) & np.uint32(255)
    total += worth(tables, CHANCE, T_FAMILY, found, R_FAMILY)
    kin += worth(tables, KINSHIP, T_FAMILY, found, R_FAMILY)
    if total + given < floor or kin + kin_given < kin_floor:
        return False
    found[T_GIVEN] = G_INVERTED if turned else given_level(lines, i, j, lists, names, chars, memo)
    total += worth(tables, CHANCE, T_GIVEN, found, R_GIVEN)
    return total >= floor and kin + worth(tables, KINSHIP, T_GIVEN, found, R_GIVEN) >= kin_floor


@kernel("void(u4[::1], i8, i8, u4[:, ::1], u4[:, ::1])", allocates=False)
def ask_ahead(rows: Words, first: Scalar, last: Scalar, lines: Words, names: Words) -> None:
    """Ask the memory for the lines of rows that come later, and for the names of those that come a little sooner.

    Spares 7 % of the comparison of four million identities, whose lines no cache holds.
    """
    for k in range(first, min(last, rows.size)):
        prefetch(lines, np.int64(rows[k]))
    for k in range(first - AHEAD // 2, min(last - AHEAD // 2, rows.size)):
        row = np.int64(rows[k])
        prefetch(names, np.int64(lines[row, BIRTH]))
        prefetch(names, np.int64(lines[row, FIRST]))


@kernel(
    "UniTuple(i8, 3)(u4[::1], u4[::1], i8, i8, i8, i8, u4[:, ::1], u4[:, ::1], u4[:, ::1], u1[:, ::1],"
    " f4[:, :, ::1], f4[::1], b1, u8[::1], u8[::1], u4[:, ::1], u1[:, ::1])",
    allocates=False,
)
def compare(
    rows: Words, starts: Words, reach: Scalar, key: Scalar, first: Scalar, last: Scalar, lines: Words, lists: Words,
    names: Words, chars: Bytes, tables: Floats, floors: Floats, focused: Scalar, memo: Longs, met: Longs,
    pairs: Words, levels: Bytes,
) -> tuple[Scalar, Scalar, Scalar]:  # fmt: skip
    """Compare the pairs of the cells ``first`` to ``last`` and write those whose weight may reach the floors.

    Cell ``c`` crosses unit ``c // (reach + 1)`` of ``rows`` with the one ``c % (reach + 1)`` further, itself when 0
    (see ``blocking.Work``). ``tables`` are the weights; ``floors``, what remains to reach against chance and against
    kinship. A row of ``levels`` is the ten levels, then four rarities. ``memo`` is room to work in. ``met`` (a power
    of two) remembers the pairs already written by this ``key`` or an earlier one: a doublon shares fifteen keys, and
    costs 0.8 µs at each. It may forget one, which is then written twice. Stops before ``pairs`` may overflow; returns
    the next cell, the pairs written and the pairs looked at.
    """
    mask = np.uint64(met.size - 1)
    written, seen = 0, 0
    for c in range(first, last):
        u, r = c // (reach + 1), c % (reach + 1)
        if u + r + 1 >= starts.size:
            continue
        start, stop = np.int64(starts[u]), np.int64(starts[u + 1])
        other, end = np.int64(starts[u + r]), np.int64(starts[u + r + 1])
        if written + (stop - start) * (end - other) > pairs.shape[0]:
            return c, written, seen
        ask_ahead(rows, start + AHEAD, stop + AHEAD, lines, names)
        for p in range(start, stop):
            i = np.int64(rows[p])
            for q in range(other if r else p + 1, end):
                j = np.int64(rows[q])
                if i == j or (focused and not (lines[i, FLAGS] | lines[j, FLAGS]) & FOCUS):
                    continue
                seen += 1
                pair = np.uint64(min(i, j)) << np.uint64(29) | np.uint64(max(i, j))
                slot = ((pair * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(29)) & mask
                known = met[slot]
                if known >> np.uint64(5) == pair and np.int64(known & np.uint64(31)) <= key:
                    continue
                if compare_two(lines, i, j, lists, names, chars, memo, tables, floors, levels[written]):
                    pairs[written, 0], pairs[written, 1] = min(i, j), max(i, j)
                    met[slot] = pair << np.uint64(5) | np.uint64(key)
                    written += 1
    return last, written, seen
