"""An invented hospital whose nights are told in movements: who is created, seen, qualified and merged, and when.

The rates are conventions of insvigil, chosen to look like a hospital that is well on its way with the INS: they give
every status, every kind of movement and enough doublons to fill a morning's list. No figure here is a target.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from operator import itemgetter
from typing import Any

import numpy as np
import polars as pl

from insvigil.bench.population import Population
from insvigil.vocabulary import DELETED

NIR_OID = "1.2.250.1.213.1.4.8"
Row = dict[str, Any]


@dataclass(frozen=True)
class Unit:
    """A unité fonctionnelle: code, geographic FINESS, class of its venues (PV1-2), share of them."""

    code: str
    finess: str
    patient_class: str
    weight: float


UNITS: tuple[Unit, ...] = (
    Unit("1001", "990000101", "E", 24), Unit("1002", "990000102", "E", 9), Unit("1101", "990000101", "I", 6),
    Unit("1102", "990000101", "I", 5), Unit("1103", "990000101", "I", 4), Unit("1104", "990000101", "I", 3),
    Unit("1105", "990000102", "I", 4), Unit("1106", "990000102", "I", 2), Unit("1107", "990000103", "I", 1),
    Unit("1201", "990000101", "O", 12), Unit("1202", "990000101", "O", 8), Unit("1203", "990000101", "O", 5),
    Unit("1204", "990000102", "O", 6), Unit("1205", "990000103", "O", 3), Unit("1301", "990000101", "R", 3),
    Unit("1302", "990000102", "R", 2),
)  # fmt: skip
"""Three invented sites: a large one (…101), a middle one (…102) and a long-stay one (…103)."""

_QUALITY = {  # share of qualified, retrieved, validated identities, by how they came; the rest are provisional
    "active": (0.72, 0.05, 0.11),
    "inactive": (0.25, 0.03, 0.22),
    "copy": (0.30, 0.04, 0.16),
}
_DOCUMENTS = ("CN", "CN", "CN", "CN", "PA", "CS", "LE", "AN")


@dataclass
class Hospital:
    """The state of the simulation; ``nights()`` yields the messages of each night in order of their time."""

    population: Population
    first_night: date
    night_count: int
    rng: np.random.Generator
    rows: list[Row] = field(init=False)
    night_of: np.ndarray[Any, np.dtype[np.int64]] = field(init=False)
    _open: list[Row] = field(default_factory=list)
    _planned: list[Row] = field(default_factory=list)
    _survivor: dict[int, int] = field(default_factory=dict)
    _number: int = 0

    def __post_init__(self) -> None:
        """Prepare what each identity will send, the night it is created and the doublons to merge."""
        self.rows = prepare_identities(self.population, self.rng)
        size = len(self.rows)
        copies = self.population.truth["person"].is_first_distinct().not_().to_numpy()
        late = self.rng.random(size) < np.where(copies, 0.15, 0.012)
        self.night_of = np.where(late, self.rng.integers(self.night_count, size=size), -1)

    def nights(self) -> Iterator[list[Row]]:
        """Yield the messages of each night; the first begins with the load of what was known before."""
        late: list[Row] = []
        for night in range(self.night_count):
            messages = late + (self._load() if night == 0 else []) + self._day(night)
            messages.sort(key=_time_of)
            tomorrow = datetime.combine(self.first_night + timedelta(days=night + 1), time())
            sent = bisect_left(messages, tomorrow, key=_time_of)
            messages, late = messages[:sent], messages[sent:]
            yield messages

    def _load(self) -> list[Row]:
        """Return the initial load: A28 of all known identities, then a past venue for those seen in two years."""
        start = datetime.combine(self.first_night, time(0, 5))
        known = np.flatnonzero(self.night_of < 0)
        messages = []
        for position, index in enumerate(known):
            moment = start + timedelta(seconds=position // 20)
            messages.append(self._identity("A28", int(index), moment))
        start += timedelta(seconds=len(known) // 20 + 60)
        seen = known[[self.rows[index]["seen"] for index in known]]
        ages = self.rng.beta(1.0, 1.6, len(seen)) * 730 * 86_400 + 43_200
        for position, (index, age) in enumerate(zip(seen, ages, strict=True)):
            moment = start + timedelta(seconds=position // 20)
            began = datetime.combine(self.first_night, time()) - timedelta(seconds=int(age))
            messages += self._venue(int(index), began, sent=moment)
        return messages

    def _day(self, night: int) -> list[Row]:
        """Return a day of activity: creations, venues, discharges, updates, merges and changes of INS."""
        midnight = datetime.combine(self.first_night + timedelta(days=night), time())
        created = np.flatnonzero(self.night_of == night)
        known = np.flatnonzero((self.night_of < night) & (self.night_of >= -1))
        known = known[[int(index) not in self._survivor for index in known]] if len(known) else known
        messages = []
        for index in created:
            moment = self._moment(midnight)
            messages.append(self._identity("A28", int(index), moment))
            messages += self._venue(int(index), moment + timedelta(minutes=3))
        for index in self._some(known, 0.006):
            messages += self._venue(int(index), self._moment(midnight))
        messages += self._discharges(midnight) + self._updates(known, midnight)
        return messages + self._merges(night, midnight) + self._ins_changes(known, midnight)

    def _venue(self, index: int, began: datetime, *, sent: datetime | None = None) -> list[Row]:
        """Return the movements of a venue in a unit drawn by weight; live inpatients stay open for the next nights."""
        unit = UNITS[int(self.rng.choice(len(UNITS), p=_UNIT_SHARES))]
        dossier = f"26{self._next():07d}"
        venue = {"dossier": dossier, "visit": f"{dossier}01", "admitted_at": began, "index": index, "unit": unit}
        draw = self.rng.random()
        if unit.patient_class != "I":
            messages = [self._movement("A04", venue, began, sent=sent)]
            left = began + timedelta(minutes=int(self.rng.integers(20, 420)))
            if draw < 0.02:
                messages.append(self._movement("A11", venue, began, sent=sent or left, action="CANCEL", origin="A04"))
            elif unit.patient_class == "E":
                messages.append(self._movement("A03", venue, left, sent=sent))
            return messages
        if sent is None and draw < 0.15:
            self._planned.append(venue)
            return [self._movement("A05", venue, began + timedelta(days=2), sent=began)]
        messages = [self._movement("A01", venue, began, sent=sent)]
        if draw > 0.7:
            unit_to = UNITS[2 + int(self.rng.integers(7))]
            moved = venue | {"unit": unit_to}
            messages.append(self._movement("A02", moved, began + timedelta(hours=9), sent=sent))
            venue = moved
        if sent is None:
            self._open.append(venue)
        else:
            stay = timedelta(hours=10 + int(self.rng.gamma(1.5, 72)))
            messages.append(self._movement("A03", venue, min(began + stay, sent), sent=sent))
        return messages

    def _discharges(self, midnight: datetime) -> list[Row]:
        """Return the discharges of the day, a few cancelled, and the admissions that were planned."""
        messages, staying = [], []
        for venue in self._open:
            if venue["admitted_at"] < midnight and self.rng.random() < 0.35:
                left = self._moment(midnight)
                messages.append(self._movement("A03", venue, left))
                if self.rng.random() < 0.06:
                    messages.append(
                        self._movement(
                            "A13", venue, left, sent=left + timedelta(minutes=9), action="CANCEL", origin="A03"
                        )
                    )
                    staying.append(venue)
            else:
                staying.append(venue)
        self._open = staying
        planned, self._planned = self._planned, []
        for venue in planned:
            if venue["admitted_at"] < midnight:
                moment = self._moment(midnight)
                admitted = venue | {"admitted_at": moment}
                messages.append(self._movement("A01", admitted, moment))
                self._open.append(admitted)
            else:
                self._planned.append(venue)
        return messages

    def _updates(self, known: np.ndarray[Any, np.dtype[np.int64]], midnight: datetime) -> list[Row]:
        """Return A31: the INS is obtained, or a phone changes, or a used name is given up."""
        messages = []
        for index in self._some(known, 0.03):
            row, draw = self.rows[int(index)], self.rng.random()
            if draw < 0.65 and row["ins"] and not row["matricule"]:
                row |= _qualified(row["ins"], midnight.date(), str(self.rng.choice(_DOCUMENTS)))
            elif draw < 0.9:
                row["phone"] = f"07{int(self.rng.integers(10**8)):08d}"
            else:
                row["used_name"] = DELETED if row["used_name"] not in (None, DELETED) else row["used_name"]
            messages.append(self._identity("A31", int(index), self._moment(midnight)))
        return messages

    def _merges(self, night: int, midnight: datetime) -> list[Row]:
        """Return A40: the CIV merges a few true doublons, keeping the better status, then the elder."""
        order = {"VALI": 0}
        candidates = self.population.truth.with_row_index("row").filter(pl.len().over("person") > 1)
        messages = []
        for rows in candidates.group_by("person", maintain_order=True).agg("row")["row"].to_list():
            here = [row for row in rows if self.night_of[row] < night and row not in self._survivor]
            if len(here) > 1 and self.rng.random() < 0.015:
                keep, drop = sorted(
                    here,
                    key=lambda row: (not self.rows[row]["matricule"], order.get(self.rows[row]["identity_code"], 1)),
                )[:2]
                self._survivor[drop] = keep
                message = self._identity("A40", keep, self._moment(midnight))
                messages.append(message | {"merged_ipp": self.rows[drop]["ipp"]})
        return messages

    def _ins_changes(self, known: np.ndarray[Any, np.dtype[np.int64]], midnight: datetime) -> list[Row]:
        """Return A47: the INS is withdrawn, the identity staying validated or going back to provisional."""
        messages = []
        with_ins = np.array([index for index in known if self.rows[int(index)]["matricule"]], dtype=np.int64)
        for index in self._some(with_ins, 0.0008):
            row = self.rows[int(index)]
            old, row["matricule"] = row["matricule"], None
            row["identity_code"] = "VALI" if self.rng.random() < 0.5 else "PROV"
            message = self._identity("A47", int(index), self._moment(midnight))
            messages.append(message | {"matricule": DELETED, "matricule_oid": NIR_OID, "merged_matricule": old})
            row["matricule_oid"] = None
        return messages

    def _identity(self, trigger: str, index: int, moment: datetime) -> Row:
        row = {name: value for name, value in self.rows[index].items() if name not in _PRIVATE}
        emergency = self.rows[index]["emergency"] and trigger == "A28"
        return row | {
            "trigger": trigger,
            "sender": SENDERS["E" if emergency else "I"],
            "control_id": self._control(),
            "message_time": moment,
            "event_time": moment,
            "patient_class": None if trigger in ("A40", "A47") else "N",
        }

    def _movement(
        self,
        trigger: str,
        venue: Row,
        at: datetime,
        *,
        sent: datetime | None = None,
        action: str = "INSERT",
        origin: str | None = None,
    ) -> Row:
        unit: Unit = venue["unit"]
        index: int = venue["index"]
        while index in self._survivor:
            index = self._survivor[index]
        movement = venue["movement"] if action == "CANCEL" else f"M{self._next():08d}"
        venue["movement"] = movement
        moment = sent or at
        row = {name: value for name, value in self.rows[index].items() if name not in _PRIVATE}
        return row | {
            "trigger": trigger,
            "sender": SENDERS["E" if unit.patient_class == "E" else "I"],
            "control_id": self._control(),
            "message_time": moment,
            "event_time": at,
            "dossier": venue["dossier"],
            "visit": venue["visit"],
            "patient_class": unit.patient_class,
            "finess_eg": unit.finess,
            "unit_lodging": unit.code,
            "unit_medical": unit.code,
            "unit_care": unit.code,
            "admitted_at": venue["admitted_at"],
            "discharged_at": at if trigger == "A03" else None,
            "movement": movement,
            "movement_at": at,
            "movement_action": action,
            "movement_historic": "Y" if sent and sent - at > timedelta(days=1) else "N",
            "movement_origin": origin,
            "movement_nature": "HMS",
        }

    def _moment(self, midnight: datetime) -> datetime:
        """Return a moment of the working day, after the load of the first night."""
        return midnight + timedelta(seconds=int(18_000 + self.rng.beta(2, 2) * 64_000))

    def _some(self, indices: np.ndarray[Any, np.dtype[np.int64]], share: float) -> np.ndarray[Any, np.dtype[np.int64]]:
        return indices[self.rng.random(len(indices)) < share]

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _control(self) -> str:
        return f"C{self._next():09d}"


SENDERS = {"I": "GAM|HDEMO", "E": "URGENCES|HDEMO"}
"""Who sends: the admission software, and the software of the emergency departments."""

_time_of = itemgetter("message_time")
_UNIT_SHARES = np.array([unit.weight for unit in UNITS]) / sum(unit.weight for unit in UNITS)
_PRIVATE = frozenset({"ins", "seen", "emergency"})


def prepare_identities(population: Population, rng: np.random.Generator) -> list[Row]:
    """Return what each identity sends: traits in HL7 form, status, INS when qualified, billing NIR otherwise.

    The INSi answers with the NIR of the person only when the traits of the identity agree with it.
    """
    truth = population.truth
    people = population.identities.with_columns(truth["person"]).with_columns(
        ins=truth["matricule"],
        copy=pl.col("id").is_first_distinct().not_() | truth["person"].is_first_distinct().not_(),
    )
    agrees = (
        (pl.col("ins").str.head(1) == pl.col("sex").replace({"M": "1", "F": "2"}))
        & (pl.col("ins").str.slice(1, 4) == pl.col("birth_date").str.slice(2, 2) + pl.col("birth_date").str.slice(5, 2))
        & (pl.col("ins").str.slice(5, 5) == pl.col("birth_place"))
    )
    people = people.with_columns(
        ins=pl.when(agrees).then("ins"),
        birth_date=pl.col("birth_date").str.replace_all("-", ""),
        billing_nir="matricule",
        country=pl.when(pl.col("address").is_not_null()).then(pl.lit("FRA")),
    ).rename({"id": "ipp", "mother_id": "mother_ipp"})
    seen = rng.random(people.height) < 0.62
    rows: list[Row] = []
    copies = people["copy"].to_list()
    for position, row in enumerate(people.drop("matricule", "person", "copy").iter_rows(named=True)):
        kind = "copy" if copies[position] else "active" if seen[position] else "inactive"
        row |= {"seen": bool(seen[position]), "emergency": bool(rng.random() < (0.6 if copies[position] else 0.25))}
        rows.append(row | _status(row["ins"], kind, rng))
    return rows


def _status(ins: str | None, kind: str, rng: np.random.Generator) -> Row:
    """Return PID-32, ZFD and INS of an identity, drawn by how it came."""
    qualified, retrieved, validated = np.cumsum(_QUALITY[kind])
    draw, day = rng.random(), date(2025, 1, 1) + timedelta(days=int(rng.integers(600)))
    if draw < qualified and ins:
        return _qualified(ins, day, str(rng.choice(_DOCUMENTS)))
    row: Row = {"matricule": None, "matricule_oid": None, "identity_code": "PROV", "attributes": None}
    row |= {"collection_mode": "SM", "insi_date": None, "document": None, "document_expiry": None}
    if qualified <= draw < retrieved and ins:
        row |= {"collection_mode": "INSI", "insi_date": f"{day:%Y%m%d}"}
    elif draw < validated:
        row |= {"identity_code": "VALI", "document": str(rng.choice(_DOCUMENTS))}
    elif rng.random() < 0.04:
        row["attributes"] = str(rng.choice(["DOUT", "DOUT", "FICT"]))
    elif rng.random() < 0.05:
        row |= {"identity_code": "VIDE", "collection_mode": None}
    return row


def _qualified(ins: str, day: date, document: str) -> Row:
    return {
        "matricule": ins,
        "matricule_oid": NIR_OID,
        "billing_nir": None,
        "identity_code": "VALI",
        "attributes": None,
        "collection_mode": "INSI",
        "insi_date": f"{day:%Y%m%d}",
        "document": document,
        "document_expiry": f"{day.replace(year=day.year + 8, day=1):%Y%m%d}" if document in ("CN", "PA") else None,
    }
