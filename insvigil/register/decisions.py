"""What people decided of pairs: append-only, the latest counts, and it stands as long as the strict traits do."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from insvigil.errors import UsageError
from insvigil.frames import IDENTITY_FIELDS, STRICT_TRAITS
from insvigil.register.identities import last_run, numbering, resolve
from insvigil.register.opening import Register
from insvigil.vocabulary import Decision

_TRAITS = "md5(concat_ws('|', {}))".format(
    ", ".join(
        f"coalesce(regexp_replace(upper(strip_accents({{side}}.{trait})), '[^A-Z0-9]+', ' ', 'g'), '~')"
        for trait in STRICT_TRAITS
    )
)
_ONE_INS = "coalesce(l.matricule = r.matricule, false)"
_DIGEST = "md5(concat_ws('|', least({l}, {r}), greatest({l}, {r}), {one}))".format(
    l=_TRAITS.format(side="l"), r=_TRAITS.format(side="r"), one=_ONE_INS
)
"""What a decision rests on: the strict traits of both sides, case, accents and punctuation aside, and whether both
bear one INS (two identities that come to share a matricule must be seen again)."""


def record_decision(
    register: Register,
    *,
    left: tuple[str, str],
    right: tuple[str, str],
    decision: Decision,
    author: str,
    decided_at: datetime,
    reason: str = "",
) -> None:
    """Keep what ``author`` decided of two identities, each ``(domain, ipp)``; raise ``UsageError`` if one is unknown.

    Outside a run it is written at once. Recording the same decision again changes nothing.
    """
    ends = [resolve(register, *side) for side in (left, right)]
    if ends[0] is None or ends[1] is None:
        raise UsageError("La décision porte sur un IPP inconnu du registre.", hint="Vérifiez le domaine et l'IPP.")
    if ends[0] == ends[1]:
        raise UsageError("La décision porte deux fois sur la même identité (déjà fusionnée).")
    sides = [f"(SELECT * FROM identity WHERE domain = ${name}_domain AND ipp = ${name}_ipp)" for name in ("l", "r")]
    register.query(
        "INSERT INTO decision SELECT least(l.key, r.key), greatest(l.key, r.key), $decision, "
        f"{_DIGEST} AS digest, $author, $decided_at, $reason, $run FROM {sides[0]} l, {sides[1]} r "
        "WHERE NOT EXISTS (SELECT 1 FROM decision d WHERE d.left_key = least(l.key, r.key) AND "
        "d.right_key = greatest(l.key, r.key) AND d.decision = $decision AND d.author = $author AND "
        "d.decided_at = $decided_at)",
        {
            "l_domain": ends[0][0],
            "l_ipp": ends[0][1],
            "r_domain": ends[1][0],
            "r_ipp": ends[1][1],
            "decision": str(decision),
            "author": author,
            "decided_at": decided_at,
            "reason": reason,
            "run": register.run or last_run(register),
        },
    )


def judged_pairs(register: Register) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the identities that learning needs and the pairs that people judged among them.

    Identities: the fields of the active ones and, as last received, of those merged since they were judged (a doublon
    is merged once decided: without them only non-doublons would be left). Pairs: ``left``, ``right`` (row numbers in
    the first frame) and the latest ``decision``, while the strict traits it rests on are still those.
    """
    people = register.query(
        f"SELECT key, {', '.join(IDENTITY_FIELDS)} FROM identity WHERE active OR key IN "
        "(SELECT left_key FROM decision UNION SELECT right_key FROM decision) ORDER BY domain, ipp"
    )
    found = register.query(
        "WITH last AS (SELECT *, row_number() OVER "
        "  (PARTITION BY left_key, right_key ORDER BY decided_at DESC, run DESC) AS age FROM decision) "
        "SELECT left_key, right_key, decision FROM last JOIN identity l ON l.key = left_key "
        f"JOIN identity r ON r.key = right_key WHERE age = 1 AND {_DIGEST} = trait_digest ORDER BY 1, 2"
    )
    rows = people.select("key").with_row_index("row")
    for side in ("left", "right"):
        numbered = rows.select(pl.col("key").alias(f"{side}_key"), pl.col("row").alias(side))
        found = found.join(numbered, on=f"{side}_key", maintain_order="left")
    return people.drop("key"), found.select("left", "right", "decision")


def decisions(register: Register) -> pl.DataFrame:
    """Return the decision in force on each pair of active identities, IPP followed through merges.

    Columns: domain_left, ipp_left, domain_right, ipp_right, decision, trait_digest, author, decided_at, reason,
    ``stands`` (false once a strict trait of either side changed: the pair is to be seen again), and ``left``,
    ``right`` (numbers of this run, null before ``identities`` gave them).
    """
    found = register.query(
        "WITH now AS (SELECT d.*, coalesce(fl.terminal, d.left_key) AS a, coalesce(fr.terminal, d.right_key) AS b, "
        "  row_number() OVER (PARTITION BY least(a, b), greatest(a, b) ORDER BY decided_at DESC, d.run DESC) AS age "
        "  FROM decision d LEFT JOIN forward fl ON fl.key = d.left_key LEFT JOIN forward fr ON fr.key = d.right_key) "
        "SELECT l.key AS left_key, r.key AS right_key, l.domain AS domain_left, l.ipp AS ipp_left, "
        "r.domain AS domain_right, r.ipp AS ipp_right, decision, trait_digest, author, decided_at, reason, "
        f"{_DIGEST} = trait_digest AS stands FROM now JOIN identity l ON l.key = least(a, b) "
        "JOIN identity r ON r.key = greatest(a, b) WHERE age = 1 AND a <> b ORDER BY 3, 4, 5, 6"
    )
    if register.keys is None:
        empty = pl.lit(None, pl.UInt32)
        return found.drop("left_key", "right_key").with_columns(left=empty, right=empty)
    concerned = pl.concat([found["left_key"], found["right_key"]]).unique()
    numbers = numbering(register).filter(pl.col("key").is_in(concerned.implode()))
    for side in ("left", "right"):
        numbered = numbers.select(pl.col("key").alias(f"{side}_key"), pl.col("identity_id").alias(side))
        found = found.join(numbered, on=f"{side}_key", how="left", maintain_order="left")
    flipped = found.with_columns(left=pl.min_horizontal("left", "right"), right=pl.max_horizontal("left", "right"))
    return flipped.drop("left_key", "right_key")
