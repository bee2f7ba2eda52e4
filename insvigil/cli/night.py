"""`insvigil run`: the nightly batch."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from insvigil.settings import Settings

from insvigil.cli.console import progress, step
from insvigil.cli.french import Command
from insvigil.cli.options import with_config
from insvigil.cli.site import SETTINGS_FILE
from insvigil.vocabulary import Stage

STAGES = [stage.value for stage in Stage]


def settings_at(config: Path | None) -> tuple[Settings, Path]:
    """Return the settings of ``config`` (or of ./insvigil.toml, or the defaults) and the folder they speak from."""
    from insvigil.settings import Settings

    found = config or (Path(SETTINGS_FILE) if Path(SETTINGS_FILE).exists() else None)
    return (Settings.load(found), found.parent) if found else (Settings(), Path())


@click.command(
    cls=Command, example="insvigil run flux/2026-11-20 --config insvigil.toml --out sortie/2026-11-20 --until matching"
)
@click.argument("paths", metavar="FICHIERS_OU_DOSSIERS…", nargs=-1, required=True, type=click.Path(path_type=Path))
@with_config
@click.option("--out", metavar="DOSSIER", type=click.Path(path_type=Path), help="Sortie (défaut : sortie/DATE).")
@click.option(
    "--until",
    metavar="ÉTAPE",
    type=click.Choice(STAGES),
    default=Stage.REPORTING.value,
    help=f"S'arrête après l'une de : {', '.join(STAGES)}.",
)
@click.option("--full", is_flag=True, help="Compare de nouveau tout le registre, pas seulement ce qui a changé.")
@click.option("--json", "as_machine", is_flag=True, help="Écrit le bilan (run.json) sur la sortie standard.")
def run(
    paths: tuple[Path, ...], config: Path | None, out: Path | None, until: str, full: bool, as_machine: bool
) -> None:
    """Traite la nuit : lit les fichiers, met à jour le registre, cherche les doublons, mesure la qualification.

    Écrit le rapport et les tableaux dans le dossier de sortie, puis valide le registre, en une fois.
    """
    from insvigil import pipeline
    from insvigil.register import open_register

    settings, folder = settings_at(config)
    pipeline.check(paths, settings)
    target = out or Path("sortie") / date.today().isoformat()
    with open_register(settings.register_, folder=folder) as register, progress("lecture") as watch:
        night = pipeline.run(
            paths, settings, register, out=target, until=Stage.of(until), full=full, tell=step, progress=watch
        )
    if as_machine:
        click.echo((target / "run.json").read_text(encoding="utf-8"))
    elif night.folder:
        step("sortie", str(night.folder))
