"""Placeholder."""

from insvigil.reporting.night_report import NightReport


def render_report(report: NightReport) -> str:
    """Return the page."""
    return ""
