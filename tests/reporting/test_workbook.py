from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from xml.etree import ElementTree

import fastexcel
import polars as pl
import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from insvigil.reporting import NightReport
from insvigil.reporting.cases import case_count, doublon_cases, first_pairs, near_pairs, pair_cases
from insvigil.reporting.comparison import agreement_words, case_rows, different_letters, french_date
from insvigil.reporting.sheet_rows import letter, text_cell
from insvigil.reporting.workbook import ANOMALIES, COLUMNS, GUIDE, HOMONYMS, TO_TREAT, write_worklist
from insvigil.settings import Settings
from insvigil.vocabulary import Decision, Finding
from tests.references import workbook as slow
from tests.reporting.nights import invent_night


@pytest.fixture(scope="module")
def night() -> NightReport:
    return invent_night()


def written(report: NightReport) -> bytes:
    file = io.BytesIO()
    write_worklist(file, report)
    return file.getvalue()


@pytest.fixture(scope="module")
def book(night: NightReport) -> bytes:
    return written(night)


def sheet(book: bytes, name: str) -> pl.DataFrame:
    return fastexcel.read_excel(book).load_sheet(name, dtypes="string").to_polars()


def test_workbook__has_its_four_sheets_and_every_column(book: bytes) -> None:
    assert fastexcel.read_excel(book).sheet_names == [TO_TREAT, HOMONYMS, ANOMALIES, GUIDE]
    assert sheet(book, TO_TREAT).columns == [column.heading for column in COLUMNS]


def test_workbook__stacks_every_agregat_whole_under_its_reference(book: bytes, night: NightReport) -> None:
    rows = sheet(book, TO_TREAT)
    doublons = rows.filter(pl.col("Constat") == Finding.DPOT.label)
    assert doublons.height == night.groups.height
    for _, block in doublons.group_by("Cas", maintain_order=True):
        assert block["Rôle"].to_list() == ["référence"] + ["à comparer"] * (block.height - 1)
        assert set(block["Comparé à (IPP)"].drop_nulls()) == {block["IPP"][0]}
        assert block["Agrégat"].n_unique() == 1


def test_workbook__collisions_come_first_and_homonyms_have_their_sheet(book: bytes) -> None:
    rows = sheet(book, TO_TREAT)
    assert rows["Constat"].head(2).to_list() == [Finding.COLP.label] * 2
    assert rows["Cas"].cast(pl.Int64).is_sorted()
    assert sheet(book, HOMONYMS)["Constat"].to_list() == [Finding.HOMD.label] * 2


def test_workbook__no_matricule_of_an_identity_that_may_not_transmit_it(book: bytes, night: NightReport) -> None:
    archive = zipfile.ZipFile(io.BytesIO(book))
    strings = "".join(archive.read(name).decode() for name in archive.namelist())
    known = night.identities.join(night.statuses, on="identity_id").filter(
        pl.col("identity_id").is_in(night.groups["identity_id"].implode())
    )
    allowed = set(known.filter("ins_transmissible")["matricule"])
    hidden = set(known.filter(~pl.col("ins_transmissible"))["matricule"].drop_nulls()) | set(known["billing_nir"])
    hidden -= allowed | {None}
    assert allowed
    assert hidden
    shown = sheet(book, TO_TREAT)["Matricule INS"].drop_nulls().to_list()
    assert set(shown) & allowed
    assert not set(shown) & hidden
    assert not [nir for nir in hidden if f">{nir}<" in strings]


def test_workbook__decisions_are_a_list_and_only_they_and_comments_are_open(book: bytes) -> None:
    xml = zipfile.ZipFile(io.BytesIO(book)).read("xl/worksheets/sheet1.xml").decode()
    assert "<sheetProtection" in xml
    assert "<autoFilter" in xml
    assert 'state="frozen"' in xml
    for decision in Decision:
        assert decision.label.split("(")[0].strip() in xml
    styles = zipfile.ZipFile(io.BytesIO(book)).read("xl/styles.xml").decode()
    assert 'locked="0"' in styles


def test_workbook__is_cut_after_whole_cases_and_says_so(night: NightReport) -> None:
    short = Settings.model_validate({"reporting": {"worklist_rows": 5}})
    book = written(replace(night, settings=short))
    rows = sheet(book, TO_TREAT)
    whole = sheet(written(night), TO_TREAT)
    assert 1 <= rows.filter(pl.col("Rôle") == "à comparer").height <= 5
    assert rows.equals(whole.head(rows.height))
    assert rows["Cas"][-1] != whole["Cas"][rows.height]
    guide = "\n".join(fastexcel.read_excel(book).load_sheet(GUIDE, header_row=None).to_polars().to_series())
    assert "de plus" in guide


def test_workbook__the_same_night_gives_the_same_bytes(book: bytes, night: NightReport) -> None:
    assert written(night) == book


def test_workbook__an_empty_night_still_opens(night: NightReport) -> None:
    empty = NightReport(started=night.started, version="1", settings=night.settings)
    assert fastexcel.read_excel(written(empty)).sheet_names == [TO_TREAT, HOMONYMS, ANOMALIES, GUIDE]


def test_workbook__a_text_that_looks_like_a_formula_stays_a_text(night: NightReport) -> None:
    member = night.groups["identity_id"][0]
    named = night.identities.with_columns(
        birth_name=pl.when(pl.col("identity_id") == member).then(pl.lit('=CMD("x")')).otherwise("birth_name")
    )
    book = written(replace(night, identities=named))
    assert '=CMD("x")' in sheet(book, TO_TREAT)["Nom de naissance"].to_list()
    assert "<f>" not in zipfile.ZipFile(io.BytesIO(book)).read("xl/worksheets/sheet1.xml").decode()


def test_workbook__rows_are_those_that_xlsxwriter_writes_cell_by_cell(book: bytes, night: NightReport) -> None:
    cases = pl.concat([pair_cases(night, Finding.COLP), doublon_cases(night)])
    numbered = cases.with_columns(case=sheet(book, TO_TREAT)["Cas"].cast(pl.UInt32))
    rows = case_rows(numbered, night)
    found = slow.cells(book, "sheet1")
    assert found == slow.cells(slow.worklist(rows), "sheet1")
    assert any("<r>" in (content or "") for _, cells in found for _, _, content in cells)


@given(st.text(max_size=40))
def test_text_cell__holds_the_text_whatever_its_letters(text: str) -> None:
    cell = ElementTree.fromstring(text_cell("A1", 3, text))
    expected = io.BytesIO()
    with xlsxwriter.Workbook(expected, {"strings_to_formulas": False, "strings_to_urls": False}) as other:
        other.add_worksheet().write_string(0, 0, text)
    shared = zipfile.ZipFile(expected).read("xl/sharedStrings.xml")
    assert cell[0][0].text == ElementTree.fromstring(shared)[0][0].text


def test_letter__counts_columns_as_spreadsheets_do() -> None:
    assert [letter(column) for column in (0, 25, 26, 51, 52, 701, 702)] == ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]


def test_doublon_cases__the_reference_is_the_best_status_then_the_oldest(night: NightReport) -> None:
    order = ["QUALIFIEE", "VALIDEE", "RECUPEREE", "PROVISOIRE"]
    created = dict(night.identities.select("identity_id", "created_at").iter_rows())
    for _, block in doublon_cases(night).group_by("case", maintain_order=True):
        ranks = [(order.index(row["status"]), created[row["identity_id"]]) for row in block.iter_rows(named=True)]
        assert ranks == sorted(ranks)
        assert block["place"].to_list() == list(range(block.height))


def test_doublon_cases__new_agregats_come_first(night: NightReport) -> None:
    outcomes = doublon_cases(night).unique("case", maintain_order=True)["outcome"].to_list()
    assert outcomes == sorted(outcomes, key=lambda outcome: outcome != "new")
    assert set(outcomes) == {"new", "kept"}


def test_first_pairs__are_kept_pairs_of_the_first_cases(night: NightReport) -> None:
    pairs = first_pairs(night, 3, 4)
    assert 2 <= pairs.height <= 5
    assert pairs.join(night.pairs, on=["left", "right"], how="semi").height == pairs.height
    assert pairs.row(0) == (5, 399)


def test_near_pairs__hold_the_first_pairs_whatever_the_statuses(night: NightReport) -> None:
    unknown = replace(night, statuses=night.statuses.clear(), made={})
    near = near_pairs(unknown, 3, 4)
    first = first_pairs(night, 3, 4)
    assert first.join(near, on=["left", "right"], how="semi").height == first.height
    assert near.join(night.pairs, on=["left", "right"], how="semi").height == near.height < night.pairs.height


def test_case_count__counts_what_the_worklist_leaves_out(night: NightReport) -> None:
    short = replace(night, settings=Settings.model_validate({"reporting": {"worklist_rows": 1}}), made={})
    for finding, cases in ((Finding.DPOT, doublon_cases), (Finding.HOMD, lambda one: pair_cases(one, Finding.HOMD))):
        assert case_count(night, finding) == cases(night)["case"].n_unique() == case_count(short, finding)


def test_agreement_words__count_what_agrees_and_name_what_does_not(night: NightReport) -> None:
    row = dict.fromkeys((f"agree_{trait}" for trait in night.levels), 3)
    told = agreement_words(row | {"pair_probability": 0.9, "agree_sex": 1, "agree_phone": 0}, night)
    assert told == "8 traits concordants · sex différent"
    assert "autre identité" in agreement_words(row | {"pair_probability": None}, night)


def test_case_rows__a_deleted_value_is_shown_empty(night: NightReport) -> None:
    deleted = night.identities.with_columns(used_name=pl.lit('""'))
    rows = case_rows(pair_cases(night, Finding.COLP), replace(night, identities=deleted))
    assert [row["used_name"] for row in rows] == [None, None]


@given(st.text("ABCé-' ", max_size=12), st.text("ABCÉ-' ", max_size=12))
def test_different_letters__put_together_again_give_the_text(text: str, other: str) -> None:
    parts = different_letters(text, other)
    assert "".join(part for part, _ in parts) == text
    if not any(differs for _, differs in parts):
        assert len(text) <= len(other)


def test_different_letters__show_what_the_other_lacks_case_and_accents_aside() -> None:
    assert different_letters("LEFEBVRE", "LEFEVRE") == [("LEFE", False), ("B", True), ("VRE", False)]
    assert different_letters("Zoé", "ZOE") == [("Zoé", False)]
    assert different_letters("DUPONT", "X") == [("DUPONT", True)]


@pytest.mark.parametrize(("text", "shown"), [("19790328", "28/03/1979"), ("1979", "1979"), (None, None)])
def test_french_date__turns_whole_dates_only(text: str | None, shown: str | None) -> None:
    assert french_date(text) == shown
