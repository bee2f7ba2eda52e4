"""Slow twin of ``insvigil.qualif.kernels.holding``."""

from __future__ import annotations


def hold(
    first: list[bool], claimed: list[int], loss: list[int], stood: list[int], possible: list[list[list[bool]]]
) -> list[int]:
    """Return the status held after each step: the one claimed where the table says yes, else the one before."""
    held: list[int] = []
    for place, claim in enumerate(claimed):
        before = stood[place] if first[place] else held[-1]
        held.append(claim if possible[loss[place]][before][claim] else before)
    return held
