"""A figure → the rows it was made from: identities, venues, pairs, merges or agrégats, one a line.

Each frame says who or what (``domain``, ``ipp``, …), when, and whether it is ``counted`` in the numerator. Where the
denominator is the whole base or all the venues of a period, only the rows of the numerator are given.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import dataframely as dy
import numpy as np
import polars as pl

from insvigil.errors import UsageError
from insvigil.frames import Identities, Statuses, StatusLedger, Stays
from insvigil.qualif.definitions import DEFINITIONS, VARIANTS, VIGILANCE
from insvigil.qualif.evidence import carries, in_base, known
from insvigil.qualif.history import RANK, history
from insvigil.qualif.indicators import ACTIVE, known_since, known_visits, mesh_values, only
from insvigil.qualif.passages import Passages, passages
from insvigil.qualif.vigilance import vigilance_rows
from insvigil.register import Register
from insvigil.settings import QualifSettings
from insvigil.vocabulary import Mesh, Status

_EXITS = ("Q_PASSAGE_SORTIE", "PLAFOND_DOCUMENTS")
_UNOBSERVED = "TX_FUSIONS_ANNULEES"


class Place(NamedTuple):
    """A mesh and one of its values: ``site``, ``010000001``."""

    mesh: Mesh
    value: str


WHOLE = Place(Mesh.ESTABLISHMENT, "")


def open_figure(
    register: Register,
    identities: dy.DataFrame[Identities],
    statuses: dy.DataFrame[Statuses],
    stays: dy.DataFrame[Stays] | Passages,
    settings: QualifSettings,
    *,
    code: str,
    period: tuple[date, date],
    ledger: dy.DataFrame[StatusLedger] | None = None,
    place: Place = WHOLE,
) -> pl.DataFrame:
    """Return the rows behind the figure ``code`` of the period, at one mesh value.

    Raise ``UsageError`` for an unknown figure, for one that no feed shows, and for a place that it is not given by.
    """
    codes = [definition.code for definition in DEFINITIONS]
    if code not in codes or code == _UNOBSERVED:
        known_codes = ", ".join(one for one in codes if one != _UNOBSERVED)
        raise UsageError(f"L'indicateur « {code} » ne s'ouvre pas en lignes.", hint=f"Choix : {known_codes}.")
    if code not in {definition.code for definition in VIGILANCE}:
        return subjects(identities, statuses, stays, settings, code=code, period=period, ledger=ledger, place=place)
    detector = place.value if place.mesh == Mesh.DETECTOR and code == "PART_NON_DOUBLON" else None
    if place != WHOLE and detector is None:
        raise UsageError(f"L'indicateur « {code} » n'est donné que pour l'établissement.", hint="Retirez --at.")
    rows = vigilance_rows(register, code, period)
    return rows if detector is None else rows.filter(pl.col("detector") == detector)


def subjects(
    identities: dy.DataFrame[Identities],
    statuses: dy.DataFrame[Statuses],
    stays: dy.DataFrame[Stays] | Passages,
    settings: QualifSettings,
    *,
    code: str,
    period: tuple[date, date],
    ledger: dy.DataFrame[StatusLedger] | None = None,
    place: Place = WHOLE,
) -> pl.DataFrame:
    """Return the rows behind a rate of qualification: domain, ipp, ``day``, ``status`` then, ``counted``.

    One row an identity for the file active and the base (``day``: end of the period; the base as it stands, without
    identities merged since), one a venue for the passages (``day``: entry or exit). ``TX_QUAL_DEFAUT`` gives the
    qualified identities as they stand, ``counted`` with an anomaly.
    """
    whole, _, variant = code.partition("_SANS_" if "_SANS_" in code else "_AVEC_")
    counted = identities.select(in_base()).to_series()
    if variant:
        counted = _varied(identities, counted, code)
    told = history(identities, statuses, ledger)
    visits = only(known_visits(passages(identities, stays, settings), known_since(ledger)), counted)
    seen = visits.entries if whole == "Q_PASSAGE_ENTREE" else visits.exits if whole in _EXITS else visits.movements
    seen = _placed(seen.filter(pl.col("day").is_between(*period)), visits, identities, period, place)
    kept = ACTIVE.get(whole, (Status.QUALIFIEE,))
    if whole == "Q_BASE":
        if place != WHOLE:
            raise UsageError("Le taux de la base n'est donné que pour l'établissement.", hint="Retirez --at.")
        present = told.known_by((period[1] - date(1970, 1, 1)).days)
        seen = identities.filter(counted, pl.Series(present)).select("identity_id", day=pl.lit(period[1]))
    elif whole in ACTIVE or whole == "TX_QUAL_DEFAUT":
        seen = seen.select("identity_id", day=pl.lit(period[1])).unique().sort("identity_id")
    names = identities.select("domain", "ipp")[seen["identity_id"]]
    if whole == "TX_QUAL_DEFAUT":
        now = statuses.select("status", "anomaly")[seen["identity_id"]]
        found = pl.concat([names, seen.select("day"), now], how="horizontal")
        qualified = found.filter(pl.col("status") == Status.QUALIFIEE)
        return qualified.with_columns(counted=pl.col("anomaly").is_not_null())
    day = seen["day"].to_physical().to_numpy(writable=True)
    rank = told.at_end_of(seen["identity_id"].to_numpy(writable=True), day)
    status = pl.Series("status", list(RANK)).gather(pl.Series(rank))
    return names.with_columns(seen["day"], status, counted=status.is_in([one.value for one in kept]))


def _varied(identities: pl.DataFrame, counted: pl.Series, code: str) -> pl.Series:
    """Return whom a variant counts: the base without the doubtful identities, or with the fictive ones."""
    if code not in {one.code for one in VARIANTS}:
        raise UsageError(f"L'indicateur « {code} » ne s'ouvre pas en lignes.")
    if code.endswith("_SANS_DOUT"):
        return counted & ~identities.select(carries("DOUT")).to_series()
    return counted | identities.select(carries("FICT")).to_series()


def _placed(
    seen: pl.DataFrame, visits: Passages, identities: pl.DataFrame, period: tuple[date, date], place: Place
) -> pl.DataFrame:
    """Return the visits of one mesh value."""
    if place.mesh == Mesh.ESTABLISHMENT:
        return seen
    births = identities.select(known("birth_date").str.slice(0, 4).cast(pl.Int32, strict=False).fill_null(0))
    year = np.full(seen.height, period[1].year, np.int32)
    values, labels = mesh_values(place.mesh, seen, visits, births.to_series().to_numpy(), year)
    if place.value not in labels:
        raise UsageError(
            f"Aucune venue de la maille {place.mesh.label} « {place.value} ».",
            hint=f"Choix : {', '.join(labels[:20])}.",
        )
    return seen.filter(pl.Series(values == labels.index(place.value)))
