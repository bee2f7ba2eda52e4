"""`insvigil inspect`: a census of a feed before it is trusted."""

from __future__ import annotations

from pathlib import Path

import click

from insvigil.cli.console import as_json, table
from insvigil.cli.french import Command
from insvigil.cli.options import for_machines
from insvigil.errors import UsageError


@click.command(cls=Command, example="insvigil inspect flux/2026-11-20/gam.hl7")
@click.argument("path", metavar="FICHIER", type=click.Path(path_type=Path))
@for_machines
def inspect(path: Path, as_machine: bool) -> None:
    """Recense un flux sans rien écrire : événements, versions, jeux de caractères, statuts, champs absents."""
    from insvigil.reading import inspect as census

    if not path.exists():
        raise UsageError(f"{path} n'existe pas.", hint="Vérifiez le chemin.")
    counted = census(path)
    if as_machine:
        as_json(counted)
        return
    for title, value in counted.items():
        if isinstance(value, dict):
            table([title, "nombre"], list(value.items()), title=title)
        else:
            click.echo(f"{title}\t{value}")
