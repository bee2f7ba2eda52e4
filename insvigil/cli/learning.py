"""`insvigil learn`: the weights of matching, moved by what the site decided."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from insvigil.cli.console import as_json, number, table
from insvigil.cli.french import Command
from insvigil.cli.night import settings_at
from insvigil.cli.options import for_machines, with_config
from insvigil.errors import UsageError

if TYPE_CHECKING:
    from insvigil.matching import Learnt


@click.command(cls=Command, example="insvigil learn --out poids.json --config insvigil.toml")
@click.option(
    "--out", metavar="POIDS.json", required=True, type=click.Path(path_type=Path), help="Où écrire les poids appris."
)
@with_config
@for_machines
def learn(out: Path, config: Path | None, as_machine: bool) -> None:
    """Apprend des décisions du registre (doublon ou non doublon) de meilleurs poids pour ce site.

    Écrit POIDS.json et, à côté, POIDS.md : ce qui a changé, en bits, et si les probabilités sont plus justes. Rien ne
    change tant que les réglages ne nomment pas le fichier :

    \b
      [matching]
      weights = "poids.json"
    """
    from insvigil.inquiry import learn_from_register
    from insvigil.matching.learning_report import as_markdown

    settings, folder = settings_at(config)
    if out.suffix != ".json":
        raise UsageError("--out attend un nom en .json.")
    if not out.parent.is_dir():
        raise UsageError(f"Le dossier {out.parent} n'existe pas.")
    learnt = learn_from_register(settings, folder=folder)
    report = out.with_suffix(".md")
    report.write_text(as_markdown(learnt, out.name), encoding="utf-8")
    if learnt.better:
        out.write_text(learnt.weights.text(), encoding="utf-8")
    if as_machine:
        as_json(_told(learnt, out, report))
        return
    rows = [
        (row["trait"], row["agreement"], row["decisions"], _bits(row["before"]), _bits(row["after"]))
        for row in learnt.changes.to_dicts()
    ]
    table(["trait", "accord", "décisions", "avant", "après"], rows, title="Ce que les décisions changent, en bits")
    click.echo(
        f"{number(learnt.decisions)} décisions, dont {number(learnt.doublons)} doublons. Surprise par décision : "
        f"{_surprise(learnt.loss_before)} bit avant, {_surprise(learnt.loss_after)} après (validation croisée)."
    )
    if learnt.better:
        click.echo(f"Poids écrits dans {out}, rapport dans {report}. Nommez-les dans les réglages : matching.weights.")
    else:
        click.echo(f"Les décisions n'apprennent rien de plus : gardez les poids livrés. Rapport dans {report}.")


def _told(learnt: Learnt, out: Path, report: Path) -> dict[str, object]:
    return {
        "decisions": learnt.decisions,
        "doublons": learnt.doublons,
        "loss_before": learnt.loss_before,
        "loss_after": learnt.loss_after,
        "better": learnt.better,
        "weights": str(out) if learnt.better else None,
        "report": str(report),
        "changes": learnt.changes.to_dicts(),
        "calibration": learnt.calibration.to_dicts(),
    }


def _bits(value: float) -> str:
    return f"{value:+.1f}".replace(".", ",")


def _surprise(value: float) -> str:
    return f"{value:.3f}".replace(".", ",")
