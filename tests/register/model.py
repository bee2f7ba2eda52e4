"""The slow twin of the register: every message kept in a list, every state computed by plain loops from all of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from insvigil.frames import IDENTITY_FIELDS

Message = dict[str, Any]
Node = tuple[str, str]

FEED = {"A28", "A31", "A08", "A40", "A47"}
CANCELS = {"A11": "A01", "A12": "A02", "A13": "A03", "A38": "A05"}
INSERTS = {"A01", "A02", "A03", "A04", "A05"}
TAKEN = FEED | set(CANCELS) | INSERTS | {"Z99", "A44"}
ADDRESS = ("address", "postal_code", "city", "country")
TAILS = {
    "matricule": "matricule_oid",
    "identity_code": "attributes",
    "birth_place": "birth_place_name",
    "document": "document_expiry",
}


class Model:
    """A register that forgets nothing and indexes nothing."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def take(self, *messages: Message) -> None:
        for message in messages:
            itself = message.get("merged_ipp") in (None, message["ipp"])
            refused = message["trigger"] == "A40" and itself
            if message["trigger"] in TAKEN and not refused and message not in self.messages:
                self.messages.append(message)

    def ordered(self) -> list[Message]:
        """Return the messages from the one said first to the one said last."""

        def stamp(place: int) -> tuple[Any, ...]:
            message = self.messages[place]
            control = message["control_id"]
            return (message["message_time"], message.get("sender", "GAM|CHX"), len(control), control, place)

        return [self.messages[place] for place in sorted(range(len(self.messages)), key=stamp)]

    def forward(self) -> dict[Node, tuple[Node, datetime | None]]:
        lead: dict[Node, tuple[Node, datetime | None]] = {}
        consumed: set[Node] = set()
        for message in self.ordered():
            gone = (self._domain(message), message.get("merged_ipp") or "")
            rename = message["trigger"] == "A47" and message.get("merged_ipp") not in (None, message["ipp"])
            if not (message["trigger"] == "A40" or rename) or gone in consumed:
                continue
            consumed.add(gone)
            node = end = (self._domain(message), message["ipp"])
            while end in lead:
                end = lead[end][0]
            if end != gone:
                lead[gone] = (node, None if rename else message["message_time"])
        return lead

    def identities(self) -> dict[Node, dict[str, str | None]]:
        """Return the fields of each active identity."""
        lead = self.forward()
        statements: dict[Node, list[Message]] = {}
        for message in self.ordered():
            owner = self.owner((self._domain(message), message["ipp"]), message["message_time"], lead)
            statements.setdefault(owner, []).append(message)
        return {node: state(said) for node, said in statements.items() if node not in lead}

    def owner(self, node: Node, time: datetime, lead: dict[Node, tuple[Node, datetime | None]]) -> Node:
        while node in lead and (lead[node][1] is None or time > lead[node][1]):  # type: ignore[operator]
            node = lead[node][0]
        return node

    def end(self, node: Node) -> Node:
        lead = self.forward()
        while node in lead:
            node = lead[node][0]
        return node

    def stays(self) -> dict[tuple[str, str, str], tuple[Node, str | None]]:
        """Return, for each live movement, the identity it belongs to and its medical unit."""
        movements: dict[tuple[str, str, str], dict[str, Any]] = {}
        for message in self.ordered():
            trigger = message["trigger"]
            if trigger == "A44":
                for (domain, _, _), movement in movements.items():
                    if domain == self._domain(message):  # one dossier only in the invented feeds
                        movement["node"] = (domain, message["ipp"])
            if trigger in INSERTS | set(CANCELS) | {"Z99"}:
                name = (self._domain(message), message["visit"], message["movement"])
                fresh = {"live": True, "unit": None, "dossier": None}
                movement = movements.setdefault(name, fresh)
                movement["dossier"] = message.get("dossier") or movement["dossier"]
                if trigger in CANCELS:
                    movement["live"] = False
                elif trigger in INSERTS:
                    movement["live"] = True
                if trigger not in CANCELS and message.get("unit_medical") is not None:
                    movement["unit"] = message["unit_medical"]
                movement["node"] = (self._domain(message), message["ipp"])
                if trigger == "A11":
                    self._cancel_around(movements, name, message)
        return {
            name: (self.end(movement["node"]), movement["unit"])
            for name, movement in movements.items()
            if movement["live"]
        }

    def _cancel_around(
        self, movements: dict[tuple[str, str, str], dict[str, Any]], name: tuple[str, str, str], message: Message
    ) -> None:
        """Cancel what was said of the visit (of the dossier: PV1-51 is A), pre-admissions apart if there is one."""
        for (domain, visit, number), movement in movements.items():
            same_dossier = message.get("visit_indicator") == "A" and movement["dossier"] == message.get("dossier")
            spared = message.get("preadmission") is not None and number in self.announces
            if domain == name[0] and (visit == name[1] or same_dossier) and not spared:
                movement["live"] = False

    @property
    def announces(self) -> set[str]:
        """Return the numbers of the movements that some message made a pre-admission."""
        return {message["movement"] for message in self.messages if message["trigger"] == "A05"}

    def _domain(self, message: Message) -> str:
        return str(message.get("domain", "CHX"))


def state(said: list[Message]) -> dict[str, str | None]:
    """Return the fields after these messages: the feed decides, movements fill what it never spoke of."""
    feed = [message for message in said if message["trigger"] in FEED]
    fields: dict[str, str | None] = dict.fromkeys(IDENTITY_FIELDS)
    spoken: set[str] = set()
    ins_code: str | None = None
    for message in feed or said:
        stated = whole(message)
        code = stated.get("identity_code")
        if code == "VALI" and "matricule" not in stated and "matricule" in spoken and ins_code not in (None, "VALI"):
            stated |= {"matricule": '""', "matricule_oid": '""'}
        if "matricule" in stated:
            ins_code = stated.get("identity_code")
        fields |= {field: None if value == '""' else value for field, value in stated.items()}
        spoken |= set(stated)
    if feed:
        guarded = {"matricule", "matricule_oid", "identity_code", "attributes"}
        for message in said:
            if message["trigger"] not in FEED:
                for field, value in whole(message).items():
                    if field not in spoken | guarded:
                        fields[field] = None if value == '""' else value
    return fields


def whole(message: Message) -> dict[str, str]:
    """Return the fields a message states, the parts it leaves out of a restated field deleted."""
    stated = {field: message[field] for field in IDENTITY_FIELDS if message.get(field) is not None}
    if "matricule" not in stated:
        stated.pop("matricule_oid", None)
    elif stated["matricule"] == '""':
        stated["matricule_oid"] = '""'
    for head, tail in TAILS.items():
        if head in stated:
            stated.setdefault(tail, '""')
    if any(part in stated for part in ADDRESS):
        for part in ADDRESS:
            stated.setdefault(part, '""')
    return stated
