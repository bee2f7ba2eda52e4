"""Address, city, postal code, phone and e-mail: comparison keys of the complementary traits (insvigil's convention)."""

from __future__ import annotations

from string import ascii_uppercase, digits

import numpy as np
import polars as pl

from insvigil.texts import buffers
from insvigil.traits.folding import alphabet, folded, series, unaccented

STREET_WORDS: dict[str, str] = {
    "AV": "AVENUE", "AVE": "AVENUE", "BD": "BOULEVARD", "BLD": "BOULEVARD", "BVD": "BOULEVARD", "BOUL": "BOULEVARD",
    "R": "RUE", "ALL": "ALLEE", "IMP": "IMPASSE", "CH": "CHEMIN", "CHE": "CHEMIN", "CHEM": "CHEMIN", "RTE": "ROUTE",
    "PL": "PLACE", "SQ": "SQUARE", "QU": "QUAI", "CRS": "COURS", "FG": "FAUBOURG", "FBG": "FAUBOURG",
    "LOT": "LOTISSEMENT", "RES": "RESIDENCE", "BAT": "BATIMENT", "APPT": "APPARTEMENT", "APT": "APPARTEMENT",
    "ST": "SAINT", "STE": "SAINTE", "GAL": "GENERAL", "DR": "DOCTEUR", "PDT": "PRESIDENT",
    "CDT": "COMMANDANT", "MAL": "MARECHAL",
}  # fmt: skip
"""Abbreviations of street types and titles, read as whole words."""

_WORDS = alphabet(ascii_uppercase + digits)
_LETTERS = alphabet(ascii_uppercase)
_SIGNS = alphabet(ascii_uppercase + digits, "")


def _whole_words(texts: pl.Series, words: dict[str, str]) -> pl.Series:
    """Return the texts with the abbreviations written whole; twice, as two that touch share the space between them."""
    padded = pl.concat_str(pl.lit(" "), pl.lit(texts), pl.lit(" "))
    padded_words = {f" {short} ": f" {word} " for short, word in words.items()}
    whole = padded.str.replace_many(padded_words).str.replace_many(padded_words).str.strip_chars(" ")
    return pl.select(whole.alias(texts.name)).to_series()


def address_keys(texts: pl.Series) -> pl.Series:
    """Return the key of each address: words A-Z0-9, street types and usual titles written whole."""
    return _whole_words(folded(texts, _WORDS), STREET_WORDS)


def city_keys(texts: pl.Series) -> pl.Series:
    """Return the key of each city: letters only, SAINT written whole, CEDEX and what follows dropped."""
    letters = folded(texts, _LETTERS).str.replace(" CEDEX.*$", "")
    return _whole_words(letters, {"ST": "SAINT", "STE": "SAINTE"})


def postal_code_keys(texts: pl.Series) -> pl.Series:
    """Return the letters and digits of each postal code, a lost leading zero restored; null for zeros."""
    code = pl.lit(folded(texts, _SIGNS))
    whole = pl.when(code.str.contains("^[0-9]{4}$")).then(pl.concat_str(pl.lit("0"), code)).otherwise(code)
    return pl.select(pl.when(whole.str.contains("[1-9A-Z]")).then(whole).alias(texts.name)).to_series()


def phone_keys(texts: pl.Series) -> pl.Series:
    """Return the last nine digits of each phone number (all of a shorter one); null when one digit is repeated."""
    from insvigil.traits.kernels import fold_phones

    offsets, data = buffers(unaccented(texts))
    ends, numbers = np.empty(offsets.size, np.int64), np.empty(offsets[-1] - offsets[0], np.uint8)
    fold_phones(offsets, data, ends, numbers)
    return series(texts.name, ends, numbers)


def email_keys(texts: pl.Series) -> pl.Series:
    """Return each e-mail in lower case without blanks, null without an @."""
    email = texts.str.strip_chars().str.to_lowercase()
    return email.set((~email.str.contains("@", literal=True)).fill_null(False), None)
