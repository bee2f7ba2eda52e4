"""Stays → passages: who came when, where and for what, ready to be counted.

A movement counts as a passage unless it is only announced (pre-admission, pending) or carries no venue (PV1-2 = N).
A venue is ``(domain, dossier, visit)``; it enters with its first movement (PV1-44 when given) and leaves with its
discharge (PV1-45, else A03). Day hospital is not told by PV1-2: an inpatient venue that leaves on the day it entered
counts as ``ambulatoire`` (insvigil's convention).
"""

from __future__ import annotations

from typing import NamedTuple

import dataframely as dy
import polars as pl

from insvigil.frames import Stays
from insvigil.settings import QualifSettings
from insvigil.vocabulary import PatientClass

ANNOUNCED = ("A05", "A14", "A15", "A16")
"""Triggers of movements that have not happened yet (PAM FR §5.3): pre-admission and pending movements."""

ACTIVITIES: dict[str, str] = {
    PatientClass.INPATIENT.value: "hospitalisation",
    PatientClass.EMERGENCY.value: "urgences",
    PatientClass.OUTPATIENT.value: "externe",
    PatientClass.RECURRING.value: "séances",
    PatientClass.REMOTE.value: "télésurveillance",
}
"""The activity of each patient class, in French; ``ambulatoire`` comes from the dates."""

UNKNOWN = "inconnu"
"""The mesh value of what was not said."""

_VENUE = ("identity_id", "dossier", "visit")


class Passages(NamedTuple):
    """``movements``: identity_id, day, site, unit, pole, activity. ``venues``: one row a venue, entry and exit of each.

    Mesh columns are ``Categorical``. ``venues`` has ``entered_on``, ``left_on`` (null while the patient is there), and
    ``site``, ``unit``, ``pole``, ``activity`` at entry, the same with ``_out`` at exit.
    """

    movements: pl.DataFrame
    venues: pl.DataFrame


def passages(identities: pl.DataFrame, stays: dy.DataFrame[Stays], settings: QualifSettings) -> Passages:
    """Return the passages of the identities given; a movement of an unknown identity is left out."""
    poles = {unit: pole for pole, units in settings.poles.items() for unit in units}
    unit = pl.coalesce("unit_medical", "unit_lodging", "unit_care")
    moves = (
        stays.lazy()
        .filter(
            ~pl.col("trigger").is_in(ANNOUNCED), pl.col("patient_class").is_null() | (pl.col("patient_class") != "N")
        )
        .join(identities.lazy().select("identity_id", "domain", "ipp"), on=["domain", "ipp"], how="inner")
        .select(
            "identity_id",
            "dossier",
            # Without any number each movement is its own venue.
            visit=pl.when(pl.col("dossier").is_null())
            .then(pl.coalesce("visit", "movement"))
            .otherwise(pl.col("visit")),
            at=pl.coalesce("movement_at", "admitted_at"),
            admitted_at=pl.col("admitted_at"),
            discharged_at=pl.col("discharged_at"),
            left_at=pl.when(pl.col("trigger") == "A03").then(pl.col("movement_at")),
            patient_class=pl.col("patient_class"),
            site=_mesh(pl.col("finess_eg")),
            unit=_mesh(unit),
        )
        .sort("at", nulls_last=True)
        .collect(engine="in-memory")
    )
    gathered = moves.group_by(_VENUE).agg(
        pl.coalesce(pl.col("admitted_at").min(), pl.col("at").min()).dt.date().alias("entered_on"),
        pl.coalesce(pl.col("discharged_at").max(), pl.col("left_at").max()).dt.date().alias("left_on"),
        pl.col("site", "unit", "patient_class").first(),
        pl.col("site", "unit", "patient_class").last().name.suffix("_out"),
    )
    same_day = (pl.col("entered_on") == pl.col("left_on")).fill_null(False)
    venues = gathered.with_columns(
        same_day=same_day,
        pole=_pole("unit", poles),
        pole_out=_pole("unit_out", poles),
        activity=_activity("patient_class", same_day),
        activity_out=_activity("patient_class_out", same_day),
    )
    days = venues.lazy().filter("same_day").select(*_VENUE, "same_day")
    movements = (
        moves.lazy()
        .join(days, on=_VENUE, how="left", nulls_equal=True)
        .select(
            "identity_id",
            "site",
            "unit",
            day=pl.col("at").dt.date(),
            pole=_pole("unit", poles),
            activity=_activity("patient_class", pl.col("same_day").fill_null(False)),
        )
        .unique()
        .collect(engine="in-memory")
    )
    return Passages(movements, venues.drop("dossier", "visit", "same_day", "patient_class", "patient_class_out"))


def _mesh(value: pl.Expr) -> pl.Expr:
    return value.fill_null(UNKNOWN).cast(pl.Categorical())


def _pole(unit: str, poles: dict[str, str]) -> pl.Expr:
    return (
        pl.col(unit)
        .cast(pl.String)
        .replace_strict(poles, default=UNKNOWN, return_dtype=pl.String)
        .cast(pl.Categorical())
    )


def _activity(patient_class: str, same_day: pl.Expr) -> pl.Expr:
    named = pl.col(patient_class).replace_strict(ACTIVITIES, default=UNKNOWN, return_dtype=pl.String)
    return (
        pl.when(same_day & (named == "hospitalisation"))
        .then(pl.lit("ambulatoire"))
        .otherwise(named)
        .cast(pl.Categorical())
    )
