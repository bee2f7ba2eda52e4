"""Invented hospital files with their truth: what vendors, tests and training measure a matcher with.

Nobody here exists. The recipe is in ``docs/reference/population.md``: persons are drawn (``persons.py``), recorded
once as a clerk would, then again for doublons, with slips (``mistakes.py``); rows come out in random order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from insvigil.bench.lists import MAIL_HOSTS, Lists, load_lists, upper_ascii
from insvigil.bench.mistakes import DEFAULT, Columns, ErrorMix, make_slips
from insvigil.bench.persons import Basin, Persons, draw_basin, invent_persons, move

FIRST_ID = 1_000_000_000
COLUMNS: tuple[str, ...] = (
    "birth_name",
    "given_names",
    "first_given_name",
    "used_name",
    "used_given_name",
    "birth_date",
    "sex",
    "birth_place",
    "matricule",
    "postal_code",
    "address",
    "city",
    "phone",
    "email",
    "multiple_birth",
    "birth_rank",
)
MATCHED: tuple[str, ...] = ("id", *COLUMNS[: COLUMNS.index("email") + 1])
"""The columns that ``insvigil match`` is told of."""


@dataclass(frozen=True)
class Population:
    """An invented file: ``identities`` (id, the traits of COLUMNS, mother_id, all text) and ``truth``.

    ``truth`` has one row an identity: ``id``, ``person`` (number), ``twin`` (number of the person's twin, or null) and
    ``matricule`` (the person's own NIR, whatever was recorded; not written to the files).
    """

    identities: pl.DataFrame
    truth: pl.DataFrame


def write(population: Population, folder: Path) -> list[Path]:
    """Write ``identities.parquet``, ``truth.parquet`` and ``columns.toml`` for ``insvigil match``; return the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    frames = {"identities": population.identities, "truth": population.truth.drop("matricule")}
    paths = [folder / f"{name}.parquet" for name in frames]
    for path, frame in zip(paths, frames.values(), strict=True):
        frame.write_parquet(path, compression="zstd", compression_level=1)
    columns = folder / "columns.toml"
    columns.write_text("".join(["[columns]\n", *(f'{name} = "{name}"\n' for name in MATCHED)]), encoding="utf-8")
    return [*paths, columns]


def generate(identities: int, seed: int, mix: ErrorMix = DEFAULT) -> Population:
    """Return ``identities`` rows, of which a share ``mix.copies`` are doublons; the same seed gives the same rows.

    One column is made, mixed with the copies and shuffled at a time, so that memory stays near the size of the result.
    """
    lists = load_lists()
    rng = np.random.default_rng([seed, 0])
    copies = round(identities * mix.copies)
    size = identities - copies
    basin = draw_basin(size, mix, lists, rng)
    persons = invent_persons(size, mix, basin, lists, rng)
    copied = _draw_copied(size, copies, rng)
    shuffle = rng.permutation(identities)

    people = np.concatenate([np.arange(size), copied])[shuffle]
    ids = (pl.Series("id", np.arange(identities)) + FIRST_ID).cast(pl.String)
    truth = _truth(ids, people, persons, lists)

    copies_told = make_slips(_record_copies(persons, copied, basin, lists, mix, seed, rng), mix, rng)
    firsts = _record(persons, persons, lists, mix, (seed, 3))

    def column(name: str) -> pl.Series:
        return pl.concat([firsts[name](), copies_told.pop(name)]).gather(shuffle).alias(name)

    done: Columns = {name: column(name) for name in ("first_given_name", "other_given_names")}
    done["given_names"] = _joined(done["first_given_name"], done.pop("other_given_names"))
    done |= {name: column(name) for name in COLUMNS if name not in done}
    place = np.empty(identities, np.int64)
    place[shuffle] = np.arange(identities)  # the row where each first record went
    mother = persons.mother[people]
    done["mother_id"] = ids.gather(_nullable(np.where(mother >= 0, place[mother], -1))).alias("mother_id")
    return Population(pl.DataFrame([ids, *(done[name] for name in (*COLUMNS, "mother_id"))]), truth)


def _truth(ids: pl.Series, people: npt.NDArray[np.int64], persons: Persons, lists: Lists) -> pl.DataFrame:
    twin = _nullable(persons.twin[people]).alias("twin")
    own = _matricules(persons, lists).gather(people).alias("matricule")
    return pl.DataFrame([ids, pl.Series("person", people.astype(np.uint32)), twin, own])


def _record_copies(
    persons: Persons,
    copied: npt.NDArray[np.int64],
    basin: Basin,
    lists: Lists,
    mix: ErrorMix,
    seed: int,
    rng: np.random.Generator,
) -> Columns:
    """Return the columns of the copies as a careful clerk would write them, and where each person may have moved."""
    doublons = persons.take(copied)
    columns = {name: make() for name, make in _record(doublons, persons, lists, mix, (seed, 1)).items()}
    moved = _record(move(doublons, basin, lists, rng), persons, lists, mix, (seed, 2))
    return columns | {f"moved_{name}": moved[name]() for name in ("address", "postal_code", "city")}


def _draw_copied(size: int, copies: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Return the person of each copy: 1 copy (78 %), 2 (18 %) or 3 (4 %) of each person drawn."""
    chosen = rng.permutation(size)[:copies]
    counts = rng.choice([1, 2, 3], len(chosen), p=[0.78, 0.18, 0.04])
    return np.asarray(np.repeat(chosen, counts)[:copies], dtype=np.int64)


def _record(
    who: Persons, persons: Persons, lists: Lists, mix: ErrorMix, seed: tuple[int, int]
) -> Mapping[str, Callable[[], pl.Series]]:
    """Return how to make each column of the record of ``who``, each with its own random stream."""

    def stream(name: str) -> np.random.Generator:
        return np.random.default_rng([*seed, *name.encode()])

    size = len(who)
    style = stream("style").choice(3, size, p=[0.93, 0.05, 0.02])
    parents = persons.take(np.maximum(who.parent, 0)) if seed[1] == 1 else who

    def absent(name: str, values: pl.Series, rate: float) -> pl.Series:
        return values.set(pl.Series(stream(f"absent {name}").random(size) < rate), None)

    def surnames(codes: npt.NDArray[np.int32], second: npt.NDArray[np.int32] | None = None) -> pl.Series:
        return _surnames(codes, second, style, lists)

    def communes(name: str) -> pl.Series:
        return lists.communes[name].gather(who.home)

    def matricules(whose: Persons) -> pl.Series:
        return _matricules(whose, lists)

    makers: dict[str, Callable[[], pl.Series]] = {
        "birth_name": lambda: surnames(who.surname, who.second_surname),
        "first_given_name": lambda: _given_names(who.given[:, :1], style, lists),
        "other_given_names": lambda: absent(
            "others", _given_names(who.given[:, 1:], style, lists), mix.other_given_names_absent
        ),
        "used_name": lambda: absent("used_name", surnames(who.used_name), mix.used_name_absent),
        "used_given_name": lambda: absent("used_given_name", _given_names(who.given[:, 1:2], style, lists), 0.96),
        "birth_date": lambda: _dates(who, mix, stream("dates")),
        "sex": lambda: pl.Series(["M", "F"]).gather(who.sex.astype(np.int64)),
        "birth_place": lambda: absent("birth_place", lists.places.gather(who.birth_place), mix.birth_place_absent),
        "home_place": lambda: communes("code"),
        "matricule": lambda: absent("matricule", matricules(who), mix.matricule_absent),
        "matricule_of_parent": lambda: matricules(parents).set(pl.Series(who.parent < 0), None),
        "postal_code": lambda: absent("address", communes("postal_code"), mix.address_absent / 2),
        "city": lambda: absent("address", communes("city"), mix.address_absent / 2),
        "address": lambda: absent("address", lists.streets.gather(who.street), mix.address_absent),
        "phone": lambda: absent("phone", "0" + pl.Series(who.phone).cast(pl.String), mix.phone_absent),
        "email": lambda: absent("email", _emails(who, lists), mix.email_absent),
        "multiple_birth": partial(_twin_trait, who, pl.Series(["N", "Y", "Y"]), mix, stream("twins")),
        "birth_rank": partial(_twin_trait, who, pl.Series([None, "1", "2"]), mix, stream("twins")),
    }
    return makers


def _nullable(codes: npt.NDArray[Any]) -> pl.Series:
    """Return codes with -1 made null."""
    series = pl.Series(codes)
    return series.set(series < 0, None).cast(pl.UInt32)


def _joined(first: pl.Series, others: pl.Series) -> pl.Series:
    return pl.select(pl.concat_str([first, others], separator=" ", ignore_nulls=True)).to_series().alias("given_names")


def _styled(names: pl.Series, codes: npt.NDArray[np.int32], style: npt.NDArray[np.int64]) -> pl.Series:
    """Return names in the style of each record: capitals, capitals with accents, or as printed."""
    dictionary = pl.concat([upper_ascii(names), names.str.to_uppercase(), names])
    return dictionary.gather(_nullable(np.where(codes < 0, -1, codes + style * len(names))))


def _surnames(
    codes: npt.NDArray[np.int32], second: npt.NDArray[np.int32] | None, style: npt.NDArray[np.int64], lists: Lists
) -> pl.Series:
    text = _styled(lists.surnames, codes, style)
    if second is None:
        return text
    rows = np.flatnonzero(second >= 0)
    joiner = pl.Series(["-", " "]).gather((second[rows] % 3 == 0).astype(np.int64))
    double = text.gather(rows) + joiner + _styled(lists.surnames, second[rows], style[rows])
    index = np.arange(len(text))
    index[rows] = len(text) + np.arange(len(rows))
    return pl.concat([text, double]).gather(index)


def _given_names(codes: npt.NDArray[np.int32], style: npt.NDArray[np.int64], lists: Lists) -> pl.Series:
    """Return the names of each row of codes joined by blanks, null when there is none."""
    columns = [_styled(lists.given_names, codes[:, i], style) for i in range(codes.shape[1])]
    if len(columns) == 1:
        return columns[0]
    joined = pl.select(pl.concat_str(columns, separator=" ", ignore_nulls=True)).to_series()
    return joined.set(columns[0].is_null(), None)


def _dates(who: Persons, mix: ErrorMix, rng: np.random.Generator) -> pl.Series:
    """Return ISO dates, a few of them put to 1 January by default."""
    days = who.born.astype("datetime64[D]")
    unknown = rng.random(len(days)) < mix.placeholder_date
    days[unknown] = days[unknown].astype("datetime64[Y]").astype("datetime64[D]")
    return pl.Series(days).cast(pl.Date).dt.to_string("%Y-%m-%d")


def _matricules(who: Persons, lists: Lists) -> pl.Series:
    """Return the NIR of each person: 13 characters and the key 97 - N mod 97, where 2A counts as 19 and 2B as 18."""
    days = who.born.astype("datetime64[D]")
    years = days.astype("datetime64[Y]").astype(np.int64) + 1970
    months = days.astype("datetime64[M]").astype(np.int64) % 12 + 1
    number = (1 + who.sex.astype(np.int64)) * 100 + years % 100
    number = (number * 100 + months) * 100_000 + lists.place_numbers[who.birth_place]
    number = number * 1_000 + who.order
    text = pl.Series(number * 100 + 97 - number % 97).cast(pl.String)
    department = lists.places.str.head(2).gather(who.birth_place)
    corsica = department.is_in(["2A", "2B"])
    rows = np.flatnonzero(corsica.to_numpy())
    if not len(rows):
        return text
    island = text.gather(rows)
    island = island.str.head(5) + department.gather(rows) + island.str.slice(7)
    index = np.arange(len(text))
    index[rows] = len(text) + np.arange(len(rows))
    return pl.concat([text, island]).gather(index)


def _emails(who: Persons, lists: Lists) -> pl.Series:
    given, surname = (
        upper_ascii(names).str.to_lowercase().str.replace_all("[^a-z]", "").gather(codes)
        for names, codes in ((lists.given_names, who.given[:, 0]), (lists.surnames, who.surname))
    )
    year = pl.Series(who.order % 100).cast(pl.String)
    host = pl.Series(MAIL_HOSTS).gather(who.mail_host.astype(np.int64))
    return pl.select(pl.concat_str([given, pl.lit("."), surname, year, pl.lit("@"), host])).to_series()


def _twin_trait(who: Persons, texts: pl.Series, mix: ErrorMix, rng: np.random.Generator) -> pl.Series:
    """Return a trait that few records hold: for some twins, and « N » for a few others."""
    draws = rng.random(len(who))
    known = np.where(who.birth_rank > 0, draws >= mix.multiple_birth_absent, draws < 0.02)
    return texts.gather(who.birth_rank.astype(np.int64)).set(pl.Series(~known), None)
