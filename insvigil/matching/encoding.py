"""Traits to arrays: one 64-byte line an identity, and tables of distinct names. The only bridge to the kernels."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from insvigil.matching.kernels.lines import SKELETON, SOUND
from insvigil.phonetics import Texts, coarser_texts, fine_texts
from insvigil.vocabulary import BirthDateKind, Sex

Words = npt.NDArray[np.uint32]
Bytes = npt.NDArray[np.uint8]

LIST_NAMES = 4
"""Names of a given-name list that are compared."""
NAME_COLUMNS = ("birth_name", "used_name", "first_given_name", "used_given_name")
MISSING = np.uint32(0xFFFFFFFF)
ROWS_AT_A_TIME = 1 << 16
"""Rows of text worked at a time, in memory that is used again."""
LINES_AT_A_TIME = 8_192


class Encoding(NamedTuple):
    """The arrays of a file: ``lines`` (identities x 16 words), and what its words point to.

    Lines come in the order of birth dates: identities that are compared are near in memory. ``rows`` holds the row of
    the file of each line, ``places`` the line of each row.
    """

    lines: Words
    rows: Words
    places: Words
    lists: Words  # (lists, LIST_NAMES) hash of each given name
    names: Words  # (names, 16): one 64-byte line a distinct name, see ``kernels.lines``
    contacts: Words  # (2, identities): the codes of addresses and of phones, each sorted

    @property
    def size(self) -> int:
        """Number of identities."""
        return len(self.lines)

    @property
    def sexed(self) -> bool:
        """Whether the sex of any identity is known."""
        from insvigil.matching.kernels import lines as words

        return bool((self.lines[:, words.FLAGS] & words.SEX_MASK).any())

    @property
    def chars(self) -> Bytes:
        """The lines of the names as bytes: the letters of a name are its second half."""
        return self.names.view(np.uint8)

    def contact_rarity(self, left: Words, right: Words) -> Bytes:
        """Return (pairs of lines, 2): how rare the address and the phone of the commoner side are, in ⅛ bits."""
        from insvigil.matching.kernels import lines as words

        out = np.full((len(left), 2), 255, np.uint8)
        for column, word in enumerate((words.ADDRESS, words.PHONE)):
            found = self.contacts[column]
            for side in (left, right):
                codes, rows = np.unique(self.lines[side, word], return_inverse=True)
                counts = np.searchsorted(found, codes, "right") - np.searchsorted(found, codes, "left")
                rare = eighths(counts, self.size)
                rare[codes == 0] = 0
                out[:, column] = np.minimum(out[:, column], rare[rows])
        return out


def encode(traits: pl.DataFrame, focus: npt.NDArray[np.bool_] | None = None) -> Encoding:
    """Return the arrays of ``traits``; equality of codes is equality of text, whatever the order of the rows.

    The codes of e-mails are hashes on 32 bits: two that differ share one once in four thousand million pairs, which
    ``contacts.settle_contacts`` tells apart among the pairs that remain.
    """
    from insvigil.matching.kernels import lines as words

    with ThreadPoolExecutor(2) as pool:
        named = pool.submit(_names, traits)  # the longest of three works that take about as long
        coded = pool.submit(_dates_and_contacts, traits)
        placed = pool.submit(_lists_and_places, traits)
        words_of, names, family, given = named.result()
        more, matricule = coded.result()
        listed, lists, places = placed.result()
    column = words_of | more | listed
    column[words.FLAGS] = _flags(traits, matricule, column[words.DATE])
    column[words.FLAGS] |= (lists[:, 1] != 0)[listed[words.LIST]] * np.uint32(words.SEVERAL_GIVEN)
    if focus is not None:
        column[words.FLAGS] |= focus * np.uint32(words.FOCUS)
    column[words.RARITY] = np.stack([family, given, *places], axis=1).view(np.uint32)[:, 0]
    contacts = np.sort(np.stack([column[words.ADDRESS], column[words.PHONE]]), axis=1)
    rows, at = _by_date(column[words.DATE])
    return Encoding(_laid(column, at), rows, at, lists, names, contacts)


def _lists_and_places(traits: pl.DataFrame) -> tuple[dict[int, Words], Words, list[Bytes]]:
    """Return the words of given-name lists and of places, the lists themselves, and how rare places are."""
    from insvigil.matching.kernels import lines as words
    from insvigil.matching.kernels.strings import fill_lists

    (listed,), texts = _dense([_codes(traits["given_names"])], [traits["given_names"]])
    lists = np.zeros((len(texts.offsets) - 1, LIST_NAMES), np.uint32)
    fill_lists(*texts, lists)
    column, rare = {words.LIST: listed}, []
    for word, name in ((words.PLACE, "birth_place"), (words.POSTAL, "postal_code")):
        column[word], codes = _packed(traits[name], 6, 5)
        rare.append(rarity(codes, traits.height))
    return column, lists, rare


def _dates_and_contacts(traits: pl.DataFrame) -> tuple[dict[int, Words], npt.NDArray[np.uint64]]:
    """Return the words of the birth date, of the matricule and of the contact traits; and the matricules packed."""
    from insvigil.matching.kernels import lines as words

    matricule = _matricules(traits["matricule"])
    column = {
        words.DATE: _dates(traits),
        words.MATRICULE_LOW: (matricule & np.uint64(0xFFFFFFFF)).astype(np.uint32),
        words.MATRICULE_HIGH: (matricule >> np.uint64(32)).astype(np.uint32),
        words.PHONE: _phones(traits["phone"]),
    }
    for word, name in ((words.ADDRESS, "address"), (words.EMAIL, "email"), (words.CITY, "city")):
        column[word] = _equality(traits[name])
    return column, matricule


def _by_date(dates: Words) -> tuple[Words, Words]:
    """Return the rows in the order of their dates, and the place of each row in it."""
    from insvigil.matching.kernels.codes import put_in_order

    rows, places = np.empty(len(dates), np.uint32), np.empty(len(dates), np.uint32)
    put_in_order(dates, np.zeros(int(dates.max(initial=0)) + 2, np.uint32), rows, places)
    return rows, places


def _laid(column: dict[int, Words], places: Words) -> Words:
    """Return the lines made of columns, some rows at a time: each line is written while it is in cache.

    Column by column, ten million lines went sixteen times through memory: two seconds.
    """
    lines, block = _aligned(len(places), len(column)), np.empty((LINES_AT_A_TIME, len(column)), np.uint32)
    for start in range(0, len(places), LINES_AT_A_TIME):
        some = places[start : start + LINES_AT_A_TIME]
        for word, values in column.items():
            block[: len(some), word] = values[start : start + LINES_AT_A_TIME]
        lines[some] = block[: len(some)]
    return lines


def _aligned(rows: int, width: int) -> Words:
    """Return zeros whose rows of 64 bytes are each one line of cache (numpy aligns on 16 bytes)."""
    room = np.zeros(rows * width + 16, np.uint32)
    start = (-room.ctypes.data % 64) // 4
    return room[start : start + rows * width].reshape(rows, width)


def _names(traits: pl.DataFrame) -> tuple[dict[int, Words], Words, Bytes, Bytes]:
    """Return the words of the four names, the line of each name, and how rare family and given names are."""
    from insvigil.matching.kernels import lines as words

    columns = [traits[name] for name in NAME_COLUMNS]
    codes, texts = _dense([_codes(column) for column in columns], columns)
    family = rarity(np.concatenate(codes[:2]), traits.height)[: traits.height]
    named = dict(zip((words.BIRTH, words.USED, words.FIRST, words.USED_GIVEN), codes, strict=True))
    return named, name_lines(texts), family, rarity(codes[2], traits.height)


def _codes(column: pl.Series) -> Words:
    """Return the physical codes of a categorical column, ``MISSING`` where null."""
    return column.to_physical().cast(pl.UInt32).fill_null(int(MISSING)).to_numpy()


def _equality(column: pl.Series) -> Words:
    """Return codes that are equal when texts are, 0 where missing."""
    if column.dtype == pl.Categorical:
        return _codes(column) + np.uint32(1)  # missing becomes 0
    codes = np.empty(column.len(), np.uint32)
    for start, some in _pieces(column):
        hashes = (some.hash(seed=1).to_numpy() >> np.uint64(32)).astype(np.uint32)
        codes[start : start + len(hashes)] = np.where(some.is_null(), np.uint32(0), np.maximum(hashes, np.uint32(1)))
    return codes


def _dense(codes: list[Words], columns: list[pl.Series]) -> tuple[list[Words], Texts]:
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
    texts = buffers(pl.concat([pl.Series("text", [""]), distinct.cast(pl.String)]))
    return [dense[np.minimum(code, last)] for code in codes], texts


def buffers(texts: pl.Series) -> Texts:
    """Return the offsets and the bytes of a column of text; nulls are empty."""
    array = texts.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    _, offsets, data = array.buffers()
    starts = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    return Texts(starts, np.zeros(0, np.uint8) if data is None else np.frombuffer(data, np.uint8))


def _packed(column: pl.Series, bits: int, width: int) -> tuple[Words, Words]:
    """Return each code packed ``bits`` a character (see ``fill_codes``), 0 where missing, and its dense code."""
    from insvigil.matching.kernels.strings import fill_codes

    (codes,), texts = _dense([_codes(column)], [column])
    values = np.zeros(len(texts.offsets) - 1, np.uint64)
    fill_codes(*texts, bits, width, values)
    values[0] = 0
    return values.astype(np.uint32)[codes], codes


def _phones(column: pl.Series) -> Words:
    """Return each phone packed (see ``fill_phones``), 0 where missing."""
    from insvigil.matching.kernels.strings import fill_phones

    packed = np.empty(column.len(), np.uint32)
    for start, some in _pieces(column):
        fill_phones(*buffers(some.fill_null("")), packed[start : start + some.len()])
    return packed


def _matricules(column: pl.Series) -> npt.NDArray[np.uint64]:
    """Return each matricule packed four bits a character, with one bit « present »; 0 where missing."""
    from insvigil.matching.kernels.strings import fill_codes

    packed = np.zeros(column.len(), np.uint64)
    for start, some in _pieces(column):
        values = packed[start : start + some.len()]
        fill_codes(*buffers(some), 4, 13, values)
        values |= np.uint64(1 << 63)
        values[some.is_null().to_numpy()] = 0
    return packed


def _pieces(column: pl.Series) -> Iterator[tuple[int, pl.Series]]:
    """Yield a text column some rows at a time, each piece with its first row."""
    for start in range(0, column.len(), ROWS_AT_A_TIME):
        yield start, column.slice(start, ROWS_AT_A_TIME).cast(pl.String)


def _dates(traits: pl.DataFrame) -> Words:
    """Return year << 9 | month << 5 | day."""
    parts = ("birth_year", "birth_month", "birth_day")
    year, month, day = (traits[part].cast(pl.UInt32).fill_null(0).to_numpy() for part in parts)
    packed: Words = (year << np.uint32(9)) | (month << np.uint32(5)) | day
    return packed


def _flags(traits: pl.DataFrame, matricule: npt.NDArray[np.uint64], dates: Words) -> Words:
    from insvigil.matching.kernels import lines as words
    from insvigil.matching.kernels.strings import contradicts

    sexes = traits["sex"].cast(pl.Enum([sex.value for sex in Sex])).to_physical()
    known = {Sex.MALE: np.uint32(1), Sex.FEMALE: np.uint32(2)}
    of_sex = np.array([*(known.get(sex, np.uint32(0)) for sex in Sex), 0], np.uint32)
    sex = of_sex[sexes.cast(pl.UInt32).fill_null(len(Sex)).to_numpy()]
    kind = traits["birth_date_kind"]
    default = (kind.is_not_null() & (kind != BirthDateKind.EXACT.value)).to_numpy()
    valid = traits["matricule_valid"].fill_null(False).to_numpy()
    incoherent = np.empty(traits.height, np.bool_)
    contradicts(matricule, sex, dates, incoherent)
    flags: Words = (
        sex
        | default * np.uint32(words.PLACEHOLDER)
        | valid * np.uint32(words.MATRICULE_VALID)
        | incoherent * np.uint32(words.MATRICULE_INCOHERENT)
    )
    return flags


def rarity(codes: Words, size: int) -> Bytes:
    """Return how rare the value of each code is, in eighths of a bit: 8 log2(``size`` / times it comes).

    A missing value (0) has rarity 0.
    """
    counts = np.bincount(codes, minlength=1)
    table = eighths(counts, size)
    table[0] = 0
    return table[codes]


def eighths(counts: npt.NDArray[np.int64], size: int) -> Bytes:
    """Return 8 log2(size / count) for each count, between 0 and 255."""
    with np.errstate(divide="ignore", invalid="ignore"):
        bits: Bytes = np.clip(np.rint(8 * np.log2(size / counts)), 0, 255).astype(np.uint8)
    return bits


def name_lines(names: Texts) -> Words:
    """Return the line of each distinct name: its sounds, its beginnings, its letters."""
    from insvigil.matching.kernels.lines import NAME_WIDTH
    from insvigil.matching.kernels.strings import fill_names, hash_texts

    lines = _aligned(len(names.offsets) - 1, NAME_WIDTH)
    fill_names(*names, lines, lines.view(np.uint8))
    fine = fine_texts(names)
    hash_texts(*fine, SOUND, lines)
    hash_texts(*coarser_texts(fine), SKELETON, lines)
    return lines
