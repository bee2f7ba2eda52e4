"""Identities → statuses → the figure a hospital can defend."""

from __future__ import annotations

from insvigil.qualif import insi
from insvigil.qualif.assessment import assess
from insvigil.qualif.evidence import in_base
from insvigil.qualif.explanation import Explanation, explain_status
from insvigil.qualif.exports import check_proof, export_indicators, write_proof
from insvigil.qualif.indicators import ALL_MESHES, Whole, measure, subjects
from insvigil.qualif.ledger import current, status_history, transitions
from insvigil.qualif.leverage import leverage, what_if
from insvigil.qualif.milestones import OBSERVED, ins_changes
from insvigil.qualif.programmes import load_programmes
from insvigil.qualif.spans import active_period, parse_period
from insvigil.qualif.statuses import derive_statuses, status_anomalies
from insvigil.qualif.vigilance import measure_vigilance

__all__ = [
    "ALL_MESHES",
    "OBSERVED",
    "Explanation",
    "Whole",
    "active_period",
    "assess",
    "check_proof",
    "current",
    "derive_statuses",
    "explain_status",
    "export_indicators",
    "in_base",
    "ins_changes",
    "insi",
    "leverage",
    "load_programmes",
    "measure",
    "measure_vigilance",
    "parse_period",
    "status_anomalies",
    "status_history",
    "subjects",
    "transitions",
    "what_if",
    "write_proof",
]
