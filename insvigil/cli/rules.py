"""`insvigil rules`, `insvigil explain`, `insvigil frames`: what the engine knows, said plainly."""

from __future__ import annotations

import sys
from difflib import get_close_matches
from pathlib import Path

import click

from insvigil.cli.console import as_json, number, table
from insvigil.cli.french import Command
from insvigil.cli.options import for_machines
from insvigil.errors import UsageError


@click.command(cls=Command, example="insvigil rules --select IDV-NOM,IDV-INS --json")
@click.option("--select", metavar="CODES", default="", help="Ces codes ou débuts de code, séparés par des virgules.")
@click.option("--ignore", metavar="CODES", default="", help="Sans ces codes ou débuts de code.")
@click.option("--statistics", is_flag=True, help="Compte les constats de la dernière sortie, ou de --out.")
@click.option("--out", metavar="DOSSIER", type=click.Path(path_type=Path), help="La sortie à compter.")
@for_machines
def rules(select: str, ignore: str, statistics: bool, out: Path | None, as_machine: bool) -> None:
    """Liste les règles : code, gravité, portée, phrase, source et degré de certitude."""
    from insvigil.pipeline import catalogue

    known = catalogue()
    _check([rule.code for rule in known], f"{select},{ignore}")
    chosen = [rule for rule in known if _named(rule.code, select, default=True) and not _named(rule.code, ignore)]
    folder = (out or _last_run()) if statistics or out else None
    found = None if folder is None else _findings(folder)
    if as_machine:
        keys = ("code", "severity", "scope", "sentence", "reason", "advice", "source", "confidence")
        rows: list[dict[str, object]] = [{key: str(getattr(rule, key)) for key in keys} for rule in chosen]
        as_json(rows if found is None else [row | {"findings": found.get(str(row["code"]), 0)} for row in rows])
    elif found is not None:
        counted = sorted(
            ((found.get(rule.code, 0), rule) for rule in chosen), key=lambda pair: (-pair[0], pair[1].code)
        )
        table(
            ["constats", "code", "gravité", "phrase"],
            [(str(count), rule.code, rule.severity.label, rule.sentence) for count, rule in counted if count],
        )
        total, speaking = sum(count for count, _ in counted), sum(count > 0 for count, _ in counted)
        click.echo(
            f"{folder} : {number(total)} constats de {speaking} règles sur {len(chosen)}. "
            "Que faire de chacun : insvigil explain CODE.",
            err=True,
        )
    elif sys.stdout.isatty():  # six columns do not fit a screen
        table(
            ["code", "gravité", "portée", "phrase"],
            [(rule.code, rule.severity.label, rule.scope.label, rule.sentence) for rule in chosen],
        )
        click.echo(f"{len(chosen)} règles. La raison, le conseil et la source : insvigil explain CODE.", err=True)
    else:
        table(
            ["code", "gravité", "portée", "phrase", "source", "certitude"],
            [
                (rule.code, rule.severity.label, rule.scope.label, rule.sentence, rule.source, rule.confidence.label)
                for rule in chosen
            ],
        )


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
    near = get_close_matches(code.upper(), [rule.code for rule in catalogue()])
    raise UsageError(
        f"Aucune règle ne porte le code « {code} ».",
        hint=f"Codes proches : {', '.join(near)}." if near else "La liste : insvigil rules.",
    )


@click.command(cls=Command, example="insvigil frames Identities")
@click.argument("name", metavar="[TABLEAU]", required=False)
@for_machines
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


def _check(codes: list[str], prefixes: str) -> None:
    """Refuse a prefix that no code begins with: a slip would list nothing, or ignore nothing."""
    for prefix in (prefix.strip().upper() for prefix in prefixes.split(",")):
        if not any(code.startswith(prefix) for code in codes):
            families = sorted({code.rpartition("-")[0] for code in codes})
            raise UsageError(f"Aucun code ne commence par « {prefix} ».", hint=f"Familles : {', '.join(families)}.")


def _named(code: str, prefixes: str, *, default: bool = False) -> bool:
    wanted = [prefix.strip().upper() for prefix in prefixes.split(",") if prefix.strip()]
    return any(code.startswith(prefix) for prefix in wanted) if wanted else default


def _last_run() -> Path:
    """Return the newest folder of results under ./sortie."""
    runs = sorted(Path("sortie").glob("*/run.json"), key=lambda path: path.stat().st_mtime)
    if not runs:
        raise UsageError("Aucune sortie dans le dossier « sortie ».", hint="Nommez-en une : --out DOSSIER.")
    return runs[-1].parent


def _findings(folder: Path) -> dict[str, int]:
    """Return how many times each rule found something in a folder of results."""
    import polars as pl

    if not (folder / "run.json").exists():
        raise UsageError(f"{folder} n'est pas une sortie d'insvigil.", hint="Donnez un dossier écrit par insvigil run.")
    counts: dict[str, int] = {}
    for name in ("anomalies.parquet", "rejects.parquet"):
        if (folder / name).exists():
            found = pl.read_parquet(folder / name, columns=["code"]).group_by("code").len()
            counts |= dict(found.iter_rows())
    return counts
