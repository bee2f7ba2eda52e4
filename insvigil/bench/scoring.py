"""How well pairs or groups agree with a truth: the yardstick of a matcher.

Pairs are unordered and counted once. Groups are scored on the pairs they imply and by B-cubed (each identity weighs the
same, so that one enormous group does not hide the rest).
"""

from __future__ import annotations

from typing import Any

import polars as pl

from insvigil.errors import SourceError
from insvigil.vocabulary import Finding

_PAIR = ("left", "right")


def score_pairs(truth: pl.DataFrame, pairs: pl.DataFrame) -> dict[str, Any]:
    """Return counts, precision, recall and F1 of ``pairs`` (left, right) against ``truth`` (id, person, maybe twin).

    When ``pairs`` has a ``finding``, only its DPOT rows count. Ids are compared as text. When the truth knows the
    twins, says how many pairs of twins were joined. Raises SourceError when a pair names an identity the truth does
    not know.
    """
    return _score(_people(truth), _proposed(pairs))


def score_groups(truth: pl.DataFrame, groups: pl.DataFrame) -> dict[str, Any]:
    """Return the figures of ``score_pairs`` for the pairs that ``groups`` (id, group) imply, and B-cubed."""
    people = _people(truth)
    members = groups.select(pl.col("id").cast(pl.String), pl.col("group")).unique()
    return _score(people, _implied(members)) | _b_cubed(people, members)


def _people(truth: pl.DataFrame) -> pl.DataFrame:
    return truth.with_columns(pl.col("id").cast(pl.String))


def _score(people: pl.DataFrame, pairs: pl.DataFrame) -> dict[str, Any]:
    numbered = people.select("id", "person")
    joined = pairs.join(numbered, left_on="left", right_on="id", how="left").join(
        numbered, left_on="right", right_on="id", how="left", suffix="_right"
    )
    unknown = joined.filter(pl.col("person").is_null() | pl.col("person_right").is_null()).height
    if unknown:
        raise SourceError(
            f"{unknown} paires nomment une identité absente de la vérité.", hint="Vérifiez les deux fichiers."
        )
    right = joined.filter(pl.col("person") == pl.col("person_right")).height
    true = _true_pairs(people)
    result: dict[str, Any] = {"identities": people.height, "true_pairs": true}
    result |= {"found_pairs": pairs.height, "right_pairs": right} | _rates(right, pairs.height, true)
    return result | (_twins(people, joined) if "twin" in people.columns else {})


def _proposed(found: pl.DataFrame) -> pl.DataFrame:
    """Return the distinct unordered pairs that are proposed."""
    if "finding" in found.columns:
        found = found.filter(pl.col("finding").cast(pl.String) == Finding.DPOT.value)
    left, right = (pl.col(name).cast(pl.String) for name in _PAIR)
    ordered = found.select(left=pl.min_horizontal(left, right), right=pl.max_horizontal(left, right))
    return ordered.filter(pl.col("left") != pl.col("right")).unique()


def _implied(groups: pl.DataFrame) -> pl.DataFrame:
    """Return the pairs that groups imply."""
    return (
        groups.join(groups, on="group", suffix="_right")
        .filter(pl.col("id") < pl.col("id_right"))
        .select(left="id", right="id_right")
    )


def _true_pairs(people: pl.DataFrame) -> int:
    sizes = people.group_by("person").len()["len"].cast(pl.Int64)
    return int((sizes * (sizes - 1) // 2).sum())


def _rates(right: int, found: int, true: int) -> dict[str, float | None]:
    precision = right / found if found else None
    recall = right / true if true else None
    f1 = 2 * right / (found + true) if found + true else None
    return {"precision": precision, "recall": recall, "f1": f1}


def _b_cubed(people: pl.DataFrame, groups: pl.DataFrame) -> dict[str, float]:
    """Return B-cubed precision and recall; an identity in no group is alone in its own."""
    named = groups.select("id", group=pl.col("group").cast(pl.String)).unique("id")
    placed = people.select("id", "person").join(named, on="id", how="left")
    placed = placed.with_columns(pl.col("group").fill_null("seul " + pl.col("id")))
    shared = placed.select(
        both=pl.len().over("person", "group"), group=pl.len().over("group"), person=pl.len().over("person")
    )
    both = pl.col("both")
    precision, recall = shared.select(p=(both / pl.col("group")).mean(), r=(both / pl.col("person")).mean()).row(0)
    return {
        "b_cubed_precision": precision,
        "b_cubed_recall": recall,
        "b_cubed_f1": 2 * precision * recall / (precision + recall),
    }


def _twins(people: pl.DataFrame, joined: pl.DataFrame) -> dict[str, int | float | None]:
    """Return how many pairs of twins there are, as persons, and how many have a pair that joins them."""
    pairs = people.filter(pl.col("twin") > pl.col("person")).select("person", "twin").unique()
    twins = pairs.rename({"person": "a", "twin": "b"}).cast(pl.Int64)
    met = joined.filter(pl.col("person") != pl.col("person_right")).select(
        a=pl.min_horizontal("person", "person_right").cast(pl.Int64),
        b=pl.max_horizontal("person", "person_right").cast(pl.Int64),
    )
    wrong = twins.join(met.unique(), on=["a", "b"], how="semi").height
    return {
        "twin_pairs": twins.height,
        "twins_joined": wrong,
        "twins_joined_rate": wrong / twins.height if twins.height else None,
    }
