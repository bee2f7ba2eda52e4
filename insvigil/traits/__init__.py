"""Traits: the French identity, normalised to comparison keys and questioned by detectors with codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from insvigil.surface import surface

if TYPE_CHECKING:
    from insvigil.traits.detectors import ASKED_OF_ALL, detect, overtaken, timely
    from insvigil.traits.normalisation import normalise
    from insvigil.traits.referential import build_referential

_HOMES = {
    "ASKED_OF_ALL": "detectors",
    "build_referential": "referential",
    "detect": "detectors",
    "normalise": "normalisation",
    "overtaken": "detectors",
    "timely": "detectors",
}

__all__ = ["ASKED_OF_ALL", "build_referential", "detect", "normalise", "overtaken", "timely"]


__getattr__ = surface(__name__, _HOMES)
