"""The three passes of a comparison: what two lines tell at once, what hints of names tell, then what names tell."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from insvigil.jit import kernel, prefetch
from insvigil.jit_blocks import counted
from insvigil.jit_lines import akin, crossing, least_bytes, shared
from insvigil.matching.kernels.agreements import (
    F_CROSSED,
    F_SAME,
    G_INVERTED,
    P_CITY,
    R_FAMILY,
    R_GIVEN,
    R_PLACE,
    R_POSTAL,
    T_DATE,
    T_FAMILY,
    T_GIVEN,
    T_MATRICULE,
    T_PLACE,
    T_POSTAL,
)
from insvigil.matching.kernels.bounds import (
    ALIKE,
    CONTACTS,
    DATES,
    FAMILY,
    FAMILY_MOST,
    GIVEN,
    GIVEN_MOST,
    MATRICULES,
    NEAR_PLACES,
    NEAR_POSTALS,
    PLACE_SLOPES,
    PLACES,
    POSTAL_SLOPES,
    SEXES,
    START,
    rated,
    short,
)
from insvigil.matching.kernels.codes import (
    FOREIGN,
    code_level,
    date_level,
    matricule_level,
    maybe_alike,
    numbers_alike,
    write_contacts,
)
from insvigil.matching.kernels.lines import (
    ADDRESS,
    BIRTH,
    CITY,
    DATE,
    FIRST,
    FLAGS,
    LIST,
    LIST_INDEX,
    MATRICULE_HIGH,
    PHONE,
    PHONE_HASHED,
    PLACE,
    PLACEHOLDER,
    POSTAL,
    RARITY,
    SEVERAL_GIVEN,
    SEX_MASK,
    USED,
)
from insvigil.matching.kernels.names import (
    FIRST_ALONE,
    crossed_hope,
    elsewhere_hope,
    family_level,
    given_hope,
    given_level,
    hope,
    inverted,
    same_hope,
)
from insvigil.matching.kernels.strings import CLOSE, DIFFERENT, FAINT, NEAR, PREFIX, SAME

Scalar = Any  # a number of the width of the signature
Words = npt.NDArray[np.uint32]
Bytes = npt.NDArray[np.uint8]
Longs = npt.NDArray[np.uint64]
Sums = npt.NDArray[np.int64]

KNOWN = 16  # bits of ``shared`` from those of the words that are the same to those of the words known
FAMILIES = 1 << BIRTH | 1 << USED  # in ``shared``
CROSSED, TURNED = 3, 60  # in ``crossing``: a family name of each, or a family name and the first given name
ROW, LOW = np.uint64(29), np.uint64((1 << 29) - 1)  # a pair: the place of a line, and below it a later one
PAIR, TOTAL, SHARED, NAMED, SEEN = range(5)  # what waits, and how much
HINTED, WAITING = np.uint64(32), np.uint64((1 << 32) - 1)
"""A pair that the second pass leaves: the row where it waits, and above it the bits of ``akin``."""
FAMILY_HINTS, GIVEN_HINT, GIVEN_HINTS = 0x0F0F0F, 4, 0x101010
"""In ``akin``, three bytes: the bits of family names, the place of that of first given names, and its three bits."""
GIVENS, FAMILY_RARE, GIVEN_RARE = 8, 16, 24
"""In ``NAMED``, above the state of family names: that of given names, then the rarities that count for both."""
HOPES = (DIFFERENT, FAINT, NEAR, CLOSE)
"""The best relation of names by how many bytes of ``akin`` say that they may be alike."""
FAMILY_HOPE, GIVEN_HOPE, GIVEN_ALONE = 3, 6, 256
"""In those states, where that number comes; then, of given names, that neither is elsewhere among the other's."""
CROSSINGS, DATED, NUMBERED, PHONED = 32, 40, 44, 48
"""Above the bits of ``shared``, where what waits holds those of ``crossing``, the levels of the date and of the
matricule, and whether phones may be alike."""


def _family_most(state: int) -> int:
    """Return where the most of family names is: the same at birth (1), one in common (2), turned (4), else by hints."""
    if state & 4:
        return FAMILY_MOST + SAME
    if state & 3:
        return FAMILY + F_SAME if state & 1 else FAMILY + F_CROSSED
    return FAMILY_MOST + HOPES[state >> FAMILY_HOPE]


def _given_most(state: int) -> int:
    """Return the same of given names: ``same_hope``, then whether the first ones are the same (16) or turned (32)."""
    if state & 48:
        return GIVEN_MOST + (SAME if state & 32 else state & 15)
    hoped = HOPES[state >> GIVEN_HOPE & 3]
    return GIVEN_MOST + hoped + FIRST_ALONE * (state & GIVEN_ALONE != 0 and hoped <= PREFIX)


FAMILIES_MOST = np.array([_family_most(state) for state in range(4 << FAMILY_HOPE)], np.uint16)
GIVENS_MOST = np.array([_given_most(state) for state in range(2 * GIVEN_ALONE)], np.uint16)


@kernel("i8(i8, i8)", inner=True)
def state_of(words: Scalar, first: Scalar) -> Scalar:
    """Return which of three words are the same, and which are known: three bits each."""
    return (words >> first) & 7 | (words >> (first + KNOWN - 3)) & 56


@kernel("i8(u4[:, ::1], i8, i8, i8)", inner=True)
def crossed_rarity(lines: Words, i: Scalar, j: Scalar, rare: Scalar) -> Scalar:
    """Return the rarity of a name found crossed: its own where it is so on one side, else that of birth names."""
    there, back = lines[i, BIRTH] == lines[j, USED], lines[i, USED] == lines[j, BIRTH]
    return np.int64((lines[i, RARITY] if there else lines[j, RARITY]) & np.uint32(255)) if there != back else rare


@kernel("i8(u4[:, ::1], i8, i8, i8, i8, i8, i8, i8, i8[::1])", inner=True)
def beside_names(
    lines: Words, i: Scalar, j: Scalar, words: Scalar, rare: Scalar, date: Scalar, matricule: Scalar, alike: Scalar,
    sums: Sums,
) -> Scalar:  # fmt: skip
    """Return the most that a pair may weigh above what is to reach, names apart."""
    places = state_of(words, PLACE)
    sexes = np.int64(lines[i, FLAGS] & SEX_MASK) * 4 + np.int64(lines[j, FLAGS] & SEX_MASK)
    total = sums[START] + sums[PLACES + places]
    total += sums[CONTACTS + state_of(words, ADDRESS) + ALIKE * alike]
    total += sums[DATES + date] + sums[SEXES + sexes] + sums[MATRICULES + matricule]
    return total + sums[PLACE_SLOPES + places] * ((rare >> 16) & 255) + sums[POSTAL_SLOPES + places] * (rare >> 24)


@kernel("i8(u4[:, ::1], i8, i8, i8)", inner=True)
def postal_level(lines: Words, i: Scalar, j: Scalar, words: Scalar) -> Scalar:
    """Return how two places of residence agree: by their postal codes, else by their cities."""
    level = code_level(lines[i, POSTAL], lines[j, POSTAL], -1)
    city = P_CITY * ((words >> CITY) & 1)
    return max(level, city, (words >> (CITY + KNOWN)) & 1)


@kernel("b1(u4[:, ::1], i8, i8, i8[::1], i8[::1])", inner=True)
def first_pass(lines: Words, i: Scalar, j: Scalar, sums: Sums, seen: Sums) -> Scalar:
    """Write in ``seen`` what a pair tells before a name is read; return whether the best of its names may be enough.

    Unequal names may be close; a name that is the same is known for what it is, unless family and given names may be
    inverted. Nearly without a jump: what comes of a pair can seldom be foreseen.
    """
    words, crossed = shared(lines, i, j), crossing(lines, i, j)
    flags, flags_b = lines[i, FLAGS], lines[j, FLAGS]
    x, y = lines[i, RARITY], lines[j, RARITY]
    rare = least_bytes(x, y)
    default, default_b = flags & PLACEHOLDER != 0, flags_b & PLACEHOLDER != 0
    date = date_level(np.int64(lines[i, DATE]), np.int64(lines[j, DATE]), default, default_b)
    matricule = matricule_level(lines, i, j) if (words >> (MATRICULE_HIGH + KNOWN)) & 1 else np.int64(0)
    alike = np.int64(maybe_alike(words, lines[i, PHONE], lines[j, PHONE]))
    total = beside_names(lines, i, j, words, rare, date, matricule, alike, sums)
    turned, birth = np.int64(crossed & TURNED != 0), (words >> BIRTH) & 1
    one_family = np.int64((words & FAMILIES != 0) | (crossed & CROSSED != 0))
    most = np.int64(max(x & np.uint32(255), y & np.uint32(255)))
    families = birth | one_family << 1 | turned << 2
    givens = same_hope(flags, flags_b) | ((words >> FIRST) & 1) << 4 | turned << 5
    family_rare, given_rare = most if one_family | turned else rare & 255, (rare >> 8) & 255
    family = rated(sums, np.int64(FAMILIES_MOST[families | 3 << FAMILY_HOPE]), family_rare)
    given = rated(sums, np.int64(GIVENS_MOST[givens | 3 << GIVEN_HOPE]), given_rare)
    seen[NAMED] = families | givens << GIVENS | family_rare << FAMILY_RARE | given_rare << GIVEN_RARE
    seen[TOTAL] = total
    seen[SHARED] = words | crossed << CROSSINGS | date << DATED | matricule << NUMBERED | alike << PHONED
    return not short(total + family + given)


@kernel("UniTuple(i8, 2)(i8[::1], u4[:, ::1], u8[::1], i8[::1])", inner=True)
def second_pass(seen: Sums, lines: Words, hints: Longs, sums: Sums) -> tuple[Scalar, Scalar]:
    """Return which names of a pair may be alike, by their hints, and whether the best of them may be enough."""
    pair, named = np.uint64(seen[PAIR]), seen[NAMED]
    i, j = np.int64(pair >> ROW), np.int64(pair & LOW)
    hinted = akin(lines, hints, i, j)
    hoped = ((hinted & FAMILY_HINTS) + FAMILY_HINTS) & GIVEN_HINTS  # the carry of each byte, where any bit is set
    families = named & 7 | counted(np.uint64(hoped)) << FAMILY_HOPE
    givens = (named >> GIVENS) & 63 | counted(np.uint64(hinted & GIVEN_HINTS)) << GIVEN_HOPE
    givens |= (1 - elsewhere_hope(lines, i, j)) * GIVEN_ALONE
    family = rated(sums, np.int64(FAMILIES_MOST[families]), (named >> FAMILY_RARE) & 255)
    given = rated(sums, np.int64(GIVENS_MOST[givens]), named >> GIVEN_RARE)
    return hinted, np.int64(not short(seen[TOTAL] + family + given))


@kernel("void(i8[:, ::1], u8[::1], i8, u4[:, ::1], u4[:, ::1], u4[:, ::1])", inner=True)
def ask_names(waiting: Sums, left: Longs, count: Scalar, lines: Words, names: Words, lists: Words) -> None:
    """Ask the memory for what the last pass will read of each pair left: line 0 where that is nothing."""
    for at in range(count):
        k, hinted = np.int64(left[at] & WAITING), np.int64(left[at] >> HINTED)
        pair, words = np.uint64(waiting[k, PAIR]), waiting[k, SHARED]
        i, j = np.int64(pair >> ROW), np.int64(pair & LOW)
        family = np.int64((words & FAMILIES == 0) & ((words >> CROSSINGS) & 255 == 0))
        given = ~(words >> FIRST) & (hinted >> GIVEN_HINT) & 1
        several = np.int64((lines[i, FLAGS] | lines[j, FLAGS]) >= SEVERAL_GIVEN)
        births = family & (hinted | hinted >> 1), family & (hinted | hinted >> 2)
        useds = family & (hinted >> 2 | hinted >> 3), family & (hinted >> 1 | hinted >> 3)
        for side, row in enumerate((i, j)):
            prefetch(names, np.int64(lines[row, BIRTH]) * births[side])
            prefetch(names, np.int64(lines[row, USED]) * useds[side])
            prefetch(names, np.int64(lines[row, FIRST]) * given)
            prefetch(lists, np.int64(lines[row, LIST] & LIST_INDEX) * several)


@kernel(
    "b1(i8[::1], i8, u4[:, ::1], u4[:, ::1], u4[:, ::1], u1[:, ::1], u8[::1], i8[::1], u1[::1])",
    inner=True,
)
def last_pass(
    seen: Sums, hinted: Scalar, lines: Words, lists: Words, names: Words, chars: Bytes, memo: Longs, sums: Sums,
    found: Bytes,
) -> Scalar:  # fmt: skip
    """Write the levels and rarities of a pair in ``found``; return whether its weight may reach the floors.

    What is cheap comes first; the letters of names that may be alike, then the names, are read only while the best they
    can bring may matter, against chance and against kinship.
    """
    pair, total, words = np.uint64(seen[PAIR]), seen[TOTAL], seen[SHARED]
    i, j, crossed = np.int64(pair >> ROW), np.int64(pair & LOW), words >> CROSSINGS
    rare = least_bytes(lines[i, RARITY], lines[j, RARITY])
    one_family = (words & FAMILIES != 0) | (crossed & CROSSED != 0)
    place = code_level(lines[i, PLACE], lines[j, PLACE], FOREIGN)
    total += sums[NEAR_PLACES + place]
    turned = crossed & TURNED != 0 and inverted(lines, i, j, names, chars, memo)
    level = np.int64(F_SAME if (words >> BIRTH) & 1 else F_CROSSED)
    firsts, given_rare = np.int64(SAME), (rare >> 8) & 255
    if turned:
        level = np.int64(F_CROSSED)
    elif not (words >> FIRST) & 1:
        firsts = hope(lines[i, FIRST], lines[j, FIRST], names) if hinted >> GIVEN_HINT & 1 else np.int64(DIFFERENT)
    given = np.int64(0) if turned else rated(sums, GIVEN_MOST + given_hope(lines, i, j, firsts), given_rare)
    if not turned and not one_family:
        births = hope(lines[i, BIRTH], lines[j, BIRTH], names) if hinted & 1 else np.int64(DIFFERENT)
        useds = crossed_hope(lines, i, j, hinted, names)
        if short(total + given + rated(sums, FAMILY_MOST + max(births, useds), rare & 255)):
            return False
        level = family_level(lines, i, j, births, useds, names, chars, memo)
    family_rare: Scalar = crossed_rarity(lines, i, j, rare & 255) if level == F_CROSSED else rare & 255
    total += rated(sums, FAMILY + level, family_rare)
    if not turned and short(total + given):
        return False
    given_found = G_INVERTED if turned else given_level(lines, i, j, firsts, lists, names, chars, memo)
    postal, phones = postal_level(lines, i, j, words), False
    total += rated(sums, GIVEN + given_found, given_rare) + sums[NEAR_POSTALS + postal]
    x, y = lines[i, PHONE], lines[j, PHONE]
    if (words >> PHONED) & 1 and (x | y) < PHONE_HASHED:  # else their digits do not tell
        phones, contacts = numbers_alike(x, y), CONTACTS + state_of(words, ADDRESS)
        total += np.int64(0) if phones else sums[contacts] - sums[contacts + ALIKE]
    if short(total):
        return False
    write_contacts(lines, i, j, words, np.int64(phones), found)
    found[T_FAMILY], found[T_GIVEN], found[T_DATE], found[T_PLACE] = level, given_found, (words >> DATED) & 15, place
    found[T_MATRICULE], found[T_POSTAL] = (words >> NUMBERED) & 15, postal
    found[R_FAMILY], found[R_GIVEN] = family_rare, given_rare
    found[R_PLACE], found[R_POSTAL] = (rare >> 16) & 255, rare >> 24
    return True
