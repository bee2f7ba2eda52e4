"""The report of what decisions taught: a page of Markdown in French, for the cell that decided."""

from __future__ import annotations

from collections.abc import Sequence

from insvigil.matching.learning import Learnt


def as_markdown(learnt: Learnt, name: str) -> str:
    """Return the report: the advice first, then what changed by agreement, then how true the probabilities are."""
    advice = (
        f"Les poids appris prévoient mieux les décisions de la cellule : nommez `{name}` dans les réglages "
        "(`[matching]`, `weights`), puis lancez une nuit avec `--full`."
        if learnt.better
        else "Les poids appris ne prévoient pas mieux les décisions : aucun n'est écrit, gardez les poids livrés."
    )
    changes = [
        (row["trait"], row["agreement"], str(row["decisions"]), _bits(row["before"]), _bits(row["after"]))
        for row in learnt.changes.to_dicts()
    ]
    calibration = [
        (
            f"{row['low']:.0%} à {row['high']:.0%}",
            *(
                text
                for side in ("before", "after")
                for text in (str(row[f"{side}_pairs"]), _share(row[f"{side}_said"]), _share(row[f"{side}_true"]))
            ),
        )
        for row in learnt.calibration.to_dicts()
    ]
    return "\n".join(
        [
            "# Ce que les décisions du site apprennent",
            "",
            advice,
            "",
            f"- Décisions retenues : {learnt.decisions}, dont {learnt.doublons} doublons avérés et "
            f"{learnt.decisions - learnt.doublons} non-doublons.",
            f"- Surprise moyenne par décision : {_number(learnt.loss_before)} bit avant, "
            f"{_number(learnt.loss_after)} bit après. « Après » vient d'une validation croisée : chaque décision est "
            "prévue par des poids qui ne l'ont pas vue.",
            "",
            "## Poids changés",
            "",
            "Un bit de plus double les chances qu'il s'agisse d'une même personne. Ces écarts s'ajoutent aussi contre "
            "la parenté, de sorte que l'explication d'une paire reste une somme. Les accords qui bougent de moins de "
            "0,05 bit ne sont pas listés.",
            "",
            *_table(("trait", "accord", "décisions", "avant", "après"), changes),
            "",
            "## Probabilités et décisions",
            "",
            "Une probabilité est juste quand la part jugée doublon lui ressemble.",
            "",
            *_table(
                (
                    "probabilité", "paires avant", "dite avant", "jugée doublon", "paires après", "dite après",
                    "jugée doublon",
                ),
                calibration,
            ),
            "",
        ]
    )  # fmt: skip


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]


def _bits(value: float) -> str:
    return f"{value:+.1f}".replace(".", ",")


def _number(value: float) -> str:
    return f"{value:.3f}".replace(".", ",")


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}".replace("%", " %")
