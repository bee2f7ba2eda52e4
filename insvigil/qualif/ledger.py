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
from insvigil.qualif.milestones import MILESTONES, milestones, strict_changed, withdrawn
from insvigil.qualif.statuses import decide, judge, source_of
from insvigil.qualif.transitions import named
from insvigil.settings import QualifSettings
from insvigil.vocabulary import DELETED, Status

_KEY = ("domain", "ipp")
_OBSERVED = (
    "birth_name",
    "first_given_name",
    "given_names",
    "birth_date",
    "birth_date_corrected",
    "sex",
    "birth_place",
    "matricule",
    "matricule_oid",
    "identity_code",
    "attributes",
    "collection_mode",
    "insi_date",
    "document",
    "document_expiry",
)
"""The fields a status rests on."""


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
    base, row for row. An identity seen for the first time brings its whole history when ``changes`` is given, so that
    a first load of a year keeps its dates; else it has one row. A row is dated by the last message of the identity
    when that is later than the row before, else ``now``.
    """
    last = current(previous)
    present = identities.select("identity_id", *_KEY, "updated_at", counted=in_base()).with_columns(statuses["status"])
    history = StatusLedger.create_empty()
    if changes is not None:
        new = present.join(last, on=_KEY, how="anti").lazy().select(_KEY)
        history = status_history(changes.lazy().join(new, on=_KEY, how="semi"), settings, production=production)
    before = pl.concat([last, current(history)]).select(
        *_KEY, from_status="to_status", before_at="at", before_counted="counted"
    )
    moved = present.join(before, on=_KEY, how="left").filter(
        pl.col("status").ne_missing(pl.col("from_status")) | pl.col("counted").ne_missing(pl.col("before_counted"))
    )
    subset = identities.join(moved, on="identity_id", how="semi", maintain_order="left")
    facts = judge(subset, settings, changes=changes, production=production)
    later = pl.col("updated_at") > pl.col("before_at").fill_null(pl.lit(0).cast(pl.Datetime("us")))
    moves = (
        facts.drop("status", "counted")
        .join(moved, on="identity_id")
        .with_columns(
            to_status=pl.col("status"),
            source=source_of(),
            at=pl.when(later).then(pl.col("updated_at")).otherwise(pl.lit(now).cast(pl.Datetime("us"))),
        )
    )
    gone = last.join(present, on=_KEY, how="anti").with_columns(
        at=pl.lit(now).cast(pl.Datetime("us")),
        from_status=pl.col("to_status"),
        to_status=pl.lit(None, dtype=pl.Enum(Status)),
        counted=pl.lit(False),
        evidence=pl.lit("left"),
        anomaly=pl.lit(None, dtype=pl.String),
    )
    columns = StatusLedger.column_names()
    rows = pl.concat([history, named(moves).select(columns), gone.select(columns)])
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
    ledger = changes.lazy().with_columns(at=pl.coalesce("valid_at", "known_at"))
    states = _states(ledger)
    if states.is_empty():
        return StatusLedger.create_empty()
    facts = states.select(*_KEY, "at").hstack(decide(_facts(states, ledger, settings, production), settings))
    seen = facts.with_columns(to_status=pl.col("status").cast(pl.Enum(Status)), source=source_of())
    gone = (
        ledger.filter(pl.col("field") == "merged_into", pl.col("new").is_not_null())
        .select(*_KEY, "at", to_status=pl.lit(None, dtype=pl.Enum(Status)), counted=pl.lit(False), source=pl.lit("pam"))
        .collect(engine="in-memory")
    )
    steps = pl.concat([seen, gone], how="diagonal").sort(*_KEY, "at", maintain_order=True)
    same = pl.col("to_status").eq_missing(pl.col("to_status").shift(1).over(_KEY))
    same &= pl.col("counted").eq_missing(pl.col("counted").shift(1).over(_KEY))
    moves = steps.filter(~same | (pl.int_range(pl.len()).over(_KEY) == 0)).with_columns(
        from_status=pl.col("to_status").shift(1).over(_KEY)
    )
    rows = named(moves).select(StatusLedger.column_names())
    return StatusLedger.validate(rows.sort("at", *_KEY, maintain_order=True))


def _states(ledger: pl.LazyFrame) -> pl.DataFrame:
    """Return what was known of each identity after each message: (domain, ipp, at) and the identity fields."""
    said = pl.col("new").fill_null(DELETED)
    after = (
        ledger.filter(pl.col("field").is_in(_OBSERVED))
        .group_by(*_KEY, "at", maintain_order=True)
        .agg(said.filter(pl.col("field") == field).last().alias(field) for field in _OBSERVED)
        .sort(*_KEY, "at", maintain_order=True)
        .with_columns(pl.col(_OBSERVED).forward_fill().over(_KEY))
    )
    blank = [pl.lit(None, dtype=pl.String).alias(field) for field in IDENTITY_FIELDS if field not in _OBSERVED]
    first = pl.col("at").min().over(_KEY)
    return (
        after.with_columns(*blank, created_at=first, updated_at=pl.col("at"))
        .with_row_index("identity_id")
        .collect(engine="in-memory")
    )


def _facts(states: pl.DataFrame, ledger: pl.LazyFrame, settings: QualifSettings, production: bool) -> pl.DataFrame:
    listed = states.lazy().group_by(_KEY).agg(known("given_names").last())
    reached = milestones(ledger, listed).collect(engine="in-memory")
    so_far = (
        states.select(*_KEY, "at")
        .join(reached, on=[*_KEY, "at"], how="left", maintain_order="left")
        .with_columns(pl.col(MILESTONES).cum_max().forward_fill().over(_KEY))
    )
    facts = observe(states, settings, production=production)
    return facts.with_columns(so_far.select(withdrawn=withdrawn(), strict_changed=strict_changed()))
