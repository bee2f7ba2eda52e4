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
        for table in ("trait", "word", "anomaly", "standing", "insi_answer"):
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


def test_migrations__traits_kept_as_texts_become_numbers_of_the_same_texts(tmp_path: Path) -> None:
    shared = [name for name, kind, _ in schema.TABLE["trait"].columns[1:] if kind == "UINTEGER"]
    opener(tmp_path)().close()
    with duckdb.connect(str(tmp_path / "registre.duckdb")) as connection:
        connection.execute("DROP TABLE word")
        connection.execute("DROP TABLE trait")
        connection.execute(next(step for step in migrations.MIGRATIONS[1] if step.startswith("CREATE TABLE trait")))
        connection.execute(
            "INSERT INTO trait BY NAME SELECT 1 AS key, 'ZOE' AS birth_name, 'BREST' AS city, 7 AS birth_day"
        )
        connection.execute("INSERT INTO trait BY NAME SELECT 2 AS key, 'BREST' AS birth_name, NULL AS city")
        connection.execute("UPDATE about SET value = '2' WHERE name = 'schema_version'")
    with opener(tmp_path)() as register:
        words = dict(register.query("SELECT number, text FROM word").iter_rows())
        rows = register.query("SELECT * FROM trait ORDER BY key")
    assert sorted(words.values()) == ["BREST", "ZOE"]
    assert sorted(words) == [0, 1]
    told = [[None if number is None else words[number] for number in rows[name]] for name in shared]
    expected = {"birth_name": ["ZOE", "BREST"], "city": ["BREST", None]}
    assert told == [expected.get(name, [None, None]) for name in shared]
    assert rows["birth_day"].to_list() == [7, None]
