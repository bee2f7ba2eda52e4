"""Invented messages drawn at random, in small worlds where they collide often."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.register.messages import message
from tests.register.model import Message

FIELDS = {
    "birth_name": ["DARK", "DARC", '""'],
    "used_name": ["NOZIERE", '""'],
    "matricule": ["260058815400233", '""'],
    "matricule_oid": ["1.2.250.1.213.1.4.8"],
    "identity_code": ["VALI", "PROV"],
    "attributes": ["HOMA"],
    "city": ["RENNES", "BREST"],
    "postal_code": ["35000"],
    "document": ["CN"],
    "document_expiry": ["20300101"],
}
FEED = ("A28", "A31", "A31", "A47")
MERGES = ("A28", "A31", "A40", "A40", "A47")
MOVES = ("A01", "A02", "A05", "A11", "Z99", "A44")
ALL = ("A28", "A31", "A31", "A40", "A47", "A01", "A02", "A11", "Z99", "Z77")


@st.composite
def messages(draw: st.DrawFn, triggers: tuple[str, ...] = ALL, minutes: int | None = None) -> Message:
    """Draw one message; its time too, unless ``minutes`` gives it."""
    trigger = draw(st.sampled_from(triggers))
    ipps = st.sampled_from(["1", "2", "3", "4"])
    fields: dict[str, Any] = {
        name: value for name, values in FIELDS.items() if (value := draw(st.sampled_from([None, *values]))) is not None
    }
    if trigger == "A40" or (trigger == "A47" and draw(st.booleans())):
        fields["merged_ipp"] = draw(ipps)
    if trigger in MOVES:
        visit = draw(st.sampled_from(["V1", "V1", "V2"]))
        # a movement number stays with its kind: what is a pre-admission is never an admission as well
        numbers = ["p1|D"] if trigger == "A05" else ["m1|D", "m2|D"]
        fields |= {"visit": visit, "movement": draw(st.sampled_from(numbers)), "dossier": "D1"}
        if trigger == "A11":
            fields |= {
                "visit_indicator": draw(st.sampled_from([None, "V", "A"])),
                "preadmission": draw(st.sampled_from([None, "P1"])),
            }
        fields["unit_medical"] = draw(st.sampled_from([None, "1001", "1002"]))
    domain = draw(st.sampled_from(["CHX", "CHX", "CHX", "CHY"]))
    minute = draw(st.integers(1, 40)) if minutes is None else minutes
    return message(trigger, draw(ipps), minute, str(draw(st.integers(1, 120))), domain=domain, **fields)


@st.composite
def feeds(draw: st.DrawFn, triggers: tuple[str, ...] = ALL, *, distinct: bool = False) -> list[Message]:
    """Draw a feed; no two messages of the same time when ``distinct``."""
    if not distinct:
        return draw(st.lists(messages(triggers), min_size=1, max_size=20))
    size = draw(st.integers(2, 14))
    return [draw(messages(triggers, minutes=minute)) for minute in range(size)]
