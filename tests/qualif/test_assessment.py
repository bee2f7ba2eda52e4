from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from insvigil.errors import SettingsError
from insvigil.qualif import assess, derive_statuses, measure
from insvigil.settings import ObjectiveSettings, QualifSettings
from insvigil.vocabulary import Status
from tests.qualif.people import QUALIFIED, TRAITS, identities, ledger, stays

YEAR = (date(2026, 1, 1), date(2026, 12, 31))


def answer(settings: QualifSettings, *, told: Any = None, came: Any = None, people: Any = None) -> list[dict[str, Any]]:
    people = identities(*[QUALIFIED] * 6, *[TRAITS] * 4) if people is None else people
    came = (
        stays(*({"ipp": f"{n:04}", "dossier": f"D{n}", "movement_at": datetime(2026, 6, 1)} for n in range(10)))
        if came is None
        else came
    )
    statuses = derive_statuses(people, settings)
    found = measure(people, statuses, came, settings, period=YEAR, ledger=told)
    return assess(found, people, statuses, came, settings, ledger=told).to_dicts()


def committed(**objective: Any) -> QualifSettings:
    return QualifSettings(objectives=[ObjectiveSettings(programme="HOPEN2_PHASE1", **objective)])


def test_assess__without_commitment_every_programme_says_not_assessable_and_why() -> None:
    found = answer(QualifSettings())
    assert [row["programme"] for row in found] == ["3RIV", "HOPEN2_PHASE1", "SUN_ES"]
    assert {row["verdict"] for row in found} == {"non_evaluable"}
    assert all(row["reason"] and row["target"] is None and row["missing"] is None for row in found)
    assert {row["programme"]: row["rate"] for row in found} == {"3RIV": 0.6, "HOPEN2_PHASE1": None, "SUN_ES": None}


SITE = """
code = "GHT"
name = "Contrat du groupement"
[[objectives]]
code = "QUAL"
label = "Taux de qualification"
kind = "level"
indicators = ["Q_FILE_ACTIVE"]
mesh = "EJ"
tier = "second"
level = 80.0
deadline = 2027-01-28
source = "contrat signé"
confidence = "2"
"""


@pytest.mark.parametrize(
    ("tiers", "change", "verdict", "told"),
    [
        ({"GHT": "second"}, ("", ""), "non_atteint", None),
        ({}, ('tier = "second"\n', ""), "non_atteint", None),
        ({}, ("", ""), "non_evaluable", "non renseigné (qualif.tiers)"),
        ({"GHT": "premier"}, ("", ""), "non_evaluable", "palier de l'établissement : premier"),
        ({"GHT": "second"}, ('["Q_FILE_ACTIVE"]', '["Q_FILE_ACTIVE", "Q_BASE"]'), "non_evaluable", "désigne le sien"),
        ({"GHT": "second"}, ('kind = "level"', 'kind = "progression"'), "non_atteint", None),
        ({"GHT": "second"}, ("level = 80.0", "progression = 10.0"), "non_evaluable", "baseline"),
    ],
)
def test_assess__a_file_of_the_site_is_judged_at_the_tier_of_the_establishment(
    tmp_path: Path, tiers: dict[str, str], change: tuple[str, str], verdict: str, told: str | None
) -> None:
    own = tmp_path / "ght.toml"
    own.write_text(SITE.replace(*change), encoding="utf-8")
    found = answer(QualifSettings(programmes=[own], tiers=tiers))
    (row,) = [row for row in found if row["programme"] == "GHT"]
    assert row["verdict"] == verdict
    assert (told or "") in (row["reason"] or "")
    if verdict == "non_atteint":
        assert (row["target"], row["missing"], row["to_confirm"]) == (80, 2, True)
        assert row["deadline"] == date(2027, 1, 28)


def test_assess__a_tier_of_an_unknown_programme_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"qualif\.tiers"):
        answer(QualifSettings(tiers={"INCONNU": "second"}))


@pytest.mark.parametrize("objective", [{}, {"progression": 10}])
def test_assess__a_commitment_without_target_says_what_is_missing(objective: dict[str, float]) -> None:
    row = answer(committed(**objective))[0]
    assert row["verdict"] == "non_evaluable"
    assert "baseline" in row["reason"]


def test_assess__an_empty_period_is_not_assessable() -> None:
    row = answer(committed(level=80), came=stays())[0]
    assert (row["verdict"], row["missing"]) == ("non_evaluable", None)
    assert "Rien à compter" in row["reason"]


@pytest.mark.parametrize(
    ("level", "verdict", "gap", "missing"),
    [(60, "atteint", 0, 0), (80, "non_atteint", 20, 2), (61, "non_atteint", 1, 1), (100, "non_atteint", 40, 4)],
)
def test_assess__says_how_far_in_points_and_in_identities(level: float, verdict: str, gap: float, missing: int) -> None:
    row = answer(committed(level=level))[0]
    assert (row["verdict"], row["gap"], row["missing"]) == (verdict, pytest.approx(gap), missing)
    assert row["to_confirm"] is True
    assert row["label"] == "Progression du taux de qualification de l'INS des patients"


def test_assess__the_present_pace_gives_the_day_of_the_target() -> None:
    # Two of the six were qualified within the last eight weeks: 0.25 a week, two are missing: eight weeks.
    recent, old = datetime(2026, 12, 1), datetime(2026, 2, 1)
    told = ledger(
        *((f"{n:04}", recent if n < 2 else old, Status.QUALIFIEE) for n in range(6)),
        *((f"{n:04}", old, Status.PROVISOIRE) for n in range(6, 10)),
    )
    row = answer(committed(level=80, deadline=date(2027, 1, 28)), told=told)[0]
    assert (row["weekly_pace"], row["missing"]) == (0.25, 2)
    assert row["reached_on"] == date(2027, 2, 25)
    assert row["weekly_need"] == 0.5
    assert row["outlook"] == "Au rythme présent : le 25/02/2027."


def test_assess__no_pace_gives_no_day() -> None:
    old = datetime(2026, 2, 1)
    told = ledger(*((f"{n:04}", old, Status.QUALIFIEE if n < 6 else Status.PROVISOIRE) for n in range(10)))
    row = answer(committed(level=80), told=told)[0]
    assert (row["weekly_pace"], row["reached_on"]) == (0.0, None)
    assert "ne monte pas" in row["outlook"]


def test_assess__the_pace_of_venues_compares_eight_weeks_with_the_eight_before() -> None:
    days = [datetime(2026, 9, 20)] * 4 + [datetime(2026, 12, 1)] * 4
    came = stays(*({"ipp": f"{n % 2:04}", "dossier": f"D{n}", "movement_at": day} for n, day in enumerate(days)))
    told = ledger(
        ("0000", datetime(2026, 1, 1), Status.QUALIFIEE),
        ("0001", datetime(2026, 1, 1), Status.PROVISOIRE),
        ("0001", datetime(2026, 11, 20), Status.QUALIFIEE),
    )
    people = identities(QUALIFIED, QUALIFIED)
    row = answer(committed(level=90, indicator="Q_PASSAGE_ENTREE"), told=told, came=came, people=people)[0]
    assert (row["numerator"], row["denominator"]) == (6, 8)
    # From 50 % to 100 % of 8 venues in eight weeks: half a venue a week.
    assert row["weekly_pace"] == 0.5


def test_assess__a_commitment_speaks_for_its_programme() -> None:
    found = answer(committed(level=80))
    assert [row["programme"] for row in found] == ["HOPEN2_PHASE1", "3RIV", "SUN_ES"]


def test_assess__a_ledger_too_young_gives_no_pace() -> None:
    told = ledger(*((f"{n:04}", datetime(2026, 12, 1), Status.QUALIFIEE) for n in range(6)))
    row = answer(committed(level=80), told=told)[0]
    assert (row["verdict"], row["weekly_pace"], row["reached_on"]) == ("non_atteint", None, None)
    assert row["outlook"] == "Rythme inconnu : il faut 8 semaines de statuts, ils sont connus depuis le 01/12/2026."
