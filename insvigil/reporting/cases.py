"""What a person should look at, in order: agrégats of potential doublons, homonyms, collisions.

A case is an agrégat, or a pair that is a homonym or a collision. Its first row is the reference, the identity one
would keep: the best status, then the oldest; each other row carries its pair with the reference, when there is one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from insvigil.frames import AGREEMENTS
from insvigil.reporting.night_report import NightReport
from insvigil.vocabulary import Finding, Status

AGREES = tuple(f"agree_{trait}" for trait in AGREEMENTS)
STATUS_ORDER = {
    Status.QUALIFIEE.value: 0,
    Status.VALIDEE.value: 1,
    Status.RECUPEREE.value: 2,
    Status.PROVISOIRE.value: 3,
}


def doublon_cases(report: NightReport) -> pl.DataFrame:
    """Return the first agrégats to treat, one row a member: as many as the workbook and the page can show.

    Columns: ``case`` (1 is the first to look at), ``number`` (agrégat), ``outcome``, ``finding``, ``size``,
    ``probability`` (the strongest pair), ``place`` (0 is the reference), ``identity_id``, ``status``, ``last_seen``,
    ``pair_probability`` and the agreements with the reference. New agrégats
    come first, then those touched in this night, then the most probable.
    """
    return _once(report, "doublons", lambda: _doublon_cases(report))


def _doublon_cases(report: NightReport) -> pl.DataFrame:
    groups = _strongest(report)
    if report.agregats is not None:
        named = report.agregats.select(pl.col("group").cast(pl.UInt32), "outcome", number="agregat")
        groups = groups.join(named, on="group", how="left")
    else:
        groups = groups.with_columns(number="group", outcome=pl.lit(None, pl.String))
    return _ordered(report, report.groups.select("identity_id", "group"), groups, Finding.DPOT)


def first_pairs(report: NightReport, collisions: int = 3, doublons: int = 12) -> pl.DataFrame:
    """Return the pairs (left, right) that the page can explain: reference and next member of the first cases."""
    cases = [pair_cases(report, Finding.COLP).filter(pl.col("case") <= collisions)]
    cases.append(doublon_cases(report).filter(pl.col("case") <= doublons))
    return (
        pl.concat(cases).filter(pl.col("place") == 1, pl.col("pair_probability").is_not_null()).select("left", "right")
    )


def near_pairs(report: NightReport, collisions: int = 3, doublons: int = 12) -> pl.DataFrame:
    """Return the pairs (left, right) among which ``first_pairs`` are, whatever the statuses: all inside those cases."""
    first = doublon_cases(report).filter(pl.col("case") <= doublons).select("case", "identity_id")
    inside = (
        report.pairs.select("left", "right")
        .join(first, left_on="left", right_on="identity_id")
        .join(first, left_on=["right", "case"], right_on=["identity_id", "case"])
    )
    apart = pair_cases(report, Finding.COLP).filter(pl.col("case") <= collisions, pl.col("place") == 1)
    return pl.concat([apart, inside], how="diagonal").select("left", "right").unique().sort("left", "right")


def shown(report: NightReport) -> pl.Series:
    """Return the numbers of the identities whose fields the workbook shows."""
    rows = report.settings.reporting.worklist_rows
    kinds = [pair_cases(report, Finding.COLP), doublon_cases(report), pair_cases(report, Finding.HOMD)]
    return pl.concat([capped(cases, rows)["identity_id"] for cases in kinds]).unique().sort()


def capped(cases: pl.DataFrame, rows: int) -> pl.DataFrame:
    """Return the first whole cases that hold at most ``rows`` rows to decide, one case at the least."""
    decided = (cases["place"] > 0).cum_sum()
    last = decided.to_frame("n").select(pl.col("n").max().over(cases["case"]))["n"] if cases.height else decided
    return cases.filter((last <= rows) | (cases["case"] == 1))


def case_count(report: NightReport, finding: Finding) -> int:
    """Return how many cases there are with a finding, shown or not."""
    if finding is Finding.DPOT:
        return report.groups["group"].n_unique()
    return int((report.pairs["finding"] == finding.value).sum())


def pair_cases(report: NightReport, finding: Finding) -> pl.DataFrame:
    """Return the pairs with a finding, in the columns of ``doublon_cases`` (``number`` is the rank of the pair)."""
    return _once(report, finding.value, lambda: _pair_cases(report, finding))


def _pair_cases(report: NightReport, finding: Finding) -> pl.DataFrame:
    pairs = report.pairs.filter(pl.col("finding") == finding.value).with_row_index("group")
    members = pl.concat([pairs.select("group", identity_id=side) for side in ("left", "right")])
    groups = pairs.select("group", "probability", number="group", outcome=pl.lit(None, pl.String))
    return _ordered(report, members, groups, finding)


def _once(report: NightReport, name: str, work: Callable[[], pl.DataFrame]) -> pl.DataFrame:
    """Return ``work()``, done once for the frames of a report: the page and the workbook ask for the same cases."""
    frames = (
        report.groups, report.pairs, report.agregats, report.identities, report.statuses, report.stays, report.settings,
    )  # fmt: skip
    known = report.made.get(name)
    if known is None or any(one is not other for one, other in zip(known[0], frames, strict=True)):
        known = report.made[name] = (frames, work())
    return known[1]


def _ordered(report: NightReport, members: pl.DataFrame, groups: pl.DataFrame, finding: Finding) -> pl.DataFrame:
    """Return the first cases; ``groups``: the ``number``, the ``outcome`` and the strongest pair of each."""
    members = _first(report, members, groups)
    facts = _facts(report, members["identity_id"].unique().sort())
    rank = pl.col("status").cast(pl.String).replace_strict(STATUS_ORDER, default=4, return_dtype=pl.Int8)
    placed = (
        members.join(facts, on="identity_id", how="left")
        .sort("case", rank, "created_at", "identity_id", nulls_last=True)
        .with_columns(
            finding=pl.lit(finding.value),
            place=pl.int_range(pl.len(), dtype=pl.UInt32).over("case"),
            size=pl.len().over("case"),
            reference=pl.col("identity_id").first().over("case"),
        )
    )
    placed = placed.with_columns(
        left=pl.min_horizontal("identity_id", "reference"), right=pl.max_horizontal("identity_id", "reference")
    )
    near = report.pairs.filter(pl.col("left").is_in(placed["left"].unique().implode()))  # a join would hash them all
    pairs = near.select("left", "right", *AGREES, pair_probability="probability")
    return (
        placed.join(pairs, on=["left", "right"], how="left", maintain_order="left")
        .select(
            "case", "number", "outcome", "finding", "size", "probability", "touched", "place", "identity_id",
            "status", "last_seen", "pair_probability", "left", "right", *AGREES,
        )
    )  # fmt: skip


def _first(report: NightReport, members: pl.DataFrame, groups: pl.DataFrame) -> pl.DataFrame:
    """Return the members of the first cases, numbered: of 300,000 agrégats the workbook and the page show the first."""
    changed = report.identities["identity_id"].filter(report.identities["changed"])
    groups = (
        members.with_columns(touched=pl.col("identity_id").is_in(changed.implode()))
        .group_by("group")
        .agg(pl.col("touched").any(), rows=pl.len())
        .join(groups, on="group", how="left")
        .with_columns(fresh=(pl.col("outcome") == "new").fill_null(False))
        .sort(
            "fresh", "touched", "probability", "number", "group",
            descending=[True, True, True, False, False], nulls_last=True,
        )
        .with_row_index("case", offset=1)
    )  # fmt: skip
    to_decide = pl.col("rows") - 1
    before = to_decide.cum_sum() - to_decide
    most = max(report.settings.reporting.worklist_rows, _AT_LEAST)
    kept = groups.filter(before < most).select("group", "case", "number", "outcome", "touched", "probability")
    return members.join(kept, on="group", how="inner")


_NO_GROUP = 0xFFFFFFFF
_AT_LEAST = 100
"""Rows to decide that are ordered whatever the length of the worklist: the page shows some cases too."""


def _facts(report: NightReport, numbers: pl.Series) -> pl.DataFrame:
    """Return status, creation and last movement of some identities."""
    some = facts_of(report.identities, numbers, "domain", "ipp", "created_at")
    stays = report.stays.filter(pl.col("ipp").is_in(some["ipp"].implode()))
    seen = stays.group_by("domain", "ipp").agg(last_seen=pl.col("movement_at").max())
    return (
        some.join(facts_of(report.statuses, numbers, "status"), on="identity_id", how="left")
        .join(seen, on=["domain", "ipp"], how="left")
        .drop("domain", "ipp")
    )


def facts_of(frame: pl.DataFrame, numbers: pl.Series, *columns: str) -> pl.DataFrame:
    """Return ``identity_id`` and some columns of the identities numbered so (a join would hash the whole base)."""
    wanted = frame.select("identity_id", *columns)
    whole = numbers.len() and numbers.max() < frame.height  # type: ignore[operator]
    if whole and wanted["identity_id"].gather(numbers).equals(numbers):  # its rows are their numbers
        return wanted[numbers]
    return wanted.filter(pl.col("identity_id").is_in(numbers.implode()))


def _strongest(report: NightReport) -> pl.DataFrame:
    """Return the highest probability of a pair inside each group: ``group``, ``probability``."""
    members, pairs = report.groups, report.pairs
    named = (members["identity_id"], pairs["left"], pairs["right"])
    size = 1 + max(int(column.max() or 0) for column in named)  # type: ignore[arg-type]
    of = np.full(size, _NO_GROUP, np.uint32)
    of[members["identity_id"].to_numpy()] = members["group"].to_numpy()
    left, right = (of[pairs[side].to_numpy()] for side in ("left", "right"))
    inside = pl.Series((left == right) & (left != _NO_GROUP))
    known = pl.DataFrame([pl.Series("group", left), pairs["probability"]]).filter(inside)
    return (
        members.select("group")
        .unique()
        .join(known.group_by("group").agg(pl.col("probability").max()), on="group", how="left")
    )
