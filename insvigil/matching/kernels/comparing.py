"""The fused comparison of candidate pairs: agreement levels by trait, dropped as soon as they cannot matter."""

from __future__ import annotations

import numpy as np

from insvigil.jit import kernel
from insvigil.matching.kernels.lines import (
    ADDRESS,
    BIRTH,
    CITY,
    DATE,
    EMAIL,
    FIRST,
    FLAGS,
    FOCUS,
    LIST,
    MATRICULE_HIGH,
    MATRICULE_INCOHERENT,
    MATRICULE_LOW,
    MATRICULE_VALID,
    PHONE,
    PLACE,
    PLACEHOLDER,
    POSTAL,
    RARITY,
    SEX_MASK,
    USED,
    USED_GIVEN,
    WIDTH,
)
from insvigil.matching.kernels.strings import CLOSE, DIFFERENT, FAINT, NEAR, PART, PREFIX, SAME, relate

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

# A row of work: the line of an identity, then letters and length, sound and skeleton of its four names, its number.
LETTERS, SOUND, SKELETON, ROW = 16, 20, 24, 29
MEMO_BITS = 15


@kernel("i8(u4)")
def bits_of(x):  # type: ignore[no-untyped-def]
    """Return how many bits are set (LLVM turns this into one instruction)."""
    x = x - ((x >> np.uint32(1)) & np.uint32(0x55555555))
    x = (x & np.uint32(0x33333333)) + ((x >> np.uint32(2)) & np.uint32(0x33333333))
    x = (x + (x >> np.uint32(4))) & np.uint32(0x0F0F0F0F)
    return np.int64((x * np.uint32(0x01010101)) >> np.uint32(24))


@kernel("i8(u8, i8, i8)")
def characters_apart(x, bits, width):  # type: ignore[no-untyped-def]
    """Return how many packed characters are not zero in the exclusive or of two codes."""
    n = 0
    group = np.uint64((1 << bits) - 1)
    for _ in range(width):
        if x & group:
            n += 1
        x >>= np.uint64(bits)
    return n


@kernel("b1(i8, i8)")
def digit_apart(x, y):  # type: ignore[no-untyped-def]
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
def date_level(a, b, default_a, default_b):  # type: ignore[no-untyped-def]
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
    return D_GENERATION if abs(ya - yb) >= 15 else D_DIFFERENT


@kernel("i8(u4[:, ::1], i8, u4[:, ::1], i8)")
def matricule_level(a, i, b, j):  # type: ignore[no-untyped-def]
    """Return how two matricules agree, from ``M_DIFFERENT`` to ``M_SAME``; 0 when one is missing."""
    if a[i, MATRICULE_HIGH] == 0 or b[j, MATRICULE_HIGH] == 0:
        return 0
    flags, flags_b = a[i, FLAGS], b[j, FLAGS]
    apart = np.uint64(a[i, MATRICULE_HIGH] ^ b[j, MATRICULE_HIGH]) << np.uint64(32)
    apart |= np.uint64(a[i, MATRICULE_LOW] ^ b[j, MATRICULE_LOW])
    if apart == 0:
        return M_SAME_INCOHERENT if (flags | flags_b) & MATRICULE_INCOHERENT else M_SAME
    n = characters_apart(apart, 4, 13)
    if apart >> np.uint64(12) == 0:  # only the rank: brothers and sisters born in one maternity ward, or a slip
        return M_CLOSE if n == 1 and (flags ^ flags_b) & MATRICULE_VALID else M_SAME_BIRTH
    return M_CLOSE if n <= 2 else M_DIFFERENT


@kernel("i8(u4, u4, i8)")
def code_level(x, y, foreign):  # type: ignore[no-untyped-def]
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


@kernel("i8(u4[:, ::1], i8, i8, u4[:, ::1], i8, i8)")
def hope(a, i, p, b, j, q):  # type: ignore[no-untyped-def]
    """Return the best relation that name ``p`` of a row and name ``q`` of another may have; 0 when one is missing.

    Only their letters and sounds are read: an edit changes at most two members of the set of letters, so that the
    sets bound the distance from below.
    """
    if a[i, p] == 0 or b[j, q] == 0:
        return 0
    if a[i, p] == b[j, q]:
        return SAME
    if a[i, SOUND + p] == b[j, SOUND + q]:
        return CLOSE
    u, v = a[i, LETTERS + p], b[j, LETTERS + q]
    short = min(u >> np.uint32(26), v >> np.uint32(26))
    u &= np.uint32((1 << 26) - 1)
    v &= np.uint32((1 << 26) - 1)
    apart = bits_of(u ^ v)
    if apart <= 2 or u & ~v == 0 or v & ~u == 0:
        return CLOSE
    if (apart <= 4 and short >= 5) or (apart <= 6 and short >= 9):
        return NEAR
    if apart <= 6 or a[i, SKELETON + p] == b[j, SKELETON + q]:
        return FAINT
    return DIFFERENT


@kernel("i8(u4[:, ::1], i8, i8, u4[:, ::1], i8, i8, u1[:, ::1], u1[::1], u8[::1])")
def relation(a, i, p, b, j, q, chars, lengths, memo):  # type: ignore[no-untyped-def]
    """Return how two names relate; a distinct pair of names is compared once while it stays in ``memo``.

    The last 32 words of ``memo`` are the scratch of the edit distance, and are left at zero.
    """
    best = hope(a, i, p, b, j, q)
    if best == SAME or best <= DIFFERENT:
        return best
    x, y = np.uint64(min(a[i, p], b[j, q])), np.uint64(max(a[i, p], b[j, q]))
    pair = x << np.uint64(32) | y
    slot = (pair * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(64 - MEMO_BITS)
    known = memo[slot]
    if known >> np.uint64(3) == pair:
        return np.int64(known & np.uint64(7))
    sound, skeleton = a[i, SOUND + p] == b[j, SOUND + q], a[i, SKELETON + p] == b[j, SKELETON + q]
    r = relate(chars[x], lengths[x], chars[y], lengths[y], sound, skeleton, memo[1 << MEMO_BITS :])
    memo[slot] = pair << np.uint64(3) | np.uint64(r)
    return r


@kernel("i8(u4[:, ::1], i8, u4[:, ::1], i8, u1[:, ::1], u1[::1], u8[::1])")
def family_level(a, i, b, j, chars, lengths, memo):  # type: ignore[no-untyped-def]
    """Return how two persons' family names agree, birth and used names crossed."""
    r = relation(a, i, BIRTH, b, j, BIRTH, chars, lengths, memo)
    if r == SAME:
        return F_SAME
    crossed = np.int64(0)
    for k in range(1, 4):  # birth and used, used and birth, used and used
        if crossed != SAME:
            crossed = max(crossed, relation(a, i, k >> 1, b, j, k != 2, chars, lengths, memo))
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


@kernel("i8(u4[:, ::1], i8, u4[:, ::1], i8, u4[:, ::1], u1[:, ::1], u1[::1], u8[::1])")
def given_level(a, i, b, j, lists, chars, lengths, memo):  # type: ignore[no-untyped-def]
    """Return how two persons' given names agree: the first ones, then the lists."""
    r = relation(a, i, FIRST, b, j, FIRST, chars, lengths, memo)
    u, v, size = a[i, LIST], b[j, LIST], lists.shape[1]
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
    w, z = a[i, USED_GIVEN], b[j, USED_GIVEN]
    if (w != 0 and (w == b[j, FIRST] or w == z)) or (z != 0 and z == a[i, FIRST]):
        return G_ELSEWHERE
    for k in range(1, size):
        if (lists[v, k] != 0 and lists[u, 0] == lists[v, k]) or (lists[u, k] != 0 and lists[v, 0] == lists[u, k]):
            return G_ELSEWHERE
    return r  # PREFIX, FAINT and DIFFERENT have the same numbers


@kernel("b1(u4[:, ::1], i8, u4[:, ::1], i8, u1[:, ::1], u1[::1], u8[::1])")
def inverted(a, i, b, j, chars, lengths, memo):  # type: ignore[no-untyped-def]
    """Whether the family name of each is the given name of the other, one of the two exactly."""
    there = a[i, FIRST] != 0 and (a[i, FIRST] == b[j, BIRTH] or a[i, FIRST] == b[j, USED])
    back = b[j, FIRST] != 0 and (b[j, FIRST] == a[i, BIRTH] or b[j, FIRST] == a[i, USED])
    if there and back:
        return True
    if there:
        return relation(a, i, BIRTH, b, j, FIRST, chars, lengths, memo) >= PART
    if back:
        return relation(a, i, FIRST, b, j, BIRTH, chars, lengths, memo) >= PART
    return False


@kernel("void(u8[::1], i8, i8, u8, u4[:, ::1], u4[::1], u4[:, ::1], u4[:, ::1])")
def gather(keys, start, size, shift, lines, letters, sounds, rows):  # type: ignore[no-untyped-def]
    """Copy the lines of a group side by side, with what their names need for a first look."""
    low = (np.uint64(1) << shift) - np.uint64(1)
    for r in range(size):
        at = keys[start + r] & low
        for k in range(WIDTH):
            rows[r, k] = lines[at, k]
        for k in range(4):
            name = lines[at, k]
            rows[r, LETTERS + k] = letters[name]
            rows[r, SOUND + k] = sounds[name, 0]
            rows[r, SKELETON + k] = sounds[name, 1]
        rows[r, ROW - 1] = at


@kernel("i8(u4, u4)")
def same_or_not(x, y):  # type: ignore[no-untyped-def]
    """Return the level of a sex, an address, a phone or an e-mail: 0 missing, 1 different, 2 same."""
    if x == 0 or y == 0:
        return 0
    return 2 if x == y else 1


@kernel("void(u4[:, ::1], i8, u4[:, ::1], i8, u1[::1])")
def first_look(a, i, b, j, found):  # type: ignore[no-untyped-def]
    """Write the levels that cost a few instructions, and the rarities of the values."""
    flags, flags_b = a[i, FLAGS], b[j, FLAGS]
    default, default_b = flags & PLACEHOLDER != 0, flags_b & PLACEHOLDER != 0
    found[T_DATE] = date_level(np.int64(a[i, DATE]), np.int64(b[j, DATE]), default, default_b)
    found[T_SEX] = same_or_not(flags & SEX_MASK, flags_b & SEX_MASK)
    found[T_PLACE] = code_level(a[i, PLACE], b[j, PLACE], FOREIGN)
    postal = code_level(a[i, POSTAL], b[j, POSTAL], -1)
    if postal != P_SAME:
        city = same_or_not(a[i, CITY], b[j, CITY])
        postal = P_CITY if city == 2 else max(postal, city)
    found[T_POSTAL] = postal
    found[T_MATRICULE] = matricule_level(a, i, b, j)
    for k in range(3):  # address, phone, e-mail: « similar » is settled later
        level = same_or_not(a[i, ADDRESS + k], b[j, ADDRESS + k])
        found[T_ADDRESS + k] = X_SAME if level == 2 else level
    x, y = a[i, RARITY], b[j, RARITY]
    for k in range(4):
        found[TRAITS + k] = min(x & np.uint32(255), y & np.uint32(255))
        x >>= np.uint32(8)
        y >>= np.uint32(8)


@kernel("f4(f4[:, :, ::1], i8, u1[::1], i8)")
def worth(tables, trait, found, rarity):  # type: ignore[no-untyped-def]
    """Return the bits of the level found for a trait whose rarity is at ``rarity``."""
    level = found[trait]
    return tables[0, trait, level] + tables[1, trait, level] * np.float32(found[rarity])


@kernel(
    "b1(u4[:, ::1], i8, u4[:, ::1], i8, u4[:, ::1], u1[:, ::1], u1[::1], u8[::1], f4[:, :, ::1], f4, u1[::1])"
)
def compare_two(a, i, b, j, lists, chars, lengths, memo, tables, floor, found):  # type: ignore[no-untyped-def]
    """Write the levels and rarities of two rows in ``found``; return whether their weight may reach ``floor``.

    What is cheap comes first; names are compared only while the best they can bring may matter. One matricule on two
    identities is always worth a look.
    """
    first_look(a, i, b, j, found)
    if found[T_MATRICULE] >= M_SAME_INCOHERENT:
        floor = np.float32(-1e9)
    total = worth(tables, T_PLACE, found, R_PLACE)
    for trait in (T_DATE, T_SEX, T_MATRICULE):
        total += tables[0, trait, found[trait]]
    for trait in (T_POSTAL, T_ADDRESS, T_PHONE, T_EMAIL):
        total += tables[2, trait, found[trait]]
    total += tables[1, T_POSTAL, found[T_POSTAL]] * np.float32(found[R_POSTAL])
    turned = inverted(a, i, b, j, chars, lengths, memo)
    reach = given_reach = np.int64(SAME)
    if not turned:
        given_reach = hope(a, i, FIRST, b, j, FIRST)
        reach = np.int64(0)
        for k in range(4):
            reach = max(reach, hope(a, i, k >> 1, b, j, k & 1))
    x, y = a[i, RARITY], b[j, RARITY]
    rare = max(x & np.uint32(255), y & np.uint32(255))
    family = tables[2, T_FAMILY, reach] + tables[3, T_FAMILY, 0] * np.float32(rare)
    rare = max((x >> np.uint32(8)) & np.uint32(255), (y >> np.uint32(8)) & np.uint32(255))
    given = tables[2, T_GIVEN, given_reach] + tables[3, T_GIVEN, 0] * np.float32(rare)
    if total + family + given < floor:
        return False
    found[T_FAMILY] = F_CROSSED if turned else family_level(a, i, b, j, chars, lengths, memo)
    if found[T_FAMILY] == F_CROSSED:  # the rarity of the name found crossed, not that of the birth names
        if a[i, BIRTH] == b[j, USED]:
            found[R_FAMILY] = x & np.uint32(255)
        elif a[i, USED] == b[j, BIRTH]:
            found[R_FAMILY] = y & np.uint32(255)
    total += worth(tables, T_FAMILY, found, R_FAMILY)
    if total + given < floor:
        return False
    found[T_GIVEN] = G_INVERTED if turned else given_level(a, i, b, j, lists, chars, lengths, memo)
    return total + worth(tables, T_GIVEN, found, R_GIVEN) >= floor


@kernel(
    "UniTuple(i8, 3)(u4[:, ::1], i8, u8[::1], u8, u4[:, ::1], u4[:, ::1], u1[:, ::1], u1[::1], u4[::1], u4[:, ::1],"
    " f4[:, :, ::1], f4, b1, u4[:, :, ::1], u8[::1], u4[:, ::1], u1[:, ::1])"
)
def compare(  # type: ignore[no-untyped-def]
    units, first, keys, shift, lines, lists, chars, lengths, letters, sounds, tables, floor, focused, rows, memo,
    pairs, levels,
):  # fmt: skip
    """Compare the pairs of each unit and write those whose weight may reach ``floor``.

    A unit is (start, size, start, size) in ``keys``: the pairs inside one group when both starts are equal, else the
    pairs across two tiles. ``tables`` are, by trait and level: the weights, the slopes by eighth of a bit of rarity,
    and upper bounds of both (for names: by relation). A row of ``levels`` is the ten levels, then four rarities.
    ``rows`` and ``memo`` are the room to work in. Stops before ``pairs`` may overflow; returns the next unit, the
    pairs written and the pairs looked at.
    """
    written, seen = 0, 0
    a = rows[0]
    for u in range(first, units.shape[0]):
        start, size, start_b, size_b = units[u, 0], np.int64(units[u, 1]), units[u, 2], np.int64(units[u, 3])
        if written + size * size_b > pairs.shape[0]:
            return u, written, seen
        inside = start == start_b
        gather(keys, start, size, shift, lines, letters, sounds, a)
        b = a if inside else rows[1]
        if not inside:
            gather(keys, start_b, size_b, shift, lines, letters, sounds, b)
        for i in range(size):
            for j in range(i + 1 if inside else 0, size_b):
                if focused and not (a[i, FLAGS] | b[j, FLAGS]) & FOCUS:
                    continue
                seen += 1
                if compare_two(a, i, b, j, lists, chars, lengths, memo, tables, floor, levels[written]):
                    left, right = a[i, ROW - 1], b[j, ROW - 1]
                    if left != right:
                        pairs[written, 0], pairs[written, 1] = min(left, right), max(left, right)
                        written += 1
    return np.int64(units.shape[0]), written, seen
