"""Why two identities are, or are not, proposed as a doublon: the waterfall of the weight, in bits and in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import dataframely as dy
import numpy as np
import polars as pl

from insvigil.frames import Traits
from insvigil.matching.comparing import compare_pairs
from insvigil.matching.contacts import settle_contacts
from insvigil.matching.encoding import Encoding, encode
from insvigil.matching.findings import FINDINGS, find
from insvigil.matching.levels import LEVELS, RARITIES, TRAIT_LABELS, TRAITS
from insvigil.matching.rules import RULES, judge
from insvigil.matching.stage import weights_for
from insvigil.matching.weights import Levels, Weights, probability
from insvigil.settings import MatchingSettings
from insvigil.vocabulary import Finding, Rule

RARE, COMMON = 13.0, 8.0
"""Bits of rarity: borne by fewer than 1 in 8,000 identities; by more than 1 in 256."""


@dataclass(frozen=True)
class Step:
    """One step of the waterfall: a trait (or ``prior``, ``kinship``), what was found, and its bits."""

    trait: str
    label: str
    sentence: str
    bits: float


@dataclass(frozen=True)
class Explanation:
    """The steps add up to ``weight`` exactly; ``rule`` names what decides whatever the score, if any."""

    steps: tuple[Step, ...]
    weight: float
    probability: float
    finding: Finding
    rule: Rule | None


def explain(
    traits: dy.DataFrame[Traits],
    left: int,
    right: int,
    settings: MatchingSettings,
    *,
    decided: pl.DataFrame | None = None,
) -> Explanation:
    """Return why ``match`` gives the pair of identities ``left`` and ``right`` (row numbers) the weight it has."""
    return explain_pairs(traits, [(left, right)], settings, decided=decided)[0]


def explain_pairs(
    traits: dy.DataFrame[Traits],
    pairs: Sequence[tuple[int, int]],
    settings: MatchingSettings,
    *,
    decided: pl.DataFrame | None = None,
    encoding: Encoding | None = None,
) -> list[Explanation]:
    """Return why ``match`` gives each pair of identities (row numbers) the weight it has.

    The whole file is coded, unless ``match`` just did (``encoding``): its size is the prior, and its frequencies say
    which names are rare.
    """
    encoding = encoding or encode(traits)
    weights = weights_for(traits, encoding, settings)
    rows = np.sort(np.array(pairs, np.uint32).reshape(-1, 2), axis=1)
    sides = np.ascontiguousarray(rows[:, 0]), np.ascontiguousarray(rows[:, 1])
    levels = compare_pairs(encoding, *sides, weights)
    settle_contacts(traits, *sides, levels)
    chance = probability(weights.weigh(levels, encoding.size))
    hospital = weights.kinship is not None
    verdicts = judge(traits, *sides, levels, chance, decided, hospital=hospital)
    findings = find(levels, chance, verdicts, settings.threshold, hospital=hospital)
    explained = []
    for row in range(len(rows)):
        steps = waterfall(levels[row : row + 1], weights, encoding.size)
        explained.append(
            Explanation(
                steps=steps,
                weight=sum(step.bits for step in steps),
                probability=float(chance[row]),
                finding=FINDINGS[int(findings[row])],
                rule=RULES[int(verdicts.rule[row])] if verdicts.rule[row] >= 0 else None,
            )
        )
    return explained


def waterfall(levels: Levels, weights: Weights, size: int) -> tuple[Step, ...]:
    """Return the steps for one row of levels: the prior, each trait that speaks, then the risk of kinship."""
    steps = [Step("prior", "départ", f"deux identités au hasard parmi {size:,}".replace(",", " "), weights.start(size))]
    parts = weights.chance.parts(levels)[0]
    for t, trait in enumerate(TRAITS):
        if levels[0, t]:
            sentence = LEVELS[trait][levels[0, t]] + _rarity(trait, levels, weights)
            steps.append(Step(trait, TRAIT_LABELS[trait], sentence, float(parts[t])))
    total = float(weights.weigh(levels, size)[0])
    if weights.kinship is not None:
        missing = total - sum(step.bits for step in steps)
        steps.append(Step("kinship", "parenté", "risque de jumeau, fratrie, parent ou conjoint", missing))
    return tuple(steps)


def _rarity(trait: str, levels: Levels, weights: Weights) -> str:
    t = TRAITS.index(trait)
    if trait not in RARITIES or weights.chance.slopes[t, levels[0, t]] == 0:
        return ""
    bits = levels[0, len(TRAITS) + tuple(RARITIES).index(trait)] / 8
    return f" ({RARITIES[trait]} rare)" if bits >= RARE else f" ({RARITIES[trait]} courant)" if bits <= COMMON else ""
