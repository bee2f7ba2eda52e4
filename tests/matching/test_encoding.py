"""Lines: in the order of birth dates, one code a text, whatever the slices they are written in."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from insvigil.matching import encoding as stage
from insvigil.matching.encoding import encode
from insvigil.matching.kernels import codes, names
from insvigil.matching.kernels import lines as words
from tests.matching.entries import entry
from tests.matching.files import population

elsewhere_hope = entry(names.elsewhere_hope)


def test_encode__lines_come_by_birth_date_and_rows_and_places_go_from_one_to_the_other() -> None:
    traits, *_ = population(3_000, 8)
    encoding = encode(traits)
    dates = encoding.lines[:, words.DATE]
    assert (np.diff(dates.astype(np.int64)) >= 0).all()
    assert (encoding.rows[encoding.places] == np.arange(traits.height)).all()
    years = traits["birth_year"].fill_null(0).to_numpy()[encoding.rows]
    assert (dates >> 9 == years).all()


@pytest.mark.parametrize(
    ("word", "name"),
    [
        (words.BIRTH, "birth_name"), (words.USED, "used_name"), (words.FIRST, "first_given_name"),
        (words.LIST, "given_names"), (words.PLACE, "birth_place"), (words.POSTAL, "postal_code"),
        (words.ADDRESS, "address"), (words.PHONE, "phone"), (words.EMAIL, "email"), (words.CITY, "city"),
    ],
)  # fmt: skip
def test_encode__codes_are_equal_when_texts_are_and_0_where_there_is_none(word: int, name: str) -> None:
    traits, *_ = population(3_000, 8)
    encoding = encode(traits)
    found = pl.DataFrame({"code": encoding.lines[encoding.places, word], "text": traits[name].cast(pl.String)})
    assert (found.filter(pl.col("text").is_null())["code"] == 0).all()
    known = found.drop_nulls()
    assert known.height and (known["code"] != 0).all()
    assert known.unique().height == known["code"].n_unique() == known["text"].n_unique()


def test_encode__a_line_tells_where_its_given_names_may_be_among_those_of_another() -> None:
    traits, *_ = population(3_000, 8)
    encoding = encode(traits)
    listed = [(text or "").split()[: stage.LIST_NAMES] for text in traits["given_names"].cast(pl.String)]
    rng = np.random.default_rng(3)
    met = {True: 0, False: 0}
    for left, right in rng.integers(0, traits.height, (4_000, 2)).tolist():
        i, j = encoding.places[left], encoding.places[right]
        one, other = listed[left], listed[right]
        used = encoding.lines[i, words.USED_GIVEN] or encoding.lines[j, words.USED_GIVEN]
        elsewhere = bool(used) or (one[:1] and one[0] in other[1:]) or (other[:1] and other[0] in one[1:])
        told = elsewhere_hope(encoding.lines, i, j)
        assert told or not elsewhere
        met[bool(elsewhere)] += told
        if one[1:] and other[1:] and one[1] == other[1] and one[0] == other[0]:
            seconds = encoding.lines[[i, j], words.FLAGS] & words.SECOND
            assert seconds[0] == seconds[1]
    assert met[True] > 20  # such pairs are among those drawn, and a sixth at most of the others pass
    assert met[False] < 4_000 / 6


def test_encode__does_not_depend_on_the_slices_it_is_written_in(monkeypatch: pytest.MonkeyPatch) -> None:
    traits, *_ = population(3_000, 8)
    whole = encode(traits)
    monkeypatch.setattr(stage, "LINES_AT_A_TIME", 700)
    assert (encode(traits).lines == whole.lines).all()


def test_contact_rarity__counts_what_both_share() -> None:
    traits, *_ = population(3_000, 8)
    encoding = encode(traits)
    rng = np.random.default_rng(1)
    left, right = rng.integers(0, traits.height, (2, 4_000), dtype=np.uint32)
    left[:1_000] = right[:1_000]  # shares both with itself, where it has them
    found = encoding.contact_rarity(left, right)
    for column, word in enumerate((words.ADDRESS, words.PHONE)):
        values = encoding.lines[:, word]
        for pair in (*range(50), *range(3_000, 3_050)):
            one, other = values[left[pair]], values[right[pair]]
            shared = one == other != 0
            bits = np.log2(traits.height / (values == one).sum()) if shared else 0
            assert found[pair, column] == round(8 * bits)


@given(st.lists(st.integers(0, 40) | st.just(2024 << 9), max_size=60))
def test_put_in_order__follows_a_stable_sort(dates: list[int]) -> None:
    values = np.array(dates, np.uint32)
    rows, places = np.empty((2, len(dates)), np.uint32)
    codes.put_in_order(values, np.zeros(int(values.max(initial=0)) + 2, np.uint32), rows, places)
    assert rows.tolist() == np.argsort(values, kind="stable").tolist()
    assert rows[places].tolist() == list(range(len(dates)))


@given(st.lists(st.integers(0, 12), max_size=60))
def test_tally__counts_each_code_and_those_beyond_together(found: list[int]) -> None:
    counts = np.zeros(8, np.uint32)
    codes.tally(np.array(found, np.uint32), counts)
    assert counts.tolist() == [found.count(code) for code in range(7)] + [sum(code >= 7 for code in found)]
