from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from insvigil.errors import UsageError
from insvigil.frames import Groups
from insvigil.qualif import WHOLE, Place, derive_statuses, measure, measure_vigilance, open_figure, subjects
from insvigil.qualif.definitions import DEFINITIONS
from insvigil.qualif.indicators import ALL_MESHES
from insvigil.register import Register, open_register, record_decision, status_ledger, store_groups, store_pairs
from insvigil.register import identities as active
from insvigil.register import stays as told_stays
from insvigil.settings import QualifSettings, RegisterSettings
from insvigil.vocabulary import Decision, Mesh, Status
from tests.qualif.nights import at, message, night
from tests.qualif.people import INS, QUALIFIED, TRAITS, identities, ledger, stays
from tests.qualif.test_indicators import RECOVERED, figures, value
from tests.qualif.test_indicators import at as march
from tests.qualif.test_vigilance import pairs

NONE = QualifSettings()
MARCH = (date(2026, 3, 1), date(2026, 3, 31))
DOUBTFUL = TRAITS | {"identity_code": "PROV", "attributes": "DOUT"}
RATES = [
    "Q_FILE_ACTIVE",
    "TX_PROV",
    "IN_INSI",
    "Q_PASSAGE_ENTREE",
    "Q_PASSAGE_SORTIE",
    "PLAFOND_DOCUMENTS",
]
VARIED = [one.code for one in DEFINITIONS if "_SANS_" in one.code or "_AVEC_" in one.code]


def people_and_stays() -> tuple[pl.DataFrame, pl.DataFrame]:
    faulty = QUALIFIED | {"document": "PC"}
    people = identities(QUALIFIED, TRAITS, RECOVERED, TRAITS | {"identity_code": "FICT"}, DOUBTFUL, faulty)
    came = stays(
        *(
            {"ipp": f"000{n % 6}", "dossier": f"D{n}", "movement_at": march(n + 1), "unit_medical": f"{n % 2 + 1}000"}
            | ({"discharged_at": march(n + 2)} if n % 3 else {})
            for n in range(12)
        )
    )
    return people, came


@pytest.mark.parametrize("code", [*RATES, *VARIED, "TX_QUAL_DEFAUT"])
def test_subjects__a_rate_opens_down_to_its_rows(code: str) -> None:
    people, came = people_and_stays()
    rows = subjects(people, derive_statuses(people, NONE), came, NONE, code=code, period=MARCH)
    assert rows.height
    assert (rows["counted"].sum(), rows.height) == value(figures(people, came), code)


@pytest.mark.parametrize("code", RATES)
@pytest.mark.parametrize("mesh", ALL_MESHES[1:])
def test_subjects__opens_at_every_value_of_every_mesh(code: str, mesh: Mesh) -> None:
    people, came = people_and_stays()
    settings = QualifSettings(poles={"Mère-enfant": ["1000"]})
    statuses = derive_statuses(people, settings)
    found = measure(people, statuses, came, settings, period=MARCH, meshes=ALL_MESHES)
    values = found.filter(pl.col("code") == code, pl.col("mesh") == mesh)
    assert values.height
    for row in values.to_dicts():
        place = Place(mesh, row["mesh_value"])
        rows = subjects(people, statuses, came, settings, code=code, period=MARCH, place=place)
        assert (rows["counted"].sum(), rows.height) == (row["numerator"], row["denominator"])


def test_subjects__the_base_opens_to_those_known_on_the_day() -> None:
    people = identities(QUALIFIED, TRAITS, QUALIFIED, TRAITS | {"identity_code": "FICT"}, TRAITS)
    told = ledger(
        ("0000", march(2), Status.QUALIFIEE),
        ("0001", march(2), Status.PROVISOIRE),
        ("0002", march(1, month=5), Status.QUALIFIEE),
    )
    statuses = derive_statuses(people, NONE)
    rows = subjects(people, statuses, stays(), NONE, code="Q_BASE", period=MARCH, ledger=told)
    assert rows.select("ipp", "counted").rows() == [("0000", True), ("0001", False)]
    assert value(figures(people, stays(), ledger=told), "Q_BASE") == (1, 2)
    assert subjects(people, statuses, stays(), NONE, code="Q_BASE", period=MARCH).height == 4


@pytest.fixture
def register(tmp_path: Path) -> Iterator[Register]:
    with open_register(RegisterSettings(path=tmp_path / "registre.duckdb")) as opened:
        people = [message(day, "A28", str(day), **TRAITS, identity_code="PROV") for day in range(7)]
        night(
            opened,
            10,
            *people,
            message(7, "A31", "0", **QUALIFIED),
            message(9, "A31", "1", identity_code="VALI", **INS),
        )
        opened.begin(at(11))
        active(opened)
        store_pairs(opened, pairs((0, 1, "MEME_INS"), (2, 3, None), (3, 4, None), (0, 5, None)))
        groups = pl.DataFrame({"identity_id": [0, 1, 2, 3, 4], "group": [0, 0, 2, 2, 2]}).cast(pl.UInt32)
        store_groups(opened, Groups.validate(groups))
        opened.commit()
        for left, right, decision in (
            ("0", "1", Decision.DOUBLON),
            ("3", "2", Decision.NON_DOUBLON),
            ("4", "5", Decision.COLLISION),
        ):
            ends = {"left": ("H", left), "right": ("H", right)}
            record_decision(opened, **ends, decision=decision, author="CIV", decided_at=at(12))  # type: ignore[arg-type]
        night(opened, 20, message(15, "A40", "2", merged_domain="H", merged_ipp="6"), message(16, "A31", "5", sex="M"))
        yield opened


def opened(register: Register, code: str, place: Place = WHOLE) -> pl.DataFrame:
    base = active(register)
    return open_figure(
        register,
        base,
        derive_statuses(base, NONE),
        told_stays(register),
        NONE,
        code=code,
        period=MARCH,
        ledger=status_ledger(register),
        place=place,
    )


def test_open_figure__every_figure_of_the_cell_opens_to_what_it_counts(register: Register) -> None:
    work = measure_vigilance(register, NONE, period=MARCH)
    for row in work.to_dicts():
        if row["code"] == "TX_FUSIONS_ANNULEES":
            continue
        place = WHOLE if row["mesh"] == Mesh.ESTABLISHMENT else Place(Mesh.DETECTOR, row["mesh_value"])
        rows = opened(register, row["code"], place)
        if row["code"] == "DELAI_QUAL":
            assert (rows.height, rows["days"].median()) == (row["denominator"], row["rate"])
        else:
            assert rows["counted"].sum() == row["numerator"], row["code"]
            assert row["numerator"] or row["code"] in ("AGREGATS_CLOS", "PART_NON_DOUBLON")
        if row["code"] in ("TX_DOUBLONS_FLUX", "NOUVEAUX_DOUBLONS", "AGREGATS_OUVERTS", "PART_NON_DOUBLON"):
            assert rows.height == row["denominator"]


def test_open_figure__every_definition_opens_but_the_one_no_feed_shows(register: Register) -> None:
    for definition in DEFINITIONS:
        if definition.code == "TX_FUSIONS_ANNULEES":
            with pytest.raises(UsageError, match="TX_FUSIONS_ANNULEES"):
                opened(register, definition.code)
        else:
            assert "counted" in opened(register, definition.code).columns


@pytest.mark.parametrize(
    ("code", "place"),
    [
        ("INCONNU", WHOLE),
        ("Q_FILE_ACTIVE", Place(Mesh.SITE, "absent")),
        ("Q_BASE", Place(Mesh.SITE, "inconnu")),
        ("TX_MODIF", Place(Mesh.SITE, "010000001")),
    ],
)
def test_open_figure__what_cannot_be_opened_is_one_sentence(register: Register, code: str, place: Place) -> None:
    with pytest.raises(UsageError):
        opened(register, code, place)


def test_measure_vigilance__a_share_made_on_a_sample_has_its_interval(register: Register) -> None:
    work = measure_vigilance(register, NONE, period=MARCH)
    sampled = work.filter(pl.col("rate_low").is_not_null())
    assert set(sampled["code"]) == {"PART_NON_DOUBLON"}
    row = sampled.filter(pl.col("mesh") == Mesh.ESTABLISHMENT).row(0, named=True)
    # One of two: Wilson's bounds, worked out by hand from (p + z²/2n ± z·sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n).
    assert (row["numerator"], row["denominator"]) == (1, 2)
    assert row["rate_low"] == pytest.approx(0.0945, abs=1e-4)
    assert row["rate_high"] == pytest.approx(0.9055, abs=1e-4)
