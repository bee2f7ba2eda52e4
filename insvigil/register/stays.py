"""Movements of stays: what is live after cancels and corrections, whatever the order in which it was learnt."""

from __future__ import annotations

from datetime import datetime

import dataframely as dy
import polars as pl

from insvigil.frames import Stays
from insvigil.register.identities import numbers_of
from insvigil.register.opening import Register
from insvigil.register.schema import MOVEMENT_FIELDS, TABLE
from insvigil.register.statements import STAMP, in_order, values, winners
from insvigil.register.triggers import ANNOUNCES, CANCEL_ADMISSION, CANCELS, CORRECT, MOVE_DOSSIER, MOVEMENTS
from insvigil.vocabulary import MovementAction

_NAME = ("domain", "venue", "movement")
_STATE = ("key", "dossier", "visit", "action", *MOVEMENT_FIELDS)


def fold_movements(register: Register, named: pl.DataFrame) -> dict[str, int]:
    """Take the movements of a batch into the stays; return the counts.

    A movement is ``(domain, venue, ZBE-1)``: numbers reused from one visit to another do not mix. The last of its
    insertions and cancels says whether it lives; each of its fields is the one stated last. A cancel of admission
    (A11) cancels what was said before of its whole visit, and of the whole dossier when PV1-51 is ``A``; with a
    pre-admission (PV1-5) the patient falls back to it: what only announces lives on (PAM FR §5.4.1).
    """
    events = _events(named)
    moves = named.filter(pl.col("trigger") == MOVE_DOSSIER).select(
        *STAMP, "domain", "key", dossier=pl.coalesce("merged_dossier", "dossier")
    )
    register.insert("movement_event", events)
    register.insert("dossier_move", moves)
    touched = [events.select(_NAME)]
    if not moves.is_empty():
        touched.append(_movements_of(register, moves, "dossier"))
    wide = events.filter(pl.col("scope").is_not_null())
    if not wide.is_empty():
        touched += [
            _movements_of(register, wide, "venue"),
            _movements_of(register, wide.filter(_of_dossier()), "dossier"),
        ]
    names = pl.concat(touched).unique()
    if not names.is_empty():
        _recompute(register, names)
    return {
        "movements": events.height,
        "cancelled": events.filter(pl.col("action") == MovementAction.CANCEL.value).height,
        "dossiers_moved": moves.height,
    }


def stays(register: Register, *, since: datetime | None = None) -> dy.DataFrame[Stays]:
    """Return the live movements (from ``since`` on when given), by venue and time, IPP resolved through merges."""
    found = register.query(
        f"SELECT i.domain, i.ipp, s.dossier, s.visit, s.movement, coalesce(s.origin, '{CORRECT}') AS trigger, "
        f"{', '.join(f's.{name}' for name in MOVEMENT_FIELDS if name != 'origin')} "
        "FROM stay s LEFT JOIN forward f ON f.key = s.key JOIN identity i ON i.key = coalesce(f.terminal, s.key) "
        "WHERE s.live AND ($since IS NULL OR s.movement_at >= $since) "
        "ORDER BY i.domain, i.ipp, s.venue, s.movement_at, s.movement",
        {"since": since},
    )
    return Stays.validate(found.select(Stays.column_names()))


def owners(register: Register) -> pl.Series:
    """Return the numbers of the identities that have live movements, in order."""
    found = register.query(
        "SELECT DISTINCT coalesce(f.terminal, s.key) AS key FROM stay s LEFT JOIN forward f USING (key) WHERE s.live"
    )
    return numbers_of(register, found["key"])


def _events(named: pl.DataFrame) -> pl.DataFrame:
    """Return what each message says of its movement; a movement without ZBE-1 is named by its venue and origin."""
    found = named.filter(
        pl.col("trigger").is_in(MOVEMENTS)
        | (pl.col("trigger").is_in(["FHIR", "CSV"]) & pl.col("movement").is_not_null())
    )
    trigger = pl.col("trigger")
    action = (
        pl.when(pl.col("movement_action").is_in([member.value for member in MovementAction]))
        .then(pl.col("movement_action"))
        .when(trigger.is_in(list(CANCELS)))
        .then(pl.lit(MovementAction.CANCEL.value))
        .when(trigger == CORRECT)
        .then(pl.lit(MovementAction.UPDATE.value))
        .otherwise(pl.lit(MovementAction.INSERT.value))
    )
    stated = pl.col("movement_origin").is_not_null() & (action != MovementAction.INSERT.value)
    origin = pl.when(stated).then(pl.col("movement_origin")).otherwise(trigger.replace(CANCELS))
    found = found.with_columns(
        action=action,
        origin=pl.when(origin != CORRECT).then(origin),
        movement_at=pl.when(action == MovementAction.INSERT.value)
        .then(pl.coalesce("movement_at", "event_time", "message_time"))
        .otherwise(pl.col("movement_at")),
        venue=pl.coalesce("visit", "dossier", pl.lit("~") + pl.col("ipp")),
    )
    family = pl.col("origin").replace({"A04": "A01"}).fill_null(CORRECT)
    moment = pl.when(~family.is_in(["A01", "A03", "A05"])).then(
        pl.coalesce("movement_at", "event_time").dt.strftime("|%Y%m%d%H%M%S")
    )
    found = found.with_columns(
        movement=pl.coalesce("movement", pl.concat_str([pl.lit("~"), family, moment.fill_null("")]))
    )
    cancel = pl.col("action") == MovementAction.CANCEL.value
    scope = pl.when(pl.col("visit_indicator").str.to_uppercase() == "A").then(pl.lit("A")).otherwise(pl.lit("V"))
    falls_back = pl.when(pl.col("preadmission").is_not_null()).then(pl.lit("+")).otherwise(pl.lit(""))
    return found.select(
        *_NAME,
        "key",
        "dossier",
        "visit",
        pl.when(pl.col("action") != MovementAction.UPDATE.value).then(pl.col("action")).alias("action"),
        *STAMP,
        *(
            pl.when(~cancel | pl.lit(name in ("movement_at", "origin"))).then(pl.col(name)).alias(name)
            for name in MOVEMENT_FIELDS
        ),
        pl.when(cancel & (trigger == CANCEL_ADMISSION)).then(scope + falls_back).alias("scope"),
    )


def _of_dossier() -> pl.Expr:
    return pl.col("scope").str.starts_with("A")


def _movements_of(register: Register, told: pl.DataFrame, by: str) -> pl.DataFrame:
    """Return the movements known of the dossiers (or of the venues) of some messages."""
    return register.query(
        f"SELECT DISTINCT domain, venue, movement FROM stay SEMI JOIN told USING (domain, {by})",
        told=told.select("domain", by).drop_nulls().unique(),
    )


def _wide_cancels(register: Register, events: pl.DataFrame) -> pl.DataFrame:
    """Return, for each movement (``group``), the cancels of admission that reach it from elsewhere in its visit."""
    told = register.query(f"SELECT domain, venue, dossier, scope, {', '.join(STAMP)} FROM movement_event "
                          "WHERE scope IS NOT NULL")  # fmt: skip
    if told.is_empty():
        return events.clear().select("group", "action", *STAMP)
    group = events.select("group", "domain", "venue", "dossier").unique()
    announced = events.filter(pl.col("origin").is_in(ANNOUNCES))["group"].unique()
    reached = [
        group.join(told.drop("dossier"), on=["domain", "venue"]),
        group.drop("venue").join(told.filter(_of_dossier()), on=["domain", "dossier"]),
    ]
    found = pl.concat([part.select("group", "scope", *STAMP) for part in reached]).unique(["group", "arrival"])
    spared = pl.col("scope").str.ends_with("+") & pl.col("group").is_in(announced.implode())
    return found.filter(~spared).select("group", pl.lit(MovementAction.CANCEL.value).alias("action"), *STAMP)


def _recompute(register: Register, names: pl.DataFrame) -> None:
    names = names.with_row_index("group")
    events = register.query(
        "SELECT names.group, e.* FROM movement_event e JOIN names USING (domain, venue, movement)", names=names
    )
    moved = register.query("SELECT * FROM dossier_move SEMI JOIN dossiers USING (domain, dossier)",
                           dossiers=events.select("domain", "dossier").drop_nulls().unique())  # fmt: skip
    given = events.select("group", "domain", "dossier").unique().join(moved, on=["domain", "dossier"])
    wide = _wide_cancels(register, events).join(events, on=["group", "arrival"], how="anti")
    own = events.with_columns(said=pl.lit(True))
    ordered = in_order(pl.concat([own, given, wide], how="diagonal_relaxed"), "group")
    if not wide.is_empty():  # a cancel says nothing of a movement first told after it
        ordered = ordered.filter(pl.col("said").fill_null(False).cum_max().over("group"))
    spans, origins = winners(ordered, "group", _STATE)
    state = pl.concat([spans.select("group"), values(ordered, origins)], how="horizontal")
    columns = [name for name in TABLE["stay"].names if name != "changed_run"]
    rows = state.join(names, on="group").select(
        pl.col("action").ne_missing(MovementAction.CANCEL.value).alias("live"),
        *(name for name in columns if name != "live"),
    )
    old = register.query("SELECT s.* FROM stay s SEMI JOIN names USING (domain, venue, movement)", names=names)
    rows = rows.select(columns).join(old.select(columns), on=columns, how="anti", nulls_equal=True)
    register.delete("stay", rows.select(_NAME).join(old.select(_NAME), on=list(_NAME), how="semi"))
    register.insert("stay", rows.with_columns(changed_run=pl.lit(register.run, pl.UInt32)))
