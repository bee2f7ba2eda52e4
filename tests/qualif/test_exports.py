from __future__ import annotations

import io
import json
import stat
from datetime import date, datetime
from pathlib import Path
from typing import Any

import fastexcel
import polars as pl
import pytest

from insvigil.errors import UsageError
from insvigil.qualif import (
    assess,
    check_proof,
    derive_statuses,
    export_indicators,
    load_programmes,
    measure,
    write_proof,
)
from insvigil.qualif.definitions import DEFINITIONS
from insvigil.qualif.exports import definitions, private
from insvigil.settings import ObjectiveSettings, QualifSettings, Settings
from tests.qualif.people import QUALIFIED, TRAITS, identities, stays

YEAR = (date(2026, 1, 1), date(2026, 12, 31))
SETTINGS = QualifSettings(objectives=[ObjectiveSettings(programme="HOPEN2_PHASE1", level=80)])


def made() -> tuple[Any, Any]:
    people = identities(QUALIFIED, TRAITS)
    came = stays(*({"ipp": f"000{n}", "dossier": f"D{n}", "movement_at": datetime(2026, 3, 1)} for n in range(2)))
    statuses = derive_statuses(people, SETTINGS)
    figures = measure(people, statuses, came, SETTINGS, period=YEAR)
    return figures, assess(figures, people, statuses, came, SETTINGS, ledger=None)


def proof(folder: Path, figures: Any, objectives: Any) -> str:
    programme = next(one for one in load_programmes() if one.code == "HOPEN2_PHASE1")
    return write_proof(
        folder,
        figures,
        objectives,
        programme=programme,
        settings=Settings().model_dump(mode="json"),
        sources=pl.DataFrame({"digest": ["ab", "aa"], "size": [1, 2], "messages": [3, 4]}),
        counts={"identities": 2},
        command="insvigil indicators --programme HOPEN2_PHASE1 --proof preuve",
    )


def test_export_indicators__csv_is_for_a_french_spreadsheet() -> None:
    file = io.BytesIO()
    export_indicators(made()[0], file, "csv")
    text = file.getvalue().decode("utf-8-sig")
    assert text.splitlines()[0].startswith("code;label;mesh")
    assert ";0,5;" in text


def test_export_indicators__json_carries_its_definitions() -> None:
    file = io.BytesIO()
    export_indicators(made()[0], file, "json")
    content = json.loads(file.getvalue())
    assert {row["code"] for row in content["definitions"]} == {one.code for one in DEFINITIONS}
    assert content["indicators"][0]["rule_version"]


def test_export_indicators__xlsx_and_parquet_hold_the_same_rows() -> None:
    figures = made()[0]
    book, table = io.BytesIO(), io.BytesIO()
    export_indicators(figures, book, "xlsx")
    export_indicators(figures, table, "parquet")
    sheet = fastexcel.read_excel(book.getvalue()).load_sheet("Indicateurs").to_polars()
    assert sheet["code"].to_list() == figures["code"].to_list()
    assert pl.read_parquet(table.getvalue()).equals(figures)


def test_definitions__say_for_each_figure_what_is_counted_and_how_sure_we_are() -> None:
    table = definitions()
    assert table.null_count().transpose().to_series().sum() == 0
    official = table.filter(pl.col("confidence").is_in(["V", "V2"]))["code"].to_list()
    assert official == ["IN_INSI"]


def test_write_proof__the_same_register_gives_the_same_signature_and_a_change_is_seen(tmp_path: Path) -> None:
    figures, objectives = made()
    first = proof(tmp_path / "a", figures, objectives)
    assert proof(tmp_path / "b", figures, objectives) == first
    assert check_proof(tmp_path / "a") == []
    assert {path.name for path in (tmp_path / "a").iterdir()} == {
        "chiffres.csv",
        "comptes.json",
        "definitions.csv",
        "empreintes.txt",
        "LISEZMOI.txt",
        "objectifs.csv",
        "programme.json",
        "reglages.json",
        "sources.csv",
    }
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in (tmp_path / "a").iterdir())
    figure = tmp_path / "a" / "chiffres.csv"
    figure.write_bytes(figure.read_bytes().replace(b"0,5", b"0,9"))
    (tmp_path / "a" / "ajout.txt").write_text("x")
    (tmp_path / "a" / "comptes.json").unlink()
    assert check_proof(tmp_path / "a") == ["ajout.txt", "chiffres.csv", "comptes.json"]


def test_write_proof__names_nobody_and_says_what_is_to_be_confirmed(tmp_path: Path) -> None:
    proof(tmp_path / "a", *made())
    text = "".join(path.read_text(encoding="utf-8-sig") for path in (tmp_path / "a").iterdir())
    assert "ZELPHIN" not in text
    assert QUALIFIED["matricule"] not in text
    assert "à confirmer" in text
    with pytest.raises(UsageError, match="existe déjà"):
        proof(tmp_path / "a", *made())


def test_private__never_takes_the_place_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("précieux")
    with pytest.raises(UsageError, match="existe déjà"):
        private(tmp_path / "x")
