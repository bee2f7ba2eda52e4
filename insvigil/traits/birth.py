"""Birth and death dates as received: their parts and what they are worth.

Read: ``YYYYMMDD``, ``YYYY-MM-DD``, ``YYYY/MM/DD``, ``DD/MM/YYYY``, ``DD-MM-YYYY``, ``DD.MM.YYYY``, with or without a
time or a zone behind, and the partial ``YYYY``, ``YYYYMM``, ``MM/YYYY``; a part that is 00 is unknown.
"""

from __future__ import annotations

import polars as pl

from insvigil.vocabulary import BirthDateKind

_KINDS = pl.Enum([kind.value for kind in BirthDateKind])

_YEAR_FIRST = r"^([0-9]{4})(?:[-/.]?([0-9]{2})(?:[-/.]?([0-9]{2})(?:[0-9]{2,6})?)?)?(?:[T ].*|[.+-][0-9].*|Z)?$"
_YEAR_LAST = r"^(?:([0-9]{1,2})[-/. ])?([0-9]{1,2})[-/. ]([0-9]{4})(?:[T ].*)?$"


def date_parts(texts: pl.Series) -> pl.DataFrame:
    """Return ``year``, ``month``, ``day`` (null when unknown or out of any calendar) and ``kind``, one row a text.

    ``kind`` is null for a missing text and for a text that is no date at all. Placeholder days: 31 December is the
    civil-status default and the completion of a year alone, 1 January that of a lost day and month (Guide INS, EXI
    ID 11, confidence 2).
    """
    return (
        pl.select(text=pl.lit(texts).str.strip_chars())
        .with_columns(
            first=pl.col("text").str.extract_groups(_YEAR_FIRST), last=pl.col("text").str.extract_groups(_YEAR_LAST)
        )
        .select(
            "text",
            year=pl.coalesce(pl.col("first").struct[0], pl.col("last").struct[2]).cast(pl.Int16),
            month=pl.coalesce(pl.col("first").struct[1], pl.col("last").struct[1]).cast(pl.Int8),
            day=pl.coalesce(pl.col("first").struct[2], pl.col("last").struct[0]).cast(pl.Int8),
        )
        .with_columns(calendar=calendar_day())
        .select(
            year=_positive("year"),
            month=_positive("month").pipe(_at_most, 12),
            day=_positive("day").pipe(_at_most, 31),
            kind=_kind().cast(_KINDS),
        )
    )


def calendar_day(prefix: str = "") -> pl.Expr:
    """Return the date made of ``year``, ``month`` and ``day``; null when the calendar has no such day."""
    parts = (pl.col(prefix + part).cast(pl.String).str.zfill(2) for part in ("year", "month", "day"))
    return pl.format("{}-{}-{}", *parts).str.to_date("%Y-%m-%d", strict=False)


def _positive(name: str) -> pl.Expr:
    return pl.when(pl.col(name) > 0).then(pl.col(name))


def _at_most(part: pl.Expr, limit: int) -> pl.Expr:
    return pl.when(part <= limit).then(part)


def _kind() -> pl.Expr:
    year, month, day = pl.col("year"), pl.col("month"), pl.col("day")
    default_day = ((month == 1) & (day == 1)) | ((month == 12) & (day == 31))
    return (
        pl.when(year.is_null())
        .then(None)
        .when(year == 0)
        .then(pl.lit(BirthDateKind.PARTIAL.value))
        .when((month > 12) | (day > 31))
        .then(pl.lit(BirthDateKind.IMPOSSIBLE.value))
        .when(month.fill_null(0).eq(0) | day.fill_null(0).eq(0))
        .then(pl.lit(BirthDateKind.PARTIAL.value))
        .when(pl.col("calendar").is_null())
        .then(pl.lit(BirthDateKind.IMPOSSIBLE.value))
        .when(default_day)
        .then(pl.lit(BirthDateKind.PLACEHOLDER.value))
        .otherwise(pl.lit(BirthDateKind.EXACT.value))
    )


def calendar_date(texts: pl.Series) -> pl.Series:
    """Return the date of each text, null when it is partial, impossible or no date."""
    parts = date_parts(texts)
    possible = pl.col("kind").is_in([BirthDateKind.EXACT.value, BirthDateKind.PLACEHOLDER.value])
    return parts.select(pl.when(possible).then(calendar_day()).alias(texts.name)).to_series()
