"""Detectors of the matricule INS and of its coherence with the traits."""

from __future__ import annotations

import polars as pl

from insvigil.traits.detectors.detector import (
    TODAY,
    Detector,
    Material,
    OnFile,
    OnIdentity,
    OnValue,
    absent,
    received,
    rule,
)
from insvigil.traits.places import place_codes
from insvigil.traits.rewriting import rewrite
from insvigil.vocabulary import OID_OF_MATRICULE, Confidence, Scope, Severity, Sex

_WHOLE = pl.col("length").is_in([13, 15])
_SHAPED = pl.col("shaped")
_LENGTH = pl.col("length")
_FIRST = pl.col("first")
_AGE = TODAY.dt.year().cast(pl.Int32) - pl.col("birth_year").cast(pl.Int32)
_CNAM = "CNAM, validateur de NIR 2.0"
_INSI = "Vérifier l'INS par le téléservice INSi ; retirer le matricule d'ici là."
_INS_C = ["1.2.250.1.213.1.4.2", "1.2.250.1.213.1.4.6", "1.2.250.1.213.1.4.7"]


def _shared(material: Material) -> pl.DataFrame:
    """Return the identities whose valid matricule another identity of the domain bears, with the first bearer."""
    shared = material.sharers.select("identity_id", "matricule", "birth_year", "birth_month", "birth_day", "sex")
    first = shared.unique("matricule", keep="first", maintain_order=True)
    return shared.join(first, on="matricule", suffix="_first").filter(
        pl.col("identity_id") != pl.col("identity_id_first")
    )


def _same_birth() -> pl.Expr:
    return pl.all_horizontal(
        pl.col(part).eq_missing(pl.col(f"{part}_first")) for part in ("birth_year", "birth_month", "birth_day", "sex")
    )


def shared_by_different_persons(material: Material) -> pl.DataFrame:
    """Return the identities that bear a valid matricule of another one, with another birth date or sex."""
    return _shared(material).filter(~_same_birth()).select("identity_id", other_id="identity_id_first")


def shared_by_one_person(material: Material) -> pl.DataFrame:
    """Return the identities that bear a valid matricule of another one, with the same birth date and sex."""
    return _shared(material).filter(_same_birth()).select("identity_id", other_id="identity_id_first")


def place_differs(material: Material) -> pl.DataFrame:
    """Return the bearers whose matricule and birth place are of two departments of today.

    Pseudo-months, births at sea of places unknown to the commune table, and the 91-96 of Algeria, Morocco and Tunisia
    before 1968 are left alone.
    """
    bearers = material.bearers.select(
        "identity_id", "shaped", "month", "birth_year", "department", "commune", pl.col("birth_place").cast(pl.String)
    ).filter(
        pl.col("shaped") & (pl.col("month") <= 12) & (pl.col("department") != pl.col("birth_place").str.slice(0, 2))
    )
    today = rewrite(bearers["commune"], place_codes).cast(pl.String)
    colonial = pl.col("department").is_in(["91", "92", "93", "94", "95", "96"]) & (pl.col("birth_year") < 1968)
    abroad = pl.col("birth_place").str.starts_with("99")
    born_in_france = pl.col("birth_place").str.contains("^[0-9][0-9AB][0-9]{3}$") & ~abroad
    other = pl.col("today").str.slice(0, 2) != pl.col("birth_place").str.slice(0, 2)
    return (
        bearers.with_columns(today=today).filter((born_in_france & other) | (abroad & ~colonial)).select("identity_id")
    )


DETECTORS: tuple[Detector, ...] = (
    OnIdentity(
        rule(
            "IDV-INS-001", Severity.BLOCKING, "La clé du matricule INS est fausse.",
            "La clé décèle toute faute sur un chiffre : le matricule n'est pas celui de la personne.", _INSI,
            source=_CNAM, confidence=Confidence.VERIFIED,
        ),
        (_LENGTH == 15) & _SHAPED & ~pl.col("matricule_valid"),
        view="bearers",
    ),
    OnIdentity(
        rule(
            "IDV-INS-002", Severity.BLOCKING, "Le matricule INS n'a pas la forme d'un NIR.",
            "Sexe, mois ou département impossibles : ce n'est pas un matricule.", _INSI,
            source=_CNAM, confidence=Confidence.VERIFIED,
        ),
        _WHOLE & ~_SHAPED & ~_FIRST.is_in(list("345678")),
        view="bearers",
    ),
    OnIdentity(
        rule(
            "IDV-INS-003", Severity.ANOMALY, "Le matricule INS est transmis sans sa clé.",
            "Un matricule INS porte sa clé ; sans elle, une faute de frappe passe inaperçue.",
            "Corriger l'émetteur : le matricule a 15 caractères.",
            source="Annexe N 1.8.2 §N.1", confidence=Confidence.VERIFIED,
        ),
        (_LENGTH == 13) & _SHAPED,
        view="bearers",
    ),
    OnIdentity(
        rule(
            "IDV-INS-004", Severity.BLOCKING, "Numéro national provisoire (7 ou 8) à la place du matricule INS.",
            "Un numéro provisoire de l'Assurance maladie n'est pas un INS.", _INSI,
            source=_CNAM, confidence=Confidence.VERIFIED,
        ),
        _WHOLE & _FIRST.is_in(["7", "8"]),
        view="bearers",
    ),
    OnIdentity(
        rule(
            "IDV-INS-005", Severity.BLOCKING, "Numéro de migrant de passage (5 ou 6) à la place du matricule INS.",
            "Ce numéro de l'Assurance maladie n'est pas un INS.", _INSI,
            source=_CNAM, confidence=Confidence.VERIFIED,
        ),
        _WHOLE & _FIRST.is_in(["5", "6"]),
        view="bearers",
    ),
    OnIdentity(
        rule(
            "IDV-INS-006", Severity.BLOCKING, "Le matricule INS n'a ni 13 ni 15 caractères.",
            "Le numéro est tronqué, ou c'est un autre identifiant.", _INSI,
            source=_CNAM, confidence=Confidence.VERIFIED,
        ),
        ~_WHOLE,
        view="bearers",
    ),
    OnIdentity(
        rule(
            "IDV-INS-007", Severity.ANOMALY, "Numéro commençant par 3 ou 4 à la place du matricule INS.",
            "Ces numéros d'immatriculation en cours ne sont pas des INS et la CNAM les refuse.", _INSI,
            source="validateur de la CNAM ; sens du 3 et du 4 non vérifié", confidence=Confidence.UNVERIFIED,
        ),
        _WHOLE & _FIRST.is_in(["3", "4"]),
        view="bearers",
    ),
    OnIdentity(
        rule(
            "IDV-INS-008", Severity.ANOMALY, "Matricule INS transmis sans OID.",
            "Sans OID on ne sait si le numéro est un INS-NIR, un INS-NIA, un numéro de test ou de facturation.",
            "Corriger l'émetteur.", source="Annexe N 1.8.2 §N.1", confidence=Confidence.VERIFIED,
        ),
        absent("matricule_oid"),
        view="bearers",
    ),
    OnIdentity(
        rule(
            "IDV-INS-009", Severity.BLOCKING, "INS-C à la place du matricule INS.",
            "L'INS calculé est abandonné : il n'est pas un identifiant de référence.", "Retirer l'INS-C.",
            source="Annexe N 1.8.2 §N.1", confidence=Confidence.VERIFIED,
        ),
        received("matricule_oid").is_in(_INS_C),
        view="bearers",
    ),
    OnIdentity(
        rule(
            "IDV-INS-010", Severity.ANOMALY, "L'OID du matricule n'est pas celui d'un INS.",
            "Le numéro vient d'un autre domaine d'identification.", "Corriger l'émetteur.",
            source="Annexe N 1.8.2 §N.1", confidence=Confidence.VERIFIED,
        ),
        ~received("matricule_oid").is_in([*OID_OF_MATRICULE, *_INS_C]),
        view="bearers",
    ),
    OnIdentity(
        rule(
            "IDV-INS-011", Severity.ANOMALY, "Le sexe du matricule n'est pas celui de l'identité.",
            "Le matricule est celui d'une autre personne, ou le sexe a changé : l'historique des INS le dit.", _INSI,
            source=_CNAM, confidence=Confidence.VERIFIED,
        ),
        _SHAPED
        & (
            ((_FIRST == "1") & (pl.col("sex") == Sex.FEMALE.value))
            | ((_FIRST == "2") & (pl.col("sex") == Sex.MALE.value))
        ),
        view="bearers",
    ),
    OnIdentity(
        rule(
            "IDV-INS-012", Severity.ANOMALY, "L'année du matricule n'est pas celle de la naissance.",
            "Le matricule est celui d'une autre personne (souvent un parent), ou la date est fausse.", _INSI,
            source=_CNAM, confidence=Confidence.VERIFIED,
        ),
        _SHAPED & (pl.col("year") != pl.col("birth_year") % 100),
        view="bearers",
    ),
    OnIdentity(
        rule(
            "IDV-INS-013", Severity.ANOMALY, "Le mois du matricule n'est pas celui de la naissance.",
            "Le matricule est celui d'une autre personne, ou la date de naissance est fausse.", _INSI,
            source=_CNAM, confidence=Confidence.VERIFIED,
        ),
        _SHAPED & (pl.col("month") <= 12) & (pl.col("month") != pl.col("birth_month")),
        view="bearers",
    ),
    OnFile(
        rule(
            "IDV-INS-014", Severity.WARNING, "Le département du matricule n'est pas celui du lieu de naissance.",
            "Le code du matricule est celui de la naissance ; la commune a pu changer de département depuis. Les"
            " naissances d'avant l'indépendance au Maghreb (91 à 96) ne sont pas comparées.",
            "Vérifier le lieu de naissance ; ne rien corriger sur ce seul indice.",
            source=_CNAM, confidence=Confidence.VERIFIED,
        ),
        place_differs,
    ),
    OnIdentity(
        rule(
            "IDV-INS-015", Severity.ANOMALY, "Le matricule d'un mineur semble être celui d'un parent.",
            "L'année du matricule précède la naissance de 15 à 60 ans : c'est le NIR de l'ouvrant droit, pas l'INS.",
            "Retirer le matricule et interroger le téléservice INSi avec les traits de l'enfant.",
            source="EX_GEN-1230 cité par FR Core ; Annexe N 1.8.2 (NH et SS ne sont pas des INS)",
            confidence=Confidence.VERIFIED_QUOTED,
        ),
        _SHAPED & (_AGE < 18) & ((pl.col("birth_year") - pl.col("year")) % 100).is_between(15, 60),
        view="bearers",
    ),
    OnIdentity(
        rule(
            "IDV-INS-016", Severity.ANOMALY, "La commune ou le rang du matricule est 000.",
            "La commune va de 001 à 999 et le rang aussi : le numéro a été inventé ou complété.", _INSI,
            source="structure du NIR, service-public.fr F33078", confidence=Confidence.VERIFIED,
        ),
        _SHAPED & (pl.col("commune").str.ends_with("000") | (pl.col("order") == "000")),
        view="bearers",
    ),
    OnValue(
        rule(
            "IDV-INS-020", Severity.INFORMATION, "La clé du NIR de facturation est fausse.",
            "Le NIR de facturation est mal saisi : la facture sera refusée, et il ne prouve rien de l'identité.",
            "Corriger le NIR de facturation.", source=_CNAM, confidence=Confidence.VERIFIED,
        ),
        "billing_nir", (_LENGTH == 15) & _SHAPED & ~pl.col("valid"),
    ),
    OnFile(
        rule(
            "IDV-INS-017", Severity.BLOCKING, "Le même matricule est porté par deux personnes différentes.",
            "Deux identités de date de naissance ou de sexe différents ont le même INS : risque de collision.",
            "Vérifier les deux identités par le téléservice INSi ; retirer le matricule de celle qui le porte à tort.",
            source="IHE PAM France 2.11.2 ; EX_GEN-1230 cité par FR Core", confidence=Confidence.VERIFIED_QUOTED,
            scope=Scope.PAIR,
        ),
        shared_by_different_persons, "base",
    ),
    OnFile(
        rule(
            "IDV-INS-018", Severity.ANOMALY,
            "Deux identités ont le même matricule, la même date de naissance, le même sexe.",
            "Un matricule valide partagé est un doublon presque certain.", "Rapprocher les deux dossiers.",
            scope=Scope.PAIR,
        ),
        shared_by_one_person, "base",
    ),
)  # fmt: skip
