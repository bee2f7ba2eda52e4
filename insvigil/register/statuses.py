"""The ledger of statuses and the figures of each run."""

from __future__ import annotations

from datetime import date

import dataframely as dy
import polars as pl

from insvigil.frames import Indicators, StatusLedger
from insvigil.register.eliminations import family
from insvigil.register.identities import last_run
from insvigil.register.opening import Register


def store_statuses(register: Register, moves: dy.DataFrame[StatusLedger]) -> None:
    """Append the transitions of this run (or, outside a run, made since the last one) to the ledger, in their order."""
    keys = register.query(
        "SELECT key, domain, ipp FROM identity SEMI JOIN moves USING (domain, ipp)",
        moves=moves.select("domain", "ipp").unique(),
    )
    last = register.connection.execute("SELECT coalesce(max(place), 0) FROM status").fetchall()[0][0]
    rows = moves.with_row_index("place", offset=last + 1).join(keys, on=["domain", "ipp"]).sort("place")
    rows = rows.drop("domain", "ipp").with_columns(
        pl.col("from_status", "to_status", "refused").cast(pl.String),
        run=pl.lit(register.run or last_run(register), pl.UInt32),
        standing=pl.col("key").is_last_distinct(),
    )
    register.query(
        "UPDATE status SET standing = false FROM moved WHERE status.key = moved.key AND standing",
        moved=rows.select("key").unique(),
    )
    register.insert("status", rows)


def status_ledger(
    register: Register, *, standing: bool = False, of: pl.Series | None = None
) -> dy.DataFrame[StatusLedger]:
    """Return the ledger of statuses in its order; only the last row of each identity when ``standing``.

    ``of`` limits it to some identities and those merged into them (keys of the register).
    """
    among = "" if of is None else "SEMI JOIN family USING (key) "
    keys = pl.Series([], dtype=pl.UInt32) if of is None else family(of, register.query("SELECT * FROM forward"))
    found = register.query(
        "SELECT i.domain, i.ipp, s.* EXCLUDE (key, run, standing) FROM status s JOIN identity i USING (key) "
        f"{among}WHERE standing OR NOT $standing",
        {"standing": standing},
        family=keys.alias("key").to_frame(),
    )
    return StatusLedger.validate(found.sort("place").select(StatusLedger.column_names()), cast=True)


def known_since(register: Register) -> date | None:
    """Return the day of the first row of the ledger of statuses: before it none is known."""
    first = register.connection.execute('SELECT min("at") FROM status').fetchall()[0][0]
    return None if first is None else first.date()


def store_indicators(register: Register, indicators: dy.DataFrame[Indicators]) -> None:
    """Keep the figures of this run."""
    figures = indicators.with_columns(pl.col("verdict").cast(pl.String), run=pl.lit(register.run, pl.UInt32))
    register.insert("indicator", figures)


def indicators(register: Register) -> pl.DataFrame:
    """Return the figures of every run: ``run``, ``started`` and the columns of ``Indicators``, oldest first."""
    return register.query(
        "SELECT r.started, i.* FROM indicator i JOIN run r USING (run) ORDER BY i.run, code, mesh, mesh_value"
    )
