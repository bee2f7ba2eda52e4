"""The block keys: two identities are compared when they agree on the whole of one key."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

GROUP_CAP = 200
"""A group of more identities is split by the next part of its key."""
LOOSE_CAP = 8
"""The same for the keys that hold most strangers: in a file of millions they would cost more than all others."""


class Key(NamedTuple):
    """A block key: its name (in ``ScoredPairs.block``), its parts, and what splits groups of more than ``cap``."""

    name: str
    parts: int
    splits: tuple[int, ...] = ()
    cap: int = GROUP_CAP


@cache
def block_keys(*, sexed: bool = True) -> tuple[Key, ...]:
    """Return the keys, the most precise first: a pair is named after the first of them that holds it.

    Their cost and what each finds are measured by ``insvigil bench keys``. In a file that knows the sex (``sexed``),
    the keys that would hold most strangers ask it too.
    """
    from insvigil.matching.kernels import candidates as k

    heads = k.FAMILY_HEAD | k.ANY_FAMILY | k.GIVEN_HEAD
    skeletons = k.FAMILY_SKELETON | k.ANY_FAMILY | k.GIVEN_SKELETON
    family, given, date = k.FAMILY | k.ANY_FAMILY, k.GIVEN | k.ANY_GIVEN, k.YEAR | k.MONTH | k.DAY
    by_place, by_year = (k.PLACE_CODE, k.SEX | k.POSTAL_CODE), (k.YEAR, k.PLACE_CODE)
    both = k.BOTH_NAMES | k.ANY_FAMILY | k.ANY_GIVEN
    sex = k.SEX if sexed else 0
    by_names = (k.GIVEN_INITIAL, k.FAMILY_INITIAL, k.SEX | k.PLACE_CODE)
    return (
        Key("matricule", k.MATRICULE, (k.YEAR, k.GIVEN_INITIAL)),
        Key("nom+prénom+date", family | given | date, by_place),
        Key("nom+date", family | date, (k.GIVEN_INITIAL, *by_place)),
        Key("prénom+date", given | date, (k.FAMILY_INITIAL, *by_place)),
        Key("nom et prénom+année", both | k.YEAR, (k.MONTH, *by_place)),
        Key("nom+prénom+jour et mois", family | given | k.DAY_AND_MONTH, by_year),
        Key("nom+prénom+lieu", family | given | k.PLACE_CODE, (k.POSTAL_CODE, k.DECADE)),
        Key("nom+prénom+code postal", family | given | k.POSTAL_CODE, (k.PLACE_CODE, k.DECADE)),
        Key("nom+année+lieu", family | k.YEAR | k.PLACE_CODE, (k.GIVEN_INITIAL, k.MONTH)),
        Key("nom+année+mois+initiale", family | k.GIVEN_INITIAL | k.YEAR | k.MONTH, by_place),
        Key("nom+année+jour+initiale", family | k.GIVEN_INITIAL | k.YEAR | k.DAY, by_place),
        Key("prénom+année+mois+lieu", given | k.YEAR | k.MONTH | k.PLACE_CODE, by_names),
        Key("prénom+année+code postal", given | k.YEAR | k.POSTAL_CODE, (k.PLACE_CODE, *by_names)),
        Key("début du nom+début du prénom+année+mois", heads | k.YEAR | k.MONTH, by_place),
        Key("début du nom+début du prénom+jour+mois", heads | k.MONTH | k.DAY, by_year, LOOSE_CAP),
        Key("squelettes+année", skeletons | k.YEAR | sex, (k.PLACE_CODE, k.MONTH, k.POSTAL_CODE), LOOSE_CAP),
        Key("date+lieu", date | k.PLACE_CODE | sex, by_names),
        Key("date+code postal", date | k.POSTAL_CODE | sex, by_names),
        Key("date+deuxième prénom", date | k.SECOND_GIVEN, by_names),
        Key("début du matricule+initiale", k.MATRICULE_START | k.GIVEN_INITIAL, (k.FAMILY_INITIAL, k.DAY)),
        Key("fin du matricule", k.MATRICULE_END, (k.GIVEN_INITIAL, k.FAMILY_INITIAL), LOOSE_CAP),
        Key("téléphone", k.PHONE_NUMBER | k.GIVEN_INITIAL, (k.YEAR, k.FAMILY_INITIAL)),
        Key("courriel", k.EMAIL_ADDRESS, (k.YEAR, k.GIVEN_INITIAL)),
        Key("adresse+code postal+prénom", k.STREET | k.POSTAL_CODE | given, (k.YEAR, k.FAMILY_INITIAL)),
        Key("nom+prénom+décennie+jour", family | given | k.DECADE | k.DAY, (k.MONTH, k.PLACE_CODE)),
    )  # fmt: skip
