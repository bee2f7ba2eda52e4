from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from insvigil.frames import Identities
from insvigil.qualif import OBSERVED, Explanation, explain_status
from insvigil.register import Register, changes, identities, open_register
from insvigil.settings import QualifSettings, RegisterSettings
from insvigil.vocabulary import DELETED, Status
from tests.qualif.nights import message, night
from tests.qualif.people import INS, MATRICULE, QUALIFIED, TRAITS


@pytest.fixture
def register(tmp_path: Path) -> Iterator[Register]:
    with open_register(RegisterSettings(path=tmp_path / "registre.duckdb")) as opened:
        yield opened


def explained(register: Register) -> Explanation:
    one = Identities.validate(identities(register).filter(pl.col("ipp") == "1"))
    return explain_status(one, QualifSettings(), changes=changes(register, fields=OBSERVED))


def test_explain_status__tells_the_facts_the_rules_and_every_move(register: Register) -> None:
    night(register, 1, message(0, "A28", "1", **TRAITS, identity_code="PROV"), message(0, "A28", "2", **TRAITS))
    night(register, 2, message(1, "A31", "1", **QUALIFIED, document="PC", insi_date="20260302"))
    found = explained(register)
    assert found.status == Status.QUALIFIEE
    assert "cinq traits" in found.because
    assert dict(found.facts)["pièce d'identité (ZFD-7)"] == "PC, permis de conduire"
    assert [rule.code for rule in found.rules] == ["IDV-QUA-014"]
    assert [(move["from_status"], move["to_status"]) for move in found.moves] == [
        (None, "PROVISOIRE"),
        ("PROVISOIRE", "QUALIFIEE"),
    ]
    assert found.moves[1]["cause"] == "INS récupéré et identité contrôlée"
    assert "ZFD-7=PC" in str(found.moves[1]["evidence"])
    assert MATRICULE not in str(found)
    assert "ZELPHIN" not in str(found)


def test_explain_status__names_what_took_the_status_away(register: Register) -> None:
    night(register, 1, message(0, "A28", "1", **QUALIFIED, insi_date="20260301"))
    night(register, 2, message(1, "A31", "1", birth_name="ZELFIN"))
    assert "trait strict modifié" in explained(register).because
    gone = {"matricule": DELETED, "matricule_oid": INS["matricule_oid"], "identity_code": "PROV"}
    night(register, 3, message(2, "A47", "1", **gone))
    assert "INS retiré" in explained(register).because
    night(register, 4, message(3, "A31", "1", identity_code="PROV", attributes="DOUT"))
    assert "douteuse" in explained(register).because
