"""Funding programmes as data: one TOML file a programme, every fact with its source, its date and its confidence.

No figure is invented: an objective without ``level`` or ``progression`` is not assessable until the establishment
writes its commitment in the settings.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from datetime import date
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from insvigil.errors import SettingsError
from insvigil.qualif.definitions import AIMS
from insvigil.vocabulary import Confidence

SHOWN_AS_OFFICIAL = frozenset({Confidence.VERIFIED, Confidence.VERIFIED_QUOTED})
"""The confidences that need no « à confirmer »."""


class _Sourced(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    source_date: str | None = Field(default=None, pattern=r"^\d{4}(-\d{2}(-\d{2})?)?$")
    confidence: Confidence

    @property
    def to_confirm(self) -> bool:
        """Whether the text must be shown « à confirmer »."""
        return self.confidence not in SHOWN_AS_OFFICIAL


class Fact(_Sourced):
    """Something known of a programme, or looked for and not found."""

    text: str


class Objective(_Sourced):
    """What a programme asks, measured by one of ``indicators``; no level means that no public source gives it."""

    code: str
    label: str
    kind: Literal["level", "progression"]
    indicators: tuple[str, ...] = Field(min_length=1)
    mesh: Literal["EJ", "EG"]
    tier: str | None = None
    level: float | None = Field(default=None, ge=0, le=100)
    progression: float | None = None
    deadline: date | None = None
    note: str = ""

    @model_validator(mode="after")
    def _known_and_sourced(self) -> Objective:
        for code in self.indicators:
            if code not in AIMS:
                raise ValueError(f"un objectif ne peut pas viser « {code} »")
        figure = self.level is not None or self.progression is not None
        if figure and self.confidence in (Confidence.UNVERIFIED, Confidence.NOT_FOUND, Confidence.CONVENTION):
            raise ValueError("un chiffre non vérifié (M, X ou C) ne se livre pas dans un programme")
        return self


class Programme(BaseModel):
    """A funding programme or a set of indicators followed nationally."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    name: str
    starts: date | None = None
    ends: date | None = None
    facts: tuple[Fact, ...] = ()
    prerequisites: tuple[Fact, ...] = ()
    objectives: tuple[Objective, ...] = ()


def load_programmes(folder: Path | None = None, *, added: Iterable[Path] = ()) -> list[Programme]:
    """Return the programmes of the package (or of ``folder``), then the site's own files, in order of code.

    A site's file replaces the programme of the same code. Raise ``SettingsError`` naming the file and the key.
    """
    shipped: Traversable = folder if folder is not None else files("insvigil.qualif").joinpath("programmes")
    found = {}
    own = sorted((item for item in shipped.iterdir() if item.name.endswith(".toml")), key=lambda item: item.name)
    for path in [*own, *added]:
        programme = _read(path)
        found[programme.code] = programme
    return [found[code] for code in sorted(found)]


def _read(path: Traversable) -> Programme:
    try:
        return Programme.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise SettingsError(
            f"Le fichier de programme {path} ne peut pas être lu.", hint="Vérifiez qualif.programmes."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"Le fichier de programme {path} n'est pas du TOML valide : {error}.") from error
    except ValidationError as error:
        faults = "; ".join(f"« {'.'.join(map(str, fault['loc']))} » ({fault['msg']})" for fault in error.errors())
        raise SettingsError(f"Le fichier de programme {path} est refusé : {faults}.") from error
