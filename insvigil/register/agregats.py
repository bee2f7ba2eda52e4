"""Agrégats under numbers stable for life: never given twice, a joined one leaves a forwarding row."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from insvigil.frames import Groups
from insvigil.register.identities import keys_of, last_run
from insvigil.register.opening import Register


def store_groups(register: Register, groups: dy.DataFrame[Groups]) -> pl.DataFrame:
    """Give each group its agrégat number and keep the memberships; return ``group``, ``agregat`` and ``outcome``.

    A group takes the lowest number among the agrégats whose largest part it holds; the other ones it holds are joined
    to it. Of an agrégat that splits, the largest part keeps the number (of equal ones, the part with the oldest
    identity). ``outcome`` is ``kept`` or ``new``.
    """
    run = pl.lit(register.run, pl.UInt32)
    keys = keys_of(register, groups["identity_id"])
    members = pl.DataFrame([groups["group"], keys])
    known = register.query("SELECT agregat, key FROM agregat_member WHERE until_run IS NULL")
    given, joined = _give(members, known)
    last = register.connection.execute("SELECT coalesce(max(agregat), 0) FROM agregat").fetchall()[0][0]
    named = members.select("group").unique().join(given, on="group", how="left").sort("group")
    fresh = pl.col("agregat").is_null()
    named = named.with_columns(
        agregat=pl.when(fresh).then(last + fresh.cum_sum()).otherwise("agregat").cast(pl.UInt32),
        outcome=pl.when(fresh).then(pl.lit("new")).otherwise(pl.lit("kept")),
    )
    born = named.filter(pl.col("outcome") == "new").select("agregat", created_run=run)
    living = known.select("agregat").unique()
    gone = living.join(named, on="agregat", how="anti").join(
        joined.join(named, on="group").select(agregat="lost", forward="agregat"), on="agregat", how="left"
    )
    register.insert("agregat", born)
    register.query(
        "UPDATE agregat SET closed_run = $run, forward = gone.forward FROM gone WHERE agregat.agregat = gone.agregat",
        {"run": register.run},
        gone=gone.select("agregat", pl.col("forward").cast(pl.UInt32)),
    )
    present = members.join(named, on="group").select("agregat", "key")
    register.query(
        "UPDATE agregat_member SET until_run = $run FROM left_members l "
        "WHERE agregat_member.agregat = l.agregat AND agregat_member.key = l.key AND until_run IS NULL",
        {"run": register.run},
        left_members=known.join(present, on=["agregat", "key"], how="anti"),
    )
    arrived = present.join(known, on=["agregat", "key"], how="anti")
    register.insert("agregat_member", arrived.sort("agregat", "key").with_columns(since_run=run))
    return named.select("group", "agregat", "outcome")


def closed_agregats(register: Register) -> int:
    """Return how many agrégats ended in the run under way (or the last): resolved, not joined to another."""
    run = register.run or last_run(register)
    found = register.connection.execute(
        "SELECT count(*) FROM agregat WHERE closed_run = ? AND forward IS NULL", [run]
    ).fetchall()
    return int(found[0][0])


def agregats(register: Register) -> pl.DataFrame:
    """Return the living agrégats, one row a member: agregat, domain, ipp, since_run."""
    return register.query(
        "SELECT m.agregat, i.domain, i.ipp, m.since_run FROM agregat_member m JOIN identity i USING (key) "
        "WHERE m.until_run IS NULL ORDER BY 1, 2, 3"
    )


def _give(members: pl.DataFrame, known: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the number each group inherits (group, agregat), and the ones joined to it (group, lost)."""
    overlap = (
        members.join(known, on="key")
        .group_by("group", "agregat")
        .agg(size=pl.len(), oldest=pl.col("key").min())
        .sort("agregat", "size", "oldest", descending=[False, True, False])
    )
    heirs = overlap.unique("agregat", keep="first", maintain_order=True).sort("group", "agregat")
    given = heirs.unique("group", keep="first", maintain_order=True).select("group", "agregat")
    joined = heirs.join(given, on=["group", "agregat"], how="anti").select("group", lost="agregat")
    return given, joined
