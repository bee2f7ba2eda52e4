from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from insvigil.errors import SourceError
from insvigil.qualif import derive_statuses, explain_status, ins_changes, insi, kept, status_history
from insvigil.qualif.answers import ANSWER_COLUMNS, REFUSALS, Answers, read_insi_answers, take_in
from insvigil.register import Register, history, insi_answers, open_register, stats, status_ledger
from insvigil.register import check as faults_of
from insvigil.register import identities as active
from insvigil.settings import QualifSettings, RegisterSettings, Settings
from insvigil.vocabulary import DELETED, Status
from tests.qualif.nights import START, at, message, night
from tests.qualif.people import INS, MATRICULE, NIR, QUALIFIED, TRAITS, changes, creation, identities

P, R, V, Q = Status
NONE = QualifSettings()
SAMPLES = Path(__file__).parents[2] / "../shared/samples/insi_answers"
TODAY = date(2026, 3, 31)
VALIDATED = TRAITS | {"identity_code": "VALI", "document": "PA"}
GIVEN = "ZELPHIN;ORIANE LISE;F;1964-03-12;99214"


def requests(operation: str, *people: dict[str, Any]) -> pl.DataFrame:
    """A list as the room writes it, whatever the status of the people."""
    return insi._requests(
        identities(*people).with_columns(asked=pl.lit(None, pl.Date)),
        "L1",
        operation,
        with_matricule=operation == "verification",
    )


def answer_file(folder: Path, name: str, *rows: str, traits: bool = False) -> Path:
    path = folder / name
    added = ";nom_naissance;liste_prenoms;sexe;date_naissance;lieu_naissance_cog" if traits else ""
    path.write_text("\n".join([";".join(ANSWER_COLUMNS) + added, *rows]) + "\n", encoding="utf-8")
    return path


def test_read_insi_answers__reading_twice_changes_nothing(tmp_path: Path) -> None:
    base = identities(*[QUALIFIED] * 4)
    asked = requests("verification", *[QUALIFIED] * 4)
    first = answer_file(
        tmp_path, "r1.csv", "L1;1;OK;;;;;2026-03-01", "L1;2;KO;;;;inconnu;2026-03-01", "L1;3;02;;;;;20260301"
    )
    second = answer_file(tmp_path, "r2.csv", "L1;2;ok;;;;;2026-03-05")
    once = read_insi_answers([first, second], asked, base, today=TODAY)
    again = read_insi_answers([second, first, second, first], asked, base, today=TODAY)
    assert once.evidence.equals(again.evidence)
    assert once.evidence.select("ipp", "outcome", "effect", "answered_on").rows() == [
        ("0000", "OK", "confirmed", date(2026, 3, 1)),
        ("0001", "KO", "refused", date(2026, 3, 1)),
        ("0001", "OK", "confirmed", date(2026, 3, 5)),
        ("0002", "02", None, date(2026, 3, 1)),
    ]
    assert once.refused.is_empty()


def test_read_insi_answers__what_cannot_be_used_is_refused_with_its_place(tmp_path: Path) -> None:
    asked = requests("verification", QUALIFIED, QUALIFIED)
    path = answer_file(
        tmp_path,
        "r.csv",
        "L1;1;PEUT-ETRE;;;;;2026-03-01",
        "L9;1;OK;;;;;2026-03-01",
        "L1;x;OK;;;;;2026-03-01",
        "L1;1;OK;;;;;",
        "L1;1;OK;;;;;2026-04-01",
        "L1;2;OK;;;;;2026-03-01",
    )
    xml = tmp_path / "sans-ligne.xml"
    xml.write_text("<a/>")
    bomb = tmp_path / "L1_1.xml"
    bomb.write_text('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')
    found = read_insi_answers([path, xml, bomb], asked, identities(QUALIFIED), today=TODAY)
    assert found.evidence.is_empty()
    assert sorted(found.refused.rows()) == [
        ("L1_1.xml", 1, "INSI-XML"),
        ("r.csv", 2, "INSI-RESULTAT"),
        ("r.csv", 3, "INSI-SANS-DEMANDE"),
        ("r.csv", 4, "INSI-SANS-DEMANDE"),
        ("r.csv", 5, "INSI-DATE"),
        ("r.csv", 6, "INSI-DATE"),
        ("r.csv", 7, "INSI-IPP-INACTIF"),
        ("sans-ligne.xml", 1, "INSI-NOM-DE-FICHIER"),
    ]
    assert set(found.refused["code"]) == REFUSALS.keys()


def test_read_insi_answers__a_file_without_a_column_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text("lot_id;ligne\n", encoding="utf-8")
    base, asked = identities(QUALIFIED), requests("verification", QUALIFIED)
    with pytest.raises(SourceError, match="resultat"):
        read_insi_answers([path], asked, base, today=TODAY)
    with pytest.raises(SourceError, match="ne peut pas être lu"):
        read_insi_answers([tmp_path / "L1_1.xml"], asked, base, today=TODAY)


@pytest.mark.parametrize(
    ("row", "effect", "discordant"),
    [
        (f"L1;1;00;{MATRICULE[:13]};{MATRICULE[13:]};{NIR};;2026-03-01;{GIVEN}", "confirmed", ""),
        (f"L1;1;00;{MATRICULE[:13]};{MATRICULE[13:]};{NIR};;2026-03-01;;;;;", None, None),
        (f"L1;1;00;{MATRICULE[:13]};59;{NIR};;2026-03-01;{GIVEN}", None, ""),
        (f"L1;1;00;{MATRICULE[:13]};{MATRICULE[13:]};1.2.250.1.213.1.4.10;;2026-03-01;{GIVEN}", None, ""),
        (f"L1;1;00;;;;;2026-03-01;{GIVEN}", None, ""),
        (
            f"L1;1;00;{MATRICULE[:13]};{MATRICULE[13:]};{NIR};;2026-03-01;ZELFIN;ORIANE LISE;F;1964-03-12;99214",
            None,
            "nom",
        ),
    ],
)
def test_read_insi_answers__a_recovery_needs_its_traits_and_a_true_matricule(
    tmp_path: Path, row: str, effect: str | None, discordant: str | None
) -> None:
    path = answer_file(tmp_path, "r.csv", row, traits=True)
    asked = requests("recuperation", VALIDATED)
    (found,) = read_insi_answers([path], asked, identities(VALIDATED), today=TODAY).evidence.to_dicts()
    assert (found["effect"], found["discordant"]) == (effect, discordant)


def test_read_insi_answers__another_matricule_than_the_one_asked_is_a_difference(tmp_path: Path) -> None:
    path = answer_file(tmp_path, "r.csv", f"L1;1;OK;1850575123456;73;{NIR};;2026-03-01")
    asked = requests("verification", QUALIFIED)
    (found,) = read_insi_answers([path], asked, identities(QUALIFIED), today=TODAY).evidence.to_dicts()
    assert (found["effect"], found["discordant"]) == (None, "matricule")


@pytest.mark.parametrize("outcome", ["OK", "KO"])
def test_read_insi_answers__traits_changed_since_the_request_leave_it_without_effect(
    tmp_path: Path, outcome: str
) -> None:
    path = answer_file(tmp_path, "r.csv", f"L1;1;{outcome};;;;;2026-03-01")
    asked = requests("verification", QUALIFIED)
    (found,) = read_insi_answers(
        [path], asked, identities(QUALIFIED | {"birth_name": "ZELFIN"}), today=TODAY
    ).evidence.to_dicts()
    assert found["effect"] is None
    assert "refaire la demande" in found["advice"]


def teleservice(name: str, given: str, born: str, place: str = "99214", sex: str = "F") -> str:
    return (
        '<R xmlns="http://www.cnamts.fr/INSiResultat"><CR><CodeCR>00</CodeCR><LibelleCR>OK</LibelleCR></CR><INDIVIDU>'
        f"<INSACTIF><IdIndividu><NumIdentifiant>{MATRICULE[:13]}</NumIdentifiant><Cle>58</Cle></IdIndividu>"
        f"<OID>{NIR}</OID></INSACTIF>"
        f"<TIQ><NomNaissance>{name}</NomNaissance><ListePrenom>{given}</ListePrenom><Sexe>{sex}</Sexe>"
        f"<DateNaissance>{born}</DateNaissance><LieuNaissance>{place}</LieuNaissance></TIQ></INDIVIDU></R>"
    )


@pytest.mark.parametrize("operation", ["verification", "recuperation"])
@pytest.mark.parametrize(
    ("answer", "discordant"),
    [
        (teleservice("ZELPHIN", "ORIANE LISE", "1964-03-12"), ""),
        (teleservice("ZELPHIN", "ORIANE LISE MARIE", "1964-03-12"), ""),
        (teleservice("ZELFIN", "LISE ORIANE", "1964-03-21", "99999", "M"), "nom prenoms sexe date lieu"),
    ],
)
def test_read_insi_answers__traits_of_insi_are_compared_and_a_difference_is_left_to_a_person(
    tmp_path: Path, answer: str, discordant: str, operation: str
) -> None:
    (tmp_path / "L1_1.xml").write_text(answer, encoding="utf-8")
    asked = requests(operation, QUALIFIED)
    today = date.today()
    row = read_insi_answers([tmp_path / "L1_1.xml"], asked, identities(QUALIFIED), today=today).evidence.row(
        0, named=True
    )
    assert (row["discordant"], row["effect"]) == (discordant, "confirmed" if discordant == "" else None)


@pytest.mark.skipif(not SAMPLES.exists(), reason="the shared samples are not here")
def test_read_insi_answers__reads_every_published_answer(tmp_path: Path) -> None:
    people = [QUALIFIED] * 5
    paths = []
    for line, sample in enumerate(sorted(SAMPLES.glob("*.xml")), start=1):
        paths.append(tmp_path / f"L1_{line}.xml")
        shutil.copy(sample, paths[-1])
    asked = requests("verification", *people)
    found = read_insi_answers(paths, asked, identities(*people), today=date.today())
    assert found.refused.is_empty()
    assert found.evidence["outcome"].to_list() == ["01", "00", "00", "00", "00"]
    assert found.evidence["discordant"].to_list()[0] is None
    assert all(found.evidence["discordant"].to_list()[1:])
    assert found.evidence["effect"].null_count() == 5


@pytest.mark.parametrize(
    ("before", "effect", "keeps", "status", "evidence"),
    [
        (QUALIFIED, "refused", False, V, "insi_refused INSi=20260305"),
        (TRAITS | {"identity_code": "PROV", "insi_date": "20260101"}, "refused", False, P, "insi_refused"),
        (QUALIFIED, "refused", True, Q, None),
        (VALIDATED, "confirmed", False, Q, "insi ZFD-7=PA INSi=20260305"),
        (TRAITS | {"identity_code": "PROV"}, "confirmed", False, R, "insi INSi=20260305"),
        (QUALIFIED, "confirmed", False, Q, None),
        (VALIDATED | {"birth_date_corrected": "Y"}, "confirmed", False, V, None),
        (VALIDATED | {"attributes": "DOUT"}, "confirmed", False, P, None),
        (VALIDATED | {"birth_place": None}, "confirmed", False, V, None),
    ],
)
def test_statuses__an_answer_read_back_gives_or_takes_the_recovery(
    before: dict[str, Any], effect: str, keeps: bool, status: Status, evidence: str | None
) -> None:
    settings = QualifSettings(withdraw_on_insi_ko=not keeps)
    told = [*creation("0000", {name: value for name, value in before.items() if value})]
    answered = datetime(2026, 3, 5, 23, 59, 59)
    facts = changes([*told, ("0000", "insi_answer", None, effect, answered)])
    base = identities(before)
    found = derive_statuses(base, settings, changes=facts)
    assert found["status"].to_list() == [status]
    ledger = status_history(facts, settings)
    assert kept(found, base, ledger)["status"].to_list() == [status]
    moved = ledger.row(-1, named=True)
    assert (moved["at"] == answered) == (evidence is not None)
    if evidence is not None:
        assert moved["evidence"].startswith(evidence)
        assert moved["anomaly"] is None
    assert found["ins_transmissible"].to_list() == [status == Q and "matricule" in before]


@pytest.fixture
def register(tmp_path: Path) -> Iterator[Register]:
    with open_register(RegisterSettings(path=tmp_path / "registre.duckdb")) as opened:
        yield opened


def imported(register: Register, folder: Path, operation: str, ipp: str, *rows: str, day: int) -> tuple[Answers, int]:
    base = active(register)
    asked = insi._requests(
        base.filter(pl.col("ipp") == ipp).with_columns(asked=pl.lit(None, pl.Date)),
        "L1",
        operation,
        with_matricule=operation == "verification",
    )
    path = answer_file(folder, "r.csv", *rows, traits=any(row.count(";") > 7 for row in rows))
    found = read_insi_answers([path], asked, base, today=at(day).date())
    with register.transaction():
        taken = take_in(register, found.evidence, base, Settings(), now=at(day))
    return found, taken.fresh


def standing(register: Register) -> dict[str, str]:
    base, ledger = active(register), status_ledger(register)
    found = kept(derive_statuses(base, NONE, changes=ins_changes(register)), base, ledger)
    return dict(zip(base["ipp"], found["status"], strict=True))


def test_take_in__stores_once_moves_at_once_and_the_next_nights_agree(register: Register, tmp_path: Path) -> None:
    night(register, 2, message(0, "A28", "1", **VALIDATED), message(0, "A28", "2", **QUALIFIED))
    got = f"L1;1;00;{MATRICULE[:13]};{MATRICULE[13:]};{NIR};;2026-03-04;{GIVEN}"
    assert imported(register, tmp_path, "recuperation", "1", got, day=4)[1] == 1
    assert standing(register) == {"1": Q, "2": Q}
    before = stats(register)
    assert imported(register, tmp_path, "recuperation", "1", got, day=5)[1] == 0
    assert {**stats(register), "bytes": 0} == {**before, "bytes": 0}
    assert imported(register, tmp_path, "verification", "2", "L1;1;KO;;;;;2026-03-05", day=5)[1] == 1
    assert standing(register) == {"1": Q, "2": V}
    # A night that speaks of something else changes nothing; one that brings a newer INSi date gives the INS back.
    assert night(register, 6, message(5, "A31", "2", phone="0102030405")) == {"1": Q, "2": V}
    assert night(register, 7, message(6, "A31", "2", insi_date="20260307")) == {"1": Q, "2": Q}
    assert night(register, 8, message(7, "A31", "1", **INS)) == {"1": Q, "2": Q}
    rows = status_ledger(register).select(
        "ipp", "from_status", "to_status", "at", pl.col("evidence").str.split(" ").list.first()
    )
    assert rows.rows() == [
        ("1", None, V, at(0), "creation"),
        ("2", None, Q, at(0), "creation"),
        ("1", V, Q, at(3).replace(hour=23, minute=59, second=59), "insi"),
        ("2", Q, V, at(4).replace(hour=23, minute=59, second=59), "insi_refused"),
        ("2", V, Q, at(6), "insi"),
    ]
    assert faults_of(register) == []
    assert history(register, "2").filter(pl.col("field") == "insi_answer")["new"].to_list() == ["refused"]
    base = active(register).filter(pl.col("ipp") == "1")
    answer = explain_status(base, NONE, changes=ins_changes(register))
    assert ("réponse INSi relue", "INS confirmé, 04/03/2026") in answer.facts


def test_take_in__what_comes_after_the_answer_outlives_it(register: Register, tmp_path: Path) -> None:
    night(register, 2, message(0, "A28", "1", **QUALIFIED))
    imported(register, tmp_path, "verification", "1", "L1;1;OK;;;;;2026-03-03", day=3)
    assert night(register, 4, message(3, "A31", "1", birth_name="ZELFIN")) == {"1": P}
    imported(register, tmp_path, "verification", "1", "L1;1;OK;;;;;2026-03-05", day=5)
    assert standing(register) == {"1": Q}
    gone = {"matricule": DELETED, "matricule_oid": NIR, "identity_code": "VALI"}
    assert night(register, 7, message(6, "A47", "1", **gone)) == {"1": V}


def test_insi_answers__follow_a_change_of_ipp_and_not_a_merge(register: Register, tmp_path: Path) -> None:
    night(register, 2, message(0, "A28", "1", **VALIDATED), message(0, "A28", "2", **VALIDATED))
    got = f"L1;1;00;{MATRICULE[:13]};{MATRICULE[13:]};{NIR};;2026-03-03;{GIVEN}"
    imported(register, tmp_path, "recuperation", "1", got, day=3)
    assert night(register, 5, message(4, "A47", "9", merged_domain="H", merged_ipp="1")) == {"2": V, "9": Q}
    assert insi_answers(register)["ipp"].to_list() == ["9"]
    assert night(register, 6, message(5, "A40", "2", merged_domain="H", merged_ipp="9")) == {"2": V}


def test_take_in__an_xml_copied_again_is_the_same_answer(register: Register, tmp_path: Path) -> None:
    night(register, 2, message(0, "A28", "1", **VALIDATED))
    base = active(register)
    asked = requests("recuperation", VALIDATED).with_columns(ipp=pl.lit("1"))
    path = tmp_path / "L1_1.xml"
    path.write_text(teleservice("ZELPHIN", "ORIANE LISE", "1964-03-12"), encoding="utf-8")
    fresh = []
    for day in (3, 5):
        os.utime(path, (at(day).timestamp(),) * 2)
        found = read_insi_answers([path], asked, base, today=at(9).date())
        with register.transaction():
            fresh.append(take_in(register, found.evidence, base, Settings(), now=at(9)).fresh)
    assert fresh == [1, 0]
    assert insi_answers(register)["valid_at"].to_list() == [START.replace(day=4, hour=23, minute=59, second=59)]


def test_take_in__a_cut_leaves_neither_answer_nor_status(register: Register, tmp_path: Path) -> None:
    night(register, 2, message(0, "A28", "1", **QUALIFIED))
    base = active(register)
    path = answer_file(tmp_path, "r.csv", "L1;1;KO;;;;;2026-03-03")
    asked = requests("verification", QUALIFIED).with_columns(ipp=pl.lit("1"))
    found = read_insi_answers([path], asked, base, today=at(3).date())
    before = stats(register)

    def cut() -> None:
        with register.transaction():
            assert take_in(register, found.evidence, base, Settings(), now=at(3)).fresh == 1
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cut()
    assert {**stats(register), "bytes": 0} == {**before, "bytes": 0}
    assert standing(register) == {"1": Q}
