from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import hl7
import numpy as np
import polars as pl
import pytest

from insvigil.bench.hospital import Hospital, Row
from insvigil.bench.messages import IDENTITY_TRIGGERS, er7
from insvigil.bench.movement_files import DEVIATIONS, write_nights
from insvigil.bench.population import Population, generate

FIRST = date(2026, 11, 18)


@pytest.fixture(scope="module")
def population() -> Population:
    return generate(3_000, seed=11)


@pytest.fixture(scope="module")
def nights(population: Population) -> list[list[Row]]:
    return list(Hospital(population, FIRST, 3, np.random.default_rng(5)).nights())


@pytest.fixture(scope="module")
def messages(nights: list[list[Row]]) -> list[Row]:
    return [message for night in nights for message in night]


def test_nights__each_holds_its_own_day_in_order_of_time(nights: list[list[Row]]) -> None:
    for number, night in enumerate(nights):
        times = [message["message_time"] for message in night]
        assert times == sorted(times)
        assert {time.date().day for time in times} == {FIRST.day + number}


def test_nights__every_kind_of_message_is_there(messages: list[Row]) -> None:
    kinds = {message["trigger"] for message in messages}
    assert {"A28", "A31", "A40", "A47", "A01", "A02", "A03", "A04", "A05", "A11"} <= kinds
    assert {message["sender"] for message in messages} == {"GAM|HDEMO", "URGENCES|HDEMO"}
    assert {message["identity_code"] for message in messages} == {"VALI", "PROV", "VIDE"}
    assert len({message["finess_eg"] for message in messages if message.get("finess_eg")}) == 3


def test_nights__an_identity_is_created_before_anything_is_said_of_it(messages: list[Row]) -> None:
    created, gone = set(), set()
    for message in messages:
        if message["trigger"] == "A28":
            created.add(message["ipp"])
        assert message["ipp"] in created
        assert message["ipp"] not in gone
        if message["trigger"] == "A40":
            assert message["merged_ipp"] in created
            gone.add(message["merged_ipp"])


def test_nights__merges_join_records_of_one_person(messages: list[Row], population: Population) -> None:
    person = dict(population.truth.select("id", "person").iter_rows())
    merges = [message for message in messages if message["trigger"] == "A40"]
    assert merges
    assert all(person[message["ipp"]] == person[message["merged_ipp"]] for message in merges)


def test_nights__control_ids_are_unique_and_a_cancel_names_its_movement(messages: list[Row]) -> None:
    controls = [message["control_id"] for message in messages]
    assert len(set(controls)) == len(controls)
    inserted = {m["movement"] for m in messages if m.get("movement_action") == "INSERT"}
    cancelled = [m for m in messages if m.get("movement_action") == "CANCEL"]
    assert cancelled
    assert all(message["movement"] in inserted and message["movement_origin"] for message in cancelled)


def test_nights__an_ins_is_sent_only_with_traits_that_agree_with_it(messages: list[Row]) -> None:
    sent = [m for m in messages if m.get("matricule") not in (None, '""')]
    assert len(sent) > 500
    for message in sent:
        assert message["identity_code"] == "VALI"
        assert message["matricule"][1:5] == message["birth_date"][2:6]
        assert message["matricule"][5:10] == message["birth_place"]
        assert not message.get("billing_nir")


def test_er7__python_hl7_reads_back_what_was_written(messages: list[Row]) -> None:
    for message in messages[:: max(1, len(messages) // 400)]:
        parsed = hl7.parse("\r".join(er7(message, charset="UNICODE UTF-8")))
        pid = parsed.segment("PID")
        identifiers = {str(cx[4][0]): str(cx[0][0]) for cx in pid[3] if str(cx) and len(cx) > 4}
        assert identifiers["PI"] == message["ipp"]
        assert identifiers.get("INS") == message["matricule"]
        names = {str(xpn[6][0]): xpn for xpn in pid[5]}
        for component, name in enumerate(("birth_name", "first_given_name", "given_names")):
            assert str(names["L"][component][0]) == (message[name] or "")
        assert str(pid[7]) == message["birth_date"]
        assert str(pid[8]) == message["sex"]
        assert str(pid[32]).split("~")[0] == message["identity_code"]
        births = [xad for xad in pid[11] if len(xad) > 8 and str(xad[6][0]) == "BDL"]
        assert [str(xad[8][0]) for xad in births] == ([message["birth_place"]] if message["birth_place"] else [])
        if message["trigger"] in IDENTITY_TRIGGERS:
            continue
        zbe = parsed.segment("ZBE")
        assert str(zbe[1][0][0]) == message["movement"]
        assert datetime.strptime(str(zbe[2]), "%Y%m%d%H%M%S") == message["movement_at"].replace(microsecond=0)
        assert str(zbe[4]) == message["movement_action"]
        assert str(zbe[7][0][9]) == message["unit_medical"]
        assert str(parsed.segment("PV1")[2]) == message["patient_class"]


def test_write_nights__the_same_arguments_give_the_same_bytes(population: Population, tmp_path: Path) -> None:
    def written(folder: Path) -> dict[str, bytes]:
        folders = write_nights(population, folder, nights=2, seed=3, first_night=FIRST)
        assert [path.name for path in folders] == ["2026-11-18", "2026-11-19"]
        return {str(p.relative_to(folder)): p.read_bytes() for f in folders for p in sorted(f.iterdir())}

    first, second = written(tmp_path / "a"), written(tmp_path / "b")
    assert first == second
    assert {name.split("/")[1].split("-")[0] for name in first} == {"gam", "urgences"}


def test_write_nights__each_sender_keeps_its_charset_and_its_envelope(population: Population, tmp_path: Path) -> None:
    (night,) = write_nights(population, tmp_path, nights=1, seed=3, first_night=FIRST)
    gam, urgences = (night / f"{name}-0001.hl7" for name in ("gam", "urgences"))
    assert b"|8859/15|" in gam.read_bytes()
    assert b"\n" not in gam.read_bytes()
    assert any(ord(letter) > 127 for letter in gam.read_text("iso8859-15"))
    lines = urgences.read_text("utf-8").splitlines()
    count = sum(line.startswith("MSH") for line in lines)
    assert (lines[0][:3], lines[-2], lines[-1]) == ("FHS", f"BTS|{count}", "FTS|1")


def test_write_nights__without_deviations_each_message_is_written_once(population: Population, tmp_path: Path) -> None:
    (night,) = write_nights(population, tmp_path, nights=1, seed=3, first_night=FIRST, deviations=False)
    controls = [
        line.split("|")[9]
        for path in night.iterdir()
        for line in path.read_text("iso8859-15").replace("\n", "\r").split("\r")
        if line.startswith("MSH")
    ]
    expected = next(Hospital(population, FIRST, 1, np.random.default_rng([3, 1])).nights())
    assert sorted(controls) == sorted(message["control_id"] for message in expected)


@pytest.mark.parametrize("name", DEVIATIONS)
def test_deviations__each_changes_some_message_and_only_it(name: str, messages: list[Row]) -> None:
    changed = 0
    for message in messages[-800:]:
        segments = er7(message, charset="8859/15")
        slipped = DEVIATIONS[name](list(segments))
        assert len(slipped) == len(segments)
        changed += slipped != segments
    assert changed


def test_population__identities_keep_their_traits_in_the_feed(messages: list[Row], population: Population) -> None:
    first = {}
    for message in messages:
        first.setdefault(message["ipp"], message)
    rows = population.identities.filter(pl.col("id").is_in(list(first)))
    for row in rows.head(300).iter_rows(named=True):
        sent = first[row["id"]]
        assert sent["birth_name"] == row["birth_name"]
        assert sent["birth_date"] == row["birth_date"].replace("-", "")
