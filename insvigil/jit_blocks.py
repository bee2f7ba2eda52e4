"""Sixty-four bytes at once: which equal a byte, which of their words lie between two, what these add up to.

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
from numba.core import cgutils
from numba.extending import intrinsic

NONE, ONE, ALL = np.uint64(0), np.uint64(1), np.uint64(0xFFFFFFFFFFFFFFFF)
"""Masks of 64 bytes: of none, of the first, of all."""
TOPS = np.uint64(0x8080808080808080)
"""The upper bit of each byte of a word: none is set where all are ASCII."""
STEP, _FIRST_MIX, _LAST_MIX = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
"""What a word adds to its place, and what it is multiplied by."""

_PLAIN = bool(getattr(config, "DISABLE_JIT", 0))
_BYTES = types.Array(types.uint8, 1, "C")
_NUMBERS = types.Array(types.uint64, 1, "C")
_VECTOR, _WORDS = ir.VectorType(ir.IntType(8), 64), ir.VectorType(ir.IntType(64), 8)


def _loaded(context: Any, builder: Any, array: Any, at: Any, kind: Any = _BYTES, lanes: Any = _VECTOR) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    vector = builder.load(builder.bitcast(builder.gep(data, [at]), lanes.as_pointer()))
    vector.align = 1
    return vector


def _all(builder: Any, kind: Any, value: Any) -> Any:
    """Return a vector whose every lane is one value."""
    nothing = ir.Constant(kind, ir.Undefined)
    first = builder.insert_element(nothing, value, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(
        first, nothing, ir.Constant(ir.VectorType(ir.IntType(32), kind.count), [0] * kind.count)
    )


def _equal_mask(typing: Any, buffer: Any, at: Any, byte: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        same = builder.icmp_unsigned(
            "==", _loaded(context, builder, values[0], values[1]), _all(builder, _VECTOR, values[2])
        )
        return builder.bitcast(same, ir.IntType(64))

    return types.uint64(_BYTES, types.int64, types.uint8), build


def _below_mask(typing: Any, buffer: Any, at: Any, byte: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        below = builder.icmp_unsigned(
            "<", _loaded(context, builder, values[0], values[1]), _all(builder, _VECTOR, values[2])
        )
        return builder.bitcast(below, ir.IntType(64))

    return types.uint64(_BYTES, types.int64, types.uint8), build


def _high_mask(typing: Any, buffer: Any, at: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        zeros = ir.Constant(_VECTOR, [0] * 64)
        high = builder.icmp_signed("<", _loaded(context, builder, values[0], values[1]), zeros)
        return builder.bitcast(high, ir.IntType(64))

    return types.uint64(_BYTES, types.int64), build


def _mixed_sum(typing: Any, buffer: Any, at: Any, size: Any, place: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        def numbers(first: int, step: int = 0) -> Any:
            return ir.Constant(_WORDS, [(first + k * step) % 2**64 for k in range(8)])

        inside = builder.icmp_unsigned(
            "<", ir.Constant(_VECTOR, list(range(64))), _all(builder, _VECTOR, builder.trunc(values[2], ir.IntType(8)))
        )
        data = builder.select(inside, _loaded(context, builder, values[0], values[1]), ir.Constant(_VECTOR, [0] * 64))
        word = builder.bitcast(data, _WORDS)
        word = builder.xor(word, builder.add(_all(builder, _WORDS, values[3]), numbers(0, STEP)))
        word = builder.mul(word, numbers(_FIRST_MIX))
        word = builder.xor(word, builder.lshr(word, numbers(29)))
        upto = builder.icmp_unsigned(">", _all(builder, _WORDS, values[2]), numbers(0, 8))
        word = builder.select(upto, builder.mul(word, numbers(_LAST_MIX)), numbers(0))
        kind = ir.FunctionType(ir.IntType(64), [_WORDS])
        total = cgutils.get_or_insert_function(builder.module, kind, "llvm.vector.reduce.add.v8i64")
        return builder.call(total, [word])

    return types.uint64(_BYTES, types.int64, types.int64, types.uint64), build


def _within_mask(typing: Any, numbers: Any, at: Any, low: Any, span: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        held = _loaded(context, builder, values[0], values[1], _NUMBERS, _WORDS)
        low, span = (_all(builder, _WORDS, value) for value in values[2:])
        inside = builder.icmp_unsigned("<=", builder.sub(held, low), span)
        return builder.zext(builder.bitcast(inside, ir.IntType(8)), ir.IntType(64))

    return types.uint64(_NUMBERS, types.int64, types.uint64, types.uint64), build


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


def _plain_mixed_sum(buffer: Any, at: Any, size: Any, place: Any) -> Any:
    words = np.frombuffer(bytes(buffer[at : at + size]).ljust(-(-size // 8) * 8, b"\0"), "<u8").tolist()
    total = 0
    for k, word in enumerate(words):
        mixed = ((word ^ (int(place) + k * STEP) % 2**64) * _FIRST_MIX) % 2**64
        total += (mixed ^ mixed >> 29) * _LAST_MIX
    return np.uint64(total % 2**64)


def _plain_within_mask(numbers: Any, at: Any, low: Any, span: Any) -> Any:
    return np.uint64(sum(1 << k for k in range(8) if int(low) <= int(numbers[at + k]) <= int(low) + int(span)))


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

mixed_sum: Any = _plain_mixed_sum if _PLAIN else intrinsic(_mixed_sum)
"""``(buffer, at, size, place)``: the sum of the words of at most 64 bytes, each mixed with its place; uint64.

Places are ``STEP`` apart, and the last word is filled with zeros. No word waits for the one before."""

within_mask: Any = _plain_within_mask if _PLAIN else intrinsic(_within_mask)
"""``(numbers, at, low, span)``: bit k of eight is set when ``low <= numbers[at + k] <= low + span``; uint64."""

lowest: Any = _plain_lowest if _PLAIN else intrinsic(_lowest)
"""``(mask)``: the number of the lowest bit set of a mask, 64 when there is none; int64."""

counted: Any = _plain_counted if _PLAIN else intrinsic(_counted)
"""``(mask)``: how many bits are set; int64."""
