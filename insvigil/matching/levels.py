"""The agreement levels of each trait: their numbers, as the kernels give them, and what they mean in French."""

from __future__ import annotations

from insvigil.frames import AGREEMENTS

TRAIT_LABELS: dict[str, str] = {
    "birth_name": "nom",
    "given_name": "prénom",
    "birth_date": "date de naissance",
    "sex": "sexe",
    "birth_place": "lieu de naissance",
    "matricule": "matricule",
    "postal_code": "commune de résidence",
    "address": "adresse",
    "phone": "téléphone",
    "email": "courriel",
}

LEVELS: dict[str, tuple[str, ...]] = {
    "birth_name": (
        "nom absent",
        "noms différents",
        "noms vaguement proches",
        "un nom commence l'autre",
        "noms à deux ou trois lettres près",
        "nom utilisé proche de l'autre nom",
        "une partie du nom en commun",
        "même nom à une lettre ou au son près",
        "même nom, utilisé pour l'un, de naissance pour l'autre",
        "même nom de naissance",
    ),
    "given_name": (
        "prénom absent",
        "prénoms différents",
        "prénoms vaguement proches",
        "un prénom commence l'autre",
        "prénom trouvé plus loin dans l'autre liste",
        "prénoms à deux ou trois lettres près",
        "une partie du prénom en commun",
        "même prénom à une lettre ou au son près",
        "nom et prénom inversés",
        "même premier prénom, autres prénoms différents",
        "même premier prénom",
        "même liste de prénoms",
        "prénom trouvé plus loin dans l'autre liste, autres prénoms différents",
        "prénoms à deux ou trois lettres près, usuels tous deux ou suivis d'autres",
        "une partie du prénom en commun, autres prénoms différents",
        "prénoms à une lettre ou au son près, usuels tous deux ou suivis d'autres",
        "prénom trouvé plus loin dans l'autre liste, sans autre prénom pour confirmer",
    ),
    "birth_date": (
        "date absente",
        "dates différentes",
        "même année seulement",
        "dates d'une autre génération",
        "deux parties de la date sur trois",
        "même année, date incomplète ou par défaut",
        "date à un chiffre près",
        "jour et mois inversés",
        "même date, incomplète ou par défaut",
        "même date de naissance",
        "dates d'une autre génération, l'une par défaut",
    ),
    "sex": ("sexe absent", "sexes différents", "même sexe"),
    "birth_place": (
        "lieu absent",
        "lieux différents",
        "lieux voisins (département ou chiffre)",
        "",
        "même lieu de naissance",
    ),
    "matricule": (
        "matricule absent",
        "matricules différents",
        "matricules de même début (sexe, mois et lieu)",
        "matricules à un ou deux chiffres près",
        "même matricule, contraire aux traits de l'un des deux",
        "même matricule",
    ),
    "postal_code": (
        "commune de résidence absente",
        "communes de résidence différentes",
        "communes de résidence voisines",
        "même commune, codes postaux différents",
        "même code postal",
    ),
    "address": ("adresse absente", "adresses différentes", "adresses proches", "même adresse"),
    "phone": ("téléphone absent", "téléphones différents", "téléphones à un chiffre près", "même téléphone"),
    "email": ("courriel absent", "courriels différents", "courriels proches", "même courriel"),
}
"""By trait, what each agreement level means; level 0 is a missing side."""

RARITIES: dict[str, str] = {
    "birth_name": "nom",
    "given_name": "prénom",
    "birth_place": "lieu",
    "postal_code": "commune",
    "address": "adresse",
    "phone": "téléphone",
}
"""The traits whose values are worth more when rare, in the order of the rarities of a compared pair."""

EXACT: dict[str, tuple[int, ...]] = {
    "birth_name": (8, 9),
    "given_name": (9, 10, 11),
    "birth_place": (4,),
    "postal_code": (4,),
    "address": (3,),
    "phone": (3,),
}
"""The levels at which the value is shared, so that its own frequency is the chance of agreeing."""

STRONGER: dict[str, tuple[tuple[int, ...], ...]] = {
    "birth_name": ((1, 2, 4, 7, 9), (1, 5, 8), (2, 6, 9)),
    "given_name": ((1, 2, 5, 7, 10, 11), (6, 10), (9, 10), (1, 12, 16, 4), (1, 13, 5), (13, 15, 7), (1, 14, 6)),
    "birth_date": ((10, 1, 4, 6, 9), (2, 5, 8, 9), (3, 9)),
    "sex": ((1, 2),),
    "birth_place": ((1, 4), (2, 4)),
    "matricule": ((1, 3, 5), (2, 3), (4, 5)),
    "postal_code": ((1, 4), (2, 4)),
    "address": ((1, 2, 3),),
    "phone": ((1, 2, 3),),
    "email": ((1, 2, 3),),
}
"""Levels that say more and more of the same thing: a stronger one never weighs less (for a value of usual rarity)."""

DIFFERENT = 1
"""The level of every trait at which both sides are known and have nothing in common."""

STRONGEST: dict[str, int] = {
    "birth_name": 9,
    "given_name": 11,
    "birth_date": 9,
    "sex": 2,
    "birth_place": 4,
    "matricule": 5,
    "postal_code": 4,
    "address": 3,
    "phone": 3,
    "email": 3,
}
"""The level of whole agreement: it never speaks for chance, nor does a difference speak against it."""

USUAL_RARITY = 10.0
"""Bits of rarity at which levels are compared."""

TRAITS = AGREEMENTS
WIDTH = max(len(levels) for levels in LEVELS.values())
