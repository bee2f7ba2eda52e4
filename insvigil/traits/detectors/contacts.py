"""Detectors of the contact traits: address, phone, e-mail."""

from __future__ import annotations

import numpy as np
import polars as pl

from insvigil.texts import buffers
from insvigil.traits.detectors.detector import VALUE, Detector, Material, OnFile, OnValue, rule
from insvigil.traits.detectors.meetings import borne
from insvigil.traits.folding import unaccented
from insvigil.vocabulary import Severity

_ASK = "Reprendre les coordonnées à la prochaine venue du patient."

SHARED_BY_MANY = 20
"""Identities: a phone or an e-mail borne by more is that of an institution or of the admissions desk."""


def _borne_by_many(material: Material, trait: str) -> pl.DataFrame:
    return material.traits.select("identity_id").filter(borne(material.traits[trait], more_than=SHARED_BY_MANY))


def phone_borne_by_many(material: Material) -> pl.DataFrame:
    """Return the identities whose phone is borne by more than 20 identities."""
    return _borne_by_many(material, "phone")


def email_borne_by_many(material: Material) -> pl.DataFrame:
    """Return the identities whose e-mail is borne by more than 20 identities."""
    return _borne_by_many(material, "email")


def question(phones: pl.Series) -> pl.DataFrame:
    """Return what ``OnValue`` detectors of a phone look at: its number of ``digits``, whether it is ``one_digit``."""
    from insvigil.traits.kernels import count_digits

    digits, same = np.empty(phones.len(), np.uint16), np.empty(phones.len(), np.bool_)
    count_digits(*buffers(unaccented(phones)), digits, same)
    return pl.DataFrame({"digits": digits, "one_digit": same})


DETECTORS: tuple[Detector, ...] = (
    OnValue(
        rule(
            "IDV-ADR-001", Severity.INFORMATION, "Le téléphone est un numéro de remplacement (0000000000…).",
            "Un numéro de remplacement rapproche des patients qui n'ont rien en commun.", _ASK,
        ),
        "phone", pl.col("one_digit"),
    ),
    OnValue(
        rule(
            "IDV-ADR-002", Severity.INFORMATION, "Le téléphone n'a pas le nombre de chiffres d'un numéro.",
            "Un numéro français a dix chiffres, un numéro international quinze au plus.", _ASK,
        ),
        "phone", ~pl.col("digits").is_between(9, 15),
    ),
    OnValue(
        rule(
            "IDV-ADR-003", Severity.INFORMATION, "L'adresse électronique n'a pas la forme d'une adresse.",
            "Une adresse sans @ ou sans domaine ne permet pas de joindre le patient.", _ASK,
        ),
        "email", ~VALUE.str.strip_chars().str.contains(r"^[^@\s]+@[^@\s]+\.[^@\s.]+$"),
    ),
    OnValue(
        rule(
            "IDV-ADR-004", Severity.INFORMATION, "Le code postal est un code de remplacement (00000, 99999).",
            "Un code de remplacement rapproche des patients qui n'ont rien en commun.", _ASK,
        ),
        "postal_code", VALUE.str.strip_chars().str.contains("^(?:0+|9+)$"),
    ),
    OnValue(
        rule(
            "IDV-ADR-005", Severity.INFORMATION, "Le code postal a perdu son zéro initial.",
            "Un tableur a traité le code comme un nombre ; insvigil compare le code rétabli.", "Corriger l'émetteur.",
        ),
        "postal_code", VALUE.str.strip_chars().str.contains("^[1-9][0-9]{3}$"),
    ),
    OnFile(
        rule(
            "IDV-ADR-006", Severity.INFORMATION, "Le téléphone est partagé par plus de vingt identités.",
            "C'est le numéro d'une institution ou de l'accueil : il ne rapproche pas des personnes.", _ASK,
        ),
        phone_borne_by_many, "base",
    ),
    OnFile(
        rule(
            "IDV-ADR-007", Severity.INFORMATION, "L'adresse électronique est partagée par plus de vingt identités.",
            "C'est l'adresse d'une institution ou de l'accueil : elle ne rapproche pas des personnes.", _ASK,
        ),
        email_borne_by_many, "base",
    ),
)  # fmt: skip
