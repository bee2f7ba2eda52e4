"""FHIR R4 files of FR Core profiles to movements: Patient and Encounter, one by line (NDJSON) or in Bundles.

A link between two Patients (``replaces``, ``replaced-by``) is a message of its own: a merge, as A40 is, told as soon as
both records are known.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import orjson
import polars as pl

from insvigil.frames import Movements
from insvigil.reading.charsets import UTF8_STEPS
from insvigil.reading.fhir_resources import (
    TIMES,
    Patient,
    Resource,
    encounter_row,
    finished,
    is_named,
    merges_of,
    patient_row,
)
from insvigil.reading.fhir_shapes import Recipe, fill, learn, telling_words
from insvigil.reading.hashes import HashSet
from insvigil.reading.hl7_grammar import Batch
from insvigil.reading.notes import Notes, Positions
from insvigil.reading.sources import Piece, Source

UNREADABLE, NO_PATIENT, OTHER_TYPE, LINK_UNKNOWN = "IDV-LEC-401", "IDV-LEC-402", "IDV-LEC-405", "IDV-LEC-406"

ALIKE = 4
"""Lines of one shape in a batch from which it is worth learning it."""

Ints = npt.NDArray[np.int64]


class _Lines(NamedTuple):
    """The resources of a batch, one a line: see ``kernels/json_lines.py`` for the tables."""

    batch: Batch
    table: Ints
    hashes: npt.NDArray[np.uint64]
    strings: Ints

    def of(self, row: int) -> bytes:
        """Return the bytes of a line."""
        return self.batch.buffer[self.table[row, 1] : self.table[row, 2]].tobytes()


class FhirReader:
    """What is remembered from batch to batch of one run: digests, shapes, who each Patient is, links that wait."""

    def __init__(self) -> None:
        self._seen = HashSet()
        self._recipes: dict[int, Recipe | None] = {}
        self._patients: dict[str, Patient] = {}
        self._waiting: list[tuple[Resource, Positions, Any]] = []

    def read(self, pieces: Sequence[Piece], counts: Counter[str], notes: Notes) -> pl.DataFrame:
        """Return the rows of ``Movements`` of some pieces of files, in order; add to counts and notes."""
        collecting = gc.isenabled()
        gc.disable()  # nothing here makes cycles, and each pass would walk every row kept so far
        try:
            return self._read(pieces, counts, notes)
        finally:
            if collecting:
                gc.enable()

    def close(self, source: Source, notes: Notes) -> None:
        """Note the links of a file whose other record was not met."""
        for _, where, _ in self._waiting:
            if where.source[0] == source.number:
                notes.about(where, code=LINK_UNKNOWN)

    def _read(self, pieces: Sequence[Piece], counts: Counter[str], notes: Notes) -> pl.DataFrame:
        lines = _lines(pieces)
        where = _positions(pieces, lines)
        for piece, read in zip(pieces, np.bincount(lines.table[:, 0], minlength=len(pieces)).tolist(), strict=True):
            piece.source.messages += read
            piece.source.found.add("UTF-8")
        counts["read"] += len(lines.table)
        already = np.array([piece.already_read for piece in pieces], np.bool_)[lines.table[:, 0]]
        counts["already_read"] += int(already.sum())
        rows = np.flatnonzero(~already)
        again = self._seen.add(lines.hashes[0, rows])
        counts["duplicates"] += int(again.sum())
        rows = rows[~again]
        recipes, of = self._recipes_of(lines, rows)
        alike, others = rows[of >= 0], rows[of < 0]
        frames = [self._filled(lines, alike, recipes, of[of >= 0], where, notes)]
        frames += self._one_by_one(lines, others, where, counts, notes)
        counts["kept"] += sum(frame.height for frame in frames)
        return _in_order(frames)

    def _recipes_of(self, lines: _Lines, rows: Ints) -> tuple[list[Recipe], Ints]:
        """Return the recipes used and, for each row, the number of its own (-1: read it by itself)."""
        shapes, first, inverse, times = np.unique(
            lines.hashes[1, rows], return_index=True, return_inverse=True, return_counts=True
        )
        numbers = np.full(len(shapes), -1, np.int64)
        recipes: list[Recipe] = []
        for number, shape in enumerate(shapes.tolist()):
            row = int(rows[first[number]])
            if shape not in self._recipes and times[number] >= ALIKE and not lines.table[row, 6]:
                begin, held, size = lines.table[row, [1, 4, 5]]
                self._recipes[shape] = learn(lines.of(row), lines.strings[held : held + size] - begin)
            recipe = self._recipes.get(shape)
            if recipe is not None:
                numbers[number] = len(recipes)
                recipes.append(recipe)
        return recipes, np.where(lines.table[rows, 6] == 0, numbers[inverse], -1)

    def _filled(
        self, lines: _Lines, rows: Ints, recipes: list[Recipe], of: Ints, where: Positions, notes: Notes
    ) -> pl.DataFrame:
        """Return the Patients that are read by recipes."""
        columns = fill([*_TEXTS, "id"], lines.batch.buffer, lines.strings, lines.table[rows, 4], recipes, of)
        known = zip(columns["domain"].fill_null("").to_list(), columns["ipp"].to_list(), strict=True)
        self._patients.update(zip(("Patient/" + columns.pop("id")).to_list(), known, strict=True))
        for number, recipe in enumerate(recipes):
            for code in recipe.codes:
                notes.about(where.at(rows[of == number]), code=code)
        return _frame(columns, where.at(rows))

    def _one_by_one(
        self, lines: _Lines, rows: Ints, where: Positions, counts: Counter[str], notes: Notes
    ) -> list[pl.DataFrame]:
        """Return what is read as Python objects: odd Patients, then Encounters, then merges."""
        kept: list[tuple[int, Resource]] = []
        encounters: list[tuple[int, Resource]] = []
        for row in rows.tolist():
            resource = _loaded(lines.of(row))
            kind = None if resource is None else resource.get("resourceType")
            if resource is None or kind not in ("Patient", "Encounter"):
                _reject(where.at([row]), UNREADABLE if resource is None else OTHER_TYPE, counts, notes)
            elif kind == "Encounter":
                encounters.append((row, resource))
            elif (found := self._patient(resource, where.at([row]), counts, notes)) is not None:
                kept.append((row, found))
        for row, resource in encounters:
            if (found := self._encounter(resource, where.at([row]), counts, notes)) is not None:
                kept.append((row, found))
        frames = [_frame_of([found for _, found in kept], where.at([row for row, _ in kept]))] if kept else []
        return frames + self._merges(counts)

    def _patient(self, patient: Resource, where: Positions, counts: Counter[str], notes: Notes) -> Resource | None:
        try:
            row, codes = patient_row(patient)
            if not is_named(row):
                _reject(where, NO_PATIENT, counts, notes)
                return None
            self._patients[f"Patient/{patient.get('id')}"] = row["domain"], row["ipp"]
            if merges_of(patient, self._patients):
                self._waiting.append((patient, where, row.get("message_time")))
        except _NOT_FHIR:
            _reject(where, UNREADABLE, counts, notes)
            return None
        for code in codes:
            notes.about(where, code=code)
        return row

    def _encounter(self, encounter: Resource, where: Positions, counts: Counter[str], notes: Notes) -> Resource | None:
        try:
            row = encounter_row(encounter, self._patients)
        except _NOT_FHIR:
            _reject(where, UNREADABLE, counts, notes)
            return None
        if is_named(row):
            return row
        _reject(where, NO_PATIENT, counts, notes)
        return None

    def _merges(self, counts: Counter[str]) -> list[pl.DataFrame]:
        """Return the merges whose two records are known by now; each counts as a message read."""
        rows: list[Resource] = []
        places: list[Positions] = []
        waiting = []
        for patient, where, time in self._waiting:
            pairs = merges_of(patient, self._patients)
            told = {pair for pair in pairs if pair[0] and pair[1] and pair[0] != pair[1]}
            for survivor, eliminated in sorted(told, key=str):
                if survivor is not None and eliminated is not None:
                    row = {"trigger": "A40", "message_time": time, "domain": survivor[0], "ipp": survivor[1]}
                    rows.append(row | {"merged_domain": eliminated[0], "merged_ipp": eliminated[1]})
                    places.append(where)
            if any(pair[0] is None or pair[1] is None for pair in pairs):
                waiting.append((patient, where, time))
        self._waiting = waiting
        counts["read"] += len(rows)
        if not rows:
            return []
        together = (np.concatenate(column) for column in zip(*places, strict=True))
        return [_frame_of(rows, Positions(*together))]


_NOT_FHIR = (AttributeError, TypeError, KeyError, IndexError)


def _reject(where: Positions, code: str, counts: Counter[str], notes: Notes) -> None:
    counts["rejected"] += 1
    notes.about(where, code=code, rejected=True)


def _lines(pieces: Sequence[Piece]) -> _Lines:
    """Return the resources of some pieces, one a line, and where their strings are."""
    from insvigil.reading.kernels.json_lines import LINE_COLUMNS, scan_lines

    batch = Batch.of(*(piece.data if piece.source.by_line else b"\n".join(_documents(piece)) for piece in pieces))
    for piece, part in zip(pieces, batch.parts, strict=True):
        if piece.source.by_line and piece.offset == 0 and batch.buffer[part[0] : part[0] + 3].tobytes() == _BOM:
            batch.buffer[part[0] : part[0] + 3] = ord(" ")
    size = len(batch.buffer)
    meaning = (telling_words(), UTF8_STEPS)
    room, held = size // 200 + 64, size // 30 + 64
    while True:
        table = np.empty((room, LINE_COLUMNS), np.int64)
        hashes = np.empty((2, room), np.uint64)
        strings = np.empty((held, 2), np.int64)
        count, used = scan_lines(batch.buffer, batch.words, batch.parts, meaning, table, hashes, strings)
        if count <= room and used <= held:
            return _Lines(batch, table[:count], hashes[:, :count], strings[:used])
        room, held = max(room, count), max(2 * held, used)


_BOM = b"\xef\xbb\xbf"


def _documents(piece: Piece) -> Iterator[bytes]:
    """Yield the resources of a file that is one JSON document; ``null`` for what is none."""
    document = _loaded(bytes(piece.data).removeprefix(_BOM))
    if document is not None and document.get("resourceType") == "Bundle":
        entries = document.get("entry")
        for entry in entries if isinstance(entries, list) else ():
            yield orjson.dumps(entry.get("resource") if isinstance(entry, dict) else None)
    else:
        yield b"null" if document is None else orjson.dumps(document)


def _positions(pieces: Sequence[Piece], lines: _Lines) -> Positions:
    """Return where each line stands in its file; resources of one document stand where it does."""
    part = lines.table[:, 0]
    by_line = np.array([piece.source.by_line for piece in pieces], np.bool_)[part]
    before = np.zeros(len(pieces), np.int64)
    for row, piece in enumerate(pieces):
        before[row] = piece.source.lines
        if piece.source.by_line:
            piece.source.lines += int(lines.batch.parts[row, 2])
    offset = np.array([piece.offset for piece in pieces], np.int64)[part]
    inside = lines.table[:, 1] - lines.batch.parts[part, 0]
    return Positions(
        np.array([piece.source.number for piece in pieces], np.uint32)[part],
        np.where(by_line, offset + inside, offset),
        np.where(by_line, before[part] + lines.table[:, 3] + 1, 1),
    )


def _loaded(raw: bytes) -> Resource | None:
    try:
        loaded = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return loaded if isinstance(loaded, dict) else None


_SCHEMA = Movements.create_empty().schema
_PLACE = ("source", "offset", "line")
_TEXTS = [name for name, kind in _SCHEMA.items() if kind == pl.String or name in TIMES]


def _frame_of(rows: list[Resource], where: Positions) -> pl.DataFrame:
    """Return rows given as objects; what is not text where text belongs is missing."""
    columns = {name: _column([row.get(name) for row in rows]) for name in _TEXTS}
    return _frame(columns, where)


def _column(values: list[Any]) -> pl.Series:
    try:
        texts = pl.Series(values, dtype=pl.String)
    except TypeError:
        texts = pl.Series([value if isinstance(value, str) else None for value in values], dtype=pl.String)
    return texts.set(texts == "", None)


def _frame(columns: dict[str, pl.Series], where: Positions) -> pl.DataFrame:
    placed = pl.DataFrame(where._asdict(), schema={name: _SCHEMA[name] for name in _PLACE})
    frame = finished(placed.with_columns(series.alias(name) for name, series in columns.items()))
    return frame.with_columns(
        pl.col("sender").fill_null("FHIR"),
        pl.col("domain").fill_null(""),
        pl.lit(None, _SCHEMA["event_time"]).alias("event_time"),
        pl.when(pl.col("merged_ipp").is_not_null()).then(pl.col("merged_domain").fill_null("")).alias("merged_domain"),
    ).select(_SCHEMA.names())


def _in_order(frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Return the rows by place; those of one place keep the order of the frames."""
    filled = [frame for frame in frames if frame.height]
    if len(filled) == 1:
        return filled[0]
    return pl.concat(filled).sort("source", "offset", maintain_order=True) if filled else Movements.create_empty()
