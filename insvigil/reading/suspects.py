"""Which messages may deviate: a few cheap questions that clear most of them, so that rules are asked of few rows.

Thirty rules cost 23 ms for 100,000 messages, of which a feed has a few hundred that deviate; these questions take a
third of it. A suspect may be innocent, but who is cleared breaks no rule: those of :mod:`deviations` alone say what a
deviation is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from insvigil.vocabulary import IdentityCode, MovementAction

PUBLISHED_MATRICULES = ("260058815400233", "260058815400244", "279035121518989")
"""Matricules printed as examples in PAM FR 2.11.2 §4.4 and in the public test messages of the ANS."""

MOVEMENT_NATURES = ("S", "H", "M", "L", "D", "SM", "SH", "MH", "LD", "HMS", "C")
"""ZBE-9 (PAM FR §6.13.9)."""

WITH_ZFD = ("A01", "A04", "A05", "A14", "A28", "A31", "Z99")
"""Events that may carry ZFD."""


def is_among(column: str, values: Sequence[str]) -> pl.Expr:
    """Return whether a column is one of a few values (comparisons cost a quarter of ``is_in``)."""
    return pl.any_horizontal([pl.col(column) == value for value in values])


def whole(column: str, digits: int) -> pl.Expr:
    """Return as a number what is written with so many digits, the first of them not 0; else null."""
    number = pl.col(column).cast(pl.Int64, strict=False)
    return pl.when((pl.col(column).str.len_bytes() == digits) & (number >= 10 ** (digits - 1))).then(number)


_CODE, _TRIGGER, _PLACE, _SEX = (pl.col(name) for name in ("identity_code", "trigger", "birth_place", "sex"))

_ODD = (
    pl.col("domain").is_null(),
    pl.col("dossier_authority") < "'",  # "'" comes after "&"
    _PLACE.str.len_bytes() < 5,
    (_CODE != IdentityCode.VALI) & (_CODE != IdentityCode.PROV),
    is_among("trigger", ("A08", "A40")),
    pl.col("movement_nature").is_in(MOVEMENT_NATURES).not_(),
    (_TRIGGER == "A02") & (pl.col("movement_action") == MovementAction.UPDATE),
    (_TRIGGER == "Z99") & is_among("movement_origin", ("A03", "A08")),
    pl.col("processing") != "P",
)
_BARE = pl.all_horizontal(pl.col("collection_mode", "insi_date", "document").is_null()) & is_among("trigger", WITH_ZFD)
_CLEAR = (
    (_CODE == IdentityCode.VALI)
    & _PLACE.is_not_null()
    & pl.col("attributes").is_null()
    & pl.col("matricule_nia").is_null()
    & _BARE.not_()
)

_NUMBER, _BIRTH = pl.col("number"), pl.col("birth")
_PLAIN = (
    (((_SEX == "M") & (_NUMBER // 10**14 == 1)) | ((_SEX == "F") & (_NUMBER // 10**14 == 2)))
    & (_NUMBER // 10**10 % 10_000 == _BIRTH // 100 % 10_000)
    & (97 - _NUMBER // 100 % 97 == _NUMBER % 100)
    & (_NUMBER % 111_111_111_111_111 != 0)
    & pl.all_horizontal([_NUMBER.ne(int(published)) for published in PUBLISHED_MATRICULES])
)
"""A matricule of fifteen digits that says the sex and the month of birth, with the right key."""


def suspects_of(columns: pl.DataFrame) -> npt.NDArray[np.bool_]:
    """Return which rows may break a rule of ``deviations``."""
    insured = pl.col("matricule").is_not_null()
    seen = columns.select(
        odd=pl.any_horizontal(*_ODD, insured & _CLEAR.fill_null(False).not_()).fill_null(False), insured=insured
    )
    suspect = seen["odd"].to_numpy().copy()
    asked = np.flatnonzero(seen["insured"].to_numpy() & ~suspect)
    if len(asked):
        numbers = columns.select("matricule", "birth_date", "sex")[asked].select(
            "sex", number=whole("matricule", 15), birth=whole("birth_date", 8)
        )
        suspect[asked] = numbers.select(_PLAIN.fill_null(False).not_()).to_series().to_numpy()
    return suspect
