"""Phonetic keys: what they merge, what they keep apart, and that they are total."""

from __future__ import annotations

from pathlib import Path

import jellyfish
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from insvigil.phonetics import coarse_key, coarse_keys, fine_key, fine_keys

SURNAMES = Path(__file__).parents[1] / "../shared/reference/patronymes_rne_freq_min2.parquet"

SAME_SOUND = """
DUPONT DUPOND|LEFEVRE LEFEBVRE|GAUTHIER GAUTIER|HENRY HENRI|RENAUD RENAULT|BENAZZOUZ BENAZOUZ|PHILIPPE FILIPPE
MEUNIER MUNIER|THIERRY TIERI|LECLERC LECLERCQ|CHRETIEN KRETIEN|GUILLAUME GHILLAUME|NGUYEN NGUIEN|MOHAMED MUHAMMAD
EL_MANSOURI ELMANSOURI|SAINT_PIERRE ST_PIERRE|SAINTE_CROIX STE_CROIX|LE_GOFF LEGOFF|DE_LA_TOUR DELATOUR
ARNAUD ARNAULT|ARNAUD ARNAULD|THIBAUD THIBAULT|GIRARD GIRART|BERNARD BERNART|ROUSSEAU ROUSSAUX|MOREAU MORAU
ELISABETH ELIZABETH|CATHERINE KATERINE|CHRISTOPHE KRISTOFE|MATHIEU MATIEU|NICOLAS NIKOLA|ISABELLE IZABELE
DJAMEL JAMEL|DJAMILA JAMILA|KHALED KALED|FATIHA FATIA|YOUSSEF YOUCEF|MOHAMMED MOHAMED|AHMAD AHMED|HAMAD HAMED
FERNANDES FERNANDEZ|GONZALES GONZALEZ|LOPES LOPEZ|WAGNER VAGNER|SCHMITT SCHMIT|SCHNEIDER SHNEIDER
LEBLANC LEBLAN|BLANCHARD BLANCHAR|COMTE COMPTE|LAMBERT LANBERT|CLEMENT CLEMAN|VINCENT VINCENS|QUENTIN KANTIN
EUGENE UGENE|MICHAEL MICKAEL|RAPHAEL RAFAEL|JOSEPH JOSEF|GEORGES JORJE|ALEXANDRE ALEKSANDRE|OUALI WALI
LEJEUNE LEJUNE|AUBERT OBERT|HUBERT UBERT|HAINAUT AINAULT|DESCHAMPS DECHAMP|ROUX ROU|LEROY LEROI|DAY DE
"""

APART = """
FAURE FORT|MARTIN MARTINEZ|BERNARD BERNIER|ANDRE ANDREE|RENE RENEE|MICHEL MICHELE|MARTIN MORIN|DUPONT DUPUY
GIRARD GIRAUD|ROUSSEL ROUSSEAU|MARIE MARIO|JEAN JEANNE|PAUL PAULE|LAURENT LAURENCE|PETIT PETITE|ROBERT ROBIN
LEROY LEROUX|FOURNIER FONTAINE|NOEL NOELLE|SIMON SIMONE|CHARLES CARLE|GARNIER GRANIER|VIDAL VITAL|MOULIN MOLIN
"""


def pairs_of(text: str) -> list[tuple[str, str]]:
    words = [pair.split() for pair in text.replace("\n", "|").split("|") if pair]
    return [(left.replace("_", " "), right.replace("_", " ")) for left, right in words]


@pytest.mark.parametrize(("left", "right"), pairs_of(SAME_SOUND))
def test_fine_key__spellings_of_one_sound_share_it(left: str, right: str) -> None:
    assert fine_key(left) == fine_key(right)
    assert coarse_key(left) == coarse_key(right)


@pytest.mark.parametrize(("left", "right"), pairs_of(APART))
def test_fine_key__keeps_distinct_names_apart(left: str, right: str) -> None:
    assert fine_key(left) != fine_key(right)


@pytest.mark.parametrize(("left", "right"), [("DUPONT", "TUPONT"), ("BENALI", "BENALLA"), ("GHEZZAL", "KHEZAL")])
def test_coarse_key__forgets_voice_and_vowels(left: str, right: str) -> None:
    assert coarse_key(left) == coarse_key(right)


names = st.text(alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZ ", max_size=25)


@given(st.lists(names, max_size=30))
def test_keys__do_not_depend_on_their_neighbours(words: list[str]) -> None:
    assert fine_keys(words) == [fine_key(word) for word in words]
    assert coarse_keys(words) == [coarse_key(word) for word in words]


@given(names)
def test_keys__are_letters_and_empty_only_for_the_empty_name(name: str) -> None:
    for key in (fine_key(name), coarse_key(name)):
        assert bool(key) == bool(name.strip())
        assert key == "" or (key.isalpha() and key.isupper())


@given(names, names)
def test_coarse_key__is_a_function_of_the_fine_key(left: str, right: str) -> None:
    if fine_key(left) == fine_key(right):
        assert coarse_key(left) == coarse_key(right)


@given(st.lists(st.text(max_size=20), max_size=10))
def test_keys__are_total_on_any_text(words: list[str]) -> None:
    assert len(fine_keys(words)) == len(coarse_keys(words)) == len(words)


def test_fine_key__merges_more_variants_and_fewer_names_than_jellyfish() -> None:
    variants, apart = pairs_of(SAME_SOUND), pairs_of(APART)

    def merged(key: object, pairs: list[tuple[str, str]]) -> int:
        return sum(key(left) == key(right) for left, right in pairs)  # type: ignore[operator]

    for rival in (jellyfish.soundex, jellyfish.metaphone, jellyfish.nysiis, jellyfish.match_rating_codex):
        assert merged(fine_key, variants) > merged(rival, variants)
        assert merged(fine_key, apart) <= merged(rival, apart)


@pytest.mark.skipif(not SURNAMES.exists(), reason="reference surnames absent")
def test_fine_key__keeps_more_real_surnames_apart_than_jellyfish() -> None:
    surnames = pl.read_parquet(SURNAMES)["nom"].head(10_000).str.replace_all("[-']", " ").to_list()
    rivals = (jellyfish.soundex, jellyfish.metaphone, jellyfish.nysiis)
    assert len(set(fine_keys(surnames))) > 1.5 * max(len({rival(name) for name in surnames}) for rival in rivals)
