"""What folding may say of a message: refused (it changes nothing) or kept with a remark."""

from __future__ import annotations

from insvigil.vocabulary import Confidence, Rule, Scope, Severity

_PAM = "PAM FR 2.11.2"

MERGE_WITHOUT_IPP = Rule(
    "IDV-REG-001",
    Severity.BLOCKING,
    Scope.MESSAGE,
    "Fusion (A40) sans IPP éliminé, ou d'un IPP avec lui-même.",
    "Sans MRG-1, on ne sait pas quelle identité disparaît.",
    "Corriger l'émetteur : PID = identité conservée, MRG-1 = IPP éliminé.",
    f"{_PAM} A40",
    Confidence.VERIFIED,
)
MOVE_WITHOUT_DOSSIER = Rule(
    "IDV-REG-002",
    Severity.BLOCKING,
    Scope.MESSAGE,
    "Déplacement de dossier (A44) sans numéro de dossier.",
    "Sans MRG-3 ni PID-18, on ne sait pas quel dossier change d'identité.",
    "Corriger l'émetteur : MRG-1 = IPP de départ, MRG-3 = dossier, PID = IPP d'arrivée.",
    f"{_PAM} A44",
    Confidence.VERIFIED,
)
LINK_WITHOUT_IPP = Rule(
    "IDV-REG-003",
    Severity.BLOCKING,
    Scope.MESSAGE,
    "Lien (A24) ou rupture de lien (A37) sans second IPP.",
    "Un lien porte sur deux identités.",
    "Corriger l'émetteur.",
    f"{_PAM} A24/A37",
    Confidence.VERIFIED,
)
ALREADY_ELIMINATED = Rule(
    "IDV-REG-004",
    Severity.ANOMALY,
    Scope.MESSAGE,
    "IPP déjà éliminé au profit d'une autre identité : la première fusion est gardée.",
    "Un IPP éliminé l'est pour toujours ; deux fusions contradictoires cachent souvent une collision.",
    "Faire vérifier les deux fusions par la cellule d'identitovigilance.",
    "convention d'insvigil",
    Confidence.CONVENTION,
)
LOOP = Rule(
    "IDV-REG-005",
    Severity.ANOMALY,
    Scope.MESSAGE,
    "Fusion en boucle : l'identité conservée avait déjà été fusionnée dans l'identité éliminée.",
    "Une boucle ne laisserait aucune identité active ; la fusion la plus récente est sans effet.",
    "Faire vérifier le sens des fusions par la cellule d'identitovigilance.",
    "convention d'insvigil",
    Confidence.CONVENTION,
)
CREATED_TWICE = Rule(
    "IDV-REG-006",
    Severity.WARNING,
    Scope.MESSAGE,
    "Création (A28) d'un IPP déjà connu : traitée comme une modification.",
    "Un IPP ne se crée qu'une fois ; une seconde création peut écraser une autre personne.",
    "Vérifier que les deux créations désignent la même personne.",
    f"{_PAM} A28",
    Confidence.VERIFIED,
)
SPEAKS_OF_ELIMINATED = Rule(
    "IDV-REG-007",
    Severity.WARNING,
    Scope.MESSAGE,
    "Message d'identité pour un IPP éliminé : appliqué à l'identité conservée.",
    "L'émetteur n'a pas pris la fusion en compte.",
    "Faire appliquer la fusion chez l'émetteur.",
    f"{_PAM} A40",
    Confidence.CONVENTION,
)
FROM_THE_FUTURE = Rule(
    "IDV-REG-008",
    Severity.WARNING,
    Scope.MESSAGE,
    "Message daté de plus d'un jour après le traitement.",
    "Le dernier message daté l'emporte : une date future masque les corrections suivantes.",
    "Remettre l'émetteur à l'heure.",
    "convention d'insvigil",
    Confidence.CONVENTION,
)

RULES: tuple[Rule, ...] = (
    MERGE_WITHOUT_IPP,
    MOVE_WITHOUT_DOSSIER,
    LINK_WITHOUT_IPP,
    ALREADY_ELIMINATED,
    LOOP,
    CREATED_TWICE,
    SPEAKS_OF_ELIMINATED,
    FROM_THE_FUTURE,
)
