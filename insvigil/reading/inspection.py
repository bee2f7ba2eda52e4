"""A census of a feed before it is trusted: what it holds, what it declares, what it lacks; codes and counts only."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from insvigil.frames import STRICT_TRAITS
from insvigil.reading import hl7_grammar
from insvigil.reading.hl7_grammar import Batch, Pick, Plan
from insvigil.reading.movements import iter_movements
from insvigil.reading.rules import RULES
from insvigil.reading.sources import UNREADABLE, Format, Room, find_sources, look_at, pieces_of
from insvigil.settings import ReadingSettings

_HEADERS = (
    Pick("message_type", "MSH-9.1"),
    Pick("version", "MSH-12"),
    Pick("charset", "MSH-18"),
)
WATCHED = (*STRICT_TRAITS, "matricule", "identity_code", "dossier", "visit", "movement", "collection_mode", "document")
"""The fields whose absence is counted."""

_CODE = re.compile(r"[A-Za-z0-9^./ _-]{1,40}")


def inspect(path: Path) -> dict[str, Any]:
    """Return a census of a file or folder: counts by event, version, character set, status, missing field and code.

    Nothing that names a person is in it. Raise as :func:`iter_movements` does.
    """
    settings = ReadingSettings()
    counts: Counter[str] = Counter()
    census: dict[str, Counter[str]] = {}
    census["événements"] = Counter()
    census["statuts (PID-32)"] = Counter()
    census["INS (OID)"] = Counter()
    census["champs absents"] = Counter(dict.fromkeys(WATCHED, 0))
    census["classes (PV1-2)"] = Counter()
    remarks: Counter[str] = Counter()
    formats: Counter[str] = Counter()
    for batch in iter_movements([Path(path)], settings):
        counts.update(batch.counts)
        formats.update(batch.sources["format"].to_list())
        rows = batch.movements
        for title, column in (
            ("événements", "trigger"),
            ("statuts (PID-32)", "identity_code"),
            ("INS (OID)", "matricule_oid"),
            ("classes (PV1-2)", "patient_class"),
        ):
            census[title].update(_counted(rows[column]))
        for column in WATCHED:
            census["champs absents"][column] += rows[column].null_count()
        remarks.update(_counted(batch.rejects["code"]))
    sentences = {rule.code: rule.sentence for rule in RULES}
    return {
        "fichiers": sum(formats.values()),
        "formats": dict(formats),
        **{_COUNTS[name]: counts[name] for name in _COUNTS},
        **{title: dict(counter.most_common()) for title, counter in (_headers(Path(path), settings) | census).items()},
        "remarques": {f"{code} {sentences[code]}": times for code, times in remarks.most_common()},
    }


_COUNTS = {
    "read": "messages lus",
    "kept": "gardés",
    "folded": "repliés",
    "rejected": "refusés",
    "duplicates": "reçus deux fois",
    "ignored": "sans effet",
    "late": "en retard",
}


def _counted(values: pl.Series) -> dict[str, int]:
    counted: Counter[str] = Counter()
    for value, times in values.value_counts().iter_rows():
        if value is None:
            counted["(absent)"] += times
        else:
            counted[value if _CODE.fullmatch(value) and len(value) < 25 else "(autre)"] += times
    return dict(counted)


def _headers(path: Path, settings: ReadingSettings) -> dict[str, Counter[str]]:
    """Count what the headers declare, refused messages included."""
    plan = Plan(_HEADERS, ())
    found = {
        "types de message": Counter[str](),
        "versions (MSH-12)": Counter[str](),
        "jeux de caractères déclarés (MSH-18)": Counter[str](),
        "octets trouvés": Counter[str](),
    }
    titles = dict(zip(found, ("message_type", "version", "charset"), strict=False))
    room = Room()
    for source in find_sources([path], settings):
        if source.format is Format.UNKNOWN and source.refusal is None:
            look_at(source)
        if source.format is Format.HL7:
            try:
                for data, _ in pieces_of(source, room):
                    batch = Batch.of(data)
                    index = hl7_grammar.index(plan, batch)
                    rows = np.flatnonzero(index.messages[:, 4] & 1 == 0)
                    headers = hl7_grammar.extract(plan, batch, index, rows)
                    for title, column in titles.items():
                        found[title].update(_counted(headers.columns[column]))
                    natures = np.bincount(headers.natures, minlength=3).tolist()
                    found["octets trouvés"].update(dict(zip(("ASCII", "UTF-8", "8 bits"), natures, strict=True)))
            except (*UNREADABLE, OverflowError):
                continue
    return found
