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

TRAITS = AGREEMENTS
WIDTH = max(len(levels) for levels in LEVELS.values())
