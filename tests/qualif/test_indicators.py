from __future__ import annotations

from datetime import date, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from insvigil.errors import SettingsError
from insvigil.qualif import active_period, derive_statuses, measure
from insvigil.qualif.definitions import QUALIFICATION, VARIANTS
from insvigil.qualif.indicators import ALL_MESHES
from insvigil.settings import ObjectiveSettings, QualifSettings
from insvigil.vocabulary import Grain, Mesh, Status
from tests.qualif.people import QUALIFIED, TRAITS, UNHURRIED, identities, ledger, stays

MARCH = (date(2026, 3, 1), date(2026, 3, 31))
VALIDATED = TRAITS | {"identity_code": "VALI"}
RECOVERED = TRAITS | {"identity_code": "PROV", "insi_date": "20260301"}
NONE = QualifSettings()


def figures(people: Any, movements: Any, settings: QualifSettings = NONE, **options: Any) -> pl.DataFrame:
    options = {"period": MARCH} | options
    return measure(people, derive_statuses(people, settings), movements, settings, **options)


def value(frame: pl.DataFrame, code: str, mesh: Mesh = Mesh.ESTABLISHMENT, of: str | None = None) -> tuple[int, int]:
    rows = frame.filter(pl.col("code") == code, pl.col("mesh") == mesh)
    if of is not None:
        rows = rows.filter(pl.col("mesh_value") == of)
    assert rows.height == 1, rows
    return rows["numerator"].item(), rows["denominator"].item()


def at(day: int, hour: int = 9, month: int = 3) -> datetime:
    return datetime(2026, month, day, hour)


def test_measure__file_active_counts_an_identity_once_whatever_its_venues() -> None:
    people = identities(QUALIFIED, VALIDATED, RECOVERED, TRAITS, QUALIFIED)
    came = stays(
        {"ipp": "0000", "dossier": "D0", "visit": "V0", "movement_at": at(2)},
        {"ipp": "0000", "dossier": "D1", "visit": "V1", "movement_at": at(9)},
        {"ipp": "0001", "dossier": "D2", "visit": "V2", "movement_at": at(3)},
        {"ipp": "0002", "dossier": "D3", "visit": "V3", "movement_at": at(3)},
        {"ipp": "0003", "dossier": "D4", "visit": "V4", "movement_at": at(31, 23)},
        {"ipp": "0004", "dossier": "D5", "visit": "V5", "movement_at": at(1, 0, month=4)},
    )
    found = figures(people, came)
    assert value(found, "Q_FILE_ACTIVE") == (1, 4)
    assert value(found, "Q_BASE") == (2, 5)
    assert value(found, "IN_INSI") == (2, 4)
    assert [value(found, f"TX_{status}")[0] for status in ("QUAL", "VALI", "RECUP", "PROV")] == [1, 1, 1, 1]
    assert value(found, "Q_PASSAGE_ENTREE") == (2, 5)
    assert value(found, "Q_PASSAGE_SORTIE") == (0, 0)
    assert found.filter(pl.col("code") == "Q_PASSAGE_SORTIE")["rate"].to_list() == [None]


@pytest.mark.parametrize("code", ["FICT", "DESA", "DOUB"])
def test_measure__fictive_deactivated_and_slave_identities_count_nowhere(code: str) -> None:
    people = identities(QUALIFIED, TRAITS | {"identity_code": "PROV", "attributes": code})
    came = stays(
        {"ipp": "0000", "dossier": "D0", "movement_at": at(2)}, {"ipp": "0001", "dossier": "D1", "movement_at": at(2)}
    )
    found = figures(people, came)
    assert value(found, "Q_FILE_ACTIVE") == value(found, "Q_BASE") == value(found, "Q_PASSAGE_ENTREE") == (1, 1)


def test_measure__variants_leave_out_the_doubtful_and_take_in_the_fictive() -> None:
    people = identities(QUALIFIED, TRAITS | {"attributes": "DOUT"}, TRAITS | {"identity_code": "FICT"})
    came = stays(*({"ipp": f"000{n}", "dossier": f"D{n}", "movement_at": at(2)} for n in range(3)))
    found = figures(people, came)
    for code in ("Q_FILE_ACTIVE", "Q_PASSAGE_ENTREE"):
        assert value(found, code) == (1, 2)
        assert value(found, f"{code}_SANS_DOUT") == (1, 1)
        assert value(found, f"{code}_AVEC_FICT") == (1, 3)


def test_measure__qualified_with_a_fault_are_told() -> None:
    people = identities(QUALIFIED, QUALIFIED | {"document": "PC"}, QUALIFIED | {"document": "PC"}, TRAITS)
    came = stays(*({"ipp": f"000{n}", "dossier": f"D{n}", "movement_at": at(2)} for n in (0, 1, 3)))
    assert value(figures(people, came), "TX_QUAL_DEFAUT") == (1, 2)


def test_measure__announced_movements_are_no_passage() -> None:
    people = identities(QUALIFIED, QUALIFIED)
    came = stays(
        {"ipp": "0000", "dossier": "D0", "movement_at": at(2), "trigger": "A05"},
        {"ipp": "0001", "dossier": "D1", "movement_at": at(2), "patient_class": "N"},
    )
    assert value(figures(people, came), "Q_FILE_ACTIVE") == (0, 0)


def test_measure__a_venue_enters_with_its_first_movement_and_leaves_with_its_discharge() -> None:
    people = identities(QUALIFIED)
    venue = {"ipp": "0000", "dossier": "D0", "visit": "V0"}
    came = stays(
        venue | {"movement_at": at(27, month=2), "unit_medical": "1000", "patient_class": "E", "trigger": "A04"},
        venue | {"movement_at": at(1), "unit_medical": "2000", "trigger": "A06"},
        venue | {"movement_at": at(5), "unit_medical": "3000", "trigger": "A02"},
        venue | {"movement_at": at(6), "unit_medical": "3000", "trigger": "A03", "finess_eg": "010000002"},
    )
    found = figures(people, came)
    assert value(found, "Q_PASSAGE_ENTREE") == (0, 0)
    assert value(found, "Q_PASSAGE_SORTIE") == (1, 1)
    assert value(found, "Q_PASSAGE_SORTIE", Mesh.UNIT, "3000") == (1, 1)
    assert value(found, "Q_PASSAGE_SORTIE", Mesh.SITE, "010000002") == (1, 1)
    units = found.filter(pl.col("code") == "Q_FILE_ACTIVE", pl.col("mesh") == Mesh.UNIT)["mesh_value"].to_list()
    assert units == ["2000", "3000"]
    february = figures(people, came, period=(date(2026, 2, 1), date(2026, 2, 28)))
    assert value(february, "Q_PASSAGE_ENTREE", Mesh.ACTIVITY, "urgences") == (1, 1)


def test_measure__an_inpatient_who_leaves_the_same_day_is_ambulatory() -> None:
    people = identities(QUALIFIED, TRAITS)
    came = stays(
        {"ipp": "0000", "dossier": "D0", "movement_at": at(2, 8), "discharged_at": at(2, 17)},
        {"ipp": "0001", "dossier": "D1", "movement_at": at(2, 8), "discharged_at": at(3, 17)},
    )
    found = figures(people, came)
    assert value(found, "Q_FILE_ACTIVE", Mesh.ACTIVITY, "ambulatoire") == (1, 1)
    assert value(found, "Q_PASSAGE_ENTREE", Mesh.ACTIVITY, "hospitalisation") == (0, 1)


def test_measure__poles_come_from_the_table_of_the_site_and_ages_from_the_birth_year() -> None:
    people = identities(QUALIFIED, TRAITS | {"birth_date": "20100101"}, TRAITS | {"birth_date": None})
    came = stays(
        *({"ipp": f"000{n}", "dossier": f"D{n}", "movement_at": at(2), "unit_lodging": f"{n}000"} for n in range(3))
    )
    settings = QualifSettings(poles={"Femme-enfant": ["0000", "1000"]})
    found = figures(people, came, settings, meshes=[Mesh.POLE, Mesh.AGE_BAND, Mesh.ESTABLISHMENT])
    assert value(found, "Q_FILE_ACTIVE", Mesh.POLE, "Femme-enfant") == (1, 2)
    assert value(found, "Q_FILE_ACTIVE", Mesh.POLE, "inconnu") == (0, 1)
    assert value(found, "Q_FILE_ACTIVE", Mesh.AGE_BAND, "45-64") == (1, 1)
    assert value(found, "Q_FILE_ACTIVE", Mesh.AGE_BAND, "0-17") == (0, 1)
    assert value(found, "Q_FILE_ACTIVE", Mesh.AGE_BAND, "inconnu") == (0, 1)


def test_measure__grains_cut_the_period_and_stay_within_it() -> None:
    people = identities(QUALIFIED)
    came = stays(
        *({"ipp": "0000", "dossier": f"D{n}", "movement_at": at(15, month=n), "unit_lodging": "1"} for n in range(1, 7))
    )
    period = (date(2026, 1, 10), date(2026, 5, 20))
    found = figures(people, came, period=period, grains=list(Grain), meshes=[Mesh.ESTABLISHMENT])
    spans = found.filter(pl.col("code") == "Q_PASSAGE_ENTREE").select("period_start", "period_end", "denominator")
    months = spans.filter(pl.col("period_start").dt.day().is_in([1, 10]), pl.col("period_end").dt.day() > 19)
    assert months.rows() == [
        (date(2026, 1, 10), date(2026, 1, 31), 1),
        (date(2026, 1, 10), date(2026, 3, 31), 3),
        (date(2026, 1, 10), date(2026, 5, 20), 5),
        (date(2026, 2, 1), date(2026, 2, 28), 1),
        (date(2026, 3, 1), date(2026, 3, 31), 1),
        (date(2026, 4, 1), date(2026, 4, 30), 1),
        (date(2026, 4, 1), date(2026, 5, 20), 2),
        (date(2026, 5, 1), date(2026, 5, 20), 1),
    ]
    assert spans["period_start"].min() == period[0]
    assert spans["period_end"].max() == period[1]


def test_measure__without_target_everything_is_said_and_nothing_is_judged() -> None:
    found = figures(identities(), stays())
    assert found["code"].to_list() == [one.code for one in (*QUALIFICATION, *VARIANTS)]
    assert found["verdict"].unique().to_list() == ["non_evaluable"]
    assert found["target"].null_count() == found["gap"].null_count() == found.height
    committed = figures(
        identities(QUALIFIED), stays(), QualifSettings(objectives=[ObjectiveSettings(programme="3RIV")])
    )
    assert committed.filter(pl.col("programme") == "3RIV")["verdict"].to_list() == ["non_evaluable"]


@pytest.mark.parametrize(
    ("objective", "target", "verdict", "gap"),
    [
        ({"level": 50}, 50, "atteint", 0),
        ({"level": 85}, 85, "non_atteint", 35),
        ({"baseline": 40, "progression": 20}, 60, "non_atteint", 10),
        ({"baseline": 30, "progression": 20, "level": 45}, 50, "atteint", 0),
        ({"progression": 20}, None, "non_evaluable", None),
    ],
)
def test_measure__a_commitment_gives_target_verdict_and_gap(
    objective: dict[str, float], target: float | None, verdict: str, gap: float | None
) -> None:
    settings = QualifSettings(
        objectives=[ObjectiveSettings(programme="HOPEN2_PHASE1", indicator="Q_BASE", confidence="V", **objective)]
    )
    found = figures(identities(QUALIFIED, TRAITS), stays(), settings)
    row = found.filter(pl.col("code") == "Q_BASE").row(0, named=True)
    assert (row["programme"], row["target"], row["verdict"], row["gap"]) == ("HOPEN2_PHASE1", target, verdict, gap)
    assert row["target_confidence"] == (None if target is None else "V")
    assert found.filter(pl.col("programme").is_not_null()).height == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"programme": "HOPEN3"},
        {"programme": "3RIV", "indicator": "Q_TOUT"},
        {"programme": "3RIV", "indicator": "TX_PROV"},
    ],
)
def test_measure__an_unknown_programme_or_indicator_is_refused_with_its_place(wrong: dict[str, str]) -> None:
    settings = QualifSettings(objectives=[ObjectiveSettings(**wrong)])
    with pytest.raises(SettingsError, match=r"qualif\.objectives\.0"):
        figures(identities(QUALIFIED), stays(), settings)


def test_active_period__is_the_last_months_up_to_that_day() -> None:
    assert active_period(date(2026, 3, 31), NONE) == (date(2025, 4, 1), date(2026, 3, 31))


PERSON = st.sampled_from([QUALIFIED, VALIDATED, RECOVERED, TRAITS, TRAITS | {"identity_code": "FICT"}])
MOVEMENT = st.fixed_dictionaries(
    {
        "ipp": st.sampled_from(["0000", "0001", "0002", "9999"]),
        "dossier": st.sampled_from([None, "D1", "D2"]),
        "visit": st.sampled_from([None, "V1"]),
        "movement_at": st.one_of(st.none(), st.datetimes(at(1, month=2), at(30, month=4))),
        "discharged_at": st.one_of(st.none(), st.datetimes(at(1, month=2), at(30, month=4))),
        "patient_class": st.sampled_from([None, "I", "E", "O", "R", "N", "?"]),
        "unit_medical": st.sampled_from([None, "1", "2"]),
        "finess_eg": st.sampled_from([None, "010000001"]),
    }
)


@UNHURRIED
@given(st.lists(PERSON, max_size=3), st.lists(MOVEMENT, max_size=6))
def test_measure__the_four_rates_sum_to_the_whole_at_every_mesh(
    people: list[dict[str, Any]], movements: list[dict[str, Any]]
) -> None:
    found = figures(identities(*people), stays(*movements), meshes=ALL_MESHES, grains=[Grain.MONTH, Grain.WEEK])
    four = found.filter(pl.col("code").is_in(["TX_QUAL", "TX_VALI", "TX_RECUP", "TX_PROV"]))
    sums = four.group_by("mesh", "mesh_value", "period_start", "period_end").agg(
        pl.col("numerator").sum(), pl.col("denominator").first(), rates=pl.len()
    )
    assert (sums["numerator"] == sums["denominator"]).all()
    assert (sums["rates"] == 4).all()
    assert (found["numerator"] <= found["denominator"]).all()


def test_measure__nothing_is_said_of_days_from_before_the_first_status_known() -> None:
    people = identities(QUALIFIED, QUALIFIED)
    came = stays(
        {"ipp": "0000", "dossier": "D0", "movement_at": at(2), "discharged_at": at(12)},
        {"ipp": "0001", "dossier": "D1", "movement_at": at(11)},
    )
    told = ledger(("0000", at(10), Status.QUALIFIEE))
    found = figures(people, came, ledger=told, grains=[Grain.WEEK])
    assert found["status_source"].unique().to_list() == ["pam (statuts connus depuis le 10/03/2026)"]
    assert found.filter(pl.col("period_end") < date(2026, 3, 10)).is_empty()
    march = found.filter(pl.col("period_start") == MARCH[0], pl.col("period_end") == MARCH[1])
    # The second identity was not known when it came: it counts as provisional.
    assert value(march, "Q_PASSAGE_ENTREE") == (0, 1)
    assert value(march, "Q_PASSAGE_SORTIE") == (1, 1)
    assert value(march, "Q_FILE_ACTIVE") == (1, 2)


def test_measure__what_is_to_come_has_no_figure_and_says_where_it_stops() -> None:
    people = identities(QUALIFIED)
    told = ledger(("0000", at(2), Status.QUALIFIEE))
    came = stays({"ipp": "0000", "dossier": "D", "movement_at": at(2)})
    found = figures(people, came, ledger=told, grains=[Grain.WEEK], until=date(2026, 3, 10))
    assert found["period_start"].max() == date(2026, 3, 9)
    assert value(found.filter(pl.col("period_end") == MARCH[1]), "Q_BASE") == (1, 1)
    assert set(found["status_source"]) == {"pam (statuts connus depuis le 02/03/2026) (arrêtés au 10/03/2026)"}
