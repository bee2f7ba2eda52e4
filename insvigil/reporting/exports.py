"""The folder of a run: tables for machines beside the page and the workbook for people, written whole or not at all.

The folder is made under another name, then renamed, so a reader never sees half of it. It is private: 0700 and 0600.
A matricule leaves the engine only for a qualified identity, and the billing NIR never does.
"""

from __future__ import annotations

import glob
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

import orjson
import polars as pl

from insvigil.errors import UsageError
from insvigil.reporting.night_report import NightReport
from insvigil.reporting.wording import conservation
from insvigil.vocabulary import Stage

PAGE, WORKBOOK, SUMMARY = "index.html", "classeur.xlsx", "run.json"
_ORDER = list(Stage)


def write_run(folder: Path, report: NightReport, write_identities: Callable[[Path], None] | None = None) -> Path:
    """Write the folder of a run and return it: tables, ``run.json``, the page and the workbook.

    What a stage that was not run would have made is not written. ``write_identities`` writes the table of identities
    when ``report.identities`` is the roster alone. Raises UsageError as ``write_folder`` does.
    """

    def fill(draft: Path) -> None:
        # the table of identities is DuckDB's work, all the rest Python's and polars': side by side
        with ThreadPoolExecutor(1) as aside:
            copied = None
            if write_identities is not None and _ORDER.index(report.until) >= _ORDER.index(Stage.REGISTER):
                copied = aside.submit(write_identities, draft / "identities.parquet")
            _write_tables(draft, tables(report))
            if report.until is Stage.REPORTING:
                _write_for_people(draft, report)
            if copied is not None:
                copied.result()

    return _write_whole(folder, summary(report), fill)


def _write_for_people(draft: Path, report: NightReport) -> None:
    from insvigil.reporting.report_page import render_report
    from insvigil.reporting.workbook import write_worklist

    with private(draft / WORKBOOK) as file:
        write_worklist(file, report)
    with private(draft / PAGE) as file:
        file.write(render_report(report).encode())


def write_folder(folder: Path, account: Mapping[str, Any], frames: Mapping[str, pl.DataFrame]) -> Path:
    """Write ``run.json`` from ``account``, a parquet file a frame (and a CSV of the indicators), and return the folder.

    The folder of an earlier run is replaced. Raises UsageError when ``folder`` holds something else than a run.
    """
    return _write_whole(folder, account, lambda draft: _write_tables(draft, frames))


def _write_tables(draft: Path, frames: Mapping[str, pl.DataFrame]) -> None:
    for name, frame in frames.items():
        with private(draft / f"{name}.parquet") as file:
            frame.write_parquet(file, compression="zstd")
        if name == "indicators":
            with private(draft / f"{name}.csv") as file:
                frame.write_csv(file, separator=";", decimal_comma=True, include_bom=True)


def _write_whole(folder: Path, account: Mapping[str, Any], fill: Callable[[Path], None]) -> Path:
    """Make the folder under another name, with ``run.json`` and what ``fill`` writes in it, then give it its own."""
    _refuse_foreign(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    draft = _hidden(folder)
    try:
        with private(draft / SUMMARY) as file:
            file.write(orjson.dumps(account, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS, default=str))
        fill(draft)
        _take_place(draft, folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return folder


def _take_place(draft: Path, folder: Path) -> None:
    if not folder.exists():
        draft.rename(folder)
        return
    old = _hidden(folder)
    folder.rename(old / "old")
    draft.rename(folder)
    shutil.rmtree(old)


def _hidden(folder: Path) -> Path:
    """Return a new private folder beside ``folder``, to be renamed or removed."""
    return Path(tempfile.mkdtemp(prefix=_draft_prefix(folder), dir=folder.parent))


def _sweep(folder: Path) -> None:
    """Remove what a run killed while writing left beside ``folder``: it holds what patients' names are made of."""
    for stale in folder.parent.glob(f"{glob.escape(_draft_prefix(folder))}*"):
        shutil.rmtree(stale, ignore_errors=True)


def _draft_prefix(folder: Path) -> str:
    return f".{folder.name}-insvigil-"


def _refuse_foreign(folder: Path) -> None:
    if not folder.exists():
        return
    if not folder.is_dir() or (any(folder.iterdir()) and not (folder / SUMMARY).exists()):
        raise UsageError(
            f"{folder} existe et n'est pas le dossier d'un traitement.", hint="Choisissez un autre dossier de sortie."
        )


def private(path: Path) -> IO[bytes]:
    """Return a new file that only its owner can read, open for writing."""
    return os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb")


def tables(report: NightReport) -> dict[str, pl.DataFrame]:
    """Return the tables of a run by file name, up to the last stage that was run.

    Identities are named by ``id`` = ``domain|ipp``; groups by the number of their agrégat when the register knows it.
    """
    made: dict[str, tuple[Stage, pl.DataFrame]] = {"rejects": (Stage.READING, report.rejects)}
    if report.told is None:
        made["identities"] = (Stage.REGISTER, exported_identities(report))
    made["anomalies"] = (
        Stage.TRAITS,
        report.anomalies.with_columns(
            id=pl.when(pl.col("identity_id").is_not_null()).then(pl.concat_str("domain", "ipp", separator="|")),
            other_id=_ids(report, "anomalies", "other_id"),
        )
        .drop("identity_id")
        .select("code", "severity", "id", "other_id", "domain", "ipp", "subject"),
    )
    made["pairs"] = (
        Stage.MATCHING,
        report.pairs.with_columns(left=_ids(report, "pairs", "left"), right=_ids(report, "pairs", "right")),
    )
    made["groups"] = (Stage.MATCHING, _groups(report))
    made["indicators"] = (Stage.QUALIF, report.indicators)
    made["objectives"] = (Stage.QUALIF, report.objectives)
    reached = _ORDER.index(report.until)
    return {name: frame for name, (stage, frame) in made.items() if _ORDER.index(stage) <= reached}


def exported_identities(report: NightReport) -> pl.DataFrame:
    """Return the identities that may leave: no billing NIR, and a matricule for qualified identities only."""
    known = report.statuses.select("identity_id", "status", "ins_transmissible")
    joined = report.identities.join(known, on="identity_id", how="left").sort("identity_id")
    may_leave = pl.col("ins_transmissible").fill_null(False)
    return joined.select(
        pl.concat_str("domain", "ipp", separator="|").alias("id"),
        *("domain", "ipp", "status"),
        *(
            pl.when(may_leave).then(name).alias(name) if name in ("matricule", "matricule_oid") else pl.col(name)
            for name in report.identities.columns
            if name not in ("identity_id", "domain", "ipp", "billing_nir")
        ),
    )


def _ids(report: NightReport, frame: str, column: str) -> pl.Series:
    """Return ``domain|ipp`` of the identities that a column of a frame of the report names by their number."""
    numbers = getattr(report, frame)[column]
    known = numbers.is_not_null()
    domain, ipp = (report.identities[name].gather(numbers.filter(known)) for name in ("domain", "ipp"))
    named = pl.select(pl.concat_str(domain, ipp, separator="|").alias(column)).to_series()
    if named.len() == numbers.len():
        return named
    return pl.Series(column, [None], dtype=pl.String).new_from_index(0, numbers.len()).scatter(known.arg_true(), named)


def _groups(report: NightReport) -> pl.DataFrame:
    named = report.groups.with_columns(id=_ids(report, "groups", "identity_id"))
    if report.agregats is not None:
        numbers = report.agregats.select(pl.col("group").cast(pl.UInt32), "agregat")
        named = named.join(numbers, on="group", how="left").with_columns(group="agregat")
    return named.select("id", "group").sort("group", "id")


def summary(report: NightReport) -> dict[str, Any]:
    """Return what run.json says: where the figures come from, the account of messages, counts and seconds."""
    account = dict(report.counts.get("messages", {}))
    return {
        "version": report.version,
        "run": report.run,
        "started": report.started.isoformat(timespec="seconds"),
        "until": report.until.value,
        "establishment": report.settings.reporting.establishment,
        "settings": report.settings.digest(),
        "conservation": conservation(account) if account else "",
        "counts": {stage: dict(counts) for stage, counts in report.counts.items()},
        "seconds": {stage: round(seconds, 3) for stage, seconds in report.seconds.items()},
        "sources": report.sources.select("path", "digest", "size", "format", "outcome", "messages").to_dicts(),
    }
