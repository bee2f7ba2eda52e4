"""Measure the phonetic keys beside jellyfish's and write the table of ``docs/reference/phonetics.md``.

Needs a parquet of real surnames, most frequent first (columns ``nom``, ``n``)::

    python tools/measure_phonetics.py patronymes.parquet
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import jellyfish
import numpy as np
import polars as pl

from insvigil.bench.mistakes import DEFAULT, SLIPS, make_slips
from insvigil.phonetics import coarse_keys, fine_keys
from tests.test_phonetics import APART, SAME_SOUND, pairs_of

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "phonetics.md"
MARK = "<!-- measured -->\n"

Keys = Callable[[Sequence[str]], list[str]]


def one_by_one(key: Callable[[str], str]) -> Keys:
    """Return the keys of many names from the key of one."""
    return lambda names: [key(name) for name in names]


KEYS: dict[str, Keys] = {
    "**insvigil, fine**": fine_keys,
    "**insvigil, coarse**": coarse_keys,
    "jellyfish Soundex": one_by_one(jellyfish.soundex),
    "jellyfish Metaphone": one_by_one(jellyfish.metaphone),
    "jellyfish NYSIIS": one_by_one(jellyfish.nysiis),
    "jellyfish Match Rating": one_by_one(jellyfish.match_rating_codex),
}


def misheard(surnames: list[str]) -> list[tuple[str, str]]:
    """Return surnames with the same one misheard, by the slips of the invented populations."""
    mix = replace(DEFAULT, **dict.fromkeys(SLIPS, 0.0) | {"birth_name_sound": 1.0})
    column = pl.Series("birth_name", surnames)
    written = make_slips({"birth_name": column}, mix, np.random.default_rng(7))["birth_name"].to_list()
    return [pair for pair in zip(surnames, written, strict=True) if pair[0] != pair[1]]


def merged(keys: Keys, pairs: list[tuple[str, str]]) -> int:
    """Return how many pairs have one key."""
    left, right = (keys([pair[side] for pair in pairs]) for side in (0, 1))
    return sum(one == other for one, other in zip(left, right, strict=True))


def table(surnames: list[str]) -> str:
    """Return the measured table."""
    variants, apart, heard = pairs_of(SAME_SOUND), pairs_of(APART), misheard(surnames[:10_000])
    head = [
        "key",
        "variants merged",
        "misheard surnames merged",
        "distinct names kept apart",
        "codes of 10,000",
        "names/s",
    ]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for name, keys in KEYS.items():
        start = time.process_time()
        keys(surnames * 3)
        speed = 3 * len(surnames) / (time.process_time() - start) / 1e6
        cells = [
            f"{merged(keys, variants)} of {len(variants)}",
            f"{merged(keys, heard) / len(heard):.1%} of {len(heard):,}",
            f"{len(apart) - merged(keys, apart)} of {len(apart)}",
            f"{len(set(keys(surnames[:10_000]))):,}",
            f"{speed:.2f} M",
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    names = pl.read_parquet(sys.argv[1])["nom"].str.replace_all("[-']", " ").to_list()
    before, _, after = PAGE.read_text(encoding="utf-8").partition(MARK)
    rest = after[after.index("\nThe coarse key") :]
    PAGE.write_text(f"{before}{MARK}{table(names)}{rest}", encoding="utf-8")
