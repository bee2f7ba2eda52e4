"""Statuses + passages → Indicators: every figure with its numerator, its denominator, its period and its mesh."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import dataframely as dy
import polars as pl

from insvigil.frames import Identities, Indicators, Statuses, StatusLedger, Stays
from insvigil.qualif.definitions import LABELS, RULE_VERSION
from insvigil.qualif.evidence import in_base, known
from insvigil.qualif.history import COUNTS, base_by_day, dated, status_on
from insvigil.qualif.objectives import join_objectives
from insvigil.qualif.passages import UNKNOWN, passages
from insvigil.qualif.programmes import Programme
from insvigil.settings import QualifSettings
from insvigil.vocabulary import Grain, Mesh, Status

AGE_BANDS = ((0, "0-17"), (18, "18-44"), (45, "45-64"), (65, "65-74"), (75, "75+"))
"""First age of each band (insvigil's convention), at the end of the period."""

_EVERY = {Grain.DAY: "1d", Grain.WEEK: "1w", Grain.MONTH: "1mo", Grain.QUARTER: "1q", Grain.YEAR: "1y"}
_ACTIVE_CODES = {
    "Q_FILE_ACTIVE": ("q",),
    "TX_QUAL": ("q",),
    "TX_VALI": ("v",),
    "TX_RECUP": ("r",),
    "TX_PROV": ("p",),
    "IN_INSI": ("r", "q"),
}
_SPAN = ("period_start", "period_end")


def measure(
    identities: dy.DataFrame[Identities],
    statuses: dy.DataFrame[Statuses],
    stays: dy.DataFrame[Stays],
    settings: QualifSettings,
    *,
    period: tuple[date, date],
    ledger: dy.DataFrame[StatusLedger] | None = None,
    meshes: Sequence[Mesh] = (Mesh.ESTABLISHMENT, Mesh.SITE, Mesh.UNIT, Mesh.ACTIVITY),
    grains: Sequence[Grain] = (),
    programmes: Sequence[Programme] | None = None,
) -> dy.DataFrame[Indicators]:
    """Return the figures of ``period`` (both days included), and of each ``grain`` within it, at each mesh.

    With the ``ledger`` of statuses a figure is what it was on its day; without it the present status is taken for
    every day and ``status_source`` says so (``… (statut présent)``). The rows of the establishment are always there,
    with a null rate when nothing was counted. Raise ``SettingsError`` for an objective that names an unknown
    programme or indicator.
    """
    counted = identities.filter(in_base())
    history = None if ledger is None else dated(counted, ledger)
    passed = passages(counted, stays, settings)
    births = counted.select("identity_id", birth=known("birth_date").str.slice(0, 4).cast(pl.Int32, strict=False))
    parts: list[pl.DataFrame] = []
    for grain in (None, *grains):
        moves = _spans(passed.movements, "day", period, grain)
        active = _active(moves, statuses, history, births, meshes)
        entries = passed.venues.select("identity_id", "site", "unit", "pole", "activity", day=pl.col("entered_on"))
        exits = passed.venues.select(
            "identity_id",
            *(pl.col(f"{mesh}_out").alias(mesh) for mesh in ("site", "unit", "pole", "activity")),
            day=pl.col("left_on"),
        )
        parts += [_coded(active, code, slots) for code, slots in _ACTIVE_CODES.items()]
        for code, venues in (("Q_PASSAGE_ENTREE", entries), ("Q_PASSAGE_SORTIE", exits)):
            spanned = status_on(_spans(venues, "day", period, grain), "day", statuses, history)
            parts.append(_coded(_count(spanned, births, meshes), code, ("q",)))
        parts.append(_base(counted, statuses, ledger, period, grain))
    figures = pl.concat([*parts, _blank(period)]).unique(["code", "mesh", "mesh_value", *_SPAN], keep="first")
    place = settings.finess_ej or "ensemble"
    source = "+".join(sorted(statuses["source"].unique().to_list())) or "none"
    named = figures.with_columns(
        label=pl.col("code").replace_strict(LABELS, return_dtype=pl.String),
        mesh_value=pl.when(pl.col("mesh") == Mesh.ESTABLISHMENT).then(pl.lit(place)).otherwise(pl.col("mesh_value")),
        rate=pl.when(pl.col("denominator") > 0).then(pl.col("numerator") / pl.col("denominator")),
        status_source=pl.lit(source if ledger is not None else f"{source} (statut présent)"),
        rule_version=pl.lit(RULE_VERSION),
    )
    order = {code: rank for rank, code in enumerate(LABELS)}
    mesh_order = {mesh.value: rank for rank, mesh in enumerate(Mesh)}
    judged = join_objectives(named, settings, programmes).sort(
        pl.col("code").replace_strict(order, return_dtype=pl.Int32),
        pl.col("mesh").replace_strict(mesh_order, return_dtype=pl.Int32),
        "mesh_value",
        *_SPAN,
        "programme",
    )
    return Indicators.validate(judged.select(Indicators.column_names()))


def active_period(end: date, settings: QualifSettings) -> tuple[date, date]:
    """Return the period of the file active that ends on ``end``: the last ``active_months`` months."""
    start = pl.select(pl.lit(end).dt.offset_by(f"-{settings.active_months}mo")).item()
    return start + timedelta(days=1), end


def _spans(rows: pl.DataFrame, day: str, period: tuple[date, date], grain: Grain | None) -> pl.DataFrame:
    """Return the rows whose day is in the period, with the start and end of their span, cut at the period."""
    start, end = pl.lit(period[0]), pl.lit(period[1])
    within = rows.filter(pl.col(day).is_between(start, end))
    if grain is None:
        return within.with_columns(period_start=start, period_end=end)
    first = pl.col(day).dt.truncate(_EVERY[grain])
    last = first.dt.offset_by(_EVERY[grain]).dt.offset_by("-1d")
    return within.with_columns(period_start=pl.max_horizontal(first, start), period_end=pl.min_horizontal(last, end))


def _active(
    moves: pl.DataFrame,
    statuses: pl.DataFrame,
    history: pl.DataFrame | None,
    births: pl.DataFrame,
    meshes: Sequence[Mesh],
) -> pl.DataFrame:
    """Return the counts of identities by status, each identity once a mesh value and a span."""
    seen = moves.drop("day").unique()
    asked = seen.select("identity_id", *_SPAN).unique()
    known_then = status_on(asked, "period_end", statuses, history)
    return _count(seen.join(known_then, on=["identity_id", *_SPAN], how="left"), births, meshes, once=True)


def _count(rows: pl.DataFrame, births: pl.DataFrame, meshes: Sequence[Mesh], *, once: bool = False) -> pl.DataFrame:
    """Return mesh, mesh_value, span, ``n`` and the number of rows of each status (``p``, ``r``, ``v``, ``q``)."""
    banded = rows
    if Mesh.AGE_BAND in meshes:
        banded = rows.join(births, on="identity_id", how="left").with_columns(age_band=_age_band())
    # An identity whose status was not known yet on the day counts as provisional.
    status = pl.col("status").fill_null(Status.PROVISOIRE)
    tally = [(status == named).sum().cast(pl.Int64).alias(slot) for slot, named in COUNTS.items()]
    counts = []
    for mesh in meshes:
        by: list[str] = [*_SPAN] if mesh == Mesh.ESTABLISHMENT else [mesh.value, *_SPAN]
        subjects = banded.select("identity_id", *by, "status").unique() if once else banded
        counted = subjects.group_by(by).agg(pl.len().cast(pl.Int64).alias("n"), *tally)
        value = pl.lit("") if mesh == Mesh.ESTABLISHMENT else pl.col(mesh.value).cast(pl.String)
        counts.append(counted.select(*_SPAN, "n", *COUNTS, mesh=pl.lit(mesh.value), mesh_value=value))
    return pl.concat(counts)


def _age_band() -> pl.Expr:
    age = pl.col("period_end").dt.year() - pl.col("birth")
    band = pl.lit(UNKNOWN)
    for first, label in AGE_BANDS:
        band = pl.when(age >= first).then(pl.lit(label)).otherwise(band)
    return band.cast(pl.Categorical())


def _coded(counts: pl.DataFrame, code: str, slots: Sequence[str]) -> pl.DataFrame:
    return counts.select(
        code=pl.lit(code),
        mesh=pl.col("mesh"),
        mesh_value=pl.col("mesh_value"),
        period_start=pl.col("period_start"),
        period_end=pl.col("period_end"),
        numerator=pl.sum_horizontal(slots),
        denominator=pl.col("n"),
    )


def _base(
    counted: pl.DataFrame,
    statuses: pl.DataFrame,
    ledger: pl.DataFrame | None,
    period: tuple[date, date],
    grain: Grain | None,
) -> pl.DataFrame:
    """Return Q_BASE at the end of each span: from the ledger, else the present base for the whole period."""
    days = pl.DataFrame({"day": pl.date_range(*period, interval="1d", eager=True)})
    spans = _spans(days, "day", period, grain).select(_SPAN).unique().sort("period_end")
    if ledger is not None:
        levels = base_by_day(ledger)
        sizes = spans.join_asof(levels, left_on="period_end", right_on="day").with_columns(pl.col(*COUNTS).fill_null(0))
    elif grain is None:
        now = statuses.join(counted.select("identity_id"), on="identity_id", how="semi")
        sizes = spans.with_columns(
            pl.lit(now.filter(pl.col("status") == status).height, dtype=pl.Int64).alias(slot)
            for slot, status in COUNTS.items()
        )
    else:
        sizes = spans.clear().with_columns(pl.lit(0, dtype=pl.Int64).alias(slot) for slot in COUNTS)
    counts = sizes.with_columns(
        n=pl.sum_horizontal(*COUNTS), mesh=pl.lit(Mesh.ESTABLISHMENT.value), mesh_value=pl.lit("")
    )
    return _coded(counts, "Q_BASE", ("q",))


def _blank(period: tuple[date, date]) -> pl.DataFrame:
    """Return a row of zeros for each indicator of the establishment, so that none is ever missing."""
    return pl.DataFrame({"code": list(LABELS)}).select(
        "code",
        mesh=pl.lit(Mesh.ESTABLISHMENT.value),
        mesh_value=pl.lit(""),
        period_start=pl.lit(period[0]),
        period_end=pl.lit(period[1]),
        numerator=pl.lit(0, dtype=pl.Int64),
        denominator=pl.lit(0, dtype=pl.Int64),
    )
