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

# A row of work: the line of an identity, then letters and length, sound and skeleton of its four names.
LETTERS, SOUND, SKELETON, ROW = 16, 20, 24, 28
MEMO_BITS = 15


@kernel("i8(u4)", inline=True)
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
        p = 10**first
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


@kernel("i8(u4[::1], u4[::1])")
def matricule_level(x, y):  # type: ignore[no-untyped-def]
    """Return how two matricules agree, from ``M_DIFFERENT`` to ``M_SAME``; 0 when one is missing."""
    if x[MATRICULE_HIGH] == 0 or y[MATRICULE_HIGH] == 0:
        return 0
    apart = np.uint64(x[MATRICULE_HIGH] ^ y[MATRICULE_HIGH]) << np.uint64(32) | np.uint64(
        x[MATRICULE_LOW] ^ y[MATRICULE_LOW]
    )
    if apart == 0:
        return M_SAME_INCOHERENT if (x[FLAGS] | y[FLAGS]) & MATRICULE_INCOHERENT else M_SAME
    n = characters_apart(apart, 4, 13)
    if apart >> np.uint64(12) == 0:  # only the rank: brothers and sisters born in one maternity ward, or a slip
        return M_CLOSE if n == 1 and (x[FLAGS] ^ y[FLAGS]) & MATRICULE_VALID else M_SAME_BIRTH
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
        if (department == y >> np.uint32(18) and department != foreign) or characters_apart(
            np.uint64(x ^ y), 6, 5
        ) == 1:
            return P_NEAR
    return P_DIFFERENT


@kernel("i8(u4[::1], i8, u4[::1], i8)")
def hope(x, i, y, j):  # type: ignore[no-untyped-def]
    """Return the best relation that two names may have, from their letters and sounds only; 0 when one is missing.

    An edit changes at most two members of the set of letters, so the sets bound the distance from below.
    """
    if x[i] == 0 or y[j] == 0:
        return 0
    if x[i] == y[j]:
        return SAME
    if x[SOUND + i] == y[SOUND + j]:
        return CLOSE
    u, v = x[LETTERS + i], y[LETTERS + j]
    short = min(u >> np.uint32(26), v >> np.uint32(26))
    u &= np.uint32((1 << 26) - 1)
    v &= np.uint32((1 << 26) - 1)
    apart = bits_of(u ^ v)
    if apart <= 2 or u & ~v == 0 or v & ~u == 0:
        return CLOSE
    if (apart <= 4 and short >= 5) or (apart <= 6 and short >= 9):
        return NEAR
    if x[SKELETON + i] == y[SKELETON + j] or apart <= 6:
        return FAINT
    return DIFFERENT


@kernel("i8(u4[::1], i8, u4[::1], i8, u1[:, ::1], u1[::1], u8[::1], u8[::1])")
def relation(x, i, y, j, chars, lengths, memo, scratch):  # type: ignore[no-untyped-def]
    """Return how two names relate; a distinct pair of names is compared once while it stays in ``memo``."""
    best = hope(x, i, y, j)
    if best == SAME or best <= DIFFERENT:
        return best
    a, b = np.uint64(min(x[i], y[j])), np.uint64(max(x[i], y[j]))
    pair = a << np.uint64(32) | b
    slot = (pair * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(64 - MEMO_BITS)
    known = memo[slot]
    if known >> np.uint64(3) == pair:
        return np.int64(known & np.uint64(7))
    sound, skeleton = x[SOUND + i] == y[SOUND + j], x[SKELETON + i] == y[SKELETON + j]
    r = relate(chars[a], lengths[a], chars[b], lengths[b], sound, skeleton, scratch)
    memo[slot] = pair << np.uint64(3) | np.uint64(r)
    return r


@kernel("i8(u4[::1], u4[::1], u1[:, ::1], u1[::1], u8[::1], u8[::1])")
def family_level(x, y, chars, lengths, memo, scratch):  # type: ignore[no-untyped-def]
    """Return how two persons' family names agree, birth and used names crossed."""
    r = relation(x, BIRTH, y, BIRTH, chars, lengths, memo, scratch)
    if r == SAME:
        return F_SAME
    crossed = relation(x, BIRTH, y, USED, chars, lengths, memo, scratch)
    if crossed != SAME:
        crossed = max(crossed, relation(x, USED, y, BIRTH, chars, lengths, memo, scratch))
    if crossed != SAME:
        crossed = max(crossed, relation(x, USED, y, USED, chars, lengths, memo, scratch))
    if crossed == SAME:
        return F_CROSSED
    if r == CLOSE:
        return F_CLOSE
    if r == PART:
        return F_PART
    if crossed >= PART:
        return F_CROSSED_CLOSE
    if r == NEAR:
        return F_NEAR
    if r == PREFIX:
        return F_PREFIX
    if r == FAINT:
        return F_FAINT
    return F_DIFFERENT if r or crossed else 0


@kernel("i8(u4[::1], u4[::1], u4[:, ::1], u1[:, ::1], u1[::1], u8[::1], u8[::1])")
def given_level(x, y, lists, chars, lengths, memo, scratch):  # type: ignore[no-untyped-def]
    """Return how two persons' given names agree: the first ones, then the lists."""
    r = relation(x, FIRST, y, FIRST, chars, lengths, memo, scratch)
    a, b = lists[x[LIST]], lists[y[LIST]]
    if r == SAME:
        shared = 0
        for k in range(a.size):
            if a[k] == 0 or b[k] == 0:
                break
            if a[k] != b[k]:
                return G_SAME_OTHERS_DIFFER
            shared += 1
        return G_SAME_LIST if shared > 1 else G_SAME
    if r == CLOSE:
        return G_CLOSE
    if r == PART:
        return G_PART
    if r == NEAR:
        return G_NEAR
    elsewhere = (x[USED_GIVEN] != 0 and (x[USED_GIVEN] == y[FIRST] or x[USED_GIVEN] == y[USED_GIVEN])) or (
        y[USED_GIVEN] != 0 and y[USED_GIVEN] == x[FIRST]
    )
    for k in range(1, a.size):
        elsewhere = elsewhere or (a[0] != 0 and a[0] == b[k]) or (b[0] != 0 and b[0] == a[k])
    if elsewhere:
        return G_ELSEWHERE
    if r == PREFIX:
        return G_PREFIX
    return r


@kernel("b1(u4[::1], u4[::1], u1[:, ::1], u1[::1], u8[::1], u8[::1])")
def inverted(x, y, chars, lengths, memo, scratch):  # type: ignore[no-untyped-def]
    """Whether the family name of each is the given name of the other, one of the two exactly."""
    same = 0
    for i, j in ((BIRTH, FIRST), (FIRST, BIRTH)):
        if (
            (x[i] != 0 and x[i] == y[j])
            or (x[USED] != 0 and i == BIRTH and x[USED] == y[j])
            or (y[USED] != 0 and j == BIRTH and y[USED] == x[i])
        ):
            same += 1
    if same != 1:
        return same == 2
    return (
        relation(x, BIRTH, y, FIRST, chars, lengths, memo, scratch) >= PART
        and relation(x, FIRST, y, BIRTH, chars, lengths, memo, scratch) >= PART
    )


@kernel("void(u8[::1], i8, i8, u8, u4[:, ::1], u4[::1], u4[:, ::1], u4[:, ::1])")
def gather(keys, start, size, shift, lines, letters, sounds, rows):  # type: ignore[no-untyped-def]
    """Copy the lines of a group side by side, with what their names need for a first look."""
    low = (np.uint64(1) << shift) - np.uint64(1)
    for r in range(size):
        line = lines[keys[start + r] & low]
        for k in range(WIDTH):
            rows[r, k] = line[k]
        for k in range(4):
            rows[r, LETTERS + k] = letters[line[k]]
            rows[r, SOUND + k] = sounds[line[k], 0]
            rows[r, SKELETON + k] = sounds[line[k], 1]


@kernel("i8(u4, i8)", inline=True)
def byte(x, k):  # type: ignore[no-untyped-def]
    """Return the ``k``-th byte of a word."""
    return np.int64((x >> np.uint32(8 * k)) & np.uint32(255))


@kernel("i8(u4[::1], u4[::1], i8)")
def same_or_not(x, y, word):  # type: ignore[no-untyped-def]
    """Return the level of an address, a phone or an e-mail, before a similarity is looked for."""
    if x[word] == 0 or y[word] == 0:
        return 0
    return X_SAME if x[word] == y[word] else X_DIFFERENT


@kernel("void(u4[::1], u4[::1], u1[::1])")
def first_look(x, y, found):  # type: ignore[no-untyped-def]
    """Write the levels that cost a few instructions, and the rarities of the values."""
    a, b = np.int64(x[FLAGS]), np.int64(y[FLAGS])
    found[T_DATE] = date_level(np.int64(x[DATE]), np.int64(y[DATE]), a & PLACEHOLDER != 0, b & PLACEHOLDER != 0)
    a, b = a & SEX_MASK, b & SEX_MASK
    found[T_SEX] = 0 if a == 0 or b == 0 else (S_SAME if a == b else S_DIFFERENT)
    found[T_PLACE] = code_level(x[PLACE], y[PLACE], FOREIGN)
    postal = code_level(x[POSTAL], y[POSTAL], -1)
    if postal != P_SAME and x[CITY] != 0 and y[CITY] != 0:
        postal = P_CITY if x[CITY] == y[CITY] else max(postal, P_DIFFERENT)
    found[T_POSTAL] = postal
    found[T_MATRICULE] = matricule_level(x, y)
    found[T_ADDRESS] = same_or_not(x, y, ADDRESS)
    found[T_PHONE] = same_or_not(x, y, PHONE)
    found[T_EMAIL] = same_or_not(x, y, EMAIL)
    for k in range(4):
        found[TRAITS + k] = min(byte(x[RARITY], k), byte(y[RARITY], k))


@kernel("f4(f4[:, :, ::1], u1[::1])")
def first_weight(tables, found):  # type: ignore[no-untyped-def]
    """Return an upper bound, in bits, of what all the traits but the names can bring."""
    weights, slopes, best = tables[0], tables[1], tables[2]
    total = weights[T_DATE, found[T_DATE]] + weights[T_SEX, found[T_SEX]] + weights[T_MATRICULE, found[T_MATRICULE]]
    total += weights[T_PLACE, found[T_PLACE]] + slopes[T_PLACE, found[T_PLACE]] * np.float32(found[R_PLACE])
    total += best[T_POSTAL, found[T_POSTAL]] + slopes[T_POSTAL, found[T_POSTAL]] * np.float32(found[R_POSTAL])
    return total + best[T_ADDRESS, found[T_ADDRESS]] + best[T_PHONE, found[T_PHONE]] + best[T_EMAIL, found[T_EMAIL]]


@kernel("void(u4[::1], u4[::1], u1[::1])")
def settle_family_rarity(x, y, found):  # type: ignore[no-untyped-def]
    """Take the rarity of the name found crossed, not that of the birth names."""
    if found[T_FAMILY] == F_CROSSED:
        if x[BIRTH] == y[USED]:
            found[R_FAMILY] = byte(x[RARITY], 0)
        elif x[USED] == y[BIRTH]:
            found[R_FAMILY] = byte(y[RARITY], 0)


@kernel(
    "UniTuple(i8, 3)(u4[:, ::1], i8, u8[::1], u8, u4[:, ::1], u4[:, ::1], u1[:, ::1], u1[::1], u4[::1], u4[:, ::1],"
    " f4[:, :, ::1], f4, b1, u4[:, ::1], u1[:, ::1])"
)
def compare(  # type: ignore[no-untyped-def]
    units, first, keys, shift, lines, lists, chars, lengths, letters, sounds, tables, floor, focused, pairs, levels
):
    """Compare the pairs of each unit and write those whose weight may reach ``floor``.

    A unit is (start, size, start, size) in ``keys``: the pairs inside one group when both starts are equal, else the
    pairs across two tiles. ``tables`` are, by trait and level: the weights, the slopes by eighth of a bit of rarity,
    and upper bounds of both (for names: by relation). A row of ``levels`` is the ten levels, then four rarities.
    Stops before ``pairs`` may overflow; returns the next unit, the pairs written and the pairs looked at.
    """
    low = (np.uint64(1) << shift) - np.uint64(1)
    widest = np.int64(0)
    for u in range(first, units.shape[0]):
        widest = max(widest, np.int64(max(units[u, 1], units[u, 3])))
    rows, others = np.empty((widest, ROW), np.uint32), np.empty((widest, ROW), np.uint32)
    memo, scratch = np.zeros(1 << MEMO_BITS, np.uint64), np.zeros(32, np.uint64)
    found = np.zeros(TRAITS + 4, np.uint8)
    weights, slopes, best, most = tables[0], tables[1], tables[2], tables[3]
    written, seen = 0, 0
    for u in range(first, units.shape[0]):
        start, size, start_b, size_b = units[u, 0], np.int64(units[u, 1]), units[u, 2], np.int64(units[u, 3])
        if written + size * size_b > pairs.shape[0]:
            return u, written, seen
        inside = start == start_b
        gather(keys, start, size, shift, lines, letters, sounds, rows)
        if not inside:
            gather(keys, start_b, size_b, shift, lines, letters, sounds, others)
        for i in range(size):
            x = rows[i]
            for j in range(i + 1 if inside else 0, size_b):
                y = rows[j] if inside else others[j]
                if focused and not (x[FLAGS] | y[FLAGS]) & FOCUS:
                    continue
                seen += 1
                first_look(x, y, found)
                total = first_weight(tables, found)
                reach = hope(x, BIRTH, y, BIRTH)
                if reach < SAME and (x[USED] != 0 or y[USED] != 0):
                    reach = max(reach, hope(x, BIRTH, y, USED), hope(x, USED, y, BIRTH), hope(x, USED, y, USED))
                turned = inverted(x, y, chars, lengths, memo, scratch)
                rare = np.float32(max(byte(x[RARITY], 0), byte(y[RARITY], 0)))
                family = best[T_FAMILY, SAME if turned else reach] + most[T_FAMILY, 0] * rare
                rare = np.float32(max(byte(x[RARITY], 1), byte(y[RARITY], 1)))
                reach = SAME if turned else hope(x, FIRST, y, FIRST)
                given = best[T_GIVEN, reach] + most[T_GIVEN, 0] * rare
                if total + family + given < floor and found[T_MATRICULE] < M_SAME_INCOHERENT:
                    continue  # one matricule on two identities is always worth a look
                if turned:
                    found[T_FAMILY], found[T_GIVEN] = F_CROSSED, G_INVERTED
                else:
                    found[T_FAMILY] = family_level(x, y, chars, lengths, memo, scratch)
                settle_family_rarity(x, y, found)
                k = found[T_FAMILY]
                total += weights[T_FAMILY, k] + slopes[T_FAMILY, k] * np.float32(found[R_FAMILY])
                if total + given < floor and found[T_MATRICULE] < M_SAME_INCOHERENT:
                    continue
                if not turned:
                    found[T_GIVEN] = given_level(x, y, lists, chars, lengths, memo, scratch)
                k = found[T_GIVEN]
                total += weights[T_GIVEN, k] + slopes[T_GIVEN, k] * np.float32(found[R_GIVEN])
                if total < floor and found[T_MATRICULE] < M_SAME_INCOHERENT:
                    continue
                left, right = (
                    np.uint32(keys[np.uint64(start) + np.uint64(i)] & low),
                    np.uint32(keys[np.uint64(start_b) + np.uint64(j)] & low),
                )
                if left == right:
                    continue
                pairs[written, 0], pairs[written, 1] = min(left, right), max(left, right)
                levels[written] = found
                written += 1
    return np.int64(units.shape[0]), written, seen
