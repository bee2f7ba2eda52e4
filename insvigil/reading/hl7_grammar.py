"""HL7 v2 bytes to messages, segments, fields, repetitions and components; knows no meaning.

A *plan* says which values are wanted: :class:`Pick` names a column and the place of its value, :class:`Choice` says
which repetition of a field to take. The grammar walks the bytes once and returns the columns as polars series.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from insvigil.reading.charsets import ALREADY, are_utf8, numbers_of, to_utf8
from insvigil.reading.sources import PADDING

Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]


class Relation(IntEnum):
    """What a test asks of a component."""

    EQUALS = 0
    DIFFERS = 1
    EMPTY = 2
    FILLED = 3


class Kind(IntEnum):
    """What is made of a value."""

    TEXT = 0
    CODE = 1
    TIME = 2
    REST = 3


class Test(NamedTuple):
    """A question on one component (or sub-component) of a repetition; outer blanks do not count."""

    component: int
    relation: Relation
    value: str = ""
    sub: int = 0


@dataclass(frozen=True)
class Way:
    """One way to recognise a repetition: every test must pass. ``code`` is noted when this way was needed."""

    tests: tuple[Test, ...] = ()
    code: str | None = None


@dataclass(frozen=True)
class Choice:
    """How to choose a repetition: the first way that some repetition follows."""

    ways: tuple[Way, ...]


@dataclass(frozen=True)
class Pick:
    """A wanted value: ``place`` is ``"PID-5.1"`` or ``"PID-3.4.2"`` (component 0 or none: the whole repetition).

    ``others`` are places tried, in order, when the first is empty; each notes its code. A pick never replaces what an
    earlier field gave to the same column, unless ``replace``.
    """

    column: str
    place: str
    of: Choice | None = None
    kind: Kind = Kind.CODE
    others: tuple[tuple[str, str | None], ...] = ()
    replace: bool = False
    code: str | None = None


@dataclass(frozen=True)
class Required:
    """A column without which a message is rejected, the field to name and the code to give."""

    column: str
    segment: str
    field: int
    code: str


class Batch(NamedTuple):
    """A buffer with stretches of files: ``parts`` has one row a stretch (begin, end, lines counted by the index)."""

    buffer: Bytes
    parts: Ints

    @classmethod
    def of(cls, *stretches: bytes | memoryview) -> Batch:
        """Return a batch of whole files given as bytes."""
        buffer = np.zeros(sum(map(len, stretches)) + PADDING, np.uint8)
        parts = np.zeros((len(stretches), 3), np.int64)
        at = 0
        for row, stretch in enumerate(stretches):
            buffer[at : at + len(stretch)] = np.frombuffer(stretch, np.uint8)
            parts[row, :2] = at, at + len(stretch)
            at += len(stretch)
        return cls(buffer, parts)

    @classmethod
    def sharing(cls, *stretches: bytes | memoryview) -> Batch:
        """Return what ``of`` does; a stretch alone in its own padded buffer is not copied."""
        data = stretches[0]
        if len(stretches) == 1 and isinstance(data, memoryview) and isinstance(data.obj, np.ndarray):
            begin = np.frombuffer(data, np.uint8).ctypes.data - data.obj.ctypes.data
            return cls(data.obj, np.array([[begin, begin + len(data), 0]], np.int64))
        return cls.of(*stretches)

    @property
    def words(self) -> npt.NDArray[np.uint64]:
        """The same memory, one little-endian word at every byte offset."""
        return words_of(self.buffer)


class Index(NamedTuple):
    """Where messages are: see ``kernels/segments.py`` for the columns."""

    messages: Ints
    hashes: npt.NDArray[np.uint64]
    slots: Ints
    envelopes: Ints


class Remark(NamedTuple):
    """Remarks of an extraction, as parallel arrays."""

    message: Ints
    slot: Ints
    field: Ints
    code: Ints
    rejected: npt.NDArray[np.bool_]

    def at(self, rows: npt.NDArray[np.bool_]) -> Remark:
        """Return some of the remarks."""
        return Remark(self.message[rows], self.slot[rows], self.field[rows], self.code[rows], self.rejected[rows])

    @classmethod
    def joined(cls, remarks: Sequence[Remark]) -> Remark:
        """Return the remarks one after the other."""
        message, slot, field, code, rejected = (list(column) for column in zip(*remarks, strict=True))
        return cls(*map(np.concatenate, (message, slot, field, code, rejected)))


class Extraction(NamedTuple):
    """The columns of the kept messages, which messages they are, what their bytes are, and the remarks."""

    columns: dict[str, pl.Series]
    kept: Ints
    natures: Ints
    remarks: Remark


class Plan:
    """The tables that kernels read, made once from picks."""

    def __init__(self, picks: Sequence[Pick], required: Sequence[Required]) -> None:
        if any(pick.replace and pick.kind is not Kind.TIME for pick in picks):
            raise ValueError("only a time replaces another")  # text is decoded after all picks
        self.segments = list(dict.fromkeys(["MSH", *(_split(pick.place)[0] for pick in picks)]))
        self.picks = sorted(picks, key=lambda pick: (self.segments.index(_split(pick.place)[0]), _split(pick.place)[1]))
        self.texts = list(dict.fromkeys(pick.column for pick in picks if pick.kind is not Kind.TIME))
        self.times = list(dict.fromkeys(pick.column for pick in picks if pick.kind is Kind.TIME))
        declared = [pick.column for pick in self.picks if _split(pick.place)[:2] == ("MSH", 18)]
        self.declared = self.texts.index(declared[0]) if declared else None
        self.codes: list[str] = []
        self._build(required)

    def _code(self, code: str | None) -> int:
        if code is None:
            return -1
        if code not in self.codes:
            self.codes.append(code)
        return self.codes.index(code)

    def _build(self, required: Sequence[Required]) -> None:
        columns = {name: number for number, name in enumerate([*self.texts, *self.times])}
        self._code(TIME_UNREADABLE)  # code 0, given by the kernel itself
        fields: list[list[int]] = []
        groups: list[list[int]] = []
        tests: list[list[int]] = []
        choices: list[list[int]] = []
        ways: list[list[int]] = []
        rows: list[list[int]] = []
        places: list[list[int]] = []
        slot_fields = np.zeros((len(self.segments), 2), np.int64)
        grouped: dict[tuple[str, int], list[Pick]] = {}
        given: set[str] = set()
        for pick in self.picks:
            grouped.setdefault(_split(pick.place)[:2], []).append(pick)
        for (segment, field), picks in grouped.items():
            slot = self.segments.index(segment)
            if slot_fields[slot, 1] == 0:
                slot_fields[slot, 0] = len(fields)
            slot_fields[slot, 1] = len(fields) + 1
            first = len(groups), len(choices), len(rows)
            bits = _tests_of(picks)
            for (component, sub), values in bits.items():
                groups.append([component, sub, len(tests), len(tests) + len(values)])
                tests.extend([len(value), *_words_of(value.encode("ascii"), 3)] for value in values)
            order = {
                (place, value): number
                for number, (place, value) in enumerate((place, value) for place in bits for value in bits[place])
            }
            chosen = list(dict.fromkeys(pick.of for pick in picks if pick.of is not None))
            for choice in chosen:
                choices.append([len(ways), len(ways) + len(choice.ways)])
                for way in choice.ways:
                    must = must_not = 0
                    for test in way.tests:
                        bit = 1 << order[(test.component, test.sub), test.value]
                        if test.relation in (Relation.EQUALS, Relation.FILLED):
                            must |= bit
                        else:
                            must_not |= bit
                    ways.append([must, self._code(way.code), must | must_not])
            for pick in picks:
                at = [(pick.place, pick.code), *pick.others]
                of = -1 if pick.of is None else first[1] + chosen.index(pick.of)
                span = len(places), len(places) + len(at)
                first_of_column = pick.column not in given
                given.add(pick.column)
                rows.append([of, columns[pick.column], int(pick.kind), *span, int(pick.replace or first_of_column)])
                places.extend([*_split(place)[2:], self._code(code)] for place, code in at)
            simple = len(picks) == 1 and _is_first_component(picks[0])
            if not simple and any(pick.kind is Kind.TIME for pick in picks):
                raise ValueError("a time is all that is asked of its field")
            fields.append([field, first[0], len(groups), first[1], len(choices), first[2], len(rows), int(simple)])
        self.needs = [
            (columns[need.column], self.segments.index(need.segment), need.field, self._code(need.code))
            for need in required
        ]
        tables = (fields, groups, choices, ways, rows, places)
        widths = (8, 4, 2, 3, 6, 3)
        self.tables = (
            slot_fields,
            *(np.array(table, np.int64).reshape(-1, width) for table, width in zip(tables, widths, strict=True)),
        )
        self.tests = np.array(tests, np.uint64).reshape(-1, 4)

    @cached_property
    def names(self) -> Ints:
        """The three bytes of each segment as one number."""
        return np.array([int.from_bytes(name.encode("ascii"), "big") for name in self.segments], np.int64)

    @property
    def meaning(self) -> Any:
        """The tables, as the picking kernel takes them."""
        return self.tables, self.tests

    def work(self, longest: int) -> Any:
        """Return the arrays in which the picking kernel works, for messages of at most ``longest`` bytes."""
        from insvigil.reading.kernels.tape import REPETITIONS

        tape = np.zeros(longest + 72, np.int64)
        bars = np.zeros(self.tables[1][:, 0].max(initial=0) + 72, np.int64)
        most = int((self.tables[1][:, 4] - self.tables[1][:, 3]).max(initial=0))
        repetitions = np.zeros((REPETITIONS, 4), np.int64)
        chosen = np.full((2 * len(self.tables[1]) + 1, 2 + most), -1, np.int64)
        met = np.zeros((2 * len(self.tables[2]), 5), np.uint64)
        return np.zeros(5, np.uint8), tape, bars, repetitions, chosen, met, np.zeros(6, np.int64)


TIME_UNREADABLE = "IDV-LEC-020"

_PLACE = re.compile(r"([A-Z][A-Z0-9]{2})-(\d+)(?:\.(\d+))?(?:\.(\d+))?")


def _split(place: str) -> tuple[str, int, int, int]:
    found = _PLACE.fullmatch(place)
    if found is None:
        raise ValueError(f"not a place: {place}")
    segment, field, component, sub = found.groups()
    return segment, int(field), int(component or 0), int(sub or 0)


def _is_first_component(pick: Pick) -> bool:
    """Return whether a pick asks for the first component of a field, whatever the rest of it, with nothing to note."""
    alone = pick.of is None and not pick.others and pick.code is None
    return alone and _split(pick.place)[2:] == (1, 0) and pick.kind is not Kind.REST


def _tests_of(picks: Sequence[Pick]) -> dict[tuple[int, int], list[str]]:
    """Return the distinct constants asked of each (component, sub-component); ``""`` asks whether it is filled."""
    asked: dict[tuple[int, int], list[str]] = {}
    for pick in picks:
        for test in (test for way in (pick.of.ways if pick.of else ()) for test in way.tests):
            values = asked.setdefault((test.component, test.sub), [])
            if test.value not in values:
                values.append(test.value)
    return asked


def _words_of(text: bytes, count: int) -> list[int]:
    padded = text.ljust(8 * count, b"\0")
    if len(padded) > 8 * count:
        raise ValueError(f"a constant is at most {8 * count} bytes long")
    return [int.from_bytes(padded[at : at + 8], "little") for at in range(0, 8 * count, 8)]


def index(plan: Plan, batch: Batch) -> Index:
    """Return where the messages of a batch are; ``batch.parts[:, 2]`` receives the lines of each part."""
    from insvigil.reading.kernels.segments import ENVELOPE_COLUMNS, MESSAGE_COLUMNS, index_messages

    words = batch.words
    room = int((batch.parts[:, 1] - batch.parts[:, 0]).sum()) // 300 + 2 * len(batch.parts) + 16
    enveloped = 4 * len(batch.parts) + 16
    while True:
        messages = np.empty((room, MESSAGE_COLUMNS), np.int64)
        hashes = np.empty(room, np.uint64)
        slots = np.empty((room, len(plan.segments), 2), np.int64)
        envelopes = np.empty((enveloped, ENVELOPE_COLUMNS), np.int64)
        count, found = index_messages(batch.buffer, words, batch.parts, plan.names, messages, hashes, slots, envelopes)
        if count <= room and found <= enveloped:
            return Index(messages[:count], hashes[:count], slots[:count], envelopes[:found])
        room, enveloped = max(room, count), max(enveloped, found)


def extract(plan: Plan, batch: Batch, where: Index, rows: Ints) -> Extraction:
    """Return the columns of messages ``rows`` (numbers in the index, none of them an orphan)."""
    from insvigil.reading.kernels.picking import FULL, NOTED, POSTPONED, USED, pick_fields
    from insvigil.reading.kernels.segments import BEGIN, END

    count = len(rows)
    # columns are not a power of two apart, or their lines would share the same sets of the cache
    stride = count + 5 + 2 * ((count + 5) % 2 == 0)
    size = int((batch.parts[:, 1] - batch.parts[:, 0]).sum())
    room, notes, aside = size + 4096, 4 * count + 64, count + 64
    natures = _natures(batch, where.messages, rows)
    longest = int((where.messages[:, END] - where.messages[:, BEGIN]).max(initial=0))
    while True:
        views = np.zeros((len(plan.texts), stride, 2), np.uint64)
        times = np.zeros((len(plan.times), stride), np.int64)
        valid = np.zeros((len(plan.texts) + len(plan.times), stride // 8 + 8), np.uint8)
        arena = np.empty(room + PADDING, np.uint8)
        remarks = np.empty((notes, 4), np.int64)
        postponed = np.empty((aside, 6), np.int64)
        work = plan.work(longest)
        columns = (views, times, valid, words_of(arena), remarks, postponed, natures)
        pick_fields(batch.buffer, batch.words, where.slots, rows, plan.meaning, columns, work)
        noted, used, coded, full = (int(work[-1][of]) for of in (NOTED, USED, POSTPONED, FULL))
        if not full and noted <= notes and coded <= aside:
            break
        room, notes, aside = (2 * room if full else room), max(notes, noted), max(aside, coded)
    texts = [pa.py_buffer(arena[:used])]
    if coded:
        texts.append(pa.py_buffer(_decode(plan, batch, postponed[:coded], views, *texts)))
    series = _series(plan, count, views, times, valid, texts)
    return _without_refused(plan, rows, Extraction(series, rows, natures, _remarks(rows, remarks[:noted])), valid)


def _natures(batch: Batch, messages: Ints, rows: Ints) -> Ints:
    """Return what the bytes of messages are: 0 ASCII, 1 UTF-8, 2 neither."""
    from insvigil.reading.kernels.segments import BEGIN, END, FLAGS, HIGH

    natures = np.zeros(len(rows), np.int64)
    high = np.flatnonzero(messages[rows, FLAGS] & HIGH)
    if len(high):
        natures[high] = 2 - are_utf8(batch.buffer, batch.words, messages[rows[high], BEGIN : END + 1])
    return natures


def _decode(plan: Plan, batch: Batch, values: Ints, views: npt.NDArray[np.uint64], *texts: pa.Buffer) -> bytes:
    """Return the text of the values set aside, as UTF-8 without escapes, and write their views.

    A value that is not UTF-8, or stands in a message that is not, is in the character set that MSH-18 names.
    """
    from insvigil.reading.kernels.decoding import BEGIN, COLUMN, END, NATURE, ROW, unescape_values

    raw = np.zeros(int((values[:, END] - values[:, BEGIN]).sum()) + PADDING, np.uint8)
    unescape_values(batch.buffer, values, raw)
    spans = values[:, BEGIN : END + 1]
    numbers = np.where(are_utf8(raw, words_of(raw), spans), ALREADY, 0)
    eight = np.flatnonzero(values[:, NATURE] >= 2)
    if len(eight):
        numbers[eight] = 0
        if plan.declared is not None:  # a missing one has the view of an empty text
            declared = views[plan.declared, values[eight, ROW]]
            numbers[eight] = numbers_of(view_series(pa.binary_view(), len(eight), declared, None, *texts))
    text, spans = to_utf8(raw, spans[:, 1] - spans[:, 0], numbers)
    words = words_of(np.frombuffer(text + bytes(PADDING), np.uint8))
    begins, sizes = spans[:, 0], (spans[:, 1] - spans[:, 0]).astype(np.uint64)
    low, high = words[begins] & _HALF, words[begins + 4]
    low = np.where(sizes < 4, low & ~(_FULL << 8 * np.minimum(sizes, 4)), low)
    tail = 8 * np.clip(sizes.astype(np.int64) - 4, 0, 8).astype(np.uint64)
    high = np.where(tail < 64, high & ~(_FULL << np.minimum(tail, 63)), high)
    second = np.uint64(1) | (begins.astype(np.uint64) << np.uint64(32))  # the second text of the column
    views[values[:, COLUMN], values[:, ROW], 0] = sizes | (low << np.uint64(32))
    views[values[:, COLUMN], values[:, ROW], 1] = np.where(sizes > 12, second, high)
    return text


_HALF, _FULL = np.uint64(0xFFFFFFFF), np.uint64(0xFFFFFFFFFFFFFFFF)


def _remarks(rows: Ints, remarks: Ints) -> Remark:
    """Return remarks by message, in the order of the plan."""
    remarks = remarks[np.argsort(remarks[:, 0], kind="stable")]
    return Remark(rows[remarks[:, 0]], remarks[:, 1], remarks[:, 2], remarks[:, 3], np.zeros(len(remarks), np.bool_))


def _without_refused(plan: Plan, rows: Ints, whole: Extraction, valid: Bytes) -> Extraction:
    """Return what is kept: the messages that have every required column, and for the others why they are refused."""
    has = [np.unpackbits(valid[need[0]], count=len(rows), bitorder="little") for need in plan.needs]
    refused = np.zeros(len(rows), np.bool_)
    told = []
    for (_, slot, field, code), filled in zip(plan.needs, has, strict=True):
        lacking = np.flatnonzero((filled == 0) & ~refused)
        refused[lacking] = True
        about = np.broadcast_to(np.array([slot, field, code], np.int64), (len(lacking), 3))
        told.append(Remark(rows[lacking], about[:, 0], about[:, 1], about[:, 2], np.ones(len(lacking), np.bool_)))
    if not refused.any():
        return whole
    stays = ~np.isin(whole.remarks.message, rows[refused])
    kept = pl.Series(~refused)
    return Extraction(
        {name: column.filter(kept) for name, column in whole.columns.items()},
        rows[~refused],
        whole.natures[~refused],
        Remark.joined([whole.remarks.at(stays), *told]),
    )


def words_of(data: Bytes) -> npt.NDArray[np.uint64]:
    """Return the same memory, one little-endian word at every byte offset."""
    return np.ndarray((len(data) - 7,), np.dtype("<u8"), data, strides=(1,))


def _series(
    plan: Plan, count: int, views: npt.NDArray[np.uint64], times: Ints, valid: Bytes, texts: list[pa.Buffer]
) -> dict[str, pl.Series]:
    filled: npt.NDArray[np.bool_] = np.any(valid, axis=1)
    missing = null_series(count)
    columns: dict[str, pl.Series] = {}
    for number, name in enumerate(plan.texts):
        columns[name] = string_series(count, views[number], valid[number], *texts) if filled[number] else missing
    for number, name in enumerate(plan.times):
        bits = pa.py_buffer(valid[len(plan.texts) + number])
        array = pa.Array.from_buffers(pa.timestamp("us"), count, [bits, pa.py_buffer(times[number])])
        columns[name] = pl.Series(pl.from_arrow(array))
    return columns


def null_series(count: int, dtype: type[pl.DataType] = pl.String) -> pl.Series:
    """Return a column without any value."""
    return pl.Series([None], dtype=dtype).new_from_index(0, count) if count else pl.Series([], dtype=dtype)


def string_series(count: int, views: npt.NDArray[np.uint64], valid: Bytes, *texts: pa.Buffer) -> pl.Series:
    """Return a polars series over string views and the texts that they point to, without a copy."""
    return view_series(pa.string_view(), count, views, valid, *texts)


def view_series(
    kind: pa.DataType, count: int, views: npt.NDArray[np.uint64], valid: Bytes | None, *texts: pa.Buffer
) -> pl.Series:
    """Return a series of text or bytes over views; none is missing where ``valid`` is None."""
    bits = None if valid is None else pa.py_buffer(valid)
    array = pa.Array.from_buffers(kind, count, [bits, pa.py_buffer(views), *texts])
    return pl.Series(pl.from_arrow(array))
