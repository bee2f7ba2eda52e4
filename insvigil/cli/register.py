"""`insvigil history`: what the register remembers of an identity."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from insvigil.cli.console import as_json, table
from insvigil.cli.french import Command
from insvigil.cli.night import settings_at
from insvigil.errors import UsageError


@click.command(cls=Command, example="insvigil history 0001234 --config insvigil.toml --at 2026-10-01")
@click.argument("ipp", metavar="IPP")
@click.option("--domain", metavar="DOMAINE", help="Autorité d'affectation de l'IPP, s'il y en a plusieurs.")
@click.option("--at", metavar="DATE", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"]), help="État à cette date.")
@click.option("--config", metavar="FICHIER", type=click.Path(path_type=Path), help="Réglages (défaut : insvigil.toml).")
@click.option("--json", "as_machine", is_flag=True, help="Pour une machine.")
def history(ipp: str, domain: str | None, at: datetime | None, config: Path | None, as_machine: bool) -> None:
    """Montre chaque changement d'une identité : quand il était vrai, quand insvigil l'a appris, d'où il vient."""
    from insvigil.register import history as told
    from insvigil.register import open_register

    settings, folder = settings_at(config)
    with open_register(settings.register_, folder=folder, read_only=True) as register:
        frame = told(register, ipp, domain=domain, at=at)
    if frame.is_empty():
        raise UsageError("Cet IPP n'est pas au registre.", hint="Vérifiez l'IPP, le domaine et --config.")
    if as_machine:
        as_json(frame.to_dicts())
        return
    table(frame.columns, frame.rows())
