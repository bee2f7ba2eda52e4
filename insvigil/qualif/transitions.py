"""The status machine: which status may follow which, and what moved it.

``TRANSITIONS`` is the whole table; a transition that is not in it gets the anomaly ``IDV-QUA-030``. Sources: RNIV EXI
SI 07 and 09, PAM FR §4.4; the loss of a status by control withdrawn or trait modified is insvigil's reading.
"""

from __future__ import annotations

import polars as pl

from insvigil.qualif.rules import IMPOSSIBLE_TRANSITION
from insvigil.vocabulary import Coded, Status


class Cause(Coded):
    """What moved a status."""

    CREATION = "creation", "première apparition de l'identité"
    INSI = "insi", "INS récupéré par le téléservice INSi"
    CONTROL = "control", "contrôle avec un dispositif à haut niveau de confiance"
    INSI_AND_CONTROL = "insi_and_control", "INS récupéré et identité contrôlée"
    VITALE_APP = "vitale_app", "appli carte Vitale (RNIV §4.3.4)"
    ATTRIBUTE = "attribute", "attribut douteuse ou fictive posé"
    INS_WITHDRAWN = "ins_withdrawn", "INS retiré ou non autorisé"
    CONTROL_WITHDRAWN = "control_withdrawn", "validation retirée"
    STRICT_TRAIT = "strict_trait", "trait strict modifié sans nouvelle interrogation d'INSi"
    CORRECTED_DATE = "corrected_date", "date de naissance corrigée (ZFD-4)"
    BASE = "base", "entrée ou sortie des identités comptées (fictive, désactivée, doublon)"
    LEFT = "left", "identité fusionnée ou retirée de la base"


_P, _R, _V, _Q = Status
TRANSITIONS: dict[tuple[Status | None, Status | None], frozenset[Cause]] = {
    **{(None, status): frozenset({Cause.CREATION}) for status in Status},
    **{(status, None): frozenset({Cause.LEFT}) for status in Status},
    **{(status, status): frozenset({Cause.BASE}) for status in Status},
    (_P, _R): frozenset({Cause.INSI}),
    (_P, _V): frozenset({Cause.CONTROL}),
    (_P, _Q): frozenset({Cause.INSI_AND_CONTROL, Cause.VITALE_APP}),
    (_R, _Q): frozenset({Cause.CONTROL, Cause.VITALE_APP}),
    (_V, _Q): frozenset({Cause.INSI, Cause.VITALE_APP}),
    (_R, _P): frozenset({Cause.ATTRIBUTE, Cause.INS_WITHDRAWN, Cause.STRICT_TRAIT, Cause.CORRECTED_DATE}),
    (_V, _P): frozenset({Cause.ATTRIBUTE, Cause.CONTROL_WITHDRAWN}),
    (_Q, _P): frozenset({Cause.ATTRIBUTE, Cause.INS_WITHDRAWN, Cause.CONTROL_WITHDRAWN, Cause.STRICT_TRAIT}),
    (_Q, _R): frozenset({Cause.CONTROL_WITHDRAWN}),
    (_Q, _V): frozenset({Cause.INS_WITHDRAWN, Cause.STRICT_TRAIT, Cause.CORRECTED_DATE}),
    (_R, _V): frozenset({Cause.STRICT_TRAIT}),
}
"""Every possible transition and what may move it; validée to récupérée does not exist."""


def named(moves: pl.DataFrame) -> pl.DataFrame:
    """Return the moves (facts with ``from_status`` and ``to_status``) with their ``evidence`` and ``anomaly``.

    ``evidence`` is the cause, then what the messages showed: ``insi_and_control ZFD-5=INSI ZFD-6=20260301 ZFD-7=CN``.
    """
    before, after = pl.col("from_status").cast(pl.String), pl.col("to_status").cast(pl.String)
    vitale = ((pl.col("collected") == "AV") | (pl.col("document_code") == "AV")).fill_null(False)
    cause = (
        pl.when(before.is_null())
        .then(pl.lit(Cause.CREATION.value))
        .when(after.is_null())
        .then(pl.lit(Cause.LEFT.value))
        .when(before == after)
        .then(pl.lit(Cause.BASE.value))
        .when(pl.col("fict") | pl.col("dout"))
        .then(pl.lit(Cause.ATTRIBUTE.value))
        .when(pl.col("strict_changed"))
        .then(pl.lit(Cause.STRICT_TRAIT.value))
        .when((after == Status.QUALIFIEE) & vitale)
        .then(pl.lit(Cause.VITALE_APP.value))
        .when(after == Status.QUALIFIEE)
        .then(_by(before, {_P: Cause.INSI_AND_CONTROL, _R: Cause.CONTROL, _V: Cause.INSI}))
        .when(pl.col("date_corrected"))
        .then(pl.lit(Cause.CORRECTED_DATE.value))
        .when(after == Status.RECUPEREE)
        .then(_by(before, {_P: Cause.INSI, _Q: Cause.CONTROL_WITHDRAWN, _V: Cause.CONTROL_WITHDRAWN}))
        .when(after == Status.VALIDEE)
        .then(_by(before, {_P: Cause.CONTROL, _Q: Cause.INS_WITHDRAWN, _R: Cause.CONTROL}))
        .when((before == Status.VALIDEE) | ((before == Status.QUALIFIEE) & pl.col("ins")))
        .then(pl.lit(Cause.CONTROL_WITHDRAWN.value))
        .otherwise(pl.lit(Cause.INS_WITHDRAWN.value))
    )
    details = (
        pl.when(pl.col("collected").is_not_null()).then(pl.lit("ZFD-5=") + pl.col("collected")),
        pl.when(pl.col("insi_on").is_not_null()).then(pl.lit("ZFD-6=") + pl.col("insi_on").dt.strftime("%Y%m%d")),
        pl.when(pl.col("document_code").is_not_null()).then(pl.lit("ZFD-7=") + pl.col("document_code")),
    )
    possible = [
        (origin and origin.value, target and target.value, cause.value)
        for (origin, target), causes in TRANSITIONS.items()
        for cause in causes
    ]
    table = pl.DataFrame(possible, schema=["from_status", "to_status", "cause"], orient="row").with_columns(
        pl.col("from_status", "to_status").cast(pl.Enum(Status)), possible=pl.lit(True)
    )
    return (
        moves.with_columns(cause=cause)
        .join(table, on=["from_status", "to_status", "cause"], how="left", nulls_equal=True, maintain_order="left")
        .with_columns(
            evidence=pl.concat_str("cause", *details, separator=" ", ignore_nulls=True),
            anomaly=pl.when(pl.col("possible").is_null()).then(pl.lit(IMPOSSIBLE_TRANSITION)),
        )
        .drop("cause", "possible")
    )


def _by(before: pl.Expr, causes: dict[Status, Cause]) -> pl.Expr:
    return before.replace_strict(
        {str(status): str(cause) for status, cause in causes.items()}, default=None, return_dtype=pl.String
    )
