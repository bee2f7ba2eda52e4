"""The worklist of the CIV as a workbook: stacked rows to compare, a decision to choose, and how to use it.

One block a case: the reference row, then the rows to compare with it, the letters that differ in colour. Keys are
locked (without password, against slips only); decisions and comments stay open. Read back by ``decisions_file``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import IO, Any

import polars as pl
import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from insvigil.reporting.cases import capped, doublon_cases, pair_cases
from insvigil.reporting.comparison import case_rows, different_letters
from insvigil.reporting.night_report import NightReport
from insvigil.reporting.templates import environment
from insvigil.reporting.wording import labels, long_date, moment, plural
from insvigil.vocabulary import Confidence, Decision, Finding, Severity

TO_TREAT, HOMONYMS, ANOMALIES, GUIDE = "À traiter", "Homonymes", "Anomalies", "Mode d'emploi"


@dataclass(frozen=True)
class Column:
    """A column of a sheet: heading, width in characters, and the field it shows."""

    heading: str
    width: float
    name: str
    compared: bool = False


COLUMNS: tuple[Column, ...] = (
    Column("Cas", 6, "case"),
    Column("IPP", 13, "ipp"),
    Column("Nom de naissance", 22, "birth_name", compared=True),
    Column("Prénoms de naissance", 25, "given_names", compared=True),
    Column("Né(e) le", 11, "birth_date", compared=True),
    Column("Sexe", 6, "sex", compared=True),
    Column("Lieu", 8, "birth_place", compared=True),
    Column("Nom utilisé", 18, "used_name", compared=True),
    Column("Rôle", 11, "role"),
    Column("Statut", 11, "status_label"),
    Column("Vraisemblance", 14, "likelihood"),
    Column("Ce qui concorde et ce qui diffère", 62, "agreement"),
    Column("Décision", 33, "decision"),
    Column("Commentaire", 28, "comment"),
    Column("Matricule INS", 17, "matricule", compared=True),
    Column("Adresse", 27, "address", compared=True),
    Column("Code postal", 8, "postal_code", compared=True),
    Column("Ville", 18, "city", compared=True),
    Column("Téléphone", 12, "phone", compared=True),
    Column("Dernière venue", 11, "last_seen"),
    Column("Constat", 19, "finding_label"),
    Column("Proba.", 8, "pair_probability"),
    Column("Agrégat", 9, "number"),
    Column("Domaine", 24, "domain"),
    Column("Comparé à (IPP)", 14, "reference_ipp"),
    Column("Comparé à (domaine)", 24, "reference_domain"),
)
"""The columns of « À traiter » and « Homonymes »."""

_NAMES = [column.name for column in COLUMNS]
_OPEN = ("decision", "comment")
_RULE_COLUMNS = (
    ("Code", 14), ("Gravité", 14), ("Ce qui a été trouvé", 60), ("Que faire", 60), ("IPP", 14), ("Domaine", 14),
    ("Objet", 18),
)  # fmt: skip
_DECISIONS = [decision.label for decision in Decision]
_INK, _SOFT, _HEAD, _DIFFERENT = "#1b2530", "#f3f6f9", "#12395b", "#b3261e"


class _Styles:
    """The cell formats of the workbook."""

    def __init__(self, book: xlsxwriter.Workbook) -> None:
        base = {"font_name": "Calibri", "font_size": 10, "font_color": _INK, "valign": "vcenter"}
        self.head = book.add_format(
            {**base, "bold": True, "font_color": "white", "bg_color": _HEAD, "text_wrap": True, "valign": "vcenter"}
        )
        self.different = book.add_format({**base, "bold": True, "font_color": _DIFFERENT})
        self.same = book.add_format(base)
        self.title = book.add_format({**base, "bold": True, "font_size": 16, "font_color": _HEAD})
        self.subtitle = book.add_format({**base, "bold": True, "font_size": 12, "font_color": _HEAD})
        self.prose = book.add_format({**base, "text_wrap": True, "font_size": 11})
        self.cells: dict[tuple[bool, bool, str], Format] = {}
        for shaded in (False, True):
            for first in (False, True):
                for kind in ("text", "left", "date", "percent", "open", "wrap", "strong", "different"):
                    self.cells[shaded, first, kind] = book.add_format({**base, **_shape(shaded, first, kind)})

    def cell(self, shaded: bool, first: bool, kind: str = "text") -> Format:
        return self.cells[shaded, first, kind]


def _shape(shaded: bool, first: bool, kind: str) -> dict[str, Any]:
    shape: dict[str, Any] = {"bg_color": _SOFT if shaded else "#ffffff"}
    if first:
        shape |= {"top": 1, "top_color": "#8fa3b5"}
    extra: dict[str, dict[str, Any]] = {
        "text": {},
        "left": {"align": "left"},
        "strong": {"bold": True},
        "different": {"bold": True, "font_color": _DIFFERENT},
        "wrap": {"text_wrap": True},
        "date": {"num_format": "dd/mm/yyyy", "align": "left"},
        "percent": {"num_format": "0.0 %", "align": "left"},
        "open": {"locked": False, "bg_color": "#fff8dc", "border": 1, "border_color": "#d8c98a", "text_wrap": True},
    }
    return shape | extra[kind]


def write_worklist(file: IO[bytes], report: NightReport) -> None:
    """Write the workbook; at most ``worklist_rows`` rows to decide in each sheet."""
    book = xlsxwriter.Workbook(file, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    title = "Liste de travail de la cellule d'identitovigilance"
    book.set_properties({"title": title, "author": "insvigil", "created": report.started})
    styles = _Styles(book)
    treat = pl.concat([pair_cases(report, Finding.COLP), doublon_cases(report)])
    treat = (
        treat.with_columns(case=pl.struct("finding", "case").rank("dense").cast(pl.UInt32)) if treat.height else treat
    )
    listed = {TO_TREAT: treat, HOMONYMS: pair_cases(report, Finding.HOMD)}
    shown = {name: capped(cases, report.settings.reporting.worklist_rows) for name, cases in listed.items()}
    for name, cases in shown.items():
        _write_cases(book.add_worksheet(name), case_rows(cases, report), styles)
    anomalies = _write_anomalies(book.add_worksheet(ANOMALIES), report, styles)
    left = {name: listed[name]["case"].n_unique() - cases["case"].n_unique() for name, cases in shown.items()}
    _write_guide(book.add_worksheet(GUIDE), report, shown, left, anomalies, styles)
    book.close()


def _write_cases(sheet: Worksheet, rows: list[dict[str, Any]], styles: _Styles) -> None:
    _head(sheet, [(column.heading, column.width) for column in COLUMNS], styles, frozen=_NAMES.index("birth_name") + 1)
    line = 0
    for case, block in groupby(rows, key=itemgetter("case")):
        members = list(block)
        for member in members:
            line += 1
            _write_row(sheet, line, member, members, styles, shaded=case % 2 == 0)
    _finish(sheet, line, len(COLUMNS))
    sheet.print_area(0, 0, max(line, 1), _NAMES.index("comment"))
    if line:
        column = _NAMES.index("decision")
        sheet.data_validation(
            1, column, line, column,
            {"validate": "list", "source": _DECISIONS, "error_title": "Décision inconnue",
             "error_message": "Choisissez une décision de la liste, ou laissez la case vide."},
        )  # fmt: skip


def _write_row(
    sheet: Worksheet, line: int, row: dict[str, Any], block: list[dict[str, Any]], styles: _Styles, *, shaded: bool
) -> None:
    first = row["place"] == 0
    _fit(sheet, line, row["agreement"] or "", next(column.width for column in COLUMNS if column.name == "agreement"))
    other = block[0] if not first else block[1] if len(block) == 2 else None
    for index, column in enumerate(COLUMNS):
        value = row[column.name]
        style = styles.cell(shaded, first, _kind(column.name, first))
        if value is None:
            sheet.write_blank(line, index, None, style)
        elif column.name == "last_seen":
            sheet.write_datetime(line, index, value, style)
        elif isinstance(value, int | float):
            sheet.write_number(line, index, value, style)
        elif column.compared and other is not None and other[column.name] not in (None, value):
            parts = different_letters(value, other[column.name])
            if len(parts) > 1:
                _write_rich(sheet, line, index, parts, styles, style)
            else:
                alone = styles.cell(shaded, first, "different") if parts[0][1] else style
                sheet.write_string(line, index, value, alone)
        else:
            sheet.write_string(line, index, value, style)


def _kind(name: str, first: bool) -> str:
    if name in _OPEN:
        return "text" if first else "open"
    kinds = {
        "last_seen": "date",
        "pair_probability": "percent",
        "ipp": "strong",
        "case": "left",
        "number": "left",
        "agreement": "wrap",
    }
    return kinds.get(name, "text")


def _write_rich(
    sheet: Worksheet, line: int, column: int, parts: list[tuple[str, bool]], styles: _Styles, style: Format
) -> None:
    pieces: list[Any] = []
    for text, differs in parts:
        pieces += [styles.different if differs else styles.same, text]
    sheet.write_rich_string(line, column, *pieces, style)


def _write_anomalies(sheet: Worksheet, report: NightReport, styles: _Styles) -> int:
    _head(sheet, list(_RULE_COLUMNS), styles, frozen=1)
    order = {severity.value: rank for rank, severity in enumerate(Severity)}
    rows = report.anomalies.sort(
        pl.col("severity").cast(pl.String).replace_strict(order, default=9, return_dtype=pl.Int8),
        "code",
        "domain",
        "ipp",
    )
    shown = rows.head(report.settings.reporting.worklist_rows)
    for line, row in enumerate(shown.iter_rows(named=True), 1):
        rule = report.rules.get(row["code"])
        advice = "" if rule is None else rule.advice
        sentence = "" if rule is None else rule.sentence
        if rule is not None and rule.confidence in (
            Confidence.SECOND_HAND,
            Confidence.UNVERIFIED,
            Confidence.NOT_FOUND,
        ):
            sentence += " (règle à confirmer)"
        values = [
            row["code"], labels(Severity)[row["severity"]], sentence, advice, row["ipp"], row["domain"], row["subject"],
        ]  # fmt: skip
        _fit(sheet, line, max(sentence, advice, key=len), _RULE_COLUMNS[2][1])
        for column, value in enumerate(values):
            style = styles.cell(line % 2 == 0, False, "wrap" if column in (2, 3) else "text")
            sheet.write_string(line, column, value or "", style)
    _finish(sheet, shown.height, len(_RULE_COLUMNS))
    return rows.height - shown.height


def _head(sheet: Worksheet, columns: list[tuple[str, float]], styles: _Styles, *, frozen: int) -> None:
    for index, (heading, width) in enumerate(columns):
        sheet.set_column(index, index, width)
        sheet.write_string(0, index, heading, styles.head)
    sheet.set_default_row(18)
    sheet.set_row(0, 32)
    sheet.freeze_panes(1, frozen)
    sheet.hide_gridlines(2)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)


def _fit(sheet: Worksheet, line: int, text: str, width: float) -> None:
    """Make the row as high as a wrapped text needs; spreadsheets do not all do it when they open a file."""
    lines = math.ceil(len(text) / (1.12 * width))
    if lines > 1:
        sheet.set_row(line, 4 + 14 * lines)


def _finish(sheet: Worksheet, rows: int, columns: int) -> None:
    sheet.autofilter(0, 0, max(rows, 1), columns - 1)
    sheet.protect("", {"autofilter": True, "sort": False, "format_columns": True, "format_rows": True})


def _write_guide(
    sheet: Worksheet,
    report: NightReport,
    shown: dict[str, pl.DataFrame],
    left: dict[str, int],
    anomalies_left: int,
    styles: _Styles,
) -> None:
    sheet.set_column(0, 0, 110)
    sheet.hide_gridlines(2)
    cut = [f"{name} : {plural(count, 'cas', 'cas')} de plus" for name, count in left.items() if count]
    cut += [f"{ANOMALIES} : {plural(anomalies_left, 'ligne')} de plus"] if anomalies_left else []
    text = environment().get_template("guide.txt.j2").render(
        report=report,
        sheet=TO_TREAT,
        cases=plural(shown[TO_TREAT]["case"].n_unique(), "cas", "cas"),
        day=long_date(report.started.date()),
        moment=moment(report.started),
        decisions=list(Decision),
        limit=plural(report.settings.reporting.worklist_rows, "ligne"),
        cut=" ; ".join(cut),
    )  # fmt: skip
    looks = {"# ": styles.title, "## ": styles.subtitle}
    for line, told in enumerate(line for line in text.splitlines() if line.strip()):
        mark = next((mark for mark in looks if told.startswith(mark)), "")
        told = told.removeprefix(mark)
        _fit(sheet, line, told, 110 if not mark else 1000)
        sheet.write_string(line, 0, told, looks.get(mark, styles.prose))
