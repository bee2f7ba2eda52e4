"""The values of the chosen segments of messages, into the columns of a plan.

A segment is read once, 64 bytes at a time, into a *tape*: where each of its separators stands. Fields, repetitions and
components are then stretches of the tape, and no byte is looked at twice but those of the values.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from insvigil.jit import kernel
from insvigil.jit_blocks import counted, equal_mask, high_mask, lowest
from insvigil.reading.kernels.times import DAY, NO_TIME, parse_time

REPETITIONS = 32
"""The most repetitions of a field that are looked at."""

NOTED, USED, POSTPONED, FULL = range(4)
"""What a tally counts: remarks, bytes of the arena, values set aside for decoding; and whether the arena is full."""

_WORDS = "Array(uint64, 1, 'A', aligned=False)"
_PLAN = "UniTuple(int32[:, ::1], 9)"
_MEANING = f"Tuple(({_PLAN}, uint64[:, ::1], uint64[:, ::1], uint64[:, ::1]))"
_COLUMNS = (
    f"Tuple((uint64[:, :, ::1], int64[:, ::1], uint8[:, ::1], {_WORDS}, int64[:, ::1], int64[:, ::1], int64[::1]))"
)
_WORK = "Tuple((uint8[::1], int64[::1], int64[::1], int64[::1], int64[:, ::1], uint64[::1], int64[::1], int64[::1]))"
"""Separators, tape, bars (where in the tape fields end), chosen repetitions, repetitions, outcomes, held, tally."""


@kernel("UniTuple(int64, 2)(uint8[::1], int64, int64, int64, uint8)", allocates=False, inner=True)
def sub_component(buffer: Any, begin: Any, end: Any, number: Any, mark: Any) -> Any:
    """Return begin and end of sub-component ``number`` (from 1); an empty span when there is none."""
    left = number
    one = np.uint64(1)
    for at in range(begin, end, 64):
        found = equal_mask(buffer, at, mark)
        while found != 0:
            spot = at + lowest(found)
            if spot >= end:
                break
            left -= 1
            if left == 0:
                return begin, spot
            found &= found - one
            begin = spot + 1
    if left > 1:
        return end, end
    return begin, end


@kernel("void(int64[:, ::1], int64[::1], int64, int64, int64, int64)", allocates=False, inner=True)
def note(remarks: Any, tally: Any, row: Any, slot: Any, field: Any, code: Any) -> Any:
    """Write a remark if there is room, and count it."""
    noted = tally[NOTED]
    if noted < remarks.shape[0]:
        remarks[noted, 0] = row
        remarks[noted, 1] = slot
        remarks[noted, 2] = field
        remarks[noted, 3] = code
    tally[NOTED] = noted + 1


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
        if 0xC2 <= marks[2] <= 0xDF and 0x80 <= buffer[at] <= 0xBF:
            lead = buffer[at]
            at += 1
        if at < begin + 1 + size:
            marks[3] = buffer[at]
        if at + 1 < begin + 1 + size:
            marks[4] = buffer[at + 1]
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
    full = np.uint64(0xFFFFFFFFFFFFFFFF)
    one = np.uint64(1)
    tape[0] = begin - 1
    bars[0] = 0
    size = 1
    count = 0
    escapes = np.uint64(0)
    repeats = np.uint64(0)
    for at in range(begin, stop, 64):
        fields = equal_mask(buffer, at, marks[0])
        repetitions = equal_mask(buffer, at, marks[2])
        if lead != 0:
            repetitions &= equal_mask(buffer, at + 1, lead)
        every = fields | repetitions | equal_mask(buffer, at, marks[1])
        limit = full
        if stop - at < 64:
            limit = full >> np.uint64(64 - (stop - at))
        escapes |= equal_mask(buffer, at, marks[3]) & limit
        repeats |= repetitions & limit
        fields &= limit
        every &= limit
        while fields != 0:
            below = fields ^ (fields - one)  # the lowest bit and those under it
            count += 1
            bars[count] = size - 1 + counted(every & below)
            fields &= fields - one
        upto = size + counted(every)
        while every != 0:  # four at once: what is written too much is written over
            for _ in range(4):
                tape[size] = at + lowest(every)
                every &= every - one
                size += 1
        size = upto
        if count >= most:
            return count, np.int64(escapes != 0), np.int64(repeats != 0)
    tape[size] = stop
    bars[count + 1] = size
    return count + 1, np.int64(escapes != 0), np.int64(repeats != 0)


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


@kernel(
    f"uint64(uint8[::1], {_WORDS}, UniTuple(int64, 3), {_PLAN}, uint64[:, ::1], int64, {_WORK})",
    allocates=False,
    inner=True,
)
def passed_tests(buffer: Any, words: Any, repetition: Any, plan: Any, test_words: Any, field: Any, work: Any) -> Any:
    """Return one bit a test of a field: whether the repetition passes it."""
    fields, groups, tests = plan[1], plan[2], plan[3]
    full = np.uint64(0xFFFFFFFFFFFFFFFF)
    one = np.uint64(1)
    passed = np.uint64(0)
    first_test = groups[fields[field, 1], 2]
    for group in range(fields[field, 1], fields[field, 2]):
        begin, end = part_of(buffer, repetition, groups[group, 0], groups[group, 1], work[0], work[1])
        while begin < end and buffer[begin] == 32:
            begin += 1
        while end > begin and buffer[end - 1] == 32:
            end -= 1
        size = end - begin
        if size <= 0:
            continue
        word = words[begin]
        if size < 8:
            word &= full >> np.uint64(64 - 8 * size)
        for test in range(groups[group, 2], groups[group, 3]):
            wide = tests[test, 0]
            if wide == 0:  # filled
                passed |= one << np.uint64(test - first_test)
            elif wide == size and word == test_words[test, 0]:
                same = True
                for k in range(8, wide):
                    letter = test_words[test, k >> 3] >> np.uint64(8 * (k & 7))
                    if np.uint64(buffer[begin + k]) != letter & np.uint64(0xFF):
                        same = False
                        break
                if same:
                    passed |= one << np.uint64(test - first_test)
    return passed


@kernel(f"int64(uint8[::1], UniTuple(int64, 2), uint8, {_WORK})", allocates=False, inner=True)
def split_repetitions(buffer: Any, extent: Any, lead: Any, work: Any) -> Any:
    """Write the first and last place in the tape, and the first byte, of each repetition; return how many there are."""
    marks, tape, repetitions = work[0], work[1], work[4]
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


@kernel(
    f"void(uint8[::1], {_WORDS}, UniTuple(int64, 4), {_MEANING}, int64[:, ::1], {_WORK})",
    allocates=False,
    inner=True,
)
def choose_repetitions(buffer: Any, words: Any, where: Any, meaning: Any, remarks: Any, work: Any) -> Any:
    """Write which repetition each choice of a field takes (-1: none), and the code of a way that was needed.

    ``where``: row, slot, field, how many repetitions. Every test is made once a repetition and kept as a bit; a way is
    two masks of bits that must and must not be set.
    """
    plan, test_words, masks, _ = meaning
    fields, choices, way_codes = plan[1], plan[4], plan[5]
    chosen, repetitions, outcomes, tally = work[3], work[4], work[5], work[7]
    row, slot, field, count = where
    for r in range(count):
        repetition = (repetitions[r, 0], repetitions[r, 1], repetitions[r, 2])
        outcomes[r] = passed_tests(buffer, words, repetition, plan, test_words, field, work)
    for choice in range(fields[field, 3], fields[field, 4]):
        found = -1
        for way in range(choices[choice, 0], choices[choice, 1]):
            for r in range(count):
                if outcomes[r] & masks[way, 0] == masks[way, 0] and outcomes[r] & masks[way, 1] == 0:
                    found = r
                    break
            if found >= 0:
                if way_codes[way, 0] >= 0:
                    note(remarks, tally, row, slot, fields[field, 0], way_codes[way, 0])
                break
        chosen[choice - fields[field, 3]] = found


@kernel(
    "UniTuple(int64, 3)(uint8[::1], UniTuple(int64, 5), int32[:, ::1], int32[:, ::1], int64, uint8[::1], int64[::1])",
    allocates=False,
    inner=True,
)
def find_value(buffer: Any, extent: Any, picks: Any, places: Any, pick: Any, marks: Any, tape: Any) -> Any:
    """Return begin and end of the value of a pick, outer blanks off, and the code of the place that has it (or -1).

    ``extent``: the repetition (see ``part_of``), where the second one begins and where the field ends. A code of
    blanks only is kept as it is.
    """
    style = picks[pick, 2]
    first, last, start, second, end_of_field = extent
    for place in range(picks[pick, 3], picks[pick, 4]):
        begin, end = part_of(buffer, (first, last, start), places[place, 0], places[place, 1], marks, tape)
        if style == 3 and places[place, 0] == 0:
            begin = second
            end = end_of_field
        if begin < end and (buffer[begin] == 32 or buffer[end - 1] == 32):
            left = begin
            right = end
            while left < right and buffer[left] == 32:
                left += 1
            while right > left and buffer[right - 1] == 32:
                right -= 1
            if style != 0 or left == right:
                begin = left
                end = right
        if begin < end:
            return begin, end, np.int64(places[place, 2])
    return np.int64(0), np.int64(0), np.int64(-1)


@kernel(f"int64(uint8[::1], {_WORDS}, int64, int64, int64[::1])", allocates=False, inner=True)
def time_of(buffer: Any, words: Any, begin: Any, end: Any, held: Any) -> Any:
    """Return what ``parse_time`` does; the day of the last time is held, and most times of a feed are of that day.

    ``held``: the eight bytes of a date, and the microseconds of its midnight.
    """
    if end - begin == 14 and np.int64(words[begin]) == held[0]:
        number = np.int64(0)
        wrong = 0
        for k in range(8, 14):
            digit = np.int64(buffer[begin + k]) - 48
            wrong += 1 if digit < 0 or digit > 9 else 0
            number = number * 10 + digit
        if wrong == 0 and number < 240_000 and number // 100 % 100 < 60 and number % 100 < 60:
            seconds = (number // 10_000 * 60 + number // 100 % 100) * 60 + number % 100
            return held[1] + seconds * 1_000_000
    moment = parse_time(buffer, begin, end)
    if moment != NO_TIME and end - begin == 14 and 48 <= buffer[begin + 12] < 54:
        held[0] = np.int64(words[begin])
        held[1] = moment - moment % DAY
    return moment


@kernel("boolean(uint8[::1], int64, int64, uint8)", allocates=False, inner=True)
def vanishes(buffer: Any, begin: Any, end: Any, escape: Any) -> Any:
    """Return whether nothing is left of a value but highlighting (the escapes H and N)."""
    for at in range(begin, end, 3):
        if at + 2 >= end or buffer[at] != escape or buffer[at + 2] != escape:
            return False
        if buffer[at + 1] != 72 and buffer[at + 1] != 78:
            return False
    return True


@kernel("boolean(uint8[::1], int64, int64, uint8, boolean)", allocates=False, inner=True)
def is_coded(buffer: Any, begin: Any, end: Any, escape: Any, eight: Any) -> Any:
    """Return whether a value holds an escape or, when the message is ``eight`` (not UTF-8), a byte above 0x7F."""
    full = np.uint64(0xFFFFFFFFFFFFFFFF)
    coded = np.uint64(0)
    for at in range(begin, end, 64):
        found = equal_mask(buffer, at, escape)
        if eight:
            found |= high_mask(buffer, at)
        if end - at < 64:
            found &= full >> np.uint64(64 - (end - at))
        coded |= found
    return coded != 0


@kernel(
    f"void({_WORDS}, UniTuple(int64, 4), int64, {_COLUMNS}, {_WORK})",
    allocates=False,
    inner=True,
)
def write_text(words: Any, what: Any, nature: Any, columns: Any, work: Any) -> Any:
    """Write a text into its column; one that has to be decoded (``nature`` 0 or more) is set aside as well.

    ``what``: column, row, begin, end. A text of at most 12 bytes is its own view; a longer one is copied to the arena.
    """
    views, _, valid, arena, _, postponed, _ = columns
    marks, tally = work[0], work[7]
    column, row, begin, end = what
    full = np.uint64(0xFFFFFFFFFFFFFFFF)
    half = np.uint64(0xFFFFFFFF)
    size = end - begin
    if nature >= 0:
        aside = tally[POSTPONED]
        tally[POSTPONED] = aside + 1
        if aside < postponed.shape[0]:
            postponed[aside, 0] = column
            postponed[aside, 1] = row
            postponed[aside, 2] = begin
            postponed[aside, 3] = end
            postponed[aside, 4] = nature
            postponed[aside, 5] = 0
            for mark in range(5):
                postponed[aside, 5] |= np.int64(marks[mark]) << (8 * mark)
    low = words[begin] & half
    high = words[begin + 4]
    if size > 12:
        used = tally[USED]
        if used + size + 8 > arena.shape[0]:
            tally[FULL] = 1
            return
        for at in range(0, size, 8):
            arena[used + at] = words[begin + at]
        high = np.uint64(used) << np.uint64(32)
        tally[USED] = used + size
    elif size <= 4:
        high = np.uint64(0)
        low &= full >> np.uint64(64 - 8 * size)
    elif size < 12:
        high &= full >> np.uint64(96 - 8 * size)
    views[column, row, 0] = np.uint64(size) | (low << np.uint64(32))
    views[column, row, 1] = high
    valid[column, row >> 3] |= np.uint8(1 << (row & 7))


@kernel(
    f"void(uint8[::1], {_WORDS}, UniTuple(int64, 6), uint8, {_MEANING}, {_COLUMNS}, {_WORK})",
    allocates=False,
    inner=True,
)
def fill_field(buffer: Any, words: Any, where: Any, lead: Any, meaning: Any, columns: Any, work: Any) -> Any:
    """Write the values of a field into its columns. What an earlier field gave stays, unless the pick replaces.

    ``where``: row, slot, field, its first and last place in the tape, and two bits: 1 if the segment has escapes, 2 if
    it has repetitions.
    """
    plan = meaning[0]
    fields, picks, places = plan[1], plan[6], plan[7]
    views, times, valid, _, remarks, _, natures = columns
    marks, tape, _, chosen, repetitions, _, held, tally = work
    row, slot, field, first, last, signs = where
    texts = views.shape[0]
    bit = np.uint8(1 << (row & 7))
    count = 1
    begin_of_field = tape[first] + 1
    end_of_field = tape[last]
    second = end_of_field
    if signs & 2:
        count = split_repetitions(buffer, (first, last), lead, work)
        last = repetitions[0, 1]
        if count > 1:
            second = repetitions[1, 2]
    else:
        repetitions[0, 0] = first
        repetitions[0, 1] = last
        repetitions[0, 2] = begin_of_field
    if fields[field, 4] > fields[field, 3]:
        choose_repetitions(buffer, words, (row, slot, field, count), meaning, remarks, work)
    for pick in range(fields[field, 5], fields[field, 6]):
        column = picks[pick, 1]
        if picks[pick, 5] == 0 and valid[column, row >> 3] & bit != 0:
            continue
        extent = (first, last, begin_of_field, second, end_of_field)
        if picks[pick, 0] >= 0:
            r = chosen[picks[pick, 0] - fields[field, 3]]
            if r < 0:
                continue
            extent = (repetitions[r, 0], repetitions[r, 1], repetitions[r, 2], second, end_of_field)
        begin, end, code = find_value(buffer, extent, picks, places, pick, marks, tape)
        if begin == end:
            continue
        if code >= 0:
            note(remarks, tally, row, slot, fields[field, 0], code)
        if picks[pick, 2] == 2:
            moment = time_of(buffer, words, begin, end, held)
            if moment != NO_TIME:
                times[column - texts, row] = moment
                valid[column, row >> 3] |= bit
            elif not (end - begin == 2 and buffer[begin] == 34 and buffer[begin + 1] == 34):
                note(remarks, tally, row, slot, fields[field, 0], 0)
            continue
        nature = np.int64(-1)
        if (signs & 1 or natures[row] >= 2) and is_coded(buffer, begin, end, marks[3], natures[row] >= 2):
            if vanishes(buffer, begin, end, marks[3]):
                continue
            nature = natures[row]
        write_text(words, (np.int64(column), row, begin, end), nature, columns, work)


@kernel(f"int64(uint8[::1], {_WORDS}, UniTuple(int64, 2), uint8, uint64[:, ::1])", allocates=False, inner=True)
def charset_of(buffer: Any, words: Any, extent: Any, mark: Any, charsets: Any) -> Any:
    """Return the number of the map that the first component of MSH-18 names; 0, which is cp1252, if none does."""
    full = np.uint64(0xFFFFFFFFFFFFFFFF)
    begin, end = extent
    size = 0
    while size < 16 and begin + size < end and buffer[begin + size] != mark:
        size += 1
    low = words[begin]
    high = words[begin + 8]
    if size <= 8:
        high = np.uint64(0)
        low &= full >> np.uint64(64 - 8 * size) if size > 0 else np.uint64(0)
    elif size < 16:
        high &= full >> np.uint64(128 - 8 * size)
    for name in range(charsets.shape[0]):
        if charsets[name, 0] == low and charsets[name, 1] == high:
            return np.int64(charsets[name, 2])
    return np.int64(0)


@kernel(f"void(uint8[::1], {_WORDS}, int64[:, :, ::1], int64[::1], {_MEANING}, {_COLUMNS}, {_WORK})", allocates=False)
def pick_fields(buffer: Any, words: Any, slots: Any, rows: Any, meaning: Any, columns: Any, work: Any) -> Any:
    """Fill one row of the columns for each message of ``rows``, and count in the tally.

    ``meaning``: the tables of the plan (see ``hl7_grammar.Plan``), the words of tested constants, the masks of ways,
    declared character sets. ``columns``: views, times, validity bits, words of the arena, remarks (row, slot, field,
    code), values set aside (see :mod:`decoding`), and the nature of each message: 0 ASCII, 1 UTF-8, 2 neither; it
    receives 2 plus the number of its map. Remarks and values beyond their tables are counted, not written.
    """
    plan, _, _, charsets = meaning
    slot_fields, fields = plan[0], plan[1]
    natures = columns[6]
    marks, tape, bars, tally = work[0], work[1], work[2], work[7]
    dialect = np.uint64(0)  # the first six bytes that gave the marks
    lead = np.uint8(0)  # second byte of a two-byte repetition separator
    for row in range(rows.shape[0]):
        message = rows[row]
        header = slots[message, 0, 0]
        # the separators of this message; most often those of the message before
        opening = words[header + 3] & np.uint64(0xFFFFFFFFFFFF)
        if opening != dialect or buffer[header + 8] != marks[0] or slots[message, 0, 1] - header < 9:
            lead = read_marks(buffer, header + 3, slots[message, 0, 1], marks)
            dialect = opening if slots[message, 0, 1] - header >= 9 else np.uint64(0)
        for slot in range(slot_fields.shape[0]):
            begin = slots[message, slot, 0] + 4
            stop = slots[message, slot, 1]
            if stop < begin:
                continue
            first = 2 if slot == 0 else 1  # MSH-1 is the separator itself
            most = fields[slot_fields[slot, 1] - 1, 0] - first + 1
            count, escapes, repeats = read_segment(buffer, (begin, stop, most), lead, marks, tape, bars)
            for field in range(slot_fields[slot, 0], slot_fields[slot, 1]):
                number = fields[field, 0] - first
                if number >= count:
                    break
                left = bars[number]
                right = bars[number + 1]
                if tape[left] + 1 >= tape[right]:
                    continue
                where = (row, slot, field, left, right, escapes + 2 * repeats)
                fill_field(buffer, words, where, lead, meaning, columns, work)
                if tally[FULL] != 0:
                    return
                if slot == 0 and fields[field, 0] == 18 and natures[row] >= 2:
                    extent = (tape[left] + 1, tape[right])
                    natures[row] = 2 + charset_of(buffer, words, extent, marks[1], charsets)
