from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from insvigil.errors import UsageError
from insvigil.frames import AGREEMENTS
from insvigil.reporting import NightReport, write_folder, write_run
from insvigil.vocabulary import Stage
from tests.reporting.nights import invent_night

FILES = {
    "run.json",
    "rejects.parquet",
    "identities.parquet",
    "anomalies.parquet",
    "pairs.parquet",
    "groups.parquet",
    "indicators.parquet",
    "objectives.parquet",
    "indicators.csv",
    "index.html",
    "classeur.xlsx",
}


@pytest.fixture(scope="module")
def night() -> NightReport:
    return invent_night()


@pytest.fixture(scope="module")
def folder(night: NightReport, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("sortie") / "2026-11-20", night)


def test_write_run__writes_everything_in_private_and_nothing_beside(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == FILES
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert list(folder.parent.iterdir()) == [folder]


def test_write_run__a_matricule_leaves_only_for_an_identity_that_may_transmit_it(
    folder: Path, night: NightReport
) -> None:
    identities = pl.read_parquet(folder / "identities.parquet")
    known = night.identities.join(night.statuses, on="identity_id").sort("identity_id")
    kept = known["ins_transmissible"]
    assert 0 < kept.sum() < known["matricule"].is_not_null().sum()
    assert identities["matricule"].is_not_null().to_list() == kept.to_list()
    assert identities["matricule_oid"].is_not_null().to_list() == kept.to_list()
    assert "billing_nir" not in identities.columns
    hidden = known.filter(~pl.col("ins_transmissible"))["matricule"].drop_nulls()
    nirs = pl.concat([hidden, known["billing_nir"].drop_nulls()]).unique()
    nirs = nirs.filter(~nirs.is_in(identities["matricule"].drop_nulls().implode()))
    assert nirs.len() > 0
    written = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in (".html", ".json", ".csv")}
    assert not [name for name, data in written.items() for nir in nirs if nir.encode() in data]
    texts = identities.select(pl.concat_str(pl.all().cast(pl.String), separator=" ", ignore_nulls=True)).to_series()
    assert not texts.str.contains_any(nirs.to_list()).any()


def test_write_run__pairs_and_groups_name_identities_by_their_id(folder: Path, night: NightReport) -> None:
    ids = pl.read_parquet(folder / "identities.parquet")["id"]
    assert ids.n_unique() == night.identities.height
    pairs, groups = (pl.read_parquet(folder / f"{name}.parquet") for name in ("pairs", "groups"))
    assert pairs.height == night.pairs.height
    assert ids.gather(night.pairs["left"]).to_list() == pairs["left"].to_list()
    assert {"probability", "weight", "finding", "block", *(f"agree_{trait}" for trait in AGREEMENTS)} < set(
        pairs.columns
    )
    assert set(groups["id"]) == set(ids.gather(night.groups["identity_id"]))
    assert night.agregats is not None
    assert set(groups["group"]) == set(night.agregats["agregat"])


def test_write_run__anomalies_name_identities_by_their_id(folder: Path, night: NightReport) -> None:
    anomalies = pl.read_parquet(folder / "anomalies.parquet")
    ids = pl.read_parquet(folder / "identities.parquet")["id"]
    assert anomalies["id"].to_list() == ids.head(3).to_list()
    assert anomalies["other_id"].null_count() == 3
    assert anomalies["code"].to_list() == night.anomalies["code"].to_list()


def test_write_run__run_json_spells_out_the_account(folder: Path, night: NightReport) -> None:
    told = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    messages = told["counts"]["messages"]
    assert messages["read"] == messages["kept"] + messages["folded"] + messages["rejected"]
    assert told["conservation"].replace("\u202f", "") == "1000 lus = 950 gardés + 49 repliés + 1 rejetés"
    assert told["settings"] == night.settings.digest()
    assert told["sources"][0]["digest"] == "ab" * 16
    assert told["version"] == "9.9.9"


def test_write_run__the_csv_of_indicators_opens_in_a_french_spreadsheet(folder: Path) -> None:
    text = (folder / "indicators.csv").read_bytes()
    assert text.startswith(b"\xef\xbb\xbf")
    header, first = text.decode("utf-8-sig").splitlines()[:2]
    assert header.startswith("code;label;mesh")
    assert ";0,714;" in first


def test_write_run__stops_at_the_stage_reached(night: NightReport, tmp_path: Path) -> None:
    folder = write_run(tmp_path / "court", replace(night, until=Stage.TRAITS))
    assert {path.name for path in folder.iterdir()} == {
        "run.json",
        "rejects.parquet",
        "identities.parquet",
        "anomalies.parquet",
    }


def test_write_run__replaces_an_earlier_run_but_no_other_folder(night: NightReport, tmp_path: Path) -> None:
    folder = write_run(tmp_path / "nuit", replace(night, until=Stage.READING))
    assert not (folder / "pairs.parquet").exists()
    write_run(folder, night)
    assert (folder / "pairs.parquet").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["nuit"]
    foreign = tmp_path / "documents"
    foreign.mkdir()
    (foreign / "notes.txt").write_text("à garder")
    with pytest.raises(UsageError, match="n'est pas le dossier d'un traitement"):
        write_run(foreign, night)
    assert (foreign / "notes.txt").read_text() == "à garder"


def test_write_run__leaves_nothing_when_it_fails(night: NightReport, tmp_path: Path) -> None:
    def fail(target: Path) -> None:
        assert target.parent.parent == tmp_path
        raise OSError("disque plein")

    with pytest.raises(OSError, match="disque plein"):
        write_run(tmp_path / "nuit", night, fail)
    assert list(tmp_path.iterdir()) == []


def test_write_folder__leaves_nothing_when_it_fails(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_folder(tmp_path / "nuit", {}, {"absent/pairs": pl.DataFrame({"left": [1]})})
    assert list(tmp_path.iterdir()) == []


def test_write_folder__sweeps_what_a_killed_run_left_and_nothing_else(tmp_path: Path) -> None:
    left, other = tmp_path / ".nuit-insvigil-abc", tmp_path / ".nuit-personnel"
    for folder in (left, other):
        folder.mkdir()
        (folder / "identities.parquet").touch()
    write_folder(tmp_path / "nuit", {}, {})
    assert not left.exists()
    assert other.exists()
