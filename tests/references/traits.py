"""Slow twins of the kernels of traits and of distinct values: plain Python, one value at a time."""

from __future__ import annotations

import re
from collections.abc import Sequence

from insvigil.traits.matricule import key_of


def number_slowly(hashes: Sequence[int]) -> tuple[list[int], list[int]]:
    """Return the code of each value in order of appearance, and the row where each code appears first."""
    known: dict[int, int] = {}
    first: list[int] = []
    for row, value in enumerate(hashes):
        if value not in known:
            known[value] = len(known)
            first.append(row)
    return [known[value] for value in hashes], first


def fold_slowly(text: str, kept: str, other: str) -> str | None:
    """Return an ASCII text with its letters of ``kept`` in upper case, others replaced, words one space apart."""
    letters = (letter.upper() if letter.upper() in kept else other for letter in text)
    return " ".join(word for word in "".join(letters).split(" ") if word) or None


def phone_slowly(text: str) -> str | None:
    """Return the last nine digits of an ASCII text, nothing when there are fewer than four or one digit repeated."""
    digits = "".join(letter for letter in text if letter.isdigit())[-9:]
    return digits if len(digits) >= 4 and len(set(digits)) > 1 else None


def stands_slowly(text: str) -> bool:
    """Return whether a text of A-Z and 0-9 is a whole INS, by the regular expression and the key of 13 characters."""
    shape = r"[12][0-9]{2}(?:0[1-9]|1[0-2]|[2-9][0-9])(?:[0-9]{2}|2[AB])[0-9]{6}[0-9]{2}"
    return bool(re.fullmatch(shape, text)) and int(text[13:]) == key_of(text[:13])
