"""The fused comparison of candidate pairs: agreement levels by trait, dropped as soon as they cannot matter."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from insvigil.jit import kernel, prefetch
from insvigil.jit_blocks import lowest, within_mask
from insvigil.matching.kernels.lines import BIRTH, FIRST, FLAGS, FOCUS, USED
from insvigil.matching.kernels.passes import (
    HINTED,
    LOW,
    PAIR,
    ROW,
    WAITING,
    ask_names,
    first_pass,
    last_pass,
    second_pass,
)

Scalar = Any  # a number of the width of the signature
Words = npt.NDArray[np.uint32]
Bytes = npt.NDArray[np.uint8]
Longs = npt.NDArray[np.uint64]
Sums = npt.NDArray[np.int64]

AHEAD = 32
"""Places asked of memory before their pairs are written; asked while others are compared, they came no sooner."""
TOGETHER = 128
"""Pairs written one after the other, then compared: their lines stay near the core until the last pass.

Units hold 2.7 pairs: a comparison inside their loops waited for where each ends.
"""
SLOTS, KEY, MOST_KEYS = 8, np.uint64(5), np.uint64(31)
"""Pairs remembered together; below each, in so many bits, the key that found it."""
LARGEST = 512
"""The most places a unit may have: the pairs of one with all the others are written at once."""


@kernel("i8(u8, u8[::1])", inner=True)
def line_of(pair: Scalar, met: Longs) -> Scalar:
    """Return where the eight slots are that remember the pairs of an identity with later ones: one line of cache."""
    return np.int64(pair >> ROW & ~np.uint64(SLOTS - 1) & np.uint64(met.size - 1))


@kernel("b1(u8, i8, u8[::1])", inner=True)
def met_again(pair: Scalar, key: Scalar, met: Longs) -> Scalar:
    """Whether a pair is among those met, found by this key or an earlier one."""
    return within_mask(met, line_of(pair, met), pair << KEY, np.uint64(key)) != 0


@kernel("void(u8, i8, u8[::1])", inner=True)
def remember(pair: Scalar, key: Scalar, met: Longs) -> None:
    """Write that a pair was found by a key: where it stands under a later one, else in a free slot, else in any."""
    line = line_of(pair, met)
    same, free = within_mask(met, line, pair << KEY, MOST_KEYS), within_mask(met, line, np.uint64(0), np.uint64(0))
    slots = same if same else free if free else np.uint64(1) << (pair & np.uint64(SLOTS - 1))
    met[line + lowest(slots)] = pair << KEY | np.uint64(key)


@kernel("b1(u4[:, ::1], i8, i8)", inner=True)
def in_focus(lines: Words, i: Scalar, j: Scalar) -> Scalar:
    """Whether one of two identities is in focus."""
    return (lines[i, FLAGS] | lines[j, FLAGS]) & FOCUS != 0


@kernel(
    "UniTuple(i8, 4)(u4[::1], u4[::1], i8, i8, i8, i8, i8, i8, u4[:, ::1], b1, u8[::1], u8[::1])",
    inner=True,
)
def line_up(
    places: Words, starts: Words, reach: Scalar, key: Scalar, cell: Scalar, last: Scalar, place: Scalar, room: Scalar,
    lines: Words, focused: Scalar, met: Longs, queue: Longs,
) -> tuple[Scalar, Scalar, Scalar, Scalar]:  # fmt: skip
    """Write the pairs that follow and are not met again in ``queue``, until they are enough.

    Goes on from ``place`` in ``cell``; returns where to go on from, the pairs written and those seen. Fewer than
    ``TOGETHER`` are written when no cell is left, or when ``room`` does not hold the pairs of the next one.
    """
    held, seen = np.int64(0), np.int64(0)
    u, r = cell // (reach + 1), cell % (reach + 1)
    while cell < last and held < TOGETHER:
        start = stop = other = end = np.int64(0)
        if u + r + 1 < starts.size:
            start, stop = np.int64(starts[u]), np.int64(starts[u + 1])
            other, end = np.int64(starts[u + r]), np.int64(starts[u + r + 1])
        place = max(place, start)
        if held + (stop - place) * (end - other) > room:
            break
        while place < stop and held < TOGETHER:
            ahead = np.int64(places[min(place + AHEAD, places.size - 1)])
            prefetch(lines, ahead)
            prefetch(met, ahead & np.int64(met.size - 1))
            i = np.uint64(places[place])
            for at in range(other if r else place + 1, end):
                j = np.uint64(places[at])
                if focused and not in_focus(lines, np.int64(i), np.int64(j)):
                    continue
                pair = min(i, j) << ROW | max(i, j)
                queue[held] = pair
                seen += i != j
                held += (i != j) & (not met_again(pair, key, met))
            place += 1
        if place >= stop:
            cell, place, r = cell + 1, np.int64(0), r + 1
            if r > reach:
                u, r = u + 1, np.int64(0)
    return cell, place, held, seen


@kernel("i8(u8[::1], i8, u4[:, ::1], u8[::1], i8[::1], i8[:, ::1])", inner=True)
def look(queue: Longs, held: Scalar, lines: Words, hints: Longs, sums: Sums, waiting: Sums) -> Scalar:
    """Take the first look at pairs; return how many wait. What the second one reads is asked of memory meanwhile."""
    count = np.int64(0)
    for k in range(held):
        pair = queue[k]
        waiting[count, PAIR] = pair
        for row in (np.int64(pair >> ROW), np.int64(pair & LOW)):
            for word in (BIRTH, USED, FIRST):
                prefetch(hints, np.int64(lines[row, word]))
        count += first_pass(lines, np.int64(pair >> ROW), np.int64(pair & LOW), sums, waiting[count])
    return count


@kernel("i8(i8[:, ::1], i8, u4[:, ::1], u8[::1], i8[::1], u8[::1])", inner=True)
def sift(waiting: Sums, count: Scalar, lines: Words, hints: Longs, sums: Sums, left: Longs) -> Scalar:
    """Write which of the pairs that wait are ``left`` by the hints of their names; return how many they are.

    Moving them instead took 32 ns a pair, not 22: none could be read before it was known where the last one went.
    """
    held = np.int64(0)
    for k in range(count):
        hinted, enough = second_pass(waiting[k], lines, hints, sums)
        left[held] = np.uint64(hinted) << HINTED | np.uint64(k)
        held += enough
    return held


@kernel(
    "i8(i8[:, ::1], u8[::1], i8, i8, i8, u4[:, ::1], u4[:, ::1], u4[:, ::1], u1[:, ::1], i8[::1], u8[::1], u8[::1],"
    " u8[::1], u1[:, ::1])",
    inner=True,
)
def finish(
    waiting: Sums, left: Longs, count: Scalar, key: Scalar, written: Scalar, lines: Words, lists: Words, names: Words,
    chars: Bytes, sums: Sums, memo: Longs, met: Longs, pairs: Longs, levels: Bytes,
) -> Scalar:  # fmt: skip
    """Write, of the pairs ``left``, those that may matter after those ``written``; return how many these are then."""
    ask_names(waiting, left, count, lines, names, lists)
    for at in range(count):
        k = np.int64(left[at] & WAITING)
        if last_pass(waiting[k], np.int64(left[at] >> HINTED), lines, lists, names, chars, memo, sums, levels[written]):
            pair = np.uint64(waiting[k, PAIR])
            pairs[written] = pair
            remember(pair, key, met)
            written += 1
    return written


@kernel(
    "UniTuple(i8, 3)(u4[::1], u4[::1], i8, i8, i8, i8, u4[:, ::1], u4[:, ::1], u4[:, ::1], u8[::1], u1[:, ::1],"
    " i8[::1], b1, u8[::1], i8[:, ::1], u8[::1], u8[::1], u8[::1], u1[:, ::1])",
)
def compare(
    places: Words, starts: Words, reach: Scalar, key: Scalar, first: Scalar, last: Scalar, lines: Words, lists: Words,
    names: Words, hints: Longs, chars: Bytes, sums: Sums, focused: Scalar, queue: Longs, waiting: Sums, memo: Longs,
    met: Longs, pairs: Longs, levels: Bytes,
) -> tuple[Scalar, Scalar, Scalar]:  # fmt: skip
    """Compare the pairs of the cells ``first`` to ``last`` and write those whose weight may reach the floors.

    Cell ``c`` crosses unit ``c // (reach + 1)`` of ``places`` with the one ``c % (reach + 1)`` further, itself when 0
    (see ``blocking.Work``). ``sums`` are the weights and what is to reach (see ``kernels/bounds.py``). A row of
    ``levels`` is the ten levels, then four rarities. ``memo`` is room to work in; so are ``queue``, where the pairs of
    many units are put one after the other, then those that the second pass leaves, and ``waiting``, what the first pass
    lets through: what each pass reads is asked of memory long before. ``hints`` are those of ``names``.
    ``met`` (a power of two) remembers the pairs already written by this ``key`` or an earlier one: a doublon shares
    fifteen keys, and costs 0.8 µs at each. It may forget one, which is then written twice. Stops before ``pairs`` may
    overflow; returns the next cell, the pairs written and the pairs looked at.
    """
    written, seen, place, more = np.int64(0), np.int64(0), np.int64(0), True
    while more:
        first, place, held, some = line_up(
            places, starts, reach, key, first, last, place, pairs.size - written, lines, focused, met, queue
        )
        count = sift(waiting, look(queue, held, lines, hints, sums, waiting), lines, hints, sums, queue)
        written = finish(
            waiting, queue, count, key, written, lines, lists, names, chars, sums, memo, met, pairs, levels
        )
        seen += some
        more = held >= TOGETHER
    return first, written, seen
