"""`insvigil indicators`: the figures, their objectives, the rows behind them, and what leaves for the DIM."""

from __future__ import annotations

import sys
from datetime import date
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from insvigil.cli.console import as_json, number, step, table
from insvigil.cli.french import Command
from insvigil.cli.night import settings_at
from insvigil.cli.options import for_machines, with_config
from insvigil.cli.site_frames import PERIOD, Site, last_day, period_of, site_of
from insvigil.errors import UsageError
from insvigil.vocabulary import Grain, Mesh, Verdict

if TYPE_CHECKING:
    from insvigil.register import Register
    from insvigil.settings import Settings

MESHES = [mesh.value for mesh in Mesh if mesh not in (Mesh.ESTABLISHMENT, Mesh.DETECTOR)]
GRAINS = [grain.value for grain in Grain]
LAYOUTS = ["csv", "xlsx", "json", "parquet"]


def _listed(known: list[str]) -> Any:
    """Return a callback that reads words separated by commas, the option being repeatable."""

    def read(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> list[str]:
        words = [word.strip() for value in values for word in value.split(",") if word.strip()]
        for word in words:
            if word not in known:
                raise click.BadParameter(f"« {word} » n'est pas l'un de : {', '.join(known)}")
        return list(dict.fromkeys(words))

    return read


@click.command(
    cls=Command, example="insvigil indicators --period 2026-T2 --by site,activity --format xlsx --out t2.xlsx"
)
@PERIOD
@click.option("--by", "meshes", multiple=True, metavar="MAILLES", callback=_listed(MESHES),
              help=f"Détaille par une ou plusieurs de : {', '.join(MESHES)} (séparées par des virgules).")  # fmt: skip
@click.option("--grain", "grains", multiple=True, metavar="GRAINS", callback=_listed(GRAINS),
              help=f"Découpe par un ou plusieurs de : {', '.join(GRAINS)}.")  # fmt: skip
@click.option("--format", "layout", metavar="FORMAT", type=click.Choice(LAYOUTS),
              help="csv ou json (sur la sortie standard, ou --out) ; xlsx ou parquet (avec --out).")  # fmt: skip
@click.option("--out", metavar="FICHIER", type=click.Path(path_type=Path), help="Fichier à écrire (jamais remplacé).")
@click.option("--programme", metavar="CODE", help="Ne garde que les objectifs de ce programme.")
@click.option(
    "--proof", metavar="DOSSIER", type=click.Path(path_type=Path), help="Écrit le dossier de preuve de --programme."
)
@click.option("--open", "opened", metavar="CODE", help="Ouvre un taux jusqu'à ses lignes : qui, quand, compté ou non.")
@click.option("--at", "place", metavar="MAILLE=VALEUR", help="Avec --open : une seule valeur, comme site=010000001.")
@click.option("--gate", is_flag=True, help="Finit avec le code 1 si un objectif n'est pas atteint.")
@with_config
@for_machines
def indicators(
    period: str | None,
    meshes: list[str],
    grains: list[str],
    layout: str | None,
    out: Path | None,
    programme: str | None,
    proof: Path | None,
    opened: str | None,
    place: str | None,
    gate: bool,
    config: Path | None,
    as_machine: bool,
) -> None:
    """Donne les taux de qualification et de doublons : numérateur, dénominateur, période, maille, source.

    Sans engagement dans les réglages, un objectif est « non évaluable » : insvigil n'invente aucun seuil.
    """
    import polars as pl

    from insvigil.qualif import Place, assess, measure, measure_vigilance, open_figure
    from insvigil.register import open_register

    if out is not None and layout is None:
        raise UsageError("--out demande un format.", hint="Exemple : --format csv --out taux.csv.")
    if layout in ("xlsx", "parquet") and out is None:
        raise UsageError(f"Le format {layout} demande un fichier.", hint=f"Exemple : --out taux.{layout}.")
    if proof is not None and programme is None:
        raise UsageError("--proof demande un programme.", hint="Exemple : --programme HOPEN2_PHASE1.")
    if place is not None and opened is None:
        raise UsageError("--at va avec --open.", hint="Exemple : --open Q_FILE_ACTIVE --at site=010000001.")
    settings, folder = settings_at(config)
    chosen = _programme(programme, settings)
    with open_register(settings.register_, folder=folder, read_only=True) as register:
        site, days = site_of(register, settings, visits=True), period_of(period, register, settings.qualif)
        if opened is not None:
            where = Place(*_place(place)) if place is not None else Place(Mesh.ESTABLISHMENT, "")
            rows = open_figure(
                register, *site[:3], settings.qualif, code=opened, period=days, ledger=site.ledger, place=where
            )
            _give_rows(rows, layout, out, as_machine)
            return
        figures = measure(
            *site[:3],
            settings.qualif,
            period=days,
            ledger=site.ledger,
            meshes=(Mesh.ESTABLISHMENT, *(Mesh.of(mesh) for mesh in meshes)),
            grains=[Grain.of(grain) for grain in grains],
            until=last_day(register),
        )
        work = measure_vigilance(register, settings.qualif, period=days)
        objectives: Any = assess(figures, *site[:3], settings.qualif, ledger=site.ledger)
        if chosen is not None:
            objectives = objectives.filter(pl.col("programme") == chosen.code)
        whole: Any = pl.concat([figures, work])
        if proof is not None and chosen is not None:
            signature = _prove(proof, whole, objectives, chosen, settings, register, site, days)
            step("preuve", f"{proof} (empreinte {signature})")
    if layout is not None:
        _give_figures(whole, objectives, layout, out)
    elif as_machine:
        as_json({"period": days, "indicators": whole.to_dicts(), "objectives": objectives.to_dicts()})
    else:
        _show(whole, objectives, days)
    if gate and (objectives["verdict"] == Verdict.MISSED.value).any():
        click.get_current_context().exit(1)


def _place(text: str) -> tuple[Mesh, str]:
    mesh, sign, value = text.partition("=")
    if not sign or mesh not in (*MESHES, Mesh.DETECTOR.value):
        raise UsageError(f"--at ne comprend pas « {text} ».", hint=f"Une maille ({', '.join(MESHES)}), puis =VALEUR.")
    return Mesh.of(mesh), value


def _give_rows(rows: Any, layout: str | None, out: Path | None, as_machine: bool) -> None:
    from insvigil.qualif.exports import export_rows, private

    if out is not None and layout is not None:
        with private(out) as file:
            export_rows(rows, file, layout)  # type: ignore[arg-type]
        step("sortie", f"{out} ({number(rows.height)} lignes)")
    elif layout is not None:
        export_rows(rows, sys.stdout.buffer, layout)  # type: ignore[arg-type]
    elif as_machine:
        as_json(rows.to_dicts())
    else:
        table([_HEADS.get(name, name) for name in rows.columns], [[_cell(cell) for cell in row] for row in rows.rows()])
        step("lignes", f"{number(rows.height)}, dont {number(int(rows['counted'].sum()))} comptées au numérateur")


_HEADS = {
    "domain": "domaine",
    "day": "jour",
    "status": "statut",
    "counted": "compté",
    "anomaly": "anomalie",
    "created_at": "créée le",
    "qualified_at": "qualifiée le",
    "days": "jours",
    "changed_on": "modifiée le",
    "merged_at": "fusionnée le",
    "domain_kept": "domaine gardé",
    "ipp_kept": "ipp gardé",
    "domain_left": "domaine a",
    "ipp_left": "ipp a",
    "domain_right": "domaine b",
    "ipp_right": "ipp b",
    "decision": "décision",
    "decided_at": "décidé le",
    "finding": "constat",
    "detector": "détecteur",
    "agregat": "agrégat",
    "formed_at": "formé le",
    "closed_at": "clos le",
}


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "oui" if value else "non"
    return number(value) if isinstance(value, float) else value


def _give_figures(figures: Any, objectives: Any, layout: str, out: Path | None) -> None:
    from insvigil.qualif.exports import export_indicators, private

    if out is None:
        export_indicators(figures, sys.stdout.buffer, layout, objectives=objectives)  # type: ignore[arg-type]
        return
    with private(out) as file:
        export_indicators(figures, file, layout, objectives=objectives)  # type: ignore[arg-type]
    step("sortie", f"{out} ({number(figures.height)} lignes)")


def _programme(code: str | None, settings: Settings) -> Any:
    from insvigil.qualif import load_programmes

    if code is None:
        return None
    known = {one.code: one for one in load_programmes(added=settings.qualif.programmes)}
    asked = code.upper().replace("-", "_")
    found = known.get(code) or known.get(asked)
    if found is None:
        raise UsageError(f"Programme inconnu « {code} ».", hint=f"Programmes : {', '.join(known)}.")
    return found


def _prove(
    folder: Path,
    figures: Any,
    objectives: Any,
    programme: Any,
    settings: Settings,
    register: Register,
    site: Site,
    days: tuple[date, date],
) -> str:
    from insvigil.qualif import write_proof

    read = "SELECT digest, size, format, messages FROM source ORDER BY digest"
    return write_proof(
        folder,
        figures,
        objectives,
        programme=programme,
        settings=settings.model_dump(mode="json", by_alias=True, exclude={"register_": {"path"}}),
        sources=register.query(read),
        counts={
            "identities": site.identities.height,
            "statuses": dict(site.statuses["status"].value_counts().sort("status").iter_rows()),
            "movements": site.movements,
        },
        command=f"insvigil indicators --period {days[0]}:{days[1]} --programme {programme.code} --proof DOSSIER",
    )


def _show(figures: Any, objectives: Any, days: tuple[date, date]) -> None:
    from insvigil.qualif import source_sentences

    step("période", f"du {days[0]:%d/%m/%Y} au {days[1]:%d/%m/%Y}")
    for sentence in source_sentences(figures["status_source"]):
        step("statuts", sentence)
    rows = []
    for row in figures.to_dicts():
        span = "" if (row["period_start"], row["period_end"]) == days else f"{row['period_start']}:{row['period_end']}"
        rate = _rate(row)
        place = (
            row["mesh_value"]
            if row["mesh"] == Mesh.ESTABLISHMENT
            else f"{Mesh.of(row['mesh']).label} {row['mesh_value']}"
        )
        rows.append((row["code"], row["label"], place, span, row["numerator"], row["denominator"], rate))
    table(("code", "indicateur", "maille", "période", "numérateur", "dénominateur", "taux"), rows)
    for row in objectives.to_dicts():
        click.echo("\n".join(_objective(row, days[1])))


def _objective(row: dict[str, Any], day: date) -> list[str]:
    """Return an objective and its answer in a few lines: what was found, how far, at which pace."""
    sure = " (à confirmer)" if row["to_confirm"] else ""
    verdict = Verdict.of(row["verdict"]).label
    lines = ["", f"{row['programme_name']} · {row['label']}", f"  {verdict}{sure}{_after(row['reason'])}"]
    if row["rate"] is not None:
        target = "" if row["target"] is None else f", cible {number(float(row['target']))} %"
        counted = f"{number(row['numerator'])} / {number(row['denominator'])}"
        lines.append(f"  {row['indicator']} : {number(100 * row['rate'])} % ({counted}){target}")
    if row["missing"]:
        subject = row["subject"] if row["missing"] > 1 else row["subject"].removesuffix("s")
        lines.append(f"  il manque {number(float(row['gap']))} points, soit {number(row['missing'])} {subject}")
    if row["weekly_pace"] is not None:
        lines.append(f"  rythme : {number(float(row['weekly_pace']))} {row['subject']} de plus par semaine")
    if row["outlook"] is not None:
        lines.append(f"  {row['outlook']}")
    if row["deadline"] is not None:
        past = " (passée)" if row["deadline"] < day and row["missing"] != 0 else ""
        need = "" if row["weekly_need"] is None else f", il faut {number(ceil(row['weekly_need']))} par semaine"
        lines.append(f"  échéance : {row['deadline']:%d/%m/%Y}{past}{need}")
    return lines


def _after(reason: str | None) -> str:
    return "" if reason is None else f" : {reason}"


def _rate(row: dict[str, Any]) -> str:
    if row["rate"] is None:
        return ""
    if row["code"] == "DELAI_QUAL":
        return f"{number(row['rate'])} j"
    rate = f"{number(100 * row['rate'])} %"
    if row["rate_low"] is None:
        return rate
    return f"{rate} (entre {number(100 * row['rate_low'])} et {number(100 * row['rate_high'])} %)"
