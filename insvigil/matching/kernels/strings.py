"""Strings to arrays, and how two names relate: the byte level of matching.

A name is a row of ``WIDTH`` bytes (A-Z and spaces), zero padded; longer names are compared on their first ``WIDTH``
bytes. Names are compared once for each distinct pair: the callers keep a memo.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from insvigil.jit import TEXTS, kernel
from insvigil.matching.kernels.lines import CHARS, HEAD, INITIAL, LETTERS, PHONE_HASHED, SEVERAL_WORDS, TWICE

Scalar = Any  # a number of the width of the signature
Words = npt.NDArray[np.uint32]
Bytes = npt.NDArray[np.uint8]
Longs = npt.NDArray[np.uint64]
Integers = npt.NDArray[np.int64]

WIDTH = 32

# How two names relate, in order of strength.
DIFFERENT, FAINT, PREFIX, NEAR, PART, CLOSE, SAME = 1, 2, 3, 4, 5, 6, 7

SPACE = 32
LETTER_A = 65


@kernel(f"void({TEXTS}, u4[:, ::1], u1[:, ::1])")
def fill_names(offsets: Integers, data: Bytes, lines: Words, chars: Bytes) -> None:
    """Write the beginnings, the set of letters, the length and the letters of each name (``chars``: lines as bytes)."""
    for i in range(offsets.size - 1):
        size = min(offsets[i + 1] - offsets[i], WIDTH)
        found, twice, head = np.uint32(0), np.uint32(0), np.uint32(0)
        for k in range(size):
            c = data[offsets[i] + k]
            chars[i, CHARS + k] = c
            if k < 3:
                head = head << np.uint32(8) | np.uint32(c)
            if k == 0:
                lines[i, INITIAL] = head
            if LETTER_A <= c < LETTER_A + 26:
                letter = np.uint32(1) << np.uint32(c - LETTER_A)
                twice |= found & letter
                found |= letter
            else:
                twice |= np.uint32(SEVERAL_WORDS)
        lines[i, HEAD] = head
        lines[i, TWICE] = twice
        lines[i, LETTERS] = found | np.uint32(size) << np.uint32(26)


@kernel(f"void({TEXTS}, i8, u4[:, ::1])")
def hash_texts(offsets: Integers, data: Bytes, column: Scalar, lines: Words) -> None:
    """Write the hash of each text in a column: the upper half of its 64-bit FNV-1a hash, stirred, never 0."""
    for i in range(offsets.size - 1):
        h = np.uint64(14695981039346656037)
        for p in range(offsets[i], offsets[i + 1]):
            h = (h ^ np.uint64(data[p])) * np.uint64(1099511628211)
        h = (h ^ (h >> np.uint64(32))) * np.uint64(0x9E3779B97F4A7C15)
        lines[i, column] = max(np.uint32(h >> np.uint64(32)), np.uint32(1))


@kernel("void(u8[::1], u4[::1], u4[::1], b1[::1])")
def contradicts(matricules: Longs, sexes: Words, dates: Words, out: npt.NDArray[np.bool_]) -> None:
    """Whether a matricule contradicts two of the sex, year and month beside it: it is then a relative's, not a slip.

    ``matricules`` are packed four bits a character (0: missing), ``dates`` as in ``lines.DATE``.
    """
    for i in range(matricules.size):
        number, wrong = np.int64(matricules[i] & np.uint64(0xFFFFFFFFFFFFF)), 0
        sex, year = number >> 48, ((number >> 44) & 15) * 10 + ((number >> 40) & 15)
        month = ((number >> 36) & 15) * 10 + ((number >> 32) & 15)
        known_year, known_month = np.int64(dates[i]) >> 9, (np.int64(dates[i]) >> 5) & 15
        if sexes[i] > 0 and sex <= 2 and sex != sexes[i]:
            wrong += 1
        if known_year > 0 and year != known_year % 100:
            wrong += 1
        if known_month > 0 and 1 <= month <= 12 and month != known_month:
            wrong += 1
        out[i] = matricules[i] != 0 and wrong >= 2


@kernel(f"void({TEXTS}, u4[:, ::1])")
def fill_lists(offsets: Integers, data: Bytes, tokens: Words) -> None:
    """Hash the first names of each given-name list: one 32-bit FNV-1a hash a name, 0 where there is none."""
    for i in range(offsets.size - 1):
        k, h = 0, np.uint32(0)
        for p in range(offsets[i], offsets[i + 1] + 1):
            if p == offsets[i + 1] or data[p] == SPACE:
                if h != 0 and k < tokens.shape[1]:
                    tokens[i, k] = h
                    k += 1
                h = np.uint32(0)
            else:
                if h == 0:
                    h = np.uint32(2166136261)
                h = (h ^ np.uint32(data[p])) * np.uint32(16777619)


@kernel(f"void({TEXTS}, i8, i8, u8[::1])")
def fill_codes(offsets: Integers, data: Bytes, bits: Scalar, width: Scalar, out: Longs) -> None:
    """Pack short codes (digits and letters) left to right, ``bits`` a character; a longer one becomes a hash.

    With 4 bits a digit is itself, A is 10 and B is 11 (the two departments of Corsica); with 6 bits a character is
    one more than its rank, so that 0 stands for « no character ».
    """
    for i in range(offsets.size - 1):
        size = offsets[i + 1] - offsets[i]
        v = np.uint64(0)
        if size > width:
            v = np.uint64(14695981039346656037)
            for p in range(offsets[i], offsets[i + 1]):
                v = (v ^ np.uint64(data[p])) * np.uint64(1099511628211)
            v = (v >> np.uint64(33)) | np.uint64(1 << 31)
        else:
            for k in range(width):
                x = np.uint64(0)
                if k < size:
                    c = data[offsets[i] + k]
                    x = np.uint64(c - 48) if c < 58 else np.uint64(c - 55)
                    x = min(x + np.uint64(1), np.uint64(63)) if bits == 6 else min(x, np.uint64(15))
                v = (v << np.uint64(bits)) | x
        out[i] = v


@kernel(f"void({TEXTS}, u4[::1])")
def fill_phones(offsets: Integers, data: Bytes, out: Words) -> None:
    """Pack numbers of nine digits as one more than their value; any other becomes a hash, the empty one 0."""
    for i in range(offsets.size - 1):
        start, size = offsets[i], offsets[i + 1] - offsets[i]
        value, plain, h = np.int64(0), size == 9, np.uint64(14695981039346656037)
        for k in range(size):
            c = data[start + k]
            plain = plain and 48 <= c <= 57
            value = value * 10 + (np.int64(c) - 48)
            h = (h ^ np.uint64(c)) * np.uint64(1099511628211)
        if plain:
            out[i] = value + 1
        else:
            out[i] = np.uint32((h >> np.uint64(33)) | np.uint64(PHONE_HASHED)) if size else np.uint32(0)


@kernel("i8(u1[::1], i8, u1[::1], i8, u8[::1])", inner=True)
def edit_distance(a: Bytes, m: Scalar, b: Bytes, n: Scalar, scratch: Longs) -> Scalar:
    """Return the optimal string alignment distance (one edit, or one swap of neighbours, costs 1).

    Bit-parallel (Hyyrö 2003): one step a letter of ``b``. ``scratch`` has 32 zeros and is left so. 45 ns a pair.
    """
    if m == 0:
        return n
    for i in range(m):
        scratch[a[i] & 31] |= np.uint64(1) << np.uint64(i)
    one = np.uint64(1)
    last = one << np.uint64(m - 1)
    vp, vn, d0, before = ~np.uint64(0), np.uint64(0), np.uint64(0), np.uint64(0)
    distance = m
    for j in range(n):
        here = scratch[b[j] & 31]
        swap = ((~d0 & here) << one) & before
        d0 = (((here & vp) + vp) ^ vp) | here | vn | swap
        hp = vn | ~(d0 | vp)
        hn = d0 & vp
        if hp & last:
            distance += 1
        if hn & last:
            distance -= 1
        hp = (hp << one) | one
        hn = hn << one
        vp = hn | ~(d0 | hp)
        vn = hp & d0
        before = here
    for i in range(m):
        scratch[a[i] & 31] = np.uint64(0)
    return distance


@kernel("b1(u1[::1], i8, u1[::1], i8)", inner=True)
def same_letters(a: Bytes, m: Scalar, b: Bytes, n: Scalar) -> Scalar:
    """Whether two names are one when their spaces are taken out."""
    i, j = 0, 0
    while True:
        while i < m and a[i] == SPACE:
            i += 1
        while j < n and b[j] == SPACE:
            j += 1
        if i == m or j == n:
            return i == m and j == n
        if a[i] != b[j]:
            return False
        i += 1
        j += 1


@kernel("b1(u1[::1], i8, u1[::1], i8)", inner=True, called=True)
def has_every_word(a: Bytes, m: Scalar, b: Bytes, n: Scalar) -> Scalar:
    """Whether each word of ``a`` is a word of ``b``, one of them having three letters or more."""
    long_enough = False
    i = 0
    while i < m:
        end = i
        while end < m and a[end] != SPACE:
            end += 1
        found = False
        j = 0
        while j < n and not found:
            stop = j
            while stop < n and b[stop] != SPACE:
                stop += 1
            if stop - j == end - i:
                found = True
                for k in range(end - i):
                    if a[i + k] != b[j + k]:
                        found = False
                        break
            j = stop + 1
        if not found:
            return False
        long_enough = long_enough or end - i >= 3
        i = end + 1
    return long_enough


@kernel("i8(u1[::1], i8, u1[::1], i8, b1, b1, u8[::1])", inner=True, called=True)
def relate(
    a: Bytes, m: Scalar, b: Bytes, n: Scalar, same_sound: Scalar, same_skeleton: Scalar, scratch: Longs
) -> Scalar:
    """Return how two distinct names relate, from ``DIFFERENT`` to ``CLOSE``.

    ``CLOSE``: one edit apart, or pronounced alike, or alike but for spaces. ``PART``: the words of one are words of
    the other. ``NEAR``: two edits in five letters or more, three in nine. ``PREFIX``: one begins the other (an
    initial too). ``FAINT``: same consonants, or too many edits for its length.
    """
    short = min(m, n)
    if same_sound or same_letters(a, m, b, n):
        return CLOSE
    d = edit_distance(a, m, b, n, scratch) if abs(m - n) <= 3 else 99
    if d <= 1 and short >= 3 and max(m, n) >= 4:
        return CLOSE
    if (m <= n and has_every_word(a, m, b, n)) or (n <= m and has_every_word(b, n, a, m)):
        return PART
    if (d <= 2 and short >= 5) or (d <= 3 and short >= 9):
        return NEAR
    prefix = short == 1 or short >= 3
    for k in range(short):
        if a[k] != b[k]:
            prefix = False
            break
    if prefix:
        return PREFIX
    if same_skeleton or (d <= 2 and short >= 3) or (d <= 3 and short >= 6):
        return FAINT
    return DIFFERENT
