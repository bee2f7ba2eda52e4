"""insvigil: a batch engine for hospital identity vigilance in France.

The public surface, loaded on first use::

    import insvigil as iv

    settings = iv.Settings.load("insvigil.toml")
    with iv.open_register(settings.register_) as register:
        night = iv.run([Path("flux/2026-11-20")], settings, register, out=Path("sortie"))
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from insvigil.surface import surface

__version__ = "0.1.0"

if TYPE_CHECKING:
    from insvigil.errors import ContractError, InsvigilError, RegisterError, SettingsError, SourceError, UsageError
    from insvigil.extract import match_file
    from insvigil.inquiry import explain_pair
    from insvigil.matching import match
    from insvigil.night import Night
    from insvigil.pipeline import run
    from insvigil.register import Register, open_register
    from insvigil.settings import Settings
    from insvigil.traits import normalise

_HOMES = {
    "ContractError": "errors",
    "InsvigilError": "errors",
    "Night": "night",
    "Register": "register",
    "RegisterError": "errors",
    "Settings": "settings",
    "SettingsError": "errors",
    "SourceError": "errors",
    "UsageError": "errors",
    "explain_pair": "inquiry",
    "match": "matching",
    "match_file": "extract",
    "normalise": "traits",
    "open_register": "register",
    "run": "pipeline",
}

__all__ = [
    "ContractError",
    "InsvigilError",
    "Night",
    "Register",
    "RegisterError",
    "Settings",
    "SettingsError",
    "SourceError",
    "UsageError",
    "explain_pair",
    "match",
    "match_file",
    "normalise",
    "open_register",
    "run",
]


__getattr__ = surface(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
