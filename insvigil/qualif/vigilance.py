"""The register's memory → the figures of doublons, collisions, merges and work done."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any

import dataframely as dy
import polars as pl

from insvigil.frames import STRICT_TRAITS, Indicators
from insvigil.qualif.objectives import judged
from insvigil.register import Register, decisions
from insvigil.settings import QualifSettings
from insvigil.vocabulary import Decision, Finding, Mesh

_NAMES = ("domain_left", "ipp_left", "domain_right", "ipp_right")
_PAIRS = (
    "SELECT l.domain AS domain_left, l.ipp AS ipp_left, r.domain AS domain_right, r.ipp AS ipp_right, p.finding, "
    "coalesce(p.rule, p.block) AS detector FROM pair p JOIN identity l ON l.key = p.left_key "
    "JOIN identity r ON r.key = p.right_key"
)
_VALUES = " OR ".join(f"count(DISTINCT upper(strip_accents(nullif({trait}, '\"\"')))) > 1" for trait in STRICT_TRAITS)
_MODIFIED = (
    "SELECT count(*) FROM (SELECT coalesce(f.terminal, s.key) AS who FROM statement s LEFT JOIN forward f USING (key) "
    f"WHERE s.driver AND s.message_time < $end GROUP BY who HAVING ({_VALUES}) AND max(s.message_time) >= $start) m "
    "JOIN identity i ON i.key = m.who AND i.active"
)


def measure_vigilance(
    register: Register, settings: QualifSettings, *, period: tuple[date, date]
) -> dy.DataFrame[Indicators]:
    """Return the figures of doublons, collisions and work of ``period`` (both days included), for the establishment.

    Pairs, agrégats and decisions are those of the register as it stands. Only decisions of people make a doublon or a
    collision; what the engine proposes is counted apart. Collisions and shares by detector are per mesh ``detector``.
    """
    bounds = {
        "start": datetime.combine(period[0], time()),
        "end": datetime.combine(period[1] + timedelta(days=1), time()),
    }
    pairs = register.query(_PAIRS)
    ruled = decisions(register).filter("stands")
    created, eliminated = _created(register, bounds)
    confirmed = ruled.filter(pl.col("decision") == Decision.DOUBLON.value)
    younger = _younger(register, confirmed)
    proposed = pairs.filter(pl.col("finding") == Finding.DPOT.value)
    waiting = proposed.join(ruled, on=_NAMES, how="anti")
    late = created.join(pl.concat([eliminated, younger]).unique(), on=["domain", "ipp"], how="semi")
    paired = pl.concat([_ends(proposed), _ends(confirmed), eliminated]).unique()
    active = _one(register, "SELECT count(*) FROM identity WHERE active")
    merges = _one(register, f"SELECT count(*) FROM elimination WHERE NOT rename AND {_within('message_time')}", bounds)
    collisions = _one(
        register,
        f"SELECT count(*) FROM decision WHERE decision = 'COLLISION' AND {_within('decided_at')}",
        bounds,
    )
    counts: dict[str, tuple[int | None, int, float | None]] = {
        "TX_DOUBLONS_BASE": (_in_excess(confirmed), active, None),
        "TX_DOUBLONS_FLUX": (late.height, created.height, None),
        "TX_DOUBLONS_POT": (waiting.height, active, None),
        "NOUVEAUX_DOUBLONS": (created.join(paired, on=["domain", "ipp"], how="semi").height, created.height, None),
        "TX_COLLISIONS": (collisions, _one(register, _VENUES, bounds), None),
        "TX_FUSIONS": (merges, created.height, None),
        "TX_FUSIONS_ANNULEES": (None, merges, None),
        "TX_MODIF": (_one(register, _MODIFIED, bounds), active, None),
        "DELAI_QUAL": _delay(register, bounds),
        **_agregats(register, bounds),
    }
    rows = [(code, Mesh.ESTABLISHMENT.value, "", *figures) for code, figures in counts.items()]
    rows += _by_detector(pairs, ruled)
    schema: dict[str, Any] = {"code": pl.String, "mesh": pl.String, "mesh_value": pl.String}
    schema |= {"numerator": pl.Int64, "denominator": pl.Int64, "rate": pl.Float64}
    figures = pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        period_start=pl.lit(period[0]), period_end=pl.lit(period[1])
    )
    return judged(figures, settings, source="register")


def _created(register: Register, bounds: dict[str, datetime]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the identities created in the period, and all those ever merged (a change of IPP is no merge)."""
    created = register.query(f"SELECT domain, ipp FROM identity WHERE {_within('created_at')}", bounds)
    merged = register.query("SELECT domain, ipp FROM identity JOIN forward USING (key) WHERE since IS NOT NULL")
    return created, merged


def _ends(pairs: pl.DataFrame) -> pl.DataFrame:
    left = pairs.select(domain="domain_left", ipp="ipp_left")
    return pl.concat([left, pairs.select(domain="domain_right", ipp="ipp_right")])


def _younger(register: Register, confirmed: pl.DataFrame) -> pl.DataFrame:
    """Return the identity of each pair that was created last: the doublon is the newcomer."""
    return register.query(
        "SELECT CASE WHEN r.created_at >= l.created_at THEN r.domain ELSE l.domain END AS domain, "
        "CASE WHEN r.created_at >= l.created_at THEN r.ipp ELSE l.ipp END AS ipp FROM confirmed c "
        "JOIN identity l ON l.domain = c.domain_left AND l.ipp = c.ipp_left "
        "JOIN identity r ON r.domain = c.domain_right AND r.ipp = c.ipp_right",
        confirmed=confirmed.select(_NAMES),
    )


def _in_excess(confirmed: pl.DataFrame) -> int:
    """Return the sum of (size - 1) over the sets that decisions link: one a link that joins two sets."""
    top: dict[Any, Any] = {}

    def root(node: Any) -> Any:
        while node in top:
            node = top[node]
        return node

    links = 0
    for domain_left, ipp_left, domain_right, ipp_right in confirmed.select(_NAMES).iter_rows():
        ends = root((domain_left, ipp_left)), root((domain_right, ipp_right))
        if ends[0] != ends[1]:
            top[ends[0]] = ends[1]
            links += 1
    return links


def _delay(register: Register, bounds: dict[str, datetime]) -> tuple[None, int, float | None]:
    """Return how many identities were qualified for the first time in the period, and their median delay in days."""
    found = register.query(
        "SELECT count(*) AS n, median(greatest(0, epoch(first - i.created_at) / 86400)) AS days FROM "
        "(SELECT key, min(status.\"at\") AS first, arg_min(coalesce(from_status, ''), place) AS before FROM status "
        "WHERE to_status = 'QUALIFIEE' GROUP BY key) q JOIN identity i USING (key) "
        f"WHERE before <> '' AND {_within('first')} AND i.created_at IS NOT NULL",
        bounds,
    )
    return None, found["n"].item(), found["days"].item()


def _agregats(register: Register, bounds: dict[str, datetime]) -> dict[str, tuple[int, int, None]]:
    found = register.query(
        "SELECT count(*) FILTER (a.started < $end AND (z.started IS NULL OR z.started >= $end)) AS opened, "
        "count(*) FILTER (a.started < $end) AS ever, "
        "count(*) FILTER (z.started >= $start AND z.started < $end) AS closed, "
        "count(*) FILTER (a.started < $end AND (z.started IS NULL OR z.started >= $start)) AS alive FROM agregat g "
        "JOIN run a ON a.run = g.created_run LEFT JOIN run z ON z.run = g.closed_run",
        bounds,
    ).row(0, named=True)
    return {
        "AGREGATS_OUVERTS": (found["opened"], found["ever"], None),
        "AGREGATS_CLOS": (found["closed"], found["alive"], None),
    }


def _by_detector(pairs: pl.DataFrame, ruled: pl.DataFrame) -> Iterable[tuple[Any, ...]]:
    """Yield PART_NON_DOUBLON for the establishment, then a row a detector that has decisions."""
    judged_pairs = pairs.join(ruled, on=_NAMES, how="inner")
    refused = pl.col("decision") == Decision.NON_DOUBLON.value
    code = "PART_NON_DOUBLON"
    total = judged_pairs.select(refused.sum(), pl.len().alias("n")).row(0)
    yield (code, Mesh.ESTABLISHMENT.value, "", *total, None)
    each = judged_pairs.group_by("detector").agg(refused.sum(), n=pl.len()).sort("detector")
    for detector, refusals, size in each.iter_rows():
        yield (code, Mesh.DETECTOR.value, detector, refusals, size, None)


def _within(column: str) -> str:
    return f"{column} >= $start AND {column} < $end"


def _one(register: Register, sql: str, values: dict[str, datetime] | None = None) -> int:
    return int(register.query(sql, values).item())


_VENUES = (
    "SELECT count(*) FROM (SELECT min(coalesce(s.admitted_at, s.movement_at)) AS entered FROM stay s "
    "WHERE s.live AND coalesce(s.origin, 'Z99') NOT IN ('A05', 'A14', 'A15', 'A16') "
    "AND s.patient_class IS DISTINCT FROM 'N' GROUP BY s.domain, s.venue) "
    f"WHERE {_within('entered')}"
)
