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

QUALIFICATION: tuple[Definition, ...] = (
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
        "venues commencées dans la période, depuis que les statuts sont connus",
    ),
    Definition(
        "Q_PASSAGE_SORTIE",
        "Taux de qualification à la sortie",
        "venues dont l'identité était qualifiée le jour de la sortie",
        "venues terminées dans la période, depuis que les statuts sont connus",
        "Plafond du partage de documents : aucun document n'atteint Mon espace santé sans INS qualifiée.",
    ),
    Definition(
        "PLAFOND_DOCUMENTS",
        "Plafond du partage de documents",
        "venues dont l'identité était qualifiée le jour de la sortie",
        "venues terminées dans la période, depuis que les statuts sont connus",
        "Même calcul que Q_PASSAGE_SORTIE, lu comme la part des séjours dont un document peut partir avec l'INS.",
    ),
    Definition(
        "TX_QUAL_DEFAUT",
        "Part des qualifiées portant un défaut",
        "identités qualifiées de la file active portant une anomalie de statut (état présent)",
        "identités qualifiées de la file active (état présent)",
        "Clé fausse, lieu inconnu, pièce hors liste ou périmée : voir docs/reference/statuses.md.",
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
"""The figures of qualification, given at every mesh and grain by ``measure``."""

VARIANTS: tuple[Definition, ...] = tuple(
    Definition(
        f"{code}_{suffix}",
        f"{label}, {words}",
        f"comme {code}, {words}",
        f"comme {code}, {words}",
        "Donné pour l'établissement et la période demandée.",
    )
    for code, label in (
        ("Q_FILE_ACTIVE", "Taux de qualification de la file active"),
        ("Q_PASSAGE_ENTREE", "Taux de qualification à l'entrée"),
        ("Q_PASSAGE_SORTIE", "Taux de qualification à la sortie"),
    )
    for suffix, words in (("SANS_DOUT", "sans les identités douteuses"), ("AVEC_FICT", "avec les identités fictives"))
)
"""The same rates without the doubtful identities, and with the fictive ones."""

_DOUBLONS = "décisions de la cellule d'identitovigilance et fusions reçues"

VIGILANCE: tuple[Definition, ...] = (
    Definition(
        "TX_DOUBLONS_BASE",
        "Doublons avérés en stock",
        "identités en trop : taille moins un de chaque ensemble relié par des décisions « doublon » encore debout",
        "identités actives",
        f"D'après les {_DOUBLONS}.",
    ),
    Definition(
        "TX_DOUBLONS_FLUX",
        "Doublons de flux",
        "identités créées dans la période, depuis fusionnées ou jugées doublon d'une identité plus ancienne",
        "identités créées dans la période",
        "Qualité de l'accueil. Se lit aussi pour mille créations : multiplier par 1 000.",
    ),
    Definition(
        "TX_DOUBLONS_POT",
        "Doublons potentiels à juger",
        "paires proposées (DPOT) sans décision debout",
        "identités actives",
        "Dépend du moteur et de son seuil : à lire avec la version d'insvigil.",
    ),
    Definition(
        "NOUVEAUX_DOUBLONS",
        "Nouveaux doublons parmi les créations",
        "identités créées dans la période présentes dans une paire proposée ou jugée doublon, ou fusionnées",
        "identités créées dans la période",
        "Pour mille créations : multiplier par 1 000.",
    ),
    Definition(
        "TX_COLLISIONS",
        "Collisions",
        "décisions « collision » de la période",
        "venues commencées dans la période",
        "Pour dix mille venues : multiplier par 10 000.",
    ),
    Definition("TX_FUSIONS", "Fusions", "fusions (A40) reçues dans la période", "identités créées dans la période"),
    Definition(
        "TX_FUSIONS_ANNULEES",
        "Fusions annulées",
        "non observable : PAM France n'a pas d'événement de défusion",
        "fusions (A40) reçues dans la période",
    ),
    Definition(
        "TX_MODIF",
        "Identités dont un trait strict a changé",
        "identités de la base ayant reçu deux valeurs d'un trait strict, la dernière dans la période",
        "identités actives",
    ),
    Definition(
        "DELAI_QUAL",
        "Délai de qualification, en jours",
        "médiane des jours entre la création et la première qualification (dans la colonne du taux)",
        "identités qualifiées pour la première fois dans la période, qui ne l'étaient pas d'emblée",
        "Le taux est un nombre de jours ; le numérateur reste vide.",
    ),
    Definition(
        "AGREGATS_OUVERTS",
        "Agrégats ouverts",
        "agrégats encore ouverts",
        "agrégats jamais formés",
        "À la fin de la période.",
    ),
    Definition(
        "AGREGATS_CLOS",
        "Agrégats clos",
        "agrégats clos dans la période",
        "agrégats ouverts au début de la période ou formés depuis",
    ),
    Definition(
        "PART_NON_DOUBLON",
        "Part des paires jugées non doublons",
        "décisions debout « non doublon » parmi les paires encore proposées",
        "décisions debout parmi les paires encore proposées",
        "Par détecteur (règle, ou clé de rapprochement) : un détecteur souvent contredit est à revoir.",
    ),
)
"""The figures of doublons, collisions and work done, given by ``measure_vigilance``."""

DEFINITIONS: tuple[Definition, ...] = (*QUALIFICATION, *VARIANTS, *VIGILANCE)
"""Every indicator, in the order of the report."""

LABELS: dict[str, str] = {definition.code: definition.label for definition in DEFINITIONS}
"""The French label of each indicator."""

AIMS: tuple[str, ...] = (
    "Q_FILE_ACTIVE",
    "Q_PASSAGE_SORTIE",
    "Q_PASSAGE_ENTREE",
    "Q_BASE",
    "TX_QUAL",
    "IN_INSI",
    "PLAFOND_DOCUMENTS",
    *(variant.code for variant in VARIANTS),
)
"""The indicators an objective may aim at: those where more is better."""
