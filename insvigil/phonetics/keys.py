"""The phonetic keys of names, as text or as arrays of bytes.

Measured on 58,761 surnames: see ``docs/reference/phonetics.md``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from insvigil.phonetics.rules import COARSE_CLASSES, COARSE_SKELETON, FINE_RULES, Rewritings
from insvigil.texts import Texts

Bytes = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]


def fine_texts(names: Texts) -> Texts:
    """Return the fine key of each name: the spellings of one pronunciation share it.

    ``names`` are comparison keys (A-Z and spaces). A name whose letters are all silent (``T``) is its own key.
    """
    return _rewritten(names, FINE_RULES, ())


def coarser_texts(fine: Texts) -> Texts:
    """Return the coarse key for each fine key: the consonants of its pronunciation, voiced or not."""
    return _rewritten(fine, COARSE_CLASSES, COARSE_SKELETON)


def fine_keys(names: Sequence[str]) -> list[str]:
    """Return the fine key of each name, in order (see ``fine_texts``).

    Characters outside ASCII are ignored; a name of letters never gets an empty key.
    """
    return _strings(fine_texts(_texts(names)))


def coarse_keys(names: Sequence[str]) -> list[str]:
    """Return the coarse key of each name, in order; names with one fine key have one coarse key."""
    return _strings(coarser_texts(fine_texts(_texts(names))))


def fine_key(name: str) -> str:
    """Return the fine key of one name (see ``fine_keys``)."""
    return fine_keys([name])[0]


def coarse_key(name: str) -> str:
    """Return the coarse key of one name (see ``coarse_keys``)."""
    return coarse_keys([name])[0]


def _texts(names: Sequence[str]) -> Texts:
    spelled = ["".join(name.encode("ascii", "ignore").decode().split()) for name in names]
    offsets = np.zeros(len(spelled) + 1, np.int64)
    offsets[1:] = np.cumsum([len(name) for name in spelled])
    return Texts(offsets, np.frombuffer("".join(spelled).encode(), np.uint8).copy())


def _strings(texts: Texts) -> list[str]:
    whole = texts.data.tobytes().decode("ascii")
    return [whole[start:stop] for start, stop in pairwise(texts.offsets.tolist())]


def _rewritten(texts: Texts, rules: Rewritings, last: Rewritings) -> Texts:
    """Return texts after ``rules``, then with one letter for two, then after the ``last`` rules."""
    from insvigil.phonetics.rewriting import rewrite

    longest = int(np.diff(texts.offsets).max(initial=0))
    offsets = np.zeros_like(texts.offsets)
    # No rule makes a name more than twice as long (X>KS), nor does what follows lengthen it again.
    out, room = np.empty(2 * len(texts.data) + 1, np.uint8), np.empty((2, 2 * longest + 16), np.uint8)
    rewrite(texts.offsets, texts.data, *_compiled(rules + last), len(rules), room, offsets, out)
    return Texts(offsets, out[: offsets[-1]])


@cache
def _compiled(rules: Rewritings) -> tuple[Bytes, npt.NDArray[np.uint64]]:
    """Return rules as rows of bytes (length of the pattern, of what replaces it, both) and the letters each needs."""
    from insvigil.phonetics.rewriting import EDGE, HALF

    rows, letters = np.zeros((len(rules), 2 * HALF), np.uint8), np.zeros(len(rules), np.uint64)
    for row, (pattern, replacement) in enumerate(rules):
        for at, text in ((0, pattern), (HALF, replacement)):
            rows[row, at] = len(text)
            rows[row, at + 1 : at + 1 + len(text)] = np.frombuffer(text, np.uint8)
        letters[row] = sum(1 << (letter & 63) for letter in set(pattern) if letter != EDGE)
    return rows, letters
