"""One walk over the chosen segments of messages, filling the columns of a plan."""

from __future__ import annotations

from typing import Any

import numpy as np

from insvigil.jit import kernel
from insvigil.reading.kernels.values import COMPONENTS, NO_TIME, REPETITIONS, decode, is_utf8, parse_time

_WORDS = "Array(uint64, 1, 'A', aligned=False)"
_PLAIN, _FIELD, _REPETITION, _COMPONENT, _ESCAPE, _HIGH = range(6)
_TOKENS = REPETITIONS * COMPONENTS


@kernel("UniTuple(int64, 2)(uint8[::1], int64, int64, int64, uint8)")
def sub_component(buffer: Any, begin: Any, end: Any, number: Any, mark: Any) -> Any:
    """Return begin and end of sub-component ``number`` (from 1); an empty span when there is none."""
    left = number - 1
    while begin < end and left > 0:
        if buffer[begin] == mark:
            left -= 1
        begin += 1
    if left > 0:
        return end, end
    at = begin
    while at < end and buffer[at] != mark:
        at += 1
    return begin, at


@kernel("int64(int64[:, ::1], int64, int64, int64, int64, int64, int64)")
def note(remarks: Any, noted: Any, message: Any, slot: Any, field: Any, code: Any, rejected: Any) -> Any:
    """Write a remark if there is room, and return how many there are."""
    if noted < remarks.shape[0]:
        remarks[noted, 0] = message
        remarks[noted, 1] = slot
        remarks[noted, 2] = field
        remarks[noted, 3] = code
        remarks[noted, 4] = rejected
    return noted + 1


@kernel("uint8(uint8[::1], int64, int64, uint8[::1], uint8[::1])")
def read_marks(buffer: Any, begin: Any, end: Any, marks: Any, classes: Any) -> Any:
    """Set the separators that an MSH declares and the class of each byte; return the second byte of a wide ``~``.

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
    for k in range(256):
        classes[k] = _PLAIN if k < 128 else _HIGH
    classes[marks[3]] = _ESCAPE
    classes[marks[2]] = _REPETITION
    classes[marks[1]] = _COMPONENT
    classes[marks[0]] = _FIELD
    return lead


@kernel(
    f"UniTuple(int64, 4)(uint8[::1], {_WORDS}, int64[:, ::1], int64[:, :, ::1], int64[::1], "
    "Tuple((UniTuple(int32[:, ::1], 9), uint64[:, ::1], uint64[:, ::1], uint64[:, ::1], uint16[:, ::1])), "
    f"Tuple((uint64[:, :, ::1], int64[:, ::1], uint8[:, ::1], uint8[::1], {_WORDS}, int64[:, ::1], int64[:, ::1])))"
)
def pick_fields(buffer: Any, words: Any, messages: Any, slots: Any, rows: Any, meaning: Any, columns: Any) -> Any:
    """Fill one row a message of ``rows`` that has every required column; return kept, remarks, arena end, status.

    ``meaning``: the tables of the plan (see ``hl7_grammar.Plan``), the words of tested constants, the masks of ways,
    declared character sets and their maps. ``columns``: views, times, validity bits, arena (and its words), remarks,
    kept. A remark is message, slot, field, code, rejected. ``kept[i]`` is the message of row ``i`` and the nature of
    its bytes.

    Every test of a field is made once a repetition and kept as a bit; a way is two masks of bits that must and must
    not be set. Status 1: the arena is full, 0: done. Remarks beyond their table are counted, not written.
    """
    plan, test_words, masks, charsets, charmaps = meaning
    views, times, valid, arena, arena_words, remarks, kept = columns
    slot_fields, fields, groups, tests, choices, way_codes, picks, places, required = plan
    full = np.uint64(0xFFFFFFFFFFFFFFFF)
    half = np.uint64(0xFFFFFFFF)
    one = np.uint64(1)
    ones = np.uint64(0x0101010101010101)
    tops = np.uint64(0x8080808080808080)
    lows = np.uint64(0x7F7F7F7F7F7F7F7F)
    blanks = np.uint64(0x2020202020202020)  # with this bit set, letters are below | ^ ~ and the backslash
    order = np.uint64(0x0001020304050607)  # times 256**k, its top byte is k
    texts = views.shape[0]
    tokens = np.zeros((_TOKENS, 2), np.int64)
    sizes = np.ones(REPETITIONS, np.int64)
    chosen = np.zeros(16, np.int64)
    outcomes = np.zeros(REPETITIONS, np.uint64)
    classes = np.zeros(256, np.uint8)
    marks = np.zeros(5, np.uint8)
    dialect = np.uint64(0)  # the first six bytes that gave marks and classes
    lead = np.uint8(0)  # second byte of a two-byte repetition separator
    reach = np.uint64(0)  # what lifts the lowest separator to the top bit
    bar = np.uint64(0)  # eight field separators
    row = 0
    noted = 0
    used = 0
    room = arena.shape[0]
    for index in range(rows.shape[0]):
        message = rows[index]
        header = slots[message, 0, 0]
        # the separators of this message; most often those of the message before
        opening = words[header + 3] & np.uint64(0xFFFFFFFFFFFF)
        if opening != dialect or buffer[header + 8] != marks[0] or slots[message, 0, 1] - header < 9:
            lead = read_marks(buffer, header + 3, slots[message, 0, 1], marks, classes)
            dialect = opening if slots[message, 0, 1] - header >= 9 else np.uint64(0)
            lowest = min(min(marks[0] | 32, marks[1] | 32), min(marks[2] | 32, marks[3] | 32))
            reach = np.uint64(128 - lowest) * ones if lowest < 128 else np.uint64(0)
            bar = np.uint64(marks[0]) * ones
        nature = 0
        if messages[message, 4] & 2:
            nature = 1 if is_utf8(buffer, words, messages[message, 1], messages[message, 2]) else 2
        charmap = np.int64(0)
        before = noted
        bit = np.uint8(1 << (row & 7))
        for slot in range(slot_fields.shape[0]):
            at = slots[message, slot, 0]
            stop = slots[message, slot, 1]
            if stop == 0:
                continue
            at += 4
            field = 1
            if slot == 0:
                field = 2
            while at <= stop and field < slot_fields.shape[1]:
                wanted = slot_fields[slot, field]
                if wanted < 0:
                    left = -wanted - 1  # fields to step over
                    if left == 0:
                        break
                    field += left
                    while left > 0 and at + 8 <= stop:
                        word = words[at] ^ bar
                        word = ~(((word & lows) + lows) | word | lows)
                        passed = ((word >> np.uint64(7)) * ones) >> np.uint64(56)
                        if np.int64(passed) >= left:
                            break
                        left -= np.int64(passed)
                        at += 8
                    while left > 0 and at < stop:
                        if buffer[at] == marks[0]:
                            left -= 1
                        at += 1
                    if left > 0:
                        break
                    continue
                # tokens of the field
                origin = at
                repetition = 0
                component = 0
                slow = False
                tokens[0, 0] = at
                ended = False
                while at < stop and not ended:
                    word = words[at]
                    mask = ((((word | blanks) & lows) + reach) | word) & tops
                    origin_of_word = at
                    at += 8
                    while mask != 0:  # bytes that may be a separator, an escape or above 0x7F
                        bit_of_byte = mask & (~mask + one)
                        mask ^= bit_of_byte
                        spot = origin_of_word + np.int64(((bit_of_byte >> np.uint64(7)) * order) >> np.uint64(56))
                        if spot >= stop:
                            break
                        kind = classes[buffer[spot]]
                        if kind == _COMPONENT:
                            if component < COMPONENTS - 1 and repetition < REPETITIONS:
                                tokens[repetition * COMPONENTS + component, 1] = spot
                                component += 1
                                tokens[repetition * COMPONENTS + component, 0] = spot + 1
                        elif kind == _FIELD:
                            at = spot
                            ended = True
                            break
                        elif kind == _REPETITION and (lead == 0 or buffer[spot + 1] == lead):
                            if repetition < REPETITIONS:
                                tokens[repetition * COMPONENTS + component, 1] = spot
                                sizes[repetition] = component + 1
                            repetition += 1
                            component = 0
                            if repetition < REPETITIONS:
                                tokens[repetition * COMPONENTS, 0] = spot + (1 if lead == 0 else 2)
                        elif kind == _ESCAPE or (kind != _PLAIN and nature == 2):
                            slow = True
                if at > stop:
                    at = stop
                end_of_field = at
                if repetition < REPETITIONS:
                    tokens[repetition * COMPONENTS + component, 1] = at
                    sizes[repetition] = component + 1
                    repetition += 1
                repetitions = min(repetition, REPETITIONS)
                at += 1
                if end_of_field > origin:
                    first_group = fields[wanted, 0]
                    last_group = fields[wanted, 1]
                    first_choice = fields[wanted, 2]
                    if last_group > first_group:
                        first_test = groups[first_group, 2]
                        for r in range(repetitions):
                            passed = np.uint64(0)
                            for group in range(first_group, last_group):
                                component = groups[group, 0]
                                if component > sizes[r]:
                                    continue
                                begin = tokens[r * COMPONENTS + component - 1, 0]
                                end = tokens[r * COMPONENTS + component - 1, 1]
                                if begin == end:
                                    continue
                                if groups[group, 1] > 0:
                                    begin, end = sub_component(buffer, begin, end, groups[group, 1], marks[4])
                                while begin < end and buffer[begin] == 32:
                                    begin += 1
                                while end > begin and buffer[end - 1] == 32:
                                    end -= 1
                                size = end - begin
                                if size == 0:
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
                            outcomes[r] = passed
                        for choice in range(first_choice, fields[wanted, 3]):
                            found = -1
                            for way in range(choices[choice, 0], choices[choice, 1]):
                                for r in range(repetitions):
                                    if (
                                        outcomes[r] & masks[way, 0] == masks[way, 0]
                                        and outcomes[r] & masks[way, 1] == 0
                                    ):
                                        found = r
                                        break
                                if found >= 0:
                                    if way_codes[way, 0] >= 0:
                                        noted = note(remarks, noted, message, slot, field, way_codes[way, 0], 0)
                                    break
                            chosen[choice - first_choice] = found
                    for pick in range(fields[wanted, 4], fields[wanted, 5]):
                        column = picks[pick, 1]
                        if picks[pick, 5] == 0 and valid[column, row >> 3] & bit != 0:
                            continue
                        r = 0
                        if picks[pick, 0] >= 0:
                            r = chosen[picks[pick, 0] - first_choice]
                            if r < 0:
                                continue
                        style = picks[pick, 2]
                        begin = np.int64(0)
                        end = np.int64(0)
                        for place in range(picks[pick, 3], picks[pick, 4]):
                            component = places[place, 0]
                            if component == 0:
                                if style == 3:
                                    if repetitions > 1:
                                        begin = tokens[COMPONENTS, 0]
                                        end = end_of_field
                                else:
                                    begin = tokens[r * COMPONENTS, 0]
                                    end = tokens[r * COMPONENTS + sizes[r] - 1, 1]
                            else:
                                if component > sizes[r]:
                                    continue
                                begin = tokens[r * COMPONENTS + component - 1, 0]
                                end = tokens[r * COMPONENTS + component - 1, 1]
                                if begin < end and places[place, 1] > 0:
                                    begin, end = sub_component(buffer, begin, end, places[place, 1], marks[4])
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
                                if places[place, 2] >= 0:
                                    noted = note(remarks, noted, message, slot, field, places[place, 2], 0)
                                break
                        size = end - begin
                        if size <= 0:
                            continue
                        if style == 2:
                            moment = parse_time(buffer, begin, end)
                            if moment != NO_TIME:
                                times[column - texts, row] = moment
                                valid[column, row >> 3] |= bit
                            elif not (size == 2 and buffer[begin] == 34 and buffer[begin + 1] == 34):
                                noted = note(remarks, noted, message, slot, field, 0, 0)
                            continue
                        if slow:
                            if used + 4 * size + 32 > room:
                                return row, noted, used, 1
                            start = used
                            used = decode(
                                buffer, begin, end, arena, arena_words, used, marks, charmaps[charmap], nature != 2
                            )
                            size = used - start
                            if size == 0:
                                continue
                            low = arena_words[start]
                            high = arena_words[start + 4]
                            if size <= 12:
                                used = start
                            else:
                                high = np.uint64(start) << np.uint64(32)
                        else:
                            low = words[begin]
                            if size <= 12:
                                high = words[begin + 4]
                            else:
                                if used + size + 32 > room:
                                    return row, noted, used, 1
                                for k in range(0, size, 8):
                                    arena_words[used + k] = words[begin + k]
                                high = np.uint64(used) << np.uint64(32)
                                used += size
                        low &= half
                        if size <= 4:
                            high = np.uint64(0)
                            low &= full >> np.uint64(64 - 8 * size)
                        elif size < 12:
                            high &= full >> np.uint64(96 - 8 * size)
                        views[column, row, 0] = np.uint64(size) | (low << np.uint64(32))
                        views[column, row, 1] = high
                        valid[column, row >> 3] |= bit
                    if slot == 0 and field == 18 and nature == 2:
                        begin = tokens[0, 0]
                        size = min(tokens[0, 1] - begin, 16)
                        low = words[begin]
                        high = words[begin + 8]
                        if size <= 8:
                            high = np.uint64(0)
                            low &= full >> np.uint64(64 - 8 * size) if size > 0 else np.uint64(0)
                        elif size < 16:
                            high &= full >> np.uint64(128 - 8 * size)
                        for k in range(charsets.shape[0]):
                            if charsets[k, 0] == low and charsets[k, 1] == high:
                                charmap = np.int64(charsets[k, 2])
                field += 1
        missing = -1
        for k in range(required.shape[0]):
            if valid[required[k, 0], row >> 3] & bit == 0:
                missing = k
                break
        if missing >= 0:
            noted = before
            if noted < remarks.shape[0]:
                remarks[noted, 0] = message
                remarks[noted, 1] = required[missing, 1]
                remarks[noted, 2] = required[missing, 2]
                remarks[noted, 3] = required[missing, 3]
                remarks[noted, 4] = 1
            noted += 1
            for column in range(valid.shape[0]):
                valid[column, row >> 3] &= ~bit
                if column < texts:
                    views[column, row, 0] = 0
                    views[column, row, 1] = 0
            continue
        kept[row, 0] = message
        kept[row, 1] = nature
        row += 1
    return row, noted, used, 0
