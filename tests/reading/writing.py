"""Write small invented HL7 messages: the other side of the reader."""

from __future__ import annotations

import re

MARKS = "|^~\\&"

INS_NIR = "ASIP-SANTE-INS-NIR&1.2.250.1.213.1.4.8&ISO^INS"
INS_NIA = "ASIP-SANTE-INS-NIA&1.2.250.1.213.1.4.9&ISO^INS"
INS_TEST = "ASIP-SANTE-INS-NIR&1.2.250.1.213.1.4.10&ISO^INS"

FIELDS: dict[str, dict[int, str]] = {
    "MSH": {
        3: "GAM", 4: "CHINV", 5: "DPI", 6: "CHINV", 7: "20260105081500", 9: "ADT^A28^ADT_A05", 10: "M1", 11: "P",
        12: "2.5^FRA^2.11", 17: "FRA", 18: "UNICODE UTF-8", 19: "FR", 21: "2.11^IHE_FRANCE-2.11-PAM",
    },
    "EVN": {2: "20260105081500", 6: "20260105081000"},
    "PID": {
        1: "1", 3: "000123^^^CHINV&990000011&N^PI", 5: "BRINDILLE^LISON^LISON MAUD^^^^L", 7: "19840317", 8: "F",
        11: "4 RUE DU PUITS^^VALMONT^^99123^FRA^H~^^^^^^BDL^^76219", 32: "PROV",
    },
    "PV1": {1: "1", 2: "N"},
}  # fmt: skip


def segment(name: str, fields: dict[int, str], marks: str = MARKS) -> str:
    """Return one segment; MSH-1 and MSH-2 come from the marks."""
    if name == "MSH":
        values = [fields.get(number, "") for number in range(3, max(fields) + 1)]
        return marks[0].join([f"MSH{marks}", *values])
    values = [fields.get(number, "") for number in range(1, max(fields, default=0) + 1)]
    return marks[0].join([name, *values])


def message(*, drop: tuple[str, ...] = (), end: str = "\r", **changes: str | None) -> str:
    """Return an A28 of an invented patient, with fields changed by name: ``PID_8="M"``, ``ZBE_1="7"``."""
    fields = {name: dict(values) for name, values in FIELDS.items() if name not in drop}
    for place, value in changes.items():
        name, number = re.fullmatch(r"([A-Z0-9]{3})_(\d+)", place).groups()  # type: ignore[union-attr]
        if value is None:
            fields.get(name, {}).pop(int(number), None)
        else:
            fields.setdefault(name, {})[int(number)] = value
    return end.join(segment(name, values) for name, values in fields.items()) + end


def movement(trigger: str = "A01", **changes: str | None) -> str:
    """Return a movement message."""
    return message(
        **{
            "MSH_9": f"ADT^{trigger}^ADT_A01",
            "PID_18": "24000777^^^CHINV&990000011&N^AN",
            "PV1_2": "I",
            "PV1_3": "3201^12^1^CHINV&990000011&N",
            "PV1_19": "24000777^^^CHINV&990000011&N^VN",
            "PV1_44": "20260105080000",
            "ZBE_1": "71^CHINV^990000011^L",
            "ZBE_2": "20260105080000",
            "ZBE_4": "INSERT",
            "ZBE_5": "N",
            "ZBE_7": "CHIRURGIE^^^^^CHINV&990000011&N^UF^^^3201",
            "ZBE_8": "CHIRURGIE^^^^^CHINV&990000011&N^UF^^^3202",
            "ZBE_9": "HMS",
            **changes,
        }
    )


def matricule(number: str) -> str:
    """Return 13 characters with their key."""
    value = int(number.replace("2A", "19").replace("2B", "18"))
    return f"{number}{97 - value % 97:02d}"
