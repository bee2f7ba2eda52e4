"""Two lines of sixteen words at once: which words they share, word by word and crossed; four bytes at once.

LLVM vectors through the door of numba, as in ``jit_blocks.py``: one comparison of two lines of 64 bytes is one to four
instructions on every processor. Without compilation (``NUMBA_DISABLE_JIT=1``) the same functions are plain Python.
"""

# ruff: noqa: ARG001 (numba decides what an intrinsic receives)

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

CROSSED = ((0, 1), (1, 0), (2, 0), (2, 1), (0, 2), (1, 2), (2, 3), (3, 2))
"""The word of the first line and that of the second which each bit of ``crossing`` compares."""

_PLAIN = bool(getattr(config, "DISABLE_JIT", 0))
_LINES = types.Array(types.uint32, 2, "C")
_WORD, _LONG = ir.IntType(32), ir.IntType(64)


def _loaded(context: Any, builder: Any, lines: Any, row: Any, width: int) -> Any:
    held = context.make_array(_LINES)(context, builder, lines)
    start: Any = cgutils.get_item_pointer  # numba tells no types
    address = start(context, builder, _LINES, held, [row, context.get_constant(types.intp, 0)])
    words = builder.load(builder.bitcast(address, ir.VectorType(_WORD, width).as_pointer()))
    words.align = 4
    return words


def _bits(builder: Any, lanes: Any) -> Any:
    return builder.zext(builder.bitcast(lanes, ir.IntType(lanes.type.count)), _LONG)


def _shared(typing: Any, lines: Any, i: Any, j: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        one, other = (_loaded(context, builder, values[0], row, 16) for row in values[1:])
        zeros = ir.Constant(one.type, [0] * 16)
        known = builder.and_(builder.icmp_unsigned("!=", one, zeros), builder.icmp_unsigned("!=", other, zeros))
        same = builder.and_(builder.icmp_unsigned("==", one, other), known)
        return builder.or_(_bits(builder, same), builder.shl(_bits(builder, known), ir.Constant(_LONG, 16)))

    return types.int64(_LINES, types.int64, types.int64), build


def _crossing(typing: Any, lines: Any, i: Any, j: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        lanes = ir.VectorType(_WORD, len(CROSSED))
        sides = []
        for side, row in enumerate(values[1:]):
            words = _loaded(context, builder, values[0], row, 4)
            order = ir.Constant(lanes, [pair[side] for pair in CROSSED])
            sides.append(builder.shuffle_vector(words, ir.Constant(words.type, ir.Undefined), order))
        known = builder.icmp_unsigned("!=", sides[0], ir.Constant(lanes, [0] * len(CROSSED)))
        return _bits(builder, builder.and_(builder.icmp_unsigned("==", *sides), known))

    return types.int64(_LINES, types.int64, types.int64), build


def _least_bytes(typing: Any, x: Any, y: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        one, other = (builder.bitcast(value, ir.VectorType(ir.IntType(8), 4)) for value in values)
        least = builder.select(builder.icmp_unsigned("<", one, other), one, other)
        return builder.zext(builder.bitcast(least, _WORD), _LONG)

    return types.int64(types.uint32, types.uint32), build


def _plain_shared(lines: Any, i: Any, j: Any) -> Any:
    known = [k for k in range(16) if lines[i, k] and lines[j, k]]
    return sum((1 << k + 16) + (int(lines[i, k] == lines[j, k]) << k) for k in known)


def _plain_crossing(lines: Any, i: Any, j: Any) -> Any:
    return sum(1 << k for k, (p, q) in enumerate(CROSSED) if lines[i, p] and lines[i, p] == lines[j, q])


def _plain_least_bytes(x: Any, y: Any) -> Any:
    return sum(min(int(x) >> shift & 255, int(y) >> shift & 255) << shift for shift in (0, 8, 16, 24))


shared: Any = _plain_shared if _PLAIN else intrinsic(_shared)
"""``(lines, i, j)``: bit k is set when word k is the same and not zero, bit k + 16 when neither is zero; int64."""

crossing: Any = _plain_crossing if _PLAIN else intrinsic(_crossing)
"""``(lines, i, j)``: bit k is set when the words of ``CROSSED[k]`` are the same and not zero; int64."""

least_bytes: Any = _plain_least_bytes if _PLAIN else intrinsic(_least_bytes)
"""``(x, y)``: the lesser of each of the four bytes of two words; int64."""
