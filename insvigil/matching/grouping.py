"""Groups (agrégats): the identities believed to be one person, which do not chain from one likeness to the next.

Proposed pairs make components. In a component of three or more, every pair is weighed, also those that no key
proposed; members are then joined again from the strongest evidence, two parts only while the pairs across them speak
for it on average. A twin tied to one record of its sibling leaves the group; a careless third copy stays.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

LARGEST = 100
"""A component of more identities is first cut by asking more of its pairs."""
STRONGEST = 15.0
"""Bits beyond which a pair does not speak louder in a group."""

Pairs = npt.NDArray[np.uint32]
Weigh = Callable[[Pairs], tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]]


def components(pairs: Pairs, size: int) -> npt.NDArray[np.uint32]:
    """Return for each identity the smallest identity of its component."""
    from insvigil.matching.kernels.components import join

    roots = np.arange(size, dtype=np.uint32)
    join(np.ascontiguousarray(pairs, dtype=np.uint32), roots)
    return roots


def group_pairs(
    pairs: Pairs, weights: npt.NDArray[np.float64], weigh: Weigh
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
    """Return the members of groups of two or more, ascending, and the smallest member of the group of each.

    ``pairs`` are proposed with their ``weights``; ``weigh`` returns the weight of any pairs and which are excluded.
    """
    paired, inverse = np.unique(pairs, return_inverse=True)  # one identity in eight: the others take no part
    roots = _parts(
        inverse.reshape(pairs.shape).astype(np.uint32), weights, lambda some: weigh(paired[some]), len(paired)
    )
    members = np.flatnonzero(np.bincount(roots, minlength=len(roots))[roots] > 1)
    return paired[members], paired[roots[members]]


def _parts(pairs: Pairs, weights: npt.NDArray[np.float64], weigh: Weigh, size: int) -> npt.NDArray[np.uint32]:
    """Return for each of ``size`` identities the smallest one of its group."""
    from insvigil.matching.kernels.components import agglomerate

    roots = _bounded_components(pairs, weights, size)
    members, sizes = _members(roots)
    large = sizes > 2
    if not large.any():
        return roots
    chosen = members[np.repeat(large, sizes)]
    weight, excluded = weigh(_inside(chosen, sizes[large]))
    bounded = np.where(excluded, -np.inf, np.clip(weight, -STRONGEST, STRONGEST)).astype(np.float32)
    parts = np.empty(len(chosen), np.int64)
    widest = int(sizes.max())
    agglomerate(sizes[large], bounded, np.empty((widest, widest)), np.empty(widest, np.int64), parts)
    first = np.repeat(np.cumsum(sizes[large]) - sizes[large], sizes[large])
    roots[chosen] = chosen[first + parts]
    return roots


def _bounded_components(pairs: Pairs, weights: npt.NDArray[np.float64], size: int) -> npt.NDArray[np.uint32]:
    """Return components of at most ``LARGEST`` identities, asking one bit more of the pairs of larger ones."""
    roots = components(pairs, size)
    asked = 0.0
    while True:
        counts = np.bincount(roots, minlength=size)
        large = counts[roots[pairs[:, 0]]] > LARGEST
        if not large.any():
            return roots
        asked = max(asked + 1.0, float(weights[large].min()))
        kept = ~large | (weights > asked)
        pairs, weights = pairs[kept], weights[kept]
        roots = components(pairs, size)


def _members(roots: npt.NDArray[np.uint32]) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    """Return the members of components of two or more, component by component, and the size of each component."""
    counts = np.bincount(roots, minlength=len(roots))
    members = np.flatnonzero(counts[roots] > 1).astype(np.uint32)
    members = members[np.argsort(roots[members], kind="stable")]
    return members, counts[counts > 1]


def _inside(members: npt.NDArray[np.uint32], sizes: npt.NDArray[np.int64]) -> Pairs:
    """Return every pair inside each component, in the order that ``agglomerate`` reads."""
    out = []
    starts = np.cumsum(sizes) - sizes
    order = []
    for size in np.unique(sizes):
        a, b = np.triu_indices(int(size), 1)
        at = starts[sizes == size]
        out.append(np.stack([members[at[:, None] + a].ravel(), members[at[:, None] + b].ravel()], axis=1))
        order.append(np.repeat(at, len(a)))
    ranked = np.argsort(np.concatenate(order), kind="stable")
    return np.concatenate(out)[ranked]
