"""Columns of text: as arrays, or apart from what they were read with."""

from __future__ import annotations

import polars as pl
import pyarrow as pa

from insvigil.texts import apart


def test_apart__gives_the_same_frame_without_the_texts_it_was_taken_from() -> None:
    whole = pl.DataFrame({"name": [f"a text of more than twelve letters {n}" for n in range(5_000)] + [None]})
    few = whole.with_row_index("n")[[7, 5_000]]
    alone = apart(few)
    assert alone.equals(few) and alone.schema == few.schema
    held = [sum(buffer.size for buffer in buffers_of(frame)) for frame in (few, alone)]
    assert held[1] < 200 < 100_000 < held[0]


def test_apart__shares_neither_bytes_nor_what_is_missing() -> None:
    """One bit of a batch of Arrow that is still held keeps the whole batch."""
    read = pl.DataFrame(pl.from_arrow(pa.table({"name": [f"a text of many letters {n}" for n in range(999)] + [None]})))
    one, other = ({buffer.address for buffer in buffers_of(frame)} for frame in (read, apart(read)))
    assert not one & other


def buffers_of(frame: pl.DataFrame) -> list[pa.Buffer]:
    held = frame["name"].to_arrow(compat_level=pl.CompatLevel.newest()).buffers()
    return [buffer for buffer in held if buffer]
