"""Detectors of stays: movements that the identity makes impossible."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from insvigil.traits.detectors.detector import Detector, Material, OnFile, rule
from insvigil.vocabulary import Attribute, PatientClass, Scope, Severity

_VENUE = ["domain", "ipp", "dossier", "visit"]


def _with_person(material: Material) -> pl.DataFrame:
    """Return the movements with the ``born``, ``death_date`` and ``attributes`` of their person."""
    assert material.stays is not None
    if not {"domain", "ipp"} <= set(material.identities.columns):
        return material.stays.head(0).with_columns(
            born=pl.lit(None, pl.Date), death_date=pl.lit(None, pl.Date), attributes=pl.lit(None, pl.String)
        )
    persons = material.identities.select("domain", "ipp").with_columns(
        material.persons.select("born", "death_date", attributes="received_attributes")
    )
    return material.stays.join(persons, on=["domain", "ipp"], how="inner")


def _finding(movements: pl.DataFrame) -> pl.DataFrame:
    return movements.select("domain", "ipp", subject="movement").sort("domain", "ipp", "subject")


def before_birth(material: Material) -> pl.DataFrame:
    """Return the movements more than one day before the birth of their person."""
    return _finding(
        _with_person(material).filter(pl.col("movement_at").cast(pl.Date) < pl.col("born") - pl.duration(days=1))
    )


def after_death(material: Material) -> pl.DataFrame:
    """Return the admissions more than two days after the death of their person."""
    movements = _with_person(material)
    return _finding(
        movements.filter(
            pl.col("trigger").is_in(["A01", "A04"])
            & (pl.col("movement_at").cast(pl.Date) > pl.col("death_date") + pl.duration(days=2))
        )
    )


def of_fictive(material: Material) -> pl.DataFrame:
    """Return the movements of identities flagged fictive."""
    movements = _with_person(material)
    return _finding(movements.filter(pl.col("attributes").str.contains(rf"\b{Attribute.FICTIVE.value}\b")))


def discharged_before_admitted(material: Material) -> pl.DataFrame:
    """Return the movements whose discharge precedes their admission."""
    assert material.stays is not None
    return _finding(material.stays.filter(pl.col("discharged_at") < pl.col("admitted_at")))


def unknown_person(material: Material) -> pl.DataFrame:
    """Return the movements of an IPP that no identity bears."""
    assert material.stays is not None
    if not {"domain", "ipp"} <= set(material.identities.columns):
        return material.stays.head(0).select("domain", "ipp", subject="movement")
    return _finding(material.stays.join(material.identities.select("domain", "ipp"), on=["domain", "ipp"], how="anti"))


def two_places_at_once(material: Material) -> pl.DataFrame:
    """Return the inpatient venues of a person that begin while another of hers, at another establishment, goes on."""
    assert material.stays is not None
    venues = (
        material.stays.filter(pl.col("patient_class") == PatientClass.INPATIENT.value)
        .group_by(_VENUE)
        .agg(
            pl.col("admitted_at").min(),
            pl.col("discharged_at").max(),
            pl.col("movement").first(),
            place=pl.col("finess_eg").drop_nulls().first(),
        )
        .drop_nulls(["admitted_at", "place"])
        .sort("domain", "ipp", "admitted_at", "movement")
    )
    person = ["domain", "ipp"]
    before = venues.with_columns(
        pl.col("discharged_at").shift(1).over(person).alias("until"),
        pl.col("place").shift(1).over(person).alias("elsewhere"),
    )
    return _finding(before.filter((pl.col("admitted_at") < pl.col("until")) & (pl.col("place") != pl.col("elsewhere"))))


def _of_stays(
    number: int, severity: Severity, sentence: str, reason: str, advice: str, find: Callable[[Material], pl.DataFrame]
) -> Detector:
    code = f"IDV-SEJ-{number:03}"
    return OnFile(rule(code, severity, sentence, reason, advice, scope=Scope.STAY), find, "stays")


DETECTORS: tuple[Detector, ...] = (
    _of_stays(
        1, Severity.ANOMALY, "Mouvement antérieur à la naissance du patient.",
        "Le séjour est celui d'une autre personne (souvent la mère), ou la date de naissance est fausse.",
        "Vérifier à qui est le séjour.", before_birth,
    ),
    _of_stays(
        2, Severity.ANOMALY, "Admission postérieure au décès du patient.",
        "Le décès a été porté sur le mauvais dossier, ou l'identité d'un défunt est utilisée par un autre.",
        "Vérifier le décès et l'identité de la personne admise.", after_death,
    ),
    _of_stays(
        3, Severity.ANOMALY, "Mouvement d'une identité fictive.",
        "Une identité d'essai ne devrait pas avoir de séjour réel.",
        "Retirer l'attribut si la personne existe, sinon annuler le séjour.", of_fictive,
    ),
    _of_stays(
        4, Severity.WARNING, "La sortie précède l'entrée.",
        "Une des deux dates est fausse : le séjour ne compte pas dans la file active.", "Corriger le mouvement.",
        discharged_before_admitted,
    ),
    _of_stays(
        5, Severity.WARNING, "Mouvement d'un IPP inconnu de la base d'identités.",
        "L'identité n'a pas été transmise, ou elle a été supprimée sans fusion.",
        "Demander l'identité à l'émetteur du mouvement.", unknown_person,
    ),
    _of_stays(
        6, Severity.ANOMALY, "Patient hospitalisé en même temps dans deux établissements.",
        "Deux personnes utilisent le même dossier : collision ou usurpation possible.",
        "Vérifier l'identité de la personne présente.", two_places_at_once,
    ),
)  # fmt: skip
