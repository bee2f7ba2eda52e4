"""VID-HOSP and VID-IPP, the billing files of the DIM: a source to compare identities with, never one that makes them.

Positions: ATIH workbook MCO 2026, sheet VID-HOSP V015 (V014 has the same up to 468), and PSY 2024 for VID-IPP, as
restated in ``docs/reference/formats-read.md``. The billing NIR (insured or beneficiary) is never taken for the INS.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import dataframely as dy
import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from insvigil.errors import SourceError, UsageError
from insvigil.frames import CrossChecks, Rejects
from insvigil.reading.hl7_grammar import string_series
from insvigil.reading.sources import HEAD, PADDING

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
DATES = ("birth_date", "admitted", "discharged")
SEXES = {"1": "M", "2": "F", "3": "I"}

TOO_SHORT, NO_IPP, NOT_ASCII, DATE = "IDV-LEC-511", "IDV-LEC-512", "IDV-LEC-513", "IDV-LEC-514"


class CrossCheck(NamedTuple):
    """The lines of a billing file: read = kept + rejected."""

    rows: dy.DataFrame[CrossChecks]
    rejects: dy.DataFrame[Rejects]
    counts: dict[str, int]


def read_crosschecks(path: Path) -> CrossCheck:
    """Read a VID-HOSP (V014, V015) or VID-IPP file; the layout is told from the lines.

    Raise ``UsageError`` for a missing path, ``SourceError`` for a file that is empty or neither of them.
    """
    path = Path(path)
    if not path.is_file():
        raise UsageError(f"« {path} » n'existe pas ou n'est pas un fichier.", hint="Vérifiez le chemin.")
    buffer = _bytes_of(path)
    head = buffer[: min(len(buffer) - PADDING, HEAD)].tobytes()
    first = head.lstrip(b"\r\n").split(b"\n", 1)[0].rstrip()
    if not first:
        raise SourceError(f"« {path} » est vide.", hint="Vérifiez l'export du DIM.")
    layout = VIDHOSP if first[48:51] == b"V01" else VIDIPP
    begin, end = layout["ipp"]
    if layout is VIDIPP and not (begin <= len(first) < 200 and first[:13].strip(b" 0123456789AB") == b""):
        raise SourceError(
            f"« {path} » n'est ni un VID-HOSP (V014, V015) ni un VID-IPP.", hint="Vérifiez le fichier donné."
        )
    table = _sliced(buffer, layout, len(first))
    # exports trim the blanks that end a line, so one that reaches the IPP is whole; but a last line without its end may
    # have been cut inside of the IPP
    ended = buffer[-PADDING - 1] in b"\r\n\x1a"
    last = pl.int_range(pl.len()) == pl.len() - 1
    reason = (
        pl.when(pl.col("length") < pl.when(last & ~pl.lit(ended)).then(end).otherwise(begin))
        .then(pl.lit(TOO_SHORT))
        .when("strange")
        .then(pl.lit(NOT_ASCII))
        .when(pl.col("ipp").is_null())
        .then(pl.lit(NO_IPP))
    )
    table = table.with_columns(reason.alias("code"))
    kept = table.filter(pl.col("code").is_null())
    unreadable = kept.filter("undated")
    rejects = pl.concat(
        [
            _notes(table.filter(pl.col("code").is_not_null()), path, rejected=True),
            _notes(unreadable.with_columns(code=pl.lit(DATE)), path, rejected=False),
        ]
    ).sort("offset")
    rows = kept.with_columns(
        pl.col("sex").replace_strict(SEXES, default=None),
        *(pl.lit(None, pl.String).alias(name) for name in CrossChecks.column_names() if name not in kept.columns),
    ).select(CrossChecks.column_names())
    counts = {"read": table.height, "kept": kept.height, "folded": 0, "rejected": table.height - kept.height}
    return CrossCheck(CrossChecks.validate(rows), Rejects.validate(rejects), counts)


def _bytes_of(path: Path) -> npt.NDArray[np.uint8]:
    """Return the bytes of a file, read once, with ``PADDING`` zeros after them."""
    with path.open("rb", buffering=0) as stream:
        buffer = np.empty(path.stat().st_size + PADDING, np.uint8)
        held = 0
        while count := stream.readinto(buffer.data[held : len(buffer) - PADDING]):
            held += count
    buffer[held:] = 0
    return buffer[: held + PADDING]


def _sliced(buffer: npt.NDArray[np.uint8], layout: dict[str, Span], width: int) -> pl.DataFrame:
    """Return the fields of each line; ``width`` is the length of one, to know how many to expect."""
    from insvigil.reading.kernels.columns import slice_lines

    size = len(buffer) - PADDING
    words = np.ndarray((len(buffer) - 7,), np.dtype("<u8"), buffer, strides=(1,))
    spans = np.array([(first - 1, last, name in DATES) for name, (first, last) in layout.items()], np.int64)
    room = size // width + 64
    while True:
        views = np.zeros((len(spans), room, 2), np.uint64)
        valid = np.zeros((len(spans), room // 8 + 8), np.uint8)
        lines = np.empty((room, 4), np.int64)
        count, _ = slice_lines(buffer, words, size, spans, views, valid, lines)
        if count <= room:
            break
        room = count
    text = pa.py_buffer(buffer)
    columns = {name: string_series(count, views[number], valid[number], text) for number, name in enumerate(layout)}
    return pl.DataFrame(columns).with_columns(
        offset=pl.Series(lines[:count, 0].astype(np.uint64)),
        line=pl.Series(lines[:count, 1].astype(np.uint32) + 1),
        length=pl.Series(lines[:count, 2]),
        strange=pl.Series(lines[:count, 3] & 1 == 1),
        undated=pl.Series(lines[:count, 3] & 2 == 2),
    )


def _notes(rows: pl.DataFrame, path: Path, *, rejected: bool) -> pl.DataFrame:
    return rows.select(
        pl.lit(0, pl.UInt32).alias("source"),
        pl.lit(str(path)).alias("path"),
        pl.col("offset").cast(pl.UInt64),
        pl.col("line").cast(pl.UInt32),
        pl.lit(None, pl.String).alias("segment"),
        pl.lit(None, pl.UInt16).alias("field"),
        "code",
        pl.lit(rejected).alias("rejected"),
    )
