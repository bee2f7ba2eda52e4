from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from insvigil.errors import SourceError
from insvigil.qualif import derive_statuses, insi, leverage
from insvigil.settings import QualifSettings
from tests.qualif.people import INS, MATRICULE, QUALIFIED, TEST, TRAITS, changes, identities, stays

NONE = QualifSettings()
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


def test_verification_requests__an_answer_that_confirmed_counts_as_a_verification() -> None:
    told = changes([("0000", "insi_answer", None, "confirmed", datetime(2026, 3, 5, 23, 59))])
    found = verifications(QUALIFIED | {"insi_date": "20230102"}, QUALIFIED, answers=told)
    assert found.select("ipp", "date_derniere_verification").rows() == [("0001", None), ("0000", "2026-03-05")]
    assert verifications(QUALIFIED, before=date(2026, 1, 1), answers=told).is_empty()


def test_read_insi_requests__a_file_without_a_column_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text("lot_id;ligne\n", encoding="utf-8")
    with pytest.raises(SourceError, match="operation"):
        insi.read_insi_requests(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SourceError, match="UTF-8"):
        insi.read_insi_requests(path)
