"""`insvigil init` and `insvigil demo`: a site's first minutes."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

import click

from insvigil.cli.console import number, step
from insvigil.cli.french import Command
from insvigil.errors import UsageError

SETTINGS_FILE = "insvigil.toml"


@click.command(cls=Command, example="insvigil init /srv/identito")
@click.argument("folder", metavar="[DOSSIER]", type=click.Path(path_type=Path), default=Path())
def init(folder: Path) -> None:
    """Crée dans DOSSIER un fichier insvigil.toml où chaque réglage est expliqué."""
    from insvigil.settings import template

    target = folder / SETTINGS_FILE
    if target.exists():
        raise UsageError(f"{target} existe déjà.", hint="Rien n'a été changé ; supprimez-le d'abord pour repartir.")
    folder.mkdir(parents=True, exist_ok=True)
    _write_private(target, template())
    click.echo(f"{target} créé. Ensuite : insvigil run DOSSIER_DES_FLUX --config {target}")


@click.command(cls=Command, example="insvigil demo essai --identities 20000 --nights 3 --seed 1")
@click.argument("folder", metavar="[DOSSIER]", type=click.Path(path_type=Path), default=Path("demo"))
@click.option(
    "--identities",
    metavar="N",
    default=20_000,
    type=click.IntRange(100, 200_000),
    help="Nombre d'identités (défaut : 20000).",
)
@click.option("--nights", metavar="K", default=3, type=click.IntRange(1, 60), help="Nombre de nuits (défaut : 3).")
@click.option(
    "--seed", metavar="S", default=1, type=int, help="Graine (défaut : 1) : la même graine donne le même hôpital."
)
def demo(folder: Path, identities: int, nights: int, seed: int) -> None:
    """Invente un hôpital dans DOSSIER (aucune personne réelle), déroule ses nuits et dit où lire le rapport."""
    from datetime import datetime

    from insvigil import pipeline
    from insvigil.bench.movement_files import write_nights
    from insvigil.bench.population import generate
    from insvigil.register import open_register
    from insvigil.settings import Settings, template

    if folder.exists() and any(folder.iterdir()):
        raise UsageError(
            f"{folder} n'est pas vide.", hint="Choisissez un autre dossier, ou videz celui-ci : rien n'a été changé."
        )
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / SETTINGS_FILE
    _write_private(config, _invented_settings(template()))
    settings = Settings.load(config)
    step("invention", f"{number(identities)} identités inventées, {nights} nuits de messages, graine {seed}")
    first = date.today() - timedelta(days=nights)  # the last night is yesterday: the clock never runs back
    written = write_nights(generate(identities, seed), folder / "flux", nights=nights, seed=seed, first_night=first)
    report = folder
    for number_of_night, flux in enumerate(written):
        night = first + timedelta(days=number_of_night)
        click.echo(f"\nNuit du {night:%d/%m/%Y}", err=True)
        with open_register(settings.register_, folder=folder) as register:
            result = pipeline.run(
                [flux],
                settings,
                register,
                out=folder / "sortie" / night.isoformat(),
                now=datetime(night.year, night.month, night.day, 23, 50),
                tell=step,
            )
        report = result.folder or report
    click.echo(f"\nRapport à ouvrir dans un navigateur : {report / 'index.html'}")


def _invented_settings(text: str) -> str:
    """Return the template with the name of the invented hospital and a commitment that is just as invented."""
    text = text.replace("Établissement non nommé", "Hôpital inventé de démonstration")
    for line in ("[[qualif.objectives]]", 'programme = "HOPEN2_PHASE1"', 'indicator = "Q_FILE_ACTIVE"'):
        text = text.replace(f"# {line}", line)
    commitment = 'level = 70.0\nsource = "engagement inventé pour la démonstration"'
    return re.sub(r'# level = .*\n# source = "[^"]*"', commitment, text)


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
