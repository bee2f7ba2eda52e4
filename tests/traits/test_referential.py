"""The dated commune table: zero difference with the reference, and a small history told by hand."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from insvigil.errors import SourceError
from insvigil.settings import TraitsSettings
from insvigil.traits.places import COUNTRIES
from insvigil.traits.referential import build_referential, dated_communes, dated_table

REFERENCE = Path(__file__).parents[2] / "../shared/reference"
ORACLE = REFERENCE / "cog_communes_1943_2026.parquet"
EVENTS = REFERENCE / "v_mvt_commune_2026.parquet"

absent = pytest.mark.skipif(not ORACLE.exists(), reason="reference communes absent")


@absent
def test_build_referential__has_no_difference_with_the_reference(tmp_path: Path) -> None:
    oracle = pl.read_parquet(ORACLE)
    communes, events, out = tmp_path / "v_commune_2026.csv", tmp_path / "v_mvt_commune_2026.csv", tmp_path / "t.parquet"
    oracle.filter(pl.col("DATE_FIN").is_null()).write_csv(communes)
    pl.read_parquet(EVENTS).write_csv(events)
    rows = build_referential(communes, events, out)
    built = pl.read_parquet(out)
    expected = oracle.select(standing="TYPECOM", code="COM", name="LIBELLE", since="DATE_DEBUT", until="DATE_FIN")
    assert rows == built.height == expected.height
    assert built.join(expected, on=built.columns, how="anti", nulls_equal=True).is_empty()


@absent
def test_countries__hold_every_code_of_the_reference() -> None:
    codes = set(pl.read_csv(REFERENCE / "cog_pays.csv", infer_schema=False)["COG"])
    assert codes <= COUNTRIES
    assert len(COUNTRIES - codes) <= 5


def test_dated_communes__a_merger_is_undone_and_a_delegation_is_no_birth() -> None:
    state = pl.DataFrame([("COM", "01001", "Neuve")], schema=["TYPECOM", "COM", "LIBELLE"], orient="row")
    columns = ["MOD", "DATE_EFF", "TYPECOM_AV", "COM_AV", "LIBELLE_AV", "TYPECOM_AP", "COM_AP", "LIBELLE_AP"]
    events = pl.DataFrame(
        [
            ("32", "2016-01-01", "COM", "01001", "Vieille", "COM", "01001", "Neuve"),
            ("32", "2016-01-01", "COM", "01002", "Autre", "COM", "01001", "Neuve"),
            ("32", "2016-01-01", "COM", "01002", "Autre", "COMD", "01002", "Autre"),
            ("35", "2020-01-01", "COMD", "01002", "Autre", "COM", "01001", "Neuve"),
        ],
        schema=columns,
        orient="row",
    )
    first, merged, ended = date(1943, 1, 1), date(2016, 1, 1), date(2020, 1, 1)
    assert dated_communes(state, events).rows() == [
        ("COM", "01001", "Vieille", first, merged),
        ("COM", "01001", "Neuve", merged, None),
        ("COM", "01002", "Autre", first, merged),
        ("COMD", "01002", "Autre", merged, ended),
    ]


def test_build_referential__says_what_a_file_lacks(tmp_path: Path) -> None:
    communes = tmp_path / "v_commune.csv"
    communes.write_text("COM,LIBELLE\n01001,Neuve\n", encoding="utf-8")
    with pytest.raises(SourceError, match="TYPECOM"):
        build_referential(communes, communes, tmp_path / "out.parquet")
    with pytest.raises(SourceError, match="ne peut pas être lu"):
        build_referential(tmp_path / "absent.csv", communes, tmp_path / "out.parquet")


def test_dated_table__is_asked_of_the_settings(tmp_path: Path) -> None:
    assert dated_table(TraitsSettings()) is None
    with pytest.raises(SourceError, match="insvigil referential build"):
        dated_table(TraitsSettings(referential=tmp_path / "absent.parquet"))
