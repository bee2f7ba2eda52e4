"""The worklist written cell by cell with xlsxwriter, and a workbook read back with the look of each cell."""

from __future__ import annotations

import math
import re
import zipfile
from io import BytesIO
from itertools import groupby
from operator import itemgetter
from typing import Any
from xml.etree import ElementTree

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from insvigil.reporting.comparison import different_letters
from insvigil.reporting.workbook import COLUMNS

_SPACE = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_INK, _SOFT, _DIFFERENT = "#1b2530", "#f3f6f9", "#b3261e"
_BASE: dict[str, Any] = {"font_name": "Calibri", "font_size": 10, "font_color": _INK, "valign": "vcenter"}
_KINDS: dict[str, dict[str, Any]] = {
    "last_seen": {"num_format": "dd/mm/yyyy", "align": "left"},
    "pair_probability": {"num_format": "0.0 %", "align": "left"},
    "ipp": {"bold": True},
    "case": {"align": "left"},
    "number": {"align": "left"},
    "agreement": {"text_wrap": True},
}
_OPEN = {"locked": False, "bg_color": "#fff8dc", "border": 1, "border_color": "#d8c98a", "text_wrap": True}


def worklist(rows: list[dict[str, Any]]) -> bytes:
    """Return a book whose only sheet holds the rows to compare, from its second line on."""
    file = BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True, "strings_to_formulas": False}) as book:
        sheet = book.add_worksheet()
        sheet.set_default_row(18)
        line = 0
        for _, block in groupby(rows, key=itemgetter("case")):
            members = list(block)
            for member in members:
                line += 1
                _write(book, sheet, line, member, members)
    return file.getvalue()


def _write(
    book: xlsxwriter.Workbook, sheet: Worksheet, line: int, row: dict[str, Any], block: list[dict[str, Any]]
) -> None:
    lines = math.ceil(len(row["agreement"] or "") / (1.12 * 62))
    if lines > 1:
        sheet.set_row(line, 4 + 14 * lines)
    other = row
    if row["place"] != 0:
        other = block[0]
    elif len(block) == 2:
        other = block[1]
    for index, column in enumerate(COLUMNS):
        value, style = row[column.name], _format(book, row, column.name)
        if value is None:
            sheet.write_blank(line, index, None, style)
        elif column.name == "last_seen":
            sheet.write_datetime(line, index, value, style)
        elif isinstance(value, int | float):
            sheet.write_number(line, index, value, style)
        elif column.compared and other[column.name] not in (None, value):
            _write_compared(book, sheet, (line, index), value, other[column.name], row, style)
        else:
            sheet.write_string(line, index, value, style)


def _write_compared(
    book: xlsxwriter.Workbook, sheet: Worksheet, place: tuple[int, int], value: str, other: str, row: dict[str, Any],
    style: Format,
) -> None:  # fmt: skip
    strong = {"bold": True, "font_color": _DIFFERENT}
    parts = different_letters(value, other)
    if len(parts) == 1:
        sheet.write_string(*place, value, _format(book, row, "", strong) if parts[0][1] else style)
        return
    pieces: list[Any] = []
    for text, differs in parts:
        pieces += [book.add_format({**_BASE, **(strong if differs else {})}), text]
    sheet.write_rich_string(*place, *pieces, style)


def _format(book: xlsxwriter.Workbook, row: dict[str, Any], name: str, more: dict[str, Any] | None = None) -> Format:
    first = row["place"] == 0
    shape = {**_BASE, "bg_color": _SOFT if row["case"] % 2 == 0 else "#ffffff"}
    if first:
        shape |= {"top": 1, "top_color": "#8fa3b5"}
    if name in ("decision", "comment"):
        shape |= {} if first else _OPEN
    return book.add_format(shape | _KINDS.get(name, {}) | (more or {}))


def cells(book: bytes, sheet: str) -> list[tuple[dict[str, str], list[tuple[str | None, str, str | None]]]]:
    """Return the rows of a sheet below its headings: attributes, then place, look and content of each cell."""
    archive = zipfile.ZipFile(BytesIO(book))
    shared = _children(archive.read("xl/sharedStrings.xml")) if "xl/sharedStrings.xml" in archive.namelist() else []
    looks = _looks(ElementTree.fromstring(archive.read("xl/styles.xml")))
    rows = []
    for row in ElementTree.fromstring(archive.read(f"xl/worksheets/{sheet}.xml")).iter(f"{_SPACE}row"):
        if row.get("r") != "1":
            told = {name: value for name, value in row.items() if name != "spans"}
            rows.append((told, [_cell(cell, shared, looks) for cell in row]))
    return rows


def _cell(cell: ElementTree.Element, shared: list[str], looks: list[str]) -> tuple[str | None, str, str | None]:
    content = None
    if cell.get("t") == "s":
        content = shared[int(cell[0].text or "")]
    elif cell.get("t") == "inlineStr":
        content = _inside(cell[0])
    elif len(cell):
        content = cell[0].text
    return cell.get("r"), looks[int(cell.get("s", "0"))], content


def _looks(styles: ElementTree.Element) -> list[str]:
    """Return each cell style spelled out, its font, its background and its borders instead of their numbers."""
    parts = {
        attribute: [_text(part) for part in styles.find(f"{_SPACE}{kind}") or ()]
        for attribute, kind in (("fontId", "fonts"), ("fillId", "fills"), ("borderId", "borders"))
    }
    layouts = {part.get("numFmtId"): part.get("formatCode") for part in styles.find(f"{_SPACE}numFmts") or ()}
    spelled = []
    for style in styles.find(f"{_SPACE}cellXfs") or ():
        looks = [parts[name][int(style.get(name, "0"))] for name in parts]
        layout = layouts.get(style.get("numFmtId"), style.get("numFmtId"))
        spelled.append(" ".join([*looks, str(layout), *map(_text, style)]))
    return spelled


def _children(xml: bytes) -> list[str]:
    return [_inside(child) for child in ElementTree.fromstring(xml)]


def _inside(element: ElementTree.Element) -> str:
    return "".join(map(_text, element))


def _text(element: ElementTree.Element) -> str:
    return re.sub(r' xmlns[:\w]*="[^"]*"|ns\d+:', "", ElementTree.tostring(element, encoding="unicode"))
