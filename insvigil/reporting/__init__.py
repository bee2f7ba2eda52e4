"""What people and machines read of a night: the page, the worklist, the tables of the run."""

from __future__ import annotations

from insvigil.reporting.cases import first_pairs
from insvigil.reporting.exports import write_folder, write_run
from insvigil.reporting.night_report import NightReport

__all__ = ["NightReport", "first_pairs", "write_folder", "write_run"]
