from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from insvigil.errors import SettingsError
from insvigil.settings import Settings, template


def test_template__holds_every_default_and_loads_back(tmp_path: Path) -> None:
    path = tmp_path / "insvigil.toml"
    path.write_text(template(), encoding="utf-8")
    assert Settings.load(path) == Settings()
    written = tomllib.loads(template())
    for name, field in Settings.model_fields.items():
        section = field.alias or name
        inner = field.annotation.model_fields  # type: ignore[union-attr]
        assert set(written[section]) >= {key for key in inner if inner[key].default is not None} - {"objectives"}
        for key in inner:
            assert key in template()


def test_template__objective_example_is_valid_once_uncommented() -> None:
    lines = template().splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("# [[qualif.objectives]]"))
    example = "\n".join(line.removeprefix("# ") for line in lines[start : start + 4])
    assert Settings.model_validate(tomllib.loads(example)).qualif.objectives[0].level == 85.0


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[matching]\nthreshol = 0.5\n", "matching.threshol"),
        ("[nuit]\n", "nuit"),
        ("[[qualif.objectives]]\nprogramme = 'X'\ntaux = 1\n", "qualif.objectives.0.taux"),
        ("[matching]\nsure_false_alarms = 2\n", "matching.sure_false_alarms"),
    ],
)
def test_load__names_the_path_of_a_wrong_key(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "insvigil.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=named.replace(".", r"\.")) as caught:
        Settings.load(path)
    assert caught.value.exit_code == 2


def test_load__tells_all_wrong_keys_at_once(tmp_path: Path) -> None:
    path = tmp_path / "insvigil.toml"
    path.write_text("[matching]\na = 1\n[reading]\nb = 2\n", encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        Settings.load(path)
    assert "matching.a" in str(caught.value)
    assert "reading.b" in str(caught.value)


def test_load__refuses_what_is_not_toml(tmp_path: Path) -> None:
    path = tmp_path / "insvigil.toml"
    path.write_bytes(b"\xff\xfe = [")
    with pytest.raises(SettingsError):
        Settings.load(path)
    with pytest.raises(SettingsError):
        Settings.load(tmp_path / "absent.toml")


def test_digest__depends_on_values_only(tmp_path: Path) -> None:
    path = tmp_path / "insvigil.toml"
    path.write_text("# commentaire\n[matching]\nsure_false_alarms = 0.002\n", encoding="utf-8")
    assert Settings.load(path).digest() == Settings().digest()
    path.write_text("[matching]\nsure_false_alarms = 0.003\n", encoding="utf-8")
    assert Settings.load(path).digest() != Settings().digest()
