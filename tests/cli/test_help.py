from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from insvigil.cli import COMMAND
from insvigil.cli.french import Group


def walk(
    command: click.Command, path: tuple[str, ...] = ("insvigil",)
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from walk(child, (*path, name))


COMMANDS = dict(walk(COMMAND))


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help__is_french_and_ends_with_an_example(path: tuple[str, ...], option: str) -> None:
    from click.testing import CliRunner

    result = CliRunner().invoke(COMMAND, [*path[1:], option], prog_name="insvigil")
    assert result.exit_code == 0
    assert result.output.startswith(f"Utilisation : {' '.join(path)}")
    assert "Exemple :" in result.output
    assert f"{' '.join(path)} " in result.output.split("Exemple :")[1]
    for english in ("Usage:", "Options:", "Show this message", "[required]", "[default"):
        assert english not in result.output


@pytest.mark.parametrize("path", [path for path in COMMANDS if len(path) > 1], ids=" ".join)
def test_help__every_option_says_what_it_does(path: tuple[str, ...]) -> None:
    for parameter in COMMANDS[path].params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{' '.join(path)} {parameter.name}"


def test_help__loads_neither_polars_nor_numba() -> None:
    code = (
        "import sys; sys.argv=['insvigil','--help']\n"
        "from insvigil.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy={'polars','numba','numpy','duckdb','pydantic','dataframely','rich'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
