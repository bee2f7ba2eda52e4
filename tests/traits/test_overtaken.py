"""What days alone change in what detectors say is found by ``overtaken`` or already carries a timely code."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from insvigil.traits import detect, normalise, overtaken, timely

FIRST = date(2026, 12, 10)


def people(seed: int) -> pl.DataFrame:
    """Return newborn, very old, dead and not yet born people, in every form that a date may take."""
    rng = np.random.default_rng(seed)
    size = 600
    near = [(FIRST + timedelta(days=int(days))).strftime("%Y%m%d") for days in rng.integers(-60, 40, size)]
    far = [f"{year}0704" for year in rng.integers(1895, 1905, size)]
    minor = [f"{year}0704" for year in rng.integers(2006, 2012, size)]
    born = np.choose(rng.integers(0, 3, size), [near, far, minor]).tolist()
    return pl.DataFrame(
        {
            "identity_id": pl.Series(range(size), dtype=pl.UInt32),
            "domain": pl.repeat("D", size, eager=True),
            "ipp": [str(number) for number in range(size)],
            "birth_name": pl.repeat("DARK", size, eager=True),
            "first_given_name": rng.choice(["BEBE", "ZOE"], size).tolist(),
            "birth_date": born,
            "sex": rng.choice(["F", "M"], size).tolist(),
            "birth_place": pl.repeat("35238", size, eager=True),
            "matricule": [("1800735238001", "2080735238001", None)[place] for place in rng.integers(0, 3, size)],
            "death_date": [(near[place], None)[kind] for place, kind in enumerate(rng.integers(0, 2, size))],
        }
    )


@pytest.mark.parametrize("days", [1, 8, 25, 45, 400])
@pytest.mark.parametrize("seed", [1, 2])
def test_overtaken__finds_all_that_days_change(days: int, seed: int) -> None:
    identities = people(seed)
    traits, today = normalise(identities), FIRST + timedelta(days=days)
    before, after = (detect(identities, traits, today=day, only=("identities",)) for day in (FIRST, today))
    findings = ["identity_id", "code"]
    moved = pl.concat([before.join(after, on=findings, how="anti"), after.join(before, on=findings, how="anti")])
    again = traits["identity_id"].filter(overtaken(traits, last=FIRST, today=today))
    carriers = before.filter(pl.col("code").is_in(list(timely())))["identity_id"]
    assert moved.height > 0
    assert set(moved["identity_id"]) <= set(again) | set(carriers)
