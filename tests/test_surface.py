from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

import insvigil

ROOT = Path(__file__).parents[1]


def test_all__is_sorted_and_every_name_resolves() -> None:
    assert insvigil.__all__ == sorted(insvigil.__all__)
    assert set(insvigil.__all__) == set(insvigil._HOMES)
    for name in insvigil.__all__:
        assert getattr(insvigil, name).__name__ == name


@pytest.mark.parametrize("package", ["matching", "phonetics", "reading", "reporting", "traits"])
def test_surface__each_package_gives_every_public_name_and_no_other(package: str) -> None:
    room = import_module(f"insvigil.{package}")
    assert set(room.__all__) == set(room._HOMES)
    for name in room.__all__:
        assert getattr(room, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = room.nothing


def test_version__is_the_same_in_the_package_and_the_project_file() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == insvigil.__version__


@pytest.mark.parametrize("readme", ["README.md", "README.fr.md"])
def test_readme__every_link_and_command_exists(readme: str) -> None:
    from insvigil.cli import ENTRIES

    text = (ROOT / readme).read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        if "://" not in link:
            assert (ROOT / link).exists(), link
    blocks = "\n".join(re.findall(r"```\n(.*?)```", text, flags=re.DOTALL))
    commands = set(re.findall(r"^insvigil ([a-z-]+)", blocks, flags=re.MULTILINE))
    assert commands
    assert commands <= set(ENTRIES)
