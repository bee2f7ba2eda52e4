"""`insvigil learn`, `explain-pair` and `bench` as those who use them see them."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from insvigil.bench.mistakes import DEFAULT, ErrorMix
from insvigil.bench.population import generate
from insvigil.cli import COMMAND
from insvigil.cli.matching import odds_words
from insvigil.errors import UsageError
from insvigil.frames import IDENTITY_FIELDS
from insvigil.matching.weights import Weights
from insvigil.register import open_register, record_decision
from insvigil.settings import RegisterSettings
from insvigil.vocabulary import Decision
from tests.register.messages import NIGHT, message, night


def run(*args: str) -> Result:
    return CliRunner().invoke(COMMAND, list(args), prog_name="insvigil")


@pytest.fixture(scope="module")
def people() -> tuple[pl.DataFrame, pl.Series]:
    mix = ErrorMix(**{**vars(DEFAULT), "copies": 0.3, "twins": 0.05, "siblings": 0.1})
    made = generate(1_200, 41, mix)
    return made.identities, made.truth["person"]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, people: tuple[pl.DataFrame, pl.Series]) -> Path:
    """A register of invented people, in the folder where the commands run."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "insvigil.toml").write_text('[register]\npath = "r.duckdb"\n', encoding="utf-8")
    fields = [name for name in IDENTITY_FIELDS if name in people[0].columns and name != "matricule"]
    with open_register(RegisterSettings(path=tmp_path / "r.duckdb")) as register:
        rows = people[0].select("id", *fields).iter_rows(named=True)
        night(register, *(message("A28", row.pop("id"), 1, f"c{i}", **row) for i, row in enumerate(rows)))
    return tmp_path


def decide(site: Path, people: tuple[pl.DataFrame, pl.Series], count: int) -> None:
    """Judge the pairs of one person, and as many pairs of one family name that are not, then merge a few doublons."""
    numbered = people[0].select("id", "birth_name").with_columns(person=people[1])
    pairs = numbered.join(numbered, on="birth_name", suffix="_other").filter(pl.col("id") < pl.col("id_other"))
    pairs = pairs.with_columns(same=pl.col("person") == pl.col("person_other")).sort("id", "id_other")
    chosen = pl.concat([pairs.filter("same").head(count), pairs.filter(~pl.col("same")).head(count)])
    with open_register(RegisterSettings(path=site / "r.duckdb")) as register, register.transaction():
        for place, row in enumerate(chosen.iter_rows(named=True)):
            record_decision(
                register,
                left=("CHX", row["id"]),
                right=("CHX", row["id_other"]),
                decision=Decision.DOUBLON if row["same"] else Decision.NON_DOUBLON,
                author="civ",
                decided_at=NIGHT + timedelta(seconds=place),
            )


def test_learn__refuses_when_the_cell_has_decided_little(site: Path, people: tuple[pl.DataFrame, pl.Series]) -> None:
    decide(site, people, 12)
    done = run("learn", "--out", "poids.json")
    assert isinstance(done.exception, UsageError)
    assert "12 doublons avérés et 12 non-doublons" in str(done.exception)
    assert not (site / "poids.json").exists()
    assert not (site / "poids.md").exists()


def test_learn__writes_weights_that_the_settings_may_name(site: Path, people: tuple[pl.DataFrame, pl.Series]) -> None:
    decide(site, people, 150)
    told = json.loads(run("learn", "--out", "poids.json", "--json").stdout)
    assert told["decisions"] >= 200
    page = (site / "poids.md").read_text(encoding="utf-8")
    assert "validation croisée" in page
    assert told["better"] is (told["loss_after"] < told["loss_before"])
    assert (site / "poids.json").exists() is told["better"]
    if told["better"]:
        assert Weights.read((site / "poids.json").read_text(encoding="utf-8")).notes["decisions"] == told["decisions"]


def test_explain_pair__says_what_a_nurse_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = run("bench", "generate", "--identities", "400", "--seed", "5", "--mix", "families", "--out", "essai")
    assert "doublons" in made.output
    assert "insvigil match" in made.output
    truth = pl.read_parquet("essai/truth.parquet")
    one, other = truth.filter(pl.len().over("person") > 1).sort("person")["id"][:2].to_list()
    words = ("essai/identities.parquet", "--columns", "essai/columns.toml")
    told = run("explain-pair", one, other, "--file", *words)
    assert told.exit_code == 0, told.output
    assert "parenté" in told.output
    assert "chance" in told.output
    assert "Conclusion" in told.output
    lines = json.loads(run("explain-pair", one, other, "--file", *words, "--json").stdout)["lines"]
    assert run("match", *words, "--out", "sortie").exit_code == 0
    assert lines == json.loads(Path("sortie/run.json").read_text(encoding="utf-8"))["counts"]["matching"]["bands"]
    proposed = pl.read_parquet("sortie/pairs.parquet").filter(pl.col("finding") == "DPOT", pl.col("rule").is_null())
    assert set(proposed["band"]) <= {"sure", "probable"}
    score = run(
        "bench", "score", "--truth", "essai/truth.parquet", "--pairs", "sortie/pairs.parquet",
        "--groups", "sortie/groups.parquet",
    )  # fmt: skip
    assert "jumeaux réunis à tort" in score.output
    refused = run("bench", "generate", "--mix", "autre", "--out", "x")
    assert isinstance(refused.exception, UsageError)


@pytest.mark.parametrize(
    ("weight", "words"),
    [
        (0.0, "5 chances sur 10"),
        (3.17, "9 chances sur 10"),
        (6.63, "99 chances sur 100"),
        (30.0, "plus de 9 999 chances sur 10 000"),
        (-10.0, "1 chance sur 1\u202f000"),
        (-1.0, "1 chance sur 3"),
    ],
)
def test_odds__are_words(weight: float, words: str) -> None:
    assert odds_words(weight).startswith(words)
