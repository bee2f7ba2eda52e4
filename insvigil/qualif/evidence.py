"""The facts a status rests on, read from the fields of an identity: what PID-32, the INS and ZFD really say."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import polars as pl

from insvigil.settings import QualifSettings
from insvigil.vocabulary import DELETED, OID_OF_MATRICULE, Confidence, MatriculeKind


class DocumentClass(StrEnum):
    """How much an identity document proves."""

    HIGH = "high"
    CONDITIONAL = "conditional"
    LOW = "low"


class DocumentClassing(NamedTuple):
    """One line of the table of documents; the class is insvigil's reading of the lists found, the code is official."""

    code: str
    label: str
    rank: DocumentClass
    source: str
    confidence: Confidence


_PAM = "PAM FR 2.11.2 §6.18.7"
_C = Confidence.CONVENTION

DOCUMENTS: tuple[DocumentClassing, ...] = (
    DocumentClassing("CN", "carte nationale d'identité", DocumentClass.HIGH, _PAM, _C),
    DocumentClassing("PA", "passeport", DocumentClass.HIGH, _PAM, _C),
    DocumentClassing("CS", "titre de séjour", DocumentClass.HIGH, _PAM, _C),
    DocumentClassing("AV", "appli carte Vitale", DocumentClass.HIGH, _PAM, _C),
    DocumentClassing("IE", "identification électronique eIDAS", DocumentClass.HIGH, _PAM, _C),
    DocumentClassing("TC", "tiers de confiance", DocumentClass.HIGH, _PAM, _C),
    DocumentClassing("DC", "document de circulation pour étranger mineur", DocumentClass.HIGH, _PAM, _C),
    DocumentClassing("AC", "acte de naissance et carte Vitale avec photo", DocumentClass.HIGH, _PAM, _C),
    DocumentClassing("AN", "extrait d'acte de naissance", DocumentClass.CONDITIONAL, _PAM, _C),
    DocumentClassing("LE", "livret de famille", DocumentClass.CONDITIONAL, _PAM, _C),
    DocumentClassing("CE", "carte européenne", DocumentClass.CONDITIONAL, _PAM, _C),
    DocumentClassing("CM", "carte militaire", DocumentClass.LOW, _PAM, _C),
    DocumentClassing("CC", "carnet de circulation", DocumentClass.LOW, _PAM, _C),
    DocumentClassing("PC", "permis de conduire", DocumentClass.LOW, _PAM, _C),
)
"""Identity documents by code of ZFD-7 or of FR Core's validationMode; a site changes a class in ``[qualif.documents]``.

FR Core 2.2.0 lists further codes (eCN, IN, LECV, LEP, ANCV, CIMS) whose wording was not found: they have no class until
the site gives one.
"""

OFF_BASE = ("FICT", "DESA", "DOUB")
"""PID-32 codes whose identities no rate counts: fictive, deactivated, slave of a doublon."""

MATRICULE_SHAPE = r"^[12]\d{4}(?:\d{2}|2A|2B)\d{6}(?:\d{2})?$"
"""CNAM's shape of a NIR, 13 or 15 characters, without its tests on month; NNP, MIG and INS-C do not fit."""


def document_classes(settings: QualifSettings) -> dict[str, str]:
    """Return the class of each document code, the site's changes applied."""
    changed = {code.upper(): rank for code, rank in settings.documents.items()}
    return {line.code: str(line.rank) for line in DOCUMENTS} | changed


def known(column: str) -> pl.Expr:
    """Return the column without the values that say nothing (empty, blank, HL7 delete)."""
    value = pl.col(column).str.strip_chars()
    return pl.when(value.is_in(["", DELETED])).then(None).otherwise(value).alias(column)


def key_is_right(matricule: pl.Expr) -> pl.Expr:
    """Return whether a 15-character matricule carries its key: 97 - (N mod 97), 2A read 19 and 2B read 18."""
    place = matricule.str.slice(5, 2).replace({"2A": "19", "2B": "18"})
    body = (matricule.str.slice(0, 5) + place + matricule.str.slice(7, 6)).cast(pl.Int64, strict=False)
    key = matricule.str.slice(13, 2).cast(pl.Int64, strict=False)
    return (matricule.str.len_chars() == 15) & (key == 97 - body % 97).fill_null(False)


def _says(*codes: str) -> pl.Expr:
    return pl.any_horizontal(pl.col("codes").str.contains(f" {code} ", literal=True) for code in codes)


def carries(*codes: str) -> pl.Expr:
    """Return whether PID-32 holds one of the codes, as status or as attribute."""
    said = pl.concat_str("identity_code", "attributes", separator=" ", ignore_nulls=True).str.to_uppercase()
    return pl.concat_str(pl.lit(" "), said, pl.lit(" ")).str.contains_any([f" {code} " for code in codes])


def in_base() -> pl.Expr:
    """Return whether an identity counts in the rates: it carries no code of ``OFF_BASE``."""
    return ~carries(*OFF_BASE)


def _day(column: str) -> pl.Expr:
    digits = known(column).str.replace_all(r"\D", "").str.slice(0, 8)
    return digits.str.to_date("%Y%m%d", strict=False)


def observe(identities: pl.DataFrame, settings: QualifSettings, *, production: bool = True) -> pl.DataFrame:
    """Return the facts of each identity, row for row.

    Columns: ``identity_id``; what PID-32 says (``vali``, ``prov``, ``fict``, ``dout``, ``homa``, ``inva``, ``native``
    when an extract gives QUAL or RECUP, ``contrary`` codes, ``counted`` without ``OFF_BASE``, ``coded``); the INS
    (``ins`` present, ``ins_real`` when its OID and shape stand, ``ins_test``, ``key_right``); ``five_traits``;
    ``place_unknown``; ``date_corrected`` (ZFD-4); ``insi`` (ZFD-5 is INSI, or ZFD-6 filled); ``collected`` (ZFD-5),
    ``insi_on``, ``document_code``, ``document`` class, ``expired_on``, ``seen_on``.
    """
    codes = pl.concat_str("identity_code", "attributes", separator=" ", ignore_nulls=True).str.to_uppercase()
    matricule = known("matricule").str.replace_all(" ", "", literal=True).str.to_uppercase()
    kind = known("matricule_oid").replace_strict(
        {oid: str(kind) for oid, kind in OID_OF_MATRICULE.items()}, default=None, return_dtype=pl.String
    )
    test = kind.is_in([str(MatriculeKind.TEST), str(MatriculeKind.DEMO)])
    accepted = kind.is_not_null() if not production else kind.is_in([str(MatriculeKind.NIR), str(MatriculeKind.NIA)])
    document = known("document").str.to_uppercase()
    complete_date = known("birth_date").str.count_matches(r"\d") >= 8
    return (
        identities.lazy()
        .with_columns(codes=pl.concat_str(pl.lit(" "), codes, pl.lit(" ")), number=matricule)
        .select(
            "identity_id",
            vali=_says("VALI", "VALIDEE"),
            prov=_says("PROV", "PROVISOIRE"),
            fict=_says("FICT"),
            dout=_says("DOUT"),
            homa=_says("HOMA"),
            inva=_says("INVA"),
            native=pl.when(_says("QUAL", "QUALIFIEE"))
            .then(pl.lit("QUALIFIEE"))
            .when(_says("RECUP", "RECUPEREE"))
            .then(pl.lit("RECUPEREE")),
            contrary=_says("INVA", "USUR", "COLV"),
            counted=~_says(*OFF_BASE),
            coded=known("identity_code").is_not_null(),
            ins=pl.col("number").is_not_null(),
            ins_real=(accepted & pl.col("number").str.contains(MATRICULE_SHAPE)).fill_null(False),
            ins_test=(test & production & pl.col("number").is_not_null()).fill_null(False),
            key_right=key_is_right(pl.col("number")).fill_null(False),
            five_traits=pl.all_horizontal(
                known("birth_name").is_not_null(),
                known("first_given_name").is_not_null(),
                complete_date.fill_null(False),
                known("sex").is_in(["M", "F"]).fill_null(False),
                known("birth_place").is_not_null(),
            ),
            place_unknown=(known("birth_place") == "99999").fill_null(False),
            date_corrected=(known("birth_date_corrected").str.to_uppercase() == "Y").fill_null(False),
            insi=(known("collection_mode").str.to_uppercase() == "INSI").fill_null(False)
            | known("insi_date").is_not_null(),
            collected=known("collection_mode").str.to_uppercase(),
            insi_on=_day("insi_date"),
            document_code=document,
            document=document.replace_strict(document_classes(settings), default=None, return_dtype=pl.String),
            expired_on=_day("document_expiry"),
            seen_on=pl.coalesce("created_at", "updated_at").dt.date(),
        )
        .collect(engine="in-memory")
    )
