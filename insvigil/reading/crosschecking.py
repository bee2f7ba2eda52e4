"""What a billing file says of patients, held against their identities: anomalies, never an identity nor an INS.

The IPP of a VID-HOSP has no domain: it is compared when one identity only bears it. Both sides must say something for
a difference to be one.
"""

from __future__ import annotations

import dataframely as dy
import polars as pl

from insvigil.frames import Anomalies, CrossChecks, Identities, Stays
from insvigil.reading.rules import RULES
from insvigil.vocabulary import DELETED

UNKNOWN_IPP, BIRTH_DATE, SEX, MATRICULE = "IDV-LEC-601", "IDV-LEC-602", "IDV-LEC-603", "IDV-LEC-604"
NIR, SHARED_NIR, MOTHER, BIRTH_RANK, OWN_MOTHER = (f"IDV-LEC-60{number}" for number in range(5, 10))

_OWN = ("domain", "identity_id", "ipp", "birth_date", "sex", "matricule", "mother_ipp", "birth_rank")


def crosscheck(
    lines: dy.DataFrame[CrossChecks], identities: dy.DataFrame[Identities], stays: dy.DataFrame[Stays]
) -> dy.DataFrame[Anomalies]:
    """Return where billing lines and identities differ: one row an identity (or an unknown IPP) and a code."""
    alone = identities.select(_OWN).filter(pl.col("ipp").is_unique())
    ambiguous = identities.filter(~pl.col("ipp").is_unique()).select("ipp").unique()
    told = lines.lazy().select(pl.all().name.prefix("told_")).rename({"told_ipp": "ipp"}).collect()
    unknown = told.join(alone, on="ipp", how="anti").join(ambiguous, on="ipp", how="anti")
    both = _with_mothers(told.join(alone, on="ipp", how="inner"), stays)
    found = [_rows(unknown.select("ipp").unique("ipp"), UNKNOWN_IPP), _shared_nirs(both)]
    found += [
        _rows(both.filter(differs.fill_null(False)).unique("ipp"), code) for code, differs in _DIFFERENCES.items()
    ]
    severities = {rule.code: rule.severity.value for rule in RULES}
    schema = Anomalies.create_empty().schema
    rows = pl.concat(found, how="diagonal").with_columns(
        severity=pl.col("code").replace_strict(severities, return_dtype=pl.String), subject=pl.lit(None, pl.String)
    )
    return Anomalies.validate(rows.select(pl.col(name).cast(kind) for name, kind in schema.items()).sort("code", "ipp"))


def with_survivors(lines: dy.DataFrame[CrossChecks], survivors: pl.DataFrame) -> dy.DataFrame[CrossChecks]:
    """Return the lines with an IPP that a merge removed replaced by the one that stands for it (``ipp``, ``into_ipp``).

    An IPP removed in two domains says nothing of which one it was: it stays.
    """
    alone = survivors.filter(pl.col("ipp").is_unique()).select("ipp", "into_ipp")
    known = lines.join(alone, on="ipp", how="left", maintain_order="left")
    return CrossChecks.validate(known.with_columns(ipp=pl.coalesce("into_ipp", "ipp")).drop("into_ipp"))


def _said(name: str) -> pl.Expr:
    """Return a value that says something: neither empty nor deleted nor zeros."""
    value = pl.col(name)
    return pl.when((value != DELETED) & ~value.str.contains("^0*$")).then(value)


def _day(name: str) -> pl.Expr:
    day = _said(name).str.slice(0, 8)
    return pl.when(day.str.contains(r"^[0-9]{8}$")).then(day)


def _number(name: str) -> pl.Expr:
    """Return the 13 characters of a NIR, without its key."""
    return pl.when(_said(name).str.len_bytes() >= 13).then(pl.col(name).str.slice(0, 13))


def _sex(name: str) -> pl.Expr:
    return pl.when(pl.col(name).is_in(["M", "F"])).then(pl.col(name))


def _rank(name: str) -> pl.Expr:
    return _said(name).str.strip_chars_start("0")


_DIFFERENCES: dict[str, pl.Expr] = {
    BIRTH_DATE: _day("told_birth_date") != _day("birth_date"),
    SEX: _sex("told_sex") != _sex("sex"),
    MATRICULE: _number("told_matricule") != _number("matricule"),
    NIR: (_number("told_billing_nir") != _number("matricule")) & _number("told_matricule").is_null(),
    MOTHER: (pl.col("mother_of_stay") != _said("mother_ipp")) & (pl.col("mother_of_stay") != pl.col("ipp")),
    BIRTH_RANK: _rank("told_birth_rank") != _rank("birth_rank"),
    OWN_MOTHER: (pl.col("mother_of_stay") == pl.col("ipp")) & (pl.col("told_mother_dossier") != pl.col("told_dossier")),
}


def _with_mothers(both: pl.DataFrame, stays: pl.DataFrame) -> pl.DataFrame:
    """Add ``mother_of_stay``: the IPP of the stay that a newborn's line gives as its mother's."""
    mothers = stays.select("domain", told_mother_dossier="dossier", mother_of_stay="ipp").drop_nulls().unique()
    mothers = mothers.filter(pl.struct("domain", "told_mother_dossier").is_unique())
    return both.join(mothers, on=["domain", "told_mother_dossier"], how="left")


def _shared_nirs(both: pl.DataFrame) -> pl.DataFrame:
    """Return the pairs of identities that are billed under one individual NIR."""
    borne = both.select("domain", "ipp", "identity_id", nir=_number("told_billing_nir")).drop_nulls().unique()
    pairs = borne.join(borne.select("nir", other_id="identity_id"), on="nir").filter(
        pl.col("identity_id") < pl.col("other_id")
    )
    return _rows(pairs, SHARED_NIR)


def _rows(found: pl.DataFrame, code: str) -> pl.DataFrame:
    names = [name for name in ("domain", "ipp", "identity_id", "other_id") if name in found.columns]
    return found.select(*names, pl.lit(code).alias("code"))
