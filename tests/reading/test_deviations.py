"""Each deviation met in real feeds has an invented message and yields its code, and no other message does."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from insvigil.reading import RULES, read_movements
from insvigil.reading.deviations import (
    BESIDE_A_MATRICULE,
    EVERY_CORSICAN_MATRICULE,
    EVERY_MESSAGE,
    EVERY_TEXT,
    FICTITIOUS,
    PUBLISHED_MATRICULES,
    deviations_of,
)
from insvigil.reading.hl7_pam import INS_NIA, INS_NIR
from insvigil.settings import ReadingSettings

FOLDER = Path(__file__).parents[2] / "fixtures" / "reading" / "deviations"
SETTINGS = ReadingSettings()
REFUSED = {"010", "011", "012", "013"}
# a wrong number breaks several rules at once: the stories that come with other codes
WITH = {
    "203": {"203"},
    "209": {"209"},
    "213": {"213"},
    "219": {"219", "220", "222", "223"},
    "218": {"218", "223"},
    "221": {"221"},
    "227": {"227"},
    "302": {"302"},
}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("[0-9]*.hl7")), ids=lambda path: path.stem)
def test_read_movements__names_the_deviation(path: Path) -> None:
    reading = read_movements([path], SETTINGS)
    number = path.stem[:3]
    codes = {code[-3:] for code in reading.rejects["code"]}
    assert codes == WITH.get(number, {number})
    assert reading.rejects["rejected"].to_list() == [number in REFUSED] * reading.rejects.height
    assert reading.counts["read"] == reading.counts["kept"] + reading.counts["rejected"]


def test_read_movements__has_nothing_to_say_of_conforming_messages() -> None:
    reading = read_movements([FOLDER / "conforming.hl7"], SETTINGS)
    assert reading.rejects.height == 0
    assert reading.counts["kept"] == 2


def test_rules__each_code_of_messages_has_a_fixture() -> None:
    told = {path.stem[:3] for path in FOLDER.glob("[0-9]*.hl7")}
    rules = {rule.code[-3:] for rule in RULES if rule.code[8] in "123" or "010" <= rule.code[-3:] <= "020"}
    assert told == rules


def test_read_movements__puts_a_shifted_zbe_back_in_place() -> None:
    row = read_movements([FOLDER / "302_zbe_shifted.hl7"], SETTINGS).movements.row(0, named=True)
    assert row["movement_action"] == "INSERT"
    assert row["movement_historic"] == "N"
    assert row["movement_origin"] is None
    assert (row["unit_medical"], row["unit_care"], row["movement_nature"]) == ("3201", "3202", "HMS")


def test_read_movements__never_takes_a_stray_matricule() -> None:
    for story in ("209_ins_with_unknown_oid", "210_matricule_in_hd1"):
        assert read_movements([FOLDER / f"{story}.hl7"], SETTINGS).movements["matricule"][0] is None


def test_read_movements__keeps_the_nir_when_a_nia_comes_with_it() -> None:
    row = read_movements([FOLDER / "217_nia_equals_nir.hl7"], SETTINGS).movements.row(0, named=True)
    assert row["matricule_oid"] == "1.2.250.1.213.1.4.8"


def test_read_movements__accepts_test_messages_outside_production() -> None:
    reading = read_movements([FOLDER / "106_test_message_in_production.hl7"], ReadingSettings(production=False))
    assert reading.rejects.height == 0


def test_read_movements__decodes_by_the_bytes_and_says_it() -> None:
    reading = read_movements([FOLDER / "101_declared_utf8_sent_latin.hl7"], SETTINGS)
    assert reading.movements["birth_name"].to_list() == ["NOËL"]
    assert reading.sources.select("charset_declared", "charset_found").row(0) == ("UNICODE UTF-8", "8 bits")


def test_rules__are_unique_french_and_complete() -> None:
    codes = [rule.code for rule in RULES]
    assert len(codes) == len(set(codes))
    assert codes == sorted(codes)
    for rule in RULES:
        assert rule.code.startswith("IDV-LEC-")
        assert all(text.endswith(".") for text in (rule.sentence, rule.reason, rule.advice))


def test_read_movements__tells_positions_and_never_values() -> None:
    reading = read_movements([FOLDER], SETTINGS)
    text = reading.rejects.drop("path").write_csv() + str(reading.counts) + reading.sources.drop("path").write_csv()
    for value in ("BRINDILLE", "LISON", "000123", "284037621904"):
        assert value not in text
    several = reading.rejects.filter(pl.col("path").str.contains("105_"))
    assert several.select("offset", "line", "segment", "field").row(0)[1:] == (5, "MSH", 10)


@given(
    st.lists(
        st.tuples(
            st.from_regex(r"[0-9]{15}|\"\"|[1-8][0-9]{4}2[AB][0-9]{8}|[ +0-9AB-]{0,15}", fullmatch=True)
            | st.sampled_from((*PUBLISHED_MATRICULES, "1" * 15, "9" * 13)),
            st.from_regex(r"[0-9]{8}|[0-9]{4}|\+[0-9]{7}", fullmatch=True) | st.none(),
            st.sampled_from(("M", "F", "I", None)),
            st.sampled_from((INS_NIR, INS_NIA, "1.2.3")),
        ),
        max_size=20,
    )
)
def test_deviations_of__says_of_numbers_what_it_says_of_text(
    rows: list[tuple[str, str | None, str | None, str]],
) -> None:
    schema = dict.fromkeys(("matricule", "birth_date", "sex", "matricule_oid"), pl.String)
    told = pl.DataFrame(rows, schema, orient="row").with_row_index("row")
    others = {
        name
        for deviation in (*EVERY_MESSAGE, *BESIDE_A_MATRICULE, *FICTITIOUS)
        for question in (deviation.seen, deviation.among)
        if question is not None
        for name in question.meta.root_names()
    }
    columns = told.with_columns(pl.lit(None, pl.String).alias(name) for name in sorted(others - set(told.columns)))
    asked = told.filter(pl.col("matricule") != '""')
    expected = {
        (row, seen.code) for seen in EVERY_TEXT for row in asked.filter(seen.seen.fill_null(False))["row"].to_list()
    } | {
        (row, seen.code)
        for seen in EVERY_CORSICAN_MATRICULE
        for row in asked.filter(pl.col("matricule").str.slice(5, 2).is_in(["2A", "2B"]) & seen.seen)["row"].to_list()
    }
    found = deviations_of(columns, production=False).filter(
        pl.col("code").is_between(pl.lit("IDV-LEC-218"), pl.lit("IDV-LEC-223"))
    )
    assert sorted(found.select("row", "code").rows()) == sorted(expected)


CODES = ("VALI", "PROV", "VIDE", "FICT", "DOUT", "ZZZZ", '""', None)
MATRICULES = ("184037621904122", '""', None)


def expected_of(row: dict[str, str | None]) -> set[str]:
    """Return the codes of what is asked beside a matricule or of a code alone, one row at a time."""
    insured = row["matricule"] not in (None, '""')
    validated = row["identity_code"] == "VALI"
    told = {
        "106": row["processing"] in ("T", "D"),
        "214": insured and not validated,
        "215": insured and validated and row["birth_place"] is None,
        "216": insured and validated and row["document"] is None and row["trigger"] == "A28",
        "217": insured and row["matricule_oid"] == INS_NIR and row["matricule"] == row["matricule_nia"],
        "226": row["identity_code"] == "ZZZZ",
        "227": insured and "FICT" in (row["identity_code"], *(row["attributes"] or "").split("~")),
    }
    return {code for code, seen in told.items() if seen}


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "processing": st.sampled_from(("P", "T", "D", "X", None)),
                "trigger": st.sampled_from(("A28", "A02")),
                "matricule": st.sampled_from(MATRICULES),
                "matricule_nia": st.sampled_from(MATRICULES),
                "matricule_oid": st.sampled_from((INS_NIR, INS_NIA, None)),
                "identity_code": st.sampled_from(CODES),
                "attributes": st.sampled_from(("DOUT", "FICT", "DOUT~FICT", None)),
                "birth_place": st.sampled_from(("06088", None)),
                "document": st.sampled_from(("CN", None)),
            }
        ),
        min_size=1,
        max_size=20,
    )
)
def test_deviations_of__asks_of_few_rows_what_it_would_find_in_all(rows: list[dict[str, str | None]]) -> None:
    others = ("domain", "dossier_authority", "movement_nature", "movement_action", "movement_origin", "merged_ipp")
    names = (*rows[0], *others, "collection_mode", "insi_date", "birth_date", "sex")
    columns = pl.DataFrame(rows, dict.fromkeys(names, pl.String), orient="row").with_row_index("row")
    asked = {f"IDV-LEC-{code}" for code in ("106", "214", "215", "216", "217", "226", "227")}
    found = deviations_of(columns, production=True).filter(pl.col("code").is_in(asked))
    expected = [(row, f"IDV-LEC-{code}") for row, told in enumerate(rows) for code in expected_of(told)]
    assert sorted(found.select("row", "code").rows()) == sorted(expected)
