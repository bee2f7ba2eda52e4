"""The one door to numba.

Importing this module loads numba, so only kernel files import it, and stages import their kernels inside the
function that needs them: ``insvigil --help`` must load neither numba nor polars.

A kernel is serial, GIL-free and cached on disk; work is shared out by running it on slices in threads. There is
no ``prange``: parallel kernels cannot be cached safely (pynndescent and sgkit met random crashes) and would be
compiled again every night. Signatures are given explicitly, so that one kernel is compiled once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def kernel(*signatures: str, inline: bool = False, fastmath: bool = False) -> Callable[[F], F]:
    """Return a decorator that compiles a serial, GIL-free, disk-cached function over arrays and scalars."""
    # no kernel is a callback of C code: without that wrapper, all of them compile a tenth faster
    options: dict[str, Any] = {"cache": True, "nogil": True, "fastmath": fastmath, "no_cfunc_wrapper": True}
    if inline:
        options["inline"] = "always"
    if signatures:
        return cast(Callable[[F], F], numba.njit(list(signatures), **options))
    return cast(Callable[[F], F], numba.njit(**options))
