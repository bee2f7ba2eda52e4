"""The second look at the few pairs that remain: what the fast comparison leaves open, settled on the text itself."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import polars as pl

from insvigil.matching.contacts import CONTACTS, settle_contact
from insvigil.matching.dates import settle_dates
from insvigil.matching.given_names import settle_given_names
from insvigil.matching.weights import Levels


def settle(traits: pl.DataFrame, left: npt.NDArray[np.uint32], right: npt.NDArray[np.uint32], levels: Levels) -> None:
    """Settle, in place, contact traits that differ by little, given names that are close and dates by default."""
    with ThreadPoolExecutor(2) as pool:  # each writes its own trait
        works = [pool.submit(work, traits, left, right, levels) for work in (settle_given_names, settle_dates)]
        works += [pool.submit(settle_contact, contact, traits, left, right, levels) for contact in CONTACTS]
        for work in works:
            work.result()
