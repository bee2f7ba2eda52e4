"""Files in: read, folded into the register, every message accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from insvigil import __version__
from insvigil.errors import ContractError
from insvigil.frames import CrossChecks
from insvigil.night.night import Night, Progress, Tell
from insvigil.reporting.wording import integer
from insvigil.vocabulary import Stage

if TYPE_CHECKING:
    from insvigil.register import Register
    from insvigil.settings import Settings

FOLDED_AT_ONCE = 250_000
"""Messages folded together: each call of ``fold`` scans the keys of the register, 1 s at five millions."""


def take_in(
    night: Night, paths: Sequence[Path], settings: Settings, register: Register, say: Tell, progress: Progress | None
) -> None:
    """Reading and folding advance together, so that a feed of any size fits in memory."""
    from insvigil.reading import iter_movements
    from insvigil.register import absorbed, fold, known_digests, roster, stays

    read: Counter[str] = Counter()
    folded: Counter[str] = Counter()
    filled: Counter[str] = Counter()
    parts: dict[str, list[pl.DataFrame]] = {"sources": [], "rejects": [], "changes": []}
    billed = [night.billed]
    batches = iter_movements(paths, settings.reading, known=known_digests(register), progress=progress)
    while gathered := _gather(night, batches):
        sources, movements = (
            pl.concat([getattr(batch, name) for batch in gathered]) for name in ("sources", "movements")
        )
        for batch in gathered:
            read.update(batch.counts)
            billed.append(batch.crosschecks)
        rejects = [batch.rejects for batch in gathered]
        gathered.clear()
        with night.timed(Stage.REGISTER):
            also = None if night.due is None or folded else night.due.result  # those of all the night, once
            folding = fold(register, movements, sources=sources, now=night.started, also=also)
        folded.update(folding.counts)
        filled.update(folding.filled)
        parts["sources"].append(sources)
        parts["rejects"] += [*rejects, folding.rejects]
        parts["changes"].append(folding.changes)
    if night.before is not None:
        known = night.before["counts"][Stage.TRAITS.value].get("filled", {})
        night.filled = {name: count + filled[name] for name, count in known.items()} or None
    night.billed = CrossChecks.validate(pl.concat(billed))
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
    """Return the account of messages and billing lines, which the register does not keep; raise ``ContractError``."""
    account = {
        "read": read["read"],
        "kept": folded["kept"] + read["billed"],
        "folded": read["folded"] + folded["folded"],
        "rejected": read["rejected"] + folded["rejected"],
    }
    if account["read"] != account["kept"] + account["folded"] + account["rejected"]:
        raise ContractError(f"Des messages manquent au compte : {account}.", hint="Le registre n'a pas été changé.")
    return account


def only_read(
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
