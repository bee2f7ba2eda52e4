"""The dated commune table that a site may build from INSEE's two public CSV files.

Which commune codes existed on which days since 1943, communes, arrondissements, déléguées and associées: start from
the present state (``v_commune_AAAA.csv``) and undo the events (``v_mvt_commune_AAAA.csv``) from the last one back.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl

from insvigil.errors import SourceError
from insvigil.settings import TraitsSettings

FIRST_DAY = date(1943, 1, 1)
"""INSEE's events begin in 1943; what existed before is taken to exist from this day."""

_STATE = ("TYPECOM", "COM", "LIBELLE")
_EVENTS = ("MOD", "DATE_EFF", "TYPECOM_AV", "COM_AV", "LIBELLE_AV", "TYPECOM_AP", "COM_AP", "LIBELLE_AP")
_ENDS_OF_PARTS = ("34", "35")
"""End of an association or delegation: the commune named after the event stood before it."""

_Unit = tuple[str, str, str]


def build_referential(communes: Path, events: Path, out: Path) -> int:
    """Write the dated table (``standing``, ``code``, ``name``, ``since``, ``until`` exclusive); return its rows.

    ``communes`` and ``events`` are INSEE's ``v_commune`` and ``v_mvt_commune`` of the same year, as CSV.
    """
    table = dated_communes(_read(communes, _STATE), _read(events, _EVENTS))
    table.write_parquet(out, compression="zstd")
    return table.height


def dated_communes(state: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    """Return the intervals during which each unit (standing, code, name) existed, sorted by code then first day."""
    alive: dict[_Unit, date | None] = dict.fromkeys(state.select(_STATE).iter_rows())
    rows: list[tuple[str, str, str, date, date | None]] = []
    dated = events.select(_EVENTS).unique().with_columns(pl.col("DATE_EFF").str.to_date())
    for (day,), of_day in dated.sort("DATE_EFF", descending=True).group_by("DATE_EFF", maintain_order=True):
        assert isinstance(day, date)
        before, after = _sides(of_day)
        rows.extend((*unit, day, alive.pop(unit)) for unit in after - before if unit in alive)
        for unit in before - after:
            alive.setdefault(unit, day)
    rows.extend((*unit, FIRST_DAY, until) for unit, until in alive.items())
    schema = {"standing": pl.String, "code": pl.String, "name": pl.String, "since": pl.Date, "until": pl.Date}
    return pl.DataFrame(rows, schema=schema, orient="row").sort("code", "since", "standing", "name")


def _sides(events: pl.DataFrame) -> tuple[set[_Unit], set[_Unit]]:
    before = events.select("TYPECOM_AV", "COM_AV", "LIBELLE_AV")
    founding = events.filter(~pl.col("MOD").is_in(_ENDS_OF_PARTS))
    after = founding.select("TYPECOM_AP", "COM_AP", "LIBELLE_AP")
    return set(before.drop_nulls().iter_rows()), set(after.drop_nulls().iter_rows())


def _read(path: Path, columns: tuple[str, ...]) -> pl.DataFrame:
    try:
        frame = pl.read_csv(path, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise SourceError(f"Le fichier {path} ne peut pas être lu comme un CSV de l'INSEE.") from error
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise SourceError(
            f"Il manque à {path} les colonnes {', '.join(missing)}.",
            hint="Fichiers attendus : v_commune_AAAA.csv et v_mvt_commune_AAAA.csv, publiés par l'INSEE.",
        )
    return frame


def dated_table(settings: TraitsSettings) -> pl.DataFrame | None:
    """Return the dated table named by the settings, or nothing; ``SourceError`` when it cannot be read."""
    if settings.referential is None:
        return None
    try:
        return pl.read_parquet(settings.referential)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise SourceError(
            f"Le référentiel daté {settings.referential} ne peut pas être lu.",
            hint="Construisez-le avec « insvigil referential build ».",
        ) from error
