"""Traits: the French identity, normalised to comparison keys and questioned by detectors with codes."""

from __future__ import annotations

from insvigil.traits.detectors import detect
from insvigil.traits.normalisation import normalise

__all__ = ["detect", "normalise"]
