"""A text column as one byte string, a line a row, so that C-speed ``bytes`` methods rewrite all rows at once.

Measured on 1,000,000 addresses (13.7 MB): ``bytes.translate`` 16 ms and ``bytes.replace`` about 10 ms, where one polars
regular expression takes 100 ms and Unicode decomposition 120 ms.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from string import ascii_uppercase

import numpy as np
import polars as pl
import pyarrow as pa

LIGATURES: dict[str, str] = {
    "Œ": "OE", "Æ": "AE", "Ø": "O", "Ð": "D", "Þ": "TH", "ẞ": "SS", "ß": "SS", "Ł": "L", "Đ": "D", "Ħ": "H",
    "Ŋ": "N", "Ŧ": "T", "Ɓ": "B", "Ɗ": "D", "Ƙ": "K", "Ƴ": "Y", "Ɛ": "E", "Ɔ": "O", "Ə": "E", "Ŀ": "L",
}  # fmt: skip
"""Letters that Unicode does not decompose, spelt in A-Z (the first six are in the INS lexical profile)."""

_NEWLINE = ord("\n")


def alphabet(kept: str, other: str = " ") -> bytes:
    """Return a translation table: letters to upper case, characters outside ``kept`` to ``other`` (one character)."""
    table = bytearray(other.encode() * 256)
    for character in kept:
        table[ord(character)] = ord(character)
        table[ord(character.lower())] = ord(character)
    table[_NEWLINE] = _NEWLINE
    return bytes(table)


LATIN: dict[str, str] = LIGATURES | {
    letter: unicodedata.normalize("NFD", letter.upper())[0]
    for letter in map(chr, range(0xC0, 0x180))
    if len(letter.upper()) == 1 and unicodedata.normalize("NFD", letter.upper())[0] in ascii_uppercase
}
"""The accented letters of western and central Europe, and ligatures, spelt in A-Z."""


def unaccented(texts: pl.Series) -> pl.Series:
    """Return the texts in ASCII: upper case without accents where they were not, other signs as spaces.

    Latin letters go through one table (12 ms for 200,000 texts where decomposition takes 80 ms), what is left through
    Unicode decomposition.
    """
    plain = _where_foreign(texts, lambda some: some.str.replace_many(LATIN))
    return _where_foreign(plain, _decomposed)


def _where_foreign(texts: pl.Series, rule: Callable[[pl.Series], pl.Series]) -> pl.Series:
    foreign = texts.str.len_bytes() != texts.str.len_chars()
    if not foreign.any():
        return texts
    return texts.clone().scatter(foreign.fill_null(False).arg_true(), rule(texts.filter(foreign)))


def _decomposed(texts: pl.Series) -> pl.Series:
    return (
        texts.str.normalize("NFKD")
        .str.to_uppercase()
        .str.normalize("NFKD")
        .str.replace_all(r"\p{M}+", "")
        .str.replace_many(LIGATURES)
        .str.replace_all(r"[^\x00-\x7F]", " ")
    )


def rewrite_lines(texts: pl.Series, *rules: Callable[[bytes], bytes]) -> pl.Series:
    """Return the texts after ``rules``, which map one byte string to another with as many lines; empty is null."""
    if texts.len() == 0:
        return texts
    plain = unaccented(texts).fill_null("")
    if plain.str.contains("\n", literal=True).any():
        plain = plain.str.replace_all("\n", " ", literal=True)
    block = plain.str.join("\n").item().encode() + b"\n"
    for rule in rules:
        block = rule(block)
    return _series(block, texts.name)


def squeezed(block: bytes) -> bytes:
    """Return the lines with single spaces, none at their ends."""
    while b"  " in block:
        block = block.replace(b"  ", b" ")
    return (b"\n" + block).replace(b" \n", b"\n").replace(b"\n ", b"\n")[1:]


def translated(table: bytes) -> Callable[[bytes], bytes]:
    """Return the rule that maps each byte through ``table``."""
    return lambda block: block.translate(table)


def kept_only(kept: str) -> Callable[[bytes], bytes]:
    """Return the rule that puts letters in upper case and deletes the characters outside ``kept``."""
    table = alphabet(kept, "\0")
    return lambda block: block.translate(table, bytes(c for c in range(256) if table[c] == 0))


def _series(block: bytes, name: str) -> pl.Series:
    letters = np.frombuffer(block, np.uint8)
    edges = letters == _NEWLINE
    ends = np.flatnonzero(edges)
    offsets = np.zeros(ends.size + 1, np.int64)
    offsets[1:] = ends - np.arange(ends.size)
    data = letters[~edges]
    array = pa.LargeStringArray.from_buffers(ends.size, pa.py_buffer(offsets), pa.py_buffer(data))
    texts = pl.Series(name, array)
    return texts.set(texts == "", None)
