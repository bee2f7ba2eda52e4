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

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from insvigil import __version__
from insvigil.errors import ContractError
from insvigil.reporting.wording import integer
from insvigil.vocabulary import Mesh, Rule, Stage, Verdict

if TYPE_CHECKING:
    from insvigil.register import Register
    from insvigil.settings import Settings

Tell = Callable[[str, str], None]
Progress = Callable[[int, int], None]


@dataclass
class Night:
    """What a run made: frames by name, counts and wall seconds by stage, and the folder they were written to."""

    started: datetime
    frames: dict[str, Any] = field(default_factory=dict)
    counts: dict[str, dict[str, Any]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    folder: Path | None = None

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
    later: dict[Stage, Callable[[], str]] = {
        Stage.TRAITS: lambda: _normalise(night, settings),
        Stage.MATCHING: lambda: _match(night, settings, register, full=full),
        Stage.QUALIF: lambda: _qualify(night, settings, register),
    }
    stages = list(Stage)
    wanted = stages[: stages.index(until) + 1]
    register.begin(night.started)
    try:
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


def _take_in(
    night: Night, paths: Sequence[Path], settings: Settings, register: Register, say: Tell, progress: Progress | None
) -> None:
    """Reading and folding advance together, batch by batch, so that a feed of any size fits in memory."""
    from insvigil.reading import iter_movements
    from insvigil.register import absorbed, fold, identities, known_digests, stays

    read: Counter[str] = Counter()
    folded: Counter[str] = Counter()
    parts: dict[str, list[pl.DataFrame]] = {"sources": [], "rejects": [], "changes": []}
    batches = iter_movements(paths, settings.reading, known=known_digests(register), progress=progress)
    while True:
        with night.timed(Stage.READING):
            batch = next(batches, None)
        if batch is None:
            break
        read.update(batch.counts)
        with night.timed(Stage.REGISTER):
            folding = fold(register, batch.movements, sources=batch.sources, now=night.started)
        folded.update(folding.counts)
        parts["sources"].append(batch.sources)
        parts["rejects"] += [batch.rejects, folding.rejects]
        parts["changes"].append(folding.changes)
    with night.timed(Stage.REGISTER):
        night.frames |= {name: pl.concat(frames) for name, frames in parts.items()}
        night.frames["rejects"] = _with_paths(night.frames["rejects"], night.frames["sources"])
        night.frames["identities"] = identities(register)
        night.frames["stays"] = stays(register)
        night.frames["absorbed"] = absorbed(register)
    night.counts["messages"] = _conserved(read, folded)
    night.counts[Stage.READING.value] = dict(read)
    night.counts[Stage.REGISTER.value] = dict(folded) | {"identities": night.frames["identities"].height}
    messages = {name: integer(value) for name, value in night.counts["messages"].items()}
    say(
        Stage.READING.label,
        f"{integer(night.frames['sources'].height)} fichiers, {messages['read']} messages lus = "
        f"{messages['kept']} gardés + {messages['folded']} repliés + {messages['rejected']} rejetés",
    )
    say(
        Stage.REGISTER.label,
        f"{integer(night.frames['identities'].height)} identités : {integer(folded['created'])} créées, "
        f"{integer(folded['modified'])} modifiées, {integer(folded['merged'])} fusions",
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


def _normalise(night: Night, settings: Settings) -> str:
    from insvigil.traits import detect, normalise

    frames = night.frames
    frames["traits"] = normalise(frames["identities"], settings.traits)
    frames["anomalies"] = detect(
        frames["identities"],
        frames["traits"],
        changes=frames["changes"],
        stays=frames["stays"],
        absorbed=frames["absorbed"],
        settings=settings.traits,
        today=night.started.date(),
        only=("identities", "changes", "stays", "absorbed"),
    )
    night.counts[Stage.TRAITS.value] = {"identities": frames["traits"].height, "anomalies": frames["anomalies"].height}
    return f"{integer(frames['traits'].height)} identités normalisées, {integer(frames['anomalies'].height)} anomalies"


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
    from insvigil.register import runs

    past = runs(register).filter(pl.col("run") < register.run)
    if past.is_empty():
        return False
    last = past.row(-1, named=True)
    same = last["settings_digest"] == settings.digest() and last["version"] == __version__
    return same and Stage.MATCHING.value in json.loads(last["counts"] or "{}")


def _qualify(night: Night, settings: Settings, register: Register) -> str:
    from insvigil import qualif
    from insvigil.register import status_ledger, store_indicators, store_statuses

    frames, rules, production = night.frames, settings.qualif, settings.reading.production
    identities, past = frames["identities"], qualif.ins_changes(register)
    statuses = qualif.derive_statuses(identities, rules, changes=past, production=production)
    moves = qualif.transitions(
        status_ledger(register, standing=True),
        identities,
        statuses,
        night.started,
        settings=rules,
        changes=qualif.tonight(register),
        production=production,
    )
    store_statuses(register, moves)
    ledger = status_ledger(register)
    statuses = qualif.kept(statuses, identities, ledger)
    period = qualif.active_period(night.started.date(), rules)
    visits = qualif.passages(identities, frames["stays"], rules)
    indicators = qualif.measure(identities, statuses, visits, rules, period=period, ledger=ledger)
    store_indicators(register, indicators)
    frames["objectives"] = qualif.assess(indicators, identities, statuses, visits, rules, ledger=ledger)
    faults = qualif.status_anomalies(identities, rules, changes=past, production=production)
    frames |= {
        "statuses": statuses,
        "indicators": indicators,
        "anomalies": pl.concat([frames["anomalies"], faults, qualif.refusals(identities, ledger)]),
    }
    night.counts[Stage.QUALIF.value] = dict(statuses.group_by("status").len().sort("status").iter_rows())
    return _rate_line(indicators)


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
    from insvigil.qualif import SOURCES
    from insvigil.qualif.definitions import DEFINITIONS
    from insvigil.register import describe_run, indicators
    from insvigil.reporting import NightReport, first_pairs, write_run

    describe_run(
        register,
        ended=datetime.now(),
        version=__version__,
        settings_digest=settings.digest(),
        counts=dict(night.counts),
    )
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
        status_sources=SOURCES,
        definitions=[asdict(definition) for definition in DEFINITIONS],
        **{name: frame for name, frame in night.frames.items() if name not in unseen},
    )
    if until is Stage.REPORTING:
        report = replace(report, reasons=_reasons(night, settings, first_pairs(report)))
    return write_run(out, report)


def _reasons(night: Night, settings: Settings, pairs: pl.DataFrame) -> pl.DataFrame:
    """Return why each pair is proposed: left, right, sentence, bits, in the order to be read."""
    from insvigil.matching import explain_pairs

    if pairs.is_empty():
        return pairs.with_columns(sentence=pl.lit(""), bits=pl.lit(0.0))
    explained = explain_pairs(night.frames["traits"], pairs.rows(), settings.matching)
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
