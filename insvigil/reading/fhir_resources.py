"""What Patient and Encounter of FR Core mean, as columns of ``Movements``; knows nothing of files and lines.

Three generations of the reliability extension are read (2022, 2.1, 2.2). Code systems are not trusted, codes are: real
resources miss the system or name an older one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import polars as pl

RESOURCE_ID, NAME_WITHOUT_USE = "IDV-LEC-403", "IDV-LEC-404"

Resource = dict[str, Any]
Patient = tuple[str, str]
"""Domain and IPP."""

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


def is_named(row: Resource) -> bool:
    """Return whether a row says whose it is."""
    return isinstance(row.get("ipp"), str) and row["ipp"] != "" and isinstance(row.get("domain"), str)


def patient_row(patient: Resource) -> tuple[Resource, list[str]]:
    """Return the columns that a Patient fills, as text, and the codes of what was odd.

    What depends on a value itself (dates, sex) is left to :func:`finished`: here only keys and telling values count.
    """
    row: Resource = {"trigger": "FHIR"}
    codes: list[str] = []
    _meta(patient, row)
    _identifiers(patient, row, codes)
    _names(patient, row, codes)
    row["sex"] = patient.get("gender")
    row["birth_date"] = patient.get("birthDate")
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
        row["death_date"] = patient["deceasedDateTime"]
        row["deceased"] = "Y"
    elif "deceasedBoolean" in patient:
        row["deceased"] = "Y" if patient["deceasedBoolean"] else "N"
    return row, codes


def _meta(resource: Resource, row: Resource) -> None:
    meta = resource.get("meta")
    if meta:
        row["message_time"] = meta.get("lastUpdated")
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
                row["insi_date"] = inner.get("valueDate") or inner.get("valueDateTime")
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


def encounter_row(encounter: Resource, patients: Mapping[str, Patient]) -> Resource:
    """Return the columns that an Encounter fills, as text; ``patients`` knows who ``Patient/<id>`` is."""
    row: Resource = {"trigger": "FHIR"}
    _meta(encounter, row)
    subject = encounter.get("subject") or {}
    known = patients.get(_patient_id(subject.get("reference")))
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
        row["movement_at"] = period.get("start")
    row["admitted_at"] = period.get("start")
    row["discharged_at"] = period.get("end")
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


def merges_of(patient: Resource, patients: Mapping[str, Patient]) -> list[tuple[Patient | None, Patient | None]]:
    """Return (survivor, eliminated) for each record that a Patient replaces or that replaces it.

    ``link`` of type ``replaces`` or ``replaced-by`` (FHIR R4). None stands for a record that is not known (yet).
    """
    own = patients.get(f"Patient/{patient.get('id')}")
    merges: list[tuple[Patient | None, Patient | None]] = []
    for link in patient.get("link") or ():
        other = link.get("other") or {}
        named = other.get("identifier") or {}
        known = patients.get(_patient_id(other.get("reference")))
        if known is None and isinstance(named.get("value"), str):
            known = _authority(named.get("system")), named["value"]
        if link.get("type") == "replaces":
            merges.append((own, known))
        elif link.get("type") == "replaced-by":
            merges.append((known, own))
    return merges


def _patient_id(reference: Any) -> str:
    """Return ``Patient/<id>`` of a reference, relative or absolute, whatever its version."""
    text = str(reference or "").partition("/_history")[0]
    return "/".join(text.rsplit("/", 2)[-2:])


TIMES = ("message_time", "movement_at", "admitted_at", "discharged_at")


def finished(columns: pl.DataFrame) -> pl.DataFrame:
    """Return the columns with sexes as in HL7 v2, dates without hyphens and times as times.

    A time is local as written: the offset is dropped, as in HL7 v2.
    """
    return columns.with_columns(
        pl.col("sex").replace(SEX),
        pl.col("birth_date").str.replace_all("-", "", literal=True),
        pl.col("death_date", "insi_date").str.slice(0, 10).str.replace_all("-", "", literal=True),
        *(_times(columns[name]) for name in TIMES),
    )


_USUAL_END = ("", "Z", "+01:00", "+02:00", ".000Z", ".000+01:00", ".000+02:00")


def _times(texts: pl.Series) -> pl.Series:
    """Return times from ISO 8601 texts: most at once, the unusual ones one by one."""
    if texts.null_count() == len(texts):
        return texts.cast(pl.Datetime("us"))
    usual = texts.str.slice(19).is_in(_USUAL_END)
    times = texts.str.slice(0, 19).str.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="us", strict=False)
    rest = (texts.is_not_null() & (~usual | times.is_null())).arg_true()
    if len(rest):
        one_by_one = pl.Series([_time(text) for text in texts.gather(rest)], dtype=pl.Datetime("us"))
        times = times.scatter(rest, one_by_one)
    return times.alias(texts.name)


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return None
