"""What a batch changed: one row a field, with the message that made it so."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from insvigil.frames import IDENTITY_FIELDS, Changes
from insvigil.register.opening import Register
from insvigil.register.statements import InForce, in_order
from insvigil.register.triggers import LINKS, MERGE
from insvigil.texts import apart

_CHANGE = {"key": pl.UInt32, "field": pl.String, "old": pl.String, "new": pl.String}
_TOLD = {
    "message_time": pl.Datetime("us"),
    "trigger": pl.String,
    "sender": pl.String,
    "control_id": pl.String,
    "run": pl.UInt32,
}


def field_changes(before: pl.DataFrame, after: pl.DataFrame, force: InForce) -> pl.DataFrame:
    """Return the fields that differ (key, field, old, new, message_time, trigger, sender, control_id).

    ``before`` and ``after`` hold the same keys in the same order; a field emptied because the statement that held it
    went to another identity (a merge learnt late) names no message.
    """
    origins = pl.concat([force.states.select(key="owner"), force.origins], how="horizontal")
    origins = after.select("key").join(origins, on="key", how="left", maintain_order="left")
    parts = [pl.DataFrame(schema=_CHANGE | {"origin": pl.UInt32})]
    for field in IDENTITY_FIELDS:
        differs = before[field].ne_missing(after[field])
        if differs.any():
            parts.append(
                pl.DataFrame(
                    [
                        after["key"],
                        pl.repeat(field, after.height, eager=True).alias("field"),
                        before[field].alias("old"),
                        after[field].alias("new"),
                        origins[field].alias("origin"),
                    ]
                ).filter(differs)
            )
    found = pl.concat(parts)
    told = [force.ordered[name].gather(found["origin"]) for name in _TOLD]
    return found.drop("origin").with_columns(told)


def creations(created: pl.DataFrame, force: InForce) -> pl.DataFrame:
    """Return one row an identity created (``created``: key, ipp)."""
    feed_first = force.ordered.sort("driver", descending=True, maintain_order=True)
    first = feed_first.unique("owner", keep="first", maintain_order=True).select(*_TOLD, key="owner")
    rows = created.select("key", field=pl.lit("ipp"), old=pl.lit(None, pl.String), new="ipp")
    return rows.join(first, on="key", how="left", maintain_order="left")


def eliminations(before: pl.DataFrame, lead: pl.DataFrame, ledger: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """Return one row an IPP that leads elsewhere than before; ``names``: key, ipp of all concerned."""
    moves = lead.select("key", "survivor").join(
        before.select("key", was="survivor"), on="key", how="full", coalesce=True
    )
    moves = moves.filter(pl.col("survivor").ne_missing(pl.col("was")))
    ipp = names.select("key", "ipp")
    told = in_order(ledger).unique(["key", "survivor"], keep="first", maintain_order=True)
    found = (
        moves.join(told.select("key", "survivor", "rename", *_TOLD), on=["key", "survivor"], how="left")
        .join(ipp.rename({"key": "survivor", "ipp": "new"}), on="survivor", how="left")
        .join(ipp.rename({"key": "was", "ipp": "old"}), on="was", how="left")
        .join(ipp.rename({"ipp": "own"}), on="key", how="left")
    )
    merged = found.select("key", *_TOLD, "old", "new", field=pl.lit("merged_into"))
    renamed = found.filter("rename").select(*_TOLD, key="survivor", old="own", new="new", field=pl.lit("ipp"))
    return pl.concat([merged, renamed], how="diagonal")


def links(named: pl.DataFrame) -> pl.DataFrame:
    """Return two rows a link (A24) or unlink (A37): each side names the other."""
    found = named.filter(pl.col("trigger").is_in(LINKS))
    linked = pl.col("trigger") == "A24"
    sides = [
        found.select(
            *_TOLD, key=here, field=pl.lit("linked_to"),
            old=pl.when(~linked).then(pl.col(there)), new=pl.when(linked).then(pl.col(there)),
        )
        for here, there in (("key", "merged_ipp"), ("merged_key", "ipp"))
    ]  # fmt: skip
    return pl.concat(sides)


def as_changes(
    register: Register, parts: list[pl.DataFrame], names: pl.DataFrame, *, since: int
) -> dy.DataFrame[Changes]:
    """Return the parts as one frame of changes, by domain, IPP and field.

    A change was learnt in the run of the message that made it, or in run ``since`` when an older message came to count
    because of a merge learnt then.
    """
    columns = [*_CHANGE, *_TOLD]
    found = pl.concat([part.select(columns).cast(_CHANGE | _TOLD) for part in parts])  # type: ignore[arg-type]
    found = found.with_columns(run=pl.max_horizontal("run", pl.lit(since, pl.UInt32)))
    times = register.query("SELECT run, started AS known_at FROM run WHERE run >= $since", {"since": since})
    found = found.join(names.select("key", "domain", "ipp"), on="key", how="left").join(times, on="run", how="left")
    told = (
        found.rename({"message_time": "valid_at"})
        .with_columns(pl.col("trigger").fill_null(MERGE), pl.col("sender").fill_null(""))
        .select(Changes.column_names())
        .sort("domain", "ipp", "field", "valid_at")
    )
    return Changes.validate(apart(told))
