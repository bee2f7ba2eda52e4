"""Identities → Statuses: the decision table, from what PID-32, the INS and ZFD say.

The status follows from two facts (RNIV EXI SI 07): the INS was recovered from INSi (I), and the identity was
controlled with a high-confidence device (C).

======================  =====  ==========================================================  ===========
PID-32                  INS    and                                                         status
======================  =====  ==========================================================  ===========
FICT or DOUT            any                                                                PROVISOIRE
QUAL (native extract)   any    INS real, or not sent                                       QUALIFIEE
RECUP (native extract)  no                                                                 RECUPEREE
VALI                    yes    OID and shape of an INS, five traits, ZFD-4 is not Y        QUALIFIEE
VALI                    other                                                              VALIDEE
PROV, VIDE, absent      no     ZFD-5 = INSI or ZFD-6 filled, and the INS not withdrawn     RECUPEREE
PROV, VIDE, absent      any                                                                PROVISOIRE
======================  =====  ==========================================================  ===========

An answer of INSi read back stands for the INS of an identity that has none; a negative verification takes it away.

An INS sent without VALI is ignored (PAM FR §6.6.15). A strict trait modified after the INS was obtained loses I.
Sources: PAM FR 2.11.2, FR Core 2.2.0; the inference of RECUPEREE from ZFD is insvigil's (to be confirmed).
"""

from __future__ import annotations

import dataframely as dy
import polars as pl

from insvigil.frames import Anomalies, Changes, Identities, Statuses
from insvigil.qualif.evidence import DocumentClass, observe
from insvigil.qualif.milestones import NOTHING, later_changes
from insvigil.qualif.rules import RULES
from insvigil.settings import QualifSettings
from insvigil.vocabulary import Severity, Status

SOURCES: dict[str, str] = {
    "native": "statut natif de l'extraction (les quatre statuts sont observables)",
    "pam": "messages PAM : PID-32 et présence de l'INS (récupérée non observable)",
    "pam_zfd": "messages PAM : récupérée déduite de ZFD-5 ou ZFD-6 (à confirmer)",
    "insi": "réponses du téléservice INSi relues par insvigil (INS pas encore reçu de la source)",
    "none": "aucun statut reçu : identité comptée provisoire",
    "register": "registre : décisions, fusions et agrégats",
}
"""What each value of ``Statuses.source`` means, in French."""


def source_sentences(said: pl.Series) -> list[str]:
    """Return in French the sources of the figures, then what limits them, from their ``status_source``."""
    told: dict[str, None] = {}
    for text in said.unique().sort():
        sources, *limits = text.split(" (")
        told |= {SOURCES.get(source, source): None for source in sources.split("+")}
        told |= dict.fromkeys(limit.removesuffix(")") for limit in limits)
    return list(told)


_KEY = ("domain", "ipp")


def derive_statuses(
    identities: dy.DataFrame[Identities],
    settings: QualifSettings,
    *,
    changes: dy.DataFrame[Changes] | pl.LazyFrame | None = None,
    production: bool = True,
) -> dy.DataFrame[Statuses]:
    """Return the status of each identity, row for row.

    ``changes`` is ``ins_changes(register)``, or any story of whole identities: without it an INS withdrawn by A47 and
    a strict trait modified after the INS was obtained cannot be seen. Outside ``production`` test and
    demonstration OIDs are accepted.
    """
    facts = judge(identities, settings, changes=changes, production=production)
    # The rules are in order of priority: the first that holds is the anomaly of the row.
    anomaly = pl.coalesce(pl.when(held).then(pl.lit(code)) for code, held in _held().items())
    statuses = facts.with_columns(anomaly=anomaly).select(
        "identity_id",
        "status",
        insi_recovered=pl.col("status").is_in([Status.RECUPEREE, Status.QUALIFIEE]),
        document_controlled=pl.col("status").is_in([Status.VALIDEE, Status.QUALIFIEE]),
        ins_transmissible=(pl.col("status") == Status.QUALIFIEE)
        & pl.col("ins_usable")
        & pl.col("key_right")
        & ~pl.col("contrary"),
        source=source_of(),
        anomaly=pl.col("anomaly"),
    )
    return Statuses.validate(statuses.with_columns(pl.col("status").cast(pl.Enum(Status))))


def status_anomalies(
    identities: dy.DataFrame[Identities],
    settings: QualifSettings,
    *,
    changes: dy.DataFrame[Changes] | pl.LazyFrame | None = None,
    production: bool = True,
) -> dy.DataFrame[Anomalies]:
    """Return every rule that holds, one row an identity and a rule, in order of priority then of identity."""
    facts = judge(identities, settings, changes=changes, production=production)
    keys = identities.select("identity_id", *_KEY)
    severities = {rule.code: str(rule.severity) for rule in RULES}
    found = [
        facts.filter(held).select("identity_id", code=pl.lit(code), severity=pl.lit(severities[code]))
        for code, held in _held().items()
    ]
    rows = pl.concat(found).join(keys, on="identity_id", how="left", maintain_order="left")
    anomalies = rows.select(
        "code",
        pl.col("severity").cast(pl.Enum(Severity)),
        "identity_id",
        other_id=pl.lit(None, dtype=pl.UInt32),
        domain=pl.col("domain"),
        ipp=pl.col("ipp"),
        subject=pl.lit(None, dtype=pl.String),
    )
    return Anomalies.validate(anomalies)


def judge(
    identities: pl.DataFrame,
    settings: QualifSettings,
    *,
    changes: pl.DataFrame | pl.LazyFrame | None = None,
    production: bool = True,
) -> pl.DataFrame:
    """Return the facts of each identity with ``ins_usable``, what became of its INS, and its ``status``."""
    facts = observe(identities, settings, production=production)
    if changes is None:
        facts = facts.with_columns(**NOTHING)
    else:
        found = later_changes(identities.select("identity_id", *_KEY, "given_names"), changes)
        facts = facts.join(found, on="identity_id", how="left", maintain_order="left").with_columns(
            pl.col(name).fill_null(empty) for name, empty in NOTHING.items()
        )
    return decide(facts, settings)


def decide(facts: pl.DataFrame, settings: QualifSettings) -> pl.DataFrame:
    """Return the facts (those of ``milestones.reached`` among them) with ``ins_usable`` and the ``status``."""
    refused = pl.col("insi_refused") & pl.lit(settings.withdraw_on_insi_ko)
    usable = pl.col("ins_real") & pl.col("five_traits") & ~pl.col("date_corrected")
    # A native QUAL without matricule stands; with a matricule that is no INS, it does not.
    declared = (pl.col("native") == Status.QUALIFIEE).fill_null(False) & ~pl.col("ins") & ~pl.col("date_corrected")
    # An INS that INSi gave, and that the source has not sent yet.
    answered = pl.col("insi_confirmed") & ~pl.col("ins") & pl.col("five_traits")
    qualified = ((usable & pl.col("ins")) | declared | (answered & ~pl.col("date_corrected"))) & ~refused
    controlled = (pl.col("vali") & ~pl.col("prov") & ~pl.col("inva")) | (pl.col("native") == Status.QUALIFIEE)
    told = (pl.col("native") == Status.RECUPEREE) | (pl.col("insi") & ~pl.col("ins") & ~pl.col("withdrawn"))
    recovered = (told.fill_null(False) | answered) & ~refused
    plain = (
        pl.when(pl.col("fict") | pl.col("dout"))
        .then(pl.lit(Status.PROVISOIRE))
        .when(controlled.fill_null(False) & qualified)
        .then(pl.lit(Status.QUALIFIEE))
        .when(controlled.fill_null(False))
        .then(pl.lit(Status.VALIDEE))
        .when(recovered & ~pl.col("date_corrected"))
        .then(pl.lit(Status.RECUPEREE))
        .otherwise(pl.lit(Status.PROVISOIRE))
    )
    supported = (pl.col("document") == DocumentClass.HIGH).fill_null(False) & (pl.col("plain") == Status.QUALIFIEE)
    kept = pl.lit(settings.keep_status_on_strict_change) & supported
    fallback = pl.when(kept).then(pl.lit(Status.VALIDEE)).otherwise(pl.lit(Status.PROVISOIRE))
    loses = pl.col("strict_changed") & pl.col("plain").is_in([Status.RECUPEREE, Status.QUALIFIEE])
    return (
        facts.with_columns(
            plain=plain, ins_usable=usable & pl.col("ins") & ~refused, insi_refused=refused, insi_ko="insi_refused"
        )
        .with_columns(strict_changed=loses)
        .with_columns(status=pl.when(loses).then(fallback).otherwise(pl.col("plain")))
    )


def source_of() -> pl.Expr:
    """Return which feed a judged status comes from: a key of ``SOURCES``."""
    return (
        pl.when(pl.col("native").is_not_null())
        .then(pl.lit("native"))
        .when(
            pl.col("insi_confirmed")
            & ~pl.col("ins")
            & ((pl.col("status") == Status.QUALIFIEE) | ((pl.col("status") == Status.RECUPEREE) & ~pl.col("insi")))
        )
        .then(pl.lit("insi"))
        .when(pl.col("status") == Status.RECUPEREE)
        .then(pl.lit("pam_zfd"))
        .when(pl.col("coded"))
        .then(pl.lit("pam"))
        .otherwise(pl.lit("none"))
    )


def _held() -> dict[str, pl.Expr]:
    """Return, by code and in order of priority, whether a rule holds for a row of facts."""
    barred = pl.col("fict") | pl.col("dout")
    native = pl.col("native").fill_null("")
    claims = pl.col("vali") | (native == Status.QUALIFIEE)
    stands = pl.col("status").is_in([Status.VALIDEE, Status.QUALIFIEE])
    expired = (pl.col("expired_on") < pl.col("seen_on")).fill_null(False)
    return {
        "IDV-QUA-001": barred & (claims | (native == Status.RECUPEREE) | pl.col("ins")),
        "IDV-QUA-002": pl.col("ins_test"),
        "IDV-QUA-003": pl.col("ins") & ~claims & ~barred,
        "IDV-QUA-004": pl.col("ins") & claims & ~pl.col("five_traits"),
        "IDV-QUA-005": pl.col("date_corrected") & (pl.col("ins") | pl.col("insi") | (native != "")),
        "IDV-QUA-006": pl.col("ins") & ~pl.col("ins_real") & ~pl.col("ins_test"),
        "IDV-QUA-007": pl.col("vali") & pl.col("prov"),
        "IDV-QUA-008": pl.col("fict") & (pl.col("dout") | pl.col("homa")),
        "IDV-QUA-009": (pl.col("status") == Status.QUALIFIEE) & ~pl.col("ins") & (native == Status.QUALIFIEE),
        "IDV-QUA-010": (pl.col("status") == Status.QUALIFIEE) & pl.col("ins") & ~pl.col("key_right"),
        "IDV-QUA-011": pl.col("place_unknown") & stands,
        "IDV-QUA-012": pl.col("strict_changed"),
        "IDV-QUA-013": pl.col("contrary") & claims,
        "IDV-QUA-014": (pl.col("document") == DocumentClass.LOW).fill_null(False) & stands,
        "IDV-QUA-015": expired & stands,
        "IDV-QUA-016": pl.col("insi_ko") & (pl.col("ins") | pl.col("insi") | (native != "")),
        "IDV-QUA-017": (pl.col("status") == Status.QUALIFIEE) & ~pl.col("ins") & (native != Status.QUALIFIEE),
    }
