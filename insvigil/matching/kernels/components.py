"""Groups: components by union-find, then the split of those whose members contradict each other."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from insvigil.jit import kernel

Words = npt.NDArray[np.uint32]
Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]


@kernel("void(u4[:, ::1], u4[::1])")
def join(pairs: Words, roots: Words) -> None:
    """Point every identity to the smallest of its component; ``roots`` comes as 0, 1, 2 …"""
    for p in range(pairs.shape[0]):
        a, b = pairs[p, 0], pairs[p, 1]
        while roots[a] != a:
            roots[a] = roots[roots[a]]
            a = roots[a]
        while roots[b] != b:
            roots[b] = roots[roots[b]]
            b = roots[b]
        if a < b:
            roots[b] = a
        else:
            roots[a] = b
    for i in range(roots.size):
        roots[i] = roots[roots[i]]


@kernel("void(i8[::1], f4[::1], f8[:, ::1], i8[::1], i8[::1])")
def agglomerate(sizes: Integers, weights: Floats, total: Doubles, members: Integers, parts: Integers) -> None:
    """Split components by average linkage: two parts join while the pairs across them speak for it on the whole.

    ``weights`` holds the pairs of each component in the order (0, 1), (0, 2) … (1, 2) …; minus infinity forbids.
    ``parts`` receives for each member the first member of its part, counted from the start of the component.
    ``total`` and ``members`` are room for the largest component.
    """
    at, first = 0, 0
    for c in range(sizes.size):
        size = sizes[c]
        for i in range(size):
            members[i], parts[first + i] = 1, i
            for j in range(i + 1, size):
                total[i, j] = weights[at]
                total[j, i] = weights[at]
                at += 1
        while True:
            best, a, b = 0.0, -1, -1
            for i in range(size):
                for j in range(i + 1, size):
                    if parts[first + i] == i and parts[first + j] == j:
                        mean = total[i, j] / (members[i] * members[j])
                        if mean > best:
                            best, a, b = mean, i, j
            if a < 0:
                break
            members[a] += members[b]
            for i in range(size):
                if parts[first + i] == b:
                    parts[first + i] = a
                total[a, i] += total[b, i]
                total[i, a] = total[a, i]
        first += size
