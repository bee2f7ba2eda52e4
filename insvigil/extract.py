"""The road of a flat identity file: reading, traits, matching, and no register."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from insvigil import __version__
from insvigil.errors import SourceError
from insvigil.vocabulary import Stage
from insvigil.waking import wake

if TYPE_CHECKING:
    from insvigil.settings import MatchingSettings

Progress = Callable[[int, int], None]


def match_file(
    file: Path, columns: Path, out: Path, settings: MatchingSettings, *, progress: Progress | None = None
) -> dict[str, Any]:
    """Find the doublons of a flat identity file, without a register; return what ``run.json`` says.

    Writes ``pairs.parquet`` and ``groups.parquet`` with the file's own ids, ``rejects.parquet`` and ``run.json``.
    """
    from insvigil.matching import match
    from insvigil.reading import ColumnMap, open_extract
    from insvigil.reporting import write_folder
    from insvigil.traits import normalise

    seconds: dict[str, float] = {}
    start = time.perf_counter()
    # Waking numba and its compiled kernels takes about a second of one core: meanwhile the other one reads.
    waking = wake()
    mapped = ColumnMap.load(columns)
    extract = open_extract(file, mapped)
    read_ids, rejects, report, read = extract.read_ids, extract.rejects, extract.report, extract.counts
    seconds[Stage.READING.value] = time.perf_counter() - start
    traits = normalise(extract.identities)
    del extract  # the text of a CSV is not needed any more: at ten millions it weighs more than its traits
    seconds[Stage.TRAITS.value] = time.perf_counter() - start - sum(seconds.values())
    waking.join()
    found = match(traits, settings, progress=progress)
    seconds[Stage.MATCHING.value] = time.perf_counter() - start - sum(seconds.values())
    ids = read_ids()  # not held before: 160 MB at ten millions, when memory is at its peak
    pairs = found.pairs.with_columns(
        left=ids.gather(found.pairs["left"]),
        right=ids.gather(found.pairs["right"]),
        band=found.lines.bands_of(found.pairs["probability"]),
    )
    groups = found.groups.select(id=ids.gather(found.groups["identity_id"]), group=pl.col("group"))
    summary = {
        "version": __version__,
        "settings": settings.model_dump(mode="json"),
        "source": report,
        "columns": mapped.model_dump(exclude_defaults=True),
        "counts": {"rows": read, Stage.MATCHING.value: found.counts},
        "matching_seconds": found.timings,
        "seconds": seconds | {"total": time.perf_counter() - start},
    }
    write_folder(out, summary, {"pairs": pairs, "groups": groups, "rejects": rejects})
    return summary


def keys_of_file(file: Path, columns: Path, truth: Path) -> pl.DataFrame:
    """Return what each block key costs and finds on a flat file whose truth (id, person) is known.

    Raises ``SourceError`` when the truth does not know every identity of the file.
    """
    from insvigil.matching import keys_report
    from insvigil.reading import ColumnMap, read_extract
    from insvigil.traits import normalise

    extract = read_extract(file, ColumnMap.load(columns))
    people = pl.read_csv(truth) if truth.suffix == ".csv" else pl.read_parquet(truth)
    rows = pl.DataFrame({"id": extract.ids.cast(pl.String)}).join(
        people.select(pl.col("id").cast(pl.String), "person"), on="id", how="left", maintain_order="left"
    )
    if rows["person"].null_count():
        raise SourceError(
            "La vérité ne connaît pas toutes les identités du fichier.", hint="Vérifiez les deux fichiers."
        )
    numbered = rows.select(person=pl.col("person").rank("dense").cast(pl.Int64))
    return keys_report(normalise(extract.identities), numbered)
