"""The settings: one frozen model a stage, one TOML file, unknown keys refused with their path."""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
import textwrap
import tomllib
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from insvigil.errors import SettingsError


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ReadingSettings(_Section):
    """What is read, and how."""

    patterns: list[str] = ["*.hl7", "*.er7", "*.txt", "*.dat", "*.HL7"]
    """Motifs des fichiers pris dans un dossier (« gzip » et « zip » compris : *.hl7.gz)."""
    production: bool = True
    """En production, les messages de test ou de débogage (MSH-11 = T ou D) donnent une remarque."""
    quiet_seconds: float = Field(default=0.0, ge=0)
    """Un fichier modifié depuis moins de N secondes est laissé pour la nuit suivante."""


class RegisterSettings(_Section):
    """The register: what lasts from night to night."""

    path: Path = Path("registre.duckdb")
    """Fichier du registre, relatif au dossier du fichier de réglages."""
    wait_seconds: float = Field(default=30.0, ge=0)
    """Durée d'attente si un autre traitement tient le registre."""
    memory_gb: float = Field(default=1.0, gt=0)
    """Mémoire que le registre peut prendre ; au-delà, il travaille sur disque."""


class TraitsSettings(_Section):
    """Normalisation and detectors."""

    ignore: list[str] = []
    """Codes (ou débuts de code) des détecteurs éteints."""
    severity: dict[str, str] = {}
    """Gravités changées par le site : code = "warning"."""
    placeholders: list[str] = []
    """Valeurs de remplacement propres au site, à ne jamais comparer comme des noms (ex. "NON COMMUNIQUE")."""
    referential: Path | None = None
    """Table datée des communes, faite par « insvigil referential build » ; sans elle, la date n'est pas vérifiée."""


class MatchingSettings(_Section):
    """Candidates, weights and findings."""

    sure_false_alarms: float = Field(default=0.002, gt=0, lt=0.95)
    """Part de fausses alertes acceptée dans la bande « sûre » des doublons potentiels (DPOT)."""
    probable_false_alarms: float = Field(default=0.1, gt=0, lt=0.95)
    """Part de fausses alertes acceptée dans la bande « probable » des doublons potentiels, sous la bande sûre."""
    review_false_alarms: float = Field(default=0.8, gt=0, lt=0.95)
    """Part de fausses alertes acceptée dans la bande « à examiner », sous les doublons potentiels."""
    weights: Path | None = None
    """Poids appris des décisions par « insvigil learn », relatifs au dossier de ce fichier ; sans eux, ceux livrés."""
    max_comparisons: int = Field(default=2_000_000_000, gt=0)
    """Refus du traitement au-delà de ce nombre estimé de comparaisons."""
    threads: int = Field(default=0, ge=0)
    """Nombre de fils ; 0 = tous les cœurs."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.sure_false_alarms <= self.probable_false_alarms <= self.review_false_alarms:
            raise ValueError("les parts de fausses alertes sont croissantes : sure, probable, review")
        return self


class ObjectiveSettings(_Section):
    """What the establishment committed to; insvigil ships no figure of its own."""

    programme: str
    """Code du programme, par exemple "HOPEN2_PHASE1"."""
    indicator: str = "Q_FILE_ACTIVE"
    """Indicateur visé."""
    level: float | None = Field(default=None, ge=0, le=100)
    """Taux visé, en pourcentage."""
    progression: float | None = None
    """Progression visée, en points, depuis « baseline »."""
    baseline: float | None = Field(default=None, ge=0, le=100)
    """Taux de départ, en pourcentage."""
    source: str = "engagement de l'établissement"
    """D'où vient le chiffre."""
    confidence: Literal["V", "V2", "2", "M"] = "M"
    """Confiance : "V" quand l'engagement signé a été relu ; en dessous, le rapport affiche « à confirmer »."""
    deadline: date | None = None
    """Date à laquelle l'objectif doit être atteint."""


class QualifSettings(_Section):
    """Statuses, indicators and programmes."""

    active_months: int = Field(default=12, ge=1)
    """File active : identités ayant eu une venue dans les N derniers mois."""
    keep_status_on_strict_change: bool = False
    """Après modification locale d'un trait strict : vrai = validée si un document l'appuie, faux = provisoire."""
    withdraw_on_insi_ko: bool = True
    """Une vérification INSi négative retire la récupération (règle lue dans aucun texte officiel, à confirmer)."""
    finess_ej: str = ""
    """FINESS juridique, affiché comme maille de l'établissement ; vide = « ensemble »."""
    poles: dict[str, list[str]] = {}
    """Pôles du site : nom = liste de ses UF."""
    documents: dict[str, Literal["high", "conditional", "low"]] = {}
    """Classes de pièces d'identité changées par le site, par code ZFD-7 : CE = "high"."""
    programmes: list[Path] = []
    """Fichiers TOML de programmes ajoutés par le site, relatifs au dossier du fichier de réglages."""
    tiers: dict[str, str] = {}
    """Palier de l'établissement, par programme, quand le programme en a : SUN_ES = "second"."""
    objectives: list[ObjectiveSettings] = []
    """Engagements de l'établissement."""


class ReportingSettings(_Section):
    """Reports and lists."""

    establishment: str = "Établissement non nommé"
    """Nom affiché en tête des rapports."""
    worklist_rows: int = Field(default=5000, ge=1)
    """Nombre maximal de paires du classeur."""


class Settings(_Section):
    """All the settings of a site."""

    reading: ReadingSettings = ReadingSettings()
    register_: RegisterSettings = Field(default=RegisterSettings(), alias="register")
    traits: TraitsSettings = TraitsSettings()
    matching: MatchingSettings = MatchingSettings()
    qualif: QualifSettings = QualifSettings()
    reporting: ReportingSettings = ReportingSettings()

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a TOML file; raise ``SettingsError`` naming the path of every wrong key at once."""
        path = Path(path)
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise SettingsError(
                f"Le fichier de réglages {path} ne peut pas être lu.",
                hint="Créez-en un avec « insvigil init ».",
            ) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(f"Le fichier de réglages {path} n'est pas du TOML valide : {error}.") from error
        try:
            settings = cls.model_validate(data)
        except ValidationError as error:
            faults = "; ".join(_sentence(fault["loc"], fault["type"], fault["msg"]) for fault in error.errors())
            raise SettingsError(f"{path} : {faults}.", hint="Voir docs/reference/settings.md.") from error
        weights, programmes = settings.matching.weights, settings.qualif.programmes
        beside = {  # files are named from the folder of the settings
            "matching": {"weights": weights and path.parent / weights},
            "qualif": {"programmes": [path.parent / programme for programme in programmes]},
        }
        sections = {name: getattr(settings, name).model_copy(update=update) for name, update in beside.items()}
        return settings.model_copy(update=sections)

    def digest(self) -> str:
        """Return a hexadecimal digest of every value, and of the weights named, whatever the order of the file."""
        weights = self.matching.weights
        learnt = weights.read_bytes() if weights is not None and weights.is_file() else b""
        return hashlib.blake2b(self.model_dump_json(by_alias=True).encode() + learnt, digest_size=8).hexdigest()


SECTION_TITLES = {
    "reading": "Lecture des fichiers",
    "register": "Registre : ce qui dure d'une nuit à l'autre",
    "traits": "Normalisation et détecteurs",
    "matching": "Recherche des doublons",
    "qualif": "Qualification et indicateurs",
    "reporting": "Rapports et listes",
}


def template() -> str:
    """Return a TOML file with every key at its default value, each under its French comment."""
    lines = ["# Réglages d'insvigil. Une clé absente garde sa valeur par défaut ; une clé inconnue est refusée.", ""]
    for name, field in Settings.model_fields.items():
        section = field.alias or name
        lines += [f"# {SECTION_TITLES[section]}", f"[{section}]"]
        model = field.annotation
        assert isinstance(model, type)
        assert issubclass(model, BaseModel)
        told = _comments(model)
        for key, inner in model.model_fields.items():
            lines += [f"# {line}" for line in told[key].splitlines()]
            if key == "objectives":
                lines += _OBJECTIVE_EXAMPLE
                continue
            value = inner.get_default(call_default_factory=True)
            lines.append(f"# {key} = " if value is None else f"{key} = {_toml(value)}")
        lines.append("")
    return "\n".join(lines)


_OBJECTIVE_EXAMPLE = (
    "# insvigil ne fournit aucun chiffre : sans engagement, le résultat est « non évaluable ». Retirez les dièses :",
    "# [[qualif.objectives]]",
    '# programme = "HOPEN2_PHASE1"',
    '# indicator = "Q_FILE_ACTIVE"',
    "# level = 85.0",
    '# source = "convention signée avec l\'ARS, 2025"',
)


def _comments(model: type[BaseModel]) -> dict[str, str]:
    """Return the text below each field in the source of a model.

    Read here, when it is asked: pydantic's own option reads it whenever the models load, 60 ms of every command.
    """
    (declared,) = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    assert isinstance(declared, ast.ClassDef)
    return {
        field.target.id: inspect.cleandoc(comment.value.value)
        for field, comment in pairwise(declared.body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(comment, ast.Expr) and isinstance(comment.value, ast.Constant)
        if isinstance(comment.value.value, str)
    }


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + "}"
    return json.dumps(str(value), ensure_ascii=False)


def _sentence(location: tuple[int | str, ...], kind: str, message: str) -> str:
    key = ".".join(str(part) for part in location)
    if kind == "extra_forbidden":
        return f"clé inconnue « {key} »"
    return f"valeur refusée pour « {key} » ({message})"
