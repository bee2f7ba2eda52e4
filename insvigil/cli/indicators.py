"""`insvigil indicators`, `explain-status`, `leverage`, `insi`: the figures, their reasons, and what moves them."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from insvigil.cli.console import as_json, number, step, table
from insvigil.cli.french import Command, Entry, Group
from insvigil.cli.night import settings_at
from insvigil.cli.options import for_machines, with_config
from insvigil.errors import UsageError
from insvigil.vocabulary import Grain, Mesh, Verdict

if TYPE_CHECKING:
    from insvigil.register import Register
    from insvigil.settings import QualifSettings, Settings

MESHES = [mesh.value for mesh in Mesh if mesh not in (Mesh.ESTABLISHMENT, Mesh.DETECTOR)]
GRAINS = [grain.value for grain in Grain]
PERIOD = click.option(
    "--period", metavar="PÉRIODE", help="2026, 2026-T2, 2026-03, 2026-S12 ou DÉBUT:FIN (défaut : la file active)."
)


class Site(NamedTuple):
    """What the register says of the site, as the functions of the room take it."""

    identities: Any
    statuses: Any
    stays: Any
    ledger: Any


def site_of(register: Register, settings: Settings) -> Site:
    """Read the base, its statuses, its stays and its ledger of statuses from the register."""
    from insvigil.qualif import derive_statuses, ins_changes, kept
    from insvigil.register import identities, status_ledger, stays

    base = identities(register)
    past = ins_changes(register)
    found = derive_statuses(base, settings.qualif, changes=past, production=settings.reading.production)
    ledger = status_ledger(register)
    return Site(base, kept(found, base, ledger), stays(register), ledger)


def period_of(text: str | None, register: Register, settings: QualifSettings) -> tuple[date, date]:
    """Return the period asked, else the file active on the day of the last run."""
    from insvigil.qualif import active_period, parse_period
    from insvigil.register import runs

    if text is not None:
        return parse_period(text)
    started = runs(register)["started"].max()
    return active_period(started.date() if isinstance(started, datetime) else date.today(), settings)


@click.command(
    cls=Command, example="insvigil indicators --period 2026-T2 --by site --by activity --format xlsx --out t2.xlsx"
)
@PERIOD
@click.option("--by", "meshes", multiple=True, metavar="MAILLE", type=click.Choice(MESHES),
              help=f"Détaille par l'une de : {', '.join(MESHES)}. Répétable.")  # fmt: skip
@click.option("--grain", "grains", multiple=True, metavar="GRAIN", type=click.Choice(GRAINS),
              help=f"Découpe par l'un de : {', '.join(GRAINS)}. Répétable.")  # fmt: skip
@click.option("--format", "layout", metavar="FORMAT", type=click.Choice(["csv", "xlsx", "json", "parquet"]),
              help="Écrit un fichier csv, xlsx, json ou parquet (avec --out).")  # fmt: skip
@click.option("--out", metavar="FICHIER", type=click.Path(path_type=Path), help="Fichier à écrire (jamais remplacé).")
@click.option("--programme", metavar="CODE", help="Ne garde que les objectifs de ce programme.")
@click.option(
    "--proof", metavar="DOSSIER", type=click.Path(path_type=Path), help="Écrit le dossier de preuve de --programme."
)
@click.option("--open", "opened", metavar="CODE", help="Ouvre un taux : ses identités ou ses venues, une par ligne.")
@with_config
@for_machines
def indicators(
    period: str | None,
    meshes: tuple[str, ...],
    grains: tuple[str, ...],
    layout: str | None,
    out: Path | None,
    programme: str | None,
    proof: Path | None,
    opened: str | None,
    config: Path | None,
    as_machine: bool,
) -> None:
    """Donne les taux de qualification et de doublons : numérateur, dénominateur, période, maille, source.

    Sans engagement dans les réglages, un objectif est « non évaluable » : insvigil n'invente aucun seuil.
    """
    import polars as pl

    from insvigil.qualif import assess, export_indicators, measure, measure_vigilance, subjects
    from insvigil.qualif.exports import private
    from insvigil.register import open_register

    if (layout is None) != (out is None):
        raise UsageError("--format et --out vont ensemble.", hint="Exemple : --format csv --out taux.csv.")
    if proof is not None and programme is None:
        raise UsageError("--proof demande un programme.", hint="Exemple : --programme HOPEN2_PHASE1.")
    settings, folder = settings_at(config)
    chosen = _programme(programme, settings)
    with open_register(settings.register_, folder=folder, read_only=True) as register:
        site, days = site_of(register, settings), period_of(period, register, settings.qualif)
        if opened is not None:
            rows = subjects(*site[:3], settings.qualif, code=opened, period=days, ledger=site.ledger)
            _print(rows, as_machine)
            return
        wanted = (Mesh.ESTABLISHMENT, *(Mesh.of(mesh) for mesh in meshes))
        figures = measure(
            *site[:3],
            settings.qualif,
            period=days,
            ledger=site.ledger,
            meshes=wanted,
            grains=[Grain.of(grain) for grain in grains],
        )
        work = measure_vigilance(register, settings.qualif, period=days)
        objectives: Any = assess(figures, *site[:3], settings.qualif, ledger=site.ledger)
        if chosen is not None:
            objectives = objectives.filter(pl.col("programme") == chosen.code)
        whole: Any = pl.concat([figures, work])
        if proof is not None and chosen is not None:
            signature = _prove(proof, whole, objectives, chosen, settings, register, site, days)
            step("preuve", f"{proof} (empreinte {signature})")
    if layout is not None and out is not None:
        with private(out) as file:
            export_indicators(whole, file, layout)  # type: ignore[arg-type]
        step("sortie", f"{out} ({number(whole.height)} lignes)")
    elif as_machine:
        as_json({"period": days, "indicators": whole.to_dicts(), "objectives": objectives.to_dicts()})
    else:
        _show(whole, objectives, days)


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
            "movements": site.stays.height,
        },
        command=f"insvigil indicators --period {days[0]}:{days[1]} --programme {programme.code} --proof DOSSIER",
    )


def _show(figures: Any, objectives: Any, days: tuple[date, date]) -> None:
    step("période", f"du {days[0]:%d/%m/%Y} au {days[1]:%d/%m/%Y}")
    rows = []
    for row in figures.to_dicts():
        span = "" if (row["period_start"], row["period_end"]) == days else f"{row['period_start']}:{row['period_end']}"
        rate = _rate(row["code"], row["rate"])
        place = (
            row["mesh_value"]
            if row["mesh"] == Mesh.ESTABLISHMENT
            else f"{Mesh.of(row['mesh']).label} {row['mesh_value']}"
        )
        rows.append((row["code"], row["label"], place, span, row["numerator"], row["denominator"], rate))
    table(("code", "indicateur", "maille", "période", "numérateur", "dénominateur", "taux"), rows)
    answers = []
    for row in objectives.to_dicts():
        target = None if row["target"] is None else f"{number(float(row['target']))} %"
        answers.append(
            (
                row["programme_name"],
                row["label"],
                row["indicator"],
                target,
                Verdict.of(row["verdict"]).label,
                row["missing"],
                row["reached_on"],
                row["reason"] or "",
                "à confirmer" if row["to_confirm"] else "",
            )
        )
    heads = (
        "programme",
        "objectif",
        "indicateur",
        "cible",
        "réponse",
        "manquants",
        "atteint le",
        "raison",
        "confiance",
    )
    table(heads, answers)


def _rate(code: str, rate: float | None) -> str:
    if rate is None:
        return ""
    return f"{number(rate)} j" if code == "DELAI_QUAL" else f"{number(100 * rate)} %"


def _print(frame: Any, as_machine: bool) -> None:
    if as_machine:
        as_json(frame.to_dicts())
    else:
        table(frame.columns, frame.rows())


@click.command("explain-status", cls=Command, example="insvigil explain-status 0001234 --config insvigil.toml")
@click.argument("ipp", metavar="IPP")
@click.option("--domain", metavar="DOMAINE", help="Autorité d'affectation de l'IPP, s'il y en a plusieurs.")
@with_config
@for_machines
def explain_status(ipp: str, domain: str | None, config: Path | None, as_machine: bool) -> None:
    """Explique le statut d'une identité : ce qui a été reçu, ce qui tient, et chaque passage avec sa preuve."""
    import polars as pl

    from insvigil.frames import Changes, Identities
    from insvigil.qualif import ANSWER, OBSERVED
    from insvigil.qualif import explain_status as explain
    from insvigil.register import history, identities, open_register, status_ledger

    settings, folder = settings_at(config)
    with open_register(settings.register_, folder=folder, read_only=True) as register:
        found = identities(register).filter(
            pl.col("ipp") == ipp, pl.lit(domain is None) | (pl.col("domain") == (domain or ""))
        )
        if found.is_empty():
            raise UsageError(
                "Cet IPP n'est pas une identité active du registre.", hint="« insvigil history » suit les fusions."
            )
        if found.height > 1:
            raise UsageError("Cet IPP existe dans plusieurs domaines.", hint="Précisez --domain.")
        one = Identities.validate(found)
        told = history(register, ipp, domain=one["domain"].item())
        kept = told.filter(pl.col("field").is_in([ANSWER, *OBSERVED, "merged_into"])).select(Changes.column_names())
        story, ledger = Changes.validate(kept, cast=True), status_ledger(register)
    answer = explain(one, settings.qualif, changes=story, ledger=ledger, production=settings.reading.production)
    if as_machine:
        rules = [{"code": rule.code, "sentence": rule.sentence} for rule in answer.rules]
        summary = {"status": answer.status.value, "because": answer.because, "source": answer.source}
        as_json(summary | {"facts": dict(answer.facts), "rules": rules, "moves": answer.moves})
        return
    click.echo(f"{answer.status.label} : {answer.because}.")
    click.echo(f"Source : {answer.source}.")
    table(("fait", "valeur"), answer.facts)
    if answer.rules:
        table(("règle", "constat", "conseil"), [(rule.code, rule.sentence, rule.advice) for rule in answer.rules])
    heads = ("from_status", "to_status", "at", "cause", "evidence", "refused", "anomaly")
    table(
        ("de", "à", "le", "cause", "preuve", "statut refusé", "anomalie"),
        [[move[head] for head in heads] for move in answer.moves],
    )


@click.command(cls=Command, example="insvigil leverage --indicator Q_FILE_ACTIVE --first 500 --config insvigil.toml")
@PERIOD
@click.option("--indicator", metavar="CODE", default="Q_FILE_ACTIVE", help="Taux à faire monter.")
@click.option("--days", metavar="N", type=click.IntRange(0, 60), default=7, help="Venues annoncées dans les N jours.")
@click.option("--first", metavar="N", type=click.IntRange(1), default=50, help="Nombre de lignes montrées et comptées.")
@with_config
@for_machines
def leverage(period: str | None, indicator: str, days: int, first: int, config: Path | None, as_machine: bool) -> None:
    """Liste qui qualifier d'abord, et combien de points cela rapporte."""
    from insvigil.qualif import leverage as listed
    from insvigil.qualif import what_if
    from insvigil.register import open_register

    settings, folder = settings_at(config)
    with open_register(settings.register_, folder=folder, read_only=True) as register:
        site, span = site_of(register, settings), period_of(period, register, settings.qualif)
    found = listed(*site[:3], settings.qualif, period=span, indicator=indicator, horizon_days=days)
    gain = what_if(found, first)
    step("gain", f"les {number(min(first, found.height))} premières lignes : +{number(gain)} points de {indicator}")
    shown = found.head(first).drop("identity_id")
    if as_machine:
        as_json(shown.to_dicts())
        return
    heads = ("rang", "domaine", "ipp", "statut", "à faire", "attendu le", "uf", "vu le", "mouvements", "gain", "cumul")
    table(heads, [(*row[:9], f"{row[9]:.3f}", f"{row[10]:.3f}") for row in shown.rows()])


@click.command(cls=Command, example="insvigil insi verify --lot 2026-11 --out verification.csv --before 2023-11-01")
@click.option("--lot", "lot_id", metavar="LOT", required=True, help="Nom du lot, repris dans les réponses.")
@click.option("--out", metavar="FICHIER", required=True, type=click.Path(path_type=Path), help="Fichier à écrire.")
@click.option("--before", metavar="DATE", type=click.DateTime(["%Y-%m-%d"]), help="Dernier appel INSi avant ce jour.")
@with_config
def verify(lot_id: str, out: Path, before: datetime | None, config: Path | None) -> None:
    """Écrit la liste des INS à vérifier : identités qualifiées seulement, au format propre à insvigil."""
    from insvigil.qualif import insi
    from insvigil.register import insi_answers, open_register

    settings, folder = settings_at(config)
    with open_register(settings.register_, folder=folder, read_only=True) as register:
        site, told = site_of(register, settings), insi_answers(register)
    limit = before.date() if before else None
    asked = insi.verification_requests(site.identities, site.statuses, lot_id=lot_id, before=limit, answers=told)
    _write(out, asked)


@click.command(cls=Command, example="insvigil insi recover --lot accueil-2026-11-21 --out appels.csv --days 2")
@click.option("--lot", "lot_id", metavar="LOT", required=True, help="Nom du lot, repris dans les réponses.")
@click.option("--out", metavar="FICHIER", required=True, type=click.Path(path_type=Path), help="Fichier à écrire.")
@click.option("--days", metavar="N", type=click.IntRange(0, 60), default=2, help="Venues annoncées dans les N jours.")
@with_config
def recover(lot_id: str, out: Path, days: int, config: Path | None) -> None:
    """Écrit la liste des appels INSi à faire à l'accueil : patients attendus, identité déjà contrôlée.

    La récupération en masse est refusée : elle se fait une par une, à la venue du patient (RECO PP 03).
    """
    from insvigil.qualif import insi
    from insvigil.qualif import leverage as listed
    from insvigil.register import open_register

    settings, folder = settings_at(config)
    with open_register(settings.register_, folder=folder, read_only=True) as register:
        site, span = site_of(register, settings), period_of(None, register, settings.qualif)
    expected = listed(*site[:3], settings.qualif, period=span, horizon_days=days)
    _write(out, insi.recovery_requests(site.identities, site.statuses, expected, lot_id=lot_id))


@click.command(cls=Command, example="insvigil insi answers verification.csv reponses.csv --json")
@click.argument("requests", metavar="DEMANDES", type=click.Path(path_type=Path))
@click.argument("files", metavar="RÉPONSES…", nargs=-1, required=True, type=click.Path(path_type=Path))
@with_config
@for_machines
def answers(requests: Path, files: tuple[Path, ...], config: Path | None, as_machine: bool) -> None:
    """Reprend au registre les réponses (CSV d'insvigil, ou XML du téléservice), toutes ou aucune.

    Dit ce qu'il faut faire de chaque identité, et quels statuts changent. Reprendre les mêmes ne change rien.
    """
    from insvigil.qualif import answers as told
    from insvigil.qualif import insi
    from insvigil.register import identities, open_register

    settings, folder = settings_at(config)
    asked, now = insi.read_insi_requests(requests), datetime.now()
    open_register(settings.register_, folder=folder, read_only=True).close()  # there must be one
    with open_register(settings.register_, folder=folder) as register, register.transaction():
        base = identities(register)
        found = told.read_insi_answers(files, asked, base, today=now.date())
        taken = told.take_in(register, found.evidence, base, settings, now=now)
    shown = found.evidence.drop("digest", "operation")
    moves = [(row["domain"], row["ipp"], row["from_status"], row["to_status"]) for row in taken.moves.to_dicts()]
    if as_machine:
        summary = {"evidence": shown.to_dicts(), "refused": found.refused.to_dicts(), "new": taken.fresh}
        as_json(summary | {"moves": taken.moves.to_dicts()})
        return
    effects = {"confirmed": "INS confirmé", "refused": "INS refusé", None: "sans effet"}
    heads = ("domaine", "ipp", "lot", "ligne", "résultat", "répondu le", "discordances", "effet", "à faire")
    table(heads, [(*row[:7], effects[row[7]], row[8]) for row in shown.rows()])
    if moves:
        table(("domaine", "ipp", "statut avant", "statut après"), moves)
    for file, line, code in found.refused.iter_rows():
        step("refusé", f"{file}, ligne {line} : {told.REFUSALS[code]} ({code})")
    known = found.evidence.height - taken.fresh
    step("réponses", f"{number(taken.fresh)} reprises, {number(known)} déjà connues, "
         f"{number(found.refused.height)} refusées, {number(len(moves))} statuts changés")  # fmt: skip


def _write(out: Path, requests: Any) -> None:
    from insvigil.qualif import insi
    from insvigil.qualif.exports import private

    with private(out) as file:
        file.write(insi.as_csv(requests).encode())
    step("sortie", f"{out} ({number(requests.height)} demandes ; format propre à insvigil, non officiel)")


insi = Group(
    name="insi",
    entries={
        "verify": Entry("insvigil.cli.indicators", "verify", "Liste les INS à vérifier."),
        "recover": Entry("insvigil.cli.indicators", "recover", "Liste les appels à faire à l'accueil."),
        "answers": Entry("insvigil.cli.indicators", "answers", "Reprend les réponses au registre."),
    },
    help="Listes pour le téléservice INSi, et reprise des réponses au registre.",
    example="insvigil insi verify --lot 2026-11 --out verification.csv",
)
