"""Dates, keys, components and groups, held against slow twins, polars and networkx."""

from __future__ import annotations

from itertools import combinations, pairwise

import networkx
import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insvigil.matching import blocking
from insvigil.matching.blocking import groups_of, stretches, whole_file, work_of
from insvigil.matching.encoding import Encoding, encode
from insvigil.matching.grouping import components, group_pairs
from insvigil.matching.kernels import codes, comparing
from insvigil.matching.kernels.comparing import KEY, ROW, SLOTS
from insvigil.matching.kernels.components import agglomerate
from insvigil.matching.keys import GROUP_CAP, Key, block_keys
from insvigil.vocabulary import Sex
from tests.matching.entries import entry
from tests.matching.files import population
from tests.references import matching as twin

date_level = entry(codes.date_level)
met_again, remember = entry(comparing.met_again), entry(comparing.remember)
DATES = st.tuples(st.sampled_from((0, 1949, 1950, 1961, 1991, 2001)), st.integers(0, 12), st.integers(0, 31))


@given(DATES, DATES, st.booleans(), st.booleans())
def test_date_level__follows_its_slow_twin(
    a: tuple[int, int, int], b: tuple[int, int, int], default_a: bool, default_b: bool
) -> None:
    packed = [year << 9 | month << 5 | day for year, month, day in (a, b)]
    found = date_level(*packed, default_a, default_b)
    assert found == twin.date_level(a, b, default_a, default_b)
    assert found == date_level(packed[1], packed[0], default_b, default_a)


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 9), st.integers(0, 24)), max_size=60))
def test_remember__a_pair_is_met_again_under_its_key_and_later_ones_unless_its_line_is_full(
    found: list[tuple[int, int, int]],
) -> None:
    met = np.zeros(32, np.uint64)
    known: dict[int, int] = {}
    for i, apart, key in found:
        pair = i << int(ROW) | (i + apart)
        again = met_again(np.uint64(pair), key, met)
        assert not again or known[pair] <= key
        alike = {other for other in known if (other >> int(ROW)) // 8 % 4 == i // 8 % 4}
        assert again or pair not in known or known[pair] > key or len(alike) > SLOTS
        if not again:
            remember(np.uint64(pair), key, met)
            known[pair] = key
            assert met_again(np.uint64(pair), key, met)
    assert np.unique(met[met != 0] >> KEY).size == np.count_nonzero(met)  # each once


@given(st.permutations(range(40)), st.integers(0, 40))
def test_lay__is_the_words_turned_and_put_in_place(places: list[int], size: int) -> None:
    columns = np.arange(16 * size, dtype=np.uint32).reshape(16, size)
    lines, wanted = np.zeros((2, 40, 16), np.uint32)
    where = np.array(places[:size], np.uint32)
    codes.lay(columns, where, lines)
    wanted[where] = columns.T
    assert (lines == wanted).all()


def works_of(name: str, encoding: Encoding, *, focused: bool = False) -> list[blocking.Work]:
    return work_of(next(key for key in block_keys() if key.name == name), encoding, focused=focused)


def pairs_of(works: list[blocking.Work], rows: npt.NDArray[np.uint32] | None = None) -> set[tuple[int, int]]:
    """Every pair of the cells of works, an identity with itself excepted: of places, or of the ``rows`` they hold."""
    found = []
    for work in works:
        starts = work.starts.tolist()
        places = work.places if rows is None else rows[work.places]
        units = [places[start:stop].tolist() for start, stop in pairwise(starts)]
        for u, unit in enumerate(units):
            found += combinations(unit, 2)
            found += [(i, j) for other in units[u + 1 : u + 1 + work.reach] for i in unit for j in other]
    assert len(found) == sum(int(work.costs().sum()) for work in works)
    return {(min(i, j), max(i, j)) for i, j in found if i != j}


def same(traits: pl.DataFrame, parts: list[str], most: int) -> set[tuple[int, int]]:
    groups = traits.filter(pl.all_horizontal(pl.col(parts).is_not_null())).group_by(parts).agg("identity_id")
    return {
        pair
        for members in groups["identity_id"].to_list()
        if len(members) <= most
        for pair in combinations(sorted(members), 2)
    }


@pytest.mark.parametrize("cap", [200, 8])
def test_groups_of__every_small_group_is_there_and_large_ones_are_split(cap: int) -> None:
    traits, *_ = population(7_000, 3)
    encoding = encode(traits)
    key = next(key for key in block_keys() if key.name == "date+code postal")
    works = work_of(key._replace(cap=cap), encoding)
    assert all((np.diff(work.starts) <= max(cap, blocking.TILE)).all() for work in works)
    exact = traits.filter(pl.col("birth_date_kind") == "exact", pl.col("sex") != Sex.INDETERMINATE.value)
    expected = same(exact, ["birth_year", "birth_month", "birth_day", "postal_code", "sex"], cap)
    assert expected and expected <= pairs_of(works, encoding.rows)


@pytest.mark.parametrize("key", block_keys(), ids=lambda key: key.name)
def test_groups_of__a_key_holds_the_pairs_that_share_its_parts_and_no_other(key: Key) -> None:
    """Twin: each row enters with the values of its parts, in dictionaries."""
    traits, *_ = population(1_500, 5)
    encoding = encode(traits)
    groups: dict[tuple[int, ...], set[int]] = {}
    for row in range(encoding.size):
        for value in twin.key_values(key.parts, row, encoding):
            groups.setdefault(value, set()).add(row)
    expected = {pair for rows in groups.values() if len(rows) > 1 for pair in combinations(sorted(rows), 2)}
    most = max(map(len, groups.values()))
    assert most <= GROUP_CAP
    assert pairs_of(work_of(key._replace(cap=most), encoding)) == expected


def test_groups_of__in_focus_only_the_groups_that_hold_an_identity_in_focus() -> None:
    traits, *_ = population(7_000, 3)
    focus = np.random.default_rng(1).random(traits.height) < 0.05
    encoding = encode(traits, focus)
    for key in block_keys():
        works, near_works = works_of(key.name, encoding), works_of(key.name, encoding, focused=True)
        touched = {pair for pair in pairs_of(works, encoding.rows) if focus[list(pair)].any()}
        near = {pair for pair in pairs_of(near_works, encoding.rows) if focus[list(pair)].any()}
        assert near == touched


def test_stretches__hold_together_the_pairs_of_each_key_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocking, "STRETCH", 500)
    monkeypatch.setattr(blocking, "HASHES", 20_000)
    traits, *_ = population(7_000, 3)
    encoding, keys = encode(traits), block_keys()
    parts = stretches(keys, encoding, 2)
    assert len({(part.first, part.last) for part in parts}) > 5
    found: dict[int, list[blocking.Work]] = {}
    for part in parts:
        some = [keys[number] for number in part.keys]
        filters = np.zeros((len(some), 0), np.uint64)
        works = groups_of(some, encoding, filters, part.first, part.last)
        for number, of_key in zip(part.keys, works, strict=True):
            found.setdefault(number, []).extend(of_key)
    for number, key in enumerate(keys):
        whole = works_of(key.name, encoding)
        assert pairs_of(found[number]) == pairs_of(whole)
        assert sum(int(work.costs().sum()) for work in found[number]) == sum(int(work.costs().sum()) for work in whole)


def test_whole_file__holds_each_pair_once() -> None:
    for size in (1, 2, 127, 128, 300):
        work = whole_file(size)
        assert len(pairs_of([work])) == work.costs().sum() == size * (size - 1) // 2


@given(st.integers(1, 30), st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=40))
def test_components__are_those_of_networkx(size: int, edges: list[tuple[int, int]]) -> None:
    edges = [(a % size, b % size) for a, b in edges]
    graph = networkx.Graph(edges)
    graph.add_nodes_from(range(size))
    roots = components(np.array(edges, np.uint32).reshape(-1, 2), size)
    for members in networkx.connected_components(graph):
        assert {int(roots[i]) for i in members} == {min(members)}


@settings(max_examples=50)
@given(st.integers(2, 7), st.integers(0, 1_000_000))
def test_agglomerate__follows_its_slow_twin(size: int, seed: int) -> None:
    weights = np.random.default_rng(seed).normal(0, 8, size * (size - 1) // 2).astype(np.float32)
    pairs = [(i, j) for i in range(size) for j in range(i + 1, size)]
    parts = np.empty(size, np.int64)
    agglomerate(np.array([size]), weights, np.empty((size, size)), np.empty(size, np.int64), parts)
    expected = twin.agglomerate(size, dict(zip(pairs, weights.astype(float).tolist(), strict=True)))
    assert {frozenset(np.flatnonzero(parts == part).tolist()) for part in set(parts.tolist())} == set(
        map(frozenset, expected)
    )


def test_group_pairs__a_chain_is_cut_at_its_weakest_evidence() -> None:
    true = {(0, 1): 20.0, (1, 2): 3.0, (0, 2): -12.0, (2, 3): 18.0, (1, 3): -9.0, (0, 3): -14.0}

    def weigh(pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.array([true[int(a), int(b)] for a, b in pairs]), np.zeros(len(pairs), np.bool_)

    proposed = np.array([[0, 1], [1, 2], [2, 3]], np.uint32)
    members, groups = group_pairs(proposed, np.array([20.0, 3.0, 18.0]), weigh)
    assert members.tolist() == [0, 1, 2, 3]
    assert groups.tolist() == [0, 0, 2, 2]


def test_group_pairs__an_excluded_pair_never_shares_a_group() -> None:
    def weigh(pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.full(len(pairs), 15.0), (pairs == [0, 2]).all(axis=1)

    members, groups = group_pairs(np.array([[0, 1], [1, 2]], np.uint32), np.array([15.0, 15.0]), weigh)
    where = dict(zip(members.tolist(), groups.tolist(), strict=True))
    assert where.get(0) != where.get(2)


def test_group_pairs__a_huge_component_is_bounded() -> None:
    size = 1_000
    chain = np.stack([np.arange(size - 1), np.arange(1, size)], axis=1).astype(np.uint32)

    def weigh(pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        near = pairs[:, 1] - pairs[:, 0] == 1
        return np.where(near, 5.0, -5.0), np.zeros(len(pairs), np.bool_)

    _, groups = group_pairs(chain, 1.0 + (np.arange(size - 1) % 37), weigh)
    assert np.unique(groups, return_counts=True)[1].max() <= 100


def test_compare__has_room_for_the_largest_unit() -> None:
    from insvigil.matching.blocking import TILE
    from insvigil.matching.kernels.comparing import LARGEST

    assert max(GROUP_CAP, TILE) <= LARGEST, "the queue of a thread would be written beyond its end"
