"""The steps from one schema version to the next, each a list of SQL statements; run in one transaction."""

from __future__ import annotations

import duckdb

from insvigil.register import schema

_INSI_ANSWER = (
    "CREATE TABLE insi_answer (key UINTEGER, lot VARCHAR, line UINTEGER, operation VARCHAR, outcome VARCHAR, "
    "answered_on DATE, discordant VARCHAR, effect VARCHAR, digest VARCHAR, recorded_at TIMESTAMP, run UINTEGER)"
)

MIGRATIONS: dict[int, tuple[str, ...]] = {
    1: (
        "ALTER TABLE status ADD COLUMN refused VARCHAR",
        "ALTER TABLE indicator ADD COLUMN rate_low DOUBLE",
        "ALTER TABLE indicator ADD COLUMN rate_high DOUBLE",
        _INSI_ANSWER,
    ),
}
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
