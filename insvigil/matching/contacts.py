"""Addresses, phones and e-mails that are not equal: are they close? Asked of the few pairs that remain."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl
from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA, JaroWinkler

from insvigil.matching.kernels.agreements import X_DIFFERENT, X_SAME, X_SIMILAR
from insvigil.matching.levels import TRAITS


def settle_contacts(
    traits: pl.DataFrame,
    left: npt.NDArray[np.uint32],
    right: npt.NDArray[np.uint32],
    levels: npt.NDArray[np.uint8],
) -> None:
    """Raise to « similar », in place, the contact traits that differ by little.

    Phones and e-mails were compared by the hash of their text: those that only share it are told apart here.
    """
    for trait, column, scorer, least in (
        ("address", "address", fuzz.token_sort_ratio, 80.0),
        ("phone", "phone", OSA.normalized_similarity, 0.88),
        ("email", "email", JaroWinkler.similarity, 0.92),
        ("postal_code", "city", JaroWinkler.similarity, 0.88),
    ):
        at = TRAITS.index(trait)
        asked = levels[:, at] == X_DIFFERENT
        if traits[column].dtype == pl.String:
            asked |= levels[:, at] == X_SAME
        rows = np.flatnonzero(asked)
        if not len(rows) or traits[column].null_count() == traits.height:
            continue
        texts = [traits[column].gather(side[rows]).cast(pl.String) for side in (left, right)]
        apart = (texts[0] != texts[1]).fill_null(False)  # also what has no text on a side is left as it is
        rows = rows[apart.to_numpy()]
        alike = process.cpdist(*(side.filter(apart).to_list() for side in texts), scorer=scorer, dtype=np.float32)
        levels[rows, at] = np.where(alike >= least, X_SIMILAR, X_DIFFERENT)
