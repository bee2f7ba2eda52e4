"""The weights of evidence: bits by trait and level, rarity, interactions, and the prior of a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from insvigil.matching.levels import LEVELS, RARITIES, TRAITS, WIDTH

Bits = npt.NDArray[np.float64]
Levels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Interaction:
    """Bits added when each trait named is at one of its levels: traits that do not speak independently."""

    name: str
    sentence: str
    when: Mapping[str, tuple[int, ...]]
    bits: float

    def holds(self, levels: Levels) -> npt.NDArray[np.bool_]:
        """Return for which rows of levels it holds."""
        held = np.ones(len(levels), np.bool_)
        for trait, wanted in self.when.items():
            table = np.zeros(256, np.bool_)
            table[list(wanted)] = True
            held &= table[levels[:, TRAITS.index(trait)]]
        return held


@dataclass(frozen=True)
class Weights:
    """An additive score: ``prior - log2(rows) + sum(bits + slope x rarity) + interactions``.

    ``bits`` and ``slopes`` have one row a trait and one column a level; rarity is in bits (log2 of rows per value).
    """

    prior: float
    bits: Bits
    slopes: Bits
    interactions: tuple[Interaction, ...] = ()
    notes: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> Self:
        """Return the weights written by ``text``."""
        data = json.loads(text)
        bits, slopes = np.zeros((len(TRAITS), WIDTH)), np.zeros((len(TRAITS), WIDTH))
        for table, key in ((bits, "bits"), (slopes, "slopes")):
            for trait, values in data[key].items():
                table[TRAITS.index(trait), : len(values)] = values
        interactions = tuple(
            Interaction(row["name"], row["sentence"], {k: tuple(v) for k, v in row["when"].items()}, row["bits"])
            for row in data["interactions"]
        )
        return cls(data["prior"], bits, slopes, interactions, data["notes"])

    def text(self) -> str:
        """Return what ``read`` reads, one line a trait."""

        def table(values: Bits) -> dict[str, list[float]]:
            return {
                trait: [round(float(x), 3) for x in values[row, : len(LEVELS[trait])]]
                for row, trait in enumerate(TRAITS)
                if values[row].any()
            }

        data = {
            "notes": dict(self.notes),
            "prior": round(self.prior, 3),
            "bits": table(self.bits),
            "slopes": table(self.slopes),
            "interactions": [
                {"name": i.name, "sentence": i.sentence, "when": dict(i.when), "bits": round(i.bits, 3)}
                for i in self.interactions
            ],
        }
        rows = []
        for key, value in data.items():
            if isinstance(value, dict):
                inner = ",\n".join(
                    f"    {json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in value.items()
                )
                rows.append(f"  {json.dumps(key)}: {{\n{inner}\n  }}")
            elif isinstance(value, list):
                inner = ",\n".join(f"    {json.dumps(v, ensure_ascii=False)}" for v in value)
                rows.append(f"  {json.dumps(key)}: [\n{inner}\n  ]")
            else:
                rows.append(f"  {json.dumps(key)}: {json.dumps(value)}")
        return "{\n" + ",\n".join(rows) + "\n}\n"

    def start(self, size: int) -> float:
        """Return the prior weight of a pair drawn at random in a file of ``size`` identities."""
        return self.prior - float(np.log2(max(size, 2)))

    def parts(self, levels: Levels) -> Bits:
        """Return the bits of each trait, of a frame of levels (the ten levels, then the six rarities)."""
        out = np.empty((len(levels), len(TRAITS)))
        for t, trait in enumerate(TRAITS):
            out[:, t] = self.bits[t][levels[:, t]]
            if trait in RARITIES and self.slopes[t].any():
                rarity = levels[:, len(TRAITS) + tuple(RARITIES).index(trait)] / 8
                out[:, t] += self.slopes[t][levels[:, t]] * rarity
        return out

    def weigh(self, levels: Levels, size: int) -> Bits:
        """Return the weight of each pair, in bits: log2 of the odds that both identities are one person."""
        total = self.parts(levels).sum(axis=1) + self.start(size)
        for interaction in self.interactions:
            total[interaction.holds(levels)] += interaction.bits
        return total

    def tables(self, size: int) -> npt.NDArray[np.float32]:
        """Return what the comparison kernel reads: bits, slopes by eighth of a bit, and upper bounds.

        The bound of a name is by the best relation its letters allow, that of a contact trait supposes it similar.
        """
        from insvigil.matching.kernels import comparing as k

        bits, slopes = self.bits, self.slopes / 8
        best, most = np.zeros_like(bits), np.zeros_like(bits)
        reach = {
            k.T_FAMILY: ((), (1,), (2,), (3,), (4,), (6, 5), (7, 5), (8, 9)),
            k.T_GIVEN: ((), (1, 4), (2, 4), (3, 4), (4, 5), (6,), (7,), (8, 9, 10, 11)),
        }
        for trait, by_relation in reach.items():
            allowed: list[int] = [0] if trait == k.T_FAMILY else [0, 4]
            for relation, levels in enumerate(by_relation):
                allowed += levels
                best[trait, relation] = max(bits[trait, level] for level in allowed)
            most[trait] = slopes[trait].max()
        best[k.T_POSTAL] = bits[k.T_POSTAL]
        best[k.T_POSTAL, k.P_DIFFERENT] = bits[k.T_POSTAL, [k.P_DIFFERENT, k.P_NEAR]].max()
        for trait in (k.T_ADDRESS, k.T_PHONE, k.T_EMAIL):
            highest = bits[trait] + slopes[trait] * 8 * np.log2(max(size, 2))
            best[trait] = highest
            best[trait, k.X_DIFFERENT] = highest[[k.X_DIFFERENT, k.X_SIMILAR]].max()
        return np.stack([bits, slopes, best, most]).astype(np.float32)

    @property
    def slack(self) -> float:
        """Upper bound of what the interactions may add to a pair."""
        return sum(max(0.0, interaction.bits) for interaction in self.interactions)

    def shifted(self, bits: float) -> Weights:
        """Return the same weights with another prior."""
        return replace(self, prior=self.prior + bits)


@cache
def shipped() -> Weights:
    """Return the weights that come with the package: see their data sheet in ``docs/reference/matching.md``."""
    return Weights.read(files("insvigil.matching").joinpath("data", "weights.json").read_text(encoding="utf-8"))


def probability(weight: Bits) -> Bits:
    """Return the probability of a weight in bits."""
    return 1.0 / (1.0 + np.exp2(-np.clip(weight, -60, 60)))
