"""The 71 labelled cases of matchID: what docs/reference/error-kinds.md says normalisation absorbs, it absorbs."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import polars as pl
import pytest

from insvigil.traits import normalise

CASES = Path(__file__).parents[2] / "../shared/matchdata/matchid_misc_sources_test.csv"
pytestmark = pytest.mark.skipif(not CASES.exists(), reason="matchID cases absent")

ABSORBED_PLACES = [
    "location_fr_city_bigTown",
    "location_fr_borough",
    "location_fr_borough_typo",
    "location_city_homonyms",
    "location_abbrev",
    "location_city_diacritics",
    "location_dep_2AB",
    "location_dep_change",
    "location_dep_missingZero",
    "location_nonFR_country_alt",
]
"""Every place of these kinds leads to a code of the COG of today."""


def rows() -> list[dict[str, str]]:
    with CASES.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def place(row: dict[str, str]) -> str | None:
    city, department = row["COMMUNE_NAISSANCE"], row["DEP_NAISSANCE"]
    if row["CODE_INSEE_NAISSANCE"] or row["PAYS_NAISSANCE"] not in ("", "FRANCE"):
        return row["CODE_INSEE_NAISSANCE"] or row["PAYS_NAISSANCE"]
    return f"{city} ({department})" if city and department else city or None


def traits() -> pl.DataFrame:
    people = [
        {
            "birth_name": row["NOM"],
            "first_given_name": row["PRENOM"],
            "birth_date": row["DATE_NAISSANCE"],
            "birth_place": place(row),
        }
        for row in rows()
    ]
    fields = ("birth_name", "first_given_name", "birth_date", "birth_place")
    return normalise(pl.DataFrame(people, schema=dict.fromkeys(fields, pl.String)))


@pytest.mark.parametrize("kind", ABSORBED_PLACES)
def test_normalise__absorbs_the_kind(kind: str) -> None:
    places = traits()["birth_place"].cast(pl.String).to_list()
    codes = [places[number] for number, row in enumerate(rows()) if row[kind]]
    assert codes
    assert all(code and re.fullmatch(r"[0-9][0-9AB][0-9]{3}", code) for code in codes)


def test_normalise__unknown_names_and_default_dates_are_worth_nothing() -> None:
    frame = traits()
    for number, row in enumerate(rows()):
        if row["name_last_unknown"]:
            assert frame["birth_name"][number] is None
        if row["name_first_unknown"]:
            assert frame["first_given_name"][number] is None
        if row["DATE_NAISSANCE"].startswith("01/01/"):
            assert frame["birth_date_kind"][number] == "placeholder"
