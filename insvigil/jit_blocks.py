"""Sixty-four bytes at once: which of them equal a byte, and which bit is the lowest.

LLVM vectors through the door of numba: one comparison of 64 bytes is one to four instructions on every processor, where
a word of eight bytes takes ten. A kernel that calls them must own 64 bytes beyond the last position it asks about.
Without compilation (``NUMBA_DISABLE_JIT=1``) the same functions are plain Python.
"""

# ruff: noqa: ARG001 (numba decides what an intrinsic receives)

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.extending import intrinsic

NONE, ONE, ALL = np.uint64(0), np.uint64(1), np.uint64(0xFFFFFFFFFFFFFFFF)
"""Masks of 64 bytes: of none, of the first, of all."""
TOPS = np.uint64(0x8080808080808080)
"""The upper bit of each byte of a word: none is set where all are ASCII."""

_PLAIN = bool(getattr(config, "DISABLE_JIT", 0))
_BYTES = types.Array(types.uint8, 1, "C")
_VECTOR = ir.VectorType(ir.IntType(8), 64)
_LANES = ir.Constant(ir.VectorType(ir.IntType(32), 64), [0] * 64)


def _loaded(context: Any, builder: Any, array: Any, at: Any) -> Any:
    data = context.make_array(_BYTES)(context, builder, array).data
    vector = builder.load(builder.bitcast(builder.gep(data, [at]), _VECTOR.as_pointer()))
    vector.align = 1
    return vector


def _equal_mask(typing: Any, buffer: Any, at: Any, byte: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        nothing = ir.Constant(_VECTOR, ir.Undefined)
        first = builder.insert_element(nothing, values[2], ir.Constant(ir.IntType(32), 0))
        same = builder.icmp_unsigned(
            "==", _loaded(context, builder, values[0], values[1]), builder.shuffle_vector(first, nothing, _LANES)
        )
        return builder.bitcast(same, ir.IntType(64))

    return types.uint64(_BYTES, types.int64, types.uint8), build


def _below_mask(typing: Any, buffer: Any, at: Any, byte: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        nothing = ir.Constant(_VECTOR, ir.Undefined)
        first = builder.insert_element(nothing, values[2], ir.Constant(ir.IntType(32), 0))
        below = builder.icmp_unsigned(
            "<", _loaded(context, builder, values[0], values[1]), builder.shuffle_vector(first, nothing, _LANES)
        )
        return builder.bitcast(below, ir.IntType(64))

    return types.uint64(_BYTES, types.int64, types.uint8), build


def _high_mask(typing: Any, buffer: Any, at: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        zeros = ir.Constant(_VECTOR, [0] * 64)
        high = builder.icmp_signed("<", _loaded(context, builder, values[0], values[1]), zeros)
        return builder.bitcast(high, ir.IntType(64))

    return types.uint64(_BYTES, types.int64), build


def _lowest(typing: Any, mask: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.cttz(values[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), build


def _counted(typing: Any, mask: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.ctpop(values[0])

    return types.int64(types.uint64), build


def _packed(bits: Any) -> Any:
    return np.packbits(bits, bitorder="little").view("<u8")[0]


def _plain_equal_mask(buffer: Any, at: Any, byte: Any) -> Any:
    return _packed(buffer[at : at + 64] == byte)


def _plain_below_mask(buffer: Any, at: Any, byte: Any) -> Any:
    return _packed(buffer[at : at + 64] < byte)


def _plain_high_mask(buffer: Any, at: Any) -> Any:
    return _packed(buffer[at : at + 64] >= 0x80)


def _plain_lowest(mask: Any) -> Any:
    return (int(mask) & -int(mask)).bit_length() - 1 if mask else 64


def _plain_counted(mask: Any) -> Any:
    return int(mask).bit_count()


equal_mask: Any = _plain_equal_mask if _PLAIN else intrinsic(_equal_mask)
"""``(buffer, at, byte)``: bit k is set when ``buffer[at + k] == byte``; uint64."""

below_mask: Any = _plain_below_mask if _PLAIN else intrinsic(_below_mask)
"""``(buffer, at, byte)``: bit k is set when ``buffer[at + k] < byte``; uint64."""

high_mask: Any = _plain_high_mask if _PLAIN else intrinsic(_high_mask)
"""``(buffer, at)``: bit k is set when ``buffer[at + k]`` is above 0x7F; uint64."""

lowest: Any = _plain_lowest if _PLAIN else intrinsic(_lowest)
"""``(mask)``: the number of the lowest bit set of a mask, 64 when there is none; int64."""

counted: Any = _plain_counted if _PLAIN else intrinsic(_counted)
"""``(mask)``: how many bits are set; int64."""
