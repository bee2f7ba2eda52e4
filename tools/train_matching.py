"""Train the weights of matching on invented populations, and write them into the package.

    python tools/train_matching.py [--rounds 60] [--out insvigil/matching/data/weights.json]

The populations differ by size, by error rates, and by the columns they have, so that the weights hold on hospitals
unlike one another. The data sheet in ``docs/reference/matching.md`` is written from the notes of the file.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from insvigil.bench.mistakes import DEFAULT, MIXES, ErrorMix, draw_mix
from insvigil.bench.population import generate
from insvigil.matching.training import Sample, chance_frequencies, draw_sample, fit
from insvigil.matching.weights import shipped
from insvigil.traits import normalise

SIZES = (8_000, 20_000, 50_000, 12_000, 30_000, 100_000)
DROPPABLE = ("matricule", "birth_place", "postal_code", "city", "address", "phone", "email", "used_name", "sex")
FIRST_SEED = 5_000


def populations(count: int, largest: int) -> list[tuple[int, int, ErrorMix, tuple[str, ...]]]:
    """Return (identities, seed, mix, columns left out): every third mix is a named one, the others are drawn."""
    rng = np.random.default_rng(FIRST_SEED)
    named = list(MIXES.values())
    recipes = []
    for i in range(count):
        seed = FIRST_SEED + i
        mix = named[i // 3 % len(named)] if i % 3 == 0 else draw_mix(seed)
        left_out = tuple(name for name in DROPPABLE if i % 2 and rng.random() < 0.2)
        recipes.append((SIZES[i % len(SIZES)], seed, mix, left_out))
    return [*recipes, (largest, FIRST_SEED + count, DEFAULT, ())]


def main() -> None:
    """Draw the samples, fit, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("insvigil/matching/data/weights.json"))
    parser.add_argument("--populations", type=int, default=36)
    parser.add_argument("--largest", type=int, default=600_000)
    parser.add_argument("--rounds", type=int, default=60)
    options = parser.parse_args()
    samples: list[Sample] = []
    for size, seed, mix, left_out in populations(options.populations, options.largest):
        population = generate(size, seed, mix)
        traits = normalise(population.identities.drop(left_out))
        samples.append(draw_sample(traits, population.truth["person"].to_numpy().astype(np.int64), shipped()))
        found = samples[-1].same.sum() / samples[-1].true_pairs
        print(f"{size:>9} seed {seed} recall {found:.4f} without {', '.join(left_out) or '-'}", flush=True)
    frequencies = chance_frequencies(traits, shipped())
    weights = fit(samples, frequencies, rounds=options.rounds, tell=lambda turn, loss: print(turn, round(loss, 1)))
    notes = {
        "populations": len(samples),
        "identities": sum(sample.size for sample in samples),
        "pairs": int(sum(sample.pairs.sum() for sample in samples)),
        "pairs_of_one_person": int(sum(sample.same.sum() for sample in samples)),
        "seeds": [FIRST_SEED, FIRST_SEED + len(samples) - 1],
    }
    options.out.write_text(type(weights)(weights.chance, weights.kinship, notes).text(), encoding="utf-8")


if __name__ == "__main__":
    main()
