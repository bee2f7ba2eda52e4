"""Figures → files for the DIM, and the proof folder another person can recompute from the register.

Nothing here names a person: figures, definitions, settings, digests. Files are private (0600).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Literal

import dataframely as dy
import orjson
import polars as pl

from insvigil.errors import UsageError
from insvigil.frames import Indicators, Objectives
from insvigil.qualif.definitions import DEFINITIONS, RULE_VERSION
from insvigil.qualif.programmes import Programme
from insvigil.qualif.statuses import SOURCES

Format = Literal["csv", "xlsx", "json", "parquet"]
SIGNATURE = "empreintes.txt"
"""The file of a proof folder that holds the digest of each other file and of them all."""


def export_indicators(
    indicators: dy.DataFrame[Indicators],
    file: IO[bytes],
    layout: Format,
    *,
    objectives: dy.DataFrame[Objectives] | None = None,
) -> None:
    """Write the figures in ``file``: CSV for a French spreadsheet, XLSX, JSON or parquet.

    XLSX and JSON also hold the objectives with their answers, and the definitions; CSV and parquet are one table.
    """
    aims = Objectives.create_empty() if objectives is None else objectives
    if layout == "json":
        content = {
            "indicators": indicators.to_dicts(),
            "objectives": aims.to_dicts(),
            "definitions": definitions().to_dicts(),
            "sources": SOURCES,
        }
        file.write(orjson.dumps(content, option=orjson.OPT_INDENT_2))
    elif layout == "xlsx":
        sheets = {"Indicateurs": indicators, "Objectifs": aims, "Définitions": definitions()}
        _write_workbook(sheets, file)
    else:
        export_rows(indicators, file, layout)


def export_rows(rows: pl.DataFrame, file: IO[bytes], layout: Format) -> None:
    """Write a table in ``file``: CSV for a French spreadsheet, XLSX, JSON (a list of rows) or parquet."""
    if layout == "csv":
        file.write(_csv(rows))
    elif layout == "parquet":
        rows.write_parquet(file, compression="zstd")
    elif layout == "json":
        file.write(orjson.dumps(rows.to_dicts(), option=orjson.OPT_INDENT_2))
    else:
        _write_workbook({"Lignes": rows}, file)


def definitions() -> pl.DataFrame:
    """Return what each indicator counts: code, label, numerator, denominator, note, source, confidence."""
    names = ("code", "label", "numerator", "denominator", "note", "source")
    rows = [(*(getattr(one, name) for name in names), one.confidence.value) for one in DEFINITIONS]
    return pl.DataFrame(rows, schema=[*names, "confidence"], orient="row")


def write_proof(
    folder: Path,
    indicators: dy.DataFrame[Indicators],
    objectives: dy.DataFrame[Objectives],
    *,
    programme: Programme,
    settings: Mapping[str, Any],
    sources: pl.DataFrame,
    counts: Mapping[str, Any],
    command: str,
) -> str:
    """Write the proof folder of a programme and return its signature, a digest of every file in it.

    ``settings`` is the dump of all the settings; ``sources`` the digests of the files read (digest, size, messages);
    ``counts`` what was counted (identities, statuses, stays); ``command`` recomputes the folder from the register. No
    time of writing enters it: the same register gives the same signature. Raise ``UsageError`` when ``folder`` exists.
    """
    if folder.exists():
        raise UsageError(f"Le dossier {folder} existe déjà.", hint="Choisissez un autre dossier de preuve.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    option = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS
    try:
        _put(draft / "chiffres.csv", _csv(indicators))
        _put(draft / "objectifs.csv", _csv(objectives))
        _put(draft / "definitions.csv", _csv(definitions()))
        _put(draft / "sources.csv", _csv(sources.sort("digest")))
        _put(draft / "programme.json", orjson.dumps(programme.model_dump(mode="json"), option=option))
        _put(draft / "reglages.json", orjson.dumps(settings, option=option, default=str))
        _put(draft / "comptes.json", orjson.dumps(counts, option=option, default=str))
        _put(draft / "LISEZMOI.txt", _readme(programme, indicators, command).encode())
        signature = _signed(draft)
        draft.rename(folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return signature


def check_proof(folder: Path) -> list[str]:
    """Return the names of the files that are not what the signature says (changed, missing or added); [] when sound."""
    told = {}
    for line in (folder / SIGNATURE).read_text(encoding="utf-8").splitlines():
        digest, _, name = line.partition("  ")
        told[name] = digest
    told.pop(_WHOLE, None)
    found = {path.name: _digest(path) for path in folder.iterdir() if path.name != SIGNATURE}
    return sorted(name for name in told.keys() | found.keys() if told.get(name) != found.get(name))


_WHOLE = "(ensemble)"


def _signed(draft: Path) -> str:
    lines = [f"{_digest(path)}  {path.name}" for path in sorted(draft.iterdir())]
    signature = hashlib.blake2b("\n".join(lines).encode(), digest_size=16).hexdigest()
    _put(draft / SIGNATURE, ("\n".join([*lines, f"{signature}  {_WHOLE}"]) + "\n").encode())
    return signature


def _digest(path: Path) -> str:
    return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()


def _put(path: Path, content: bytes) -> None:
    with private(path) as file:
        file.write(content)


def private(path: Path) -> IO[bytes]:
    """Return a new file that only its owner can read, open for writing; raise ``UsageError`` when it exists."""
    try:
        return os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb")
    except FileExistsError as error:
        raise UsageError(f"Le fichier {path} existe déjà.", hint="Choisissez un autre nom.") from error


def _csv(frame: pl.DataFrame) -> bytes:
    return frame.write_csv(separator=";", decimal_comma=True, include_bom=True).encode()


def _readme(programme: Programme, indicators: pl.DataFrame, command: str) -> str:
    facts = [*programme.facts, *programme.prerequisites]
    lines = [
        f"Dossier de preuve : {programme.name}",
        "",
        "chiffres.csv      numérateur, dénominateur, taux, période, maille, source des statuts, version des règles",
        "objectifs.csv     engagement, écart, verdict (« non évaluable » quand aucune cible n'est connue)",
        "definitions.csv   ce que chaque indicateur compte, et la confiance dans sa définition",
        "reglages.json     réglages du calcul",
        "sources.csv       empreinte de chaque fichier lu par le registre",
        "comptes.json      identités, statuts et mouvements comptés",
        "programme.json    ce que l'on sait du programme, avec la source et la confiance de chaque fait",
        f"{SIGNATURE}    empreinte de chaque fichier (blake2b, 16 octets), puis de l'ensemble",
        "",
        f"Version des règles : {RULE_VERSION}. Source des statuts :",
        *(f"  {SOURCES.get(part, part)}" for part in _sources_of(indicators)),
        "",
        "Pour recalculer ce dossier depuis le registre, puis comparer les empreintes :",
        f"  {command}",
        "",
        "Faits sur le programme (à confirmer quand ils ne sont pas vérifiés dans un texte officiel) :",
        *(f"  - {fact.text} [{fact.source}{' ; à confirmer' if fact.to_confirm else ''}]" for fact in facts),
    ]
    return "\n".join(lines) + "\n"


def _sources_of(indicators: pl.DataFrame) -> list[str]:
    said = indicators["status_source"].unique()
    return sorted({part for source in said for part in source.partition(" (")[0].split("+")})


def _write_workbook(sheets: Mapping[str, pl.DataFrame], file: IO[bytes]) -> None:
    import xlsxwriter

    with xlsxwriter.Workbook(file, {"in_memory": True, "strings_to_formulas": False}) as workbook:
        for name, frame in sheets.items():
            frame.write_excel(workbook, name, autofit=True, freeze_panes=(1, 0), column_formats={"rate": "0.0000"})
