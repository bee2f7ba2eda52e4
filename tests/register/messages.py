"""Invented messages for the register, without the reading room."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dataframely as dy
import polars as pl

from insvigil.frames import IDENTITY_FIELDS, Movements, Sources
from insvigil.register import Folding, Register, fold, identities, open_register, stays
from insvigil.settings import RegisterSettings

NIGHT = datetime(2026, 11, 20, 3, 0)


def at(minutes: int) -> datetime:
    """Return a time of the day before the night."""
    return datetime(2026, 11, 19) + timedelta(minutes=minutes)


def movements(*messages: dict[str, Any]) -> dy.DataFrame[Movements]:
    """Return messages as a frame; what a message does not give is null, except sender, domain and place."""
    schema = {name: column.dtype for name, column in Movements.columns().items()}
    rows = [
        {"source": 0, "offset": place, "line": place + 1, "sender": "GAM|CHX", "domain": "CHX", "processing": "P"}
        | message
        for place, message in enumerate(messages)
    ]
    return Movements.validate(pl.DataFrame(rows, schema=schema))


def sources(name: str = "nuit", messages: int = 0) -> dy.DataFrame[Sources]:
    """Return one file read."""
    row = {
        "source": 0,
        "path": f"{name}.hl7",
        "digest": name,
        "size": 1,
        "format": "hl7",
        "outcome": "read",
        "messages": messages,
    }
    schema = {name: column.dtype for name, column in Sources.columns().items()}
    return Sources.validate(pl.DataFrame([row], schema=schema))


def message(trigger: str, ipp: str, minutes: int, control_id: str | None = None, **fields: Any) -> dict[str, Any]:
    """Return one message, its control id made from its time when not given."""
    return {
        "trigger": trigger,
        "ipp": ipp,
        "message_time": at(minutes),
        "control_id": control_id or f"{trigger}{minutes}",
        **fields,
    }


def night(register: Register, *messages: dict[str, Any], name: str = "nuit", now: datetime = NIGHT) -> Folding:
    """Fold the messages in one committed run."""
    register.begin(now)
    folding = fold(register, movements(*messages), sources=sources(name), now=now)
    register.commit()
    return folding


def opener(folder: Path) -> Callable[[], Register]:
    """Return what opens the register of the folder."""
    return lambda: open_register(RegisterSettings(wait_seconds=0), folder=folder)


def states(register: Register) -> dict[tuple[str, str], dict[str, str | None]]:
    found = identities(register)
    return {(row["domain"], row["ipp"]): {name: row[name] for name in IDENTITY_FIELDS} for row in found.to_dicts()}


def live(register: Register) -> dict[tuple[str, str, str], tuple[tuple[str, str], str | None]]:
    return {
        (row["domain"], row["visit"], row["movement"]): ((row["domain"], row["ipp"]), row["unit_medical"])
        for row in stays(register).to_dicts()
    }
