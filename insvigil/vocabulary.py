"""The closed lists of the trade: code, French label, source.

Plain standard-library enumerations, so that the command line can name them without loading polars. Frames turn
them into ``pl.Enum`` (see ``frames.py``), which is why a wrong code cannot enter a frame.

Sources are cited by the short names used in ``docs/reference/sources.md``: PAM FR = IHE PAM, National Extension
France 2.11.2 (3 February 2025); RNIV = Référentiel national d'identitovigilance 1, v2.0 (December 2024), as quoted
by FR Core 2.2.0; Guide INS = Guide d'implémentation INS v3.0 (December 2024), as paraphrased by third parties.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class Coded(StrEnum):
    """A closed list whose members carry a French label and the source of the code."""

    label: str
    source: str

    def __new__(cls, code: str, label: str, source: str = "insvigil") -> Self:
        """Make a member whose value is ``code``."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.label = label
        member.source = source
        return member

    @classmethod
    def of(cls, code: str) -> Self:
        """Return the member of this code; raise ``KeyError`` when there is none."""
        return {member.value: member for member in cls}[code]


class Confidence(Coded):
    """How sure we are of a rule or a target; anything below ``VERIFIED_QUOTED`` is shown « à confirmer »."""

    VERIFIED = "V", "vérifié dans le texte officiel"
    VERIFIED_QUOTED = "V2", "vérifié dans un texte officiel qui cite la norme"
    SECOND_HAND = "2", "de seconde main, à confirmer"
    UNVERIFIED = "M", "non vérifié"
    NOT_FOUND = "X", "introuvable"
    CONVENTION = "C", "convention d'insvigil"


class Stage(Coded):
    """The stages of a night, in order: the room that does the work, and the word shown to users."""

    READING = "reading", "lecture"
    REGISTER = "register", "registre"
    TRAITS = "traits", "traits"
    MATCHING = "matching", "matching"
    QUALIF = "qualif", "qualif"
    REPORTING = "reporting", "rapport"


class Sex(Coded):
    """Sex as the RNIV knows it; HL7 ``U`` is read as ``I``."""

    MALE = "M", "masculin", "RNIV"
    FEMALE = "F", "féminin", "RNIV"
    INDETERMINATE = "I", "indéterminé", "RNIV"


class Status(Coded):
    """The four exclusive confidence statuses of an identity (RNIV EXI SI 07)."""

    PROVISOIRE = "PROVISOIRE", "identité provisoire", "RNIV EXI SI 07"
    RECUPEREE = "RECUPEREE", "identité récupérée", "RNIV EXI SI 07"
    VALIDEE = "VALIDEE", "identité validée", "RNIV EXI SI 07"
    QUALIFIEE = "QUALIFIEE", "identité qualifiée", "RNIV EXI SI 07"


class Attribute(Coded):
    """The attributes that go with a status (RNIV EXI SI 09)."""

    HOMONYME = "HOMA", "homonyme avéré", "PAM FR table 0445"
    DOUTEUSE = "DOUT", "identité douteuse", "PAM FR table 0445"
    FICTIVE = "FICT", "identité fictive", "PAM FR table 0445"


class IdentityCode(Coded):
    """PID-32, HL7 table 0445 with its French content (PAM FR §6.6.15)."""

    VIDE = "VIDE", "pas encore qualifiée", "PAM FR table 0445"
    PROV = "PROV", "provisoire", "PAM FR table 0445"
    VALI = "VALI", "validée", "PAM FR table 0445"
    DOUB = "DOUB", "doublon ou esclave", "PAM FR table 0445"
    DESA = "DESA", "désactivée", "PAM FR table 0445"
    DPOT = "DPOT", "doublon potentiel", "PAM FR table 0445"
    DOUA = "DOUA", "doublon avéré", "PAM FR table 0445"
    COLP = "COLP", "collision potentielle", "PAM FR table 0445"
    COLV = "COLV", "collision avérée", "PAM FR table 0445"
    FILI = "FILI", "filiation", "PAM FR table 0445"
    CACH = "CACH", "cachée", "PAM FR table 0445"
    ANOM = "ANOM", "anonyme", "PAM FR table 0445"
    IDVER = "IDVER", "vérifiée par le patient", "PAM FR table 0445"
    RECD = "RECD", "reçue d'un autre domaine", "PAM FR table 0445"
    IDRA = "IDRA", "rapprochée dans un autre domaine", "PAM FR table 0445"
    USUR = "USUR", "usurpation", "PAM FR table 0445"
    HOMD = "HOMD", "homonyme détecté", "PAM FR table 0445"
    HOMA = "HOMA", "homonyme avéré", "PAM FR table 0445"
    INVA = "INVA", "invalidée", "PAM FR table 0445"
    FICT = "FICT", "fictive", "PAM FR table 0445"
    DOUT = "DOUT", "douteuse", "PAM FR table 0445"


class Finding(Coded):
    """What the engine may say of a pair; only a person turns it into DOUA, HOMA or COLV."""

    DPOT = "DPOT", "doublon potentiel", "PAM FR table 0445"
    HOMD = "HOMD", "homonyme détecté", "PAM FR table 0445"
    COLP = "COLP", "collision potentielle", "PAM FR table 0445"
    NONE = "NONE", "rien à signaler"


class Band(Coded):
    """How sure a proposed pair is: each band has its own accepted share of false alarms."""

    SURE = "sure", "sûre"
    PROBABLE = "probable", "probable"
    REVIEW = "review", "à examiner"


class Decision(Coded):
    """What a person decided of a pair or a group."""

    DOUBLON = "DOUBLON", "doublon avéré, fusion demandée"
    NON_DOUBLON = "NON_DOUBLON", "non doublon (homonymes ou proches)"
    COLLISION = "COLLISION", "collision ou usurpation suspectée"
    A_VERIFIER = "A_VERIFIER", "à vérifier"


class Severity(Coded):
    """How much a finding matters."""

    BLOCKING = "blocking", "bloquante"
    ANOMALY = "anomaly", "anomalie"
    WARNING = "warning", "avertissement"
    INFORMATION = "information", "information"


class Scope(Coded):
    """What a rule looks at."""

    FILE = "file", "un fichier"
    MESSAGE = "message", "un message"
    IDENTITY = "identity", "une identité"
    CHANGE = "change", "une modification"
    PAIR = "pair", "une paire"
    GROUP = "group", "un agrégat"
    STAY = "stay", "un séjour"


class BirthDateKind(Coded):
    """What a birth date is worth for matching."""

    EXACT = "exact", "date complète"
    PLACEHOLDER = "placeholder", "date par défaut probable (01/01, 31/12)"
    PARTIAL = "partial", "date incomplète"
    LUNAR = "lunar", "date lunaire"
    IMPOSSIBLE = "impossible", "date impossible"


class MatriculeKind(Coded):
    """Which identifier a matricule is, by its OID (Annexe N 1.8.2 §N.1)."""

    NIR = "nir", "INS-NIR", "OID 1.2.250.1.213.1.4.8"
    NIA = "nia", "INS-NIA", "OID 1.2.250.1.213.1.4.9"
    TEST = "test", "INS-NIR de test", "OID 1.2.250.1.213.1.4.10"
    DEMO = "demo", "INS-NIR de démonstration", "OID 1.2.250.1.213.1.4.11"
    OTHER = "other", "OID inconnu"


OID_OF_MATRICULE: dict[str, MatriculeKind] = {
    "1.2.250.1.213.1.4.8": MatriculeKind.NIR,
    "1.2.250.1.213.1.4.9": MatriculeKind.NIA,
    "1.2.250.1.213.1.4.10": MatriculeKind.TEST,
    "1.2.250.1.213.1.4.11": MatriculeKind.DEMO,
}


class PatientClass(Coded):
    """PV1-2 (PAM FR)."""

    EMERGENCY = "E", "urgences", "PAM FR PV1-2"
    INPATIENT = "I", "hospitalisation", "PAM FR PV1-2"
    NOT_APPLICABLE = "N", "sans venue", "PAM FR PV1-2"
    OUTPATIENT = "O", "externe", "PAM FR PV1-2"
    RECURRING = "R", "séances", "PAM FR PV1-2"
    REMOTE = "V", "télésurveillance", "PAM FR PV1-2"


class MovementAction(Coded):
    """ZBE-4 (PAM FR §6.13)."""

    INSERT = "INSERT", "création", "PAM FR ZBE-4"
    UPDATE = "UPDATE", "correction", "PAM FR ZBE-4"
    CANCEL = "CANCEL", "annulation", "PAM FR ZBE-4"


class CollectionMode(Coded):
    """ZFD-5, how the identity was collected (PAM FR §6.18.5)."""

    SM = "SM", "saisie manuelle", "PAM FR ZFD-5"
    CV = "CV", "carte Vitale", "PAM FR ZFD-5"
    INSI = "INSI", "téléservice INSi", "PAM FR ZFD-5"
    CB = "CB", "code à barres ou datamatrix", "PAM FR ZFD-5"
    RFID = "RFID", "puce RFID", "PAM FR ZFD-5"
    AV = "AV", "appli carte Vitale", "FR Core 2.2.0"


class Document(Coded):
    """ZFD-7, the identity document seen (PAM FR §6.18.7)."""

    AN = "AN", "extrait d'acte de naissance", "PAM FR ZFD-7"
    CC = "CC", "carnet de circulation", "PAM FR ZFD-7"
    CE = "CE", "carte européenne", "PAM FR ZFD-7"
    CM = "CM", "carte militaire", "PAM FR ZFD-7"
    CN = "CN", "carte nationale d'identité", "PAM FR ZFD-7"
    CS = "CS", "titre de séjour", "PAM FR ZFD-7"
    LE = "LE", "livret de famille", "PAM FR ZFD-7"
    PA = "PA", "passeport", "PAM FR ZFD-7"
    PC = "PC", "permis de conduire", "PAM FR ZFD-7"
    TC = "TC", "tiers de confiance", "PAM FR ZFD-7"
    AV = "AV", "appli carte Vitale", "PAM FR ZFD-7"
    DC = "DC", "document de circulation pour étranger mineur", "PAM FR ZFD-7"
    AC = "AC", "acte de naissance et carte Vitale avec photo", "PAM FR ZFD-7"
    IE = "IE", "identification électronique eIDAS", "PAM FR ZFD-7"


class Mesh(Coded):
    """What a figure is given by."""

    ESTABLISHMENT = "establishment", "établissement"
    SITE = "site", "site (FINESS géographique)"
    POLE = "pole", "pôle"
    UNIT = "unit", "unité fonctionnelle"
    ACTIVITY = "activity", "activité"
    AGE_BAND = "age_band", "tranche d'âge"
    DETECTOR = "detector", "détecteur"


class Grain(Coded):
    """How a period is cut."""

    DAY = "day", "jour"
    WEEK = "week", "semaine"
    MONTH = "month", "mois"
    QUARTER = "quarter", "trimestre"
    YEAR = "year", "année"


class Verdict(Coded):
    """The answer to an objective; without a target there is no verdict."""

    REACHED = "atteint", "atteint"
    MISSED = "non_atteint", "non atteint"
    NOT_ASSESSABLE = "non_evaluable", "non évaluable"


DELETED = '""'
"""The HL7 null value: the field is present and means « delete what you know » (HL7 2.5 §2.6.2)."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that finds something: each room keeps its own table of them, `insvigil rules` lists them all.

    ``code`` is stable for life: ``IDV-`` + room or trait + number, for example ``IDV-NOM-003``. ``sentence`` says in
    French what was found, ``reason`` why it matters, ``advice`` what to do. ``source`` and ``confidence`` say where
    the rule comes from and how sure we are of it.
    """

    code: str
    severity: Severity
    scope: Scope
    sentence: str
    reason: str
    advice: str
    source: str
    confidence: Confidence
