"""One movement written as an IHE PAM FR 2.11.2 message in ER7: the inverse of reading.

A message is a mapping with the field names of ``frames.Movements``; absent and None are the same. Codes, positions
and structures are those of PAM FR 2.11.2 (MSH-12 ``2.5^FRA^2.11``).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

Message = Mapping[str, Any]

DOMAIN = "HDEMO&1.2.250.1.71.4.2.990000010&ISO"
"""Assigning authority of the IPP of the invented hospital."""

_DOSSIER_AUTHORITY = "HDEMO&990000010&M"
_INS_NAMES = {"8": "ASIP-SANTE-INS-NIR", "9": "ASIP-SANTE-INS-NIA"}
_BILLING_AUTHORITY = "ASIP-SANTE-NIR&1.2.250.1.213.1.4.8&ISO"
_STRUCTURES = {
    "A02": "ADT_A02", "A03": "ADT_A03", "A05": "ADT_A05", "A06": "ADT_A06", "A07": "ADT_A06", "A11": "ADT_A09",
    "A12": "ADT_A12", "A21": "ADT_A21", "A22": "ADT_A21", "A28": "ADT_A05", "A31": "ADT_A05", "A38": "ADT_A38",
    "A40": "ADT_A39", "A47": "ADT_A30", "A52": "ADT_A52", "A53": "ADT_A52", "A54": "ADT_A54", "A55": "ADT_A52",
}  # fmt: skip
IDENTITY_TRIGGERS = frozenset({"A28", "A31", "A40", "A47"})
_WITH_ZFD = frozenset({"A01", "A04", "A05", "A28", "A31", "Z99"})
_WITH_MRG = frozenset({"A40", "A47"})


def er7(message: Message, *, charset: str) -> list[str]:
    """Return the segments of a message, without terminators; ``charset`` is what MSH-18 declares."""
    trigger = message["trigger"]
    segments = [_msh(message, charset), _evn(message), _pid(message)]
    if trigger in _WITH_MRG:
        return [*segments, _mrg(message)]
    segments.append(_pv1(message))
    if trigger not in IDENTITY_TRIGGERS:
        segments.append(_zbe(message))
    if trigger in _WITH_ZFD:
        segments += _zfd(message)
    return segments


def _msh(message: Message, charset: str) -> str:
    application, facility = message["sender"].split("|")
    trigger = message["trigger"]
    structure = _STRUCTURES.get(trigger, "ADT_A01")
    return (
        f"MSH|^~\\&|{application}|{facility}|INSVIGIL|HDEMO|{_time(message['message_time'])}||ADT^{trigger}^{structure}"
        f"|{message['control_id']}|{_text(message, 'processing') or 'P'}|2.5^FRA^2.11|||||FRA|{charset}|FR"
        "||2.11^IHE_FRANCE-2.11-PAM"
    )


def _evn(message: Message) -> str:
    return f"EVN||{_time(message['message_time'])}||||{_time(message.get('event_time'))}"


def _pid(message: Message) -> str:
    fields = [""] * 33
    fields[0], fields[1] = "PID", "1"
    fields[3] = "~".join(_identifiers(message))
    fields[5] = "~".join(_names(message))
    fields[7], fields[8] = _text(message, "birth_date"), _text(message, "sex")
    fields[11] = "~".join(_addresses(message))
    phone, mail = _text(message, "phone"), _text(message, "email")
    fields[13] = "~".join(
        [*([f"^PRN^PH^^^^^^^^^{phone}"] if phone else []), *([f"^NET^Internet^{mail}"] if mail else [])]
    )
    dossier, mother = _text(message, "dossier"), _text(message, "mother_ipp")
    fields[18] = f"{dossier}^^^{_DOSSIER_AUTHORITY}^AN" if dossier else ""
    fields[21] = f"{mother}^^^{DOMAIN}^PI" if mother else ""
    fields[24], fields[25] = _text(message, "multiple_birth"), _text(message, "birth_rank")
    fields[29], fields[30] = _text(message, "death_date"), _text(message, "deceased")
    attributes = _text(message, "attributes").split()
    fields[32] = "~".join([_text(message, "identity_code"), *attributes])
    return "|".join(fields)


def _identifiers(message: Message) -> list[str]:
    identifiers = [f"{message['ipp']}^^^{DOMAIN}^PI"]
    if matricule := _text(message, "matricule"):
        identifiers.append(_ins(matricule, _text(message, "matricule_oid")))
    if nir := _text(message, "billing_nir"):
        identifiers.append(f"{nir}^^^{_BILLING_AUTHORITY}^NH")
    return identifiers


def _ins(matricule: str, oid: str) -> str:
    return f"{matricule}^^^{_INS_NAMES.get(oid.rpartition('.')[2], 'ASIP-SANTE-INS-NIR')}&{oid}&ISO^INS"


def _names(message: Message) -> list[str]:
    birth = "^".join(
        [*(_text(message, name) for name in ("birth_name", "first_given_name", "given_names")), "", "", "", "L"]
    )
    used, used_given = _text(message, "used_name"), _text(message, "used_given_name")
    return [birth, f"{used}^{used_given}^^^^^D"] if used or used_given else [birth]


def _addresses(message: Message) -> list[str]:
    address, city, postal_code = (_text(message, name) for name in ("address", "city", "postal_code"))
    addresses = []
    if address or city or postal_code:
        addresses.append(f"{address}^^{city}^^{postal_code}^{_text(message, 'country')}^H")
    if place := _text(message, "birth_place"):
        addresses.append(f"^^{_text(message, 'birth_place_name')}^^^^BDL^^{place}")
    return addresses


def _pv1(message: Message) -> str:
    fields = [""] * 52
    fields[0], fields[1] = "PV1", "1"
    fields[2] = _text(message, "patient_class") or "N"
    if finess := _text(message, "finess_eg"):
        fields[3] = f"{_text(message, 'unit_lodging')}^^^{finess}&{finess}&N^O"
    fields[5] = _text(message, "preadmission")
    visit = _text(message, "visit")
    fields[19] = f"{visit}^^^{_DOSSIER_AUTHORITY}^VN" if visit else ""
    fields[44], fields[45] = _time(message.get("admitted_at")), _time(message.get("discharged_at"))
    fields[51] = _text(message, "visit_indicator")
    return "|".join(fields).rstrip("|")


def _zbe(message: Message) -> str:
    units = []
    for name in ("unit_medical", "unit_care"):
        code, finess = _text(message, name), _text(message, "finess_eg")
        units.append(f"UF {code}^^^^^{finess}&{finess}&N^UF^^^{code}" if code else "")
    return "|".join(
        [
            "ZBE",
            f"{message['movement']}^MVT^1.2.250.1.71.4.2.990000010^ISO",
            _time(message.get("movement_at")),
            "",
            _text(message, "movement_action"),
            _text(message, "movement_historic"),
            _text(message, "movement_origin"),
            *units,
            _text(message, "movement_nature"),
        ]
    )


def _zfd(message: Message) -> list[str]:
    names = ("birth_date_lunar", "", "", "birth_date_corrected", "collection_mode", "insi_date", "document")
    fields = [_text(message, name) for name in (*names, "document_expiry")]
    return ["|".join(["ZFD", *fields]).rstrip("|")] if any(fields) else []


def _mrg(message: Message) -> str:
    if ipp := _text(message, "merged_ipp"):
        old = f"{ipp}^^^{DOMAIN}^PI"
    else:
        old = _ins(_text(message, "merged_matricule"), "1.2.250.1.213.1.4.8")
    return f"MRG|{old}"


def _text(message: Message, name: str) -> str:
    return message.get(name) or ""


def _time(time: datetime | None) -> str:
    return f"{time:%Y%m%d%H%M%S}" if time else ""
