"""`insvigil bench`: invented populations and fair scores, for vendors and for us."""

from __future__ import annotations

from pathlib import Path

import click

from insvigil.cli.console import as_json, number, table
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
@click.option(
    "--mix",
    metavar="MÉLANGE",
    default="default",
    help="Fautes et parentés (défaut : default) : default, light, heavy, national, no_ins ou families.",
)
@click.option("--out", metavar="DOSSIER", required=True, type=click.Path(path_type=Path), help="Où écrire.")
def generate(identities: int, seed: int, mix: str, out: Path) -> None:
    """Écrit identities.parquet, truth.parquet (id, person, twin) et columns.toml, prêts pour « insvigil match »."""
    from insvigil.bench.mistakes import MIXES
    from insvigil.bench.population import generate as invent
    from insvigil.bench.population import write

    if mix not in MIXES:
        raise UsageError(f"Le mélange « {mix} » n'existe pas.", hint=f"Choisissez parmi : {', '.join(MIXES)}.")
    if out.is_file():
        raise UsageError(f"{out} est un fichier.", hint="Donnez un dossier.")
    population = invent(identities, seed, MIXES[mix])
    write(population, out)
    doublons = identities - population.truth["person"].n_unique()
    click.echo(f"{number(identities)} identités inventées dans {out}, dont {number(doublons)} doublons")
    click.echo(f"Ensuite : insvigil match {out / 'identities.parquet'} --columns {out / 'columns.toml'} --out sortie")


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
    titles = [{"pairs": "paires", "groups": "agrégats"}[name] for name in results]
    names = [name for name in _SAID if any(name in figures for figures in results.values())]
    rows = [(_SAID[name], *(_figure(figures.get(name)) for figures in results.values())) for name in names]
    table(["mesure", *titles], rows)


_SAID = {
    "identities": "identités",
    "true_pairs": "paires vraies",
    "found_pairs": "paires trouvées",
    "right_pairs": "dont vraies",
    "precision": "précision",
    "recall": "rappel",
    "f1": "F1",
    "b_cubed_precision": "précision B-cubed",
    "b_cubed_recall": "rappel B-cubed",
    "b_cubed_f1": "F1 B-cubed",
    "twin_pairs": "paires de jumeaux",
    "twins_joined": "jumeaux réunis à tort",
    "twins_joined_rate": "part des jumeaux réunis",
}


def _figure(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.4f}".replace(".", ",") if isinstance(value, float) else number(value)


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
        head = ["clé", "groupes", "plus grand", "paires", "vraies", "seule à trouver", "rappel", "secondes"]
        table(head, rounded.rows())
