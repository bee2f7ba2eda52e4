"""The fused comparison of candidate pairs: agreement levels by trait, dropped as soon as they cannot matter."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from insvigil.jit import kernel, prefetch
from insvigil.jit_lines import crossing, least_bytes, shared
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
    FOCUS,
    LIST,
    MATRICULE_HIGH,
    PHONE,
    PHONE_HASHED,
    PLACE,
    PLACEHOLDER,
    POSTAL,
    RARITY,
    SEX_MASK,
    USED,
)
from insvigil.matching.kernels.names import crossed_hope, family_level, given_hope, given_level, hope, inverted, same_hope
from insvigil.matching.kernels.strings import CLOSE, SAME

Scalar = Any  # a number of the width of the signature
Words = npt.NDArray[np.uint32]
Bytes = npt.NDArray[np.uint8]
Longs = npt.NDArray[np.uint64]
Sums = npt.NDArray[np.int64]

AHEAD = 16  # places asked of memory before they are compared
KNOWN = 16  # bits of ``shared`` from those of the words that are the same to those of the words known
FAMILIES = 1 << BIRTH | 1 << USED  # in ``shared``
CROSSED, TURNED = 3, 60  # in ``crossing``: a family name of each, or a family name and the first given name


@kernel("i8(i8, i8)", allocates=False, inner=True)
def state_of(words: Scalar, first: Scalar) -> Scalar:
    """Return which of three words are the same, and which are known: three bits each."""
    return (words >> first) & 7 | (words >> (first + KNOWN - 3)) & 56


@kernel("i8(u4[:, ::1], i8, i8, i8, i8, i8, i8, i8[::1])", allocates=False, inner=True)
def beside_names(
    lines: Words, i: Scalar, j: Scalar, words: Scalar, rare: Scalar, date: Scalar, matricule: Scalar, sums: Sums
) -> Scalar:
    """Return the most that a pair may weigh above what is to reach, names apart."""
    places, contacts = state_of(words, PLACE), state_of(words, ADDRESS)
    contacts += np.int64(maybe_alike(words, lines[i, PHONE], lines[j, PHONE])) * ALIKE
    sexes = np.int64(lines[i, FLAGS] & SEX_MASK) * 4 + np.int64(lines[j, FLAGS] & SEX_MASK)
    total = sums[START] + sums[PLACES + places] + sums[CONTACTS + contacts]
    total += sums[DATES + date] + sums[SEXES + sexes] + sums[MATRICULES + matricule]
    return total + sums[PLACE_SLOPES + places] * ((rare >> 16) & 255) + sums[POSTAL_SLOPES + places] * (rare >> 24)


@kernel("i8(u4[:, ::1], i8, i8, i8)", allocates=False, inner=True)
def postal_level(lines: Words, i: Scalar, j: Scalar, words: Scalar) -> Scalar:
    """Return how two places of residence agree: by their postal codes, else by their cities."""
    level = code_level(lines[i, POSTAL], lines[j, POSTAL], -1)
    city = P_CITY * ((words >> CITY) & 1)
    return max(level, city, (words >> (CITY + KNOWN)) & 1)


@kernel(
    "b1(u4[:, ::1], i8, i8, u4[:, ::1], u4[:, ::1], u1[:, ::1], u8[::1], i8[::1], u1[::1])",
    allocates=False,
    inner=True,
)
def compare_two(
    lines: Words, i: Scalar, j: Scalar, lists: Words, names: Words, chars: Bytes, memo: Longs, sums: Sums, found: Bytes
) -> Scalar:
    """Write the levels and rarities of two identities in ``found``; return whether their weight may reach the floors.

    What is cheap comes first; the letters of names, then the names, are read only while the best they can bring may
    matter, against chance and against kinship. Everything it calls is inlined, itself too: a call hands over seven
    words an array, 40 ns of the 140 that a pair took.
    """
    words, crossed = shared(lines, i, j), crossing(lines, i, j)
    flags, flags_b = lines[i, FLAGS], lines[j, FLAGS]
    x, y = lines[i, RARITY], lines[j, RARITY]
    rare = least_bytes(x, y)
    default, default_b = flags & PLACEHOLDER != 0, flags_b & PLACEHOLDER != 0
    date = date_level(np.int64(lines[i, DATE]), np.int64(lines[j, DATE]), default, default_b)
    matricule = matricule_level(lines, i, j) if (words >> (MATRICULE_HIGH + KNOWN)) & 1 else np.int64(0)
    total = beside_names(lines, i, j, words, rare, date, matricule, sums)
    one_family = (words & FAMILIES != 0) | (crossed & CROSSED != 0)
    one_first = (words >> FIRST) & 1 != 0
    # before any letter is read: unequal names may be close, a name found crossed may be the rarer one
    reach: Scalar = np.int64(SAME if one_family or crossed & TURNED else CLOSE)
    family_rare: Scalar = rare & 255
    family_rare = np.int64(max(x & np.uint32(255), y & np.uint32(255))) if reach == SAME else family_rare
    given_rare = (rare >> 8) & 255
    given_reach: Scalar = same_hope(flags, flags_b) if one_first else np.int64(CLOSE)
    given_reach = np.int64(SAME) if crossed & TURNED else given_reach
    given = rated(sums, GIVEN_MOST, given_reach, given_rare)
    if short(total + rated(sums, FAMILY_MOST, reach, family_rare) + given):
        return False
    place = code_level(lines[i, PLACE], lines[j, PLACE], FOREIGN)
    total += sums[NEAR_PLACES + place]
    turned = crossed & TURNED != 0 and inverted(lines, i, j, names, chars, memo)
    births, useds, firsts = np.int64(SAME), np.int64(0), np.int64(SAME)
    if not turned:
        if not one_first:
            firsts = hope(lines[i, FIRST], lines[j, FIRST], names)
        if not one_family:
            births = hope(lines[i, BIRTH], lines[j, BIRTH], names)
            useds = crossed_hope(lines, i, j, names)
        given = rated(sums, GIVEN_MOST, given_hope(lines, i, j, firsts), given_rare)
        if short(total + rated(sums, FAMILY_MOST, max(births, useds), family_rare) + given):
            return False
    level = np.int64(F_CROSSED)
    if not turned and (words >> BIRTH) & 1:
        level = np.int64(F_SAME)
    elif not turned and not one_family:
        level = family_level(lines, i, j, births, useds, names, chars, memo)
    family_rare = rare & 255
    if level == F_CROSSED:  # the rarity of the name found crossed, not that of the birth names
        there, back = lines[i, BIRTH] == lines[j, USED], lines[i, USED] == lines[j, BIRTH]
        if there != back:
            family_rare = np.int64((x if there else y) & np.uint32(255))
    total += rated(sums, FAMILY, level, family_rare)
    if short(total + given):
        return False
    given_found = G_INVERTED if turned else given_level(lines, i, j, firsts, lists, names, chars, memo)
    total += rated(sums, GIVEN, given_found, given_rare)
    postal = postal_level(lines, i, j, words)
    total += sums[NEAR_POSTALS + postal]
    alike = maybe_alike(words, lines[i, PHONE], lines[j, PHONE]) and (lines[i, PHONE] | lines[j, PHONE]) < PHONE_HASHED
    if alike and not numbers_alike(lines[i, PHONE], lines[j, PHONE]):
        alike, contacts = False, CONTACTS + state_of(words, ADDRESS)
        total += sums[contacts] - sums[contacts + ALIKE]
    if short(total):
        return False
    write_contacts(lines, i, j, words, np.int64(alike), found)
    found[T_FAMILY], found[T_GIVEN], found[T_DATE], found[T_PLACE] = level, given_found, date, place
    found[T_MATRICULE], found[T_POSTAL] = matricule, postal
    found[R_FAMILY], found[R_GIVEN] = family_rare, given_rare
    found[R_PLACE], found[R_POSTAL] = (rare >> 16) & 255, rare >> 24
    return True


@kernel(inline=True, allocates=False)
def remembers(known: Scalar, pair: Scalar, key: Scalar) -> Scalar:
    """Whether a slot of the pairs met holds this one, found by this key or an earlier one."""
    return known >> np.uint64(5) == pair and np.int64(known & np.uint64(31)) <= key


@kernel("void(u4[::1], i8, i8, u4[:, ::1], u4[:, ::1], u4[:, ::1], u8[::1])", allocates=False, inner=True)
def ask_ahead(places: Words, first: Scalar, last: Scalar, lines: Words, names: Words, lists: Words, met: Longs) -> None:
    """Ask the memory for the lines of places that come later, for what they met, and for the names of those before.

    Of the comparison of ten million identities, which no cache holds, the names spare a fifth, the lists of given names
    and what was met a twentieth each.
    """
    for k in range(first, min(last, places.size)):
        prefetch(lines, np.int64(places[k]))
        prefetch(met, np.int64(np.uint64(places[k]) & np.uint64(met.size - 1)))
    for k in range(first - AHEAD // 2, min(last - AHEAD // 2, places.size)):
        place = np.int64(places[k])
        prefetch(names, np.int64(lines[place, BIRTH]))
        prefetch(names, np.int64(lines[place, FIRST]))
        prefetch(lists, np.int64(lines[place, LIST]))


@kernel(
    "UniTuple(i8, 3)(u4[::1], u4[::1], i8, i8, i8, i8, u4[:, ::1], u4[:, ::1], u4[:, ::1], u1[:, ::1],"
    " i8[::1], b1, u8[::1], u8[::1], u4[:, ::1], u1[:, ::1])",
    allocates=False,
)
def compare(
    places: Words, starts: Words, reach: Scalar, key: Scalar, first: Scalar, last: Scalar, lines: Words, lists: Words,
    names: Words, chars: Bytes, sums: Sums, focused: Scalar, memo: Longs, met: Longs, pairs: Words, levels: Bytes,
) -> tuple[Scalar, Scalar, Scalar]:  # fmt: skip
    """Compare the pairs of the cells ``first`` to ``last`` and write those whose weight may reach the floors.

    Cell ``c`` crosses unit ``c // (reach + 1)`` of ``places`` with the one ``c % (reach + 1)`` further, itself when 0
    (see ``blocking.Work``). ``sums`` are the weights and what is to reach (see ``kernels/bounds.py``). A row of ``levels`` is the ten levels, then four rarities. ``memo`` is room to work in. ``met`` (a power
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
        ask_ahead(places, start + AHEAD, stop + AHEAD, lines, names, lists, met)
        for p in range(start, stop):
            i = np.int64(places[p])
            for q in range(other if r else p + 1, end):
                j = np.int64(places[q])
                if i == j or (focused and not (lines[i, FLAGS] | lines[j, FLAGS]) & FOCUS):
                    continue
                seen += 1
                pair = np.uint64(min(i, j)) << np.uint64(29) | np.uint64(max(i, j))
                near = (pair * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(61)
                slot = (np.uint64(min(i, j)) & ~np.uint64(7) | near) & mask
                if remembers(met[slot], pair, key) or remembers(met[slot ^ np.uint64(1)], pair, key):
                    continue
                if compare_two(lines, i, j, lists, names, chars, memo, sums, levels[written]):
                    pairs[written, 0], pairs[written, 1] = min(i, j), max(i, j)
                    if met[slot] != 0 and met[slot ^ np.uint64(1)] == 0:  # two pairs in one slot would chase each other
                        slot ^= np.uint64(1)
                    met[slot] = pair << np.uint64(5) | np.uint64(key)
                    written += 1
    return last, written, seen
