"""Invented cases: for each detector, what must fire it and a near one that must not.

A case is written against a sound person; ``people`` gives the fields that differ, one dict a person. Frames of other
rooms are given by their rows, with the columns that matter.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import polars as pl

from insvigil.frames import IDENTITY_FIELDS, Changes, Groups, ScoredPairs, Stays
from insvigil.traits.detectors.catalogue import DETECTORS

TODAY = date(2026, 11, 21)
NIR = "1.2.250.1.213.1.4.8"

SOUND: dict[str, str | None] = {
    "birth_name": "MARCHAND",
    "first_given_name": "JULES",
    "given_names": "JULES ANDRE",
    "birth_date": "19750914",
    "sex": "M",
    "birth_place": "67482",
    "identity_code": "VALI",
}
"""A person in whom no detector finds anything."""

OTHER: dict[str, str | None] = {
    "birth_name": "BESNARD",
    "first_given_name": "LUCIE",
    "given_names": "LUCIE",
    "birth_date": "19880203",
    "sex": "F",
    "birth_place": "31555",
}

INS = {"matricule": "175096748200134", "matricule_oid": NIR}
"""A matricule that agrees with ``SOUND``."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """People, and maybe the frames around them."""

    people: tuple[Row, ...] = ({},)
    changes: tuple[Row, ...] | None = None
    pairs: tuple[Row, ...] | None = None
    groups: tuple[Row, ...] | None = None
    stays: tuple[Row, ...] | None = None
    absorbed: tuple[Row, ...] | None = None
    referential: tuple[tuple[str, str, date, date | None], ...] | None = field(default=None)


def person(**fields: str | None) -> Case:
    """Return the sound person with some fields changed."""
    return Case(({**SOUND, **fields},))


def persons(*people: Row) -> Case:
    """Return several persons, each the sound one with some fields changed."""
    return Case(tuple({**SOUND, **fields} for fields in people))


def crowd(size: int, *people: Row) -> Case:
    """Return ``size`` other persons before ``people`` (each whole)."""
    return Case((*({**OTHER, "birth_name": None} for _ in range(size)), *people))


def identities(rows: tuple[Row, ...]) -> pl.DataFrame:
    """Return the identities of a case, IPP 0, 1, 2…"""
    schema = {**dict.fromkeys(IDENTITY_FIELDS, pl.String), "domain": pl.String, "ipp": pl.String}
    schema["updated_at"] = pl.Datetime("us")  # type: ignore[assignment]
    named = [
        {"domain": "D", "ipp": str(number), "updated_at": datetime(2026, 11, 1)} | row
        for number, row in enumerate(rows)
    ]
    return pl.DataFrame(named, schema=schema)


def changes(rows: tuple[Row, ...]) -> pl.DataFrame:
    """Return changes of one message at one hour, unless told otherwise."""
    told = {"domain": "D", "ipp": "0", "trigger": "A31", "sender": "GAM", "control_id": "1", "run": 1}
    times = {"valid_at": datetime(2026, 11, 1, 8), "known_at": datetime(2026, 11, 1, 9)}
    return pl.DataFrame([{**told, **times, **row} for row in rows], schema=_schema(Changes))


def stays(rows: tuple[Row, ...]) -> pl.DataFrame:
    """Return movements of the first person, inpatient at one establishment unless told otherwise."""
    told = {"domain": "D", "ipp": "0", "dossier": "N1", "movement": "m1", "trigger": "A01", "patient_class": "I"}
    times = {"movement_at": datetime(2026, 5, 1), "admitted_at": datetime(2026, 5, 1), "finess_eg": "E1"}
    return pl.DataFrame([{**told, **times, **row} for row in rows], schema=_schema(Stays))


def pairs(rows: tuple[Row, ...]) -> pl.DataFrame:
    """Return pairs 0-1 proposed as doublons, unless told otherwise."""
    told = {"left": 0, "right": 1, "finding": "DPOT", "probability": 0.9, "weight": 5.0, "block": "b"}
    return pl.DataFrame([{**told, **row} for row in rows], schema=_schema(ScoredPairs))


def groups(rows: tuple[Row, ...]) -> pl.DataFrame:
    """Return members of the group 0."""
    return pl.DataFrame([{"group": 0, **row} for row in rows], schema=_schema(Groups))


def _schema(frame: Any) -> dict[str, Any]:
    return {name: column.dtype for name, column in frame.columns().items()}


def _changed(*rows: Row, **fields: str | None) -> Case:
    return Case(({**SOUND, **fields},), changes=rows)


def _group(*people: Row) -> Case:
    members = tuple({"identity_id": number} for number in range(len(people)))
    return Case(tuple({**SOUND, **fields} for fields in people), groups=members)


def _proposed(left: Row, right: Row, **pair: Any) -> Case:
    return Case(({**SOUND, **left}, {**SOUND, **right}), pairs=(pair,))


def _stayed(*movements: Row, **fields: str | None) -> Case:
    return Case(({**SOUND, **fields},), stays=movements)


_FIELDS = {
    "NOM": "birth_name",
    "PRE": "first_given_name",
    "LST": "given_names",
    "NUT": "used_name",
    "PUT": "used_given_name",
}
_NAMES: dict[str, tuple[str, str]] = {
    "002": ("Inconnu", "INCONTI"),
    "003": ("TEST DUPONT", "TESTARD"),
    "004": ("Bébé", "BEBEY"),
    "005": ("MARCH4ND", "MARCHAND"),
    "006": ("MARCHAND(?)", "D'ARC-MARCHAND"),
    "007": ("МАРШАН", "MARCHÄND"),
    "008": ("FRANÃ§OIS", "FRANÇOIS"),
    "009": ("Mme MARCHAND", "MMEMBA"),
    "010": ("MARCHAND née BESNARD", "RENEE"),
    "011": ("J.", "JO"),
    "012": ("MARCHANDDD", "MARCHANDD"),
    "013": ("MRCHND", "NG"),
    "014": ("MARCHAND  BESNARD", "MARCHAND BESNARD"),
    "015": ("A" + "BA" * 50, "AB" * 50),
}


def _name_cases() -> dict[str, tuple[Case, Case]]:
    cases = {}
    for detector in DETECTORS:
        _, trait, number = detector.rule.code.split("-")
        if trait in _FIELDS and number in _NAMES:
            cases[detector.rule.code] = tuple(person(**{_FIELDS[trait]: name}) for name in _NAMES[number])
    return cases  # type: ignore[return-value]


_SWAPPED = [{**OTHER, "birth_name": "DURAND", "first_given_name": "ALICE"} for _ in range(25)]
_MATRICULE = "175096748200134"


CASES: dict[str, tuple[Case, Case]] = {
    **_name_cases(),
    "IDV-NOM-001": (persons({}, {"birth_name": '""'}), person()),
    "IDV-PRE-001": (
        persons({}, {"first_given_name": None, "given_names": None}),
        persons({}, {"first_given_name": None}),
    ),
    "IDV-NOM-020": (person(birth_name="JULES"), person(birth_name="JULESE")),
    "IDV-NOM-021": (person(birth_name="MARCHAND Jules"), person(birth_name="MARCHAND JULESE")),
    "IDV-NOM-022": (
        Case((*_SWAPPED, {**OTHER, "birth_name": "ALICE", "first_given_name": "DURAND"})),
        Case((*_SWAPPED, {**OTHER, "birth_name": "ALICE", "first_given_name": "BRUNO"})),
    ),
    "IDV-NOM-023": (person(**INS, birth_name="Marchand"), person(**INS, birth_name="MARCHAND-D'ARC")),
    "IDV-PRE-020": (person(given_names="ANDRE JULES"), person(first_given_name="Jules-André")),
    "IDV-PRE-021": (persons({}, {**INS, "given_names": None}), persons({}, {**INS})),
    "IDV-LST-020": (person(given_names="JULES, ANDRE"), person()),
    "IDV-LST-021": (person(given_names="JULES MARCHAND"), person(given_names="JULES MARCHANDE")),
    "IDV-NUT-020": (person(used_name="Marchand"), person(used_name="MARCHAND BESNARD")),
    "IDV-PUT-020": (person(used_given_name="Jules"), person(used_given_name="JULIE")),
    "IDV-DDN-001": (persons({}, {"birth_date": None}), person()),
    "IDV-DDN-002": (person(birth_date="vers 1975"), person(birth_date="1975")),
    "IDV-DDN-003": (person(birth_date="19750230"), person(birth_date="19760229")),
    "IDV-DDN-004": (person(birth_date="20261122"), person(birth_date="20261121")),
    "IDV-DDN-005": (person(birth_date="18990914"), person(birth_date="19010914")),
    "IDV-DDN-006": (person(birth_date="197509"), person()),
    "IDV-DDN-007": (person(**INS, birth_date="19751231"), person(**INS, birth_date="19751230")),
    "IDV-DDN-008": (person(birth_date="19000101"), person(birth_date="19100101")),
    "IDV-DDN-009": (
        person(birth_date_lunar="31^09^1975"),
        person(birth_date_lunar="31^09^1975", identity_code="PROV"),
    ),
    "IDV-DDN-010": (person(death_date="19750913"), person(death_date="19750914")),
    "IDV-DDN-011": (person(death_date="20261122"), person(death_date="20261121")),
    "IDV-DDN-012": (person(death_date="20260101", deceased="N"), person(death_date="20260101", deceased="Y")),
    "IDV-DDN-013": (person(death_date="20260231"), person(death_date="202602")),
    "IDV-DDN-014": (
        persons({}, {"birth_date": "19840101", "mother_ipp": "0"}),
        persons({}, {"birth_date": "19960101", "mother_ipp": "0"}),
    ),
    "IDV-DDN-015": (
        person(first_given_name="Bébé", birth_date="20261001"),
        person(first_given_name="Bébé", birth_date="20261101"),
    ),
    "IDV-DDN-016": (person(birth_rank="2", multiple_birth="N"), person(birth_rank="2", multiple_birth="Y")),
    "IDV-SEX-001": (persons({}, {"sex": None}), person()),
    "IDV-SEX-002": (person(sex="Z"), person(sex="U")),
    "IDV-SEX-003": (person(**INS, sex="U"), person(sex="U")),
    "IDV-SEX-004": (
        crowd(150, {**OTHER, "birth_name": None, "sex": "M"}),
        crowd(30, {**OTHER, "birth_name": None, "sex": "M"}),
    ),
    "IDV-SEX-005": (person(birth_name="Mme MARCHAND"), person(birth_name="M. MARCHAND")),
    "IDV-LIE-001": (persons({}, {"birth_place": None}), persons({}, {"birth_place": None, "birth_place_name": "LYON"})),
    "IDV-LIE-002": (person(birth_place="67999"), person(birth_place="75050")),
    "IDV-LIE-003": (person(birth_place="STRASBOURG"), person(birth_place="1053")),
    "IDV-LIE-004": (person(birth_place="1053"), person(birth_place="01053")),
    "IDV-LIE-005": (person(birth_place="99999"), person(birth_place="99352")),
    "IDV-LIE-006": (person(birth_place="75056"), person(birth_place="75112")),
    "IDV-LIE-007": (person(birth_place="99100"), person(birth_place="99101")),
    "IDV-LIE-008": (
        person(birth_place="67482", birth_place_name="TOULOUSE"),
        person(birth_place="31557", birth_place_name="TOULOUSE"),
    ),
    "IDV-LIE-009": (
        Case(({**SOUND, "birth_place": "01015"},), referential=(("COM", "01015", date(2016, 1, 1), None),)),
        Case(({**SOUND, "birth_place": "01015"},), referential=(("COM", "01015", date(1943, 1, 1), date(2016, 1, 1)),)),
    ),
    "IDV-LIE-010": (person(birth_place="99998"), person(birth_place="99141")),
    "IDV-INS-001": (person(**INS | {"matricule": "175096748200135"}), person(**INS)),
    "IDV-INS-002": (person(**INS | {"matricule": "175136748200174"}), person(**INS | {"matricule": "1750967482001"})),
    "IDV-INS-003": (person(**INS | {"matricule": "1750967482001"}), person(**INS)),
    "IDV-INS-004": (person(**INS | {"matricule": "7509674820017"}), person(**INS | {"matricule": "5509674820017"})),
    "IDV-INS-005": (person(**INS | {"matricule": "5509674820017"}), person(**INS | {"matricule": "7509674820017"})),
    "IDV-INS-006": (person(**INS | {"matricule": "17509674820"}), person(**INS)),
    "IDV-INS-007": (person(**INS | {"matricule": "3509674820017"}), person(**INS)),
    "IDV-INS-008": (persons({**INS}, {"matricule": _MATRICULE}), persons({**INS}, {})),
    "IDV-INS-009": (person(**INS | {"matricule_oid": "1.2.250.1.213.1.4.2"}), person(**INS)),
    "IDV-INS-010": (
        person(**INS | {"matricule_oid": "1.2.250.1.71"}),
        person(**INS | {"matricule_oid": "1.2.250.1.213.1.4.9"}),
    ),
    "IDV-INS-011": (person(**INS, sex="F"), person(**INS, sex="U")),
    "IDV-INS-012": (person(**INS, birth_date="19760914"), person(**INS)),
    "IDV-INS-013": (person(**INS, birth_date="19751014"), person(**INS, birth_date="1975")),
    "IDV-INS-014": (person(**INS, birth_place="31555"), person(**INS, birth_place="67462")),
    "IDV-INS-015": (person(**INS, birth_date="20120914"), person(**INS, birth_date="20000914")),
    "IDV-INS-016": (person(**INS | {"matricule": "1750967482000"}), person(**INS)),
    "IDV-INS-017": (persons({**INS}, {**INS, "birth_date": "19800101"}), persons({**INS}, {**INS})),
    "IDV-INS-018": (persons({**INS}, {**INS}), persons({**INS}, {**INS, "birth_date": "19800101"})),
    "IDV-INS-020": (person(billing_nir="175096748200135"), person(billing_nir="175096748200134")),
    "IDV-ADR-001": (person(phone="0000000000"), person(phone="0612345678")),
    "IDV-ADR-002": (person(phone="06123"), person(phone="+33 6 12 34 56 78")),
    "IDV-ADR-003": (person(email="jules.courriel.example"), person(email="jules@courriel.example")),
    "IDV-ADR-004": (person(postal_code="99999"), person(postal_code="67000")),
    "IDV-ADR-005": (person(postal_code="1000"), person(postal_code="01000")),
    "IDV-ADR-006": (
        persons(*({"phone": "0612345678"} for _ in range(21))),
        persons(*({"phone": "0612345678"} for _ in range(20))),
    ),
    "IDV-ADR-007": (
        persons(*({"email": "a@b.example"} for _ in range(21))),
        persons(*({"email": "a@b.example"} for _ in range(20))),
    ),
    "IDV-PAI-001": (persons({}, {"birth_name": "Marchand"}), persons({}, {"birth_place": "31555"})),
    "IDV-PAI-002": (persons({}, {"sex": "F"}), persons({}, {"sex": "U"})),
    "IDV-PAI-003": (persons({}, {"birth_place": "31555"}), persons({}, {"birth_place": None})),
    "IDV-PAI-004": (
        persons({}, {"birth_name": "JULES", "first_given_name": "MARCHAND"}),
        persons({}, {"birth_name": "JULES", "first_given_name": "MARCHAND", "birth_date": "19750915"}),
    ),
    "IDV-PAI-005": (
        persons({"used_name": "BESNARD"}, {"birth_name": "BESNARD"}),
        persons({"used_name": "BESNARD"}, {"birth_name": "BESNARD", "first_given_name": "JULIEN"}),
    ),
    "IDV-PAI-006": (
        persons(
            {"used_name": "BESNARD", "address": "1 RUE A", "postal_code": "67000"},
            {"birth_name": "BESNARD", "address": "1 r. A", "postal_code": "67000", "birth_date": "19760101"},
        ),
        persons(
            {"used_name": "BESNARD", "address": "1 RUE A", "postal_code": "67000"},
            {"birth_name": "BESNARD", "address": "2 RUE A", "postal_code": "67000", "birth_date": "19760101"},
        ),
    ),
    "IDV-PAI-007": (
        persons({"birth_date": "19750409"}, {"birth_date": "19750904"}),
        persons({"birth_date": "19750409"}, {"birth_date": "19760904"}),
    ),
    "IDV-PAI-008": (persons({**INS}, {**OTHER, **INS}), persons({**INS}, {**INS, "first_given_name": "LUC"})),
    "IDV-PAI-009": (
        _proposed(INS, {"matricule": "175096748200233", "matricule_oid": NIR}),
        _proposed(INS, {"matricule": "175096748200234", "matricule_oid": NIR}),
    ),
    "IDV-PAI-010": (_proposed(INS, INS), _proposed(INS, INS, finding="HOMD")),
    "IDV-PAI-011": (
        _proposed({"birth_rank": "1"}, {"birth_rank": "2"}),
        _proposed({"birth_rank": "1"}, {"birth_rank": "1"}),
    ),
    "IDV-PAI-012": (_proposed({"death_date": "20260901"}, {}), _proposed({"death_date": "20261020"}, {})),
    "IDV-AGR-001": (_group(*({} for _ in range(6))), _group(*({} for _ in range(5)))),
    "IDV-AGR-002": (_group(INS, {"matricule": "175096748200233"}), _group(INS, {"matricule": "175096748200234"})),
    "IDV-AGR-003": (_group({}, {"sex": "F"}), _group({}, {"sex": "U"})),
    "IDV-AGR-004": (_group({}, {"birth_date": "19770914"}), _group({}, {"birth_date": "19760914"})),
    "IDV-AGR-005": (_group(INS, INS), _group(INS, {})),
    "IDV-CHG-001": (
        _changed(
            {"field": "first_given_name", "old": "BRUNO", "new": "JULES"},
            {"field": "birth_date", "old": "19500101", "new": "19750914"},
        ),
        _changed(
            {"field": "first_given_name", "old": "JULE", "new": "JULES"},
            {"field": "birth_date", "old": "19750913", "new": "19750914"},
        ),
    ),
    "IDV-CHG-002": (
        _changed({"field": "birth_name", "old": "MARCHANT", "new": "MARCHAND"}, **INS),
        _changed({"field": "birth_name", "old": "Marchand", "new": "MARCHAND"}, **INS),
    ),
    "IDV-CHG-003": (
        Case(
            (SOUND,),
            changes=({"ipp": "9", "field": "merged_into", "old": None, "new": "0"},),
            absorbed=({**OTHER, "ipp": "9"},),
        ),
        Case(
            (SOUND,),
            changes=({"ipp": "9", "field": "merged_into", "old": None, "new": "0"},),
            absorbed=({**OTHER, "ipp": "9", "sex": "M"},),
        ),
    ),
    "IDV-CHG-004": (
        _changed({"field": "sex", "old": "F", "new": "M"}),
        _changed({"field": "sex", "old": "U", "new": "M"}),
    ),
    "IDV-CHG-005": (
        _changed({"field": "birth_date", "old": "19650914", "new": "19750914"}),
        _changed({"field": "birth_date", "old": "19740914", "new": "19750914"}),
    ),
    "IDV-CHG-006": (
        _changed({"field": "matricule", "old": "175096748200233", "new": _MATRICULE}),
        _changed({"field": "matricule", "old": "1 75 09 67 482 001 74", "new": _MATRICULE}),
    ),
    "IDV-CHG-007": (
        _changed(
            {"field": "birth_name", "old": "JULES", "new": "MARCHAND"},
            {"field": "first_given_name", "old": "MARCHAND", "new": "JULES"},
        ),
        _changed({"field": "birth_name", "old": "JULES", "new": "MARCHAND"}),
    ),
    "IDV-CHG-008": (
        _changed(
            {"field": "phone", "old": "1", "new": "2", "sender": "GAM"},
            {"field": "phone", "old": "2", "new": "1", "sender": "DPI"},
        ),
        _changed(
            {"field": "phone", "old": "1", "new": "2", "sender": "GAM"},
            {"field": "phone", "old": "2", "new": "1", "sender": "GAM"},
        ),
    ),
    "IDV-CHG-009": (
        _changed({"field": "birth_date", "old": "19750914", "new": "19751231"}),
        _changed({"field": "birth_date", "old": "19751231", "new": "19750914"}),
    ),
    "IDV-CHG-010": (
        _changed({"field": "death_date", "old": "20260101", "new": '""'}),
        _changed({"field": "death_date", "old": "20260101", "new": "20260102"}),
    ),
    "IDV-CHG-011": (
        _changed({"field": "ipp", "old": "7", "new": "0"}),
        _changed({"field": "ipp", "old": None, "new": "0"}),
    ),
    "IDV-CHG-012": (
        _changed(*({"ipp": str(n), "field": "merged_into", "new": "0"} for n in range(1, 6))),
        _changed(*({"ipp": str(n), "field": "merged_into", "new": "0"} for n in range(1, 5))),
    ),
    "IDV-CHG-013": (
        _changed({"field": "first_given_name", "old": "BRUNO", "new": "JULES"}),
        _changed({"field": "first_given_name", "old": "JULES ANDRE", "new": "JULES"}),
    ),
    "IDV-CHG-014": (
        _changed({"field": "sex", "old": "F", "new": '""'}),
        _changed({"field": "phone", "old": "1", "new": '""'}),
    ),
    "IDV-SEJ-001": (
        _stayed({"movement_at": datetime(1970, 1, 1)}),
        _stayed({"movement_at": datetime(1975, 9, 13)}),
    ),
    "IDV-SEJ-002": (_stayed({}, death_date="20260401"), _stayed({}, death_date="20260430")),
    "IDV-SEJ-003": (_stayed({}, attributes="FICT"), _stayed({}, attributes="DOUT")),
    "IDV-SEJ-004": (
        _stayed({"discharged_at": datetime(2026, 4, 30)}),
        _stayed({"discharged_at": datetime(2026, 5, 1)}),
    ),
    "IDV-SEJ-005": (_stayed({"ipp": "77"}), _stayed({})),
    "IDV-SEJ-006": (
        _stayed(
            {"discharged_at": datetime(2026, 5, 9)},
            {"dossier": "N2", "movement": "m2", "admitted_at": datetime(2026, 5, 5), "finess_eg": "E2"},
        ),
        _stayed(
            {"discharged_at": datetime(2026, 5, 9)},
            {"dossier": "N2", "movement": "m2", "admitted_at": datetime(2026, 5, 9), "finess_eg": "E2"},
        ),
    ),
}
