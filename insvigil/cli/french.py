"""How the command line speaks: French headings and messages, `-h`, an example on each help page.

click has no French catalogue, so the few sentences it writes itself are given here.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import click

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


class _Formatter(click.HelpFormatter):
    def write_heading(self, heading: str) -> None:
        self.write(f"{'':>{self.current_indent}}{heading} :\n")


class _Context(click.Context):
    formatter_class = _Formatter


class _Speech(click.Command):
    """A command whose help page is French and ends with an example."""

    context_class = _Context

    def __init__(self, *args: Any, example: str = "", **kwargs: Any) -> None:
        kwargs.setdefault("context_settings", CONTEXT)
        super().__init__(*args, **kwargs)
        self.example = example

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        option = super().get_help_option(ctx)
        if option is not None:
            option.help = "Affiche cette aide."
        return option

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(ctx.command_path, " ".join(self.collect_usage_pieces(ctx)), prefix="Utilisation : ")

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if self.example:
            with formatter.section("Exemple"):
                for line in self.example.splitlines():
                    formatter.write(f"{'':>{formatter.current_indent}}{line}\n")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        options = [parameter for parameter in self.get_params(ctx) if isinstance(parameter, click.Option)]
        records = [record for option in options if (record := option.get_help_record(ctx)) is not None]
        if records:
            with formatter.section("Options"):
                formatter.write_dl([(name, text.replace("[required]", "[obligatoire]")) for name, text in records])


class Command(_Speech):
    """A leaf command."""


class Entry(NamedTuple):
    """Where a command lives: loaded only when it is called, so that the help page stays light."""

    module: str
    attribute: str
    summary: str


class Group(_Speech, click.Group):
    """A group whose commands are imported when called; its help page needs none of them."""

    def __init__(self, *args: Any, entries: Mapping[str, Entry], **kwargs: Any) -> None:
        kwargs.setdefault("subcommand_metavar", "COMMANDE [ARGUMENTS]…")
        super().__init__(*args, **kwargs)
        self.entries = dict(entries)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = self.entries.get(cmd_name)
        if entry is None:
            return None
        command = getattr(importlib.import_module(entry.module), entry.attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.entries and not args[0].startswith("-"):
            ctx.fail(f"commande inconnue « {args[0]} ». Commandes : {', '.join(self.entries)}.")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commandes"):
            formatter.write_dl([(name, entry.summary) for name, entry in self.entries.items()])

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _Speech.format_options(self, ctx, formatter)
        self.format_commands(ctx, formatter)


def sentence(error: click.ClickException) -> str:
    """Return what went wrong on the command line, in one French sentence."""
    if isinstance(error, click.NoSuchOption):
        return f"option inconnue « {error.option_name} »."
    if isinstance(error, click.MissingParameter) and error.param is not None:
        kind = "l'argument" if isinstance(error.param, click.Argument) else "l'option"
        name = error.param.human_readable_name if kind == "l'argument" else error.param.opts[0]
        return f"il manque {kind} {name}."
    if isinstance(error, click.BadParameter) and error.param is not None:
        return f"valeur refusée pour {error.param.opts[0]} ({error.message.rstrip('.')})."
    if isinstance(error, click.BadOptionUsage):
        return f"l'option {error.option_name} attend une valeur."
    if isinstance(error, click.FileError):
        return f"le fichier {error.ui_filename} ne peut pas être ouvert."
    return error.format_message()
