"""Matching: which identities of a file are one person. One stage, ``match``; and ``explain`` for one pair."""

from __future__ import annotations

from typing import TYPE_CHECKING

from insvigil.surface import surface

if TYPE_CHECKING:
    from insvigil.matching.bands import Lines
    from insvigil.matching.explanation import Explanation, explain, explain_pairs
    from insvigil.matching.learning import Learnt, learn
    from insvigil.matching.stage import Matching, match
    from insvigil.matching.yields import keys_report

_HOMES = {
    "Explanation": "explanation",
    "Learnt": "learning",
    "Lines": "bands",
    "Matching": "stage",
    "explain": "explanation",
    "explain_pairs": "explanation",
    "keys_report": "yields",
    "learn": "learning",
    "match": "stage",
}

__all__ = ["Explanation", "Learnt", "Lines", "Matching", "explain", "explain_pairs", "keys_report", "learn", "match"]


__getattr__ = surface(__name__, _HOMES)
