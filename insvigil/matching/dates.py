"""Birth dates that differ, one of them a default: the year is known all the same, and may be another generation's.

A clerk who does not know a birthday writes 1 January or 31 December of the right year. A parent and a child of one
name, one of the two dated so, were half of the false doublons of households where children bear a parent's given name
(36 of 77, second hospital, 60,000 identities). 1 January 1900 says nothing, not even the year.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from insvigil.matching.kernels.agreements import D_DIFFERENT
from insvigil.matching.levels import TRAITS
from insvigil.matching.weights import Levels
from insvigil.vocabulary import BirthDateKind

OTHER_GENERATION_BY_DEFAULT = 10
GENERATION = 15
"""Years apart, at least, of two generations."""
UNKNOWN_YEAR = 1900
"""Year, with a default day, of a date that says nothing."""
PLAIN_DATE = np.array([*range(10), D_DIFFERENT], np.uint8)
"""By level, the one that the comparison gave before the second look."""

_AT = TRAITS.index("birth_date")


def settle_dates(
    traits: pl.DataFrame, left: npt.NDArray[np.uint32], right: npt.NDArray[np.uint32], levels: Levels
) -> None:
    """Lower, in place, the dates that differ by a generation although one of them is a default."""
    rows = np.flatnonzero(levels[:, _AT] == D_DIFFERENT)
    if not len(rows):
        return
    whole = (
        pl.col("birth_date_kind").cast(pl.String).is_in([BirthDateKind.EXACT.value, BirthDateKind.PLACEHOLDER.value])
    )
    default = pl.col("birth_date_kind") == BirthDateKind.PLACEHOLDER.value
    year = pl.col("birth_year").cast(pl.Int32)
    said = pl.when(whole & ~(default & (year == UNKNOWN_YEAR))).then(year)
    dates = traits.select("birth_date_kind", "birth_year")
    years = [dates[side[rows]].select(said).to_series() for side in (left, right)]
    apart = ((years[0] - years[1]).abs() >= GENERATION).fill_null(False).to_numpy()
    levels[rows[apart], _AT] = OTHER_GENERATION_BY_DEFAULT
