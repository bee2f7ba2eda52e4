"""Groups (agrégats) of identities believed to be one person."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def components(pairs: npt.NDArray[np.uint32], size: int) -> npt.NDArray[np.uint32]:
    """Return for each identity the smallest identity of its component."""
    from insvigil.matching.kernels.components import join

    roots = np.arange(size, dtype=np.uint32)
    join(np.ascontiguousarray(pairs, dtype=np.uint32), roots)
    return roots
