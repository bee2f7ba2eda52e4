"""The catalogue's page is what the catalogue says, and detectors leave a clean population alone."""

from __future__ import annotations

from insvigil.traits.detectors import RULES
from tools.build_detectors import FAMILIES, FOLDER, detectors_page, rates


def test_detectors_page__is_up_to_date() -> None:
    page = (FOLDER / "detectors.md").read_text(encoding="utf-8")
    assert page == detectors_page(), "run: python tools/build_detectors.py"
    assert {rule.code.split("-")[1] for rule in RULES} == set(FAMILIES)


def test_detect__no_detector_finds_two_percent_of_a_clean_population() -> None:
    worst = rates(20_000, 11)
    assert worst["rate"].max() < 0.02  # type: ignore[operator]
