"""The fused comparison of candidate pairs: agreement levels by trait, dropped as soon as they cannot matter."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from insvigil.jit import kernel, prefetch
from insvigil.matching.kernels.agreements import (
    F_CROSSED,
    G_INVERTED,
    M_SAME_INCOHERENT,
    R_FAMILY,
    R_GIVEN,
    R_PLACE,
    R_POSTAL,
    T_DATE,
    T_FAMILY,
    T_GIVEN,
    T_MATRICULE,
    T_PHONE,
    T_PLACE,
    T_POSTAL,
    TRAITS,
    X_DIFFERENT,
)
from insvigil.matching.kernels.codes import common_rarity, first_look, level_at, packed_phones
from insvigil.matching.kernels.lines import BIRTH, FIRST, FLAGS, FOCUS, LIST, RARITY, USED
from insvigil.matching.kernels.names import family_level, given_hope, given_level, hope, inverted
from insvigil.matching.kernels.strings import CLOSE, SAME

Scalar = Any  # a number of the width of the signature
Words = npt.NDArray[np.uint32]
Bytes = npt.NDArray[np.uint8]
Longs = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float32]

# The tables of weights, by trait and level: bits, bits by eighth of a bit of rarity, then both as upper bounds (of a
# name by relation, of a contact by what it may prove to be). Four against chance, then four against kinship.
BITS, SLOPES, MOST, STEEPEST = range(4)
CHANCE, KINSHIP = 0, 4
SAFE = np.float32(-1e9)  # a floor that no pair is under
AHEAD = 16  # places asked of memory before they are compared


@kernel("f4(f4[:, :, ::1], i8, i8, i8, f4)", allocates=False, inner=True)
def worth(tables: Floats, score: Scalar, trait: Scalar, level: Scalar, rarity: Scalar) -> Scalar:
    """Return the bits of a level of a trait whose common value is this rare."""
    return tables[score + BITS, trait, level] + tables[score + SLOPES, trait, level] * rarity


@kernel("f4(f4[:, :, ::1], i8, i8, f4, f4, b1)", allocates=False, inner=True)
def worth_beside_names(
    tables: Floats, score: Scalar, levels: Scalar, place: Scalar, postal: Scalar, sure: Scalar
) -> Scalar:
    """Return the most that packed levels may bring, names apart; the level of the phone may be ``sure``."""
    most, slopes = score + MOST, score + SLOPES
    total = tables[slopes, T_PLACE, level_at(levels, T_PLACE)] * place
    total += tables[slopes, T_POSTAL, level_at(levels, T_POSTAL)] * postal
    for trait in range(T_DATE, TRAITS):
        total += tables[most, trait, level_at(levels, trait)]
    if sure and level_at(levels, T_PHONE) == X_DIFFERENT:
        total += tables[score + BITS, T_PHONE, X_DIFFERENT] - tables[most, T_PHONE, X_DIFFERENT]
    return total


@kernel("f4(f4[:, :, ::1], i8, i8, i8, f4)", allocates=False, inner=True)
def most_of_name(tables: Floats, score: Scalar, trait: Scalar, relation: Scalar, rarity: Scalar) -> Scalar:
    """Return the most that a name may bring, by the best relation it may have and the rarity of the rarer side."""
    return tables[score + MOST, trait, relation] + tables[score + STEEPEST, trait, relation] * rarity


@kernel(
    "b1(u4[:, ::1], i8, i8, u4[:, ::1], u4[:, ::1], u1[:, ::1], u8[::1], f4[:, :, ::1], f4[::1], u1[::1])",
    allocates=False,
    inner=True,
)
def compare_two(
    lines: Words, i: Scalar, j: Scalar, lists: Words, names: Words, chars: Bytes, memo: Longs, tables: Floats,
    floors: Floats, found: Bytes,
) -> Scalar:  # fmt: skip
    """Write the levels and rarities of two identities in ``found``; return whether their weight may reach the floors.

    What is cheap comes first; the letters of names, then the names, are read only while the best they can bring may
    matter, against chance and against kinship. One matricule on two identities is always worth a look. Everything it
    calls is inlined, itself too: a call hands over seven words an array, 40 ns of the 140 that a pair took.
    """
    levels = first_look(lines, i, j)
    floor, kin_floor = floors[0], floors[1]
    if level_at(levels, T_MATRICULE) >= M_SAME_INCOHERENT:
        floor, kin_floor = SAFE, SAFE
    sure = packed_phones(lines, i, j)
    place_rare, postal_rare = common_rarity(lines, i, j, 2), common_rarity(lines, i, j, 3)
    total = worth_beside_names(tables, CHANCE, levels, np.float32(place_rare), np.float32(postal_rare), sure)
    kin = worth_beside_names(tables, KINSHIP, levels, np.float32(place_rare), np.float32(postal_rare), sure)
    x, y = lines[i, RARITY], lines[j, RARITY]
    family_rare, given_rare = np.float32(common_rarity(lines, i, j, 0)), np.float32(common_rarity(lines, i, j, 1))
    a, b, u, v = lines[i, BIRTH], lines[j, BIRTH], lines[i, USED], lines[j, USED]
    p, q = lines[i, FIRST], lines[j, FIRST]
    reach = given_reach = np.int64(CLOSE)  # the best that unequal names may bring
    if a in (b, v) or u == b or (u == v and u != 0):
        reach = np.int64(SAME)
    if p == q:
        given_reach = np.int64(SAME)
    if p in (b, v) or q in (a, u):
        reach = given_reach = np.int64(SAME)
    if reach == SAME:  # the name found crossed may be the rarer one
        family_rare = np.float32(max(x & np.uint32(255), y & np.uint32(255)))
    given_reach = given_hope(lines, i, j, given_reach)
    family = most_of_name(tables, CHANCE, T_FAMILY, reach, family_rare)
    given = most_of_name(tables, CHANCE, T_GIVEN, given_reach, given_rare)
    kin_given = most_of_name(tables, KINSHIP, T_GIVEN, given_reach, given_rare)
    if total + family + given < floor:
        return False
    if kin + most_of_name(tables, KINSHIP, T_FAMILY, reach, family_rare) + kin_given < kin_floor:
        return False
    turned = inverted(lines, i, j, names, chars, memo)
    births, birth_used = hope(a, b, names), hope(a, v, names)
    used_birth, useds, firsts = hope(u, b, names), hope(u, v, names), hope(p, q, names)
    if not turned:
        given_reach = given_hope(lines, i, j, firsts)
        reach = max(births, birth_used, used_birth, useds)
        family = most_of_name(tables, CHANCE, T_FAMILY, reach, family_rare)
        given = most_of_name(tables, CHANCE, T_GIVEN, given_reach, given_rare)
        kin_given = most_of_name(tables, KINSHIP, T_GIVEN, given_reach, given_rare)
        if total + family + given < floor:
            return False
        if kin + most_of_name(tables, KINSHIP, T_FAMILY, reach, family_rare) + kin_given < kin_floor:
            return False
    level = np.int64(F_CROSSED)
    if not turned:
        level = family_level(lines, i, j, births, birth_used, used_birth, useds, names, chars, memo)
    rare = common_rarity(lines, i, j, 0)
    if level == F_CROSSED:  # the rarity of the name found crossed, not that of the birth names
        there, back = lines[i, BIRTH] == lines[j, USED], lines[i, USED] == lines[j, BIRTH]
        if there != back:
            rare = np.int64((x if there else y) & np.uint32(255))
    total += worth(tables, CHANCE, T_FAMILY, level, np.float32(rare))
    kin += worth(tables, KINSHIP, T_FAMILY, level, np.float32(rare))
    if total + given < floor or kin + kin_given < kin_floor:
        return False
    given_found = G_INVERTED if turned else given_level(lines, i, j, firsts, lists, names, chars, memo)
    total += worth(tables, CHANCE, T_GIVEN, given_found, given_rare)
    kin += worth(tables, KINSHIP, T_GIVEN, given_found, given_rare)
    if total < floor or kin < kin_floor:
        return False
    for trait in range(T_DATE, TRAITS):
        found[trait] = level_at(levels, trait)
    found[T_FAMILY], found[T_GIVEN] = level, given_found
    found[R_FAMILY], found[R_GIVEN], found[R_PLACE], found[R_POSTAL] = rare, given_rare, place_rare, postal_rare
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
    " f4[:, :, ::1], f4[::1], b1, u8[::1], u8[::1], u4[:, ::1], u1[:, ::1])",
    allocates=False,
)
def compare(
    places: Words, starts: Words, reach: Scalar, key: Scalar, first: Scalar, last: Scalar, lines: Words, lists: Words,
    names: Words, chars: Bytes, tables: Floats, floors: Floats, focused: Scalar, memo: Longs, met: Longs,
    pairs: Words, levels: Bytes,
) -> tuple[Scalar, Scalar, Scalar]:  # fmt: skip
    """Compare the pairs of the cells ``first`` to ``last`` and write those whose weight may reach the floors.

    Cell ``c`` crosses unit ``c // (reach + 1)`` of ``places`` with the one ``c % (reach + 1)`` further, itself when 0
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
                if compare_two(lines, i, j, lists, names, chars, memo, tables, floors, levels[written]):
                    pairs[written, 0], pairs[written, 1] = min(i, j), max(i, j)
                    if met[slot] != 0 and met[slot ^ np.uint64(1)] == 0:  # two pairs in one slot would chase each other
                        slot ^= np.uint64(1)
                    met[slot] = pair << np.uint64(5) | np.uint64(key)
                    written += 1
    return last, written, seen
