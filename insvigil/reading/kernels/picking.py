"""The values of the chosen segments of messages, into the columns of a plan."""

from __future__ import annotations

from typing import Any

import numpy as np

from insvigil.jit import kernel
from insvigil.jit_blocks import ALL, NONE, equal_mask, high_mask
from insvigil.reading.kernels.tape import (
    end_of_first,
    part_of,
    read_fields,
    read_marks,
    read_parts,
    split_repetitions,
)
from insvigil.reading.kernels.times import DAY, NO_TIME, parse_time
from insvigil.reading.kernels.views import INLINE, without_blanks, write_view

NOTED, USED, POSTPONED, FULL, TODAY, MIDNIGHT = range(6)
"""What a tally counts: remarks, bytes of the arena, values set aside for decoding; and whether the arena is full.

The day of the last time is held there as well: its eight bytes, and the microseconds of its midnight.
"""

_BYTE = np.uint64(0xFF)
_DIALECT = np.uint64(0xFFFFFFFFFFFF)
_BYTE_WIDE, _TWO_BYTES, _TWO_ZEROS = np.uint64(8), np.uint64(16), np.uint64(0x3030000000000000)
_UPPER, _LOWER, _DIGITS = np.uint64(0xF0F0F0F0F0F0F0F0), np.uint64(0x0F0F0F0F0F0F0F0F), np.uint64(0x3030303030303030)
_SIX, _TEN = np.uint64(0x0606060606060606), np.uint64(10)

_WORDS = "Array(uint64, 1, 'A', aligned=False)"
_MEANING = "Tuple((UniTuple(int64[:, ::1], 7), uint64[:, ::1]))"
_COLUMNS = (
    f"Tuple((uint64[:, :, ::1], int64[:, ::1], uint8[:, ::1], {_WORDS}, int64[:, ::1], int64[:, ::1], int64[::1]))"
)
_WORK = "Tuple((uint8[::1], int64[::1], int64[::1], int64[:, ::1], int64[:, ::1], uint64[:, ::1], int64[::1]))"
"""Separators, tape, bars (where fields end), repetitions, chosen ones (see ``choose_repetitions``), values met (see
``passed_tests``), tally."""


@kernel("void(int64[:, ::1], int64[::1], UniTuple(int64, 3), int64)", inner=True)
def note(remarks: Any, tally: Any, where: Any, code: Any) -> Any:
    """Write a remark about a row, slot and field if there is room, and count it."""
    noted = tally[NOTED]
    if noted < remarks.shape[0]:
        remarks[noted, 0], remarks[noted, 1], remarks[noted, 2] = where
        remarks[noted, 3] = code
    tally[NOTED] = noted + 1


@kernel(f"uint64({_WORDS}, int64, int64)", inner=True)
def word_upto(words: Any, begin: Any, size: Any) -> Any:
    """Return a word of a text of which ``size`` bytes are left, without what follows the text."""
    half = np.uint64(4 * min(max(size, 0), 8))  # in two steps, for a word shifted by 64 is not zero
    return words[begin] & ~((ALL << half) << half)


@kernel(
    f"int64(uint8[::1], {_WORDS}, int64, UniTuple(int64, 2), {_MEANING}, {_WORK})",
    inner=True,
)
def passed_tests(buffer: Any, words: Any, number: Any, span: Any, meaning: Any, work: Any) -> Any:
    """Return one bit a test of some groups of tests (``span``): whether a repetition passes it.

    A value is most often that of the message before: two a group are held, those of the last repetitions of even and
    of odd number, as size, three words and bits. No constant is longer than these: what follows them changes no bit.
    """
    tables, tests = meaning
    groups = tables[2]
    repetition = (work[3][number, 0], work[3][number, 1], work[3][number, 2])
    met = work[5]
    passed: Any = 0
    first_test = groups[span[0], 2]
    for group in range(span[0], span[1]):
        begin, end = part_of(buffer, repetition, groups[group, 0], groups[group, 1], work[0], work[1])
        begin, end = without_blanks(buffer, begin, end)
        size = end - begin
        if size == 0:
            continue
        test = groups[group, 2]
        if groups[group, 3] - test == 1 and tests[test, 0] == 0:  # nothing else is asked: values need not be looked at
            passed |= 1 << (test - first_test)
            continue
        first = word_upto(words, begin, size)
        second, third = word_upto(words, begin + 8, size - 8), word_upto(words, begin + 16, size - 16)
        wide = np.uint64(size)
        held = 2 * group + (number & 1)
        other = (met[held, 0] ^ wide) | (met[held, 1] ^ first) | (met[held, 2] ^ second) | (met[held, 3] ^ third)
        if other != 0:
            bits: Any = 0
            for test in range(groups[group, 2], groups[group, 3]):
                other = (tests[test, 0] ^ wide) | (tests[test, 1] ^ first)
                other |= (tests[test, 2] ^ second) | (tests[test, 3] ^ third)
                bits |= np.int64(other == 0 or tests[test, 0] == 0) << (test - first_test)  # 0: whether it is filled
            met[held, 0], met[held, 1], met[held, 2], met[held, 3] = wide, first, second, third
            met[held, 4] = np.uint64(bits)
        passed |= np.int64(met[held, 4])
    return passed


@kernel(
    f"int64(uint8[::1], {_WORDS}, UniTuple(int64, 3), int64, {_MEANING}, int64[:, ::1], {_WORK})",
    inner=True,
)
def choose_repetitions(buffer: Any, words: Any, where: Any, count: Any, meaning: Any, remarks: Any, work: Any) -> Any:
    """Return the row of ``chosen`` that says which of ``count`` repetitions each choice of a field takes (-1: none).

    ``where``: row, slot, field. Every test is made once a repetition and kept as a bit; a way is two masks of bits that
    must and must not be set. A way with a code is noted. What one or two repetitions gave is held with their bits, for
    most messages of a feed say the same, unless there was something to note.
    """
    fields, choices, ways = meaning[0][1], meaning[0][3], meaning[0][4]
    repetitions, chosen = work[3], work[4]
    row, slot, field = where
    for r in range(count):
        span = (fields[field, 1], fields[field, 2])
        repetitions[r, 3] = passed_tests(buffer, words, r, span, meaning, work)
    held: Any = 0
    if count <= 2:
        held = 2 * field + count
        if chosen[held, 0] == repetitions[0, 3] and (count == 1 or chosen[held, 1] == repetitions[1, 3]):
            return held
    chosen[held, 0], chosen[held, 1] = repetitions[0, 3], repetitions[count - 1, 3]
    first = fields[field, 3]
    for choice in range(first, fields[field, 4]):
        chosen[held, 2 + choice - first] = -1
        for way in range(choices[choice, 0], choices[choice, 1]):
            r = 0
            while r < count and repetitions[r, 3] & ways[way, 2] != ways[way, 0]:
                r += 1
            if r < count:
                chosen[held, 2 + choice - first] = r
                if ways[way, 1] >= 0:
                    note(remarks, work[6], (row, slot, fields[field, 0]), ways[way, 1])
                    chosen[held, 0] = -1
                break
    return held


@kernel("UniTuple(int64, 2)(uint8[::1], int64, int64, int64)", inner=True)
def trimmed(buffer: Any, begin: Any, end: Any, style: Any) -> Any:
    """Return begin and end of a value without its outer blanks; a code of blanks only is kept as it is."""
    if begin < end and (buffer[begin] == 32 or buffer[end - 1] == 32):
        left, right = without_blanks(buffer, begin, end)
        if style != 0 or left == right:
            return left, right
    return begin, end


@kernel(
    f"UniTuple(int64, 3)(uint8[::1], UniTuple(int64, 5), {_MEANING}, int64, uint8[::1], int64[::1])",
    inner=True,
)
def find_value(buffer: Any, extent: Any, meaning: Any, pick: Any, marks: Any, tape: Any) -> Any:
    """Return begin and end of the value of a pick, outer blanks off, and the code of the place that has it (or -1).

    ``extent``: the repetition (see ``part_of``), where the second one begins and where the field ends.
    """
    picks, places = meaning[0][5], meaning[0][6]
    style = picks[pick, 2]
    first, last, start, second, end_of_field = extent
    for place in range(picks[pick, 3], picks[pick, 4]):
        begin = second
        end = end_of_field
        if not (style == 3 and places[place, 0] == 0):
            begin, end = part_of(buffer, (first, last, start), places[place, 0], places[place, 1], marks, tape)
        begin, end = trimmed(buffer, begin, end, style)
        if begin < end:
            return begin, end, places[place, 2]
    return 0, 0, -1


@kernel(f"int64(uint8[::1], {_WORDS}, int64, int64, int64[::1])", inner=True)
def time_of(buffer: Any, words: Any, begin: Any, end: Any, tally: Any) -> Any:
    """Return what ``parse_time`` does; the day of the last time is held, and most times of a feed are of that day."""
    if end - begin == 14 and np.int64(words[begin]) == tally[TODAY]:
        clock = (words[begin + 6] >> _TWO_BYTES) | _TWO_ZEROS  # HHMMSS00
        if clock & _UPPER == _DIGITS and (clock + _SIX) & _UPPER == _DIGITS:
            clock &= _LOWER
            clock = clock * _TEN + (clock >> _BYTE_WIDE)  # numbers of two digits, every other byte
            hour, minute = np.int64(clock & _BYTE), np.int64((clock >> np.uint64(16)) & _BYTE)
            second = np.int64((clock >> np.uint64(32)) & _BYTE)
            if hour < 24 and minute < 60 and second < 60:
                return tally[MIDNIGHT] + ((hour * 60 + minute) * 60 + second) * 1_000_000
    moment = parse_time(buffer, begin, end)
    if moment != NO_TIME and end - begin == 14 and 48 <= buffer[begin + 12] < 54:
        tally[TODAY] = np.int64(words[begin])
        tally[MIDNIGHT] = moment - moment % DAY
    return moment


@kernel("boolean(uint8[::1], int64, int64, uint8)", inner=True)
def vanishes(buffer: Any, begin: Any, end: Any, escape: Any) -> Any:
    """Return whether nothing is left of a value but highlighting (the escapes H and N)."""
    for at in range(begin, end, 3):
        if at + 2 >= end or buffer[at] != escape or buffer[at + 2] != escape:
            return False
        if buffer[at + 1] != 72 and buffer[at + 1] != 78:
            return False
    return True


@kernel("boolean(uint8[::1], int64, int64, uint8, boolean)", inner=True)
def is_coded(buffer: Any, begin: Any, end: Any, escape: Any, eight: Any) -> Any:
    """Return whether a value holds an escape or, when the message is ``eight`` (not UTF-8), a byte above 0x7F."""
    coded = NONE
    for at in range(begin, end, 64):
        found = equal_mask(buffer, at, escape)
        if eight:
            found |= high_mask(buffer, at)
        if end - at < 64:
            found &= ALL >> np.uint64(64 - (end - at))
        coded |= found
    return coded != 0


@kernel("void(UniTuple(int64, 5), uint8[::1], int64[:, ::1], int64[::1])", inner=True)
def set_aside(what: Any, marks: Any, postponed: Any, tally: Any) -> Any:
    """Write a value (column, row, begin, end, nature) and its separators among those to decode, if there is room."""
    aside = tally[POSTPONED]
    tally[POSTPONED] = aside + 1
    if aside < postponed.shape[0]:
        for k in range(5):
            postponed[aside, k] = what[k]
        postponed[aside, 5] = 0
        for k in range(5):
            postponed[aside, 5] |= np.int64(marks[k]) << (8 * k)


@kernel(f"void(uint8[::1], {_WORDS}, UniTuple(int64, 5), {_COLUMNS}, {_WORK})", inner=True)
def write_text(buffer: Any, words: Any, what: Any, columns: Any, work: Any) -> Any:
    """Write a text (column, row, begin, end, whether its segment has escapes) into its column.

    A long one is copied into the arena; one to decode is set aside as well.
    """
    column, row, begin, end, escapes = what
    arena, nature = columns[3], columns[6][row]
    marks, tally = work[0], work[6]
    if (escapes != 0 or nature >= 2) and is_coded(buffer, begin, end, marks[3], nature >= 2):
        if vanishes(buffer, begin, end, marks[3]):
            return
        set_aside((column, row, begin, end, nature), marks, columns[5], tally)
    size = end - begin
    used = tally[USED]
    if size > INLINE:
        if used + size + 8 > arena.shape[0]:
            tally[FULL] = 1
            return
        for at in range(0, size, 8):
            arena[used + at] = words[begin + at]
        tally[USED] = used + size
    write_view(columns[0], columns[2], (column, row, size, used), words[begin], words[begin + 4])


@kernel(
    f"void(uint8[::1], {_WORDS}, UniTuple(int64, 3), UniTuple(int64, 3), {_COLUMNS}, {_WORK})",
    inner=True,
)
def write_time(buffer: Any, words: Any, where: Any, what: Any, columns: Any, work: Any) -> Any:
    """Write a time (column, begin, end) of a row, slot and field into its column; note one that cannot be read."""
    views, times, valid = columns[0], columns[1], columns[2]
    row = where[0]
    column, begin, end = what
    moment = time_of(buffer, words, begin, end, work[6])
    if moment != NO_TIME:
        times[column - views.shape[0], row] = moment
        valid[column, row >> 3] |= np.uint8(1 << (row & 7))
    elif not (end - begin == 2 and buffer[begin] == 34 and buffer[begin + 1] == 34):
        note(columns[4], work[6], where, 0)


@kernel(
    f"void(uint8[::1], {_WORDS}, UniTuple(int64, 6), uint8, {_MEANING}, {_COLUMNS}, {_WORK})",
    inner=True,
)
def fill_field(buffer: Any, words: Any, where: Any, lead: Any, meaning: Any, columns: Any, work: Any) -> Any:
    """Write the values of a field into its columns. What an earlier field gave stays, unless the pick replaces.

    ``where``: row, slot, field, its begin and end, and whether the segment has escapes.
    """
    fields, picks = meaning[0][1], meaning[0][5]
    valid, remarks = columns[2], columns[4]
    marks, tape, _, repetitions, chosen, _, tally = work
    row, slot, field, begin_of_field, end_of_field, escapes = where
    here = (row, slot, fields[field, 0])
    count = 1
    last, repeats = read_parts(buffer, (begin_of_field, end_of_field), lead, marks, tape)
    second = end_of_field
    repetitions[0, 0], repetitions[0, 1], repetitions[0, 2] = 0, last, begin_of_field
    if repeats != 0:
        count = split_repetitions(buffer, last, lead, marks, tape, repetitions)
        last = repetitions[0, 1]
        if count > 1:
            second = repetitions[1, 2]
    choice: Any = 0
    if fields[field, 4] > fields[field, 3]:
        choice = choose_repetitions(buffer, words, (row, slot, field), count, meaning, remarks, work)
    for pick in range(fields[field, 5], fields[field, 6]):
        column = picks[pick, 1]
        if picks[pick, 5] == 0 and valid[column, row >> 3] & np.uint8(1 << (row & 7)) != 0:
            continue
        place = (0, last, begin_of_field, second, end_of_field)
        if picks[pick, 0] >= 0:
            r = chosen[choice, 2 + picks[pick, 0] - fields[field, 3]]
            if r < 0:
                continue
            place = (repetitions[r, 0], repetitions[r, 1], repetitions[r, 2], second, end_of_field)
        begin, end, code = find_value(buffer, place, meaning, pick, marks, tape)
        if begin == end:
            continue
        if code >= 0:
            note(remarks, tally, here, code)
        write_text(buffer, words, (column, row, begin, end, escapes), columns, work)


@kernel(
    f"void(uint8[::1], {_WORDS}, UniTuple(int64, 6), uint8, {_MEANING}, {_COLUMNS}, {_WORK})",
    inner=True,
)
def fill_simple(buffer: Any, words: Any, where: Any, lead: Any, meaning: Any, columns: Any, work: Any) -> Any:
    """Do what ``fill_field`` does of a field asked once, for its first component: all times, most values."""
    fields, picks = meaning[0][1], meaning[0][5]
    row, slot, field, begin, end, escapes = where
    pick = fields[field, 5]
    column, style = picks[pick, 1], picks[pick, 2]
    if picks[pick, 5] == 0 and columns[2][column, row >> 3] & np.uint8(1 << (row & 7)) != 0:
        return
    end = end_of_first(buffer, (begin, end), lead, work[0])
    begin, end = trimmed(buffer, begin, end, style)
    if begin == end:
        return
    if style == 2:
        write_time(buffer, words, (row, slot, fields[field, 0]), (column, begin, end), columns, work)
    else:
        write_text(buffer, words, (column, row, begin, end, escapes), columns, work)


@kernel(f"void(uint8[::1], {_WORDS}, int64[:, :, ::1], int64[::1], {_MEANING}, {_COLUMNS}, {_WORK})")
def pick_fields(buffer: Any, words: Any, slots: Any, rows: Any, meaning: Any, columns: Any, work: Any) -> Any:
    """Fill one row of the columns for each message of ``rows``, and count in the tally.

    ``meaning``: the tables of the plan (see ``hl7_grammar.Plan``) and its tests. ``columns``: views, times, validity
    bits, words of the arena, remarks (row, slot, field, code), values set aside (see :mod:`decoding`), and the nature
    of each message: 0 ASCII, 1 UTF-8, 2 neither. Remarks and values beyond their tables are counted, not written.
    """
    slot_fields, fields = meaning[0][0], meaning[0][1]
    marks, bars, tally = work[0], work[2], work[6]
    dialect = NONE  # the first six bytes that gave the marks
    lead = np.uint8(0)  # second byte of a two-byte repetition separator
    declared: Any = 0  # how many marks MSH-2 holds
    first_slot = 1 if slot_fields[0, 1] == 0 else 0  # a plan may ask nothing of MSH
    for row in range(rows.shape[0]):
        message = rows[row]
        header = slots[message, 0, 0]
        # the separators of this message; most often those of the message before
        opening = words[header + 3] & _DIALECT
        if opening != dialect or buffer[header + 8] != marks[0] or slots[message, 0, 1] - header < 9:
            lead, declared = read_marks(buffer, header + 3, slots[message, 0, 1], marks)
            dialect = opening if slots[message, 0, 1] - header >= 9 else NONE
        for slot in range(first_slot, slot_fields.shape[0]):
            begin = slots[message, slot, 0] + 4
            stop = slots[message, slot, 1]
            if stop < begin:
                continue
            first = 1
            if slot == 0:
                first = 2  # MSH-1 is the separator itself
                after = begin + declared
                if after < stop and buffer[after] == marks[0] and fields[slot_fields[0, 0], 0] > 2:
                    begin = after + 1  # MSH-2 would be full of escapes and repetitions
                    first = 3
            most = fields[slot_fields[slot, 1] - 1, 0] - first + 1
            count, escapes = read_fields(buffer, (begin, stop, most), marks, bars)
            for field in range(slot_fields[slot, 0], slot_fields[slot, 1]):
                number = fields[field, 0] - first
                if number >= count:
                    break
                left = bars[number] + 1
                right = bars[number + 1]
                if left >= right:
                    continue
                where = (row, slot, field, left, right, escapes)
                if fields[field, 7] != 0:
                    fill_simple(buffer, words, where, lead, meaning, columns, work)
                else:
                    fill_field(buffer, words, where, lead, meaning, columns, work)
                if tally[FULL] != 0:
                    return
