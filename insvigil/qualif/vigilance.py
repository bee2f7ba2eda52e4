"""The register's memory → the figures of doublons, collisions, merges and work done, and the rows behind them."""

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
_ONE = ("domain", "ipp")
_PAIRS = (
    "SELECT l.domain AS domain_left, l.ipp AS ipp_left, r.domain AS domain_right, r.ipp AS ipp_right, p.finding, "
    "coalesce(p.rule, p.block) AS detector FROM pair p JOIN identity l ON l.key = p.left_key "
    "JOIN identity r ON r.key = p.right_key"
)
_VALUES = " OR ".join(f"count(DISTINCT upper(strip_accents(nullif({trait}, '\"\"')))) > 1" for trait in STRICT_TRAITS)
_MODIFIED = (
    "SELECT i.domain, i.ipp, m.last::DATE AS changed_on FROM (SELECT coalesce(f.terminal, s.key) AS who, "
    "max(s.message_time) AS last FROM statement s LEFT JOIN forward f USING (key) "
    f"WHERE s.driver AND s.message_time < $end GROUP BY who HAVING ({_VALUES}) AND last >= $start) m "
    "JOIN identity i ON i.key = m.who AND i.active"
)


def measure_vigilance(
    register: Register, settings: QualifSettings, *, period: tuple[date, date]
) -> dy.DataFrame[Indicators]:
    """Return the figures of doublons, collisions and work of ``period`` (both days included), for the establishment.

    Pairs, agrégats and decisions are those of the register as it stands. Only decisions of people make a doublon or a
    collision; what the engine proposes is counted apart. Collisions and shares by detector are per mesh ``detector``.
    """
    bounds = _bounds(period)
    pairs = register.query(_PAIRS)
    ruled = decisions(register).filter("stands")
    created, late, paired = _creations(register, bounds, pairs, ruled)
    confirmed = ruled.filter(pl.col("decision") == Decision.DOUBLON.value)
    proposed = pairs.filter(pl.col("finding") == Finding.DPOT.value)
    waiting = proposed.join(ruled, on=_NAMES, how="anti")
    active = _one(register, "SELECT count(*) FROM identity WHERE active")
    merges = _one(register, f"SELECT count(*) FROM elimination WHERE NOT rename AND {_within('message_time')}", bounds)
    collisions = _one(
        register,
        f"SELECT count(*) FROM decision WHERE decision = 'COLLISION' AND {_within('decided_at')}",
        bounds,
    )
    counts: dict[str, tuple[int | None, int, float | None]] = {
        "TX_DOUBLONS_BASE": (sum(_links(confirmed)), active, None),
        "TX_DOUBLONS_FLUX": (created.join(late, on=_ONE, how="semi").height, created.height, None),
        "TX_DOUBLONS_POT": (waiting.height, active, None),
        "NOUVEAUX_DOUBLONS": (created.join(paired, on=_ONE, how="semi").height, created.height, None),
        "TX_COLLISIONS": (collisions, _one(register, _VENUES, bounds), None),
        "TX_FUSIONS": (merges, created.height, None),
        "TX_FUSIONS_ANNULEES": (None, merges, None),
        "TX_MODIF": (_one(register, f"SELECT count(*) FROM ({_MODIFIED})", bounds), active, None),
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


def vigilance_rows(register: Register, code: str, period: tuple[date, date]) -> pl.DataFrame:
    """Return the rows behind a figure of ``measure_vigilance``, with ``counted``: whether it is in the numerator.

    Where the denominator is the base, or venues, only what may be in the numerator is listed. ``DELAI_QUAL`` gives the
    ``days`` of each identity.
    """
    bounds = _bounds(period)
    counted = pl.lit(True).alias("counted")
    if code in _LISTS:
        return register.query(f"{_LISTS[code]} ORDER BY ALL", bounds).with_columns(counted)
    if code in ("AGREGATS_OUVERTS", "AGREGATS_CLOS"):
        asked = {name: moment for name, moment in bounds.items() if f"${name}" in _AGREGATS_LISTED[code]}
        return register.query(_AGREGATS_LISTED[code], asked).sort("agregat")
    pairs = register.query(_PAIRS)
    ruled = decisions(register).filter("stands").select(*_NAMES, "decision", "decided_at")
    if code == "TX_DOUBLONS_BASE":
        confirmed = ruled.filter(pl.col("decision") == Decision.DOUBLON.value)
        return confirmed.with_columns(counted=pl.Series(_links(confirmed), dtype=pl.Boolean))
    if code == "TX_DOUBLONS_POT":
        proposed = pairs.filter(pl.col("finding") == Finding.DPOT.value).sort(_NAMES)
        found = proposed.join(ruled, on=_NAMES, how="left", maintain_order="left")
        return found.with_columns(counted=pl.col("decision").is_null())
    if code == "PART_NON_DOUBLON":
        found = pairs.join(ruled, on=_NAMES, how="inner").sort(_NAMES)
        return found.with_columns(counted=pl.col("decision") == Decision.NON_DOUBLON.value)
    created, late, paired = _creations(register, bounds, pairs, ruled)
    among = (late if code == "TX_DOUBLONS_FLUX" else paired).with_columns(counted)
    return (
        created.sort(_ONE)
        .join(among, on=_ONE, how="left", maintain_order="left")
        .with_columns(pl.col("counted").fill_null(False))
    )


def _bounds(period: tuple[date, date]) -> dict[str, datetime]:
    """Return the first moment of the period and the first after it."""
    return {
        "start": datetime.combine(period[0], time()),
        "end": datetime.combine(period[1] + timedelta(days=1), time()),
    }


def _creations(
    register: Register, bounds: dict[str, datetime], pairs: pl.DataFrame, ruled: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Return the identities created in the period, those that are a doublon of an older one, and those in any pair.

    An identity merged is a doublon (a change of IPP is no merge).
    """
    created = register.query(f"SELECT domain, ipp, created_at FROM identity WHERE {_within('created_at')}", bounds)
    merged = register.query("SELECT domain, ipp FROM identity JOIN forward USING (key) WHERE since IS NOT NULL")
    confirmed = ruled.filter(pl.col("decision") == Decision.DOUBLON.value)
    proposed = pairs.filter(pl.col("finding") == Finding.DPOT.value)
    late = pl.concat([merged, _younger(register, confirmed)]).unique()
    return created, late, pl.concat([_ends(proposed), _ends(confirmed), merged]).unique()


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


def _links(confirmed: pl.DataFrame) -> list[bool]:
    """Return whether each pair joins two sets not yet linked: their number is the sum of (size - 1) over the sets."""
    top: dict[Any, Any] = {}

    def root(node: Any) -> Any:
        while node in top:
            node = top[node]
        return node

    links = []
    for domain_left, ipp_left, domain_right, ipp_right in confirmed.select(_NAMES).iter_rows():
        ends = root((domain_left, ipp_left)), root((domain_right, ipp_right))
        links.append(ends[0] != ends[1])
        if ends[0] != ends[1]:
            top[ends[0]] = ends[1]
    return links


def _delay(register: Register, bounds: dict[str, datetime]) -> tuple[None, int, float | None]:
    """Return how many identities were qualified for the first time in the period, and their median delay in days."""
    found = register.query(f"SELECT count(*) AS n, median(days) AS days FROM ({_LISTS['DELAI_QUAL']})", bounds)
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

_LISTS = {
    "DELAI_QUAL": (
        "SELECT i.domain, i.ipp, i.created_at, first AS qualified_at, "
        "greatest(0, epoch(first - i.created_at) / 86400) AS days FROM "
        "(SELECT key, min(status.\"at\") AS first, arg_min(coalesce(from_status, ''), place) AS before FROM status "
        "WHERE to_status = 'QUALIFIEE' GROUP BY key) q JOIN identity i USING (key) "
        f"WHERE before <> '' AND {_within('first')} AND i.created_at IS NOT NULL"
    ),
    "TX_MODIF": _MODIFIED,
    "TX_FUSIONS": (
        "SELECT i.domain, i.ipp, o.domain AS domain_kept, o.ipp AS ipp_kept, e.message_time AS merged_at "
        "FROM elimination e JOIN identity i USING (key) JOIN identity o ON o.key = e.survivor "
        f"WHERE NOT e.rename AND {_within('e.message_time')}"
    ),
    "TX_COLLISIONS": (
        "SELECT l.domain AS domain_left, l.ipp AS ipp_left, r.domain AS domain_right, r.ipp AS ipp_right, d.decided_at "
        "FROM decision d JOIN identity l ON l.key = d.left_key JOIN identity r ON r.key = d.right_key "
        f"WHERE d.decision = 'COLLISION' AND {_within('d.decided_at')}"
    ),
}
"""The rows of the figures that one query lists, all of them counted."""

_AGREGATS = (
    "SELECT g.agregat, a.started AS formed_at, CASE WHEN z.started < $end THEN z.started END AS closed_at, {counted} "
    "AS counted FROM agregat g JOIN run a ON a.run = g.created_run LEFT JOIN run z ON z.run = g.closed_run "
    "WHERE a.started < $end"
)
_AGREGATS_LISTED = {
    "AGREGATS_OUVERTS": _AGREGATS.format(counted="(z.started IS NULL OR z.started >= $end)"),
    "AGREGATS_CLOS": _AGREGATS.format(counted="(z.started IS NOT NULL AND z.started < $end)")
    + " AND (z.started IS NULL OR z.started >= $start)",
}
