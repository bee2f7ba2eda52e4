"""Write ``docs/reference/detectors.md``, and with ``--rates`` measure ``docs/reference/detector-rates.md``.

The first page comes from the catalogue and a test compares it; the second is measured on an invented population
without faults (no doublon, no missing birth place), of which no detector may find more than 2 %.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import polars as pl

from insvigil.bench.mistakes import DEFAULT
from insvigil.bench.population import generate
from insvigil.traits import detect, normalise
from insvigil.traits.detectors import RULES
from insvigil.vocabulary import Confidence, Rule

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
NOTICE = "<!-- Written by tools/build_detectors.py: change the catalogue, not this page. -->\n"
FAMILIES = {
    "NOM": "Nom de naissance",
    "PRE": "Premier prénom",
    "LST": "Liste des prénoms",
    "NUT": "Nom utilisé",
    "PUT": "Prénom utilisé",
    "DDN": "Dates de naissance et de décès",
    "SEX": "Sexe",
    "LIE": "Lieu de naissance",
    "INS": "Matricule INS",
    "ADR": "Coordonnées",
    "PAI": "Paires d'identités",
    "AGR": "Agrégats",
    "CHG": "Modifications et fusions",
    "SEJ": "Séjours",
}
"""The families of codes, in the order of the page."""

CLEAN = replace(DEFAULT, copies=0.0, birth_place_absent=0.0)
"""The mix of an invented population without faults."""


def detectors_page() -> str:
    """Return the catalogue in French: what each detector finds, why it matters, what to do, where it comes from."""
    lines = [
        f"{NOTICE}# Détecteurs",
        "",
        f"{len(RULES)} questions posées à chaque identité, modification, paire, agrégat ou séjour. Un code est stable"
        " pour toujours. Une règle sans source officielle relue le dit : « convention d'insvigil », ou la confiance"
        " entre parenthèses (voir [rules.md](rules.md)).",
        "",
        'Un site éteint des détecteurs (`traits.ignore = ["IDV-ADR"]`) et change leur gravité'
        ' (`traits.severity = { IDV-NOM-014 = "information" }`). Les taux sur une population sans faute :'
        " [detector-rates.md](detector-rates.md).",
    ]
    for family, rules in groupby(sorted(RULES, key=_place), key=_family):
        lines += ["", f"## {FAMILIES[family]}", ""]
        for rule in rules:
            lines += [
                f"**{rule.code}** · {rule.severity.label} · {rule.sentence}  ",
                f"{rule.reason} *Que faire :* {rule.advice} *Source :* {_source(rule)}.",
                "",
            ]
    return "\n".join(lines).rstrip() + "\n"


def _family(rule: Rule) -> str:
    return rule.code.split("-")[1]


def _source(rule: Rule) -> str:
    if rule.confidence is Confidence.CONVENTION:
        return rule.source
    return f"{rule.source} ({rule.confidence.label})"


def _place(rule: Rule) -> tuple[int, str]:
    return list(FAMILIES).index(_family(rule)), rule.code


def rates(identities: int, seed: int) -> pl.DataFrame:
    """Return ``code``, ``findings`` and ``rate`` (fraction of the identities) on a clean invented population."""
    people = generate(identities, seed, CLEAN).identities
    found = detect(people, normalise(people))["code"].value_counts(name="findings")
    return found.with_columns(rate=pl.col("findings") / identities).sort("findings", "code", descending=[True, False])


def rates_page(identities: int, seed: int) -> str:
    """Return the measured rates as a page."""
    sentences = {rule.code: rule.sentence for rule in RULES}
    measured = rates(identities, seed)
    rows = [
        f"| {code} | {sentences[code]} | {count} | {100 * rate:.3f} % |" for code, count, rate in measured.iter_rows()
    ]
    return "\n".join(
        [
            f"{NOTICE}# Taux des détecteurs sur une population sans faute",
            "",
            f"`python tools/build_detectors.py --rates` : {identities} identités inventées (graine {seed}), sans"
            " doublon ni lieu absent. Aucun détecteur ne doit y trouver plus de 2 % ; ceux qui n'y sont pas n'ont rien"
            " trouvé. Ce qui reste vient de la population elle-même : le NIR d'un parent sur un enfant, des dates par"
            " défaut, des prénoms mixtes, des noms de famille rares.",
            "",
            "| code | phrase | constats | taux |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    (FOLDER / "detectors.md").write_text(detectors_page(), encoding="utf-8")
    if "--rates" in sys.argv[1:]:
        (FOLDER / "detector-rates.md").write_text(rates_page(200_000, 4), encoding="utf-8")
