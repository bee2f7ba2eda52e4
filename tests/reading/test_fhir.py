from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from insvigil.reading import fhir, read_movements
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


def rows_of(folder: Path, lines: list[bytes], alike: int, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(fhir, "ALIKE", alike)
    path = folder / "Patient.ndjson"
    path.write_bytes(b"\n".join(lines) + b"\n")
    return read_movements([path], SETTINGS)


texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=16)
concept = st.sampled_from(["PI", "INS-NIR", "INS-NIA", "NH", "1"]).map(lambda code: {"coding": [{"code": code}]})
instants = st.sampled_from(["2026-01-05", "2026-01-05T08:15:00Z", "2026-01-05T08:15:00.25+01:00", "x"]) | texts
meta = st.fixed_dictionaries({}, optional={"lastUpdated": instants, "versionId": texts, "source": texts})
uses = st.sampled_from(["old", "usual", "official", "maiden"])
systems = st.sampled_from(["urn:oid:1.2", "x"])
identifier = st.fixed_dictionaries({"value": texts, "type": concept}, optional={"use": uses, "system": systems})
human = st.fixed_dictionaries({"family": texts}, optional={"given": st.lists(texts, max_size=3), "use": uses})
address = st.fixed_dictionaries({"line": st.lists(texts, max_size=2), "city": texts})
place = {"city": "VALMONT", "extension": [{"url": "insee-code", "valueCoding": {"code": "76219"}}]}
patients = st.fixed_dictionaries(
    {"resourceType": st.just("Patient"), "id": texts},
    optional={
        "meta": meta,
        "identifier": st.lists(identifier, max_size=3),
        "name": st.lists(human, max_size=3),
        "gender": st.sampled_from(["male", "female", "other", "x"]) | texts,
        "birthDate": st.dates().map(str) | texts,
        "deceasedDateTime": st.dates().map(str) | texts,
        "multipleBirthInteger": st.integers(1, 3),
        "address": st.lists(address, max_size=2),
        "extension": st.just([{"url": "x/patient-birthPlace", "valueAddress": place}]),
    },
)


@given(st.lists(patients, min_size=1, max_size=5), st.booleans())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_read_movements__reads_patients_of_one_shape_as_it_reads_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, people: list[dict[str, Any]], spaced: bool
) -> None:
    option = orjson.OPT_INDENT_2 if spaced else 0
    lines = [orjson.dumps(person, option=option).replace(b"\n", b" ") for person in people]
    together = rows_of(tmp_path, lines, 1, monkeypatch)
    alone = rows_of(tmp_path, lines, 10**9, monkeypatch)
    assert_frame_equal(together.movements, alone.movements)
    assert_frame_equal(together.rejects, alone.rejects)
    assert together.counts == alone.counts


def test_read_movements__shares_a_recipe_between_patients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [b'{"resourceType":"Patient","id":"%d","gender":"male"}' % number for number in range(9)]
    read = rows_of(tmp_path, [*lines, lines[3], b'{"resourceType":"Patient","id":"\xe9"}'], 4, monkeypatch)
    assert read.movements["ipp"].to_list() == [str(number) for number in range(9)]
    assert read.movements["sex"].unique().to_list() == ["M"]
    assert read.rejects["code"].to_list() == ["IDV-LEC-403"] * 9 + ["IDV-LEC-401"]
    assert (read.counts["read"], read.counts["duplicates"], read.counts["rejected"]) == (11, 1, 1)


LINKED = (
    b'{"resourceType":"Patient","id":"a","name":[{"family":"ROSEAU"}],"active":false,'
    b'"meta":{"lastUpdated":"2026-01-05T08:00:00Z"},'
    b'"link":[{"type":"replaced-by","other":{"reference":"https://eds.example/Patient/b/_history/2"}}]}',
    b'{"resourceType":"Patient","id":"b","identifier":[{"system":"urn:oid:1.2","value":"7","type":{"coding":'
    b'[{"code":"PI"}]}}],"link":[{"type":"replaces","other":{"identifier":{"system":"urn:oid:1.2","value":"6"}}},'
    b'{"type":"seealso","other":{"reference":"Patient/c"}}]}',
)


@pytest.mark.parametrize("order", [1, -1])
def test_read_movements__reads_a_link_between_patients_as_a_merge(tmp_path: Path, order: int) -> None:
    for number, line in enumerate(LINKED[::order]):
        (tmp_path / f"{number}.ndjson").write_bytes(line)
    read = read_movements([tmp_path], SETTINGS)
    merges = read.movements.filter(trigger="A40").select("domain", "ipp", "merged_domain", "merged_ipp")
    assert sorted(merges.rows()) == [("1.2", "7", "", "a"), ("1.2", "7", "1.2", "6")]
    assert read.movements.filter(trigger="A40")["birth_name"].null_count() == 2
    assert read.counts["read"] == read.counts["kept"] == 4
    assert "IDV-LEC-406" not in read.rejects["code"].to_list()


def test_read_movements__says_that_a_link_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_bytes(LINKED[0])
    read = read_movements([tmp_path], SETTINGS)
    assert read.movements["trigger"].to_list() == ["FHIR"]
    assert read.rejects.filter(code="IDV-LEC-406").select("line", "rejected").rows() == [(1, False)]


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
