"""The worklist of the CIV as a workbook: stacked rows to compare, a decision to choose, and how to use it.

One block a case: the reference row, then the rows to compare with it, the letters that differ in colour. Keys are
locked (without password, against slips only); decisions and comments stay open. Read back by ``decisions_file``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from itertools import groupby
from operator import itemgetter
from typing import IO, Any

import polars as pl
import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from insvigil.reporting.cases import capped, case_count, doublon_cases, pair_cases
from insvigil.reporting.comparison import case_rows, different_letters
from insvigil.reporting.night_report import NightReport
from insvigil.reporting.sheet_rows import (
    Rows,
    date_cell,
    empty_cell,
    fill,
    font,
    letter,
    number_cell,
    rich_cell,
    row,
    styles_of,
    text_cell,
)
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
_PLACES = [(letter(index), column.name, column.compared) for index, column in enumerate(COLUMNS)]
_AGREEMENT_WIDTH = COLUMNS[_NAMES.index("agreement")].width
_RULE_COLUMNS = (
    ("Code", 14), ("Gravité", 14), ("Ce qui a été trouvé", 60), ("Que faire", 60), ("IPP", 14), ("Domaine", 14),
    ("Objet", 18),
)  # fmt: skip
_DECISIONS = [decision.label for decision in Decision]
_INK, _SOFT, _HEAD, _DIFFERENT = "#1b2530", "#f3f6f9", "#12395b", "#b3261e"
_LETTERS = {False: font(_INK, 10), True: font(_DIFFERENT, 10, bold=True)}
_ROW_HEIGHT = 18


class _Styles:
    """The cell formats of the workbook."""

    def __init__(self, book: xlsxwriter.Workbook) -> None:
        base = {"font_name": "Calibri", "font_size": 10, "font_color": _INK, "valign": "vcenter"}
        self.head = book.add_format(
            {**base, "bold": True, "font_color": "white", "bg_color": _HEAD, "text_wrap": True, "valign": "vcenter"}
        )
        self.title = book.add_format({**base, "bold": True, "font_size": 16, "font_color": _HEAD})
        self.subtitle = book.add_format({**base, "bold": True, "font_size": 12, "font_color": _HEAD})
        self.prose = book.add_format({**base, "text_wrap": True, "font_size": 11})
        self.cells: dict[tuple[bool, bool, str], Format] = {}
        for shaded in (False, True):
            for first in (False, True):
                for kind in ("text", "left", "date", "percent", "open", "wrap", "strong", "different"):
                    self.cells[shaded, first, kind] = book.add_format({**base, **_shape(shaded, first, kind)})


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
    draft = BytesIO()
    book = xlsxwriter.Workbook(draft, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
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
        _prepare_cases(book.add_worksheet(name), cases.height, styles)
    anomalies = first_anomalies(report)
    _prepare_anomalies(book.add_worksheet(ANOMALIES), anomalies.height, styles)
    known = {
        TO_TREAT: case_count(report, Finding.COLP) + case_count(report, Finding.DPOT),
        HOMONYMS: case_count(report, Finding.HOMD),
    }
    left = {name: known[name] - cases["case"].n_unique() for name, cases in shown.items()}
    more = report.anomalies.height - anomalies.height
    _write_guide(book.add_worksheet(GUIDE), report, shown, left, more, styles)
    book.close()
    numbers = dict(zip(styles.cells, styles_of(draft.getvalue(), "sheet1"), strict=True))
    rows = [Rows(cases.height, len(COLUMNS), _case_rows(case_rows(cases, report), numbers)) for cases in shown.values()]
    rows.append(Rows(anomalies.height, len(_RULE_COLUMNS), _anomaly_rows(anomalies, report, numbers)))
    fill(file, draft.getvalue(), {f"sheet{place}": below for place, below in enumerate(rows, 1)})


def _prepare_cases(sheet: Worksheet, lines: int, styles: _Styles) -> None:
    _head(sheet, [(column.heading, column.width) for column in COLUMNS], styles, frozen=_NAMES.index("birth_name") + 1)
    _finish(sheet, lines, len(COLUMNS), styles)
    sheet.print_area(0, 0, max(lines, 1), _NAMES.index("comment"))
    if lines:
        column = _NAMES.index("decision")
        sheet.data_validation(
            1, column, lines, column,
            {"validate": "list", "source": _DECISIONS, "error_title": "Décision inconnue",
             "error_message": "Choisissez une décision de la liste, ou laissez la case vide."},
        )  # fmt: skip


Numbers = Mapping[tuple[bool, bool, str], int]
"""The number that the book gives to each look of a cell: shaded, first of its case, kind."""


def _case_rows(rows: list[dict[str, Any]], numbers: Numbers) -> Iterator[str]:
    line = 1
    for case, block in groupby(rows, key=itemgetter("case")):
        members = list(block)
        for member in members:
            line += 1
            yield _case_row(line, member, members, numbers, shaded=case % 2 == 0)


def _case_row(line: int, told: dict[str, Any], block: list[dict[str, Any]], numbers: Numbers, *, shaded: bool) -> str:
    first = told["place"] == 0
    other = block[0] if not first else block[1] if len(block) == 2 else None
    cells = []
    for (column, name, compared), kind in zip(_PLACES, _KINDS[first], strict=True):
        value, place, style = told[name], f"{column}{line}", numbers[shaded, first, kind]
        if value is None:
            cells.append(empty_cell(place, style))
        elif name == "last_seen":
            cells.append(date_cell(place, style, value))
        elif isinstance(value, int | float):
            cells.append(number_cell(place, style, value))
        elif compared and other is not None and other[name] not in (None, value):
            parts = different_letters(value, other[name])
            if len(parts) > 1:
                cells.append(rich_cell(place, style, [(_LETTERS[differs], text) for text, differs in parts]))
            else:
                alone = numbers[shaded, first, "different"] if parts[0][1] else style
                cells.append(text_cell(place, alone, value))
        else:
            cells.append(text_cell(place, style, value))
    return row(line, cells, _height(told["agreement"] or "", _AGREEMENT_WIDTH))


_KIND = {
    "last_seen": "date",
    "pair_probability": "percent",
    "ipp": "strong",
    "case": "left",
    "number": "left",
    "agreement": "wrap",
}
_KINDS = {
    first: [_KIND.get(name, "open" if name in ("decision", "comment") and not first else "text") for name in _NAMES]
    for first in (False, True)
}
"""The kind of each cell of a row, by whether the row is the first of its case."""


def first_anomalies(report: NightReport) -> pl.DataFrame:
    """Return the anomalies of the workbook, the gravest first: at most ``worklist_rows``."""
    limit = report.settings.reporting.worklist_rows
    order = {severity.value: rank for rank, severity in enumerate(Severity)}
    rank = pl.col("severity").cast(pl.String).replace_strict(order, default=9, return_dtype=pl.Int8)
    # whole kinds before the limit, so that a million anomalies need not be sorted
    kinds = report.anomalies.group_by("severity", "code").len().sort(rank, "code")
    near = kinds.filter(pl.col("len").cum_sum() - pl.col("len") < limit)
    found = report.anomalies.join(near, on=["severity", "code"], how="semi")
    return found.sort(rank, "code", "domain", "ipp", maintain_order=True).head(limit)


def _prepare_anomalies(sheet: Worksheet, lines: int, styles: _Styles) -> None:
    _head(sheet, list(_RULE_COLUMNS), styles, frozen=1)
    _finish(sheet, lines, len(_RULE_COLUMNS), styles)


def _anomaly_rows(shown: pl.DataFrame, report: NightReport, numbers: Numbers) -> Iterator[str]:
    severities = labels(Severity)
    for line, told in enumerate(shown.iter_rows(named=True), 2):
        rule = report.rules.get(told["code"])
        advice = "" if rule is None else rule.advice
        sentence = "" if rule is None else rule.sentence
        if rule is not None and rule.confidence in (
            Confidence.SECOND_HAND,
            Confidence.UNVERIFIED,
            Confidence.NOT_FOUND,
        ):
            sentence += " (règle à confirmer)"
        values = [
            told["code"], severities[told["severity"]], sentence, advice, told["ipp"], told["domain"], told["subject"],
        ]  # fmt: skip
        cells = [
            text_cell(
                f"{letter(column)}{line}",
                numbers[line % 2 == 1, False, "wrap" if column in (2, 3) else "text"],
                value or "",
            )
            for column, value in enumerate(values)
        ]
        yield row(line, cells, _height(max(sentence, advice, key=len), _RULE_COLUMNS[2][1]))


def _head(sheet: Worksheet, columns: list[tuple[str, float]], styles: _Styles, *, frozen: int) -> None:
    for index, (heading, width) in enumerate(columns):
        sheet.set_column(index, index, width)
        sheet.write_string(0, index, heading, styles.head)
    sheet.set_default_row(_ROW_HEIGHT)
    sheet.set_row(0, 32)
    sheet.freeze_panes(1, frozen)
    sheet.hide_gridlines(2)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)


def _height(text: str, width: float) -> int:
    """Return how high a row is for a wrapped text, in points; spreadsheets do not all work it out."""
    lines = math.ceil(len(text) / (1.12 * width))
    return _ROW_HEIGHT if lines <= 1 else 4 + 14 * lines


def _finish(sheet: Worksheet, rows: int, columns: int, styles: _Styles) -> None:
    """Protect the sheet, and write the empty cells whose place ``sheet_rows.fill`` gives to the rows."""
    for place, look in enumerate(styles.cells.values()):
        sheet.write_blank(1, place, None, look)
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
        if (height := _height(told, 110 if not mark else 1000)) != _ROW_HEIGHT:
            sheet.set_row(line, height)
        sheet.write_string(line, 0, told, looks.get(mark, styles.prose))
