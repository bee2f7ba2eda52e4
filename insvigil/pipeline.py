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

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dataframely as dy
import numpy as np
import polars as pl

from insvigil import __version__
from insvigil.errors import ContractError
from insvigil.frames import Anomalies, Identities, Indicators, Statuses
from insvigil.reporting.wording import integer
from insvigil.vocabulary import Mesh, Rule, Stage, Status, Verdict

if TYPE_CHECKING:
    from insvigil.register import Register
    from insvigil.settings import Settings

Tell = Callable[[str, str], None]
Progress = Callable[[int, int], None]


@dataclass
class Night:
    """What a run made: frames by name, counts and wall seconds by stage, and the folder they were written to.

    ``frames["identities"]`` is the roster. ``before``: the run that asked what is ``carried``, if it stands.
    ``again``: numbers of the identities questioned tonight. ``owners``: those who came, with what figures need of them.
    ``filled``: in how many identities each field is. ``encoding``: the file as matching coded it.
    """

    started: datetime
    frames: dict[str, Any] = field(default_factory=dict)
    counts: dict[str, dict[str, Any]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    folder: Path | None = None
    before: dict[str, Any] | None = None
    carried: Future[pl.DataFrame] | None = None
    asked: dy.DataFrame[Identities] | None = None
    again: pl.Series = field(default_factory=lambda: pl.Series("identity_id", [], dtype=pl.UInt32))
    owners: pl.DataFrame = field(default_factory=pl.DataFrame)
    filled: dict[str, int] | None = None
    encoding: Any = None

    @contextmanager
    def timed(self, stage: Stage) -> Iterator[None]:
        """Add the wall seconds of the block to ``seconds[stage]``."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage.value] = self.seconds.get(stage.value, 0.0) + time.perf_counter() - start


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
    from insvigil.register import carried_from, carried_traits

    if until is Stage.READING:
        return _only_read(night, paths, settings, register, out, say, progress)
    later: dict[Stage, Callable[[], str]] = {
        Stage.TRAITS: lambda: _normalise(night, settings, register),
        Stage.MATCHING: lambda: _match(night, settings, register, full=full),
        Stage.QUALIF: lambda: _qualify(night, settings, register),
    }
    stages = list(Stage)
    wanted = stages[: stages.index(until) + 1]
    register.begin(night.started)
    try:
        with ThreadPoolExecutor(1) as aside:
            if not full and Stage.TRAITS in wanted:
                night.before = carried_from(register, settings.digest(), __version__)
            if night.before is not None:  # 5 s at five millions, while one core reads
                night.carried = aside.submit(carried_traits, register)
            _take_in(night, paths, settings, register, say, progress)
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


def _only_read(
    night: Night, paths: Sequence[Path], settings: Settings, register: Register, out: Path, say: Tell,
    progress: Progress | None,
) -> Night:  # fmt: skip
    """Read the files and write what was refused; the register is asked which files it knows, and nothing else."""
    from insvigil.reading import read_movements
    from insvigil.register import known_digests
    from insvigil.reporting import NightReport, write_run

    with night.timed(Stage.READING):
        found = read_movements(paths, settings.reading, known=known_digests(register), progress=progress)
    night.frames |= {"sources": found.sources, "rejects": _with_paths(found.rejects, found.sources)}
    night.counts["messages"] = {name: found.counts[name] for name in ("read", "kept", "folded", "rejected")}
    night.counts[Stage.READING.value] = dict(found.counts)
    say(Stage.READING.label, _account_line(night))
    report = NightReport(
        started=night.started, version=__version__, settings=settings, counts=night.counts, seconds=night.seconds,
        until=Stage.READING, **night.frames,
    )  # fmt: skip
    night.folder = write_run(out, report)
    return night


FOLDED_AT_ONCE = 250_000
"""Messages folded together: each call of ``fold`` scans the keys of the register, 1 s at five millions."""


def _take_in(
    night: Night, paths: Sequence[Path], settings: Settings, register: Register, say: Tell, progress: Progress | None
) -> None:
    """Reading and folding advance together, so that a feed of any size fits in memory."""
    from insvigil.reading import iter_movements
    from insvigil.register import absorbed, fold, known_digests, roster, stays

    read: Counter[str] = Counter()
    folded: Counter[str] = Counter()
    parts: dict[str, list[pl.DataFrame]] = {"sources": [], "rejects": [], "changes": []}
    batches = iter_movements(paths, settings.reading, known=known_digests(register), progress=progress)
    while gathered := _gather(night, batches):
        sources, movements = (
            pl.concat([getattr(batch, name) for batch in gathered]) for name in ("sources", "movements")
        )
        for batch in gathered:
            read.update(batch.counts)
        rejects = [batch.rejects for batch in gathered]
        gathered.clear()
        with night.timed(Stage.REGISTER):
            folding = fold(register, movements, sources=sources, now=night.started)
        folded.update(folding.counts)
        parts["sources"].append(sources)
        parts["rejects"] += [*rejects, folding.rejects]
        parts["changes"].append(folding.changes)
    with night.timed(Stage.REGISTER):
        night.frames |= {name: pl.concat(frames) for name, frames in parts.items()}
        night.frames["rejects"] = _with_paths(night.frames["rejects"], night.frames["sources"])
        night.frames["identities"] = roster(register)
        night.frames["stays"] = stays(register)
        night.frames["absorbed"] = absorbed(register)
    night.counts["messages"] = _conserved(read, folded)
    night.counts[Stage.READING.value] = dict(read)
    night.counts[Stage.REGISTER.value] = dict(folded) | {"identities": night.frames["identities"].height}
    say(Stage.READING.label, _account_line(night))
    say(
        Stage.REGISTER.label,
        f"{integer(night.frames['identities'].height)} identités : {integer(folded['created'])} créées, "
        f"{integer(folded['modified'])} modifiées, {integer(folded['merged'])} fusions",
    )


def _gather(night: Night, batches: Iterator[Any]) -> list[Any]:
    """Return the next batches of reading, up to what is folded at once; empty at the end."""
    gathered: list[Any] = []
    with night.timed(Stage.READING):
        while sum(batch.movements.height for batch in gathered) < FOLDED_AT_ONCE:
            batch = next(batches, None)
            if batch is None:
                break
            gathered.append(batch)
    return gathered


def _account_line(night: Night) -> str:
    messages = {name: integer(value) for name, value in night.counts["messages"].items()}
    return (
        f"{integer(night.frames['sources'].height)} fichiers, {messages['read']} messages lus = "
        f"{messages['kept']} gardés + {messages['folded']} repliés + {messages['rejected']} rejetés"
    )


def _with_paths(rejects: pl.DataFrame, sources: pl.DataFrame) -> pl.DataFrame:
    """Return the rejects with the path of their file, unknown to folding when the file ends in a later batch."""
    known = rejects.select("source").join(
        sources.select("source", "path"), on="source", how="left", maintain_order="left"
    )
    return rejects.with_columns(path=known["path"].fill_null(rejects["path"]))


def _conserved(read: Counter[str], folded: Counter[str]) -> dict[str, int]:
    """Return the account of messages from disk to register; raise ``ContractError`` when one is missing."""
    account = {
        "read": read["read"],
        "kept": folded["kept"],
        "folded": read["folded"] + folded["folded"],
        "rejected": read["rejected"] + folded["rejected"],
    }
    if account["read"] != account["kept"] + account["folded"] + account["rejected"]:
        raise ContractError(f"Des messages manquent au compte : {account}.", hint="Le registre n'a pas été changé.")
    return account


def _normalise(night: Night, settings: Settings, register: Register) -> str:
    """Question again the identities spoken of, and those that days alone may have changed; carry over the others."""
    from insvigil.register import (
        carried_anomalies,
        filled,
        forget,
        in_rows,
        numbers_of,
        store_anomalies,
        store_traits,
    )  # fmt: skip
    from insvigil.reporting.figures import COMPLETENESS
    from insvigil.traits import ASKED_OF_ALL, detect, normalise, overtaken, timely

    frames, today = night.frames, night.started.date()
    names, night.filled = frames["identities"], filled(register, sorted({*COMPLETENESS, *ASKED_OF_ALL}))
    given = {field for field in ASKED_OF_ALL if night.filled[field]}
    since = _carried_since(night, given)
    again = names["spoken"].to_numpy().copy() if since else np.ones(names.height, np.bool_)
    kept = old = None
    if since is not None and night.carried is not None:
        kept, old = night.carried.result(), carried_anomalies(register)
        night.carried = None
        past = kept["key"].filter(overtaken(kept, last=since.date(), today=today))
        again[numbers_of(register, past)] = True
        again[old["identity_id"].filter(old["code"].is_in(list(timely())))] = True
        old = old.filter(~pl.Series(again).gather(old["identity_id"]))
    night.again = pl.Series("identity_id", np.flatnonzero(again).astype(np.uint32))
    forget(register, None if since is None else night.again)
    fresh: list[pl.DataFrame] = []
    found: list[pl.DataFrame] = []
    for asked in _asked(night, register):
        traits = normalise(asked, settings.traits)
        store_traits(register, traits)
        fresh.append(traits)
        own = detect(
            asked, traits, settings=settings.traits, today=today, given=given, only=("identities", "referential")
        )
        store_anomalies(register, own)
        found.append(own)
    frames["traits"] = in_rows(register, kept, fresh)
    del kept, fresh
    if old is not None:
        found.append(_named_again(old, names))
    frames["anomalies"] = pl.concat([*found, *_of_the_night(night, settings, register)])
    night.counts[Stage.TRAITS.value] = {
        "identities": names.height, "questioned": night.again.len(), "anomalies": frames["anomalies"].height,
        "given": sorted(given),
    }  # fmt: skip
    return f"{integer(night.again.len())} identités normalisées, {integer(frames['anomalies'].height)} anomalies"


QUESTIONED_AT_ONCE = 500_000
"""Identities normalised and questioned together: 0.9 GB of text as received a million."""


def _asked(night: Night, register: Register) -> Iterator[dy.DataFrame[Identities]]:
    """Yield the identities questioned tonight as received, by pieces; a single piece is kept for the next stage."""
    from insvigil.register import identities

    size = night.again.len()
    for start in range(0, max(size, 1), QUESTIONED_AT_ONCE):
        if night.asked is None:
            asked = identities(register, of=night.again.slice(start, QUESTIONED_AT_ONCE))
        else:
            asked = night.asked
        if size <= QUESTIONED_AT_ONCE:
            night.asked = asked
        yield asked


def _named_again(found: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """Return the anomalies carried over (identity_id, code, severity) with the names their identities have now."""
    wanted = {name: column.dtype for name, column in Anomalies.columns().items()}
    who = names.select("domain", "ipp")[found["identity_id"]]
    missing = [pl.lit(None, wanted[name]).alias(name) for name in ("other_id", "subject")]
    return Anomalies.validate(found.hstack(who).with_columns(missing).select(list(wanted)), cast=True)


def _of_the_night(night: Night, settings: Settings, register: Register) -> list[pl.DataFrame]:
    """Return what detectors find by setting identities side by side, in changes, merges and stays."""
    from insvigil.register import fields_of, identities
    from insvigil.traits import detect

    frames, names = night.frames, night.frames["identities"]
    told: dict[str, Any] = {"settings": settings.traits, "today": night.started.date()}
    merged = frames["changes"].filter(pl.col("field") == "merged_into").select("domain", ipp="new")
    survivors = identities(register, of=_numbers(names, merged))
    owners = _numbers(names, frames["stays"])
    night.owners = fields_of(register, owners, ("identity_code", "attributes", "birth_date"))
    return [
        detect(names, frames["traits"], changes=frames["changes"], only=("base", "changes"), **told),
        detect(
            survivors, frames["traits"][survivors["identity_id"]], changes=frames["changes"],
            absorbed=frames["absorbed"], only=("absorbed",), **told,
        ),
        detect(night.owners, frames["traits"][owners], stays=frames["stays"], only=("stays",), **told),
    ]  # fmt: skip


def _numbers(names: pl.DataFrame, wanted: pl.DataFrame) -> pl.Series:
    """Return the numbers of the identities that a frame names by (domain, ipp), sorted."""
    near = names.select("identity_id", "domain", "ipp").filter(pl.col("ipp").is_in(wanted["ipp"].unique().implode()))
    return near.join(wanted.select("domain", "ipp").unique(), on=["domain", "ipp"], how="semi")["identity_id"].sort()


def _carried_since(night: Night, given: set[str]) -> datetime | None:
    """Return when the run before asked all that is carried, None when everything must be asked again.

    Nothing of what it rests on may have changed: settings, version, and the fields that somebody has.
    """
    last = night.before
    if last is None or set(last["counts"][Stage.TRAITS.value].get("given", ())) != given:
        return None
    started: datetime = last["started"]
    return started


def _match(night: Night, settings: Settings, register: Register, *, full: bool) -> str:
    from insvigil.matching import match
    from insvigil.register import closed_agregats, decisions, previous_pairs, store_groups, store_pairs
    from insvigil.traits import detect

    frames = night.frames
    decided = decisions(register).filter(pl.col("stands")).select("left", "right", "decision")
    only_changes = not full and _compared_last_time(register, settings)
    found = match(
        frames["traits"],
        settings.matching,
        decided=decided,
        focus=frames["identities"]["changed"].to_numpy() if only_changes else None,
        carried=previous_pairs(register) if only_changes else None,
    )
    store_pairs(register, found.pairs)
    agregats = store_groups(register, found.groups)
    frames |= {"pairs": found.pairs, "groups": found.groups, "agregats": agregats}
    night.encoding = found.encoding
    doubts = detect(
        frames["identities"],
        frames["traits"],
        pairs=found.pairs,
        groups=found.groups,
        settings=settings.traits,
        today=night.started.date(),
        only=("pairs", "groups"),
    )
    frames["anomalies"] = pl.concat([frames["anomalies"], doubts])
    fresh = agregats.filter(pl.col("outcome") == "new").height
    closed = closed_agregats(register)
    night.counts[Stage.MATCHING.value] = found.counts | {
        "agregats": agregats.height,
        "agregats_new": fresh,
        "agregats_closed": closed,
    }
    return (
        f"{integer(found.counts['candidates'])} paires comparées, "
        f"{integer(found.counts['proposed'])} doublons potentiels, "
        f"{integer(agregats.height)} agrégats ({integer(fresh)} nouveaux, {integer(closed)} résolus)"
    )


def _compared_last_time(register: Register, settings: Settings) -> bool:
    """Return whether the run before compared all it held, with these settings and this version: its pairs stand."""
    from insvigil.register import run_before

    last = run_before(register, settings.digest(), __version__)
    return last is not None and Stage.MATCHING.value in last["counts"]


def _qualify(night: Night, settings: Settings, register: Register) -> str:
    """Judge again the identities questioned tonight; count with the statuses carried over of the others."""
    from insvigil import qualif
    from insvigil.register import carried_statuses, store_anomalies, store_indicators, store_standing

    frames = night.frames
    kept = carried_statuses(register)
    parts = [kept.select("identity_id", *_STANDING)]
    faults = []
    for asked in _asked(night, register):
        statuses, found = _judge(night, settings, register, asked)
        standing = statuses.with_columns(asked.select(counted=qualif.in_base())).select("identity_id", *_STANDING)
        store_standing(register, standing)
        store_anomalies(register, found)
        parts.append(standing.cast(parts[0].schema))
        faults.append(found)
    standing = pl.concat(parts).sort("identity_id")
    statuses = _as_statuses(standing)
    indicators = _measure(night, settings, register, standing, statuses)
    store_indicators(register, indicators)
    frames |= {
        "statuses": statuses,
        "indicators": indicators,
        "anomalies": pl.concat([frames["anomalies"], *faults]),
    }
    night.counts[Stage.QUALIF.value] = dict(statuses.group_by("status").len().sort("status").iter_rows())
    return _rate_line(indicators)


_STANDING = ("status", "counted", "ins_transmissible", "source", "anomaly")


def _judge(
    night: Night, settings: Settings, register: Register, asked: dy.DataFrame[Identities]
) -> tuple[dy.DataFrame[Statuses], dy.DataFrame[Anomalies]]:
    """Return the statuses of some identities and what is wrong with them; append their transitions to the ledger."""
    from insvigil import qualif
    from insvigil.register import changes, keys_of, status_ledger, store_statuses

    rules, production = settings.qualif, settings.reading.production
    keys = keys_of(register, asked["identity_id"])
    past = qualif.ins_changes(register, of=keys)
    statuses = qualif.derive_statuses(asked, rules, changes=past, production=production)
    moves = qualif.transitions(
        status_ledger(register, standing=True, of=keys),
        asked,
        statuses,
        night.started,
        settings=rules,
        changes=changes(register, since=register.run, of=keys, fields=qualif.OBSERVED),
        production=production,
    )
    store_statuses(register, moves)
    return statuses, qualif.status_anomalies(asked, rules, changes=past, production=production)


def _as_statuses(standing: pl.DataFrame) -> dy.DataFrame[Statuses]:
    return Statuses.validate(
        standing.select(
            "identity_id",
            pl.col("status").cast(pl.Enum(Status)),
            insi_recovered=pl.col("status").is_in([Status.RECUPEREE.value, Status.QUALIFIEE.value]),
            document_controlled=pl.col("status").is_in([Status.VALIDEE.value, Status.QUALIFIEE.value]),
            ins_transmissible="ins_transmissible",
            source="source",
            anomaly="anomaly",
        )
    )


def _measure(
    night: Night, settings: Settings, register: Register, standing: pl.DataFrame, statuses: pl.DataFrame
) -> dy.DataFrame[Indicators]:
    """Return the figures of the night: those who came are counted one by one, the base as a whole."""
    from insvigil import qualif
    from insvigil.register import keys_of, known_since, status_ledger

    period = qualif.active_period(night.started.date(), settings.qualif)
    counted = dict(standing.filter("counted").group_by("status").len().iter_rows())
    levels = {status.value: [counted.get(status.value, 0)] for status in Status}
    day = pl.DataFrame({"day": [period[1]]} | levels, schema={"day": pl.Date} | dict.fromkeys(levels, pl.Int64))
    owners = night.owners["identity_id"]
    row = pl.int_range(owners.len(), dtype=pl.UInt32, eager=True).alias("identity_id")
    return qualif.measure(
        night.owners.with_columns(row),
        statuses[owners].with_columns(row),
        night.frames["stays"],
        settings.qualif,
        period=period,
        ledger=status_ledger(register, of=keys_of(register, owners)),
        whole=qualif.Whole(day, known_since(register), standing["source"].unique().to_list()),
    )


def _rate_line(indicators: pl.DataFrame) -> str:
    """Return the rate of the active file, or of the base when nobody came, and what it is worth."""
    for code, population in (("Q_FILE_ACTIVE", "de la file active"), ("Q_BASE", "de la base")):
        row = indicators.filter(pl.col("code") == code, pl.col("mesh") == Mesh.ESTABLISHMENT.value).row(0, named=True)
        if row["rate"] is not None:
            rate = f"{100 * row['rate']:.1f} %".replace(".", ",")
            counted = f"{integer(row['numerator'])} / {integer(row['denominator'])}"
            return f"{rate} {population} qualifiée ({counted}), objectif {Verdict.of(row['verdict']).label}"
    return "aucune identité à compter"


def _report(night: Night, settings: Settings, register: Register, out: Path, until: Stage) -> Path:
    """Write the folder of the run, up to the last stage that was run; what reporting does not see is empty."""
    from insvigil.matching.levels import LEVELS
    from insvigil.qualif.definitions import DEFINITIONS
    from insvigil.register import describe_run, identities, indicators, write_identities
    from insvigil.reporting import NightReport, first_pairs, shown, write_run

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
        definitions=[asdict(definition) for definition in DEFINITIONS],
        filled=night.filled,
        told=identities(register, of=nobody),
        **{name: frame for name, frame in night.frames.items() if name not in unseen},
    )
    if until is Stage.REPORTING:
        report = replace(
            report,
            reasons=_reasons(night, settings, first_pairs(report)),
            told=identities(register, of=shown(report)),
        )
    judged = Stage.QUALIF.value in night.counts
    return write_run(out, report, lambda path: write_identities(register, path, with_status=judged))


def _reasons(night: Night, settings: Settings, pairs: pl.DataFrame) -> pl.DataFrame:
    """Return why each pair is proposed: left, right, sentence, bits, in the order to be read."""
    from insvigil.matching import explain_pairs

    if pairs.is_empty():
        return pairs.with_columns(sentence=pl.lit(""), bits=pl.lit(0.0))
    explained = explain_pairs(night.frames["traits"], pairs.rows(), settings.matching, encoding=night.encoding)
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
