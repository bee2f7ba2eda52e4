"""What is in force: for each field, the value stated last.

A *statement* is what one message says of one identity. The state of an identity is a pure function of the set of its
statements: a field holds what was stated last by ``(message_time, sender, control_id)``, so neither the order of
arrival nor a repetition can change it. Movements (ITI-31) come before the identity feed in that order: they fill what
the feed never spoke of (``docs/decisions/0400-state-is-a-function-of-statements.md``).
"""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from insvigil.frames import IDENTITY_FIELDS
from insvigil.vocabulary import DELETED, IdentityCode

UNITS: dict[str, tuple[str, ...]] = {
    "matricule": ("matricule_oid",),
    "identity_code": ("attributes",),
    "birth_place": ("birth_place_name",),
    "document": ("document_expiry",),
}
"""Parts of one HL7 field: when the first is stated, the parts left empty are deleted with the old value."""

ADDRESS = ("address", "postal_code", "city", "country")
"""One address: a new one never keeps a line of the old one."""

GUARDED = ("matricule", "matricule_oid", "identity_code", "attributes")
"""What movements may not fill once the identity feed knows the identity."""

DRIVEN_BIT = 1 << 63
BITS: dict[str, int] = {field: 1 << place for place, field in enumerate(IDENTITY_FIELDS)}
GUARDED_BITS = sum(BITS[field] for field in GUARDED)

STAMP = ("arrival", "run", "message_time", "sender", "control_id", "trigger")


class InForce(NamedTuple):
    """The states of the owners, row for row: values, where each comes from, and the statements in their order."""

    states: pl.DataFrame  # owner, created_at, updated_at, driven, then the identity fields
    origins: pl.DataFrame  # one column a field: row of `ordered` that holds it, null when never stated
    ordered: pl.DataFrame


def columns_of(fields: tuple[str, ...]) -> tuple[str, ...]:
    """Return the columns of ``statement`` that tell the story of some fields: reading them all takes twice as long."""
    return "key", "driver", *STAMP, *dict.fromkeys((*fields, *GUARDED))


def columns_for(fields: tuple[str, ...]) -> str:
    """Return them as they are asked of ``statement s``."""
    return ", ".join(f"s.{name}" for name in columns_of(fields))


def complete_units(statements: pl.DataFrame) -> pl.DataFrame:
    """Return the statements with the parts of a restated field deleted when it does not give them."""
    parts = {part: pl.col(head).is_not_null() for head, tail in UNITS.items() for part in tail}
    address = pl.any_horizontal(pl.col(part).is_not_null() for part in ADDRESS)
    parts |= dict.fromkeys(ADDRESS, address)
    withdrawn = pl.col("matricule") == DELETED
    return statements.with_columns(
        pl.when(pl.col("matricule").is_null()).then(None).when(withdrawn).then(pl.lit(DELETED))
        .otherwise(pl.col("matricule_oid")).alias("matricule_oid")
    ).with_columns(
        pl.when(stated & pl.col(part).is_null()).then(pl.lit(DELETED)).otherwise(pl.col(part)).alias(part)
        for part, stated in parts.items()
    )  # fmt: skip


def stated_bits() -> pl.Expr:
    """Return the expression of the fields a statement gives, one bit each."""
    return pl.sum_horizontal(
        pl.when(pl.col(field).is_not_null()).then(pl.lit(bit, pl.UInt64)).otherwise(pl.lit(0, pl.UInt64))
        for field, bit in BITS.items()
    ).cast(pl.UInt64)


def in_order(frame: pl.DataFrame, *first: str) -> pl.DataFrame:
    """Return the rows sorted by ``first``, then from the one said first to the one said last.

    Times without a value come first; of two control ids the longer is the later, since they mostly count.
    """
    length = pl.col("control_id").str.len_bytes().fill_null(0)
    by = [*(pl.col(name) for name in first), pl.col("message_time"), pl.col("sender"), length, "control_id", "arrival"]
    return frame.sort(by, nulls_last=False)


def winners(ordered: pl.DataFrame, group: str, fields: tuple[str, ...]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the last row in which each field of each group has a value, without looping over groups.

    ``ordered`` is sorted by ``group``. The first frame has one row a group: its name, ``start`` and ``last`` row. The
    second has one column a field: the row number (UInt32), null when the group never gives that field.
    """
    edge = pl.col(group).ne(pl.col(group).shift(1)).fill_null(value=True)
    numbered = ordered.with_row_index("row")
    starts = numbered.filter(edge).select(group, start="row")
    spans = starts.with_columns(last=pl.col("start").shift(-1, fill_value=ordered.height) - 1)
    last = spans["last"]
    rows = numbered.select(
        pl.when(pl.col(field).is_not_null()).then(pl.col("row")).forward_fill().gather(last).alias(field)
        for field in fields
    )
    start = spans["start"]
    origins = rows.select(pl.when(pl.col(field) >= start).then(pl.col(field)).alias(field) for field in fields)
    return spans, origins


def values(ordered: pl.DataFrame, origins: pl.DataFrame) -> pl.DataFrame:
    """Return the values found at ``origins``, deletions turned into null."""
    found = pl.DataFrame([ordered[field].gather(origins[field]) for field in origins.columns])
    texts = [name for name, kind in found.schema.items() if kind == pl.String]
    return found.with_columns(pl.when(pl.col(name) != DELETED).then(pl.col(name)).alias(name) for name in texts)


def settled(statements: pl.DataFrame) -> pl.DataFrame:
    """Return the statements (owner, driver, stamp, identity fields) in their order, two rules of the trade applied.

    - Once the identity feed knows an identity, movements say nothing of its INS nor of its status.
    - An INS given with another code than VALI should never have been taken in (PAM FR §6.6.15): it stays visible as
      an anomaly, and goes when a later message validates the identity without giving it again.
    """
    ordered = in_order(statements, "owner", "driver").with_row_index("row")
    edge = pl.col("owner").ne_missing(pl.col("owner").shift(1))
    end = pl.col("owner").ne_missing(pl.col("owner").shift(-1))
    ordered = ordered.with_columns(
        start=pl.when(edge).then(pl.col("row")).forward_fill(),
        known=pl.when(end).then(pl.col("driver")).backward_fill(),
    )
    mute = pl.col("known") & ~pl.col("driver")
    ordered = ordered.with_columns(pl.when(~mute).then(pl.col(field)).alias(field) for field in GUARDED)
    ordered = ordered.with_columns(
        ins=pl.when(pl.col("matricule").is_not_null()).then(pl.col("row")).forward_fill().shift(1)
    )
    code = ordered["identity_code"].gather(ordered["ins"])
    stale = (
        (ordered["identity_code"] == IdentityCode.VALI.value)
        & ordered["matricule"].is_null()
        & (ordered["ins"] >= ordered["start"])
        & (code != IdentityCode.VALI.value)
    ).fill_null(value=False)
    return ordered.with_columns(
        pl.when(stale).then(pl.lit(DELETED)).otherwise(pl.col(field)).alias(field)
        for field in ("matricule", "matricule_oid")
    ).drop("row", "start", "ins")


def in_force(statements: pl.DataFrame) -> InForce:
    """Return the state of each ``owner`` of ``statements`` (columns: owner, driver, stamp, identity fields)."""
    ordered = settled(statements)
    spans, origins = winners(ordered, "owner", IDENTITY_FIELDS)
    times = ordered.group_by("owner").agg(
        known=pl.col("known").first(),
        fillers=(~pl.col("driver")).sum(),
        first=pl.coalesce(pl.col("message_time").filter(pl.col("driver")).min(), pl.col("message_time").min()),
    )
    spans = spans.join(times, on="owner", how="left", maintain_order="left")
    driver_start = spans["start"] + spans["fillers"]
    latest = origins.select(pl.max_horizontal(pl.all())).to_series()
    driven = origins.select(
        pl.sum_horizontal(
            (pl.col(field) >= driver_start).fill_null(value=False).cast(pl.UInt64) * bit for field, bit in BITS.items()
        ).cast(pl.UInt64)
    ).to_series()
    states = spans.select(
        "owner",
        created_at="first",
        updated_at=ordered["message_time"].gather(latest),
        driven=driven + spans["known"].cast(pl.UInt64) * pl.Series([DRIVEN_BIT], dtype=pl.UInt64),
    )
    return InForce(pl.concat([states, values(ordered, origins)], how="horizontal"), origins, ordered)


def story(ordered: pl.DataFrame, fields: tuple[str, ...] = IDENTITY_FIELDS) -> pl.DataFrame:
    """Return one row a field that a message changed, in the order in which it became true.

    ``ordered`` comes from ``settled``; the columns it has besides identity fields are kept, ``field``, ``old`` and
    ``new`` (null: deleted) are added. The last row of a field of an owner is its value in force.
    """
    kept = [name for name in ordered.columns if name not in IDENTITY_FIELDS]
    ordered = ordered.with_row_index("row")
    parts = []
    for field in fields:
        said = ordered.filter(pl.col(field).is_not_null()).select("row", *kept, new=pl.col(field))
        spoken = pl.col("message_time").filter(pl.col("driver")).min().over("owner")
        voiced = pl.col("driver").any().over("owner")
        said = said.filter(pl.col("driver") | ~voiced | (pl.col("message_time") < spoken).fill_null(value=False))
        said = said.sort("owner", "message_time", "row", nulls_last=False).with_columns(
            pl.when(pl.col("new") != DELETED).then(pl.col("new")).alias("new")
        )
        said = said.with_columns(old=pl.col("new").shift(1).over("owner"), field=pl.lit(field))
        parts.append(said.filter(pl.col("new").ne_missing(pl.col("old"))))
    return pl.concat(parts).sort("owner", "message_time", "row", "field", nulls_last=False).drop("row")
