"""`insvigil history` and `insvigil register`: what the register remembers, and how it is kept."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from insvigil.cli.console import as_json, number, table
from insvigil.cli.french import Command, Entry, Group
from insvigil.cli.night import settings_at
from insvigil.cli.options import for_machines, with_config
from insvigil.errors import RegisterError, UsageError


def _entry(name: str, summary: str) -> tuple[str, Entry]:
    return name, Entry("insvigil.cli.register", name, summary)


register = Group(
    name="register",
    entries=dict(
        [
            _entry("check", "Vérifie le registre et rejoue toute son histoire."),
            _entry("backup", "Copie le registre, entier ou pas du tout."),
            _entry("restore", "Remet une copie à la place du registre."),
            _entry("stats", "Compte ce que le registre contient."),
            _entry("purge", "Oublie ce qui est plus ancien qu'une date et ne sert plus."),
            _entry("export", "Écrit une copie parquet pour les analystes."),
        ]
    ),
    help="Le registre : ce qui dure d'une nuit à l'autre, dans un seul fichier.",
    example="insvigil register check --config insvigil.toml\ninsvigil register backup copies/2026-11-20.duckdb",
)


@click.command(cls=Command, example="insvigil history 0001234 --config insvigil.toml --at 2026-10-01")
@click.argument("ipp", metavar="IPP")
@click.option("--domain", metavar="DOMAINE", help="Autorité d'affectation de l'IPP, s'il y en a plusieurs.")
@click.option("--at", metavar="DATE", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"]), help="État à cette date.")
@with_config
@for_machines
def history(ipp: str, domain: str | None, at: datetime | None, config: Path | None, as_machine: bool) -> None:
    """Montre chaque changement d'une identité : quand il était vrai, quand insvigil l'a appris, d'où il vient."""
    from insvigil.register import history as told
    from insvigil.register import open_register

    settings, folder = settings_at(config)
    with open_register(settings.register_, folder=folder, read_only=True) as opened:
        frame = told(opened, ipp, domain=domain, at=at)
    if frame.is_empty():
        raise UsageError("Cet IPP n'est pas au registre.", hint="Vérifiez l'IPP, le domaine et --config.")
    if as_machine:
        as_json(frame.to_dicts())
    else:
        table(frame.columns, frame.rows())


@click.command(cls=Command, example="insvigil register check --config insvigil.toml")
@with_config
def check(config: Path | None) -> None:
    """Vérifie les clés, puis rejoue toute l'histoire : l'état présent doit en sortir à l'identique."""
    from insvigil.register import check as faults_of
    from insvigil.register import open_register

    settings, folder = settings_at(config)
    with open_register(settings.register_, folder=folder, read_only=True) as opened:
        faults = faults_of(opened)
    if faults:
        raise RegisterError(" ".join(faults), hint="Restaurez la dernière copie : insvigil register restore.")
    click.echo("Registre sain : son histoire rejouée redonne exactement son état.")


@click.command(cls=Command, example="insvigil register backup copies/registre-2026-11-20.duckdb")
@click.argument("target", metavar="COPIE", type=click.Path(path_type=Path))
@with_config
def backup(target: Path, config: Path | None) -> None:
    """Copie le registre dans COPIE, relue avant de valoir."""
    from insvigil.register import backup as copy_to
    from insvigil.register import open_register

    if target.exists():
        raise UsageError(f"{target} existe déjà.", hint="Rien n'a été changé ; donnez un autre nom.")
    settings, folder = settings_at(config)
    with open_register(settings.register_, folder=folder, read_only=True) as opened:
        copy_to(opened, target)
    click.echo(f"Registre copié dans {target}")


@click.command(cls=Command, example="insvigil register restore copies/registre-2026-11-20.duckdb")
@click.argument("source", metavar="COPIE", type=click.Path(path_type=Path))
@with_config
def restore(source: Path, config: Path | None) -> None:
    """Remet COPIE à la place du registre ; l'ancien reste à côté, sous le nom « .ancien »."""
    from insvigil.register import restore as put_back

    settings, folder = settings_at(config)
    put_back(settings.register_, source, folder=folder)
    click.echo(f"Registre remis depuis {source}")


@click.command(cls=Command, example="insvigil register stats --json")
@with_config
@for_machines
def stats(config: Path | None, as_machine: bool) -> None:
    """Compte ce que le registre contient : identités, agrégats, lignes de chaque table, octets."""
    from insvigil.register import open_register
    from insvigil.register import stats as figures_of

    settings, folder = settings_at(config)
    with open_register(settings.register_, folder=folder, read_only=True) as opened:
        figures = figures_of(opened)
    _print_counts(figures, as_machine=as_machine)


@click.command(cls=Command, example="insvigil register purge --before 2021-01-01")
@click.option("--before", metavar="DATE", required=True, type=click.DateTime(["%Y-%m-%d"]), help="Date limite.")
@with_config
@for_machines
def purge(before: datetime, config: Path | None, as_machine: bool) -> None:
    """Oublie ce qui est antérieur à une date et ne sert plus ; garde la trace de ce qui a été oublié.

    Les identités, leurs traits présents, les fusions, les décisions et les chiffres restent.
    """
    from insvigil.register import open_register
    from insvigil.register import purge as forget

    settings, folder = settings_at(config)
    open_register(settings.register_, folder=folder, read_only=True).close()  # there must be one
    with open_register(settings.register_, folder=folder) as opened:
        removed = forget(opened, before.date(), now=datetime.now())
    _print_counts(removed, as_machine=as_machine)


@click.command(cls=Command, example="insvigil register export analyses/2026-11-20")
@click.argument("target", metavar="DOSSIER", type=click.Path(path_type=Path))
@with_config
def export(target: Path, config: Path | None) -> None:
    """Écrit une copie du registre en parquet, un fichier par sujet ; les matricules non qualifiés n'y sont pas."""
    from insvigil.register import export as write_copy
    from insvigil.register import open_register

    settings, folder = settings_at(config)
    with open_register(settings.register_, folder=folder, read_only=True) as opened:
        written = write_copy(opened, target)
    click.echo(f"{len(written)} fichiers écrits dans {target}")


def _print_counts(counts: dict[str, int], *, as_machine: bool) -> None:
    if as_machine:
        as_json(counts)
    else:
        table(["quoi", "combien"], [(name, number(count)) for name, count in counts.items()])
