"""Birth places: the COG code of today for any code or name received.

The commune table is derived from ``@etalab/decoupage-administratif`` 6.0.0 (INSEE COG 2026, Licence Ouverte) by
``tools/build_communes.py``: merged and renamed communes and pure code changes (Nanterre 75050 → 92050, Corsica
20004 → 2A004) lead to the commune of today. It carries no dates: whether a code was valid at a birth is asked of the
dated table that a site may build (``insvigil referential build``).
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import polars as pl

from insvigil.traits.names import comparison_key

COMMUNES = Path(__file__).parent / "data" / "communes.parquet"

UNKNOWN_PLACE = "99999"
"""The COG code of an unknown place: worth nothing in a comparison (FR Core, INS)."""

_COUNTRY_RANGES = (
    (100, 145), (148, 148), (151, 151), (155, 162), (201, 265), (301, 352), (362, 363), (389, 399), (401, 447),
    (501, 517), (519, 522), (699, 699),
)  # fmt: skip
COUNTRIES: frozenset[str] = frozenset(f"99{code}" for first, last in _COUNTRY_RANGES for code in range(first, last + 1))
"""The codes that the COG gives or gave to countries and territories since 1943."""

COUNTRY_NAMES: dict[str, str] = {
    "ALGERIE": "99352", "MAROC": "99350", "TUNISIE": "99351", "PORTUGAL": "99139", "ESPAGNE": "99134",
    "ITALIE": "99127", "ALLEMAGNE": "99109", "BELGIQUE": "99131", "SUISSE": "99140", "LUXEMBOURG": "99137",
    "ROYAUME UNI": "99132", "ANGLETERRE": "99132", "GRANDE BRETAGNE": "99132", "IRLANDE": "99136",
    "PAYS BAS": "99135", "HOLLANDE": "99135", "POLOGNE": "99122", "ROUMANIE": "99114", "BULGARIE": "99111",
    "SERBIE": "99121", "KOSOVO": "99157", "ALBANIE": "99125", "RUSSIE": "99123", "UKRAINE": "99155",
    "TURQUIE": "99208", "LIBAN": "99205", "SYRIE": "99206", "IRAN": "99204", "IRAK": "99203", "AFGHANISTAN": "99212",
    "VIETNAM": "99243", "VIET NAM": "99243", "CAMBODGE": "99234", "LAOS": "99241", "CHINE": "99216", "INDE": "99223",
    "SRI LANKA": "99235", "SENEGAL": "99341", "MALI": "99335", "COTE D IVOIRE": "99326", "CAMEROUN": "99322",
    "GUINEE": "99330", "CONGO": "99324", "REPUBLIQUE DEMOCRATIQUE DU CONGO": "99312", "MADAGASCAR": "99333",
    "COMORES": "99397", "MAURICE": "99390", "HAITI": "99410", "BRESIL": "99416", "ETATS UNIS": "99404",
    "CANADA": "99401",
}  # fmt: skip
"""Names of the countries where most patients born abroad were born, as keys, with their COG code (INSEE)."""


@lru_cache(maxsize=1)
def communes() -> pl.DataFrame:
    """Return the commune table: ``code``, ``current``, ``name``, ``standing`` (COM, ARM, COMD, COMA, OLD)."""
    return pl.read_parquet(COMMUNES)


@lru_cache(maxsize=1)
def present_codes() -> pl.DataFrame:
    """Return ``code`` and ``current``, one row a code; Corsican codes also under their 20xxx form of before 1976."""
    table = communes().unique("code", keep="first", maintain_order=True).select("code", "current")
    corsica = table.filter(pl.col("code").str.contains("^2[AB]")).with_columns(
        pl.concat_str(pl.lit("20"), pl.col("code").str.slice(2)).alias("code")
    )
    return pl.concat([table, corsica]).unique("code", keep="first", maintain_order=True)


@lru_cache(maxsize=1)
def codes_by_name() -> pl.DataFrame:
    """Return ``name`` and ``current`` for the names, alone or with a department (``NANTERRE 92``), of one commune."""
    table = communes().with_columns(place_name(communes()["name"]).alias("name"))
    department = pl.col("current").str.slice(0, pl.when(pl.col("current").str.starts_with("97")).then(3).otherwise(2))
    named = pl.concat(
        [
            table.select("name", "current"),
            table.select(
                pl.concat_str("name", pl.lit(" "), department.str.strip_chars_start("0")).alias("name"), "current"
            ),
            pl.DataFrame(list(COUNTRY_NAMES.items()), schema=["name", "current"], orient="row"),
        ]
    ).unique()
    return named.filter(pl.col("name").is_not_null() & ~pl.col("name").is_duplicated())


def place_name(texts: pl.Series) -> pl.Series:
    """Return the key of a place name: as a name, SAINT and SAINTE written whole, its number kept at the end."""
    number = texts.str.to_uppercase().str.extract(r"(2[AB]|[0-9]{1,3})(?:E|ER|EME|ÈME)?(?: ?ARR[A-Z.]*)?\)?$", 1)
    words = comparison_key(texts.str.replace(r"(?i)[ (-]*(2[AB]|[0-9]+)(?:er|e|eme|ème)?(?: ?arr[a-z.]*)?\)?$", ""))
    name = pl.concat_str(pl.lit(" "), pl.lit(words), pl.lit(" ")).str.replace_many(
        [" STE ", " ST ", " CEDEX "], [" SAINTE ", " SAINT ", " "]
    )
    full = pl.concat_str(
        name.str.strip_chars(" "),
        pl.lit(number.str.strip_chars_start("0").replace("", None)),
        separator=" ",
        ignore_nulls=True,
    )
    return pl.select(pl.when(pl.lit(words).is_not_null()).then(full).alias(texts.name)).to_series()


def place_codes(texts: pl.Series) -> pl.Series:
    """Return the code of today of each code received; null for what is no code, or the code of an unknown place.

    Restores a lost leading zero (``1053`` is 01053), and keeps the codes of foreign countries (99xxx).
    """
    code = pl.col("code")
    return (
        pl.DataFrame({"code": texts.str.strip_chars().str.to_uppercase()})
        .with_columns(
            pl.when(code.str.contains("^[0-9]{4}$"))
            .then(pl.concat_str(pl.lit("0"), code))
            .otherwise(code)
            .alias("code")
        )
        .join(present_codes(), on="code", how="left", maintain_order="left")
        .select(
            pl.when(code.str.contains("^99[0-9]{3}$") & code.is_in([UNKNOWN_PLACE, "99000"]).not_())
            .then(code)
            .otherwise("current")
            .alias(texts.name)
        )
        .to_series()
    )


def place_keys(texts: pl.Series) -> pl.Series:
    """Return what to compare of each place received as code or text: its code of today, else the key of its name.

    A name leads to a code when one commune bears it (with its department when written ``NANTERRE (92)``).
    """
    names = place_name(texts)
    by_name = pl.DataFrame({"name": names}).join(codes_by_name(), on="name", how="left", maintain_order="left")[
        "current"
    ]
    return pl.select(
        pl.coalesce(pl.lit(place_codes(texts)), pl.lit(by_name), pl.lit(names)).alias(texts.name)
    ).to_series()
