"""Changes → what became of an INS: withdrawn by A47, a strict trait modified, confirmed or refused by INSi."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from insvigil.frames import STRICT_TRAITS, Changes
from insvigil.qualif.evidence import known
from insvigil.register import Register, Told, changes, insi_answers
from insvigil.register.eliminations import owned
from insvigil.register.statements import columns_for, settled, story

MILESTONES = ("strict_at", "answered_at", "asked_at", "removed_at", "confirmed_at", "refused_at")
"""Times of the last strict change, of the last proof of INSi, of the last INSi call that succeeded, of the last INS
removed, of the last answer read back that confirms the INS and of the last one that refuses it."""

ANSWER = "insi_answer"
"""The field of ``Changes`` that holds an answer read back: ``confirmed``, ``refused``, or an outcome without effect."""

OBSERVED: tuple[str, ...] = (
    *STRICT_TRAITS,
    "birth_date_corrected",
    "matricule",
    "matricule_oid",
    "identity_code",
    "attributes",
    "collection_mode",
    "insi_date",
    "document",
    "document_expiry",
)
"""The fields a status rests on."""

_INSI = ("matricule", "matricule_oid", "insi_date", "collection_mode", "identity_code", ANSWER)
_KEY = ("domain", "ipp")


def milestones(changes: pl.LazyFrame, listed: pl.LazyFrame) -> pl.LazyFrame:
    """Return (domain, ipp, at) and, for each message of the ledger, the milestones it set (its own time, or null).

    A strict change is another value of a strict trait, beyond case, accents, hyphens and apostrophes; a missing value
    filled is none, and the first given name may move within the list of given names (EXI ID 10). ``listed`` gives the
    list by (domain, ipp).
    """
    told = changes.select(*_KEY, "field", old=known("old"), new=known("new"), at=pl.coalesce("valid_at", "known_at"))
    confirmed, refused = (
        ((pl.col("field") == ANSWER) & (pl.col("new") == effect)).fill_null(False)
        for effect in ("confirmed", "refused")
    )
    asked = (
        (pl.col("field").is_in(["matricule", "insi_date"]) & pl.col("new").is_not_null())
        | ((pl.col("field") == "collection_mode") & (pl.col("new") == "INSI")).fill_null(False)
        | confirmed
    )
    valid = (pl.col("field") == "identity_code") & pl.col("new").is_in(["VALI", "QUAL"]).fill_null(False)
    removed = (pl.col("field") == "matricule") & pl.col("old").is_not_null() & pl.col("new").is_null()
    insi = told.filter(pl.col("field").is_in(_INSI)).select(
        *_KEY,
        "at",
        strict_at=pl.lit(False),
        answered_at=asked | valid,
        asked_at=asked,
        removed_at=removed,
        confirmed_at=confirmed,
        refused_at=refused,
    )
    # Few rows are left when text is compared: a creation has no old value.
    before, after = comparable(pl.col("old")), comparable(pl.col("new"))
    within = (comparable(pl.col("given_names")) + " ").str.starts_with(after + " ").fill_null(False)
    strict = (
        told.filter(pl.col("field").is_in(STRICT_TRAITS), pl.col("old") != pl.col("new"))
        .join(listed, on=_KEY, how="inner")
        .filter(before != after, (pl.col("field") != "first_given_name") | ~within)
        .select(*_KEY, "at", strict_at=pl.lit(True))
        .with_columns(pl.lit(False).alias(name) for name in MILESTONES[1:])
    )
    return (
        pl.concat([insi, strict])
        .filter(pl.any_horizontal(MILESTONES))
        .group_by(*_KEY, "at")
        .agg(pl.col(MILESTONES).any())
        .with_columns(pl.when(pl.col(name)).then(pl.col("at")).alias(name) for name in MILESTONES)
    )


def reached() -> dict[str, pl.Expr]:
    """Return what the milestones say, by name: all false, and no day, when there is none.

    ``withdrawn``: the INS was removed and INSi was not asked since. ``strict_changed``: a strict trait was modified
    after the last proof of INSi (matricule, INSi date, answer, or VALI sent). ``insi_confirmed`` and ``insi_refused``:
    what the last answer read back says, as long as nothing later speaks of the INS; of one day, the refusal wins.
    ``insi_told``: the day of that answer.
    """
    asked, removed, refused = (pl.col(name).fill_null(_NEVER) for name in ("asked_at", "removed_at", "refused_at"))
    against = (pl.col("refused_at") >= asked).fill_null(False)
    stands = ((pl.col("confirmed_at") > removed) & (pl.col("confirmed_at") > refused)).fill_null(False)
    told = pl.when(against).then("refused_at").when(stands).then("confirmed_at")
    return {
        "withdrawn": (pl.col("removed_at") >= asked).fill_null(False),
        "strict_changed": (pl.col("strict_at") > pl.col("answered_at").fill_null(_NEVER)).fill_null(False),
        "insi_confirmed": stands,
        "insi_refused": against,
        "insi_told": told.dt.date(),
    }


NOTHING: dict[str, pl.Expr] = {
    "withdrawn": pl.lit(False),
    "strict_changed": pl.lit(False),
    "insi_confirmed": pl.lit(False),
    "insi_refused": pl.lit(False),
    "insi_told": pl.lit(None, pl.Date),
}
"""What ``reached`` says of an identity without a milestone."""


def later_changes(identities: pl.DataFrame, changes: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """Return ``identity_id`` and what ``reached`` says of the identities the ledger speaks of."""
    keys = identities.lazy()
    last = milestones(changes.lazy(), keys.select(*_KEY, "given_names")).group_by(_KEY).agg(pl.col(MILESTONES).max())
    found = last.join(keys.select(*_KEY, "identity_id"), on=_KEY, how="inner")
    return found.select("identity_id", **reached()).collect(engine="in-memory")


def comparable(value: pl.Expr) -> pl.Expr:
    """Return text without what is not a change of trait: case, accents, hyphens, apostrophes, runs of spaces."""
    plain = value.str.normalize("NFKD").str.replace_all(r"\p{M}", "").str.to_uppercase()
    return plain.str.replace_all(r"[-'’ ]+", " ").str.strip_chars()


_NEVER = pl.lit(0).cast(pl.Datetime("us"))


_DIFFER = " OR ".join(f"min(nullif({trait}, '\"\"')) <> max(nullif({trait}, '\"\"'))" for trait in STRICT_TRAITS)
_MOVED = (
    "SELECT coalesce(f.terminal, a.key) AS terminal FROM insi_answer a LEFT JOIN forward f USING (key) {among} UNION "
    "SELECT coalesce(f.terminal, s.key) AS terminal FROM {ledger} s LEFT JOIN forward f USING (key) "
    "GROUP BY 1 HAVING "
    "count(*) FILTER (s.matricule IS NOT NULL OR s.insi_date IS NOT NULL OR s.collection_mode = 'INSI' "
    "OR s.identity_code IN ('QUAL', 'RECUP')) > 0 "
    f"AND (count(*) FILTER (s.matricule = '\"\"') > 0 OR {_DIFFER})"
)


def ins_changes(register: Register, *, of: Told | None = None) -> dy.DataFrame[Changes]:
    """Return the story of the few identities whose INS was withdrawn, that have one and two values of a trait, or of
    which INSi answered.

    It is all that ``derive_statuses`` needs of the past, whatever the night that told it; ``of`` limits it to some
    identities and those merged into them, of which ``told_of`` gave the fields ``OBSERVED``.
    """
    lead = register.query("SELECT * FROM forward")
    family, ledger = ({}, "statement") if of is None else ({"said": of.said, "family": of.keys.to_frame()}, "said")
    moved = _MOVED.format(among="SEMI JOIN family USING (key)" if family else "", ledger=ledger)
    known_at = "s.known_at" if family else "r.started AS known_at"
    said = register.query(
        f"SELECT {columns_for(OBSERVED)}, {known_at} FROM {ledger} s JOIN run r USING (run) "
        f"LEFT JOIN forward f USING (key) SEMI JOIN ({moved}) m ON m.terminal = coalesce(f.terminal, s.key)",
        **family,
    )
    names = register.query("SELECT key AS owner, domain, ipp FROM identity SEMI JOIN owners USING (key)",
                           owners=owned(said, lead).select(key=pl.col("owner").unique()))  # fmt: skip
    told = story(settled(owned(said, lead)), OBSERVED).join(names, on="owner", how="left", maintain_order="left")
    fields = told.rename({"message_time": "valid_at"}).select(Changes.column_names())
    return Changes.validate(pl.concat([fields, insi_answers(register)]))


def tonight(register: Register, *, of: Told | None = None) -> dy.DataFrame[Changes]:
    """Return the whole story, answers of INSi included, of the identities spoken of in the run under way.

    ``of`` limits it as it does ``ins_changes``.
    """
    told = changes(register, since=register.run, of=of, fields=OBSERVED)
    spoken = told.select(_KEY).unique()
    return Changes.validate(pl.concat([told, insi_answers(register).join(spoken, on=_KEY, how="semi")]))
