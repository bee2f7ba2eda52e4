"""Learning from decisions: refused when they are few, useful when the site differs, explainable and in order."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from insvigil.errors import SettingsError, UsageError
from insvigil.matching import explain, learn, match
from insvigil.matching.learning import LEAST, LEAST_OF_EACH
from insvigil.matching.learning_report import as_markdown
from insvigil.matching.levels import STRONGER, TRAITS, USUAL_RARITY
from insvigil.matching.weights import Weights, shipped
from insvigil.settings import MatchingSettings, Settings
from insvigil.vocabulary import Decision
from tests.matching.files import population

SETTINGS = MatchingSettings()


def judged(size: int, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the traits of an invented file and what its cell would decide of the pairs kept, knowing the truth."""
    traits, person, _ = population(size, seed)
    pairs = match(traits, SETTINGS).pairs
    same = person[pairs["left"].to_numpy()] == person[pairs["right"].to_numpy()]
    words = np.where(same, Decision.DOUBLON.value, Decision.NON_DOUBLON.value)
    return traits, pairs.select("left", "right").with_columns(decision=pl.Series(words))


def file_of(weights: Weights, folder: Path) -> Path:
    path = folder / "poids.json"
    path.write_text(weights.text(), encoding="utf-8")
    return path


def test_learn__refuses_few_decisions_and_says_how_many_there_are() -> None:
    traits, decided = judged(4_000, 31)
    doublons = decided.filter(pl.col("decision") == "DOUBLON")
    with pytest.raises(UsageError, match="Trop peu") as refused:
        learn(traits, doublons, SETTINGS)
    assert f"{doublons.height} doublons avérés et 0 non-doublons" in str(refused.value)
    assert str(LEAST) in str(refused.value)
    assert str(LEAST_OF_EACH) in str(refused.value)


def test_learn__leaves_good_weights_nearly_alone() -> None:
    traits, decided = judged(30_000, 32)
    learnt = learn(traits, decided, SETTINGS)
    levels = np.abs(learnt.weights.chance.bits - shipped().chance.bits)
    assert levels.max() < 1.5
    assert learnt.loss_after < learnt.loss_before + 0.01


def test_learn__mends_weights_that_are_wrong_for_the_site(tmp_path: Path) -> None:
    """A site whose weights believe phones and sexes too much: its decisions say so."""
    traits, decided = judged(30_000, 32)
    wrong = shipped()
    bent = []
    for score in (wrong.chance, wrong.kinship):
        assert score is not None
        bits = score.bits.copy()
        bits[TRAITS.index("phone"), 1] -= 4.0
        bits[TRAITS.index("birth_date"), 9] -= 2.0
        bent.append(replace(score, bits=bits, prior=score.prior - 2.0))
    bad = file_of(replace(wrong, chance=bent[0], kinship=bent[1]), tmp_path)
    learnt = learn(traits, decided, MatchingSettings(weights=bad))
    assert learnt.better
    assert learnt.loss_after < 0.8 * learnt.loss_before
    phones = learnt.changes.filter(trait="téléphone")
    moved = dict(phones.select("agreement", pl.col("after") - pl.col("before")).rows())
    assert moved["téléphones différents"] > 0.5
    report = as_markdown(learnt, "poids.json")
    assert "téléphones différents" in report
    assert "validation croisée" in report


def test_learn__keeps_the_order_of_levels_and_the_sum_of_explanations(tmp_path: Path) -> None:
    traits, decided = judged(30_000, 32)
    turned = decided.with_columns(  # a cell that decides against all sense: nothing may be turned upside down
        decision=pl.when(pl.int_range(pl.len()) % 3 == 0).then(pl.lit("NON_DOUBLON")).otherwise("decision")
    )
    learnt = learn(traits, turned, SETTINGS)
    assert learnt.weights.kinship is not None
    for score in (learnt.weights.chance, learnt.weights.kinship):
        for t, trait in enumerate(TRAITS):
            usual = score.bits[t] + USUAL_RARITY * score.slopes[t]
            for chain in STRONGER[trait]:
                assert all(usual[weaker] <= usual[stronger] + 0.01 for weaker, stronger in pairwise(chain)), trait
    settings = MatchingSettings(weights=file_of(learnt.weights, tmp_path))
    found = match(traits, settings)
    for row in found.pairs.sample(8, seed=2).iter_rows(named=True):
        why = explain(traits, row["left"], row["right"], settings, lines=found.lines)
        assert sum(step.bits for step in why.steps) == pytest.approx(row["weight"], abs=1e-9)


def test_learn__does_not_depend_on_the_order_of_decisions() -> None:
    traits, decided = judged(30_000, 32)
    flipped = decided.reverse().rename({"left": "right", "right": "left"})
    assert learn(traits, decided, SETTINGS).weights.text() == learn(traits, flipped, SETTINGS).weights.text()


def test_settings__name_the_weights_beside_them_and_their_content_counts(tmp_path: Path) -> None:
    (tmp_path / "insvigil.toml").write_text('[matching]\nweights = "poids.json"\n', encoding="utf-8")
    settings = Settings.load(tmp_path / "insvigil.toml")
    assert settings.matching.weights == tmp_path / "poids.json"
    traits, _, _ = population(1_500, 21)
    with pytest.raises(SettingsError, match="ne peut pas être lu"):
        match(traits, settings.matching)
    file_of(shipped(), tmp_path)
    before = settings.digest()
    assert match(traits, settings.matching).pairs.equals(match(traits, SETTINGS).pairs)
    file_of(shipped().shifted(-1.0), tmp_path)
    assert settings.digest() != before
