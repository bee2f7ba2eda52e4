"""Patients of one shape, read alike: the first is understood with marks in place of its data, the others are filled.

A mark is one character of the private use area. The columns that come out of a marked Patient tell where each one takes
its text: this is how :mod:`insvigil.reading.fhir_resources` stays the only place that knows what a Patient means.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import orjson
import polars as pl
import pyarrow as pa

from insvigil.reading.fhir_resources import is_named, patient_row
from insvigil.reading.hl7_grammar import null_series, string_series, words_of
from insvigil.reading.sources import PADDING

TELLING = ("url", "use", "system", "code", "type", "resourceType", "valueCode")
"""Keys whose value decides what something is. A value that begins with a digit (the COG of a place) never does."""

_FIRST_MARK = 0xE000
_MARKS = 0xF8FF - _FIRST_MARK

Ints = npt.NDArray[np.int64]
Part = int | str
"""The number of a data string, or a constant."""


class Recipe(NamedTuple):
    """How the lines of a shape are read: the parts of each column, and what is odd in all of them."""

    columns: dict[str, list[Part]]
    codes: list[str]


def telling_words() -> npt.NDArray[np.uint64]:
    """Return size and first eight bytes of the telling keys."""
    return np.array(
        [[len(key), int.from_bytes(key.encode()[:8].ljust(8, b"\0"), "little")] for key in TELLING], np.uint64
    )


def learn(line: bytes, strings: Ints) -> Recipe | None:
    """Return how to read the lines that have the shape of this one, or None if they must be read one by one.

    Only Patients without a link to another have a recipe.
    ``strings``: begin and end of the data strings in the line.
    """
    if len(strings) > _MARKS:
        return None
    marked = bytearray()
    at = 0
    for number, (begin, end) in enumerate(strings.tolist()):
        marked += line[at:begin]
        if begin < end:
            marked += chr(_FIRST_MARK + number).encode()
        at = end
    rest = b"".join(line[a:b] for a, b in zip([0, *strings[:, 1]], [*strings[:, 0], len(line)], strict=True))
    if any(_FIRST_MARK <= ord(letter) <= 0xF8FF for letter in rest.decode()):
        return None
    marked += line[at:]
    try:
        patient = orjson.loads(marked)
        if not isinstance(patient, dict) or patient.get("resourceType") != "Patient" or "link" in patient:
            return None
        row, codes = patient_row(patient)
    except (orjson.JSONDecodeError, AttributeError, TypeError, KeyError, IndexError):
        return None
    if not is_named(row) or not all(value is None or isinstance(value, str) for value in row.values()):
        return None
    identifier = patient.get("id")
    row["id"] = identifier if isinstance(identifier, str) else None
    return Recipe({name: _parts(value) for name, value in row.items() if value}, codes)


def _parts(value: str) -> list[Part]:
    parts: list[Part] = []
    for letter in value:
        if _FIRST_MARK <= ord(letter) <= 0xF8FF:
            parts.append(ord(letter) - _FIRST_MARK)
        elif parts and isinstance(parts[-1], str):
            parts[-1] += letter
        else:
            parts.append(letter)
    return parts


def fill(
    names: Sequence[str],
    buffer: npt.NDArray[np.uint8],
    strings: Ints,
    firsts: Ints,
    recipes: Sequence[Recipe],
    of: Ints,
) -> dict[str, pl.Series]:
    """Return the columns of lines: line i begins with data string ``firsts[i]`` and follows ``recipes[of[i]]``."""
    from insvigil.reading.kernels.json_lines import fill_rows

    constants = bytearray()
    parts: list[list[int]] = []
    table = np.zeros((len(recipes), len(names), 2), np.int64)
    for number, recipe in enumerate(recipes):
        for column, name in enumerate(names):
            table[number, column, 0] = len(parts)
            for part in recipe.columns.get(name, ()):
                text = b"" if isinstance(part, int) else part.encode()
                at = len(buffer) - PADDING + len(constants)
                parts.append([part, 0, 0] if isinstance(part, int) else [-1, at, at + len(text)])
                constants += text
            table[number, column, 1] = len(parts)
    whole = np.concatenate([buffer[:-PADDING], np.frombuffer(bytes(constants), np.uint8), np.zeros(PADDING, np.uint8)])
    count = len(firsts)
    room = len(whole)
    while True:
        views = np.zeros((len(names), count + 5, 2), np.uint64)
        valid = np.zeros((len(names), count // 8 + 8), np.uint8)
        arena = np.empty(room + PADDING, np.uint8)
        steps = np.array(parts, np.int64).reshape(-1, 3)
        used = fill_rows(
            words_of(whole), strings, firsts, of, table, steps, views, valid, arena[:room], words_of(arena)
        )
        if used >= 0:
            break
        room *= 2
    text = pa.py_buffer(arena[:used])
    missing = null_series(count)
    return {
        name: string_series(count, views[column], valid[column], text) if valid[column].any() else missing
        for column, name in enumerate(names)
    }
