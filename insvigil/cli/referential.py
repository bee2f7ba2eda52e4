"""`insvigil referential`: reference tables a site builds from public files."""

from __future__ import annotations

from pathlib import Path

import click

from insvigil.cli.console import number
from insvigil.cli.french import Command, Entry, Group
from insvigil.errors import UsageError

_EXAMPLE = (
    "insvigil referential build --communes v_commune_2026.csv --events v_mvt_commune_2026.csv \\\n"
    "    --out communes.parquet"
)

referential = Group(
    name="referential",
    entries={"build": Entry("insvigil.cli.referential", "build", "Table datée des communes depuis l'INSEE.")},
    help="Les tables de référence que le site construit depuis des fichiers publics.",
    example=_EXAMPLE,
)


@click.command(
    cls=Command,
    example=_EXAMPLE,
)
@click.option("--communes", metavar="CSV", required=True, type=click.Path(path_type=Path), help="v_commune de l'INSEE.")
@click.option(
    "--events", metavar="CSV", required=True, type=click.Path(path_type=Path), help="v_mvt_commune, même année."
)
@click.option(
    "--out", metavar="FICHIER", required=True, type=click.Path(path_type=Path), help="Table à écrire (parquet)."
)
def build(communes: Path, events: Path, out: Path) -> None:
    """Écrit la table datée des communes depuis deux fichiers publics de l'INSEE, de la même année.

    Pour s'en servir : traits.communes dans insvigil.toml.
    """
    from insvigil.traits import build_referential

    for path in (communes, events):
        if not path.exists():
            raise UsageError(f"{path} n'existe pas.", hint="Vérifiez le chemin ; rien n'a été écrit.")
    rows = build_referential(communes, events, out)
    click.echo(f"{number(rows)} intervalles écrits dans {out}")
