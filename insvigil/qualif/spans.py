"""Periods and how they are cut: the asked period, then its days, weeks, months, quarters and years, cut at its ends."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from insvigil.errors import UsageError
from insvigil.settings import QualifSettings
from insvigil.vocabulary import Grain

_PERIOD = re.compile(
    r"(?P<year>\d{4})(?:-T(?P<quarter>[1-4])|-S(?P<week>\d{2})|-(?P<month>\d{2})(?:-(?P<day>\d{2}))?)?"
)
_EVERY = {Grain.DAY: "1d", Grain.WEEK: "1w", Grain.MONTH: "1mo", Grain.QUARTER: "1q", Grain.YEAR: "1y"}


class Spans(NamedTuple):
    """A cut of a period: ``start`` and ``end`` of each span, in order, and the span of each day of the period."""

    first_day: int  # days since 1970
    start: list[date]
    end: list[date]
    of_day: NDArray[np.int32]

    def of(self, day: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return the number of the span that holds each day (days since 1970), -1 outside the period."""
        place = day.astype(np.int64) - self.first_day
        inside = (place >= 0) & (place < self.of_day.size)
        return np.where(inside, self.of_day[np.where(inside, place, 0)], -1).astype(np.int32)

    @property
    def end_days(self) -> NDArray[np.int32]:
        """The last day of each span, as days since 1970."""
        return np.array([(end - _EPOCH).days for end in self.end], np.int32)


def cuts(period: tuple[date, date], grains: Sequence[Grain]) -> Iterator[Spans]:
    """Yield the period whole, then each cut of it; a span already given (same ends) is not given again."""
    days = pl.date_range(*period, interval="1d", eager=True)
    given: set[tuple[date, date]] = set()
    for grain in (None, *grains):
        first = days.clone() if grain is None else days.dt.truncate(_EVERY[grain])
        if grain is None:
            first = pl.Series([period[0]] * days.len())
        starts = first.unique().sort()
        lasts = [period[1]] if grain is None else starts.dt.offset_by(_EVERY[grain]).dt.offset_by("-1d").to_list()
        ends = [min(last, period[1]) for last in lasts]
        clipped = [max(start, period[0]) for start in starts]
        fresh = [(start, end) not in given for start, end in zip(clipped, ends, strict=True)]
        given |= set(zip(clipped, ends, strict=True))
        number = np.cumsum(fresh) - 1
        of_day = np.where(fresh, number, -1)[starts.search_sorted(first).to_numpy()]
        kept = [(start, end) for start, end, new in zip(clipped, ends, fresh, strict=True) if new]
        if not kept:
            continue
        yield Spans((period[0] - _EPOCH).days, [s for s, _ in kept], [e for _, e in kept], of_day.astype(np.int32))


def parse_period(text: str) -> tuple[date, date]:
    """Return the days of ``2026``, ``2026-T2``, ``2026-03``, ``2026-S12`` (ISO week), ``2026-03-05`` or ``A:B``.

    Raise ``UsageError`` for anything else, and for a period that ends before it begins.
    """
    if ":" in text:
        first, _, last = text.partition(":")
        start, end = parse_period(first)[0], parse_period(last)[1]
        if end < start:
            raise UsageError(f"La période « {text} » finit avant de commencer.")
        return start, end
    match = _PERIOD.fullmatch(text.strip().upper())
    try:
        if match is None:
            raise ValueError
        year = int(match["year"])
        if match["quarter"]:
            month = 3 * int(match["quarter"]) - 2
            return date(year, month, 1), _month_end(year, month + 2)
        if match["week"]:
            monday = date.fromisocalendar(year, int(match["week"]), 1)
            return monday, monday + timedelta(days=6)
        if match["day"]:
            day = date(year, int(match["month"]), int(match["day"]))
            return day, day
        if match["month"]:
            return date(year, int(match["month"]), 1), _month_end(year, int(match["month"]))
        return date(year, 1, 1), date(year, 12, 31)
    except ValueError as error:
        raise UsageError(
            f"La période « {text} » n'est pas comprise.",
            hint="Exemples : 2026, 2026-T2, 2026-03, 2026-S12, 2026-03-05, 2026-01-01:2026-06-30.",
        ) from error


def _month_end(year: int, month: int) -> date:
    return date(year, month, monthrange(year, month)[1])


def active_period(end: date, settings: QualifSettings) -> tuple[date, date]:
    """Return the period of the file active that ends on ``end``: the last ``active_months`` months."""
    start: date = pl.select(pl.lit(end).dt.offset_by(f"-{settings.active_months}mo")).item()
    return start + timedelta(days=1), end


_EPOCH = date(1970, 1, 1)
