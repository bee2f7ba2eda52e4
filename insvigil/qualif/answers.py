"""Answers of INSi → evidence: what the teleservice said of each request, and what it changes of a status.

CSV in insvigil's own layout, or one XML answer of the unitary call (RESULTAT) a file. An answer is compared with the
request and with the identity as it stands: traits that differ, or that changed since the request, leave it without
effect. Reading or storing the same answers again changes nothing.
"""

from __future__ import annotations

import hashlib
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import dataframely as dy
import polars as pl

from insvigil.errors import SourceError
from insvigil.frames import Changes, Identities, StatusLedger
from insvigil.qualif.evidence import MATRICULE_SHAPE, in_base, key_is_right
from insvigil.qualif.insi import TRAIT_COLUMNS, asked_traits, read_csv
from insvigil.qualif.ledger import kept, refusals, transitions
from insvigil.qualif.milestones import comparable, ins_changes
from insvigil.qualif.statuses import derive_statuses, status_anomalies
from insvigil.register import Register, keys_of, restate, status_ledger, store_answers, store_statuses
from insvigil.settings import Settings
from insvigil.vocabulary import OID_OF_MATRICULE, MatriculeKind

ANSWER_COLUMNS = ("lot_id", "ligne", "resultat", "ins_matricule", "cle", "oid", "motif", "date_reponse")
OUTCOMES = ("OK", "KO", "00", "01", "02", "ERR")
"""Outcomes of an answer: OK or KO of a verification; CodeCR 00, 01 (none found), 02 (several); ERR technical fault."""

REFUSALS: dict[str, str] = {
    "INSI-RESULTAT": "résultat inconnu",
    "INSI-SANS-DEMANDE": "aucune demande de ce lot et de cette ligne",
    "INSI-DATE": "date de réponse absente, illisible ou à venir",
    "INSI-IPP-INACTIF": "l'IPP n'est pas une identité active du registre",
    "INSI-NOM-DE-FICHIER": "un fichier XML se nomme LOT_LIGNE.xml",
    "INSI-XML": "ce n'est pas une réponse du téléservice",
}
"""Why an answer is refused, by code."""

_TRAITS = ("nom_naissance", "liste_prenoms", "sexe", "date_naissance", "lieu_naissance_cog")
"""The traits INSi may give; columns of an answer file that are not obliged to be there."""

_REAL_OIDS = [oid for oid, kind in OID_OF_MATRICULE.items() if kind in (MatriculeKind.NIR, MatriculeKind.NIA)]
_MAX_XML = 1_000_000
_READ = pl.DataFrame(
    schema=dict.fromkeys((*ANSWER_COLUMNS, *_TRAITS, "file", "digest"), pl.String)
    | {"ligne": pl.UInt32, "date_reponse": pl.Date, "line": pl.UInt32}
)


class Answers(NamedTuple):
    """``evidence``: one row an answer. ``refused``: file, line and code of what was not read.

    Evidence columns: domain, ipp, lot, line, operation, outcome, answered_on, ``discordant`` (what differs from the
    request, space separated; null when INSi gave no trait), ``effect`` (confirmed: INSi knows this INS for these
    traits; refused: it knows it no more; null: none), digest, ``advice``.
    """

    evidence: pl.DataFrame
    refused: pl.DataFrame


class Taken(NamedTuple):
    """How many answers were new, and the moves of status they brought."""

    fresh: int
    moves: dy.DataFrame[StatusLedger]


def read_insi_answers(
    paths: Iterable[Path], requests: pl.DataFrame, identities: dy.DataFrame[Identities], *, today: date
) -> Answers:
    """Return the evidence that answer files bring to the requests, by request and by day.

    A CSV has the columns of ``ANSWER_COLUMNS`` (and the traits INSi gave, if any) and is joined on (lot_id, ligne). An
    XML file is one answer of the teleservice, named ``<lot_id>_<ligne>.xml``, dated by its file. Refused, with its
    place: an outcome unknown, no request, no date or one to come, an IPP that is no active identity.
    """
    frames, refused = [_READ.clear()], []
    for path in sorted(paths):
        if path.suffix.lower() == ".xml":
            answer, code = _read_xml(path)
            if answer is None:
                refused.append((path.name, 1, code))
            else:
                frames.append(pl.DataFrame([answer], schema_overrides=_READ.schema))
        else:
            frames.append(_read_answers(path))
    asked = requests.drop("line", strict=False).rename(
        {name: f"{name}_asked" for name in (*TRAIT_COLUMNS, "ins_matricule")}
    )
    present = identities.select("ipp", domaine="domain", **{f"{name}_now": now for name, now in asked_traits().items()})
    matched = (
        pl.concat(frames, how="diagonal")
        .join(asked, on=["lot_id", "ligne"], how="left", maintain_order="left")
        .join(present.with_columns(active=pl.lit(True)), on=["domaine", "ipp"], how="left", maintain_order="left")
    )
    day = pl.col("date_reponse")
    fault = (
        pl.when(~pl.col("resultat").is_in(OUTCOMES).fill_null(False))
        .then(pl.lit("INSI-RESULTAT"))
        .when(pl.col("ipp").is_null())
        .then(pl.lit("INSI-SANS-DEMANDE"))
        .when(day.is_null() | (day > today))
        .then(pl.lit("INSI-DATE"))
        .when(pl.col("active").is_null())
        .then(pl.lit("INSI-IPP-INACTIF"))
    )
    matched = matched.with_columns(code=fault)
    sound = matched.filter(pl.col("code").is_null()).unique(["lot_id", "ligne", "digest"], maintain_order=True)
    wrong = matched.filter(pl.col("code").is_not_null()).select("file", "line", "code")
    lost = pl.DataFrame(refused, schema={"file": pl.String, "line": pl.UInt32, "code": pl.String}, orient="row")
    return Answers(_evidence(sound), pl.concat([lost, wrong.cast({"line": pl.UInt32})]))


def take_in(
    register: Register,
    evidence: pl.DataFrame,
    identities: dy.DataFrame[Identities],
    settings: Settings,
    *,
    now: datetime,
) -> Taken:
    """Store the answers that are new and move the statuses they change, inside the transaction under way.

    ``identities`` is what the register just gave: the statuses carried over to the next night are numbered by it.
    """
    spoken = store_answers(register, evidence.drop("advice"), now=now)
    keys = spoken.unique()
    if keys.is_empty():
        return Taken(0, StatusLedger.create_empty())
    on = ["domain", "ipp"]
    past = Changes.validate(ins_changes(register).join(keys, on=on, how="semi", maintain_order="left"))
    some = Identities.validate(identities.join(keys, on=on, how="semi", maintain_order="left"))
    standing = status_ledger(register, standing=True).join(keys, on=on, how="semi", maintain_order="left")
    rules, production = settings.qualif, settings.reading.production
    claimed = derive_statuses(some, rules, changes=past, production=production)
    moves = transitions(
        StatusLedger.validate(standing),
        some,
        claimed,
        now,
        settings=rules,
        changes=past,
        production=production,
    )
    store_statuses(register, moves)
    told = status_ledger(register, standing=True, of=keys_of(register, some["identity_id"]))
    faults = status_anomalies(some, rules, changes=past, production=production)
    restate(
        register,
        kept(claimed, some, told).with_columns(some.select(counted=in_base())),
        pl.concat([faults, refusals(some, told)]),
        codes="IDV-QUA-",
    )
    return Taken(spoken.height, moves)


def _evidence(answers: pl.DataFrame) -> pl.DataFrame:
    found, verifying = pl.col("resultat").is_in(["OK", "00"]), pl.col("operation") == "verification"
    given = pl.col("nom_naissance").is_not_null()
    number = pl.concat_str("ins_matricule", pl.col("cle").fill_null("")).str.replace_all(" ", "", literal=True)
    proven = number.str.contains(MATRICULE_SHAPE) & key_is_right(number) & pl.col("oid").is_in(_REAL_OIDS)
    place = pl.col("lieu_naissance_cog")  # an unknown one equals nothing
    another = number.str.slice(0, 13) != pl.col("ins_matricule_asked").str.slice(0, 13)
    differs = {
        "nom": given & ~(comparable(pl.col("nom_naissance")) == comparable(pl.col("nom_naissance_asked"))),
        "prenoms": given
        & ~(
            _begins(pl.col("liste_prenoms"), pl.col("liste_prenoms_asked"))
            & _begins(pl.col("liste_prenoms"), pl.col("prenom_asked"))
        ),
        "sexe": given & (pl.col("sexe") != pl.col("sexe_asked")),
        "date": given & (pl.col("date_naissance") != pl.col("date_naissance_asked")),
        "lieu": given & ((place != pl.col("lieu_naissance_cog_asked")) | (place == "99999")),
        "matricule": another.fill_null(False),
    }
    differing = pl.concat_str(
        [pl.when(differs_here.fill_null(True)).then(pl.lit(name)) for name, differs_here in differs.items()],
        separator=" ",
        ignore_nulls=True,
    )
    stale = pl.any_horizontal(pl.col(f"{name}_asked").ne_missing(pl.col(f"{name}_now")) for name in TRAIT_COLUMNS)
    agrees = pl.col("differing") == ""
    confirmed = found & ~pl.col("stale") & agrees & pl.when(verifying).then(True).otherwise(given & proven)
    refused = verifying & (pl.col("resultat") == "KO") & ~pl.col("stale")
    return (
        answers.with_columns(differing=pl.when(found).then(differing).otherwise(pl.lit("")), stale=stale)
        .sort("lot_id", "ligne", "date_reponse", "digest")
        .select(
            "ipp",
            "operation",
            "digest",
            domain="domaine",
            lot="lot_id",
            line="ligne",
            outcome="resultat",
            answered_on="date_reponse",
            discordant=pl.when(found & (given | ~agrees)).then("differing"),
            effect=pl.when(confirmed.fill_null(False))
            .then(pl.lit("confirmed"))
            .when(refused.fill_null(False))
            .then(pl.lit("refused")),
            advice=pl.when(pl.col("stale"))
            .then(pl.lit("Traits modifiés depuis la demande : réponse sans effet, refaire la demande."))
            .when(found & ~agrees)
            .then(pl.lit("Discordance : décision humaine, rien n'est qualifié sans elle."))
            .when(confirmed & verifying)
            .then(pl.lit("INS confirmé par INSi."))
            .when(confirmed)
            .then(pl.lit("INS obtenu : l'intégrer dans le logiciel de gestion des identités."))
            .when(found & ~given)
            .then(pl.lit("Traits d'INSi absents de la réponse : comparer à la main avant d'intégrer l'INS."))
            .when(found)
            .then(pl.lit("Matricule absent ou faux dans la réponse : refaire l'appel."))
            .when(refused)
            .then(pl.lit("INSi ne reconnaît plus cet INS : récupération retirée (à confirmer), à refaire."))
            .when(pl.col("resultat") == "01")
            .then(pl.lit("Aucune identité trouvée : essayer un autre prénom ; vérifier le nom de naissance."))
            .when(pl.col("resultat") == "02")
            .then(pl.lit("Plusieurs identités trouvées : ajouter prénoms et lieu ; ne jamais choisir seul."))
            .otherwise(pl.lit("Aucun résultat exploitable : refaire la demande.")),
        )
        .select(_EVIDENCE)
    )


_EVIDENCE = (
    "domain", "ipp", "lot", "line", "operation", "outcome", "answered_on", "discordant", "effect", "digest", "advice",
)  # fmt: skip


def _begins(whole: pl.Expr, start: pl.Expr) -> pl.Expr:
    """Return whether a name or list begins the other (EXI ID 10): equal on the comparison key, or a prefix of words."""
    longer, shorter = comparable(whole) + " ", comparable(start) + " "
    return start.is_null() | longer.str.starts_with(shorter) | shorter.str.starts_with(longer)


def _read_answers(path: Path) -> pl.DataFrame:
    raw = read_csv(path, ANSWER_COLUMNS, _TRAITS)
    fields = [pl.col(name).cast(pl.String).fill_null("") for name in ANSWER_COLUMNS + _TRAITS]
    said = raw.select(pl.concat_str(fields, separator="\x1f")).to_series()
    day = pl.coalesce(
        pl.col("date_reponse").str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False),
        pl.col("date_reponse").str.slice(0, 8).str.to_date("%Y%m%d", strict=False),
    )
    born = pl.col("date_naissance").str.replace_all(r"\D", "").str.slice(0, 8).str.to_date("%Y%m%d", strict=False)
    return raw.with_columns(
        pl.col("resultat").str.strip_chars().str.to_uppercase(),
        date_reponse=day,
        date_naissance=born.dt.to_string("%Y-%m-%d"),
        file=pl.lit(path.name),
        digest=pl.Series([_digest(text.encode()) for text in said], dtype=pl.String),
    )


def _read_xml(path: Path) -> tuple[dict[str, Any] | None, str]:
    """Return the answer of a RESULTAT file, or None and the code of what is wrong with it."""
    lot_id, _, line = path.stem.rpartition("_")
    if not line.isdigit():
        return None, "INSI-NOM-DE-FICHIER"
    try:
        content, written = path.read_bytes()[: _MAX_XML + 1], path.stat().st_mtime
    except OSError as error:
        raise SourceError(f"Le fichier {path} ne peut pas être lu.") from error
    # No answer of the teleservice declares a document type: entities are how XML bombs are made.
    if len(content) > _MAX_XML or b"<!DOCTYPE" in content:
        return None, "INSI-XML"
    try:
        root = ElementTree.fromstring(content)
    except ElementTree.ParseError:
        return None, "INSI-XML"
    texts: dict[str, str] = {}
    for element in root.iter():
        # The first INDIVIDU/INSACTIF comes before the histories, so the first text of a name is the one in force.
        texts.setdefault(element.tag.rpartition("}")[2], (element.text or "").strip())
    if "CodeCR" not in texts:
        return None, "INSI-XML"
    return {
        "lot_id": lot_id,
        "ligne": int(line),
        "resultat": texts["CodeCR"],
        "ins_matricule": texts.get("NumIdentifiant"),
        "cle": texts.get("Cle"),
        "oid": texts.get("OID"),
        "motif": texts.get("LibelleCR"),
        "date_reponse": datetime.fromtimestamp(written).date(),
        "file": path.name,
        "line": 1,
        "nom_naissance": texts.get("NomNaissance"),
        "liste_prenoms": texts.get("ListePrenom"),
        "sexe": texts.get("Sexe"),
        "date_naissance": texts.get("DateNaissance"),
        "lieu_naissance_cog": texts.get("LieuNaissance"),
        "digest": _digest(content),
    }, ""


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()
