"""Detectors of agrégats: sets of identities believed to be one person that contradict themselves."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from insvigil.traits.detectors.detector import Detector, Material, OnFile, rule
from insvigil.vocabulary import Scope, Severity, Sex

_CHECK = "Revoir l'agrégat paire par paire avant toute fusion."

LARGE = 6
"""Members from which an agrégat is rather a chain of look-alikes than one person."""


def _members(material: Material, *traits: str) -> pl.DataFrame:
    return material.members.hstack(material.traits_of(material.members["row"], *traits))


def _first_of(groups: pl.DataFrame) -> pl.DataFrame:
    """Return one finding a group: its smallest member, the group's name as subject."""
    return groups.select(identity_id="group", subject=pl.col("group").cast(pl.String)).sort("identity_id")


def large_group(material: Material) -> pl.DataFrame:
    """Return the groups of six identities or more."""
    return _first_of(_members(material).group_by("group").len().filter(pl.col("len") >= LARGE))


def several_matricules(material: Material) -> pl.DataFrame:
    """Return the groups with two different valid matricules."""
    valid = _members(material, "matricule", "matricule_valid").filter(pl.col("matricule_valid"))
    return _first_of(valid.group_by("group").agg(pl.col("matricule").n_unique()).filter(pl.col("matricule") > 1))


def both_sexes(material: Material) -> pl.DataFrame:
    """Return the groups with a man and a woman."""
    known = _members(material, "sex").filter(pl.col("sex").is_in([Sex.MALE.value, Sex.FEMALE.value]))
    return _first_of(known.group_by("group").agg(pl.col("sex").n_unique()).filter(pl.col("sex") > 1))


def several_birth_years(material: Material) -> pl.DataFrame:
    """Return the groups whose birth years are more than one year apart."""
    years = pl.col("birth_year").cast(pl.Int32)
    return _first_of(
        _members(material, "birth_year").group_by("group").agg(gap=years.max() - years.min()).filter(pl.col("gap") > 1)
    )


def several_qualified(material: Material) -> pl.DataFrame:
    """Return the groups with two qualified identities or more."""
    return _first_of(
        _members(material, "qualified").group_by("group").agg(pl.col("qualified").sum()).filter(pl.col("qualified") > 1)
    )


def _of_groups(
    number: int, severity: Severity, sentence: str, reason: str, find: Callable[[Material], pl.DataFrame]
) -> Detector:
    code = f"IDV-AGR-{number:03}"
    return OnFile(rule(code, severity, sentence, reason, _CHECK, scope=Scope.GROUP), find, "groups")


DETECTORS: tuple[Detector, ...] = (
    _of_groups(
        1, Severity.WARNING, "Agrégat de six identités ou plus.",
        "Une personne a rarement six dossiers : des homonymes se sont enchaînés, ou un poste crée sans rechercher.",
        large_group,
    ),
    _of_groups(
        2, Severity.ANOMALY, "Agrégat portant deux matricules valides différents.",
        "Deux INS désignent en principe deux personnes : l'agrégat en mélange peut-être plusieurs.", several_matricules,
    ),
    _of_groups(
        3, Severity.WARNING, "Agrégat réunissant des sexes différents.",
        "Une faute de saisie, ou des jumeaux pris pour une personne.", both_sexes,
    ),
    _of_groups(
        4, Severity.WARNING, "Agrégat dont les années de naissance diffèrent de plus d'un an.",
        "Une faute de saisie, ou un parent et son enfant pris pour une personne.", several_birth_years,
    ),
    _of_groups(
        5, Severity.INFORMATION, "Agrégat comptant plusieurs identités qualifiées.",
        "La fusion touche des données de santé déjà échangées avec l'INS.", several_qualified,
    ),
)  # fmt: skip
