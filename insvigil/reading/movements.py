"""From files to ``Movements``: what is kept, folded, rejected and remarked."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import dataframely as dy
import numpy as np
import numpy.typing as npt
import polars as pl

from insvigil.frames import Movements, Rejects, Sources
from insvigil.reading import hl7_grammar, hl7_pam
from insvigil.reading.hl7_grammar import PADDING, Batch
from insvigil.reading.sources import PIECE, UNREADABLE, Format, Source, digest_of, find_sources, pieces_of
from insvigil.settings import ReadingSettings

Progress = Callable[[int, int], None]


class Reading(NamedTuple):
    """What reading gives: read = kept + folded + rejected, and each folded message says why."""

    sources: dy.DataFrame[Sources]
    movements: dy.DataFrame[Movements]
    rejects: dy.DataFrame[Rejects]
    counts: dict[str, int]


COUNTS = ("read", "kept", "folded", "rejected", "duplicates", "already_read", "ignored")


def read_movements(
    paths: Sequence[Path],
    settings: ReadingSettings,
    *,
    known: Collection[str] = (),
    progress: Progress | None = None,
) -> Reading:
    """Read every file at once; see :func:`iter_movements` for what does not fit in memory."""
    batches = list(iter_movements(paths, settings, known=known, progress=progress))
    counts: Counter[str] = Counter()
    for batch in batches:
        counts.update(batch.counts)
    return Reading(
        Sources.validate(pl.concat([batch.sources for batch in batches]).sort("source")),
        Movements.validate(pl.concat([batch.movements for batch in batches])),
        Rejects.validate(pl.concat([batch.rejects for batch in batches])),
        {name: counts[name] for name in (*COUNTS, *sorted(set(counts) - set(COUNTS)))},
    )


def iter_movements(
    paths: Sequence[Path],
    settings: ReadingSettings,
    *,
    known: Collection[str] = (),
    progress: Progress | None = None,
) -> Iterator[Reading]:
    """Yield the movements of the files in batches of some ten thousand messages, in reading order.

    ``known`` holds digests of files read on other nights: they are named in ``Sources`` and their messages counted
    as folded. A source is reported in the batch that ends it. ``progress`` receives bytes done and bytes in all.
    Raise ``UsageError`` or ``SourceError`` before the first batch when a named path cannot be used.
    """
    sources = find_sources(paths, settings)
    return _Reader(sources, settings, frozenset(known), progress).batches()


def _silent(_done: int, _total: int) -> None:
    """Tell nobody."""


class _Piece(NamedTuple):
    source: Source
    data: bytes
    offset: int
    already_read: bool


class _Reader:
    def __init__(
        self, sources: list[Source], settings: ReadingSettings, known: frozenset[str], progress: Progress | None
    ) -> None:
        self.sources = sources
        self.settings = settings
        self.known = known
        self.progress = progress or _silent
        self.total = sum(source.size for source in sources)
        self.done = 0
        self.digests: set[str] = set()
        self.seen = HashSet()
        self.ids = HashSet()
        self.plan = hl7_pam.plan()

    def batches(self) -> Iterator[Reading]:
        """Yield readings; the last one holds whatever sources remain."""
        pieces: list[_Piece] = []
        ended: list[Source] = []
        filled = 0
        for source in self.sources:
            for piece in self._pieces(source):
                pieces.append(piece)
                filled += len(piece.data)
                if filled >= PIECE:
                    yield self._reading(pieces, ended)
                    pieces, ended, filled = [], [], 0
            ended.append(source)
        yield self._reading(pieces, ended)

    def _pieces(self, source: Source) -> Iterator[_Piece]:
        if source.refusal is not None or source.still_written:
            return
        try:
            whole = source.size <= PIECE
            if not whole or source.compressed:
                source.digest = digest_of(source)
            with source.open() as stream:
                for data, offset in pieces_of(source, stream):
                    if not source.digest:
                        source.digest = hashlib.blake2b(data, digest_size=16).hexdigest()
                    already = source.digest in self.known or source.digest in self.digests
                    yield _Piece(source, data, offset, already)
        except UNREADABLE:
            source.refusal = "IDV-LEC-004"
        except OverflowError:
            source.refusal = "IDV-LEC-005"
        self.digests.add(source.digest)
        self.done += source.size
        self.progress(self.done, self.total)

    def _reading(self, pieces: list[_Piece], ended: list[Source]) -> Reading:
        counts: Counter[str] = Counter(dict.fromkeys(COUNTS, 0))
        notes = _Notes(self.plan.segments)
        movements = self._hl7([piece for piece in pieces if piece.source.format is Format.HL7], counts, notes)
        for source in ended:
            if source.refusal is not None:
                counts["read"] += 1
                counts["rejected"] += 1
                notes.one(source, source.refusal, rejected=True)
            elif source.format is Format.HL7 and not _agree(source):
                notes.one(source, "IDV-LEC-101", segment="MSH", field=18)
        return Reading(
            Sources.validate(_sources_frame(ended, self.known)),
            Movements.validate(movements),
            Rejects.validate(notes.frame(self.sources)),
            dict(counts),
        )

    def _hl7(self, pieces: list[_Piece], counts: Counter[str], notes: _Notes) -> pl.DataFrame:
        batch = _batch_of(pieces)
        where = hl7_grammar.index(self.plan, batch)
        part = where.messages[:, 0]
        number = np.array([piece.source.number for piece in pieces], np.uint32)[part]
        begins = batch.parts[part, 0]
        offset = where.messages[:, 1] - begins + np.array([piece.offset for piece in pieces], np.int64)[part]
        first = np.zeros(len(pieces), np.int64)
        for at, piece in enumerate(pieces):
            first[at] = piece.source.lines
            piece.source.lines += int(batch.parts[at, 2])
        line = where.messages[:, 3] + first[part] + 1
        for source_number, found in zip(*np.unique(number, return_counts=True), strict=True):
            self.sources[source_number].messages += int(found)
        counts["read"] += len(number)
        orphans = (where.messages[:, 4] & 1) == 1
        already = np.array([piece.already_read for piece in pieces], np.bool_)[part]
        notes.many(number, offset, line, np.flatnonzero(orphans & ~already), "IDV-LEC-010", rejected=True)
        counts["already_read"] += int(already.sum())
        counts["rejected"] += int((orphans & ~already).sum())
        rows = np.flatnonzero(~(orphans | already))
        again = self.seen.add(where.hashes[rows])
        counts["duplicates"] += int(again.sum())
        rows = rows[~again]
        counts["folded"] = counts["duplicates"] + counts["already_read"]
        found_fields = hl7_grammar.extract(self.plan, batch, where, rows)
        kept = found_fields.kept
        counts["kept"] += len(kept)
        counts["rejected"] += len(rows) - len(kept)
        remarks = found_fields.remarks
        notes.remarks(number, offset, line, remarks, self.plan.codes)
        columns = found_fields.columns
        self._note_charsets(number[kept], found_fields.natures, columns["charset_declared"])
        for trigger, times in columns["trigger"].value_counts().iter_rows():
            if trigger not in hl7_pam.EFFECTIVE_TRIGGERS:
                counts["ignored"] += times
                counts[f"ignored_{trigger}"] += times
        return hl7_pam.movements(columns, number[kept], offset[kept], line[kept])

    def _note_charsets(
        self, numbers: npt.NDArray[np.uint32], natures: npt.NDArray[np.int64], declared: pl.Series
    ) -> None:
        seen = pl.DataFrame({"source": numbers, "nature": natures, "declared": declared}).unique()
        for number, nature, name in seen.iter_rows():
            if name is not None:
                self.sources[number].declared.add(name)
            if nature:
                self.sources[number].found.add("UTF-8" if nature == 1 else "8 bits")


def _agree(source: Source) -> bool:
    """Whether what was declared allows what was found (ASCII agrees with everything)."""
    utf8 = any("UTF-8" in name.upper() or "UTF8" in name.upper() for name in source.declared)
    eight = any("8859" in name or "1252" in name or "ANSI" in name.upper() for name in source.declared)
    return ("UTF-8" not in source.found or utf8) and ("8 bits" not in source.found or eight)


def _batch_of(pieces: Sequence[_Piece]) -> Batch:
    buffer = np.empty(sum(len(piece.data) for piece in pieces) + PADDING, np.uint8)
    buffer[-PADDING:] = 0
    parts = np.zeros((len(pieces), 3), np.int64)
    at = 0
    for row, piece in enumerate(pieces):
        end = at + len(piece.data)
        buffer[at:end] = np.frombuffer(piece.data, np.uint8)
        parts[row, :2] = at + (3 if piece.offset == 0 and piece.data.startswith(b"\xef\xbb\xbf") else 0), end
        at = end
    return Batch(buffer, parts)


def _sources_frame(sources: Sequence[Source], known: Collection[str]) -> pl.DataFrame:
    def outcome(source: Source) -> str:
        if source.still_written:
            return "still_written"
        if source.refusal is not None:
            return "refused"
        return "already_read" if source.digest in known else "read"

    return pl.DataFrame(
        {
            "source": [source.number for source in sources],
            "path": [source.name for source in sources],
            "digest": [source.digest for source in sources],
            "size": [source.size for source in sources],
            "format": [source.format.value for source in sources],
            "charset_declared": [", ".join(sorted(source.declared)) or None for source in sources],
            "charset_found": [", ".join(sorted(source.found)) or None for source in sources],
            "outcome": [outcome(source) for source in sources],
            "messages": [source.messages for source in sources],
        },
        schema=Sources.create_empty().schema,
    )


class _Notes:
    """Rejects and oddities of a batch, gathered as arrays."""

    def __init__(self, segments: Sequence[str]) -> None:
        self.segments = segments
        self.frames: list[pl.DataFrame] = []

    def one(
        self, source: Source, code: str, *, segment: str | None = None, field: int | None = None, rejected: bool = False
    ) -> None:
        self._add([source.number], [0], [1], segment, field, code, rejected)

    def many(
        self,
        number: npt.NDArray[np.uint32],
        offset: npt.NDArray[np.int64],
        line: npt.NDArray[np.int64],
        rows: npt.NDArray[np.int64],
        code: str,
        *,
        rejected: bool,
    ) -> None:
        if len(rows):
            self._add(number[rows], offset[rows], line[rows], None, None, code, rejected)

    def remarks(
        self,
        number: npt.NDArray[np.uint32],
        offset: npt.NDArray[np.int64],
        line: npt.NDArray[np.int64],
        remarks: hl7_grammar.Remark,
        codes: Sequence[str],
    ) -> None:
        if not len(remarks.message):
            return
        frame = pl.DataFrame(
            {
                "source": number[remarks.message],
                "offset": offset[remarks.message],
                "line": line[remarks.message],
                "segment": pl.Series(self.segments).gather(remarks.slot),
                "field": remarks.field,
                "code": pl.Series(list(codes)).gather(remarks.code),
                "rejected": remarks.rejected,
            }
        )
        self.frames.append(frame.cast(_NOTES))

    def _add(self, source, offset, line, segment, field, code, rejected) -> None:  # type: ignore[no-untyped-def]
        frame = pl.DataFrame({"source": source, "offset": offset, "line": line})
        frame = frame.with_columns(
            pl.lit(segment, pl.String).alias("segment"),
            pl.lit(field, pl.UInt16).alias("field"),
            pl.lit(code).alias("code"),
            pl.lit(rejected).alias("rejected"),
        )
        self.frames.append(frame.cast(_NOTES))

    def frame(self, sources: Sequence[Source]) -> pl.DataFrame:
        """Return the rows of ``Rejects``, by source and offset."""
        schema = Rejects.create_empty().schema
        if not self.frames:
            return pl.DataFrame(schema=schema)
        notes = pl.concat(self.frames).sort("source", "offset", maintain_order=True)
        paths = pl.Series("path", [source.name for source in sources])
        return notes.with_columns(paths.gather(notes["source"]).alias("path")).select(schema.names())


_NOTES = pl.Schema(
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


class HashSet:
    """The hashes met in a run: 8 bytes each, in a table at most half full."""

    def __init__(self) -> None:
        self.table = np.zeros(1 << 16, np.uint64)
        self.count = 0

    def add(self, hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
        """Return, for each hash, whether it was met before (in this call too)."""
        from insvigil.reading.kernels.seen import mark_seen

        if 2 * (self.count + len(hashes)) > len(self.table):
            held = self.table[self.table != 0]
            size = len(self.table)
            while 2 * (self.count + len(hashes)) > size:
                size *= 2
            self.table = np.zeros(size, np.uint64)
            mark_seen(held, self.table, np.empty(len(held), np.uint8))
        seen = np.empty(len(hashes), np.uint8)
        self.count += mark_seen(np.ascontiguousarray(hashes), self.table, seen)
        return seen.astype(np.bool_)
