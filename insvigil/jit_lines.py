"""Two lines of sixteen words at once: which words they share, word by word and crossed, which names may be alike.

LLVM vectors through the door of numba, as in ``jit_blocks.py``: one comparison of two lines of 64 bytes is one to four
instructions on every processor. Without compilation (``NUMBA_DISABLE_JIT=1``) the same functions are plain Python.
"""

# ruff: noqa: ARG001 (numba decides what an intrinsic receives)

from __future__ import annotations

from functools import reduce
from typing import Any

from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

CROSSED = ((0, 1), (1, 0), (2, 0), (2, 1), (0, 2), (1, 2), (2, 3), (3, 2))
"""The word of the first line and that of the second which each bit of ``crossing`` compares."""
MET = ((0, 0), (0, 1), (1, 0), (1, 1), (2, 2))
"""The same of each bit of ``akin``, which compares the names that those words stand for."""
ALONE = ((0, 0), (2, 2))
"""Those of ``MET`` whose bits are set when a name is missing."""
HINT_TWICE, HINT_SKELETON, HINT_KNOWN, HINT_SEVERAL, HINT_FAINT, HINT_NEAR = 26, 47, 58, 59, 60, 62
"""A hint of a name: the set of its letters, of those up to U that come twice, eleven bits of the hash of its skeleton,
whether there is a name, whether it has several words, and two bits each for how many letters a name as short as this
one may lose and still be faintly or nearly alike (0, 2 or 3: of two names, the lesser is what both have)."""
ONCE, LETTERS = (1 << HINT_TWICE) - 1, (1 << HINT_SKELETON) - 1
SKELETONS = (1 << HINT_KNOWN) - (1 << HINT_SKELETON)

_PLAIN = bool(getattr(config, "DISABLE_JIT", 0))
_LINES = types.Array(types.uint32, 2, "C")
_HINTS = types.Array(types.uint64, 1, "C")
_WORD, _LONG = ir.IntType(32), ir.IntType(64)
_LANES = ir.VectorType(_LONG, 8)


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


def _akin(typing: Any, lines: Any, hints: Any, i: Any, j: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        data = context.make_array(_HINTS)(context, builder, values[1]).data

        def every(number: int) -> Any:
            return ir.Constant(_LANES, [number] * 8)

        def hints_of(row: Any, side: int) -> Any:
            line, found = _loaded(context, builder, values[0], row, 4), every(0)
            for lane, pair in enumerate(MET):
                number = builder.extract_element(line, ir.Constant(_WORD, pair[side]))
                hint = builder.load(builder.gep(data, [builder.zext(number, _LONG)]))
                found = builder.insert_element(found, hint, ir.Constant(_WORD, lane))
            return found

        def any_of(*masks: Any) -> Any:
            return reduce(builder.or_, masks)

        def clear(lanes: Any, bits: int) -> Any:
            return builder.icmp_unsigned("==", builder.and_(lanes, every(bits)), every(0))

        one, other = hints_of(values[2], 0), hints_of(values[3], 1)
        both = builder.and_(one, other)
        declared: Any = cgutils.get_or_insert_function
        counts = declared(builder.module, ir.FunctionType(_LANES, [_LANES]), "llvm.ctpop.v8i64")
        lost = [builder.and_(more, builder.not_(less)) for more, less in ((one, other), (other, one))]
        taken, brought = (builder.call(counts, [builder.and_(some, every(LETTERS))]) for some in lost)
        most = builder.select(builder.icmp_unsigned(">", taken, brought), taken, brought)
        inside = any_of(*(clear(some, ONCE) for some in lost))
        part = builder.and_(inside, builder.not_(clear(builder.or_(one, other), 1 << HINT_SEVERAL)))
        same = clear(builder.xor(one, other), SKELETONS)
        close = any_of(builder.icmp_unsigned("<=", most, every(1)), same, part)
        near = any_of(close, inside, builder.icmp_unsigned("<=", most, builder.lshr(both, every(HINT_NEAR))))
        allowed = builder.and_(builder.lshr(both, every(HINT_FAINT)), every(3))
        faint = builder.or_(near, builder.icmp_unsigned("<=", most, allowed))
        missing = clear(both, 1 << HINT_KNOWN)
        alone = ir.Constant(missing.type, [pair in ALONE for pair in (*MET, None, None, None)])
        bits = [_bits(builder, builder.select(missing, alone, some)) for some in (faint, near, close)]
        return any_of(*(builder.shl(some, ir.Constant(_LONG, 8 * place)) for place, some in enumerate(bits)))

    return types.int64(_LINES, _HINTS, types.int64, types.int64), build


def _plain_shared(lines: Any, i: Any, j: Any) -> Any:
    known = [k for k in range(16) if lines[i, k] and lines[j, k]]
    return sum((1 << k + 16) + (int(lines[i, k] == lines[j, k]) << k) for k in known)


def _plain_crossing(lines: Any, i: Any, j: Any) -> Any:
    return sum(1 << k for k, (p, q) in enumerate(CROSSED) if lines[i, p] and lines[i, p] == lines[j, q])


def _plain_akin(lines: Any, hints: Any, i: Any, j: Any) -> Any:
    found = 0
    for bit, (p, q) in enumerate(MET):
        one, other = int(hints[lines[i, p]]), int(hints[lines[j, q]])
        both, lost = one & other, (one & ~other, other & ~one)
        most = max((some & LETTERS).bit_count() for some in lost)
        inside = any(some & ONCE == 0 for some in lost)
        close = most <= 1 or (one ^ other) & SKELETONS == 0 or (inside and (one | other) >> HINT_SEVERAL & 1)
        near = close or inside or most <= both >> HINT_NEAR
        levels = near or most <= both >> HINT_FAINT & 3, near, close
        if not both >> HINT_KNOWN & 1:
            levels = ((p, q) in ALONE,) * 3
        found |= sum(bool(level) << bit + 8 * place for place, level in enumerate(levels))
    return found


def _plain_least_bytes(x: Any, y: Any) -> Any:
    return sum(min(int(x) >> shift & 255, int(y) >> shift & 255) << shift for shift in (0, 8, 16, 24))


shared: Any = _plain_shared if _PLAIN else intrinsic(_shared)
"""``(lines, i, j)``: bit k is set when word k is the same and not zero, bit k + 16 when neither is zero; int64."""

crossing: Any = _plain_crossing if _PLAIN else intrinsic(_crossing)
"""``(lines, i, j)``: bit k is set when the words of ``CROSSED[k]`` are the same and not zero; int64."""

akin: Any = _plain_akin if _PLAIN else intrinsic(_akin)
"""``(lines, hints, i, j)``: bit k is set when the names of ``MET[k]`` may be alike, by their hints; int64.

The byte above says the same of names that may be nearly alike or one the beginning of the other, the next one of names
that may be close or one a part of the other.
"""

least_bytes: Any = _plain_least_bytes if _PLAIN else intrinsic(_least_bytes)
"""``(x, y)``: the lesser of each of the four bytes of two words; int64."""
