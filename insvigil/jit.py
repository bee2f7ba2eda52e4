"""The one door to numba (``jit_pipeline.py`` holds the steps of its compiler).

Importing this module loads numba, so only kernel files import it, and stages import their kernels inside the
function that needs them: ``insvigil --help`` must load neither numba nor polars.

A kernel is serial, GIL-free and cached on disk; work is shared out by running it on slices in threads. There is
no ``prange``: parallel kernels cannot be cached safely (pynndescent and sgkit met random crashes) and would be
compiled again every night. Signatures are given explicitly, so that one kernel is compiled once.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import numba
from llvmlite import ir
from numba import config
from numba.core import cgutils
from numba.core.compiler_lock import global_compiler_lock
from numba.core.types.functions import BaseFunction
from numba.extending import intrinsic

from insvigil.jit_pipeline import KernelCompiler, typed_always, typed_once

F = TypeVar("F", bound=Callable[..., Any])

TEXTS = "Array(i8, 1, 'C', readonly=True), Array(u1, 1, 'C', readonly=True)"
"""The offsets and bytes of a column of text, in the signature of a kernel: Arrow's own memory, never written."""


def kernel(
    *signatures: str, inline: bool = False, fastmath: bool = False, inner: bool = False, called: bool = False
) -> Callable[[F], F]:
    """Return a decorator that compiles a serial, GIL-free, disk-cached function over arrays and scalars.

    A kernel makes no array of its own: it is given the room that it needs, and nothing is counted. One that only other
    kernels call may say ``inner=True``: it has no entry from Python and no machine code, and is neither loaded nor
    compiled while no other is compiled. It is always inlined, unless it says ``called=True`` as well, for one that is
    large and called from several places. Inner kernels made ten small ones as fast as the one of 317 lines that they
    replace, and 40 % cheaper to compile. The words of an ``inline=True`` kernel are put in those of its callers: it
    takes the types it meets there and is not compiled by itself.
    """
    # no kernel is a callback of C code: without that wrapper, all of them compile a tenth faster
    options: dict[str, Any] = {"cache": True, "nogil": True, "fastmath": fastmath, "no_cfunc_wrapper": True}
    options |= {"pipeline_class": KernelCompiler, "_nrt": False}
    if inline:
        options["inline"] = "always"
    if inner:
        options |= {"no_cpython_wrapper": True, "forceinline": not called}
    if not signatures or _NOT_COMPILED:
        return cast(Callable[[F], F], numba.njit(**options))

    def compiled(function: F) -> F:
        dispatcher = numba.njit(**options)(function)
        if inner:
            _WAITING.append((dispatcher, signatures))
        else:
            _compile(dispatcher, signatures)
        return cast(F, dispatcher)

    return compiled


_NOT_COMPILED = bool(getattr(config, "DISABLE_JIT", 0))
_WAITING: list[tuple[Any, tuple[str, ...]]] = []
"""The inner kernels that nothing asked for yet: where every kernel that calls them comes from the disk, none does."""


_BEFORE: list[Callable[[], None]] = []


@contextmanager
def before_compiling(act: Callable[[], None]) -> Iterator[None]:
    """Have something done once, as soon as a kernel loaded inside is not on the disk and must be compiled."""
    _BEFORE[:] = [act]
    try:
        yield
    finally:
        _BEFORE.clear()


def _compile(dispatcher: Any, signatures: tuple[str, ...]) -> None:
    """Load a kernel from the disk or compile it, after the inner kernels that it may call."""
    compiler = dispatcher._compiler
    from_source = compiler.compile

    def after_the_others(*types: Any) -> Any:
        while _BEFORE:
            _BEFORE.pop()()
        for inner in list(_WAITING):  # in the order in which they were written: what they call comes before them
            if _may_be_called(inner[0], dispatcher):
                _WAITING.remove(inner)
                _settle(*inner)
        return from_source(*types)

    collects = gc.isenabled()
    gc.disable()  # what compiling makes lives on: to look for what does not takes 7 % of it
    compiler.compile = after_the_others
    try:
        with _typed_once():
            _settle(dispatcher, signatures)
    finally:
        compiler.compile = from_source
        if collects:
            gc.enable()


def _may_be_called(inner: Any, dispatcher: Any) -> bool:
    """Return whether a kernel may call an inner one: not before the file that holds it is loaded, unless it is theirs.

    Compiling asks for that file, and the thread that loads it may itself wait to compile: each would wait for ever.
    """
    home = inner.py_func.__module__
    spec = getattr(sys.modules[home], "__spec__", None)
    return home == dispatcher.py_func.__module__ or not getattr(spec, "_initializing", False)


def _settle(dispatcher: Any, signatures: tuple[str, ...]) -> None:
    """Give a kernel its signatures, and no other."""
    for signature in signatures:
        dispatcher.compile(signature)
    dispatcher.disable_compile()


@contextmanager
def _typed_once() -> Iterator[None]:
    """Compile what is inside with one function of numba's replaced, under its own lock: what types a call has."""
    with global_compiler_lock:
        _calls.get_call_type = typed_once
        try:
            yield
        finally:
            _calls.get_call_type = typed_always


_calls: Any = BaseFunction


def _prefetch(typing: Any, array: Any, row: Any) -> Any:  # noqa: ARG001
    """Ask the processor for the start of a row of ``array``: inside kernels only, where rows are met at random."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind, index = signature.args
        first = context.cast(builder, values[1], index, numba.types.intp)
        zeros = [context.get_constant(numba.types.intp, 0)] * (kind.ndim - 1)
        held = context.make_array(kind)(context, builder, values[0])
        address = cgutils.get_item_pointer(context, builder, kind, held, [first, *zeros])
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        signature_ = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        function = cgutils.get_or_insert_function(builder.module, signature_, "llvm.prefetch.p0")
        builder.call(function, [builder.bitcast(address, byte), number(0), number(3), number(1)])
        return context.get_dummy_value()

    return numba.types.void(array, row), generate


def _not_compiled(array: Any, row: Any) -> None:
    """Do nothing: without compilation (``NUMBA_DISABLE_JIT=1``) there is no processor to ask."""


prefetch = cast(Callable[[Any, Any], None], _not_compiled if _NOT_COMPILED else intrinsic(_prefetch))
