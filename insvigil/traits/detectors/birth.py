"""Detectors of birth and death dates."""

from __future__ import annotations

import polars as pl

from insvigil.traits.birth import date_parts
from insvigil.traits.detectors.detector import (
    KEY,
    TODAY,
    Detector,
    Material,
    OnFile,
    OnIdentity,
    OnValue,
    absent,
    received,
    rule,
)
from insvigil.vocabulary import BirthDateKind, Confidence, IdentityCode, Severity

_ASK = "Reprendre la date sur une pièce d'identité ou par le téléservice INSi."
_KIND = pl.col("birth_date_kind")
_AGE = TODAY.dt.year().cast(pl.Int32) - pl.col("birth_year").cast(pl.Int32)
_BORN = pl.col("born")


def _day(month: int, day: int) -> pl.Expr:
    return (pl.col("birth_month") == month) & (pl.col("birth_day") == day)


OLDEST = 125
"""Years: nobody has lived longer (122 is the record)."""


def born_before_conceived(material: Material) -> pl.DataFrame:
    """Return the identities whose mother (by IPP) is less than 10 years older, with the mother as ``other_id``."""
    identities = material.identities
    if "mother_ipp" not in identities.columns or not {"domain", "ipp"} <= set(identities.columns):
        return pl.DataFrame(schema={"identity_id": pl.UInt32, "other_id": pl.UInt32})
    year = material.traits.select("identity_id", "birth_year")
    mother = material.field("mother_ipp")
    known = mother.is_not_null()
    links = identities.select("domain").filter(known).hstack([mother.filter(known).alias("mother")])
    links = links.hstack(year.filter(known))
    near = identities["ipp"].is_in(links["mother"].unique().implode()) if links.height else known
    mothers = identities.select("domain", "ipp").filter(near).hstack(year.filter(near))
    return (
        links.join(mothers, left_on=["domain", "mother"], right_on=["domain", "ipp"], how="inner", suffix="_mother")
        .filter(pl.col("birth_year").cast(pl.Int32) - pl.col("birth_year_mother") < 10)
        .select("identity_id", other_id="identity_id_mother")
        .sort("identity_id")
    )


DETECTORS: tuple[Detector, ...] = (
    OnIdentity(
        rule(
            "IDV-DDN-001", Severity.BLOCKING, "La date de naissance est absente.",
            "La date de naissance est le premier critère de recherche d'un patient, et un trait strict.", _ASK,
            source="RNIV 1 (traits stricts), cité par l'ARS et les GRADeS", confidence=Confidence.VERIFIED_QUOTED,
        ),
        absent("birth_date"),
    ),
    OnIdentity(
        rule(
            "IDV-DDN-002", Severity.ANOMALY, "La date de naissance est illisible.",
            "Le champ contient autre chose qu'une date : l'identité ne peut pas être recherchée par sa date.", _ASK,
        ),
        received("birth_date").is_not_null() & pl.col("birth_year").is_null() & _KIND.is_null(),
    ),
    OnIdentity(
        rule(
            "IDV-DDN-003", Severity.ANOMALY, "La date de naissance n'existe pas au calendrier.",
            "Un 30 février ou un 13e mois est une faute de frappe ou une inversion du jour et du mois.", _ASK,
        ),
        _KIND.eq(BirthDateKind.IMPOSSIBLE.value),
    ),
    OnIdentity(
        rule(
            "IDV-DDN-004", Severity.ANOMALY, "La date de naissance est dans le futur.",
            "Une faute sur l'année, souvent le siècle.", _ASK,
        ),
        _BORN > TODAY,
    ),
    OnIdentity(
        rule(
            "IDV-DDN-005", Severity.ANOMALY, "La personne aurait plus de 125 ans.",
            "Personne n'a vécu 125 ans : la date est fausse ou de remplacement.", _ASK,
        ),
        (_AGE > OLDEST) & pl.col("death_date").is_null(),
    ),
    OnIdentity(
        rule(
            "IDV-DDN-006", Severity.WARNING, "La date de naissance est incomplète.",
            "Une date incomplète n'est pas acceptée dans l'identité de santé : elle se complète selon une règle fixe"
            " (01/MM/AAAA, JJ/01/AAAA ou 31/12/AAAA) et se signale comme interprétée.",
            "Compléter la date selon la règle et poser l'indicateur de date corrigée (ZFD-4).",
            source="Guide INS v3.0, EXI ID 11 et 12, cités par un tiers", confidence=Confidence.SECOND_HAND,
        ),
        _KIND.eq(BirthDateKind.PARTIAL.value) & pl.col("birth_year").is_not_null(),
    ),
    OnIdentity(
        rule(
            "IDV-DDN-007", Severity.INFORMATION, "Identité qualifiée née un 31 décembre.",
            "Le 31 décembre est la date par défaut de l'état civil : il rapproche des personnes différentes.",
            "Rien à corriger si la pièce d'identité porte cette date ; s'en méfier pour rapprocher des identités.",
            source="Guide INS v3.0, EXI ID 11, cité par un tiers", confidence=Confidence.SECOND_HAND,
        ),
        pl.col("qualified") & (pl.col("birth_month") == 12) & (pl.col("birth_day") == 31),
    ),
    OnIdentity(
        rule(
            "IDV-DDN-008", Severity.ANOMALY, "La date de naissance est une date d'origine de logiciel.",
            "01/01/1900, 30/12/1899, 01/01/1800 ou 01/01/0001 est la date vide d'un logiciel, pas une naissance.", _ASK,
        ),
        (_day(1, 1) & pl.col("birth_year").is_in([1, 1600, 1753, 1800, 1900]))
        | ((_day(12, 30) | _day(12, 31)) & (pl.col("birth_year") == 1899)),
    ),
    OnIdentity(
        rule(
            "IDV-DDN-009", Severity.ANOMALY, "Date lunaire transmise pour une identité validée ou qualifiée.",
            "Une date lunaire ne sert qu'à la facturation : l'identité de santé porte une date complète.",
            "Garder la date lunaire dans son champ (ZFD-1) et compléter la date de l'identité.",
            source="Guide INS v3.0, EXI ID 12, cité par un tiers", confidence=Confidence.SECOND_HAND,
        ),
        _KIND.eq(BirthDateKind.LUNAR.value) & (received("identity_code") == IdentityCode.VALI.value),
    ),
    OnIdentity(
        rule(
            "IDV-DDN-010", Severity.ANOMALY, "La date de décès précède la date de naissance.",
            "Une des deux dates est fausse, ou le dossier mélange deux personnes.", "Vérifier les deux dates.",
        ),
        pl.col("death_date") < _BORN,
    ),
    OnIdentity(
        rule(
            "IDV-DDN-011", Severity.ANOMALY, "La date de décès est dans le futur.",
            "Une faute de frappe, qui ferait passer un patient pour décédé le jour venu.", "Vérifier la date de décès.",
        ),
        pl.col("death_date") > TODAY,
    ),
    OnIdentity(
        rule(
            "IDV-DDN-012", Severity.WARNING, "Date de décès renseignée alors que le patient est dit vivant.",
            "L'indicateur de décès (PID-30) et la date (PID-29) se contredisent.", "Vérifier le décès.",
        ),
        pl.col("death_date").is_not_null() & received("deceased").is_in(["N", "n", "0"]),
    ),
    OnValue(
        rule(
            "IDV-DDN-013", Severity.WARNING, "La date de décès est illisible ou n'existe pas au calendrier.",
            "Un décès sans date exacte ne peut être rapproché des venues.", "Ressaisir la date de décès.",
        ),
        "death_date",
        pl.col("kind").is_null() | (pl.col("kind") == BirthDateKind.IMPOSSIBLE.value),
    ),
    OnFile(
        rule(
            "IDV-DDN-014", Severity.ANOMALY, "La mère déclarée a moins de dix ans de plus que l'enfant.",
            "Le lien mère-enfant (PID-21) désigne une autre personne, ou une des deux dates est fausse.",
            "Vérifier le lien et les deux dates de naissance.",
        ),
        born_before_conceived, "base",
    ),
    OnValue(
        rule(
            "IDV-DDN-015", Severity.WARNING, "Prénom d'attente de nouveau-né, plus d'un mois après la naissance.",
            "L'identité de l'enfant aurait dû être complétée après la déclaration de naissance.",
            "Compléter l'identité avec l'acte de naissance.",
        ),
        "first_given_name",
        KEY.str.contains("^(?:BEBE|BB|NOUVEAU NEE?)(?: |$)"),
        (TODAY - _BORN).dt.total_days() > 31,
    ),
    OnIdentity(
        rule(
            "IDV-DDN-016", Severity.WARNING, "Rang de naissance renseigné sans naissance multiple.",
            "Le rang (PID-25) distingue des jumeaux : sans l'indicateur PID-24 il trompe le rapprochement.",
            "Corriger l'indicateur de naissance multiple ou retirer le rang.",
        ),
        (pl.col("birth_rank") > 1) & ~pl.col("multiple_birth"),
    ),
)  # fmt: skip


def question(values: pl.Series) -> pl.DataFrame:
    """Return what ``OnValue`` detectors of a date field look at: ``value`` and its parts."""
    return date_parts(values).with_columns(value=values)
