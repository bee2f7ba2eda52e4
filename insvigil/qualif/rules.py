"""The rules of qualification: what a status may not say, in order of priority.

The first rule that holds gives ``Statuses.anomaly``; all of them are listed by ``status_anomalies``.
"""

from __future__ import annotations

from insvigil.vocabulary import Confidence, Rule, Scope, Severity


def _rule(
    number: int,
    severity: Severity,
    sentence: str,
    reason: str,
    advice: str,
    source: str,
    confidence: Confidence,
    scope: Scope = Scope.IDENTITY,
) -> Rule:
    return Rule(f"IDV-QUA-{number:03}", severity, scope, sentence, reason, advice, source, confidence)


RULES: tuple[Rule, ...] = (
    _rule(
        1,
        Severity.ANOMALY,
        "Identité douteuse ou fictive portant un autre statut que provisoire, ou un matricule INS.",
        "Un attribut « douteuse » ou « fictive » impose le statut provisoire et interdit l'INS.",
        "Retirer l'attribut s'il n'a plus lieu d'être, sinon repasser l'identité en provisoire et retirer l'INS.",
        "RNIV 1 v2.0, EXI SI 09, cité par FR Core 2.2.0",
        Confidence.VERIFIED_QUOTED,
    ),
    _rule(
        2,
        Severity.BLOCKING,
        "Matricule INS de test ou de démonstration en production.",
        "Un matricule de test n'appartient à personne : l'identité ne peut pas être comptée comme qualifiée.",
        "Retirer le matricule et rechercher comment il est entré en production.",
        "Annexe N 1.8.2 §N.1 (OID .10 et .11)",
        Confidence.VERIFIED,
    ),
    _rule(
        3,
        Severity.ANOMALY,
        "Matricule INS transmis sans le code VALI.",
        "Le message doit être intégré sans l'INS ; l'identité reste provisoire.",
        "Corriger l'émetteur : l'INS ne se transmet qu'avec une identité qualifiée.",
        "IHE PAM France 2.11.2 §6.6.15",
        Confidence.VERIFIED,
    ),
    _rule(
        4,
        Severity.ANOMALY,
        "Matricule INS transmis sans les cinq traits stricts (nom de naissance, premier prénom, date, sexe, lieu).",
        "L'INS ne se partage jamais sans les cinq traits ; l'identité n'est pas comptée comme qualifiée.",
        "Compléter les traits à partir de la réponse du téléservice INSi.",
        "FR Core, ticket 240 ; complétude des traits appliquée par insvigil",
        Confidence.SECOND_HAND,
    ),
    _rule(
        5,
        Severity.ANOMALY,
        "Date de naissance corrigée (ZFD-4 = Y) sur une identité dite récupérée ou qualifiée.",
        "Une date interprétée interdit les statuts récupérée et qualifiée, et l'INS ne se transmet pas.",
        "Obtenir la date de l'état civil, puis interroger de nouveau le téléservice INSi.",
        "IHE PAM France 2.11.2 §6.6.4",
        Confidence.VERIFIED,
    ),
    _rule(
        6,
        Severity.ANOMALY,
        "Numéro transmis comme INS sans OID d'INS-NIR ou d'INS-NIA, ou sans la forme d'un matricule.",
        "Un INS-C, un numéro provisoire ou un numéro sans OID n'est pas un matricule INS.",
        "Retirer ce numéro et récupérer l'INS par le téléservice INSi.",
        "Annexe N 1.8.2 §N.1 ; validateur de NIR de la CNAM 2.0",
        Confidence.VERIFIED,
    ),
    _rule(
        7,
        Severity.ANOMALY,
        "Deux statuts contradictoires dans PID-32 (validé et provisoire).",
        "PID-32 porte un seul statut ; dans le doute l'identité est comptée comme provisoire.",
        "Corriger l'émetteur.",
        "IHE PAM France 2.11.2 §6.6.15 ; repli en provisoire : convention d'insvigil",
        Confidence.VERIFIED,
    ),
    _rule(
        8,
        Severity.ANOMALY,
        "Attribut « fictive » cumulé avec un autre attribut.",
        "Seuls « douteuse » et « homonyme » peuvent aller ensemble ; « fictive » ne se cumule avec rien.",
        "Ne garder que l'attribut exact.",
        "RNIV 1 v2.0, EXI SI 09, cité par FR Core (ticket 335)",
        Confidence.VERIFIED_QUOTED,
    ),
    _rule(
        9,
        Severity.WARNING,
        "Identité déclarée qualifiée par la source, sans matricule transmis.",
        "Le statut natif est repris tel quel, mais rien ne le prouve et aucun matricule ne peut sortir.",
        "Ajouter le matricule et son OID à l'extraction.",
        "convention d'insvigil",
        Confidence.CONVENTION,
    ),
    _rule(
        10,
        Severity.ANOMALY,
        "Identité qualifiée dont le matricule a une clé fausse ou absente.",
        "Le matricule INS porte sa clé ; une clé fausse trahit une saisie ou une copie altérée.",
        "Vérifier l'INS par le téléservice INSi. Le matricule n'est pas transmis d'ici là.",
        "Annexe N 1.8.2 §N.1 ; clé recalculée (97 - N mod 97)",
        Confidence.VERIFIED,
    ),
    _rule(
        11,
        Severity.WARNING,
        "Identité validée ou qualifiée avec un lieu de naissance inconnu (99999).",
        "Un lieu inconnu est incompatible avec une identité validée ou qualifiée.",
        "Compléter le lieu de naissance à partir de la pièce d'identité ou de la réponse INSi.",
        "FR Core, ticket 262",
        Confidence.VERIFIED_QUOTED,
    ),
    _rule(
        12,
        Severity.ANOMALY,
        "Trait strict modifié après l'obtention de l'INS, sans nouvelle interrogation du téléservice.",
        "Un trait modifié localement ne vient plus de l'INSi : l'identité perd sa récupération.",
        "Interroger de nouveau le téléservice INSi. Le repli est un réglage : keep_status_on_strict_change.",
        "sources divergentes, texte officiel introuvable ; repli le plus sûr par défaut",
        Confidence.CONVENTION,
    ),
    _rule(
        13,
        Severity.WARNING,
        "Identité dite validée portant un code invalidée, usurpation ou collision avérée.",
        "Ces codes contredisent une identité sûre ; le matricule n'est pas transmis.",
        "Traiter l'usurpation ou la collision, puis corriger PID-32.",
        "table 0445, PAM France ; lecture d'insvigil",
        Confidence.CONVENTION,
    ),
    _rule(
        14,
        Severity.WARNING,
        "Identité validée avec une pièce hors des listes à haut niveau de confiance connues.",
        "La validation demande un dispositif à haut niveau de confiance (RNIV §3.3.2).",
        "Contrôler une pièce admise ; la classe d'une pièce se change dans les réglages (qualif.documents).",
        "IHE PAM France 2.11.2 §6.18.7 ; classement des pièces : convention d'insvigil",
        Confidence.CONVENTION,
    ),
    _rule(
        15,
        Severity.WARNING,
        "Identité validée avec une pièce déjà périmée.",
        "Une pièce périmée avant la validation ne prouve plus l'identité.",
        "Contrôler une pièce en cours de validité.",
        "ZFD-8 ; règle de péremption : convention d'insvigil",
        Confidence.CONVENTION,
    ),
    _rule(
        16,
        Severity.ANOMALY,
        "INS que le téléservice INSi ne reconnaît plus (vérification négative).",
        "L'identité perd sa récupération tant qu'INSi ne l'a pas confirmée de nouveau.",
        "Interroger de nouveau INSi à partir d'une pièce d'identité, puis corriger la source. Ce retrait est "
        "un réglage : withdraw_on_insi_ko.",
        "usage de la profession, texte officiel introuvable",
        Confidence.UNVERIFIED,
    ),
    _rule(
        17,
        Severity.WARNING,
        "Identité qualifiée par une réponse INSi relue, dont la source n'a pas encore transmis le matricule.",
        "L'INS est connu mais ne peut pas encore partir : le référentiel d'identités ne le porte pas.",
        "Saisir ou intégrer l'INS dans le logiciel de gestion des identités.",
        "convention d'insvigil",
        Confidence.CONVENTION,
    ),
    _rule(
        30,
        Severity.ANOMALY,
        "Changement de statut impossible, refusé : l'identité garde le statut qu'elle avait.",
        "Le statut demandé n'est pas un passage possible depuis le précédent, ou rien de reçu ne l'appuie.",
        "« insvigil explain-status IPP » montre le message refusé et sa preuve ; corriger l'identité dans la source.",
        "RNIV 1 v2.0, EXI SI 07 ; table des passages : docs/reference/statuses.md",
        Confidence.CONVENTION,
        Scope.CHANGE,
    ),
)
"""Every rule of the room; the numbers are stable for life."""

IMPOSSIBLE_TRANSITION = "IDV-QUA-030"
"""The code of a transition that is refused."""
