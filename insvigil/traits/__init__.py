"""Traits: the French identity, normalised to comparison keys and questioned by detectors with codes."""

from __future__ import annotations

from insvigil.traits.detectors import detect, overtaken
from insvigil.traits.normalisation import normalise
from insvigil.traits.referential import build_referential

__all__ = ["build_referential", "detect", "normalise", "overtaken"]
