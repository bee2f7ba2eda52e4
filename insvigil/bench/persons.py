"""Invented persons, as arrays of codes: who they are, before anyone records them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from insvigil.bench.lists import (
    COUNTRIES,
    DECADES,
    FOREIGN_FLATTENING,
    GIVEN_NAME_EXPONENTS,
    GIVEN_NAME_OFFSETS,
    SURNAME_LAW,
    Codes,
    Lists,
    Weights,
    cumulate,
    draw,
    rank_weights,
)
from insvigil.bench.mistakes import ErrorMix

TODAY = date(2026, 11, 1)
"""The date at which the population is observed; nobody is born later."""

_AGE_WEIGHTS = (6, 5, 4.5, 4.8, 5.5, 6, 6.5, 6.5, 6.2, 6, 6.2, 6.2, 6.2, 6, 5.8, 5, 4, 3.2, 2, 0.8, 0.2)  # by 5 years
_GIVEN_NAME_COUNTS = (0.28, 0.35, 0.33, 0.04)  # one to four given names, as on death certificates of 1970
_MATERNITY_SIZE = 8_000  # since 1975, births are registered in towns that have a maternity ward
_UNKNOWN_DAY_ABROAD = 0.04  # their civil status itself says 1 January
_NONE = -1


@dataclass
class Persons:
    """One entry a person in each array; -1 means none."""

    sex: npt.NDArray[np.int8]  # 0 M, 1 F
    born: npt.NDArray[np.int32]  # days since 1970-01-01
    abroad: npt.NDArray[np.bool_]
    surname: Codes
    second_surname: Codes  # of a double-barrelled name
    given: npt.NDArray[np.int32]  # shape (size, 4)
    used_name: Codes  # surname code
    birth_place: Codes  # code in Lists.places
    home: Codes  # row of Lists.communes
    street: Codes
    phone: npt.NDArray[np.int64]
    mail_host: npt.NDArray[np.int8]
    order: npt.NDArray[np.int16]  # order number of the NIR, unique in a month, a place and a sex
    twin: Codes  # the other twin
    birth_rank: npt.NDArray[np.int8]
    mother: Codes
    parent: Codes  # whose NIR may stand for the child's

    def __len__(self) -> int:
        return len(self.sex)

    def take(self, rows: npt.NDArray[np.int64]) -> Persons:
        """Return the persons of these rows; ``twin``, ``mother`` and ``parent`` keep their meaning."""
        return Persons(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


@dataclass(frozen=True)
class Basin:
    """Where the people of a file live and were born: cumulated weights over the rows of ``Lists.communes``."""

    homes: Weights
    births_before_1975: Weights
    births_since_1975: Weights


def draw_basin(size: int, mix: ErrorMix, lists: Lists, rng: np.random.Generator) -> Basin:
    """Return a basin of whole departments holding about as many people as the file.

    A file of ten thousand identities lives in one department, one of ten million in several regions.
    """
    population = lists.communes["population"].to_numpy().astype(np.float64)
    departments = lists.communes["department"].to_numpy()
    mainland = lists.communes.filter(pl.col("region").str.len_chars() == 2, pl.col("region") > "10")
    ordered = mainland.select("region", "department").unique().sort("region", "department")["department"].to_numpy()
    inside, people = np.zeros(len(population), bool), 0.0
    for department in np.roll(ordered, -int(rng.integers(len(ordered)))):
        rows = departments == department
        inside |= rows
        people += float(population[rows].sum())
        if people >= size:
            break
    maternity = np.where(population >= _MATERNITY_SIZE, population, population * 0.01)

    def mixed(weights: npt.NDArray[np.float64], share: float) -> Weights:
        local = np.where(inside, weights, 0.0)
        return cumulate(share * local / local.sum() + (1 - share) * weights / weights.sum())

    born_near = 0.8 * mix.basin
    return Basin(mixed(population, mix.basin), mixed(population, born_near), mixed(maternity, born_near))


@dataclass(frozen=True)
class Kin:
    """Pairs of relatives: in each array of shape (pairs, 2), the second person is made after the first."""

    twins: npt.NDArray[np.int64]
    siblings: npt.NDArray[np.int64]
    mothers: npt.NDArray[np.int64]
    fathers: npt.NDArray[np.int64]
    couples: npt.NDArray[np.int64]
    homonyms: npt.NDArray[np.int64]


def invent_persons(size: int, mix: ErrorMix, basin: Basin, lists: Lists, rng: np.random.Generator) -> Persons:
    """Return ``size`` persons with their relatives among them."""
    sex, born = _draw_births(size, rng)
    abroad = rng.random(size) < mix.born_abroad
    unknown = abroad & (rng.random(size) < _UNKNOWN_DAY_ABROAD)
    born[unknown] = born[unknown].astype("datetime64[D]").astype("datetime64[Y]").astype("datetime64[D]").astype(int)
    kin = _draw_kin(sex, born, mix, rng)
    _relate_births(sex, born, kin, rng)
    for pairs in (kin.twins, kin.siblings):
        abroad[pairs[:, 1]] = abroad[pairs[:, 0]]
    surname, second = _draw_surnames(abroad, born, lists, rng)
    given = _draw_given_names(sex, born, abroad, lists, rng)
    used_name = _relate_names(sex, born, surname, second, given, kin, lists, rng)
    persons = Persons(
        sex=sex,
        born=born,
        abroad=abroad,
        surname=surname,
        second_surname=second,
        given=given,
        used_name=used_name,
        birth_place=_draw_birth_places(born, abroad, basin, lists, rng),
        home=draw(basin.homes, size, rng),
        street=rng.integers(len(lists.streets), size=size, dtype=np.int32),
        phone=_draw_phones(size, rng),
        mail_host=rng.integers(4, size=size, dtype=np.int8),
        order=np.zeros(size, np.int16),
        twin=np.full(size, _NONE, np.int32),
        birth_rank=np.zeros(size, np.int8),
        mother=np.full(size, _NONE, np.int32),
        parent=np.full(size, _NONE, np.int32),
    )
    _relate_places(persons, kin, rng)
    persons.order[:] = _order_numbers(persons)
    return persons


def move(persons: Persons, basin: Basin, lists: Lists, rng: np.random.Generator) -> Persons:
    """Return the same persons living elsewhere, half of them in the same commune."""
    size = len(persons)
    home = draw(basin.homes, size, rng)
    near = rng.random(size) < 0.5
    street = rng.integers(len(lists.streets), size=size, dtype=np.int32)
    values = {field.name: getattr(persons, field.name) for field in fields(persons)}
    return Persons(**values | {"home": np.where(near, persons.home, home), "street": street})


def _draw_births(size: int, rng: np.random.Generator) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int32]]:
    band = draw(cumulate(np.array(_AGE_WEIGHTS)), size, rng)
    age_days = ((band + rng.random(size)) * 5 * 365.25).astype(np.int32)
    today = (TODAY - date(1970, 1, 1)).days
    women = 0.49 + 0.004 * np.maximum(band - 8, 0) + 0.02 * np.maximum(band - 15, 0)
    return (rng.random(size) < women).astype(np.int8), (today - age_days).astype(np.int32)


def _draw_kin(sex: npt.NDArray[np.int8], born: npt.NDArray[np.int32], mix: ErrorMix, rng: np.random.Generator) -> Kin:
    """Return disjoint pairs; a relation that age or sex forbids is dropped."""
    left = rng.permutation(len(sex))
    pairs: dict[str, npt.NDArray[np.int64]] = {}
    for name in ("twins", "siblings", "mothers", "fathers", "couples", "homonyms"):
        count = min(int(len(sex) * getattr(mix, name)), len(left) // 2)
        pairs[name], left = left[: 2 * count].reshape(count, 2), left[2 * count :]
    child_after, adult_before = -1500, 20000 - 22 * 365  # born after 1965; aged 22 or more
    for name in ("mothers", "fathers"):
        pairs[name] = pairs[name][born[pairs[name][:, 0]] > child_after]
    wives = pairs["couples"][:, 0]
    pairs["couples"] = pairs["couples"][(sex[wives] == 1) & (born[wives] < adult_before)]
    return Kin(**pairs)


def _relate_births(sex: npt.NDArray[np.int8], born: npt.NDArray[np.int32], kin: Kin, rng: np.random.Generator) -> None:
    today = (TODAY - date(1970, 1, 1)).days
    first, second = kin.twins.T
    born[second] = born[first]
    sex[second] = np.where(rng.random(len(first)) < 0.66, sex[first], 1 - sex[first])
    first, second = kin.siblings.T
    gap = rng.integers(300, 3500, len(first)) * rng.choice([-1, 1], len(first))
    born[second] = np.minimum(born[first] + gap, today - 1)
    for pairs, parent_sex, ages in ((kin.mothers, 1, (18, 43)), (kin.fathers, 0, (20, 48))):
        child, parent = pairs.T
        born[parent] = born[child] - rng.integers(ages[0] * 365, ages[1] * 365, len(child))
        sex[parent] = parent_sex
    wife, husband = kin.couples.T
    sex[husband] = 0
    born[husband] = born[wife] + rng.integers(-3000, 1500, len(wife))
    first, second = kin.homonyms.T
    sex[second] = sex[first]
    same_day = rng.random(len(first)) < 0.05
    gap = np.where(same_day, 0, rng.integers(-900, 900, len(first)))
    born[second] = np.minimum(born[first] + gap, today - 1)


def _draw_surnames(
    abroad: npt.NDArray[np.bool_], born: npt.NDArray[np.int32], lists: Lists, rng: np.random.Generator
) -> tuple[Codes, Codes]:
    size, count = len(abroad), len(lists.surnames)
    weights = {
        False: rank_weights(count, *SURNAME_LAW),
        True: rank_weights(count, *SURNAME_LAW, flattening=FOREIGN_FLATTENING),
    }
    surname = np.empty(size, np.int32)
    for flag, cumulated in weights.items():
        rows = np.flatnonzero(abroad == flag)
        surname[rows] = draw(cumulated, len(rows), rng)
    second = np.full(size, _NONE, np.int32)
    double = np.flatnonzero(rng.random(size) < np.where(born > 12784, 0.10, 0.015))  # double names allowed since 2005
    second[double] = draw(weights[False], len(double), rng)
    return surname, second


def _draw_given_names(
    sex: npt.NDArray[np.int8],
    born: npt.NDArray[np.int32],
    abroad: npt.NDArray[np.bool_],
    lists: Lists,
    rng: np.random.Generator,
) -> npt.NDArray[np.int32]:
    """Return up to four names; those after the first are of the parents' generation, two decades before."""
    size = len(sex)
    decade = np.clip((born / 365.25 + 1970 - DECADES[0]) // 10, 0, len(DECADES) - 1).astype(np.int64)
    counts = 1 + draw(cumulate(np.array(_GIVEN_NAME_COUNTS)), size, rng)
    given = np.full((size, 4), _NONE, np.int32)
    for position in range(4):
        older = np.maximum(decade - (2 if position else 0), 0)
        wanted = counts > position
        key = np.where(wanted, older * 4 + sex * 2 + abroad, -1)
        for group in np.unique(key[wanted]):
            rows = np.flatnonzero(key == group)
            index, flags = divmod(int(group), 4)
            ranked = lists.given_ranks[index, "MF"[flags // 2]]
            weights = given_name_weights(index, len(ranked), FOREIGN_FLATTENING if flags % 2 else 1.0)
            given[rows, position] = ranked[draw(weights, len(rows), rng)]
    return given


def given_name_weights(decade: int, size: int, flattening: float) -> Weights:
    """Return the cumulated weights of the first names of a decade."""
    return rank_weights(size, GIVEN_NAME_OFFSETS[decade], GIVEN_NAME_EXPONENTS[decade], flattening)


def _relate_names(
    sex: npt.NDArray[np.int8],
    born: npt.NDArray[np.int32],
    surname: Codes,
    second: Codes,
    given: npt.NDArray[np.int32],
    kin: Kin,
    lists: Lists,
    rng: np.random.Generator,
) -> Codes:
    """Give relatives their shared names, in place, and return the used names."""
    for pairs in (kin.twins, kin.siblings, kin.fathers, kin.homonyms):
        surname[pairs[:, 1]], second[pairs[:, 1]] = surname[pairs[:, 0]], second[pairs[:, 0]]
    for pairs in (kin.twins, kin.siblings):
        first, other = pairs.T
        same = (given[first, 0] == given[other, 0]) & (sex[first] == sex[other])
        given[other[same], 0] = (given[first[same], 0] + 1) % len(lists.given_names)  # never the same first name
    child, father = kin.fathers.T
    namesake = (rng.random(len(child)) < 0.2) & (sex[child] == 0)
    given[child[namesake], 0] = given[father[namesake], 0]
    given[kin.homonyms[:, 1], 0] = given[kin.homonyms[:, 0], 0]

    age = 2026.8 - 1970 - born / 365.25
    married = (sex == 1) & (age > 22) & (rng.random(len(sex)) < np.where(age > 50, 0.72, 0.42))
    used = np.full(len(sex), _NONE, np.int32)
    used[married] = draw(rank_weights(len(lists.surnames), *SURNAME_LAW), int(married.sum()), rng)
    wife, husband = kin.couples.T
    used[wife] = surname[husband]
    child, mother = kin.mothers.T
    unmarried = rng.random(len(child)) < 0.25
    used[mother] = np.where(unmarried, _NONE, surname[child])
    surname[mother[unmarried]] = surname[child[unmarried]]
    return used


def _draw_birth_places(
    born: npt.NDArray[np.int32],
    abroad: npt.NDArray[np.bool_],
    basin: Basin,
    lists: Lists,
    rng: np.random.Generator,
) -> Codes:
    places = np.empty(len(born), np.int32)
    recent = born > 1826  # 1975
    for rows, weights in ((~recent, basin.births_before_1975), (recent, basin.births_since_1975)):
        places[rows] = draw(weights, int(rows.sum()), rng)
    countries = cumulate(np.array(list(COUNTRIES.values())))
    places[abroad] = lists.first_country + draw(countries, int(abroad.sum()), rng)
    return places


def _draw_phones(size: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    prefix = rng.choice([6, 7, 1, 2, 3, 4, 5], size, p=[0.6, 0.2, 0.05, 0.03, 0.04, 0.05, 0.03])
    return np.asarray(prefix * 100_000_000 + rng.integers(10_000_000, 99_999_999, size), dtype=np.int64)


def _order_numbers(persons: Persons) -> npt.NDArray[np.int16]:
    """Return the order number of each NIR: two people of one sex, month and place never share one (up to 999)."""
    months = persons.born.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 1200
    registers = (months * 2 + persons.sex) * 2**20 + persons.birth_place
    order = np.argsort(registers, kind="stable")
    ordered = registers[order]
    first = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    sizes = np.diff(np.r_[first, len(ordered)])
    rank = np.arange(len(ordered)) - np.repeat(first, sizes)
    numbers = np.empty(len(ordered), np.int16)
    numbers[order] = (ordered * 7919 + rank * 238) % 999 + 1  # 238 has no common factor with 999
    return numbers


def _relate_places(persons: Persons, kin: Kin, rng: np.random.Generator) -> None:
    first, second = kin.twins.T
    for name in ("birth_place", "home", "street", "phone", "mail_host"):
        values = getattr(persons, name)
        values[second] = values[first]
    persons.twin[first], persons.twin[second] = second, first
    persons.birth_rank[first], persons.birth_rank[second] = 1, 2
    together = {"siblings": 0.7, "mothers": 0.9, "fathers": 0.6, "couples": 0.95}
    for name, share in together.items():
        pairs: npt.NDArray[np.int64] = getattr(kin, name)
        first, second = pairs[rng.random(len(pairs)) < share].T
        for column in ("home", "street", "phone"):
            getattr(persons, column)[second] = getattr(persons, column)[first]
    born_together = kin.siblings[rng.random(len(kin.siblings)) < 0.65]
    persons.birth_place[born_together[:, 1]] = persons.birth_place[born_together[:, 0]]
    persons.mother[kin.mothers[:, 0]] = kin.mothers[:, 1]
    for pairs in (kin.mothers, kin.fathers):
        persons.parent[pairs[:, 0]] = pairs[:, 1]
