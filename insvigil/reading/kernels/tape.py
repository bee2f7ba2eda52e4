"""Where the separators of a segment stand, by looks at 64 bytes at once.

Most fields are asked for their first component, and need no more than where they begin. Those of which more is asked
have a *tape*: where each of their components ends. Repetitions are then stretches of the tape.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from insvigil.jit import kernel
from insvigil.jit_blocks import ALL, NONE, ONE, counted, equal_mask, lowest

REPETITIONS = 32
"""The most repetitions of a field that are looked at."""


@kernel("Tuple((uint8, int64))(uint8[::1], int64, int64, uint8[::1])", inner=True)
def read_marks(buffer: Any, begin: Any, end: Any, marks: Any) -> Any:
    """Set the separators that an MSH declares; return the second byte of a wide ``~`` (or 0), and how many there are.

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
    length = size
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
    return lead, length


@kernel("UniTuple(int64, 2)(uint8[::1], UniTuple(int64, 3), uint8[::1], int64[::1])", inner=True)
def read_fields(buffer: Any, extent: Any, marks: Any, bars: Any) -> Any:
    """Write where the fields of a segment end; return how many there are, and whether it has escapes.

    ``extent``: begin, end, and how many fields are wanted (a few more may be read). Field ``k`` lies between
    ``bars[k]`` and ``bars[k + 1]``. The bars have room for 68 more than are wanted.
    """
    begin, stop, most = extent
    bars[0] = begin - 1
    count = 0
    escapes = NONE
    for at in range(begin, stop, 64):
        found = equal_mask(buffer, at, marks[0])
        limit = ALL
        if stop - at < 64:
            limit = ALL >> np.uint64(64 - (stop - at))
        escapes |= equal_mask(buffer, at, marks[3]) & limit
        found &= limit
        upto = count + counted(found)
        while found != 0:  # four at once: what is written too much is written over
            for _ in range(4):
                count += 1
                bars[count] = at + lowest(found)
                found &= found - ONE
        count = upto
        if count >= most:
            return count, np.int64(escapes != 0)
    bars[count + 1] = stop
    return count + 1, np.int64(escapes != 0)


@kernel("uint64(uint8[::1], int64, uint8, uint8[::1])", inner=True)
def repetition_marks(buffer: Any, at: Any, lead: Any, marks: Any) -> Any:
    """Return which of 64 bytes end a repetition."""
    found = equal_mask(buffer, at, marks[2])
    if lead != 0:
        found &= equal_mask(buffer, at + 1, lead)
    return found


@kernel("UniTuple(int64, 2)(uint8[::1], UniTuple(int64, 2), uint8, uint8[::1], int64[::1])", inner=True)
def read_parts(buffer: Any, extent: Any, lead: Any, marks: Any, tape: Any) -> Any:
    """Write where the components and repetitions of a field end; return the last place, and whether it repeats.

    ``extent``: begin and end of the field. The tape has room for each byte of it, and 68 more.
    """
    begin, stop = extent
    tape[0] = begin - 1
    size = 1
    repeats = NONE
    for at in range(begin, stop, 64):
        limit = ALL
        if stop - at < 64:
            limit = ALL >> np.uint64(64 - (stop - at))
        repetitions = repetition_marks(buffer, at, lead, marks) & limit
        repeats |= repetitions
        every = repetitions | (equal_mask(buffer, at, marks[1]) & limit)
        upto = size + counted(every)
        while every != 0:
            for _ in range(4):
                tape[size] = at + lowest(every)
                every &= every - ONE
                size += 1
        size = upto
    tape[size] = stop
    return size, np.int64(repeats != 0)


@kernel("int64(uint8[::1], UniTuple(int64, 2), uint8, uint8[::1])", inner=True)
def end_of_first(buffer: Any, extent: Any, lead: Any, marks: Any) -> Any:
    """Return where the first component of a field ends."""
    begin, stop = extent
    for at in range(begin, stop, 64):
        found = repetition_marks(buffer, at, lead, marks) | equal_mask(buffer, at, marks[1])
        if found != 0:
            return min(at + lowest(found), stop)
    return stop


@kernel("int64(uint8[::1], int64, uint8, uint8[::1], int64[::1], int64[:, ::1])", inner=True)
def split_repetitions(buffer: Any, last: Any, lead: Any, marks: Any, tape: Any, repetitions: Any) -> Any:
    """Write the first and last place in the tape, and the first byte, of each repetition; return how many there are."""
    first = 0
    count = 0
    begin = tape[0] + 1
    for place in range(1, last + 1):
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


@kernel("UniTuple(int64, 2)(uint8[::1], int64, int64, int64, uint8)", inner=True)
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
