from __future__ import annotations

import re
import tomllib
from dataclasses import replace

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from insvigil.bench.mistakes import DEFAULT, MIXES, SLIPS, draw_mix, make_slips, scale_mix
from insvigil.bench.population import COLUMNS, MATCHED, Population, generate, write

CLEAN = scale_mix(
    replace(DEFAULT, matricule_absent=0.0, birth_place_absent=0.0, placeholder_date=0.0, born_abroad=0.3), 0.0
)


@pytest.fixture(scope="module")
def population() -> Population:
    return generate(20_000, seed=3)


@pytest.fixture(scope="module")
def clean() -> Population:
    return generate(6_000, seed=4, mix=CLEAN)


def test_generate__the_same_seed_gives_the_same_rows_and_another_seed_does_not(population: Population) -> None:
    again, other = generate(20_000, seed=3), generate(20_000, seed=5)
    assert_frame_equal(again.identities, population.identities)
    assert_frame_equal(again.truth, population.truth)
    assert not other.identities.equals(population.identities)


def test_generate__gives_the_rows_asked_for_with_unique_ids_and_the_share_of_copies(population: Population) -> None:
    identities, truth = population.identities, population.truth
    assert identities.columns == ["id", *COLUMNS, "mother_id"]
    assert identities.height == identities["id"].n_unique() == 20_000
    assert set(identities.dtypes) == {pl.String()}
    assert truth["id"].equals(identities["id"])
    assert 20_000 - truth["person"].n_unique() == 1_600
    assert truth.group_by("person").len()["len"].max() in (3, 4)


def test_generate__every_recorded_trait_is_well_formed(population: Population) -> None:
    shapes = {
        "birth_date": r"^\d{4}-\d{2}-\d{2}$",
        "sex": "^[MF]$",
        "birth_place": r"^(\d{5}|2[AB]\d{3})$",
        "matricule": r"^[12]\d{4}(\d{2}|2A|2B)\d{8}$",
        "phone": r"^0\d{9}$",
        "postal_code": r"^\d{5}$",
        "given_names": r"^\S+( \S+){0,4}$",
    }
    for column, shape in shapes.items():
        values = population.identities[column].drop_nulls()
        odd = values.filter(~values.str.contains(shape))
        assert odd.len() <= (0.02 * values.len() if column == "given_names" else 0.001 * values.len()), (column, odd)
    dates = population.identities["birth_date"].str.to_date("%Y-%m-%d", strict=True)
    assert dates.null_count() == 0
    assert dates.dt.year().is_between(1890, 2026).all()


def test_generate__a_matricule_has_the_right_key_and_agrees_with_the_traits(clean: Population) -> None:
    for row in clean.identities.iter_rows(named=True):
        number = row["matricule"]
        digits = number[:5] + number[5:7].replace("2A", "19").replace("2B", "18") + number[7:]
        assert int(digits[13:]) == 97 - int(digits[:13]) % 97
        assert number[0] == {"M": "1", "F": "2"}[row["sex"]]
        assert number[5:10] == row["birth_place"]
        assert number[1:3] + number[3:5] == row["birth_date"][2:4] + row["birth_date"][5:7]


def test_generate__no_two_people_share_a_matricule(population: Population) -> None:
    people = population.truth.unique("person")
    assert people["matricule"].n_unique() == people.height


def test_generate__without_slips_the_records_of_a_person_agree(clean: Population) -> None:
    rows = clean.identities.join(clean.truth, on="id").group_by("person").agg(pl.all().n_unique())
    for column in ("birth_name", "first_given_name", "matricule", "birth_place"):
        same_style = rows.filter(pl.col(column) > 1).height / rows.height
        assert same_style < (0.012 if "name" in column else 1e-9), column


def test_generate__twins_share_name_date_place_and_home_but_not_their_first_name(clean: Population) -> None:
    rows = clean.identities.join(clean.truth, on="id")
    twins = rows.join(rows, left_on="twin", right_on="person", suffix="_twin")
    assert twins.height >= 60
    for column in ("birth_date", "birth_place", "postal_code"):
        assert (twins[column] == twins[f"{column}_twin"]).mean() > 0.97, column
    assert (twins["first_given_name"] == twins["first_given_name_twin"]).sum() == 0
    assert (twins["matricule"] == twins["matricule_twin"]).sum() == 0


def test_generate__names_follow_a_long_tail(population: Population) -> None:
    counts = population.identities["birth_name"].value_counts(sort=True)
    assert counts["count"][0] / 20_000 == pytest.approx(0.002, abs=0.0015)
    assert 0.3 < counts.height / 20_000 < 0.9


def test_generate__mothers_are_named_by_their_identity(population: Population) -> None:
    rows = population.identities
    children = rows.join(rows, left_on="mother_id", right_on="id", suffix="_mother")
    assert children.height > 100
    assert (children["sex_mother"] == "F").mean() > 0.97
    years = children["birth_date"].str.head(4).cast(pl.Int32) - children["birth_date_mother"].str.head(4).cast(pl.Int32)
    assert years.median() == pytest.approx(30, abs=4)


def test_write__gives_what_match_and_score_read(population: Population, tmp_path) -> None:
    identities, truth, columns = write(population, tmp_path / "essai")
    assert_frame_equal(pl.read_parquet(identities), population.identities)
    assert_frame_equal(pl.read_parquet(truth), population.truth.drop("matricule"))
    assert tomllib.loads(columns.read_text())["columns"] == {name: name for name in MATCHED}


@pytest.mark.parametrize("size", [0, 1, 7, 50])
def test_generate__small_files_are_possible(size: int) -> None:
    assert generate(size, seed=1).identities.height == size


@pytest.mark.parametrize("name", sorted(MIXES))
def test_generate__every_named_mix_works(name: str) -> None:
    assert generate(2_000, seed=1, mix=MIXES[name]).identities.height == 2_000


def test_draw_mix__stays_within_rates_and_follows_the_seed() -> None:
    assert draw_mix(1) == draw_mix(1) != draw_mix(2)
    assert all(0 <= getattr(draw_mix(seed), name) <= 0.85 for seed in range(20) for name in SLIPS)


@pytest.mark.parametrize("name", SLIPS)
def test_make_slips__each_slip_changes_only_what_it_names(name: str) -> None:
    """Each slip alone, on every copy: some rows change, and only in the columns that the slip speaks of."""
    import numpy as np

    touched = {
        "names_swapped": {"birth_name", "first_given_name"},
        "second_given_name_first": {"first_given_name", "other_given_names"},
        "used_for_birth_name": {"birth_name", "used_name"},
        "moved": {"address", "postal_code", "city"},
        "day_off": {"birth_date"}, "month_off": {"birth_date"}, "year_off": {"birth_date"},
        "decade_off": {"birth_date"}, "day_month_swapped": {"birth_date"}, "date_placeholder": {"birth_date"},
        "date_digit": {"birth_date"},
    }  # fmt: skip
    size = 300
    base = generate(size, seed=9, mix=CLEAN).identities
    columns = {column: base[column] for column in COLUMNS} | {
        "other_given_names": base["given_names"].str.extract("^[^ ]+ (.*)$"),
        "home_place": base["birth_place"].reverse(),
        "matricule_of_parent": base["matricule"].reverse(),
        **{f"moved_{column}": base[column].reverse() for column in ("address", "postal_code", "city")},
    }
    mix = replace(CLEAN, **{name: 50.0})
    slipped = make_slips(columns, mix, np.random.default_rng(1))
    changed = {column for column in columns if not slipped[column].equals(columns[column], null_equal=True)}
    expected = touched.get(name) or {re.sub("^given_name", "first_given_name", re.sub(r"_[a-z]+$", "", name))}
    assert changed
    assert changed <= expected
    assert len(slipped["birth_name"]) == size
