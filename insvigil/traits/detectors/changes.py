"""Detectors of changes: what a modification or a merge did to an identity."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from insvigil.distinct import Distinct
from insvigil.frames import STRICT_TRAITS
from insvigil.phonetics import coarse_keys
from insvigil.traits.birth import date_parts
from insvigil.traits.detectors.detector import Detector, Material, OnFile, rule
from insvigil.traits.matricule import matricules
from insvigil.traits.names import comparison_key
from insvigil.traits.normalisation import normalise, sexes
from insvigil.traits.places import place_keys
from insvigil.traits.rewriting import present
from insvigil.vocabulary import BirthDateKind, Confidence, IdentityCode, Scope, Severity

_PERSON = ["domain", "ipp"]
_EVENT = [*_PERSON, "valid_at", "sender", "control_id"]
_CHECK = "Comparer l'identité avant et après avec une pièce d'identité ; défaire la modification si besoin."


def _of(material: Material, *fields: str) -> pl.DataFrame:
    """Return the changes of some fields, ``old`` and ``new`` null where absent."""
    assert material.changes is not None
    changes = material.changes.filter(pl.col("field").is_in(fields))
    return changes.with_columns(present(changes["old"]), present(changes["new"]))


def _rewritten(changes: pl.DataFrame, meaning: Callable[[pl.Series], pl.Series]) -> pl.DataFrame:
    """Return the changes with the meaning of ``old`` and ``new``, those that are null or unchanged apart."""
    sides = {name: Distinct(changes[name]) for name in ("old", "new")}
    columns = [side.spread(meaning(side.values)).alias(name) for name, side in sides.items()]
    return changes.with_columns(columns).filter(pl.col("old") != pl.col("new"))


def _sounds(names: pl.Series) -> pl.Series:
    keys = comparison_key(names).fill_null("")
    return pl.Series(coarse_keys(keys.to_list()), dtype=pl.String)


def _days(texts: pl.Series) -> pl.Series:
    return date_parts(texts).select(pl.format("{}|{}|{}", "year", "month", "day")).to_series()


def _finding(changes: pl.DataFrame, subject: str = "field") -> pl.DataFrame:
    return changes.select(*_PERSON, subject=pl.col(subject)).unique().sort(*_PERSON, "subject")


def other_person(material: Material) -> pl.DataFrame:
    """Return the messages that replaced two or more of: birth name, given name (by sound), date (two parts), sex."""
    two_parts = pl.sum_horizontal(
        pl.col("old").str.split("|").list.get(part) != pl.col("new").str.split("|").list.get(part) for part in range(3)
    )
    replaced = pl.concat(
        [
            _rewritten(_of(material, "birth_name"), _sounds),
            _rewritten(_of(material, "first_given_name"), _sounds),
            _rewritten(_of(material, "birth_date"), _days).filter(two_parts >= 2),
            _rewritten(_of(material, "sex"), lambda values: sexes(values).cast(pl.String)),
        ]
    )
    events = replaced.group_by(_EVENT).agg(pl.col("field").n_unique()).filter(pl.col("field") >= 2)
    return _finding(events, "control_id")


def _strict(material: Material) -> pl.DataFrame:
    """Return the changes of strict traits that are not mere writing (case, accents, hyphens, form of a date)."""
    return pl.concat(
        [
            _rewritten(_of(material, "birth_name", "first_given_name", "given_names"), comparison_key),
            _rewritten(_of(material, "birth_date"), _days),
            _rewritten(_of(material, "sex"), lambda values: sexes(values).cast(pl.String)),
            _rewritten(_of(material, "birth_place"), place_keys),
        ]
    )


def strict_trait_of_qualified(material: Material) -> pl.DataFrame:
    """Return the changes of a strict trait of an identity qualified now, or lowered from VALI by the same message."""
    lowered = _of(material, "identity_code").filter(pl.col("old") == IdentityCode.VALI.value).select(_EVENT)
    changes = _strict(material)
    qualified = material.names if material.names.is_empty() else material.names.filter(material.traits["qualified"])
    now = changes.join(qualified, on=_PERSON, how="semi")
    before = changes.join(lowered, on=_EVENT, how="semi", nulls_equal=True)
    return _finding(pl.concat([now, before]))


def erased(material: Material) -> pl.DataFrame:
    """Return the strict traits that a message emptied."""
    return _finding(_of(material, *STRICT_TRAITS).filter(pl.col("old").is_not_null() & pl.col("new").is_null()))


def sex_changed(material: Material) -> pl.DataFrame:
    """Return the changes from one sex to the other."""
    changes = _rewritten(_of(material, "sex"), lambda values: sexes(values).cast(pl.String))
    return _finding(changes.filter(pl.col("old").is_in(["M", "F"]) & pl.col("new").is_in(["M", "F"])))


def birth_year_moved(material: Material) -> pl.DataFrame:
    """Return the changes of birth date by more than one year."""
    changes = _rewritten(_of(material, "birth_date"), lambda texts: date_parts(texts)["year"].cast(pl.Int32))
    return _finding(changes.filter((pl.col("old") - pl.col("new")).abs() > 1))


def birth_date_blurred(material: Material) -> pl.DataFrame:
    """Return the changes of an exact birth date into a partial or default one."""
    changes = _rewritten(_of(material, "birth_date"), lambda texts: date_parts(texts)["kind"].cast(pl.String))
    blurred = [BirthDateKind.PARTIAL.value, BirthDateKind.PLACEHOLDER.value, BirthDateKind.IMPOSSIBLE.value]
    return _finding(changes.filter((pl.col("old") == BirthDateKind.EXACT.value) & pl.col("new").is_in(blurred)))


def matricule_replaced(material: Material) -> pl.DataFrame:
    """Return the changes from one matricule to another."""
    return _finding(_rewritten(_of(material, "matricule"), lambda texts: matricules(texts)[0]))


def names_swapped(material: Material) -> pl.DataFrame:
    """Return the messages that swapped birth name and first given name."""
    birth = _rewritten(_of(material, "birth_name"), comparison_key)
    first = _rewritten(_of(material, "first_given_name"), comparison_key)
    both = birth.join(first, on=_EVENT, how="inner", suffix="_first", nulls_equal=True)
    return _finding(both.filter((pl.col("old") == pl.col("new_first")) & (pl.col("new") == pl.col("old_first"))))


def other_given_name(material: Material) -> pl.DataFrame:
    """Return the changes of the first given name into one that sounds otherwise and does not begin or end it."""
    changes = _rewritten(_of(material, "first_given_name"), comparison_key)
    apart = ~(
        pl.col("old").str.starts_with(pl.col("new")) | pl.col("new").str.starts_with(pl.col("old"))
        | pl.col("old").str.ends_with(pl.col("new")) | pl.col("new").str.ends_with(pl.col("old"))
    )  # fmt: skip
    return _finding(_rewritten(changes.filter(apart), _sounds))


def back_and_forth(material: Material) -> pl.DataFrame:
    """Return the fields that two senders change back and forth."""
    assert material.changes is not None
    changes = material.changes.filter(pl.col("old").is_not_null() & pl.col("new").is_not_null())
    there = changes.select(*_PERSON, "field", "old", "new", "sender")
    back = there.rename({"old": "new", "new": "old", "sender": "other_sender"})
    pairs = there.join(back, on=[*_PERSON, "field", "old", "new"], how="inner")
    return _finding(pairs.filter(pl.col("sender") != pl.col("other_sender")))


def death_withdrawn(material: Material) -> pl.DataFrame:
    """Return the deaths that a message withdrew."""
    dated = _of(material, "death_date").filter(pl.col("old").is_not_null() & pl.col("new").is_null())
    said = _of(material, "deceased").filter((pl.col("old") == "Y") & (pl.col("new") == "N"))
    return _finding(pl.concat([dated, said])).unique(_PERSON, keep="first", maintain_order=True)


def ipp_renamed(material: Material) -> pl.DataFrame:
    """Return the IPP that were changed (not the creations)."""
    return _finding(_of(material, "ipp").filter(pl.col("old").is_not_null() & (pl.col("old") != pl.col("new"))))


def many_merged(material: Material) -> pl.DataFrame:
    """Return the IPP that five identities or more were merged into."""
    merged = _of(material, "merged_into").filter(pl.col("new").is_not_null())
    many = merged.group_by("domain", "new").len().filter(pl.col("len") >= 5)
    return many.select("domain", ipp="new", subject=pl.lit("merged_into")).sort("domain", "ipp")


def merged_other_person(material: Material) -> pl.DataFrame:
    """Return the survivors of a merge with an identity of another sex and another birth date, those two known."""
    assert material.absorbed is not None
    merged = _of(material, "merged_into").filter(pl.col("new").is_not_null()).select("domain", "ipp", survivor="new")
    birth = ["birth_year", "birth_month", "birth_day"]
    sides = [normalise(frame.drop("identity_id", strict=False)) for frame in (material.absorbed, material.identities)]
    gone, kept = (
        frame.select(_PERSON).with_columns(side.select("sex", *birth))
        for frame, side in zip((material.absorbed, material.identities), sides, strict=True)
    )
    both = merged.join(gone, on=_PERSON).join(kept, left_on=["domain", "survivor"], right_on=_PERSON, suffix="_kept")
    other_birth = pl.any_horizontal(pl.col(part) != pl.col(f"{part}_kept") for part in birth)
    other = both.filter((pl.col("sex") != pl.col("sex_kept")) & other_birth)
    return other.select("domain", subject="ipp", ipp="survivor").sort("domain", "ipp", "subject")


def _of_changes(
    number: int, severity: Severity, sentence: str, reason: str, advice: str,
    find: Callable[[Material], pl.DataFrame], needs: str = "changes",
    source: str = "convention d'insvigil", confidence: Confidence = Confidence.CONVENTION,
) -> Detector:  # fmt: skip
    code = f"IDV-CHG-{number:03}"
    found = rule(code, severity, sentence, reason, advice, scope=Scope.CHANGE, source=source, confidence=confidence)
    return OnFile(found, find, needs)


DETECTORS: tuple[Detector, ...] = (
    _of_changes(
        1, Severity.BLOCKING, "Plusieurs traits stricts remplacés d'un coup par ceux d'une autre personne.",
        "Le dossier a été réutilisé pour quelqu'un d'autre : collision suspectée.",
        "Comparer avant et après ; si ce sont deux personnes, rétablir l'identité et séparer les données.",
        other_person,
    ),
    _of_changes(
        2, Severity.ANOMALY, "Trait strict modifié sur une identité qualifiée.",
        "Les traits d'une identité qualifiée viennent du téléservice INSi et ne se modifient pas à la main.",
        "Interroger de nouveau le téléservice INSi.", strict_trait_of_qualified,
        source="Annexe N 1.8.2 ; Guide INS v3.0, EXI REC 07 et 08, cités par un tiers",
        confidence=Confidence.SECOND_HAND,
    ),
    _of_changes(
        3, Severity.BLOCKING, "Fusion de deux identités de sexe et de date de naissance différents.",
        "Tout porte à croire que deux personnes ont été fusionnées.",
        "Vérifier les deux identités et défaire la fusion si besoin.", merged_other_person, "absorbed",
    ),
    _of_changes(
        4, Severity.WARNING, "Le sexe est passé de masculin à féminin ou l'inverse.",
        "Correction, changement d'état civil (nouveau NIR) ou dossier réutilisé.", _CHECK, sex_changed,
    ),
    _of_changes(
        5, Severity.WARNING, "La date de naissance a bougé de plus d'un an.",
        "Correction d'une faute sur l'année, ou dossier réutilisé pour une autre personne.", _CHECK, birth_year_moved,
    ),
    _of_changes(
        6, Severity.ANOMALY, "Le matricule INS a été remplacé par un autre.",
        "Normal après un changement de NIR ou d'un NIA devenu NIR ; sinon, deux personnes dans un dossier.",
        "Vérifier l'historique des INS par le téléservice INSi.", matricule_replaced,
    ),
    _of_changes(
        7, Severity.WARNING, "Le nom de naissance et le prénom ont été échangés.",
        "L'une des deux saisies est fausse ; des messages déjà partis portent l'autre.", _CHECK, names_swapped,
    ),
    _of_changes(
        8, Severity.ANOMALY, "Deux logiciels se corrigent l'un l'autre sur le même champ.",
        "Chaque envoi défait le précédent : la base change d'avis selon l'heure.",
        "Désigner le logiciel de référence pour ce champ.", back_and_forth,
    ),
    _of_changes(
        9, Severity.ANOMALY, "Une date de naissance complète est devenue incomplète ou par défaut.",
        "La date exacte était connue : l'information est perdue.", "Rétablir la date précédente.", birth_date_blurred,
    ),
    _of_changes(
        10, Severity.WARNING, "Un décès a été retiré.",
        "Le décès avait été porté sur le mauvais dossier, ou le retrait est une erreur.",
        "Vérifier le décès, et les dossiers de même nom.", death_withdrawn,
    ),
    _of_changes(
        11, Severity.WARNING, "L'IPP a été modifié.",
        "Un IPP ne devrait jamais changer : on fusionne.", "Corriger l'émetteur (A40 au lieu de A47).", ipp_renamed,
        source="IHE PAM France 2.11.2", confidence=Confidence.VERIFIED,
    ),
    _of_changes(
        12, Severity.WARNING, "Cinq identités ou plus fusionnées dans la même.",
        "Une reprise de masse, ou un dossier collecteur où plusieurs personnes se mélangent.",
        "Revoir les fusions une à une.", many_merged,
    ),
    _of_changes(
        13, Severity.WARNING, "Le premier prénom a été remplacé par un tout autre prénom.",
        "Correction, prénom d'usage saisi au mauvais endroit, ou dossier réutilisé.", _CHECK, other_given_name,
    ),
    _of_changes(
        14, Severity.ANOMALY, "Un trait strict a été effacé.",
        "Une identité ne perd pas un trait strict : un message incomplet l'a vidé.", "Corriger l'émetteur.", erased,
    ),
)  # fmt: skip
