"""Flat identity files (CSV or parquet) through a declared map of columns, at the speed of polars itself."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import dataframely as dy
import numpy as np
import polars as pl

from insvigil.errors import SettingsError, SourceError, UsageError
from insvigil.frames import Columns, Rejects
from insvigil.reading.column_map import ColumnMap, Names

NO_ID, ID_TWICE, UNEVEN, DAMAGED = "IDV-LEC-501", "IDV-LEC-502", "IDV-LEC-503", "IDV-LEC-504"

_SEPARATORS = ";,\t|"
_BLANKS = " \t\u00a0\ufeff"
_SAMPLE = 1 << 16
_BLOCK = 1 << 18
_CARRIED = 3
"""Bytes of the block before that are looked at again: a no-break space or a mark may lie on both sides."""


class Extract(NamedTuple):
    """The identities of a flat file: row i of ``identities`` is ``ids[i]``; nothing is repaired in silence.

    ``report`` says how the file was read: format, separator, charset, decimal mark, rows, matricules that a
    spreadsheet has damaged.
    """

    identities: pl.DataFrame
    ids: pl.Series
    rejects: dy.DataFrame[Rejects]
    counts: dict[str, int]
    report: dict[str, Any]


class OpenExtract(NamedTuple):
    """An extract whose columns may wait in their file; ``read_ids`` reads its ids."""

    identities: Columns
    read_ids: Callable[[], pl.Series]
    rejects: dy.DataFrame[Rejects]
    counts: dict[str, int]
    report: dict[str, Any]


class FileColumns:
    """The columns of a parquet file, each read when it is asked for: ten million identities weigh 3 GB as text."""

    def __init__(self, path: Path, rows: pl.LazyFrame, columns: list[str], height: int, kept: pl.Series | None) -> None:
        self._path, self._rows, self._kept = path, rows, kept
        self.columns, self.height = columns, height

    def __getitem__(self, name: str) -> pl.Series:
        """Return one column of the rows ``kept`` (all, when None).

        Raise ``SourceError`` when the file has gone, or is not the one that was opened.
        """
        try:
            column = self._rows.select(name).collect().to_series()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise _unreadable(self._path) from error
        return column if self._kept is None else column.filter(self._kept)


class _Table(NamedTuple):
    """The rows of a file, not read yet, with the lines that have too many values.

    ``blanks``: values may have outer blanks that must go; ``empties``: there may be empty texts, which are missing.
    ``lines`` holds the line of each row, when some lines are set aside.
    """

    rows: pl.LazyFrame
    names: dict[str, str]
    report: dict[str, Any]
    uneven: list[int]
    blanks: bool
    empties: bool
    lines: Sequence[int] = ()


def open_extract(path: Path, columns: ColumnMap) -> OpenExtract:
    """Read what is to be said of the rows of a file; the columns of a parquet file wait to be asked for, ids too.

    Raises what ``read_extract`` raises.
    """
    if not path.is_file() or not _is_parquet(path):
        whole = read_extract(path, columns)
        ids = whole.ids
        return OpenExtract(whole.identities, lambda: ids, whole.rejects, whole.counts, whole.report)
    try:
        table = _parquet(path)
        rows = _selected(path, table, columns)
        frame, damaged = rows.select("id").collect(), _damaged(rows)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _unreadable(path) from error
    extract = _extract(path, frame, table, damaged)
    kept = None
    if extract.ids.len() < frame.height:
        kept = frame["id"].is_not_null() & frame["id"].is_first_distinct()
    names = [name for name in rows.collect_schema().names() if name != "id"]
    waiting = FileColumns(path, rows, names, extract.ids.len(), kept)
    return OpenExtract(waiting, lambda: waiting["id"], extract.rejects, extract.counts, extract.report)


def read_extract(path: Path, columns: ColumnMap) -> Extract:
    """Read the mapped columns of a CSV or parquet file.

    Text of a CSV loses its outer blanks, and an empty text is missing. Raise ``UsageError`` for a missing path,
    ``SourceError`` for a file that is not a table, ``SettingsError`` for a mapped column that it lacks.
    """
    path = Path(path)
    if not path.exists():
        raise UsageError(f"« {path} » n'existe pas.", hint="Vérifiez le chemin.")
    if path.is_dir():
        raise UsageError(f"« {path} » est un dossier.", hint="Donnez un fichier CSV ou parquet.")
    try:
        if _is_parquet(path):
            table = _parquet(path)
            frame = _read(path, table, columns)
        else:
            content = _Csv.open(path)
            table = content.quick()
            try:
                frame = _read(path, table, columns)
            except pl.exceptions.PolarsError:  # a line with too many values, or quotes out of place
                table = content.careful()
                frame = _read(path, table, columns)
    except (pl.exceptions.PolarsError, OSError, csv.Error) as error:
        raise _unreadable(path) from error
    return _extract(path, frame, table, _damaged(frame.lazy()))


def _unreadable(path: Path) -> SourceError:
    return SourceError(
        f"« {path} » ne peut pas être lu comme un tableau.", hint="Vérifiez qu'il s'agit d'un CSV ou d'un parquet."
    )


def _read(path: Path, table: _Table, columns: ColumnMap) -> pl.DataFrame:
    return _selected(path, table, columns).collect()


def _selected(path: Path, table: _Table, columns: ColumnMap) -> pl.LazyFrame:
    wanted = {"id": columns.id, **columns.sources()}
    _check(path, wanted, table.names)
    schema = table.rows.collect_schema()
    return table.rows.select(
        _value([table.names[name] for name in names], schema, table, keep=trait == "id").alias(trait)
        for trait, names in wanted.items()
    )


def _value(names: list[str], schema: pl.Schema, table: _Table, *, keep: bool) -> pl.Expr:
    """Return one trait as text; an id that is not text keeps its type."""
    if keep and len(names) == 1 and schema[names[0]] != pl.String:
        return pl.col(names[0])
    parts = [_text(pl.col(name), schema[name], table) for name in names]
    if len(parts) == 1:
        return parts[0]
    joined = pl.concat_str(parts, separator=" ", ignore_nulls=True)
    return pl.when(joined != "").then(joined)


def _text(value: pl.Expr, kind: pl.DataType, table: _Table) -> pl.Expr:
    if kind == pl.String:
        value = value.str.strip_chars(_BLANKS) if table.blanks else value
        return pl.when(value != "").then(value) if table.empties or table.blanks else value
    if kind.is_float():  # whole numbers are written without a decimal part: a postal code is no measure
        whole = value.cast(pl.Int64, strict=False)
        return pl.when(whole == value).then(whole.cast(pl.String)).otherwise(value.cast(pl.String))
    if kind == pl.Datetime:
        return value.dt.date().cast(pl.String)
    return value.cast(pl.String)


def _check(path: Path, wanted: dict[str, Names], names: dict[str, str]) -> None:
    absent = [(trait, name) for trait, columns in wanted.items() for name in columns if name not in names]
    if absent:
        listed = ", ".join(f"« {name} » (columns.{trait})" for trait, name in absent)
        raise SettingsError(
            f"« {path} » n'a pas la colonne {listed}.", hint=f"Colonnes présentes : {', '.join(names)}."
        )


def _extract(path: Path, frame: pl.DataFrame, table: _Table, damaged: list[int]) -> Extract:
    text = table.report["format"] == "csv"
    frame = frame.with_columns(_as_integers(frame["id"])) if text else frame
    ids = frame["id"]
    first = 2 if text else 1
    read = frame.height + len(table.uneven)
    notes = [_notes(path, table.uneven, UNEVEN, first, rejected=True)]
    missing = ids.is_null()
    lines = table.lines or range(first, first + frame.height)
    if missing.any() or not _all_differ(ids):
        again = ~ids.is_first_distinct() & ~missing
        for refused, code in ((missing, NO_ID), (again, ID_TWICE)):
            rows = refused.arg_true().to_list()
            notes.append(_notes(path, [lines[row] for row in rows], code, first, rejected=True))
        frame = frame.filter(~(missing | again))
        damaged = [row for row in damaged if not (missing[row] or again[row])]
    notes.append(_notes(path, [lines[row] for row in damaged], DAMAGED, first, rejected=False))
    counts = {"read": read, "kept": frame.height, "folded": 0, "rejected": read - frame.height}
    report = {**table.report, "rows": read, "damaged_matricules": len(damaged)}
    rejects = Rejects.validate(pl.concat(notes).sort("offset", maintain_order=True))
    return Extract(frame.drop("id"), frame["id"], rejects, counts, report)


def _all_differ(ids: pl.Series) -> bool:
    """Return whether no id comes twice.

    Numbers of a file are often in order. Texts with different hashes differ: ten million are told apart in 0.2 s, where
    comparing them takes 1.5 s.
    """
    if ids.dtype.is_integer() and bool((ids.slice(1) > ids.slice(0, max(ids.len() - 1, 0))).all()):
        return True
    return ids.hash().n_unique() == ids.len()


def _notes(path: Path, lines: list[int], code: str, first: int, *, rejected: bool) -> pl.DataFrame:
    """Return remarks on lines; a flat file is read by rows, so their offset is counted in lines from the ``first``."""
    schema = Rejects.create_empty().schema
    count = len(lines)
    columns: dict[str, list[Any]] = {
        "source": [0] * count,
        "path": [str(path)] * count,
        "offset": [line - first for line in lines],
        "line": lines,
        "segment": [None] * count,
        "field": [None] * count,
        "code": [code] * count,
        "rejected": [rejected] * count,
    }
    return pl.DataFrame(columns, schema=schema)


def _as_integers(ids: pl.Series) -> pl.Series:
    """Return whole numbers when every id is one, written in the usual way: ``0012`` stays text."""
    numbers = ids.cast(pl.Int64, strict=False)
    if numbers.null_count() != ids.null_count():
        return ids
    # most begin with a digit from 1 to 9: writing all numbers again to compare them takes ten times as long
    usual = (((ids >= "1") & (ids < ":")) | (ids == "0")).all() or (numbers.cast(pl.String) == ids).all()
    return numbers if usual else ids


def _damaged(rows: pl.LazyFrame) -> list[int]:
    """Return the rows whose matricule went through a spreadsheet: 1,79E+14, 179…489.0, or a digit short."""
    if "matricule" not in rows.collect_schema().names():
        return []
    size = pl.col("matricule").str.len_bytes()
    digit = (pl.col("matricule") >= "0") & (pl.col("matricule") < ":")  # a pattern costs thirty times that
    suspects = rows.select("matricule").with_row_index("row").filter(digit & (size != 13) & (size != 15))
    shape = r"^[0-9][.,][0-9]+[Ee]\+?[0-9]+$|^[0-9]{12,15}[.,]0+$|^[0-9]{12}$|^[0-9]{14}$"
    return suspects.collect(engine="streaming").filter(pl.col("matricule").str.contains(shape))["row"].sort().to_list()


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(4) == b"PAR1"


def _parquet(path: Path) -> _Table:
    rows = pl.scan_parquet(path)
    names = rows.collect_schema().names()
    return _Table(rows, {name.strip(): name for name in names}, {"format": "parquet"}, [], blanks=False, empties=True)


class _Look(NamedTuple):
    """What one pass over the bytes of a CSV tells: UTF-8 or not, values that may have outer blanks, quotes."""

    utf8: bool
    blanks: bool
    quotes: bool


class _Csv(NamedTuple):
    """A CSV file whose separator and character set are known; ``data`` is its UTF-8 text when it had to be recoded."""

    path: Path
    data: bytes | None
    report: dict[str, Any]
    look: _Look

    @classmethod
    def open(cls, path: Path) -> _Csv:
        """Guess what a CSV does not say."""
        with path.open("rb") as stream:
            head = stream.read(_SAMPLE)
        if not head.removeprefix(codecs.BOM_UTF8).strip():
            raise SourceError(f"« {path} » est vide.", hint="Vérifiez l'extraction.")
        if b"\0" in head:
            raise SourceError(
                f"« {path} » n'est pas du texte (fichier binaire ou UTF-16).", hint="Donnez un CSV en UTF-8."
            )
        separator = _separator_of(head)
        report = {"format": "csv", "separator": separator, "charset": "UTF-8", "decimal": _decimal_of(head, separator)}
        look = _look_at(path, separator)
        if look.utf8:
            return cls(path, None, report, look)
        return cls(path, path.read_bytes().decode("cp1252", "replace").encode(), report | {"charset": "cp1252"}, look)

    def quick(self) -> _Table:
        """Let polars read it: every line has as many values as the first."""
        source: Any = self.path if self.data is None else self.data
        rows = pl.scan_csv(source, separator=self.report["separator"], infer_schema=False)
        return self._table(rows, rows.collect_schema().names())

    def careful(self) -> _Table:
        """Read it line by line and set aside the lines with too many values."""
        text = (self.data if self.data is not None else self.path.read_bytes()).decode("utf-8-sig", "replace")
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=self.report["separator"])
        names = next(reader)
        kept: list[list[str | None]] = []
        uneven: list[int] = []
        lines: list[int] = []
        for values in reader:
            if len(values) > len(names):
                uneven.append(reader.line_num)
            elif values:
                kept.append([*values, *[None] * (len(names) - len(values))])
                lines.append(reader.line_num)
        names = [name if name not in names[:at] else f"{name}_{at}" for at, name in enumerate(names)]
        columns = [[row[at] for row in kept] for at in range(len(names))]
        table = self._table(pl.LazyFrame(columns, schema=dict.fromkeys(names, pl.String)), names)
        return table._replace(uneven=uneven, lines=lines, empties=True)  # this reader leaves empty texts

    def _table(self, rows: pl.LazyFrame, names: list[str]) -> _Table:
        plain = {name.strip(_BLANKS): name for name in names}
        return _Table(rows, plain, self.report, [], self.look.blanks, self.look.quotes)


def _look_at(path: Path, separator: str) -> _Look:
    from insvigil.reading.kernels.edges import look_at_edges

    mark = np.uint8(ord(separator))
    tab = np.uint8(ord(" " if separator == "\t" else "\t"))
    decoder = codecs.getincrementaldecoder("utf-8")()
    buffer = np.zeros(_CARRIED + _BLOCK + 64, np.uint8)  # the end of the block before, then the block
    buffer[:_CARRIED] = ord("\n")
    blanks = quotes = False
    try:
        with path.open("rb", buffering=0) as stream:
            if stream.read(len(codecs.BOM_UTF8)) != codecs.BOM_UTF8:
                stream.seek(0)
            while size := stream.readinto(buffer.data[_CARRIED : _CARRIED + _BLOCK]):
                buffer[_CARRIED + size : _CARRIED + size + 64] = 0
                outer, quoted, above = look_at_edges(buffer, _CARRIED + size, mark, tab)
                blanks, quotes = blanks or outer, quotes or quoted
                if above or decoder.getstate()[0]:
                    decoder.decode(buffer.data[_CARRIED : _CARRIED + size])
                buffer[:_CARRIED] = buffer[size : size + _CARRIED].copy()
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return _Look(utf8=False, blanks=True, quotes=True)
    blanks = blanks or buffer[_CARRIED - 1] in b" \t" or (quotes and separator == "\t")  # a tab may be quoted
    return _Look(utf8=True, blanks=bool(blanks), quotes=quotes)


def _separator_of(head: bytes) -> str:
    header = head.splitlines()[0].decode("latin-1")
    bare = "".join(header.split('"')[::2])
    return max(_SEPARATORS, key=lambda mark: bare.count(mark))


def _decimal_of(head: bytes, separator: str) -> str:
    commas = len(re.findall(rb"(?:^|[;\t|])-?\d+,\d{1,6}(?=[;\t|\r\n])", head)) if separator != "," else 0
    points = len(re.findall(rb"(?:^|[;,\t|])-?\d+\.\d{1,6}(?=[;,\t|\r\n])", head))
    return "," if commas > points else "."
