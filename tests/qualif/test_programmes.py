from __future__ import annotations

from pathlib import Path

import pytest

from insvigil.errors import SettingsError
from insvigil.qualif import load_programmes
from insvigil.vocabulary import Confidence

OBJECTIVE = """
code = "LOCAL"
name = "Contrat du groupement"
[[objectives]]
code = "QUAL"
label = "Taux de qualification"
kind = "level"
indicators = ["Q_FILE_ACTIVE"]
mesh = "EJ"
level = 80.0
source = "contrat signé"
source_date = "2026-01"
confidence = "V"
"""


def test_load_programmes__ships_the_five_programmes_without_any_figure() -> None:
    programmes = load_programmes()
    assert [programme.code for programme in programmes] == [
        "3RIV",
        "HOPEN2_PHASE1",
        "HOPEN2_PHASE2",
        "HOPEN_P1",
        "SUN_ES",
    ]
    objectives = [objective for programme in programmes for objective in programme.objectives]
    assert all(objective.level is None and objective.progression is None for objective in objectives)
    facts = [fact for programme in programmes for fact in (*programme.facts, *programme.prerequisites)]
    assert all(
        fact.to_confirm == (fact.confidence not in (Confidence.VERIFIED, Confidence.VERIFIED_QUOTED)) for fact in facts
    )
    assert any(fact.confidence == Confidence.NOT_FOUND for fact in facts)


def test_load_programmes__a_site_adds_its_own_and_may_replace_one(tmp_path: Path) -> None:
    own = tmp_path / "contrat.toml"
    own.write_text(OBJECTIVE, encoding="utf-8")
    (local,) = [programme for programme in load_programmes(added=[own]) if programme.code == "LOCAL"]
    assert local.objectives[0].level == 80
    own.write_text(OBJECTIVE.replace('"LOCAL"', '"SUN_ES"'), encoding="utf-8")
    replaced = load_programmes(added=[own])
    assert len(replaced) == 5
    assert load_programmes(tmp_path)[0].code == "SUN_ES"


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('confidence = "V"', 'confidence = "M"', "objectives"),
        ('confidence = "V"', 'confidence = "Z"', "confidence"),
        ("Q_FILE_ACTIVE", "Q_INCONNU", "Q_INCONNU"),
        ("mesh =", "maille =", "maille"),
        ("[[objectives]]", "[[objectives", "TOML"),
    ],
)
def test_load_programmes__a_wrong_file_is_refused_with_its_key(tmp_path: Path, old: str, new: str, named: str) -> None:
    own = tmp_path / "contrat.toml"
    own.write_text(OBJECTIVE.replace(old, new), encoding="utf-8")
    with pytest.raises(SettingsError, match=named):
        load_programmes(added=[own])


def test_load_programmes__a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="ne peut pas être lu"):
        load_programmes(added=[tmp_path / "absent.toml"])
