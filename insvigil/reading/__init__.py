"""Reading: files as hospitals send them to typed movements, rejects and oddities. Nothing is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from insvigil.surface import surface

if TYPE_CHECKING:
    from insvigil.reading.column_map import ColumnMap
    from insvigil.reading.crosschecking import crosscheck, with_survivors
    from insvigil.reading.delimited import Extract, read_extract
    from insvigil.reading.inspection import inspect
    from insvigil.reading.movements import Reading, iter_movements, read_movements
    from insvigil.reading.rules import RULES

_HOMES = {
    "RULES": "rules",
    "ColumnMap": "column_map",
    "Extract": "delimited",
    "Reading": "movements",
    "crosscheck": "crosschecking",
    "inspect": "inspection",
    "iter_movements": "movements",
    "open_extract": "delimited",
    "read_extract": "delimited",
    "read_movements": "movements",
    "with_survivors": "crosschecking",
}

__all__ = [
    "RULES",
    "ColumnMap",
    "Extract",
    "Reading",
    "crosscheck",
    "inspect",
    "iter_movements",
    "open_extract",
    "read_extract",
    "read_movements",
    "with_survivors",
]


__getattr__ = surface(__name__, _HOMES)
