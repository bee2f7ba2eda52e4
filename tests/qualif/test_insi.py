from __future__ import annotations

import shutil
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from insvigil.errors import SourceError
from insvigil.qualif import derive_statuses, insi, leverage
from insvigil.settings import QualifSettings
from tests.qualif.people import INS, MATRICULE, QUALIFIED, TEST, TRAITS, identities, stays

NONE = QualifSettings()
SAMPLES = Path(__file__).parents[2] / "../shared/samples/insi_answers"
TODAY = (date(2026, 1, 1), date(2026, 6, 30))
VALIDATED = TRAITS | {"identity_code": "VALI"}


def verifications(*people: dict[str, Any], **options: Any) -> pl.DataFrame:
    base = identities(*people)
    return insi.verification_requests(base, derive_statuses(base, NONE), lot_id="L1", **options)


def test_verification_requests__only_matricules_that_may_leave_oldest_first() -> None:
    found = verifications(
        QUALIFIED | {"insi_date": "20260102"},
        QUALIFIED,
        QUALIFIED | {"insi_date": "20240102"},
        VALIDATED,
        TRAITS | INS,
        QUALIFIED | {"matricule_oid": TEST},
        QUALIFIED | {"attributes": "DOUT"},
        QUALIFIED | {"matricule": MATRICULE[:13]},
    )
    assert found["ipp"].to_list() == ["0001", "0002", "0000"]
    assert found["ligne"].to_list() == [1, 2, 3]
    first = found.row(0, named=True)
    assert (first["ins_matricule"], first["ins_cle"]) == (MATRICULE[:13], MATRICULE[13:])
    assert (first["date_naissance"], first["operation"]) == ("1964-03-12", "verification")
    assert verifications(QUALIFIED | {"insi_date": "20260102"}, QUALIFIED, before=date(2026, 1, 1))[
        "ipp"
    ].to_list() == ["0001"]


def test_recovery_requests__only_controlled_patients_who_come_and_no_matricule() -> None:
    base = identities(VALIDATED | {"birth_name": "D’ARZÈL-Œuf"}, TRAITS, VALIDATED, QUALIFIED)
    statuses = derive_statuses(base, NONE)
    coming = {"trigger": "A05", "movement_at": datetime(2026, 7, 2)}
    came = stays(
        *({"ipp": f"000{n}", "dossier": f"D{n}"} | coming for n in (0, 1, 3)),
        {"ipp": "0002", "dossier": "D2", "movement_at": datetime(2026, 2, 2)},
    )
    expected = leverage(base, statuses, came, NONE, period=TODAY)
    found = insi.recovery_requests(base, statuses, expected, lot_id="L1")
    assert found["ipp"].to_list() == ["0000"]
    assert found["nom_naissance"].to_list() == ["D'ARZEL-OEUF"]
    assert found.select("ins_matricule", "ins_cle", "ins_oid").rows() == [(None, None, None)]


def test_as_csv__says_whose_layout_it_is_and_reads_back(tmp_path: Path) -> None:
    asked = verifications(QUALIFIED, QUALIFIED)
    path = tmp_path / "lot.csv"
    path.write_text(insi.as_csv(asked), encoding="utf-8")
    assert "pas un format officiel" in path.read_text(encoding="utf-8").split("\n")[0]
    assert insi.read_insi_requests(path).drop("line").equals(asked)


def answer_file(folder: Path, name: str, *rows: str) -> Path:
    path = folder / name
    path.write_text("\n".join([";".join(insi.ANSWER_COLUMNS), *rows]) + "\n", encoding="utf-8")
    return path


def test_read_insi_answers__is_idempotent_and_the_latest_answer_counts(tmp_path: Path) -> None:
    asked = verifications(*[QUALIFIED] * 4)
    first = answer_file(
        tmp_path, "r1.csv", "L1;1;OK;;;;;2026-03-01", "L1;2;KO;;;;inconnu;2026-03-01", "L1;3;02;;;;;20260301"
    )
    second = answer_file(tmp_path, "r2.csv", "L1;2;ok;;;;;2026-03-05")
    once = insi.read_insi_answers([first, second], asked)
    again = insi.read_insi_answers([second, first, second, first], asked)
    assert once.evidence.equals(again.evidence)
    rows = once.evidence.select("ipp", "resultat", "recovered", "date_reponse").rows()
    assert rows == [
        ("0000", "OK", True, date(2026, 3, 1)),
        ("0001", "OK", True, date(2026, 3, 5)),
        ("0002", "02", False, date(2026, 3, 1)),
    ]
    assert once.refused.is_empty()


def test_read_insi_answers__what_cannot_be_used_is_refused_with_its_place(tmp_path: Path) -> None:
    asked = verifications(QUALIFIED)
    path = answer_file(tmp_path, "r.csv", "L1;1;PEUT-ETRE;;;;;", "L9;1;OK;;;;;", "L1;x;OK;;;;;")
    xml = tmp_path / "sans-ligne.xml"
    xml.write_text("<a/>")
    bomb = tmp_path / "L1_1.xml"
    bomb.write_text('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')
    found = insi.read_insi_answers([path, xml, bomb], asked)
    assert found.evidence.is_empty()
    assert sorted(found.refused.rows()) == [
        ("L1_1.xml", 1, "INSI-XML"),
        ("r.csv", 2, "INSI-RESULTAT"),
        ("r.csv", 3, "INSI-SANS-DEMANDE"),
        ("r.csv", 4, "INSI-SANS-DEMANDE"),
        ("sans-ligne.xml", 1, "INSI-NOM-DE-FICHIER"),
    ]


def test_read_insi_answers__a_file_without_a_column_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text("lot_id;ligne\n", encoding="utf-8")
    with pytest.raises(SourceError, match="resultat"):
        insi.read_insi_answers([path], verifications(QUALIFIED))
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SourceError, match="UTF-8"):
        insi.read_insi_answers([path], verifications(QUALIFIED))


def teleservice(name: str, given: str, born: str, place: str = "99214", sex: str = "F") -> str:
    return (
        '<R xmlns="http://www.cnamts.fr/INSiResultat"><CR><CodeCR>00</CodeCR><LibelleCR>OK</LibelleCR></CR><INDIVIDU>'
        f"<INSACTIF><IdIndividu><NumIdentifiant>{MATRICULE[:13]}</NumIdentifiant><Cle>58</Cle></IdIndividu></INSACTIF>"
        f"<TIQ><NomNaissance>{name}</NomNaissance><ListePrenom>{given}</ListePrenom><Sexe>{sex}</Sexe>"
        f"<DateNaissance>{born}</DateNaissance><LieuNaissance>{place}</LieuNaissance></TIQ></INDIVIDU></R>"
    )


@pytest.mark.parametrize(
    ("answer", "discordant"),
    [
        (teleservice("ZELPHIN", "ORIANE LISE", "1964-03-12"), ""),
        (teleservice("ZELPHIN", "ORIANE LISE MARIE", "1964-03-12"), ""),
        (teleservice("ZELFIN", "LISE ORIANE", "1964-03-21", "99999", "M"), "nom prenoms sexe date lieu"),
    ],
)
def test_read_insi_answers__traits_of_insi_are_compared_and_a_difference_is_left_to_a_person(
    tmp_path: Path, answer: str, discordant: str
) -> None:
    (tmp_path / "L1_1.xml").write_text(answer, encoding="utf-8")
    row = insi.read_insi_answers([tmp_path / "L1_1.xml"], verifications(QUALIFIED)).evidence.row(0, named=True)
    assert (row["discordant"], row["recovered"]) == (discordant, discordant == "")


@pytest.mark.skipif(not SAMPLES.exists(), reason="the shared samples are not here")
def test_read_insi_answers__reads_every_published_answer(tmp_path: Path) -> None:
    asked = verifications(*[QUALIFIED] * 5)
    paths = []
    for line, sample in enumerate(sorted(SAMPLES.glob("*.xml")), start=1):
        paths.append(tmp_path / f"L1_{line}.xml")
        shutil.copy(sample, paths[-1])
    found = insi.read_insi_answers(paths, asked)
    assert found.refused.is_empty()
    assert found.evidence["resultat"].to_list() == ["01", "00", "00", "00", "00"]
    assert found.evidence["discordant"].to_list()[0] is None
    assert all(found.evidence["discordant"].to_list()[1:])
