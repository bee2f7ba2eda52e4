"""The order of the stages: the whole road of a night. Read this first, then ``frames.py``.

::

    files ─reading─► Movements ─register.fold─► Identities + Changes + Stays
                                                    │
                            traits ─► Traits + Anomalies ─matching─► ScoredPairs ─► Groups
                                                    │
                            qualif ─► Statuses ─► Indicators ─reporting─► report, worklist, tables
                                                    │
                                            register.commit (one transaction, last)

Stages never call each other: this file does. ``tell(stage, sentence)`` is called as each one ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from insvigil import __version__
from insvigil.night import Night, Progress, Tell
from insvigil.reporting.wording import integer
from insvigil.vocabulary import Rule, Stage
from insvigil.waking import MATCHING, MOVEMENTS, wake

if TYPE_CHECKING:
    from insvigil.matching import Matching
    from insvigil.register import Register
    from insvigil.settings import Settings


def _tell_nobody(_stage: str, _sentence: str) -> None:
    """Say nothing."""


def check(paths: Sequence[Path], settings: Settings) -> None:
    """Raise ``UsageError`` or ``SourceError`` when a named path cannot be used, before anything is opened."""
    from insvigil.reading import iter_movements

    iter_movements(paths, settings.reading)


def run(
    paths: Sequence[Path],
    settings: Settings,
    register: Register,
    *,
    out: Path,
    until: Stage = Stage.REPORTING,
    full: bool = False,
    now: datetime | None = None,
    tell: Tell | None = None,
    progress: Progress | None = None,
) -> Night:
    """Run a night over files and folders, in one transaction of the register, and write its folder of results.

    The folder takes its final place before the register is committed: a run killed at any moment is simply run
    again. ``full`` compares the whole register again instead of what changed. Raises ``SourceError`` before anything
    is written when a named path is not usable.
    """
    night = Night(started=now or datetime.now())
    say = tell or _tell_nobody
    from insvigil.night.asking import due, normalise_again
    from insvigil.night.judging import qualify_again
    from insvigil.night.taking_in import only_read, take_in
    from insvigil.register import carried_from, carried_traits

    if until is Stage.READING:
        return only_read(night, paths, settings, register, out, say, progress)
    later: dict[Stage, Callable[[], str]] = {
        Stage.TRAITS: lambda: normalise_again(night, settings, register),
        Stage.MATCHING: lambda: _match(night, settings, register, full=full, until=until),
        Stage.QUALIF: lambda: qualify_again(night, settings, register),
    }
    stages = list(Stage)
    wanted = stages[: stages.index(until) + 1]
    waking = wake((*MOVEMENTS, *MATCHING))
    register.begin(night.started)
    try:
        with ThreadPoolExecutor(1) as aside:
            if not full and Stage.TRAITS in wanted:
                night.before = carried_from(register, settings.digest(), __version__)
            if night.before is not None:  # 3 s at five millions, while one core reads
                night.carried = aside.submit(carried_traits, register)
                night.due = aside.submit(due, night, register)
            take_in(night, paths, settings, register, say, progress)
        waking.join()
        register.spare_memory(spare=True)
        for stage, work in later.items():
            if stage in wanted:
                with night.timed(stage):
                    sentence = work()
                say(stage.label, sentence)
        night.folder = _report(night, settings, register, out, until)
    except BaseException:
        register.rollback()
        raise
    register.commit()
    return night


def _match(night: Night, settings: Settings, register: Register, *, full: bool, until: Stage) -> str:
    from insvigil.matching import match
    from insvigil.night.judging import judge_again
    from insvigil.register import closed_agregats, decisions, previous_pairs, store_groups, store_pairs
    from insvigil.traits import detect

    frames = night.frames
    decided = decisions(register).filter(pl.col("stands")).select("left", "right", "decision")
    only_changes = not full and _compared_last_time(register, settings)
    focus = frames["identities"]["changed"].to_numpy() if only_changes else None
    carried = previous_pairs(register).select("left", "right", "block") if only_changes else None
    explained = until is Stage.REPORTING
    with ThreadPoolExecutor(1) as aside:  # matching asks nothing of the register, judging asks no pair
        matching = aside.submit(
            match, frames["traits"], settings.matching, decided=decided, focus=focus, carried=carried
        )
        if until in (Stage.QUALIF, Stage.REPORTING):
            night.judgement = judge_again(night, settings, register)
        found = matching.result()
        del matching, carried
        frames |= {"pairs": found.pairs, "groups": found.groups}
        doubts = aside.submit(
            detect, frames["identities"], frames["traits"], pairs=found.pairs, groups=found.groups,
            settings=settings.traits, today=night.started.date(), only=("pairs", "groups"),
        )  # fmt: skip
        store_pairs(register, found.pairs)
        frames["agregats"] = agregats = store_groups(register, found.groups)
        counts = found.counts
        if explained:
            night.reasons = _reasons(night, settings, found)
        del found  # half a gigabyte at five millions
        frames["anomalies"] = pl.concat([frames["anomalies"], doubts.result()])
    del doubts
    if explained:
        del frames["traits"]
    fresh = agregats.filter(pl.col("outcome") == "new").height
    closed = closed_agregats(register)
    night.counts[Stage.MATCHING.value] = counts | {
        "agregats": agregats.height,
        "agregats_new": fresh,
        "agregats_closed": closed,
    }
    return (
        f"{integer(counts['candidates'])} paires comparées, "
        f"{integer(counts['proposed'])} doublons potentiels, "
        f"{integer(agregats.height)} agrégats ({integer(fresh)} nouveaux, {integer(closed)} résolus)"
    )


def _compared_last_time(register: Register, settings: Settings) -> bool:
    """Return whether the run before compared all it held, with these settings and this version: its pairs stand."""
    from insvigil.register import run_before

    last = run_before(register, settings.digest(), __version__)
    return last is not None and Stage.MATCHING.value in last["counts"]


def _report(night: Night, settings: Settings, register: Register, out: Path, until: Stage) -> Path:
    """Write the folder of the run, up to the last stage that was run; what reporting does not see is empty."""
    from insvigil.matching.levels import LEVELS, STRONGEST
    from insvigil.qualif import SOURCES
    from insvigil.qualif.definitions import DEFINITIONS
    from insvigil.register import describe_run, fields_of, indicators, write_identities
    from insvigil.reporting import FIELDS, NightReport, shown, write_run

    describe_run(
        register,
        ended=datetime.now(),
        version=__version__,
        settings_digest=settings.digest(),
        counts=dict(night.counts),
    )
    nobody = pl.Series([], dtype=pl.UInt32)
    unseen = {"traits", "changes", "absorbed"}
    report = NightReport(
        started=night.started,
        version=__version__,
        settings=settings,
        counts=night.counts,
        seconds=night.seconds,
        run=register.run,
        until=until,
        history=indicators(register),
        rules={rule.code: rule for rule in catalogue()},
        resolved=night.counts.get(Stage.MATCHING.value, {}).get("agregats_closed"),
        levels=LEVELS,
        whole=STRONGEST,
        status_sources=SOURCES,
        definitions=[asdict(definition) for definition in DEFINITIONS],
        filled=night.filled,
        reasons=night.reasons,
        told=fields_of(register, nobody, FIELDS),
        **{name: frame for name, frame in night.frames.items() if name not in unseen},
    )
    if until is Stage.REPORTING:
        report = replace(report, told=fields_of(register, shown(report), FIELDS))
    register.spare_memory(spare=False)
    statuses = night.frames.get("statuses")
    return write_run(out, report, lambda path: write_identities(register, path, statuses=statuses))


def _reasons(night: Night, settings: Settings, found: Matching) -> pl.DataFrame:
    """Return why the pairs that the page may show are proposed: left, right, sentence, bits, in order."""
    from insvigil.matching import Lines, explain_pairs
    from insvigil.reporting import NightReport, near_pairs

    seen = {name: night.frames[name] for name in ("identities", "pairs", "groups", "agregats", "stays")}
    pairs = near_pairs(NightReport(started=night.started, version=__version__, settings=settings, **seen))
    if pairs.is_empty():
        return pairs.with_columns(sentence=pl.lit(""), bits=pl.lit(0.0))
    lines = Lines.read(found.counts["bands"])
    explained = explain_pairs(
        night.frames["traits"], pairs.rows(), settings.matching, lines=lines, encoding=found.encoding
    )
    rows = [
        (*pair, f"{step.label} : {step.sentence}", step.bits)
        for pair, told in zip(pairs.iter_rows(), explained, strict=True)
        for step in told.steps
    ]
    return pl.DataFrame(rows, schema={**pairs.schema, "sentence": pl.String, "bits": pl.Float64}, orient="row")


_RULE_TABLES = (
    "insvigil.reading.rules",
    "insvigil.register.rules",
    "insvigil.traits.detectors",
    "insvigil.matching.rules",
    "insvigil.qualif.rules",
)


def catalogue() -> list[Rule]:
    """Return every rule of every room, sorted by code."""
    rules = [rule for home in _RULE_TABLES for rule in import_module(home).RULES]
    return sorted(rules, key=lambda rule: rule.code)
