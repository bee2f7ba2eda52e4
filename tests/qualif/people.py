"""Invented identities, stays and changes for the tests of the room."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import dataframely as dy
import hypothesis
import polars as pl

from insvigil.frames import Changes, Identities, StatusLedger, Stays
from insvigil.vocabulary import Status

UNHURRIED = hypothesis.settings(deadline=None, max_examples=60)
"""Other work shares the machine: no deadline."""

NIR = "1.2.250.1.213.1.4.8"
NIA = "1.2.250.1.213.1.4.9"
TEST = "1.2.250.1.213.1.4.10"

TRAITS = {
    "birth_name": "ZELPHIN",
    "first_given_name": "ORIANE",
    "given_names": "ORIANE LISE",
    "birth_date": "19640312",
    "sex": "F",
    "birth_place": "99214",
}
"""An invented woman with her five strict traits; her matricule below is made up and carries a right key."""

MATRICULE = "264039921407758"

INS = {"matricule": MATRICULE, "matricule_oid": NIR}

QUALIFIED = TRAITS | {"identity_code": "VALI", "matricule": MATRICULE, "matricule_oid": NIR}

DAY = datetime(2026, 3, 2, 8)


def _frame(schema: type[dy.Schema], rows: list[dict[str, Any]]) -> Any:
    types = {name: column.dtype for name, column in schema.columns().items()}
    full = [{name: row.get(name) for name in types} for row in rows]
    return schema.validate(pl.DataFrame(full, schema=types, orient="row"))


def identities(*people: Mapping[str, Any]) -> dy.DataFrame[Identities]:
    rows = [
        {
            "identity_id": number,
            "domain": "H",
            "ipp": f"{number:04}",
            "created_at": DAY,
            "updated_at": DAY,
            "changed": True,
            **person,
        }
        for number, person in enumerate(people)
    ]
    return _frame(Identities, rows)


def changes(rows: Iterable[tuple[str, str, str | None, str | None, datetime]]) -> dy.DataFrame[Changes]:
    """Rows are (ipp, field, old, new, valid_at)."""
    return _frame(
        Changes,
        [
            {
                "domain": "H",
                "ipp": ipp,
                "field": field,
                "old": old,
                "new": new,
                "valid_at": at,
                "known_at": at,
                "trigger": "A31",
                "sender": "GAM|H",
                "run": 1,
            }
            for ipp, field, old, new, at in rows
        ],
    )


def creation(ipp: str, person: Mapping[str, Any], at: datetime = DAY) -> list[tuple[str, str, None, str, datetime]]:
    return [(ipp, field, None, value, at) for field, value in person.items()]


def stays(*rows: dict[str, Any]) -> dy.DataFrame[Stays]:
    full = [
        {
            "domain": "H",
            "movement": f"M{number}",
            "trigger": "A01",
            "patient_class": "I",
            "finess_eg": "010000001",
            **row,
        }
        for number, row in enumerate(rows)
    ]
    return _frame(Stays, full)


def ledger(*rows: tuple[str, datetime, Status]) -> Any:
    frame = pl.DataFrame(rows, schema=["ipp", "at", "to_status"], orient="row").with_columns(
        pl.col("to_status").cast(pl.Enum(Status)),
        pl.col("at").cast(pl.Datetime("us")),
        domain=pl.lit("H"),
        from_status=pl.lit(None, dtype=pl.Enum(Status)),
        counted=pl.lit(True),
        evidence=pl.lit("creation"),
        source=pl.lit("pam"),
        anomaly=pl.lit(None, dtype=pl.String),
        refused=pl.lit(None, dtype=pl.Enum(Status)),
    )
    return StatusLedger.validate(frame.select(StatusLedger.column_names()))
