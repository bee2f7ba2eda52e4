"""The ledger of statuses and the figures of each run."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from insvigil.frames import Indicators, Statuses
from insvigil.register.identities import numbering
from insvigil.register.opening import Register

_FACTS = ("status", "insi_recovered", "document_controlled", "ins_transmissible", "source", "anomaly")


def store_statuses(register: Register, statuses: dy.DataFrame[Statuses]) -> int:
    """Write the statuses that are not what they were, close those replaced or gone; return how many changed."""
    texts = [name for name in _FACTS if statuses.schema[name] == pl.Enum]
    now = statuses.with_columns(pl.col(texts).cast(pl.String)).join(numbering(register), on="identity_id")
    now = now.select("key", *_FACTS)
    old = register.query(f"SELECT key, {', '.join(_FACTS)} FROM status WHERE until_run IS NULL")
    columns = ["key", *_FACTS]
    fresh = now.join(old, on=columns, how="anti", nulls_equal=True).sort("key")
    stale = old.join(now, on=columns, how="anti", nulls_equal=True)
    register.query(
        "UPDATE status SET until_run = $run FROM stale WHERE status.key = stale.key AND until_run IS NULL",
        {"run": register.run},
        stale=stale.select("key"),
    )
    register.insert("status", fresh.with_columns(since_run=pl.lit(register.run, pl.UInt32)))
    return fresh.height


def status_ledger(register: Register) -> pl.DataFrame:
    """Return one row a stretch of status: domain, ipp, the facts, since_run, since, until_run, until (null: stands)."""
    return register.query(
        f"SELECT i.domain, i.ipp, {', '.join(f's.{name}' for name in _FACTS)}, s.since_run, a.started AS since, "
        "s.until_run, z.started AS until FROM status s JOIN identity i USING (key) JOIN run a ON a.run = s.since_run "
        "LEFT JOIN run z ON z.run = s.until_run ORDER BY 1, 2, s.since_run"
    )


def store_indicators(register: Register, indicators: dy.DataFrame[Indicators]) -> None:
    """Keep the figures of this run."""
    figures = indicators.with_columns(pl.col("verdict").cast(pl.String), run=pl.lit(register.run, pl.UInt32))
    register.insert("indicator", figures)


def indicators(register: Register) -> pl.DataFrame:
    """Return the figures of every run: ``run``, ``started`` and the columns of ``Indicators``, oldest first."""
    return register.query(
        "SELECT r.started, i.* FROM indicator i JOIN run r USING (run) ORDER BY i.run, code, mesh, mesh_value"
    )
