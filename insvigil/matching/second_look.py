"""The second look at the few pairs that remain: what the fast comparison leaves open, settled on the text itself."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from insvigil.matching.contacts import CONTACTS, settle_contact
from insvigil.matching.dates import settle_dates
from insvigil.matching.given_names import common_names, settle_given_names
from insvigil.matching.slices import by_slices
from insvigil.matching.weights import Levels


def settle(traits: pl.DataFrame, left: npt.NDArray[np.uint32], right: npt.NDArray[np.uint32], levels: Levels) -> None:
    """Settle, in place, contact traits that differ by little, given names that are close and dates by default."""
    common = common_names(traits["first_given_name"])

    def work(part: slice) -> None:
        some = left[part], right[part], levels[part]
        settle_given_names(traits, common, *some)
        settle_dates(traits, *some)
        for contact in CONTACTS:
            settle_contact(contact, traits, *some)

    by_slices(work, len(left))
