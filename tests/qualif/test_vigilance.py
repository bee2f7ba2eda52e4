from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from insvigil.frames import AGREEMENTS, Groups, ScoredPairs
from insvigil.qualif import measure_vigilance
from insvigil.qualif.definitions import VIGILANCE
from insvigil.register import Register, identities, open_register, record_decision, store_groups, store_pairs
from insvigil.settings import QualifSettings, RegisterSettings
from insvigil.vocabulary import Decision, Mesh
from tests.qualif.nights import at, message, night
from tests.qualif.people import INS, QUALIFIED, TRAITS

NONE = QualifSettings()
MARCH = (date(2026, 3, 1), date(2026, 3, 31))


@pytest.fixture
def register(tmp_path: Path) -> Iterator[Register]:
    with open_register(RegisterSettings(path=tmp_path / "registre.duckdb")) as opened:
        yield opened


def pairs(*links: tuple[int, int, str | None]) -> pl.DataFrame:
    frame = pl.DataFrame(
        [(left, right, rule) for left, right, rule in links], schema=["left", "right", "rule"], orient="row"
    )
    made = frame.select(
        pl.col("left", "right").cast(pl.UInt32),
        probability=pl.lit(0.9),
        weight=pl.lit(3.0),
        finding=pl.lit("DPOT"),
        rule=pl.col("rule").cast(pl.String),
        block=pl.lit("date"),
        **{f"agree_{trait}": pl.lit(0, pl.UInt8) for trait in AGREEMENTS},
    )
    return ScoredPairs.validate(made, cast=True)


def figures(register: Register) -> dict[str, tuple[int | None, int, float | None]]:
    found = measure_vigilance(register, NONE, period=MARCH).filter(pl.col("mesh") == Mesh.ESTABLISHMENT)
    return {row["code"]: (row["numerator"], row["denominator"], row["rate"]) for row in found.to_dicts()}


def test_measure_vigilance__an_empty_register_gives_every_figure_and_no_rate(register: Register) -> None:
    found = figures(register)
    assert list(found) == [one.code for one in VIGILANCE]
    assert all(rate is None for *_, rate in found.values())


def test_measure_vigilance__counts_doublons_collisions_merges_and_delays(register: Register) -> None:
    people = [message(day, "A28", str(day), **TRAITS, identity_code="PROV") for day in range(6)]
    night(
        register, 10, *people, message(7, "A31", "0", **QUALIFIED), message(9, "A31", "1", identity_code="VALI", **INS)
    )
    register.begin(at(11))
    identities(register)
    store_pairs(register, pairs((0, 1, "MEME_INS"), (2, 3, None), (3, 4, None), (0, 5, None)))
    groups = pl.DataFrame({"identity_id": [0, 1, 2, 3, 4], "group": [0, 0, 2, 2, 2]}).cast(pl.UInt32)
    store_groups(register, Groups.validate(groups))
    register.commit()

    def decide(left: str, right: str, decision: Decision, day: int) -> None:
        record_decision(
            register, left=("H", left), right=("H", right), decision=decision, author="CIV", decided_at=at(day)
        )

    decide("0", "1", Decision.DOUBLON, 12)
    decide("3", "2", Decision.NON_DOUBLON, 12)
    decide("4", "5", Decision.COLLISION, 12)
    decide("1", "5", Decision.COLLISION, 60)
    found = figures(register)
    assert found["TX_DOUBLONS_BASE"] == (1, 6, 1 / 6)
    assert found["TX_DOUBLONS_FLUX"] == (1, 6, 1 / 6)
    assert found["TX_DOUBLONS_POT"] == (2, 6, 2 / 6)
    assert found["NOUVEAUX_DOUBLONS"] == (6, 6, 1.0)
    assert found["TX_COLLISIONS"] == (1, 0, None)
    assert found["DELAI_QUAL"] == (None, 2, 7.5)
    assert found["AGREGATS_OUVERTS"] == (2, 2, 1.0)
    assert found["AGREGATS_CLOS"] == (0, 2, 0.0)
    assert found["PART_NON_DOUBLON"] == (1, 2, 0.5)
    by_detector = measure_vigilance(register, NONE, period=MARCH).filter(pl.col("mesh") == Mesh.DETECTOR)
    assert by_detector.select("mesh_value", "numerator", "denominator").rows() == [("MEME_INS", 0, 1), ("date", 1, 1)]
    night(register, 20, message(15, "A40", "2", merged_domain="H", merged_ipp="4"), message(16, "A31", "3", sex="M"))
    found = figures(register)
    assert found["TX_FUSIONS"] == (1, 6, 1 / 6)
    assert found["TX_FUSIONS_ANNULEES"] == (None, 1, None)
    assert found["TX_DOUBLONS_FLUX"] == (2, 6, 2 / 6)
    assert found["TX_MODIF"] == (1, 5, 1 / 5)


def test_measure_vigilance__only_the_period_counts(register: Register) -> None:
    night(register, 40, message(35, "A28", "1", **TRAITS), message(36, "A28", "2", **TRAITS))
    assert figures(register)["TX_DOUBLONS_FLUX"] == (0, 0, None)
    assert at(35) > datetime(2026, 3, 31)


def test_measure_vigilance__the_delay_leaves_out_those_qualified_at_first_sight(register: Register) -> None:
    night(
        register,
        9,
        message(1, "A28", "1", **QUALIFIED),
        message(1, "A28", "2", **TRAITS),
        message(5, "A31", "2", **QUALIFIED),
    )
    assert figures(register)["DELAI_QUAL"] == (None, 1, 4.0)
