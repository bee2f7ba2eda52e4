"""What INSi answered of identities: append-only, each answer kept once, the latest counts."""

from __future__ import annotations

from datetime import datetime

import dataframely as dy
import polars as pl

from insvigil.frames import Changes
from insvigil.register.eliminations import owned
from insvigil.register.identities import last_run
from insvigil.register.opening import Register

_TOLD = (
    "SELECT key, 'insi_answer' AS field, NULL::VARCHAR AS old, coalesce(effect, outcome) AS new, "
    "recorded_at AS known_at, least(answered_on + INTERVAL 86399 SECOND, recorded_at)::TIMESTAMP AS message_time, "
    "'INSI' AS trigger, 'INSi' AS sender, lot || '/' || line AS control_id, run FROM insi_answer"
)


def store_answers(register: Register, answers: pl.DataFrame, *, now: datetime) -> pl.DataFrame:
    """Keep the answers not kept yet; return the (domain, ipp) of the identities they speak of.

    Columns of ``answers``: domain, ipp, lot, line, operation, outcome, answered_on, discordant, effect, digest. An
    answer is known by its identity, its request (lot, line) and its digest; storing it again changes nothing. Called
    inside a transaction. Answers on an IPP that is not in the register are left out.
    """
    fresh = register.query(
        "SELECT i.key, a.* EXCLUDE (domain, ipp), $now::TIMESTAMP AS recorded_at, $run::UINTEGER AS run FROM answers a "
        "JOIN identity i USING (domain, ipp) ANTI JOIN insi_answer k "
        "ON k.key = i.key AND k.lot = a.lot AND k.line = a.line AND k.digest = a.digest",
        {"now": now, "run": register.run or last_run(register)},
        answers=answers,
    ).unique(["key", "lot", "line", "digest"], maintain_order=True)
    register.insert("insi_answer", fresh)
    return register.query("SELECT domain, ipp FROM identity SEMI JOIN fresh USING (key)", fresh=fresh)


def insi_answers(register: Register) -> dy.DataFrame[Changes]:
    """Return the answers as rows of ``Changes``: field ``insi_answer``, ``new`` confirmed, refused or the outcome.

    An answer without effect keeps the outcome INSi gave. ``valid_at`` is the end of the day of the answer, never later
    than its recording: an answer of a day outlives what a message of that day said before. An answer follows a change
    of IPP, never a merge: it speaks of the traits it was asked of.
    """
    renames = register.query("SELECT * FROM forward WHERE since IS NULL")
    told = owned(register.query(_TOLD), renames)
    keys = told.select(key="owner").unique()
    names = register.query("SELECT key AS owner, domain, ipp FROM identity SEMI JOIN keys USING (key)", keys=keys)
    rows = told.join(names, on="owner", how="left").rename({"message_time": "valid_at"})
    return Changes.validate(
        rows.select(Changes.column_names()).sort("domain", "ipp", "valid_at", "control_id"), cast=True
    )
