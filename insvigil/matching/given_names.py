"""Given names that are close without being the same: a slip, or two children? Asked of the few pairs that remain.

Four agreements are each two things. A given name found further in the other's list is the same person called by a
second name, or a twin whose second name is a common one: the rest of the lists tells (of 5,520 invented pairs of
twins, all but one that still passed for doublons this way had lists of which neither holds the other; 4 doublons in 66
had). A given name two letters away is a slip, or another name: MARUE is borne by nobody, MARINE by many; MAHIR JEREMY
MATHIAS is not SAMIR CEDRIC YANNICK.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from insvigil.matching.coding import physical, tallied, values_of
from insvigil.matching.kernels.agreements import G_CLOSE, G_ELSEWHERE, G_NEAR, G_PART
from insvigil.matching.levels import TRAITS
from insvigil.matching.weights import Levels

ELSEWHERE_OTHERS_DIFFER, NEAR_OF_TWO, PART_OTHERS_DIFFER, CLOSE_OF_TWO, ELSEWHERE_ALONE = range(12, 17)
"""What the second look makes of each of the four levels, when it does not speak for a slip."""
PLAIN = np.array([*range(12), G_ELSEWHERE, G_NEAR, G_PART, G_CLOSE, G_ELSEWHERE], np.uint8)
"""By level, the one that the comparison gave before the second look."""
UNSURE = (ELSEWHERE_OTHERS_DIFFER, NEAR_OF_TWO, PART_OTHERS_DIFFER, ELSEWHERE_ALONE)
"""Agreements that two children born together may have as well as one person."""

BEARERS = 4
"""Identities that bear a name in common use, at least: a doublon and its copies may share a slip."""
RAREST = 16.0
"""Bits of rarity of a name in common use, at most (1 in 65,000): in large files the same slip is made often."""

_AT = TRAITS.index("given_name")


def common_names(names: pl.Series) -> npt.NDArray[np.bool_]:
    """Return whether a name is borne by many, by its physical code; the last entry is for the missing ones."""
    common: npt.NDArray[np.bool_] = tallied([names])[0] >= max(BEARERS, len(names) / 2**RAREST)
    common[-1:] = False
    return common


def settle_given_names(
    traits: pl.DataFrame,
    common: npt.NDArray[np.bool_],
    left: npt.NDArray[np.uint32],
    right: npt.NDArray[np.uint32],
    levels: Levels,
) -> None:
    """Lower, in place, the given names that look like two names rather than one name and a slip.

    ``common`` says which names are borne by many (see ``common_names``).
    """
    given = levels[:, _AT].copy()
    rows = np.flatnonzero((given == G_NEAR) | (given == G_CLOSE))
    if len(rows):
        one, other = (
            values_of(physical(traits["first_given_name"].gather(side[rows])), common) for side in (left, right)
        )
        two = one & other | _followed_by_others(traits, left[rows], right[rows])
        rows = rows[two]
        levels[rows, _AT] = np.where(given[rows] == G_NEAR, NEAR_OF_TWO, CLOSE_OF_TWO)
    rows = np.flatnonzero((given == G_ELSEWHERE) | (given == G_PART))
    if len(rows):
        differ, shared = _others(traits, left[rows], right[rows])
        elsewhere = given[rows] == G_ELSEWHERE
        alone = elsewhere & (shared < 2) & ~_called_so(traits, left[rows], right[rows])
        levels[rows[alone], _AT] = ELSEWHERE_ALONE
        levels[rows[differ], _AT] = np.where(elsewhere[differ], ELSEWHERE_OTHERS_DIFFER, PART_OTHERS_DIFFER)


def _followed_by_others(
    traits: pl.DataFrame, left: npt.NDArray[np.uint32], right: npt.NDArray[np.uint32]
) -> npt.NDArray[np.bool_]:
    """Return whether both sides have given names after the first, none of them in common."""
    words = pl.col("given_names").cast(pl.String).str.split(" ")
    count = pl.col("first_given_name").cast(pl.String).str.count_matches(" ", literal=True) + 1
    names = traits.select("given_names", "first_given_name")
    a, b = (names[side].select(words.list.slice(count)).to_series() for side in (left, right))
    apart = (a.list.len() > 0) & (b.list.len() > 0) & (a.list.set_intersection(b).list.len() == 0)
    return apart.fill_null(False).to_numpy()


def _called_so(
    traits: pl.DataFrame, left: npt.NDArray[np.uint32], right: npt.NDArray[np.uint32]
) -> npt.NDArray[np.bool_]:
    """Return whether the used given name of one side is the first or the used one of the other."""
    first, used = (traits[name].to_physical() for name in ("first_given_name", "used_given_name"))
    sides = [(used.gather(x), name.gather(y)) for x, y, name in ((left, right, first), (right, left, first))]
    sides.append((used.gather(left), used.gather(right)))
    so = [(a == b).fill_null(False).to_numpy() for a, b in sides]
    called: npt.NDArray[np.bool_] = so[0] | so[1] | so[2]
    return called


def _others(
    traits: pl.DataFrame, left: npt.NDArray[np.uint32], right: npt.NDArray[np.uint32]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Return whether each of two sides holds a given name, listed or used, that the other has not; how many both have.

    A side without a list differs from none.
    """
    names = traits.select("given_names", "used_given_name")
    joined = pl.concat_str(pl.all().cast(pl.String), separator=" ", ignore_nulls=True).str.split(" ")
    a, b = (names[side].select(joined).to_series() for side in (left, right))
    listed = names["given_names"].is_not_null()
    beyond = (x.list.set_difference(y).list.len() > 0 for x, y in ((a, b), (b, a)))
    differ = next(beyond) & next(beyond) & listed.gather(left) & listed.gather(right)
    return differ.to_numpy(), a.list.set_intersection(b).list.len().cast(pl.Int64).to_numpy()
