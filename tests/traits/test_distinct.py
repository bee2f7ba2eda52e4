"""Distinct values: whatever the path, the result is the rule applied to each row."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from insvigil.traits import distinct
from insvigil.traits.distinct import Distinct, present, rewrite
from insvigil.traits.lines import rewrite_lines, squeezed


@given(st.lists(st.sampled_from(["a", "b", "é", " "]) | st.none(), max_size=30))
def test_rewrite__is_the_rule_row_by_row(texts: list[str | None]) -> None:
    column = pl.Series("x", texts, dtype=pl.String)
    assert rewrite(column, lambda s: s.str.to_uppercase()).cast(pl.String).to_list() == [t and t.upper() for t in texts]


def test_rewrite__nearly_all_different_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distinct, "_SLICE", 1000)
    monkeypatch.setattr(distinct, "_SHORT", 1000)
    column = pl.Series("x", [f"n{i}" if i % 7 else None for i in range(5500)], dtype=pl.String)
    seen: list[int] = []

    def rule(texts: pl.Series) -> pl.Series:
        seen.append(texts.len())
        return texts.str.to_uppercase()

    result = rewrite(column, rule)
    assert seen == [1000, 1000, 1000, 1000, 1000, 500]
    assert result.cast(pl.String).to_list() == column.str.to_uppercase().to_list()


def test_rewrite__looks_at_each_value_once() -> None:
    sizes: list[int] = []

    def rule(texts: pl.Series) -> pl.Series:
        sizes.append(texts.len())
        return texts

    rewrite(pl.Series("x", ["A", "B", None] * 20_000), rule)
    assert sizes == [2]


def test_distinct__spreads_results_over_rows() -> None:
    column = pl.Series("x", ["B", None, "A", "B"])
    found = Distinct(column)
    assert found.spread(found.values == "B").to_list() == [True, None, False, True]
    nothing = Distinct(pl.Series("x", [None, None], dtype=pl.String))
    assert nothing.spread(pl.Series(dtype=pl.Boolean)).to_list() == [None, None]


def test_present__the_null_value_of_hl7_is_absent() -> None:
    assert present(pl.Series(["A", '""', "", None])).to_list() == ["A", None, None, None]


@given(st.lists(st.text(alphabet=" ab\n", max_size=12), max_size=12))
def test_rewrite_lines__keeps_one_line_a_row(texts: list[str]) -> None:
    expected = [" ".join(text.split()) or None for text in texts]
    assert rewrite_lines(pl.Series("x", texts, dtype=pl.String), squeezed).to_list() == expected
