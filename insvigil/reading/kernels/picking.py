"""One walk over the chosen segments of messages, filling the columns of a plan."""

from __future__ import annotations

from typing import Any

import numpy as np

from insvigil.jit import kernel
from insvigil.jit_blocks import equal_mask, high_mask, lowest
from insvigil.reading.kernels.values import COMPONENTS, NO_TIME, REPETITIONS, decode, is_utf8, parse_time

_WORDS = "Array(uint64, 1, 'A', aligned=False)"
_TABLE = "int32[:, ::1]"
_PLAN = f"UniTuple({_TABLE}, 9)"
_MEANING = f"Tuple(({_PLAN}, uint64[:, ::1], uint64[:, ::1], uint64[:, ::1], uint16[:, ::1]))"
_COLUMNS = (
    f"Tuple((uint64[:, :, ::1], int64[:, ::1], uint8[:, ::1], uint8[::1], {_WORDS}, int64[:, ::1], int64[:, ::1]))"
)
_SPLIT = "Tuple((int64[:, ::1], int64[::1], uint64[::1], int64[::1], uint8[::1]))"


@kernel("UniTuple(int64, 2)(uint8[::1], int64, int64, int64, uint8)", allocates=False, inner=True)
def sub_component(buffer: Any, begin: Any, end: Any, number: Any, mark: Any) -> Any:
    """Return begin and end of sub-component ``number`` (from 1); an empty span when there is none."""
    left = number - 1
    one = np.uint64(1)
    for at in range(begin, end, 64):
        found = equal_mask(buffer, at, mark)
        while found != 0:
            spot = at + lowest(found)
            found &= found - one
            if spot >= end:
                break
            if left == 0:
                return begin, spot
            left -= 1
            begin = spot + 1
    if left > 0:
        return end, end
    return begin, end


@kernel("int64(int64[:, ::1], int64, int64, int64, int64, int64, int64)", allocates=False, inner=True)
def note(remarks: Any, noted: Any, message: Any, slot: Any, field: Any, code: Any, rejected: Any) -> Any:
    """Write a remark if there is room, and return how many there are."""
    if noted < remarks.shape[0]:
        remarks[noted, 0] = message
        remarks[noted, 1] = slot
        remarks[noted, 2] = field
        remarks[noted, 3] = code
        remarks[noted, 4] = rejected
    return noted + 1


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


@kernel("int64(uint8[::1], int64, int64, uint8, int64, int64[::1])", allocates=False, inner=True)
def split_segment(buffer: Any, begin: Any, stop: Any, mark: Any, most: Any, ends: Any) -> Any:
    """Write where the fields of ``buffer[begin:stop]`` end and return how many there are, ``most`` or a few more.

    ``ends`` has room for ``most`` + 64.
    """
    full = np.uint64(0xFFFFFFFFFFFFFFFF)
    one = np.uint64(1)
    count = 0
    for at in range(begin, stop, 64):
        found = equal_mask(buffer, at, mark)
        if stop - at < 64:
            found &= full >> np.uint64(64 - (stop - at))
        while found != 0:
            ends[count] = at + lowest(found)
            found &= found - one
            count += 1
        if count >= most:
            return count
    ends[count] = stop
    return count + 1


@kernel(
    "int64(uint8[::1], int64, int64, uint8[::1], uint8, boolean, int64[:, ::1], int64[::1])",
    allocates=False,
    inner=True,
)
def split_field(buffer: Any, begin: Any, end: Any, marks: Any, lead: Any, eight: Any, tokens: Any, sizes: Any) -> Any:
    """Write the components of each repetition of a field; return how many repetitions, negative if some need decoding.

    ``tokens[r * COMPONENTS + c]`` is the span of component ``c`` of repetition ``r``, ``sizes[r]`` how many it has.
    Escapes need decoding, and so does any byte above 0x7F when the message is ``eight`` (not UTF-8).
    """
    full = np.uint64(0xFFFFFFFFFFFFFFFF)
    one = np.uint64(1)
    token = 0
    repetition = 0
    last = COMPONENTS - 1
    slow = np.uint64(0)
    tokens[0, 0] = begin
    for at in range(begin, end, 64):
        components = equal_mask(buffer, at, marks[1])
        repetitions = equal_mask(buffer, at, marks[2])
        escapes = equal_mask(buffer, at, marks[3])
        if lead != 0:
            repetitions &= equal_mask(buffer, at + 1, lead)
        if eight:
            escapes |= high_mask(buffer, at)
        limit = full
        if end - at < 64:
            limit = full >> np.uint64(64 - (end - at))
        slow |= escapes & limit
        found = (components | repetitions) & limit
        while found != 0:
            bit = found & (~found + one)
            found ^= bit
            spot = at + lowest(bit)
            if repetitions & bit == 0:
                if token < last:
                    tokens[token, 1] = spot
                    token += 1
                    tokens[token, 0] = spot + 1
            else:
                tokens[token, 1] = spot
                sizes[repetition] = token + COMPONENTS - last
                if repetition + 1 == REPETITIONS:  # what follows is not looked at
                    return -REPETITIONS if slow != 0 else REPETITIONS
                repetition += 1
                token = repetition * COMPONENTS
                last = token + COMPONENTS - 1
                tokens[token, 0] = spot + (1 if lead == 0 else 2)
    tokens[token, 1] = end
    sizes[repetition] = token + COMPONENTS - last
    repetition += 1
    return -repetition if slow != 0 else repetition


@kernel(f"uint64(uint8[::1], {_WORDS}, {_SPLIT}, int64, {_PLAN}, uint64[:, ::1], int64)", allocates=False, inner=True)
def passed_tests(buffer: Any, words: Any, split: Any, repetition: Any, plan: Any, test_words: Any, field: Any) -> Any:
    """Return one bit a test of a field: whether this repetition passes it."""
    fields, groups, tests = plan[1], plan[2], plan[3]
    tokens, sizes, _, _, marks = split
    full = np.uint64(0xFFFFFFFFFFFFFFFF)
    one = np.uint64(1)
    passed = np.uint64(0)
    first_test = groups[fields[field, 1], 2]
    for group in range(fields[field, 1], fields[field, 2]):
        component = groups[group, 0]
        if component > sizes[repetition]:
            continue
        begin = tokens[repetition * COMPONENTS + component - 1, 0]
        end = tokens[repetition * COMPONENTS + component - 1, 1]
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
    return passed


@kernel(
    f"int64(uint8[::1], {_WORDS}, {_SPLIT}, int64, {_MEANING}, UniTuple(int64, 3), Tuple((int64[:, ::1], int64)))",
    allocates=False,
    inner=True,
)
def choose_repetitions(
    buffer: Any, words: Any, split: Any, repetitions: Any, meaning: Any, where: Any, noting: Any
) -> Any:
    """Write which repetition each choice of a field takes (-1: none) and return how many remarks there are.

    ``where``: message, slot, field (a row of the table of fields). Every test is made once a repetition and kept as a
    bit; a way is two masks of bits that must and must not be set.
    """
    plan, test_words, masks, _, _ = meaning
    fields, choices, way_codes = plan[1], plan[4], plan[5]
    _, _, outcomes, chosen, _ = split
    message, slot, field = where
    remarks, noted = noting
    for r in range(repetitions):
        outcomes[r] = passed_tests(buffer, words, split, r, plan, test_words, field)
    for choice in range(fields[field, 3], fields[field, 4]):
        found = -1
        for way in range(choices[choice, 0], choices[choice, 1]):
            for r in range(repetitions):
                if outcomes[r] & masks[way, 0] == masks[way, 0] and outcomes[r] & masks[way, 1] == 0:
                    found = r
                    break
            if found >= 0:
                if way_codes[way, 0] >= 0:
                    noted = note(remarks, noted, message, slot, fields[field, 0], way_codes[way, 0], 0)
                break
        chosen[choice - fields[field, 3]] = found
    return noted


@kernel(
    f"UniTuple(int64, 3)(uint8[::1], {_SPLIT}, UniTuple(int64, 3), {_TABLE}, {_TABLE}, int64)",
    allocates=False,
    inner=True,
)
def find_value(buffer: Any, split: Any, extent: Any, picks: Any, places: Any, pick: Any) -> Any:
    """Return begin and end of the value of a pick, outer blanks off, and the code of the place that has it (or -1).

    ``extent``: the repetition, how many there are, the end of the field. A code of blanks only is kept as it is.
    """
    tokens, sizes, _, _, marks = split
    r, repetitions, end_of_field = extent
    style = picks[pick, 2]
    for place in range(picks[pick, 3], picks[pick, 4]):
        component = places[place, 0]
        begin = np.int64(0)
        end = np.int64(0)
        if component > 0:
            if component > sizes[r]:
                continue
            begin = tokens[r * COMPONENTS + component - 1, 0]
            end = tokens[r * COMPONENTS + component - 1, 1]
            if begin < end and places[place, 1] > 0:
                begin, end = sub_component(buffer, begin, end, places[place, 1], marks[4])
        elif style != 3:
            begin = tokens[r * COMPONENTS, 0]
            end = tokens[r * COMPONENTS + sizes[r] - 1, 1]
        elif repetitions > 1:
            begin = tokens[COMPONENTS, 0]
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


@kernel(
    f"UniTuple(int64, 3)(uint8[::1], {_WORDS}, {_SPLIT}, int64, int64, {_MEANING}, UniTuple(int64, 3), "
    f"UniTuple(int64, 4), {_COLUMNS})",
    allocates=False,
    inner=True,
)
def fill_field(
    buffer: Any,
    words: Any,
    split: Any,
    repetitions: Any,
    end_of_field: Any,
    meaning: Any,
    where: Any,
    state: Any,
    columns: Any,
) -> Any:
    """Write the values of a field into row ``state[0]``; return remarks, arena end and status (1: the arena is full).

    ``where``: message, slot, field. ``state``: row, remarks, arena end, and the number of the character set, plus 1,
    negative when bytes above 0x7F are not UTF-8; 0 when nothing has to be decoded.
    """
    plan, _, _, _, charmaps = meaning
    fields, picks, places = plan[1], plan[6], plan[7]
    views, times, valid, arena, arena_words, remarks, _ = columns
    _, _, _, chosen, marks = split
    message, slot, field = where
    row, noted, used, decoding = state
    full = np.uint64(0xFFFFFFFFFFFFFFFF)
    half = np.uint64(0xFFFFFFFF)
    texts = views.shape[0]
    room = arena.shape[0]
    bit = np.uint8(1 << (row & 7))
    byte = row >> 3
    for pick in range(fields[field, 5], fields[field, 6]):
        column = picks[pick, 1]
        if picks[pick, 5] == 0 and valid[column, byte] & bit != 0:
            continue
        r = 0
        if picks[pick, 0] >= 0:
            r = chosen[picks[pick, 0] - fields[field, 3]]
            if r < 0:
                continue
        begin, end, code = find_value(buffer, split, (r, repetitions, end_of_field), picks, places, pick)
        size = end - begin
        if size == 0:
            continue
        if code >= 0:
            noted = note(remarks, noted, message, slot, fields[field, 0], code, 0)
        if picks[pick, 2] == 2:
            moment = parse_time(buffer, begin, end)
            if moment != NO_TIME:
                times[column - texts, row] = moment
                valid[column, byte] |= bit
            elif not (size == 2 and buffer[begin] == 34 and buffer[begin + 1] == 34):
                noted = note(remarks, noted, message, slot, fields[field, 0], 0, 0)
            continue
        if decoding != 0:
            if used + 4 * size + 32 > room:
                return noted, used, 1
            start = used
            used = decode(
                buffer, begin, end, arena, arena_words, used, marks, charmaps[abs(decoding) - 1], decoding > 0
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
            high = words[begin + 4]
            if size > 12:
                if used + size + 32 > room:
                    return noted, used, 1
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
        valid[column, byte] |= bit
    return noted, used, 0


@kernel(f"int64({_WORDS}, int64, int64, uint64[:, ::1])", allocates=False, inner=True)
def charset_of(words: Any, begin: Any, end: Any, charsets: Any) -> Any:
    """Return the number of the map of a declared character set; 0, which is cp1252, when it is not known."""
    full = np.uint64(0xFFFFFFFFFFFFFFFF)
    size = min(end - begin, 16)
    low = words[begin]
    high = words[begin + 8]
    if size <= 8:
        high = np.uint64(0)
        low &= full >> np.uint64(64 - 8 * size) if size > 0 else np.uint64(0)
    elif size < 16:
        high &= full >> np.uint64(128 - 8 * size)
    for k in range(charsets.shape[0]):
        if charsets[k, 0] == low and charsets[k, 1] == high:
            return np.int64(charsets[k, 2])
    return np.int64(0)


@kernel(
    f"UniTuple(int64, 4)(uint8[::1], {_WORDS}, int64[:, ::1], int64[:, :, ::1], int64[::1], {_MEANING}, {_COLUMNS}, "
    f"Tuple(({_SPLIT}, int64[::1])))",
    allocates=False,
)
def pick_fields(
    buffer: Any, words: Any, messages: Any, slots: Any, rows: Any, meaning: Any, columns: Any, scratch: Any
) -> Any:
    """Fill one row a message of ``rows`` that has every required column; return kept, remarks, arena end, status.

    ``meaning``: the tables of the plan (see ``hl7_grammar.Plan``), the words of tested constants, the masks of ways,
    declared character sets and their maps. ``columns``: views, times, validity bits, arena (and its words), remarks,
    kept. A remark is message, slot, field, code, rejected. ``kept[i]`` is the message of row ``i`` and the nature of
    its bytes. Status 1: the arena is full, 0: done. Remarks beyond their table are counted, not written.
    """
    plan, _, _, charsets, _ = meaning
    views, _, valid, _, _, remarks, kept = columns
    slot_fields, fields, required = plan[0], plan[1], plan[8]
    split, ends = scratch
    tokens, sizes, _, _, marks = split
    dialect = np.uint64(0)  # the first six bytes that gave the marks
    lead = np.uint8(0)  # second byte of a two-byte repetition separator
    row = 0
    noted = 0
    used = 0
    for index in range(rows.shape[0]):
        message = rows[index]
        header = slots[message, 0, 0]
        # the separators of this message; most often those of the message before
        opening = words[header + 3] & np.uint64(0xFFFFFFFFFFFF)
        if opening != dialect or buffer[header + 8] != marks[0] or slots[message, 0, 1] - header < 9:
            lead = read_marks(buffer, header + 3, slots[message, 0, 1], marks)
            dialect = opening if slots[message, 0, 1] - header >= 9 else np.uint64(0)
        nature = 0
        if messages[message, 4] & 2:
            nature = 1 if is_utf8(buffer, words, messages[message, 1], messages[message, 2]) else 2
        charmap = np.int64(1)
        before = noted
        for slot in range(slot_fields.shape[0]):
            stop = slots[message, slot, 1]
            if stop == 0 or stop - slots[message, slot, 0] < 4:
                continue
            first = 2 if slot == 0 else 1  # MSH-1 is the separator itself
            begin = slots[message, slot, 0] + 4
            most = fields[slot_fields[slot, 1] - 1, 0] - first + 1
            count = split_segment(buffer, begin, stop, marks[0], most, ends)
            for field in range(slot_fields[slot, 0], slot_fields[slot, 1]):
                number = fields[field, 0] - first
                if number >= count:
                    break
                at = ends[number - 1] + 1 if number > 0 else begin
                end = ends[number]
                if at >= end:
                    continue
                repetitions = split_field(buffer, at, end, marks, lead, nature == 2, tokens, sizes)
                decoding = np.int64(0)
                if repetitions < 0:
                    repetitions = -repetitions
                    decoding = charmap if nature != 2 else -charmap
                if fields[field, 4] > fields[field, 3]:
                    noted = choose_repetitions(
                        buffer, words, split, repetitions, meaning, (message, slot, field), (remarks, noted)
                    )
                noted, used, status = fill_field(
                    buffer,
                    words,
                    split,
                    repetitions,
                    end,
                    meaning,
                    (message, slot, field),
                    (row, noted, used, decoding),
                    columns,
                )
                if status != 0:
                    return row, noted, used, status
                if slot == 0 and fields[field, 0] == 18 and nature == 2:
                    charmap = charset_of(words, tokens[0, 0], tokens[0, 1], charsets) + 1
        missing = -1
        bit = np.uint8(1 << (row & 7))
        for k in range(required.shape[0]):
            if valid[required[k, 0], row >> 3] & bit == 0:
                missing = k
                break
        if missing >= 0:
            noted = note(remarks, before, message, required[missing, 1], required[missing, 2], required[missing, 3], 1)
            for column in range(valid.shape[0]):
                valid[column, row >> 3] &= ~bit
                if column < views.shape[0]:
                    views[column, row, 0] = 0
                    views[column, row, 1] = 0
            continue
        kept[row, 0] = message
        kept[row, 1] = nature
        row += 1
    return row, noted, used, 0
