"""Traits: the French identity, normalised to comparison keys and questioned by detectors with codes."""

from __future__ import annotations

from insvigil.traits.detectors import ASKED_OF_ALL, detect, overtaken, timely
from insvigil.traits.normalisation import normalise
from insvigil.traits.referential import build_referential

__all__ = ["ASKED_OF_ALL", "build_referential", "detect", "normalise", "overtaken", "timely"]
