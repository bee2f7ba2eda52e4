"""`insvigil bench`: invented populations and fair scores, for vendors and for us."""

from __future__ import annotations

from pathlib import Path

import click

from insvigil.cli.console import as_json, table
from insvigil.cli.french import Command, Entry, Group
from insvigil.cli.options import for_machines
from insvigil.errors import SourceError, UsageError

bench = Group(
    name="bench",
    entries={
        "generate": Entry("insvigil.cli.bench", "generate", "Invente une population et sa vérité."),
        "score": Entry("insvigil.cli.bench", "score", "Mesure des paires ou des agrégats contre la vérité."),
        "keys": Entry("insvigil.cli.bench", "keys", "Ce que chaque clé de rapprochement coûte et trouve."),
    },
    help="Population inventée dont la vérité est connue, et mesure d'un rapprochement, le vôtre ou le nôtre.",
    example="insvigil bench generate --identities 100000 --seed 1 --out essai\n"
    "insvigil bench score --truth essai/truth.parquet --pairs sortie/pairs.parquet",
)


@click.command(cls=Command, example="insvigil bench generate --identities 1000000 --seed 7 --out essai")
@click.option(
    "--identities",
    metavar="N",
    default=100_000,
    type=click.IntRange(min=10),
    help="Nombre d'identités (défaut : 100000).",
)
@click.option(
    "--seed", metavar="S", default=1, type=int, help="Graine (défaut : 1) : la même graine donne la même population."
)
@click.option("--out", metavar="DOSSIER", required=True, type=click.Path(path_type=Path), help="Où écrire.")
def generate(identities: int, seed: int, out: Path) -> None:
    """Écrit identities.parquet, truth.parquet (id, person) et columns.toml, prêts pour « insvigil match »."""
    from insvigil.bench.population import generate as invent
    from insvigil.bench.population import write

    population = invent(identities, seed)
    write(population, out)
    click.echo(f"{identities} identités inventées dans {out}")


@click.command(
    cls=Command, example="insvigil bench score --truth essai/truth.parquet --pairs sortie/pairs.parquet --json"
)
@click.option("--truth", metavar="FICHIER", required=True, type=click.Path(path_type=Path), help="Colonnes id, person.")
@click.option("--pairs", metavar="FICHIER", type=click.Path(path_type=Path), help="Colonnes left, right (et finding).")
@click.option("--groups", metavar="FICHIER", type=click.Path(path_type=Path), help="Colonnes id, group.")
@for_machines
def score(truth: Path, pairs: Path | None, groups: Path | None, as_machine: bool) -> None:
    """Donne précision, rappel et F1 des paires (celles dont « finding » vaut DPOT) ou des agrégats."""
    import polars as pl

    from insvigil.bench.scoring import score_groups, score_pairs

    if pairs is None and groups is None:
        raise UsageError("Donnez --pairs ou --groups.")
    for path in filter(None, (truth, pairs, groups)):
        if not path.exists():
            raise UsageError(f"{path} n'existe pas.", hint="Vérifiez le chemin.")
    try:
        known = _columns(truth, {"id", "person"})
        results = {}
        if pairs is not None:
            results["pairs"] = score_pairs(known, _columns(pairs, {"left", "right"}))
        if groups is not None:
            results["groups"] = score_groups(known, _columns(groups, {"id", "group"}))
    except pl.exceptions.PolarsError as error:
        raise SourceError("Un des fichiers n'est pas lisible comme parquet ou CSV.") from error
    if as_machine:
        as_json(results)
        return
    for name, figures in results.items():
        table([name, "valeur"], list(figures.items()))


def _columns(path: Path, wanted: set[str]):  # type: ignore[no-untyped-def]
    import polars as pl

    frame = pl.read_csv(path) if path.suffix == ".csv" else pl.read_parquet(path)
    missing = wanted - set(frame.columns)
    if missing:
        raise UsageError(f"{path} n'a pas la colonne {', '.join(sorted(missing))}.")
    return frame


@click.command(
    cls=Command,
    example="insvigil bench keys essai/identities.parquet --columns essai/columns.toml --truth essai/truth.parquet",
)
@click.argument("file", metavar="FICHIER", type=click.Path(path_type=Path))
@click.option("--columns", metavar="MAP.toml", required=True, type=click.Path(path_type=Path), help="Les colonnes.")
@click.option("--truth", metavar="FICHIER", required=True, type=click.Path(path_type=Path), help="Colonnes id, person.")
@for_machines
def keys(file: Path, columns: Path, truth: Path, as_machine: bool) -> None:
    """Mesure chaque clé de rapprochement sur un fichier dont la vérité est connue : paires, vrais doublons, rappel.

    La dernière ligne les prend toutes ensemble : son rappel est le plafond de ce que l'on peut trouver.
    """
    import polars.selectors as cs

    from insvigil.extract import keys_of_file

    for path in (file, columns, truth):
        if not path.exists():
            raise UsageError(f"{path} n'existe pas.", hint="Vérifiez le chemin.")
    report = keys_of_file(file, columns, truth)
    if as_machine:
        as_json(report.to_dicts())
    else:
        rounded = report.with_columns(cs.float().round(4))
        table(rounded.columns, rounded.rows())
