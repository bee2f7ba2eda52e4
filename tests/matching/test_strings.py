"""The byte level: distances and relations of names, held against their slow twins and rapidfuzz."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from insvigil import jit_lines
from insvigil.jit import kernel
from insvigil.matching.encoding import Encoding, name_lines
from insvigil.matching.kernels import codes, lines, strings
from insvigil.matching.kernels import names as naming
from insvigil.texts import buffers
from tests.matching.entries import entry
from tests.references import matching as twin

edit_distance, relate = entry(strings.edit_distance), entry(strings.relate)
hope, relation = entry(naming.hope), entry(naming.relation)
digits_apart, numbers_alike = entry(codes.digits_apart), entry(codes.numbers_alike)
one_character_apart, akin = entry(codes.one_character_apart), entry(jit_lines.akin)

WORDS = st.text("ABEILMNORST", min_size=1, max_size=12)
NAMES = st.lists(WORDS, min_size=1, max_size=3).map(" ".join).filter(lambda name: len(name) <= strings.WIDTH)


@st.composite
def near_names(draw: st.DrawFn) -> tuple[str, str]:
    """Two names, the second often a few slips from the first."""
    name = draw(NAMES)
    other = list(name)
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, max(len(other) - 1, 0)))
        kind = draw(st.integers(0, 4))
        if kind == 0 and other:
            del other[at]
        elif kind == 1:
            other.insert(at, draw(st.sampled_from("ABEILMNORST ")))
        elif kind == 2 and at + 1 < len(other):
            other[at], other[at + 1] = other[at + 1], other[at]
        elif kind == 3 and other:
            other[at] = draw(st.sampled_from("ABEILMNORST"))
        else:
            other = list(" ".join(reversed("".join(other).split(" "))))
    text = " ".join("".join(other).split())[: strings.WIDTH].strip()
    return name, text or draw(NAMES)


def as_bytes(name: str) -> np.ndarray:
    return np.frombuffer(name.ljust(strings.WIDTH, "\0").encode(), np.uint8).copy()


@given(near_names())
def test_edit_distance__is_the_optimal_string_alignment(pair: tuple[str, str]) -> None:
    a, b = pair
    scratch = np.zeros(32, np.uint64)
    found = edit_distance(as_bytes(a), len(a), as_bytes(b), len(b), scratch)
    assert found == twin.edit_distance(a, b) == OSA.distance(a, b)
    assert not scratch.any()


@given(near_names(), st.booleans(), st.booleans())
def test_relate__follows_its_slow_twin_and_is_symmetric(pair: tuple[str, str], sound: bool, skeleton: bool) -> None:
    a, b = pair
    if a == b:
        return
    scratch = np.zeros(32, np.uint64)
    found = relate(as_bytes(a), len(a), as_bytes(b), len(b), sound, skeleton, scratch)
    assert found == twin.relate(a, b, same_sound=sound, same_skeleton=skeleton)
    assert found == relate(as_bytes(b), len(b), as_bytes(a), len(a), sound, skeleton, scratch)


@given(near_names())
def test_relation__from_the_tables_is_that_of_the_texts(pair: tuple[str, str]) -> None:
    names = name_lines(buffers(pl.Series(["", *dict.fromkeys(pair)])))
    chars = names.view(np.uint8)
    p, q = np.uint32(1), np.uint32(len(names) - 1)
    memo = np.zeros((1 << naming.MEMO_BITS) + 32, np.uint64)
    expected = strings.SAME
    if p != q:
        sound, skeleton = (bool(names[p, column] == names[q, column]) for column in (lines.SOUND, lines.SKELETON))
        expected = twin.relate(*pair, same_sound=sound, same_skeleton=skeleton)
    for _ in range(2):  # compared, then from the memo
        assert relation(p, q, names, chars, memo) == relation(q, p, names, chars, memo) == expected
    assert hope(p, q, names) >= expected
    assert relation(np.uint32(0), q, names, chars, memo) == 0


@given(near_names(), near_names(), st.lists(st.integers(0, 4), min_size=6, max_size=6))
def test_hints__tell_every_pair_of_names_that_may_be_alike(
    pair: tuple[str, str], other: tuple[str, str], chosen: list[int]
) -> None:
    names = name_lines(buffers(pl.Series(["", *dict.fromkeys([*pair, *other])])))
    hints = Encoding(*(np.zeros((0, 0), np.uint32) for _ in range(4)), names).hints
    rows = np.zeros((2, lines.WIDTH), np.uint32)
    rows[:, :3] = np.reshape([min(name, len(names) - 1) for name in chosen], (2, 3))
    found = akin(rows, hints, 0, 1)
    for bit, (one, two) in enumerate(jit_lines.MET):
        p, q = rows[0, one], rows[1, two]
        alike, nearly, close = (found >> bit + 8 * level & 1 for level in range(3))
        assert alike >= nearly >= close
        if p and q:
            best = hope(p, q, names)
            assert alike or best == strings.DIFFERENT
            assert nearly or best <= strings.FAINT
            assert close or best <= strings.NEAR
        else:
            assert alike == close == ((one, two) in jit_lines.ALONE)


def test_hints__tell_names_that_are_nothing_alike() -> None:
    texts = ("BOTREL", "MANIASSI", "LEGRAND", "LEGARNDE", "BERNARD", "BERTHOD", "LE GOFF", "GOFF", "ROBERT", "ROBERTIN")
    names = name_lines(buffers(pl.Series(["", *texts])))
    hints = Encoding(*(np.zeros((0, 0), np.uint32) for _ in range(4)), names).hints
    rows = np.zeros((2, lines.WIDTH), np.uint32)
    for pair, levels in enumerate((0, 3, 1, 3, 2)):  # nothing alike, one letter, three letters, a part, the beginning
        rows[0, lines.BIRTH], rows[1, lines.BIRTH] = 2 * pair + 1, 2 * pair + 2
        found = akin(rows, hints, 0, 1)
        assert [found >> 8 * level & 255 for level in range(3)] == [(level < levels) | 1 << 4 for level in range(3)]


@kernel("b1(u4, u4)")
def maybe_alike(x: Any, y: Any) -> Any:
    return codes.maybe_alike(1 << (lines.PHONE + 16), x, y)


@given(st.text("0123456789", min_size=9, max_size=9), st.text("0123456789", min_size=9, max_size=9), st.integers(0, 8))
def test_numbers_alike__is_one_edit_of_nine_digits(number: str, other: str, at: int) -> None:
    changed = number[:at] + other[0] + number[at + 1 :]
    swapped = number[:at] + number[at : at + 2][::-1] + number[at + 2 :]
    packed = np.zeros(4, np.uint32)
    strings.fill_phones(*buffers(pl.Series([number, other, changed, swapped])), packed)
    for text, code in zip((other, changed, swapped), packed[1:], strict=True):
        if text != number:
            assert numbers_alike(packed[0], code) == (OSA.distance(number, text) == 1)
            assert maybe_alike(packed[0], code) >= numbers_alike(packed[0], code)
            assert numbers_alike(code, packed[0]) == numbers_alike(packed[0], code)


@given(st.lists(st.text("0123456789+", max_size=12), max_size=8))
def test_fill_phones__equal_codes_are_equal_texts_and_only_nine_digits_are_packed(texts: list[str]) -> None:
    packed = np.zeros(len(texts), np.uint32)
    strings.fill_phones(*buffers(pl.Series(texts, dtype=pl.String)), packed)
    assert len(set(packed.tolist())) == len(set(texts))
    for text, code in zip(texts, packed.tolist(), strict=True):
        assert (0 < code < lines.PHONE_HASHED) == (len(text) == 9 and text.isdigit())
        assert bool(code) == bool(text)


@given(st.text("0123456789", min_size=13, max_size=13), st.integers(0, 2), st.integers(1900, 2030), st.integers(0, 12))
def test_contradicts__counts_sex_year_and_month(number: str, sex: int, year: int, month: int) -> None:
    packed = np.array([int(number, 16) | 1 << 63, 0], np.uint64)
    found = np.zeros(2, np.bool_)
    strings.contradicts(packed, np.full(2, sex, np.uint32), np.full(2, year << 9 | month << 5 | 1, np.uint32), found)
    wrong = sex > 0 and number[0] in "012" and int(number[0]) != sex
    wrong += year % 100 != int(number[1:3])
    wrong += month > 0 and 1 <= int(number[3:5]) <= 12 and int(number[3:5]) != month
    assert found.tolist() == [wrong >= 2, False]


@given(st.integers(0, 2**52 - 1), st.integers(0, 2**30 - 1))
def test_characters_apart__count_the_groups_of_bits_that_are_not_zero(digits: int, characters: int) -> None:
    assert digits_apart(np.uint64(digits)) == sum(digits >> 4 * k & 15 != 0 for k in range(13))
    one = sum(characters >> 6 * k & 63 != 0 for k in range(5)) == 1
    assert one_character_apart(np.uint32(characters)) == one


@given(st.lists(st.text("0123456789AB", max_size=15), max_size=8))
def test_fill_codes__equal_codes_are_equal_texts(texts: list[str]) -> None:
    for bits, width in ((4, 13), (6, 5)):
        out = np.zeros(len(texts), np.uint64)
        strings.fill_codes(*buffers(pl.Series(texts, dtype=pl.String)), bits, width, out)
        kept = [(text, code) for text, code in zip(texts, out.tolist(), strict=True) if len(text) in (0, width)]
        assert len({text for text, _ in kept}) == len({code for _, code in kept})


@given(st.lists(NAMES, max_size=8))
def test_fill_lists__hashes_each_name_in_order(texts: list[str]) -> None:
    tokens = np.zeros((len(texts), 4), np.uint32)
    strings.fill_lists(*buffers(pl.Series(texts, dtype=pl.String)), tokens)
    for text, row in zip(texts, tokens, strict=True):
        words = text.split(" ")[:4]
        assert np.count_nonzero(row) == len(words)
        for i, word in enumerate(words):
            assert [int(x == row[i]) for x in row[: len(words)]] == [int(other == word) for other in words]
