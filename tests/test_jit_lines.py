"""Each intrinsic beside its plain twin, on words that are often the same or missing."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from insvigil import jit_lines
from insvigil.jit import kernel

LINES = st.lists(st.integers(0, 3) | st.just(2**32 - 1), min_size=48, max_size=48)
WORD = st.integers(0, 2**32 - 1)
RESTS = (
    jit_lines.HINT_SKELETON, jit_lines.HINT_KNOWN, jit_lines.HINT_SEVERAL, jit_lines.HINT_FAINT, jit_lines.HINT_NEAR,
)  # fmt: skip
HINT = st.builds(
    lambda once, twice, *rest: (
        once | (once & twice) << jit_lines.HINT_TWICE | sum(n << at for n, at in zip(rest, RESTS, strict=True))
    ),
    *(st.sets(st.integers(0, 9)).map(lambda letters: sum(1 << letter for letter in letters)) for _ in range(2)),
    *(st.sampled_from(some) for some in ((0, 1, 2), (0, 1, 1, 1), (0, 1), (0, 2, 3), (0, 2, 3))),
)


@kernel("UniTuple(int64, 2)(uint32[:, ::1], int64, int64)")
def bits(lines: Any, i: Any, j: Any) -> Any:
    return jit_lines.shared(lines, i, j), jit_lines.crossing(lines, i, j)


@kernel("int64(uint32[:, ::1], uint64[::1], int64, int64)")
def akin(lines: Any, hints: Any, i: Any, j: Any) -> Any:
    return jit_lines.akin(lines, hints, i, j)


@kernel("int64(uint32, uint32)")
def least_bytes(x: Any, y: Any) -> Any:
    return jit_lines.least_bytes(x, y)


@given(LINES, st.integers(0, 2), st.integers(0, 2))
def test_bits__say_what_plain_comparisons_say(words: list[int], i: int, j: int) -> None:
    lines = np.array(words, np.uint32).reshape(3, 16)
    assert list(bits(lines, i, j)) == [
        jit_lines._plain_shared(lines, i, j),
        jit_lines._plain_crossing(lines, i, j),
    ]


@given(WORD, WORD)
def test_least_bytes__are_the_lesser_of_each(x: int, y: int) -> None:
    assert least_bytes(np.uint32(x), np.uint32(y)) == jit_lines._plain_least_bytes(x, y)


@given(st.lists(st.integers(0, 3), min_size=48, max_size=48), st.lists(HINT, min_size=3, max_size=3))
def test_akin__says_what_letters_one_by_one_say(words: list[int], some: list[int]) -> None:
    lines, hints = np.array(words, np.uint32).reshape(3, 16), np.array([0, *some], np.uint64)
    assert akin(lines, hints, 0, 1) == jit_lines._plain_akin(lines, hints, 0, 1)
