"""The weights of evidence: what each agreement is worth against chance, and against kinship.

Two identities that look alike without being one person do so for one of two reasons, and the score holds the pair
against both. *Chance* grows with the file: the prior falls by one bit each time the file doubles, and a rare value
is worth more. *Kinship* (twins, siblings, parent and child, spouses, namesakes) does not: everyone has as many
relatives whatever the file. Each is an additive score, log2 of odds; the weight of a pair is

    -log2(2 ** -chance + 2 ** -kinship)

so that it passes neither. A single additive score must choose, and is then wrong either for twins or for large files
(measured in ``docs/decisions/0301-two-adversaries.md``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from insvigil.errors import SettingsError
from insvigil.matching.levels import LEVELS, RARITIES, TRAITS, WIDTH

ROUNDING = 1e-3
"""Bits that single precision may lose over a dozen sums."""

ROWS_AT_A_TIME = 1 << 14
"""Pairs summed at a time: what they are summed from stays near the core (five times as fast at a million pairs)."""

Bits = npt.NDArray[np.float64]
Levels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Score:
    """An additive score: ``prior + sum(bits + slope x rarity)``, rarity in bits (log2 of rows per value)."""

    prior: float
    bits: Bits  # (traits, levels); level 0, a missing side, is worth nothing
    slopes: Bits  # (traits, levels)

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Self:
        """Return the score that ``data`` describes."""
        bits, slopes = np.zeros((len(TRAITS), WIDTH)), np.zeros((len(TRAITS), WIDTH))
        for table, key in ((bits, "bits"), (slopes, "slopes")):
            for trait, values in data[key].items():
                table[TRAITS.index(trait), : len(values)] = values
        return cls(float(data["prior"]), bits, slopes)

    def described(self) -> dict[str, Any]:
        """Return what ``read`` reads."""

        def table(values: Bits) -> dict[str, list[float]]:
            return {
                trait: [round(float(x), 3) for x in values[row, : len(LEVELS[trait])]]
                for row, trait in enumerate(TRAITS)
                if values[row].any()
            }

        return {"prior": round(self.prior, 3), "bits": table(self.bits), "slopes": table(self.slopes)}

    @cached_property
    def tables(self) -> tuple[Bits, ...]:
        """The bits of each trait by level or, where its rarity counts, by level and eighths of a bit of rarity."""
        rare = self.bits[:, :, None] + self.slopes[:, :, None] * (np.arange(256) / 8)
        sloped = [trait in RARITIES and self.slopes[t].any() for t, trait in enumerate(TRAITS)]
        return tuple(rare[t] if counts else self.bits[t] for t, counts in enumerate(sloped))

    def parts(self, levels: Levels) -> Bits:
        """Return the bits of each trait for rows of levels (the ten levels, then the six rarities)."""
        return np.stack(list(self._by_trait(levels)), axis=1)

    def total(self, levels: Levels) -> Bits:
        """Return the score of each row of levels, prior included, summed in the order of the traits."""
        total = np.full(len(levels), self.prior)
        for start in range(0, len(levels), ROWS_AT_A_TIME):
            for part in self._by_trait(levels[start : start + ROWS_AT_A_TIME]):
                total[start : start + ROWS_AT_A_TIME] += part
        return total

    def _by_trait(self, levels: Levels) -> Iterator[Bits]:
        for t, (trait, table) in enumerate(zip(TRAITS, self.tables, strict=True)):
            at = levels[:, t].astype(np.intp)
            if table.ndim > 1:
                at = at << 8 | levels[:, len(TRAITS) + tuple(RARITIES).index(trait)]
            yield table.ravel().take(at)


@dataclass(frozen=True)
class Weights:
    """What a pair is held against: chance, and kinship (absent for files unlike a hospital's)."""

    chance: Score
    kinship: Score | None = None
    usual: Bits | None = None  # how often each weight comes in a usual file: rows of (weight, frequency)
    notes: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> Self:
        """Return the weights written by ``text``."""
        data = json.loads(text)
        usual = np.array(data["usual"], np.float64) if "usual" in data else None
        return cls(Score.read(data["chance"]), Score.read(data["kinship"]), usual, data["notes"])

    def text(self) -> str:
        """Return what ``read`` reads, one line a trait."""
        scores = {"chance": self.chance.described()}
        if self.kinship is not None:
            scores["kinship"] = self.kinship.described()
        usual = {} if self.usual is None else {"usual": self.usual.tolist()}
        text = json.dumps({"notes": dict(self.notes), **scores, **usual}, indent=2, ensure_ascii=False)
        return re.sub(r"\[[^\[\]]*\]", lambda numbers: " ".join(numbers.group().split()), text) + "\n"

    def start(self, size: int) -> float:
        """Return the score against chance of a pair drawn at random in a file of ``size`` identities."""
        return self.chance.prior - float(np.log2(max(size, 2)))

    def weigh(self, levels: Levels, size: int) -> Bits:
        """Return the weight of each pair, in bits: log2 of the odds that both identities are one person."""
        chance = self.chance.total(levels) - float(np.log2(max(size, 2)))
        if self.kinship is None:
            return chance
        return -np.logaddexp2(-chance, -self.kinship.total(levels))

    def tables(self, size: int) -> npt.NDArray[np.float32]:
        """Return what the comparison kernel reads, by trait and level: four tables a score (see ``_bounded``)."""
        nothing = np.zeros_like(self.chance.bits)
        kinship = self.kinship or Score(0.0, nothing, nothing)
        return np.concatenate([_bounded(score, size) for score in (self.chance, kinship)]).astype(np.float32)

    def floors(self, floor: float, size: int) -> npt.NDArray[np.float32]:
        """Return what the traits of a pair must bring, against chance and against kinship, to weigh ``floor`` bits."""
        kinship = -np.inf if self.kinship is None else floor - self.kinship.prior
        return np.array([floor - self.start(size), kinship], np.float32) - np.float32(ROUNDING)

    def shifted(self, bits: float) -> Weights:
        """Return the same weights with another prior, against chance and kinship alike."""
        kinship = self.kinship and replace(self.kinship, prior=self.kinship.prior + bits)
        return replace(self, chance=replace(self.chance, prior=self.chance.prior + bits), kinship=kinship)


def _bounded(score: Score, size: int) -> Bits:
    """Return bits, bits by eighth of a bit of rarity, then both as upper bounds.

    The bound of a name is by the best relation its letters allow, that of a contact trait supposes it similar.
    """
    from insvigil.matching.kernels import agreements as k

    bits, slopes = score.bits, score.slopes / 8
    most, steepest = bits.copy(), slopes.copy()
    most[k.T_POSTAL, k.P_DIFFERENT] = bits[k.T_POSTAL, [k.P_DIFFERENT, k.P_NEAR]].max()
    for trait in (k.T_ADDRESS, k.T_PHONE, k.T_EMAIL):
        most[trait] += np.maximum(score.slopes[trait], 0) * np.log2(max(size, 2))
        most[trait, k.X_DIFFERENT] = most[trait, [k.X_DIFFERENT, k.X_SIMILAR]].max()
    for trait, by_relation in ((k.T_FAMILY, _family_reach()), (k.T_GIVEN, _given_reach())):
        for relation, levels in enumerate(by_relation):
            most[trait, relation] = max(bits[trait, level] for level in levels)
            steepest[trait, relation] = max(slopes[trait, level] for level in levels)
    return np.stack([bits, slopes, most, steepest])


def _family_reach() -> list[set[int]]:
    """Return by relation, at best, of two family names the levels that they may have."""
    return _reach((), (1,), (2,), (3,), (4,), (6, 5), (7, 5), (8, 9))


def _given_reach() -> list[set[int]]:
    """Return the same of given names; then of those that no other name can bring nearer, and of those that are the
    same, not crossed: by what their lists hold (see ``names.given_hope``)."""
    from insvigil.matching.kernels.agreements import G_ELSEWHERE, G_SAME, G_SAME_LIST, G_SAME_OTHERS_DIFFER
    from insvigil.matching.kernels.strings import DIFFERENT, NEAR

    several = {G_SAME_OTHERS_DIFFER, G_SAME, G_SAME_LIST}
    first = _reach((), (1,), (2,), (3,), (5,), (6,), (7,), (8, 9, 10, 11))
    any_name = [levels | {G_ELSEWHERE} for levels in first]
    return [*any_name, *first[DIFFERENT:NEAR], {G_SAME}, {G_SAME_OTHERS_DIFFER}, several]


def _reach(*further: tuple[int, ...]) -> list[set[int]]:
    """Return by relation its own levels and those of the relations before it.

    A name may be missing (level 0) when nothing is known of it, or when it was not asked yet (``CLOSE`` and ``SAME``).
    """
    from insvigil.matching.kernels.strings import CLOSE, SAME

    out = []
    for relation in range(len(further)):
        levels = {level for some in further[: relation + 1] for level in some}
        out.append(levels | {0} if relation in (0, CLOSE, SAME) else levels)
    return out


@cache
def shipped() -> Weights:
    """Return the weights that come with the package: see their data sheet in ``docs/reference/matching.md``."""
    return Weights.read(files("insvigil.matching").joinpath("data", "weights.json").read_text(encoding="utf-8"))


def weights_at(path: Path | None) -> Weights:
    """Return the weights of a site's file, or those shipped; raise ``SettingsError`` when it holds none."""
    if path is None:
        return shipped()
    try:
        return Weights.read(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise SettingsError(
            f"Le fichier de poids {path} ne peut pas être lu.",
            hint="Refaites-le avec « insvigil learn », ou retirez matching.weights.",
        ) from error


def probability(weight: Bits) -> Bits:
    """Return the probability of a weight in bits."""
    return 1.0 / (1.0 + np.exp2(-np.clip(weight, -60, 60)))
