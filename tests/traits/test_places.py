"""Places: a code or a name received leads to the commune of today."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insvigil.traits.places import communes, place_codes, place_keys, place_name

HISTORY = Path(__file__).parents[2] / "../shared/reference/cog_communes_1943_2026.parquet"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("75112", "75112"),
        ("75050", "92050"),  # Nanterre, Seine until 1968
        ("20004", "2A004"),  # Ajaccio, one Corsica until 1976
        ("2b033", "2B033"),
        ("1053", "01053"),  # lost leading zero
        ("97123", "97701"),  # Saint-Barthélemy, Guadeloupe until 2007
        ("01018", "01033"),  # merged into Valserhône
        ("99352", "99352"),
        ("99999", None),
        ("99000", None),
        ("Nanterre", "92050"),
        ("NANTERRE (92)", "92050"),
        ("St-Denis (93)", "93066"),
        ("Saint-Denis", "SAINT DENIS"),  # several communes bear it
        ("PARIS 12EME", "75112"),
        ("Paris 20e arrondissement", "75120"),
        ("LYON 3", "69383"),
        ("PARIS", "75056"),
        ("MARRAKECH", "MARRAKECH"),
        ("ZZZ99", "ZZZ 99"),
        ("34", None),
        ("", None),
        (None, None),
    ],
)
def test_place_keys__lead_to_the_commune_of_today(text: str | None, key: str | None) -> None:
    assert place_keys(pl.Series("p", [text], dtype=pl.String)).item() == key


@settings(max_examples=40)
@given(st.lists(st.text(max_size=15) | st.from_regex(r"[0-9AB]{4,5}", fullmatch=True), max_size=10))
def test_place_keys__are_total_and_idempotent(texts: list[str]) -> None:
    keys = place_keys(pl.Series("p", texts, dtype=pl.String))
    assert len(keys) == len(texts)
    assert place_keys(keys).to_list() == keys.to_list()


def test_communes__every_current_code_is_its_own() -> None:
    table = communes()
    current = table["current"].unique()
    assert place_codes(current).to_list() == current.to_list()
    assert table.filter(pl.col("standing").cast(pl.String).is_in(["COM", "ARM"]))["code"].is_unique().all()


@pytest.mark.skipif(not HISTORY.exists(), reason="reference communes absent")
def test_communes__know_every_code_since_1943() -> None:
    codes = pl.read_parquet(HISTORY)["COM"].unique()
    assert place_codes(codes).null_count() == 0


def test_place_name__keeps_the_number_of_an_arrondissement() -> None:
    assert place_name(pl.Series(["Marseille 1er", "STE-FOY-LÈS-LYON"])).to_list() == [
        "MARSEILLE 1",
        "SAINTE FOY LES LYON",
    ]
