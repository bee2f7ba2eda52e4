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


def test_migrations__a_register_of_the_first_version_becomes_like_a_new_one(tmp_path: Path) -> None:
    with opener(tmp_path)() as register:
        night(register, message("A28", "1", 1, birth_name="DARK"))
        before = states(register)
    with duckdb.connect(str(tmp_path / "registre.duckdb")) as connection:
        connection.execute("DROP TABLE insi_answer")
        connection.execute("ALTER TABLE status DROP COLUMN refused")
        connection.execute("ALTER TABLE indicator DROP COLUMN rate_low")
        connection.execute("ALTER TABLE indicator DROP COLUMN rate_high")
        connection.execute("UPDATE about SET value = '1' WHERE name = 'schema_version'")
    with opener(tmp_path)() as register:
        assert states(register) == before
        for table in schema.TABLES:
            found = register.query(f"DESCRIBE {table.name}").select("column_name", "column_type").rows()
            assert found == [(name, kind) for name, kind, _ in table.columns]


def test_migrations__all_steps_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opener(tmp_path)().close()
    with monkeypatch.context() as patch:
        now = schema.SCHEMA_VERSION
        patch.setattr(schema, "SCHEMA_VERSION", now + 2)
        steps = {now: ("ALTER TABLE run ADD COLUMN host VARCHAR",), now + 1: ("ALTER TABLE nowhere ADD COLUMN x INT",)}
        patch.setattr(migrations, "MIGRATIONS", steps)
        with pytest.raises(duckdb.Error):
            opener(tmp_path)()
    with open_register(RegisterSettings(), folder=tmp_path) as register:
        assert "host" not in register.query("SELECT * FROM run").columns
