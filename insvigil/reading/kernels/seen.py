"""A set of 64-bit hashes: which messages were met before in this run."""

from __future__ import annotations

from typing import Any

import numpy as np

from insvigil.jit import kernel


@kernel("int64(uint64[::1], uint64[::1], uint8[::1])")
def mark_seen(hashes: Any, table: Any, seen: Any) -> Any:
    """Put hashes into the open-addressed ``table`` (a power of two, 0 is free); flag those met before; count the new.

    Cost: one cache miss a hash, about 15 ns in a table of 16 MB. A polars anti-join would sort or hash everything
    met so far again at each batch.
    """
    mask = np.uint64(table.shape[0] - 1)
    added = 0
    for i in range(hashes.shape[0]):
        key = hashes[i] if hashes[i] != 0 else np.uint64(1)
        at = (key ^ (key >> np.uint64(32))) & mask
        while table[at] != 0 and table[at] != key:
            at = (at + np.uint64(1)) & mask
        if table[at] == key:
            seen[i] = 1
        else:
            table[at] = key
            seen[i] = 0
            added += 1
    return added
