"""Whom to qualify first, and what it brings: the list of the admissions desk.

Those who are expected or present come first (their document can be seen), then those one step from qualified, then
those who come most. A doubtful identity is never listed: INSi must not be called for it (RNIV EXI SI 09). A provisional
identity is listed with both steps together: no INSi call without control (RECO PP 03).
"""

from __future__ import annotations

from datetime import date, timedelta

import dataframely as dy
import polars as pl

from insvigil.errors import UsageError
from insvigil.frames import Identities, Leverage, Statuses, Stays
from insvigil.qualif.evidence import carries, in_base
from insvigil.qualif.passages import ANNOUNCED, passages
from insvigil.settings import QualifSettings
from insvigil.vocabulary import PatientClass, Status

STEPS: dict[str, str] = {
    Status.VALIDEE.value: "récupérer l'INS (téléservice INSi)",
    Status.RECUPEREE.value: "contrôler l'identité (dispositif à haut niveau de confiance)",
    Status.PROVISOIRE.value: "contrôler l'identité et récupérer l'INS dans le même temps",
}
"""What each status lacks to be qualified."""

LEVERAGED = ("Q_FILE_ACTIVE", "TX_QUAL", "Q_BASE", "Q_PASSAGE_ENTREE", "Q_PASSAGE_SORTIE")
"""The indicators a list can be ordered for."""


PRESENT_DAYS = 30
"""How recent the last movement of an open inpatient venue must be (insvigil's convention)."""


def leverage(
    identities: dy.DataFrame[Identities],
    statuses: dy.DataFrame[Statuses],
    stays: dy.DataFrame[Stays],
    settings: QualifSettings,
    *,
    period: tuple[date, date],
    indicator: str = "Q_FILE_ACTIVE",
    horizon_days: int = 7,
) -> dy.DataFrame[Leverage]:
    """Return the identities to qualify, best first, with what each adds to the rate of ``indicator``.

    The last day of ``period`` is today; ``horizon_days`` is how far announced venues are looked for. A rate of venues
    only gains from venues to come, so only expected patients are listed for it. Raise ``UsageError`` for an indicator
    that no qualification moves.
    """
    if indicator not in LEVERAGED:
        raise UsageError(
            f"L'indicateur « {indicator} » n'a pas de liste d'actions.", hint=f"Choix : {', '.join(LEVERAGED)}."
        )
    today = period[1]
    counted = identities.select("identity_id", "domain", "ipp", kept=in_base(), doubtful=carries("DOUT"))
    visits = passages(identities, stays, settings)
    units = pl.DataFrame({"unit_name": visits.labels["unit"]}).with_row_index("unit")
    seen = visits.movements.filter(pl.col("day").is_between(*period))
    frequency = (
        seen.sort("identity_id", "day")
        .group_by("identity_id")
        .agg(venues=pl.len().cast(pl.UInt32), last_venue=pl.col("day").last(), unit=pl.col("unit").last())
        .join(units, on="unit", how="left")
        .select("identity_id", "venues", "last_venue", last_unit="unit_name")
    )
    expected = _expected(identities, stays, today, horizon_days)
    people = (
        counted.with_columns(statuses["status"])
        .join(frequency, on="identity_id", how="left")
        .join(expected, on="identity_id", how="left")
        .filter("kept")
    )
    coming = pl.col("expected_on").is_not_null()
    if indicator == "Q_BASE":
        inside, weight, size = pl.lit(True), pl.lit(1.0), people.height
    elif indicator in ("Q_FILE_ACTIVE", "TX_QUAL"):
        inside = pl.col("venues").is_not_null() | coming
        weight, size = pl.lit(1.0), people.filter(inside).height
    else:
        inside, weight = coming, pl.col("announced").cast(pl.Float64)
        venues = visits.entries if indicator == "Q_PASSAGE_ENTREE" else visits.exits
        mine = venues.filter(counted["kept"].gather(venues["identity_id"]), pl.col("day").is_between(*period))
        size = mine.height + int(people["announced"].sum())
    listed = people.filter(inside, ~pl.col("doubtful"), pl.col("status") != Status.QUALIFIEE).with_columns(
        gain=100 * weight / max(size, 1), steps=pl.when(pl.col("status") == Status.PROVISOIRE).then(2).otherwise(1)
    )
    ordered = listed.sort(
        [coming, "expected_on", "steps", "gain", "venues", "domain", "ipp"],
        descending=[True, False, False, True, True, False, False],
        nulls_last=True,
    ).with_row_index("rank", offset=1)
    return Leverage.validate(
        ordered.select(
            "rank",
            "identity_id",
            "domain",
            "ipp",
            "status",
            step=pl.col("status").cast(pl.String).replace_strict(STEPS, return_dtype=pl.String),
            expected_on="expected_on",
            unit=pl.coalesce("expected_unit", "last_unit"),
            last_venue="last_venue",
            venues=pl.col("venues").fill_null(0),
            gain="gain",
            cumulated=pl.col("gain").cum_sum(),
        )
    )


def what_if(listed: dy.DataFrame[Leverage], first: int) -> float:
    """Return how many points the ``first`` rows of the list bring together."""
    return float(listed["cumulated"].head(first).max() or 0.0)  # type: ignore[arg-type]


def _expected(identities: pl.DataFrame, stays: pl.DataFrame, today: date, horizon_days: int) -> pl.DataFrame:
    """Return identity_id, ``expected_on``, ``announced`` (venues) and ``expected_unit`` of those expected or present.

    Expected: a pre-admission not yet begun, within the horizon. Present: an inpatient venue without discharge that
    moved in the last ``PRESENT_DAYS`` days; a venue never closed would keep its patient for ever.
    """
    venue = ["domain", "ipp", "dossier", "visit"]
    rows = stays.lazy().with_columns(
        day=pl.coalesce("movement_at", "admitted_at").dt.date(),
        unit=pl.coalesce("unit_medical", "unit_lodging", "unit_care"),
        planned=pl.col("trigger").is_in(ANNOUNCED),
    )
    begun = rows.filter(~pl.col("planned"))
    announced = (
        rows.filter("planned", pl.col("day").is_between(today, today + timedelta(days=horizon_days)))
        .join(begun, on=venue, how="anti", nulls_equal=True)
        .group_by(venue)
        .agg(pl.col("day").min(), pl.col("unit").first())
    )
    left = (pl.col("trigger") == "A03") | pl.col("discharged_at").is_not_null()
    present = (
        begun.filter((pl.col("patient_class") == PatientClass.INPATIENT.value).any().over(venue))
        .sort("day")
        .group_by(venue)
        .agg(pl.col("day").last(), pl.col("unit").last(), left=left.any())
        .filter(~pl.col("left"), pl.col("day") >= today - timedelta(days=PRESENT_DAYS))
        .with_columns(day=pl.lit(today))
    )
    columns = ["domain", "ipp", "day", "unit"]
    return (
        pl.concat([announced.select(columns), present.select(columns)])
        .join(identities.lazy().select("identity_id", "domain", "ipp"), on=["domain", "ipp"])
        .sort("identity_id", "day", "unit")
        .group_by("identity_id")
        .agg(expected_on=pl.col("day").first(), expected_unit=pl.col("unit").first(), announced=pl.len())
        .collect(engine="in-memory")
    )
