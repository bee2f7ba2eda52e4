"""The deterministic rules beside the score: what makes a pair certain, or excludes it. Each is named in the results."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from insvigil.matching.bands import KEPT
from insvigil.matching.dates import PLAIN_DATE
from insvigil.matching.given_names import PLAIN, UNSURE
from insvigil.matching.levels import TRAITS
from insvigil.matching.slices import by_slices
from insvigil.matching.weights import Bits, Levels
from insvigil.vocabulary import Confidence, Decision, MatriculeKind, Rule, Scope, Severity

_FAMILY, _GIVEN, _DATE, _SEX, _MATRICULE = (
    TRAITS.index(trait) for trait in ("birth_name", "given_name", "birth_date", "sex", "matricule")
)

SAME_MATRICULE = "IDV-MAT-001"
JUDGED_DOUBLON = "IDV-MAT-002"
JUDGED_OTHERS = "IDV-MAT-101"
TWO_RANKS = "IDV-MAT-102"
TWIN_PATTERN = "IDV-MAT-103"
TWO_MATRICULES = "IDV-MAT-104"
DEAD_BEFORE_BIRTH = "IDV-MAT-105"
OTHER_CHILD = "IDV-MAT-106"
OTHER_GENERATION = "IDV-MAT-107"

CAUTION = 0.95
"""Probability asked of two identities born the same day under different given names (see OTHER_CHILD)."""

RULES: tuple[Rule, ...] = (
    Rule(
        SAME_MATRICULE,
        Severity.ANOMALY,
        Scope.PAIR,
        "Deux identités portent le même matricule INS valide, et leurs traits concordent.",
        "Un matricule n'appartient qu'à une personne.",
        "Fusionner après contrôle des dossiers.",
        "RNIV, matricule INS ; annexe INS du guide d'implémentation",
        Confidence.SECOND_HAND,
    ),
    Rule(
        JUDGED_DOUBLON,
        Severity.INFORMATION,
        Scope.PAIR,
        "La cellule d'identitovigilance a jugé cette paire doublon avéré.",
        "La décision d'une personne prime sur le score.",
        "Attendre la fusion (A40), ou la demander.",
        "décision enregistrée",
        Confidence.CONVENTION,
    ),
    Rule(
        JUDGED_OTHERS,
        Severity.INFORMATION,
        Scope.PAIR,
        "La cellule d'identitovigilance a jugé que ces identités sont deux personnes.",
        "Une paire jugée ne revient pas tant que ses traits ne changent pas.",
        "Aucune action.",
        "décision enregistrée",
        Confidence.CONVENTION,
    ),
    Rule(
        TWO_RANKS,
        Severity.INFORMATION,
        Scope.PAIR,
        "Même date de naissance, rangs de naissance multiple différents : des jumeaux.",
        "Le rang de gémellité (PID-25) distingue deux personnes nées ensemble.",
        "Aucune action ; poser l'attribut homonyme si les prénoms se ressemblent.",
        "PAM FR PID-24, PID-25",
        Confidence.CONVENTION,
    ),
    Rule(
        TWIN_PATTERN,
        Severity.INFORMATION,
        Scope.PAIR,
        "Même nom, même date de naissance, prénoms différents, naissance multiple notée : des jumeaux.",
        "Une naissance multiple explique la ressemblance.",
        "Aucune action.",
        "PAM FR PID-24",
        Confidence.CONVENTION,
    ),
    Rule(
        TWO_MATRICULES,
        Severity.INFORMATION,
        Scope.PAIR,
        "Deux identités qualifiées portent deux matricules différents de même nature.",
        "Une identité qualifiée a été confirmée par INSi : deux matricules sont deux personnes.",
        "Vérifier l'historique des matricules en cas de doute.",
        "RNIV, identité qualifiée",
        Confidence.CONVENTION,
    ),
    Rule(
        DEAD_BEFORE_BIRTH,
        Severity.INFORMATION,
        Scope.PAIR,
        "L'une des personnes est décédée avant la naissance de l'autre.",
        "Ce ne peut être la même personne.",
        "Aucune action.",
        "PAM FR PID-29",
        Confidence.CONVENTION,
    ),
    Rule(
        OTHER_CHILD,
        Severity.INFORMATION,
        Scope.PAIR,
        "Nées le même jour sous des prénoms différents : des jumeaux possibles, proposés à partir de 95 % seulement.",
        "Fusionner des jumeaux met deux personnes en danger ; un doublon manqué reviendra.",
        "Comparer les documents d'identité avant toute fusion.",
        "convention d'insvigil",
        Confidence.CONVENTION,
    ),
    Rule(
        OTHER_GENERATION,
        Severity.INFORMATION,
        Scope.PAIR,
        "Quinze ans ou plus entre deux dates de naissance complètes et sans autre point commun : deux générations.",
        "Un parent et son enfant portent souvent le même nom, parfois le même prénom, et la même adresse.",
        "Aucune action.",
        "convention d'insvigil",
        Confidence.CONVENTION,
    ),
)
"""What ``insvigil rules`` lists for matching."""

CERTAIN = frozenset({SAME_MATRICULE, JUDGED_DOUBLON})
NEVER = frozenset(
    {JUDGED_OTHERS, TWO_RANKS, TWIN_PATTERN, TWO_MATRICULES, DEAD_BEFORE_BIRTH, OTHER_CHILD, OTHER_GENERATION}
)
CODES: tuple[str, ...] = tuple(rule.code for rule in RULES)


class Verdicts(NamedTuple):
    """The rule of each pair: its index in ``RULES``, or -1."""

    rule: npt.NDArray[np.int8]

    @property
    def certain(self) -> npt.NDArray[np.bool_]:
        """Pairs that a rule makes doublons."""
        return np.isin(self.rule, [CODES.index(code) for code in CERTAIN])

    @property
    def never(self) -> npt.NDArray[np.bool_]:
        """Pairs that a rule excludes."""
        return np.isin(self.rule, [CODES.index(code) for code in NEVER])

    def codes(self) -> pl.Series:
        """Return the code of the rule of each pair, null where there is none."""
        index = pl.Series(self.rule.astype(np.int64))
        return pl.Series(CODES).gather(index.set(index < 0, None).cast(pl.UInt32))


def judge(
    traits: pl.DataFrame,
    left: npt.NDArray[np.uint32],
    right: npt.NDArray[np.uint32],
    levels: Levels,
    chance: Bits,
    decided: pl.DataFrame | None,
    *,
    hospital: bool = True,
) -> Verdicts:
    """Return which rule decides each pair; what a person judged comes first, then what excludes, then what is certain.

    ``chance`` is the probability of each pair; ``decided`` has the columns left, right (in any order) and decision.
    What is known of French families is asked of a ``hospital``'s file only.
    """

    def work(part: slice) -> npt.NDArray[np.int8]:
        return _ruled(traits, left[part], right[part], levels[part], chance[part], hospital=hospital)

    rule = np.concatenate(by_slices(work, len(left)))
    if decided is not None and decided.height:
        rule = _by_people(rule, left, right, decided)
    return Verdicts(rule)


def _ruled(
    traits: pl.DataFrame,
    left: npt.NDArray[np.uint32],
    right: npt.NDArray[np.uint32],
    levels: Levels,
    chance: Bits,
    *,
    hospital: bool,
) -> npt.NDArray[np.int8]:
    """Return the rule of each pair that no person judged."""
    from insvigil.matching.kernels import agreements as k

    def both(name: str) -> tuple[pl.Series, pl.Series]:
        return traits[name].gather(left), traits[name].gather(right)

    def array(test: pl.Series) -> npt.NDArray[np.bool_]:
        return test.fill_null(False).to_numpy()

    rule = np.full(len(left), -1, np.int8)
    born_together = np.isin(levels[:, _DATE], (k.D_SAME, k.D_SAME_PLACEHOLDER))
    if hospital:
        other_child = np.isin(levels[:, _GIVEN], (k.G_DIFFERENT, k.G_FAINT, *UNSURE))
        other_child |= (levels[:, _SEX] == k.S_DIFFERENT) & (PLAIN[levels[:, _GIVEN]] < k.G_SAME_OTHERS_DIFFER)
        rule[born_together & other_child & (chance >= KEPT) & (chance < CAUTION)] = CODES.index(OTHER_CHILD)
        apart = (levels[:, _DATE] == k.D_GENERATION) & ~np.isin(levels[:, _MATRICULE], (k.M_CLOSE, k.M_SAME))
        rule[apart] = CODES.index(OTHER_GENERATION)
    valid, other_valid = both("matricule_valid")
    coherent = (PLAIN_DATE[levels[:, _DATE]] >= k.D_PLACEHOLDER) & (PLAIN[levels[:, _GIVEN]] >= k.G_ELSEWHERE)
    same = (levels[:, _MATRICULE] == k.M_SAME) & array(valid & other_valid)
    rule[same & coherent] = CODES.index(SAME_MATRICULE)

    death, other_death = both("death_date")
    year, other_year = both("birth_year")
    dead = array(death.dt.year() < other_year) | array(other_death.dt.year() < year)
    rule[dead] = CODES.index(DEAD_BEFORE_BIRTH)
    qualified, other_qualified = both("qualified")
    kind, other_kind = both("matricule_kind")
    two = array(qualified & other_qualified & (kind == other_kind) & (kind == MatriculeKind.NIR.value))
    rule[two & np.isin(levels[:, _MATRICULE], (k.M_DIFFERENT, k.M_SAME_BIRTH, k.M_CLOSE))] = CODES.index(TWO_MATRICULES)
    multiple, other_multiple = both("multiple_birth")
    other_child = np.isin(levels[:, _GIVEN], (k.G_DIFFERENT, k.G_FAINT))
    twins = array(multiple & other_multiple) & born_together & other_child & (levels[:, _FAMILY] >= k.F_PART)
    rule[twins] = CODES.index(TWIN_PATTERN)
    rank, other_rank = both("birth_rank")
    rule[array(rank != other_rank) & born_together] = CODES.index(TWO_RANKS)
    return rule


def _by_people(
    rule: npt.NDArray[np.int8], left: npt.NDArray[np.uint32], right: npt.NDArray[np.uint32], decided: pl.DataFrame
) -> npt.NDArray[np.int8]:
    pairs = pl.DataFrame({"left": left, "right": right})
    ordered = decided.select(
        left=pl.min_horizontal("left", "right").cast(pl.UInt32),
        right=pl.max_horizontal("left", "right").cast(pl.UInt32),
        decision=pl.col("decision").cast(pl.String),
    ).unique(["left", "right"], keep="last", maintain_order=True)
    decision = pairs.join(ordered, on=["left", "right"], how="left", maintain_order="left")["decision"]
    for code, value in ((JUDGED_DOUBLON, Decision.DOUBLON), (JUDGED_OTHERS, Decision.NON_DOUBLON)):
        rule[(decision == value.value).fill_null(False).to_numpy()] = CODES.index(code)
    return rule
