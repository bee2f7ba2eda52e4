"""Traits to arrays: one 64-byte line an identity, and tables of distinct names. The only bridge to the kernels."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from insvigil.matching.coding import (
    MISSING,
    coded,
    eighths,
    hashed,
    packed_codes,
    packed_matricules,
    packed_phones,
    rarities,
    values_of,
)
from insvigil.matching.kernels.lines import SKELETON, SOUND
from insvigil.phonetics import coarser_texts, fine_texts
from insvigil.texts import Texts
from insvigil.vocabulary import BirthDateKind, Sex

Words = npt.NDArray[np.uint32]
Bytes = npt.NDArray[np.uint8]

NAME_COLUMNS = ("birth_name", "used_name", "first_given_name", "used_given_name")
_CODED = (*NAME_COLUMNS, "given_names", "birth_place", "postal_code", "address", "city")
_SEXES = pl.Enum([sex.value for sex in Sex])
_ASKED = (
    *(pl.col(name).to_physical().cast(pl.UInt32).fill_null(int(MISSING)) for name in _CODED),
    pl.col("sex").cast(_SEXES).to_physical().cast(pl.UInt32).fill_null(len(Sex)),
    pl.col("matricule_valid").fill_null(False),
    (pl.col("birth_date_kind") != BirthDateKind.EXACT.value).fill_null(False).alias("default"),
)
"""What a line takes from traits as numbers: one question, since each of twenty takes as long as its answer."""
_SEX_BITS = np.array([{Sex.MALE: 1, Sex.FEMALE: 2}.get(sex, 0) for sex in (*Sex, None)], np.uint32)

LIST_NAMES = 4
"""Names of a given-name list that are compared."""
LINES_AT_A_TIME = 1 << 16
"""Lines written at a time: four megabytes, near the core while their words come one column after the other."""


@dataclass(frozen=True)
class Encoding:
    """The arrays of a file: ``lines`` (identities x 16 words), and what its words point to.

    Lines come in the order of birth dates: identities that are compared are near in memory. ``rows`` holds the row of
    the file of each line, ``places`` the line of each row.
    """

    lines: Words
    rows: Words
    places: Words
    lists: Words  # (lists, LIST_NAMES) hash of each given name
    names: Words  # (names, 16): one 64-byte line a distinct name, see ``kernels.lines``

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

    @cached_property
    def hints(self) -> npt.NDArray[np.uint64]:
        """What tells of most names that they are nothing alike, eight bytes a name (see ``jit_lines.akin``)."""
        from insvigil.jit_lines import HINT_FAINT, HINT_KNOWN, HINT_NEAR, HINT_SEVERAL, HINT_SKELETON, HINT_TWICE
        from insvigil.matching.kernels import lines as words

        letters, twice, skeletons = (
            self.names[:, word].astype(np.uint64) for word in (words.LETTERS, words.TWICE, words.SKELETON)
        )
        hints = letters & np.uint64(words.LETTER_SET) | np.uint64(1 << HINT_KNOWN)
        hints |= (twice & np.uint64((1 << HINT_SKELETON - HINT_TWICE) - 1)) << np.uint64(HINT_TWICE)
        skeletons >>= np.uint64(32 - (HINT_KNOWN - HINT_SKELETON))  # the upper bits of 32
        hints |= skeletons << np.uint64(HINT_SKELETON)
        hints |= (twice & np.uint64(words.SEVERAL_WORDS) != 0).astype(np.uint64) << np.uint64(HINT_SEVERAL)
        lengths = letters >> np.uint64(26)
        for shift, some, most in ((HINT_FAINT, 3, 6), (HINT_NEAR, 5, 9)):  # see ``kernels.names.hope``
            may_lose = 2 * (lengths >= some) + (lengths >= most).astype(np.uint64)
            hints |= may_lose.astype(np.uint64) << np.uint64(shift)
        hints[0] = 0
        return hints

    @cached_property
    def contacts(self) -> Words:
        """Return (2, identities): the codes of addresses and of phones, each sorted."""
        from insvigil.matching.kernels import lines as words

        with ThreadPoolExecutor(2) as pool:
            return np.stack(list(pool.map(lambda word: np.sort(self.lines[:, word]), (words.ADDRESS, words.PHONE))))

    def contact_rarity(self, left: Words, right: Words) -> Bytes:
        """Return (pairs of lines, 2): how rare the address and the phone that both share are, in eighths of a bit.

        0 where they share none: no weight asks it then.
        """
        from insvigil.matching.kernels import lines as words

        def rarity(found: Words, word: int) -> Bytes:
            codes = self.lines[left, word]
            shared = np.flatnonzero((codes == self.lines[right, word]) & (codes != 0))
            some, inverse = np.unique(codes[shared], return_inverse=True)
            counts = np.searchsorted(found, some, "right") - np.searchsorted(found, some, "left")
            out = np.zeros(len(left), np.uint8)
            out[shared] = eighths(counts, self.size)[inverse]
            return out

        with ThreadPoolExecutor(2) as pool:
            return np.stack(list(pool.map(rarity, self.contacts, (words.ADDRESS, words.PHONE))), axis=1)


class _Tables(NamedTuple):
    """What is known of each distinct value, by the physical code of its category."""

    numbers: Words  # the line of a name
    family: Bytes  # how rare a family name is
    given: Bytes  # and a given name
    lists: Words  # the index of a list of given names, with the place of its first name
    firsts: Words  # the hash of the first name of a list
    others: Words  # what ``FLAGS`` holds of the others
    begins: Words  # of the first word of a name
    places: dict[str, tuple[Words, Bytes]]  # a birth place or a postal code, packed, and how rare it is


def encode(traits: pl.DataFrame, focus: npt.NDArray[np.bool_] | None = None) -> Encoding:
    """Return the arrays of ``traits``; equality of codes is equality of text, whatever the order of the rows.

    The codes of e-mails are hashes on 32 bits: two that differ share one once in four thousand million pairs, which
    ``contacts.settle_contact`` tells apart among the pairs that remain.
    """
    from insvigil.matching.kernels import lines as words
    from insvigil.matching.kernels.codes import lay

    size = traits.height
    with ThreadPoolExecutor(2) as pool:
        named = pool.submit(_names, traits)  # the longest
        listed = pool.submit(_lists, traits)
        placed = {name: pool.submit(_places, traits[name], size) for name in ("birth_place", "postal_code")}
        dates = _dates(traits)
        rows, places = _by_date(dates)
        numbers, family, given, texts = named.result()
        names = pool.submit(name_lines, texts)
        begins = tokens_of(texts, 1)[numbers, 0]
        lists, tokens = listed.result()
        by_name = {name: place.result() for name, place in placed.items()}
        firsts, others = tokens[lists, 0], _others(tokens)[lists]
        lists = lists | (firsts >> np.uint32(words.FIRST_SHIFT)) << np.uint32(words.FIRST_SHIFT)
        tables = _Tables(numbers, family, given, lists, firsts, others, begins, by_name)
        lines = aligned(size, words.WIDTH)

        def lay_some(start: int) -> None:
            part = slice(start, start + LINES_AT_A_TIME)
            some = _words(traits[part], tables, dates[part], None if focus is None else focus[part])
            lay(some, places[part], lines)

        list(pool.map(lay_some, range(0, size, LINES_AT_A_TIME)))
        return Encoding(lines, rows, places, tokens, names.result())


def _words(traits: pl.DataFrame, tables: _Tables, dates: Words, focus: npt.NDArray[np.bool_] | None) -> Words:
    """Return the words of the lines of some identities (words x identities), in their order."""
    from insvigil.matching.kernels import lines as words

    out = np.empty((words.WIDTH, traits.height), np.uint32)
    asked = {column.name: column.to_numpy() for column in traits.select(_ASKED)}
    for word, name in (
        (words.BIRTH, "birth_name"), (words.USED, "used_name"),
        (words.FIRST, "first_given_name"), (words.USED_GIVEN, "used_given_name"),
    ):  # fmt: skip
        out[word] = values_of(asked[name], tables.numbers)
    out[words.LIST] = values_of(asked["given_names"], tables.lists)
    out[words.DATE] = dates
    rare = [values_of(asked["birth_name"], tables.family), values_of(asked["first_given_name"], tables.given)]
    for word, name in ((words.PLACE, "birth_place"), (words.POSTAL, "postal_code")):
        packed, rarity = tables.places[name]
        out[word] = values_of(asked[name], packed)
        rare.append(values_of(asked[name], rarity))
    matricules = packed_matricules(traits["matricule"])
    out[words.MATRICULE_LOW : words.MATRICULE_HIGH + 1] = matricules.view(np.uint32).reshape(-1, 2).T
    out[words.PHONE] = packed_phones(traits["phone"])
    out[words.EMAIL] = hashed(traits["email"])
    for word, name in ((words.ADDRESS, "address"), (words.CITY, "city")):
        out[word] = asked[name] + np.uint32(1)  # missing becomes 0
    out[words.FLAGS] = _flags(asked, matricules, dates)
    out[words.FLAGS] |= _of_lists(asked, tables)
    if focus is not None:
        out[words.FLAGS] |= focus * np.uint32(words.FOCUS)
    out[words.RARITY] = np.stack(rare, axis=1).view(np.uint32)[:, 0]
    return out


def _names(traits: pl.DataFrame) -> tuple[Words, Bytes, Bytes, Texts]:
    """Return by physical code the number of each name, how rare it is as family and as given name; and the texts."""
    names = coded([traits[name] for name in NAME_COLUMNS])
    family = rarities(names.counts[0] + names.counts[1], traits.height)
    given = rarities(names.counts[2], traits.height)
    return names.numbers, names.spread(family), names.spread(given), names.texts


def _lists(traits: pl.DataFrame) -> tuple[Words, Words]:
    """Return by physical code the index of each given-name list, and the lists."""
    listed = coded([traits["given_names"]])
    return listed.numbers, tokens_of(listed.texts, LIST_NAMES)


def tokens_of(texts: Texts, most: int) -> Words:
    """Return the hash of each of the first names of texts (texts x names), 0 where there is none."""
    from insvigil.matching.kernels.strings import fill_lists

    tokens = np.zeros((len(texts.offsets) - 1, most), np.uint32)
    fill_lists(*texts, tokens)
    return tokens


def _places(column: pl.Series, size: int) -> tuple[Words, Bytes]:
    """Return by physical code each place packed, and how rare it is."""
    place = coded([column])
    return place.spread(packed_codes(place.texts)), place.spread(rarities(place.counts[0], size))


def _by_date(dates: Words) -> tuple[Words, Words]:
    """Return the rows in the order of their dates, and the place of each row in it."""
    from insvigil.matching.kernels.codes import put_in_order

    rows, places = np.empty(len(dates), np.uint32), np.empty(len(dates), np.uint32)
    put_in_order(dates, np.zeros(int(dates.max(initial=0)) + 2, np.uint32), rows, places)
    return rows, places


def aligned(rows: int, width: int) -> Words:
    """Return zeros whose rows of 64 bytes are each one line of cache (numpy aligns on 16 bytes)."""
    room = np.zeros(rows * width + 16, np.uint32)
    start = (-room.ctypes.data % 64) // 4
    return room[start : start + rows * width].reshape(rows, width)


def _dates(traits: pl.DataFrame) -> Words:
    """Return year << 9 | month << 5 | day."""
    parts = ("birth_year", "birth_month", "birth_day")
    year, month, day = (traits[part].cast(pl.UInt32).fill_null(0).to_numpy() for part in parts)
    packed: Words = (year << np.uint32(9)) | (month << np.uint32(5)) | day
    return packed


def _flags(asked: dict[str, npt.NDArray[Any]], matricule: npt.NDArray[np.uint64], dates: Words) -> Words:
    from insvigil.matching.kernels import lines as words
    from insvigil.matching.kernels.strings import contradicts

    sex = _SEX_BITS[asked["sex"]]
    incoherent = np.empty(len(sex), np.bool_)
    contradicts(matricule, sex, dates, incoherent)
    flags: Words = (
        sex
        | asked["default"] * np.uint32(words.PLACEHOLDER)
        | asked["matricule_valid"] * np.uint32(words.MATRICULE_VALID)
        | incoherent * np.uint32(words.MATRICULE_INCOHERENT)
    )
    return flags


def _others(tokens: Words) -> Words:
    """Return of each list what ``FLAGS`` holds of its names after the first: the second one's hash, the set of all."""
    from insvigil.matching.kernels import lines as words

    known = tokens != 0
    others: Words = tokens[:, 1] & np.uint32(words.SECOND)
    for name in range(1, tokens.shape[1]):
        place = np.uint32(words.LATER) + (tokens[:, name] >> np.uint32(words.FIRST_SHIFT))
        others |= known[:, name].astype(np.uint32) << place
    return others


def _of_lists(asked: dict[str, npt.NDArray[Any]], tables: _Tables) -> Words:
    """Return what ``FLAGS`` holds of lists: the hash of the second name only where they begin with the first given one.

    Of two lists that begin with one name, the second names alone tell most from each other.
    """
    from insvigil.matching.kernels import lines as words

    others, begins = values_of(asked["given_names"], tables.others), values_of(asked["given_names"], tables.firsts)
    usual = begins == values_of(asked["first_given_name"], tables.begins)
    flags: Words = others & ~(np.uint32(words.SECOND) * ~usual)
    return flags


def name_lines(names: Texts) -> Words:
    """Return the line of each distinct name: its sounds, its beginnings, its letters."""
    from insvigil.matching.kernels.lines import NAME_WIDTH
    from insvigil.matching.kernels.strings import fill_names, hash_texts

    lines = aligned(len(names.offsets) - 1, NAME_WIDTH)
    fill_names(*names, lines, lines.view(np.uint8))
    fine = fine_texts(names)
    hash_texts(*fine, SOUND, lines)
    hash_texts(*coarser_texts(fine), SKELETON, lines)
    return lines
