"""Identities side by side: what a person reads of each case, in words, dates and letters that differ."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Any

import polars as pl
from rapidfuzz.distance import Indel

from insvigil.frames import AGREEMENTS
from insvigil.reporting.cases import AGREES, facts_of
from insvigil.reporting.night_report import NightReport
from insvigil.reporting.wording import labels, likelihood, plural
from insvigil.vocabulary import DELETED, Finding, Status

FIELDS = (
    "birth_name", "given_names", "first_given_name", "used_name", "birth_date", "sex", "birth_place", "matricule",
    "address", "postal_code", "city", "phone",
)  # fmt: skip
"""The fields of an identity that a row of a case shows."""

_FINDINGS, _STATUSES = labels(Finding), labels(Status)


def case_rows(cases: pl.DataFrame, report: NightReport) -> list[dict[str, Any]]:
    """Return one dictionary a row of ``cases``, its fields as people read them."""
    told = (report.identities if report.told is None else report.told).select("identity_id", "domain", "ipp", *FIELDS)
    leaves = facts_of(report.statuses, cases["identity_id"].unique(), "ins_transmissible")
    joined = cases.join(told, on="identity_id", how="left", maintain_order="left").join(
        leaves, on="identity_id", how="left", maintain_order="left"
    )
    text = pl.col(pl.String)
    shown = joined.with_columns(pl.when(~text.is_in(["", DELETED])).then(text).name.keep()).with_columns(
        matricule=pl.when(pl.col("ins_transmissible").fill_null(False)).then("matricule"),
        given_names=pl.coalesce("given_names", "first_given_name"),
        reference_ipp=pl.col("ipp").first().over("case"),
        reference_domain=pl.col("domain").first().over("case"),
    )
    return [_shown(row, report) for row in shown.iter_rows(named=True)]


def _shown(row: dict[str, Any], report: NightReport) -> dict[str, Any]:
    reference = row["place"] == 0
    status = row["status"]
    return row | {
        "finding_label": _FINDINGS[row["finding"]],
        "likelihood": likelihood(row["probability"]) if reference else likelihood(row["pair_probability"]),
        "role": "référence" if reference else "à comparer",
        "status_label": _STATUSES[status].removeprefix("identité ") if status else None,
        "birth_date": french_date(row["birth_date"]),
        "agreement": None if reference else agreement_words(row, report),
        "reference_ipp": None if reference else row["reference_ipp"],
        "reference_domain": None if reference else row["reference_domain"],
        "pair_probability": None if row["pair_probability"] is None else min(row["pair_probability"], 0.9999),
        "decision": None,
        "comment": None,
    }


def french_date(text: str | None) -> str | None:
    """Return ``jj/mm/aaaa`` for an eight-digit date, other texts as they are."""
    if text and len(text) >= 8 and text[:8].isdigit():
        return f"{text[6:8]}/{text[4:6]}/{text[:4]}"
    return text


def agreement_words(row: dict[str, Any], report: NightReport) -> str:
    """Return how many traits agree wholly, then what differs, trait by trait; missing traits are left out."""
    if row["pair_probability"] is None:
        return "rapproché par une autre identité de l'agrégat"
    same, words = 0, []
    for trait, column in zip(AGREEMENTS, AGREES, strict=True):
        level, meanings = row[column], report.levels.get(trait, ())
        if level and level == report.whole.get(trait, len(meanings) - 1):
            same += 1
        elif level:
            words.append(meanings[level])
    return " · ".join([plural(same, "trait concordant", "traits concordants"), *words])


def different_letters(text: str, other: str) -> list[tuple[str, bool]]:
    """Return the pieces of ``text`` with whether each is missing from ``other``, case and accents aside."""
    return [
        (text[step.src_start : step.src_end], step.tag != "equal")
        for step in Indel.opcodes(_folded(text), _folded(other))
        if step.src_end > step.src_start
    ]


def _folded(text: str) -> str:
    """Return capitals without accents, letter for letter."""
    if text.isascii():
        return text.upper()
    return "".join(_capital(letter) for letter in text)


@lru_cache(maxsize=1024)
def _capital(letter: str) -> str:
    return unicodedata.normalize("NFKD", letter)[0].upper()[:1]
