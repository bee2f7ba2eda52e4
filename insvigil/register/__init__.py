"""The register: what lasts from night to night, in one DuckDB file (see ``schema.py``)."""

from __future__ import annotations

from insvigil.register.agregats import agregats, closed_agregats, store_groups
from insvigil.register.answers import insi_answers, store_answers
from insvigil.register.carried import (
    Carried,
    carried_anomalies,
    carried_from,
    carried_statuses,
    carried_traits,
    forget,
    in_rows,
    restate,
    store_anomalies,
    store_standing,
    store_traits,
)
from insvigil.register.decisions import decisions, judged_pairs, record_decision
from insvigil.register.folding import Folding, fold
from insvigil.register.history import Told, changes, history, replay, told_of
from insvigil.register.identities import (
    absorbed,
    fields_of,
    filled,
    identities,
    identity_slices,
    keys_of,
    numbers_of,
    resolve,
    roster,
    survivors,
)
from insvigil.register.identity_table import write_identities
from insvigil.register.opening import Register, open_register
from insvigil.register.pairs import model, previous_pairs, store_model, store_pairs
from insvigil.register.runs import describe_run, known_digests, run_before, runs
from insvigil.register.statuses import indicators, known_since, status_ledger, store_indicators, store_statuses
from insvigil.register.stays import owners, stays
from insvigil.register.upkeep import backup, check, export, purge, restore, stats
from insvigil.register.words import Words

__all__ = [
    "Carried",
    "Folding",
    "Register",
    "Told",
    "Words",
    "absorbed",
    "agregats",
    "backup",
    "carried_anomalies",
    "carried_from",
    "carried_statuses",
    "carried_traits",
    "changes",
    "check",
    "closed_agregats",
    "decisions",
    "describe_run",
    "export",
    "fields_of",
    "filled",
    "fold",
    "forget",
    "history",
    "identities",
    "identity_slices",
    "in_rows",
    "indicators",
    "insi_answers",
    "judged_pairs",
    "keys_of",
    "known_digests",
    "known_since",
    "model",
    "numbers_of",
    "open_register",
    "owners",
    "previous_pairs",
    "purge",
    "record_decision",
    "replay",
    "resolve",
    "restate",
    "restore",
    "roster",
    "run_before",
    "runs",
    "stats",
    "status_ledger",
    "stays",
    "store_anomalies",
    "store_answers",
    "store_groups",
    "store_indicators",
    "store_model",
    "store_pairs",
    "store_standing",
    "store_statuses",
    "store_traits",
    "survivors",
    "told_of",
    "write_identities",
]
