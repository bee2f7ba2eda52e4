"""The reference page is the schema."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from insvigil.register import migrations, open_register, schema
from insvigil.settings import RegisterSettings
from tests.register.messages import message, night, opener, states

PAGE = Path(__file__).parents[2] / "docs/reference/register.md"


def test_reference__is_generated_from_the_schema() -> None:
    assert PAGE.read_text(encoding="utf-8") == schema.as_markdown()


def test_migrations__lead_from_an_older_register_to_this_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opener(tmp_path)() as register:
        night(register, message("A28", "1", 1, birth_name="DARK"))
        before = states(register)
    now = schema.SCHEMA_VERSION
    monkeypatch.setattr(schema, "SCHEMA_VERSION", now + 1)
    monkeypatch.setattr(migrations, "MIGRATIONS", {now: ("ALTER TABLE run ADD COLUMN host VARCHAR",)})
    with opener(tmp_path)() as register:
        assert "host" in register.query("SELECT * FROM run").columns
        assert states(register) == before
    with duckdb.connect(str(tmp_path / "registre.duckdb")) as connection:
        assert connection.execute("SELECT value FROM about WHERE name = 'schema_version'").fetchall() == [
            (str(now + 1),)
        ]


def test_migrations__all_steps_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opener(tmp_path)().close()
    now = schema.SCHEMA_VERSION
    with monkeypatch.context() as patch:
        patch.setattr(schema, "SCHEMA_VERSION", now + 2)
        steps = {now: ("ALTER TABLE run ADD COLUMN host VARCHAR",), now + 1: ("ALTER TABLE nowhere ADD COLUMN x INT",)}
        patch.setattr(migrations, "MIGRATIONS", steps)
        with pytest.raises(duckdb.Error):
            opener(tmp_path)()
    with open_register(RegisterSettings(), folder=tmp_path) as register:
        assert "host" not in register.query("SELECT * FROM run").columns


def test_migrations__end_with_the_tables_of_a_new_register(tmp_path: Path) -> None:
    def shape(folder: Path) -> list[tuple[object, ...]]:
        with duckdb.connect(str(folder / "registre.duckdb"), read_only=True) as connection:
            return connection.execute(
                "SELECT table_name, column_name, data_type FROM duckdb_columns() ORDER BY ALL"
            ).fetchall()

    new, old = tmp_path / "new", tmp_path / "old"
    new.mkdir()
    old.mkdir()
    opener(new)().close()
    opener(old)().close()
    with duckdb.connect(str(old / "registre.duckdb")) as connection:
        for table in ("trait", "anomaly", "standing", "insi_answer"):
            connection.execute(f"DROP TABLE {table}")
        for table, column in (
            ("status", "refused"),
            ("indicator", "rate_low"),
            ("indicator", "rate_high"),
        ):
            connection.execute(f"ALTER TABLE {table} DROP COLUMN IF EXISTS {column}")
        connection.execute("ALTER TABLE movement_event DROP COLUMN scope")
        connection.execute("UPDATE about SET value = '1' WHERE name = 'schema_version'")
    opener(old)().close()
    assert shape(old) == shape(new)
