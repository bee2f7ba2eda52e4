"""Why an identity has its status: the present facts, the rules that hold, and every move with its evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import dataframely as dy
import polars as pl

from insvigil.frames import Changes, Identities, StatusLedger
from insvigil.qualif.evidence import DOCUMENTS, document_classes
from insvigil.qualif.ledger import kept, status_history
from insvigil.qualif.rules import IMPOSSIBLE_TRANSITION, RULES
from insvigil.qualif.statuses import SOURCES, derive_statuses, judge, source_of, status_anomalies
from insvigil.qualif.transitions import Cause
from insvigil.settings import QualifSettings
from insvigil.vocabulary import Rule, Status

_RANKS = {"high": "haut niveau de confiance", "conditional": "sous conditions", "low": "hors des listes connues"}
_LABELS = {line.code: line.label for line in DOCUMENTS}
_REASONS = {
    Status.QUALIFIEE: "identité validée (PID-32) portant un matricule INS et les cinq traits stricts",
    Status.VALIDEE: "identité contrôlée (PID-32 = VALI), sans INS qui tienne",
    Status.RECUPEREE: "INS récupéré par INSi, identité non contrôlée",
    Status.PROVISOIRE: "ni contrôle ni INS récupéré qui tiennent",
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an identity has its status, in French sentences; no trait and no matricule in it.

    ``facts``: (fact, value). ``rules``: those that hold. ``moves``: from_status, to_status, at, cause (French),
    evidence, anomaly, refused (the status claimed, when it was refused), oldest first.
    """

    status: Status
    because: str
    source: str
    facts: list[tuple[str, str]]
    rules: list[Rule]
    moves: list[dict[str, object]]


def explain_status(
    identity: dy.DataFrame[Identities],
    settings: QualifSettings,
    *,
    changes: dy.DataFrame[Changes],
    ledger: dy.DataFrame[StatusLedger] | None = None,
    production: bool = True,
) -> Explanation:
    """Return why the identity (one row) has its status; ``changes`` is its story, told by the register.

    The moves are those of the ``ledger`` of the register when it is given, else of the story replayed.
    """
    facts = judge(identity, settings, changes=changes, production=production).with_columns(source=source_of())
    row = facts.row(0, named=True)
    codes = status_anomalies(identity, settings, changes=changes, production=production)["code"].to_list()
    keys = identity.row(0, named=True)
    whole = status_history(changes, settings, production=production) if ledger is None else ledger
    moves = whole.filter(pl.col("domain") == keys["domain"], pl.col("ipp") == keys["ipp"])
    claimed = derive_statuses(identity, settings, changes=changes, production=production)
    status = Status.of(kept(claimed, identity, whole)["status"].item())
    because = _REASONS[status]
    if status != row["status"]:
        codes.append(IMPOSSIBLE_TRANSITION)
        because = f"{because} ; la source demande le statut {row['status']}, refusé : passage impossible"
        return Explanation(status, because, *_told(row, codes, moves, settings))
    if row["fict"] or row["dout"]:
        because = "attribut douteuse ou fictive : le statut provisoire est imposé (RNIV EXI SI 09)"
    elif row["strict_changed"]:
        because = "trait strict modifié après l'obtention de l'INS, sans nouvelle interrogation d'INSi"
    elif row["withdrawn"] and status == Status.PROVISOIRE:
        because = "INS retiré par un message, sans nouvelle réponse d'INSi"
    elif row["insi_refused"]:
        because = f"{because} ; la dernière vérification INSi est négative (règle à confirmer)"
    elif row["source"] == "insi":
        because = f"{because} (INS donné par une réponse INSi relue)"
    return Explanation(status, because, *_told(row, codes, moves, settings))


def _told(
    row: dict[str, Any], codes: list[str], moves: pl.DataFrame, settings: QualifSettings
) -> tuple[str, list[tuple[str, str]], list[Rule], list[dict[str, object]]]:
    rules = [rule for rule in RULES if rule.code in codes]
    return SOURCES[row["source"]], _facts(row, settings), rules, [_move(move) for move in moves.to_dicts()]


def _facts(row: dict[str, Any], settings: QualifSettings) -> list[tuple[str, str]]:
    code = row["document_code"]
    rank = document_classes(settings).get(str(code))
    document = "non dite" if code is None else f"{code}, {_LABELS.get(str(code), 'code inconnu')}"
    expiry = row["expired_on"]
    answer = "INS refusé" if row["insi_ko"] else "INS confirmé"
    told = "aucune" if row["insi_told"] is None else f"{answer}, {row['insi_told']:%d/%m/%Y}"
    return [
        ("PID-32 contient VALI", _yes(row["vali"])),
        ("PID-32 contient PROV", _yes(row["prov"])),
        ("statut natif de l'extraction", str(row["native"] or "non transmis")),
        ("attribut fictive", _yes(row["fict"])),
        ("attribut douteuse", _yes(row["dout"])),
        ("attribut homonyme", _yes(row["homa"])),
        ("matricule INS transmis", _yes(row["ins"])),
        ("OID et forme d'un INS", _yes(row["ins_real"])),
        ("clé du matricule juste", _yes(row["key_right"])),
        ("cinq traits stricts présents", _yes(row["five_traits"])),
        ("date de naissance corrigée (ZFD-4)", _yes(row["date_corrected"])),
        ("mode de recueil (ZFD-5)", str(row["collected"] or "non dit")),
        ("date d'appel INSi (ZFD-6)", str(row["insi_on"] or "non dite")),
        ("pièce d'identité (ZFD-7)", document),
        ("classe de la pièce (convention, réglable)", _RANKS.get(rank or "", "inconnue")),
        ("expiration de la pièce (ZFD-8)", str(expiry or "non dite")),
        ("réponse INSi relue", told),
        ("INS retiré depuis", _yes(row["withdrawn"])),
        ("trait strict modifié depuis", _yes(row["strict_changed"])),
    ]


def _move(move: dict[str, object]) -> dict[str, object]:
    cause, _, details = str(move["evidence"]).partition(" ")
    labels = {member.value: member.label for member in Cause}
    same = {name: move[name] for name in ("from_status", "to_status", "at", "anomaly", "refused")}
    return same | {"cause": labels.get(cause, cause), "evidence": details}


def _yes(value: object) -> str:
    return "oui" if value else "non"
