"""The stage: rows in are rows out, any subset of columns does, normalising twice changes nothing."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insvigil.frames import IDENTITY_FIELDS, Traits
from insvigil.settings import TraitsSettings
from insvigil.traits import normalise

values = st.text(max_size=12) | st.sampled_from(["DUPONT", '""', "19800115", "M", "75112", "Y"]) | st.none()
rows = st.dictionaries(st.sampled_from(IDENTITY_FIELDS), values)


@given(st.lists(rows, max_size=8))
@settings(max_examples=25)
def test_normalise__is_total_and_keeps_rows(people: list[dict[str, str | None]]) -> None:
    frame = pl.DataFrame(people, schema=dict.fromkeys(IDENTITY_FIELDS, pl.String))
    traits = normalise(frame)
    assert Traits.is_valid(traits)
    assert traits["identity_id"].to_list() == list(range(len(people)))
    again = traits.select(pl.col(pl.Categorical).cast(pl.String), pl.col("sex").cast(pl.String))
    second = normalise(again)
    for name in again.columns:
        if name not in ("matricule", "first_given_name"):  # cut to 13 characters; may come from the list
            assert second[name].cast(pl.String).to_list() == again[name].to_list(), name


def row(**fields: str | None) -> dict[str, object]:
    return normalise(pl.DataFrame({name: [value] for name, value in fields.items()})).row(0, named=True)


def test_normalise__any_subset_of_columns_does() -> None:
    traits = normalise(pl.DataFrame({"sex": ["f", "1", "?"]}))
    assert traits["sex"].to_list() == ["F", "M", None]
    assert traits["birth_name"].null_count() == 3
    assert traits["qualified"].to_list() == [False] * 3


def test_normalise__keeps_the_numbers_of_identities() -> None:
    frame = pl.DataFrame({"identity_id": [7, 3], "birth_name": ["A-B", "C"]})
    assert normalise(frame).select("identity_id", pl.col("birth_name").cast(pl.String)).rows() == [(7, "A B"), (3, "C")]


def test_normalise__the_first_given_name_falls_back_to_the_list() -> None:
    frame = pl.DataFrame({"given_names": ["JEAN-LUC PAUL", "ANNE MARIE"], "first_given_name": [None, "ANNE MARIE"]})
    assert normalise(frame)["first_given_name"].cast(pl.String).to_list() == ["JEAN LUC", "ANNE MARIE"]
    assert row(given_names="ZOE EVE", first_given_name="INCONNU")["first_given_name"] == "ZOE"


def test_normalise__the_place_falls_back_to_its_name() -> None:
    assert row(birth_place=None, birth_place_name="Nanterre")["birth_place"] == "92050"
    assert row(birth_place="75112", birth_place_name="Nanterre")["birth_place"] == "75112"


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"birth_date": "19800615"}, "exact"),
        ({"birth_date": "19800615", "birth_date_corrected": "Y"}, "placeholder"),
        ({"birth_date": "19800615", "birth_date_corrected": "N"}, "exact"),
        ({"birth_date": "19800615", "birth_date_lunar": "32^13^1980"}, "lunar"),
        ({"birth_date": "1980", "birth_date_corrected": "Y"}, "partial"),
    ],
)
def test_normalise__says_what_a_birth_date_is_worth(fields: dict[str, str], kind: str) -> None:
    assert row(**fields)["birth_date_kind"] == kind


@pytest.mark.parametrize(
    ("fields", "qualified"),
    [
        ({}, True),
        ({"identity_code": "PROV"}, False),
        ({"matricule_oid": "1.2.250.1.213.1.4.9"}, True),
        ({"matricule_oid": "1.2.250.1.213.1.4.10"}, False),
        ({"matricule_oid": None}, False),
        ({"matricule": '""'}, False),
        ({"attributes": "HOMA"}, True),
        ({"attributes": "HOMA DOUT"}, False),
        ({"attributes": "FICT"}, False),
    ],
)
def test_normalise__qualified_is_vali_with_an_ins_that_stands(fields: dict[str, str | None], qualified: bool) -> None:
    whole = {"identity_code": "VALI", "matricule": "255081416802538", "matricule_oid": "1.2.250.1.213.1.4.8"}
    assert row(**(whole | fields))["qualified"] is qualified


def test_normalise__a_foreign_file_still_gives_a_matricule() -> None:
    traits = row(matricule="5304218")
    assert (traits["matricule"], traits["matricule_valid"], traits["matricule_kind"]) == ("5304218", False, None)
    assert row(matricule=None)["matricule_valid"] is None


def test_normalise__a_site_names_its_placeholders() -> None:
    frame = pl.DataFrame({"birth_name": ["Non-Déclaré", "DUPONT"]})
    traits = normalise(frame, TraitsSettings(placeholders=["non déclaré"]))
    assert traits["birth_name"].cast(pl.String).to_list() == [None, "DUPONT"]


def test_normalise__ranks_deaths_and_multiple_births() -> None:
    traits = row(birth_rank="2", multiple_birth="Y", death_date="20240229")
    assert (traits["birth_rank"], traits["multiple_birth"], str(traits["death_date"])) == (2, True, "2024-02-29")
    assert row(birth_rank="0", multiple_birth="?", death_date="20230229") == row(birth_rank=None)
