"""The fused comparison of candidate pairs: agreement levels by trait, dropped as soon as they cannot matter."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from insvigil.jit import kernel, prefetch
from insvigil.matching.kernels.lines import FLAGS, FOCUS
from insvigil.matching.kernels.passes import LEFT, RIGHT, ask_names, first_pass, last_pass

Scalar = Any  # a number of the width of the signature
Words = npt.NDArray[np.uint32]
Bytes = npt.NDArray[np.uint8]
Longs = npt.NDArray[np.uint64]
Sums = npt.NDArray[np.int64]

AHEAD = 16  # places asked of memory before they are compared
TOGETHER = 64
"""Pairs that wait for the last pass: twice as many lines, which stay near the core."""


@kernel(inline=True, allocates=False)
def slot_of(pair: Scalar, met: Scalar) -> Scalar:
    """Return where a pair is remembered, or beside it: the pairs of an identity are in its line of cache."""
    near = (pair * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(61)
    return (pair >> np.uint64(29) & ~np.uint64(7) | near) & np.uint64(met.size - 1)


@kernel(inline=True, allocates=False)
def remembers(known: Scalar, pair: Scalar, key: Scalar) -> Scalar:
    """Whether a slot of the pairs met holds this one, found by this key or an earlier one."""
    return (known >> np.uint64(5) == pair) & (np.int64(known & np.uint64(31)) <= key)


@kernel(
    "i8(i8[:, ::1], i8, i8, i8, u4[:, ::1], u4[:, ::1], u4[:, ::1], u1[:, ::1], i8[::1], u8[::1], u8[::1],"
    " u4[:, ::1], u1[:, ::1])",
    allocates=False,
)
def finish(
    waiting: Sums, count: Scalar, key: Scalar, written: Scalar, lines: Words, lists: Words, names: Words, chars: Bytes,
    sums: Sums, memo: Longs, met: Longs, pairs: Words, levels: Bytes,
) -> Scalar:  # fmt: skip
    """Write, of the pairs that wait, those that may matter after those ``written``; return how many these are then."""
    ask_names(waiting, count, lines, names, lists)
    for k in range(count):
        if last_pass(waiting[k], lines, lists, names, chars, memo, sums, levels[written]):
            i, j = waiting[k, LEFT], waiting[k, RIGHT]
            pairs[written, 0], pairs[written, 1] = min(i, j), max(i, j)
            pair = np.uint64(min(i, j)) << np.uint64(29) | np.uint64(max(i, j))
            slot = slot_of(pair, met)
            if met[slot] != 0 and met[slot ^ np.uint64(1)] == 0:  # two pairs in one slot would chase each other
                slot ^= np.uint64(1)
            met[slot] = pair << np.uint64(5) | np.uint64(key)
            written += 1
    return written


@kernel(
    "UniTuple(i8, 3)(u4[::1], u4[::1], i8, i8, i8, i8, u4[:, ::1], u4[:, ::1], u4[:, ::1], u1[:, ::1],"
    " i8[::1], b1, i8[:, ::1], u8[::1], u8[::1], u4[:, ::1], u1[:, ::1])",
    allocates=False,
)
def compare(
    places: Words, starts: Words, reach: Scalar, key: Scalar, first: Scalar, last: Scalar, lines: Words, lists: Words,
    names: Words, chars: Bytes, sums: Sums, focused: Scalar, waiting: Sums, memo: Longs, met: Longs, pairs: Words,
    levels: Bytes,
) -> tuple[Scalar, Scalar, Scalar]:  # fmt: skip
    """Compare the pairs of the cells ``first`` to ``last`` and write those whose weight may reach the floors.

    Cell ``c`` crosses unit ``c // (reach + 1)`` of ``places`` with the one ``c % (reach + 1)`` further, itself when 0
    (see ``blocking.Work``). ``sums`` are the weights and what is to reach (see ``kernels/bounds.py``). A row of
    ``levels`` is the ten levels, then four rarities. ``memo`` is room to work in; so is ``waiting``, where pairs that
    the first pass lets through wait for the last one: their names are asked of memory together.
    ``met`` (a power of two) remembers the pairs already written by this ``key`` or an earlier one: a doublon shares
    fifteen keys, and costs 0.8 µs at each. It may forget one, which is then written twice. Stops before ``pairs`` may
    overflow; returns the next cell, the pairs written and the pairs looked at.
    """
    written, seen, count = 0, 0, np.int64(0)
    u, r = first // (reach + 1), first % (reach + 1)
    for c in range(first, last):
        start = stop = other = end = np.int64(0)
        if u + r + 1 < starts.size:
            start, stop = np.int64(starts[u]), np.int64(starts[u + 1])
            other, end = np.int64(starts[u + r]), np.int64(starts[u + r + 1])
        if written + count + (stop - start) * (end - other) > pairs.shape[0]:
            written = finish(waiting, count, key, written, lines, lists, names, chars, sums, memo, met, pairs, levels)
            return c, written, seen
        for p in range(start, stop):
            ahead = np.int64(places[min(p + AHEAD, places.size - 1)])
            prefetch(lines, ahead)
            prefetch(met, ahead & np.int64(met.size - 1))
            i = np.int64(places[p])
            for q in range(other if r else p + 1, end):
                j = np.int64(places[q])
                if i == j or (focused and not (lines[i, FLAGS] | lines[j, FLAGS]) & FOCUS):
                    continue
                seen += 1
                pair = np.uint64(min(i, j)) << np.uint64(29) | np.uint64(max(i, j))
                slot = slot_of(pair, met)
                again = remembers(met[slot], pair, key) | remembers(met[slot ^ np.uint64(1)], pair, key)
                count += np.int64(first_pass(lines, i, j, sums, waiting[count]) & (not again))
                if count >= TOGETHER:
                    written = finish(
                        waiting, count, key, written, lines, lists, names, chars, sums, memo, met, pairs, levels
                    )
                    count = np.int64(0)
        r += 1
        if r > reach:
            u, r = u + 1, 0
    written = finish(waiting, count, key, written, lines, lists, names, chars, sums, memo, met, pairs, levels)
    return last, written, seen
