"""Folding: messages in, identities and stays brought up to date, what changed out.

One batch goes through in five steps: refuse and drop duplicates, name identities by their keys (``intake.py``), write
what was said to the ledgers, recompute the states of what was touched, say what changed (``differences.py``). The
ledgers are read again for touched identities only, so a night costs what it touches; the result is the same as
folding everything at once, in any order (``docs/decisions/0400-state-is-a-function-of-statements.md``).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

import dataframely as dy
import polars as pl

from insvigil.errors import ContractError
from insvigil.frames import IDENTITY_FIELDS, Changes, Movements, Rejects, Sources
from insvigil.register import differences, intake, rules, stays
from insvigil.register.eliminations import family, forward, owned
from insvigil.register.opening import Register
from insvigil.register.recalled import AT_MOST, Recalled
from insvigil.register.schema import TABLE
from insvigil.register.statements import (
    BITS,
    DRIVEN_BIT,
    GUARDED_BITS,
    STAMP,
    InForce,
    complete_units,
    in_force,
    stated_bits,
)
from insvigil.register.triggers import CHANGE_IDENTIFIER, DRIVERS, LINKS, MERGE
from insvigil.texts import apart


class Folding(NamedTuple):
    """What folding gives: what changed, the messages refused or remarked, and the counts.

    ``filled``: how many more active identities have each field than before (fewer: below 0).
    """

    changes: dy.DataFrame[Changes]
    rejects: dy.DataFrame[Rejects]
    counts: dict[str, int]
    filled: dict[str, int]


def fold(
    register: Register,
    movements: dy.DataFrame[Movements],
    *,
    sources: dy.DataFrame[Sources],
    now: datetime,
    also: Callable[[], pl.Series] | None = None,
) -> Folding:
    """Take a batch of messages into the register; may be called several times in a run.

    What is read of the identities it speaks of, and of those whose keys ``also`` gives, is kept in
    ``register.recalled``.

    Each call scans the keys of the register (2 s of processor at five millions): gather batches up to some hundred
    thousand messages. A remark on a source that ``sources`` does not name yet has an empty path.
    ``changes`` are the net differences of the batch; ``history.changes`` tells them message by message.
    Counts: ``read = kept + folded + rejected`` (``folded``: the same message was already taken in; ``kept`` includes
    ``ignored`` events), then ``created``, ``modified``, ``merged``, ``linked``, ``movements``, ``cancelled`` and
    ``dossiers_moved``. Raises ``ContractError`` outside ``begin``/``commit``.
    """
    if register.run is None:
        raise ContractError("fold appelé hors d'un traitement (begin).")
    _remember_sources(register, sources)
    taken, remarks, counts = intake.take_in(register, movements, now)
    named, new = intake.name(register, taken)
    lead_before = register.query("SELECT * FROM forward")
    lead = _eliminate(register, named, lead_before, remarks)
    said = _record(register, named, lead)
    remarks += _remarks(named, new, lead)
    changes, made, filled = _recompute(register, named, said, new, lead_before, lead, also)
    counts |= made | stays.fold_movements(register, named)
    counts["merged"] = named.filter(pl.col("trigger") == MERGE).height
    counts["linked"] = named.filter(pl.col("trigger").is_in(LINKS)).height
    return Folding(changes, intake.as_rejects(remarks, sources), counts, filled)


def _remember_sources(register: Register, sources: dy.DataFrame[Sources]) -> None:
    read = sources.filter(pl.col("outcome").cast(pl.String) == "read")
    known = register.query("SELECT digest FROM source SEMI JOIN read USING (digest)", read=read.select("digest"))
    fresh = read.join(known, on="digest", how="anti")
    register.insert(
        "source",
        fresh.select("path", "digest", "size", "format", "messages", run=pl.lit(register.run, pl.UInt32)),
    )


def _eliminate(
    register: Register, named: pl.DataFrame, before: pl.DataFrame, remarks: list[pl.DataFrame]
) -> pl.DataFrame:
    """Record merges and changes of IPP; return where eliminated identities lead from now on."""
    merge = pl.col("trigger") == MERGE
    renames = (pl.col("trigger") == CHANGE_IDENTIFIER) & (pl.col("merged_key") != pl.col("key"))
    fresh = named.filter(merge | renames.fill_null(value=False))
    if fresh.is_empty():
        return before
    register.insert(
        "elimination", fresh.select(*STAMP, key="merged_key", survivor="key", rename=pl.col("trigger") != MERGE)
    )
    lead = forward(register.query("SELECT * FROM elimination"))
    register.connection.execute("DELETE FROM forward")
    register.insert("forward", lead)
    told = fresh.join(lead.select(merged_key="key", stands="survivor"), on="merged_key", how="left")
    remarks.append(intake.remark(told.filter(pl.col("stands").is_null()), rules.LOOP))
    remarks.append(intake.remark(told.filter(pl.col("stands") != pl.col("key")), rules.ALREADY_ELIMINATED))
    return lead


def _record(register: Register, named: pl.DataFrame, lead: pl.DataFrame) -> pl.DataFrame:
    """Write what was said to the ledgers; return the statements."""
    driver = pl.col("trigger").is_in(DRIVERS)
    said = complete_units(named.select("key", *STAMP, *IDENTITY_FIELDS, driver=driver))
    drivers = said.filter("driver")
    fillers = _gaps_filled(register, said.filter(~pl.col("driver")), drivers, lead)
    statements = pl.concat([part.select(TABLE["statement"].names) for part in (drivers, fillers)])
    register.insert("statement", statements)
    links = named.filter(pl.col("trigger").is_in(LINKS))
    pair = {"left_key": pl.min_horizontal("key", "merged_key"), "right_key": pl.max_horizontal("key", "merged_key")}
    register.insert("link", links.select(*STAMP, **pair))
    return statements


def _gaps_filled(register: Register, fillers: pl.DataFrame, drivers: pl.DataFrame, lead: pl.DataFrame) -> pl.DataFrame:
    """Return the statements of movements that say something the identity feed never spoke of, reduced to it."""
    if fillers.is_empty():
        return fillers
    fillers = owned(fillers, lead).with_columns(stated=stated_bits())
    told = owned(drivers, lead).group_by("owner").agg(told=stated_bits().bitwise_or())
    driven = register.query(
        "SELECT key AS owner, driven FROM identity SEMI JOIN fillers ON key = owner",
        fillers=fillers.select(pl.col("owner").unique()),
    )
    fillers = fillers.join(driven, on="owner", how="left").join(told, on="owner", how="left")
    known = pl.col("told").is_not_null() | (pl.col("driven") & DRIVEN_BIT != 0).fill_null(value=False)
    guarded = pl.when(known).then(pl.lit(GUARDED_BITS, pl.UInt64)).otherwise(pl.lit(0, pl.UInt64))
    covered = pl.col("told").fill_null(0) | pl.col("driven").fill_null(0) | guarded
    fillers = fillers.with_columns(known=known, covered=covered)
    useful = fillers.filter(~pl.col("known") | (pl.col("stated") & ~pl.col("covered") != 0))
    return useful.select(
        "key",
        "driver",
        *STAMP,
        *(pl.when(pl.col("covered") & bit == 0).then(pl.col(field)).alias(field) for field, bit in BITS.items()),
    )


def _remarks(named: pl.DataFrame, new: pl.DataFrame, lead: pl.DataFrame) -> list[pl.DataFrame]:
    """Return the remarks on identities created twice and on messages for eliminated ones."""
    creations = named.filter(pl.col("trigger") == "A28").with_columns(
        known=~pl.col("key").is_in(new["key"].implode()) | ~pl.col("key").is_first_distinct()
    )
    late = named.filter(pl.col("trigger").is_in(DRIVERS)).join(lead.select("key", "since"), on="key")
    late = late.filter(pl.col("message_time") > pl.col("since"))
    return [
        intake.remark(creations.filter("known"), rules.CREATED_TWICE),
        intake.remark(late, rules.SPEAKS_OF_ELIMINATED),
    ]


def _recompute(
    register: Register,
    named: pl.DataFrame,
    statements: pl.DataFrame,
    new: pl.DataFrame,
    lead_before: pl.DataFrame,
    lead: pl.DataFrame,
    also: Callable[[], pl.Series] | None,
) -> tuple[dy.DataFrame[Changes], dict[str, int], dict[str, int]]:
    """Bring the states of the touched identities up to date; return what changed, the counts and what is filled."""
    touched = [statements["key"], new["key"]]
    if lead is not lead_before:
        moved = pl.concat([lead, lead_before]).filter(~pl.struct(pl.all()).is_duplicated())
        touched += [moved["key"], moved["survivor"]]
    if also is not None:
        touched.append(also())
    keys = family(pl.concat(touched), lead_before, lead).sort().alias("key").to_frame()
    few = keys.height <= AT_MOST  # they are kept in mind, and must not keep their messages
    new = apart(new) if few else new
    known = keys.join(new, on="key", how="anti")
    old = register.query("SELECT i.* FROM identity i SEMI JOIN known USING (key)", known=known)
    said = register.query("SELECT s.* FROM statement s SEMI JOIN known USING (key)", known=known)
    fresh = statements.join(new, on="key", how="semi")
    said = pl.concat([said, apart(fresh) if few else fresh])
    force = in_force(owned(said, lead))
    after = _states(register, keys, old, new, lead, force)
    before = after.select("key").join(old, on="key", how="left", maintain_order="left")
    existed = before["created_run"].is_not_null()
    created = new.join(said.select("key"), on="key", how="semi", maintain_order="left")
    fields = differences.field_changes(before.filter(existed), after.filter(existed), force)
    parts = [fields, differences.creations(created, force), differences.links(named)]
    names = pl.concat([after.select("key", "domain", "ipp"), _names_said(named)]).unique("key")
    if lead is not lead_before:
        ledger = register.query("SELECT * FROM elimination")
        parts.append(differences.eliminations(lead_before, lead, ledger, names))
    toggled = after.filter(before["active"].ne_missing(after["active"]))["key"]
    changed = pl.concat([fields["key"], new["key"], toggled]).unique()
    run = pl.when(pl.col("key").is_in(changed.implode())).then(pl.lit(register.run, pl.UInt32))
    after = after.with_columns(changed_run=run.otherwise(pl.col("changed_run"))).select(TABLE["identity"].names)
    filled = _write(register, old.select(after.columns), after)
    read = Recalled(after, said) if few else None
    register.recalled = register.recalled.then(read) if read and register.recalled else read
    changes = differences.as_changes(register, parts, names, since=register.run or 0)
    return changes, {"created": created.height, "modified": fields["key"].n_unique()}, filled


def _names_said(named: pl.DataFrame) -> pl.DataFrame:
    merged = named.select(key="merged_key", domain="merged_domain", ipp="merged_ipp")
    return pl.concat([named.select("key", "domain", "ipp"), merged.drop_nulls("key")])


def _states(
    register: Register, keys: pl.DataFrame, old: pl.DataFrame, new: pl.DataFrame, lead: pl.DataFrame, force: InForce
) -> pl.DataFrame:
    """Return the rows of ``identity`` for the keys, in their order; ``changed_run`` is still the old one."""
    run = pl.lit(register.run, pl.UInt32)
    known = old.select("key", "domain", "ipp", "created_run", "changed_run")
    names = pl.concat([known, new.select("key", "domain", "ipp", created_run=run, changed_run=run)])
    return (
        keys.join(names, on="key", how="left", maintain_order="left")
        .join(force.states.rename({"owner": "key"}), on="key", how="left", maintain_order="left")
        .with_columns(
            driven=pl.col("driven").fill_null(0),
            active=pl.col("driven").is_not_null() & ~pl.col("key").is_in(lead["key"].implode()),
        )
    )


def _write(register: Register, old: pl.DataFrame, after: pl.DataFrame) -> dict[str, int]:
    """Replace the rows of ``identity`` that are not what they were; return what is filled (see ``Folding``)."""
    rows = after.join(old, on=after.columns, how="anti", nulls_equal=True)
    replaced = old.join(rows.select("key"), on="key", how="semi")
    register.delete("identity", replaced.select("key"))
    register.insert("identity", rows)
    before, now = (
        part.filter("active").select((pl.col(IDENTITY_FIELDS) != "").sum().cast(pl.Int64)).row(0, named=True)
        for part in (replaced, rows)
    )
    return {name: now[name] - before[name] for name in IDENTITY_FIELDS}
