"""The hashes met in a run, to know a message or an identifier again: 8 bytes each."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


class HashSet:
    """A growing set of 64-bit hashes, in a table at most three quarters full."""

    def __init__(self) -> None:
        self._table = np.zeros(1 << 16, np.uint64)
        self._count = 0

    def add(self, hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
        """Add hashes and return, for each, whether it was met before (earlier in this call counts)."""
        from insvigil.reading.kernels.seen import mark_seen

        size = len(self._table)
        if 4 * (self._count + len(hashes)) > 3 * size:
            while 4 * (self._count + len(hashes)) > 3 * size:
                size *= 2
            held = self._table[self._table != 0]
            self._table = np.zeros(size, np.uint64)
            mark_seen(held, self._table, np.empty(len(held), np.uint8))
        seen = np.empty(len(hashes), np.uint8)
        self._count += mark_seen(np.ascontiguousarray(hashes), self._table, seen)
        return seen.astype(np.bool_)
