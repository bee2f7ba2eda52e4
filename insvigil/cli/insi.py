"""`insvigil insi`: the lists for the INSi teleservice, and its answers taken back into the register."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from insvigil.cli.console import as_json, number, step, table
from insvigil.cli.french import Command, Entry, Group
from insvigil.cli.night import settings_at
from insvigil.cli.options import for_machines, with_config
from insvigil.cli.site_frames import period_of, site_of


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
        "verify": Entry("insvigil.cli.insi", "verify", "Liste les INS à vérifier."),
        "recover": Entry("insvigil.cli.insi", "recover", "Liste les appels à faire à l'accueil."),
        "answers": Entry("insvigil.cli.insi", "answers", "Reprend les réponses au registre."),
    },
    help="Listes pour le téléservice INSi, et reprise des réponses au registre.",
    example="insvigil insi verify --lot 2026-11 --out verification.csv",
)
