"""The register: what lasts from night to night, in one DuckDB file (see ``schema.py``)."""

from __future__ import annotations

from insvigil.register.agregats import agregats, closed_agregats, store_groups
from insvigil.register.answers import insi_answers, store_answers
from insvigil.register.decisions import decisions, record_decision
from insvigil.register.folding import Folding, fold
from insvigil.register.history import changes, history, replay
from insvigil.register.identities import absorbed, identities, identity_slices, resolve
from insvigil.register.opening import Register, open_register
from insvigil.register.pairs import model, previous_pairs, store_model, store_pairs
from insvigil.register.runs import describe_run, known_digests, runs
from insvigil.register.statuses import indicators, status_ledger, store_indicators, store_statuses
from insvigil.register.stays import stays
from insvigil.register.upkeep import backup, check, export, purge, restore, stats

__all__ = [
    "Folding",
    "Register",
    "absorbed",
    "agregats",
    "backup",
    "changes",
    "check",
    "closed_agregats",
    "decisions",
    "describe_run",
    "export",
    "fold",
    "history",
    "identities",
    "identity_slices",
    "indicators",
    "insi_answers",
    "known_digests",
    "model",
    "open_register",
    "previous_pairs",
    "purge",
    "record_decision",
    "replay",
    "resolve",
    "restore",
    "runs",
    "stats",
    "status_ledger",
    "stays",
    "store_answers",
    "store_groups",
    "store_indicators",
    "store_model",
    "store_pairs",
    "store_statuses",
]
