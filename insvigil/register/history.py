"""What was true, and when we learnt it: the ledgers read as a story, and replayed."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import dataframely as dy
import polars as pl

from insvigil.frames import IDENTITY_FIELDS, Changes
from insvigil.register.answers import insi_answers
from insvigil.register.eliminations import family, forward, owned
from insvigil.register.opening import Register
from insvigil.register.statements import InForce, columns_for, columns_of, in_force, settled, story

_STORY = ("domain", "ipp", "field", "old", "new", "valid_at", "known_at", "trigger", "sender", "control_id", "run")


class Told(NamedTuple):
    """What was ever said of some identities and those merged into them: their keys, and their statements."""

    keys: pl.Series
    said: pl.DataFrame  # columns of ``statement``, limited to some fields, and known_at


def told_of(register: Register, of: pl.Series, fields: tuple[str, ...]) -> Told:
    """Return what was said of some identities (keys of the register), limited to some fields.

    A look at the ledger for the few identities of a night reads it all, 0.9 s of processor at five millions: who asks
    more than one thing of them asks it of this.
    """
    keys = family(of, register.query("SELECT * FROM forward")).alias("key")
    return Told(keys, _said(register, keys, fields))


def _said(register: Register, keys: pl.Series, fields: tuple[str, ...]) -> pl.DataFrame:
    held = register.recalled and register.recalled.said_of(keys)
    if held is not None:
        known = register.query("SELECT run, started AS known_at FROM run")
        return held.select(columns_of(fields)).join(known, on="run", maintain_order="left")
    return register.query(
        f"SELECT {columns_for(fields)}, r.started AS known_at FROM statement s SEMI JOIN keys USING (key) "
        "JOIN run r USING (run)",
        keys=keys.to_frame(),
    )


def history(register: Register, ipp: str, *, domain: str | None = None, at: datetime | None = None) -> pl.DataFrame:
    """Return what is known of an IPP: one row a field that changed, by domain and by time.

    Columns: domain, ipp, field, old, new, valid_at (when it became true), known_at (when insvigil learnt it), trigger,
    sender, control_id, run. ``field`` is an identity field, ``merged_into``, ``merged_from``, ``linked_to``,
    ``status``, ``agregat``, ``decision`` or ``insi_answer``. With ``at``, one row a field that was true on that day,
    ``old`` null. Empty when never seen.
    """
    found = register.query(
        "SELECT key, domain, ipp FROM identity WHERE ipp = $ipp AND ($domain IS NULL OR domain = $domain) "
        "ORDER BY domain",
        {"ipp": ipp, "domain": domain},
    )
    lead = register.query("SELECT * FROM forward")
    keys = family(found["key"], lead).alias("key").to_frame()
    said = register.query(
        "SELECT s.*, r.started AS known_at FROM statement s SEMI JOIN keys USING (key) JOIN run r USING (run) "
        "WHERE $at IS NULL OR s.message_time IS NULL OR s.message_time <= $at",
        {"at": at},
        keys=keys,
    )
    mine = owned(said, lead).filter(pl.col("owner").is_in(found["key"].implode()))
    fields = _in_force_rows(in_force(mine)) if at is not None else _story_rows(mine)
    events = pl.concat([_merges(register, found), _links(register, found), _memory(register, found)]).filter(
        pl.lit(at).is_null() | (pl.col("valid_at") <= pl.lit(at, pl.Datetime("us")))
    )
    story = pl.concat([fields.join(found, on="key").select(_STORY), events.select(_STORY)])
    return story.sort("domain", "valid_at", "run", "field", nulls_last=False)


def changes(
    register: Register,
    *,
    since: int | None = None,
    of: Told | None = None,
    fields: tuple[str, ...] = IDENTITY_FIELDS,
) -> dy.DataFrame[Changes]:
    """Return the story, message by message, of the identities spoken of from run ``since`` on (all when not given).

    By domain, IPP and time; limited to ``fields`` and ``merged_into``. The last row of a field is its value in force.
    ``of`` limits it to some identities and those merged into them, of which ``told_of`` gave those fields.
    """
    lead = register.query("SELECT * FROM forward")
    spoken = register.query(
        "SELECT key FROM statement WHERE $since IS NULL OR run >= $since "
        "UNION SELECT unnest([key, survivor]) FROM elimination WHERE $since IS NULL OR run >= $since",
        {"since": since},
    )["key"]
    keys = family(spoken, lead).alias("key").to_frame()
    if of is None:
        said = _said(register, keys["key"], fields)
    else:
        keys = keys.join(of.keys.to_frame(), on="key", how="semi")
        said = of.said.join(keys, on="key", how="semi")
    names = register.query("SELECT key, domain, ipp FROM identity SEMI JOIN keys USING (key)", keys=keys)
    told = story(settled(owned(said, lead)), fields).select(*_told(), "field").join(names, on="key", how="left")
    merges = _merges(register, names).filter(pl.col("field") == "merged_into")
    found = pl.concat([told.select(_STORY), merges.select(_STORY)])
    found = found.sort("domain", "ipp", "valid_at", maintain_order=True, nulls_last=False)
    return Changes.validate(found.select(Changes.column_names()))


def replay(register: Register, *, slice_keys: int = 200_000) -> int:
    """Return how many identities differ from what their statements say, 0 in a sound register.

    The whole ledger is folded again from nothing, ``slice_keys`` identities at a time.
    """
    lead = forward(register.query("SELECT * FROM elimination"))
    kept = register.query("SELECT * FROM forward")
    wrong = lead.join(kept, on=kept.columns, how="anti", nulls_equal=True).height + abs(lead.height - kept.height)
    last = register.connection.execute("SELECT coalesce(max(key), 0) FROM identity").fetchall()[0][0]
    for start in range(1, last + 1, slice_keys):
        keys = family(pl.int_range(start, min(start + slice_keys, last + 1), dtype=pl.UInt32, eager=True), lead)
        keyed = keys.alias("key").to_frame()
        said = register.query("SELECT s.* FROM statement s SEMI JOIN keys USING (key)", keys=keyed)
        state = register.query("SELECT i.* FROM identity i SEMI JOIN keys USING (key)", keys=keyed)
        truth = in_force(owned(said, lead)).states.rename({"owner": "key"})
        truth = keyed.join(truth, on="key", how="left").with_columns(
            active=pl.col("driven").is_not_null() & ~pl.col("key").is_in(lead["key"].implode()),
            driven=pl.col("driven").fill_null(0),
        )
        columns = ["key", "active", "driven", "created_at", "updated_at", *IDENTITY_FIELDS]
        both = state.select(columns).join(truth.select(columns), on=columns, how="semi", nulls_equal=True)
        wrong += keyed.height - both.height
    return wrong


def _story_rows(mine: pl.DataFrame) -> pl.DataFrame:
    return story(settled(mine)).select(*_told(), "field")


def _in_force_rows(force: InForce) -> pl.DataFrame:
    """Return one row a field that holds a value."""
    parts = []
    for field in IDENTITY_FIELDS:
        told = force.ordered[force.origins[field].fill_null(0)] if force.ordered.height else force.ordered
        rows = told.with_columns(force.states["owner"], new=force.states[field], old=pl.lit(None, pl.String))
        parts.append(rows.filter(pl.col("new").is_not_null()).select(*_told(), field=pl.lit(field)))
    return pl.concat(parts)


def _told() -> list[pl.Expr]:
    renamed = [pl.col("owner").alias("key"), pl.col("message_time").alias("valid_at")]
    return [*renamed, *map(pl.col, ("old", "new", "known_at", "trigger", "sender", "control_id", "run"))]


def _merges(register: Register, found: pl.DataFrame) -> pl.DataFrame:
    sides = (("key", "survivor", "merged_into"), ("survivor", "key", "merged_from"))
    parts = [
        register.query(
            f"SELECT n.domain, n.ipp, '{field}' AS field, NULL::VARCHAR AS old, o.ipp AS new, "
            "e.message_time AS valid_at, r.started AS known_at, e.trigger, e.sender, e.control_id, e.run "
            f"FROM elimination e JOIN names n ON n.key = e.{here} JOIN identity o ON o.key = e.{there} "
            "JOIN forward f ON f.key = e.key AND f.survivor = e.survivor JOIN run r ON r.run = e.run",
            names=found,
        )
        for here, there, field in sides
    ]
    return pl.concat(parts)


def _links(register: Register, found: pl.DataFrame) -> pl.DataFrame:
    return register.query(
        "SELECT n.domain, n.ipp, 'linked_to' AS field, CASE WHEN l.trigger = 'A37' THEN o.ipp END AS old, "
        "CASE WHEN l.trigger = 'A24' THEN o.ipp END AS new, l.message_time AS valid_at, r.started AS known_at, "
        "l.trigger, l.sender, l.control_id, l.run FROM link l JOIN names n ON n.key IN (l.left_key, l.right_key) "
        "JOIN identity o ON o.key = CASE WHEN n.key = l.left_key THEN l.right_key ELSE l.left_key END "
        "JOIN run r ON r.run = l.run",
        names=found,
    )


def _memory(register: Register, found: pl.DataFrame) -> pl.DataFrame:
    """Return what has no message: the statuses, the agrégats, the decisions and the answers of INSi."""
    nobody = "r.started AS known_at, '' AS trigger, {sender} AS sender, NULL::VARCHAR AS control_id, r.run"
    statuses = register.query(
        "SELECT n.domain, n.ipp, 'status' AS field, s.from_status AS old, s.to_status AS new, s.at AS valid_at, "
        f"{nobody.format(sender='s.source')} FROM status s JOIN names n USING (key) JOIN run r USING (run)",
        names=found,
    )
    agregats = register.query(
        "SELECT n.domain, n.ipp, 'agregat' AS field, NULL::VARCHAR AS old, m.agregat::VARCHAR AS new, "
        "r.started AS valid_at, " + nobody.format(sender="''") + " FROM agregat_member m JOIN names n USING (key) "
        "JOIN run r ON r.run = m.since_run",
        names=found,
    )
    decisions = register.query(
        "SELECT n.domain, n.ipp, 'decision' AS field, o.ipp AS old, d.decision AS new, d.decided_at AS valid_at, "
        "d.decided_at AS known_at, '' AS trigger, d.author AS sender, NULL::VARCHAR AS control_id, d.run "
        "FROM decision d JOIN names n ON n.key IN (d.left_key, d.right_key) "
        "JOIN identity o ON o.key = CASE WHEN n.key = d.left_key THEN d.right_key ELSE d.left_key END",
        names=found,
    )
    answers = insi_answers(register).join(found, on=["domain", "ipp"], how="semi")
    return pl.concat([part.select(_STORY) for part in (statuses, agregats, decisions, answers)])
