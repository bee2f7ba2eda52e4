"""Nights of movement files of an invented hospital, as its software would drop them: one folder a night.

Two senders: ``GAM`` writes ISO 8859-15 with CR, ``URGENCES`` writes UTF-8 with CR LF inside a batch envelope. A few
messages are sent twice, a few carry the slips met in real feeds, one is of a type nobody knows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from insvigil.bench.hospital import SENDERS, Hospital, Row
from insvigil.bench.messages import er7
from insvigil.bench.population import Population

MESSAGES_A_FILE = 10_000
DUPLICATE_RATE = 0.004
DEVIATION_RATE = 0.003


@dataclass(frozen=True)
class Style:
    """How a sender writes its files."""

    name: str
    charset: str  # what MSH-18 declares
    encoding: str  # what is written
    terminator: str
    batch: bool


STYLES = {
    SENDERS["I"]: Style("gam", "8859/15", "iso8859-15", "\r", batch=False),
    SENDERS["E"]: Style("urgences", "UNICODE UTF-8", "utf-8", "\r\n", batch=True),
}

Segments = list[str]
DEVIATIONS: dict[str, Callable[[Segments], Segments]] = {
    "ZBE shifted by one field": lambda lines: _edit(lines, "ZBE", r"^(ZBE\|[^|]*\|[^|]*\|)", r"\1|"),
    "ZBE-9 out of its list": lambda lines: _edit(lines, "ZBE", r"HMS$", "MHC"),
    "XPN-7 in XPN-8": lambda lines: _edit(lines, "PID", r"\^\^\^\^L(?=[~|])", "^^^^^L"),
    "COG of birth in XAD-4": lambda lines: _edit(lines, "PID", r"\^\^\^\^\^BDL\^\^(\w+)", r"^^\1^^^BDL"),
    "A08 for A31": lambda lines: _edit(lines, "MSH", r"ADT\^A31\^ADT_A05", "ADT^A08^ADT_A01"),
    "test message": lambda lines: _edit(lines, "MSH", r"\|P\|2\.5", "|T|2.5"),
    "old version": lambda lines: _edit(lines, "MSH", r"2\.5\^FRA\^2\.11", "2.5^FRA^2.4"),
    "authority without a name": lambda lines: _edit(lines, "PID", r"HDEMO&990000010&M\^AN", "&&M^AN"),
    "status empty": lambda lines: _edit(lines, "PID", r"\|[A-Z]+[A-Z~]*$", "|"),
}
"""Slips met in real feeds (none of them may stop a reader): name, and what it does to the segments."""


def write_nights(
    population: Population,
    folder: Path,
    *,
    nights: int,
    seed: int,
    first_night: date = date(2026, 11, 18),
    deviations: bool = True,
) -> list[Path]:
    """Write ``nights`` nights into ``folder`` and return their folders, named by date: ``folder/2026-11-18``.

    The first night begins with the load of everything known before. The same arguments give the same bytes. Without
    ``deviations`` every message is well-formed and sent once.
    """
    hospital = Hospital(population, first_night, nights, np.random.default_rng([seed, 1]))
    chance = np.random.default_rng([seed, 2])
    folders = []
    for night, messages in enumerate(hospital.nights()):
        target = folder / (first_night + timedelta(days=night)).isoformat()
        target.mkdir(parents=True, exist_ok=True)
        folders.append(target)
        for sender, style in STYLES.items():
            sent = [message for message in messages if message["sender"] == sender]
            for part, start in enumerate(range(0, len(sent), MESSAGES_A_FILE), 1):
                lines = list(_written(sent[start : start + MESSAGES_A_FILE], style, chance if deviations else None))
                path = target / f"{style.name}-{part:04d}.hl7"
                path.write_bytes(_file(lines, style, f"{style.name}{night}{part}").encode(style.encoding, "replace"))
    return folders


def _written(messages: list[Row], style: Style, chance: np.random.Generator | None) -> Iterator[Segments]:
    """Yield the segments of each message, with the duplicates and deviations that chance brings."""
    names = list(DEVIATIONS)
    for message in messages:
        segments = er7(message, charset=style.charset)
        if chance is None:
            yield segments
            continue
        draw = chance.random()
        if draw < DEVIATION_RATE:
            segments = DEVIATIONS[names[int(chance.integers(len(names)))]](segments)
        yield segments
        if draw > 1 - DUPLICATE_RATE:
            yield segments
    if chance is not None and messages:
        last = er7(messages[-1] | {"control_id": f"{messages[-1]['control_id']}X"}, charset=style.charset)
        yield [last[0].replace(f"^{messages[-1]['trigger']}^", "^Z42^"), *last[1:3]]


def _file(messages: list[Segments], style: Style, name: str) -> str:
    if style.batch:
        header = [f"FHS|^~\\&|URGENCES|HDEMO|||||{name}", "BHS|^~\\&|URGENCES|HDEMO"]
        trailer = [f"BTS|{len(messages)}", "FTS|1"]
        messages = [header, *messages, trailer]
    return "".join(segment + style.terminator for message in messages for segment in message)


def _edit(segments: Segments, name: str, pattern: str, replacement: str) -> Segments:
    return [re.sub(pattern, replacement, line, count=1) if line.startswith(name) else line for line in segments]
