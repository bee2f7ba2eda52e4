"""The register: what lasts from night to night, in one DuckDB file (see ``schema.py``)."""

from __future__ import annotations

from insvigil.register.agregats import agregats, store_groups
from insvigil.register.decisions import decisions, record_decision
from insvigil.register.folding import Folding, fold
from insvigil.register.history import changes, history, replay
from insvigil.register.identities import identities, resolve
from insvigil.register.opening import Register, open_register
from insvigil.register.pairs import model, previous_pairs, store_model, store_pairs
from insvigil.register.runs import describe_run, known_digests, runs
from insvigil.register.statuses import indicators, status_ledger, store_indicators, store_statuses
from insvigil.register.stays import stays

__all__ = [
    "Folding",
    "Register",
    "agregats",
    "changes",
    "decisions",
    "describe_run",
    "fold",
    "history",
    "identities",
    "indicators",
    "known_digests",
    "model",
    "open_register",
    "previous_pairs",
    "record_decision",
    "replay",
    "resolve",
    "runs",
    "status_ledger",
    "stays",
    "store_groups",
    "store_indicators",
    "store_model",
    "store_pairs",
    "store_statuses",
]
