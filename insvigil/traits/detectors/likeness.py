"""Detectors that set identities side by side: exact coincidences of traits, and what scored pairs contradict."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import polars as pl

from insvigil.traits.detectors.detector import Detector, Material, OnFile, rule
from insvigil.traits.detectors.meetings import MISSING, meeting
from insvigil.vocabulary import Scope, Severity, Sex

_BIRTH = ["birth_year", "birth_month", "birth_day"]
_DUPLICATE = "Rapprocher les deux dossiers ; demander la fusion si c'est la même personne."
_CHECK = "Comparer les deux dossiers avec une pièce d'identité."


def _pair(pairs: pl.DataFrame) -> pl.DataFrame:
    return pairs.select("identity_id", other_id="identity_id_first").sort("identity_id", "other_id")


def same_strict_traits(material: Material) -> pl.DataFrame:
    """Return the identities with the birth name, first given name, birth date, sex and place of an earlier one."""
    return _pair(
        material.alike.filter(
            (pl.col("sex") == pl.col("sex_first")) & (pl.col("birth_place") == pl.col("birth_place_first"))
        )
    )


def same_but_sex(material: Material) -> pl.DataFrame:
    """Return the identities with the names and birth date of an earlier one, and the other sex."""
    pairs = material.alike
    known = [Sex.MALE.value, Sex.FEMALE.value]
    return _pair(
        pairs.filter(
            (pl.col("sex") != pl.col("sex_first")) & pl.col("sex").is_in(known) & pl.col("sex_first").is_in(known)
        )
    )


def same_but_place(material: Material) -> pl.DataFrame:
    """Return the identities with the names, birth date and sex of an earlier one, and another birth place."""
    pairs = material.alike.filter(pl.col("sex") == pl.col("sex_first"))
    return _pair(pairs.filter(pl.col("birth_place") != pl.col("birth_place_first")))


def _crossed(traits: pl.DataFrame, left: list[str], right: list[str]) -> pl.DataFrame:
    """Return the pairs where ``left`` of one equals ``right`` of another, one row an ordered pair."""
    names = [name for name in traits.columns if name != "identity_id"]
    return (
        traits.drop_nulls(left)
        .join(traits.drop_nulls(right), left_on=left, right_on=right, suffix="_first", coalesce=False)
        .filter(pl.col("identity_id") != pl.col("identity_id_first"))
        .select("identity_id", "identity_id_first", *names, *(pl.col(f"{name}_first") for name in names))
    )


def _equal(names: pl.Series, others: pl.Series) -> npt.NDArray[np.bool_]:
    """Return whether two columns of names hold the same one; where both lack it, they do."""
    codes = (column.to_physical().cast(pl.UInt32).fill_null(MISSING).to_numpy() for column in (names, others))
    same: npt.NDArray[np.bool_] = next(codes) == next(codes)
    return same


def names_swapped(material: Material) -> pl.DataFrame:
    """Return the identities whose birth name and given name are those of another one, swapped, born that day."""
    swapped = material.mixed("first_given_name", "birth_name", beside=material.births)
    one_name = _equal(material.traits["birth_name"], material.traits["first_given_name"])
    swapped[one_name] = 0
    near = meeting(swapped, material.named) & pl.Series(~one_name)
    traits = material.traits.select("identity_id", "birth_name", "first_given_name", *_BIRTH).filter(near)
    pairs = _crossed(traits, ["birth_name", "first_given_name", *_BIRTH], ["first_given_name", "birth_name", *_BIRTH])
    return _pair(pairs.filter(pl.col("identity_id") > pl.col("identity_id_first")))


def used_name_is_birth_name(material: Material) -> pl.DataFrame:
    """Return the identities whose used name, given name and birth date are the birth name… of another one."""
    traits = material.traits.select("identity_id", "used_name", "birth_name", "first_given_name", *_BIRTH, "sex")
    used = material.mixed("used_name", "first_given_name", beside=material.births)
    used[_equal(traits["used_name"], traits["birth_name"])] = 0
    traits = traits.filter(meeting(used, material.named))
    pairs = _crossed(traits, ["used_name", "first_given_name", *_BIRTH], ["birth_name", "first_given_name", *_BIRTH])
    return _pair(pairs.filter((pl.col("used_name") != pl.col("birth_name")) & (pl.col("sex") == pl.col("sex_first"))))


def used_name_at_address(material: Material) -> pl.DataFrame:
    """Return the identities whose used name is the birth name of another one, with their given name and address."""
    home = ["first_given_name", "address", "postal_code"]
    traits = material.traits.select("identity_id", "used_name", "birth_name", *home, "birth_year")
    traits = traits.filter(meeting(material.mixed("used_name", *home), material.mixed("birth_name", *home)))
    pairs = _crossed(traits, ["used_name", *home], ["birth_name", *home])
    near = (pl.col("birth_year").cast(pl.Int32) - pl.col("birth_year_first")).abs() <= 1
    return _pair(pairs.filter((pl.col("used_name") != pl.col("birth_name")) & near.fill_null(True)))


def day_month_swapped(material: Material) -> pl.DataFrame:
    """Return the identities with the names of another one, the same birth year, day and month swapped."""
    names = ["birth_name", "first_given_name", "sex", "birth_year"]
    month, day = pl.col("birth_month"), pl.col("birth_day")
    american = material.dates("birth_year", "birth_day", "birth_month")
    traits = material.traits.select("identity_id", *names, *_BIRTH[1:])
    possible = traits.select(((day <= 12) & (day != month)).fill_null(False)).to_series()
    swapped = material.mixed("birth_name", "first_given_name", beside=american)
    swapped[~possible.to_numpy()] = 0
    traits = traits.filter(possible & meeting(swapped, material.named))
    pairs = _crossed(traits, [*names, "birth_month", "birth_day"], [*names, "birth_day", "birth_month"])
    return _pair(pairs.filter(pl.col("identity_id") > pl.col("identity_id_first")))


def same_matricule_other_names(material: Material) -> pl.DataFrame:
    """Return the identities with the valid matricule of an earlier one, and neither its birth nor its given name."""
    shared = material.sharers.select("identity_id", "matricule", "birth_name", "used_name", "first_given_name")
    pairs = shared.join(shared.unique("matricule", keep="first", maintain_order=True), on="matricule", suffix="_first")
    name = pl.col("birth_name").ne(pl.col("birth_name_first"))
    used = pl.col("used_name").eq_missing(pl.col("birth_name_first")) | pl.col("used_name_first").eq_missing(
        pl.col("birth_name")
    )
    return _pair(
        pairs.filter(
            (pl.col("identity_id") != pl.col("identity_id_first"))
            & name
            & ~used
            & (pl.col("first_given_name") != pl.col("first_given_name_first"))
        )
    )


def _both_sides(material: Material, *columns: str) -> pl.DataFrame:
    """Return the pairs proposed as doublons, with the named traits of both sides."""
    pairs = material.proposed
    other = material.traits_of(pairs["other_row"], *columns).rename({name: f"{name}_right" for name in columns})
    return pairs.hstack(material.traits_of(pairs["row"], *columns)).hstack(other)


def proposed_with_two_matricules(material: Material) -> pl.DataFrame:
    """Return the pairs proposed as doublons whose valid matricules differ."""
    pairs = _both_sides(material, "matricule", "matricule_valid")
    valid = pl.col("matricule_valid") & pl.col("matricule_valid_right")
    return pairs.filter(valid & (pl.col("matricule") != pl.col("matricule_right"))).select("identity_id", "other_id")


def proposed_both_qualified(material: Material) -> pl.DataFrame:
    """Return the pairs proposed as doublons that are both qualified."""
    pairs = _both_sides(material, "qualified")
    return pairs.filter(pl.col("qualified") & pl.col("qualified_right")).select("identity_id", "other_id")


def proposed_twins(material: Material) -> pl.DataFrame:
    """Return the pairs proposed as doublons whose birth ranks differ, or of a multiple birth with other given names."""
    pairs = _both_sides(material, "birth_rank", "multiple_birth", "first_given_name")
    ranks = pl.col("birth_rank") != pl.col("birth_rank_right")
    multiple = pl.col("multiple_birth") & pl.col("multiple_birth_right")
    return pairs.filter(
        ranks.fill_null(False) | (multiple & (pl.col("first_given_name") != pl.col("first_given_name_right")))
    ).select("identity_id", "other_id")


def proposed_with_a_death(material: Material) -> pl.DataFrame:
    """Return the pairs proposed as doublons of which one died, and the other was changed a month later or more."""
    if "updated_at" not in material.identities.columns:
        return pl.DataFrame(schema={"identity_id": pl.UInt32, "other_id": pl.UInt32})
    pairs = _both_sides(material, "death_date")
    updated = material.identities["updated_at"]
    late = pairs.with_columns(
        updated.gather(pairs[row]).cast(pl.Date).alias(name)
        for row, name in (("row", "updated"), ("other_row", "updated_right"))
    )
    month = pl.duration(days=31)
    left_dead = pl.col("death_date_right").is_null() & (pl.col("updated_right") > pl.col("death_date") + month)
    right_dead = pl.col("death_date").is_null() & (pl.col("updated") > pl.col("death_date_right") + month)
    return late.filter(left_dead | right_dead).select("identity_id", "other_id").sort("identity_id", "other_id")


def _of_pairs(
    number: int,
    severity: Severity,
    sentence: str,
    reason: str,
    advice: str,
    find: Callable[[Material], pl.DataFrame],
    needs: str = "base",
) -> Detector:
    code = f"IDV-PAI-{number:03}"
    return OnFile(rule(code, severity, sentence, reason, advice, scope=Scope.PAIR), find, needs)


DETECTORS: tuple[Detector, ...] = (
    _of_pairs(
        1, Severity.ANOMALY, "Deux identités ont les cinq mêmes traits stricts.",
        "Même nom, prénom, date, sexe et lieu de naissance : doublon presque certain.", _DUPLICATE, same_strict_traits,
    ),
    _of_pairs(
        2, Severity.ANOMALY, "Deux identités de mêmes nom, prénom et date de naissance ont des sexes opposés.",
        "L'un des deux sexes est une faute de saisie, ou ce sont des jumeaux de même prénom.", _CHECK, same_but_sex,
    ),
    _of_pairs(
        3, Severity.WARNING, "Deux identités de mêmes nom, prénom, date et sexe ont des lieux de naissance différents.",
        "Doublon avec un lieu mal saisi, ou homonymes nés le même jour.", _CHECK, same_but_place,
    ),
    _of_pairs(
        4, Severity.ANOMALY, "Deux identités de même date de naissance ont le nom et le prénom inversés.",
        "Le nom a été saisi dans le champ du prénom : doublon presque certain.", _DUPLICATE, names_swapped,
    ),
    _of_pairs(
        5, Severity.ANOMALY, "Le nom utilisé est le nom de naissance d'une autre identité de mêmes prénom et date.",
        "Une personne mariée a été créée deux fois, l'une sous son nom utilisé.", _DUPLICATE, used_name_is_birth_name,
    ),
    _of_pairs(
        6, Severity.WARNING,
        "Le nom utilisé est le nom de naissance d'une autre identité de même prénom, à la même adresse.",
        "Une personne mariée a été créée deux fois, ou deux parents portent le même prénom.", _CHECK,
        used_name_at_address,
    ),
    _of_pairs(
        7, Severity.ANOMALY, "Deux identités de mêmes noms et de même année ont le jour et le mois inversés.",
        "La date a été saisie dans l'ordre américain : doublon probable.", _DUPLICATE, day_month_swapped,
    ),
    _of_pairs(
        8, Severity.BLOCKING, "Deux identités de noms et de prénoms différents ont le même matricule.",
        "Le dossier d'une personne porte l'INS d'une autre : risque de collision.",
        "Vérifier les deux identités par le téléservice INSi.", same_matricule_other_names,
    ),
    _of_pairs(
        9, Severity.WARNING, "Doublon potentiel dont les deux matricules valides diffèrent.",
        "Deux INS différents désignent en principe deux personnes (ou un changement de NIR).",
        "Ne pas fusionner sans interroger le téléservice INSi.", proposed_with_two_matricules, "pairs",
    ),
    _of_pairs(
        10, Severity.WARNING, "Doublon potentiel entre deux identités qualifiées.",
        "Deux identités contrôlées : la fusion touche des données déjà échangées.",
        "Vérifier les deux INS avant toute fusion.", proposed_both_qualified, "pairs",
    ),
    _of_pairs(
        11, Severity.WARNING, "Doublon potentiel entre deux jumeaux déclarés.",
        "Le rang de naissance ou l'indicateur de naissance multiple dit qu'il s'agit de deux enfants.",
        "Ne pas fusionner ; poser l'attribut « homonyme » si besoin.", proposed_twins, "pairs",
    ),
    _of_pairs(
        12, Severity.WARNING, "Doublon potentiel : l'une des identités est décédée, l'autre a été modifiée depuis.",
        "Le décès a été porté sur le mauvais dossier, ou ce sont deux personnes.", _CHECK,
        proposed_with_a_death, "pairs",
    ),
)  # fmt: skip
