"""The register: what lasts from night to night, in one DuckDB file (see ``schema.py``)."""

from __future__ import annotations

from insvigil.register.folding import Folding, fold
from insvigil.register.identities import identities, resolve
from insvigil.register.opening import Register, open_register
from insvigil.register.runs import describe_run, known_digests, runs
from insvigil.register.stays import stays

__all__ = [
    "Folding",
    "Register",
    "describe_run",
    "fold",
    "identities",
    "known_digests",
    "open_register",
    "resolve",
    "runs",
    "stays",
]
