"""The ledger of statuses: what moved tonight, what moved since the beginning, and what stands.

Two ways to make it, one shape (``StatusLedger``): ``transitions`` compares the present base with the last rows of the
ledger; ``status_history`` replays the ledger of folding message by message, which dates a first load exactly.

A status claimed by a transition that is not in the table is refused: the row says so, and the identity keeps the
status it had until a message claims a possible one (``kept``).
"""

from __future__ import annotations

from datetime import datetime

import dataframely as dy
import numpy as np
import polars as pl
from numpy.typing import NDArray

from insvigil.frames import IDENTITY_FIELDS, Anomalies, Changes, Identities, Statuses, StatusLedger
from insvigil.qualif.evidence import in_base, known, observe
from insvigil.qualif.history import RANK
from insvigil.qualif.milestones import ANSWER, MILESTONES, OBSERVED, milestones, reached
from insvigil.qualif.rules import IMPOSSIBLE_TRANSITION
from insvigil.qualif.statuses import decide, judge, source_of
from insvigil.qualif.transitions import NO_LOSS, loss, named, possible
from insvigil.settings import QualifSettings
from insvigil.vocabulary import DELETED, Severity, Status

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
    before = standing.select(*_KEY, from_status="to_status", before_at="at", was="counted", before_refused="refused")
    moved = present.join(before, on=_KEY, how="left").filter(
        pl.col("status").ne_missing(pl.col("from_status"))
        | pl.col("counted").ne_missing(pl.col("was"))
        | pl.col("before_refused").is_not_null()
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
        refused=pl.lit(None, dtype=pl.Enum(Status)),
    )
    columns = StatusLedger.column_names()
    rows = pl.concat([told, named(moves).filter(_says_more()).select(columns), gone.select(columns)])
    return StatusLedger.validate(rows.sort("at", *_KEY, maintain_order=True))


def current(ledger: pl.DataFrame) -> pl.DataFrame:
    """Return the last row of each identity still in the base: the ledger replayed."""
    rows = ledger.group_by(_KEY, maintain_order=True).last().select(ledger.columns)
    return rows.filter(pl.col("to_status").is_not_null())


def kept(
    statuses: dy.DataFrame[Statuses], identities: dy.DataFrame[Identities], ledger: dy.DataFrame[StatusLedger]
) -> dy.DataFrame[Statuses]:
    """Return the statuses with, where the ledger refuses the one claimed, the one it keeps.

    ``statuses`` is what the fields say, row for row with ``identities``; ``ledger``, or only its last rows, is up to
    date with them.
    """
    held = _standing_refusals(ledger).select(*_KEY, "refused", kept="to_status")
    if held.is_empty():
        return statuses
    found = identities.select(_KEY).join(held, on=_KEY, how="left", maintain_order="left")
    stays = (statuses["status"] == found["refused"]).fill_null(False)
    status = pl.when(stays).then(found["kept"]).otherwise(pl.col("status"))
    return Statuses.validate(
        statuses.with_columns(
            status=status,
            insi_recovered=status.is_in([Status.RECUPEREE, Status.QUALIFIEE]),
            document_controlled=status.is_in([Status.VALIDEE, Status.QUALIFIEE]),
            # A refused status is never one that a qualified identity keeps.
            ins_transmissible=pl.col("ins_transmissible") & ~stays,
            anomaly=pl.coalesce("anomaly", pl.when(stays).then(pl.lit(IMPOSSIBLE_TRANSITION))),
        )
    )


def refusals(identities: dy.DataFrame[Identities], ledger: dy.DataFrame[StatusLedger]) -> dy.DataFrame[Anomalies]:
    """Return the anomaly of each identity whose source claims, tonight still, a status that is refused."""
    rows = identities.select("identity_id", *_KEY).join(_standing_refusals(ledger), on=_KEY, how="semi")
    return Anomalies.validate(
        rows.select(
            code=pl.lit(IMPOSSIBLE_TRANSITION),
            severity=pl.lit(Severity.ANOMALY.value).cast(pl.Enum(Severity)),
            identity_id="identity_id",
            other_id=pl.lit(None, dtype=pl.UInt32),
            domain="domain",
            ipp="ipp",
            subject=pl.lit(None, dtype=pl.String),
        )
    )


def _standing_refusals(ledger: pl.DataFrame) -> pl.DataFrame:
    last = ledger.filter(pl.col("refused").is_not_null().any().over(_KEY)) if ledger.height else ledger
    return current(last).filter(pl.col("refused").is_not_null())


def status_history(
    changes: dy.DataFrame[Changes] | pl.LazyFrame, settings: QualifSettings, *, production: bool = True
) -> dy.DataFrame[StatusLedger]:
    """Return the whole ledger, replayed from the ledger of folding: one row a message that moved a status.

    An identity leaves the base (``to_status`` null) when it is merged. Sorted by time, then by identity.
    """
    return _moves(_steps(changes, settings, production), StatusLedger.create_empty())


def _steps(changes: pl.DataFrame | pl.LazyFrame, settings: QualifSettings, production: bool) -> pl.DataFrame:
    """Return the status after each message, with the facts it rests on, by identity and time."""
    ledger = _dated(changes.lazy())
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
    return pl.concat([seen, gone], how="diagonal_relaxed").sort(*_KEY, "at", maintain_order=True)


def _moves(steps: pl.DataFrame, last: pl.DataFrame) -> dy.DataFrame[StatusLedger]:
    """Return the steps that moved a status, each following from the one before, the first from the row of ``last``.

    A message that arrives late, older than the last row written, changes nothing of the past: the ledger only grows.
    """
    before = last.select(*_KEY, last_at="at", stood="to_status", was="counted", was_refused="refused")
    fresh = steps.join(before, on=_KEY, how="left", maintain_order="left")
    fresh = fresh.filter(pl.col("last_at").is_null() | (pl.col("at") > pl.col("last_at")))
    fresh = fresh.with_columns(held=_held(fresh))
    refused = pl.when(pl.col("held").ne_missing(pl.col("to_status"))).then("to_status")
    chained = fresh.with_columns(
        from_status=pl.when(_first()).then(pl.col("stood")).otherwise(pl.col("held").shift(1)),
        was=pl.when(_first()).then(pl.col("was")).otherwise(pl.col("counted").shift(1)),
        before_refused=pl.when(_first()).then(pl.col("was_refused")).otherwise(refused.shift(1)),
    )
    moved = (
        pl.col("to_status").ne_missing(pl.col("from_status"))
        | pl.col("counted").ne_missing(pl.col("was"))
        | pl.col("before_refused").is_not_null()
    )
    # An identity that was never there does not leave.
    moves = chained.filter(moved, pl.col("from_status").is_not_null() | pl.col("to_status").is_not_null())
    rows = named(moves).filter(_says_more()).select(StatusLedger.column_names())
    return StatusLedger.validate(rows.sort("at", *_KEY, maintain_order=True))


def _says_more() -> pl.Expr:
    """Return whether a named move says more than the row before: another status, count, or status refused."""
    return (
        pl.col("to_status").ne_missing(pl.col("from_status"))
        | pl.col("counted").ne_missing(pl.col("was"))
        | pl.col("refused").ne_missing(pl.col("before_refused"))
    )


def _held(steps: pl.DataFrame) -> pl.Series:
    """Return the status each step leaves its identity with: the one claimed, or the one before when it is refused."""
    from insvigil.qualif.kernels.holding import hold

    held = np.empty(steps.height, np.uint8)
    hold(
        steps.select(_first()).to_series().to_numpy(writable=True),
        _ranks(steps["to_status"]),
        steps.select(loss().fill_null(NO_LOSS)).to_series().to_numpy(writable=True),
        _ranks(steps["stood"]),
        possible(),
        held,
    )
    return pl.Series([*RANK, None], dtype=pl.Enum(Status)).gather(pl.Series(held))


def _ranks(status: pl.Series) -> NDArray[np.uint8]:
    """Return the rank of each status, the number of statuses for « not in the base »."""
    text = status.cast(pl.String)
    return text.replace_strict(RANK, default=len(RANK), return_dtype=pl.UInt8).to_numpy(writable=True)


def _dated(changes: pl.LazyFrame) -> pl.LazyFrame:
    """Return the changes with ``at``; an answer of INSi never comes before the first message of its identity."""
    dated = changes.with_columns(at=pl.coalesce("valid_at", "known_at"))
    answer = pl.col("field") == ANSWER
    first = dated.filter(~answer).group_by(_KEY).agg(first=pl.col("at").min())
    answers = dated.filter(answer).join(first, on=_KEY).with_columns(at=pl.max_horizontal("at", "first")).drop("first")
    return pl.concat([dated.filter(~answer), answers])


def _states(ledger: pl.LazyFrame) -> pl.DataFrame:
    """Return what was known of each identity after each message: (domain, ipp, at) and the identity fields."""
    said = pl.col("new").fill_null(DELETED)
    after = (
        ledger.filter(pl.col("field").is_in([*OBSERVED, ANSWER]))
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
    marked = milestones(ledger, listed).collect(engine="in-memory")
    so_far = (
        states.select(*_KEY, "at")
        .join(marked, on=[*_KEY, "at"], how="left", maintain_order="left")
        .with_columns(_carried(name) for name in MILESTONES)
    )
    facts = observe(states, settings, production=production)
    return facts.with_columns(so_far.select(**reached()))


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
