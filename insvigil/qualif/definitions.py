"""What each indicator counts: the words of the report and of the proof folder come from here."""

from __future__ import annotations

from dataclasses import dataclass

from insvigil.vocabulary import Confidence

RULE_VERSION = "1"
"""Version of the definitions below; it changes when a numerator or a denominator does."""

_CONVENTION = "convention d'insvigil, faute de fiche officielle lue"


@dataclass(frozen=True, slots=True)
class Definition:
    """An indicator: what is counted over what, and who says so."""

    code: str
    label: str
    numerator: str
    denominator: str
    note: str = ""
    source: str = _CONVENTION
    confidence: Confidence = Confidence.CONVENTION


_ACTIVE = "identités de la file active (au moins un mouvement de venue dans la période, non fusionnées, non fictives)"

DEFINITIONS: tuple[Definition, ...] = (
    Definition(
        "Q_BASE",
        "Taux de qualification de la base",
        "identités de la base qualifiées à la fin de la période",
        "identités de la base à la fin de la période (non fusionnées, non fictives, non désactivées)",
    ),
    Definition(
        "Q_FILE_ACTIVE",
        "Taux de qualification de la file active",
        "identités de la file active qualifiées à la fin de la période",
        _ACTIVE,
    ),
    Definition(
        "Q_PASSAGE_ENTREE",
        "Taux de qualification à l'entrée",
        "venues dont l'identité était qualifiée le jour de l'entrée",
        "venues commencées dans la période",
    ),
    Definition(
        "Q_PASSAGE_SORTIE",
        "Taux de qualification à la sortie",
        "venues dont l'identité était qualifiée le jour de la sortie",
        "venues terminées dans la période",
        "Plafond du partage de documents : aucun document n'atteint Mon espace santé sans INS qualifiée.",
    ),
    Definition("TX_QUAL", "Part des identités qualifiées", "identités de la file active qualifiées", _ACTIVE),
    Definition("TX_VALI", "Part des identités validées", "identités de la file active validées", _ACTIVE),
    Definition(
        "TX_RECUP",
        "Part des identités récupérées",
        "identités de la file active récupérées",
        _ACTIVE,
        "Un stock élevé est une alerte : INSi appelé sans contrôle d'identité (RECO PP 03). En PAM, récupérée n'est "
        "observable que par ZFD-5 ou ZFD-6 (à confirmer).",
    ),
    Definition("TX_PROV", "Part des identités provisoires", "identités de la file active provisoires", _ACTIVE),
    Definition(
        "IN_INSI",
        "IN-INSI, taux d'identités INS dans la file active",
        "identités de la file active récupérées ou qualifiées",
        _ACTIVE,
        "Les cibles de la fiche sont indicatives.",
        "3RIV, fiche IND 03, version 1, février 2021",
        Confidence.VERIFIED,
    ),
)
"""Every indicator, in the order of the report."""

LABELS: dict[str, str] = {definition.code: definition.label for definition in DEFINITIONS}
"""The French label of each indicator."""
