"""INSi lists: whom to verify or recover, as a neutral CSV; and the answers, read back into evidence.

No official layout of a mass file was found: these two CSV are insvigil's own, and say so in their first line. The XML
answers of the teleservice (RESULTAT, unitary call) are read too. Recovery is unitary, at the patient's venue, on an
identity already controlled (RECO PP 03): a bulk recovery is refused; a bulk verification is allowed.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import dataframely as dy
import polars as pl

from insvigil.errors import SourceError
from insvigil.frames import Identities, Leverage, Statuses
from insvigil.qualif.evidence import known
from insvigil.qualif.milestones import comparable
from insvigil.vocabulary import Status

OWN_LAYOUT = "# Format propre à insvigil (version 1) : ce n'est pas un format officiel du téléservice INSi."
"""First line of the CSV written here."""

REQUEST_COLUMNS = (
    "lot_id",
    "ligne",
    "operation",
    "domaine",
    "ipp",
    "ins_matricule",
    "ins_cle",
    "ins_oid",
    "nom_naissance",
    "prenom",
    "liste_prenoms",
    "sexe",
    "date_naissance",
    "lieu_naissance_cog",
    "date_derniere_verification",
)
ANSWER_COLUMNS = ("lot_id", "ligne", "resultat", "ins_matricule", "cle", "oid", "motif", "date_reponse")
OUTCOMES = ("OK", "KO", "00", "01", "02", "ERR")
"""Outcomes of an answer: OK or KO of a verification; CodeCR 00, 01 (none found), 02 (several); ERR technical fault."""

_MAX_XML = 1_000_000


class Answers(NamedTuple):
    """``evidence``: one row a request answered, the last answer. ``refused``: file, line and code of what was not read.

    Evidence columns: domain, ipp, operation, lot_id, ligne, resultat, ``date_reponse`` (Date), ``recovered`` (INSi
    knows this INS), ``discordant`` (traits of INSi that differ, space separated; null when INSi gave none), ``advice``.
    """

    evidence: pl.DataFrame
    refused: pl.DataFrame


def verification_requests(
    identities: dy.DataFrame[Identities], statuses: dy.DataFrame[Statuses], *, lot_id: str, before: date | None = None
) -> pl.DataFrame:
    """Return the qualified identities to verify, oldest INSi date first, in the neutral layout.

    Only an identity whose matricule may leave the engine is listed. With ``before``, only those whose last INSi date
    is older, or unknown. How often to verify was found in no official text: it is the site's choice.
    """
    allowed = statuses["ins_transmissible"]
    rows = identities.filter(allowed).with_columns(asked=_date("insi_date"))
    if before is not None:
        rows = rows.filter(pl.col("asked").is_null() | (pl.col("asked") < before))
    rows = rows.sort("asked", "domain", "ipp", nulls_last=False)
    return _requests(rows, lot_id, "verification", with_matricule=True)


def recovery_requests(
    identities: dy.DataFrame[Identities],
    statuses: dy.DataFrame[Statuses],
    expected: dy.DataFrame[Leverage],
    *,
    lot_id: str,
) -> pl.DataFrame:
    """Return the unitary calls to make for expected or present patients, in their order of arrival.

    Only validated identities are listed (controlled, without INS); a provisional one waits for its control (RECO PP
    03). ``expected`` is the leverage list; its rows without ``expected_on`` are left out: a bulk recovery over the
    base is no use of the teleservice.
    """
    coming = expected.filter(pl.col("expected_on").is_not_null()).select("identity_id", "rank")
    validated = statuses.filter(pl.col("status") == Status.VALIDEE).select("identity_id")
    rows = identities.join(coming, on="identity_id").join(validated, on="identity_id", how="semi").sort("rank")
    return _requests(rows, lot_id, "recuperation", with_matricule=False)


def _requests(rows: pl.DataFrame, lot_id: str, operation: str, *, with_matricule: bool) -> pl.DataFrame:
    number = known("matricule").str.replace_all(" ", "", literal=True)
    blank = pl.lit(None, dtype=pl.String)
    return (
        rows.with_row_index("ligne", offset=1)
        .select(
            "ligne",
            "ipp",
            lot_id=pl.lit(lot_id),
            operation=pl.lit(operation),
            domaine=pl.col("domain"),
            ins_matricule=number.str.slice(0, 13) if with_matricule else blank,
            ins_cle=number.str.slice(13, 2) if with_matricule else blank,
            ins_oid=known("matricule_oid") if with_matricule else blank,
            nom_naissance=_insi_text(known("birth_name")),
            prenom=_insi_text(known("first_given_name")),
            liste_prenoms=_insi_text(known("given_names")),
            sexe=known("sex"),
            date_naissance=_date("birth_date").dt.to_string("%Y-%m-%d"),
            lieu_naissance_cog=known("birth_place"),
            date_derniere_verification=_date("insi_date").dt.to_string("%Y-%m-%d"),
        )
        .select(REQUEST_COLUMNS)
    )


def as_csv(requests: pl.DataFrame) -> str:
    """Return the text of a request file: the line that says whose layout it is, then UTF-8 CSV with semicolons."""
    return f"{OWN_LAYOUT}\n" + requests.write_csv(separator=";")


def read_insi_requests(path: Path) -> pl.DataFrame:
    """Read a request file back; raise ``SourceError`` when it is not one."""
    return _read_csv(path, REQUEST_COLUMNS)


def read_insi_answers(paths: Iterable[Path], requests: pl.DataFrame) -> Answers:
    """Return the evidence that answer files bring to the requests; reading them twice changes nothing.

    A CSV has the columns of ``ANSWER_COLUMNS`` and is joined on (lot_id, ligne). An XML file is one answer of the
    teleservice, named ``<lot_id>_<ligne>.xml``. Of several answers to one request the latest counts. An answer that
    matches no request, or whose outcome is unknown, is refused with its place.
    """
    frames, refused = [_ANSWERS.clear()], []
    for path in sorted(paths):
        if path.suffix.lower() == ".xml":
            answer, code = _read_xml(path)
            if answer is None:
                refused.append((path.name, 1, code))
            else:
                frames.append(pl.DataFrame([answer], schema=_ANSWERS.schema).with_columns(file=pl.lit(path.name)))
        else:
            frames.append(_read_answers(path))
    answers = pl.concat(frames, how="diagonal")
    matched = answers.join(requests, on=["lot_id", "ligne"], how="left", suffix="_asked", maintain_order="left")
    unknown = ~pl.col("resultat").is_in(OUTCOMES).fill_null(False)
    orphan = pl.col("ipp").is_null()
    wrong = matched.filter(unknown | orphan).select(
        "file", "line", code=pl.when(unknown).then(pl.lit("INSI-RESULTAT")).otherwise(pl.lit("INSI-SANS-DEMANDE"))
    )
    latest = (
        matched.filter(~unknown & ~orphan)
        .sort("date_reponse", "file", "line", nulls_last=False, maintain_order=True)
        .unique(["lot_id", "ligne"], keep="last", maintain_order=True)
        .sort("lot_id", "ligne")
    )
    lost = pl.DataFrame(refused, schema={"file": pl.String, "line": pl.UInt32, "code": pl.String}, orient="row")
    return Answers(_evidence(latest), pl.concat([lost, wrong.cast({"line": pl.UInt32})]))


_ANSWERS = pl.DataFrame(
    schema=dict.fromkeys(ANSWER_COLUMNS, pl.String)
    | {"ligne": pl.UInt32, "date_reponse": pl.Date, "file": pl.String, "line": pl.UInt32}
    | {f"insi_{trait}": pl.String for trait in ("nom", "liste", "sexe", "date", "lieu")}
)


def _evidence(latest: pl.DataFrame) -> pl.DataFrame:
    found = pl.col("resultat").is_in(["OK", "00"])
    same = {
        "nom": comparable(pl.col("insi_nom")) == comparable(pl.col("nom_naissance")),
        "prenoms": _begins(pl.col("insi_liste"), pl.col("liste_prenoms"))
        & _begins(pl.col("insi_liste"), pl.col("prenom")),
        "sexe": pl.col("insi_sexe") == pl.col("sexe"),
        "date": pl.col("insi_date") == pl.col("date_naissance"),
        "lieu": (pl.col("insi_lieu") == pl.col("lieu_naissance_cog")) & (pl.col("insi_lieu") != "99999"),
    }
    differing = pl.concat_str(
        [pl.when(~equal.fill_null(False)).then(pl.lit(name)) for name, equal in same.items()],
        separator=" ",
        ignore_nulls=True,
    )
    discordant = pl.when(found & pl.col("insi_nom").is_not_null()).then(differing)
    return latest.with_columns(discordant=discordant).select(
        "ipp",
        "operation",
        "lot_id",
        "ligne",
        "resultat",
        "date_reponse",
        "discordant",
        domain="domaine",
        recovered=found & (pl.col("discordant").fill_null("") == ""),
        advice=pl.when(found & (pl.col("discordant").fill_null("") == ""))
        .then(pl.lit("INS confirmé par INSi."))
        .when(found)
        .then(pl.lit("Discordance de traits : décision humaine, rien n'est qualifié sans elle."))
        .when(pl.col("resultat") == "KO")
        .then(pl.lit("INSi ne reconnaît plus cet INS : l'invalider puis relancer une récupération (à confirmer)."))
        .when(pl.col("resultat") == "01")
        .then(pl.lit("Aucune identité trouvée : essayer un autre prénom ; vérifier le nom de naissance."))
        .when(pl.col("resultat") == "02")
        .then(pl.lit("Plusieurs identités trouvées : ajouter prénoms et lieu de naissance ; ne jamais choisir seul."))
        .otherwise(pl.lit("Erreur technique : relancer la demande.")),
    )


def _begins(whole: pl.Expr, start: pl.Expr) -> pl.Expr:
    """Return whether a name or list begins the other (EXI ID 10): equal on the comparison key, or a prefix of words."""
    longer, shorter = comparable(whole) + " ", comparable(start) + " "
    return start.is_null() | longer.str.starts_with(shorter) | shorter.str.starts_with(longer)


def _read_answers(path: Path) -> pl.DataFrame:
    raw = _read_csv(path, ANSWER_COLUMNS)
    day = pl.coalesce(
        pl.col("date_reponse").str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False),
        pl.col("date_reponse").str.slice(0, 8).str.to_date("%Y%m%d", strict=False),
    )
    return raw.with_columns(
        pl.col("resultat").str.strip_chars().str.to_uppercase(), date_reponse=day, file=pl.lit(path.name)
    )


def _read_csv(path: Path, columns: tuple[str, ...]) -> pl.DataFrame:
    """Read a semicolon file by its header, comment lines aside; ``line`` is the number of its line in the file."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"Le fichier {path} ne peut pas être lu (texte UTF-8 attendu).") from error
    lines = text.splitlines()
    skipped = next((place for place, line in enumerate(lines) if not line.startswith("#")), len(lines))
    header = lines[skipped].split(";") if skipped < len(lines) else []
    missing = [name for name in columns if name not in header]
    if missing:
        raise SourceError(
            f"Le fichier {path} n'a pas la colonne « {missing[0]} ».", hint=f"Attendu : {';'.join(columns)}."
        )
    body = "\n".join(lines[skipped:]).encode()
    frame = pl.read_csv(body, separator=";", infer_schema=False, truncate_ragged_lines=True).select(columns)
    return frame.with_columns(
        pl.col("ligne").str.strip_chars().cast(pl.UInt32, strict=False),
        line=pl.int_range(pl.len(), dtype=pl.UInt32) + skipped + 2,
    )


def _read_xml(path: Path) -> tuple[dict[str, Any] | None, str]:
    """Return the answer of a RESULTAT file, or None and the code of what is wrong with it."""
    lot_id, _, line = path.stem.rpartition("_")
    if not line.isdigit():
        return None, "INSI-NOM-DE-FICHIER"
    content = path.read_bytes()[: _MAX_XML + 1]
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
    answered = datetime.fromtimestamp(path.stat().st_mtime).date()
    return {
        "lot_id": lot_id,
        "ligne": int(line),
        "resultat": texts["CodeCR"],
        "ins_matricule": texts.get("NumIdentifiant"),
        "cle": texts.get("Cle"),
        "oid": texts.get("OID"),
        "motif": texts.get("LibelleCR"),
        "date_reponse": answered,
        "file": path.name,
        "line": 1,
        "insi_nom": texts.get("NomNaissance"),
        "insi_liste": texts.get("ListePrenom"),
        "insi_sexe": texts.get("Sexe"),
        "insi_date": texts.get("DateNaissance"),
        "insi_lieu": texts.get("LieuNaissance"),
    }, ""


def _date(column: str) -> pl.Expr:
    return known(column).str.replace_all(r"\D", "").str.slice(0, 8).str.to_date("%Y%m%d", strict=False)


def _insi_text(value: pl.Expr) -> pl.Expr:
    """Return the text in the letters INSi takes: capitals without accents or ligatures, straight apostrophe."""
    plain = value.str.to_uppercase().str.replace_many(["Œ", "Æ", "’"], ["OE", "AE", "'"])
    return plain.str.normalize("NFKD").str.replace_all(r"\p{M}", "")
