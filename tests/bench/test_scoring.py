from __future__ import annotations

import itertools

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insvigil.bench.scoring import score_groups, score_pairs
from insvigil.errors import SourceError

people = st.lists(st.integers(0, 5), min_size=1, max_size=14)


def truth_of(persons: list[int]) -> pl.DataFrame:
    return pl.DataFrame({"id": [str(i) for i in range(len(persons))], "person": persons})


@given(people, people)
@settings(deadline=None, max_examples=60)
def test_score__groups_agree_with_a_count_by_hand(persons: list[int], groups: list[int]) -> None:
    groups = (groups * len(persons))[: len(persons)]
    truth = truth_of(persons)
    found = pl.DataFrame({"id": truth["id"], "group": groups})
    pairs = list(itertools.combinations(range(len(persons)), 2))
    true = {pair for pair in pairs if persons[pair[0]] == persons[pair[1]]}
    proposed = {pair for pair in pairs if groups[pair[0]] == groups[pair[1]]}
    result = score_groups(truth, found)
    assert (result["true_pairs"], result["found_pairs"]) == (len(true), len(proposed))
    assert result["right_pairs"] == len(true & proposed)
    members = range(len(persons))
    shares = [
        sum(persons[i] == persons[j] and groups[i] == groups[j] for j in members)
        / sum(groups[i] == groups[j] for j in members)
        for i in members
    ]
    assert result["b_cubed_precision"] == pytest.approx(sum(shares) / len(shares))


def test_score__the_truth_itself_is_perfect_and_nothing_found_scores_nothing() -> None:
    truth = truth_of([1, 1, 1, 2, 3, 3])
    perfect = score_groups(truth, truth.select("id", group="person"))
    assert perfect["f1"] == perfect["b_cubed_f1"] == 1.0
    nothing = score_pairs(truth, pl.DataFrame(schema={"left": pl.String, "right": pl.String}))
    assert (nothing["precision"], nothing["recall"], nothing["f1"]) == (None, 0.0, 0.0)


def test_score__pairs_count_once_whatever_their_order_and_only_those_proposed() -> None:
    truth = truth_of([1, 1, 2, 2])
    pairs = pl.DataFrame(
        {"left": [0, 1, 2, 3], "right": [1, 0, 3, 0], "finding": ["DPOT", "DPOT", "HOMD", "DPOT"]}
    ).with_columns(pl.col("left", "right").cast(pl.UInt32))
    result = score_pairs(truth, pairs)
    assert (result["found_pairs"], result["right_pairs"], result["precision"], result["recall"]) == (2, 1, 0.5, 0.5)


def test_score__says_how_many_twins_were_joined() -> None:
    truth = pl.DataFrame({"id": list("abcde"), "person": [1, 1, 2, 3, 4], "twin": [2, 2, 1, 4, 3]})
    pairs = pl.DataFrame({"left": ["b", "a", "a"], "right": ["c", "c", "b"]})
    result = score_pairs(truth, pairs)
    assert (result["twin_pairs"], result["twins_joined"]) == (2, 1)


def test_score__refuses_a_result_of_another_population() -> None:
    with pytest.raises(SourceError, match="absente de la vérité"):
        score_pairs(truth_of([1, 1]), pl.DataFrame({"left": ["0"], "right": ["9"]}))
