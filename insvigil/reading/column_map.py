"""The map of columns of a flat identity file: which of its columns hold which trait."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from insvigil.errors import SettingsError
from insvigil.frames import IDENTITY_FIELDS

Names = tuple[str, ...]


class ColumnMap(BaseModel):
    """Which columns of a flat file hold which trait: a name, or several names joined by a blank.

    Names are compared without outer blanks.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Names
    """Identifiant propre au fichier (obligatoire) ; il nomme les lignes dans les résultats."""
    birth_name: Names = ()
    """Nom de naissance."""
    given_names: Names = ()
    """Liste des prénoms de naissance."""
    first_given_name: Names = ()
    """Premier prénom de naissance."""
    used_name: Names = ()
    """Nom utilisé."""
    used_given_name: Names = ()
    """Prénom utilisé."""
    birth_date: Names = ()
    """Date de naissance."""
    sex: Names = ()
    """Sexe."""
    birth_place: Names = ()
    """Lieu de naissance (code officiel géographique, ou nom)."""
    matricule: Names = ()
    """Matricule INS, en une colonne ou en plusieurs (numéro, clé)."""
    postal_code: Names = ()
    """Code postal de l'adresse."""
    address: Names = ()
    """Voie de l'adresse."""
    city: Names = ()
    """Commune de l'adresse."""
    phone: Names = ()
    """Téléphone."""
    email: Names = ()
    """Adresse électronique."""

    @field_validator("*", mode="before")
    @classmethod
    def _names(cls, value: Any) -> Any:
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, (list, tuple)) or not names or not all(isinstance(name, str) for name in names):
            raise ValueError("un nom de colonne ou une liste de noms est attendu")
        return tuple(name.strip() for name in names)

    @classmethod
    def load(cls, path: str | Path) -> ColumnMap:
        """Read ``[columns]`` of a TOML file; raise ``SettingsError`` naming every wrong key at once."""
        try:
            text = Path(path).read_text(encoding="utf-8")
        except OSError as error:
            raise SettingsError(f"Le plan de colonnes {path} ne peut pas être lu.") from error
        except UnicodeDecodeError as error:
            raise SettingsError(f"Le plan de colonnes {path} n'est pas en UTF-8.") from error
        try:
            return _File.model_validate(tomllib.loads(text)).columns
        except tomllib.TOMLDecodeError as error:
            raise SettingsError(f"Le plan de colonnes {path} n'est pas du TOML valide : {error}.") from error
        except ValidationError as error:
            faults = "; ".join(_sentence(fault["loc"], fault["type"]) for fault in error.errors())
            raise SettingsError(f"{path} : {faults}.", hint='Exemple : [columns] id = "ipp".') from error

    def sources(self) -> dict[str, Names]:
        """Return the columns of each mapped trait, in the order of ``IdentityFields``."""
        return {name: getattr(self, name) for name in IDENTITY_FIELDS if getattr(self, name, ())}


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: ColumnMap


def _sentence(location: tuple[int | str, ...], kind: str) -> str:
    key = ".".join(str(part) for part in location)
    if kind == "extra_forbidden":
        return f"clé inconnue « {key} »"
    if kind == "missing":
        return f"clé obligatoire absente « {key} »"
    return f"« {key} » : un nom de colonne ou une liste de noms est attendu"
