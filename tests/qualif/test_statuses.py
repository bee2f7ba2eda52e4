from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from insvigil.frames import Statuses
from insvigil.qualif import derive_statuses, status_anomalies
from insvigil.qualif.rules import RULES
from insvigil.settings import QualifSettings
from insvigil.vocabulary import DELETED, OID_OF_MATRICULE, Status
from tests.qualif.people import (
    DAY,
    INS,
    MATRICULE,
    NIA,
    NIR,
    QUALIFIED,
    TEST,
    TRAITS,
    UNHURRIED,
    changes,
    creation,
    identities,
)

SAMPLES = Path(__file__).parents[2] / "../shared/samples/pam_spec"


def ins(matricule: str = MATRICULE, oid: str | None = NIR, code: str = "VALI") -> dict[str, Any]:
    return {"identity_code": code, "matricule": matricule, "matricule_oid": oid}


Q, V, R, P = Status.QUALIFIEE, Status.VALIDEE, Status.RECUPEREE, Status.PROVISOIRE

CASES: list[tuple[str, dict[str, Any], Status, str | None, bool]] = [
    ("VALI with INS-NIR", {"identity_code": "VALI", **INS}, Q, None, True),
    ("VALI with INS-NIA", ins(MATRICULE, NIA), Q, None, True),
    ("VALI without INS", {"identity_code": "VALI"}, V, None, False),
    ("VALI, INS deleted", ins(DELETED), V, None, False),
    ("VALI second, after an attribute", {"identity_code": "HOMA", "attributes": "VALI", **INS}, Q, None, True),
    ("VALI and homonym", {"identity_code": "VALI", "attributes": "HOMA", **INS}, Q, None, True),
    ("PROV", {"identity_code": "PROV"}, P, None, False),
    ("VIDE", {"identity_code": "VIDE"}, P, None, False),
    ("no PID-32", {}, P, None, False),
    ("PROV with INS", {"identity_code": "PROV", **INS}, P, "IDV-QUA-003", False),
    ("no PID-32 with INS", {**INS}, P, "IDV-QUA-003", False),
    ("PROV by INSi", {"identity_code": "PROV", "collection_mode": "INSI"}, R, None, False),
    ("PROV with an INSi date", {"identity_code": "PROV", "insi_date": "20260301"}, R, None, False),
    ("no PID-32, INSi date", {"insi_date": "20260301"}, R, None, False),
    ("PROV by carte Vitale", {"identity_code": "PROV", "collection_mode": "CV"}, P, None, False),
    ("PROV by INSi, corrected date", {"insi_date": "20260301", "birth_date_corrected": "Y"}, P, "IDV-QUA-005", False),
    ("VALI and doubtful", {"identity_code": "VALI", "attributes": "DOUT", **INS}, P, "IDV-QUA-001", False),
    ("VALI and fictive", {"identity_code": "VALI", "attributes": "FICT"}, P, "IDV-QUA-001", False),
    ("PROV and doubtful", {"identity_code": "PROV", "attributes": "DOUT"}, P, None, False),
    ("PROV, doubtful, homonym", {"identity_code": "PROV", "attributes": "DOUT HOMA"}, P, None, False),
    ("PROV, doubtful, with INS", {"identity_code": "PROV", "attributes": "DOUT", **INS}, P, "IDV-QUA-001", False),
    ("fictive and doubtful", {"identity_code": "PROV", "attributes": "FICT DOUT"}, P, "IDV-QUA-008", False),
    ("doubtful by INSi", {"identity_code": "DOUT", "collection_mode": "INSI"}, P, None, False),
    ("test OID", ins(MATRICULE, TEST), V, "IDV-QUA-002", False),
    ("no OID", ins(MATRICULE, None), V, "IDV-QUA-006", False),
    ("foreign OID", ins(MATRICULE, "1.2.3"), V, "IDV-QUA-006", False),
    ("INS-C", ins("1" * 22), V, "IDV-QUA-006", False),
    ("provisional number", ins("7" + MATRICULE[1:]), V, "IDV-QUA-006", False),
    ("no birth place", {"identity_code": "VALI", "birth_place": None, **INS}, V, "IDV-QUA-004", False),
    ("deleted birth name", {"identity_code": "VALI", "birth_name": DELETED, **INS}, V, "IDV-QUA-004", False),
    ("year of birth only", {"identity_code": "VALI", "birth_date": "1964", **INS}, V, "IDV-QUA-004", False),
    ("unknown sex", {"identity_code": "VALI", "sex": "U", **INS}, V, "IDV-QUA-004", False),
    ("corrected date", {"identity_code": "VALI", "birth_date_corrected": "Y", **INS}, V, "IDV-QUA-005", False),
    ("VALI and PROV", {"identity_code": "VALI", "attributes": "PROV", **INS}, P, "IDV-QUA-007", False),
    ("wrong key", ins(MATRICULE[:13] + "59"), Q, "IDV-QUA-010", False),
    ("no key", ins(MATRICULE[:13]), Q, "IDV-QUA-010", False),
    ("Corsica", ins("164032A00407732"), Q, None, True),
    ("unknown birth place", {"identity_code": "VALI", "birth_place": "99999", **INS}, Q, "IDV-QUA-011", True),
    ("usurpation", {"identity_code": "VALI", "attributes": "USUR", **INS}, Q, "IDV-QUA-013", False),
    ("invalidated", {"identity_code": "INVA", "attributes": "VALI", **INS}, P, "IDV-QUA-013", False),
    ("driving licence", {"identity_code": "VALI", "document": "PC", **INS}, Q, "IDV-QUA-014", True),
    ("passport", {"identity_code": "VALI", "document": "PA", "document_expiry": "20300101", **INS}, Q, None, True),
    ("expired passport", ins() | {"document": "PA", "document_expiry": "20200101"}, Q, "IDV-QUA-015", True),
    ("native QUAL", {"identity_code": "QUAL", **INS}, Q, None, True),
    ("native QUAL without INS", {"identity_code": "QUAL"}, Q, "IDV-QUA-009", False),
    ("native QUAL, test OID", ins(MATRICULE, TEST, "QUAL"), V, "IDV-QUA-002", False),
    ("native QUAL, fictive", {"identity_code": "QUAL", "attributes": "FICT"}, P, "IDV-QUA-001", False),
    ("native QUAL, corrected date", {"identity_code": "QUAL", "birth_date_corrected": "Y"}, V, "IDV-QUA-005", False),
    ("native RECUP", {"identity_code": "RECUP"}, R, None, False),
]  # fmt: skip


def only(frame: pl.DataFrame) -> dict[str, Any]:
    return frame.row(0, named=True)


@pytest.mark.parametrize(
    ("said", "status", "anomaly", "transmissible"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_derive_statuses__decision_table(
    said: dict[str, Any], status: Status, anomaly: str | None, transmissible: bool
) -> None:
    row = only(derive_statuses(identities(TRAITS | said), QualifSettings()))
    assert (row["status"], row["anomaly"], row["ins_transmissible"]) == (status, anomaly, transmissible)
    assert row["insi_recovered"] == (status in (R, Q))
    assert row["document_controlled"] == (status in (V, Q))


def test_derive_statuses__test_oid_is_accepted_outside_production() -> None:
    person = TRAITS | ins(MATRICULE, TEST)
    row = only(derive_statuses(identities(person), QualifSettings(), production=False))
    assert (row["status"], row["anomaly"]) == (Q, None)


def test_derive_statuses__says_which_feed_the_status_comes_from() -> None:
    people = identities({"identity_code": "QUAL"}, {"identity_code": "VALI"}, {"insi_date": "20260101"}, {})
    assert derive_statuses(people, QualifSettings())["source"].to_list() == ["native", "pam", "pam_zfd", "none"]


def test_derive_statuses__a_site_changes_the_class_of_a_document() -> None:
    person = identities(QUALIFIED | {"document": "PC"})
    assert only(derive_statuses(person, QualifSettings(documents={"PC": "high"})))["anomaly"] is None
    unknown = identities(QUALIFIED | {"document": "eCN"})
    assert only(derive_statuses(unknown, QualifSettings()))["anomaly"] is None
    assert only(derive_statuses(unknown, QualifSettings(documents={"eCN": "low"})))["anomaly"] == "IDV-QUA-014"


def test_derive_statuses__ins_withdrawn_then_prov_is_provisional_whatever_zfd_said() -> None:
    later = DAY + timedelta(days=3)
    before = QUALIFIED | {"collection_mode": "INSI", "insi_date": "20260301"}
    after = before | {"identity_code": "PROV", "matricule": None, "matricule_oid": None}
    ledger = changes([
        *creation("0000", before),
        ("0000", "matricule", MATRICULE, None, later),
        ("0000", "identity_code", "VALI", "PROV", later),
    ])  # fmt: skip
    people = identities(after)
    assert only(derive_statuses(people, QualifSettings(), changes=ledger))["status"] == P
    asked_again = pl.concat([ledger, changes([("0000", "insi_date", "20260301", "20260310", later + timedelta(1))])])
    assert only(derive_statuses(people, QualifSettings(), changes=asked_again))["status"] == R


@pytest.mark.parametrize(
    ("field", "old", "new", "lost"),
    [
        ("birth_name", "ZELPHIN", "ZELFIN", True),
        ("birth_name", "Zelphin", "ZELPHIN", False),
        ("birth_name", "D'ARZEL-NOE", "D ARZEL NOÉ", False),
        ("birth_date", "19640312", "19640321", True),
        ("birth_place", None, "99214", False),
        ("given_names", "ORIANE", "ORIANE LISE", True),
        ("first_given_name", "ORIANE LISE", "ORIANE", False),
        ("first_given_name", "ORIANE", "LISE", True),
        ("used_name", "ZELPHIN", "MARVAUX", False),
    ],
)
def test_derive_statuses__strict_trait_modified_after_the_ins_loses_the_recovery(
    field: str, old: str | None, new: str, lost: bool
) -> None:
    person = QUALIFIED | {field: new, "document": "PA"}
    ledger = changes([*creation("0000", QUALIFIED), ("0000", field, old, new, DAY + timedelta(days=9))])
    safe = only(derive_statuses(identities(person), QualifSettings(), changes=ledger))
    kept = only(derive_statuses(identities(person), QualifSettings(keep_status_on_strict_change=True), changes=ledger))
    assert (safe["status"], safe["anomaly"]) == ((P, "IDV-QUA-012") if lost else (Q, None))
    assert (kept["status"], kept["anomaly"]) == ((V, "IDV-QUA-012") if lost else (Q, None))
    assert safe["ins_transmissible"] is not lost


def test_derive_statuses__strict_trait_modified_with_a_new_insi_answer_stays_qualified() -> None:
    later = DAY + timedelta(days=9)
    ledger = changes([
        *creation("0000", QUALIFIED),
        ("0000", "birth_name", "ZELPHAIN", "ZELPHIN", later),
        ("0000", "insi_date", None, "20260311", later),
    ])  # fmt: skip
    assert only(derive_statuses(identities(QUALIFIED), QualifSettings(), changes=ledger))["status"] == Q


def test_status_anomalies__lists_every_rule_that_holds() -> None:
    person = QUALIFIED | {"birth_place": "99999", "document": "PC", "matricule": MATRICULE[:13]}
    found = status_anomalies(identities({}, person), QualifSettings())
    assert found["code"].to_list() == ["IDV-QUA-010", "IDV-QUA-011", "IDV-QUA-014"]
    assert found["ipp"].unique().to_list() == ["0001"]


def test_rules__codes_are_unique_and_say_where_they_come_from() -> None:
    codes = [rule.code for rule in RULES]
    assert len(set(codes)) == len(codes)
    assert all(rule.sentence.endswith(".") and rule.source and rule.advice for rule in RULES)


CODES = st.sampled_from([None, "", "PROV", "VALI", "QUAL", "RECUP", "FICT", "DOUT", "HOMA", "INVA", "VIDE", "xyz"])
ANY_IDENTITY = st.fixed_dictionaries(
    {
        "identity_code": CODES,
        "attributes": CODES,
        "matricule": st.sampled_from([None, DELETED, MATRICULE, "12", "é"]),
        "matricule_oid": st.sampled_from([None, NIR, NIA, TEST, "1.2"]),
        "birth_date": st.sampled_from([None, "", "1964", "19640312", "00000000", "é"]),
        "birth_date_corrected": st.sampled_from([None, "Y", "N"]),
        "sex": st.sampled_from([None, "M", "F", "U"]),
        "birth_place": st.sampled_from([None, "99999", "01004"]),
        "birth_name": st.sampled_from([None, "ZELPHIN"]),
        "first_given_name": st.just("ORIANE"),
        "insi_date": st.sampled_from([None, "20260101"]),
        "document_expiry": st.sampled_from([None, "20200101", "x", ""]),
    }
)


@UNHURRIED
@given(st.lists(ANY_IDENTITY, min_size=1, max_size=8))
def test_derive_statuses__whatever_is_said_a_status_comes_out_and_the_matricule_is_safe(
    people: list[dict[str, Any]],
) -> None:
    statuses = derive_statuses(identities(*people), QualifSettings())
    assert statuses["identity_id"].to_list() == list(range(len(people)))
    Statuses.validate(statuses)
    for person, row in zip(people, statuses.to_dicts(), strict=True):
        assert row["insi_recovered"] == (row["status"] in (R, Q))
        if row["ins_transmissible"]:
            said = f"{person['identity_code']} {person['attributes']}"
            assert row["status"] == Q
            assert "FICT" not in said
            assert "DOUT" not in said
            assert person["matricule_oid"] in (NIR, NIA)
            assert all(person[t] for t in ("birth_name", "birth_date", "sex", "birth_place"))
            assert person["birth_date_corrected"] != "Y"


@pytest.mark.skipif(not SAMPLES.exists(), reason="the shared samples are not here")
@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("4.4.1_A31_NIA_to_NIR.hl7", Q),
        ("4.4.2_A47_change_INS_NIR.hl7", Q),
        ("4.4.3_A47_delete_INS.hl7", V),
        ("4.4.4_A47_qualified_to_recovered.hl7", P),
    ],
)
def test_derive_statuses__ins_life_cycle_of_the_pam_specification(name: str, status: Status) -> None:
    text = (SAMPLES / name).read_text(encoding="utf-8").replace("\r", "\n")
    pid = next(line for line in text.split("\n") if line.startswith("PID")).split("|")
    legal = next(name for name in pid[5].split("~") if name.endswith("^L")).split("^")
    numbers = [cx.split("^") for cx in pid[3].split("~") if cx.endswith("^INS")]
    best = min(numbers, key=lambda cx: list(OID_OF_MATRICULE).index(cx[3].split("&")[1]))
    person = {
        "birth_name": legal[0],
        "first_given_name": legal[1],
        "given_names": legal[2],
        "birth_date": pid[7],
        "sex": pid[8],
        "birth_place": pid[11].split("^")[8],
        "identity_code": pid[32],
        "matricule": None if best[0] == DELETED else best[0],
        "matricule_oid": None if best[0] == DELETED else best[3].split("&")[1],
    }
    before = QUALIFIED | {"collection_mode": "INSI", "insi_date": "20260301"}
    ledger = [*creation("0000", before)]
    ledger += [
        ("0000", field, before.get(field), value, DAY + timedelta(days=1))
        for field, value in person.items()
        if value != before.get(field) and field not in TRAITS
    ]
    row = only(derive_statuses(identities(person), QualifSettings(), changes=changes(ledger)))
    assert row["status"] == status
