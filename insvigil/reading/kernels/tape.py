"""Where the separators of a segment stand: a *tape*, written by one look at its bytes, 64 at a time.

Fields, repetitions and components are then stretches of the tape, and no byte is looked at twice but those of values.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from insvigil.jit import kernel
from insvigil.jit_blocks import ALL, NONE, ONE, counted, equal_mask, lowest

REPETITIONS = 32
"""The most repetitions of a field that are looked at."""


@kernel("uint8(uint8[::1], int64, int64, uint8[::1])", allocates=False, inner=True)
def read_marks(buffer: Any, begin: Any, end: Any, marks: Any) -> Any:
    """Set the separators that an MSH declares; return the second byte of a wide ``~``, or 0.

    Two characters are component and, if it is ``&``, sub-component. The repetition separator may be one UTF-8
    character of two bytes (a lone tilde, U+02DC, is met in the field).
    """
    marks[0], marks[1], marks[2], marks[3], marks[4] = 124, 94, 126, 92, 38
    lead = np.uint8(0)
    if begin < end:
        marks[0] = buffer[begin]
    at = begin + 1
    size = 0
    while at + size < end and buffer[at + size] != marks[0] and size < 8:
        size += 1
    if size > 0:
        marks[1] = buffer[at]
    if size == 2:
        if buffer[at + 1] != 38:
            marks[2] = buffer[at + 1]
    elif size > 2:
        marks[2] = buffer[at + 1]
        at += 2
        size -= 2
        if 0xC2 <= marks[2] <= 0xDF and 0x80 <= buffer[at] <= 0xBF:
            lead = buffer[at]
            at += 1
            size -= 1
        for k in range(min(size, 2)):
            marks[3 + k] = buffer[at + k]
    return lead


@kernel(
    "UniTuple(int64, 3)(uint8[::1], UniTuple(int64, 3), uint8, uint8[::1], int64[::1], int64[::1])",
    allocates=False,
    inner=True,
)
def read_segment(buffer: Any, extent: Any, lead: Any, marks: Any, tape: Any, bars: Any) -> Any:
    """Write where the separators of a segment stand; return its fields, and whether it has escapes and repetitions.

    ``extent``: begin, end, and how many fields are wanted (a few more may be read). Field ``k`` lies between
    ``tape[bars[k]]`` and ``tape[bars[k + 1]]``. The tape has room for each byte of the segment, and 65 more.
    """
    begin, stop, most = extent
    tape[0] = begin - 1
    bars[0] = 0
    size = 1
    count = 0
    escapes = NONE
    repeats = NONE
    for at in range(begin, stop, 64):
        fields = equal_mask(buffer, at, marks[0])
        repetitions = equal_mask(buffer, at, marks[2])
        if lead != 0:
            repetitions &= equal_mask(buffer, at + 1, lead)
        every = fields | repetitions | equal_mask(buffer, at, marks[1])
        limit = ALL
        if stop - at < 64:
            limit = ALL >> np.uint64(64 - (stop - at))
        escapes |= equal_mask(buffer, at, marks[3]) & limit
        repeats |= repetitions & limit
        fields &= limit
        every &= limit
        while fields != 0:
            below = fields ^ (fields - ONE)  # the lowest bit and those under it
            count += 1
            bars[count] = size - 1 + counted(every & below)
            fields &= fields - ONE
        upto = size + counted(every)
        while every != 0:  # four at once: what is written too much is written over
            for _ in range(4):
                tape[size] = at + lowest(every)
                every &= every - ONE
                size += 1
        size = upto
        if count >= most:
            return count, np.int64(escapes != 0), np.int64(repeats != 0)
    tape[size] = stop
    bars[count + 1] = size
    return count + 1, np.int64(escapes != 0), np.int64(repeats != 0)


@kernel(
    "int64(uint8[::1], UniTuple(int64, 2), uint8, uint8[::1], int64[::1], int64[:, ::1])", allocates=False, inner=True
)
def split_repetitions(buffer: Any, extent: Any, lead: Any, marks: Any, tape: Any, repetitions: Any) -> Any:
    """Write the first and last place in the tape, and the first byte, of each repetition; return how many there are."""
    first, last = extent
    count = 0
    begin = tape[first] + 1
    for place in range(first + 1, last + 1):
        spot = tape[place]
        if place < last and (buffer[spot] != marks[2] or (lead != 0 and buffer[spot + 1] != lead)):
            continue
        repetitions[count, 0] = first
        repetitions[count, 1] = place
        repetitions[count, 2] = min(begin, spot)
        count += 1
        if count == REPETITIONS:  # what follows is not looked at
            break
        first = place
        begin = spot + (1 if lead == 0 else 2)
    return count


@kernel("UniTuple(int64, 2)(uint8[::1], int64, int64, int64, uint8)", allocates=False, inner=True)
def sub_component(buffer: Any, begin: Any, end: Any, number: Any, mark: Any) -> Any:
    """Return begin and end of sub-component ``number`` (from 1); an empty span when there is none."""
    left = number
    for at in range(begin, end, 64):
        found = equal_mask(buffer, at, mark)
        while found != 0:
            spot = at + lowest(found)
            if spot >= end:
                break
            left -= 1
            if left == 0:
                return begin, spot
            found &= found - ONE
            begin = spot + 1
    if left > 1:
        return end, end
    return begin, end


@kernel(
    "UniTuple(int64, 2)(uint8[::1], UniTuple(int64, 3), int64, int64, uint8[::1], int64[::1])",
    allocates=False,
    inner=True,
)
def part_of(buffer: Any, repetition: Any, component: Any, sub: Any, marks: Any, tape: Any) -> Any:
    """Return begin and end of a component (0: all of the repetition) or sub-component; an empty span when absent.

    ``repetition``: its first and last place in the tape, and its first byte.
    """
    first, last, begin = repetition
    end = tape[last]
    if component > 0:
        if first + component > last:
            return end, end
        if component > 1:
            begin = tape[first + component - 1] + 1
        end = tape[first + component]
    if sub > 0:
        begin, end = sub_component(buffer, begin, end, sub, marks[4])
    return begin, end
