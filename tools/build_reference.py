"""Write the reference pages that come from the code: settings, rules, frames, commands.

Run ``python tools/build_reference.py`` after a change; a test fails while a page lags behind.
"""

from __future__ import annotations

from pathlib import Path

import click
import dataframely as dy

from insvigil import frames, settings
from insvigil.cli import COMMAND
from insvigil.cli.french import Group
from insvigil.pipeline import catalogue
from insvigil.vocabulary import Confidence

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
NOTICE = "<!-- Written by tools/build_reference.py: change the code, not this page. -->\n"


def settings_page() -> str:
    """Every key of insvigil.toml, in French, as `insvigil init` writes it."""
    return (
        f"{NOTICE}# Réglages\n\n`insvigil init` écrit ce fichier. Une clé absente garde sa valeur par défaut ; une clé "
        f"inconnue est refusée, avec son chemin.\n\n```toml\n{settings.template()}```\n"
    )


def rules_page() -> str:
    """Every rule with its sentence, advice, source and confidence, in French."""
    lines = [
        f"{NOTICE}# Règles",
        "",
        "Chaque constat porte un code stable. La certitude dit ce que nous avons pu vérifier de la source : "
        + " ; ".join(f"**{member.value}** {member.label}" for member in Confidence)
        + ". Une règle qui n'est ni V ni V2 n'est jamais présentée comme officielle.",
        "",
        "| code | gravité | portée | phrase | que faire | source | certitude |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {rule.code} | {rule.severity.label} | {rule.scope.label} | {rule.sentence} | {rule.advice} | {rule.source} "
        f"| {rule.confidence.value} |"
        for rule in catalogue()
    ]
    return "\n".join(lines) + "\n"


def frames_page() -> str:
    """Every frame: what a row is, and each column."""
    parts = [
        f"{NOTICE}# Frames\n\nThe tables through which stages meet; several of them are written as they are (see "
        "[outputs.md](outputs.md)).\n"
    ]
    for name, schema in vars(frames).items():
        if isinstance(schema, type) and issubclass(schema, dy.Schema) and schema is not dy.Schema:
            rows = "\n".join(
                f"| {column} | {spec.dtype} | {'yes' if spec.nullable else 'no'} |"
                for column, spec in schema.columns().items()
            )
            story = (schema.__doc__ or "").strip()
            parts.append(f"## {name}\n\n{story}\n\n| column | type | may be null |\n|---|---|---|\n{rows}\n")
    return "\n".join(parts)


def commands_page() -> str:
    """The help page of every command, as the terminal shows it."""
    parts = [f"{NOTICE}# Commandes\n"]

    def walk(command: click.Command, path: str, parent: click.Context | None) -> None:
        context = command.context_class(
            command, info_name=path.split()[-1], parent=parent, terminal_width=110, **command.context_settings
        )
        parts.append(f"## {path}\n\n```\n{command.get_help(context)}\n```\n")
        if isinstance(command, Group):
            for name in command.list_commands(context):
                child = command.get_command(context, name)
                assert child is not None
                walk(child, f"{path} {name}", context)

    walk(COMMAND, "insvigil", None)
    return "\n".join(parts)


PAGES = {
    "settings.md": settings_page,
    "rules.md": rules_page,
    "frames.md": frames_page,
    "commands.md": commands_page,
}


def main() -> None:
    """Write every page."""
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
