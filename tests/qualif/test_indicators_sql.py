"""The figures written a second time, as SQL on the register, over an invented year of three sites."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from insvigil.qualif import derive_statuses, ins_changes, measure
from insvigil.qualif.indicators import ALL_MESHES
from insvigil.register import Register, identities, open_register, status_ledger, stays
from insvigil.settings import QualifSettings, RegisterSettings
from insvigil.vocabulary import DELETED, Grain, Mesh
from tests.qualif.nights import START, at, message, night
from tests.qualif.people import INS, TRAITS

SITES = ("010000001", "010000002", "010000003")
PEOPLE, SEED = 150, 11
NONE = QualifSettings()


def movement(
    rng: random.Random, day: float, number: int, ipp: str, venue: int, trigger: str, **said: Any
) -> dict[str, Any]:
    when = START + timedelta(days=day)
    return {
        "trigger": trigger,
        "ipp": ipp,
        "message_time": when,
        "control_id": f"M{number}",
        "dossier": f"D{venue // 2}",
        "visit": f"V{venue}" if venue % 5 else None,
        "movement": f"Z{number}",
        "movement_at": when,
        "movement_action": "INSERT",
        "finess_eg": rng.choice(SITES),
        "unit_medical": rng.choice(["1000", "2000", None]),
        "unit_lodging": "3000",
    } | said


def year(rng: random.Random) -> list[dict[str, Any]]:
    """Identities that qualify, lose it, become fictive or are merged; venues of one to four movements."""
    rows: list[dict[str, Any]] = []
    venue = number = 0
    for person in range(PEOPLE):
        ipp, born = f"{person:05}", rng.uniform(-200, 300)
        traits = TRAITS | {"birth_date": f"{rng.choice([1931, 1950, 1958, 1962, 1990, 2012])}0312"}
        code = rng.choice(["PROV", "PROV", "VALI", "VIDE"])
        rows.append(
            message(0, "A28", ipp, **traits, identity_code=code) | {"message_time": START + timedelta(days=born)}
        )
        steps = [
            {"identity_code": "VALI", **INS},
            {"identity_code": "VALI", **INS, "insi_date": "20260601"},
            {"insi_date": "20260501"},
            {"identity_code": "VALI"},
            {"identity_code": "PROV", "matricule": DELETED, "matricule_oid": INS["matricule_oid"]},
            {"identity_code": "PROV", "attributes": "FICT"},
            {"birth_name": "ZELFIN"},
        ]
        for turn in range(rng.randrange(4)):
            said = rng.choices(steps, [8, 4, 3, 3, 2, 1, 2])[0]
            when = START + timedelta(days=born + rng.uniform(0, 200), seconds=turn)
            rows.append(message(0, "A31", ipp, **said) | {"message_time": when, "control_id": f"U{person}-{turn}"})
        for _ in range(rng.randrange(4)):
            venue += 1
            kind = rng.choice("IIIEORVN")
            day = rng.uniform(0, 364)
            if rng.random() < 0.4:
                said = rng.choice(steps)
                when = START + timedelta(days=day + rng.choice([-0.01, 0.01, 2.51]))
                rows.append(message(0, "A31", ipp, **said) | {"message_time": when, "control_id": f"S{venue}"})
            plan = [("A05", 0.0)] if rng.random() < 0.1 else [("A01", 0.0), ("A02", 0.3), ("A02", 2.0), ("A03", 2.5)]
            for trigger, after in plan[: rng.randrange(1, 5)] if rng.random() < 0.5 else plan:
                number += 1
                step = after * rng.choice([0.1, 1.0])
                said = {"patient_class": rng.choice([kind, kind, "I"])}
                rows.append(movement(rng, day + step, number, ipp, venue, trigger, **said))
    for gone in range(0, PEOPLE, 17):
        when = START + timedelta(days=rng.uniform(50, 300))
        merge = message(0, "A40", f"{(gone + 1) % PEOPLE:05}", merged_domain="H", merged_ipp=f"{gone:05}")
        rows.append(merge | {"message_time": when, "control_id": f"F{gone}"})
    return rows


@pytest.fixture(scope="module")
def register(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Register]:
    path: Path = tmp_path_factory.mktemp("sql") / "registre.duckdb"
    rows = sorted(year(random.Random(SEED)), key=lambda row: row["message_time"])
    with open_register(RegisterSettings(path=path)) as opened:
        # Two nights: the second half of the year comes on top of the first.
        half = START + timedelta(days=180)
        night(opened, 180, *(row for row in rows if row["message_time"] <= half))
        night(opened, 400, *(row for row in rows if row["message_time"] > half))
        yield opened


PERIOD = (START.date(), START.date() + timedelta(days=364))
NOW = """
CREATE OR REPLACE TEMP MACRO status_at(who, on_day) AS (
  SELECT coalesce(arg_max(coalesce(to_status, 'PROVISOIRE'), place), 'PROVISOIRE') FROM status
  WHERE key = who AND status."at" < on_day + INTERVAL 1 DAY);
CREATE OR REPLACE TEMP VIEW base AS SELECT * FROM identity WHERE active AND NOT regexp_matches(
  ' ' || coalesce(identity_code, '') || ' ' || coalesce(attributes, '') || ' ', ' (FICT|DESA|DOUB) ');
CREATE OR REPLACE TEMP VIEW moves AS SELECT b.key AS who, s.dossier,
  coalesce(s.visit, CASE WHEN s.dossier IS NULL THEN s.movement END) AS visit, s.movement_at, s.origin, s.patient_class,
  coalesce(s.finess_eg, 'inconnu') AS site, coalesce(s.unit_medical, s.unit_lodging, s.unit_care, 'inconnu') AS unit,
  CAST(substr(b.birth_date, 1, 4) AS INTEGER) AS born
  FROM stay s LEFT JOIN forward f USING (key) JOIN base b ON b.key = coalesce(f.terminal, s.key)
  WHERE s.live AND coalesce(s.origin, 'Z99') NOT IN ('A05', 'A14', 'A15', 'A16') AND s.patient_class <> 'N';
CREATE OR REPLACE TEMP VIEW venues AS SELECT who, dossier, visit, CAST(min(movement_at) AS DATE) AS entered,
  CAST(max(movement_at) FILTER (origin = 'A03') AS DATE) AS gone,
  arg_min(site, movement_at) AS site_in, arg_max(site, movement_at) AS site_out, arg_min(unit, movement_at) AS unit_in,
  arg_max(unit, movement_at) AS unit_out, arg_min(patient_class, movement_at) AS class_in,
  arg_max(patient_class, movement_at) AS class_out FROM moves GROUP BY ALL;
CREATE OR REPLACE TEMP MACRO activity(code, one_day) AS CASE WHEN code = 'I' AND one_day THEN 'ambulatoire'
  WHEN code = 'I' THEN 'hospitalisation' WHEN code = 'E' THEN 'urgences' WHEN code = 'O' THEN 'externe'
  WHEN code = 'R' THEN 'séances' WHEN code = 'V' THEN 'télésurveillance' ELSE 'inconnu' END;
CREATE OR REPLACE TEMP MACRO band(age) AS CASE WHEN age < 18 THEN '0-17' WHEN age < 45 THEN '18-44'
  WHEN age < 65 THEN '45-64' WHEN age < 75 THEN '65-74' ELSE '75+' END;
"""


def spans() -> list[tuple[date, date]]:
    """The asked period and its months, cut at its ends, written without the code under test."""
    months = []
    start = PERIOD[0]
    while start <= PERIOD[1]:
        after = date(start.year + start.month // 12, start.month % 12 + 1, 1)
        months.append((start, min(after - timedelta(days=1), PERIOD[1])))
        start = after
    return [PERIOD, *months]


@pytest.fixture(scope="module")
def found(register: Register) -> pl.DataFrame:
    register.connection.execute(NOW)
    base = identities(register)
    statuses = derive_statuses(base, NONE, changes=ins_changes(register))
    return measure(
        base,
        statuses,
        stays(register),
        NONE,
        period=PERIOD,
        ledger=status_ledger(register),
        meshes=ALL_MESHES,
        grains=[Grain.MONTH],
    )


def agree(found: pl.DataFrame, expected: dict[tuple[Any, ...], tuple[int, int]], code: str, mesh: Mesh) -> None:
    rows = found.filter(pl.col("code") == code, pl.col("mesh") == mesh, pl.col("denominator") > 0)
    keys = rows.select("mesh_value", "period_start", "period_end").rows()
    got = dict(zip(keys, rows.select("numerator", "denominator").rows(), strict=True))
    assert got == {key: value for key, value in expected.items() if value[1]}
    assert got


VALUES = {
    Mesh.ESTABLISHMENT: "'ensemble'",
    Mesh.SITE: "site",
    Mesh.UNIT: "unit",
    Mesh.ACTIVITY: "activity(m.patient_class, coalesce(v.entered = v.gone, false))",
    Mesh.AGE_BAND: "band(year($end) - born)",
}


@pytest.mark.parametrize("mesh", list(VALUES))
@pytest.mark.parametrize(
    ("code", "kept"),
    [
        ("Q_FILE_ACTIVE", "'QUALIFIEE'"),
        ("TX_VALI", "'VALIDEE'"),
        ("TX_RECUP", "'RECUPEREE'"),
        ("TX_PROV", "'PROVISOIRE'"),
        ("IN_INSI", "'RECUPEREE', 'QUALIFIEE'"),
    ],
)
def test_measure__active_file_equals_sql(
    register: Register, found: pl.DataFrame, mesh: Mesh, code: str, kept: str
) -> None:
    sql = f"""
        SELECT value, count(*) FILTER (status_at(who, $end::DATE) IN ({kept})), count(*) FROM (
          SELECT DISTINCT m.who, {VALUES[mesh]} AS value FROM moves m JOIN venues v
          ON v.who = m.who AND v.dossier IS NOT DISTINCT FROM m.dossier AND v.visit IS NOT DISTINCT FROM m.visit
          WHERE CAST(m.movement_at AS DATE) BETWEEN $start AND $end) GROUP BY 1"""
    expected = {}
    for start, end in spans():
        for value, top, bottom in register.connection.execute(sql, {"start": start, "end": end}).fetchall():
            expected[value, start, end] = (top, bottom)
    agree(found, expected, code, mesh)


@pytest.mark.parametrize(
    ("code", "day", "side"), [("Q_PASSAGE_ENTREE", "entered", "in"), ("Q_PASSAGE_SORTIE", "gone", "out")]
)
@pytest.mark.parametrize(
    ("mesh", "value"),
    [
        (Mesh.ESTABLISHMENT, "'ensemble'"),
        (Mesh.SITE, "site_{side}"),
        (Mesh.UNIT, "unit_{side}"),
        (Mesh.ACTIVITY, "activity(class_{side}, coalesce(entered = gone, false))"),
    ],
)
def test_measure__passages_equal_sql(
    register: Register, found: pl.DataFrame, code: str, day: str, side: str, mesh: Mesh, value: str
) -> None:
    sql = f"""SELECT {value.format(side=side)}, count(*) FILTER (status_at(who, {day}) = 'QUALIFIEE'), count(*)
        FROM venues WHERE {day} BETWEEN $start AND $end GROUP BY 1"""
    expected = {}
    for start, end in spans():
        for key, top, bottom in register.connection.execute(sql, {"start": start, "end": end}).fetchall():
            expected[key, start, end] = (top, bottom)
    agree(found, expected, code, mesh)


def test_measure__base_equals_sql_on_every_month_end(register: Register, found: pl.DataFrame) -> None:
    sql = """WITH last AS (SELECT key, arg_max(struct_pack(s := to_status, c := counted), place) AS now FROM status
        WHERE status."at" < $end::DATE + INTERVAL 1 DAY GROUP BY key)
        SELECT count(*) FILTER (now.s = 'QUALIFIEE'), count(*) FROM last WHERE now.s IS NOT NULL AND now.c"""
    expected = {
        ("ensemble", start, end): register.connection.execute(sql, {"end": end}).fetchall()[0] for start, end in spans()
    }
    agree(found, expected, "Q_BASE", Mesh.ESTABLISHMENT)


def test_measure__a_rate_of_a_past_month_is_what_it_was_that_day_whatever_came_later(tmp_path: Path) -> None:
    rows = sorted(year(random.Random(SEED)), key=lambda row: row["message_time"])
    may = (date(2026, 5, 1), date(2026, 5, 31))

    def rates(opened: Register) -> list[Any]:
        base = identities(opened)
        statuses = derive_statuses(base, NONE, changes=ins_changes(opened))
        frame = measure(base, statuses, stays(opened), NONE, period=may, ledger=status_ledger(opened))
        kept = frame.filter(pl.col("code").is_in(["Q_BASE"]), pl.col("mesh") == Mesh.ESTABLISHMENT)
        return kept.select("numerator", "denominator").rows()

    with open_register(RegisterSettings(path=tmp_path / "registre.duckdb")) as opened:
        night(opened, 92, *(row for row in rows if row["message_time"] < at(92)))
        then = rates(opened)
        night(opened, 400, *(row for row in rows if row["message_time"] >= at(92)))
        assert rates(opened) == then
        assert then[0][1] > 50
