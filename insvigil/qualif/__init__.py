"""Identities → statuses → the figure a hospital can defend."""

from __future__ import annotations

from insvigil.qualif import answers, insi
from insvigil.qualif.assessment import assess
from insvigil.qualif.evidence import in_base
from insvigil.qualif.explanation import Explanation, explain_status
from insvigil.qualif.exports import check_proof, export_indicators, write_proof
from insvigil.qualif.history import base_by_day
from insvigil.qualif.indicators import ALL_MESHES, Whole, measure
from insvigil.qualif.ledger import current, kept, refusals, status_history, transitions
from insvigil.qualif.leverage import leverage, what_if
from insvigil.qualif.milestones import ANSWER, OBSERVED, ins_changes, tonight
from insvigil.qualif.openings import WHOLE, Place, open_figure, subjects
from insvigil.qualif.passages import passages
from insvigil.qualif.programmes import load_programmes
from insvigil.qualif.spans import active_period, parse_period
from insvigil.qualif.statuses import SOURCES, derive_statuses, source_sentences, status_anomalies
from insvigil.qualif.vigilance import measure_vigilance

__all__ = [
    "ALL_MESHES",
    "ANSWER",
    "OBSERVED",
    "SOURCES",
    "WHOLE",
    "Explanation",
    "Place",
    "Whole",
    "active_period",
    "answers",
    "assess",
    "base_by_day",
    "check_proof",
    "current",
    "derive_statuses",
    "explain_status",
    "export_indicators",
    "in_base",
    "ins_changes",
    "insi",
    "kept",
    "leverage",
    "load_programmes",
    "measure",
    "measure_vigilance",
    "open_figure",
    "parse_period",
    "passages",
    "refusals",
    "source_sentences",
    "status_anomalies",
    "status_history",
    "subjects",
    "tonight",
    "transitions",
    "what_if",
    "write_proof",
]
