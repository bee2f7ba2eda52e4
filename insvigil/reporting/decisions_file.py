"""The worklist read back: what people decided, row by row, as they left it in the workbook."""

from __future__ import annotations

from pathlib import Path

import fastexcel
import polars as pl

from insvigil.errors import SourceError
from insvigil.reporting.workbook import COLUMNS, HOMONYMS, TO_TREAT
from insvigil.vocabulary import Decision

_HEADINGS = {column.heading: column.name for column in COLUMNS}
_NEEDED = ("IPP", "Domaine", "Comparé à (IPP)", "Comparé à (domaine)", "Décision", "Commentaire")
_SHOWN_LINES = 10


def read_decisions(path: Path) -> pl.DataFrame:
    """Return the decisions of a workbook, one row a pair decided, in the order of its sheets.

    Columns: ``domain_left``, ``ipp_left`` (the reference), ``domain_right``, ``ipp_right`` (the row compared with it),
    ``decision`` (code), ``comment``, ``sheet``, ``line``. A cell may hold the label or the code. Raises SourceError
    for a file that is not this workbook, and for decisions out of the list, which it names by sheet and line.
    """
    try:
        book = fastexcel.read_excel(path)
    except (fastexcel.FastExcelError, OSError) as error:
        raise SourceError(
            f"{path} ne se lit pas comme un classeur.", hint="Attendu : le classeur.xlsx rempli."
        ) from error
    if TO_TREAT not in book.sheet_names:
        raise SourceError(f"{path} n'a pas de feuille « {TO_TREAT} ».", hint="Attendu : le classeur.xlsx rempli.")
    sheets = [_sheet(book, name, path) for name in (TO_TREAT, HOMONYMS) if name in book.sheet_names]
    filled = pl.concat(sheets).filter(pl.col("decision").is_not_null())
    codes = {text.casefold(): member.value for member in Decision for text in (member.value, member.label)}
    coded = filled.with_columns(
        code=pl.col("decision").map_elements(lambda text: codes.get(text.casefold()), return_dtype=pl.String)
    )
    unknown = coded.filter(pl.col("code").is_null() | pl.col("ipp_left").is_null() | pl.col("ipp_right").is_null())
    if unknown.height:
        lines = ", ".join(f"« {sheet} » ligne {line}" for sheet, line in unknown.select("sheet", "line").iter_rows())
        raise SourceError(
            f"{path} : décision inconnue ou posée sur une ligne de référence : {_shortened(lines, unknown.height)}.",
            hint=f"Décisions possibles : {' ; '.join(member.label for member in Decision)}.",
        )
    return coded.with_columns(decision="code").drop("code")


def _sheet(book: fastexcel.ExcelReader, name: str, path: Path) -> pl.DataFrame:
    rows = book.load_sheet(name, dtypes="string").to_polars()
    missing = [heading for heading in _NEEDED if heading not in rows.columns]
    if missing:
        raise SourceError(
            f"{path} : la feuille « {name} » n'a plus de colonne « {' », « '.join(missing)} ».",
            hint="Remplissez le classeur sans renommer ni supprimer ses colonnes.",
        )
    trimmed = [pl.col(heading).str.strip_chars().replace("", None).alias(_HEADINGS[heading]) for heading in _NEEDED]
    return rows.select(trimmed).select(
        domain_left="reference_domain",
        ipp_left="reference_ipp",
        domain_right="domain",
        ipp_right="ipp",
        decision="decision",
        comment="comment",
        sheet=pl.lit(name),
        line=pl.int_range(2, pl.len() + 2, dtype=pl.UInt32),
    )


def _shortened(lines: str, count: int) -> str:
    shown = ", ".join(lines.split(", ")[:_SHOWN_LINES])
    return shown if count <= _SHOWN_LINES else f"{shown} et {count - _SHOWN_LINES} autres"
