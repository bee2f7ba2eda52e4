"""Columns of text: as arrays, or apart from what they were read with."""

from __future__ import annotations

import polars as pl

from insvigil.texts import apart


def test_apart__gives_the_same_frame_without_the_texts_it_was_taken_from() -> None:
    whole = pl.DataFrame({"name": [f"a text of more than twelve letters {n}" for n in range(5_000)] + [None]})
    few = whole.with_row_index("n")[[7, 5_000]]
    alone = apart(few)
    assert alone.equals(few) and alone.schema == few.schema
    views = [frame["name"].to_arrow(compat_level=pl.CompatLevel.newest()) for frame in (few, alone)]
    held = [sum(buffer.size for buffer in view.buffers() if buffer) for view in views]
    assert held[1] < 200 < 100_000 < held[0]
