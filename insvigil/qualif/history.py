"""The status an identity had on a day: from the ledger when there is one, else the status it has now."""

from __future__ import annotations

import polars as pl

from insvigil.frames import StatusLedger
from insvigil.vocabulary import Status

_SLOTS = ("p", "r", "v", "q")
COUNTS: dict[str, str] = dict(zip(_SLOTS, (status.value for status in Status), strict=True))
"""Short names of the columns that count each status."""


def dated(identities: pl.DataFrame, ledger: pl.DataFrame) -> pl.DataFrame:
    """Return the ledger of the identities given: identity_id, at, to_status, counted; sorted by ``at``."""
    keys = identities.lazy().select("identity_id", "domain", "ipp")
    return (
        ledger.lazy()
        .join(keys, on=["domain", "ipp"], how="inner")
        .select("identity_id", "at", "to_status", "counted")
        .sort("at", maintain_order=True)
        .collect(engine="in-memory")
    )


def status_on(asked: pl.DataFrame, day: str, statuses: pl.DataFrame, history: pl.DataFrame | None) -> pl.DataFrame:
    """Return ``asked`` (with ``identity_id`` and the date column ``day``) and the ``status`` at the end of that day.

    Without ``history`` the present status is taken. With it, an identity that was not known yet has a null status.
    """
    if history is None:
        return asked.join(statuses.select("identity_id", "status"), on="identity_id", how="left")
    instants = asked.with_columns(_until=pl.col(day).cast(pl.Datetime("us")) + pl.duration(days=1)).sort("_until")
    found = instants.join_asof(
        history.select("identity_id", "at", status="to_status"),
        left_on="_until",
        right_on="at",
        by="identity_id",
        strategy="backward",
        allow_exact_matches=False,
        check_sortedness=False,
    )
    return found.drop("_until", "at", strict=False)


def base_by_day(ledger: pl.DataFrame) -> pl.DataFrame:
    """Return, for each day something moved, how many identities of the base had each status at its end.

    Columns: ``day``, then ``p``, ``r``, ``v``, ``q``. Merged identities count until the day they were merged.
    """
    rows = StatusLedger.validate(ledger).sort("domain", "ipp", "at", maintain_order=True)
    before = rows.with_columns(
        status=pl.col("to_status").shift(1).over("domain", "ipp"),
        counted=pl.col("counted").shift(1).over("domain", "ipp"),
        move=pl.lit(-1),
    )
    after = rows.with_columns(status=pl.col("to_status"), move=pl.lit(1))
    moves = pl.concat(
        [before.select("at", "status", "counted", "move"), after.select("at", "status", "counted", "move")]
    )
    moves = moves.filter(pl.col("status").is_not_null(), pl.col("counted"))
    daily = moves.group_by(day=pl.col("at").dt.date()).agg(
        pl.col("move").filter(pl.col("status") == status).sum().cast(pl.Int64).alias(slot)
        for slot, status in COUNTS.items()
    )
    return daily.sort("day").with_columns(pl.col(*COUNTS).cum_sum())
