"""Distinct values: numbered in order of appearance, told apart by their text whatever their hashes."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from insvigil import numbering
from insvigil.distinct import Distinct
from insvigil.numbering import number
from tests.references.traits import number_slowly


@given(st.lists(st.sampled_from(["", "a", "b", "é", "a longer text than twelve"]) | st.none(), max_size=40))
def test_distinct__values_and_codes_give_the_column_back(texts: list[str | None]) -> None:
    column = pl.Series("x", texts, dtype=pl.String)
    found = Distinct(column)
    assert found.values.to_list() == list(dict.fromkeys(texts))
    assert found.spread(found.values).equals(column)
    assert found.codes.to_list() == [found.values.to_list().index(text) for text in texts]


def test_distinct__spreads_results_over_rows() -> None:
    found = Distinct(pl.Series("x", ["B", None, "A", "B"]))
    assert found.spread(found.values == "B").to_list() == [True, None, False, True]
    nothing = Distinct(pl.Series("x", [None, None], dtype=pl.String))
    assert nothing.spread(nothing.values == "B").to_list() == [None, None]
    assert Distinct(pl.Series("x", [], dtype=pl.String)).spread(pl.Series([], dtype=pl.Int8)).to_list() == []


def test_distinct__two_values_with_one_hash_stay_two(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds: list[int] = []

    def hash_badly(self: pl.Series, seed: int) -> pl.Series:
        seeds.append(seed)
        return pl.Series(np.zeros(self.len(), np.uint64)) if seed == 0 else honest(self, seed)

    honest = pl.Series.hash
    monkeypatch.setattr(pl.Series, "hash", hash_badly)
    assert Distinct(pl.Series(["A", "B", "A"])).codes.to_list() == [0, 1, 0]
    assert seeds == [0, 1]


@given(st.lists(st.integers(0, 40) | st.integers(0, 2**64 - 1), max_size=200), st.integers(1, 4))
def test_number__agrees_with_its_twin_however_often_the_table_grows(hashes: list[int], bits: int) -> None:
    pieces = [np.array(hashes[start : start + 50], np.uint64) for start in range(0, len(hashes), 50)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numbering, "_START", 1 << bits)
        codes, first = number(iter(pieces), len(hashes))
    assert (codes.tolist(), first.tolist()) == number_slowly(hashes)
