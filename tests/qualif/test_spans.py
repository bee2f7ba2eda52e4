from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from insvigil.errors import UsageError
from insvigil.qualif import parse_period
from insvigil.qualif.spans import cuts
from insvigil.vocabulary import Grain
from tests.qualif.people import UNHURRIED


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026", date(2026, 1, 1), date(2026, 12, 31)),
        ("2026-T2", date(2026, 4, 1), date(2026, 6, 30)),
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29)),
        ("2026-S01", date(2025, 12, 29), date(2026, 1, 4)),
        ("2026-03-05", date(2026, 3, 5), date(2026, 3, 5)),
        ("2026-01:2026-T2", date(2026, 1, 1), date(2026, 6, 30)),
    ],
)
def test_parse_period__reads_what_people_write(text: str, start: date, end: date) -> None:
    assert parse_period(text) == (start, end)


@pytest.mark.parametrize("text", ["", "mars", "2026-13", "2026-T5", "2026-S60", "2026-02-30", "2026:2025", "0000"])
def test_parse_period__refuses_the_rest_in_one_sentence(text: str) -> None:
    with pytest.raises(UsageError, match="période"):
        parse_period(text)


def test_cuts__a_year_asked_by_year_is_given_once() -> None:
    year = (date(2026, 1, 1), date(2026, 12, 31))
    assert [len(spans.start) for spans in cuts(year, [Grain.YEAR, Grain.MONTH, Grain.QUARTER])] == [1, 12, 4]


@UNHURRIED
@given(st.dates(date(2020, 1, 1), date(2027, 1, 1)), st.integers(0, 500), st.lists(st.sampled_from(Grain), unique=True))
def test_cuts__every_day_falls_in_the_span_that_holds_it(start: date, length: int, grains: list[Grain]) -> None:
    period = (start, start + timedelta(days=length))
    seen: set[tuple[date, date]] = set()
    days = [start + timedelta(days=number) for number in range(-1, length + 2)]
    numbers = np.array([(day - date(1970, 1, 1)).days for day in days], np.int32)
    for rank, spans in enumerate(cuts(period, grains)):
        ends = list(zip(spans.start, spans.end, strict=True))
        assert not seen & set(ends)
        seen |= set(ends)
        for day, place in zip(days, spans.of(numbers), strict=True):
            if place >= 0:
                assert spans.start[place] <= day <= spans.end[place]
            elif rank == 0:
                assert day in (days[0], days[-1])
        assert spans.end == sorted(spans.end)
        assert spans.start[0] >= period[0]
        assert spans.end[-1] <= period[1]
