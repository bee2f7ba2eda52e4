"""Rows that meet by one number: none is forgotten, and few that do not meet are given."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from insvigil.traits.detectors.meetings import MISSING, Longs, borne, meeting, repeated
from insvigil.traits.kernels import mix

NUMBERS = st.lists(st.sampled_from([0, 1, 5, 1 << 40, (1 << 64) - 1]) | st.integers(0, (1 << 64) - 1), max_size=60)
TEXTS = st.lists(st.sampled_from(["", "a", "b", "c"]) | st.none(), max_size=40)
FEW = 0.02
"""Share of rows given that do not meet, at most, in a file whose numbers are drawn."""


def longs(numbers: list[int]) -> Longs:
    return np.array(numbers, np.uint64)


@given(NUMBERS, NUMBERS)
def test_meeting__gives_every_row_whose_number_is_on_the_other_side(some: list[int], others: list[int]) -> None:
    size = min(len(some), len(others))
    some, others = some[:size], others[:size]
    met = [
        (mine != 0 and mine in others) or (theirs != 0 and theirs in some)
        for mine, theirs in zip(some, others, strict=True)
    ]
    assert (meeting(longs(some), longs(others)).to_numpy() >= np.array(met, np.bool_)).all()
    assert not meeting(longs([0] * size), longs([0] * size)).any()


@given(NUMBERS)
def test_repeated__gives_every_row_whose_number_comes_again(numbers: list[int]) -> None:
    again = [number != 0 and numbers.count(number) > 1 for number in numbers]
    assert (repeated(longs(numbers)).to_numpy() >= np.array(again, np.bool_)).all()
    assert not repeated(longs([0] * len(numbers))).any()


def test_meetings__give_few_rows_that_do_not_meet() -> None:
    drawn = np.random.default_rng(3).integers(1, 1 << 63, (2, 50_000)).astype(np.uint64)
    assert meeting(*drawn).mean() < FEW  # type: ignore[operator]
    assert repeated(drawn[0]).mean() < FEW  # type: ignore[operator]


@given(TEXTS, st.integers(1, 4))
def test_borne__gives_the_rows_whose_text_more_than_so_many_have(texts: list[str | None], most: int) -> None:
    column = pl.Series("x", texts, dtype=pl.String)
    expected = [text is not None and texts.count(text) > most for text in texts]
    assert borne(column, more_than=most).to_list() == expected


@given(st.lists(st.tuples(*[st.sampled_from([0, 1, 2, MISSING])] * 2), max_size=40))
def test_mix__numbers_are_equal_where_codes_are_and_0_where_one_is_missing(rows: list[tuple[int, int]]) -> None:
    numbers = np.ones(len(rows), np.uint64)
    for column in range(2):
        mix(numbers, np.array([row[column] for row in rows], np.uint32), MISSING)
    known = {row: int(number) for row, number in zip(rows, numbers, strict=True)}
    assert [known[row] for row in rows] == numbers.tolist()
    assert all((number == 0) == (MISSING in row) for row, number in known.items())
    assert len(set(known.values()) - {0}) == len([row for row in known if MISSING not in row])
