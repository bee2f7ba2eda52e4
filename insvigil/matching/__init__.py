"""Matching: which identities of a file are one person. One stage, ``match``; and ``explain`` for one pair."""

from insvigil.matching.bands import Lines
from insvigil.matching.explanation import Explanation, explain, explain_pairs
from insvigil.matching.learning import Learnt, learn
from insvigil.matching.stage import Matching, match
from insvigil.matching.yields import keys_report

__all__ = ["Explanation", "Learnt", "Lines", "Matching", "explain", "explain_pairs", "keys_report", "learn", "match"]
