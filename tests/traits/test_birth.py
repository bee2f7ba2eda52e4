"""Birth dates: every form met in files, and what a date is worth."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from insvigil.traits.birth import calendar_date, date_parts


def parts(text: str | None) -> tuple[int | None, int | None, int | None, str | None]:
    return date_parts(pl.Series("d", [text], dtype=pl.String)).row(0)  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("19800115", (1980, 1, 15, "exact")),
        ("1980-01-15", (1980, 1, 15, "exact")),
        ("1980/01/15", (1980, 1, 15, "exact")),
        ("15/01/1980", (1980, 1, 15, "exact")),
        ("15-01-1980", (1980, 1, 15, "exact")),
        ("15.01.1980", (1980, 1, 15, "exact")),
        ("1/2/1980", (1980, 2, 1, "exact")),
        ("198001151230", (1980, 1, 15, "exact")),
        ("19800115123045.123+0100", (1980, 1, 15, "exact")),
        ("1980-01-15T12:00:00Z", (1980, 1, 15, "exact")),
        ("1980-01-15 00:00:00", (1980, 1, 15, "exact")),
        ("15/01/1980 08:00", (1980, 1, 15, "exact")),
        ("20000229", (2000, 2, 29, "exact")),
        ("19800101", (1980, 1, 1, "placeholder")),
        ("31/12/1975", (1975, 12, 31, "placeholder")),
        ("19800201", (1980, 2, 1, "exact")),
        ("1980", (1980, None, None, "partial")),
        ("198003", (1980, 3, None, "partial")),
        ("03/1980", (1980, 3, None, "partial")),
        ("19800000", (1980, None, None, "partial")),
        ("19800300", (1980, 3, None, "partial")),
        ("19800015", (1980, None, 15, "partial")),
        ("00000000", (None, None, None, "partial")),
        ("19801315", (1980, None, 15, "impossible")),
        ("19800132", (1980, 1, None, "impossible")),
        ("30/02/1980", (1980, 2, 30, "impossible")),
        ("19000229", (1900, 2, 29, "impossible")),
        ("abc", (None, None, None, None)),
        ("15 janvier 1980", (None, None, None, None)),
        ("２０００", (None, None, None, None)),
        ("", (None, None, None, None)),
        (None, (None, None, None, None)),
    ],
)
def test_date_parts__reads_the_forms_of_files(text: str | None, expected: tuple[object, ...]) -> None:
    assert parts(text) == expected


@given(st.dates(min_value=date(1800, 1, 1), max_value=date(2100, 12, 31)))
def test_calendar_date__reads_any_day_in_any_form(day: date) -> None:
    forms = [day.strftime(form) for form in ("%Y%m%d", "%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y")]
    assert calendar_date(pl.Series(forms)).to_list() == [day] * 4


@given(st.lists(st.text(max_size=20) | st.from_regex(r"[0-9/\-. ]{4,12}", fullmatch=True), max_size=10))
def test_date_parts__is_total_and_within_the_calendar(texts: list[str]) -> None:
    frame = date_parts(pl.Series("d", texts, dtype=pl.String))
    assert frame.height == len(texts)
    assert frame["month"].drop_nulls().is_between(1, 12).all()
    assert frame["day"].drop_nulls().is_between(1, 31).all()
