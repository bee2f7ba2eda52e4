"""IHE PAM France 2.11.2: what MSH, EVN, PID, PV1, ZBE, ZFD and MRG mean; knows no bytes.

Every field of ``Movements`` is one line of ``PICKS``, in the language of the grammar. What a deviation costs is written
next to it: the code of the oddity that the reader notes when it had to take that way.
"""

from __future__ import annotations

from functools import cache

import polars as pl

from insvigil.frames import Movements
from insvigil.reading.hl7_grammar import Choice, Kind, Pick, Plan, Relation, Required, Test, Way
from insvigil.reading.notes import Positions

IS, NOT, EMPTY, FILLED = Relation.EQUALS, Relation.DIFFERS, Relation.EMPTY, Relation.FILLED

INS_NIR, INS_NIA = "1.2.250.1.213.1.4.8", "1.2.250.1.213.1.4.9"
INS_TEST, INS_DEMO = "1.2.250.1.213.1.4.10", "1.2.250.1.213.1.4.11"

NOT_AN_IPP = ("INS", "INS-C", "INC-C", "NH", "SS", "NDP", "RRI", "AN", "VN", "PN")
"""Types of PID-3 that are never the patient's number in the establishment."""


def _ins(oid: str, code: str | None = None) -> Way:
    return Way((Test(5, IS, "INS"), Test(4, IS, oid, sub=2), Test(1, FILLED)), code)


def _typed(value: str, component: int = 7, code: str | None = None) -> Way:
    return Way((Test(component, IS, value),), code)


def _own_number(code: str) -> Way:
    return Way((Test(1, FILLED), *(Test(5, NOT, kind) for kind in NOT_AN_IPP)), code)


def _name(kind: str) -> tuple[Way, ...]:
    """Recognise a name type, in its place or slipped as in the examples that Annexe N prints."""
    return (
        _typed(kind),
        *(Way((Test(7, EMPTY), Test(slipped, IS, kind)), "IDV-LEC-204") for slipped in (8, 9, 6)),
    )


IPP = Choice((Way((Test(5, IS, "PI"), Test(1, FILLED))), _own_number("IDV-LEC-201")))
MATRICULE = Choice(
    (_ins(INS_NIR), _ins(INS_TEST, "IDV-LEC-211"), _ins(INS_DEMO, "IDV-LEC-211"), _ins(INS_NIA)),
)
MATRICULE_NIA = Choice((_ins(INS_NIA),))
STRAY_MATRICULE = Choice(
    (
        Way((Test(5, IS, "INS"), Test(1, EMPTY), Test(4, FILLED, sub=1)), "IDV-LEC-210"),
        Way(
            (
                Test(5, IS, "INS"),
                Test(1, FILLED),
                *(Test(4, NOT, oid, sub=2) for oid in (INS_NIR, INS_NIA, INS_TEST, INS_DEMO)),
            ),
            "IDV-LEC-209",
        ),
    )
)
BILLING_NIR = Choice((_typed("NH", 5), _typed("SS", 5)))
BIRTH_NAME = Choice(
    (
        *_name("L"),
        Way((*(Test(7, NOT, kind) for kind in "DSUM"), *(Test(8, NOT, kind) for kind in "DSU")), "IDV-LEC-203"),
    )
)
USED_NAME = Choice(_name("D"))
HOME = Choice(
    (
        _typed("H"),
        Way((Test(7, EMPTY), Test(8, NOT, "BDL"), Test(6, NOT, "BDL"))),
        *(_typed(kind) for kind in ("HOME", "C", "M", "BA", "SA", "O")),
    )
)
BIRTH_PLACE = Choice(
    (
        _typed("BDL"),
        _typed("BDL", 8, "IDV-LEC-207"),
        _typed("BDL", 6, "IDV-LEC-207"),
        _typed("BR", 7, "IDV-LEC-208"),
    )
)
PHONE = Choice((Way((Test(12, FILLED),)), Way((Test(1, FILLED), Test(2, NOT, "NET"), Test(3, NOT, "Internet")))))
EMAIL = Choice((Way((Test(4, FILLED),)),))
MOTHER = Choice((_typed("PI", 5), Way((Test(5, EMPTY), Test(1, FILLED)))))
MERGED = Choice((Way((Test(5, IS, "PI"), Test(1, FILLED))), _own_number("IDV-LEC-213")))
MERGED_MATRICULE = Choice((_ins(INS_NIR), _ins(INS_TEST), _ins(INS_DEMO), _ins(INS_NIA)))

TEXT, TIME, REST = Kind.TEXT, Kind.TIME, Kind.REST

PICKS: tuple[Pick, ...] = (
    Pick("sending_application", "MSH-3"),
    Pick("sending_facility", "MSH-4"),
    Pick("message_time", "MSH-7.1", kind=TIME),
    Pick("trigger", "MSH-9.2"),
    Pick("control_id", "MSH-10"),
    Pick("processing", "MSH-11.1"),
    Pick("charset_declared", "MSH-18"),
    Pick("trigger", "EVN-1", code="IDV-LEC-303"),
    Pick("event_time", "EVN-2.1", kind=TIME),
    Pick("event_time", "EVN-6.1", kind=TIME, replace=True),
    Pick("ipp", "PID-3.1", IPP),
    Pick("domain", "PID-3.4.2", IPP, others=(("PID-3.4.1", None),)),
    Pick("matricule", "PID-3.1", MATRICULE),
    Pick("matricule_oid", "PID-3.4.2", MATRICULE),
    Pick("matricule_nia", "PID-3.1", MATRICULE_NIA),
    Pick("stray_matricule", "PID-3.5", STRAY_MATRICULE),
    Pick("billing_nir", "PID-3.1", BILLING_NIR),
    Pick("birth_name", "PID-5.1.1", BIRTH_NAME, TEXT),
    Pick("first_given_name", "PID-5.2", BIRTH_NAME, TEXT),
    Pick("given_names", "PID-5.3", BIRTH_NAME, TEXT),
    Pick("used_name", "PID-5.1.1", USED_NAME, TEXT),
    Pick("used_given_name", "PID-5.2", USED_NAME, TEXT),
    Pick("birth_date", "PID-7.1"),
    Pick("sex", "PID-8.1"),
    Pick("street", "PID-11.1.1", HOME, TEXT),
    Pick("street_more", "PID-11.2", HOME, TEXT),
    Pick("city", "PID-11.3", HOME, TEXT),
    Pick("postal_code", "PID-11.5", HOME),
    Pick("country", "PID-11.6", HOME),
    Pick(
        "birth_place",
        "PID-11.9",
        BIRTH_PLACE,
        others=(("PID-11.4", "IDV-LEC-205"), ("PID-11.10", "IDV-LEC-206")),
    ),
    Pick("birth_place_name", "PID-11.3", BIRTH_PLACE, TEXT),
    Pick("phone", "PID-13.12", PHONE, others=(("PID-13.1", None),)),
    Pick("email", "PID-13.4", EMAIL),
    Pick("phone", "PID-14.12", PHONE, others=(("PID-14.1", None),)),
    Pick("email", "PID-14.4", EMAIL),
    Pick("dossier", "PID-18.1"),
    Pick("dossier_authority", "PID-18.4"),
    Pick("mother_ipp", "PID-21.1", MOTHER),
    Pick("birth_place_name", "PID-23.1", kind=TEXT),
    Pick("multiple_birth", "PID-24.1"),
    Pick("birth_rank", "PID-25.1"),
    Pick("death_date", "PID-29.1"),
    Pick("deceased", "PID-30.1"),
    Pick("identity_code", "PID-32.1"),
    Pick("attributes", "PID-32", kind=REST),
    Pick("merged_ipp", "MRG-1.1", MERGED),
    Pick("merged_domain", "MRG-1.4.2", MERGED, others=(("MRG-1.4.1", None),)),
    Pick("merged_matricule", "MRG-1.1", MERGED_MATRICULE),
    Pick("merged_dossier", "MRG-3.1"),
    Pick("patient_class", "PV1-2.1"),
    Pick("unit_lodging", "PV1-3.1"),
    Pick("finess_eg", "PV1-3.4.2", others=(("PV1-3.4.1", None),)),
    Pick("preadmission", "PV1-5.1"),
    Pick("visit", "PV1-19.1"),
    Pick("admitted_at", "PV1-44.1", kind=TIME),
    Pick("discharged_at", "PV1-45.1", kind=TIME),
    Pick("visit_indicator", "PV1-51.1"),
    Pick("movement_id", "ZBE-1.1"),
    Pick("movement_domain", "ZBE-1.3", others=(("ZBE-1.2", None),)),
    Pick("movement_at", "ZBE-2.1", kind=TIME),
    Pick("movement_action", "ZBE-4.1"),
    Pick("movement_historic", "ZBE-5.1"),
    Pick("movement_origin", "ZBE-6.1"),
    Pick("finess_eg", "ZBE-7.6.2", others=(("ZBE-7.6.1", None),)),
    Pick("unit_medical", "ZBE-7.10"),
    Pick("shifted_origin", "ZBE-7.1"),
    Pick("unit_care", "ZBE-8.10"),
    Pick("movement_nature", "ZBE-9.1"),
    Pick("shifted_care", "ZBE-9.10"),
    Pick("shifted_nature", "ZBE-10.1"),
    Pick("birth_date_lunar", "ZFD-1"),
    Pick("birth_date_corrected", "ZFD-4.1"),
    Pick("collection_mode", "ZFD-5.1"),
    Pick("insi_date", "ZFD-6.1"),
    Pick("document", "ZFD-7.1"),
    Pick("document_expiry", "ZFD-8.1"),
)

REQUIRED = (Required("trigger", "MSH", 9, "IDV-LEC-012"), Required("ipp", "PID", 3, "IDV-LEC-011"))

EFFECTIVE_TRIGGERS: dict[str, str] = {
    "A01": "admission",
    "A02": "mutation",
    "A03": "sortie",
    "A04": "venue externe, urgences ou séance",
    "A05": "préadmission",
    "A06": "passage en hospitalisation",
    "A07": "passage en externe",
    "A08": "modification d'identité (exclue par la norme française)",
    "A09": "départ pour un transfert temporaire",
    "A10": "arrivée d'un transfert temporaire",
    "A11": "annulation d'admission",
    "A12": "annulation de mutation",
    "A13": "annulation de sortie",
    "A14": "admission prévue",
    "A15": "mutation prévue",
    "A16": "sortie prévue",
    "A21": "départ en permission",
    "A22": "retour de permission",
    "A24": "rapprochement d'identités",
    "A25": "annulation de sortie prévue",
    "A26": "annulation de mutation prévue",
    "A27": "annulation d'admission prévue",
    "A28": "création d'identité",
    "A31": "modification d'identité",
    "A32": "annulation d'arrivée temporaire",
    "A33": "annulation de départ temporaire",
    "A37": "annulation de rapprochement",
    "A38": "annulation de préadmission",
    "A40": "fusion d'identités",
    "A44": "changement de patient d'un dossier",
    "A47": "changement d'identifiant",
    "A49": "changement de numéro de dossier",
    "A52": "annulation de départ en permission",
    "A53": "annulation de retour de permission",
    "A54": "changement de médecin responsable",
    "A55": "annulation de changement de médecin",
    "Z99": "correction de mouvement",
}
"""The triggers that change something (ITI-30 and ITI-31 of PAM FR, and A08, read as A31)."""


@cache
def plan() -> Plan:
    """Return the plan of a PAM message."""
    return Plan(PICKS, REQUIRED)


def movements(columns: pl.DataFrame, where: Positions) -> pl.DataFrame:
    """Return the rows of ``Movements`` from the picked columns; ``columns`` and ``where`` go row by row.

    A column is filled in from another only where something is missing, and joined only where there is what to join.
    """
    filled = {
        name: columns[name].null_count() < columns.height for name in ("merged_ipp", "merged_domain", "street_more")
    }
    authority = pl.col("domain")
    if columns["domain"].has_nulls():
        authority = pl.coalesce("domain", "sending_facility", "sending_application", pl.lit(""))
    merged, address, attributes = pl.col("merged_domain"), pl.col("street"), pl.col("attributes")
    if filled["merged_ipp"] or filled["merged_domain"]:
        merged = pl.when(pl.col("merged_ipp").is_not_null()).then(pl.coalesce("merged_domain", authority))
    if filled["street_more"]:
        lines = pl.concat_str("street", "street_more", separator=" ", ignore_nulls=True)
        address = pl.when(pl.col("street_more").is_null()).then("street").otherwise(lines)
    told = not (columns["movement_id"].is_not_null() & columns["movement_domain"].is_null()).any()
    if columns["attributes"].drop_nulls().str.contains("~", literal=True).any():
        attributes = attributes.str.replace_all("~", " ", literal=True)
    return columns.with_columns(
        source=pl.Series(where.source),
        offset=pl.Series(where.offset, dtype=pl.UInt64),
        line=pl.Series(where.line, dtype=pl.UInt32),
        sender=_sender(columns["sending_application"], columns["sending_facility"]),
        domain=authority,
        merged_domain=merged,
        address=address,
        movement=pl.format("{}|{}", "movement_id", pl.col("movement_domain") if told else _filled("movement_domain")),
        attributes=attributes,
    ).select(MOVEMENT_COLUMNS)


def _sender(application: pl.Series, facility: pl.Series) -> pl.Expr:
    """Return both names joined: most often those of the first message, for a file comes from one sender."""
    names = (application, facility)
    if application.len() and not any(name.has_nulls() or (name != name[0]).any() for name in names):
        return pl.lit(f"{application[0]}|{facility[0]}")
    return pl.format("{}|{}", _filled("sending_application"), _filled("sending_facility"))


def _filled(column: str) -> pl.Expr:
    return pl.col(column).fill_null("")


MOVEMENT_COLUMNS: tuple[str, ...] = tuple(Movements.column_names())
