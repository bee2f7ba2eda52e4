"""The frames through which stages meet, in the order in which the flow makes them.

``identity_id`` is the row number inside one run (0, 1, 2 … without a hole), so kernels index by it and joins are
gathers. Across runs an identity is ``(domain, ipp)``. A stage ends with ``return Schema.validate(frame)``.

Times are naive local datetimes in microseconds. Text *as received* is kept whole: a missing field is null, and the
HL7 null value ``""`` (delete) is kept as the two quotes (``vocabulary.DELETED``) until folding.
"""

from __future__ import annotations

from typing import Protocol

import dataframely as dy
import polars as pl

from insvigil.vocabulary import (
    BirthDateKind,
    Coded,
    Finding,
    MatriculeKind,
    Severity,
    Sex,
    Status,
    Verdict,
)


def _enum(vocabulary: type[Coded], *, nullable: bool = False) -> dy.Enum:
    return dy.Enum([member.value for member in vocabulary], nullable=nullable)


def _text(*, nullable: bool = True) -> dy.String:
    return dy.String(nullable=nullable)


class Sources(dy.Schema):
    """The files of a run: one row a file, in reading order."""

    source = dy.UInt32(nullable=False, primary_key=True)
    path = _text(nullable=False)
    digest = _text(nullable=False)  # BLAKE3, 16 bytes, hexadecimal
    size = dy.UInt64(nullable=False)
    format = _text(nullable=False)
    charset_declared = _text()
    charset_found = _text()
    outcome = dy.Enum(["read", "already_read", "still_written", "refused"], nullable=False)
    messages = dy.UInt64(nullable=False)


class IdentityFields(dy.Schema):
    """What a message or an extract says of a person, as received; shared by ``Movements`` and ``Identities``."""

    birth_name = _text()
    first_given_name = _text()
    given_names = _text()
    used_name = _text()
    used_given_name = _text()
    birth_date = _text()  # as received: YYYYMMDD in HL7, possibly partial
    birth_date_lunar = _text()  # ZFD-1, dd^mm^yyyy
    birth_date_corrected = _text()  # ZFD-4, Y or N
    sex = _text()
    birth_place = _text()  # COG code as received (commune, or country 99xxx)
    birth_place_name = _text()
    matricule = _text()  # INS only, by type and OID; never the billing NIR
    matricule_oid = _text()
    billing_nir = _text()  # PID-3 type NH, VID-HOSP: cross-checks only, never an INS
    address = _text()
    postal_code = _text()
    city = _text()
    country = _text()
    phone = _text()
    email = _text()
    mother_ipp = _text()
    multiple_birth = _text()  # PID-24, Y or N
    birth_rank = _text()  # PID-25
    death_date = _text()
    deceased = _text()  # PID-30, Y or N
    identity_code = _text()  # PID-32, first repetition
    attributes = _text()  # PID-32, other repetitions, space separated, in order received
    collection_mode = _text()  # ZFD-5
    insi_date = _text()  # ZFD-6
    document = _text()  # ZFD-7
    document_expiry = _text()  # ZFD-8


IDENTITY_FIELDS: tuple[str, ...] = tuple(IdentityFields.column_names())
"""The names of the identity fields, in frame order."""

STRICT_TRAITS: tuple[str, ...] = (
    "birth_name",
    "first_given_name",
    "given_names",
    "birth_date",
    "sex",
    "birth_place",
)
"""The strict traits of the RNIV (the matricule and its OID come on top when the identity is qualified)."""


class Movements(IdentityFields):
    """The messages kept by reading: one row a message, identity and movement fields as received.

    Sorted by (source, offset). ``domain`` is the assigning authority of the IPP (PID-3.4), whatever its form.
    """

    source = dy.UInt32(nullable=False)
    offset = dy.UInt64(nullable=False)  # byte offset of the message in the (expanded) file
    line = dy.UInt32(nullable=False)
    sender = _text(nullable=False)  # MSH-3|MSH-4
    control_id = _text()  # MSH-10
    processing = _text()  # MSH-11: P, D or T
    trigger = _text(nullable=False)  # A01 … Z99; FHIR, CSV for other formats
    message_time = dy.Datetime(nullable=True, time_unit="us")  # MSH-7
    event_time = dy.Datetime(nullable=True, time_unit="us")  # EVN-6, else EVN-2
    domain = _text(nullable=False)
    ipp = _text(nullable=False)
    merged_domain = _text()  # MRG-1 typed PI
    merged_ipp = _text()
    merged_matricule = _text()  # MRG-1 typed INS
    merged_dossier = _text()  # MRG-3
    dossier = _text()  # PID-18, the NDA
    visit = _text()  # PV1-19
    patient_class = _text()  # PV1-2
    preadmission = _text()  # PV1-5
    visit_indicator = _text()  # PV1-51: V or A
    finess_eg = _text()  # PV1-3.4 or the authority of ZBE-7
    unit_lodging = _text()  # PV1-3.1
    unit_medical = _text()  # ZBE-7.10
    unit_care = _text()  # ZBE-8.10
    admitted_at = dy.Datetime(nullable=True, time_unit="us")  # PV1-44
    discharged_at = dy.Datetime(nullable=True, time_unit="us")  # PV1-45
    movement = _text()  # ZBE-1, id and domain joined by |
    movement_at = dy.Datetime(nullable=True, time_unit="us")  # ZBE-2
    movement_action = _text()  # ZBE-4
    movement_historic = _text()  # ZBE-5
    movement_origin = _text()  # ZBE-6
    movement_nature = _text()  # ZBE-9


class Rejects(dy.Schema):
    """What reading could not keep, or kept with a remark: one row a finding, never a value.

    The same columns serve ``rejects.parquet`` (``rejected`` true: the message is not in ``Movements``; exactly one
    such row a message) and the oddities of kept messages (``rejected`` false).
    """

    source = dy.UInt32(nullable=False)
    path = _text(nullable=False)
    offset = dy.UInt64(nullable=False)
    line = dy.UInt32(nullable=False)
    segment = _text()
    field = dy.UInt16(nullable=True)
    code = _text(nullable=False)
    rejected = dy.Bool(nullable=False)


class CrossChecks(dy.Schema):
    """What a billing file (VID-HOSP, VID-IPP) says of the patient of a stay: compared with identities, never one.

    Dates are YYYYMMDD. ``billing_nir`` is the patient's own, ``insured_nir`` the one who opens the rights; neither is
    ever the INS.
    """

    source = dy.UInt32(nullable=False)
    offset = dy.UInt64(nullable=False)
    line = dy.UInt32(nullable=False)
    format = _text()  # V014, V015; null in VID-IPP
    ipp = _text(nullable=False)
    dossier = _text()
    visit = _text()
    matricule = _text()  # 15 characters, without OID
    billing_nir = _text()
    insured_nir = _text()
    birth_date = _text()
    sex = _text()
    birth_rank = _text()
    beneficiary_rank = _text()
    mother_dossier = _text()
    admitted = _text()
    discharged = _text()


class Identities(IdentityFields):
    """The identities of the register after folding: one row an active identity, fields as last received."""

    identity_id = dy.UInt32(nullable=False)
    domain = _text(nullable=False)
    ipp = _text(nullable=False)
    created_at = dy.Datetime(nullable=True, time_unit="us")
    updated_at = dy.Datetime(nullable=True, time_unit="us")
    changed = dy.Bool(nullable=False)  # created or changed in this run


class Roster(dy.Schema):
    """The active identities by name alone, sorted by (domain, IPP): what a night holds of a base of millions.

    ``spoken``: a message of this run speaks of it (it may have changed nothing); those changed are among them.
    """

    identity_id = dy.UInt32(nullable=False)
    domain = _text(nullable=False)
    ipp = _text(nullable=False)
    mother_ipp = _text()
    created_at = dy.Datetime(nullable=True, time_unit="us")
    updated_at = dy.Datetime(nullable=True, time_unit="us")
    changed = dy.Bool(nullable=False)
    spoken = dy.Bool(nullable=False)


class Changes(dy.Schema):
    """The ledger of folding: one row a field that changed, append-only.

    ``valid_at`` is when it became true (message time), ``known_at`` when insvigil learnt it. ``field`` is an identity
    field, or one of ``merged_into``, ``ipp``, ``linked_to``, ``insi_answer``. Two readings:
    ``register.changes`` tells it message by message, a creation being one row a field with ``old`` null; ``fold`` gives
    the net differences of a batch, a creation being the one row ``ipp``, ``old`` null (a first load of millions must
    fit in memory).
    """

    domain = _text(nullable=False)
    ipp = _text(nullable=False)
    field = _text(nullable=False)
    old = _text()
    new = _text()
    valid_at = dy.Datetime(nullable=True, time_unit="us")
    known_at = dy.Datetime(nullable=False, time_unit="us")
    trigger = _text(nullable=False)
    sender = _text(nullable=False)
    control_id = _text()
    run = dy.UInt32(nullable=False)


class Stays(dy.Schema):
    """The live movements of stays after cancels and corrections, IPP resolved through merges.

    One row a movement; the venue is ``(domain, dossier, visit)``; a stay starts with its first movement.
    """

    domain = _text(nullable=False)
    ipp = _text(nullable=False)
    dossier = _text()
    visit = _text()
    movement = _text(nullable=False)
    movement_at = dy.Datetime(nullable=True, time_unit="us")
    trigger = _text(nullable=False)
    patient_class = _text()
    finess_eg = _text()
    unit_lodging = _text()
    unit_medical = _text()
    unit_care = _text()
    admitted_at = dy.Datetime(nullable=True, time_unit="us")
    discharged_at = dy.Datetime(nullable=True, time_unit="us")
    movement_nature = _text()


class Columns(Protocol):
    """What gives the columns of identities one by one: a frame, or a file that is read column by column."""

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""

    @property
    def height(self) -> int:
        """Number of identities."""

    def __getitem__(self, name: str, /) -> pl.Series:
        """Return one column."""


class Traits(dy.Schema):
    """The comparable form of identities, row for row: names to the INS lexical profile, dates in parts, codes checked.

    Texts that many rows share are ``Categorical`` on polars' one global table: the same physical code is the same
    string in every column, so matching codes them without touching a string. Matricules, phones and e-mails, which
    nearly all differ, stay texts: interning them would cost more than all the rest. The originals stay in
    ``Identities``.
    """

    identity_id = dy.UInt32(nullable=False)
    birth_name = dy.Categorical(nullable=True)  # comparison key: A-Z and single spaces
    given_names = dy.Categorical(nullable=True)  # the list, comparison key
    first_given_name = dy.Categorical(nullable=True)
    used_name = dy.Categorical(nullable=True)
    used_given_name = dy.Categorical(nullable=True)
    birth_year = dy.Int16(nullable=True)
    birth_month = dy.Int8(nullable=True)
    birth_day = dy.Int8(nullable=True)
    birth_date_kind = _enum(BirthDateKind, nullable=True)
    sex = _enum(Sex, nullable=True)
    birth_place = dy.Categorical(nullable=True)  # present-day COG code of the commune, or country 99xxx
    matricule = _text()  # 13 characters, upper case, without its key
    matricule_valid = dy.Bool(nullable=True)  # shape and key right
    matricule_kind = _enum(MatriculeKind, nullable=True)
    postal_code = dy.Categorical(nullable=True)
    address = dy.Categorical(nullable=True)
    city = dy.Categorical(nullable=True)
    phone = _text()  # nine national digits, or all digits
    email = _text()
    birth_rank = dy.Int8(nullable=True)
    multiple_birth = dy.Bool(nullable=True)
    death_date = dy.Date(nullable=True)
    qualified = dy.Bool(nullable=False)  # VALI with an INS that stands


class Anomalies(dy.Schema):
    """What the detectors found: one row a finding; names rows and rules, never values."""

    code = _text(nullable=False)
    severity = _enum(Severity)
    identity_id = dy.UInt32(nullable=True)
    other_id = dy.UInt32(nullable=True)
    domain = _text()
    ipp = _text()
    subject = _text()  # movement id, group id or field name, when the scope is not an identity


AGREEMENTS: tuple[str, ...] = (
    "birth_name",
    "given_name",
    "birth_date",
    "sex",
    "birth_place",
    "matricule",
    "postal_code",
    "address",
    "phone",
    "email",
)
"""The traits compared; ``ScoredPairs`` has one column ``agree_<trait>`` a trait."""


class ScoredPairs(dy.Schema):
    """The candidate pairs worth keeping: left < right, unique, one agreement level a trait.

    ``weight`` is in bits (log2 of posterior odds); an agreement level is 0 when a side is missing, and its meaning by
    trait is listed in ``docs/reference/agreements.md``. ``rule`` names the deterministic rule that decided, if any.
    """

    left = dy.UInt32(nullable=False)
    right = dy.UInt32(nullable=False)
    probability = dy.Float64(nullable=False, min=0.0, max=1.0)
    weight = dy.Float64(nullable=False)
    finding = _enum(Finding)
    rule = _text()
    block = _text(nullable=False)
    agree_birth_name = dy.UInt8(nullable=False)
    agree_given_name = dy.UInt8(nullable=False)
    agree_birth_date = dy.UInt8(nullable=False)
    agree_sex = dy.UInt8(nullable=False)
    agree_birth_place = dy.UInt8(nullable=False)
    agree_matricule = dy.UInt8(nullable=False)
    agree_postal_code = dy.UInt8(nullable=False)
    agree_address = dy.UInt8(nullable=False)
    agree_phone = dy.UInt8(nullable=False)
    agree_email = dy.UInt8(nullable=False)


class Groups(dy.Schema):
    """The agrégats of two identities or more: one row a member; the group is named by its smallest member."""

    identity_id = dy.UInt32(nullable=False)
    group = dy.UInt32(nullable=False)


class Statuses(dy.Schema):
    """The qualification status of each identity and the facts it was derived from."""

    identity_id = dy.UInt32(nullable=False)
    status = _enum(Status)
    insi_recovered = dy.Bool(nullable=False)
    document_controlled = dy.Bool(nullable=False)
    ins_transmissible = dy.Bool(nullable=False)  # the matricule may leave the engine
    source = _text(nullable=False)  # which feed the status comes from
    anomaly = _text()  # code of the status anomaly, if any


class StatusLedger(dy.Schema):
    """The ledger of statuses: one row a transition, append-only; the last row of an identity is its status.

    ``from_status`` is null when the identity appears, ``to_status`` when it leaves the base (merged, removed).
    ``counted`` is false for identities no rate counts (fictive, deactivated, slave of a doublon). ``refused`` is the
    status that a message claims and the machine refuses, as long as it is claimed: ``to_status`` is then the one kept.
    """

    domain = _text(nullable=False)
    ipp = _text(nullable=False)
    at = dy.Datetime(nullable=False, time_unit="us")  # when it became true: message time, else time of the run
    from_status = _enum(Status, nullable=True)
    to_status = _enum(Status, nullable=True)
    counted = dy.Bool(nullable=False)
    evidence = _text(nullable=False)  # what moved the status, see docs/reference/statuses.md
    source = _text(nullable=False)
    anomaly = _text()  # code of the anomaly, IDV-QUA-030 for a refused transition
    refused = _enum(Status, nullable=True)


class Indicators(dy.Schema):
    """The figures: one row an indicator, a mesh value and a period.

    ``rate`` is a fraction (0 to 1); ``target`` is in percent and ``gap`` in points, as commitments are written.
    A row is repeated for each objective that aims at its indicator; ``verdict`` is ``non_evaluable`` without target.
    """

    code = _text(nullable=False)
    label = _text(nullable=False)
    mesh = _text(nullable=False)
    mesh_value = _text(nullable=False)
    period_start = dy.Date(nullable=False)
    period_end = dy.Date(nullable=False)
    numerator = dy.Int64(nullable=True)
    denominator = dy.Int64(nullable=True)
    rate = dy.Float64(nullable=True)  # numerator / denominator, null when the denominator is 0
    rate_low = dy.Float64(nullable=True)  # 95 % interval, for a rate made on a sample only
    rate_high = dy.Float64(nullable=True)
    status_source = _text(nullable=False)
    rule_version = _text(nullable=False)
    programme = _text()
    target = dy.Float64(nullable=True)
    target_confidence = _text()
    verdict = _enum(Verdict)
    gap = dy.Float64(nullable=True)  # points missing to the target


class Objectives(dy.Schema):
    """The objectives of the programmes and of the establishment, one row an objective, each with its answer.

    ``target`` is in percent, ``gap`` in points. ``weekly_pace`` is how many identities (or venues) more are counted
    each week at the present pace, ``weekly_need`` how many must be to be there on the ``deadline``. ``outlook`` says in
    French when the present pace gets there, or why no pace can be told.
    """

    programme = _text(nullable=False)
    programme_name = _text(nullable=False)
    label = _text(nullable=False)
    indicator = _text()
    verdict = _enum(Verdict)
    reason = _text()  # why it is not assessable, in French
    numerator = dy.Int64(nullable=True)
    denominator = dy.Int64(nullable=True)
    rate = dy.Float64(nullable=True)
    target = dy.Float64(nullable=True)
    gap = dy.Float64(nullable=True)
    missing = dy.Int64(nullable=True)  # subjects missing to the target
    subject = _text()  # what is counted: identités, or venues
    weekly_pace = dy.Float64(nullable=True)
    reached_on = dy.Date(nullable=True)  # day on which the present pace reaches the target
    outlook = _text()
    deadline = dy.Date(nullable=True)
    weekly_need = dy.Float64(nullable=True)
    source = _text(nullable=False)
    confidence = _text(nullable=False)
    to_confirm = dy.Bool(nullable=False)  # shown « à confirmer »


class Leverage(dy.Schema):
    """Whom to qualify first, best first; names rows, never traits. Gains are in points of the objective's rate."""

    rank = dy.UInt32(nullable=False)
    identity_id = dy.UInt32(nullable=False)
    domain = _text(nullable=False)
    ipp = _text(nullable=False)
    status = _enum(Status)
    step = _text(nullable=False)  # what is missing, in French
    expected_on = dy.Date(nullable=True)  # announced venue, or today for a patient who is there
    unit = _text()  # where the patient is expected, or was last
    last_venue = dy.Date(nullable=True)
    venues = dy.UInt32(nullable=False)  # movements in the period
    gain = dy.Float64(nullable=False)
    cumulated = dy.Float64(nullable=False)  # gain of this row and of all those before
