"""The command line: one file per family of commands; each parses, calls, prints.

This file loads neither polars nor numba: commands are imported when they are called.
"""

from __future__ import annotations

import gc
import os
import sys
import traceback
from pathlib import Path

import click

from insvigil import __version__
from insvigil.cli.french import Entry, Group, sentence
from insvigil.errors import InsvigilError

ENTRIES = {
    "init": Entry("insvigil.cli.site", "init", "Crée un fichier de réglages commenté."),
    "demo": Entry("insvigil.cli.site", "demo", "Invente un hôpital et déroule ses nuits."),
    "run": Entry("insvigil.cli.night", "run", "Traite les fichiers de la nuit."),
    "inspect": Entry("insvigil.cli.inspection", "inspect", "Recense un flux avant de lui faire confiance."),
    "match": Entry("insvigil.cli.matching", "match", "Cherche les doublons d'un fichier d'identités."),
    "explain-pair": Entry("insvigil.cli.matching", "explain_pair", "Explique le rapprochement de deux identités."),
    "decisions": Entry("insvigil.cli.decisions", "decisions", "Reprend et liste ce que la cellule a décidé."),
    "learn": Entry("insvigil.cli.learning", "learn", "Apprend des décisions de la cellule."),
    "history": Entry("insvigil.cli.register", "history", "Montre ce qu'une identité a été, et quand."),
    "indicators": Entry("insvigil.cli.indicators", "indicators", "Donne les taux et les objectifs, et les exporte."),
    "leverage": Entry(
        "insvigil.cli.qualification", "leverage", "Liste qui qualifier d'abord, et ce que cela rapporte."
    ),
    "explain-status": Entry("insvigil.cli.qualification", "explain_status", "Explique le statut d'une identité."),
    "insi": Entry("insvigil.cli.insi", "insi", "Listes pour le téléservice INSi, et réponses."),
    "register": Entry("insvigil.cli.register", "register", "Vérifie, copie, remet, compte, purge le registre."),
    "referential": Entry("insvigil.cli.referential", "referential", "Construit la table datée des communes."),
    "rules": Entry("insvigil.cli.rules", "rules", "Liste les règles, leurs codes et leurs sources."),
    "explain": Entry("insvigil.cli.rules", "explain", "Explique une règle."),
    "frames": Entry("insvigil.cli.rules", "frames", "Décrit les tableaux de sortie, colonne par colonne."),
    "bench": Entry("insvigil.cli.bench", "bench", "Population inventée et mesure d'un rapprochement."),
}


def _version(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        click.echo(f"insvigil {__version__}")
        context.exit()


COMMAND = Group(
    name="insvigil",
    entries=ENTRIES,
    help="Identitovigilance hospitalière : lit les mouvements, trouve les doublons, suit la qualification de l'INS.",
    example="insvigil demo\ninsvigil run flux/2026-11-20 --config insvigil.toml --out sortie/2026-11-20",
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            expose_value=False,
            is_eager=True,
            help="Affiche la version.",
            callback=_version,
        )
    ],
)


def main() -> None:
    """Run the command line; every expected fault is one French line on stderr and an exit code."""
    os.environ.setdefault("NUMPY_MADVISE_HUGEPAGE", "0")  # decision 0006: no memory by two megabytes
    try:
        code = COMMAND.main(standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        code = 0
    except click.ClickException as error:
        path = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "insvigil"
        click.echo(f"{path} : {sentence(error)} Voir « {path} -h ».", err=True)
        code = 2
    except click.Abort:
        click.echo("Interrompu.", err=True)
        code = 130
    except InsvigilError as error:
        click.echo(f"insvigil : {error}", err=True)
        code = error.exit_code
    except (KeyboardInterrupt, EOFError):
        click.echo("Interrompu.", err=True)
        code = 130
    except BrokenPipeError:
        sys.stderr.close()
        code = 0
    except OSError as error:
        click.echo(
            f"insvigil : le système a refusé une écriture ou une lecture ({error.strerror}). Rien n'est perdu : "
            "libérez de la place ou rendez le dossier accessible, puis relancez.",
            err=True,
        )
        code = 3
    except Exception as error:
        click.echo(f"insvigil : {_unexpected(error)}", err=True)
        code = 3
    gc.freeze()  # the system takes all memory back at once; collecting it object by object takes 0.2 s
    sys.exit(code if isinstance(code, int) else 0)


def _unexpected(error: Exception) -> str:
    """Return where a fault of ours happened; never its message, which could quote a patient's data."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if "insvigil" in Path(frame.filename).parts]
    at = ours[-1] if ours else place
    return (
        f"erreur inattendue ({type(error).__name__}, {Path(at.filename).name}:{at.lineno}). "
        f"Le registre n'a pas changé ; signalez cette ligne à l'équipe d'insvigil {__version__}."
    )
