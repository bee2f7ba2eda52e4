"""The ledger of statuses: what moved tonight, what moved since the beginning, and what stands.

Two ways to make it, one shape (``StatusLedger``): ``transitions`` compares the present base with the last rows of the
ledger; ``status_history`` replays the ledger of folding message by message, which dates a first load exactly.
"""

from __future__ import annotations

from datetime import datetime

import dataframely as dy
import polars as pl

from insvigil.frames import IDENTITY_FIELDS, Changes, Identities, Statuses, StatusLedger
from insvigil.qualif.evidence import in_base, known, observe
from insvigil.qualif.milestones import MILESTONES, OBSERVED, milestones, strict_changed, withdrawn
from insvigil.qualif.statuses import decide, judge, source_of
from insvigil.qualif.transitions import named
from insvigil.settings import QualifSettings
from insvigil.vocabulary import DELETED, Status

_KEY = ("domain", "ipp")


def transitions(
    previous: dy.DataFrame[StatusLedger],
    identities: dy.DataFrame[Identities],
    statuses: dy.DataFrame[Statuses],
    now: datetime,
    *,
    settings: QualifSettings,
    changes: dy.DataFrame[Changes] | pl.LazyFrame | None = None,
    production: bool = True,
) -> dy.DataFrame[StatusLedger]:
    """Return the rows to append to the ledger: what moved since ``previous``, in order of time.

    ``previous`` is the ledger, or only the last row of each identity; ``identities`` and ``statuses`` are the whole
    base, row for row. ``changes`` is the story of the identities spoken of in this run
    (``register.changes(register, since=register.run, fields=OBSERVED)``): each of their messages is dated, so that a
    first load of a year keeps its dates. Without it an identity has at most one row, dated by its last message when
    that is later than the row before, else ``now``.
    """
    last = current(previous)
    told = StatusLedger.create_empty()
    if changes is not None:
        steps = _steps(changes, settings, production).filter(pl.col("at") <= now)
        told = _moves(steps, last)
    standing = current(pl.concat([last, told]))
    present = identities.select("identity_id", *_KEY, "updated_at", counted=in_base()).with_columns(statuses["status"])
    before = standing.select(*_KEY, from_status="to_status", before_at="at", before_counted="counted")
    moved = present.join(before, on=_KEY, how="left").filter(
        pl.col("status").ne_missing(pl.col("from_status")) | pl.col("counted").ne_missing(pl.col("before_counted"))
    )
    subset = identities.join(moved, on="identity_id", how="semi", maintain_order="left")
    facts = judge(subset, settings, changes=changes, production=production)
    later = (pl.col("updated_at") > pl.col("before_at").fill_null(_NEVER)) & (pl.col("updated_at") <= now)
    moves = (
        facts.drop("status", "counted")
        .join(moved, on="identity_id")
        .with_columns(
            to_status=pl.col("status"),
            source=source_of(),
            at=pl.when(later).then(pl.col("updated_at")).otherwise(pl.lit(now).cast(pl.Datetime("us"))),
        )
    )
    gone = standing.join(present, on=_KEY, how="anti").with_columns(
        at=pl.lit(now).cast(pl.Datetime("us")),
        from_status=pl.col("to_status"),
        to_status=pl.lit(None, dtype=pl.Enum(Status)),
        counted=pl.lit(False),
        evidence=pl.lit("left"),
        anomaly=pl.lit(None, dtype=pl.String),
    )
    columns = StatusLedger.column_names()
    rows = pl.concat([told, named(moves).select(columns), gone.select(columns)])
    return StatusLedger.validate(rows.sort("at", *_KEY, maintain_order=True))


def current(ledger: pl.DataFrame) -> pl.DataFrame:
    """Return the last row of each identity still in the base: the ledger replayed."""
    rows = ledger.group_by(_KEY, maintain_order=True).last().select(ledger.columns)
    return rows.filter(pl.col("to_status").is_not_null())


def status_history(
    changes: dy.DataFrame[Changes] | pl.LazyFrame, settings: QualifSettings, *, production: bool = True
) -> dy.DataFrame[StatusLedger]:
    """Return the whole ledger, replayed from the ledger of folding: one row a message that moved a status.

    An identity leaves the base (``to_status`` null) when it is merged. Sorted by time, then by identity.
    """
    return _moves(_steps(changes, settings, production), StatusLedger.create_empty())


def _steps(changes: pl.DataFrame | pl.LazyFrame, settings: QualifSettings, production: bool) -> pl.DataFrame:
    """Return the status after each message, with the facts it rests on, by identity and time."""
    ledger = changes.lazy().with_columns(at=pl.coalesce("valid_at", "known_at"))
    states = _states(ledger)
    judged = decide(_facts(states, ledger, settings, production), settings).with_columns(
        to_status=pl.col("status").cast(pl.Enum(Status)), source=source_of()
    )
    seen = pl.concat([states.select(*_KEY, "at"), judged], how="horizontal")
    gone = (
        ledger.filter(pl.col("field") == "merged_into", pl.col("new").is_not_null())
        .select(*_KEY, "at", to_status=pl.lit(None, dtype=pl.Enum(Status)), counted=pl.lit(False), source=pl.lit("pam"))
        .collect(engine="in-memory")
    )
    return pl.concat([seen, gone], how="diagonal").sort(*_KEY, "at", maintain_order=True)


def _moves(steps: pl.DataFrame, last: pl.DataFrame) -> dy.DataFrame[StatusLedger]:
    """Return the steps that moved a status, each following from the one before, the first from the row of ``last``.

    A message that arrives late, older than the last row written, changes nothing of the past: the ledger only grows.
    """
    before = last.select(*_KEY, last_at="at", stood="to_status", was="counted")
    fresh = steps.join(before, on=_KEY, how="left", maintain_order="left")
    fresh = fresh.filter(pl.col("last_at").is_null() | (pl.col("at") > pl.col("last_at")))
    chained = fresh.with_columns(
        from_status=pl.when(_first()).then(pl.col("stood")).otherwise(pl.col("to_status").shift(1)),
        was=pl.when(_first()).then(pl.col("was")).otherwise(pl.col("counted").shift(1)),
    )
    moved = pl.col("to_status").ne_missing(pl.col("from_status")) | pl.col("counted").ne_missing(pl.col("was"))
    # An identity that was never there does not leave.
    moves = chained.filter(moved, pl.col("from_status").is_not_null() | pl.col("to_status").is_not_null())
    rows = named(moves).select(StatusLedger.column_names())
    return StatusLedger.validate(rows.sort("at", *_KEY, maintain_order=True))


def _states(ledger: pl.LazyFrame) -> pl.DataFrame:
    """Return what was known of each identity after each message: (domain, ipp, at) and the identity fields."""
    said = pl.col("new").fill_null(DELETED)
    after = (
        ledger.filter(pl.col("field").is_in(OBSERVED))
        .group_by(*_KEY, "at", maintain_order=True)
        .agg(said.filter(pl.col("field") == field).last().alias(field) for field in OBSERVED)
        .sort(*_KEY, "at", maintain_order=True)
        .with_columns(_carried(field) for field in OBSERVED)
    )
    blank = [pl.lit(None, dtype=pl.String).alias(field) for field in IDENTITY_FIELDS if field not in OBSERVED]
    created = pl.when(_first()).then(pl.col("at")).forward_fill()
    return (
        after.with_columns(*blank, created_at=created, updated_at=pl.col("at"))
        .with_row_index("identity_id")
        .collect(engine="in-memory")
    )


def _facts(states: pl.DataFrame, ledger: pl.LazyFrame, settings: QualifSettings, production: bool) -> pl.DataFrame:
    listed = states.lazy().group_by(_KEY).agg(known("given_names").last())
    reached = milestones(ledger, listed).collect(engine="in-memory")
    so_far = (
        states.select(*_KEY, "at")
        .join(reached, on=[*_KEY, "at"], how="left", maintain_order="left")
        .with_columns(_carried(name) for name in MILESTONES)
    )
    facts = observe(states, settings, production=production)
    return facts.with_columns(so_far.select(withdrawn=withdrawn(), strict_changed=strict_changed()))


def _first() -> pl.Expr:
    """Return whether a row is the first of its identity; rows are sorted by identity."""
    edge = (pl.col("domain") != pl.col("domain").shift(1)) | (pl.col("ipp") != pl.col("ipp").shift(1))
    return edge.fill_null(True)


def _carried(name: str) -> pl.Expr:
    """Return the last value of a column within its identity: ``forward_fill`` over it, at a fifth of its cost."""
    row = pl.int_range(pl.len())
    held = pl.when(pl.col(name).is_not_null()).then(row).forward_fill()
    start = pl.when(_first()).then(row).forward_fill()
    return pl.col(name).gather(pl.when(held >= start).then(held)).alias(name)


_NEVER = pl.lit(0).cast(pl.Datetime("us"))
