"""The status an identity had on a day: from the ledger when there is one, else the status it has now."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from insvigil.vocabulary import Status

RANK: dict[str, int] = {status.value: rank for rank, status in enumerate(Status)}
"""The number of each status in arrays: PROVISOIRE is 0, what an identity is taken for before it is known."""

_ALWAYS = -(2**31)


class History(NamedTuple):
    """The moves of each identity: those of identity ``i`` are at ``start[i]:start[i + 1]``, in order of time.

    ``moved_on``: days since 1970, Int32. ``moved_to``: rank of the status, UInt8.
    """

    start: NDArray[np.int32]
    moved_on: NDArray[np.int32]
    moved_to: NDArray[np.uint8]

    def at_end_of(self, subject: NDArray[np.uint32], day: NDArray[np.int32]) -> NDArray[np.uint8]:
        """Return the rank of the status of each subject at the end of its day."""
        from insvigil.qualif.kernels.counting import status_on

        status = np.empty(subject.size, np.uint8)
        status_on(subject, day, self.start, self.moved_on, self.moved_to, status)
        return status

    def known_by(self, day: int) -> NDArray[np.bool_]:
        """Return whether each identity had a status at the end of ``day`` (days since 1970)."""
        moved = np.append(self.moved_on, np.int32(2**31 - 1))
        return (self.start[:-1] < self.start[1:]) & (moved[self.start[:-1]] <= day)


def history(identities: pl.DataFrame, statuses: pl.DataFrame, ledger: pl.DataFrame | None) -> History:
    """Return the moves of the identities: of the ledger, else one move before all time, to the present status.

    ``identities`` is the whole base, row for row.
    """
    if ledger is None:
        here = statuses.select("identity_id", day=pl.lit(_ALWAYS, pl.Int32), to_status="status")
    else:
        here = (
            ledger.lazy()
            .join(identities.lazy().select("identity_id", "domain", "ipp"), on=["domain", "ipp"], how="inner")
            .select("identity_id", "to_status", "at", day=pl.col("at").dt.date().to_physical())
            .sort("identity_id", "at", maintain_order=True)
            .collect(engine="in-memory")
        )
    rank = here["to_status"].cast(pl.String).replace_strict(RANK, default=0, return_dtype=pl.UInt8)
    size = here["identity_id"].value_counts().join(identities.select("identity_id"), on="identity_id", how="right")
    sizes = size.sort("identity_id")["count"].fill_null(0).to_numpy()
    start = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    return History(start, here["day"].to_numpy().astype(np.int32), rank.to_numpy(writable=True))


def base_by_day(ledger: pl.DataFrame) -> pl.DataFrame:
    """Return, for each day something moved, how many identities of the base had each status at its end.

    Columns: ``day``, then one a status by its code. Merged identities count until the day they were merged.
    """
    rows = ledger.select("at", "to_status", "counted", key=pl.struct("domain", "ipp").hash())
    rows = rows.sort("key", "at", maintain_order=True)
    first = (pl.col("key") != pl.col("key").shift(1)).fill_null(True)
    left = rows.select(
        "at",
        status=pl.when(~first).then(pl.col("to_status").shift(1)),
        counted=pl.col("counted").shift(1),
        move=pl.lit(-1, pl.Int64),
    )
    reached = rows.select("at", "counted", status="to_status", move=pl.lit(1, pl.Int64))
    moves = pl.concat([left.select(reached.columns), reached]).filter("counted", pl.col("status").is_not_null())
    daily = moves.group_by(day=pl.col("at").dt.date()).agg(
        pl.col("move").filter(pl.col("status") == status).sum().alias(status) for status in RANK
    )
    return daily.sort("day").with_columns(pl.col(list(RANK)).cum_sum())
