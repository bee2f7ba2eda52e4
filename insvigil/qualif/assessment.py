"""Objectives → answers: reached or not, how far, at which pace, and on which day the present pace gets there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import dataframely as dy
import numpy as np
import polars as pl

from insvigil.frames import Indicators, Objectives, StatusLedger, Stays
from insvigil.qualif.evidence import in_base
from insvigil.qualif.history import RANK, history
from insvigil.qualif.indicators import Whole, known_since
from insvigil.qualif.objectives import commitments, in_figures, target_of
from insvigil.qualif.passages import Passages, passages
from insvigil.qualif.programmes import SHOWN_AS_OFFICIAL, Objective, Programme, load_programmes
from insvigil.settings import ObjectiveSettings, QualifSettings
from insvigil.vocabulary import Mesh, Status, Verdict

PACE_DAYS = 56
"""The pace is that of the last eight weeks (insvigil's convention)."""

_TEN_YEARS = 3650
"""Beyond so many days a date says nothing."""

_ACTIVE = ("Q_FILE_ACTIVE", "TX_QUAL", "IN_INSI")
_VENUES = {"Q_PASSAGE_ENTREE": "entries", "Q_PASSAGE_SORTIE": "exits", "PLAFOND_DOCUMENTS": "exits"}


def assess(
    indicators: dy.DataFrame[Indicators],
    identities: pl.DataFrame,
    statuses: pl.DataFrame,
    stays: dy.DataFrame[Stays] | Passages,
    settings: QualifSettings,
    *,
    ledger: dy.DataFrame[StatusLedger] | None,
    programmes: Sequence[Programme] | None = None,
    whole: Whole | None = None,
) -> dy.DataFrame[Objectives]:
    """Return every commitment of the settings, then every objective of a programme that no commitment speaks of.

    ``indicators`` is what ``measure`` gave for one period; its last day is the day of the assessment. The pace needs
    the ``ledger``. ``identities``, ``statuses`` and ``ledger`` may be limited to those who came, ``whole`` saying the
    rest: the pace of the base then comes from its levels. Nothing is guessed: an objective without a target is not
    assessable, and ``reason`` says so.
    """
    known = load_programmes(added=settings.programmes) if programmes is None else programmes
    rates = indicators.filter(pl.col("mesh") == Mesh.ESTABLISHMENT)
    start, end = (rates["period_start"].min(), rates["period_end"].max()) if rates.height else (None, None)
    figures = rates.filter(pl.col("period_start") == start, pl.col("period_end") == end)
    visits: Passages | None = None
    rows = []
    aimed = commitments(settings, known)
    for commitment in aimed:
        programme = next(one for one in known if one.code == commitment.programme)
        asked = next((one for one in programme.objectives if commitment.indicator in one.indicators), None)
        row = _committed(programme, asked, commitment, figures)
        if row["missing"] and isinstance(end, date) and isinstance(start, date):
            visits = visits or passages(identities, stays, settings)
            since = known_since(ledger) if whole is None else whole.since
            pace: float | str | None = _too_young(commitment.indicator, since, end)
            if pace is None and whole is not None and commitment.indicator == "Q_BASE":
                pace = _pace_of_base(whole.levels, end)
            elif pace is None:
                pace = _pace(commitment.indicator, identities, statuses, visits, ledger, (start, end))
            row |= _outlook(row, pace, end)
        rows.append(row)
    own = {commitment.programme for commitment in settings.objectives}
    rows += [
        _unanswered(one, objective, settings.tiers.get(one.code), figures)
        for one in known
        if one.code not in own
        for objective in one.objectives
        if not in_figures(objective, settings.tiers.get(one.code))
    ]
    types = {name: column.dtype for name, column in Objectives.columns().items()}
    return Objectives.validate(
        pl.DataFrame([{name: row.get(name) for name in types} for row in rows], schema=types, orient="row")
    )


def _committed(
    programme: Programme, asked: Objective | None, commitment: ObjectiveSettings, figures: pl.DataFrame
) -> dict[str, Any]:
    """Return the answer to a commitment, without its outlook."""
    target = target_of(commitment)
    found = figures.filter(pl.col("code") == commitment.indicator).head(1).to_dicts()
    figure: dict[str, Any] = found[0] if found else {"numerator": None, "denominator": None, "rate": None}
    reason = None
    if target is None and commitment.progression is not None:
        reason = "Une progression est visée, mais le taux de départ (baseline) n'est pas renseigné."
    elif target is None:
        reason = "Aucune cible n'est renseignée dans les réglages (level, ou progression et baseline)."
    elif figure["rate"] is None:
        reason = "Rien à compter dans la période : le taux n'existe pas."
    verdict, gap, missing = Verdict.NOT_ASSESSABLE, None, None
    if reason is None and target is not None:
        rate = 100 * figure["rate"]
        verdict = Verdict.REACHED if rate + 1e-9 >= target else Verdict.MISSED
        gap = max(0.0, target - rate)
        missing = max(0, math.ceil(target / 100 * figure["denominator"] - 1e-9) - figure["numerator"])
    return {
        "programme": programme.code,
        "programme_name": programme.name,
        "label": asked.label if asked else f"Engagement sur {commitment.indicator}",
        "indicator": commitment.indicator,
        "verdict": verdict.value,
        "reason": reason,
        "numerator": figure["numerator"],
        "denominator": figure["denominator"],
        "rate": figure["rate"],
        "target": target,
        "gap": gap,
        "missing": missing,
        "subject": "venues" if commitment.indicator in _VENUES else "identités",
        "deadline": commitment.deadline or (asked.deadline if asked else None),
        "source": commitment.source,
        "confidence": commitment.confidence,
        "to_confirm": commitment.confidence not in {one.value for one in SHOWN_AS_OFFICIAL},
    }


def _unanswered(programme: Programme, objective: Objective, tier: str | None, figures: pl.DataFrame) -> dict[str, Any]:
    """Return why an objective of a programme is not assessable, with the rate it speaks of when there is only one."""
    reason = "Aucun engagement dans les réglages (qualif.objectives), et aucun seuil lu dans une source publique."
    if len(objective.indicators) > 1:
        reason += f" Indicateurs possibles : {', '.join(objective.indicators)}."
    if objective.level is not None or objective.progression is not None:
        own = tier or "non renseigné"
        reason = (
            f"Seuil du palier « {objective.tier} », palier de l'établissement : {own} (qualif.tiers)."
            if objective.tier not in (None, tier)
            else "Plusieurs indicateurs possibles : l'établissement désigne le sien (qualif.objectives)."
        )
    indicator = objective.indicators[0] if len(objective.indicators) == 1 else None
    found = (
        figures.filter(pl.col("code") == (indicator or ""))
        .select("numerator", "denominator", "rate")
        .head(1)
        .to_dicts()
    )
    return (found[0] if found else {}) | {
        "programme": programme.code,
        "programme_name": programme.name,
        "label": objective.label,
        "indicator": indicator,
        "verdict": Verdict.NOT_ASSESSABLE.value,
        "reason": reason,
        "deadline": objective.deadline,
        "source": objective.source,
        "confidence": objective.confidence.value,
        "to_confirm": objective.to_confirm,
    }


def _too_young(code: str, since: date | None, today: date) -> str | None:
    """Return why the statuses have not been known for long enough to tell a pace, None when they have."""
    weeks = (2 * PACE_DAYS if code in _VENUES else PACE_DAYS) // 7
    if since is not None and today - timedelta(weeks=weeks) >= since:
        return None
    young = "aucun n'est encore connu" if since is None else f"ils sont connus depuis le {since:%d/%m/%Y}"
    return f"Rythme inconnu : il faut {weeks} semaines de statuts, {young}."


def _pace_of_base(levels: pl.DataFrame, today: date) -> float | str:
    """Return how many qualified identities more the base counts each week, from its levels by day."""
    qualified = levels.sort("day").select("day", Status.QUALIFIEE.value)
    day = pl.DataFrame({"day": [today - timedelta(days=PACE_DAYS), today]}, schema={"day": pl.Date})
    then, now = day.join_asof(qualified, on="day")[Status.QUALIFIEE.value]
    if now is None or then is None:
        return "Rythme inconnu : la base d'il y a huit semaines n'est pas connue."
    return float((now - then) / (PACE_DAYS / 7))


def _pace(
    code: str,
    identities: pl.DataFrame,
    statuses: pl.DataFrame,
    visits: Passages,
    ledger: pl.DataFrame | None,
    period: tuple[date, date],
) -> float | str:
    """Return how many subjects more are counted each week, on the present population, or why it cannot be said.

    For identities: how the present population stood eight weeks ago. For venues: the rate of the last eight weeks
    against that of the eight before, brought to the venues of the period.
    """
    told = history(identities, statuses, ledger)
    counted = identities.select(in_base()).to_series()
    end = (period[1] - date(1970, 1, 1)).days
    statuses_kept = (Status.RECUPEREE, Status.QUALIFIEE) if code == "IN_INSI" else (Status.QUALIFIEE,)
    kept = [RANK[status.value] for status in statuses_kept]
    if code in _VENUES:
        seen = getattr(visits, _VENUES[code])
        seen = seen.filter(counted.gather(seen["identity_id"]), pl.col("day").is_not_null())
        day = seen["day"].to_physical().to_numpy(writable=True)
        good = np.isin(told.at_end_of(seen["identity_id"].to_numpy(writable=True), day), kept)
        late = (day > end - PACE_DAYS) & (day <= end)
        early = (day > end - 2 * PACE_DAYS) & (day <= end - PACE_DAYS)
        if not late.any() or not early.any():
            return "Rythme inconnu : pas de venue dans les seize dernières semaines, ou dans la moitié d'entre elles."
        inside = seen["day"].is_between(*period).sum()
        return float((good[late].mean() - good[early].mean()) * inside / (PACE_DAYS / 7))
    population = identities.filter(counted)["identity_id"]
    if code in _ACTIVE:
        seen = visits.movements.filter(pl.col("day").is_between(*period))["identity_id"].unique()
        population = seen.filter(counted.gather(seen))
    elif code != "Q_BASE":
        return "Rythme non calculé pour cet indicateur."
    subjects = population.to_numpy(writable=True)
    now, then = (
        np.isin(told.at_end_of(subjects, np.full(subjects.size, day, np.int32)), kept).sum()
        for day in (end, end - PACE_DAYS)
    )
    return float((now - then) / (PACE_DAYS / 7))


def _outlook(row: dict[str, Any], pace: float | str, today: date) -> dict[str, Any]:
    """Return the pace, the day it reaches the target, the pace that the deadline asks for, and the sentence."""
    missing, deadline = row["missing"], row["deadline"]
    found: dict[str, Any] = {"outlook": pace} if isinstance(pace, str) else _at_pace(missing, pace, today)
    if deadline is not None and deadline > today:
        found["weekly_need"] = missing / ((deadline - today).days / 7)
    return found


def _at_pace(missing: int, pace: float, today: date) -> dict[str, Any]:
    if pace <= 0:
        return {
            "weekly_pace": pace,
            "outlook": "Au rythme présent, la cible n'est pas atteinte : le taux ne monte pas.",
        }
    days = math.ceil(7 * missing / pace)
    if days > _TEN_YEARS:
        return {"weekly_pace": pace, "outlook": "Au rythme présent, il faudrait plus de dix ans."}
    reached_on = today + timedelta(days=days)
    return {"weekly_pace": pace, "reached_on": reached_on, "outlook": f"Au rythme présent : le {reached_on:%d/%m/%Y}."}
