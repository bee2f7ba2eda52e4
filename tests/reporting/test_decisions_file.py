from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

from insvigil.errors import SourceError
from insvigil.reporting import NightReport, read_decisions
from insvigil.reporting.cases import doublon_cases, pair_cases
from insvigil.reporting.comparison import case_rows
from insvigil.reporting.workbook import COLUMNS, HOMONYMS, TO_TREAT, write_worklist
from insvigil.vocabulary import Decision, Finding
from tests.reporting.nights import DOMAIN, invent_night

HEADINGS = [column.heading for column in COLUMNS]


@pytest.fixture(scope="module")
def night() -> NightReport:
    return invent_night(200)


def filled(path: Path, night: NightReport, decided: dict[int, str]) -> Path:
    """Write the sheets as a spreadsheet saves them back, with decisions at some lines of « À traiter »."""
    book = xlsxwriter.Workbook(path)
    for name, finding in ((TO_TREAT, Finding.DPOT), (HOMONYMS, Finding.HOMD)):
        sheet = book.add_worksheet(name)
        sheet.write_row(0, 0, HEADINGS)
        cases = doublon_cases(night) if finding is Finding.DPOT else pair_cases(night, finding)
        for line, row in enumerate(case_rows(cases, night), 1):
            values = [row[column.name] for column in COLUMNS]
            if name == TO_TREAT and line + 1 in decided:
                values[HEADINGS.index("Décision")] = decided[line + 1]
                values[HEADINGS.index("Commentaire")] = " vu avec le service "
            sheet.write_row(line, 0, [None if value is None else str(value) for value in values])
    book.close()
    return path


def compared_lines(night: NightReport) -> list[int]:
    return [line for line, place in enumerate(doublon_cases(night)["place"], 2) if place]


def test_read_decisions__a_fresh_worklist_holds_none(night: NightReport, tmp_path: Path) -> None:
    path = tmp_path / "classeur.xlsx"
    with path.open("wb") as file:
        write_worklist(file, night)
    assert read_decisions(path).is_empty()


def test_read_decisions__gives_each_pair_decided_by_label_or_code(night: NightReport, tmp_path: Path) -> None:
    first, second, *_ = compared_lines(night)
    path = filled(tmp_path / "c.xlsx", night, {first: Decision.NON_DOUBLON.label, second: " doublon "})
    found = read_decisions(path)
    assert found["decision"].to_list() == ["NON_DOUBLON", "DOUBLON"]
    assert found["line"].to_list() == [first, second]
    assert found["comment"].to_list() == ["vu avec le service"] * 2
    assert set(found["domain_left"]) | set(found["domain_right"]) == {DOMAIN}
    cases = doublon_cases(night).join(
        night.identities.select("identity_id", "ipp"), on="identity_id", maintain_order="left"
    )
    row = cases.row(first - 2, named=True)
    reference = cases.filter(pl.col("case") == row["case"], pl.col("place") == 0)["ipp"][0]
    assert found.select("ipp_left", "ipp_right").row(0) == (reference, row["ipp"])


def test_read_decisions__names_the_line_of_what_is_not_in_the_list(night: NightReport, tmp_path: Path) -> None:
    line = compared_lines(night)[0]
    with pytest.raises(SourceError, match=f"ligne {line}") as caught:
        read_decisions(filled(tmp_path / "c.xlsx", night, {line: "peut-être"}))
    assert "peut-être" not in str(caught.value)
    assert Decision.A_VERIFIER.label in str(caught.value)


def test_read_decisions__refuses_a_decision_on_a_reference_row(night: NightReport, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="ligne 2"):
        read_decisions(filled(tmp_path / "c.xlsx", night, {2: Decision.DOUBLON.label}))


def test_read_decisions__refuses_another_file(tmp_path: Path) -> None:
    text = tmp_path / "notes.xlsx"
    text.write_text("rien")
    with pytest.raises(SourceError, match="ne se lit pas comme un classeur"):
        read_decisions(text)
    other = tmp_path / "autre.xlsx"
    with xlsxwriter.Workbook(other) as book:
        book.add_worksheet("Feuil1")
    with pytest.raises(SourceError, match="n'a pas de feuille"):
        read_decisions(other)
    renamed = tmp_path / "renomme.xlsx"
    with xlsxwriter.Workbook(renamed) as book:
        book.add_worksheet(TO_TREAT).write_row(0, 0, ["IPP", "Décision"])
    with pytest.raises(SourceError, match="Domaine"):
        read_decisions(renamed)
