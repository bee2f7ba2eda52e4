"""Stays → visits: who came when, where and for what, as codes ready to be counted.

A movement counts as a passage unless it is only announced (pre-admission, pending) or carries no venue (PV1-2 = N).
A venue is (identity, dossier, visit); it enters with its first movement (PV1-44 when given) and leaves with its
discharge (PV1-45, else A03). Day hospital is not told by PV1-2: an inpatient venue that leaves on the day it entered
counts as ``ambulatoire`` (insvigil's convention).
"""

from __future__ import annotations

from typing import NamedTuple

import dataframely as dy
import polars as pl

from insvigil.frames import Stays
from insvigil.settings import QualifSettings
from insvigil.vocabulary import Mesh, PatientClass

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

PLACES = (Mesh.SITE.value, Mesh.POLE.value, Mesh.UNIT.value, Mesh.ACTIVITY.value)
"""The meshes a visit carries; the establishment and the age band come from elsewhere."""


_LAST = 2**32 - 1
"""The second after all others, in the year 2106."""


class Passages(NamedTuple):
    """Three frames of visits and the French labels of their codes.

    Each frame has ``identity_id``, ``day`` (Date, nullable) and one UInt32 code a mesh of ``PLACES``, sorted by
    identity. ``movements``: one row a movement. ``entries``, ``exits``: one row a venue, seen where it entered, and
    where it left (``day`` null while it has not).
    """

    movements: pl.DataFrame
    entries: pl.DataFrame
    exits: pl.DataFrame
    labels: dict[str, list[str]]


def passages(identities: pl.DataFrame, stays: dy.DataFrame[Stays] | Passages, settings: QualifSettings) -> Passages:
    """Return the visits of the identities given; a movement of an unknown identity is left out.

    Visits already made are returned as they are: 2,000,000 movements take a second and 0.7 GB of text to read again.
    """
    if isinstance(stays, Passages):
        return stays
    moves, sites, units, classes = _moves(identities, stays)
    pole_of = {unit: pole for pole, own in settings.poles.items() for unit in own}
    poles = sorted({pole_of.get(unit, UNKNOWN) for unit in units})
    activities = sorted({ACTIVITIES.get(code, UNKNOWN) for code in classes} | {"ambulatoire"})
    pole_codes = pl.Series([poles.index(pole_of.get(unit, UNKNOWN)) for unit in units], dtype=pl.UInt32)
    activity_codes = pl.Series([activities.index(ACTIVITIES.get(code, UNKNOWN)) for code in classes], dtype=pl.UInt32)
    coded = moves.with_columns(pole=pole_codes.gather(moves["unit"]), activity=activity_codes.gather(moves["class"]))
    places = pl.col(PLACES)
    venues = coded.group_by("identity_id", "name", maintain_order=True).agg(
        pl.coalesce(pl.col("admitted_at").min(), pl.col("at").min()).dt.date().alias("entered_on"),
        pl.coalesce(pl.col("discharged_at").max(), pl.col("left_at").max()).dt.date().alias("left_on"),
        places.first(),
        places.last().name.suffix("_out"),
    )
    # Nobody is ambulatory but an inpatient who left the day he entered.
    inpatient = activities.index("hospitalisation") if "hospitalisation" in activities else -1
    day_case = (venues["entered_on"] == venues["left_on"]).fill_null(False)
    stayed = venues.filter(day_case).select("identity_id", "name", day_case=pl.lit(True))
    moved = coded.join(stayed, on=["identity_id", "name"], how="left", maintain_order="left")
    moved_day_case = moved["day_case"].fill_null(False)

    def ambulatory(column: str, one_day: pl.Series) -> pl.Expr:
        changed = pl.lit(one_day) & (pl.col(column) == inpatient)
        return pl.when(changed).then(pl.lit(activities.index("ambulatoire"), pl.UInt32)).otherwise(pl.col(column))

    return Passages(
        coded.select(
            "identity_id",
            *PLACES[:-1],
            day=pl.col("at").dt.date(),
            activity=ambulatory("activity", moved_day_case),
        ),
        venues.select("identity_id", *PLACES[:-1], day="entered_on", activity=ambulatory("activity", day_case)),
        venues.select(
            "identity_id",
            *(pl.col(f"{place}_out").alias(place) for place in PLACES[:-1]),
            day="left_on",
            activity=ambulatory("activity_out", day_case),
        ),
        {Mesh.SITE.value: sites, Mesh.POLE.value: poles, Mesh.UNIT.value: units, Mesh.ACTIVITY.value: activities},
    )


def _moves(identities: pl.DataFrame, stays: pl.DataFrame) -> tuple[pl.DataFrame, list[str], list[str], list[str]]:
    """Return the movements by identity and time, ``name`` naming the venue, and the labels of site, unit and class.

    Text becomes codes before the join and the sort, which then move numbers only.
    """
    # A venue is named by the hash of its dossier and visit, within its identity: 64 bits for a handful of venues.
    name = pl.struct("dossier", pl.coalesce("visit", pl.when(pl.col("dossier").is_null()).then("movement"))).hash()
    kept = stays.filter(~pl.col("trigger").is_in(ANNOUNCED), pl.col("patient_class").ne_missing("N")).select(
        "domain",
        "ipp",
        "admitted_at",
        "discharged_at",
        "patient_class",
        "finess_eg",
        name=name,
        at=pl.coalesce("movement_at", "admitted_at"),
        left_at=pl.when(pl.col("trigger") == "A03").then(pl.col("movement_at")),
        unit=pl.coalesce("unit_medical", "unit_lodging", "unit_care"),
    )
    site, sites = _coded(kept["finess_eg"])
    unit, units = _coded(kept["unit"])
    patient_class, classes = _coded(kept["patient_class"])
    # One number to sort by, identity then second: three keys take ten times as long. No time comes last.
    second = (pl.col("at").dt.epoch("s").clip(0, _LAST - 1)).fill_null(_LAST).cast(pl.UInt64)
    moves = (
        kept.lazy()
        .drop("finess_eg", "patient_class")
        .with_columns(site.alias("site"), unit.alias("unit"), patient_class.alias("class"))
        .join(identities.lazy().select("identity_id", "domain", "ipp"), on=["domain", "ipp"], how="inner")
        .drop("domain", "ipp")
        .with_columns(order=pl.col("identity_id").cast(pl.UInt64) * (_LAST + 1) + second)
        .collect(engine="in-memory")
    )
    return moves.sort("order", maintain_order=True).drop("order"), sites, units, classes


def _coded(values: pl.Series) -> tuple[pl.Series, list[str]]:
    """Return dense codes and their labels, in order of label."""
    said = values.fill_null(UNKNOWN)
    labels = said.unique().sort()
    return said.cast(pl.Enum(labels)).to_physical().cast(pl.UInt32), labels.to_list()
