"""The lists invented people are drawn from: names by rank, communes by population, countries by weight.

The lists of names are ranked but carry no frequency, so a law by rank gives the weights, of the Zipf–Mandelbrot form
``1 / (rank + offset) ** exponent``. The constants were fitted once on public French counts (surnames of elected
people; INSEE first names by year), to within 15 % from rank 2 to rank 10,000.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

Codes = npt.NDArray[np.int32]
Weights = npt.NDArray[np.float64]

DECADES = tuple(range(1901, 2012, 10))
SURNAME_LAW = (20.0, 0.82)
FOREIGN_FLATTENING = 0.55  # weights are raised to this power for people born abroad: rarer names come up more often
GIVEN_NAME_EXPONENTS = (2.15, 2.15, 2.15, 2.15, 2.15, 2.1, 2.05, 2.0, 1.9, 1.7, 1.55, 1.35)  # one a decade
GIVEN_NAME_OFFSETS = (12.0, 12.0, 12.0, 15.0, 18.0, 20.0, 20.0, 25.0, 28.0, 30.0, 30.0, 30.0)

COUNTRIES: dict[str, float] = {
    "99352": 20, "99350": 14, "99351": 6, "99139": 10, "99127": 5, "99134": 4, "99109": 3, "99131": 3, "99132": 3,
    "99122": 2, "99208": 4, "99341": 3, "99335": 2, "99326": 3, "99322": 2, "99312": 2, "99324": 1, "99333": 2,
    "99397": 2, "99410": 2, "99216": 2, "99243": 2, "99235": 1, "99404": 1, "99416": 1, "99114": 2, "99123": 1,
    "99155": 1, "99255": 1, "99205": 1, "99212": 1, "99206": 1,
}  # fmt: skip
"""COG code of the country of birth and its weight among people born abroad (convention of insvigil)."""

STREET_KINDS = ("RUE", "RUE", "RUE", "RUE", "AVENUE", "ALLEE", "IMPASSE", "CHEMIN", "ROUTE", "PLACE", "BOULEVARD")
STREET_NAMES = (
    "DE LA REPUBLIQUE", "DE LA LIBERTE", "DES LILAS", "DU MOULIN", "DE L EGLISE", "DE LA GARE", "DES ECOLES",
    "VICTOR HUGO", "JEAN JAURES", "PASTEUR", "DE LA MAIRIE", "DU CHATEAU", "DES ACACIAS", "DU STADE", "DE VERDUN",
    "DU 8 MAI 1945", "DU 11 NOVEMBRE", "DU GENERAL DE GAULLE", "DU GENERAL LECLERC", "JULES FERRY", "VOLTAIRE",
    "EMILE ZOLA", "GAMBETTA", "LEON BLUM", "JEAN MOULIN", "PIERRE CURIE", "ANATOLE FRANCE", "DES ROSES", "DE LA POSTE",
    "DES CERISIERS", "DES ERABLES", "DES CHENES", "DU BOIS", "DE LA FONTAINE", "DE LA FORET", "DE LA PAIX",
    "DES TILLEULS", "DES VIGNES", "DES JARDINS", "DU LAVOIR", "DU PONT", "DE LA CROIX", "SAINT MARTIN", "SAINT PIERRE",
    "NOTRE DAME", "DES PRES", "DU MARCHE", "DES MARRONNIERS", "DU SOLEIL", "BELLEVUE", "DES FLEURS", "DE PARIS",
    "DE LYON", "MOLIERE", "RACINE", "LAMARTINE", "GEORGES BRASSENS", "EDITH PIAF", "SALVADOR ALLENDE", "NELSON MANDELA",
    "SIMONE VEIL", "OLYMPE DE GOUGES", "DES PEUPLIERS", "DES HIRONDELLES", "DES MESANGES", "DE LA VALLEE", "DU COTEAU",
    "DES CARRIERES", "DE LA PLAINE", "DU PUITS", "DES ORMES", "DES BLEUETS", "DES PINSONS", "DU VERGER",
)  # fmt: skip
STREET_NUMBERS = 120
MAIL_HOSTS = ("exemple.fr", "courriel.example", "poste.example", "boite.example")


@dataclass(frozen=True)
class Lists:
    """Dictionaries (text by code) and cumulated weights, ready to draw from."""

    surnames: pl.Series  # as printed in the source: « Le Gall »
    given_names: pl.Series  # every distinct first name, accents kept
    given_ranks: dict[tuple[int, str], Codes]  # (decade index, sex) → codes in decreasing frequency
    places: pl.Series  # COG codes: communes row by row, then countries
    place_numbers: npt.NDArray[np.int64]  # the five digits a NIR key counts, 2A → 19, 2B → 18
    communes: pl.DataFrame  # code, city, department, region, postal_code, population
    streets: pl.Series  # number, kind and name

    @property
    def first_country(self) -> int:
        """The code of the first country in ``places``."""
        return self.communes.height


@cache
def load_lists() -> Lists:
    """Return the lists shipped with the package (0.2 s the first time)."""
    names, communes = _table("names"), _table("communes")
    given = names.filter(pl.col("list") != "S")
    distinct = given["name"].unique(maintain_order=True)
    codes = given.join(pl.DataFrame({"name": distinct}).with_row_index("code"), on="name", maintain_order="left")
    ranks = {
        (index, sex): codes.filter(pl.col("list") == f"{sex}{decade}")["code"].to_numpy().astype(np.int32)
        for index, decade in enumerate(DECADES)
        for sex in "MF"
    }
    places = pl.concat([communes["code"], pl.Series("code", list(COUNTRIES))])
    numbers = places.str.replace("2A", "19", literal=True).str.replace("2B", "18", literal=True)
    streets = [
        f"{number} {kind} {name}"
        for kind in STREET_KINDS
        for name in STREET_NAMES
        for number in range(1, STREET_NUMBERS + 1)
    ]
    return Lists(
        surnames=names.filter(pl.col("list") == "S")["name"],
        given_names=distinct,
        given_ranks=ranks,
        places=places,
        place_numbers=numbers.cast(pl.Int64).to_numpy(),
        communes=communes,
        streets=pl.Series(streets),
    )


def rank_weights(size: int, offset: float, exponent: float, flattening: float = 1.0) -> Weights:
    """Return the cumulated weights of ranks 1 … size, the last being 1."""
    weights = (np.arange(1, size + 1) + offset) ** (-exponent * flattening)
    return cumulate(weights)


def cumulate(weights: npt.NDArray[Any]) -> Weights:
    """Return cumulated weights, the last being 1."""
    total = np.cumsum(weights, dtype=np.float64)
    return np.asarray(total / total[-1], dtype=np.float64)


def draw(cumulated: Weights, size: int, rng: np.random.Generator) -> Codes:
    """Return ``size`` indices drawn by weight."""
    return np.minimum(np.searchsorted(cumulated, rng.random(size)), len(cumulated) - 1).astype(np.int32)


def upper_ascii(texts: pl.Series) -> pl.Series:
    """Return names in capitals without accents; hyphens and apostrophes stay."""
    bare = texts.str.replace_many(["œ", "Œ", "æ", "Æ"], ["oe", "OE", "ae", "AE"]).str.normalize("NFKD")
    return bare.str.replace_all(r"\p{M}", "").str.to_uppercase()


def _table(name: str) -> pl.DataFrame:
    with as_file(files("insvigil.bench") / "data" / f"{name}.parquet") as path:
        return pl.read_parquet(path)
