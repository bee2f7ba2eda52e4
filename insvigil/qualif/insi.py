"""INSi lists: whom to verify or recover, as a neutral CSV.

No official layout of a mass file was found: this CSV is insvigil's own, and says so in its first line. Recovery is
unitary, at the patient's venue, on an identity already controlled (RECO PP 03): a bulk recovery is refused; a bulk
verification is allowed. The answers are read by ``answers.py``.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import dataframely as dy
import polars as pl

from insvigil.errors import SourceError
from insvigil.frames import Changes, Identities, Leverage, Statuses
from insvigil.qualif.evidence import known
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
TRAIT_COLUMNS = ("nom_naissance", "prenom", "liste_prenoms", "sexe", "date_naissance", "lieu_naissance_cog")
"""The strict traits of a request, as INSi is asked about them."""


def verification_requests(
    identities: dy.DataFrame[Identities],
    statuses: dy.DataFrame[Statuses],
    *,
    lot_id: str,
    before: date | None = None,
    answers: dy.DataFrame[Changes] | None = None,
) -> pl.DataFrame:
    """Return the qualified identities to verify, oldest INSi date first, in the neutral layout.

    Only an identity whose matricule may leave the engine is listed. With ``before``, only those whose last INSi date
    is older, or unknown; ``answers`` (of the register) that confirmed an INS count as such dates. How often to verify
    was found in no official text: it is the site's choice.
    """
    allowed = statuses["ins_transmissible"]
    rows = identities.filter(allowed).with_columns(asked=_date("insi_date"))
    if answers is not None:
        confirmed = answers.filter(pl.col("new") == "confirmed")
        told = confirmed.group_by("domain", "ipp").agg(told=pl.col("valid_at").max().dt.date())
        rows = rows.join(told, on=["domain", "ipp"], how="left").with_columns(asked=pl.max_horizontal("asked", "told"))
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


def asked_traits() -> dict[str, pl.Expr]:
    """Return the strict traits of an identity as a request writes them."""
    return {
        "nom_naissance": _insi_text(known("birth_name")),
        "prenom": _insi_text(known("first_given_name")),
        "liste_prenoms": _insi_text(known("given_names")),
        "sexe": known("sex"),
        "date_naissance": _date("birth_date").dt.to_string("%Y-%m-%d"),
        "lieu_naissance_cog": known("birth_place"),
    }


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
            **asked_traits(),
            date_derniere_verification=(pl.col("asked") if with_matricule else _date("insi_date")).dt.to_string(
                "%Y-%m-%d"
            ),
        )
        .select(REQUEST_COLUMNS)
    )


def as_csv(requests: pl.DataFrame) -> str:
    """Return the text of a request file: the line that says whose layout it is, then UTF-8 CSV with semicolons."""
    return f"{OWN_LAYOUT}\n" + requests.write_csv(separator=";")


def read_insi_requests(path: Path) -> pl.DataFrame:
    """Read a request file back; raise ``SourceError`` when it is not one."""
    return read_csv(path, REQUEST_COLUMNS)


def read_csv(path: Path, columns: tuple[str, ...], optional: tuple[str, ...] = ()) -> pl.DataFrame:
    """Read a semicolon file by its header, comment lines aside; ``line`` is the number of its line in the file.

    Columns of ``optional`` that the file does not have are null. Raise ``SourceError`` when another one is missing.
    """
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
    found = pl.read_csv(body, separator=";", infer_schema=False, truncate_ragged_lines=True)
    absent = [pl.lit(None, pl.String).alias(name) for name in optional if name not in header]
    return (
        found.with_columns(absent)
        .select(*columns, *optional)
        .with_columns(
            pl.col("ligne").str.strip_chars().cast(pl.UInt32, strict=False),
            line=pl.int_range(pl.len(), dtype=pl.UInt32) + skipped + 2,
        )
    )


def _date(column: str) -> pl.Expr:
    return known(column).str.replace_all(r"\D", "").str.slice(0, 8).str.to_date("%Y%m%d", strict=False)


def _insi_text(value: pl.Expr) -> pl.Expr:
    """Return the text in the letters INSi takes: capitals without accents or ligatures, straight apostrophe."""
    plain = value.str.to_uppercase().str.replace_many(["Œ", "Æ", "’"], ["OE", "AE", "'"])
    return plain.str.normalize("NFKD").str.replace_all(r"\p{M}", "")
