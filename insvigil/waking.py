"""The kernels of each road, loaded while its files are read; the first time, two processes compile them."""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from threading import Thread

MATCHING = (
    "insvigil.numbering",
    "insvigil.traits.kernels",
    "insvigil.phonetics.rewriting",
    "insvigil.matching.kernels.candidates",
    "insvigil.matching.kernels.components",
    "insvigil.matching.kernels.comparing",
)
"""In the order in which the road of an extract needs them, but the longest to compile last: the helper begins there."""
MOVEMENTS = (
    "insvigil.reading.kernels.segments",
    "insvigil.reading.kernels.picking",
    "insvigil.reading.kernels.decoding",
    "insvigil.reading.kernels.columns",
    "insvigil.reading.kernels.seen",
    "insvigil.reading.kernels.json_lines",
    "insvigil.reading.kernels.edges",
    "insvigil.qualif.kernels.counting",
    "insvigil.qualif.kernels.holding",
)
"""What a night needs besides: the readers, then the figures."""


def wake(modules: tuple[str, ...] = MATCHING) -> Thread:
    """Load kernels in a thread that the caller joins: a second of one core, while the other reads.

    Where the disk does not hold them yet, a second process compiles all kernels of insvigil from the last to the
    first: they meet half-way, and what this road did not need is there for the next one.
    """
    thread = Thread(target=_load, args=(modules,), daemon=True)
    thread.start()
    return thread


def _load(modules: tuple[str, ...]) -> None:
    collects = gc.isenabled()
    gc.disable()
    try:
        from insvigil.jit import before_compiling

        with before_compiling(lambda: _call_for_help(modules)):
            for module in modules:
                import_module(module)
    finally:
        if collects:
            gc.freeze()  # the hundred thousand objects that came all stay: none is looked at again
            gc.enable()


def _call_for_help(modules: tuple[str, ...]) -> None:
    """Start the second process, where there is a core for it; nobody waits for it, it ends by itself."""
    if (os.cpu_count() or 1) < 2 or not hasattr(os, "posix_spawn"):
        return
    others = [module for module in (*MATCHING, *MOVEMENTS) if module not in modules]
    last_first = [*reversed(modules), *others]
    program = (
        "import gc; gc.disable(); from importlib import import_module; "
        f"[import_module(module) for module in {last_first!r}]"
    )
    silent = [(os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_RDWR, 0) for stream in range(3)]
    os.posix_spawn(sys.executable, [sys.executable, "-c", program], os.environ, file_actions=silent)
