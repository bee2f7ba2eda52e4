"""From files to ``Movements``: what is kept, folded, rejected and remarked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, cast

import dataframely as dy
import polars as pl

from insvigil.frames import CrossChecks, Movements, Rejects, Sources
from insvigil.reading.fhir import FhirReader
from insvigil.reading.hl7_messages import Hl7Reader
from insvigil.reading.notes import Notes
from insvigil.reading.sources import (
    PIECE,
    UNREADABLE,
    Format,
    Piece,
    Room,
    Source,
    digest,
    digest_of,
    find_sources,
    look_at,
    pieces_of,
)
from insvigil.reading.vidhosp import LAYOUTS, BillingReader
from insvigil.settings import ReadingSettings

Progress = Callable[[int, int], None]


class Reading(NamedTuple):
    """What reading gives: read = kept + folded + rejected, and each folded message says why.

    What is kept are messages (``movements``) and lines of billing files (``crosschecks``, counted as ``billed`` too).
    """

    sources: dy.DataFrame[Sources]
    movements: dy.DataFrame[Movements]
    crosschecks: dy.DataFrame[CrossChecks]
    rejects: dy.DataFrame[Rejects]
    counts: dict[str, int]


COUNTS = ("read", "kept", "folded", "rejected", "duplicates", "already_read", "billed", "ignored", "late")


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
    sources = pl.concat([batch.sources for batch in batches]).sort("source")
    # each batch is valid, and no rule of these three looks at two rows: asking again would cost 4 ms
    movements = pl.concat([batch.movements for batch in batches])
    crosschecks = pl.concat([batch.crosschecks for batch in batches])
    rejects = pl.concat([batch.rejects for batch in batches]).sort("source", "offset", maintain_order=True)
    return Reading(
        Sources.validate(sources),
        cast("dy.DataFrame[Movements]", movements),
        cast("dy.DataFrame[CrossChecks]", crosschecks),
        cast("dy.DataFrame[Rejects]", rejects),
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
    as folded; a billing file makes nothing and is compared anew each night that it is given. A source is reported in
    the batch that ends it. ``progress`` receives bytes done and bytes in all.
    Raise ``UsageError`` or ``SourceError`` before the first batch when a named path cannot be used.
    """
    sources = find_sources(paths, settings)
    return _Reader(sources, settings, frozenset(known), progress).batches()


def _silent(_done: int, _total: int) -> None:
    """Tell nobody."""


class _Reader:
    """One run: the files, what was met so far, and how far reading has come."""

    def __init__(
        self, sources: list[Source], settings: ReadingSettings, known: frozenset[str], progress: Progress | None
    ) -> None:
        self._sources = sources
        self._known = known
        self._progress = progress or _silent
        self._total = sum(source.size for source in sources)
        self._done = 0
        self._digests: set[str] = set()
        self._room = Room()
        self._readers: dict[Format, Hl7Reader | FhirReader | BillingReader] = {
            Format.HL7: Hl7Reader(settings),
            Format.FHIR: FhirReader(),
            **{kind: BillingReader(layout) for kind, layout in LAYOUTS.items()},
        }

    def batches(self) -> Iterator[Reading]:
        """Yield readings of one format each; the last one holds whatever sources remain."""
        pieces: list[Piece] = []
        ended: list[Source] = []
        filled = 0
        for source in self._sources:
            if source.still_written:
                ended.append(source)
                continue
            if source.format is Format.UNKNOWN and source.refusal is None:
                look_at(source)
            if pieces and source.format is not pieces[0].source.format:
                yield self._reading(pieces, ended)
                pieces, ended, filled = [], [], 0
            if source.size > PIECE and pieces:  # its pieces live in one buffer: each is a batch of its own
                yield self._reading(pieces, ended)
                pieces, ended, filled = [], [], 0
            for piece in self._pieces(source):
                pieces.append(piece)
                filled += len(piece.data)
                if filled >= PIECE or isinstance(piece.data, memoryview):
                    yield self._reading(pieces, ended)
                    pieces, ended, filled = [], [], 0
            ended.append(source)
        yield self._reading(pieces, ended)

    def _pieces(self, source: Source) -> Iterator[Piece]:
        if source.refusal is None and source.format in self._readers:
            try:
                if (source.size > PIECE or source.compressed) and not source.is_read_once:
                    source.digest = digest_of(source)
                for data, offset in pieces_of(source, self._room):
                    source.digest = source.digest or digest(data)
                    source.already_read = source.digest in self._digests or (
                        source.digest in self._known and source.format not in LAYOUTS
                    )
                    yield Piece(source, data, offset, source.already_read)
                    if not source.compressed:
                        self._progress(min(self._done + offset + len(data), self._total), self._total)
            except UNREADABLE:
                source.refusal = "IDV-LEC-004"
            except OverflowError:
                source.refusal = "IDV-LEC-005"
            self._digests.add(source.digest)
        self._done += source.size
        self._progress(self._done, self._total)

    def _reading(self, pieces: list[Piece], ended: list[Source]) -> Reading:
        counts: Counter[str] = Counter(dict.fromkeys(COUNTS, 0))
        notes = Notes()
        movements, crosschecks = _NO_MOVEMENT, _NO_CROSSCHECK
        if pieces:
            reader = self._readers[pieces[0].source.format]
            if isinstance(reader, BillingReader):
                crosschecks = CrossChecks.validate(reader.read(pieces, counts, notes))
            else:
                movements = Movements.validate(reader.read(pieces, counts, notes))
        for source in ended:
            if source.refusal is not None:
                counts["read"] += 1
                counts["rejected"] += 1
                notes.on_source(source, source.refusal, rejected=True)
            elif source.format in self._readers:
                self._readers[source.format].close(source, notes)
        counts["folded"] = counts["duplicates"] + counts["already_read"]
        return Reading(
            Sources.validate(_sources_frame(ended)) if ended else _NO_SOURCE,
            movements,
            crosschecks,
            notes.frame(self._sources),
            dict(counts),
        )


_NO_SOURCE = Sources.create_empty()
_SOURCES = _NO_SOURCE.schema
_NO_MOVEMENT = Movements.create_empty()
_NO_CROSSCHECK = CrossChecks.create_empty()


def _sources_frame(sources: Sequence[Source]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "source": [source.number for source in sources],
            "path": [source.name for source in sources],
            "digest": [source.digest for source in sources],
            "size": [source.size for source in sources],
            "format": [source.format.value for source in sources],
            "charset_declared": [", ".join(sorted(source.declared)) or None for source in sources],
            "charset_found": [", ".join(sorted(source.found)) or None for source in sources],
            "outcome": [source.outcome for source in sources],
            "messages": [source.messages for source in sources],
        },
        schema=_SOURCES,
    )
