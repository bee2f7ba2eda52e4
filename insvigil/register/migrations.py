"""The steps from one schema version to the next, each a list of SQL statements; run in one transaction."""

from __future__ import annotations

import duckdb

from insvigil.register import schema

_CARRIED = (
    "CREATE TABLE trait (key UINTEGER, birth_name VARCHAR, given_names VARCHAR, first_given_name VARCHAR, "
    "used_name VARCHAR, used_given_name VARCHAR, birth_year SMALLINT, birth_month TINYINT, birth_day TINYINT, "
    "birth_date_kind VARCHAR, sex VARCHAR, birth_place VARCHAR, matricule VARCHAR, matricule_valid BOOLEAN, "
    "matricule_kind VARCHAR, postal_code VARCHAR, address VARCHAR, city VARCHAR, phone VARCHAR, email VARCHAR, "
    "birth_rank TINYINT, multiple_birth BOOLEAN, death_date DATE, qualified BOOLEAN)",
    "CREATE TABLE anomaly (key UINTEGER, code VARCHAR, severity VARCHAR)",
    "CREATE TABLE standing (key UINTEGER, status VARCHAR, counted BOOLEAN, ins_transmissible BOOLEAN, "
    "source VARCHAR, anomaly VARCHAR)",
)
_SCOPE = "ALTER TABLE movement_event ADD COLUMN scope VARCHAR"
_STATUSES = (
    "ALTER TABLE status ADD COLUMN refused VARCHAR",
    "ALTER TABLE indicator ADD COLUMN rate_low DOUBLE",
    "ALTER TABLE indicator ADD COLUMN rate_high DOUBLE",
    "CREATE TABLE insi_answer (key UINTEGER, lot VARCHAR, line UINTEGER, operation VARCHAR, outcome VARCHAR, "
    "answered_on DATE, discordant VARCHAR, effect VARCHAR, digest VARCHAR, recorded_at TIMESTAMP, run UINTEGER)",
)

_SHARED = (
    "birth_name", "given_names", "first_given_name", "used_name", "used_given_name", "birth_place", "postal_code",
    "address", "city",
)  # fmt: skip
_NUMBERED = ", ".join(
    f"{name}.number AS {name}" if name in _SHARED else f"t.{name}"
    for name in (
        "key", "birth_name", "given_names", "first_given_name", "used_name", "used_given_name", "birth_year",
        "birth_month", "birth_day", "birth_date_kind", "sex", "birth_place", "matricule", "matricule_valid",
        "matricule_kind", "postal_code", "address", "city", "phone", "email", "birth_rank", "multiple_birth",
        "death_date", "qualified",
    )
)  # fmt: skip
_WORDS = (
    "CREATE TABLE word AS SELECT (row_number() OVER () - 1)::UINTEGER AS number, text FROM ("
    + " UNION ".join(f"SELECT {name} AS text FROM trait" for name in _SHARED)
    + ") WHERE text IS NOT NULL",
    f"CREATE TABLE numbered AS SELECT {_NUMBERED} FROM trait t "
    + " ".join(f"LEFT JOIN word {name} ON {name}.text = t.{name}" for name in _SHARED),
    "DROP TABLE trait",
    "ALTER TABLE numbered RENAME TO trait",
)

MIGRATIONS: dict[int, tuple[str, ...]] = {1: (*_CARRIED, _SCOPE, *_STATUSES), 2: _WORDS}
"""``MIGRATIONS[n]`` leads from version ``n`` to ``n + 1``."""


def migrate(connection: duckdb.DuckDBPyConnection, found: int) -> None:
    """Bring a register of version ``found`` to the current one, all steps or none."""
    connection.execute("BEGIN TRANSACTION")
    try:
        for version in range(found, schema.SCHEMA_VERSION):
            for statement in MIGRATIONS[version]:
                connection.execute(statement)
        connection.execute("UPDATE about SET value = ? WHERE name = 'schema_version'", [str(schema.SCHEMA_VERSION)])
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
