"""Figures + commitments → verdicts: reached, missed, or not assessable and why."""

from __future__ import annotations

from collections.abc import Sequence

import dataframely as dy
import polars as pl

from insvigil.errors import SettingsError
from insvigil.frames import Indicators
from insvigil.qualif.definitions import AIMS, LABELS, RULE_VERSION
from insvigil.qualif.programmes import Programme, load_programmes
from insvigil.settings import ObjectiveSettings, QualifSettings
from insvigil.vocabulary import Mesh, Verdict


def target_of(commitment: ObjectiveSettings) -> float | None:
    """Return the rate to reach, in percent: the level, or the baseline plus the progression, or the higher of both."""
    levels = [] if commitment.level is None else [commitment.level]
    if commitment.progression is not None and commitment.baseline is not None:
        levels.append(commitment.baseline + commitment.progression)
    return max(levels, default=None)


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
        status_source=pl.lit(source),
        rule_version=pl.lit(RULE_VERSION),
    )
    rows = join_objectives(named, settings, programmes).select(Indicators.column_names())
    order = (pl.col("code").cast(pl.Enum(list(LABELS))), pl.col("mesh").cast(pl.Enum(Mesh)))
    return Indicators.validate(rows.sort(*order, "mesh_value", "period_start", "period_end", "programme"))


def join_objectives(
    figures: pl.DataFrame, settings: QualifSettings, programmes: Sequence[Programme] | None = None
) -> pl.DataFrame:
    """Return the figures with programme, target, confidence, verdict and gap, a row for each objective.

    An objective is judged on the rows of the establishment; other rows carry none. Raise ``SettingsError`` for a
    commitment that names an unknown programme or an unknown indicator.
    """
    known = load_programmes(added=settings.programmes) if programmes is None else programmes
    commitments = [_checked(number, commitment, known) for number, commitment in enumerate(settings.objectives)]
    wanted = pl.DataFrame(
        {
            "code": [commitment.indicator for commitment in commitments],
            "programme": [commitment.programme for commitment in commitments],
            "target": [target_of(commitment) for commitment in commitments],
            "target_confidence": [
                None if target_of(commitment) is None else commitment.confidence for commitment in commitments
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


def _checked(number: int, commitment: ObjectiveSettings, programmes: Sequence[Programme]) -> ObjectiveSettings:
    codes = [programme.code for programme in programmes]
    if commitment.programme not in codes:
        raise SettingsError(
            f"qualif.objectives.{number} : programme inconnu « {commitment.programme} ».",
            hint=f"Programmes connus : {', '.join(codes)}. Un fichier du site s'ajoute par qualif.programmes.",
        )
    if commitment.indicator not in AIMS:
        raise SettingsError(
            f"qualif.objectives.{number} : un objectif ne peut pas viser l'indicateur « {commitment.indicator} ».",
            hint=f"Indicateurs possibles : {', '.join(AIMS)}.",
        )
    return commitment
