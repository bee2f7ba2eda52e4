"""Detectors of the birth place."""

from __future__ import annotations

import polars as pl

from insvigil.traits.detectors.detector import (
    VALUE,
    Detector,
    Material,
    OnFile,
    OnIdentity,
    OnValue,
    absent,
    rule,
)
from insvigil.traits.places import COUNTRIES, place_keys
from insvigil.traits.referential import FIRST_DAY
from insvigil.traits.rewriting import rewrite
from insvigil.vocabulary import Confidence, Severity

_ASK = "Reprendre le lieu de naissance sur une pièce d'identité ou par le téléservice INSi."
_COG = "INSEE, Code officiel géographique 2026"
_CODE = VALUE.str.strip_chars().str.to_uppercase()
_SHAPED = _CODE.str.contains(r"^(?:[0-9]{2}|2[AB])[0-9]{3}$")
_ABROAD = _CODE.str.starts_with("99")


def name_and_code_disagree(material: Material) -> pl.DataFrame:
    """Return the identities whose place name is that of one commune, and their code that of another department."""
    by_name = rewrite(material.field("birth_place_name"), place_keys).cast(pl.String)
    named = by_name.is_not_null()
    both = (
        material.traits.select("identity_id", "birth_place")
        .filter(named)
        .with_columns(pl.col("birth_place").cast(pl.String), by_name=by_name.filter(named))
    )
    return both.filter(
        pl.col("by_name").str.contains("^[0-9][0-9AB][0-9]{3}$")
        & pl.col("birth_place").str.contains("^[0-9][0-9AB][0-9]{3}$")
        & (pl.col("by_name").str.slice(0, 2) != pl.col("birth_place").str.slice(0, 2))
    )


def not_at_birth_date(material: Material) -> pl.DataFrame:
    """Return the identities whose commune (or arrondissement) did not stand at their birth, by the site's dated table.

    A commune déléguée or associée counts, as does a birth before 1943, which the table does not know.
    """
    assert material.referential is not None
    code = pl.col("received_birth_place").str.strip_chars().str.to_uppercase()
    births = material.persons.select(
        "identity_id", "born", code=pl.when(code.str.len_bytes() == 4).then("0" + code).otherwise(code)
    )
    births = births.filter((pl.col("born") > FIRST_DAY) & pl.col("code").is_in(material.referential["code"].implode()))
    standing = births.join(material.referential.select("code", "since", "until"), on="code").filter(
        (pl.col("born") >= pl.col("since")) & (pl.col("until").is_null() | (pl.col("born") < pl.col("until")))
    )
    return (
        births.join(standing.select("identity_id"), on="identity_id", how="anti")
        .select("identity_id")
        .sort("identity_id")
    )


DETECTORS: tuple[Detector, ...] = (
    OnIdentity(
        rule(
            "IDV-LIE-001", Severity.ANOMALY, "Le lieu de naissance est absent.",
            "Le lieu de naissance est un des cinq traits stricts sans lesquels une identité ne peut être créée.", _ASK,
            source="RNIV 1 (traits stricts), cité par l'ARS et les GRADeS", confidence=Confidence.VERIFIED_QUOTED,
        ),
        absent("birth_place", "birth_place_name"),
    ),
    OnValue(
        rule(
            "IDV-LIE-002", Severity.ANOMALY, "Le code du lieu de naissance n'existe pas au COG.",
            "Le code n'a jamais désigné une commune : faute de frappe ou code postal saisi à sa place.", _ASK,
            source=_COG, confidence=Confidence.VERIFIED,
        ),
        "birth_place", _SHAPED & ~_ABROAD & pl.col("place").is_null() & ~_CODE.str.ends_with("990"),
    ),
    OnValue(
        rule(
            "IDV-LIE-003", Severity.WARNING, "Le lieu de naissance est un texte ou un numéro, pas un code du COG.",
            "Un libellé ne permet pas de distinguer les communes de même nom ; l'INS attend un code.", _ASK,
            source="Annexe N 1.8.2 §N.6 (XAD-9)", confidence=Confidence.VERIFIED,
        ),
        "birth_place", ~_SHAPED & ~_CODE.str.contains("^[0-9]{4}$"),
    ),
    OnValue(
        rule(
            "IDV-LIE-004", Severity.WARNING, "Le code du lieu de naissance a perdu son zéro initial.",
            "Un tableur a traité le code comme un nombre ; insvigil compare le code rétabli.", "Corriger l'émetteur.",

        ),
        "birth_place", _CODE.str.contains("^[1-9][0-9]{3}$"),
    ),
    OnValue(
        rule(
            "IDV-LIE-005", Severity.WARNING, "Le lieu de naissance est inconnu (99999, 99000 ou xx990).",
            "Un lieu inconnu est incompatible avec une identité validée ou qualifiée.", _ASK,
            source="FR Core, ticket 262", confidence=Confidence.VERIFIED_QUOTED,
        ),
        "birth_place", _CODE.str.contains("^(?:99999|99000|[0-9][0-9AB]990)$"),
    ),
    OnValue(
        rule(
            "IDV-LIE-006", Severity.INFORMATION, "Lieu de naissance : ville entière au lieu de l'arrondissement.",
            "À Paris, Lyon et Marseille la naissance est enregistrée dans un arrondissement.", _ASK,
            source=_COG, confidence=Confidence.VERIFIED,
        ),
        "birth_place", _CODE.is_in(["75056", "69123", "13055"]),
    ),
    OnValue(
        rule(
            "IDV-LIE-007", Severity.WARNING, "Le lieu de naissance est « France » (99100).",
            "99100 est le code d'un pays pour un acte dressé à l'étranger ; né en France, on a une commune.", _ASK,
            source=_COG, confidence=Confidence.VERIFIED,
        ),
        "birth_place", _CODE == "99100",
    ),
    OnFile(
        rule(
            "IDV-LIE-008", Severity.ANOMALY, "Le nom et le code du lieu de naissance désignent deux départements.",
            "L'un des deux a été mal choisi, souvent une commune de même nom.", _ASK,
        ),
        name_and_code_disagree,
    ),
    OnFile(
        rule(
            "IDV-LIE-009", Severity.WARNING, "La commune de naissance n'existait pas à la date de naissance.",
            "Le code désigne une commune créée plus tard ou déjà supprimée : date ou lieu faux, ou code mis à jour.",
            "Vérifier la date et le lieu ; le téléservice INSi attend le code valable à la naissance.",
            source="INSEE, événements des communes depuis 1943 (table datée fournie par le site)",
            confidence=Confidence.VERIFIED,
        ),
        not_at_birth_date, "referential",
    ),
    OnValue(
        rule(
            "IDV-LIE-010", Severity.ANOMALY, "Le code du pays de naissance n'existe pas au COG.",
            "Le code 99xxx ne désigne aucun pays, présent ou passé.", _ASK, source=_COG, confidence=Confidence.VERIFIED,
        ),
        "birth_place",
        _CODE.str.contains("^99[0-9]{3}$") & ~_CODE.is_in(sorted(COUNTRIES | {"99999", "99000"})),
    ),
)  # fmt: skip
