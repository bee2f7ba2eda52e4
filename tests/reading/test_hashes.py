from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from insvigil.reading.hashes import HashSet


@given(st.lists(st.lists(st.integers(0, 40) | st.integers(0, 2**64 - 1), max_size=30), max_size=6))
@settings(max_examples=100, deadline=None)
def test_add__tells_what_a_set_tells(batches: list[list[int]]) -> None:
    hashes = HashSet()
    met: set[int] = set()
    for batch in batches:
        seen = hashes.add(np.array(batch, np.uint64))
        for value, told in zip(batch, seen, strict=True):
            value = value or 1  # 0 marks a free place
            assert bool(told) == (value in met)
            met.add(value)


def test_add__grows() -> None:
    hashes = HashSet()
    values = np.random.default_rng(7).integers(1, 2**63, 200_000).astype(np.uint64)
    for part in np.array_split(values, 13):
        assert not hashes.add(part).any()
    assert hashes.add(values).all()
