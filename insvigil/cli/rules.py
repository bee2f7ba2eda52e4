"""`insvigil rules`, `insvigil explain`, `insvigil frames`: what the engine knows, said plainly."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from insvigil.cli.console import as_json, table
from insvigil.cli.french import Command
from insvigil.errors import UsageError


@click.command(cls=Command, example="insvigil rules --select IDV-NOM,IDV-INS --json")
@click.option(
    "--select", metavar="CODES", default="", help="Seulement ces codes ou débuts de code, séparés par des virgules."
)
@click.option("--ignore", metavar="CODES", default="", help="Sans ces codes ou débuts de code.")
@click.option(
    "--statistics", metavar="DOSSIER", type=click.Path(path_type=Path), help="Compte les constats d'une sortie."
)
@click.option("--json", "as_machine", is_flag=True, help="Pour une machine.")
def rules(select: str, ignore: str, statistics: Path | None, as_machine: bool) -> None:
    """Liste les règles : code, gravité, portée, phrase, source et degré de certitude."""
    from insvigil.pipeline import catalogue

    chosen = [rule for rule in catalogue() if _named(rule.code, select, default=True) and not _named(rule.code, ignore)]
    found = _counts(statistics) if statistics else None
    if as_machine:
        keys = ("code", "severity", "scope", "sentence", "reason", "advice", "source", "confidence")
        rows = [{key: str(asdict(rule)[key]) for key in keys} for rule in chosen]
        as_json([row | {"findings": found.get(row["code"], 0)} for row in rows] if found is not None else rows)
        return
    columns = ["code", "gravité", "portée", "phrase", "source", "certitude"]
    cells: list[tuple[str, ...]] = [
        (rule.code, rule.severity.label, rule.scope.label, rule.sentence, rule.source, rule.confidence.label)
        for rule in chosen
    ]
    if found is not None:
        columns = [*columns[:2], "constats", *columns[2:]]
        cells = [(*row[:2], str(found.get(row[0], 0)), *row[2:]) for row in cells]
    table(columns, cells)


@click.command(cls=Command, example="insvigil explain IDV-INS-001")
@click.argument("code", metavar="CODE")
def explain(code: str) -> None:
    """Dit ce que la règle CODE trouve, pourquoi c'est important, que faire, et d'où elle vient."""
    from insvigil.pipeline import catalogue

    for rule in catalogue():
        if rule.code == code.upper():
            click.echo(f"{rule.code} — {rule.sentence}")
            click.echo(f"Gravité    {rule.severity.label} ; portée : {rule.scope.label}")
            click.echo(f"Pourquoi   {rule.reason}")
            click.echo(f"Que faire  {rule.advice}")
            click.echo(f"Source     {rule.source} ({rule.confidence.label})")
            return
    raise UsageError(f"Aucune règle ne porte le code « {code} ».", hint="La liste : insvigil rules.")


@click.command(cls=Command, example="insvigil frames Identities")
@click.argument("name", metavar="[TABLEAU]", required=False)
@click.option("--json", "as_machine", is_flag=True, help="Pour une machine.")
def frames(name: str | None, as_machine: bool) -> None:
    """Décrit les tableaux que les étapes s'échangent et écrivent : colonnes, types, valeurs absentes permises."""
    import dataframely as dy

    from insvigil import frames as module

    schemas = {
        key: value
        for key, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, dy.Schema) and value is not dy.Schema
    }
    if name is not None and name not in schemas:
        raise UsageError(f"Aucun tableau ne s'appelle « {name} ».", hint=f"Tableaux : {', '.join(schemas)}.")
    rows = [
        [key, column, str(spec.dtype), "oui" if spec.nullable else "non"]
        for key, schema in schemas.items()
        if name in (None, key)
        for column, spec in schema.columns().items()
    ]
    if as_machine:
        as_json([dict(zip(("frame", "column", "dtype", "nullable"), row, strict=True)) for row in rows])
        return
    if name is not None:
        click.echo((schemas[name].__doc__ or "").strip() + "\n")
    table(["tableau", "colonne", "type", "absent permis"], rows)


def _named(code: str, prefixes: str, *, default: bool = False) -> bool:
    wanted = [prefix.strip().upper() for prefix in prefixes.split(",") if prefix.strip()]
    return any(code.startswith(prefix) for prefix in wanted) if wanted else default


def _counts(folder: Path) -> dict[str, int]:
    import polars as pl

    counts: dict[str, int] = {}
    for name in ("anomalies.parquet", "rejects.parquet"):
        if (folder / name).exists():
            frame = pl.read_parquet(folder / name, columns=["code"]).group_by("code").len()
            counts |= dict(frame.iter_rows())
    if not counts and not (folder / "run.json").exists():
        raise UsageError(f"{folder} n'est pas une sortie d'insvigil.", hint="Donnez un dossier écrit par insvigil run.")
    return counts
