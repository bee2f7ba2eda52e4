"""Names to the INS lexical profile: the comparison key (A-Z and single spaces) and what hides in name fields.

Sources: INS lexical profile after SEL-MP-043 §2 and §3.4.1, as paraphrased by a third party (confidence 2); the
comparison key (upper case, transliteration, hyphen and apostrophe to space, single spaces) is insvigil's convention.
"""

from __future__ import annotations

from string import ascii_uppercase

import polars as pl

from insvigil.traits.folding import alphabet, folded

_UNKNOWN = (
    "X|XX|XXX|XXXX|XXXXX|INCONNU|INCONNUE|INCONU|ANONYME|ANONYMOUS|UNKNOWN|NON RENSEIGNE|NON RENSEIGNEE|NON CONNU"
    "|NON COMMUNIQUE|NON PRECISE|A RENSEIGNER|A PRECISER|A COMPLETER|SANS NOM|SANS PRENOM|SANS PRENOMS|AUCUN"
    "|AUCUN PRENOM|NULL|VIDE|NC|NR|SNP|SP|PAS DE NOM|PAS DE PRENOM|SOUS X|NE SOUS X|NEE SOUS X|ACCOUCHEMENT SOUS X"
)
_INVENTED = "TEST|TESTS|TESTING|ESSAI|FICTIF|FICTIVE|DUMMY|EXEMPLE|FORMATION|RECETTE|AZERTY|QWERTY"
_NEWBORN = "BEBE|BB|NOUVEAU NE|NOUVEAUNE|NOURRISSON|FOETUS|ENFANT|BEBE FILLE|BEBE GARCON|BEBE A|BEBE B"

UNKNOWN_NAMES: frozenset[str] = frozenset(_UNKNOWN.split("|"))
INVENTED_NAMES: frozenset[str] = frozenset(_INVENTED.split("|"))
NEWBORN_NAMES: frozenset[str] = frozenset(_NEWBORN.split("|"))
PLACEHOLDERS: frozenset[str] = UNKNOWN_NAMES | INVENTED_NAMES | NEWBORN_NAMES
"""Comparison keys that stand for no name; insvigil's convention, checked against real
surnames and given names (SANS, JUMEAU, MAITRE and TOTO are names). A site adds its own (``traits.placeholders``)."""

CIVILITIES: tuple[str, ...] = (
    "MONSIEUR", "MADAME", "MADEMOISELLE", "MME", "MLLE", "MMES", "MRS", "MR", "DOCTEUR", "PROFESSEUR",
)  # fmt: skip
"""Titles found in front of names, as comparison keys; ``M`` and ``DR`` alone may be initials and are kept."""

_LETTERS = alphabet(ascii_uppercase)

_LEADING_CIVILITY = rf"^(?:(?:{'|'.join(CIVILITIES)}) )+"
_BEFORE_BIRTH_NAME = r"^.+ N(?:E E|EE|E) (.+)$"
_AFTER_BIRTH_NAME = r"^(.+?) (?:EPOUSE|EPSE|EPOUX|EP|VEUVE|VVE|DIVORCEE?|NEE|NE E)(?: .*)?$"


def comparison_key(texts: pl.Series) -> pl.Series:
    """Return the comparison key of each text: A-Z and single spaces, null when nothing is left.

    Case, accents, hyphens, apostrophes and any other sign make no difference; total on Unicode and idempotent.
    """
    return folded(texts, _LETTERS)


def name_key(texts: pl.Series, extra_placeholders: tuple[str, ...] = ()) -> pl.Series:
    """Return the comparison key without leading civility, null for a placeholder (INCONNU, X, TEST, BEBE…)."""
    keys = comparison_key(texts)
    titled = keys.str.contains(_LEADING_CIVILITY).fill_null(False)
    if titled.any():
        keys = keys.scatter(titled.arg_true(), keys.filter(titled).str.replace(_LEADING_CIVILITY, ""))
    nothing = keys.is_in([*PLACEHOLDERS, *CIVILITIES, *extra_placeholders]) | keys.str.contains(r"^X( ?X)+$")
    return keys.set(nothing.fill_null(False), None)


def family_key(texts: pl.Series, extra_placeholders: tuple[str, ...] = ()) -> pl.Series:
    """Return the key of a birth name: the part after « née » or before « épouse » when the field holds both names."""
    keys = name_key(texts, extra_placeholders)
    both = (keys.str.contains(_BEFORE_BIRTH_NAME) | keys.str.contains(_AFTER_BIRTH_NAME)).fill_null(False)
    if not both.any():
        return keys
    parts = keys.filter(both).str.replace(_BEFORE_BIRTH_NAME, "$1").str.replace(_AFTER_BIRTH_NAME, "$1")
    return keys.scatter(both.arg_true(), name_key(parts, extra_placeholders))


def first_of_list(texts: pl.Series, extra_placeholders: tuple[str, ...] = ()) -> pl.Series:
    """Return the key of the first given name of each list; the hyphens of the list say which names are composed."""
    first = texts.str.extract(r"^[^\p{Latin}]*([^\s,;/]+)", 1)
    return name_key(first, extra_placeholders)
