"""`insvigil explain-status` and `leverage`: why a status, and whom to qualify first."""

from __future__ import annotations

from pathlib import Path

import click

from insvigil.cli.console import as_json, number, step, table
from insvigil.cli.french import Command
from insvigil.cli.night import settings_at
from insvigil.cli.options import for_machines, with_config
from insvigil.cli.site_frames import PERIOD, period_of, site_of
from insvigil.errors import UsageError


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
        held = [{"code": rule.code, "sentence": rule.sentence} for rule in answer.rules]
        summary = {"status": answer.status.value, "because": answer.because, "source": answer.source}
        as_json(summary | {"facts": dict(answer.facts), "rules": held, "moves": answer.moves})
        return
    click.echo(f"{answer.status.label} : {answer.because}.")
    click.echo(f"Source : {answer.source}.")
    table(("fait", "valeur"), answer.facts)
    if answer.rules:
        rules = [(rule.code, rule.sentence, rule.advice, rule.confidence.label) for rule in answer.rules]
        table(("règle", "constat", "conseil", "certitude"), rules)
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
@click.option("--out", metavar="FICHIER", type=click.Path(path_type=Path), help="Écrit toute la liste en CSV.")
@with_config
@for_machines
def leverage(
    period: str | None, indicator: str, days: int, first: int, out: Path | None, config: Path | None, as_machine: bool
) -> None:
    """Liste qui qualifier d'abord, et combien de points cela rapporte."""
    from insvigil.qualif import leverage as listed
    from insvigil.qualif import what_if
    from insvigil.qualif.exports import export_rows, private
    from insvigil.register import open_register

    settings, folder = settings_at(config)
    with open_register(settings.register_, folder=folder, read_only=True) as register:
        site, span = site_of(register, settings), period_of(period, register, settings.qualif)
    found = listed(*site[:3], settings.qualif, period=span, indicator=indicator, horizon_days=days)
    gain = what_if(found, first)
    step("gain", f"les {number(min(first, found.height))} premières lignes : +{number(gain)} points de {indicator}")
    if out is not None:
        with private(out) as file:
            export_rows(found.drop("identity_id"), file, "csv")
        step("sortie", f"{out} ({number(found.height)} lignes)")
        return
    shown = found.head(first).drop("identity_id")
    if as_machine:
        as_json(shown.to_dicts())
        return
    heads = ("rang", "domaine", "ipp", "statut", "à faire", "attendu le", "uf", "vu le", "mouvements", "gain", "cumul")
    told = [(*row[:9], *(f"{points:.3f}".replace(".", ",") for points in row[9:])) for row in shown.rows()]
    table(heads, told)
