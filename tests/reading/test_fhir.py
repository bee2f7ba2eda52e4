from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from insvigil.reading import read_movements
from insvigil.settings import ReadingSettings

FOLDER = Path(__file__).parents[2] / "fixtures" / "reading" / "fhir"
SAMPLES = Path(__file__).parents[3] / "shared" / "samples" / "fhir_fr_core"
SETTINGS = ReadingSettings()


def test_read_movements__reads_three_generations_of_fr_core() -> None:
    rows = read_movements([FOLDER / "three_generations.ndjson"], SETTINGS).movements
    assert rows["identity_code"].to_list() == ["VALI", "PROV", "QUAL"]
    assert rows["birth_place"].unique().to_list() == ["76219"]
    assert rows["line"].to_list() == [1, 2, 3]
    first, second, third = rows.rows(named=True)
    assert (first["matricule"], first["matricule_oid"]) == ("284037621904173", "1.2.250.1.213.1.4.8")
    assert first["document"] == "CN"
    assert (first["birth_name"], first["first_given_name"], first["given_names"]) == (
        "BRINDILLE",
        "LISON",
        "LISON MAUD",
    )
    assert (first["used_name"], first["used_given_name"]) == ("ROSEAU", "MAUD")
    assert (first["domain"], first["ipp"]) == ("1.2.250.1.71.4.2.2.990000011", "000123")
    assert (first["birth_date"], first["sex"]) == ("19840317", "F")
    assert (first["address"], first["postal_code"], first["phone"]) == ("4 RUE DU PUITS", "76540", "0235000000")
    assert (second["collection_mode"], second["insi_date"], second["sender"]) == ("INSI", "20260104", "EDS")
    assert (second["control_id"], str(second["message_time"])) == ("Patient/b/3", "2026-01-05 08:15:00")
    assert (third["attributes"], third["birth_rank"], third["death_date"]) == ("HOMA IDVER", "2", "20260104")
    assert (third["matricule"], third["billing_nir"]) == ("284037621904173", "184037621904173")


def test_read_movements__reads_a_bundle_with_its_encounters() -> None:
    reading = read_movements([FOLDER / "bundle.json"], SETTINGS)
    assert reading.counts["read"] == 4
    assert reading.rejects["code"].to_list() == ["IDV-LEC-405"]
    _, visit, movement = reading.movements.rows(named=True)
    assert (visit["ipp"], visit["visit"], visit["dossier"], visit["patient_class"]) == (
        "000123", "24000777", "24000777", "I",
    )  # fmt: skip
    assert (movement["ipp"], movement["movement"], movement["unit_medical"]) == ("000123", "71|1.2.3", "3201")
    assert str(movement["movement_at"]) == "2026-01-05 08:00:00"


def test_read_movements__rejects_what_is_no_patient() -> None:
    reading = read_movements([FOLDER / "bad_resources.ndjson"], SETTINGS)
    counts = reading.counts
    assert counts["read"] == 6 == counts["kept"] + counts["rejected"]
    assert reading.rejects.filter("rejected")["code"].to_list() == [
        "IDV-LEC-401", "IDV-LEC-401", "IDV-LEC-402", "IDV-LEC-401", "IDV-LEC-402",
    ]  # fmt: skip
    assert reading.rejects.filter(~reading.rejects["rejected"])["code"].to_list() == ["IDV-LEC-403", "IDV-LEC-404"]


KEYS = (
    "identifier name extension url value use type coding code given birthDate gender address telecom system "
    "meta lastUpdated id subject reference period account class serviceProvider valueAddress "
    "family multipleBirthInteger deceasedDateTime"
)
json = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS.split()), inner, max_size=4),
    max_leaves=12,
)


@given(
    st.dictionaries(st.sampled_from(KEYS.split()), json, max_size=6),
    st.sampled_from(["Patient", "Encounter", "Bundle", 3]),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_read_movements__any_json_gives_rows_or_rejects(tmp_path: Path, resource: dict[str, Any], kind: Any) -> None:
    path = tmp_path / "a.ndjson"
    good = b'{"resourceType":"Patient","id":"ok"}\n'
    path.write_bytes(good + orjson.dumps(resource | {"resourceType": kind}) + b"\n")
    counts = read_movements([path], SETTINGS).counts
    assert counts["read"] == 2 == counts["kept"] + counts["rejected"]


@pytest.mark.skipif(not SAMPLES.exists(), reason="the shared samples are not here")
def test_read_movements__reads_the_samples_of_fr_core() -> None:
    reading = read_movements([SAMPLES], SETTINGS)
    counts = reading.counts
    assert (counts["read"], counts["kept"], counts["rejected"]) == (8, 7, 1)
    assert reading.movements["identity_code"].sort().to_list() == [
        "PROV",
        "PROV",
        "QUAL",
        "VALI",
        "VALI",
        "VALI",
        "VIDE",
    ]
