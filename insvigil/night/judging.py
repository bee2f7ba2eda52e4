"""The statuses of the identities questioned tonight, and the figures of the whole base."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dataframely as dy
import polars as pl

from insvigil.frames import Anomalies, Identities, Indicators, Objectives, Statuses
from insvigil.night.asking import asked_again
from insvigil.night.night import Judgement, Night
from insvigil.reporting.wording import integer
from insvigil.vocabulary import Mesh, Stage, Status, Verdict

if TYPE_CHECKING:
    from insvigil.register import Register
    from insvigil.settings import Settings


def judge_again(night: Night, settings: Settings, register: Register) -> Judgement:
    """Judge again the identities questioned tonight, keep what was found of them, and count the base.

    It looks at no pair: it is done while matching compares.
    """
    from insvigil import qualif
    from insvigil.register import carried_statuses, store_anomalies, store_standing

    judged: list[dy.DataFrame[Anomalies]] = []
    for asked in asked_again(night, register):
        statuses, found = _judge(night, settings, register, asked)
        store_standing(register, statuses.with_columns(asked.select(counted=qualif.in_base())))
        store_anomalies(register, found)
        judged.append(found)
    register.recalled = None  # nobody asks the stories of tonight any more
    standing = carried_statuses(register)
    return Judgement(standing, judged, *_measure(night, settings, register, standing))


def qualify_again(night: Night, settings: Settings, register: Register) -> str:
    """Keep the figures counted with the statuses of those judged tonight, and those carried over of the others."""
    from insvigil.register import store_indicators

    standing, found, indicators, objectives = night.judgement or judge_again(night, settings, register)
    night.judgement = None
    store_indicators(register, indicators)
    night.frames |= {
        "statuses": _as_statuses(standing),
        "indicators": indicators,
        "objectives": objectives,
        "anomalies": pl.concat([night.frames["anomalies"], *found]),
    }
    night.counts[Stage.QUALIF.value] = dict(standing.group_by("status").len().sort("status").iter_rows())
    return _rate_line(indicators)


def _judge(
    night: Night, settings: Settings, register: Register, asked: dy.DataFrame[Identities]
) -> tuple[dy.DataFrame[Statuses], dy.DataFrame[Anomalies]]:
    """Return the statuses of some identities and what is wrong with them; append their transitions to the ledger."""
    from insvigil import qualif
    from insvigil.register import keys_of, status_ledger, store_statuses, told_of

    rules, production = settings.qualif, settings.reading.production
    keys = keys_of(register, asked["identity_id"])
    told = told_of(register, keys, qualif.OBSERVED)
    past = qualif.ins_changes(register, of=told)
    statuses = qualif.derive_statuses(asked, rules, changes=past, production=production)
    moves = qualif.transitions(
        status_ledger(register, standing=True, of=keys),
        asked,
        statuses,
        night.started,
        settings=rules,
        changes=qualif.tonight(register, of=told),
        production=production,
    )
    store_statuses(register, moves)
    standing = status_ledger(register, standing=True, of=keys)
    faults = qualif.status_anomalies(asked, rules, changes=past, production=production)
    found = Anomalies.validate(pl.concat([faults, qualif.refusals(asked, standing)]))
    return qualif.kept(statuses, asked, standing), found


def _as_statuses(standing: pl.DataFrame) -> dy.DataFrame[Statuses]:
    return Statuses.validate(
        standing.select(
            pl.int_range(pl.len(), dtype=pl.UInt32).alias("identity_id"),
            "status",
            insi_recovered=pl.col("status").is_in([Status.RECUPEREE.value, Status.QUALIFIEE.value]),
            document_controlled=pl.col("status").is_in([Status.VALIDEE.value, Status.QUALIFIEE.value]),
            ins_transmissible="ins_transmissible",
            source=pl.col("source").cast(pl.String),
            anomaly=pl.col("anomaly").cast(pl.String),
        )
    )


def _measure(
    night: Night, settings: Settings, register: Register, standing: pl.DataFrame
) -> tuple[dy.DataFrame[Indicators], dy.DataFrame[Objectives]]:
    """Return the figures and the objectives: those who came are counted one by one, the base as a whole."""
    from insvigil import qualif
    from insvigil.register import keys_of, known_since, status_ledger

    period = qualif.active_period(night.started.date(), settings.qualif)
    counted = dict(standing.filter("counted").group_by("status").len().iter_rows())
    levels = {status.value: [counted.get(status.value, 0)] for status in Status}
    day = pl.DataFrame({"day": [period[1]]} | levels, schema={"day": pl.Date} | dict.fromkeys(levels, pl.Int64))
    if any(commitment.indicator == "Q_BASE" for commitment in settings.qualif.objectives):  # its pace looks back
        day = qualif.base_by_day(status_ledger(register))
    owners = night.owners["identity_id"]
    row = pl.int_range(owners.len(), dtype=pl.UInt32, eager=True).alias("identity_id")
    came, theirs = night.owners.with_columns(row), _as_statuses(standing[owners])
    visits = qualif.passages(came, night.frames["stays"], settings.qualif)
    ledger = status_ledger(register, of=keys_of(register, owners))
    whole = qualif.Whole(day, known_since(register), standing["source"].unique().to_list())
    figures = qualif.measure(came, theirs, visits, settings.qualif, period=period, ledger=ledger, whole=whole)
    return figures, qualif.assess(figures, came, theirs, visits, settings.qualif, ledger=ledger, whole=whole)


def _rate_line(indicators: pl.DataFrame) -> str:
    """Return the rate of the active file, or of the base when nobody came, and what it is worth."""
    for code, population in (("Q_FILE_ACTIVE", "de la file active"), ("Q_BASE", "de la base")):
        row = indicators.filter(pl.col("code") == code, pl.col("mesh") == Mesh.ESTABLISHMENT.value).row(0, named=True)
        if row["rate"] is not None:
            rate = f"{100 * row['rate']:.1f} %".replace(".", ",")
            counted = f"{integer(row['numerator'])} / {integer(row['denominator'])}"
            return f"{rate} {population} qualifiée ({counted}), objectif {Verdict.of(row['verdict']).label}"
    return "aucune identité à compter"
