"""Pairs a slice at a time, on every core: each says the same whatever its slice."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

PAIRS_AT_LEAST = 1 << 15
"""Pairs of a slice: what is asked of fewer costs more in calls than in work."""


def by_slices(work: Callable[[slice], T], pairs: int) -> list[T]:
    """Return what ``work`` gives of each slice of a number of pairs, in their order: two slices a core."""
    cores = os.cpu_count() or 1
    size = max(PAIRS_AT_LEAST, -(-pairs // (2 * cores)))
    slices = [slice(start, start + size) for start in range(0, max(pairs, 1), size)]
    if len(slices) == 1:
        return [work(slices[0])]
    with ThreadPoolExecutor(cores) as pool:
        return list(pool.map(work, slices))
