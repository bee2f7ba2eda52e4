"""What French feeds get wrong and a reader can see in one message: PAM FR deviations, as rows and never as a stop.

Each deviation is an expression over the picked columns. They are evaluated together, so that a feed without fault costs
one pass over a few columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from insvigil.reading.hl7_pam import INS_NIA, INS_NIR
from insvigil.vocabulary import DELETED, IdentityCode, MovementAction

PUBLISHED_MATRICULES = ("260058815400233", "260058815400244", "279035121518989")
"""Matricules printed as examples in PAM FR 2.11.2 §4.4 and in the public test messages of the ANS."""

MOVEMENT_NATURES = ("S", "H", "M", "L", "D", "SM", "SH", "MH", "LD", "HMS", "C")
"""ZBE-9 (PAM FR §6.13.9)."""

WITH_ZFD = ("A01", "A04", "A05", "A14", "A28", "A31", "Z99")
"""Events that may carry ZFD."""


@dataclass(frozen=True)
class Deviation:
    """A code, where it is seen, and the rows that have it: of those that ``among`` leaves, for it costs less to ask."""

    code: str
    segment: str
    field: int
    seen: pl.Expr
    among: pl.Expr | None = None


def _attribute(code: str) -> pl.Expr:
    return (pl.col("identity_code") == code) | pl.col("attributes").str.contains(code, literal=True).fill_null(False)


EVERY_MESSAGE: tuple[Deviation, ...] = (
    Deviation("IDV-LEC-202", "PID", 3, pl.col("domain").is_null()),
    Deviation("IDV-LEC-224", "PID", 18, pl.col("dossier_authority").str.starts_with("&&")),
    Deviation("IDV-LEC-225", "PID", 11, pl.col("birth_place").str.len_bytes() < 5),
    Deviation(
        "IDV-LEC-226",
        "PID",
        32,
        pl.col("identity_code").is_in([*(code.value for code in IdentityCode), DELETED]).not_(),
        among=(pl.col("identity_code") != IdentityCode.VALI) & (pl.col("identity_code") != IdentityCode.PROV),
    ),
    Deviation("IDV-LEC-301", "MSH", 9, pl.col("trigger") == "A08"),
    Deviation("IDV-LEC-304", "ZBE", 9, pl.col("movement_nature").is_in(MOVEMENT_NATURES).not_()),
    Deviation(
        "IDV-LEC-305", "ZBE", 4, (pl.col("trigger") == "A02") & (pl.col("movement_action") == MovementAction.UPDATE)
    ),
    Deviation("IDV-LEC-306", "ZBE", 6, (pl.col("trigger") == "Z99") & (pl.col("movement_origin") == "A08")),
    Deviation("IDV-LEC-307", "ZBE", 6, (pl.col("trigger") == "Z99") & (pl.col("movement_origin") == "A03")),
    Deviation("IDV-LEC-309", "MRG", 1, (pl.col("trigger") == "A40") & pl.col("merged_ipp").is_null()),
)

TEST_MESSAGE = Deviation(
    "IDV-LEC-106", "MSH", 11, pl.col("processing").is_in(["T", "D"]), among=pl.col("processing") != "P"
)


def _among(column: str, values: Sequence[str]) -> pl.Expr:
    """Return whether a column is one of a few values (comparisons cost a quarter of ``is_in``)."""
    return pl.any_horizontal([pl.col(column) == value for value in values])


_INSURED = pl.col("insured")
_VALIDATED = pl.col("identity_code") == IdentityCode.VALI

BESIDE_A_MATRICULE: tuple[Deviation, ...] = (
    Deviation("IDV-LEC-214", "PID", 32, _INSURED & _VALIDATED.fill_null(False).not_()),
    Deviation("IDV-LEC-215", "PID", 11, _INSURED & _VALIDATED & pl.col("birth_place").is_null()),
    Deviation(
        "IDV-LEC-216",
        "ZFD",
        5,
        pl.col("trigger").is_in(WITH_ZFD),
        among=_INSURED
        & _VALIDATED
        & pl.col("collection_mode").is_null()
        & pl.col("insi_date").is_null()
        & pl.col("document").is_null(),
    ),
    Deviation(
        "IDV-LEC-217",
        "PID",
        3,
        (pl.col("matricule_oid") == INS_NIR) & (pl.col("matricule") == pl.col("matricule_nia")),
        among=_INSURED & pl.col("matricule_nia").is_not_null(),
    ),
)
FICTITIOUS = (
    Deviation(
        "IDV-LEC-227",
        "PID",
        32,
        _attribute(IdentityCode.FICT),
        among=_INSURED & ((pl.col("identity_code") == IdentityCode.FICT) | pl.col("attributes").is_not_null()),
    ),
)

_NUMBER, _BIRTH = pl.col("number"), pl.col("birth")
_SEX_OF_NUMBER, _MONTH_OF_NUMBER = _NUMBER // 10**14, _NUMBER // 10**10 % 100
_OTHER_MONTH = _MONTH_OF_NUMBER.is_between(1, 12) & (_MONTH_OF_NUMBER != _BIRTH // 100 % 100)
_TRUE_OID = _among("matricule_oid", (INS_NIR, INS_NIA))

EVERY_NUMBER: tuple[Deviation, ...] = (
    Deviation(
        "IDV-LEC-218",
        "PID",
        3,
        _TRUE_OID,
        among=pl.any_horizontal([_NUMBER.eq(int(published)) for published in PUBLISHED_MATRICULES]),
    ),
    Deviation("IDV-LEC-219", "PID", 3, _NUMBER % 111_111_111_111_111 == 0),
    Deviation("IDV-LEC-220", "PID", 3, 97 - _NUMBER // 100 % 97 != _NUMBER % 100),
    Deviation("IDV-LEC-221", "PID", 3, _SEX_OF_NUMBER == 9),
    Deviation(
        "IDV-LEC-222",
        "PID",
        8,
        (_SEX_OF_NUMBER.is_in([1, 3, 7]) & (pl.col("sex") == "F"))
        | (_SEX_OF_NUMBER.is_in([2, 4, 8]) & (pl.col("sex") == "M")),
        among=(pl.col("sex") == "F") != (_SEX_OF_NUMBER % 2 == 0),
    ),
    Deviation(
        "IDV-LEC-223",
        "PID",
        7,
        (_NUMBER // 10**12 % 100 != _BIRTH // 10**4 % 100) | _OTHER_MONTH,
        among=_NUMBER // 10**10 % 10**4 != _BIRTH // 100 % 10**4,
    ),
)
"""What is asked of a matricule of fifteen digits beside a date of eight, as numbers: a fifth of the time of text."""

_TEXT = pl.col("matricule")
_KEY = _TEXT.str.slice(13, 2).cast(pl.Int64, strict=False)


def _key_of(number: pl.Expr) -> pl.Expr:
    return 97 - number.cast(pl.Int64, strict=False) % 97


_CORSICAN = _TEXT.str.slice(5, 2).is_in(["2A", "2B"])
_MONTH = _TEXT.str.slice(3, 2).cast(pl.Int64, strict=False)
_SEX_DIGIT = _TEXT.str.slice(0, 1)

EVERY_TEXT: tuple[Deviation, ...] = (
    Deviation("IDV-LEC-218", "PID", 3, _TRUE_OID & _TEXT.is_in(PUBLISHED_MATRICULES)),
    Deviation("IDV-LEC-219", "PID", 3, _TEXT.is_in([digit * size for digit in "0123456789" for size in (13, 15)])),
    Deviation("IDV-LEC-220", "PID", 3, _key_of(_TEXT.str.slice(0, 13)) != _KEY),
    Deviation("IDV-LEC-221", "PID", 3, _TEXT.str.contains(r"^[1-8][0-9]{4}(?:[0-9]{2}|2[AB])[0-9]{8}$").not_()),
    Deviation(
        "IDV-LEC-222",
        "PID",
        8,
        (_SEX_DIGIT.is_in(["1", "3", "7"]) & (pl.col("sex") == "F"))
        | (_SEX_DIGIT.is_in(["2", "4", "8"]) & (pl.col("sex") == "M")),
    ),
    Deviation(
        "IDV-LEC-223",
        "PID",
        7,
        (_TEXT.str.slice(1, 2) != pl.col("birth_date").str.slice(2, 2))
        | (_MONTH.is_between(1, 12) & (_TEXT.str.slice(3, 2) != pl.col("birth_date").str.slice(4, 2))),
    ),
)
"""The same questions asked of a matricule, or beside a date, that has another form."""

EVERY_CORSICAN_MATRICULE = (  # 2A counts as 19, 2B as 18 (decree 82-103, as restated in formats.md §1.4)
    Deviation(
        "IDV-LEC-220",
        "PID",
        3,
        _key_of(_TEXT.str.slice(0, 13).str.replace("^(.{5})2A", "${1}19").str.replace("^(.{5})2B", "${1}18")) != _KEY,
    ),
)


def deviations_of(columns: pl.DataFrame, *, production: bool) -> pl.DataFrame:
    """Return ``row``, ``segment``, ``field`` and ``code`` of every deviation, in no particular order."""
    columns = columns.with_columns(insured=_TEXT != DELETED)
    found = _rows(columns, [*EVERY_MESSAGE, *([TEST_MESSAGE] if production else []), *BESIDE_A_MATRICULE])
    insured = columns.select(_OF_MATRICULES).filter(columns["insured"])
    if insured.height:
        numbers = insured.with_columns(
            number=_TEXT.cast(pl.Int64, strict=False), birth=pl.col("birth_date").cast(pl.Int64, strict=False)
        )
        plain = _is_whole("matricule", _NUMBER, 15) & (
            _is_whole("birth_date", _BIRTH, 8) | pl.col("birth_date").is_null()
        )
        numbers = numbers.with_columns(number=pl.when(plain).then(_NUMBER))
        others = insured.filter(numbers["number"].is_null())
        found += _rows(numbers, EVERY_NUMBER)
        found += _rows(others, EVERY_TEXT)
        found += _rows(columns, FICTITIOUS)
        found += _rows(others.filter(_CORSICAN), EVERY_CORSICAN_MATRICULE)
    of = np.repeat(np.arange(len(found)), [rows.len() for rows, _ in found])
    told = pl.DataFrame([(seen.segment, seen.field, seen.code) for _, seen in found], _SCHEMA, orient="row")
    rows = pl.concat([pl.Series("row", [], pl.UInt32), *(rows for rows, _ in found)])
    return told[of].with_columns(row=rows)


def _is_whole(column: str, number: pl.Expr, digits: int) -> pl.Expr:
    """Return whether a number is written with so many digits, the first of them not 0."""
    whole: pl.Expr = (pl.col(column).str.len_bytes() == digits) & (number >= 10 ** (digits - 1))
    return whole


_OF_MATRICULES = sorted({"row", *(name for seen in EVERY_TEXT for name in seen.seen.meta.root_names())})
_SCHEMA = {"segment": pl.String, "field": pl.UInt16, "code": pl.String}


def _rows(columns: pl.DataFrame, deviations: Sequence[Deviation]) -> list[tuple[pl.Series, Deviation]]:
    """Return the numbers of the rows that have a deviation, for each that some have."""
    flags = columns.select(
        (deviation.seen if deviation.among is None else deviation.among).alias(deviation.code)
        for deviation in deviations
    )
    found = []
    for deviation in deviations:
        flag = flags[deviation.code]
        if flag.any():
            left = columns.select({"row", *deviation.seen.meta.root_names()}).filter(flag)
            rows = left.filter(deviation.seen)["row"]
            if rows.len():
                found.append((rows, deviation))
    return found


def shifted_movements(columns: pl.DataFrame) -> pl.Series:
    """Return the rows whose ZBE is shifted by one field: no action in ZBE-4, an action in ZBE-5.

    Met in the field with ZBE-3, which must stay empty, taken for one more date.
    """
    actions = [action.value for action in MovementAction]
    shifted = columns.select(_among("movement_historic", actions).fill_null(False)).to_series()
    if shifted.any():
        shifted &= columns.select(_among("movement_action", actions).fill_null(False).not_()).to_series()
    return shifted


def with_movements_in_place(columns: pl.DataFrame, shifted: pl.Series) -> pl.DataFrame:
    """Return the columns with the fields of shifted ZBE segments put back; the deviation is reported with them.

    They are few: to write twelve costs 1.5 ms where choosing between two columns in each of 97,801 rows took 3.4 (6.8
    if two thirds are shifted).
    """
    rows = shifted.arg_true()
    return columns.with_columns(
        columns[target].scatter(rows, columns[source].gather(rows))
        for target, source in (
            ("movement_action", "movement_historic"),
            ("movement_historic", "movement_origin"),
            ("movement_origin", "shifted_origin"),
            ("unit_medical", "unit_care"),
            ("unit_care", "shifted_care"),
            ("movement_nature", "shifted_nature"),
        )
    )
