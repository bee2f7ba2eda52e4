from __future__ import annotations

import gzip
import os
import time
import zipfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from insvigil.errors import SourceError, UsageError
from insvigil.reading import Reading, inspect, iter_movements, read_movements
from insvigil.reading import movements as movements_module
from insvigil.reading import sources as sources_module
from insvigil.settings import ReadingSettings
from tests.reading.test_hl7_grammar import hostile
from tests.reading.writing import INS_NIR, matricule, message, movement

SETTINGS = ReadingSettings()


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def conserved(reading: Reading) -> None:
    counts = reading.counts
    assert counts["read"] == counts["kept"] + counts["folded"] + counts["rejected"]
    assert counts["folded"] == counts["duplicates"] + counts["already_read"]
    assert counts["kept"] == reading.movements.height + reading.crosschecks.height
    refused = reading.rejects.filter("rejected")
    assert counts["rejected"] == refused.height == refused.select("source", "offset").unique().height


@given(hostile)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_read_movements__any_bytes_give_rows_or_rejects(tmp_path: Path, data: bytes) -> None:
    write(tmp_path, "a.hl7", data)
    write(tmp_path, "b.hl7", message())
    conserved(read_movements([tmp_path], SETTINGS))


@given(
    st.lists(st.sampled_from([message(MSH_10=n) for n in "1234"] + ["PID|1\r", "x\r", "BHS|^~\\&\r"]), max_size=12),
    st.booleans(),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_read_movements__pieces_change_nothing(tmp_path: Path, parts: list[str], once: bool) -> None:
    path = write(tmp_path, "a.hl7", "".join(parts) + message())
    whole = read_movements([path], SETTINGS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources_module, "PIECE", 64)
        patch.setattr(sources_module, "HEAD", 64)
        if not once:
            patch.setattr(sources_module, "WHOLE", 0)
        patch.setattr(movements_module, "PIECE", 64)
        cut = read_movements([path], SETTINGS)
    assert cut.counts == whole.counts
    assert cut.movements.equals(whole.movements)
    order = cut.rejects.columns
    assert cut.rejects.sort(order).equals(whole.rejects.sort(order))
    assert cut.sources.equals(whole.sources)
    conserved(whole)


def test_read_movements__fills_the_identity_columns(tmp_path: Path) -> None:
    number = matricule("2840376219041")
    text = message(
        PID_3=f"000123^^^CHINV&990000011&N^PI~{number}^^^{INS_NIR}~284037621904173^^^ASIP-SANTE-NIR&1.2.250.1.213.1.4.8"
        "&ISO^NH",
        PID_5='""^MAUD^^^^^D~BRINDILLE^LISON^LISON MAUD^^^^L',
        PID_11="4 RUE DU PUITS^BAT C^VALMONT^^76540^FRA^H~^^VALMONT^^76540^FRA^BDL^^76719",
        PID_13="^PRN^PH^^^^^^^^^0235000000~^NET^Internet^lison@courriel.example",
        PID_21="000777^^^CHINV&990000011&N^PI~24000001^^^^AN",
        PID_24="Y",
        PID_25="2",
        PID_29="20260104",
        PID_30="Y",
        PID_32="VALI~HOMA~DOUT",
        ZFD_1="31^15^1984",
        ZFD_4="N",
        ZFD_5="INSI",
        ZFD_6="20260104",
        ZFD_7="CN",
        ZFD_8="20300101",
    )
    row = read_movements([write(tmp_path, "a.hl7", text)], SETTINGS).movements.row(0, named=True)
    expected = {
        "ipp": "000123", "domain": "990000011", "matricule": number, "matricule_oid": "1.2.250.1.213.1.4.8",
        "billing_nir": "284037621904173", "birth_name": "BRINDILLE", "first_given_name": "LISON",
        "given_names": "LISON MAUD", "used_name": '""', "used_given_name": "MAUD", "birth_date": "19840317", "sex": "F",
        "address": "4 RUE DU PUITS BAT C", "city": "VALMONT", "postal_code": "76540", "country": "FRA",
        "birth_place": "76719", "birth_place_name": "VALMONT", "phone": "0235000000",
        "email": "lison@courriel.example", "mother_ipp": "000777", "multiple_birth": "Y", "birth_rank": "2",
        "death_date": "20260104", "deceased": "Y", "identity_code": "VALI", "attributes": "HOMA DOUT",
        "birth_date_lunar": "31^15^1984", "birth_date_corrected": "N", "collection_mode": "INSI",
        "insi_date": "20260104", "document": "CN", "document_expiry": "20300101", "sender": "GAM|CHINV",
        "control_id": "M1", "processing": "P", "trigger": "A28", "patient_class": "N", "line": 1, "offset": 0,
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected
    assert str(row["message_time"]) == "2026-01-05 08:15:00"
    assert str(row["event_time"]) == "2026-01-05 08:10:00"


def test_read_movements__fills_the_movement_columns(tmp_path: Path) -> None:
    row = read_movements([write(tmp_path, "a.hl7", movement("A02"))], SETTINGS).movements.row(0, named=True)
    expected = {
        "trigger": "A02", "dossier": "24000777", "visit": "24000777", "patient_class": "I", "unit_lodging": "3201",
        "finess_eg": "990000011", "unit_medical": "3201", "unit_care": "3202", "movement": "71|990000011",
        "movement_action": "INSERT", "movement_historic": "N", "movement_nature": "HMS",
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected
    assert str(row["movement_at"]) == str(row["admitted_at"]) == "2026-01-05 08:00:00"


def test_read_movements__fills_the_merge_columns(tmp_path: Path) -> None:
    old = matricule("2840376219041")
    text = message(
        MSH_9="ADT^A47^ADT_A30", MRG_1=f"000999^^^CHINV&990000011&N^PI~{old}^^^{INS_NIR}", MRG_3="24000001^^^^AN"
    )
    row = read_movements([write(tmp_path, "a.hl7", text)], SETTINGS).movements.row(0, named=True)
    assert (row["merged_ipp"], row["merged_domain"], row["merged_dossier"]) == ("000999", "990000011", "24000001")
    assert row["merged_matricule"] == old


def test_read_movements__folds_a_message_sent_twice_and_a_file_read_before(tmp_path: Path) -> None:
    first = write(tmp_path, "1.hl7", message() + message(MSH_10="M2"))
    again = write(tmp_path, "2.hl7", message(end="\n"))
    reading = read_movements([tmp_path], SETTINGS)
    conserved(reading)
    assert reading.counts["duplicates"] == 1
    digests = reading.sources["digest"].to_list()
    assert len(digests[0]) == 32
    second = read_movements([first, again], SETTINGS, known=digests)
    conserved(second)
    assert second.counts["already_read"] == 3
    assert second.sources["outcome"].to_list() == ["already_read", "already_read"]
    assert second.sources["messages"].to_list() == [2, 1]


def test_read_movements__counts_events_without_effect(tmp_path: Path) -> None:
    counts = read_movements([write(tmp_path, "a.hl7", message(MSH_9="ADT^A60^ADT_A60"))], SETTINGS).counts
    assert (counts["kept"], counts["ignored"], counts["ignored_A60"]) == (1, 1, 1)


def test_read_movements__numbers_lines_and_offsets(tmp_path: Path) -> None:
    text = "\r\n".join(["", message(end="\r\n").rstrip(), "", message(MSH_10="M2", end="\r\n")])
    rows = read_movements([write(tmp_path, "a.hl7", text)], SETTINGS).movements
    assert rows["line"].to_list() == [2, 7]
    assert [text.encode()[offset : offset + 3] for offset in rows["offset"]] == [b"MSH", b"MSH"]


def test_read_movements__reads_files_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in (10, 2, 1):
        write(tmp_path, f"{number}.hl7", message(MSH_10=str(number)))
    assert read_movements([tmp_path], SETTINGS).movements["control_id"].to_list() == ["1", "2", "10"]


def test_read_movements__reads_gzip_and_zip(tmp_path: Path) -> None:
    write(tmp_path, "a.hl7.gz", gzip.compress(message(MSH_10="1").encode()))
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("x.hl7", message(MSH_10="2"))
        archive.writestr("deep/y.hl7", message(MSH_10="3"))
    reading = read_movements([tmp_path], SETTINGS)
    conserved(reading)
    assert reading.movements["control_id"].to_list() == ["1", "2", "3"]
    assert reading.sources["path"][2].endswith("b.zip!deep/y.hl7")


def test_read_movements__refuses_what_grows_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "a.hl7.gz", gzip.compress(message().encode() * 20_000))
    monkeypatch.setattr(sources_module, "EXPANSION", 2)
    monkeypatch.setattr(sources_module, "PIECE", 1 << 16)
    reading = read_movements([tmp_path], SETTINGS)
    assert reading.sources["outcome"].to_list() == ["refused"]
    assert "IDV-LEC-005" in reading.rejects["code"].to_list()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "001"),
        (b" \r\n", "001"),
        (b"\x89PNG\x00\x01\x02", "002"),
        (b"bonjour", "003"),
        ("\ufeffMSH|".encode("utf-16"), "006"),
        (b"\x1f\x8bnot gzip", "002"),
    ],
)
def test_read_movements__refuses_a_bad_file_of_a_folder_and_goes_on(tmp_path: Path, content: bytes, code: str) -> None:
    bad = write(tmp_path, "a.hl7", content.ljust(20, b"\0") if code == "002" else content)
    write(tmp_path, "b.hl7", message())
    reading = read_movements([tmp_path], SETTINGS)
    conserved(reading)
    assert reading.sources["outcome"].to_list() == ["refused", "read"]
    assert reading.rejects["code"].to_list() == [f"IDV-LEC-{code}"]
    with pytest.raises(SourceError) as caught:
        read_movements([bad], SETTINGS)
    assert "\n" not in str(caught.value)


def test_read_movements__refuses_a_broken_archive(tmp_path: Path) -> None:
    write(tmp_path, "a.hl7.gz", gzip.compress(message().encode())[:-20])
    write(tmp_path, "b.zip", b"PK\x03\x04 nothing")
    reading = read_movements([tmp_path], SETTINGS)
    conserved(reading)
    assert reading.sources["outcome"].to_list() == ["refused", "refused"]


def test_iter_movements__refuses_paths_that_cannot_be_used_before_anything_is_read(tmp_path: Path) -> None:
    good = write(tmp_path, "a.hl7", message())
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError):
        iter_movements([good, tmp_path / "absent.hl7"], SETTINGS)
    with pytest.raises(SourceError):
        iter_movements([good, tmp_path / "empty"], SETTINGS)


def test_read_movements__leaves_a_file_still_being_written(tmp_path: Path) -> None:
    fresh = write(tmp_path, "a.hl7", message())
    old = write(tmp_path, "b.hl7", message(MSH_10="M2"))
    os.utime(old, (time.time() - 900, time.time() - 900))
    reading = read_movements([tmp_path], ReadingSettings(quiet_seconds=300))
    conserved(reading)
    assert reading.sources["outcome"].to_list() == ["still_written", "read"]
    assert reading.counts["read"] == 1
    assert fresh.exists()


def test_read_movements__tells_its_progress_in_bytes(tmp_path: Path) -> None:
    sizes = [write(tmp_path, f"{n}.hl7", message(MSH_10=str(n)) * (n + 1)).stat().st_size for n in range(3)]
    told: list[tuple[int, int]] = []
    read_movements([tmp_path], SETTINGS, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (sum(sizes), sum(sizes))
    assert told == sorted(told)


def test_read_movements__takes_messages_joined_with_a_byte_order_mark(tmp_path: Path) -> None:
    text = "\ufeff" + message() + "\ufeff" + message(MSH_10="M2")
    assert read_movements([write(tmp_path, "a.hl7", text)], SETTINGS).counts["kept"] == 2


def test_read_movements__compares_batch_counts_and_never_requires_them(tmp_path: Path) -> None:
    good = f"FHS|^~\\&|GAM\rBHS|^~\\&|GAM\r{message()}{message(MSH_10='M2')}BTS|2\rFTS|1\r"
    assert read_movements([write(tmp_path, "a.hl7", good)], SETTINGS).rejects.height == 0


@pytest.mark.parametrize("piece", [20_000, 70_000, 1 << 20])
@pytest.mark.parametrize(("declared", "codes"), [(900, []), (899, ["IDV-LEC-102"])])
def test_read_movements__counts_the_messages_of_a_batch_cut_into_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int, declared: int, codes: list[str]
) -> None:
    monkeypatch.setattr(sources_module, "PIECE", piece)
    monkeypatch.setattr(sources_module, "WHOLE", 0)
    monkeypatch.setattr(movements_module, "PIECE", piece)
    messages = [message(MSH_10=str(number), PID_5=f"{'BRINDILLE' * 9}^LISON^^^^^L") for number in range(1200)]
    other = f"BHS|^~\\&|GAM\r{''.join(messages[900:])}BTS|300\r"
    batch = f"FHS|^~\\&|GAM\rBHS|^~\\&|GAM\r{''.join(messages[:900])}BTS|{declared}\r{other}FTS|2\r"
    found = read_movements([write(tmp_path, "a.hl7", batch)], SETTINGS)
    assert found.counts["kept"] == 1200
    assert found.rejects["code"].to_list() == codes


def test_inspect__counts_and_names_nobody(tmp_path: Path) -> None:
    path = write(tmp_path, "a.hl7", message() + movement("A01", MSH_12="2.5", MSH_10="M2") + "PID|1||9\r\r" + message())
    census = inspect(path)
    assert census["messages lus"] == 3
    assert census["événements"] == {"A28": 1, "A01": 1}
    assert census["versions (MSH-12)"] == {"2.5^FRA^2.11": 2, "2.5": 1}
    assert census["champs absents"]["matricule"] == 2
    assert "BRINDILLE" not in str(census)


def test_iter_movements__yields_bounded_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(6):
        write(tmp_path, f"{number}.hl7", message(MSH_10=str(number)))
    monkeypatch.setattr(movements_module, "PIECE", 1000)
    batches = list(iter_movements([tmp_path], SETTINGS))
    assert len(batches) > 1
    assert pl.concat([batch.sources for batch in batches])["source"].to_list() == list(range(6))
    assert sum(batch.counts["kept"] for batch in batches) == 6


@pytest.mark.parametrize("expected", [0, 10, 100_000, 10_000_000])
def test_whole__takes_a_file_that_is_not_as_long_as_it_was(tmp_path: Path, expected: int) -> None:
    data = message().encode() * 500
    path = write(tmp_path, "a.hl7", data)
    with path.open("rb", buffering=0) as stream:
        buffer, size, told = sources_module._whole(stream, expected, sources_module.Room())
    assert buffer[:size].tobytes() == data
    assert len(buffer) >= size + sources_module.PADDING
    assert told == sources_module.digest(data)


@pytest.mark.parametrize("whole", [0, 1 << 20])
def test_read_movements__memory_used_again_changes_nothing_of_the_files_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: int
) -> None:
    monkeypatch.setattr(sources_module, "HEAD", 500)
    monkeypatch.setattr(sources_module, "PIECE", 2000)
    monkeypatch.setattr(movements_module, "PIECE", 2000)
    monkeypatch.setattr(sources_module, "WHOLE", whole)
    long = "BRINDILLE-DES-CHÊNES-ET-DES-ROSEAUX"
    for number in range(4):
        texts = [message(MSH_10=f"{number}-{n}", PID_5=f"{long}{number}{n}^LISON^^^^^L") for n in range(9 - 2 * number)]
        write(tmp_path, f"{number}.hl7", "".join(texts))
    together = read_movements([tmp_path], SETTINGS)
    conserved(together)
    alone = [read_movements([tmp_path / f"{number}.hl7"], SETTINGS) for number in range(4)]
    assert together.movements.drop("source").equals(pl.concat([one.movements.drop("source") for one in alone]))
    assert together.sources["digest"].to_list() == [one.sources["digest"].item() for one in alone]
