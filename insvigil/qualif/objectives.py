"""Figures + commitments → verdicts: reached, missed, or not assessable and why."""

from __future__ import annotations

from collections.abc import Sequence

import dataframely as dy
import polars as pl

from insvigil.errors import SettingsError
from insvigil.frames import Indicators
from insvigil.qualif.definitions import AIMS, LABELS, RULE_VERSION
from insvigil.qualif.programmes import Objective, Programme, load_programmes
from insvigil.settings import ObjectiveSettings, QualifSettings
from insvigil.vocabulary import Mesh, Verdict


def target_of(commitment: ObjectiveSettings) -> float | None:
    """Return the rate to reach, in percent: the level, or the baseline plus the progression, or the higher of both."""
    levels = [] if commitment.level is None else [commitment.level]
    if commitment.progression is not None and commitment.baseline is not None:
        levels.append(commitment.baseline + commitment.progression)
    return max(levels, default=None)


def commitments(settings: QualifSettings, programmes: Sequence[Programme]) -> list[ObjectiveSettings]:
    """Return what the establishment committed to, then what programmes ask in figures and no commitment speaks of.

    Of a programme with tiers, only the objectives of the establishment's own tier (``qualif.tiers``) count. One that
    several indicators may measure waits for the establishment to name its own. Raise ``SettingsError`` for a
    commitment or a tier that names an unknown programme, or for an unknown indicator.
    """
    codes = [programme.code for programme in programmes]
    for code in settings.tiers:
        _known_programme("qualif.tiers", code, codes)
    own = [_checked(number, commitment, codes) for number, commitment in enumerate(settings.objectives)]
    spoken = {commitment.programme for commitment in own}
    asked = [
        ObjectiveSettings(
            programme=programme.code,
            indicator=objective.indicators[0],
            level=objective.level,
            progression=objective.progression,
            source=objective.source,
            confidence=objective.confidence.value,  # type: ignore[arg-type]  # V, V2 or 2 when there is a figure
            deadline=objective.deadline,
        )
        for programme in programmes
        if programme.code not in spoken
        for objective in programme.objectives
        if in_figures(objective, settings.tiers.get(programme.code))
    ]
    return own + asked


def in_figures(objective: Objective, tier: str | None) -> bool:
    """Return whether an objective of a programme can be judged as it is, by an establishment of this tier."""
    figure = objective.level is not None or objective.progression is not None
    return figure and len(objective.indicators) == 1 and objective.tier in (None, tier)


def judged(
    figures: pl.DataFrame, settings: QualifSettings, *, source: str, programmes: Sequence[Programme] | None = None
) -> dy.DataFrame[Indicators]:
    """Return the counts (code, mesh, mesh_value, period, numerator, denominator) as figures with their verdicts.

    A ``rate`` already there is kept (delays in days); else it is the numerator over the denominator.
    """
    place = settings.finess_ej or "ensemble"
    counted = pl.when(pl.col("denominator") > 0).then(pl.col("numerator") / pl.col("denominator"))
    named = figures.with_columns(
        label=pl.col("code").replace_strict(LABELS, return_dtype=pl.String),
        mesh_value=pl.when(pl.col("mesh") == Mesh.ESTABLISHMENT).then(pl.lit(place)).otherwise(pl.col("mesh_value")),
        rate=pl.coalesce("rate", counted) if "rate" in figures.columns else counted,
        **interval(),
        status_source=pl.lit(source),
        rule_version=pl.lit(RULE_VERSION),
    )
    rows = join_objectives(named, settings, programmes).select(Indicators.column_names())
    order = (pl.col("code").cast(pl.Enum(list(LABELS))), pl.col("mesh").cast(pl.Enum(Mesh)))
    return Indicators.validate(rows.sort(*order, "mesh_value", "period_start", "period_end", "programme"))


SAMPLED = ("PART_NON_DOUBLON",)
"""The indicators made on a sample: the pairs that people ruled, of all those proposed. Others count everyone."""

_Z = 1.959964
"""Two-sided 95 % of the normal law."""


def interval() -> dict[str, pl.Expr]:
    """Return the bounds of the Wilson interval at 95 % of a rate made on a sample; null when everyone is counted."""
    size, share = pl.col("denominator"), pl.col("numerator") / pl.col("denominator")
    centre = share + _Z**2 / (2 * size)
    half = _Z * (share * (1 - share) / size + _Z**2 / (4 * size**2)).sqrt()
    sampled = pl.col("code").is_in(SAMPLED) & (size > 0)
    bounds = {"rate_low": centre - half, "rate_high": centre + half}
    return {
        name: pl.when(sampled).then((bound / (1 + _Z**2 / size)).clip(0, 1)).cast(pl.Float64)
        for name, bound in bounds.items()
    }


def join_objectives(
    figures: pl.DataFrame, settings: QualifSettings, programmes: Sequence[Programme] | None = None
) -> pl.DataFrame:
    """Return the figures with programme, target, confidence, verdict and gap, a row for each objective.

    An objective is judged on the rows of the establishment; other rows carry none. Raise ``SettingsError`` for a
    commitment that names an unknown programme or an unknown indicator.
    """
    known = load_programmes(added=settings.programmes) if programmes is None else programmes
    aimed = commitments(settings, known)
    wanted = pl.DataFrame(
        {
            "code": [commitment.indicator for commitment in aimed],
            "programme": [commitment.programme for commitment in aimed],
            "target": [target_of(commitment) for commitment in aimed],
            "target_confidence": [
                None if target_of(commitment) is None else commitment.confidence for commitment in aimed
            ],
        },
        schema={"code": pl.String, "programme": pl.String, "target": pl.Float64, "target_confidence": pl.String},
    ).with_columns(mesh=pl.lit(Mesh.ESTABLISHMENT.value))
    percent = pl.col("rate") * 100
    assessable = pl.col("rate").is_not_null() & pl.col("target").is_not_null()
    # The comparison is on counts rounded at 1e-9 point, so that 85 of 100 reaches 85 %.
    reached = percent + 1e-9 >= pl.col("target")
    return figures.join(wanted, on=["code", "mesh"], how="left").with_columns(
        verdict=pl.when(~assessable)
        .then(pl.lit(Verdict.NOT_ASSESSABLE.value))
        .when(reached)
        .then(pl.lit(Verdict.REACHED.value))
        .otherwise(pl.lit(Verdict.MISSED.value))
        .cast(pl.Enum(Verdict)),
        gap=pl.when(assessable).then(pl.max_horizontal(pl.lit(0.0), pl.col("target") - percent)),
    )


def _known_programme(key: str, code: str, codes: Sequence[str]) -> None:
    if code not in codes:
        raise SettingsError(
            f"{key} : programme inconnu « {code} ».",
            hint=f"Programmes connus : {', '.join(codes)}. Un fichier du site s'ajoute par qualif.programmes.",
        )


def _checked(number: int, commitment: ObjectiveSettings, codes: Sequence[str]) -> ObjectiveSettings:
    _known_programme(f"qualif.objectives.{number}", commitment.programme, codes)
    if commitment.indicator not in AIMS:
        raise SettingsError(
            f"qualif.objectives.{number} : un objectif ne peut pas viser l'indicateur « {commitment.indicator} ».",
            hint=f"Indicateurs possibles : {', '.join(AIMS)}.",
        )
    return commitment
