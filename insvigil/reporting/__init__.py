"""What people and machines read of a night: the page, the worklist, the tables of the run.

Loaded on first use: writing tables only (``insvigil match``) loads neither the template engine nor the workbook writer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from insvigil.surface import surface

if TYPE_CHECKING:
    from insvigil.reporting.cases import first_pairs, near_pairs, shown
    from insvigil.reporting.comparison import FIELDS
    from insvigil.reporting.decisions_file import read_decisions
    from insvigil.reporting.exports import write_folder, write_run
    from insvigil.reporting.night_report import NightReport

_HOMES = {
    "FIELDS": "comparison",
    "NightReport": "night_report",
    "first_pairs": "cases",
    "near_pairs": "cases",
    "shown": "cases",
    "read_decisions": "decisions_file",
    "write_folder": "exports",
    "write_run": "exports",
}

__all__ = ["FIELDS", "NightReport", "first_pairs", "near_pairs", "read_decisions", "shown", "write_folder", "write_run"]


__getattr__ = surface(__name__, _HOMES)
