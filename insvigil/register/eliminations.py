"""Merges: an eliminated IPP leads to its survivor for ever, through chains."""

from __future__ import annotations

import polars as pl

from insvigil.register.statements import in_order

FORWARD_SCHEMA = {"key": pl.UInt32, "survivor": pl.UInt32, "since": pl.Datetime("us"), "terminal": pl.UInt32}


def forward(eliminations: pl.DataFrame) -> pl.DataFrame:
    """Return where each eliminated identity leads (columns of ``forward``).

    The first elimination of an identity stands; one that would close a loop is void. Pure in the set of eliminations,
    whatever their order of arrival. Costs one dictionary walk an elimination (0.6 s for 400,000).
    """
    first = in_order(eliminations).unique("key", keep="first", maintain_order=True)
    top: dict[int, int] = {}

    def root(node: int) -> int:
        path = []
        while node in top:
            path.append(node)
            node = top[node]
        for passed in path:
            top[passed] = node
        return node

    stands = []
    for key, survivor in first.select("key", "survivor").iter_rows():
        end = root(survivor)
        stands.append(end != key)
        if end != key:
            top[key] = end
    kept = first.filter(pl.Series(stands, dtype=pl.Boolean))
    return kept.select(
        "key",
        "survivor",
        since=pl.when(~pl.col("rename")).then(pl.col("message_time").fill_null(pl.lit(0).cast(pl.Datetime("us")))),
        terminal=pl.Series([root(key) for key in kept["key"]], dtype=pl.UInt32),
    ).cast(FORWARD_SCHEMA)  # type: ignore[arg-type]


def owned(statements: pl.DataFrame, lead: pl.DataFrame) -> pl.DataFrame:
    """Return the statements with ``owner``: the identity their IPP designated at the time of the message.

    What was said of an IPP before it was eliminated stays with it; what is said after counts for its survivor.
    """
    found = statements.with_columns(owner=pl.col("key"))
    step = lead.select("survivor", "since", owner="key")
    while not step.is_empty():
        ahead = found.join(step, on="owner", how="left", maintain_order="left")
        moves = ahead["survivor"].is_not_null() & (
            ahead["since"].is_null() | (ahead["message_time"] > ahead["since"]).fill_null(value=False)
        )
        if not moves.any():
            break
        found = found.with_columns(owner=pl.when(moves).then(ahead["survivor"]).otherwise(ahead["owner"]))
    return found


def family(touched: pl.Series, *leads: pl.DataFrame) -> pl.Series:
    """Return the keys of ``touched`` and of every identity that shares an end with one of them."""
    keys = touched.unique()
    for lead in leads:
        ends = pl.concat([keys, lead.filter(pl.col("key").is_in(keys.implode()))["terminal"]]).unique()
        members = lead.filter(pl.col("terminal").is_in(ends.implode()))["key"]
        keys = pl.concat([ends, members]).unique()
    return keys
