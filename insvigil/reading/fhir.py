"""FHIR R4 files of FR Core profiles to movements: Patient and Encounter, one by line (NDJSON) or in Bundles.

Three generations of the reliability extension are read (2022, 2.1, 2.2). Code systems are not trusted, codes are: real
resources miss the system or name an older one.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import orjson
import polars as pl

from insvigil.frames import Movements
from insvigil.reading.notes import Notes, Positions
from insvigil.reading.sources import Piece, Source

UNREADABLE, NO_PATIENT, RESOURCE_ID, NAME_WITHOUT_USE = "IDV-LEC-401", "IDV-LEC-402", "IDV-LEC-403", "IDV-LEC-404"

Resource = dict[str, Any]

OIDS = {
    "INS-NIR": "1.2.250.1.213.1.4.8",
    "INS-NIR-TEST": "1.2.250.1.213.1.4.10",
    "INS-NIR-DEMO": "1.2.250.1.213.1.4.11",
    "INS-NIA": "1.2.250.1.213.1.4.9",
}
"""Identifier types of FR Core and their OID, the NIR first: it is kept when a NIA comes with it."""

NOT_AN_IPP = frozenset(("NH", "INS-C", "NDP", "RRI", *OIDS))
SEX = {"male": "M", "female": "F", "unknown": "U", "other": "U"}
CLASSES = {"IMP": "I", "ACUTE": "I", "NONAC": "I", "AMB": "O", "EMER": "E", "SS": "O", "VR": "V", "HH": "O"}
"""Class of an encounter (v3-ActCode) as PV1-2."""


class FhirReader:
    """What is remembered from batch to batch of one run: digests of resources and who each Patient is."""

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._patients: dict[str, tuple[str, str]] = {}

    def read(self, pieces: Sequence[Piece], counts: Counter[str], notes: Notes) -> pl.DataFrame:
        """Return the rows of ``Movements`` of some pieces of files, in order; add to counts and notes."""
        rows: list[Resource] = []
        positions: list[tuple[int, int, int]] = []
        collecting = gc.isenabled()
        gc.disable()  # nothing here makes cycles, and each pass would walk every row kept so far
        try:
            self._fill(pieces, rows, positions, counts, notes)
        finally:
            if collecting:
                gc.enable()
        counts["kept"] += len(rows)
        return _frame(rows, positions)

    def _fill(
        self,
        pieces: Sequence[Piece],
        rows: list[Resource],
        positions: list[tuple[int, int, int]],
        counts: Counter[str],
        notes: Notes,
    ) -> None:
        for piece in pieces:
            number = piece.source.number
            before = counts["read"]
            for raw, resource, offset, line in _resources(piece):
                counts["read"] += 1
                if piece.already_read:
                    counts["already_read"] += 1
                    continue
                where = (number, offset, line)
                if resource is None:
                    self._reject(where, UNREADABLE, counts, notes)
                    continue
                digest = hash(raw)
                if digest in self._seen:
                    counts["duplicates"] += 1
                    continue
                self._seen.add(digest)
                row = self._row(resource, where, counts, notes)
                if row is not None:
                    rows.append(row)
                    positions.append(where)
            piece.source.messages += counts["read"] - before
            piece.source.found.add("UTF-8")

    def close(self, source: Source, notes: Notes) -> None:
        """Note nothing: a FHIR file has no envelope to compare."""

    def _row(
        self, resource: Resource, where: tuple[int, int, int], counts: Counter[str], notes: Notes
    ) -> Resource | None:
        kind = resource.get("resourceType")
        try:
            if kind == "Patient":
                row, codes = patient_row(resource)
                if not _named(row):
                    self._reject(where, NO_PATIENT, counts, notes)
                    return None
                self._patients[f"Patient/{resource.get('id')}"] = row["domain"], row["ipp"]
            elif kind == "Encounter":
                row, codes = self._encounter_row(resource), []
                if not _named(row):
                    self._reject(where, NO_PATIENT, counts, notes)
                    return None
            else:
                self._reject(where, "IDV-LEC-405", counts, notes)
                return None
        except (AttributeError, TypeError, KeyError, IndexError):  # a resource that is not FHIR
            self._reject(where, UNREADABLE, counts, notes)
            return None
        for code in codes:
            notes.about(_position(where), code=code, segment=None)
        return row

    def _reject(self, where: tuple[int, int, int], code: str, counts: Counter[str], notes: Notes) -> None:
        counts["rejected"] += 1
        notes.about(_position(where), code=code, rejected=True)

    def _encounter_row(self, encounter: Resource) -> Resource:
        row: Resource = {"trigger": "FHIR"}
        _meta(encounter, row)
        subject = encounter.get("subject") or {}
        known = self._patients.get("/".join(str(subject.get("reference", "")).rsplit("/", 2)[-2:]))
        if known is not None:
            row["domain"], row["ipp"] = known
        elif subject.get("identifier", {}).get("value"):
            row["domain"] = _authority(subject["identifier"].get("system"))
            row["ipp"] = subject["identifier"]["value"]
        for identifier in encounter.get("identifier", ()):
            if _code_of(identifier.get("type")) == "MN":
                row["movement"] = f"{identifier['value']}|{_authority(identifier.get('system'))}"
            else:
                row["visit"] = identifier["value"]
        period = encounter.get("period") or {}
        if "movement" in row:
            row["movement_action"] = "INSERT"
            row["movement_at"] = _time(period.get("start"))
        row["admitted_at"] = _time(period.get("start"))
        row["discharged_at"] = _time(period.get("end"))
        row["patient_class"] = CLASSES.get((encounter.get("class") or {}).get("code", ""))
        accounts = encounter.get("account") or ()
        for account in accounts[:1]:
            value = (account.get("identifier") or {}).get("value")
            row["dossier"] = value or str(account.get("reference", "")).rsplit("/", 1)[-1] or None
        provider = encounter.get("serviceProvider") or {}
        unit = (provider.get("identifier") or {}).get("value") or str(provider.get("reference", "")).rsplit("/", 1)[-1]
        row["unit_medical"] = unit or None
        preadmission = (encounter.get("hospitalization") or {}).get("preAdmissionIdentifier") or {}
        row["preadmission"] = preadmission.get("value")
        return row


def patient_row(patient: Resource) -> tuple[Resource, list[str]]:
    """Return the columns that a Patient fills, and the codes of what was odd."""
    row: Resource = {"trigger": "FHIR"}
    codes: list[str] = []
    _meta(patient, row)
    _identifiers(patient, row, codes)
    _names(patient, row, codes)
    sex = patient.get("gender")
    if sex is not None:
        row["sex"] = SEX.get(sex, sex)
    born = patient.get("birthDate")
    if born is not None:
        row["birth_date"] = born.replace("-", "")
    for extension in patient.get("extension", ()):
        read = EXTENSIONS.get(extension["url"].rsplit("/", 1)[-1])
        if read is not None:
            read(extension, row)
    _contacts(patient, row)
    if "multipleBirthInteger" in patient:
        row["birth_rank"] = str(patient["multipleBirthInteger"])
        row["multiple_birth"] = "Y"
    elif "multipleBirthBoolean" in patient:
        row["multiple_birth"] = "Y" if patient["multipleBirthBoolean"] else "N"
    if "deceasedDateTime" in patient:
        row["death_date"] = patient["deceasedDateTime"][:10].replace("-", "")
        row["deceased"] = "Y"
    elif "deceasedBoolean" in patient:
        row["deceased"] = "Y" if patient["deceasedBoolean"] else "N"
    return row, codes


def _meta(resource: Resource, row: Resource) -> None:
    meta = resource.get("meta")
    if meta:
        row["message_time"] = _time(meta.get("lastUpdated"))
        row["sender"] = meta.get("source")
        if "versionId" in meta and "id" in resource:
            row["control_id"] = f"{resource['resourceType']}/{resource['id']}/{meta['versionId']}"


def _identifiers(patient: Resource, row: Resource, codes: list[str]) -> None:
    found: dict[str, Resource] = {}
    other: Resource | None = None
    for identifier in patient.get("identifier", ()):
        if identifier.get("use") == "old" or not identifier.get("value"):
            continue
        kind = _code_of(identifier.get("type"))
        if kind is not None:
            found.setdefault(kind, identifier)
        if other is None and kind not in NOT_AN_IPP:
            other = identifier
    own = found.get("PI") or other
    if own is not None:
        row["domain"], row["ipp"] = _authority(own.get("system")), own["value"]
        if "PI" not in found:
            codes.append("IDV-LEC-201")
    elif patient.get("id"):
        row["domain"], row["ipp"] = "", patient["id"]
        codes.append(RESOURCE_ID)
    for kind, oid in OIDS.items():
        if kind in found:
            row["matricule"] = found[kind]["value"]
            declared = _authority(found[kind].get("system"))
            row["matricule_oid"] = declared if declared in OIDS.values() else oid
            if row["matricule_oid"] in (OIDS["INS-NIR-TEST"], OIDS["INS-NIR-DEMO"]):
                codes.append("IDV-LEC-211")
            break
    if "NH" in found:
        row["billing_nir"] = found["NH"]["value"]


def _names(patient: Resource, row: Resource, codes: list[str]) -> None:
    names = patient.get("name") or ()
    by_use = {name.get("use"): name for name in reversed(names)}
    official = by_use.get("official") or by_use.get("maiden")
    if official is None and names:
        official = next((name for name in names if name.get("use") != "usual"), names[0])
        codes.append(NAME_WITHOUT_USE)
    if official is not None:
        given = official.get("given") or ()
        row["birth_name"] = official.get("family")
        row["first_given_name"] = given[0] if given else None
        listed = [
            extension.get("valueString")
            for extension in official.get("extension", ())
            if extension["url"].endswith("birth-list-given-name")
        ]
        row["given_names"] = listed[0] if listed else " ".join(given) if len(given) > 1 else None
    usual = by_use.get("usual")
    if usual is not None and usual is not official:
        row["used_name"] = usual.get("family")
        given = usual.get("given") or ()
        row["used_given_name"] = given[0] if given else None


def _contacts(patient: Resource, row: Resource) -> None:
    addresses = [address for address in patient.get("address") or () if address.get("use") != "old"]
    if addresses:
        home = next((address for address in addresses if address.get("use") == "home"), addresses[0])
        row["address"] = " ".join(home.get("line") or ()) or None
        row["city"], row["postal_code"] = home.get("city"), home.get("postalCode")
        row["country"] = home.get("country")
    for telecom in patient.get("telecom") or ():
        column = {"phone": "phone", "email": "email"}.get(telecom.get("system", ""))
        if column is not None and column not in row:
            row[column] = telecom.get("value")


def _birth_place(extension: Resource, row: Resource) -> None:
    place = extension["valueAddress"]
    coded = [
        inner["valueCoding"].get("code")
        for inner in place.get("extension", ())
        if inner["url"].endswith("insee-code") and "valueCoding" in inner
    ]
    row["birth_place"] = coded[0] if coded else place.get("district")
    row["birth_place_name"] = place.get("city")


def _reliability(extension: Resource, row: Resource) -> None:
    comments = []
    for inner in extension.get("extension", ()):
        coding = inner.get("valueCoding")
        code = coding.get("code") if coding else _code_of(inner.get("valueCodeableConcept")) or inner.get("valueCode")
        match inner["url"]:
            case "identityStatus" | "identityReliability":
                row["identity_code"] = code
            case "comment":
                comments.append(code)
            case "methodCollection":
                row["collection_mode"] = code
            case "dateInterrogationINSi" | "dateCollection":
                row["insi_date"] = (inner.get("valueDate") or inner.get("valueDateTime") or "")[:10].replace("-", "")
            case "validationMode":
                row["document"] = code
    if comments:
        row["attributes"] = " ".join(code for code in comments if code)


def _lunar(extension: Resource, row: Resource) -> None:
    row["birth_date_lunar"] = extension.get("valueString")


def _corrected(extension: Resource, row: Resource) -> None:
    row["birth_date_corrected"] = "Y" if extension.get("valueBoolean") else "N"


EXTENSIONS: dict[str, Callable[[Resource, Resource], None]] = {
    "patient-birthPlace": _birth_place,
    "fr-core-ident-reliability": _reliability,
    "fr-core-identity-reliability": _reliability,
    "fr-core-lunar-date": _lunar,
    "fr-core-patient-birthdate-update-indicator": _corrected,
}


def _code_of(concept: Resource | None) -> str | None:
    for coding in (concept or {}).get("coding") or ():
        if coding.get("code"):
            return str(coding["code"])
    return None


def _authority(system: str | None) -> str:
    return (system or "").removeprefix("urn:oid:")


def _time(text: str | None) -> datetime | None:
    """Return the local time as written: the offset is dropped, as in HL7 v2."""
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return None


def _position(where: tuple[int, int, int]) -> Positions:
    return Positions(np.array(where[:1], np.uint32), np.array(where[1:2]), np.array(where[2:3]))


def _resources(piece: Piece) -> Iterator[tuple[bytes, Resource | None, int, int]]:
    """Yield raw bytes, resource (None: unreadable), offset and line of each resource."""
    data = bytes(piece.data)
    if piece.offset == 0:
        data = data.replace(b"\xef\xbb\xbf", b"   ", 1) if data.startswith(b"\xef\xbb\xbf") else data
    if piece.source.by_line:
        offset = piece.offset
        line = piece.source.lines
        for raw in data.split(b"\n"):
            line += 1
            if raw and not raw.isspace():
                yield raw, _loaded(raw), offset, line
            offset += len(raw) + 1
        piece.source.lines = line - 1 if data.endswith(b"\n") else line
        return
    document = _loaded(data)
    if document is not None and document.get("resourceType") == "Bundle":
        entries = document.get("entry")
        for entry in entries if isinstance(entries, list) else ():
            inner = entry.get("resource") if isinstance(entry, dict) else None
            yield orjson.dumps(inner), inner if isinstance(inner, dict) else None, piece.offset, 1
    else:
        yield data, document, piece.offset, 1


def _loaded(raw: bytes) -> Resource | None:
    try:
        loaded = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return loaded if isinstance(loaded, dict) else None


_SCHEMA = Movements.create_empty().schema


def _frame(rows: list[Resource], positions: list[tuple[int, int, int]]) -> pl.DataFrame:
    filled = set().union(*rows) if rows else set()
    columns: dict[str, pl.Series] = {}
    for name, kind in _SCHEMA.items():
        if name in filled:
            columns[name] = _column([row.get(name) for row in rows], kind).alias(name)
        else:
            columns[name] = (
                pl.Series(name, [None], kind).new_from_index(0, len(rows)) if rows else pl.Series(name, [], kind)
            )
    for number, name in enumerate(("source", "offset", "line")):
        columns[name] = pl.Series(name, [position[number] for position in positions], _SCHEMA[name])
    frame = pl.DataFrame(columns)
    return frame.with_columns(pl.col("sender").fill_null("FHIR"), pl.col("domain").fill_null(""))


def _named(row: Resource) -> bool:
    return isinstance(row.get("ipp"), str) and row["ipp"] != "" and isinstance(row.get("domain"), str)


def _column(values: list[Any], kind: pl.DataType) -> pl.Series:
    if kind != pl.String:
        return pl.Series(values, dtype=kind)
    try:
        texts = pl.Series(values, dtype=pl.String)
    except TypeError:  # a resource that put something else where text belongs
        texts = pl.Series([value if isinstance(value, str) else None for value in values], dtype=pl.String)
    return texts.set(texts == "", None)
