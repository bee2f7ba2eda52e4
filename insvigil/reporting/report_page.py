"""The page of a night, in French: one file, no network, readable wide and narrow, light and dark, on screen and paper.

It names identities by their IPP and says how they agree; it copies no trait (those are in the workbook).
"""

from __future__ import annotations

import hashlib
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import polars as pl

from insvigil.frames import AGREEMENTS
from insvigil.reporting import figures
from insvigil.reporting.cases import AGREES, case_count, doublon_cases, facts_of, pair_cases
from insvigil.reporting.night_report import NightReport
from insvigil.reporting.templates import environment, style_sheet
from insvigil.reporting.wording import conservation, integer, labels, likelihood, long_date, moment, percent, plural
from insvigil.vocabulary import Band, Confidence, Finding, Mesh, Severity, Stage, Status

SHOWN_CASES = 12
SHOWN_COLLISIONS = 3
SHOWN_SOURCES = 60
_OUTCOMES = {
    "read": "lu",
    "already_read": "déjà lu, passé",
    "still_written": "en cours d'écriture, laissé",
    "refused": "refusé",
}
_SILENT = 0.05  # bits; a step that rounds to nothing is not shown
_NEAR = {"same": "identique", "near": "proche", "diff": "différent"}
_TRAITS = dict(
    zip(
        AGREEMENTS,
        ("nom", "prénom", "date de naissance", "sexe", "lieu de naissance", "matricule", "code postal", "adresse",
         "téléphone", "courriel"),
        strict=True,
    )
)  # fmt: skip


def render_report(report: NightReport) -> str:
    """Return the page as HTML."""
    return environment().get_template("page.html.j2").render(context(report))


def context(report: NightReport) -> dict[str, Any]:
    """Return everything the template shows."""
    headline = figures.headline(report)
    objectives = figures.objectives(report)
    doublons = doublon_cases(report)
    account = {name: report.counts.get("messages", {}).get(name, 0) for name in ("read", "kept", "folded", "rejected")}
    severities, findings = report.anomalies["severity"], report.pairs["finding"]
    aimed = [o.target for o in objectives if o.indicator == figures.HEADLINE and o.target is not None]
    histogram = figures.histogram(report)
    shares = figures.status_shares(report)
    shown: dict[str, Any] = {
        "report": report,
        "css": style_sheet(),
        "establishment": report.settings.reporting.establishment,
        "day": report.started.date(),
        "long_day": long_date(report.started.date()),
        "moment": moment(report.started),
        "headline": headline,
        "objectives": objectives,
        "aimed": [o for o in objectives if o.indicator == figures.HEADLINE],
        "target": max(aimed, default=None),
        "span": figures.period(report),
        "agregat_count": case_count(report, Finding.DPOT),
        "fresh": None if report.agregats is None else report.agregats.filter(pl.col("outcome") == "new").height,
        "collision_count": (findings == Finding.COLP.value).sum(),
        "homonym_count": (findings == Finding.HOMD.value).sum(),
        "identity_count": report.identities.height,
        "movements_line": _movements_line(report),
        "account": account,
        "conservation": conservation(account),
        "source_count": report.sources.height,
        "remark_count": (~report.rejects["rejected"]).sum(),
        "anomaly_count": report.anomalies.height,
        "blocking_count": (severities == Severity.BLOCKING.value).sum(),
        "shares": shares,
        "status_label": ", ".join(f"{share.label} {percent(share.share)}" for share in shares),
        "origins": figures.status_sources(report),
        "points": figures.trend(report),
        "sites": figures.rates_by(report, Mesh.SITE),
        "activities": figures.rates_by(report, Mesh.ACTIVITY),
        "units": figures.rates_by(report, Mesh.UNIT),
        "measured": figures.establishment_rates(report),
        "histogram": histogram,
        "histogram_label": _histogram_label(report),
        "pair_count": report.pairs.height,
        "bands": [(Band.of(row["band"]).label, row) for row in figures.bands(report)],
        "cases": _cases(report, doublons),
        "filled": figures.completeness(report),
        "found": figures.detectors(report),
        "read_findings": figures.reading_findings(report),
        "sources": _sources(report),
        "hidden_sources": max(0, report.sources.height - SHOWN_SOURCES),
        "inputs_digest": inputs_digest(report),
        "limits": _limits(report),
        "origin_of_rates": _origin_of_rates(report),
        "total_seconds": sum(report.seconds.values()),
        "stage_seconds": [
            (stage.label, report.seconds[stage.value]) for stage in Stage if stage.value in report.seconds
        ],
        "workbook": "classeur.xlsx",
    }
    return shown | {"lede": _lede(shown)}


def inputs_digest(report: NightReport) -> str:
    """Return one digest for all the files of the night, whatever their order."""
    return hashlib.blake2b("".join(sorted(report.sources["digest"].to_list())).encode(), digest_size=8).hexdigest()


def _origin_of_rates(report: NightReport) -> str:
    """Return which indicators come from a text that was read; all others are insvigil's own."""
    read = (Confidence.VERIFIED.value, Confidence.VERIFIED_QUOTED.value)
    official = [f"{one['label']} ({one['source']})" for one in report.definitions if one["confidence"] in read]
    own = "conventions d'insvigil, faute de fiche nationale lue"
    return f"{' ; '.join(official)}. Les autres sont des {own}." if official else f"Tous sont des {own}."


def _limits(report: NightReport) -> str:
    """Return what limits the figures, as their sources say it between parentheses."""
    said = report.indicators["status_source"].unique().sort()
    return " ; ".join(dict.fromkeys(limit.removesuffix(")") for text in said for limit in text.split(" (")[1:]))


def _lede(shown: dict[str, Any]) -> str:
    """Return the night in one or two sentences."""
    parts = []
    count, fresh, headline = shown["agregat_count"], shown["fresh"], shown["headline"]
    if count:
        news = f", dont {plural(fresh, 'nouveau', 'nouveaux')}" if fresh else ""
        parts.append(f"{plural(count, 'agrégat')} à examiner{news}.")
    else:
        parts.append("Aucun doublon potentiel à examiner.")
    if headline is not None and headline.rate is not None:
        sentence = f"{percent(headline.rate)} de la file active est qualifiée"
        gaps = [o.gap for o in shown["aimed"] if o.gap is not None]
        if gaps:
            sentence += (
                " : objectif atteint"
                if max(gaps) == 0
                else f", à {max(gaps):.1f} points de l'objectif".replace(".", ",")
            )
        parts.append(sentence + ".")
    if shown["blocking_count"]:
        parts.append(f"{plural(shown['blocking_count'], 'anomalie bloquante', 'anomalies bloquantes')}.")
    return " ".join(parts)


def _movements_line(report: NightReport) -> str:
    counts = report.counts.get(Stage.REGISTER.value, {})
    words = {"created": "créée", "modified": "modifiée", "merged": "fusionnée"}
    return ", ".join(plural(int(counts[name]), word) for name, word in words.items() if name in counts)


def _histogram_label(report: NightReport) -> str:
    proposed = report.pairs.filter(pl.col("finding") == Finding.DPOT.value).height
    return (
        f"Répartition de {plural(report.pairs.height, 'paire')} par score de ressemblance, "
        f"dont {integer(proposed)} proposées comme doublons potentiels"
    )


def _sources(report: NightReport) -> list[dict[str, Any]]:
    return [
        row
        | {
            "name": Path(row["path"]).name,
            "outcome": _OUTCOMES[row["outcome"]],
            "charset": row["charset_found"] or row["charset_declared"] or "—",
        }
        for row in report.sources.head(SHOWN_SOURCES).iter_rows(named=True)
    ]


def _cases(report: NightReport, doublons: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the first cases to look at: collisions, then agrégats."""
    collisions = pair_cases(report, Finding.COLP)
    listed: list[dict[str, Any]] = []
    for cases, most in ((collisions, SHOWN_COLLISIONS), (doublons, SHOWN_CASES)):
        room = min(most, SHOWN_CASES - len(listed))
        first = cases.filter(pl.col("case") <= room)
        named = facts_of(report.identities, first["identity_id"].unique(), "ipp", "created_at")
        first = first.join(named, on="identity_id", how="left", maintain_order="left")
        for _, rows in groupby(first.iter_rows(named=True), key=itemgetter("case")):
            listed.append(_case(list(rows), report))
    return listed


def _case(rows: list[dict[str, Any]], report: NightReport) -> dict[str, Any]:
    statuses = labels(Status)
    first = rows[0]
    doublon = first["finding"] == Finding.DPOT.value
    members = [
        row
        | {
            "role": "référence" if row["place"] == 0 else "à comparer",
            "status_label": statuses[row["status"]].removeprefix("identité ") if row["status"] else None,
            "chips": chips(row, report) if row["place"] and row["pair_probability"] is not None else [],
        }
        for row in rows
    ]
    title = f"Agrégat n° {integer(first['number'])}" if doublon else Finding.COLP.label.capitalize()
    likely = likelihood(first["probability"]) if doublon else ""
    steps, low, high, total = _steps(rows[1], report)
    return {
        "title": title,
        "likelihood": likely,
        "look": "same" if likely in ("quasi certain", "très probable") else "near",
        "fresh": first["outcome"] == "new",
        "members": members,
        "steps": steps,
        "low": low,
        "span": max(high - low, 1.0),
        "total": total,
    }


def chips(row: dict[str, Any], report: NightReport) -> list[tuple[str, str]]:
    """Return look (same, near, diff) and words of each trait both sides hold."""
    told = []
    for trait, column in zip(AGREEMENTS, AGREES, strict=True):
        level = row[column]
        if not level:
            continue
        meanings = report.levels.get(trait, ())
        top = report.whole.get(trait, len(meanings) - 1) if meanings else max(level, 2)
        look = "diff" if level == 1 else "same" if level == top else "near"
        told.append((look, meanings[level] if level < len(meanings) else f"{_TRAITS[trait]} : {_NEAR[look]}"))
    return told


def _steps(row: dict[str, Any], report: NightReport) -> tuple[list[dict[str, Any]], float, float, float]:
    """Return the steps of the explanation of a pair with where each starts, the span they need, and the total."""
    if report.reasons is None:
        return [], 0.0, 0.0, 0.0
    reasons = report.reasons.filter(pl.col("left") == row["left"], pl.col("right") == row["right"])
    steps, start, low, high = [], 0.0, 0.0, 0.0
    for sentence, bits in reasons.select("sentence", "bits").iter_rows():
        if abs(bits) >= _SILENT:
            steps.append({"sentence": sentence, "bits": bits, "start": start})
        start += bits
        low, high = min(low, start), max(high, start)
    return steps, low, high, start
