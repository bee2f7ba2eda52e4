"""The figures of the page, worked out from the frames: plain rows, without a word of HTML."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from insvigil.reporting.night_report import NightReport
from insvigil.reporting.wording import decimal, integer, labels, percent, short_date
from insvigil.vocabulary import DELETED, Band, Confidence, Finding, Mesh, Severity, Stage, Status, Verdict

HEADLINE = "Q_FILE_ACTIVE"
"""The indicator at the top of the page."""

COMPLETENESS: dict[str, str] = {
    "birth_name": "Nom de naissance",
    "first_given_name": "Premier prénom",
    "given_names": "Liste des prénoms",
    "birth_date": "Date de naissance",
    "sex": "Sexe",
    "birth_place": "Lieu de naissance",
    "matricule": "Matricule INS",
    "used_name": "Nom utilisé",
    "address": "Adresse",
    "phone": "Téléphone",
    "email": "Courriel",
}
"""The fields whose presence is shown, strict traits first."""

_STRICT = 6
_SHOWN_VALUES = 14


@dataclass(frozen=True)
class Rate:
    """A figure of one mesh value; ``rate`` is None when nothing was counted."""

    name: str
    numerator: int
    denominator: int
    rate: float | None


@dataclass(frozen=True)
class Objective:
    """What was committed to, and the answer; ``target`` is in percent, None when no figure was given.

    ``facts``: (name, value) in French, of what can be said of the way there.
    """

    programme: str
    label: str
    indicator: str | None
    rate: float | None
    target: float | None
    verdict: str
    verdict_label: str
    reason: str | None
    gap: float | None
    facts: list[tuple[str, str]]
    source: str
    to_confirm: bool


@dataclass(frozen=True)
class Share:
    """A part of a whole; ``code`` names its colour."""

    code: str
    label: str
    count: int
    share: float


@dataclass(frozen=True)
class Bin:
    """A column of the histogram, between two weights in bits: pairs proposed, homonyms and other pairs kept."""

    low: float
    high: float
    proposed: int
    others: int


@dataclass(frozen=True)
class Histogram:
    """Pairs by weight; the lines are in bits, None when the night drew none."""

    bins: list[Bin]
    proposed_from: float | None
    kept_from: float | None

    @property
    def tallest(self) -> int:
        """The number of pairs of the tallest column."""
        return max((column.proposed + column.others for column in self.bins), default=0)


@dataclass(frozen=True)
class FoundRule:
    """How often a rule spoke in this night."""

    code: str
    severity: str
    severity_label: str
    sentence: str
    reason: str
    advice: str
    source: str
    count: int
    to_confirm: bool
    where: str = ""


def headline(report: NightReport, code: str = HEADLINE) -> Rate | None:
    """Return the figure of the establishment over the whole period, None when it was not measured."""
    rows = _whole(report, code, Mesh.ESTABLISHMENT)
    if not rows.height:
        return None
    row = rows.row(0, named=True)
    return Rate(row["label"], row["numerator"] or 0, row["denominator"] or 0, row["rate"])


def period(report: NightReport) -> tuple[date, date] | None:
    """Return the period of the headline figure."""
    rows = _whole(report, HEADLINE, Mesh.ESTABLISHMENT)
    return (rows["period_start"][0], rows["period_end"][0]) if rows.height else None


def establishment_rates(report: NightReport) -> list[Rate]:
    """Return the figures of the establishment over the whole period, in the order of the frame."""
    rows = report.indicators.filter(pl.col("mesh") == Mesh.ESTABLISHMENT.value)
    codes = rows["code"].unique(maintain_order=True).to_list()
    found = [headline(report, code) for code in codes]
    return [rate for rate in found if rate is not None]


def objectives(report: NightReport) -> list[Objective]:
    """Return the commitments and the objectives of programmes, each with its answer."""
    verdicts = labels(Verdict)
    names = dict(report.indicators.select("code", "label").iter_rows())
    day = report.indicators["period_end"].max() if report.indicators.height else None
    return [
        Objective(
            row["programme_name"],
            row["label"],
            row["indicator"],
            row["rate"],
            row["target"],
            row["verdict"],
            verdicts[row["verdict"]],
            row["reason"],
            row["gap"],
            _way(row, names, day if isinstance(day, date) else report.started.date()),
            row["source"],
            row["to_confirm"],
        )
        for row in report.objectives.iter_rows(named=True)
    ]


def _way(row: dict[str, Any], names: dict[str, str], day: date) -> list[tuple[str, str]]:
    """Return what can be said of the way to an objective, one fact a line; an objective reached has no way left."""
    facts = []
    if row["indicator"] is not None:
        facts.append(("Indicateur", names.get(row["indicator"], row["indicator"])))
    if row["rate"] is not None:
        counted = f"{integer(row['numerator'])} sur {integer(row['denominator'])}"
        facts.append(("Taux", f"{percent(row['rate'])} ({counted})"))
    if row["target"] is not None:
        facts.append(("Cible", percent(row["target"] / 100)))
    if row["missing"]:
        subject = row["subject"] if row["missing"] > 1 else row["subject"].removesuffix("s")
        facts.append(("Distance", f"{decimal(row['gap'])} points, soit {integer(row['missing'])} {subject}"))
        if row["weekly_pace"] is not None:
            facts.append(("Rythme présent", f"{decimal(row['weekly_pace'], signed=True)} {row['subject']} par semaine"))
        if row["outlook"] is not None:
            facts.append(("Perspective", row["outlook"]))
    if row["deadline"] is not None:
        past = " (passée)" if row["deadline"] < day and row["missing"] != 0 else ""
        facts.append(("Échéance", short_date(row["deadline"]) + past))
    if row["weekly_need"] is not None:
        need = f"{integer(math.ceil(row['weekly_need']))} {row['subject']} par semaine pour être à l'heure"
        facts.append(("À qualifier", need))
    return facts


def rates_by(report: NightReport, mesh: Mesh, code: str = HEADLINE) -> list[Rate]:
    """Return the figure by value of ``mesh``, the largest denominators first."""
    rows = _whole(report, code, mesh).sort("denominator", "mesh_value", descending=[True, False])
    return [
        Rate(row["mesh_value"], row["numerator"] or 0, row["denominator"] or 0, row["rate"])
        for row in rows.head(_SHOWN_VALUES).iter_rows(named=True)
    ]


def _whole(report: NightReport, code: str, mesh: Mesh) -> pl.DataFrame:
    """Return the rows of a figure over its longest period, one a mesh value."""
    rows = report.indicators.filter(pl.col("code") == code, pl.col("mesh") == mesh.value)
    longest = rows.filter(pl.col("period_start") == pl.col("period_start").min()).filter(
        pl.col("period_end") == pl.col("period_end").max()
    )
    return longest.unique("mesh_value", keep="first", maintain_order=True)


def trend(report: NightReport) -> list[tuple[date, float]]:
    """Return the headline rate of the last thirty days that have one, a run a day."""
    if report.history is None or not report.history.height:
        return []
    rows = report.history.filter(
        pl.col("code") == HEADLINE, pl.col("mesh") == Mesh.ESTABLISHMENT.value, pl.col("rate").is_not_null()
    )
    days = rows.sort("started").group_by(day=pl.col("started").cast(pl.Date)).agg(pl.col("rate").last()).sort("day")
    return list(days.tail(30).iter_rows())


def status_shares(report: NightReport) -> list[Share]:
    """Return the four statuses of the identities of the register."""
    counts = dict(report.statuses.group_by("status").len().iter_rows())
    total = sum(counts.values())
    return [
        Share(status.value, status.label, counts.get(status.value, 0), counts.get(status.value, 0) / total)
        for status in (Status.QUALIFIEE, Status.VALIDEE, Status.RECUPEREE, Status.PROVISOIRE)
        if total
    ]


def status_sources(report: NightReport) -> list[tuple[str, int]]:
    """Return what each source of status is and how many identities owe it theirs, the most frequent first."""
    counts = report.statuses.group_by("source").len().sort("len", "source", descending=[True, False])
    return [(report.status_sources.get(source, source), count) for source, count in counts.iter_rows()]


def completeness(report: NightReport) -> list[Share]:
    """Return the share of identities in which each field is filled; code « strict » or « other »."""
    identities = report.identities
    if not identities.height:
        return []
    if report.filled is not None:
        filled = tuple(report.filled[name] for name in COMPLETENESS)
    else:
        said = ((pl.col(name) != "") & (pl.col(name) != DELETED) for name in COMPLETENESS)
        filled = identities.select(told.fill_null(False).sum() for told in said).row(0)
    return [
        Share("strict" if place < _STRICT else "other", label, count, count / identities.height)
        for place, (label, count) in enumerate(zip(COMPLETENESS.values(), filled, strict=True))
    ]


def histogram(report: NightReport, columns: int = 32) -> Histogram | None:
    """Return the pairs kept by weight in bits, None when there is none."""
    pairs = report.pairs
    if not pairs.height:
        return None
    drawn = {row["band"]: bits(row["line"]) for row in bands(report)}
    proposed_from, kept_from = drawn.get(Band.PROBABLE.value), drawn.get(Band.REVIEW.value)
    lowest = math.floor(min(0.0 if kept_from is None else kept_from, float(pairs["weight"].min() or 0)))  # type: ignore[arg-type]
    highest = math.ceil(float(pairs["weight"].quantile(0.995) or 0)) + 1
    width = max(1.0, math.ceil((highest - lowest) / columns))
    place = ((pl.col("weight") - lowest) / width).floor().cast(pl.Int64).clip(0, columns - 1)
    is_proposed = pl.col("finding") == Finding.DPOT.value
    counted = (
        pairs.select(place=place, proposed=is_proposed)
        .group_by("place")
        .agg(proposed=pl.col("proposed").sum(), others=(~pl.col("proposed")).sum())
    )
    found = {row[0]: row[1:] for row in counted.iter_rows()}
    bins = [
        Bin(lowest + width * place, lowest + width * (place + 1), *found.get(place, (0, 0)))
        for place in range(max(found) + 1)
    ]
    return Histogram(bins, proposed_from, kept_from)


def bands(report: NightReport) -> Sequence[Mapping[str, Any]]:
    """Return the bands that matching drew, the surest first: band, accepted, line, pairs, expected, expected_above."""
    drawn: Sequence[Mapping[str, Any]] = report.counts.get(Stage.MATCHING.value, {}).get("bands", ())
    return drawn


def bits(probability: float) -> float:
    """Return the weight in bits (log2 of odds) of a probability, at most 40."""
    return min(40.0, math.log2(probability / (1 - probability))) if probability < 1 else 40.0


def detectors(report: NightReport) -> list[FoundRule]:
    """Return the rules that spoke of identities, stays and changes, the gravest then the most frequent first."""
    counts = report.anomalies.group_by("code", "severity").len()
    order = {severity.value: rank for rank, severity in enumerate(Severity)}
    found = [_found_rule(report, code, severity, count) for code, severity, count in counts.iter_rows()]
    return sorted(found, key=lambda rule: (order[rule.severity], -rule.count, rule.code))


def reading_findings(report: NightReport) -> list[FoundRule]:
    """Return what reading rejected (severity « rejet ») or kept with a remark, with one place where to look."""
    counts = (
        report.rejects.sort("source", "offset")
        .group_by("code", "rejected")
        .agg(pl.len(), pl.col("path").first(), pl.col("line").first())
    )
    found = []
    for code, rejected, count, path, line in counts.iter_rows():
        known = report.rules.get(code)
        severity = known.severity.value if known else Severity.WARNING.value
        rule = _found_rule(report, code, severity, count, where=f"{Path(path).name}, ligne {integer(line)}")
        words = {"severity": "rejected", "severity_label": "rejet"} if rejected else {}
        found.append(FoundRule(**{**vars(rule), **words}))
    return sorted(found, key=lambda rule: (rule.severity != "rejected", -rule.count, rule.code))


def _found_rule(report: NightReport, code: str, severity: str, count: int, where: str = "") -> FoundRule:
    rule = report.rules.get(code)
    severities = labels(Severity)
    if rule is None:
        return FoundRule(code, severity, severities[severity], "", "", "", "", count, False, where)
    doubtful = rule.confidence in (Confidence.SECOND_HAND, Confidence.UNVERIFIED, Confidence.NOT_FOUND)
    return FoundRule(
        code,
        severity,
        severities[severity],
        rule.sentence,
        rule.reason,
        rule.advice,
        rule.source,
        count,
        doubtful,
        where,
    )
