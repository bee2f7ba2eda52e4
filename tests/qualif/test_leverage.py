from __future__ import annotations

from datetime import date, datetime
from typing import Any

import polars as pl
import pytest

from insvigil.errors import UsageError
from insvigil.qualif import derive_statuses, leverage, measure, what_if
from insvigil.settings import QualifSettings
from insvigil.vocabulary import Mesh, Status
from tests.qualif.people import QUALIFIED, TRAITS, identities, stays

YEAR = (date(2026, 1, 1), date(2026, 6, 30))
NONE = QualifSettings()
VALIDATED = TRAITS | {"identity_code": "VALI"}


def came(number: int, day: datetime = datetime(2026, 3, 1), **said: Any) -> dict[str, Any]:
    return {"ipp": f"{number:04}", "dossier": f"D{number}-{day:%m%d}", "movement_at": day, "patient_class": "O"} | said


def listed(people: Any, movements: Any, **options: Any) -> pl.DataFrame:
    return leverage(people, derive_statuses(people, NONE), movements, NONE, period=YEAR, **options)


def test_leverage__expected_first_then_one_step_then_the_most_frequent() -> None:
    people = identities(QUALIFIED, TRAITS, VALIDATED, VALIDATED, TRAITS, VALIDATED)
    movements = stays(
        came(0),
        came(1),
        came(2),
        came(3),
        came(3, datetime(2026, 4, 1)),
        came(4, datetime(2026, 7, 2), trigger="A05", unit_medical="1200"),
        came(5, datetime(2026, 8, 2), trigger="A05"),
    )
    found = listed(people, movements)
    assert found["ipp"].to_list() == ["0004", "0003", "0002", "0001"]
    first = found.row(0, named=True)
    assert (first["expected_on"], first["unit"], first["status"]) == (date(2026, 7, 2), "1200", Status.PROVISOIRE)
    assert "même temps" in first["step"]
    assert found["gain"].to_list() == [20.0] * 4
    assert what_if(found, 2) == pytest.approx(40)
    assert what_if(found, 100) == pytest.approx(80)


def test_leverage__what_if_is_what_the_rate_becomes() -> None:
    people = [TRAITS, VALIDATED, QUALIFIED, TRAITS, VALIDATED]
    movements = stays(*(came(number) for number in range(5)))
    before = listed(identities(*people), movements)
    done = set(before.head(3)["identity_id"])
    after = [QUALIFIED if number in done else person for number, person in enumerate(people)]

    def rate(who: Any) -> float:
        figures = measure(who, derive_statuses(who, NONE), movements, NONE, period=YEAR)
        row = figures.filter(pl.col("code") == "Q_FILE_ACTIVE", pl.col("mesh") == Mesh.ESTABLISHMENT)
        return 100 * float(row["rate"].item())

    assert rate(identities(*after)) - rate(identities(*people)) == pytest.approx(what_if(before, 3))


def test_leverage__doubtful_fictive_and_qualified_are_never_listed() -> None:
    people = identities(QUALIFIED, TRAITS | {"attributes": "DOUT"}, TRAITS | {"identity_code": "FICT"})
    assert listed(people, stays(*(came(number) for number in range(3)))).is_empty()


def test_leverage__a_patient_in_bed_is_there_and_one_who_left_is_not() -> None:
    people = identities(TRAITS, TRAITS, TRAITS)
    movements = stays(
        came(0, datetime(2026, 6, 29), patient_class="I"),
        came(1, datetime(2026, 6, 29), patient_class="I", discharged_at=datetime(2026, 6, 30)),
        came(2, datetime(2026, 3, 1), patient_class="I"),
    )
    assert listed(people, movements)["expected_on"].to_list() == [date(2026, 6, 30), None, None]


def test_leverage__a_rate_of_venues_gains_only_from_venues_to_come() -> None:
    people = identities(TRAITS, TRAITS)
    movements = stays(came(0), came(1), came(1, datetime(2026, 7, 1), trigger="A05"))
    found = listed(people, movements, indicator="Q_PASSAGE_ENTREE")
    assert found.select("ipp", "gain").rows() == [("0001", pytest.approx(100 / 3))]


def test_leverage__the_base_lists_everyone_and_an_unknown_indicator_is_refused() -> None:
    people = identities(TRAITS, VALIDATED, QUALIFIED)
    assert listed(people, stays(), indicator="Q_BASE")["ipp"].to_list() == ["0001", "0000"]
    with pytest.raises(UsageError, match="TX_PROV"):
        listed(people, stays(), indicator="TX_PROV")
