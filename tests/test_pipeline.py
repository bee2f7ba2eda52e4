"""The whole road on a small invented hospital, as real processes."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import zipfile
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from insvigil import Settings, open_register, run
from insvigil.frames import AGREEMENTS
from insvigil.reading.vidhosp import VIDHOSP, VIDIPP
from insvigil.vocabulary import Stage
from tests.reading.test_vidhosp import line as vidhosp_line
from tests.reading.writing import message

NIGHTS = 2


def insvigil(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "insvigil", *map(str, arguments)], cwd=cwd, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hopital")
    done = insvigil("demo", "h", "--identities", 2000, "--nights", NIGHTS, "--seed", 3, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "index.html" in done.stdout
    return folder / "h"


def outputs(hospital: Path) -> list[Path]:
    return sorted((hospital / "sortie").iterdir())


def test_demo__writes_every_stable_output_in_private(hospital: Path) -> None:
    assert len(outputs(hospital)) == NIGHTS
    for folder in outputs(hospital):
        names = {path.name for path in folder.iterdir()}
        assert names >= {
            "run.json",
            "rejects.parquet",
            "identities.parquet",
            "pairs.parquet",
            "groups.parquet",
            "indicators.parquet",
            "indicators.csv",
            "index.html",
        }
        for path in folder.iterdir():
            assert path.stat().st_mode & 0o077 == 0, path.name


def test_run__accounts_for_every_message(hospital: Path) -> None:
    for folder in outputs(hospital):
        summary = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        messages = summary["counts"]["messages"]
        assert messages["read"] == messages["kept"] + messages["folded"] + messages["rejected"]
        assert messages["read"] > 0
        rejects = pl.read_parquet(folder / "rejects.parquet")
        assert rejects.filter(pl.col("rejected")).height == messages["rejected"]
        for key in ("version", "settings", "sources", "seconds"):
            assert key in summary


def test_run__pairs_name_identities_of_the_night(hospital: Path) -> None:
    for folder in outputs(hospital):
        pairs = pl.read_parquet(folder / "pairs.parquet")
        ids = set(pl.read_parquet(folder / "identities.parquet")["id"])
        assert set(pairs["left"]) | set(pairs["right"]) <= ids
        assert pairs.select("left", "right").is_unique().all()
        assert pairs["probability"].is_between(0, 1).all()
        assert {f"agree_{trait}" for trait in AGREEMENTS} < set(pairs.columns)
        assert (pairs["finding"] == "DPOT").any()
        groups = pl.read_parquet(folder / "groups.parquet")
        assert set(groups["id"]) <= ids
        assert groups.group_by("group").len()["len"].min() >= 2  # type: ignore[operator]


def test_run__no_matricule_leaves_for_an_identity_that_is_not_qualified(hospital: Path) -> None:
    for folder in outputs(hospital):
        identities = pl.read_parquet(folder / "identities.parquet")
        others = identities.filter(pl.col("status") != "QUALIFIEE")
        assert others["matricule"].null_count() == others.height
        assert others["matricule_oid"].null_count() == others.height
        assert identities["matricule"].is_not_null().any()


def test_run__the_same_files_again_change_nothing(hospital: Path, tmp_path: Path) -> None:
    last = outputs(hospital)[-1]
    before = pl.read_parquet(last / "identities.parquet")
    again = insvigil("run", "flux", "--out", tmp_path / "again", cwd=hospital)
    assert again.returncode == 0, again.stderr
    after = pl.read_parquet(tmp_path / "again" / "identities.parquet")
    assert after.drop("changed", strict=False).equals(before.drop("changed", strict=False))
    messages = json.loads((tmp_path / "again" / "run.json").read_text(encoding="utf-8"))["counts"]["messages"]
    assert messages["kept"] == 0
    assert messages["folded"] == messages["read"] > 0


def test_run__until_a_stage_stops_there(hospital: Path, tmp_path: Path) -> None:
    done = insvigil("run", "flux", "--out", tmp_path / "court", "--until", "traits", cwd=hospital)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "court" / "pairs.parquet").exists()
    assert (tmp_path / "court" / "run.json").exists()


def test_run__until_reading_leaves_the_register_alone(hospital: Path, tmp_path: Path) -> None:
    import duckdb

    def runs() -> list[tuple[int, ...]]:
        with duckdb.connect(str(hospital / "registre.duckdb"), read_only=True) as connection:
            return connection.execute("SELECT (SELECT count(*) FROM run), (SELECT count(*) FROM source)").fetchall()

    before = runs()
    done = insvigil("run", "flux", "--out", tmp_path / "lu", "--until", "reading", cwd=hospital)
    assert done.returncode == 0, done.stderr
    assert runs() == before
    assert {path.name for path in (tmp_path / "lu").iterdir()} == {"run.json", "rejects.parquet"}
    messages = json.loads((tmp_path / "lu" / "run.json").read_text(encoding="utf-8"))["counts"]["messages"]
    assert messages["read"] == messages["kept"] + messages["folded"] + messages["rejected"] > 0


def test_explain_pair__reads_what_the_night_carried(hospital: Path) -> None:
    pairs = pl.read_parquet(outputs(hospital)[-1] / "pairs.parquet").filter(pl.col("finding") == "DPOT").head(1)
    left, right = (pairs[side][0].split("|")[1] for side in ("left", "right"))
    done = insvigil("explain-pair", left, right, "--json", cwd=hospital)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["weight"] == pytest.approx(pairs["weight"][0], abs=1e-6)


def test_run__asking_only_of_what_was_spoken_of_ends_as_asking_of_all(tmp_path: Path) -> None:
    import duckdb

    from insvigil import pipeline
    from insvigil.bench.movement_files import write_nights
    from insvigil.bench.population import generate
    from insvigil.register import open_register
    from insvigil.register.schema import TABLE
    from insvigil.settings import Settings

    settings = Settings()
    nights = write_nights(generate(6500, 5), tmp_path / "flux", nights=3, seed=5)
    last: dict[bool, pipeline.Night] = {}
    for full in (False, True):
        folder = tmp_path / str(full)
        folder.mkdir()
        for number, flux in enumerate(nights):
            with open_register(settings.register_, folder=folder) as register:
                # the third night is in another year: days alone change what detectors find
                now = datetime(2026 + number // 2, 11, 18 + number, 23)
                out = folder / f"sortie{number}"
                last[full] = pipeline.run([flux], settings, register, out=out, full=full and number > 0, now=now)
    for stage, counted in (("matching", "candidates"), ("traits", "questioned")):
        assert last[False].counts[stage][counted] < last[True].counts[stage][counted] / 2
    files = sorted(path.name for path in (tmp_path / "True/sortie2").glob("*.parquet"))
    assert {"identities.parquet", "anomalies.parquet", "pairs.parquet", "groups.parquet"} < set(files)
    for name in files:
        some, whole = (pl.read_parquet(tmp_path / str(full) / "sortie2" / name) for full in (False, True))
        assert some.sort(some.columns, nulls_last=True).equals(whole.sort(whole.columns, nulls_last=True)), name
    files_of = (tmp_path / str(full) / "registre.duckdb" for full in (False, True))
    connections = [duckdb.connect(str(file), read_only=True) for file in files_of]
    shared = [name for name, kind, _ in TABLE["trait"].columns[1:] if kind == "UINTEGER"]
    texts = ", ".join(f"(SELECT text FROM word WHERE number = trait.{name}) AS {name}" for name in shared)
    traits = f"(SELECT * EXCLUDE ({', '.join(shared)}), {texts} FROM trait)"  # numbers depend on the road taken
    for table in (traits, "anomaly", "standing", "pair", "agregat_member"):
        some, whole = (one.sql(f"SELECT * FROM {table} ORDER BY ALL").pl() for one in connections)
        assert some.equals(whole), table


def test_run__holds_a_billing_file_against_identities(tmp_path: Path) -> None:
    night = tmp_path / "nuit"
    night.mkdir()
    (night / "a.hl7").write_text(message(PID_3="000123^^^D&1.2&ISO^PI", PID_7="19840317", PID_8="F"), "utf-8")
    billed = {"ipp": "000123", "birth_date": "18031984", "sex": "2", "format": "V015", "dossier": "1"}
    (night / "vidhosp.txt").write_text(vidhosp_line(VIDHOSP, 466, **billed) + "00\n", "utf-8")
    settings = Settings()
    with open_register(settings.register_, folder=tmp_path) as register:
        made = run([night], settings, register, out=tmp_path / "sortie", until=Stage.TRAITS)
    billed_anomalies = made.frames["anomalies"].filter(pl.col("code").str.starts_with("IDV-LEC-6"))
    assert billed_anomalies.select("code", "domain", "ipp").rows() == [("IDV-LEC-602", "1.2", "000123")]
    assert made.frames["identities"].height == 1


def test_run__holds_a_billing_line_of_a_merged_ipp_against_the_survivor(tmp_path: Path) -> None:
    night = tmp_path / "nuit"
    night.mkdir()
    texts = [
        message(MSH_10="1", PID_3="000123^^^D&1.2&ISO^PI", PID_7="19840317", PID_8="F"),
        message(MSH_10="2", PID_3="000777^^^D&1.2&ISO^PI", PID_7="19840317", PID_8="F"),
        message(MSH_9="ADT^A40^ADT_A39", MSH_10="3", PID_3="000777^^^D&1.2&ISO^PI", MRG_1="000123^^^D&1.2&ISO^PI"),
    ]
    (night / "a.hl7").write_text("".join(texts), "utf-8")
    billed = {"ipp": "000123", "birth_date": "18031984", "sex": "2", "format": "V015", "dossier": "1"}
    (night / "vidhosp.txt").write_text(vidhosp_line(VIDHOSP, 466, **billed) + "00\n", "utf-8")
    settings = Settings()
    with open_register(settings.register_, folder=tmp_path) as register:
        made = run([night], settings, register, out=tmp_path / "sortie", until=Stage.TRAITS)
    assert made.frames["identities"]["ipp"].to_list() == ["000777"]
    found = made.frames["anomalies"].filter(pl.col("code").str.starts_with("IDV-LEC-6"))
    assert found.select("code", "domain", "ipp").rows() == [("IDV-LEC-602", "1.2", "000777")]


def test_run__accounts_for_every_line_of_compressed_and_broken_billing_files(tmp_path: Path) -> None:
    night = tmp_path / "nuit"
    night.mkdir()
    (night / "a.hl7").write_text(message(PID_3="000123^^^D&1.2&ISO^PI", PID_7="19840317", PID_8="F"), "utf-8")
    person = {"ipp": "000123", "birth_date": "18031984", "sex": "2"}
    hospital = vidhosp_line(VIDHOSP, 468, **person, format="V015", dossier="1") + "\n"
    nameless = vidhosp_line(VIDHOSP, 468, format="V015", dossier="1", matricule="284037621904173") + "\n"
    clinic = vidhosp_line(VIDIPP, 135, **(person | {"sex": "1", "birth_date": "17031984"})) + "\n"
    (night / "b.txt.gz").write_bytes(gzip.compress((hospital + nameless).encode()))
    with zipfile.ZipFile(night / "c.zip", "w") as archive:
        archive.writestr("vidipp.txt", clinic)
    (night / "d.txt.gz").write_bytes(gzip.compress(hospital.encode())[:-9])
    settings = Settings()
    for number in range(2):  # the second night has the same folder again: messages are known, billing is compared anew
        with open_register(settings.register_, folder=tmp_path) as register:
            made = run([night], settings, register, out=tmp_path / f"sortie{number}", until=Stage.TRAITS)
        assert made.counts["messages"] == {"read": 5, "kept": 3 - number, "folded": number, "rejected": 2}
        found = made.frames["anomalies"].filter(pl.col("code").str.starts_with("IDV-LEC-6"))
        assert found.select("code", "ipp").rows() == [("IDV-LEC-602", "000123"), ("IDV-LEC-603", "000123")]
        refused = pl.read_parquet(tmp_path / f"sortie{number}" / "rejects.parquet").filter("rejected")
        assert refused.select("path", "line", "code").rows() == [
            (str(night / "b.txt.gz"), 2, "IDV-LEC-512"), (str(night / "d.txt.gz"), 1, "IDV-LEC-004"),
        ]  # fmt: skip


def test_run__an_answer_of_insi_stands_on_the_nights_that_do_not_speak_of_its_identity(tmp_path: Path) -> None:
    made = insvigil("demo", "h", "--identities", 300, "--nights", 1, "--seed", 5, cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    hospital = tmp_path / "h"
    (last,) = outputs(hospital)
    assert insvigil("insi", "verify", "--lot", "L1", "--out", "v.csv", cwd=hospital).returncode == 0
    ipp = (hospital / "v.csv").read_text(encoding="utf-8").splitlines()[2].split(";")[4]
    answer = f"lot_id;ligne;resultat;ins_matricule;cle;oid;motif;date_reponse\nL1;1;KO;;;;;{last.name}\n"
    (hospital / "r.csv").write_text(answer, encoding="utf-8")
    taken = json.loads(insvigil("insi", "answers", "v.csv", "r.csv", "--json", cwd=hospital).stdout)
    assert [(row["ipp"], row["to_status"]) for row in taken["moves"]] == [(ipp, "VALIDEE")]
    told = []
    for name, options in (("carried", ()), ("full", ("--full",))):
        # Files already read: nobody is spoken of.
        assert insvigil("run", "flux", "--out", name, *options, cwd=hospital).returncode == 0
        found = pl.read_parquet(hospital / name / "anomalies.parquet").filter(pl.col("ipp") == ipp)
        people = pl.read_parquet(hospital / name / "identities.parquet").filter(pl.col("ipp") == ipp)
        told.append((people.select("status", "matricule").rows(), sorted(found["code"])))
    assert told[0] == told[1]
    assert told[0][0] == [("VALIDEE", None)]
    assert "IDV-QUA-016" in told[0][1]
