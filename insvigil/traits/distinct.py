"""Work on the distinct values of a column: a hospital has millions of rows and a few hundred thousand names.

polars interns every ``Categorical`` string in one global table, so the distinct values of a column are found by its
integer codes, and a rewritten column is a gather of codes: no string is touched twice.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import polars as pl

from insvigil.vocabulary import DELETED

Rewrite = Callable[[pl.Series], pl.Series]

_SLICE = 200_000
"""Rows rewritten at a time when nearly all values differ: bounds the memory of intermediate strings."""

_SHORT = 10_000
"""Values under which a column is not worth an estimate."""


class Distinct:
    """The distinct values of a text column and, for each row, the position of its value (null stays null)."""

    def __init__(self, column: pl.Series) -> None:
        if column.null_count() == column.len():  # most extracts lack several traits: 20 ms each a million rows
            self.values: pl.Series = pl.Series(column.name, [], dtype=pl.String)
            self._rows = pl.Series(column.name, [None], dtype=pl.UInt32).new_from_index(0, column.len())
            return
        coded = column.cast(pl.Categorical)
        values = coded.drop_nulls().unique()
        codes = values.to_physical().to_numpy()
        positions: npt.NDArray[np.uint32] = np.zeros(int(codes.max()) + 1 if codes.size else 1, np.uint32)
        positions[codes] = np.arange(codes.size, dtype=np.uint32)
        self.values = values.cast(pl.String)
        rows = coded.to_physical()
        missing = rows.is_null()
        taken = pl.Series(positions[rows.fill_null(0).clip(0, positions.size - 1).to_numpy()])
        self._rows = taken.set(missing, None) if missing.any() else taken

    def spread(self, results: pl.Series) -> pl.Series:
        """Return one result a row, from one result a distinct value."""
        if results.len() == 0:
            return pl.Series(results.name, [None], dtype=results.dtype).new_from_index(0, self._rows.len())
        return results.gather(self._rows)


def present(column: pl.Series) -> pl.Series:
    """Return the column as text where the HL7 null value and the empty string are null."""
    text = column.cast(pl.String)
    absent = (text == DELETED) | (text == "")
    return text.set(absent.fill_null(False), None) if absent.any() else text


def mostly_distinct(column: pl.Series) -> bool:
    """Return whether most values of a long column differ (estimated), so that finding the distinct ones costs more."""
    known = column.len() - column.null_count()
    return known > _SHORT and int(pl.select(pl.lit(column).approx_n_unique()).item()) > known // 2


def rewrite(column: pl.Series, rule: Rewrite) -> pl.Series:
    """Return ``rule`` applied to each value, as ``Categorical``; ``rule`` maps a text series to one of its length.

    ``rule`` sees the distinct values once, or slices of the column when most differ (then
    finding the distinct ones would cost more, and would intern every raw value for ever).
    """
    if mostly_distinct(column):
        pieces = [rule(column.slice(start, _SLICE)).cast(pl.Categorical) for start in range(0, column.len(), _SLICE)]
        return pl.concat(pieces) if len(pieces) > 1 else pieces[0]
    distinct = Distinct(column)
    return distinct.spread(rule(distinct.values).cast(pl.Categorical))
