"""The report of the block keys."""

from __future__ import annotations

import polars as pl

from insvigil.matching import keys_report
from insvigil.matching.keys import block_keys
from tests.matching.files import population


def test_keys_report__counts_true_pairs_once_and_reaches_the_recall_asked() -> None:
    traits, _, truth = population(9_000, 11)
    report = keys_report(traits, truth)
    keys, total = report[:-1], report.row(-1, named=True)
    assert keys["key"].to_list() == [key.name for key in block_keys()]
    assert total["recall"] >= 0.985
    assert total["true_pairs"] <= keys["true_pairs"].sum()
    assert (keys["alone"] <= keys["true_pairs"]).all()
    assert keys["alone"].sum() == total["alone"]
    assert (keys["largest"] <= 200).all()
    assert keys.filter(pl.col("true_pairs") > pl.col("pairs")).is_empty()
