"""The texts that many traits share, each kept once in the register: a trait holds the number of its text.

Read back as texts, the traits of five million identities took 7 s of processor to intern, ten columns a row; read back
as numbers, only the two million distinct texts are interned. Numbers are given in the order in which texts come and
never given again before everything is asked anew: a text that no trait holds any more stays.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import polars as pl

_UNKNOWN = 0xFFFFFFFF


class Words:
    """The texts by number, from 0, and those met since they were read."""

    def __init__(self, kept: Iterable[pl.Series] = ()) -> None:
        """``kept``: the texts in the order of their numbers, in pieces."""
        # polars gives each text of its one global table a code, as long as a series holds it
        pieces = [piece.cast(pl.Categorical) for piece in kept]
        self._texts = pl.concat([pl.Series("text", [], pl.Categorical), *(piece.rename("text") for piece in pieces)])
        self._size = self._texts.len()
        self._number = np.full(0, _UNKNOWN, np.uint32)
        self._fresh: list[pl.Series] = []
        if self._size:
            codes = self._texts.to_physical().cast(pl.UInt32).to_numpy()
            self._known_up_to(int(codes.max()))
            self._number[codes] = np.arange(self._size, dtype=np.uint32)

    def numbers(self, column: pl.Series) -> pl.Series:
        """Return the number of each text of a categorical column, null where there is none; new ones get the next."""
        codes = column.to_physical().cast(pl.UInt32)
        self._known_up_to(codes.max())  # type: ignore[arg-type]
        rows = codes.fill_null(0).to_numpy()
        unknown = pl.Series(self._number[rows] == _UNKNOWN) & column.is_not_null() if column.len() else None
        if unknown is not None and unknown.any():
            met = column.filter(unknown).unique(maintain_order=True).rename("text")
            self._number[met.to_physical().cast(pl.UInt32).to_numpy()] = np.arange(
                self._size, self._size + met.len(), dtype=np.uint32
            )
            self._size += met.len()
            self._fresh.append(met)
        found = pl.Series(column.name, self._number[rows])
        return found.set(column.is_null(), None)

    def told(self, numbers: pl.Series) -> pl.Series:
        """Return the texts kept under some numbers, as a categorical column."""
        return self._texts.gather(numbers).rename(numbers.name)

    def met(self) -> pl.DataFrame:
        """Return the texts met since the last call: ``number`` and ``text``; they are to be kept."""
        fresh = pl.concat([pl.Series("text", [], pl.Categorical), *self._fresh])
        first = self._size - fresh.len()
        self._texts = pl.concat([self._texts, fresh])
        self._fresh = []
        return pl.DataFrame([pl.int_range(first, self._size, dtype=pl.UInt32, eager=True).alias("number"), fresh])

    def _known_up_to(self, code: int | None) -> None:
        """Make room for the codes of polars up to ``code``."""
        if code is not None and code >= len(self._number):
            room = np.full(max(code + 1, 2 * len(self._number)), _UNKNOWN, np.uint32)
            room[: len(self._number)] = self._number
            self._number = room
        elif not len(self._number):
            self._number = np.full(1, _UNKNOWN, np.uint32)
