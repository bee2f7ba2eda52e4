"""Where the bits of each agreement are among those that a comparison sums, against chance and kinship at once.

An entry is two whole numbers of bits of ``UNIT`` parts, rounded up: against chance times 2 ** 32, plus against kinship.
Entries are added, and multiplied by a rarity, as they are. See ``matching/bounds.py``, which fills them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from insvigil.jit import kernel

Scalar = Any  # a number of the width of the signature
Longs = npt.NDArray[np.int64]

UNIT = 1 << 17

# By three words of two lines (place, postal code, city; then address, phone, e-mail): a bit each where they are the
# same, then a bit each where both are known. The contacts come again as they are when phones may be alike.
PLACES, PLACE_SLOPES, POSTAL_SLOPES, CONTACTS, ALIKE = 0, 64, 128, 192, 64
# By level: the date, the sexes of both (four times one, plus the other), the matricule; then what is to add once it is
# known whether places or postal codes that differ are near.
DATES, SEXES, MATRICULES, NEAR_PLACES, NEAR_POSTALS = range(320, 400, 16)
# By relation, the most that names may bring, then by level, what they bring: each followed, ``SLOPE`` further, by what
# a rarity multiplies.
FAMILY_MOST, GIVEN_MOST, FAMILY, GIVEN = range(400, 656, 64)
SLOPE = 32
START = 656  # what is to reach, negative
SIZE = 657


@kernel("b1(i8)", inner=True)
def short(total: Scalar) -> Scalar:
    """Whether a sum is under what is to reach, against chance or against kinship."""
    return (total | (total << 32)) < 0


@kernel("i8(i8[::1], i8, i8)", inner=True)
def rated(sums: Longs, at: Scalar, rarity: Scalar) -> Scalar:
    """Return what a name brings at a relation or a level: its bits, and more when it is rare."""
    return sums[at] + sums[at + SLOPE] * rarity
