"""Address, city, postal code, phone and e-mail: comparison keys of the complementary traits (insvigil's convention)."""

from __future__ import annotations

import polars as pl

from insvigil.traits.names import LIGATURES

STREET_WORDS: dict[str, str] = {
    "AV": "AVENUE", "AVE": "AVENUE", "BD": "BOULEVARD", "BLD": "BOULEVARD", "BVD": "BOULEVARD", "BOUL": "BOULEVARD",
    "R": "RUE", "ALL": "ALLEE", "IMP": "IMPASSE", "CH": "CHEMIN", "CHE": "CHEMIN", "CHEM": "CHEMIN", "RTE": "ROUTE",
    "PL": "PLACE", "SQ": "SQUARE", "QU": "QUAI", "CRS": "COURS", "FG": "FAUBOURG", "FBG": "FAUBOURG", "LOT": "LOTISSEMENT",
    "RES": "RESIDENCE", "BAT": "BATIMENT", "APPT": "APPARTEMENT", "APT": "APPARTEMENT", "ST": "SAINT", "STE": "SAINTE",
    "GAL": "GENERAL", "DR": "DOCTEUR", "PDT": "PRESIDENT", "CDT": "COMMANDANT", "MAL": "MARECHAL",
}  # fmt: skip
"""Abbreviations of street types and titles, read as whole words."""

_PADDED_STREET_WORDS = {f" {short} ": f" {whole} " for short, whole in STREET_WORDS.items()}


def _words(texts: pl.Series) -> pl.Expr:
    """Return the upper-case letters and digits of each text between single spaces, with one space at each end."""
    words = pl.lit(texts).str.normalize("NFKD").str.to_uppercase().str.replace_many(LIGATURES)
    return pl.concat_str(
        pl.lit(" "), words.str.replace_all(r"\p{M}+", "").str.replace_all("[^0-9A-Z]+", " "), pl.lit(" ")
    )


def _nullable(key: pl.Expr, name: str) -> pl.Series:
    key = key.str.strip_chars(" ")
    return pl.select(pl.when(key != "").then(key).alias(name)).to_series()


def address_keys(texts: pl.Series) -> pl.Series:
    """Return the key of each address: words A-Z0-9, street types and usual titles written whole."""
    return _nullable(_words(texts).str.replace_many(_PADDED_STREET_WORDS), texts.name)


def city_keys(texts: pl.Series) -> pl.Series:
    """Return the key of each city: letters only, SAINT written whole, CEDEX and its number dropped."""
    words = _words(texts).str.replace_all("[0-9]+", "").str.replace(" CEDEX.*$", " ").str.replace_all(" +", " ")
    return _nullable(words.str.replace_many({" ST ": " SAINT ", " STE ": " SAINTE "}), texts.name)


def postal_code_keys(texts: pl.Series) -> pl.Series:
    """Return the letters and digits of each postal code, a lost leading zero restored; null for zeros."""
    code = pl.lit(texts).str.replace_all("[^0-9A-Za-z]+", "").str.to_uppercase()
    whole = pl.when(code.str.contains("^[0-9]{4}$")).then(pl.concat_str(pl.lit("0"), code)).otherwise(code)
    return pl.select(pl.when(whole.str.contains("[1-9A-Z]")).then(whole).alias(texts.name)).to_series()


def phone_keys(texts: pl.Series) -> pl.Series:
    """Return the last nine digits of each phone number (all of a shorter one); null when one digit is repeated."""
    digits = pl.lit(texts).str.replace_all("[^0-9]+", "")
    national = digits.str.tail(9)
    real = (national.str.len_bytes() >= 4) & ~national.str.contains("^(?:0*|1*|2*|3*|4*|5*|6*|7*|8*|9*)$")
    return pl.select(pl.when(real).then(national).alias(texts.name)).to_series()


def email_keys(texts: pl.Series) -> pl.Series:
    """Return each e-mail in lower case without blanks, null without an @."""
    email = pl.lit(texts).str.strip_chars().str.to_lowercase()
    return pl.select(pl.when(email.str.contains("@", literal=True)).then(email).alias(texts.name)).to_series()
