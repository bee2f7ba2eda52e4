"""One question about one pair: why are, or are not, these two identities proposed as a doublon?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from insvigil.errors import UsageError

if TYPE_CHECKING:
    from insvigil.register import Register
    from insvigil.settings import MatchingSettings, Settings


def explain_pair(
    left: str, right: str, settings: Settings, *, folder: Path = Path(), domain: str | None = None
) -> dict[str, Any]:
    """Return why two IPPs of the register are, or are not, proposed as a doublon (see ``_explained``)."""
    from insvigil.register import decisions, identities, open_register, roster

    with open_register(settings.register_, folder=folder, read_only=True) as register:
        known = roster(register)
        rows = [_row(register, known, ipp, domain) for ipp in (left, right)]
        decided = decisions(register).filter(pl.col("stands")).select("left", "right", "decision")
        traits = _traits(register, settings)
        sides = [identities(register, of=pl.Series([row], dtype=pl.UInt32)).row(0, named=True) for row in rows]
    return _explained(sides, traits, rows, settings.matching, decided)


def _traits(register: Register, settings: Settings) -> pl.DataFrame:
    """Return the traits of the whole base: those the last night carried, if they stand, else made again."""
    from insvigil import __version__
    from insvigil.register import carried_from, carried_traits, identity_slices, in_rows
    from insvigil.traits import normalise

    if carried_from(register, settings.digest(), __version__) is not None:
        return in_rows(register, carried_traits(register), [])
    return pl.concat([normalise(piece, settings.traits) for piece in identity_slices(register)])


def _row(register: Register, known: pl.DataFrame, ipp: str, domain: str | None) -> int:
    """Return the row of the identity an IPP leads to, through merges."""
    from insvigil.register import resolve

    domains = [domain] if domain else known["domain"].unique().to_list()
    ends = {end for name in domains if (end := resolve(register, name, ipp)) is not None}
    if not ends:
        raise UsageError("Un des deux IPP n'est pas au registre.", hint="Vérifiez l'IPP, le domaine et --config.")
    if len(ends) > 1:
        raise UsageError("Un des IPP existe dans plusieurs domaines.", hint="Précisez --domain.")
    owner, number = ends.pop()
    return int(known.filter(pl.col("domain") == owner, pl.col("ipp") == number)["identity_id"].item())


def explain_pair_of_file(file: Path, columns: Path, left: str, right: str, settings: Settings) -> dict[str, Any]:
    """Return why two ids of a flat file are, or are not, proposed as a doublon (see ``_explained``)."""
    from insvigil.reading import ColumnMap, read_extract
    from insvigil.traits import normalise

    extract = read_extract(file, ColumnMap.load(columns))
    ids = extract.ids.cast(pl.String)
    rows = [ids.index_of(wanted) for wanted in (left, right)]
    if None in rows:
        raise UsageError("Un des deux identifiants n'est pas dans le fichier.", hint="Vérifiez les identifiants.")
    sides = [extract.identities.row(row, named=True) for row in rows]
    return _explained(sides, normalise(extract.identities), rows, settings.matching, None)


def _explained(
    received: list[dict[str, Any]],
    traits: Any,
    rows: Sequence[Any],
    settings: MatchingSettings,
    decided: pl.DataFrame | None,
) -> dict[str, Any]:
    """Return ``steps`` (trait, value of each side, what was found, bits), their sum ``weight``, ``probability``,
    ``finding`` and the ``rule`` that decided, if any.
    """
    from insvigil.matching import explain

    if rows[0] == rows[1]:
        raise UsageError("Les deux identifiants désignent la même identité.")
    told = explain(traits, rows[0], rows[1], settings, decided=decided)
    sides = [{**traits.row(row, named=True), **as_received} for row, as_received in zip(rows, received, strict=True)]
    return {
        "steps": [
            (
                step.label,
                *(_shown(side, step.trait) for side in sides),
                step.sentence,
                f"{step.bits:+.1f}".replace(".", ","),
            )
            for step in told.steps
        ],
        "weight": told.weight,
        "probability": told.probability,
        "finding": told.finding.label,
        "rule": told.rule.code if told.rule else None,
    }


def _shown(identity: dict[str, Any], trait: str) -> str:
    """Return what the hospital typed for a trait; a given name is the whole list."""
    for name in {"given_name": ("given_names", "first_given_name")}.get(trait, (trait,)):
        if identity.get(name):
            return str(identity[name])
    return ""
