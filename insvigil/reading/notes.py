"""Rejects and oddities of a batch, gathered as columns: where, what code, never a value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import dataframely as dy
import numpy as np
import numpy.typing as npt
import polars as pl

from insvigil.frames import Rejects
from insvigil.reading.sources import Source


class Positions(NamedTuple):
    """Where each message of a batch stands."""

    source: npt.NDArray[np.uint32]
    offset: npt.NDArray[np.int64]
    line: npt.NDArray[np.int64]

    def at(self, rows: Any) -> Positions:
        """Return the positions of some messages."""
        return Positions(self.source[rows], self.offset[rows], self.line[rows])


_SCHEMA = pl.Schema(
    {
        "source": pl.UInt32,
        "offset": pl.UInt64,
        "line": pl.UInt32,
        "segment": pl.String,
        "field": pl.UInt16,
        "code": pl.String,
        "rejected": pl.Boolean,
    }
)


_NO_REJECT = Rejects.create_empty()
_COLUMNS = Rejects.column_names()


class Notes:
    """What a batch has to say, in the columns of ``Rejects``."""

    def __init__(self) -> None:
        self._frames: list[pl.DataFrame] = []

    def about(
        self,
        where: Positions,
        *,
        code: pl.Series | str,
        segment: pl.Series | str | None = None,
        field: pl.Series | int | None = None,
        rejected: pl.Series | bool = False,
    ) -> None:
        """Add one row a position; what is the same for all may be given once."""
        if not len(where.source):
            return
        frame = pl.DataFrame(where._asdict()).with_columns(
            (value if isinstance(value, pl.Series) else pl.lit(value)).alias(name)
            for name, value in (("segment", segment), ("field", field), ("code", code), ("rejected", rejected))
        )
        self._frames.append(frame.cast(_SCHEMA))

    def on_source(
        self,
        source: Source,
        code: str,
        *,
        segment: str | None = None,
        field: int | None = None,
        offset: int = 0,
        line: int = 1,
        rejected: bool = False,
    ) -> None:
        """Add one row about a file as a whole, or about one place of it."""
        where = Positions(np.array([source.number], np.uint32), np.array([offset]), np.array([line]))
        self.about(where, code=code, segment=segment, field=field, rejected=rejected)

    def frame(self, sources: Sequence[Source]) -> dy.DataFrame[Rejects]:
        """Return the rows by source and offset."""
        if not self._frames:
            return _NO_REJECT
        notes = pl.concat(self._frames).sort("source", "offset", maintain_order=True)
        paths = pl.Series("path", [source.name for source in sources])
        return Rejects.validate(notes.with_columns(paths.gather(notes["source"]).alias("path")).select(_COLUMNS))
