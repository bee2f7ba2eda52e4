"""The faults an operator must see.

::

    InsvigilError            one French line, an exit code, the way out
    ├── UsageError           the command line asks for something impossible        exit 2
    ├── SettingsError        the settings file says something impossible           exit 2
    ├── SourceError          a file cannot be opened, decoded or used              exit 3
    ├── RegisterError        the register is missing, locked, foreign or newer     exit 3
    └── ContractError        a stage broke its own frame: a bug                    exit 3

Bad *data* is never an exception: it is a row in ``Rejects`` or ``Oddities`` with its file, its position and a
code. No message of this tree may hold a trait, an IPP or a matricule.
"""

from __future__ import annotations

from typing import ClassVar


class InsvigilError(Exception):
    """What an operator must see: one French sentence and, when there is one, the way out."""

    exit_code: ClassVar[int] = 3

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message


class UsageError(InsvigilError):
    """The command line asks for something impossible."""

    exit_code = 2


class SettingsError(InsvigilError):
    """The settings file says something impossible; the message names the path of the key."""

    exit_code = 2


class SourceError(InsvigilError):
    """A file cannot be opened, decoded or used; the message names the file and, when known, the position."""


class RegisterError(InsvigilError):
    """The register is missing, locked, foreign, damaged or from a newer version."""


class ContractError(InsvigilError):
    """A stage broke its own frame: a bug of insvigil, to be reported."""
