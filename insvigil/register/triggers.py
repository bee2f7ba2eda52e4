"""What each event does to the register (PAM FR 2.11.2, ITI-30 and ITI-31)."""

from __future__ import annotations

DRIVERS = frozenset({"A28", "A31", "A08", "A40", "A47", "FHIR", "CSV"})
"""Events that drive identities: the identity feed (A08, excluded in France, is met as an A31) and extracts."""

MERGE, CHANGE_IDENTIFIER, MOVE_DOSSIER, CORRECT = "A40", "A47", "A44", "Z99"
LINKS = frozenset({"A24", "A37"})

CANCELS: dict[str, str] = {
    "A11": "A01",
    "A12": "A02",
    "A13": "A03",
    "A25": "A16",
    "A26": "A15",
    "A27": "A14",
    "A32": "A10",
    "A33": "A09",
    "A38": "A05",
    "A52": "A21",
    "A53": "A22",
    "A55": "A54",
}
"""Cancelling event → event cancelled (A06 and A07 cancel each other by ZBE-4)."""

CANCEL_ADMISSION = "A11"
ANNOUNCES = ("A05", "A14")
"""What a patient whose admission is cancelled may fall back to: pre-admission and pending admission."""

INSERTS = frozenset(CANCELS.values()) | {"A04", "A06", "A07"}
MOVEMENTS = INSERTS | set(CANCELS) | {CORRECT}
"""Events that speak of a movement; their PID only teaches an unknown identity or fills its gaps."""

TAKEN = DRIVERS | MOVEMENTS | LINKS | {MOVE_DOSSIER}
"""All others are ignored, and counted."""
