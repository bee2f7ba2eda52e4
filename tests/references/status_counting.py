"""Slow twins of ``insvigil.qualif.kernels.counting``."""

from __future__ import annotations

from collections import Counter


def status_on(moves: dict[int, list[tuple[int, int]]], subject: int, day: int) -> int:
    """Return the last status reached up to ``day``, 0 when there is none."""
    return next((status for moved_on, status in reversed(moves.get(subject, [])) if moved_on <= day), 0)


def tally(rows: list[tuple[int, int, int]]) -> Counter[tuple[int, int]]:
    """Return how many subjects each (cell, status) holds, the first row of a subject in a cell deciding."""
    first: dict[tuple[int, int], int] = {}
    for subject, cell, status in rows:
        if cell >= 0:
            first.setdefault((subject, cell), status)
    return Counter((cell, status) for (_, cell), status in first.items())
