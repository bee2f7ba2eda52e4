"""A received column rewritten to comparison keys, each of its distinct values once."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from insvigil.distinct import Distinct, pieces_of
from insvigil.vocabulary import DELETED

Rewrite = Callable[[pl.Series], pl.Series]


def present(texts: pl.Series) -> pl.Series:
    """Return the texts where the HL7 null value and the empty string are null."""
    if texts.null_count() == texts.len() or not (texts.str.len_bytes() <= len(DELETED)).any():
        return texts  # 1 ms a million, where comparing takes five
    absent = (texts == DELETED) | (texts == "")
    return texts.set(absent.fill_null(False), None) if absent.any() else texts


def rewrite(column: pl.Series, rule: Rewrite) -> pl.Series:
    """Return ``rule`` applied to each value, as ``Categorical``; ``rule`` maps a text series to one of its length."""
    distinct = Distinct(column)
    return distinct.spread(rule(present(distinct.values)).cast(pl.Categorical))


def rewrite_known(column: pl.Series, rule: Rewrite) -> pl.Series:
    """Return ``rule`` applied to the rows that have a text: for columns whose values nearly all differ."""
    return pl.concat([_known(piece, rule) for piece in pieces_of(column)], rechunk=True)


def _known(texts: pl.Series, rule: Rewrite) -> pl.Series:
    missing = texts.null_count()
    if not missing:
        return rule(texts)
    known = texts.is_not_null()
    results = rule(texts.filter(known))
    if missing == texts.len():
        return pl.Series(texts.name, [None], dtype=results.dtype).new_from_index(0, texts.len())
    return results.gather((known.cast(pl.UInt32).cum_sum() - 1).set(~known, None))
