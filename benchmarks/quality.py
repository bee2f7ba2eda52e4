"""How good matching is: on both invented hospitals, on other mixes of slips, by size; how true its probabilities.

    python -m benchmarks.quality mixes --seed 1        # the populations unlike the one that was learnt
    python -m benchmarks.quality sizes --seed 1        # both hospitals, 10,000 to 1,000,000 identities
    python -m benchmarks.quality twins --seed 1        # ten times the twins, so that their rate can be read
    python -m benchmarks.quality reliability --seed 1  # probabilities said, and true
    python -m benchmarks.quality learning --seed 1     # what the decisions of one site are worth on its next file

Each prints rows of Markdown for ``docs/reference/matching.md``. Everything is judged at the default settings; PID-24
and PID-25 (multiple births) are withheld, as a flat extract has them not. A seed that was looked at while something was
chosen judges no more: take another.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from benchmarks.second_hospital import invent
from insvigil.bench.mistakes import DEFAULT, MIXES, ErrorMix
from insvigil.bench.population import generate
from insvigil.bench.scoring import score_groups, score_pairs
from insvigil.matching import Matching, learn, match
from insvigil.settings import MatchingSettings
from insvigil.traits import normalise
from insvigil.vocabulary import Decision

File = tuple[pl.DataFrame, pl.DataFrame]
WITHHELD = ("multiple_birth", "birth_rank", "mother_id")
STEPS = (0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.99, 0.999, 1.000001)


def bench(size: int, seed: int, mix: ErrorMix = DEFAULT) -> File:
    """Return a file of ``insvigil.bench`` and its truth."""
    made = generate(size, seed, mix)
    return made.identities.drop(WITHHELD), made.truth


def second(size: int, seed: int, without: Sequence[str] = (), **rates: float) -> File:
    """Return a file of the second hospital and its truth."""
    identities, truth = invent(size, seed, **rates)
    return identities.drop(without), truth


def mixes(seed: int) -> Iterator[tuple[str, Callable[[], File]]]:
    """Yield the populations whose slips, relatives or columns are others than the usual ones."""
    for name, mix in MIXES.items():
        yield f"bench {name}, 60,000", lambda mix=mix: bench(60_000, seed, mix)
    others: dict[str, dict[str, float]] = {
        "": {},
        ", twice the slips": {"slips": 2.0},
        ", no NIR": {"known_nir": 0.0},
        ", five times the twins": {"twins": 0.1},
    }
    for words, rates in others.items():
        yield f"second hospital{words}, 60,000", lambda rates=rates: second(60_000, seed, **rates)
    left_out = {
        "birthplace nor phone": ("birth_place", "phone"),
        "address at all": ("address", "postal_code", "city"),
        "sex": ("sex",),
    }
    for words, without in left_out.items():
        yield f"second hospital, no {words}, 60,000", lambda without=without: second(60_000, seed, without)


def sizes(seed: int) -> Iterator[tuple[str, Callable[[], File]]]:
    """Yield both hospitals in several sizes."""
    for size in (10_000, 30_000, 100_000, 300_000, 1_000_000):
        yield f"bench default, {size:,}", lambda size=size: bench(size, seed)
    for size in (10_000, 30_000, 100_000, 300_000, 1_000_000):
        yield f"second hospital, {size:,}", lambda size=size: second(size, seed)


def twins(seed: int) -> Iterator[tuple[str, Callable[[], File]]]:
    """Yield files rich in twins, so that a share of one in two hundred can be read."""
    many = replace(DEFAULT, twins=10 * DEFAULT.twins)
    for more in range(3):
        yield (
            f"bench, ten times the twins, 100,000 ({seed + more})",
            lambda more=more: bench(100_000, seed + more, many),
        )
    for more in range(2):
        name = f"second hospital, ten times the twins, 100,000 ({seed + more})"
        yield name, lambda more=more: second(100_000, seed + more, twins=0.2)


def judged(identities: pl.DataFrame, weights: Path | None = None) -> Matching:
    """Return what ``match`` finds at the default settings, with the shipped weights or a site's."""
    return match(normalise(identities), MatchingSettings(weights=weights))


def told(name: str, identities: pl.DataFrame, truth: pl.DataFrame, weights: Path | None = None) -> str:
    """Return one row: precision, recall and F1 of pairs, precision and F1 of groups, twins joined by either."""
    found, ids = judged(identities, weights), identities["id"]
    pairs = found.pairs.with_columns(left=ids.gather(found.pairs["left"]), right=ids.gather(found.pairs["right"]))
    groups = pl.DataFrame({"id": ids.gather(found.groups["identity_id"]), "group": found.groups["group"]})
    p, g = score_pairs(truth, pairs), score_groups(truth, groups)
    joined = max(p["twins_joined"], g["twins_joined"])
    figures = (p["precision"], p["recall"], p["f1"], g["precision"], g["f1"])
    cells = [
        name,
        *(f"{value:.4f}" for value in figures),
        f"{joined} of {p['twin_pairs']} ({joined / p['twin_pairs']:.2%})",
    ]
    return f"| {' | '.join(cells)} |"


def reliability(seed: int) -> Iterator[str]:
    """Yield the rows of the reliability table: pairs, probability said, share true, on each of the two hospitals."""
    counted = []
    for identities, truth in (bench(300_000, seed), second(100_000, seed)):
        pairs = judged(identities).pairs.filter(pl.col("rule").is_null() | (pl.col("rule") == "IDV-MAT-106"))
        person = truth["person"].to_numpy()
        same = person[pairs["left"].to_numpy()] == person[pairs["right"].to_numpy()]
        said = pairs["probability"].to_numpy()
        counted.append((said, same))
    for low, high in pairwise(STEPS):
        cells = [f"{low:g} to {min(high, 1):g}"]
        for said, same in counted:
            inside = (said >= low) & (said < high)
            cells += [str(int(inside.sum()))]
            cells += [f"{said[inside].mean():.3f}", f"{same[inside].mean():.3f}"] if inside.any() else ["", ""]
        yield f"| {' | '.join(cells)} |"


def learning(seed: int) -> Iterator[str]:
    """Yield rows for a file of careless clerks, before and after learning from decisions on another file of theirs.

    Half of the decisions are on pairs under 0.98, half on surer ones; people are supposed to be right.
    """
    identities, truth = second(60_000, seed, slips=2.0)
    person, traits = truth["person"].to_numpy(), normalise(identities)
    pairs = match(traits, MatchingSettings()).pairs
    same = pl.Series(person[pairs["left"].to_numpy()] == person[pairs["right"].to_numpy()])
    words = [member.value for member in (Decision.NON_DOUBLON, Decision.DOUBLON)]
    decided = pairs.with_columns(decision=pl.Series(words).gather(same.cast(pl.UInt32)))
    next_file = second(60_000, seed + 1, slips=2.0)
    yield told("shipped weights", *next_file)
    for count in (300, 800):
        doubtful = decided.filter(pl.col("probability") < 0.98).sample(count // 2, seed=seed)
        sure = decided.filter(pl.col("probability") >= 0.98).sample(count // 2, seed=seed)
        learnt = learn(traits, pl.concat([doubtful, sure]), MatchingSettings())
        with TemporaryDirectory() as folder:
            path = Path(folder) / "weights.json"
            path.write_text(learnt.weights.text(), encoding="utf-8")
            name = f"{count} decisions ({learnt.loss_before:.3f} bits of surprise, then {learnt.loss_after:.3f})"
            yield told(name, *next_file, path)


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", choices=("mixes", "sizes", "twins", "reliability", "learning"))
    parser.add_argument("--seed", type=int, required=True)
    options = parser.parse_args()
    by_row = {"reliability": reliability, "learning": learning}
    if options.table in by_row:
        for row in by_row[options.table](options.seed):
            print(row, flush=True)
        return
    files = {"mixes": mixes, "sizes": sizes, "twins": twins}[options.table]
    for name, make in files(options.seed):
        print(told(name, *make()), flush=True)


if __name__ == "__main__":
    main()
