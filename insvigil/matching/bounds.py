"""The weights as a comparison sums them: upper bounds in whole numbers, both adversaries in one word."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Longs = npt.NDArray[np.int64]

BITS, SLOPES, MOST, STEEPEST = range(4)
"""The tables of ``Weights.tables``, four against chance, then four against kinship."""
LARGEST = 200.0
"""Bits beyond which nothing is told apart: those of ten traits and four rarities then fill a sixth of half a word."""
FARTHEST = 2_900.0
"""The same of what is to reach: more than the most that fourteen entries may take away."""
ASSURED = 6_000.0
"""What a matricule brings that two identities share: whatever the rest, they are worth a look."""


def bounds(tables: Floats, floors: Floats) -> Longs:
    """Return what ``kernels.bounds`` describes, from the tables and the floors of weights."""
    from insvigil.matching.kernels import agreements as a
    from insvigil.matching.kernels import bounds as k

    table = np.clip(tables.reshape(2, 4, *tables.shape[1:]).astype(np.float64), -LARGEST, LARGEST)
    table[:, [SLOPES, STEEPEST]] = np.clip(table[:, [SLOPES, STEEPEST]], -LARGEST / 255, LARGEST / 255)
    bits, slopes, most, _ = table.swapaxes(0, 1)  # each: against what, trait, level
    sums = np.zeros((2, k.SIZE))
    for state in range(64):
        place, postal, contacts = _place(state), _postal(state), [_contact(state, word) for word in range(3)]
        sums[:, k.PLACES + state] = most[:, a.T_PLACE, place].max(1) + most[:, a.T_POSTAL, postal].max(1)
        sums[:, k.PLACE_SLOPES + state] = slopes[:, a.T_PLACE, place].max(1)
        sums[:, k.POSTAL_SLOPES + state] = slopes[:, a.T_POSTAL, postal].max(1)
        sums[:, k.CONTACTS + k.ALIKE + state] = most[:, [a.T_ADDRESS, a.T_PHONE, a.T_EMAIL], contacts].sum(1)
        phones = bits if contacts[1] == a.X_DIFFERENT else most
        contact = most[:, [a.T_ADDRESS, a.T_EMAIL], contacts[::2]].sum(1) + phones[:, a.T_PHONE, contacts[1]]
        sums[:, k.CONTACTS + state] = contact
    for one, other in ((1, 1), (2, 2), (1, 2), (2, 1)):
        sums[:, k.SEXES + 4 * one + other] = most[:, a.T_SEX, a.S_SAME if one == other else a.S_DIFFERENT]
    for start, trait in ((k.DATES, a.T_DATE), (k.MATRICULES, a.T_MATRICULE)):
        sums[:, start : start + 16] = most[:, trait, :16]
    sums[:, k.MATRICULES + a.M_SAME_INCOHERENT : k.MATRICULES + a.M_SAME + 1] += ASSURED
    for start, trait in ((k.NEAR_PLACES, a.T_PLACE), (k.NEAR_POSTALS, a.T_POSTAL)):
        known = most[:, trait, a.P_DIFFERENT : a.P_NEAR + 1]
        sums[:, start + a.P_DIFFERENT : start + a.P_NEAR + 1] = known - known.max(1, keepdims=True)
    for start, trait, first in (
        (k.FAMILY_MOST, a.T_FAMILY, MOST), (k.GIVEN_MOST, a.T_GIVEN, MOST),
        (k.FAMILY, a.T_FAMILY, BITS), (k.GIVEN, a.T_GIVEN, BITS),
    ):  # fmt: skip
        for row in range(2):
            at = start + row * k.SLOPE
            sums[:, at : at + tables.shape[2]] = table[:, first + row, trait]
    sums[:, k.START] = -np.clip(floors.astype(np.float64), -FARTHEST, FARTHEST)
    chance, kinship = np.ceil(sums * k.UNIT).astype(np.int64)
    both: Longs = (chance << 32) + kinship
    return both


def _place(state: int) -> list[int]:
    """Return the levels of the place that three bits of words that are the same, then three of known ones, leave."""
    from insvigil.matching.kernels.agreements import P_DIFFERENT, P_NEAR, P_SAME

    return [P_SAME] if state & 1 else [P_DIFFERENT, P_NEAR] if state & 8 else [0]


def _postal(state: int) -> list[int]:
    """Return the same of the postal code, with the city: the second and the third word."""
    from insvigil.matching.kernels.agreements import P_CITY, P_DIFFERENT, P_NEAR, P_SAME

    if state & 6:
        return [P_SAME] if state & 2 else [P_CITY]
    return [P_DIFFERENT, P_NEAR] if state & 16 else [P_DIFFERENT] if state & 32 else [0]


def _contact(state: int, word: int) -> int:
    """Return the same of the address, the phone and the e-mail: « similar » is told apart later."""
    from insvigil.matching.kernels.agreements import X_DIFFERENT, X_SAME

    return X_SAME if state >> word & 1 else X_DIFFERENT if state >> word & 8 else 0
