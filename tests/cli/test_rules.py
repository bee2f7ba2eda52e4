from __future__ import annotations

import json
import re
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from insvigil.cli import COMMAND
from insvigil.pipeline import catalogue
from insvigil.vocabulary import Confidence, Scope, Severity


def call(*arguments: str) -> str:
    result = CliRunner().invoke(COMMAND, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_catalogue__codes_are_unique_and_well_formed() -> None:
    codes = [rule.code for rule in catalogue()]
    assert len(codes) == len(set(codes))
    for code in codes:
        assert re.fullmatch(r"IDV-[A-Z]{3}-\d{3}", code), code


def test_catalogue__every_rule_says_what_why_and_what_to_do() -> None:
    for rule in catalogue():
        for sentence in (rule.sentence, rule.reason, rule.advice, rule.source):
            assert sentence.strip() == sentence != ""
        assert rule.sentence.endswith("."), rule.code
        assert isinstance(rule.severity, Severity)
        assert isinstance(rule.scope, Scope)
        assert isinstance(rule.confidence, Confidence)


def test_rules__json_is_a_list_of_objects_with_their_keys() -> None:
    rows = json.loads(call("rules", "--json"))
    assert len(rows) == len(catalogue())
    assert {"code", "severity", "scope", "sentence", "advice", "source", "confidence"} <= set(rows[0])


def test_rules__select_and_ignore_take_codes_and_prefixes() -> None:
    every = catalogue()
    kept = json.loads(call("rules", "--select", "IDV-LEC", "--ignore", every[0].code, "--json"))
    assert kept
    assert all(row["code"].startswith("IDV-LEC") and row["code"] != every[0].code for row in kept)


def test_rules__statistics_counts_the_findings_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = catalogue()[0].code
    folder = tmp_path / "sortie" / "2026-11-20"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text("{}")
    pl.DataFrame({"code": [code, code]}).write_parquet(folder / "anomalies.parquet")
    monkeypatch.chdir(tmp_path)
    rows = {row["code"]: row["findings"] for row in json.loads(call("rules", "--statistics", "--json"))}
    assert rows[code] == 2
    assert sum(rows.values()) == 2
    assert f"2 constats de 1 règles sur {len(catalogue())}" in call("rules", "--statistics")


def test_explain__tells_a_rule_whatever_the_case() -> None:
    rule = catalogue()[0]
    told = call("explain", rule.code.lower())
    assert rule.sentence in told
    assert rule.advice in told
    assert rule.confidence.label in told


def test_frames__describes_one_or_all() -> None:
    assert "probability" in call("frames", "ScoredPairs")
    rows = json.loads(call("frames", "--json"))
    assert {row["frame"] for row in rows} >= {"Movements", "Identities", "Traits", "ScoredPairs", "Groups"}
