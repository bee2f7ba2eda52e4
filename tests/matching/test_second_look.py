"""The second look: a slip or another child, a default date or another generation?"""

from __future__ import annotations

import numpy as np
import pytest

from insvigil.matching.comparing import compare_pairs
from insvigil.matching.dates import OTHER_GENERATION_BY_DEFAULT
from insvigil.matching.encoding import encode
from insvigil.matching.given_names import (
    CLOSE_OF_TWO,
    ELSEWHERE_ALONE,
    ELSEWHERE_OTHERS_DIFFER,
    NEAR_OF_TWO,
    PART_OTHERS_DIFFER,
    UNSURE,
)
from insvigil.matching.kernels.agreements import G_ELSEWHERE, G_PART
from insvigil.matching.levels import TRAITS
from insvigil.matching.rules import OTHER_CHILD, judge
from insvigil.matching.second_look import settle
from insvigil.matching.weights import shipped
from tests.matching.files import people

BORN = {"birth_name": "FOULLON", "birth_date": "2001-01-31", "sex": "F", "birth_place": "75056"}


def level(trait: str, one: dict[str, str | None], other: dict[str, str | None], *rest: dict[str, str | None]) -> int:
    """Return the settled level of a trait between two identities of a file that may hold others."""
    traits = people({**BORN, **one}, {**BORN, **other}, *({**BORN, **more} for more in rest))
    sides = np.array([0], np.uint32), np.array([1], np.uint32)
    levels = compare_pairs(encode(traits), *sides, shipped())
    settle(traits, *sides, levels)
    return int(levels[0, TRAITS.index(trait)])


def given(*lists: str) -> list[dict[str, str | None]]:
    return [{"given_names": names} for names in lists]


@pytest.mark.parametrize(
    ("one", "other", "wanted"),
    [
        ("CLAIRE PATRICIA EVELYNE", "SANDRINE BENEDICTE CLAIRE", ELSEWHERE_OTHERS_DIFFER),
        ("AMELIE SOPHIE LAURE", "SOPHIE LAURE", G_ELSEWHERE),
        ("SOPHIE AMELIE", "AMELIE SOPHIE", G_ELSEWHERE),
        ("FATIMA CAROLE", "CAROLE", ELSEWHERE_ALONE),
        ("JEAN RENE MARIUS", "JEAN-LUC", PART_OTHERS_DIFFER),
        ("JEAN", "JEAN-LUC", G_PART),
    ],
)
def test_given_names__the_rest_of_the_lists_tells(one: str, other: str, wanted: int) -> None:
    assert level("given_name", *given(one, other)) == wanted
    assert level("given_name", *given(other, one)) == wanted


def test_given_names__called_by_the_second_name_is_confirmed_by_the_used_one() -> None:
    called = {"given_names": "FATIMA CAROLE", "used_given_name": "CAROLE"}
    assert level("given_name", called, {"given_names": "CAROLE"}) == G_ELSEWHERE


@pytest.mark.parametrize(("one", "other", "usual"), [("MARINE", "MARIE", True), ("MARINE", "MARIME", False)])
def test_given_names__close_names_are_two_names_when_many_bear_both(one: str, other: str, usual: bool) -> None:
    bearers = given(*["MARINE"] * 4, *["MARIE"] * 4)
    found = level("given_name", *given(one, other), *bearers)
    assert (found == CLOSE_OF_TWO) is usual
    near = given(*["CAROLE"] * 4, *["CAROLINE"] * 4)
    assert level("given_name", *given("CAROLE", "CAROLINE"), *near) == NEAR_OF_TWO
    assert level("given_name", *given("CAROLE", "CAROLINE")) < NEAR_OF_TWO
    assert level("given_name", *given("CAROLE ANNE", "CAROLINE ZOE MARTHE")) == NEAR_OF_TWO
    assert level("given_name", *given("CAROLE ANNE ZOE", "CAROLINE ZOE")) < NEAR_OF_TWO


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        ("1971-05-12", "2001-01-01", True),
        ("1971-12-31", "2001-05-12", True),
        ("1971-05-12", "1900-01-01", False),
        ("1995-05-12", "2001-01-01", False),
        ("1971-05-12", "2001-00-00", False),
    ],
)
def test_dates__a_default_day_keeps_its_year(one: str, other: str, apart: bool) -> None:
    anne = {"given_names": "ANNE"}
    found = level("birth_date", {**anne, "birth_date": one}, {**anne, "birth_date": other})
    assert (found == OTHER_GENERATION_BY_DEFAULT) is apart


@pytest.mark.parametrize("found", [1, 2, *UNSURE])
def test_rule__possible_twins_are_proposed_from_95_percent_only(found: int) -> None:
    """Whatever the given names of two children born together look like, the band is not enough."""
    traits = people({**BORN, "given_names": "CLAIRE"}, {**BORN, "given_names": "SANDRINE"})
    sides = np.array([0, 0, 0], np.uint32), np.array([1, 1, 1], np.uint32)
    levels = np.repeat(compare_pairs(encode(traits), sides[0][:1], sides[1][:1], shipped()), 3, axis=0)
    levels[:, TRAITS.index("given_name")] = found
    codes = judge(traits, *sides, levels, np.array([0.3, 0.94, 0.96]), None).codes()
    assert codes.to_list() == [OTHER_CHILD, OTHER_CHILD, None]
    levels[:, TRAITS.index("birth_date")] = 6  # one digit away: not the same day
    assert judge(traits, *sides, levels, np.array([0.3, 0.94, 0.96]), None).codes().is_null().all()
