"""The second look at the few pairs that remain: what the fast comparison leaves open, settled on the text itself."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from insvigil.matching.contacts import settle_contacts
from insvigil.matching.dates import settle_dates
from insvigil.matching.given_names import settle_given_names
from insvigil.matching.weights import Levels


def settle(traits: pl.DataFrame, left: npt.NDArray[np.uint32], right: npt.NDArray[np.uint32], levels: Levels) -> None:
    """Settle, in place, contact traits that differ by little, given names that are close and dates by default."""
    settle_contacts(traits, left, right, levels)
    settle_given_names(traits, left, right, levels)
    settle_dates(traits, left, right, levels)
