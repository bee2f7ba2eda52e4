"""Columns of text as arrays, the way kernels read them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl


class Texts(NamedTuple):
    """Texts as arrays: text ``i`` is the bytes ``data[offsets[i]:offsets[i + 1]]``."""

    offsets: npt.NDArray[np.int64]
    data: npt.NDArray[np.uint8]


def buffers(column: pl.Series) -> Texts:
    """Return the offsets and the bytes of a column of text, read only; a missing text is empty."""
    array = column.fill_null("").rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    _, offsets, data = array.buffers()
    starts = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    return Texts(starts, np.zeros(0, np.uint8) if data is None else np.frombuffer(data, np.uint8))


def apart(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame whose texts are its own: a text of polars keeps all those that were read with it.

    The 49,000 changes of a night kept half a gigabyte of messages so.
    """
    return frame.with_columns(_alone(column) for column in frame if column.dtype == pl.String)


def _alone(column: pl.Series) -> pl.Series:
    """Return a column of text that shares nothing: neither bytes nor which of its rows are missing."""
    copied = column.fill_null("").to_arrow(compat_level=pl.CompatLevel.oldest())
    alone = pl.Series(column.name, pl.from_arrow(copied))
    return alone.set(column.is_null(), None) if column.null_count() else alone
