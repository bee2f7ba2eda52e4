"""Addresses, phones and e-mails that are not equal: are they close? Asked of the few pairs that remain."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA, JaroWinkler

from insvigil.matching.kernels.agreements import X_DIFFERENT, X_SAME, X_SIMILAR
from insvigil.matching.levels import TRAITS


class Contact(NamedTuple):
    """A contact trait, the column that tells its likeness, how that is measured, and from what on it counts."""

    trait: str
    column: str
    likeness: Callable[..., float]
    least: float


CONTACTS = (
    Contact("address", "address", fuzz.token_sort_ratio, 80.0),
    Contact("phone", "phone", OSA.normalized_similarity, 0.88),
    Contact("email", "email", JaroWinkler.similarity, 0.92),
    Contact("postal_code", "city", JaroWinkler.similarity, 0.88),
)


def settle_contact(
    contact: Contact,
    traits: pl.DataFrame,
    left: npt.NDArray[np.uint32],
    right: npt.NDArray[np.uint32],
    levels: npt.NDArray[np.uint8],
) -> None:
    """Raise to « similar », in place, a contact trait that differs by little.

    Phones and e-mails were compared by the hash of their text: those that only share it are told apart here.
    """
    at, column = TRAITS.index(contact.trait), traits[contact.column]
    asked = levels[:, at] == X_DIFFERENT
    if column.dtype == pl.String:
        asked |= levels[:, at] == X_SAME
    rows = np.flatnonzero(asked)
    if not len(rows) or column.null_count() == traits.height:
        return
    texts = [column.gather(side[rows]).cast(pl.String) for side in (left, right)]
    apart = (texts[0] != texts[1]).fill_null(False)  # also what has no text on a side is left as it is
    rows = rows[apart.to_numpy()]
    one, other = (side.filter(apart).to_list() for side in texts)
    alike = process.cpdist(one, other, scorer=contact.likeness, dtype=np.float32)
    levels[rows, at] = np.where(alike >= contact.least, X_SIMILAR, X_DIFFERENT)
