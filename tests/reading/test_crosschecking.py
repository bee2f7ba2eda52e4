from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from insvigil.frames import Identities, Stays
from insvigil.reading import crosscheck, with_survivors
from tests.reading.test_vidhosp import billed, hospital, write

MOTHER = {"ipp": "000100", "birth_date": "19840317", "sex": "F", "matricule": "284037621904173"}
CHILD = {"ipp": "000200", "birth_date": "20260105", "sex": "M", "mother_ipp": "000100", "birth_rank": "1"}
BILLED = {"insured_nir": "284037621904173", "matricule": "", "sex": "2", "birth_date": "17031984", "ipp": "000100"}
NEWBORN = {"ipp": "000200", "birth_date": "05012026", "sex": "1", "dossier": "24000778", "mother_dossier": "24000777",
           "matricule": "", "birth_rank": "1"}  # fmt: skip


def found(folder: Path, *lines: dict[str, str], people: tuple[dict[str, Any], ...] = (MOTHER, CHILD)) -> pl.DataFrame:
    rows = [{"identity_id": n, "domain": "D", "changed": True} | person for n, person in enumerate(people)]
    empty = Identities.create_empty()
    identities = Identities.validate(pl.DataFrame(rows, schema=empty.schema))
    stay = {"domain": "D", "ipp": "000100", "dossier": "24000777", "movement": "1|", "trigger": "A01"}
    stays = Stays.validate(pl.DataFrame([stay], schema=Stays.create_empty().schema))
    texts = [hospital(**line)[:466] + "00" for line in lines]  # N, the number of blocks that follow, ends each line
    lines_told = billed(write(folder, *texts)).crosschecks
    assert lines_told.height == len(lines)
    return crosscheck(lines_told, identities, stays)


def test_crosscheck__says_nothing_of_what_agrees(tmp_path: Path) -> None:
    assert found(tmp_path, BILLED, NEWBORN).is_empty()


@pytest.mark.parametrize(
    ("line", "code", "ipp"),
    [
        (BILLED | {"ipp": "999999"}, "IDV-LEC-601", "999999"),
        (BILLED | {"birth_date": "18031984"}, "IDV-LEC-602", "000100"),
        (BILLED | {"sex": "1"}, "IDV-LEC-603", "000100"),
        (BILLED | {"matricule": "284037621904274"}, "IDV-LEC-604", "000100"),
        (BILLED | {"billing_nir": "284037621904274"}, "IDV-LEC-605", "000100"),
        (NEWBORN | {"birth_rank": "2"}, "IDV-LEC-608", "000200"),
        (BILLED | {"mother_dossier": "24000777", "dossier": "24000778"}, "IDV-LEC-609", "000100"),
    ],
)
def test_crosscheck__names_the_difference(tmp_path: Path, line: dict[str, str], code: str, ipp: str) -> None:
    rows = found(tmp_path, line)
    assert rows.select("code", "ipp").rows() == [(code, ipp)]
    assert rows["identity_id"].null_count() == (code == "IDV-LEC-601")


def test_crosscheck__names_another_mother(tmp_path: Path) -> None:
    rows = found(tmp_path, NEWBORN, people=(MOTHER, CHILD | {"mother_ipp": "000300"}))
    assert rows.select("code", "ipp").rows() == [("IDV-LEC-607", "000200")]


def test_crosscheck__names_two_identities_billed_under_one_nir(tmp_path: Path) -> None:
    rows = found(
        tmp_path, BILLED | {"billing_nir": MOTHER["matricule"]}, NEWBORN | {"billing_nir": MOTHER["matricule"]}
    )
    assert rows.select("code", "identity_id", "other_id").rows() == [("IDV-LEC-606", 0, 1)]


def test_crosscheck__does_not_compare_an_ipp_of_two_domains_nor_what_is_missing(tmp_path: Path) -> None:
    twice = (MOTHER, MOTHER | {"domain": "E"}, CHILD | {"sex": None, "birth_date": '""', "birth_rank": None})
    lines = (BILLED | {"birth_date": "18031984"}, NEWBORN | {"sex": "2", "birth_rank": "0"})
    assert found(tmp_path, *lines, people=twice).is_empty()


def test_with_survivors__leaves_an_ipp_removed_in_two_domains(tmp_path: Path) -> None:
    lines = billed(write(tmp_path, *(hospital(ipp=ipp) for ipp in ("1", "2", "3")))).crosschecks
    removed = [("D", "1", "9"), ("D", "2", "8"), ("E", "2", "7")]
    survivors = pl.DataFrame(removed, ["domain", "ipp", "into_ipp"], orient="row")
    assert with_survivors(lines, survivors)["ipp"].to_list() == ["9", "2", "3"]
