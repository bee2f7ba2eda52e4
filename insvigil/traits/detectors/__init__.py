"""The detectors: what a cellule d'identitovigilance reads in the morning, one stable code a question."""

from __future__ import annotations

from insvigil.traits.detectors.catalogue import DETECTORS, RULES
from insvigil.traits.detectors.detector import ASKED_OF_ALL
from insvigil.traits.detectors.questioning import detect, overtaken, timely

__all__ = ["ASKED_OF_ALL", "DETECTORS", "RULES", "detect", "overtaken", "timely"]
