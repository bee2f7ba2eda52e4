"""Nights of a real register: messages in, statuses and their ledger out."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import polars as pl

from insvigil.frames import Movements, Sources
from insvigil.qualif import derive_statuses, ins_changes, kept, tonight, transitions
from insvigil.register import Register, fold, identities, status_ledger, store_statuses
from insvigil.settings import QualifSettings

START = datetime(2026, 3, 1, 8)


def at(day: int) -> datetime:
    return START + timedelta(days=day)


def message(day: int, trigger: str, ipp: str, **said: Any) -> dict[str, Any]:
    return {"trigger": trigger, "ipp": ipp, "message_time": at(day), "control_id": f"C{day}-{ipp}", **said}


def night(register: Register, day: int, *messages: dict[str, Any]) -> dict[str, str]:
    types = {name: column.dtype for name, column in Movements.columns().items()}
    usual = {"source": 0, "line": 1, "sender": "GAM|H", "domain": "H"}
    rows = [usual | {"offset": number} | said for number, said in enumerate(messages)]
    movements = Movements.validate(
        pl.DataFrame([{name: row.get(name) for name in types} for row in rows], schema=types, orient="row")
    )
    settings = QualifSettings()
    register.begin(at(day))
    fold(register, movements, sources=Sources.create_empty(), now=at(day))
    base = identities(register)
    found = derive_statuses(base, settings, changes=ins_changes(register))
    standing = status_ledger(register, standing=True)
    store_statuses(register, transitions(standing, base, found, at(day), settings=settings, changes=tonight(register)))
    found = kept(found, base, status_ledger(register, standing=True))
    register.commit()
    return dict(zip(base["ipp"], found["status"], strict=True))
