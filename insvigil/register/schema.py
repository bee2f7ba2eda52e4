"""The tables of the register: name, columns, meaning. ``docs/reference/register.md`` is generated from here.

Four kinds of tables. *Ledgers* only grow: what was said (``statement``, ``elimination``, ``link``,
``movement_event``, ``dossier_move``), by which message, learnt in which run. *States* are pure functions of the
ledgers, kept so that a night only recomputes what it touches (``identity``, ``forward``, ``stay``). *Carried* is what
the rooms said of each identity, asked again of those spoken of (``carried.py``). *Memory* is what later stages and
people want to find again (pairs, agrégats, decisions, statuses, indicators).

No index and no primary key: a night deletes and inserts whole rows, which leaves DuckDB's column segments alone,
whereas an index has to be loaded and kept up at each opening. ``upkeep.check`` verifies the keys instead.
"""

from __future__ import annotations

from dataclasses import dataclass

from polars import Categorical

from insvigil.frames import AGREEMENTS, IDENTITY_FIELDS, Traits

SCHEMA_VERSION = 3
"""Raised by one with each entry of ``migrations.MIGRATIONS``."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the register: its name, what a row is, and ``(column, DuckDB type, meaning)`` in order."""

    name: str
    meaning: str
    columns: tuple[tuple[str, str, str], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The column names, in order."""
        return tuple(name for name, _, _ in self.columns)

    def ddl(self) -> str:
        """Return the ``CREATE TABLE`` statement."""
        columns = ", ".join(f'"{name}" {kind}' for name, kind, _ in self.columns)
        return f"CREATE TABLE {self.name} ({columns})"


_FIELDS = tuple((field, "VARCHAR", "as stated; see `IdentityFields`") for field in IDENTITY_FIELDS)
_STAMP = (
    ("arrival", "BIGINT", "order of arrival in the register"),
    ("run", "UINTEGER", "run that learnt it"),
    ("message_time", "TIMESTAMP", "MSH-7, else the time of the event"),
    ("sender", "VARCHAR", "MSH-3 and MSH-4"),
    ("control_id", "VARCHAR", "MSH-10"),
    ("trigger", "VARCHAR", "event"),
)

MOVEMENT_FIELDS: tuple[str, ...] = (
    "movement_at",
    "origin",
    "patient_class",
    "finess_eg",
    "unit_lodging",
    "unit_medical",
    "unit_care",
    "admitted_at",
    "discharged_at",
    "movement_nature",
)
"""What a movement message says of its movement; ``origin`` is the trigger that inserted it."""

_TIMES = {"movement_at", "admitted_at", "discharged_at"}
_MOVEMENT = tuple((name, "TIMESTAMP" if name in _TIMES else "VARCHAR", "see `Stays`") for name in MOVEMENT_FIELDS)
_MOVEMENT_NAME = (
    ("domain", "VARCHAR", "domain of the IPP"),
    ("venue", "VARCHAR", "visit number, else dossier"),
    ("movement", "VARCHAR", "ZBE-1, or a made-up id starting with ~"),
)
_AGREEMENTS = tuple((f"agree_{trait}", "UTINYINT", "agreement level") for trait in AGREEMENTS)

_WIDTHS = {
    "birth_year": "SMALLINT", "birth_month": "TINYINT", "birth_day": "TINYINT", "birth_rank": "TINYINT",
    "matricule_valid": "BOOLEAN", "multiple_birth": "BOOLEAN", "qualified": "BOOLEAN", "death_date": "DATE",
}  # fmt: skip
_WIDTHS |= {name: "UINTEGER" for name, column in Traits.columns().items() if column.dtype == Categorical()}
_TRAITS = tuple(
    (name, _WIDTHS.get(name, "VARCHAR"), "number of a `word`" if _WIDTHS.get(name) == "UINTEGER" else "see `Traits`")
    for name in Traits.column_names()[1:]
)

TABLES: tuple[Table, ...] = (
    Table(
        "about",
        "What the file is: one row a key.",
        (("name", "VARCHAR", "`schema_version`, `application`, `created`"), ("value", "VARCHAR", "its value")),
    ),
    Table(
        "run",
        "One row a run.",
        (
            ("run", "UINTEGER", "number of the run, from 1"),
            ("started", "TIMESTAMP", "when it began: the « known at » of all it learnt; never goes backwards"),
            ("ended", "TIMESTAMP", "when it ended"),
            ("version", "VARCHAR", "version of insvigil"),
            ("settings_digest", "VARCHAR", "digest of the settings"),
            ("counts", "VARCHAR", "counts by stage, JSON"),
        ),
    ),
    Table(
        "source",
        "One row a file read: its digest says that it need not be read again.",
        (
            ("run", "UINTEGER", "run that read it"),
            ("path", "VARCHAR", "where it was"),
            ("digest", "VARCHAR", "digest of its bytes"),
            ("size", "UBIGINT", "bytes"),
            ("format", "VARCHAR", "format found"),
            ("messages", "UBIGINT", "messages held"),
        ),
    ),
    Table(
        "message",
        "One row a message taken in: the same message in another file changes nothing.",
        (
            ("digest", "UBIGINT", "64 bits of the MD5 of its content, sender and control id"),
            ("message_time", "TIMESTAMP", "its time, 1970-01-01 when it has none"),
            ("run", "UINTEGER", "run that took it in"),
        ),
    ),
    Table(
        "statement",
        'Ledger. What a message stated of an identity: null is « not stated », `""` is « deleted ».',
        (
            ("key", "UINTEGER", "identity named by the message"),
            ("driver", "BOOLEAN", "identity feed (A28, A31, A40, A47…); false for a movement, which only fills gaps"),
            *_STAMP,
            *_FIELDS,
        ),
    ),
    Table(
        "elimination",
        "Ledger. One row a merge (A40) or a change of IPP (A47).",
        (
            ("key", "UINTEGER", "identity eliminated"),
            ("survivor", "UINTEGER", "identity that stays"),
            ("rename", "BOOLEAN", "change of IPP: the survivor takes over all that was said before"),
            *_STAMP,
        ),
    ),
    Table(
        "link",
        "Ledger. One row a link (A24) or unlink (A37) of two identities; the lower key on the left.",
        (("left_key", "UINTEGER", "identity"), ("right_key", "UINTEGER", "identity"), *_STAMP),
    ),
    Table(
        "movement_event",
        "Ledger. What a message said of a movement of a stay.",
        (
            *_MOVEMENT_NAME,
            ("key", "UINTEGER", "identity named by the message"),
            ("dossier", "VARCHAR", "PID-18"),
            ("visit", "VARCHAR", "PV1-19"),
            ("action", "VARCHAR", "INSERT, CANCEL, or null for a correction"),
            *_STAMP,
            *_MOVEMENT,
            (
                "scope",
                "VARCHAR",
                "what else a cancel of admission cancels: V the visit, A its dossier; + but announces",
            ),
        ),
    ),
    Table(
        "dossier_move",
        "Ledger. A dossier given to another identity (A44).",
        (
            ("domain", "VARCHAR", "domain of the IPP"),
            ("dossier", "VARCHAR", "the dossier moved"),
            ("key", "UINTEGER", "identity that receives it"),
            *_STAMP,
        ),
    ),
    Table(
        "identity",
        "State. One row an identity ever seen, eliminated ones included.",
        (
            ("key", "UINTEGER", "internal number, stable for life"),
            ("domain", "VARCHAR", "identification domain"),
            ("ipp", "VARCHAR", "patient identifier in that domain"),
            ("active", "BOOLEAN", "false once eliminated, or when only ever named by a link or a merge"),
            (
                "driven",
                "UBIGINT",
                "bit i: field i was stated by the identity feed; bit 63: that feed knows the identity",
            ),
            ("created_at", "TIMESTAMP", "time of the first message of the feed that drives it"),
            ("updated_at", "TIMESTAMP", "time of the latest message that still holds a field"),
            ("created_run", "UINTEGER", "run that learnt of it"),
            ("changed_run", "UINTEGER", "last run that changed a field"),
            *_FIELDS,
        ),
    ),
    Table(
        "forward",
        "State. Where an eliminated identity leads.",
        (
            ("key", "UINTEGER", "identity eliminated"),
            ("survivor", "UINTEGER", "identity named by the merge"),
            ("since", "TIMESTAMP", "from when messages for `key` count for `survivor`; null = from the beginning"),
            ("terminal", "UINTEGER", "active identity at the end of the chain"),
        ),
    ),
    Table(
        "stay",
        "State. One row a movement, cancelled ones included.",
        (
            *_MOVEMENT_NAME,
            ("key", "UINTEGER", "identity it belongs to, merges not followed"),
            ("dossier", "VARCHAR", "PID-18"),
            ("visit", "VARCHAR", "PV1-19"),
            ("live", "BOOLEAN", "false when cancelled"),
            ("changed_run", "UINTEGER", "last run that changed it"),
            *_MOVEMENT,
        ),
    ),
    Table(
        "trait",
        "Carried. The comparable form of each active identity (`Traits`), made again when it is spoken of.",
        (("key", "UINTEGER", "identity"), *_TRAITS),
    ),
    Table(
        "word",
        "Carried. The texts that traits share, each once; those that no trait holds any more stay until all is asked "
        "again.",
        (("number", "UINTEGER", "from 0, in the order in which texts came"), ("text", "VARCHAR", "the text")),
    ),
    Table(
        "anomaly",
        "Carried. What was found in each active identity taken alone.",
        (("key", "UINTEGER", "identity"), ("code", "VARCHAR", "rule"), ("severity", "VARCHAR", "gravity")),
    ),
    Table(
        "standing",
        "Carried. The status of each active identity (`Statuses`).",
        (
            ("key", "UINTEGER", "identity"),
            ("status", "VARCHAR", "status"),
            ("counted", "BOOLEAN", "counted by the rates"),
            ("ins_transmissible", "BOOLEAN", "the matricule may leave the engine"),
            ("source", "VARCHAR", "feed the status comes from"),
            ("anomaly", "VARCHAR", "code of the anomaly"),
        ),
    ),
    Table(
        "pair",
        "Memory. The pairs kept by matching, as of the last run.",
        (
            ("left_key", "UINTEGER", "identity"),
            ("right_key", "UINTEGER", "identity"),
            ("probability", "DOUBLE", "0 to 1"),
            ("weight", "DOUBLE", "bits"),
            ("finding", "VARCHAR", "DPOT, HOMD, COLP or NONE"),
            ("rule", "VARCHAR", "deterministic rule that decided"),
            ("block", "VARCHAR", "blocking key that met first"),
            *_AGREEMENTS,
        ),
    ),
    Table(
        "model",
        "Memory. What matching learnt, so that a night judges like the night before.",
        (("run", "UINTEGER", "run that learnt it"), ("content", "VARCHAR", "written and read by matching")),
    ),
    Table(
        "agregat",
        "Memory. One row an agrégat ever named; numbers are never used again.",
        (
            ("agregat", "UINTEGER", "its number"),
            ("created_run", "UINTEGER", "run that formed it"),
            ("closed_run", "UINTEGER", "run that saw it end; null while it lives"),
            ("forward", "UINTEGER", "agrégat it was joined to, if any"),
        ),
    ),
    Table(
        "agregat_member",
        "Memory. One row a stretch of membership.",
        (
            ("agregat", "UINTEGER", "agrégat"),
            ("key", "UINTEGER", "identity"),
            ("since_run", "UINTEGER", "first run"),
            ("until_run", "UINTEGER", "run that saw it leave; null while it stays"),
        ),
    ),
    Table(
        "decision",
        "Memory. What a person decided of a pair; append-only, the latest counts.",
        (
            ("left_key", "UINTEGER", "identity"),
            ("right_key", "UINTEGER", "identity"),
            ("decision", "VARCHAR", "DOUBLON, NON_DOUBLON, COLLISION or A_VERIFIER"),
            ("trait_digest", "VARCHAR", "digest of the strict traits of both sides when it was decided"),
            ("author", "VARCHAR", "who decided"),
            ("decided_at", "TIMESTAMP", "when"),
            ("reason", "VARCHAR", "why, in free text"),
            ("run", "UINTEGER", "run that recorded it"),
        ),
    ),
    Table(
        "status",
        "Memory. The ledger of statuses (`StatusLedger`): one row a transition, append-only.",
        (
            ("key", "UINTEGER", "identity"),
            ("place", "UBIGINT", "order in the ledger"),
            ("run", "UINTEGER", "run that wrote it"),
            ("at", "TIMESTAMP", "when it became true"),
            ("from_status", "VARCHAR", "status before; null when the identity appears"),
            ("to_status", "VARCHAR", "status after; null when it leaves"),
            ("counted", "BOOLEAN", "counted by the rates"),
            ("evidence", "VARCHAR", "what moved it"),
            ("source", "VARCHAR", "feed the status comes from"),
            ("anomaly", "VARCHAR", "code of the anomaly"),
            ("standing", "BOOLEAN", "last row of its identity"),
            ("refused", "VARCHAR", "status claimed and refused, as long as it is claimed"),
        ),
    ),
    Table(
        "insi_answer",
        "Ledger. What the INSi teleservice answered of an identity, read back from files; never the matricule.",
        (
            ("key", "UINTEGER", "identity asked about"),
            ("lot", "VARCHAR", "name of the list of requests"),
            ("line", "UINTEGER", "line of the request in its list"),
            ("operation", "VARCHAR", "verification or recuperation"),
            ("outcome", "VARCHAR", "OK, KO, 00, 01, 02 or ERR"),
            ("answered_on", "DATE", "day of the answer"),
            ("discordant", "VARCHAR", "what differs from the request; empty: nothing; null: not told"),
            ("effect", "VARCHAR", "confirmed, refused, or null: none"),
            ("digest", "VARCHAR", "digest of the answer: the same one is kept once"),
            ("recorded_at", "TIMESTAMP", "when insvigil learnt it"),
            ("run", "UINTEGER", "last run before"),
        ),
    ),
    Table(
        "indicator",
        "Memory. The figures of each run.",
        (
            ("run", "UINTEGER", "run that computed them"),
            ("code", "VARCHAR", "see `Indicators`"),
            ("label", "VARCHAR", ""),
            ("mesh", "VARCHAR", ""),
            ("mesh_value", "VARCHAR", ""),
            ("period_start", "DATE", ""),
            ("period_end", "DATE", ""),
            ("numerator", "BIGINT", ""),
            ("denominator", "BIGINT", ""),
            ("rate", "DOUBLE", ""),
            ("status_source", "VARCHAR", ""),
            ("rule_version", "VARCHAR", ""),
            ("programme", "VARCHAR", ""),
            ("target", "DOUBLE", ""),
            ("target_confidence", "VARCHAR", ""),
            ("verdict", "VARCHAR", ""),
            ("gap", "DOUBLE", ""),
            ("rate_low", "DOUBLE", ""),
            ("rate_high", "DOUBLE", ""),
        ),
    ),
    Table(
        "purge",
        "One row a purge: what was removed, and when.",
        (
            ("purged_at", "TIMESTAMP", "when"),
            ("before", "DATE", "limit asked for"),
            ("removed", "VARCHAR", "rows removed by table, JSON"),
        ),
    ),
)

TABLE: dict[str, Table] = {table.name: table for table in TABLES}


def as_markdown() -> str:
    """Return the reference page of the register."""
    lines = [
        "# The register",
        "",
        "Generated by `insvigil.register.schema.as_markdown`; a test keeps them equal.",
        "",
        f"One DuckDB 2 file, schema version {SCHEMA_VERSION}, one transaction a run. Ledgers only grow; states are "
        "pure functions of the ledgers (`insvigil register check` replays them); what is carried is made again from "
        "the states by `insvigil run --full`; memory is what later nights find again. "
        "The domain of an identity and its IPP are turned once into `key`, a number stable for life.",
        "",
        "An identity field in force is the one stated last, by `(message_time, sender, control_id)`, the identity feed "
        "before movements; see `docs/decisions/0400-state-is-a-function-of-statements.md`.",
    ]
    for table in TABLES:
        lines += ["", f"## `{table.name}`", "", table.meaning, "", "| column | type | meaning |", "|---|---|---|"]
        lines += [f"| `{name}` | {kind} | {meaning} |" for name, kind, meaning in table.columns]
    return "\n".join(lines) + "\n"
