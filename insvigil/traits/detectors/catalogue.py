"""The catalogue: every detector, in the order of their codes' families."""

from __future__ import annotations

from insvigil.traits.detectors import birth, changes, contacts, groups, ins, likeness, names, places, sex, stays
from insvigil.traits.detectors.detector import Detector
from insvigil.vocabulary import Rule

DETECTORS: tuple[Detector, ...] = (
    *names.DETECTORS,
    *birth.DETECTORS,
    *sex.DETECTORS,
    *places.DETECTORS,
    *ins.DETECTORS,
    *contacts.DETECTORS,
    *likeness.DETECTORS,
    *groups.DETECTORS,
    *changes.DETECTORS,
    *stays.DETECTORS,
)

RULES: tuple[Rule, ...] = tuple(detector.rule for detector in DETECTORS)
"""The rules of the room, as ``insvigil rules`` lists them; codes are stable for life."""
