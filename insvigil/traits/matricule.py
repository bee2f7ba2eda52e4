"""The matricule INS (NIR or NIA): its text, its key, whether it stands.

Sources: CNAM ``nir-validation`` 2.0.0 (shape, pseudo-months 20-99) and the key computation, both verified (V); test
vectors in ``tests/traits/test_matricule.py``. A NIR that starts with 5-6 (MIG) or 7-8 (NNP) is no INS.
"""

from __future__ import annotations

from string import ascii_uppercase, digits

import numpy as np
import polars as pl

from insvigil.distinct import pieces_of
from insvigil.texts import buffers
from insvigil.traits.folding import alphabet, folded
from insvigil.traits.rewriting import rewrite_known
from insvigil.vocabulary import OID_OF_MATRICULE, MatriculeKind

SHAPE = r"^[12][0-9]{2}(?:0[1-9]|1[0-2]|[2-9][0-9])(?:[0-9]{2}|2[AB])[0-9]{6}"
"""The 13 characters of an INS: sex, year, month or pseudo-month, department, commune, order."""

WHOLE = 15
"""Characters of a matricule with its key."""

_SIGNS = alphabet(digits + ascii_uppercase, "")

KINDS = pl.Enum([kind.value for kind in MatriculeKind])


def key_of(thirteen: str) -> int:
    """Return the key (1 to 97) of 13 characters; ``ValueError`` when they are not digits (but 2A and 2B)."""
    department = {"2A": "19", "2B": "18"}.get(thirteen[5:7], thirteen[5:7])
    number = thirteen[:5] + department + thirteen[7:]
    if len(number) != 13 or not (number.isascii() and number.isdigit()):
        raise ValueError("un matricule a 13 caractères avant sa clé")
    return 97 - int(number) % 97


def cleaned(texts: pl.Series) -> pl.Series:
    """Return the letters and digits of each text, upper case, null when no digit but zero is there."""
    kept = folded(texts, _SIGNS)
    return kept.set((~kept.str.contains("[1-9]")).fill_null(False), None)


def validity(cleaned_texts: pl.Series) -> pl.Series:
    """Return whether each cleaned text is a whole INS: 15 characters, the right shape, the right key."""
    from insvigil.traits.kernels import check_matricules

    valid = np.empty(cleaned_texts.len(), np.bool_)
    check_matricules(*buffers(cleaned_texts), valid)
    return pl.Series(cleaned_texts.name, valid)


def meaning(cleaned_texts: pl.Series) -> pl.DataFrame:
    """Return what each cleaned text says: ``length``, ``shaped`` (an INS, key apart), ``first``, ``year``, ``month``.

    And ``department`` (two characters), ``commune`` (five) and ``order``; year and month are null when no numbers.
    """
    text = pl.col("text")
    return pl.DataFrame({"text": cleaned_texts}).select(
        length=text.str.len_bytes().cast(pl.Int32),
        shaped=text.str.contains(SHAPE + "(?:[0-9]{2})?$"),
        first=text.str.slice(0, 1),
        year=text.str.slice(1, 2).cast(pl.Int16, strict=False),
        month=text.str.slice(3, 2).cast(pl.Int16, strict=False),
        department=text.str.slice(5, 2),
        commune=text.str.slice(5, 5),
        order=text.str.slice(10, 3),
    )


def is_valid(text: str) -> bool:
    """Return whether a text is a whole INS (see ``validity``), blanks and case apart."""
    return validity(cleaned(pl.Series([text], dtype=pl.String))).item() is True


def matricules(texts: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Return the 13 characters of each matricule (all of it when it has another length) and whether it is valid.

    Both are null where there is no matricule. One of 13 characters cannot be checked: it is compared, and not valid
    (an INS carries its key).
    """
    bare, valid = zip(*(_matricules(piece) for piece in pieces_of(texts)), strict=True)
    return pl.concat(bare, rechunk=True), pl.concat(valid, rechunk=True)


def _matricules(texts: pl.Series) -> tuple[pl.Series, pl.Series]:
    whole = rewrite_known(texts, cleaned)
    return rewrite_known(whole, _bare), rewrite_known(whole, validity)


def _bare(cleaned_texts: pl.Series) -> pl.Series:
    text = pl.col("text")
    thirteen = pl.when(text.str.len_bytes().is_in([13, WHOLE])).then(text.str.head(13)).otherwise(text)
    return pl.DataFrame({"text": cleaned_texts}).select(thirteen.alias(cleaned_texts.name)).to_series()


def kinds(oids: pl.Series) -> pl.Series:
    """Return the kind of matricule that each OID names; ``other`` for an OID that names none."""
    known = {oid: kind.value for oid, kind in OID_OF_MATRICULE.items()}
    kind = oids.str.strip_chars().str.strip_prefix("urn:oid:").replace_strict(known, default=MatriculeKind.OTHER.value)
    return kind.set(oids.is_null(), None).cast(KINDS)
