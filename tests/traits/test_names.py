"""Names: the comparison key is total, idempotent, blind to case and accents; placeholders are no names."""

from __future__ import annotations

import unicodedata

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from insvigil.traits.names import comparison_key, family_key, first_of_list, name_key


def one(rule: object, text: str | None) -> str | None:
    return rule(pl.Series("x", [text], dtype=pl.String)).item()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Éric", "ERIC"),
        ("jean--luc", "JEAN LUC"),
        ("L’Hôte", "L HOTE"),
        ("D'ALEMBERT", "D ALEMBERT"),
        ("Œuvrard", "OEUVRARD"),
        ("Lætitia", "LAETITIA"),
        ("Straße", "STRASSE"),
        ("Łukasz", "LUKASZ"),
        ("Þórður", "THORDUR"),
        ("İbrahim", "IBRAHIM"),
        ("Ÿves", "YVES"),
        ("  DE   LA\tTOUR ", "DE LA TOUR"),
        ("DUPONT\nMARTIN", "DUPONT MARTIN"),
        ("Иван", None),
        ("---", None),
        ("", None),
        (None, None),
    ],
)
def test_comparison_key__follows_the_lexical_profile(text: str | None, key: str | None) -> None:
    assert one(comparison_key, text) == key


@given(st.lists(st.text(max_size=30) | st.none(), max_size=20))
def test_comparison_key__is_total_and_idempotent(texts: list[str | None]) -> None:
    keys = comparison_key(pl.Series("x", texts, dtype=pl.String))
    assert len(keys) == len(texts)
    for key in keys:
        assert key is None or (key == " ".join(key.split()) and key.replace(" ", "").isalpha() and key.isascii())
    assert comparison_key(keys).to_list() == keys.to_list()


@given(st.text(alphabet=st.characters(codec="iso8859-15", categories=["L", "Zs", "Pd"]), max_size=20))
def test_comparison_key__is_blind_to_case_and_accents(text: str) -> None:
    bare = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    keys = {
        one(comparison_key, form)
        for form in (text, text.upper(), text.lower(), unicodedata.normalize("NFD", text), bare)
    }
    assert len(keys) == 1


@pytest.mark.parametrize("text", ["INCONNU", "Inconnue", "X", "xx", "X X", "TEST", "Bébé", "SANS PRÉNOM", "Mme"])
def test_name_key__a_placeholder_is_no_name(text: str) -> None:
    assert one(name_key, text) is None


@pytest.mark.parametrize("text", ["XAVIER", "SANS SOUCI", "TESTARD", "PATIENT", "MAÎTRE", "JUMEAU", "TOTO", "NEANT"])
def test_name_key__a_real_name_that_looks_like_a_placeholder_stays(text: str) -> None:
    assert one(name_key, text) == one(comparison_key, text)


def test_name_key__a_site_adds_its_placeholders() -> None:
    names = pl.Series(["NON COMMUNIQUE SITE", "DUPONT"])
    assert name_key(names, ("NON COMMUNIQUE SITE",)).to_list() == [None, "DUPONT"]


def test_name_key__drops_leading_civilities_only() -> None:
    assert one(name_key, "M. Mme DUPONT") == "M MME DUPONT"
    assert one(name_key, "Monsieur DUPONT") == "DUPONT"
    assert one(name_key, "Mme Mlle DUPONT") == "DUPONT"
    assert one(name_key, "DUPONT MADAME") == "DUPONT MADAME"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("DUPONT née MARTIN", "MARTIN"),
        ("DUPONT NE(E) MARTIN", "MARTIN"),
        ("DUPONT épouse MARTIN", "DUPONT"),
        ("DUPONT Vve MARTIN", "DUPONT"),
        ("DUPONT EP MARTIN", "DUPONT"),
        ("DUPONT NEE", "DUPONT"),
        ("NEE", "NEE"),
        ("RENEE MARTIN", "RENEE MARTIN"),
        ("DUPONT née INCONNUE", None),
    ],
)
def test_family_key__finds_the_birth_name_of_a_field_that_holds_two(text: str, key: str | None) -> None:
    assert one(family_key, text) == key


@given(st.text(alphabet="NE EPOUSVMA-'X", max_size=25))
def test_family_key__is_idempotent(text: str) -> None:
    once = one(family_key, text)
    assert one(family_key, once) == once


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("JEAN-CHRISTOPHE PIERRE", "JEAN CHRISTOPHE"),
        ("JEAN,PIERRE", "JEAN"),
        (" Zoé ", "ZOE"),
        ("BEBE A", None),
        ("", None),
    ],
)
def test_first_of_list__a_hyphen_keeps_a_composed_name_whole(text: str, first: str | None) -> None:
    assert one(first_of_list, text) == first
