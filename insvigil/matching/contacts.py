"""Addresses, phones and e-mails that are not equal: are they close? Asked of the few pairs that remain."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl
from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA, JaroWinkler

from insvigil.matching.levels import TRAITS

DIFFERENT, SIMILAR = 1, 2
CONTACTS = ("address", "phone", "email", "postal_code")


def settle_contacts(
    traits: pl.DataFrame,
    left: npt.NDArray[np.uint32],
    right: npt.NDArray[np.uint32],
    levels: npt.NDArray[np.uint8],
) -> None:
    """Raise to « similar », in place, the contact traits that differ by little."""
    for trait, column, scorer, least in (
        ("address", "address", fuzz.token_sort_ratio, 80.0),
        ("phone", "phone", OSA.normalized_similarity, 0.88),
        ("email", "email", JaroWinkler.similarity, 0.92),
        ("postal_code", "city", JaroWinkler.similarity, 0.88),
    ):
        at = TRAITS.index(trait)
        rows = np.flatnonzero(levels[:, at] == DIFFERENT)
        if not len(rows) or traits[column].null_count() == traits.height:
            continue
        codes = traits[column].to_physical()
        pairs = pl.DataFrame({"a": codes.gather(left[rows]), "b": codes.gather(right[rows])})
        known = pairs.select((pl.col("a").is_not_null() & pl.col("b").is_not_null()).alias("k"))["k"].to_numpy()
        rows, pairs = rows[known], pairs.filter(known)
        if not len(rows):
            continue
        numbered = pairs.with_columns(n=pl.struct("a", "b").rank("dense") - 1)
        first = numbered.with_row_index("i").unique("n", keep="any").sort("n")["i"].to_numpy()
        texts = [traits[column].gather(side[rows][first]).cast(pl.String).to_list() for side in (left, right)]
        alike = process.cpdist(*texts, scorer=scorer, dtype=np.float32) >= least
        levels[rows[alike[numbered["n"].to_numpy()]], at] = SIMILAR
