"""Walking the status machine: the only part of the ledger where a row depends on the answer given to the one before."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from insvigil.jit import kernel


@kernel("void(b1[::1], u1[::1], u1[::1], u1[::1], b1[:, :, ::1], u1[::1])")
def hold(
    first: NDArray[np.bool_],
    claimed: NDArray[np.uint8],
    loss: NDArray[np.uint8],
    stood: NDArray[np.uint8],
    possible: NDArray[np.bool_],
    held: NDArray[np.uint8],
) -> None:
    """Write in ``held`` the status each step leaves its identity with: the one claimed, or the one before if refused.

    Steps are sorted by identity and time; ``first`` marks those of a new identity, whose status before is ``stood``.
    ``possible[loss, before, claimed]`` is the table of the machine. Linear.
    """
    before = np.uint8(0)
    for i in range(claimed.size):
        if first[i]:
            before = stood[i]
        if possible[loss[i], before, claimed[i]]:
            before = claimed[i]
        held[i] = before
