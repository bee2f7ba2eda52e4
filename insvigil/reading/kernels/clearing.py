"""Which messages are beyond suspicion: a look at the first bytes of their values (see ``reading/suspects.py``)."""

from __future__ import annotations

from typing import Any

import numpy as np

from insvigil.jit import kernel
from insvigil.jit_blocks import ALL

MISSING = ALL
"""The head of a value that is missing."""

DOMAIN, AUTHORITY, PLACE, CODE, ATTRIBUTES, NATURE, TRIGGER, ACTION, ORIGIN, PROCESSING, SEX = range(11)
MATRICULE, NIA, BIRTH, COLLECTION, INSI_DATE, DOCUMENT = range(11, 17)
"""The columns, in order."""

_SIZE, _AUTHORITY_MARK, _FOUR, _TWO = np.uint64(0xFFFFFFFF), np.uint64(0x2626), np.uint64(32), np.uint64(0xFFFF)
_UPPER, _ZEROS, _SIX = np.uint64(0xF0F0F0F0F0F0F0F0), np.uint64(0x3030303030303030), np.uint64(0x0606060606060606)
_LOWER, _ZERO = np.uint64(0x0F0F0F0F0F0F0F0F), np.uint64(0x30)
_PAIRS, _FOURS = np.uint64(0x00FF00FF00FF00FF), np.uint64(0x0000FFFF0000FFFF)
_FIVE, _EIGHT, _FIFTEEN = np.uint64(5), np.uint64(8), np.uint64(15)

_WORDS = "Array(uint64, 1, 'A', readonly=True, aligned=False)"
_VIEWS, _BITS = "Array(uint64, 2, 'C', readonly=True)", "Array(uint8, 1, 'C', readonly=True)"
_COLUMNS = f"Tuple((UniTuple({_VIEWS}, 17), UniTuple({_BITS}, 17), {_WORDS}))"
_TABLES = "UniTuple(uint64[::1], 7)"


@kernel(f"uint64({_VIEWS}, {_BITS}, int64)", allocates=False, inner=True)
def head_of(views: Any, valid: Any, row: Any) -> Any:
    """Return the size and the first four bytes of a text, or ``MISSING``."""
    return views[row, 0] if (valid[row >> 3] >> (row & 7)) & 1 else MISSING


@kernel("boolean(uint64[::1], uint64)", allocates=False, inner=True)
def is_among(values: Any, value: Any) -> Any:
    """Return whether a value is one of a few."""
    at = 0
    while at < values.shape[0] and values[at] != value:
        at += 1
    return at < values.shape[0]


@kernel("int64(uint64)", allocates=False, inner=True)
def eight_digits(word: Any) -> Any:
    """Return the number that eight digits write, or -1."""
    if (word & _UPPER) != _ZEROS or ((word + _SIX) & _UPPER) != _ZEROS:
        return -1
    word = ((word & _LOWER) * np.uint64(10) + ((word & _LOWER) >> np.uint64(8))) & _PAIRS
    word = (word * np.uint64(100) + (word >> np.uint64(16))) & _FOURS
    return np.int64((word * np.uint64(10_000) + (word >> _FOUR)) & _SIZE)


@kernel(f"boolean({_COLUMNS}, {_TABLES}, int64)", allocates=False, inner=True)
def is_plain(columns: Any, tables: Any, row: Any) -> Any:
    """Return whether a matricule is fifteen digits with the right key that say the sex and the birth date."""
    views, valid, texts = columns
    male, female = tables[6][6], tables[6][7]
    size, place, born = views[MATRICULE][row, 0] & _SIZE, views[MATRICULE][row, 1], views[BIRTH][row, 0]
    if size != _FIFTEEN or place & _SIZE != 0 or born & _SIZE != _EIGHT:  # in the first of the texts
        return False
    sex = head_of(views[SEX], valid[SEX], row)
    at = np.int64(place >> _FOUR)
    first = eight_digits(texts[at])
    last = eight_digits((texts[at + 7] >> np.uint64(8) << np.uint64(8)) | _ZERO)
    birth = eight_digits((born >> _FOUR) | (views[BIRTH][row, 1] << _FOUR))
    if first < 0 or last < 0 or birth < 10_000_000 or (sex != male and sex != female):
        return False
    told = birth // 100 % 10_000 + (10_000 if sex == male else 20_000)
    key_right = 97 - (first * 100_000 + last // 100) % 97 == last % 100
    return first // 1000 == told and key_right and not is_among(tables[5], np.uint64(first))


@kernel(f"void({_COLUMNS}, {_TABLES}, boolean[::1])", allocates=False)
def clear_rows(columns: Any, tables: Any, suspect: Any) -> Any:
    """Say of each row whether it may break a rule.

    ``tables``: codes and natures that are right, triggers that are wrong, triggers with a ZFD, kinds of processing that
    are wrong, first eight digits of matricules that are wrong, and a few heads: A02, UPDATE, Z99, A03, A08, VALI, M, F.
    """
    views, valid, _ = columns
    codes, natures, wrong, with_zfd, tests, _, heads = tables
    for row in range(suspect.shape[0]):
        trigger, code = head_of(views[TRIGGER], valid[TRIGGER], row), head_of(views[CODE], valid[CODE], row)
        place = head_of(views[PLACE], valid[PLACE], row)
        authority = head_of(views[AUTHORITY], valid[AUTHORITY], row) >> _FOUR
        odd = head_of(views[DOMAIN], valid[DOMAIN], row) == MISSING or authority & _TWO == _AUTHORITY_MARK
        odd = odd or place & _SIZE < _FIVE or is_among(wrong, trigger)
        odd = odd or not is_among(codes, code) or not is_among(natures, head_of(views[NATURE], valid[NATURE], row))
        odd = odd or is_among(tests, head_of(views[PROCESSING], valid[PROCESSING], row))
        if trigger == heads[0]:
            odd = odd or head_of(views[ACTION], valid[ACTION], row) == heads[1]
        if trigger == heads[2]:
            origin = head_of(views[ORIGIN], valid[ORIGIN], row)
            odd = odd or origin == heads[3] or origin == heads[4]
        if not odd and head_of(views[MATRICULE], valid[MATRICULE], row) != MISSING:
            odd = code != heads[5] or place == MISSING or head_of(views[ATTRIBUTES], valid[ATTRIBUTES], row) != MISSING
            odd = odd or head_of(views[NIA], valid[NIA], row) != MISSING
            told = head_of(views[COLLECTION], valid[COLLECTION], row) & head_of(views[DOCUMENT], valid[DOCUMENT], row)
            if told & head_of(views[INSI_DATE], valid[INSI_DATE], row) == MISSING:
                odd = odd or is_among(with_zfd, trigger)
            odd = odd or not is_plain(columns, tables, row)
        suspect[row] = odd
