"""The status machine: which status may follow which, what moved it, and what is refused.

``TRANSITIONS`` is the whole table. A message that claims a transition that is not in it is refused: the identity keeps
its status, and the ledger keeps the claim (``refused``), its evidence and the anomaly ``IDV-QUA-030``. Sources: RNIV
EXI SI 07 and 09, PAM FR §4.4; the loss of a status by control withdrawn, by trait modified or by a negative answer of
INSi is insvigil's reading.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from insvigil.qualif.history import RANK
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
    INSI_REFUSED = "insi_refused", "vérification INSi négative (règle à confirmer)"
    CORRECTED_DATE = "corrected_date", "date de naissance corrigée (ZFD-4)"
    BASE = "base", "entrée ou sortie des identités comptées (fictive, désactivée, doublon)"
    CLAIM_LEFT = "claim_left", "la source ne demande plus le statut refusé"
    LEFT = "left", "identité fusionnée ou retirée de la base"


_P, _R, _V, _Q = Status
_INS_LOST = frozenset({Cause.INS_WITHDRAWN, Cause.STRICT_TRAIT, Cause.CORRECTED_DATE, Cause.INSI_REFUSED})
TRANSITIONS: dict[tuple[Status | None, Status | None], frozenset[Cause]] = {
    **{(None, status): frozenset({Cause.CREATION}) for status in Status},
    **{(status, None): frozenset({Cause.LEFT}) for status in Status},
    **{(status, status): frozenset({Cause.BASE, Cause.CLAIM_LEFT}) for status in Status},
    (_P, _R): frozenset({Cause.INSI}),
    (_P, _V): frozenset({Cause.CONTROL}),
    (_P, _Q): frozenset({Cause.INSI_AND_CONTROL, Cause.VITALE_APP}),
    (_R, _Q): frozenset({Cause.CONTROL, Cause.VITALE_APP}),
    (_V, _Q): frozenset({Cause.INSI, Cause.VITALE_APP}),
    (_R, _P): _INS_LOST | {Cause.ATTRIBUTE},
    (_R, _V): _INS_LOST,
    (_V, _P): frozenset({Cause.ATTRIBUTE, Cause.CONTROL_WITHDRAWN}),
    (_Q, _P): frozenset({Cause.ATTRIBUTE, Cause.CONTROL_WITHDRAWN, Cause.INS_WITHDRAWN, Cause.STRICT_TRAIT}),
    (_Q, _R): frozenset({Cause.CONTROL_WITHDRAWN}),
    (_Q, _V): _INS_LOST,
}
"""Every possible transition and what may move it.

Validée to récupérée does not exist: one fact is not lost as the other comes. Récupérée to validée needs a proof that
the INS was lost. A trait modified takes nothing from a validated identity, which has no INS to lose.
"""

NO_LOSS, TRAIT_LOSS, OTHER_LOSS = range(3)
"""What a message shows of a lost INS: nothing, a strict trait modified, or else (A47, ZFD-4, answer of INSi)."""


def loss() -> pl.Expr:
    """Return what the facts of an identity show of a lost INS, as a number."""
    other = pl.any_horizontal("withdrawn", "insi_refused", "date_corrected")
    kind = pl.when("strict_changed").then(TRAIT_LOSS).when(other).then(OTHER_LOSS).otherwise(NO_LOSS)
    return kind.cast(pl.UInt8)


def possible() -> NDArray[np.bool_]:
    """Return whether a transition may be: indices (loss shown, status before, status claimed).

    A status is its rank, the last index stands for « not in the base ». Only what is shown of a lost INS makes the
    difference between a transition and its refusal.
    """
    ranks: dict[Status | None, int] = {status: RANK[status.value] for status in Status} | {None: len(RANK)}
    table = np.zeros((3, len(ranks), len(ranks)), np.bool_)
    for origin, target in TRANSITIONS:
        table[:, ranks[origin], ranks[target]] = True
    table[NO_LOSS, ranks[_R], ranks[_V]] = False
    table[TRAIT_LOSS, ranks[_V], ranks[_P]] = False
    return table


def named(moves: pl.DataFrame) -> pl.DataFrame:
    """Return the moves with ``to_status``, ``refused``, ``evidence`` and ``anomaly``.

    A move is the facts of an identity with ``from_status``, ``to_status`` (the status they give) and whether it
    ``was`` counted before. ``evidence`` is the cause, then what the messages showed: ``insi_and_control ZFD-5=INSI
    ZFD-6=20260301 ZFD-7=CN INSi=20260305``. A move that is not in the table leaves the status as it was.
    """
    before, after = pl.col("from_status").cast(pl.String), pl.col("to_status").cast(pl.String)
    vitale = ((pl.col("collected") == "AV") | (pl.col("document_code") == "AV")).fill_null(False)
    # A qualified identity that falls to provisional lost its control too, which is said first.
    ins_only = (before == _R) | ((before == _Q) & (after == _V))
    cause = (
        pl.when(before.is_null())
        .then(pl.lit(Cause.CREATION.value))
        .when(after.is_null())
        .then(pl.lit(Cause.LEFT.value))
        .when((before == after) & pl.col("counted").ne_missing(pl.col("was")))
        .then(pl.lit(Cause.BASE.value))
        .when(before == after)
        .then(pl.lit(Cause.CLAIM_LEFT.value))
        .when(pl.col("fict") | pl.col("dout"))
        .then(pl.lit(Cause.ATTRIBUTE.value))
        .when(pl.col("strict_changed") & (before != _P) & after.is_in([_P, _V]))
        .then(pl.lit(Cause.STRICT_TRAIT.value))
        .when((after == Status.QUALIFIEE) & vitale)
        .then(pl.lit(Cause.VITALE_APP.value))
        .when(after == Status.QUALIFIEE)
        .then(_by(before, {_P: Cause.INSI_AND_CONTROL, _R: Cause.CONTROL, _V: Cause.INSI}))
        .when(after == Status.RECUPEREE)
        .then(_by(before, {_P: Cause.INSI, _Q: Cause.CONTROL_WITHDRAWN, _V: Cause.CONTROL_WITHDRAWN}))
        .when(ins_only & pl.col("insi_refused"))
        .then(pl.lit(Cause.INSI_REFUSED.value))
        .when(ins_only & pl.col("date_corrected"))
        .then(pl.lit(Cause.CORRECTED_DATE.value))
        .when(ins_only & pl.col("withdrawn"))
        .then(pl.lit(Cause.INS_WITHDRAWN.value))
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
        pl.when(pl.col("insi_told").is_not_null()).then(pl.lit("INSi=") + pl.col("insi_told").dt.strftime("%Y%m%d")),
    )
    known = [
        (origin and origin.value, target and target.value, cause.value)
        for (origin, target), causes in TRANSITIONS.items()
        for cause in causes
    ]
    table = pl.DataFrame(known, schema=["from_status", "to_status", "cause"], orient="row").with_columns(
        pl.col("from_status", "to_status").cast(pl.Enum(Status)), possible=pl.lit(True)
    )
    refused = pl.col("possible").is_null()
    return (
        moves.with_columns(cause=cause)
        .join(table, on=["from_status", "to_status", "cause"], how="left", nulls_equal=True, maintain_order="left")
        .with_columns(
            evidence=pl.concat_str("cause", *details, separator=" ", ignore_nulls=True),
            anomaly=pl.when(refused).then(pl.lit(IMPOSSIBLE_TRANSITION)),
            to_status=pl.when(refused).then("from_status").otherwise("to_status"),
            refused=pl.when(refused).then("to_status"),
        )
        .drop("cause", "possible")
    )


def _by(before: pl.Expr, causes: dict[Status, Cause]) -> pl.Expr:
    return before.replace_strict(
        {str(status): str(cause) for status, cause in causes.items()}, default=None, return_dtype=pl.String
    )
