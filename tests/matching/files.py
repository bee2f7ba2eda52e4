"""Small invented files for the matching tests."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import dataframely as dy
import numpy as np
import polars as pl

from insvigil.bench.mistakes import DEFAULT, ErrorMix
from insvigil.bench.population import generate
from insvigil.frames import Traits
from insvigil.traits import normalise

SHARED = Path(__file__).parents[2] / "../shared/matchdata"


def people(*rows: dict[str, str | None]) -> dy.DataFrame[Traits]:
    """Return the traits of a few identities given as text."""
    names = sorted({name for row in rows for name in row})
    return normalise(
        pl.DataFrame({name: [row.get(name) for row in rows] for name in names}, schema=dict.fromkeys(names, pl.String))
    )


@cache
def population(size: int, seed: int, mix: ErrorMix = DEFAULT) -> tuple[dy.DataFrame[Traits], np.ndarray, pl.DataFrame]:
    """Return the traits, the person of each identity and the truth of an invented file."""
    made = generate(size, seed, mix)
    return normalise(made.identities), made.truth["person"].to_numpy().astype(np.int64), made.truth


MARTIN = {
    "birth_name": "ZYLBERSTEIN", "given_names": "ANTONIN JULES", "birth_date": "1961-03-17", "sex": "M",
    "birth_place": "35238", "postal_code": "35000",
}  # fmt: skip
