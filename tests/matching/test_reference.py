"""The reference pages say what the code does."""

from __future__ import annotations

from pathlib import Path

from insvigil.matching.levels import LEVELS, TRAITS
from insvigil.matching.rules import CERTAIN, CODES, NEVER, RULES

PAGES = Path(__file__).parents[2] / "docs/reference"


def test_agreements__every_level_is_in_the_page() -> None:
    page = (PAGES / "agreements.md").read_text(encoding="utf-8")
    for trait in TRAITS:
        section = page.split(f"## `agree_{trait}`")[1].split("\n## ")[0]
        for level, words in enumerate(LEVELS[trait]):
            assert not words or f"| {level} | {words} |" in section


def test_rules__codes_are_unique_and_each_decides_one_way() -> None:
    assert len(set(CODES)) == len(RULES)
    assert set(CODES) == CERTAIN | NEVER
    assert not CERTAIN & NEVER
    page = (PAGES / "matching.md").read_text(encoding="utf-8")
    assert all(code in page for code in CODES)
