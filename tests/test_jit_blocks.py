"""Each intrinsic beside its plain twin, on bytes that matter to it."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from insvigil import jit_blocks
from insvigil.jit import kernel

bytes_of = st.binary(min_size=80, max_size=80) | st.text("|^\r\n\x7f\x00é", min_size=80, max_size=80).map(
    lambda text: text.encode("latin-1")
)


@kernel("UniTuple(uint64, 3)(uint8[::1], int64, uint8)")
def masks(buffer: Any, at: Any, byte: Any) -> Any:
    below = jit_blocks.below_mask(buffer, at, byte)
    return jit_blocks.equal_mask(buffer, at, byte), below, jit_blocks.high_mask(buffer, at)


@kernel("int64(uint64)")
def lowest(mask: Any) -> Any:
    return jit_blocks.lowest(mask)


@given(bytes_of, st.integers(0, 16), st.integers(0, 255))
def test_masks__say_what_plain_comparisons_say(text: bytes, at: int, byte: int) -> None:
    buffer = np.frombuffer(text, np.uint8).copy()
    plain = [
        jit_blocks._plain_equal_mask(buffer, at, byte),
        jit_blocks._plain_below_mask(buffer, at, byte),
        jit_blocks._plain_high_mask(buffer, at),
    ]
    assert list(masks(buffer, at, np.uint8(byte))) == plain


@given(st.integers(1, 2**64 - 1))
def test_lowest__is_the_number_of_the_lowest_bit(mask: int) -> None:
    assert lowest(np.uint64(mask)) == jit_blocks._plain_lowest(mask) == bin(mask)[::-1].index("1")


@kernel("int64(uint64)")
def counted(mask: Any) -> Any:
    return jit_blocks.counted(mask)


@given(st.integers(0, 2**64 - 1))
def test_counted__is_the_number_of_bits(mask: int) -> None:
    assert counted(np.uint64(mask)) == jit_blocks._plain_counted(mask) == bin(mask).count("1")


def test_lowest__is_64_when_no_bit_is_set() -> None:
    assert lowest(np.uint64(0)) == jit_blocks._plain_lowest(0) == 64


@kernel("uint64(uint8[::1], int64, int64, uint64)")
def mixed(buffer: Any, at: Any, size: Any, place: Any) -> Any:
    return jit_blocks.mixed_sum(buffer, at, size, place)


@given(bytes_of, st.integers(0, 16), st.integers(1, 64), st.integers(0, 2**64 - 1))
def test_mixed_sum__is_the_sum_of_its_words(text: bytes, at: int, size: int, place: int) -> None:
    buffer = np.frombuffer(text, np.uint8).copy()
    assert mixed(buffer, at, size, np.uint64(place)) == jit_blocks._plain_mixed_sum(buffer, at, size, place)
    buffer[at + size :] = 0  # what follows does not count
    assert mixed(buffer, at, size, np.uint64(place)) == jit_blocks._plain_mixed_sum(buffer, at, size, place)


@kernel("uint64(uint64[::1], int64, uint64, uint64)")
def within_mask(numbers: Any, at: Any, low: Any, span: Any) -> Any:
    return jit_blocks.within_mask(numbers, at, low, span)


@given(
    st.lists(st.integers(0, 5) | st.integers(2**64 - 3, 2**64 - 1), min_size=24, max_size=24), st.integers(0, 16),
    st.integers(0, 5) | st.integers(2**64 - 3, 2**64 - 1), st.integers(0, 2),
)  # fmt: skip
def test_within_mask__tells_each_of_eight_numbers(some: list[int], at: int, low: int, span: int) -> None:
    numbers, span = np.array(some, np.uint64), min(span, 2**64 - 1 - low)
    assert within_mask(numbers, at, np.uint64(low), np.uint64(span)) == jit_blocks._plain_within_mask(
        numbers, at, low, span
    )
