"""Dates, keys, components and groups, held against slow twins, polars and networkx."""

from __future__ import annotations

import networkx
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insvigil.matching import blocking
from insvigil.matching.blocking import groups_of, row_bits, whole_file
from insvigil.matching.encoding import encode
from insvigil.matching.grouping import components, group_pairs
from insvigil.matching.kernels import comparing
from insvigil.matching.kernels.components import agglomerate
from insvigil.matching.keys import block_keys
from tests.matching.files import population
from tests.references import matching as twin

DATES = st.tuples(st.sampled_from((0, 1949, 1950, 1961, 1991, 2001)), st.integers(0, 12), st.integers(0, 31))


@given(DATES, DATES, st.booleans(), st.booleans())
def test_date_level__follows_its_slow_twin(
    a: tuple[int, int, int], b: tuple[int, int, int], default_a: bool, default_b: bool
) -> None:
    packed = [year << 9 | month << 5 | day for year, month, day in (a, b)]
    found = comparing.date_level(*packed, default_a, default_b)
    assert found == twin.date_level(a, b, default_a, default_b)
    assert found == comparing.date_level(packed[1], packed[0], default_b, default_a)


@pytest.mark.parametrize("cap", [200, 8])
def test_groups_of__every_small_group_is_there_and_large_ones_are_split(
    cap: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocking, "GROUP_CAP", cap)
    traits, *_ = population(7_000, 3)
    encoding = encode(traits)
    low = (1 << row_bits(encoding.size)) - 1
    date = next(key for key in block_keys() if key.name == "date+code postal")
    found: set[tuple[int, int]] = set()
    for work in groups_of(date, encoding, focused=False):
        assert (work.units[:, 1] <= max(cap, blocking.TILE)).all()
        for start, size, other, width in work.units:
            left = [int(key) & low for key in work.keys[start : start + size]]
            right = [int(key) & low for key in work.keys[other : other + width]]
            found |= {(min(i, j), max(i, j)) for i in left for j in right if i != j}
    kind = pl.col("birth_date_kind") == "exact"
    parts = ["birth_year", "birth_month", "birth_day", "postal_code"]
    groups = traits.filter(kind, pl.all_horizontal(pl.col(parts).is_not_null())).group_by(parts).agg("identity_id")
    expected = {
        (min(i, j), max(i, j))
        for members in groups["identity_id"].to_list()
        if 1 < len(members) <= cap
        for i in members
        for j in members
        if i != j
    }
    assert expected and expected <= found


def test_whole_file__holds_each_pair_once() -> None:
    for size in (1, 2, 127, 128, 300):
        work = whole_file(size)
        assert work.pairs == size * (size - 1) // 2


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
    members, groups = group_pairs(proposed, np.array([20.0, 3.0, 18.0]), 5, weigh)
    assert members.tolist() == [0, 1, 2, 3]
    assert groups.tolist() == [0, 0, 2, 2]


def test_group_pairs__an_excluded_pair_never_shares_a_group() -> None:
    def weigh(pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.full(len(pairs), 15.0), (pairs == [0, 2]).all(axis=1)

    members, groups = group_pairs(np.array([[0, 1], [1, 2]], np.uint32), np.array([15.0, 15.0]), 3, weigh)
    where = dict(zip(members.tolist(), groups.tolist(), strict=True))
    assert where.get(0) != where.get(2)


def test_group_pairs__a_huge_component_is_bounded() -> None:
    size = 1_000
    chain = np.stack([np.arange(size - 1), np.arange(1, size)], axis=1).astype(np.uint32)

    def weigh(pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        near = pairs[:, 1] - pairs[:, 0] == 1
        return np.where(near, 5.0, -5.0), np.zeros(len(pairs), np.bool_)

    _, groups = group_pairs(chain, 1.0 + (np.arange(size - 1) % 37), size, weigh)
    assert np.unique(groups, return_counts=True)[1].max() <= 100
