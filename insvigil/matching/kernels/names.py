"""How the names of two identities agree: bounded by their letters first, then compared once a distinct pair."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from insvigil.jit import kernel
from insvigil.jit_blocks import counted
from insvigil.matching.kernels.agreements import (
    F_CLOSE,
    F_CROSSED_CLOSE,
    F_DIFFERENT,
    F_PART,
    G_CLOSE,
    G_ELSEWHERE,
    G_NEAR,
    G_PART,
    G_SAME,
    G_SAME_LIST,
    G_SAME_OTHERS_DIFFER,
)
from insvigil.matching.kernels.lines import (
    BIRTH,
    CHARS,
    FIRST,
    FIRST_SHIFT,
    FLAGS,
    LATER,
    LETTER_SET,
    LETTERS,
    LIST,
    LIST_INDEX,
    SECOND,
    SEVERAL_GIVEN,
    SEVERAL_WORDS,
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

FIRST_ALONE = SAME
"""Added to a relation of given names that differ, when the first one of neither side is another of the other's."""
SAME_ALONE, SAME_OTHERS_DIFFER, SAME_SEVERAL = range(FIRST_ALONE + PREFIX + 1, FIRST_ALONE + PREFIX + 4)
"""The relation of first given names that are the same, when a list has no other, when the second ones differ, else."""

ONCE = np.uint64(0xFFFFFFFF)
"""The half of ``letters_of`` that holds the letters, however often they come."""

MEMO_BITS = 15
"""Pairs of names remembered by a thread, as a power of two: 256 kilobytes, near the core."""


@kernel("u8(u4, u4[:, ::1])", inner=True)
def letters_of(p: Scalar, names: Words) -> Scalar:
    """Return the set of the letters of a name, and above it the set of those that come twice."""
    twice = np.uint64(names[p, TWICE] & LETTER_SET)
    return np.uint64(names[p, LETTERS] & LETTER_SET) | twice << np.uint64(32)


@kernel("i8(u4, u4, u4[:, ::1])", inner=True)
def hope(p: Scalar, q: Scalar, names: Words) -> Scalar:
    """Return the best relation that two names may have, from their letters and sounds; 0 when one is missing.

    An edit takes at most one letter away and brings at most one, so that the letters of one that the other lacks
    (told apart up to the second of a kind) bound the distance from below, as their lengths do.
    """
    if p == 0 or q == 0:
        return 0
    if p == q:
        return SAME
    a, b = letters_of(p, names), letters_of(q, names)
    only_a, only_b = a & ~b, b & ~a
    taken, brought = counted(only_a), counted(only_b)
    m, n = np.int64(names[p, LETTERS] >> np.uint32(26)), np.int64(names[q, LETTERS] >> np.uint32(26))
    least, short = max(taken, brought, abs(m - n)), min(m, n)
    begins = (taken == 0) | (brought == 0)
    best: Scalar = np.int64(DIFFERENT)
    faint = ((least <= 2) & (short >= 3)) | ((least <= 3) & (short >= 6)) | (names[p, SKELETON] == names[q, SKELETON])
    best = FAINT if faint else best
    best = PREFIX if begins else best
    best = NEAR if ((least <= 2) & (short >= 5)) | ((least <= 3) & (short >= 9)) else best
    words = (names[p, TWICE] | names[q, TWICE]) & SEVERAL_WORDS != 0
    best = PART if words & ((only_a & ONCE == 0) | (only_b & ONCE == 0)) else best
    close = (least <= 1) | ((taken == 0) & (brought == 0)) | (names[p, SOUND] == names[q, SOUND])
    return CLOSE if close else best


@kernel("i8(u4, u4)", inner=True)
def same_hope(flags: Scalar, flags_b: Scalar) -> Scalar:
    """Return what two given names come to whose first ones are the same: what one word says of their lists.

    Three quarters of the pairs of ten millions that came to their last trait shared a first name and nothing more.
    """
    seconds, seconds_b = flags & SECOND, flags_b & SECOND
    several = (flags >= SEVERAL_GIVEN) & (flags_b >= SEVERAL_GIVEN)
    best: Scalar = np.int64(SAME_SEVERAL if several else SAME_ALONE)
    return SAME_OTHERS_DIFFER if (seconds != seconds_b) & (seconds != 0) & (seconds_b != 0) else best


@kernel("i8(u4[:, ::1], i8, i8)", inner=True)
def elsewhere_hope(lines: Words, i: Scalar, j: Scalar) -> Scalar:
    """Return 1 where the first given name of either may be another one of the other's, 0 where it is not."""
    later = lines[j, FLAGS] >> (LATER + (lines[i, LIST] >> np.uint32(FIRST_SHIFT)))
    later |= lines[i, FLAGS] >> (LATER + (lines[j, LIST] >> np.uint32(FIRST_SHIFT)))
    return np.int64(later & 1) | np.int64(lines[i, USED_GIVEN] | lines[j, USED_GIVEN] != 0)


@kernel("i8(u4[:, ::1], i8, i8, i8)", inner=True)
def given_hope(lines: Words, i: Scalar, j: Scalar, relation: Scalar) -> Scalar:
    """Return what two given names may come to: the relation of the first ones, lower when nothing can add to it."""
    if relation == SAME:
        return same_hope(lines[i, FLAGS], lines[j, FLAGS])
    alone = elsewhere_hope(lines, i, j) == 0
    return relation + FIRST_ALONE if alone and 0 < relation <= PREFIX else relation


@kernel("i8(u4, u4, u4[:, ::1], u1[:, ::1], u8[::1])", inner=True, called=True)
def remembered(p: Scalar, q: Scalar, names: Words, chars: Bytes, memo: Longs) -> Scalar:
    """Return how two unequal names relate; a distinct pair of names is compared once while it stays in ``memo``.

    The last 32 words of ``memo`` are the scratch of the edit distance, and are left at zero.
    """
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


@kernel("i8(i8, u4, u4, u4[:, ::1], u1[:, ::1], u8[::1])", inner=True)
def settled(best: Scalar, p: Scalar, q: Scalar, names: Words, chars: Bytes, memo: Longs) -> Scalar:
    """Return how two names relate, when their letters allow ``best`` (see ``hope``)."""
    return best if best == SAME or best <= DIFFERENT else remembered(p, q, names, chars, memo)


@kernel("i8(u4, u4, u4[:, ::1], u1[:, ::1], u8[::1])", inner=True, called=True)
def relation(p: Scalar, q: Scalar, names: Words, chars: Bytes, memo: Longs) -> Scalar:
    """Return how two names relate; 0 when one is missing."""
    return settled(hope(p, q, names), p, q, names, chars, memo)


@kernel("i8(u4[:, ::1], i8, i8, i8, u4[:, ::1])", inner=True)
def crossed_hope(lines: Words, i: Scalar, j: Scalar, hinted: Scalar, names: Words) -> Scalar:
    """Return the best relation that the used name of either may have with a name of the other.

    Only names that may be alike by their hints (the bits of ``jit_lines.akin``) are read.
    """
    a, b, u, v = lines[i, BIRTH], lines[j, BIRTH], lines[i, USED], lines[j, USED]
    best: Scalar = np.int64(((v != 0) & ((a != 0) | (u != 0))) | ((u != 0) & (b != 0))) * DIFFERENT
    if hinted & 2:
        best = max(best, hope(a, v, names))
    if hinted & 4:
        best = max(best, hope(u, b, names))
    if hinted & 8:
        best = max(best, hope(u, v, names))
    return best


@kernel("i8(u4[:, ::1], i8, i8, i8, i8, u4[:, ::1], u1[:, ::1], u8[::1])", inner=True)
def family_level(
    lines: Words, i: Scalar, j: Scalar, births: Scalar, crossed: Scalar, names: Words, chars: Bytes, memo: Longs
) -> Scalar:
    """Return how two persons' family names agree that share none, from the hopes of those of birth and of the used."""
    a, b, u, v = lines[i, BIRTH], lines[j, BIRTH], lines[i, USED], lines[j, USED]
    r = settled(births, a, b, names, chars, memo)
    if r == CLOSE:
        return F_CLOSE
    if r == PART:
        return F_PART
    if crossed >= PART:
        best = max(relation(a, v, names, chars, memo), relation(u, b, names, chars, memo))
        if max(best, relation(u, v, names, chars, memo)) >= PART:
            return F_CROSSED_CLOSE
    if r == 0:
        return F_DIFFERENT if crossed else 0
    return r  # NEAR, PREFIX, FAINT and DIFFERENT have the same numbers


@kernel("i8(u4[:, ::1], i8, i8, i8, u4[:, ::1], u4[:, ::1], u1[:, ::1], u8[::1])", inner=True)
def given_level(
    lines: Words, i: Scalar, j: Scalar, firsts: Scalar, lists: Words, names: Words, chars: Bytes, memo: Longs
) -> Scalar:
    """Return how two persons' given names agree: the first ones, from their hope, then the lists."""
    r = settled(firsts, lines[i, FIRST], lines[j, FIRST], names, chars, memo)
    u, v, size = lines[i, LIST] & LIST_INDEX, lines[j, LIST] & LIST_INDEX, lists.shape[1]
    if r == SAME:
        known = same_hope(lines[i, FLAGS], lines[j, FLAGS])
        if known != SAME_SEVERAL:
            return G_SAME if known == SAME_ALONE else G_SAME_OTHERS_DIFFER
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
    if not elsewhere_hope(lines, i, j):
        return r
    for k in range(1, size):
        if (lists[v, k] != 0 and lists[u, 0] == lists[v, k]) or (lists[u, k] != 0 and lists[v, 0] == lists[u, k]):
            return G_ELSEWHERE
    return r  # PREFIX, FAINT and DIFFERENT have the same numbers


@kernel("b1(u4[:, ::1], i8, i8, u4[:, ::1], u1[:, ::1], u8[::1])", inner=True)
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
