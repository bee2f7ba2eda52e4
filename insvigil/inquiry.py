"""Questions asked of what is known: why is this pair proposed, or not? What do the decisions teach?"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from insvigil.errors import UsageError
from insvigil.vocabulary import Stage

if TYPE_CHECKING:
    from insvigil.matching import Learnt, Lines
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
        lines = _lines_of_last_run(register)
        sides = [identities(register, of=pl.Series([row], dtype=pl.UInt32)).row(0, named=True) for row in rows]
    return _explained(sides, traits, rows, settings.matching, decided, lines)


def _traits(register: Register, settings: Settings) -> pl.DataFrame:
    """Return the traits of the whole base: those the last night carried, if they stand, else made again."""
    from insvigil import __version__
    from insvigil.register import carried_from, carried_traits, identity_slices, in_rows
    from insvigil.traits import normalise

    if carried_from(register, settings.digest(), __version__) is not None:
        return in_rows(register, carried_traits(register), [])
    return pl.concat([normalise(piece, settings.traits) for piece in identity_slices(register)])


def learn_from_register(settings: Settings, *, folder: Path = Path()) -> Learnt:
    """Return what the decisions of the register teach to the weights that the settings name."""
    from insvigil.matching import learn
    from insvigil.register import judged_pairs, open_register
    from insvigil.traits import normalise

    with open_register(settings.register_, folder=folder, read_only=True) as register:
        people, pairs = judged_pairs(register)
    return learn(normalise(people, settings.traits), pairs, settings.matching)


def _lines_of_last_run(register: Register) -> Lines | None:
    """Return the lines that the last run that matched drew, None when none did."""
    from insvigil.matching import Lines
    from insvigil.register import runs

    for counts in reversed(runs(register)["counts"].to_list()):
        bands = json.loads(counts or "{}").get(Stage.MATCHING.value, {}).get("bands")
        if bands:
            return Lines.read(bands)
    return None


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
    """Return why two ids of a flat file are, or are not, proposed as a doublon (see ``_explained``).

    The file is matched whole: the lines that the pair is held against follow from all its pairs.
    """
    from insvigil.matching import match
    from insvigil.reading import ColumnMap, read_extract
    from insvigil.traits import normalise

    extract = read_extract(file, ColumnMap.load(columns))
    ids = extract.ids.cast(pl.String)
    rows = [ids.index_of(wanted) for wanted in (left, right)]
    if None in rows:
        raise UsageError("Un des deux identifiants n'est pas dans le fichier.", hint="Vérifiez les identifiants.")
    sides = [extract.identities.row(row, named=True) for row in rows]
    traits = normalise(extract.identities)
    lines = match(traits, settings.matching).lines
    return _explained(sides, traits, rows, settings.matching, None, lines)


def _explained(
    received: list[dict[str, Any]],
    traits: Any,
    rows: Sequence[Any],
    settings: MatchingSettings,
    decided: pl.DataFrame | None,
    lines: Lines | None,
) -> dict[str, Any]:
    """Return ``steps`` (trait, value of each side, what was found, bits), their sum ``weight``, ``probability``,
    ``finding``, the ``band`` of the probability and the ``lines`` it is held against, and the ``rule`` that decided,
    if any, with its ``sentence``.
    """
    from insvigil.matching import explain

    if rows[0] == rows[1]:
        raise UsageError("Les deux identifiants désignent la même identité.")
    told = explain(traits, rows[0], rows[1], settings, decided=decided, lines=lines)
    band = told.lines.band(told.probability)
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
        "band": band.label if band else None,
        "rule": told.rule.code if told.rule else None,
        "sentence": told.rule.sentence if told.rule else None,
        "lines": told.lines.described(),
    }


def _shown(identity: dict[str, Any], trait: str) -> str:
    """Return what the hospital typed for a trait; a given name is the whole list, a date is written the French way."""
    for name in {"given_name": ("given_names", "first_given_name")}.get(trait, (trait,)):
        if identity.get(name):
            return _french_date(str(identity[name])) if name == "birth_date" else str(identity[name])
    return ""


def _french_date(text: str) -> str:
    """Return ``jj/mm/aaaa`` for a date of eight digits or in ISO form, other texts as they are."""
    found = re.fullmatch(r"((?:18|19|20)\d\d)-?(0\d|1[0-2])-?([0-2]\d|3[01])", text)
    return "/".join(reversed(found.groups())) if found else text
