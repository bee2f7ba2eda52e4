"""Matricules: the published keys, Corsica, what is refused, what a one-digit error costs."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from insvigil.traits.matricule import is_valid, key_of, kinds, matricules

# CNAM nir-validation 2.0.0 and recomputed vectors
KEYS = {
    "2550814168025": 38, "2940375120005": 91, "1531245007231": 60, "284052A321025": 52, "284052B321025": 79,
    "2840588321025": 32, "284202B321025": 28, "284992B321025": 31, "2951099126111": 93, "253072A073004": 43,
    "253072B073004": 70, "2550149588157": 23, "1850575123456": 73,
}  # fmt: skip


def test_key_of__gives_the_published_keys() -> None:
    assert {thirteen: key_of(thirteen) for thirteen in KEYS} == KEYS


@pytest.mark.parametrize("text", ["", "255081416802", "25508141680251", "25508141680AB", "２550814168025"])
def test_key_of__refuses_what_is_no_matricule(text: str) -> None:
    with pytest.raises(ValueError, match="13 caractères"):
        key_of(text)


@pytest.mark.parametrize(("thirteen", "key"), KEYS.items())
def test_is_valid__accepts_the_right_key_only(thirteen: str, key: int) -> None:
    assert is_valid(f"{thirteen}{key:02d}")
    assert is_valid(f" {thirteen[0]} {thirteen[1:7].lower()} {thirteen[7:]} {key:02d}")
    assert not is_valid(f"{thirteen}{key % 97 + 1:02d}")
    assert not is_valid(thirteen)


@pytest.mark.parametrize(
    "thirteen",
    [
        "7550814168025",
        "8550814168025",
        "5550814168025",
        "3550814168025",
        "0550814168025",
        "2551314168025",
        "2551914168025",
    ],
)
def test_is_valid__refuses_other_numbers_even_with_their_key(thirteen: str) -> None:
    assert not is_valid(f"{thirteen}{key_of(thirteen):02d}")


def test_is_valid__published_examples_with_a_wrong_key_are_refused() -> None:
    assert not is_valid("276037510669380")
    assert not is_valid("260058815400244")


valid = st.builds(
    lambda sex, year, month, place, order: f"{sex}{year:02d}{month:02d}{place}{order:03d}",
    st.sampled_from("12"),
    st.integers(0, 99),
    st.integers(1, 12),
    st.sampled_from(["75112", "2A004", "2B033", "97209", "99352", "01053"]),
    st.integers(1, 999),
)


@given(valid, st.integers(0, 14), st.integers(1, 9))
def test_is_valid__any_one_digit_error_is_caught(thirteen: str, place: int, shift: int) -> None:
    whole = f"{thirteen}{key_of(thirteen):02d}"
    assert is_valid(whole)
    if whole[place].isdigit():
        wrong = whole[:place] + str((int(whole[place]) + shift) % 10) + whole[place + 1 :]
        assert not is_valid(wrong)


@given(st.lists(st.text(max_size=20) | st.text(alphabet="0123456789AB ", max_size=18), max_size=10))
def test_matricules__are_total(texts: list[str]) -> None:
    thirteen, valid = matricules(pl.Series("m", texts, dtype=pl.String))
    assert len(thirteen) == len(valid) == len(texts)
    assert not valid.filter(thirteen.is_null()).any()


def test_matricules__foreign_and_short_numbers_are_compared_and_not_valid() -> None:
    thirteen, valid = matricules(pl.Series(["1234567", "000", "abc", None, "2550814168025", "2 55 08 14 168 025 38"]))
    assert thirteen.to_list() == ["1234567", None, None, None, "2550814168025", "2550814168025"]
    assert valid.to_list() == [False, None, None, None, False, True]


def test_kinds__name_the_oid() -> None:
    oids = pl.Series(["1.2.250.1.213.1.4.8", "urn:oid:1.2.250.1.213.1.4.9", "1.2.250.1.213.1.4.10", "1.2.3", None])
    assert kinds(oids).to_list() == ["nir", "nia", "test", "other", None]
