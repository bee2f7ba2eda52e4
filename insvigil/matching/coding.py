"""Columns of traits to codes: equal codes are equal texts, whatever the order of the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar, cast

import numpy as np
import numpy.typing as npt
import polars as pl

from insvigil.distinct import pieces_of
from insvigil.texts import Texts, buffers

Words = npt.NDArray[np.uint32]
Bytes = npt.NDArray[np.uint8]
Longs = npt.NDArray[np.uint64]

T = TypeVar("T", bound=np.generic)

MISSING = np.uint32(0xFFFFFFFF)


class Coded(NamedTuple):
    """Categorical columns that share one numbering: 1, 2, 3 … from the most frequent value, 0 where missing.

    ``numbers`` holds the number of each physical code, ``texts`` the text of each number (the empty one first),
    ``counts`` how often each number comes in each column.
    """

    numbers: Words
    texts: Texts
    counts: npt.NDArray[np.int64]

    def spread(self, by_number: npt.NDArray[T]) -> npt.NDArray[T]:
        """Return by physical code what is known by number."""
        return by_number[self.numbers]


def physical(column: pl.Series) -> Words:
    """Return the physical codes of a categorical column, ``MISSING`` where null."""
    codes = column.to_physical().cast(pl.UInt32)
    return (codes.fill_null(int(MISSING)) if codes.null_count() else codes).to_numpy()


def values_of(codes: Words, table: npt.NDArray[T]) -> npt.NDArray[T]:
    """Return what a table says of physical codes; its last entry is for the missing ones."""
    return table.take(codes.astype(np.intp), mode="clip")  # twice as fast as a lookup that checks each code


def tallied(columns: Sequence[pl.Series]) -> Words:
    """Return (columns x physical codes): how often each code comes in each column; the last is for the missing ones."""
    from insvigil.matching.kernels.codes import tally

    most = max((int(cast(int | None, column.to_physical().max()) or 0) for column in columns), default=0)
    counts = np.zeros((len(columns), most + 2), np.uint32)
    for column, row in zip(columns, counts, strict=True):
        for piece in pieces_of(column):
            tally(physical(piece), row)
    return counts


def coded(columns: Sequence[pl.Series]) -> Coded:
    """Return the numbering that categorical columns share."""
    counts = tallied(columns)
    total = counts[:, :-1].sum(axis=0, dtype=np.int64)
    codes = np.flatnonzero(total)
    codes = codes[np.argsort(-total[codes], kind="stable")]  # frequent values side by side: their tables stay in cache
    numbers = np.zeros(counts.shape[1], np.uint32)
    numbers[codes] = np.arange(1, len(codes) + 1, dtype=np.uint32)
    distinct = pl.Series("text", codes.astype(np.uint32)).cat.to(pl.Categorical())
    texts = buffers(pl.concat([pl.Series("text", [""]), distinct.cast(pl.String)]))
    known = np.concatenate([np.zeros((len(columns), 1), np.int64), counts[:, codes].astype(np.int64)], axis=1)
    return Coded(numbers, texts, known)


def packed_codes(texts: Texts) -> Words:
    """Return each place or postal code packed six bits a character (see ``fill_codes``), 0 for the empty text."""
    from insvigil.matching.kernels.strings import fill_codes

    packed = np.zeros(len(texts.offsets) - 1, np.uint64)
    fill_codes(*texts, 6, 5, packed)
    packed[:1] = 0
    return packed.astype(np.uint32)


def packed_phones(column: pl.Series) -> Words:
    """Return each phone packed (see ``fill_phones``), 0 where missing."""
    from insvigil.matching.kernels.strings import fill_phones

    packed = np.empty(column.len(), np.uint32)
    fill_phones(*buffers(column.cast(pl.String)), packed)
    return packed


def packed_matricules(column: pl.Series) -> Longs:
    """Return each matricule packed four bits a character, with one bit « present »; 0 where missing."""
    from insvigil.matching.kernels.strings import fill_codes

    packed = np.zeros(column.len(), np.uint64)
    fill_codes(*buffers(column.cast(pl.String)), 4, 13, packed)
    packed |= np.uint64(1 << 63)
    packed[column.is_null().to_numpy()] = 0
    return packed


def hashed(column: pl.Series) -> Words:
    """Return a hash of each text, 0 where missing."""
    hashes = (column.hash(seed=1).to_numpy() >> np.uint64(32)).astype(np.uint32)
    return np.where(column.is_null().to_numpy(), np.uint32(0), np.maximum(hashes, np.uint32(1)))


def rarities(counts: npt.NDArray[np.int64], size: int) -> Bytes:
    """Return how rare the value of each number is, in eighths of a bit: 8 log2(``size`` / times it comes).

    A missing value (0) has rarity 0.
    """
    table = eighths(counts, size)
    table[:1] = 0
    return table


def eighths(counts: npt.NDArray[np.int64], size: int) -> Bytes:
    """Return 8 log2(size / count) for each count, between 0 and 255."""
    with np.errstate(divide="ignore", invalid="ignore"):
        bits: Bytes = np.clip(np.rint(8 * np.log2(size / counts)), 0, 255).astype(np.uint8)
    return bits
