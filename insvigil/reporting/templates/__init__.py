"""The French texts and the look of the page and of the workbook's guide."""

from __future__ import annotations

from importlib.resources import files

import jinja2

from insvigil.reporting import wording


def environment() -> jinja2.Environment:
    """Return the environment of the templates: HTML is escaped, a missing value is an error."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("insvigil.reporting", "templates"),
        autoescape=jinja2.select_autoescape(["html.j2"]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "integer": wording.integer,
        "decimal": wording.decimal,
        "percent": wording.percent,
        "likely": wording.probability,
        "short_date": wording.short_date,
        "plural": wording.plural,
    }
    return made


def style_sheet() -> str:
    """Return the style sheet of the page."""
    return files("insvigil.reporting.templates").joinpath("page.css").read_text(encoding="utf-8")
