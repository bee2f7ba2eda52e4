"""VID-HOSP and VID-IPP, the billing files of the DIM: a source to compare identities with, never one that makes them.

Positions: ATIH workbook MCO 2026, sheet VID-HOSP V015 (V014 has the same up to 468), and PSY 2024 for VID-IPP, as
restated in ``docs/reference/formats-read.md``. The billing NIR (insured or beneficiary) is never taken for the INS.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import polars as pl
import pyarrow as pa

from insvigil.frames import CrossChecks
from insvigil.reading.hl7_grammar import Batch, string_series, words_of
from insvigil.reading.notes import Notes, Positions
from insvigil.reading.sources import HEAD, Format, Piece, Source

Span = tuple[int, int]
"""First and last position of a field, counted from 1."""

VIDHOSP: dict[str, Span] = {
    "insured_nir": (1, 15),
    "birth_date": (20, 27),
    "sex": (28, 28),
    "dossier": (29, 48),
    "format": (49, 52),
    "billing_nir": (62, 76),
    "mother_dossier": (140, 159),
    "visit": (181, 189),
    "birth_rank": (190, 190),
    "beneficiary_rank": (191, 193),
    "admitted": (275, 282),
    "discharged": (283, 290),
    "ipp": (354, 373),
    "matricule": (374, 388),
}
VIDIPP: dict[str, Span] = {
    "insured_nir": (1, 15),
    "birth_date": (16, 23),
    "sex": (24, 24),
    "format": (49, 52),
    "billing_nir": (62, 76),
    "birth_rank": (77, 77),
    "beneficiary_rank": (78, 80),
    "ipp": (81, 100),
    "matricule": (121, 135),
}
LAYOUTS = {Format.VIDHOSP: VIDHOSP, Format.VIDIPP: VIDIPP}
DATES = ("birth_date", "admitted", "discharged")
SEXES = {"1": "M", "2": "F", "3": "I"}

BILLING, TOO_SHORT, NO_IPP, NOT_ASCII, DATE = "IDV-LEC-510", "IDV-LEC-511", "IDV-LEC-512", "IDV-LEC-513", "IDV-LEC-514"
MINIMUM = 32
"""Bytes of a line that room is made for, at least."""


class BillingReader:
    """Lines of billing files of one layout: each is kept, folded (its file was met in this run) or rejected."""

    def __init__(self, layout: dict[str, Span]) -> None:
        self._layout = layout

    def read(self, pieces: Sequence[Piece], counts: Counter[str], notes: Notes) -> pl.DataFrame:
        """Return the rows of ``CrossChecks`` of some pieces of files, in order; add to counts and notes."""
        return pl.concat([self._kept(piece, counts, notes) for piece in pieces])

    def close(self, source: Source, notes: Notes) -> None:
        """Note that the file makes no identity."""
        notes.on_source(source, BILLING)

    def _kept(self, piece: Piece, counts: Counter[str], notes: Notes) -> pl.DataFrame:
        lines = self._sliced(piece)
        piece.source.messages += lines.height
        counts["read"] += lines.height
        if piece.already_read:
            counts["already_read"] += lines.height
            return CrossChecks.create_empty()
        lines = lines.with_columns(self._refusal(ended=piece.data[-1] in b"\r\n\x1a").alias("code"))
        refused = lines.filter(pl.col("code").is_not_null())
        kept = lines.filter(pl.col("code").is_null())
        notes.about(_places(refused), code=refused["code"], rejected=True)
        notes.about(_places(kept.filter("undated")), code=DATE)
        counts["rejected"] += refused.height
        counts["kept"] += kept.height
        counts["billed"] += kept.height
        return kept.with_columns(
            pl.col("sex").replace_strict(SEXES, default=None),
            *(pl.lit(None, pl.String).alias(name) for name in CrossChecks.column_names() if name not in kept.columns),
        ).select(CrossChecks.column_names())

    def _refusal(self, *, ended: bool) -> pl.Expr:
        """Return the code of a line that cannot be kept, null for the others.

        Exports trim the blanks that end a line, so one that reaches the IPP is whole; but a last line without its end
        may have been cut inside of the IPP.
        """
        begin, end = self._layout["ipp"]
        last = pl.int_range(pl.len()) == pl.len() - 1
        return (
            pl.when(pl.col("length") < pl.when(last & ~pl.lit(ended)).then(end).otherwise(begin))
            .then(pl.lit(TOO_SHORT))
            .when("strange")
            .then(pl.lit(NOT_ASCII))
            .when(pl.col("ipp").is_null())
            .then(pl.lit(NO_IPP))
        )

    def _sliced(self, piece: Piece) -> pl.DataFrame:
        """Return the fields of each line of a piece, and where it stands."""
        from insvigil.reading.kernels.columns import slice_lines
        from insvigil.reading.kernels.views import INLINE

        batch = Batch.sharing(piece.data)
        begin, end = batch.parts[0, :2].tolist()
        if piece.offset == 0 and batch.buffer[begin : begin + 3].tobytes() == _BOM:
            begin += 3
        buffer, size = batch.buffer[begin:], end - begin
        spans = np.array([(first - 1, last, name in DATES) for name, (first, last) in self._layout.items()], np.int64)
        first = buffer[: min(size, HEAD)].tobytes().lstrip(b"\r\n").split(b"\n", 1)[0]
        room = size // max(len(first), MINIMUM) + 64
        widths = spans[:, 1] - spans[:, 0]
        while True:
            views = np.zeros((len(spans), room, 2), np.uint64)
            valid = np.zeros((len(spans), room // 8 + 8), np.uint8)
            texts = np.empty(room * int(widths[widths > INLINE].sum()) + 8, np.uint8)
            lines = np.empty((room, 4), np.int64)
            count, met = slice_lines(buffer, words_of(buffer), size, spans, views, valid, words_of(texts), lines)
            if count <= room:
                break
            room = count
        before, piece.source.lines = piece.source.lines, piece.source.lines + met
        held = pa.py_buffer(texts)
        columns = {
            name: string_series(count, views[number], valid[number], held) for number, name in enumerate(self._layout)
        }
        return pl.DataFrame(columns).with_columns(
            source=pl.lit(piece.source.number, pl.UInt32),
            offset=pl.Series((lines[:count, 0] + (piece.offset + end - size - batch.parts[0, 0])).astype(np.uint64)),
            line=pl.Series((lines[:count, 1] + (before + 1)).astype(np.uint32)),
            length=pl.Series(lines[:count, 2]),
            strange=pl.Series(lines[:count, 3] & 1 == 1),
            undated=pl.Series(lines[:count, 3] & 2 == 2),
        )


_BOM = b"\xef\xbb\xbf"


def _places(lines: pl.DataFrame) -> Positions:
    return Positions(*(lines[name].to_numpy() for name in Positions._fields))
