"""The byte level: distances and relations of names, held against their slow twins and rapidfuzz."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from insvigil.matching.encoding import _buffers, _name_tables
from insvigil.matching.kernels import comparing, strings
from tests.references import matching as twin

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
    found = strings.edit_distance(as_bytes(a), len(a), as_bytes(b), len(b), scratch)
    assert found == twin.edit_distance(a, b) == OSA.distance(a, b)
    assert not scratch.any()


@given(near_names(), st.booleans(), st.booleans())
def test_relate__follows_its_slow_twin_and_is_symmetric(pair: tuple[str, str], sound: bool, skeleton: bool) -> None:
    a, b = pair
    if a == b:
        return
    scratch = np.zeros(32, np.uint64)
    found = strings.relate(as_bytes(a), len(a), as_bytes(b), len(b), sound, skeleton, scratch)
    assert found == twin.relate(a, b, same_sound=sound, same_skeleton=skeleton)
    assert found == strings.relate(as_bytes(b), len(b), as_bytes(a), len(a), sound, skeleton, scratch)


@given(near_names())
def test_relation__from_the_tables_is_that_of_the_texts(pair: tuple[str, str]) -> None:
    names, chars = _name_tables(pl.Series(["", *dict.fromkeys(pair)]))
    p, q = np.uint32(1), np.uint32(len(names) - 1)
    memo = np.zeros((1 << comparing.MEMO_BITS) + 32, np.uint64)
    expected = strings.SAME
    if p != q:
        sound, skeleton = (
            bool(names[p, column] == names[q, column]) for column in (comparing.SOUND, comparing.SKELETON)
        )
        expected = twin.relate(*pair, same_sound=sound, same_skeleton=skeleton)
    for _ in range(2):  # compared, then from the memo
        assert comparing.relation(p, q, names, chars, memo) == comparing.relation(q, p, names, chars, memo) == expected
    assert comparing.hope(p, q, names) >= expected
    assert comparing.relation(np.uint32(0), q, names, chars, memo) == 0


@given(st.integers(0, 2**32 - 1))
def test_bits_of__counts_the_bits_set(number: int) -> None:
    assert comparing.bits_of(np.uint32(number)) == number.bit_count()


@given(st.lists(st.text("0123456789AB", max_size=15), max_size=8))
def test_fill_codes__equal_codes_are_equal_texts(texts: list[str]) -> None:
    for bits, width in ((4, 13), (6, 5)):
        out = np.zeros(len(texts), np.uint64)
        strings.fill_codes(*_buffers(pl.Series(texts, dtype=pl.String)), bits, width, out)
        kept = [(text, code) for text, code in zip(texts, out.tolist(), strict=True) if len(text) in (0, width)]
        assert len({text for text, _ in kept}) == len({code for _, code in kept})


@given(st.lists(NAMES, max_size=8))
def test_fill_lists__hashes_each_name_in_order(texts: list[str]) -> None:
    tokens = np.zeros((len(texts), 4), np.uint32)
    strings.fill_lists(*_buffers(pl.Series(texts, dtype=pl.String)), tokens)
    for text, row in zip(texts, tokens, strict=True):
        words = text.split(" ")[:4]
        assert np.count_nonzero(row) == len(words)
        for i, word in enumerate(words):
            assert [int(x == row[i]) for x in row[: len(words)]] == [int(other == word) for other in words]
