"""Candidate pairs compared in threads: what remains is worth a weight."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from insvigil.errors import UsageError
from insvigil.matching.blocking import Work, groups_of, row_bits, whole_file
from insvigil.matching.encoding import Encoding
from insvigil.matching.keys import block_keys
from insvigil.matching.levels import RARITIES, TRAITS
from insvigil.matching.weights import Weights

WHOLE_FILE = 6_000
"""Files of at most this many identities are compared whole: 18 million pairs, half a second."""
WHOLE_NAME = "fichier entier"
ROOM = 1 << 18
"""Pairs a thread writes before they are set aside; more than the pairs of one unit."""

EVERYTHING = -1e9
"""A floor that no pair is under."""

Progress = Callable[[int, int], None]


class Survivors(NamedTuple):
    """The pairs that may matter, each once, sorted: ``left`` < ``right``, levels then rarities, and their key."""

    left: npt.NDArray[np.uint32]
    right: npt.NDArray[np.uint32]
    levels: npt.NDArray[np.uint8]
    block: npt.NDArray[np.uint8]
    compared: int


class _Found(NamedTuple):
    pairs: npt.NDArray[np.uint64]
    levels: npt.NDArray[np.uint8]
    block: int
    compared: int


def block_names() -> tuple[str, ...]:
    """Return the names that ``Survivors.block`` counts from 0."""
    return (*(key.name for key in block_keys()), WHOLE_NAME)


def compare_candidates(
    encoding: Encoding,
    weights: Weights,
    floor: float,
    *,
    threads: int = 0,
    limit: int | None = None,
    focused: bool = False,
    progress: Progress | None = None,
) -> Survivors:
    """Return the candidate pairs whose weight may reach ``floor`` bits.

    Raises ``UsageError`` when more than ``limit`` comparisons would be made.
    """
    tables = weights.tables(encoding.size)
    least = floor - weights.start(encoding.size)
    budget = _Budget(limit)
    done = 0
    tasks = _tasks(encoding.size, focused=focused)

    def run(task: _Task) -> _Found:
        parts = [_compare(work, encoding, tables, least, budget, focused=focused) for work in task.works(encoding)]
        pairs, levels, compared = zip(*parts, strict=True)
        found, kept = np.unique(np.concatenate(pairs), return_index=True)
        return _Found(found, np.concatenate(levels)[kept], task.block, sum(compared))

    results = []
    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        for found in pool.map(run, tasks):
            results.append(found)
            done += 1
            if progress is not None:
                progress(done, len(tasks))
    return _merged(results, encoding)


class _Budget:
    """Comparisons still allowed, shared by the threads."""

    def __init__(self, limit: int | None) -> None:
        self.limit, self.spent, self.lock = limit, 0, Lock()

    def spend(self, pairs: int) -> None:
        with self.lock:
            self.spent += pairs
            if self.limit is not None and self.spent > self.limit:
                raise UsageError(
                    f"Le fichier demande plus de {self.limit} comparaisons.",
                    hint="Relevez matching.max_comparisons, ou partagez le fichier.",
                )


class _Task(NamedTuple):
    """What one thread does at a time: a key, or a part of a small file compared whole."""

    block: int
    part: Work | None
    focused: bool

    def works(self, encoding: Encoding) -> Iterator[Work]:
        if self.part is not None:
            return iter([self.part])
        return groups_of(block_keys()[self.block], encoding, focused=self.focused)


def _tasks(size: int, *, focused: bool) -> list[_Task]:
    keys = block_keys()
    if size > WHOLE_FILE:
        return [_Task(block, None, focused) for block in range(len(keys))]
    whole = whole_file(size)
    parts = np.array_split(whole.units, 8)
    return [_Task(len(keys), whole._replace(units=units), focused) for units in parts]


def new_memo() -> npt.NDArray[np.uint64]:
    """Return what the kernel works in: the memo of compared names, and its scratch."""
    from insvigil.matching.kernels.comparing import MEMO_BITS

    return np.zeros((1 << MEMO_BITS) + 32, np.uint64)


def compare_pairs(
    encoding: Encoding, left: npt.NDArray[np.uint32], right: npt.NDArray[np.uint32], weights: Weights
) -> npt.NDArray[np.uint8]:
    """Return the levels and rarities of given pairs (``left`` < ``right``), in their order."""
    keys = np.concatenate([left, right]).astype(np.uint64)
    at, one = np.arange(len(left), dtype=np.uint32), np.ones(len(left), np.uint32)
    units = np.stack([at, one, at + np.uint32(len(left)), one], axis=1)
    work = Work(keys, units, row_bits(encoding.size))
    _, levels, _ = _compare(work, encoding, weights.tables(encoding.size), EVERYTHING, _Budget(None), focused=False)
    return _with_contacts(levels, left, right, encoding)


def _compare(
    work: Work, encoding: Encoding, tables: npt.NDArray[np.float32], floor: float, budget: _Budget, *, focused: bool
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint8], int]:
    from insvigil.matching.kernels.comparing import compare

    budget.spend(work.pairs)
    pairs, levels = np.empty((ROOM, 2), np.uint32), np.empty((ROOM + 1, len(TRAITS) + 4), np.uint8)
    memo = new_memo()
    kept: list[tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint8]]] = []
    unit, compared = 0, 0
    while unit < len(work.units):
        unit, written, seen = compare(
            work.units, unit, work.keys, np.uint64(work.shift), encoding.lines, encoding.lists, encoding.names,
            encoding.chars, tables, np.float32(floor), focused, memo, pairs, levels,
        )  # fmt: skip
        compared += seen
        both = pairs[:written].astype(np.uint64)
        kept.append((both[:, 0] << np.uint64(32) | both[:, 1], levels[:written].copy()))
    if not kept:
        return np.empty(0, np.uint64), np.empty((0, levels.shape[1]), np.uint8), 0
    return np.concatenate([pair for pair, _ in kept]), np.concatenate([level for _, level in kept]), compared


def _merged(results: list[_Found], encoding: Encoding) -> Survivors:
    """Return each pair once, under the first key that found it."""
    pairs = np.concatenate([found.pairs for found in results])
    levels = np.concatenate([found.levels for found in results])
    block = np.concatenate([np.full(len(found.pairs), found.block, np.uint8) for found in results])
    pairs, first = np.unique(pairs, return_index=True)  # results come in the order of the keys
    levels, block = levels[first], block[first]
    left, right = (pairs >> np.uint64(32)).astype(np.uint32), pairs.astype(np.uint32)
    levels = _with_contacts(levels, left, right, encoding)
    return Survivors(left, right, levels, block, sum(found.compared for found in results))


def _with_contacts(
    levels: npt.NDArray[np.uint8], left: npt.NDArray[np.uint32], right: npt.NDArray[np.uint32], encoding: Encoding
) -> npt.NDArray[np.uint8]:
    """Return levels with the rarities of the address and of the phone."""
    contact = np.minimum(encoding.contact_rarity[left], encoding.contact_rarity[right])
    levels = np.concatenate([levels, contact], axis=1)
    assert levels.shape[1] == len(TRAITS) + len(RARITIES)
    return levels
