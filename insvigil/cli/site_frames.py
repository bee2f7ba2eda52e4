"""What the register says of the site, read once for the commands of qualification."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import click

if TYPE_CHECKING:
    from insvigil.register import Register
    from insvigil.settings import QualifSettings, Settings

PERIOD = click.option(
    "--period", metavar="PÉRIODE", help="2026, 2026-T2, 2026-03, 2026-S12 ou DÉBUT:FIN (défaut : la file active)."
)


class Site(NamedTuple):
    """What the register says of the site, as the functions of the room take it."""

    identities: Any
    statuses: Any
    stays: Any
    ledger: Any
    movements: int


def site_of(register: Register, settings: Settings, *, visits: bool = False) -> Site:
    """Read the base, its statuses, its stays (as ``visits``, which are lighter) and its ledger from the register."""
    from insvigil.qualif import derive_statuses, ins_changes, kept, passages
    from insvigil.register import identities, status_ledger, stays

    base = identities(register)
    past = ins_changes(register)
    found = derive_statuses(base, settings.qualif, changes=past, production=settings.reading.production)
    told: Any = stays(register)
    movements = told.height
    if visits:
        told = passages(base, told, settings.qualif)
    ledger = status_ledger(register)
    return Site(base, kept(found, base, ledger), told, ledger, movements)


def period_of(text: str | None, register: Register, settings: QualifSettings) -> tuple[date, date]:
    """Return the period asked, else the file active on the day of the last run."""
    from insvigil.qualif import active_period, parse_period

    if text is not None:
        return parse_period(text)
    return active_period(last_day(register) or date.today(), settings)


def last_day(register: Register) -> date | None:
    """Return the day of the last run, after which the register knows nothing; None before the first one."""
    from insvigil.register import runs

    started = runs(register)["started"].max()
    return started.date() if isinstance(started, datetime) else None
