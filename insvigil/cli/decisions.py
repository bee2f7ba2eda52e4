"""`insvigil decisions`: what people decided of pairs, taken back into the register."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from insvigil.cli.console import as_json, table
from insvigil.cli.french import Command, Entry, Group
from insvigil.cli.night import settings_at
from insvigil.cli.options import for_machines, with_config
from insvigil.errors import UsageError
from insvigil.vocabulary import Decision

decisions = Group(
    name="decisions",
    entries={
        "import": Entry("insvigil.cli.decisions", "take_in", "Reprend les décisions d'un classeur rempli."),
        "record": Entry("insvigil.cli.decisions", "record", "Note une décision sur deux identités."),
        "list": Entry("insvigil.cli.decisions", "list_all", "Liste les décisions en vigueur."),
    },
    help="Ce que la cellule a décidé : une paire jugée « non doublon » ne revient pas, sauf si un trait strict change.",
    example="insvigil decisions import classeur.xlsx --author A.MARTIN",
)


@click.command("import", cls=Command, example="insvigil decisions import classeur.xlsx --author A.MARTIN")
@click.argument("file", metavar="CLASSEUR", type=click.Path(path_type=Path))
@click.option("--author", metavar="NOM", required=True, help="Qui a décidé.")
@with_config
def take_in(file: Path, author: str, config: Path | None) -> None:
    """Reprend au registre les décisions écrites dans CLASSEUR, toutes ou aucune."""
    from insvigil.register import open_register, record_decision
    from insvigil.reporting import read_decisions

    if not file.exists():
        raise UsageError(f"{file} n'existe pas.", hint="Vérifiez le chemin.")
    rows = read_decisions(file).to_dicts()
    settings, folder = settings_at(config)
    now = datetime.now()
    open_register(settings.register_, folder=folder, read_only=True).close()  # there must be one
    with open_register(settings.register_, folder=folder) as opened, opened.transaction():
        for row in rows:
            record_decision(
                opened,
                left=(row["domain_left"], row["ipp_left"]),
                right=(row["domain_right"], row["ipp_right"]),
                decision=Decision.of(row["decision"]),
                author=author,
                decided_at=now,
                reason=row["comment"] or "",
            )
    click.echo(f"{len(rows)} décisions reprises")


@click.command(cls=Command, example="insvigil decisions record 0001234 0005678 NON_DOUBLON --author A.MARTIN")
@click.argument("left", metavar="A")
@click.argument("right", metavar="B")
@click.argument("decision", metavar="DÉCISION", type=click.Choice([member.value for member in Decision]))
@click.option("--author", metavar="NOM", required=True, help="Qui a décidé.")
@click.option("--reason", metavar="TEXTE", default="", help="Pourquoi.")
@click.option("--domain", metavar="DOMAINE", required=True, help="Autorité d'affectation des deux IPP.")
@with_config
def record(left: str, right: str, decision: str, author: str, reason: str, domain: str, config: Path | None) -> None:
    """Note une décision sur les IPP A et B : DOUBLON, NON_DOUBLON, COLLISION ou A_VERIFIER."""
    from insvigil.register import open_register, record_decision

    settings, folder = settings_at(config)
    open_register(settings.register_, folder=folder, read_only=True).close()  # there must be one
    with open_register(settings.register_, folder=folder) as opened:
        record_decision(
            opened,
            left=(domain, left),
            right=(domain, right),
            decision=Decision.of(decision),
            author=author,
            decided_at=datetime.now(),
            reason=reason,
        )
    click.echo("Décision notée")


@click.command("list", cls=Command, example="insvigil decisions list --json")
@with_config
@for_machines
def list_all(config: Path | None, as_machine: bool) -> None:
    """Liste la décision en vigueur sur chaque paire, et si elle tient encore."""
    from insvigil.register import decisions as in_force
    from insvigil.register import open_register

    settings, folder = settings_at(config)
    with open_register(settings.register_, folder=folder, read_only=True) as opened:
        frame = in_force(opened).drop("trait_digest", "left", "right")
    if as_machine:
        as_json(frame.to_dicts())
    else:
        table(frame.columns, frame.rows())
