"""Rewriting: whatever the path, the result is the rule applied to each row."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from insvigil.traits.rewriting import present, rewrite, rewrite_known

texts = st.lists(st.sampled_from(["a", "b", "é", " "]) | st.none(), max_size=30)


@given(texts)
def test_rewrite__is_the_rule_row_by_row(texts: list[str | None]) -> None:
    column = pl.Series("x", texts, dtype=pl.String)
    assert rewrite(column, lambda s: s.str.to_uppercase()).cast(pl.String).to_list() == [t and t.upper() for t in texts]


@given(texts)
def test_rewrite_known__is_the_rule_row_by_row_and_never_sees_a_null(texts: list[str | None]) -> None:
    column = pl.Series("x", texts, dtype=pl.String)

    def rule(known: pl.Series) -> pl.Series:
        assert not known.null_count()
        return known.str.len_chars()

    result = rewrite_known(column, rule)
    assert (result.name, result.dtype) == ("x", pl.UInt32)
    assert result.to_list() == [None if text is None else len(text) for text in texts]


def test_rewrite__looks_at_each_value_once() -> None:
    sizes: list[int] = []

    def rule(texts: pl.Series) -> pl.Series:
        sizes.append(texts.len())
        return texts

    rewrite(pl.Series("x", ["A", "B", None] * 20_000), rule)
    assert sizes == [3]  # A, B and nothing


def test_rewrite__the_null_value_of_hl7_is_absent() -> None:
    assert present(pl.Series(["A", '""', "", None])).to_list() == ["A", None, None, None]
    assert rewrite(pl.Series(["A", '""', "", None]), lambda texts: texts + "B").to_list() == ["AB", None, None, None]
