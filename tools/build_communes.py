"""Derive ``insvigil/traits/data/communes.parquet`` from the npm package ``@etalab/decoupage-administratif``.

::

    npm pack @etalab/decoupage-administratif@6.0.0 && tar xzf etalab-decoupage-administratif-6.0.0.tgz
    python tools/build_communes.py package/data/communes.json

One row a (code, name): every code that a commune has or had, the code of the commune it belongs to today, and how it
stands (``COM`` commune, ``ARM`` arrondissement, ``COMD`` and ``COMA`` déléguée and associée, ``OLD`` a former code).
Source: INSEE, Code officiel géographique 2026, by Etalab, Licence Ouverte; the package itself is MIT.
"""

from __future__ import annotations

import sys
from pathlib import Path

import orjson
import polars as pl

OUT = Path(__file__).parents[1] / "insvigil/traits/data/communes.parquet"
STANDING = {
    "commune-actuelle": "COM",
    "arrondissement-municipal": "ARM",
    "commune-deleguee": "COMD",
    "commune-associee": "COMA",
}

BECAME_COLLECTIVITIES = (("97123", "97701", "Saint-Barthélemy"), ("97127", "97801", "Saint-Martin"))
"""Communes of Guadeloupe until 2007, whose codes the package has forgotten."""


def communes(path: Path) -> pl.DataFrame:
    """Return the table, sorted by code then standing, from the package's ``communes.json``."""
    rows: list[tuple[str, str, str, str]] = []
    for commune in orjson.loads(path.read_bytes()):
        standing, code = STANDING[commune["type"]], commune["code"]
        current = commune["chefLieu"] if standing in ("COMD", "COMA") else code
        rows.append((code, current, commune["nom"], standing))
        rows.extend((old, current, commune["nom"], "OLD") for old in commune.get("anciensCodes", []))
    rows.extend((old, current, name, "OLD") for old, current, name in BECAME_COLLECTIVITIES)
    table = pl.DataFrame(
        rows,
        schema={"code": pl.String, "current": pl.String, "name": pl.String, "standing": pl.String},
        orient="row",
    )
    # The package keeps the former code of a commune that is still déléguée under another: the living row says more.
    living = table.filter(pl.col("standing") != "OLD")
    gone = table.filter(pl.col("standing") == "OLD").join(living, on="code", how="anti")
    if gone["code"].n_unique() != gone.height:
        raise SystemExit("a former code leads to two communes")
    order = pl.Enum(["COM", "ARM", "COMD", "COMA", "OLD"])
    return pl.concat([living, gone]).with_columns(pl.col("standing").cast(order)).sort("code", "standing", "name")


if __name__ == "__main__":
    table = communes(Path(sys.argv[1]))
    OUT.parent.mkdir(parents=True, exist_ok=True)
    table.write_parquet(OUT, compression="zstd", compression_level=19, statistics=False)
    print(f"{OUT.name}: {table.height} rows, {table['code'].n_unique()} codes, {OUT.stat().st_size} bytes")
