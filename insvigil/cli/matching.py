"""`insvigil match` and `insvigil explain-pair`: finding doublons, and saying why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from insvigil.cli.console import as_json, number, percent, progress, step, table
from insvigil.cli.french import Command
from insvigil.cli.night import settings_at
from insvigil.cli.options import for_machines, with_config
from insvigil.errors import UsageError
from insvigil.vocabulary import Band


@click.command(cls=Command, example="insvigil match extrait.csv --columns colonnes.toml --out sortie")
@click.argument("file", metavar="FICHIER", type=click.Path(path_type=Path))
@click.option(
    "--columns",
    metavar="MAP.toml",
    required=True,
    type=click.Path(path_type=Path),
    help="Quelle colonne porte quel trait.",
)
@click.option("--out", metavar="DOSSIER", required=True, type=click.Path(path_type=Path), help="Où écrire.")
@with_config
@click.option("--json", "as_machine", is_flag=True, help="Écrit le bilan (run.json) sur la sortie standard.")
def match(file: Path, columns: Path, out: Path, config: Path | None, as_machine: bool) -> None:
    """Cherche les doublons d'un fichier d'identités (CSV ou parquet), sans registre.

    MAP.toml dit quelle colonne porte quel trait, par exemple :

    \b
      [columns]
      id = "numero"
      birth_name = "nom_naissance"
      given_names = ["prenom1", "prenom2"]
      birth_date = "ddn"

    Traits : birth_name, given_names, first_given_name, used_name, used_given_name, birth_date, sex, birth_place,
    matricule, postal_code, address, city, phone, email. Seul id est obligatoire.
    """
    for path in (file, columns):
        if not path.exists():
            raise UsageError(f"{path} n'existe pas.", hint="Rien n'a été lu ni écrit ; vérifiez le chemin.")
    from insvigil import extract

    settings, _ = settings_at(config)
    with progress("matching") as watch:
        summary = extract.match_file(file, columns, out, settings.matching, progress=watch)
    if as_machine:
        as_json(summary)
        return
    rows, found = summary["counts"]["rows"], summary["counts"]["matching"]
    step(
        "lecture",
        f"{number(rows['read'])} lignes lues = {number(rows['kept'])} gardées + {number(rows['folded'])} repliées "
        f"+ {number(rows['rejected'])} rejetées",
    )
    step(
        "matching",
        f"{number(found['candidates'])} paires comparées, {number(found['proposed'])} doublons potentiels, "
        f"{number(found['groups'])} agrégats",
    )
    for line in found["bands"]:
        step("", band_words(line))
    step("sortie", f"{out} en {number(summary['seconds']['total'])} s")


@click.command("explain-pair", cls=Command, example="insvigil explain-pair 0001234 0005678 --config insvigil.toml")
@click.argument("left", metavar="A")
@click.argument("right", metavar="B")
@click.option("--domain", metavar="DOMAINE", help="Autorité d'affectation des IPP, s'il y en a plusieurs.")
@click.option(
    "--file", metavar="FICHIER", type=click.Path(path_type=Path), help="Fichier d'identités, au lieu du registre."
)
@click.option("--columns", metavar="MAP.toml", type=click.Path(path_type=Path), help="Avec --file : les colonnes.")
@with_config
@for_machines
def explain_pair(
    left: str,
    right: str,
    domain: str | None,
    file: Path | None,
    columns: Path | None,
    config: Path | None,
    as_machine: bool,
) -> None:
    """Dit, trait par trait et en bits, pourquoi A et B sont ou ne sont pas proposés comme doublon.

    A et B sont des IPP du registre ou, avec --file et --columns, des identifiants du fichier.
    """
    from insvigil import inquiry

    settings, folder = settings_at(config)
    if (file is None) != (columns is None):
        raise UsageError("--file et --columns vont ensemble.")
    if file is not None and columns is not None:
        explained = inquiry.explain_pair_of_file(file, columns, left, right, settings)
    else:
        explained = inquiry.explain_pair(left, right, settings, folder=folder, domain=domain)
    if as_machine:
        as_json(explained)
        return
    table(["trait", "A", "B", "constat", "bits"], explained["steps"], title="Du doute initial à la conclusion")
    click.echo(f"Total : {number(float(explained['weight']))} bits, soit {odds_words(explained['weight'])}.")
    if explained["rule"]:
        click.echo(f"Règle {explained['rule']} : {explained['sentence']}")
    elif explained["band"]:
        line = next(line for line in explained["lines"] if Band.of(line["band"]).label == explained["band"])
        click.echo(f"Bande {band_words(line)}")
    else:
        click.echo("Sous la dernière ligne : la paire n'est pas à examiner.")
    click.echo(f"Conclusion : {explained['finding']}")


def band_words(line: dict[str, Any]) -> str:
    """Return a band in words: where it starts, what is accepted and what is expected."""
    label = Band.of(line["band"]).label
    told = f"« {label} » : dès {percent(line['line'])}, au plus {percent(line['accepted'])} de fausses alertes"
    if not line["pairs"]:
        return f"{told} (aucune paire)"
    return f"{told} ({percent(line['expected'])} attendues sur {number(line['pairs'])} paires)"


def odds_words(weight: float) -> str:
    """Return a weight as odds that everyone reads: « 99 chances sur 100 », « 1 chance sur 2 000 »."""
    against = 2.0 ** min(abs(weight), 40.0) + 1
    if weight >= 0:
        whole = next((size for size in (10, 100, 1_000, 10_000) if against < size * 1.5), 0)
        if not whole:
            return "plus de 9 999 chances sur 10 000 que ce soit la même personne"
        return f"{round(whole * (1 - 1 / against))} chances sur {number(whole)} que ce soit la même personne"
    return f"1 chance sur {number(_rounded(against))} que ce soit la même personne"


def _rounded(value: float) -> int:
    """Return a number with two digits that count."""
    size = int(10 ** max(0, len(str(int(value))) - 2))
    return int(value / size + 0.5) * size
