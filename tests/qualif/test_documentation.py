from __future__ import annotations

from pathlib import Path

from insvigil.qualif.answers import ANSWER_COLUMNS
from insvigil.qualif.definitions import DEFINITIONS
from insvigil.qualif.evidence import DOCUMENTS
from insvigil.qualif.rules import RULES
from insvigil.qualif.statuses import SOURCES
from insvigil.qualif.transitions import TRANSITIONS, Cause

DOCS = Path(__file__).parents[2] / "docs" / "reference"


def test_indicators_page__says_what_every_figure_counts() -> None:
    page = (DOCS / "indicators.md").read_text(encoding="utf-8")
    for one in DEFINITIONS:
        assert f"`{one.code}`" in page
    for one in (one for one in DEFINITIONS if "_SANS_" not in one.code and "_AVEC_" not in one.code):
        assert f"| `{one.code}` | {one.label} | {one.numerator} | {one.denominator} | {one.note} |" in page
    assert ";".join(ANSWER_COLUMNS) in page


def test_statuses_page__holds_every_rule_document_cause_and_transition() -> None:
    page = (DOCS / "statuses.md").read_text(encoding="utf-8")
    for rule in RULES:
        assert (
            f"| {rule.code} | {rule.sentence} | {rule.severity.label} | {rule.source} | {rule.confidence.value} |"
            in page
        )
    assert all(f"| {line.code} | {line.label} | {line.rank} |" in page for line in DOCUMENTS)
    assert all(f"| `{cause.value}` | {cause.label} |" in page for cause in Cause)
    for origin, target in TRANSITIONS:
        assert f"| {origin or '(apparition)'} | {target or '(sortie)'} |" in page
    assert all(f"`{source}`" in page for source in SOURCES if source != "register")
