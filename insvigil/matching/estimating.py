"""What a file says of itself without truth: how often random identities agree, and EM for files unlike a hospital's.

EM learns, under conditional independence, how often each level comes among pairs of one person (``m``) and how many
such pairs there are; chance (``u``) comes from random pairs, and from the frequency of the value where it is shared
(Fellegi and Sunter 1969; Winkler 1988; term frequencies as in Splink). It works on the candidate pairs that are not
hopeless: the others hold practically no pair of one person.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from insvigil.matching.blocking import TILE, by_content, tiles
from insvigil.matching.comparing import compare_work
from insvigil.matching.encoding import Encoding
from insvigil.matching.levels import EXACT, LEVELS, TRAITS, WIDTH
from insvigil.matching.second_look import settle
from insvigil.matching.weights import Bits, Levels, Score, Weights, probability

RANDOM_ROWS = 1_024
ROUNDS = 12
TRUST = 20.0
"""Pairs that the starting frequencies are worth, against those of the file."""
ABSENT = 0.95


def looks_like_a_hospital(traits: pl.DataFrame) -> bool:
    """Whether a file looks like a hospital's: it knows the sex or the birthplace, which the shipped weights lean on."""
    return any(traits[name].null_count() <= ABSENT * traits.height for name in ("sex", "birth_place"))


def random_pairs(traits: pl.DataFrame, encoding: Encoding, weights: Weights) -> Levels:
    """Return the levels of pairs of identities taken at random: by content, so that their order does not matter."""
    rows = by_content(np.arange(encoding.size, dtype=np.uint32), encoding)[:RANDOM_ROWS]
    across = tiles(rows, reach=RANDOM_ROWS // TILE)
    left, right, levels = compare_work(across, encoding, Weights(weights.chance))
    settle(traits, left, right, levels)
    return levels


def shares(levels: Levels, weights: npt.NDArray[np.float64] | None = None) -> Bits:
    """Return, by trait, the share of each level among the pairs where no side is missing."""
    counts = _counts(levels, weights)
    share: Bits = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-9)
    return share


def _counts(levels: Levels, weights: npt.NDArray[np.float64] | None) -> Bits:
    out = np.zeros((len(TRAITS), WIDTH))
    for t in range(len(TRAITS)):
        out[t] = np.bincount(levels[:, t], weights=weights, minlength=WIDTH)[:WIDTH]
    out[:, 0] = 0
    return out


def learn_by_em(levels: Levels, random: Levels, size: int, start: Weights) -> Weights:
    """Return weights against chance alone, learnt from the candidate ``levels`` of a file of ``size`` identities.

    ``random`` are the levels of random pairs, whose own pairs of one person are weighed out; ``start`` are the
    weights that the first round trusts.
    """
    agreed = _start()
    weights = Weights(start.chance)
    contacts = np.zeros((len(random), levels.shape[1] - random.shape[1]), np.uint8)
    random = np.concatenate([random, contacts], axis=1)
    everything = size * (size - 1) / 2
    for _ in range(ROUNDS):
        same = probability(weights.weigh(levels, size))
        against = _counts(random, 1 - probability(weights.weigh(random, size))) + 0.5
        against /= against.sum(axis=1, keepdims=True)
        counts = _counts(levels, same) + TRUST * agreed
        found = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-9)
        prior = float(np.log2(max(same.sum(), 1.0) / everything) + np.log2(size))
        weights = Weights(_score(prior, found, against))
    return weights


def _start() -> Bits:
    """Return plausible shares of each level among pairs of one person: three quarters at the strongest one."""
    agreed = np.zeros((len(TRAITS), WIDTH))
    for t, trait in enumerate(TRAITS):
        named = [level for level in range(1, len(LEVELS[trait])) if LEVELS[trait][level]]
        agreed[t, named] = 0.25 / len(named)
        exact = [level for level in EXACT.get(trait, ()) if level in named] or named[-1:]
        agreed[t, exact] += 0.75 / len(exact)
    return agreed


def _score(prior: float, agreed: Bits, against: Bits) -> Score:
    bits, slopes = np.zeros((len(TRAITS), WIDTH)), np.zeros((len(TRAITS), WIDTH))
    for t, trait in enumerate(TRAITS):
        for level in range(1, len(LEVELS[trait])):
            if not LEVELS[trait][level]:
                continue
            exact = level in EXACT.get(trait, ())
            slopes[t, level] = 1.0 if exact else 0.0
            bits[t, level] = np.log2(max(agreed[t, level], 1e-4) / (1.0 if exact else max(against[t, level], 1e-6)))
    return Score(prior, bits, slopes)
