"""The stage: identities as received in, comparable traits out, row for row."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import dataframely as dy
import polars as pl

from insvigil.distinct import Distinct
from insvigil.frames import Columns, Traits
from insvigil.settings import TraitsSettings
from insvigil.traits import birth, contact, matricule, names, places
from insvigil.traits.rewriting import present, rewrite, rewrite_known
from insvigil.vocabulary import Attribute, BirthDateKind, IdentityCode, MatriculeKind, Sex

SEXES: dict[str, Sex] = {
    **dict.fromkeys(("M", "1", "H", "MALE", "HOMME", "MASCULIN", "MASC", "G", "GARCON"), Sex.MALE),
    **dict.fromkeys(("F", "2", "FEMALE", "FEMME", "FEMININ", "FEM", "FILLE"), Sex.FEMALE),
    **dict.fromkeys(
        ("I", "U", "O", "A", "N", "X", "0", "3", "9", "UN", "UNKNOWN", "OTHER", "INDETERMINE", "INCONNU", "AUTRE"),
        Sex.INDETERMINATE,
    ),
}
"""Spellings of the sex (HL7 table 0001, FHIR, CDA, 1/2 of the NIR, French words), as comparison keys or digits."""

YES_NO: dict[str, bool] = {
    **dict.fromkeys(("Y", "YES", "O", "OUI", "1", "TRUE", "T"), True),
    **dict.fromkeys(("N", "NO", "NON", "0", "FALSE", "F"), False),
}

_COLUMNS_AT_A_TIME = 2
"""Columns worked side by side: a third would add its intermediate strings to the peak of memory."""


def normalise(identities: Columns, settings: TraitsSettings | None = None) -> dy.DataFrame[Traits]:
    """Return the comparable traits of identities, one row a row, in the same order.

    ``identities`` has any of the columns of ``frames.IdentityFields`` as text (a missing column is unknown) and maybe
    ``identity_id`` (else the row number). Columns are worked one at a time on their distinct values. The originals
    are not altered: what is nulled here (INCONNU, TEST…) is a finding of the detectors.
    """
    extra = placeholder_keys(settings)
    height = identities.height

    def received(name: str) -> pl.Series:
        if name not in identities.columns:
            return pl.Series(name, [None], dtype=pl.String).new_from_index(0, height)
        return identities[name].cast(pl.String)

    def text(name: str, rule: Callable[[pl.Series], pl.Series]) -> pl.Series:
        return rewrite(received(name), rule).alias(name)

    name_key = partial(names.name_key, extra_placeholders=extra)
    work: list[Callable[[], list[pl.Series]]] = [
        lambda: [_identity_ids(identities)],
        lambda: [text("birth_name", partial(names.family_key, extra_placeholders=extra))],
        lambda: _given_names(received("given_names"), received("first_given_name"), extra),
        lambda: [text("used_name", name_key), text("used_given_name", name_key)],
        lambda: _birth_date(received("birth_date"), received("birth_date_lunar"), received("birth_date_corrected")),
        lambda: [_each_distinct(received("sex"), sexes)],
        lambda: [_birth_place(received("birth_place"), received("birth_place_name"))],
        lambda: _matricule(received("matricule"), received("matricule_oid")),
        lambda: [text("postal_code", contact.postal_code_keys)],
        lambda: [text("address", contact.address_keys)],
        lambda: [text("city", contact.city_keys)],
        lambda: [rewrite_known(received("phone"), contact.phone_keys)],
        lambda: [rewrite_known(received("email"), contact.email_keys)],
        lambda: [_each_distinct(received("birth_rank"), _rank)],
        lambda: [_each_distinct(received("multiple_birth"), _yes_no)],
        lambda: [_each_distinct(received("death_date"), birth.calendar_date)],
    ]
    with ThreadPoolExecutor(_COLUMNS_AT_A_TIME) as threads:
        columns = [column for columns in threads.map(lambda task: task(), work) for column in columns]
    traits = pl.DataFrame(columns)
    qualified = _qualified(traits, received("identity_code"), received("attributes"))
    return Traits.validate(traits.with_columns(qualified))


def placeholder_keys(settings: TraitsSettings | None) -> tuple[str, ...]:
    """Return the site's own placeholders as comparison keys."""
    if settings is None or not settings.placeholders:
        return ()  # a kernel that is not loaded yet would be waited for
    own = pl.Series(settings.placeholders, dtype=pl.String)
    return tuple(names.comparison_key(own).drop_nulls().to_list())


def _identity_ids(identities: Columns) -> pl.Series:
    if "identity_id" in identities.columns:
        return identities["identity_id"].cast(pl.UInt32)
    return pl.int_range(identities.height, dtype=pl.UInt32, eager=True).alias("identity_id")


def _given_names(lists: pl.Series, firsts: pl.Series, extra: tuple[str, ...]) -> list[pl.Series]:
    """Return the list and the first given name; the first of the list where none was received."""
    name_key = partial(names.name_key, extra_placeholders=extra)
    first = rewrite(firsts, name_key)
    missing = first.is_null() & lists.is_not_null()
    if missing.any():
        of_list = rewrite(lists.filter(missing), partial(names.first_of_list, extra_placeholders=extra))
        first = first.scatter(missing.arg_true(), of_list)
    return [rewrite(lists, name_key).alias("given_names"), first.alias("first_given_name")]


def _birth_place(codes: pl.Series, texts: pl.Series) -> pl.Series:
    """Return the place by its code, else by its name."""
    place = rewrite(codes, places.place_keys)
    missing = place.is_null() & texts.is_not_null()
    if missing.any():
        place = place.scatter(missing.arg_true(), rewrite(texts.filter(missing), places.place_keys))
    return place.alias("birth_place")


def _each_distinct(column: pl.Series, rule: Callable[[pl.Series], pl.Series]) -> pl.Series:
    distinct = Distinct(column)
    return distinct.spread(rule(present(distinct.values))).alias(column.name)


def sexes(values: pl.Series) -> pl.Series:
    """Return the sex that each spelling means, null for an unknown one."""
    return _meanings(values, SEXES, pl.Enum([sex.value for sex in Sex]))


def _meanings(values: pl.Series, meanings: dict[str, Sex] | dict[str, bool], dtype: pl.DataType) -> pl.Series:
    spelled = values.str.to_uppercase().str.normalize("NFKD").str.replace_all(r"\p{M}|[^A-Z0-9]", "")
    return spelled.replace_strict(meanings, default=None, return_dtype=dtype)


def _yes_no(values: pl.Series) -> pl.Series:
    return _meanings(values, YES_NO, pl.Boolean())


def _rank(values: pl.Series) -> pl.Series:
    rank = values.str.strip_chars().cast(pl.Int8, strict=False)
    return rank.set(((rank < 1) | (rank > 9)).fill_null(False), None)


def _birth_date(dates: pl.Series, lunar: pl.Series, corrected: pl.Series) -> list[pl.Series]:
    """Return the four columns of the birth date; lunar when ZFD-1 says so, a placeholder when ZFD-4 says corrected."""
    distinct = Distinct(dates)
    parts = birth.date_parts(present(distinct.values))
    year, month, day, kind = (distinct.spread(parts[name]).alias(f"birth_{name}") for name in parts.columns)
    completed = _each_distinct(corrected, _corrected) & (kind == BirthDateKind.EXACT.value)
    kind = kind.set(completed.fill_null(False), BirthDateKind.PLACEHOLDER.value)
    kind = kind.set(present(lunar).is_not_null(), BirthDateKind.LUNAR.value)
    return [year, month, day, kind.alias("birth_date_kind")]


def _corrected(values: pl.Series) -> pl.Series:
    return values.str.to_uppercase().is_in(["Y", "O", "1"])


def _matricule(texts: pl.Series, oids: pl.Series) -> list[pl.Series]:
    text, valid = matricule.matricules(texts)
    kind = _each_distinct(oids, matricule.kinds).set(text.is_null(), None)
    return [text, valid.alias("matricule_valid"), kind.alias("matricule_kind")]


def _qualified(traits: pl.DataFrame, codes: pl.Series, attributes: pl.Series) -> pl.Series:
    """Return whether each identity is VALI with an INS of production, neither fictive nor douteuse (PAM FR §6.6.15)."""
    kind = traits["matricule_kind"].cast(pl.String)
    stands = traits["matricule"].is_not_null() & kind.is_in([MatriculeKind.NIR.value, MatriculeKind.NIA.value])
    barred = _each_distinct(attributes, _barred)
    vali = _each_distinct(codes, lambda values: values.str.strip_chars() == IdentityCode.VALI.value)
    return (vali.fill_null(False) & stands.fill_null(False) & ~barred.fill_null(False)).alias("qualified")


def _barred(attributes: pl.Series) -> pl.Series:
    return attributes.str.contains(rf"\b(?:{Attribute.FICTIVE.value}|{Attribute.DOUTEUSE.value})\b")
