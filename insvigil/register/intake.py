"""What comes in: messages refused, duplicates dropped, identities named by their keys."""

from __future__ import annotations

from datetime import datetime, timedelta

import dataframely as dy
import polars as pl

from insvigil.frames import Movements, Rejects, Sources
from insvigil.register import rules
from insvigil.register.opening import Register
from insvigil.register.triggers import CHANGE_IDENTIFIER, DRIVERS, LINKS, MERGE, MOVE_DOSSIER, MOVEMENTS, TAKEN
from insvigil.vocabulary import Rule

_PLACE = ("source", "offset", "line")


def take_in(
    register: Register, movements: dy.DataFrame[Movements], now: datetime
) -> tuple[pl.DataFrame, list[pl.DataFrame], dict[str, int]]:
    """Return the messages that count, stamped; the remarks so far; the counts."""
    batch = movements.with_columns(
        message_time=pl.coalesce("message_time", "event_time"),
        merged_domain=pl.when(pl.col("merged_ipp").is_not_null()).then(pl.coalesce("merged_domain", "domain")),
        run=pl.lit(register.run, pl.UInt32),
        arrival=pl.int_range(register.arrival + 1, register.arrival + 1 + pl.len(), dtype=pl.Int64),
    )
    register.arrival += batch.height
    refused = _refused(batch)
    batch = batch.join(refused.select("arrival"), on="arrival", how="anti", maintain_order="left")
    known = pl.col("trigger").is_in(TAKEN)
    ignored = batch.filter(~known).height
    batch = batch.filter(known)
    fresh = _without_duplicates(register, batch)
    counts = {
        "read": movements.height,
        "rejected": refused.height,
        "folded": batch.height - fresh.height,
        "ignored": ignored,
        "kept": fresh.height + ignored,
    }
    future = fresh.filter(pl.col("message_time") > now + timedelta(days=1))
    return fresh, [refused.drop("arrival"), remark(future, rules.FROM_THE_FUTURE)], counts


def _refused(batch: pl.DataFrame) -> pl.DataFrame:
    itself = (pl.col("merged_ipp") == pl.col("ipp")) & (pl.col("merged_domain") == pl.col("domain"))
    alone = pl.col("merged_ipp").is_null() | itself
    cases = {
        rules.MERGE_WITHOUT_IPP: (pl.col("trigger") == MERGE) & alone,
        rules.MOVE_WITHOUT_DOSSIER: (pl.col("trigger") == MOVE_DOSSIER)
        & pl.coalesce("merged_dossier", "dossier").is_null(),
        rules.LINK_WITHOUT_IPP: pl.col("trigger").is_in(LINKS) & alone,
    }
    return pl.concat(
        [remark(batch.filter(case), rule, rejected=True, more=("arrival",)) for rule, case in cases.items()]
    )


def remark(messages: pl.DataFrame, rule: Rule, *, rejected: bool = False, more: tuple[str, ...] = ()) -> pl.DataFrame:
    """Return one remark a message, with its place and the code of the rule."""
    return messages.select(*_PLACE, *more, code=pl.lit(rule.code), rejected=pl.lit(rejected))


def as_rejects(remarks: list[pl.DataFrame], sources: dy.DataFrame[Sources]) -> dy.DataFrame[Rejects]:
    """Return the remarks as one frame, by place."""
    found = pl.concat(remarks).join(sources.select("source", "path"), on="source", how="left")
    return Rejects.validate(
        found.select(
            "source",
            pl.col("path").fill_null(""),
            "offset",
            "line",
            segment=pl.lit(None, pl.String),
            field=pl.lit(None, pl.UInt16),
            code="code",
            rejected="rejected",
        ).sort("source", "offset", "code")
    )


def _without_duplicates(register: Register, batch: pl.DataFrame) -> pl.DataFrame:
    """Drop the messages already taken in, tonight or before, and remember the others."""
    content = [name for name in Movements.column_names() if name not in _PLACE]
    times = {name for name in content if batch.schema[name] == pl.Datetime("us")}
    cells = ", ".join(
        f"coalesce({f'epoch_us({name})::VARCHAR' if name in times else name}, chr(1))" for name in content
    )
    digests = register.query(
        f"SELECT arrival, md5_number_lower(concat_ws(chr(31), {cells})) AS digest, "
        "coalesce(message_time, TIMESTAMP '1970-01-01') AS message_time FROM batch",
        batch=batch.select("arrival", *content),
    ).filter(pl.struct("digest", "message_time").is_first_distinct())
    fresh = register.query(
        "SELECT arrival, digest, message_time FROM digests ANTI JOIN message USING (digest, message_time)",
        digests=digests,
    )
    register.insert("message", fresh.select("digest", "message_time", run=pl.lit(register.run, pl.UInt32)))
    return batch.join(fresh.select("arrival"), on="arrival", how="semi", maintain_order="left")


def name(register: Register, taken: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the messages with ``key`` and ``merged_key``, and the identities met for the first time."""
    taken = _found_by_ins(register, taken)
    merges = taken.filter(pl.col("merged_ipp").is_not_null() & ~pl.col("trigger").is_in(MOVEMENTS))
    nodes = pl.concat(
        [
            taken.select("domain", "ipp", "arrival"),
            merges.select(domain="merged_domain", ipp="merged_ipp", arrival="arrival"),
        ]
    )
    nodes = nodes.group_by("domain", "ipp").agg(pl.col("arrival").min()).sort("arrival", "domain", "ipp")
    nodes = register.query("SELECT n.*, i.key FROM nodes n LEFT JOIN identity i USING (domain, ipp)", nodes=nodes)
    nodes = nodes.sort("arrival", "domain", "ipp")
    last = register.connection.execute("SELECT coalesce(max(key), 0) FROM identity").fetchall()[0][0]
    unknown = pl.col("key").is_null()
    nodes = nodes.with_columns(
        key=pl.when(unknown).then(last + unknown.cum_sum()).otherwise(pl.col("key")).cast(pl.UInt32), new=unknown
    )
    named = taken.join(nodes.select("domain", "ipp", "key"), on=["domain", "ipp"], how="left", maintain_order="left")
    named = named.join(
        nodes.select(merged_domain="domain", merged_ipp="ipp", merged_key="key"),
        on=["merged_domain", "merged_ipp"],
        how="left",
        maintain_order="left",
    )
    return named, nodes.filter("new").select("key", "domain", "ipp")


def _found_by_ins(register: Register, taken: pl.DataFrame) -> pl.DataFrame:
    """Give an A47 about an unknown IPP to the one identity that bears the INS of its MRG-1 (PAM FR §4.4.3).

    The INS is looked for in the register as it was before the batch.
    """
    change = pl.col("trigger") == CHANGE_IDENTIFIER
    strays = taken.filter(change & pl.col("merged_matricule").is_not_null() & pl.col("merged_ipp").is_null())
    strays = strays.join(taken.filter(pl.col("trigger").is_in(DRIVERS) & ~change), on=["domain", "ipp"], how="anti")
    if strays.is_empty():
        return taken
    found = register.query(
        "SELECT arrival, any_value(i.domain) AS found_domain, any_value(i.ipp) AS found_ipp FROM strays s "
        "JOIN identity i ON left(i.matricule, 13) = left(s.merged_matricule, 13) "
        "ANTI JOIN identity k ON k.domain = s.domain AND k.ipp = s.ipp "
        "WHERE i.active GROUP BY arrival HAVING count(*) = 1",
        strays=strays.select("arrival", "domain", "ipp", "merged_matricule"),
    )
    given = taken.join(found, on="arrival", how="left", maintain_order="left")
    return given.with_columns(domain=pl.coalesce("found_domain", "domain"), ipp=pl.coalesce("found_ipp", "ipp")).drop(
        "found_domain", "found_ipp"
    )
