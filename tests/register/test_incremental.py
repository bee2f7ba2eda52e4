"""A night compares what changed, carries over the rest, and ends with the same pairs and agrégats as comparing all."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from insvigil.frames import AGREEMENTS, Groups, ScoredPairs
from insvigil.register import Register, agregats, fold, identities, previous_pairs, store_groups, store_pairs
from tests.register.messages import NIGHT, movements, opener, sources
from tests.register.model import Message
from tests.register.strategies import feeds

TRIGGERS = ("A28", "A28", "A31", "A40", "A47", "A01")


def compare(found: pl.DataFrame, *, changed_only: bool) -> pl.DataFrame:
    """Pair identities of one birth name and of one town: a matcher simple enough to be right."""
    wanted = ["birth_name", "city"]
    known = found.select("identity_id", "changed", *wanted).drop_nulls()
    pairs = known.join(known, on=wanted, suffix="_right").filter(pl.col("identity_id") < pl.col("identity_id_right"))
    if changed_only:
        pairs = pairs.filter(pl.col("changed") | pl.col("changed_right"))
    scored = pairs.select(
        left="identity_id",
        right="identity_id_right",
        probability=pl.lit(0.9),
        weight=pl.lit(5.0),
        finding=pl.lit("DPOT"),
        rule=pl.lit(None, pl.String),
        block=pl.lit("x"),
        **{f"agree_{trait}": pl.lit(0) for trait in AGREEMENTS},
    )
    return ScoredPairs.validate(scored, cast=True).sort("left", "right")


def grouped(pairs: pl.DataFrame, size: int) -> pl.DataFrame:
    label = np.arange(size)
    for left, right in pairs.select("left", "right").iter_rows():
        label[label == max(label[left], label[right])] = min(label[left], label[right])
    members = [(place, group) for place, group in enumerate(label) if (label == group).sum() > 1]
    schema = {"identity_id": pl.UInt32, "group": pl.UInt32}
    return Groups.validate(pl.DataFrame(members, schema=schema, orient="row"))


def a_night(register: Register, feed: list[Message], *, full: bool) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Live a night; return its pairs and its agrégats."""
    register.begin(NIGHT)
    half = len(feed) // 2
    for batch in (feed[:half], feed[half:]):
        if batch:
            fold(register, movements(*batch), sources=sources(), now=NIGHT)
    found: pl.DataFrame = identities(register)
    carried = ScoredPairs.create_empty() if full else previous_pairs(register)
    pairs = pl.concat([carried, compare(found, changed_only=not full)]).sort("left", "right")
    store_pairs(register, ScoredPairs.validate(pairs))
    store_groups(register, grouped(pairs, found.height))
    register.commit()
    return pairs, agregats(register)


@settings(max_examples=3, deadline=None)
@given(nights=st.lists(feeds(TRIGGERS), min_size=2, max_size=3))
def test_incremental__equals_the_full_comparison(nights: list[list[Message]]) -> None:
    with (
        tempfile.TemporaryDirectory() as one,
        tempfile.TemporaryDirectory() as other,
        opener(Path(one))() as incremental,
        opener(Path(other))() as full,
    ):
        for feed in nights:
            pairs, named = a_night(incremental, feed, full=False)
            all_pairs, all_named = a_night(full, feed, full=True)
            assert pairs.equals(all_pairs)
            assert named.equals(all_named)
