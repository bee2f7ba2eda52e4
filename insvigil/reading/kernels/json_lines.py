"""JSON by line: where the strings of each line are, and what shape the rest of it has.

The shape of a line is a hash of everything but its *data*: strings that are neither a key nor the value of a key that
decides of a meaning (``use``, ``url`` …). Lines of one shape are read alike: one is understood, the others are filled.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from insvigil.jit import kernel
from insvigil.jit_blocks import ALL, NONE, ONE, TOPS, below_mask, equal_mask, lowest
from insvigil.reading.kernels.decoding import follow
from insvigil.reading.kernels.views import INLINE, write_view

_WORDS = "Array(uint64, 1, 'A', aligned=False)"

LINE_COLUMNS = 7
"""Columns of ``lines``: part, begin, end, number (from 0, in the part), first string, strings, flag (1: look again)."""

_TWO = np.uint64(2)
_FOLD = np.uint64(32)
_MIX = np.uint64(0x9E3779B97F4A7C15)
_STEP, _LAST, _SHIFT = _MIX, np.uint64(0x94D049BB133111EB), np.uint64(29)
_WORD_MIX = np.uint64(0xBF58476D1CE4E5B9)
_LINE_END, _QUOTE, _ESCAPE, _SPACE = np.uint8(10), np.uint8(34), np.uint8(92), np.uint8(32)


@kernel(f"UniTuple(uint64, 2)({_WORDS}, int64, int64)", inner=True)
def hash_text(words: Any, begin: Any, end: Any) -> Any:
    """Return a hash of the bytes and the disjunction of their words (whose top bits tell bytes above 0x7F).

    Keys and what lies between strings are a few bytes long: one word after the other, where ``hash_line`` takes eight
    at once and reads a file of Patients a twelfth slower.
    """
    place = _STEP * np.uint64(end - begin + 1)
    total = place
    high = NONE
    at = begin
    while at + 8 <= end:
        word = words[at]
        high |= word
        word = (word ^ place) * _WORD_MIX
        total += (word ^ (word >> _SHIFT)) * _LAST
        place += _STEP
        at += 8
    if at < end:
        word = words[at] & (ALL >> np.uint64(64 - 8 * (end - at)))
        high |= word
        word = (word ^ place) * _WORD_MIX
        total += (word ^ (word >> _SHIFT)) * _LAST
    return total, high


@kernel("int64(uint8[::1], int64, int64)", inner=True)
def end_of_line(buffer: Any, at: Any, stop: Any) -> Any:
    """Return where the next LF is, or ``stop``."""
    while at < stop:
        found = equal_mask(buffer, at, _LINE_END)
        if found != 0:
            return min(at + lowest(found), stop)
        at += 64
    return stop


@kernel(f"boolean({_WORDS}, int64, int64, uint64[:, ::1])", inner=True)
def is_telling(words: Any, begin: Any, end: Any, telling: Any) -> Any:
    """Return whether a key is one whose value decides of a meaning; ``telling``: size and first eight bytes."""
    size = end - begin
    if size < 3:
        return False
    word = words[begin]
    if size < 8:
        word &= ALL >> np.uint64(64 - 8 * size)
    found = False
    for k in range(telling.shape[0]):
        found |= telling[k, 0] == np.uint64(size) and telling[k, 1] == word
    return found


@kernel(
    f"UniTuple(int64, 2)(uint8[::1], {_WORDS}, int64[:, ::1], Tuple((uint64[:, ::1], uint8[:, ::1])), int64[:, ::1], "
    "uint64[:, ::1], int64[:, ::1])",
)
def scan_lines(buffer: Any, words: Any, parts: Any, meaning: Any, lines: Any, hashes: Any, strings: Any) -> Any:
    """Return how many lines are not blank and how many data strings they hold; fill the tables as far as these reach.

    ``parts``: begin, end; column 2 receives the number of line ends. ``hashes[row]``: of the bytes, and of the shape.
    ``meaning``: telling keys, and the steps of UTF-8. A line is flagged when its bytes are not plain JSON text: an
    escape, a control character, bad UTF-8, an open string.
    Cost: 1.3 µs for a Patient of 1.6 kB.
    """
    telling, utf8_steps = meaning
    row = 0
    held = 0
    for part in range(parts.shape[0]):
        at = parts[part, 0]
        stop = parts[part, 1]
        number = -1
        while at < stop:
            begin = at
            end = end_of_line(buffer, at, stop)
            at = end + 1
            number += 1
            while begin < end and (buffer[begin] == 32 or 9 <= buffer[begin] <= 13):
                begin += 1
            while end > begin and (buffer[end - 1] == 32 or 9 <= buffer[end - 1] <= 13):
                end -= 1
            if begin == end:
                continue
            if row >= lines.shape[0]:
                row += 1
                continue
            lines[row, 0] = part
            lines[row, 1] = begin
            lines[row, 2] = end
            lines[row, 3] = number
            lines[row, 4] = held
            digest, high = hash_text(words, begin, end)
            shape = _MIX
            strange = NONE
            inside = False
            tells = False
            start = begin
            for block in range(begin, end, 64):
                limit = ALL
                if end - block < 64:
                    limit = ALL >> np.uint64(64 - (end - block))
                strange |= (equal_mask(buffer, block, _ESCAPE) | below_mask(buffer, block, _SPACE)) & limit
                quotes = equal_mask(buffer, block, _QUOTE) & limit
                while quotes != 0:
                    spot = block + lowest(quotes)
                    quotes &= quotes - ONE
                    text = ONE if spot == start else _TWO
                    if not inside:
                        text, _ = hash_text(words, start, spot)
                    else:
                        after = spot + 1
                        while buffer[after] == 32:
                            after += 1
                        if buffer[after] == 58:  # a key
                            text, _ = hash_text(words, start, spot)
                            tells = is_telling(words, start, spot, telling)
                        elif tells and not 48 <= buffer[start] <= 57:
                            text, _ = hash_text(words, start, spot)
                        else:
                            if held < strings.shape[0]:
                                strings[held, 0] = start
                                strings[held, 1] = spot
                            held += 1
                    shape = (shape ^ text) * _MIX
                    shape ^= shape >> _FOLD
                    inside = not inside
                    start = spot + 1
            text, _ = hash_text(words, start, end)
            shape = (shape ^ text) * _MIX
            lines[row, 5] = held - lines[row, 4]
            lines[row, 6] = 0
            if strange != 0 or inside or (high & TOPS != 0 and follow(buffer, words, utf8_steps, begin, end) != 0):
                lines[row, 6] = 1
            hashes[0, row] = digest
            hashes[1, row] = shape
            row += 1
        parts[part, 2] = number + 1
    return row, held


@kernel(
    f"int64({_WORDS}, int64[:, ::1], int64[::1], int64[::1], int64[:, :, ::1], int64[:, ::1], "
    f"uint64[:, :, ::1], uint8[:, ::1], uint8[::1], {_WORDS})",
)
def fill_rows(
    words: Any,
    strings: Any,
    firsts: Any,
    recipes_of: Any,
    recipes: Any,
    parts: Any,
    views: Any,
    valid: Any,
    arena: Any,
    arena_words: Any,
) -> Any:
    """Fill one row a line by its recipe; return how much of the arena is used, or -1 when it is too small.

    ``firsts[row]`` is the first data string of the line. ``recipes[recipe, column]`` is a span of ``parts``, which are
    joined: a data string (number in the line, 0, 0) or a constant (-1, begin, end in the buffer).
    """
    used = np.int64(0)
    for row in range(firsts.shape[0]):
        recipe = recipes_of[row]
        for column in range(views.shape[0]):
            first = recipes[recipe, column, 0]
            last = recipes[recipe, column, 1]
            if first == last:
                continue
            start = used
            begin = np.int64(0)
            end = np.int64(0)
            for part in range(first, last):
                begin = parts[part, 1]
                end = parts[part, 2]
                if parts[part, 0] >= 0:
                    begin = strings[firsts[row] + parts[part, 0], 0]
                    end = strings[firsts[row] + parts[part, 0], 1]
                if last - first > 1 or end - begin > INLINE:
                    if used + end - begin + 32 > arena.shape[0]:
                        return -1
                    for k in range(0, end - begin, 8):
                        arena_words[used + k] = words[begin + k]
                    used += end - begin
            if used > start:
                write_view(views, valid, (column, row, used - start, start), arena_words[start], arena_words[start + 4])
                if used - start <= INLINE:
                    used = start
            elif begin < end:
                write_view(views, valid, (column, row, end - begin, start), words[begin], words[begin + 4])
    return used
