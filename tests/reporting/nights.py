"""A small invented night for the tests of reporting: schema-valid frames, no other room needed."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl

from insvigil.bench.hospital import prepare_identities
from insvigil.bench.population import generate
from insvigil.frames import (
    AGREEMENTS,
    Anomalies,
    Groups,
    Identities,
    Indicators,
    Objectives,
    Rejects,
    ScoredPairs,
    Sources,
    Statuses,
    Stays,
)
from insvigil.reporting import NightReport
from insvigil.settings import Settings
from insvigil.vocabulary import Confidence, Rule, Scope, Severity

BANDS = [
    {"band": "sure", "accepted": 0.001, "line": 0.9, "pairs": 6, "expected": 0.001, "expected_above": 0.001},
    {"band": "probable", "accepted": 0.25, "line": 0.5, "pairs": 0, "expected": None, "expected_above": 0.001},
    {"band": "review", "accepted": 0.8, "line": 0.05, "pairs": 2, "expected": 0.75, "expected_above": 0.3},
]
STARTED = datetime(2026, 11, 20, 23, 50)
DOMAIN = "HDEMO"
LEVELS = {trait: (f"{trait} absent", f"{trait} différent", f"{trait} proche", f"même {trait}") for trait in AGREEMENTS}
RULES = {
    "IDV-NOM-003": Rule(
        "IDV-NOM-003", Severity.ANOMALY, Scope.IDENTITY, "Nom de naissance douteux.", "", "Vérifier la pièce.", "RNIV",
        Confidence.VERIFIED,
    ),
    "IDV-INS-001": Rule(
        "IDV-INS-001", Severity.BLOCKING, Scope.IDENTITY, "Clé fausse.", "", "Reprendre l'INS.", "INSEE",
        Confidence.SECOND_HAND,
    ),
}  # fmt: skip


def invent_night(identities: int = 400, seed: int = 2, **changes: object) -> NightReport:
    """Return the report of a small night, with ``changes`` to its fields."""
    population = generate(identities, seed)
    people = _identities(prepare_identities(population, np.random.default_rng(seed)))
    pairs, groups = _pairs(people, population.truth)
    frames = {
        "sources": Sources.cast(
            pl.DataFrame(
                {
                    "source": [0], "path": ["flux/gam-0001.hl7"], "digest": ["ab" * 16], "size": [1000],
                    "format": ["hl7"], "charset_declared": ["8859/15"], "charset_found": ["iso8859-15"],
                    "outcome": ["read"], "messages": [1000],
                }
            )
        ),
        "rejects": Rejects.cast(
            pl.DataFrame(
                {
                    "source": [0, 0], "path": ["flux/gam-0001.hl7"] * 2, "offset": [10, 90], "line": [2, 9],
                    "segment": ["PID", "ZBE"], "field": [3, 4], "code": ["IDV-LEC-001", "IDV-LEC-009"],
                    "rejected": [True, False],
                }
            )
        ),
        "identities": people,
        "stays": _stays(people),
        "statuses": _statuses(people),
        "anomalies": Anomalies.cast(
            pl.DataFrame(
                {
                    "code": ["IDV-NOM-003", "IDV-INS-001", "IDV-NOM-003"],
                    "severity": ["anomaly", "blocking", "anomaly"],
                    "identity_id": [0, 1, 2], "other_id": [None] * 3, "domain": [DOMAIN] * 3,
                    "ipp": people["ipp"].head(3), "subject": ["birth_name", None, "birth_name"],
                }
            )
        ),
        "pairs": pairs,
        "groups": groups,
        "indicators": indicators(0.714, 85.0),
        "objectives": objectives(0.714, 85.0),
    }  # fmt: skip
    account = {"read": 1000, "kept": 950, "folded": 49, "rejected": 1}
    fields: dict[str, object] = {
        "started": STARTED,
        "version": "9.9.9",
        "settings": Settings.model_validate({"reporting": {"establishment": "Hôpital <inventé>"}}),
        "counts": {
            "messages": account,
            "register": {"created": 12, "modified": 5, "merged": 1},
            "matching": {"bands": BANDS},
        },
        "seconds": {"reading": 1.25, "matching": 2.5},
        "run": 3,
        "agregats": groups.select("group").unique().sort("group").with_row_index("agregat", offset=1).with_columns(
            outcome=pl.when(pl.col("agregat") % 2 == 0).then(pl.lit("new")).otherwise(pl.lit("kept"))
        ),
        "resolved": 4,
        "history": pl.concat(
            indicators(rate, 85.0).with_columns(started=pl.lit(STARTED - timedelta(days=days)))
            for days, rate in ((2, 0.70), (1, 0.71), (0, 0.714))
        ),
        "reasons": pairs.select("left", "right").head(200).join(
            pl.DataFrame({"sentence": ["au départ", "même nom rare", "sexe différent"], "bits": [-12.0, 20.5, -3.2]}),
            how="cross",
        ),
        "rules": RULES,
        "levels": LEVELS,
        "status_sources": {"PAM": "messages PAM"},
        **frames,
    }  # fmt: skip
    return NightReport(**(fields | changes))  # type: ignore[arg-type]


def indicators(rate: float, target: float | None) -> pl.DataFrame:
    """Return the figures of a hospital of two sites, with or without a target."""
    qualified = round(rate * 1000)
    rows = [
        ("Q_FILE_ACTIVE", "Taux de qualification de la file active", "establishment", "ensemble", qualified, 1000),
        ("Q_FILE_ACTIVE", "Taux de qualification de la file active", "site", "990000101", qualified, 800),
        ("Q_FILE_ACTIVE", "Taux de qualification de la file active", "site", "990000102", 0, 200),
        ("Q_FILE_ACTIVE", "Taux de qualification de la file active", "activity", "urgences", 10, 20),
        ("Q_BASE", "Taux de qualification de la base", "establishment", "ensemble", 500, 2000),
    ]
    frame = pl.DataFrame(
        rows, schema=["code", "label", "mesh", "mesh_value", "numerator", "denominator"], orient="row"
    ).with_columns(
        period_start=date(2025, 11, 21),
        period_end=date(2026, 11, 20),
        rate=pl.col("numerator") / pl.col("denominator"),
        rate_low=pl.lit(None, pl.Float64),
        rate_high=pl.lit(None, pl.Float64),
        status_source=pl.lit("PAM"),
        rule_version=pl.lit("1"),
    )
    aimed = (pl.col("code") == "Q_FILE_ACTIVE") & (pl.col("mesh") == "establishment") & (target is not None)
    judged = frame.with_columns(
        programme=pl.when(aimed).then(pl.lit("HOPEN2_PHASE1")),
        target=pl.when(aimed).then(pl.lit(target, pl.Float64)),
        target_confidence=pl.when(aimed).then(pl.lit("M")),
        verdict=pl.when(aimed & (pl.col("rate") * 100 >= (target or 0)))
        .then(pl.lit("atteint"))
        .when(aimed)
        .then(pl.lit("non_atteint"))
        .otherwise(pl.lit("non_evaluable")),
        gap=pl.when(aimed).then(pl.max_horizontal(pl.lit(0.0), (target or 0) - pl.col("rate") * 100)),
    )
    return Indicators.validate(judged.select(Indicators.column_names()), cast=True)


def objectives(rate: float, target: float | None, **changes: object) -> pl.DataFrame:
    """Return a commitment on the file active with its answer, when there is one, and an objective nobody can judge."""
    types = {name: column.dtype for name, column in Objectives.columns().items()}
    aimed: dict[str, object] = {
        "programme": "HOPEN2_PHASE1",
        "programme_name": "HOP'EN 2, phase 1",
        "label": "Progression du taux de qualification",
        "indicator": "Q_FILE_ACTIVE",
        "verdict": "atteint" if 100 * rate >= (target or 0) else "non_atteint",
        "numerator": round(rate * 1000),
        "denominator": 1000,
        "rate": rate,
        "target": target,
        "gap": max(0.0, (target or 0) - 100 * rate),
        "missing": max(0, round(10 * (target or 0)) - round(rate * 1000)),
        "subject": "identités",
        "source": "convention inventée",
        "confidence": "M",
        "to_confirm": True,
    }
    other = {
        "programme": "3RIV",
        "programme_name": "3RIV, indicateurs de suivi",
        "label": "IN-INSI",
        "verdict": "non_evaluable",
        "reason": "Aucun engagement dans les réglages.",
        "source": "fiche IND 03",
        "confidence": "V",
        "to_confirm": False,
    }
    rows = [aimed | changes, other] if target is not None else [other]
    full = [{name: row.get(name) for name in types} for row in rows]
    return Objectives.validate(pl.DataFrame(full, schema=types, orient="row"))


def _identities(rows: list[dict[str, object]]) -> pl.DataFrame:
    frame = pl.DataFrame(rows, infer_schema_length=None)
    columns = Identities.column_names()
    empty = [pl.lit(None, pl.String).alias(name) for name in columns if name not in frame.columns]
    made = frame.with_columns(empty).with_columns(
        domain=pl.lit(DOMAIN),
        created_at=pl.lit(STARTED - timedelta(days=30)) - pl.duration(minutes=pl.int_range(pl.len())),
        updated_at=pl.lit(STARTED),
        changed=pl.int_range(pl.len()) % 5 == 0,
        identity_id=pl.int_range(pl.len(), dtype=pl.UInt32),
    )
    return Identities.validate(made.select(columns), cast=True)


def _stays(people: pl.DataFrame) -> pl.DataFrame:
    seen = people.head(150).select("domain", "ipp", movement="ipp", movement_at=pl.lit(STARTED - timedelta(days=2)))
    empty = [name for name in Stays.column_names() if name not in seen.columns and name != "trigger"]
    made = seen.with_columns(pl.lit(None).alias(name) for name in empty).with_columns(trigger=pl.lit("A01"))
    return Stays.validate(made.select(Stays.column_names()), cast=True)


def _statuses(people: pl.DataFrame) -> pl.DataFrame:
    qualified = pl.col("matricule").is_not_null()
    return Statuses.validate(
        people.select(
            "identity_id",
            status=pl.when(qualified)
            .then(pl.lit("QUALIFIEE"))
            .when(pl.col("identity_code") == "VALI")
            .then(pl.lit("VALIDEE"))
            .otherwise(pl.lit("PROVISOIRE")),
            insi_recovered=qualified,
            document_controlled=qualified,
            ins_transmissible=qualified & (pl.col("identity_id") % 7 != 0),
            source=pl.lit("PAM"),
            anomaly=pl.lit(None, pl.String),
        ),
        cast=True,
    )


def _pairs(people: pl.DataFrame, truth: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    numbered = people.select("identity_id", "ipp").join(truth.rename({"id": "ipp"}), on="ipp")
    both = (
        numbered.join(numbered, on="person", suffix="_right")
        .filter(pl.col("identity_id") < pl.col("identity_id_right"))
        .select(left="identity_id", right="identity_id_right")
        .sort("left", "right")
    )
    rng = np.random.default_rng(1)
    weight = rng.normal(14, 8, both.height).clip(0.1, 40)
    doublons = both.with_columns(weight=pl.Series(weight), finding=pl.lit("DPOT"))
    others = pl.DataFrame(
        {"left": [0, 1, 5], "right": [397, 398, 399], "weight": [-1.0, -3.0, 2.0], "finding": ["HOMD", "NONE", "COLP"]}
    ).cast({"left": pl.UInt32, "right": pl.UInt32})
    pairs = pl.concat([doublons, others]).with_columns(
        probability=1 / (1 + 2.0 ** -pl.col("weight")), rule=pl.lit(None, pl.String), block=pl.lit("nom+date")
    )
    levels = [pl.Series(f"agree_{trait}", rng.integers(0, 4, pairs.height)) for trait in AGREEMENTS]
    made = pairs.with_columns(levels).select(ScoredPairs.column_names())
    members = numbered.filter(pl.len().over("person") > 1).select(
        "identity_id", group=pl.col("identity_id").min().over("person")
    )
    return ScoredPairs.validate(made, cast=True), Groups.validate(members, cast=True)
