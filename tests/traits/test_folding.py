"""Folding: total on Unicode, blind to case and accents, and the same as its slow twin."""

from __future__ import annotations

from string import ascii_uppercase, digits

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from insvigil.texts import buffers
from insvigil.traits.contact import phone_keys
from insvigil.traits.folding import alphabet, folded, series
from insvigil.traits.matricule import validity
from tests.references.traits import fold_slowly, phone_slowly, stands_slowly

ascii_texts = st.lists(st.text(alphabet=st.characters(max_codepoint=127), max_size=14), max_size=12)


@given(ascii_texts, st.sampled_from([(ascii_uppercase, " "), (ascii_uppercase + digits, " "), (digits, "")]))
def test_folded__agrees_with_its_twin(texts: list[str], table: tuple[str, str]) -> None:
    expected = [fold_slowly(text, *table) for text in texts]
    assert folded(pl.Series("x", texts, dtype=pl.String), alphabet(*table)).to_list() == expected


@given(st.lists(st.text(max_size=12) | st.none(), max_size=12))
def test_folded__is_total_and_idempotent(texts: list[str | None]) -> None:
    letters = alphabet(ascii_uppercase)
    once = folded(pl.Series("x", texts, dtype=pl.String), letters)
    assert once.len() == len(texts)
    assert once.str.contains("^[A-Z]+(?: [A-Z]+)*$").all(ignore_nulls=True)
    assert folded(once, letters).equals(once)
    assert folded(once.str.to_lowercase(), letters).equals(once)


@given(st.lists(st.text(alphabet="0123456789 +.a", max_size=14), max_size=12))
def test_phone_keys__agree_with_their_twin(texts: list[str]) -> None:
    assert phone_keys(pl.Series("x", texts, dtype=pl.String)).to_list() == [phone_slowly(text) for text in texts]


@given(
    st.lists(
        st.text(alphabet="012AB9", min_size=12, max_size=16)
        | st.from_regex(r"\A[1-3]\d{2}[0-4]\d(?:2[ABC]|\d\d)\d{6}(?:\d\d)\Z").filter(str.isascii),
        max_size=12,
    )
)
def test_validity__agrees_with_its_twin(texts: list[str]) -> None:
    assert validity(pl.Series("x", texts, dtype=pl.String)).to_list() == [stands_slowly(text) for text in texts]


@pytest.mark.parametrize("texts", [[], ["A"], ["", "B", ""], [None, "C"], ["é", None]])
def test_buffers__and_back(texts: list[str | None]) -> None:
    column = pl.Series("x", texts, dtype=pl.String)
    expected = column.set(column == "", None) if texts else column
    assert series("x", *buffers(column)).equals(expected)
    whole = pl.concat([pl.Series("x", ["Z"]), column, pl.Series("x", ["Z"])])
    assert series("x", *buffers(whole.slice(1, len(texts)))).equals(expected)
