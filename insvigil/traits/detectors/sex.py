"""Detectors of sex."""

from __future__ import annotations

import numpy as np
import polars as pl

from insvigil.traits.detectors.detector import (
    KEY,
    Detector,
    Material,
    OnFile,
    OnIdentity,
    OnValue,
    absent,
    received,
    rule,
)
from insvigil.vocabulary import Confidence, Severity, Sex

_ASK = "Reprendre le sexe sur une pièce d'identité ou par le téléservice INSi."


def unusual_sex(material: Material) -> pl.DataFrame:
    """Return the identities whose first given name is the other sex's 99 times in 100 (50 bearers at least)."""
    traits = material.traits.select("identity_id", "first_given_name", "sex").filter(
        pl.col("sex").is_in([Sex.MALE.value, Sex.FEMALE.value]) & pl.col("first_given_name").is_not_null()
    )
    if traits.is_empty():
        return traits.select("identity_id")
    names = traits["first_given_name"].to_physical().to_numpy()
    male = (traits["sex"] == Sex.MALE.value).to_numpy()
    all_ = np.bincount(names)
    men = np.bincount(names[male], minlength=all_.size)
    share = np.divide(men, all_, out=np.zeros(all_.size), where=all_ > 0)
    of_women, of_men = ((part <= 0.01) & (all_ >= 50) for part in (share, 1 - share))  # most often none of a file
    return traits.select("identity_id").filter(pl.Series(np.where(male, of_women[names], of_men[names])))


DETECTORS: tuple[Detector, ...] = (
    OnIdentity(
        rule(
            "IDV-SEX-001", Severity.BLOCKING, "Le sexe est absent.",
            "Le sexe est un des cinq traits stricts sans lesquels une identité ne peut être créée.", _ASK,
            source="RNIV 1 (traits stricts), cité par l'ARS et les GRADeS", confidence=Confidence.VERIFIED_QUOTED,
        ),
        absent("sex"),
    ),
    OnIdentity(
        rule(
            "IDV-SEX-002", Severity.ANOMALY, "Le sexe n'est ni M, ni F, ni indéterminé.",
            "Une valeur inconnue n'est comparable à rien.", "Corriger l'émetteur (HL7 : M, F ou U).",
            source="IHE PAM France 2.11.2 §6.6.5", confidence=Confidence.VERIFIED,
        ),
        received("sex").is_not_null() & pl.col("sex").is_null(),
    ),
    OnIdentity(
        rule(
            "IDV-SEX-003", Severity.ANOMALY, "Identité qualifiée dont le sexe est indéterminé.",
            "Le téléservice INSi ne rend que M ou F : le sexe a été modifié après la récupération.",
            "Interroger de nouveau le téléservice INSi.",
            source="FR Core, ticket 73 (ANS)", confidence=Confidence.VERIFIED_QUOTED,
        ),
        pl.col("qualified") & (pl.col("sex") == Sex.INDETERMINATE.value),
    ),
    OnFile(
        rule(
            "IDV-SEX-004", Severity.WARNING, "Le sexe n'est pas celui que porte d'ordinaire ce prénom.",
            "Dans cette base, ce prénom est presque toujours porté par l'autre sexe : erreur de saisie possible.",
            "Vérifier le sexe sur une pièce d'identité ; ne rien corriger sans elle.",
        ),
        unusual_sex, "base",
    ),
    OnValue(
        rule(
            "IDV-SEX-005", Severity.WARNING, "Le nom de naissance est précédé d'une civilité qui contredit le sexe.",
            "Une « Mme » de sexe masculin, ou un « M. » de sexe féminin : l'un des deux est faux.", _ASK,
        ),
        "birth_name",
        KEY.str.contains("^(?:MME|MLLE|MADAME|MADEMOISELLE|MR|MONSIEUR) "),
        among=(pl.col("sex") == Sex.MALE.value) == received("birth_name").str.contains(r"(?i)^\s*(?:mme|mlle|mad)"),
    ),
)  # fmt: skip
