"""Flat identity files (CSV or parquet) through a declared map of columns, at the speed of polars itself."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import dataframely as dy
import polars as pl
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from insvigil.errors import SettingsError, SourceError, UsageError
from insvigil.frames import IDENTITY_FIELDS, Rejects

Names = tuple[str, ...]

_SEPARATORS = ";,\t|"
_SAMPLE = 1 << 16


class ColumnMap(BaseModel):
    """Which columns of a flat file hold which trait: a name, or several names joined by a blank.

    Names are compared without outer blanks.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    id: Names
    """Identifiant propre au fichier (obligatoire) ; il nomme les lignes dans les résultats."""
    birth_name: Names = ()
    """Nom de naissance."""
    given_names: Names = ()
    """Liste des prénoms de naissance."""
    first_given_name: Names = ()
    """Premier prénom de naissance."""
    used_name: Names = ()
    """Nom utilisé."""
    used_given_name: Names = ()
    """Prénom utilisé."""
    birth_date: Names = ()
    """Date de naissance."""
    sex: Names = ()
    """Sexe."""
    birth_place: Names = ()
    """Lieu de naissance (code officiel géographique, ou nom)."""
    matricule: Names = ()
    """Matricule INS, en une colonne ou en plusieurs (numéro, clé)."""
    postal_code: Names = ()
    """Code postal de l'adresse."""
    address: Names = ()
    """Voie de l'adresse."""
    city: Names = ()
    """Commune de l'adresse."""
    phone: Names = ()
    """Téléphone."""
    email: Names = ()
    """Adresse électronique."""

    @field_validator("*", mode="before")
    @classmethod
    def _names(cls, value: Any) -> Any:
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, (list, tuple)) or not names or not all(isinstance(name, str) for name in names):
            raise ValueError("un nom de colonne ou une liste de noms est attendu")
        return tuple(name.strip() for name in names)

    @classmethod
    def load(cls, path: str | Path) -> ColumnMap:
        """Read ``[columns]`` of a TOML file; raise ``SettingsError`` naming every wrong key at once."""
        try:
            text = Path(path).read_text(encoding="utf-8")
        except OSError as error:
            raise SettingsError(f"Le plan de colonnes {path} ne peut pas être lu.") from error
        except UnicodeDecodeError as error:
            raise SettingsError(f"Le plan de colonnes {path} n'est pas en UTF-8.") from error
        try:
            return _File.model_validate(tomllib.loads(text)).columns
        except tomllib.TOMLDecodeError as error:
            raise SettingsError(f"Le plan de colonnes {path} n'est pas du TOML valide : {error}.") from error
        except ValidationError as error:
            faults = "; ".join(_sentence(fault["loc"], fault["type"]) for fault in error.errors())
            raise SettingsError(f"{path} : {faults}.", hint='Exemple : [columns] id = "ipp".') from error

    def sources(self) -> dict[str, Names]:
        """Return the columns of each mapped trait, in the order of ``IdentityFields``."""
        return {name: getattr(self, name) for name in IDENTITY_FIELDS if getattr(self, name, ())}


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: ColumnMap


def _sentence(location: tuple[int | str, ...], kind: str) -> str:
    key = ".".join(str(part) for part in location)
    if kind == "extra_forbidden":
        return f"clé inconnue « {key} »"
    if kind == "missing":
        return f"clé obligatoire absente « {key} »"
    return f"« {key} » : un nom de colonne ou une liste de noms est attendu"


class Extract(NamedTuple):
    """The identities of a flat file: row i of ``identities`` is ``ids[i]``; nothing is repaired in silence."""

    identities: pl.DataFrame
    ids: pl.Series
    rejects: dy.DataFrame[Rejects]
    counts: dict[str, int]
    report: dict[str, Any]


class _Table(NamedTuple):
    rows: pl.LazyFrame
    names: dict[str, str]
    report: dict[str, Any]


def read_extract(path: Path, columns: ColumnMap) -> Extract:
    """Read the mapped columns of a CSV or parquet file.

    Raise ``UsageError`` for a missing path, ``SourceError`` for a file that is not a table, ``SettingsError`` for a
    mapped column that it lacks.
    """
    path = Path(path)
    if not path.exists():
        raise UsageError(f"« {path} » n'existe pas.", hint="Vérifiez le chemin.")
    if path.is_dir():
        raise UsageError(f"« {path} » est un dossier.", hint="Donnez un fichier CSV ou parquet.")
    try:
        table = _parquet(path) if _is_parquet(path) else _csv(path)
        wanted = {"id": columns.id, **columns.sources()}
        _check(path, wanted, table.names)
        text = table.report["format"] == "csv"
        schema = table.rows.collect_schema()
        frame = table.rows.select(
            _joined([table.names[name] for name in names], schema, clean=text, keep=trait == "id").alias(trait)
            for trait, names in wanted.items()
        ).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise SourceError(
            f"« {path} » ne peut pas être lu comme un tableau.", hint="Vérifiez qu'il s'agit d'un CSV ou d'un parquet."
        ) from error
    return _extract(path, frame, table)


def _extract(path: Path, frame: pl.DataFrame, table: _Table) -> Extract:
    ids = frame["id"]
    if ids.dtype == pl.String and table.report["format"] == "csv":
        ids = _as_integers(ids)
        frame = frame.with_columns(ids)
    read = frame.height
    missing = ids.is_null()
    rejects = pl.DataFrame(schema=Rejects.create_empty().schema)
    if missing.any() or ids.n_unique() < read:
        again = ~ids.is_first_distinct() & ~missing
        rejects = (
            frame.select(
                source=pl.lit(0, pl.UInt32),
                path=pl.lit(str(path)),
                offset=pl.int_range(pl.len(), dtype=pl.UInt64),
                line=pl.int_range(pl.len(), dtype=pl.UInt32) + (2 if table.report["format"] == "csv" else 1),
                segment=pl.lit(None, pl.String),
                field=pl.lit(None, pl.UInt16),
                code=pl.when(missing).then(pl.lit("IDV-LEC-501")).otherwise(pl.lit("IDV-LEC-502")),
                rejected=pl.lit(True),
            )
            .cast({"line": pl.UInt32})
            .filter(missing | again)
        )
        frame = frame.filter(~(missing | again))
    counts = {"read": read, "kept": frame.height, "folded": 0, "rejected": read - frame.height}
    return Extract(frame.drop("id"), frame["id"], Rejects.validate(rejects), counts, {**table.report, "rows": read})


def _joined(names: list[str], schema: pl.Schema, *, clean: bool, keep: bool) -> pl.Expr:
    parts = []
    for name in names:
        part = pl.col(name)
        kind = schema[name]
        if keep and len(names) == 1 and not clean:
            return part
        if kind.is_float():
            whole = part.cast(pl.Int64, strict=False)
            part = pl.when(whole == part).then(whole.cast(pl.String)).otherwise(part.cast(pl.String))
        elif kind == pl.Datetime:
            part = part.dt.date().cast(pl.String)
        elif kind != pl.String:
            part = part.cast(pl.String)
        if clean:
            part = part.str.strip_chars(" \t\u00a0\ufeff")
        if kind == pl.String:
            part = pl.when(part != "").then(part)
        parts.append(part)
    if len(parts) == 1:
        return parts[0]
    joined = pl.concat_str(parts, separator=" ", ignore_nulls=True)
    return pl.when(joined != "").then(joined)


def _as_integers(ids: pl.Series) -> pl.Series:
    """Return whole numbers when every id is one, written in the usual way: ``0012`` stays text."""
    numbers = ids.cast(pl.Int64, strict=False)
    if numbers.null_count() != ids.null_count() or not (numbers.cast(pl.String) == ids).all():
        return ids
    return numbers


def _check(path: Path, wanted: dict[str, Names], names: dict[str, str]) -> None:
    absent = [(trait, name) for trait, columns in wanted.items() for name in columns if name not in names]
    if absent:
        listed = ", ".join(f"« {name} » (columns.{trait})" for trait, name in absent)
        raise SettingsError(
            f"« {path} » n'a pas la colonne {listed}.", hint=f"Colonnes présentes : {', '.join(names)}."
        )


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(4) == b"PAR1"


def _parquet(path: Path) -> _Table:
    rows = pl.scan_parquet(path)
    names = rows.collect_schema().names()
    return _Table(rows, {name.strip(): name for name in names}, {"format": "parquet"})


def _csv(path: Path) -> _Table:
    with path.open("rb") as stream:
        head = stream.read(_SAMPLE)
    if not head.strip():
        raise SourceError(f"« {path} » est vide.", hint="Vérifiez l'extraction.")
    if b"\0" in head:
        raise SourceError(f"« {path} » n'est pas du texte (fichier binaire ou UTF-16).", hint="Donnez un CSV en UTF-8.")
    separator = _separator_of(head)
    options: dict[str, Any] = {"separator": separator, "infer_schema": False, "truncate_ragged_lines": True}
    rows = pl.scan_csv(path, **options)
    charset = "UTF-8"
    try:
        names = rows.collect_schema().names()
        if not head.isascii() or not _is_utf8(path):
            charset = "UTF-8" if _is_utf8(path) else "cp1252"
    except pl.exceptions.PolarsError:
        charset = "cp1252"
    if charset != "UTF-8":
        rows = pl.read_csv(path.read_bytes().decode("cp1252", "replace").encode(), **options).lazy()
        names = rows.collect_schema().names()
    report = {"format": "csv", "separator": separator, "charset": charset, "decimal": _decimal_of(head, separator)}
    return _Table(rows, {name.strip(" \t\u00a0\ufeff"): name for name in names}, report)


def _is_utf8(path: Path) -> bool:
    import codecs

    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as stream:
        try:
            while block := stream.read(1 << 22):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _separator_of(head: bytes) -> str:
    header = head.splitlines()[0].decode("latin-1")
    bare = "".join(header.split('"')[::2])
    return max(_SEPARATORS, key=lambda mark: bare.count(mark))


def _decimal_of(head: bytes, separator: str) -> str:
    import re

    commas = len(re.findall(rb"(?:^|[;\t|])-?\d+,\d{1,6}(?=[;\t|\r\n])", head)) if separator != "," else 0
    points = len(re.findall(rb"(?:^|[;,\t|])-?\d+\.\d{1,6}(?=[;,\t|\r\n])", head))
    return "," if commas > points else "."
