"""Statuses + visits → Indicators: every figure with its numerator, its denominator, its period and its mesh."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import NamedTuple

import dataframely as dy
import numpy as np
import polars as pl
from numpy.typing import NDArray

from insvigil.frames import Indicators, StatusLedger, Stays
from insvigil.qualif.definitions import QUALIFICATION, VARIANTS
from insvigil.qualif.evidence import carries, in_base, known
from insvigil.qualif.history import RANK, History, base_by_day, history
from insvigil.qualif.objectives import judged
from insvigil.qualif.passages import UNKNOWN, Passages, passages
from insvigil.qualif.programmes import Programme
from insvigil.qualif.spans import Spans, cuts
from insvigil.settings import QualifSettings
from insvigil.vocabulary import Grain, Mesh, Status

AGE_BANDS = ((0, "0-17"), (18, "18-44"), (45, "45-64"), (65, "65-74"), (75, "75+"))
"""First age of each band (insvigil's convention), at the end of the span."""

ALL_MESHES = (Mesh.ESTABLISHMENT, Mesh.SITE, Mesh.POLE, Mesh.UNIT, Mesh.ACTIVITY, Mesh.AGE_BAND)
"""The meshes ``measure`` knows."""

ACTIVE = {
    "Q_FILE_ACTIVE": (Status.QUALIFIEE,),
    "TX_QUAL": (Status.QUALIFIEE,),
    "TX_VALI": (Status.VALIDEE,),
    "TX_RECUP": (Status.RECUPEREE,),
    "TX_PROV": (Status.PROVISOIRE,),
    "IN_INSI": (Status.RECUPEREE, Status.QUALIFIEE),
}
_QUALIFIED = (Status.QUALIFIEE,)
_COUNTS = list(RANK)


class Whole(NamedTuple):
    """What is known of the whole base when ``measure`` is given only those who came, numbered for themselves.

    ``levels``: ``day`` and how many identities counted had each status then. ``since``: first day of the ledger.
    """

    levels: pl.DataFrame
    since: date | None
    sources: Sequence[str]


def measure(
    identities: pl.DataFrame,
    statuses: pl.DataFrame,
    stays: dy.DataFrame[Stays] | Passages,
    settings: QualifSettings,
    *,
    period: tuple[date, date],
    ledger: dy.DataFrame[StatusLedger] | None = None,
    meshes: Sequence[Mesh] = (Mesh.ESTABLISHMENT, Mesh.SITE, Mesh.UNIT, Mesh.ACTIVITY),
    grains: Sequence[Grain] = (),
    programmes: Sequence[Programme] | None = None,
    until: date | None = None,
    whole: Whole | None = None,
) -> dy.DataFrame[Indicators]:
    """Return the figures of ``period`` (both days included), and of each ``grain`` within it, at each mesh.

    With the ``ledger`` of statuses a figure is what it was on its day; venues and spans from before its first row are
    left out, since no status was known then (``… (statuts connus depuis le …)``). Without it the present status is
    taken for every day (``… (statut présent)``). ``until`` is the last day the register speaks of: cuts that begin
    after it have no figure, and a period that ends after it says so (``… (arrêtés au …)``). The rows of the
    establishment are always there, with a null rate when nothing was counted. ``identities``, ``statuses`` and
    ``ledger`` may be limited to those who came, ``whole`` saying the rest. Raise ``SettingsError`` for an objective
    that names an unknown programme or indicator.
    """
    told = history(identities, statuses, ledger)
    since = known_since(ledger) if whole is None else whole.since
    visits = known_visits(passages(identities, stays, settings), since)
    fictive, doubtful = (identities.select(carries(code)).to_series() for code in ("FICT", "DOUT"))
    counted = identities.select(in_base()).to_series()
    base = only(visits, counted)
    birth = identities.select(known("birth_date").str.slice(0, 4).cast(pl.Int32, strict=False).fill_null(0))
    births = birth.to_series().to_numpy()
    if whole is not None:
        levels = whole.levels
    else:
        levels = _present_base(identities, statuses, period) if ledger is None else base_by_day(ledger)
    parts = [_blank(period)]
    for spans in cuts(period, grains):
        if (since is not None and max(spans.end) < since) or (until is not None and min(spans.start) > until):
            continue
        parts += _rates(base, told, births, spans, meshes)
        parts.append(_coded(_base(spans, levels), "Q_BASE", _QUALIFIED))
    uncut = next(cuts(period, ()))
    figures = pl.concat(parts[1:])
    for suffix, some, sign in (("SANS_DOUT", counted & doubtful, -1), ("AVEC_FICT", ~counted & fictive, 1)):
        varied = pl.concat(_rates(only(visits, some), told, births, uncut, [Mesh.ESTABLISHMENT]))
        parts.append(_varied(figures, varied, suffix, sign, period))
    parts.append(_faulty(base, statuses, uncut))
    figures = pl.concat(parts[1:])
    if since is not None:
        figures = figures.filter(pl.col("period_end") >= since)
    if until is not None:
        figures = figures.filter(pl.col("period_start") <= until)
    named = ["code", "mesh", "mesh_value", "period_start", "period_end"]
    figures = pl.concat([figures, parts[0].join(figures.select(named), on=named, how="anti")])
    sources = statuses["source"].unique().to_list() if whole is None else whole.sources
    source = "+".join(sorted(sources)) or "none"
    if ledger is None:
        source += " (statut présent)"
    elif since is not None and since > period[0]:
        source += f" (statuts connus depuis le {since:%d/%m/%Y})"
    if until is not None and until < period[1]:
        source += f" (arrêtés au {until:%d/%m/%Y})"
    return judged(figures, settings, source=source, programmes=programmes)


def _varied(
    figures: pl.DataFrame, some: pl.DataFrame, suffix: str, sign: int, period: tuple[date, date]
) -> pl.DataFrame:
    """Return the establishment's rates of the period with ``some`` identities added or taken away."""
    whole = figures.filter(
        pl.col("mesh") == Mesh.ESTABLISHMENT.value,
        pl.col("period_start") == period[0],
        pl.col("period_end") == period[1],
    )
    signed = some.with_columns(pl.col("numerator", "denominator") * sign)
    summed = pl.concat([whole, signed]).group_by("mesh", "mesh_value", "period_start", "period_end", "code").sum()
    named = summed.with_columns(code=pl.col("code") + f"_{suffix}").select(whole.columns)
    return named.filter(pl.col("code").is_in([variant.code for variant in VARIANTS]))


def known_since(ledger: pl.DataFrame | None) -> date | None:
    """Return the day of the first row of the ledger: before it no status is known."""
    first = None if ledger is None else ledger["at"].min()
    return first.date() if isinstance(first, datetime) else None


def known_visits(visits: Passages, since: date | None) -> Passages:
    """Return the visits without the entries and exits from before the first status known."""
    if since is None:
        return visits
    entries, exits = (frame.filter(pl.col("day") >= since) for frame in (visits.entries, visits.exits))
    return visits._replace(entries=entries, exits=exits)


def only(visits: Passages, kept: pl.Series) -> Passages:
    """Return the visits of the identities kept."""
    if kept.all():
        return visits
    movements, entries, exits = (frame.filter(kept.gather(frame["identity_id"])) for frame in visits[:3])
    return Passages(movements, entries, exits, visits.labels)


def _rates(
    visits: Passages, told: History, births: NDArray[np.int32], spans: Spans, meshes: Sequence[Mesh]
) -> list[pl.DataFrame]:
    active = list(_counts(visits.movements, visits, told, births, spans, meshes, once=True))
    rates = [_coded(counts, code, kept) for counts in active for code, kept in ACTIVE.items()]
    venues = {"Q_PASSAGE_ENTREE": visits.entries, "Q_PASSAGE_SORTIE": visits.exits, "PLAFOND_DOCUMENTS": visits.exits}
    for code, seen in venues.items():
        found = _counts(seen, visits, told, births, spans, meshes, once=False)
        rates += [_coded(counts, code, _QUALIFIED) for counts in found]
    return rates


def _faulty(visits: Passages, statuses: pl.DataFrame, whole: Spans) -> pl.DataFrame:
    """Return how many qualified identities of the file active carry an anomaly, as they stand today."""
    inside = whole.of(visits.movements["day"].to_physical().fill_null(-(2**31)).to_numpy(writable=True)) >= 0
    seen = visits.movements.filter(inside)["identity_id"].unique()
    qualified = statuses[seen].filter(pl.col("status") == Status.QUALIFIEE)
    return pl.select(
        mesh=pl.lit(Mesh.ESTABLISHMENT.value),
        mesh_value=pl.lit(""),
        period_start=pl.lit(whole.start[0]),
        period_end=pl.lit(whole.end[0]),
        code=pl.lit("TX_QUAL_DEFAUT"),
        numerator=pl.lit(qualified.height - qualified["anomaly"].null_count(), pl.Int64),
        denominator=pl.lit(qualified.height, pl.Int64),
    )


def _counts(
    visits: pl.DataFrame,
    passed: Passages,
    told: History,
    births: NDArray[np.int32],
    spans: Spans,
    meshes: Sequence[Mesh],
    *,
    once: bool,
) -> Iterator[pl.DataFrame]:
    """Yield, a mesh at a time, the number of visits (or of identities, ``once``) of each status by value and span.

    Columns: mesh, mesh_value, period_start, period_end, one count a status. An identity counts with its status at the
    end of the span, a venue with the status of the day it entered or left.
    """
    from insvigil.qualif.kernels.counting import tally

    subject = visits["identity_id"].to_numpy(writable=True)
    day = visits["day"].to_physical().fill_null(-(2**31)).to_numpy(writable=True)
    span = spans.of(day)
    end = np.append(spans.end_days, np.int32(0))[span]
    year = np.array([day.year for day in spans.end] + [0], np.int32)[span]
    status = told.at_end_of(subject, end if once else day)
    counted = subject if once else np.arange(subject.size, dtype=np.uint32)
    for mesh in meshes:
        value, labels = mesh_values(mesh, visits, passed, births, year)
        # Cells are int32: 4,000 units of 366 days are 1.5 million.
        cell = np.where(span >= 0, value * np.int32(len(spans.start)) + span, np.int32(-1)).astype(np.int32)
        counts = np.zeros((len(labels) * len(spans.start), len(RANK)), np.int64)
        tally(counted, cell, status, np.full(len(counts), -1, np.int64), counts)
        used = np.flatnonzero(counts.sum(axis=1))
        yield pl.DataFrame(counts[used], schema=_COUNTS).select(
            pl.all(),
            mesh=pl.lit(mesh.value),
            mesh_value=pl.Series(labels, dtype=pl.String).gather(used // len(spans.start)),
            period_start=pl.Series(spans.start, dtype=pl.Date).gather(used % len(spans.start)),
            period_end=pl.Series(spans.end, dtype=pl.Date).gather(used % len(spans.start)),
        )


def mesh_values(
    mesh: Mesh, visits: pl.DataFrame, passed: Passages, births: NDArray[np.int32], year: NDArray[np.int32]
) -> tuple[NDArray[np.int32], list[str]]:
    """Return the code of each visit on a mesh, and the labels of the codes."""
    if mesh == Mesh.ESTABLISHMENT:
        return np.zeros(visits.height, np.int32), [""]
    if mesh == Mesh.AGE_BAND:
        birth = births[visits["identity_id"].to_numpy()]
        band = np.searchsorted([first for first, _ in AGE_BANDS], year - birth, side="right")
        return np.where(birth > 0, band, 0).astype(np.int32), [UNKNOWN, *(label for _, label in AGE_BANDS)]
    return visits[mesh.value].to_numpy().astype(np.int32), passed.labels[mesh.value]


def _coded(counts: pl.DataFrame, code: str, kept: Sequence[Status]) -> pl.DataFrame:
    return counts.select(
        "mesh",
        "mesh_value",
        "period_start",
        "period_end",
        code=pl.lit(code),
        numerator=pl.sum_horizontal(status.value for status in kept),
        denominator=pl.sum_horizontal(_COUNTS),
    )


def _base(spans: Spans, levels: pl.DataFrame) -> pl.DataFrame:
    """Return the base by status at the end of each span; a span that ends before the first level is left out."""
    ends = pl.DataFrame({"period_start": spans.start, "period_end": spans.end}, schema_overrides=_DATES)
    sizes = ends.sort("period_end").join_asof(levels, left_on="period_end", right_on="day")
    return sizes.drop_nulls(_COUNTS).with_columns(mesh=pl.lit(Mesh.ESTABLISHMENT.value), mesh_value=pl.lit(""))


def _present_base(identities: pl.DataFrame, statuses: pl.DataFrame, period: tuple[date, date]) -> pl.DataFrame:
    """Return the present base as the level of the last day: without a ledger no other day is known."""
    now = statuses.filter(identities.select(in_base()).to_series())["status"]
    sizes = {status: [(now == status).sum()] for status in _COUNTS}
    return pl.DataFrame({"day": [period[1]]} | sizes, schema={"day": pl.Date} | dict.fromkeys(_COUNTS, pl.Int64))


def _blank(period: tuple[date, date]) -> pl.DataFrame:
    """Return a row of zeros for each indicator of the establishment, so that none is ever missing."""
    return pl.DataFrame({"code": [one.code for one in (*QUALIFICATION, *VARIANTS)]}).select(
        mesh=pl.lit(Mesh.ESTABLISHMENT.value),
        mesh_value=pl.lit(""),
        period_start=pl.lit(period[0]),
        period_end=pl.lit(period[1]),
        code="code",
        numerator=pl.lit(0, pl.Int64),
        denominator=pl.lit(0, pl.Int64),
    )


_DATES = {"period_start": pl.Date, "period_end": pl.Date}
