"""The slow twin of the HL7 kernels: split, one message at a time, in Python's own words."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from insvigil.reading.hl7_grammar import Choice, Kind, Pick, Relation


@dataclass
class Message:
    """A message as lists: segments by name (the first of each), and how often each name came."""

    line: int
    orphan: bool
    segments: dict[str, str] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)


def messages_of(text: str) -> list[Message]:
    """Return the messages of a text whose characters are bytes (latin-1)."""
    found: list[Message] = []
    current: Message | None = None
    open_segment: str | None = None
    separator = ""
    lines = [
        (number, part)
        for number, line in enumerate(re.split("\r\n|\r|\n", text))
        for part in re.split(r"(?=MSH\|\^)", line)
    ]
    for number, line in lines:
        line = line.lstrip("\x0b\x1c").removeprefix("\xef\xbb\xbf").rstrip("\x0b\x1c") if line else line
        if not line:
            continue
        name = re.match(r"[A-Z][A-Z0-9]{2}", line)
        kind = name.group() if name else ""
        if kind and len(line) > 3:
            mark = line[3]
            bad = (mark.isascii() and mark.isalnum()) or ord(mark) < 33
            if kind in ("MSH", "FHS", "BHS"):
                kind = "" if bad else kind
                separator = separator if bad else mark
            elif bad or (separator and mark != separator):
                kind = ""
        if kind in ("FHS", "BHS", "FTS", "BTS"):
            current = open_segment = None
            continue
        if kind == "MSH" or current is None:
            current = Message(number, kind != "MSH")
            found.append(current)
            open_segment = None
        if not kind:
            if open_segment is not None:
                current.segments[open_segment] += "\n" + line
            continue
        current.times[kind] = current.times.get(kind, 0) + 1
        open_segment = kind if current.times[kind] == 1 else None
        if open_segment:
            current.segments[kind] = line
    return found


def value_of(message: Message, pick: Pick) -> str | None:
    """Return the raw value that a pick finds, escapes and character set left alone."""
    marks = _marks(message.segments["MSH"])
    for place in (pick.place, *(other for other, _ in pick.others)):
        found = re.fullmatch(r"(\w{3})-(\d+)(?:\.(\d+))?(?:\.(\d+))?", place)
        assert found is not None
        segment, number, component, sub = found.groups()
        raw = _field(message.segments.get(segment, ""), segment, int(number), marks)
        repetitions = raw.split(marks[2])[:32]
        if pick.kind is Kind.REST:
            return marks[2].join(repetitions[1:]).strip(" ") or None
        chosen = repetitions[0] if pick.of is None else _choose(repetitions, pick.of, marks)
        if chosen is None:
            return None
        value = _part(chosen, int(component or 0), int(sub or 0), marks)
        if value.strip(" "):
            return value if pick.kind is Kind.TEXT else value.strip(" ")
    return None


def _marks(header: str) -> str:
    declared = header[4:].split(header[3])[0] if len(header) > 3 else ""
    defaults = "^~\\&"
    if len(declared) == 2:
        marks = declared[0] + ("~" if declared[1] == "&" else declared[1]) + "\\&"
    else:
        marks = declared[:4] + defaults[len(declared[:4]) :]
    return (header[3] if len(header) > 3 else "|") + marks


def _field(segment: str, name: str, number: int, marks: str) -> str:
    values = segment.split(marks[0])
    at = number - 1 if name == "MSH" else number
    return values[at] if at < len(values) else ""


def _part(repetition: str, component: int, sub: int, marks: str) -> str:
    if component == 0:
        return repetition
    components = repetition.split(marks[1])
    if component > len(components):
        return ""
    if sub == 0:
        return components[component - 1]
    subs = components[component - 1].split(marks[4])
    return subs[sub - 1] if sub <= len(subs) else ""


def _choose(repetitions: list[str], choice: Choice, marks: str) -> str | None:
    for way in choice.ways:
        for repetition in repetitions:
            for test in way.tests:
                value = _part(repetition, test.component, test.sub, marks).strip(" ")
                passed = {
                    Relation.EQUALS: value == test.value,
                    Relation.DIFFERS: value != test.value,
                    Relation.EMPTY: value == "",
                    Relation.FILLED: value != "",
                }[test.relation]
                if not passed:
                    break
            else:
                return repetition
    return None
