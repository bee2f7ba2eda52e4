"""What matching found, kept for the next night: its pairs and what it learnt."""

from __future__ import annotations

import dataframely as dy
import numpy as np
import polars as pl

from insvigil.frames import AGREEMENTS, ScoredPairs
from insvigil.register.identities import NOWHERE, numbered_keys, places
from insvigil.register.opening import Register

_FACTS = ("probability", "weight", "finding", "rule", "block", *(f"agree_{trait}" for trait in AGREEMENTS))


def previous_pairs(register: Register) -> dy.DataFrame[ScoredPairs]:
    """Return the pairs of the last run whose two sides are active and did not change, in this run's numbers."""
    known = register.query("SELECT * FROM pair")
    place = places(register).copy()
    changed = register.query("SELECT key FROM identity WHERE changed_run = $run", {"run": register.run})["key"]
    place[changed.to_numpy()] = NOWHERE
    ends = np.stack([place[known[side].to_numpy()] for side in ("left_key", "right_key")])
    left, right = pl.Series("left", ends.min(axis=0)), pl.Series("right", ends.max(axis=0))
    found = known.select(_FACTS).with_columns(left, right).filter(right != NOWHERE).sort("left", "right")
    return ScoredPairs.validate(found.select(ScoredPairs.column_names()), cast=True)


def store_pairs(register: Register, pairs: dy.DataFrame[ScoredPairs]) -> None:
    """Keep the pairs of this run, carried over and new, in place of those of the run before."""
    register.connection.execute("DELETE FROM pair")
    register.insert("pair", keyed(register, pairs.select("left", "right", *_FACTS)))


def keyed(register: Register, pairs: pl.DataFrame) -> pl.DataFrame:
    """Return pairs with ``left_key`` and ``right_key`` in place of this run's ``left`` and ``right``."""
    keys = numbered_keys(register)
    return pairs.with_columns(left_key=keys.gather(pairs["left"]), right_key=keys.gather(pairs["right"])).drop(
        "left", "right"
    )


def store_model(register: Register, content: str) -> None:
    """Keep what matching learnt (its own text form) for the nights to come."""
    register.connection.execute("INSERT INTO model VALUES (?, ?)", [register.run, content])


def model(register: Register) -> str | None:
    """Return what matching learnt last, None when it never did."""
    found = register.connection.execute("SELECT content FROM model ORDER BY run DESC LIMIT 1").fetchall()
    return str(found[0][0]) if found else None
