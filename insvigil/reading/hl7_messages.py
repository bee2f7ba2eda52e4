"""HL7 files to movements: each message is kept, folded or rejected, and what was odd is noted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import reduce

import numpy as np
import numpy.typing as npt
import polars as pl

from insvigil.reading import hl7_grammar, hl7_pam
from insvigil.reading.deviations import deviations_of, shifted_movements, with_movements_in_place
from insvigil.reading.envelopes import Envelope, declared_count
from insvigil.reading.hashes import HashSet
from insvigil.reading.hl7_grammar import Batch, Extraction, Index
from insvigil.reading.notes import Notes, Positions
from insvigil.reading.sources import Piece, Source
from insvigil.settings import ReadingSettings

NO_HEADER, ACKNOWLEDGEMENT, NO_IPP = "IDV-LEC-010", "IDV-LEC-013", "IDV-LEC-011"
CHARSET, ID_REUSED, LATE, SEVERAL_PATIENTS = "IDV-LEC-101", "IDV-LEC-105", "IDV-LEC-107", "IDV-LEC-212"
GLUED, ZBE_SHIFTED, MOVEMENT_REUSED = "IDV-LEC-108", "IDV-LEC-302", "IDV-LEC-308"

_ODD = np.uint64(0x9E3779B97F4A7C15)
"""Sets the hash of one column apart from that of another."""

UTF8, EIGHT_BITS = "UTF-8", "8 bits"


class Hl7Reader:
    """What is remembered from batch to batch of one run."""

    def __init__(self, settings: ReadingSettings) -> None:
        self._settings = settings
        self._plan = hl7_pam.plan()
        self._messages = HashSet()
        self._control_ids = HashSet()
        self._movements = HashSet()
        self._movement_visits = HashSet()
        self._envelopes: dict[int, Envelope] = {}
        self._latest: dict[str, int] = {}

    def read(self, pieces: Sequence[Piece], counts: Counter[str], notes: Notes) -> pl.DataFrame:
        """Return the rows of ``Movements`` of some pieces of files, in order; add to counts and notes."""
        from insvigil.reading.kernels.segments import FLAGS, ORPHAN, PART
        from insvigil.reading.kernels.segments import GLUED as GLUED_FLAG

        batch = Batch.sharing(*(piece.data for piece in pieces))
        index = hl7_grammar.index(self._plan, batch)
        lines = _first_lines(pieces, batch)
        held = np.bincount(index.messages[:, PART], minlength=len(pieces))  # they are in the order of pieces
        where = _positions(pieces, batch, index, lines, held)
        self._check_envelopes(pieces, batch, index, lines, held, notes)
        glued = np.flatnonzero(index.messages[:, FLAGS] & GLUED_FLAG)
        notes.about(where.at(glued), code=GLUED, segment="MSH")
        sources = {piece.source.number: piece.source for piece in pieces}
        for piece, messages in zip(pieces, held.tolist(), strict=True):
            counts["read"] += messages
            piece.source.messages += messages
        already = np.repeat([piece.already_read for piece in pieces], held)
        counts["already_read"] += int(already.sum())
        orphans = ((index.messages[:, FLAGS] & ORPHAN) != 0) & ~already
        notes.about(where.at(orphans), code=NO_HEADER, rejected=True)
        rows = np.flatnonzero(~(already | orphans))
        again = self._messages.add(index.hashes[rows])
        counts["duplicates"] += int(again.sum())
        rows = rows[~again]
        found = hl7_grammar.extract(self._plan, batch, index, rows)
        kept = found.kept
        counts["rejected"] += int(orphans.sum()) + len(rows) - len(kept)
        counts["kept"] += len(kept)
        columns = pl.DataFrame(found.columns).with_row_index("row")
        here = where.at(kept)
        shifted = shifted_movements(columns)
        if shifted.any():
            columns = with_movements_in_place(columns, shifted)
            notes.about(here.at(shifted.to_numpy()), code=ZBE_SHIFTED, segment="ZBE", field=4)
        self._note(found, batch, index, where, notes)
        self._note_deviations(columns, here, notes)
        _note_charsets(columns["charset_declared"], found.natures, sources, here)
        for trigger, times in columns["trigger"].value_counts().iter_rows():
            if trigger not in hl7_pam.EFFECTIVE_TRIGGERS:
                counts["ignored"] += times
                counts[f"ignored_{_printable(trigger)}"] += times
        movements = hl7_pam.movements(columns, here)
        self._note_identifiers(movements, here, counts, notes)
        return movements

    def close(self, source: Source, notes: Notes) -> None:
        """Note what can only be said at the end of a file."""
        for code in self._envelopes.pop(source.number, Envelope()).close():
            notes.on_source(source, code)
        utf8 = any("UTF-8" in name.upper() or "UTF8" in name.upper() for name in source.declared)
        eight = any(mark in name.upper() for name in source.declared for mark in ("8859", "1252", "ANSI", "LATIN"))
        if (UTF8 in source.found and not utf8) or (EIGHT_BITS in source.found and not eight):
            notes.on_source(source, CHARSET, segment="MSH", field=18)

    def _note(self, found: Extraction, batch: Batch, index: Index, where: Positions, notes: Notes) -> None:
        """Note what the grammar remarked: refusals, and the ways it had to take."""
        from insvigil.reading.kernels.segments import REPEATED

        remarks = found.remarks
        if len(remarks.message):
            codes = np.array(self._plan.codes)[remarks.code]
            for row in np.flatnonzero(remarks.rejected & (codes == NO_IPP)):
                begin = int(index.slots[remarks.message[row], 0, 0])
                end = int(index.slots[remarks.message[row], 0, 1])
                if _is_acknowledgement(batch.buffer[begin:end].tobytes()):
                    codes[row] = ACKNOWLEDGEMENT
            notes.about(
                where.at(remarks.message),
                code=pl.Series(codes),
                segment=pl.Series(np.array(self._plan.segments)[remarks.slot]),
                field=pl.Series(remarks.field),
                rejected=pl.Series(remarks.rejected),
            )
        patient = self._plan.segments.index("PID")
        several = np.flatnonzero(index.messages[:, REPEATED] & (1 << patient))
        several = several[np.isin(several, found.kept)]
        notes.about(where.at(several), code=SEVERAL_PATIENTS, segment="PID")

    def _note_deviations(self, columns: pl.DataFrame, here: Positions, notes: Notes) -> None:
        seen = deviations_of(columns, production=self._settings.production)
        if seen.height:
            rows = seen["row"].to_numpy()
            notes.about(here.at(rows), code=seen["code"], segment=seen["segment"], field=seen["field"])

    def _note_identifiers(self, movements: pl.DataFrame, here: Positions, counts: Counter[str], notes: Notes) -> None:
        """Note message and movement identifiers used for two things, and count late messages."""
        named = movements["control_id"].is_not_null().to_numpy()
        control = movements["control_id"].hash().to_numpy() * _ODD ^ movements["sender"].hash().to_numpy()
        again = self._control_ids.add(control[named])
        notes.about(here.at(np.flatnonzero(named)[again]), code=ID_REUSED, segment="MSH", field=10)
        told = (
            movements["movement"].is_not_null() & (movements["movement_action"] == "INSERT").fill_null(False)
        ).arg_true()
        moved = movements.select("movement", "domain", "ipp", "dossier", "visit")[told]
        parts = [column.hash().to_numpy(writable=True) for column in moved]
        known = self._movements.add(parts[0])
        same = self._movement_visits.add(reduce(lambda whole, part: whole * _ODD ^ part, parts))
        notes.about(here.at(told.to_numpy()[known & ~same]), code=MOVEMENT_REUSED, segment="ZBE", field=1)
        late = self._late(movements)
        counts["late"] += int(late.sum())
        for source in np.unique(here.source[late]):
            first = np.flatnonzero(late & (here.source == source))[:1]
            notes.about(here.at(first), code=LATE, segment="MSH", field=7)

    def _late(self, movements: pl.DataFrame) -> npt.NDArray[np.bool_]:
        """Return the messages older than one already received from the same sender."""
        late = np.zeros(movements.height, np.bool_)
        unknown = -(2**63)
        times = movements["message_time"].to_physical().fill_null(unknown).to_numpy()
        senders = movements["sender"].unique().to_list()
        for sender in senders:
            at = slice(None) if len(senders) == 1 else (movements["sender"] == sender).to_numpy()
            told = times[at]
            latest = np.maximum.accumulate(np.concatenate([[self._latest.get(sender, unknown)], told]))
            late[at] = (told < latest[:-1]) & (told != unknown)
            self._latest[sender] = int(latest[-1])
        return late

    def _check_envelopes(
        self, pieces: Sequence[Piece], batch: Batch, index: Index, lines: hl7_grammar.Ints, held: hl7_grammar.Ints,
        notes: Notes,
    ) -> None:  # fmt: skip
        """Compare what envelopes declare with the messages met, those of the pieces before included."""
        if not (len(index.envelopes) or self._envelopes):
            return
        from insvigil.reading.kernels.segments import BEGIN

        first = (np.cumsum(held) - held).tolist()
        before = np.searchsorted(index.messages[:, BEGIN], index.envelopes[:, 1]).tolist()
        counted = np.zeros(len(pieces), np.int64)
        for (part, begin, end, line, one, other), place in zip(index.envelopes.tolist(), before, strict=True):
            piece, segment, upto = pieces[part], f"{chr(one)}{chr(other)}S", place - first[part]
            envelope = self._envelopes.setdefault(piece.source.number, Envelope())
            declared = declared_count(batch.buffer[begin:end].tobytes()) if segment[1] == "T" else None
            for code in envelope.take(segment, declared, upto - int(counted[part])):
                notes.on_source(
                    piece.source,
                    code,
                    segment=segment,
                    field=1 if code != "IDV-LEC-104" else None,
                    offset=begin - int(batch.parts[part, 0]) + piece.offset,
                    line=line + 1 + int(lines[part]),
                )
            counted[part] = upto
        for piece, messages in zip(pieces, (held - counted).tolist(), strict=True):
            if piece.source.number in self._envelopes:
                self._envelopes[piece.source.number].messages += messages


def _note_charsets(declared: pl.Series, natures: hl7_grammar.Ints, sources: dict[int, Source], here: Positions) -> None:
    """Remember what each file declares and what its bytes are."""
    high = np.flatnonzero(natures)
    for pair in np.unique(here.source[high].astype(np.int64) << 2 | natures[high]).tolist():
        sources[pair >> 2].found.add(UTF8 if pair & 3 == 1 else EIGHT_BITS)
    if len(sources) == 1:
        (source,) = sources.values()
        source.declared.update(declared.drop_nulls().unique())
        return
    pairs = pl.DataFrame({"source": here.source, "name": declared})
    for number, name in pairs.drop_nulls().unique().iter_rows():
        sources[number].declared.add(name)


def _printable(trigger: str) -> str:
    """Return a trigger fit for a count's name: what is not one is never shown."""
    return trigger if trigger.isascii() and trigger.isalnum() and len(trigger) == 3 else "?"


def _is_acknowledgement(header: bytes) -> bool:
    fields = header.split(header[3:4]) if len(header) > 4 else []
    return len(fields) > 8 and fields[8][:3] == b"ACK"


def _first_lines(pieces: Sequence[Piece], batch: Batch) -> hl7_grammar.Ints:
    """Return how many lines of its file come before each piece, and move the count of each file on."""
    lines = np.zeros(len(pieces), np.int64)
    for row, piece in enumerate(pieces):
        lines[row] = piece.source.lines
        piece.source.lines += int(batch.parts[row, 2])
    return lines


def _positions(
    pieces: Sequence[Piece], batch: Batch, index: Index, lines: hl7_grammar.Ints, held: hl7_grammar.Ints
) -> Positions:
    """Return where messages stand; ``held``: how many messages each piece has."""
    from insvigil.reading.kernels.segments import BEGIN, LINE

    numbers = np.array([piece.source.number for piece in pieces], np.uint32)
    offsets = np.array([piece.offset for piece in pieces], np.int64) - batch.parts[:, 0]
    begins, first = index.messages[:, BEGIN], index.messages[:, LINE]
    return Positions(numbers.repeat(held), begins + offsets.repeat(held), first + (lines + 1).repeat(held))
