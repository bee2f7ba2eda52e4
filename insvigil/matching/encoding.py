"""Traits to arrays: one 64-byte line an identity, and tables of distinct names. The only bridge to the kernels."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from insvigil.phonetics import coarse_keys, fine_keys
from insvigil.vocabulary import BirthDateKind, Sex

Words = npt.NDArray[np.uint32]
Bytes = npt.NDArray[np.uint8]

LIST_NAMES = 4
"""Names of a given-name list that are compared."""
NAME_COLUMNS = ("birth_name", "used_name", "first_given_name", "used_given_name")
MISSING = np.uint32(0xFFFFFFFF)


class Encoding(NamedTuple):
    """The arrays of a file: ``lines`` (identities x 16 words) and what its words point to."""

    lines: Words
    lists: Words  # (lists, LIST_NAMES) hash of each given name
    names: Words  # (names, 5): hashes of fine key, skeleton, three letters and initial; set of letters and length
    chars: Bytes  # (names, 32)
    contact_rarity: Bytes  # (identities, 2): address, phone

    @property
    def size(self) -> int:
        """Number of identities."""
        return len(self.lines)


def encode(traits: pl.DataFrame, focus: npt.NDArray[np.bool_] | None = None) -> Encoding:
    """Return the arrays of ``traits``; equality of codes is equality of text, whatever the order of the rows."""
    from insvigil.matching.kernels import lines as words
    from insvigil.matching.kernels.strings import fill_lists

    size = traits.height
    traits = traits.with_columns(pl.col("matricule", "phone", "email").cast(pl.Categorical))
    lines = np.zeros((size, words.WIDTH), np.uint32)
    codes, names = _dense([_codes(traits[name]) for name in NAME_COLUMNS], [traits[name] for name in NAME_COLUMNS])
    for word, code in zip((words.BIRTH, words.USED, words.FIRST, words.USED_GIVEN), codes, strict=True):
        lines[:, word] = code
    with ThreadPoolExecutor(1) as aside:
        tables = aside.submit(_name_tables, names)  # phonetics, while the other core packs the rest
        (code,), texts = _dense([_codes(traits["given_names"])], [traits["given_names"]])
        lines[:, words.LIST] = code
        lists = np.zeros((len(texts), LIST_NAMES), np.uint32)
        fill_lists(*_buffers(texts), lists)
        lines[:, words.DATE] = _dates(traits)
        place, place_code = _packed(traits["birth_place"], 6, 5)
        postal, postal_code = _packed(traits["postal_code"], 6, 5)
        lines[:, words.PLACE], lines[:, words.POSTAL] = place, postal
        matricule, _ = _packed(traits["matricule"], 4, 13)
        matricule |= np.where(matricule > 0, np.uint64(1 << 63), np.uint64(0))
        lines[:, words.MATRICULE_LOW] = matricule & np.uint64(0xFFFFFFFF)
        lines[:, words.MATRICULE_HIGH] = matricule >> np.uint64(32)
        contacts = ((words.ADDRESS, "address"), (words.PHONE, "phone"), (words.EMAIL, "email"), (words.CITY, "city"))
        for word, name in contacts:
            lines[:, word] = _codes(traits[name]) + np.uint32(1)  # missing becomes 0
        lines[:, words.FLAGS] = _flags(traits, matricule)
        if focus is not None:
            lines[focus, words.FLAGS] |= words.FOCUS
        family, _ = rarity([codes[0], codes[1]], size)
        rare = (family, *(rarity([code], size)[0] for code in (codes[2], place_code, postal_code)))
        lines[:, words.RARITY] = np.stack(rare, axis=1).view(np.uint32)[:, 0]
        contact = np.stack([rarity([lines[:, word]], size)[0] for word in (words.ADDRESS, words.PHONE)], axis=1)
    return Encoding(lines, lists, *tables.result(), contact_rarity=contact)


def _codes(column: pl.Series) -> Words:
    """Return the physical codes of a categorical column, ``MISSING`` where null."""
    return column.to_physical().cast(pl.UInt32).fill_null(int(MISSING)).to_numpy()


def _dense(codes: list[Words], columns: list[pl.Series]) -> tuple[list[Words], pl.Series]:
    """Return codes 1, 2, 3 … shared by the columns (0: missing) and the text of each code, the empty text first."""
    distinct = pl.concat([column.unique().drop_nulls().rename("text") for column in columns]).unique()
    physical = distinct.to_physical().to_numpy()
    counts = np.zeros(int(physical.max(initial=0)) + 2, np.int64)
    for code in codes:
        counts += np.bincount(np.minimum(code, np.uint32(len(counts) - 1)), minlength=len(counts))
    order = np.argsort(-counts[physical], kind="stable")  # frequent values side by side: their tables stay in cache
    physical, distinct = physical[order], distinct.gather(order)
    dense = np.zeros(len(counts), np.uint32)
    dense[physical] = np.arange(1, len(physical) + 1, dtype=np.uint32)
    last = np.uint32(len(dense) - 1)  # where missing codes are sent
    texts = pl.concat([pl.Series("text", [""]), distinct.cast(pl.String)])
    return [dense[np.minimum(code, last)] for code in codes], texts


def _buffers(texts: pl.Series) -> tuple[npt.NDArray[np.int64], Bytes]:
    """Return the offsets and the bytes of a column of text without null."""
    array = texts.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    _, offsets, data = array.buffers()
    starts = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    letters = np.zeros(0, np.uint8) if data is None else np.frombuffer(data, np.uint8).copy()
    return starts.copy(), letters  # copies: kernels take arrays that may be written


def _packed(column: pl.Series, bits: int, width: int) -> tuple[npt.NDArray[np.uint64], Words]:
    """Return each code packed ``bits`` a character (see ``fill_codes``), 0 where missing, and its dense code."""
    from insvigil.matching.kernels.strings import fill_codes

    (codes,), texts = _dense([_codes(column)], [column])
    values = np.zeros(len(texts), np.uint64)
    fill_codes(*_buffers(texts), bits, width, values)
    values[0] = 0
    return values[codes], codes


def _dates(traits: pl.DataFrame) -> Words:
    """Return year << 9 | month << 5 | day."""
    parts = ("birth_year", "birth_month", "birth_day")
    year, month, day = (traits[part].cast(pl.UInt32).fill_null(0).to_numpy() for part in parts)
    packed: Words = (year << np.uint32(9)) | (month << np.uint32(5)) | day
    return packed


def _flags(traits: pl.DataFrame, matricule: npt.NDArray[np.uint64]) -> Words:
    from insvigil.matching.kernels import lines as words

    sex = traits["sex"].cast(pl.String).replace_strict({Sex.MALE: 1, Sex.FEMALE: 2}, default=0, return_dtype=pl.UInt32)
    kind = traits["birth_date_kind"]
    default = (kind.is_not_null() & (kind != BirthDateKind.EXACT.value)).to_numpy()
    valid = traits["matricule_valid"].fill_null(False).to_numpy()
    return (
        sex.fill_null(0).to_numpy()
        | default * np.uint32(words.PLACEHOLDER)
        | valid * np.uint32(words.MATRICULE_VALID)
        | _incoherent(traits, matricule, sex.fill_null(0).to_numpy()) * np.uint32(words.MATRICULE_INCOHERENT)
    )


def _incoherent(traits: pl.DataFrame, matricule: npt.NDArray[np.uint64], sex: Words) -> npt.NDArray[np.bool_]:
    """Whether a matricule contradicts two of sex, year and month beside it: it is then a relative's, not a slip."""
    digit = [((matricule >> np.uint64(4 * (12 - k))) & np.uint64(15)).astype(np.int64) for k in range(5)]
    year, month = (traits[f"birth_{part}"].cast(pl.Int64).fill_null(0).to_numpy() for part in ("year", "month"))
    wrong = ((sex > 0) & (digit[0] <= 2) & (digit[0] != sex)).astype(np.int64)
    wrong += (year > 0) & (digit[1] * 10 + digit[2] != year % 100)
    number = digit[3] * 10 + digit[4]
    wrong += (month > 0) & (number >= 1) & (number <= 12) & (number != month)
    incoherent: npt.NDArray[np.bool_] = (matricule > 0) & (wrong >= 2)
    return incoherent


def rarity(columns: list[Words], size: int) -> list[Bytes]:
    """Return how rare the value of each row is, in eighths of a bit: 8 log2(rows / rows that have the value).

    The columns share their counts; a missing value (0) has rarity 0.
    """
    counts = np.zeros(max(int(column.max(initial=0)) for column in columns) + 1, np.int64)
    for column in columns:
        counts += np.bincount(column, minlength=len(counts))
    with np.errstate(divide="ignore", invalid="ignore"):
        eighths = np.clip(np.rint(8 * np.log2(size / counts)), 0, 255)
    eighths[0] = 0
    table = eighths.astype(np.uint8)
    return [table[column] for column in columns]


def _name_tables(names: pl.Series) -> tuple[Words, Bytes]:
    from insvigil.matching.kernels.strings import WIDTH, fill_names

    chars, lengths = np.zeros((len(names), WIDTH), np.uint8), np.zeros(len(names), np.uint8)
    letters = np.zeros(len(names), np.uint32)
    fill_names(*_buffers(names), chars, lengths, letters)
    letters |= lengths.astype(np.uint32) << np.uint32(26)
    spelled = names.to_list()
    keys = (fine_keys(spelled), coarse_keys(spelled), names.str.head(3), names.str.head(1))
    return np.stack([*(_hashed(pl.Series(key)) for key in keys), letters], axis=1), chars


def _hashed(texts: pl.Series) -> Words:
    return (texts.hash(seed=1).to_numpy() >> np.uint64(32)).astype(np.uint32)
