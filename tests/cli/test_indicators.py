from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from insvigil.cli import COMMAND
from insvigil.errors import InsvigilError
from insvigil.qualif import check_proof
from insvigil.register import open_register
from insvigil.settings import RegisterSettings
from tests.qualif.nights import at, message, night
from tests.qualif.people import MATRICULE, QUALIFIED, TRAITS

SETTINGS = """
[register]
path = "registre.duckdb"
[[qualif.objectives]]
programme = "HOPEN2_PHASE1"
indicator = "Q_FILE_ACTIVE"
level = 80.0
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "insvigil.toml").write_text(SETTINGS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    def came(day: int, ipp: str, trigger: str = "A01") -> dict[str, object]:
        said = {"dossier": f"D{ipp}", "movement": f"Z{ipp}-{trigger}", "movement_at": at(day), "patient_class": "I"}
        return message(day, trigger, ipp, finess_eg="010000001", unit_medical="1200", **said)

    with open_register(RegisterSettings(path=tmp_path / "registre.duckdb")) as register:
        people = [message(0, "A28", "1", **QUALIFIED), message(0, "A28", "2", **TRAITS, identity_code="VALI")]
        people.append(message(0, "A28", "3", **TRAITS, identity_code="PROV"))
        night(register, 2, *people, came(1, "1"), came(1, "2"), came(1, "1", "A03"))
    return tmp_path


def run(*args: str) -> Result:
    return CliRunner().invoke(COMMAND, list(args), prog_name="insvigil")


def test_indicators__prints_figures_objectives_and_what_is_to_be_confirmed(site: Path) -> None:
    done = run("indicators", "--by", "activity")
    assert done.exit_code == 0, done.output
    assert "Q_FILE_ACTIVE\tTaux de qualification de la file active\tensemble\t\t1\t2\t50,0 %" in done.output
    assert "activité hospitalisation" in done.output
    assert "HOP'EN 2, phase 1 · Progression du taux" in done.output
    assert "non atteint (à confirmer)" in done.output
    assert "il manque 30,0 points, soit 1 identité" in done.output
    assert "Rythme inconnu : il faut 8 semaines de statuts" in done.output
    assert "messages PAM : PID-32 et présence de l'INS" in done.stderr
    assert "à confirmer" in done.output
    assert "TX_DOUBLONS_BASE" in done.output


def test_indicators__gives_json_and_files_for_machines(site: Path) -> None:
    told = json.loads(run("indicators", "--period", "2026-03", "--grain", "week", "--json").stdout)
    assert told["period"] == ["2026-03-01", "2026-03-31"]
    assert {row["programme"] for row in told["objectives"]} == {"HOPEN2_PHASE1", "3RIV", "SUN_ES"}
    for layout in ("csv", "xlsx", "json", "parquet"):
        assert run("indicators", "--format", layout, "--out", f"taux.{layout}").exit_code == 0
        assert stat.S_IMODE((site / f"taux.{layout}").stat().st_mode) == 0o600


def test_indicators__writes_a_proof_that_another_person_recomputes(site: Path) -> None:
    for name in ("a", "b"):
        done = run("indicators", "--period", "2026-03", "--programme", "hopen2-phase1", "--proof", name)
        assert done.exit_code == 0, done.output
        assert check_proof(site / name) == []
    assert (site / "a" / "empreintes.txt").read_text() == (site / "b" / "empreintes.txt").read_text()


def test_indicators__opens_a_rate_to_its_rows(site: Path) -> None:
    rows = json.loads(run("indicators", "--open", "Q_FILE_ACTIVE", "--json").stdout)
    assert [(row["ipp"], row["status"], row["counted"]) for row in rows] == [
        ("1", "QUALIFIEE", True),
        ("2", "VALIDEE", False),
    ]


def test_indicators__words_may_be_separated_by_commas(site: Path) -> None:
    one = run("indicators", "--by", "site,activity", "--grain", "month,year", "--json").stdout
    assert (
        one
        == run("indicators", "--by", "site", "--by", "activity", "--grain", "month", "--grain", "year", "--json").stdout
    )
    assert {row["mesh"] for row in json.loads(one)["indicators"]} == {"establishment", "site", "activity"}
    wrong = run("indicators", "--by", "site,batiment")
    assert wrong.exit_code == 2
    assert "« batiment » n'est pas l'un de" in wrong.output


def test_indicators__tables_go_to_the_standard_output_when_no_file_is_named(site: Path) -> None:
    told = run("indicators", "--format", "csv")
    assert told.exit_code == 0
    assert told.stdout.startswith("\ufeffcode;label;mesh;")
    both = json.loads(run("indicators", "--format", "json").stdout)
    assert {row["programme"] for row in both["objectives"]} == {"HOPEN2_PHASE1", "3RIV", "SUN_ES"}
    assert run("indicators", "--open", "Q_BASE", "--format", "csv").stdout.startswith("\ufeffdomain;ipp;day;")
    assert run("indicators", "--open", "TX_MODIF", "--format", "xlsx", "--out", "lignes.xlsx").exit_code == 0


@pytest.mark.parametrize(("level", "code"), [("40.0", 0), ("80.0", 1)])
def test_indicators__a_gate_ends_with_code_1_when_an_objective_is_missed(site: Path, level: str, code: int) -> None:
    (site / "insvigil.toml").write_text(SETTINGS.replace("80.0", level), encoding="utf-8")
    assert run("indicators").exit_code == 0
    assert run("indicators", "--gate").exit_code == code
    # What is not assessable is not missed.
    assert run("indicators", "--gate", "--programme", "sun-es").exit_code == 0


@pytest.mark.parametrize(
    "args",
    [
        ("indicators", "--period", "mars"),
        ("indicators", "--period", "2026-03:2026-01"),
        ("indicators", "--format", "xlsx"),
        ("indicators", "--out", "taux.csv"),
        ("indicators", "--at", "site=1"),
        ("indicators", "--open", "Q_BASE", "--at", "batiment=1"),
        ("indicators", "--open", "Q_FILE_ACTIVE", "--at", "site=absent"),
        ("indicators", "--proof", "x"),
        ("indicators", "--programme", "HOPEN9"),
        ("indicators", "--open", "TX_FUSIONS_ANNULEES"),
        ("leverage", "--indicator", "TX_PROV"),
        ("explain-status", "999"),
        ("insi", "answers", "absent.csv", "absent.csv"),
    ],
)
def test_commands__what_is_impossible_is_one_french_sentence(site: Path, args: tuple[str, ...]) -> None:
    before = sorted(site.iterdir())
    done = run(*args)
    assert isinstance(done.exception, InsvigilError), done.output
    assert str(done.exception).endswith(".")
    assert sorted(site.iterdir()) == before


def test_explain_status__says_why_without_a_trait(site: Path) -> None:
    done = run("explain-status", "1")
    assert done.output.startswith("identité qualifiée : ")
    assert "première apparition" in done.output
    assert "ZELPHIN" not in done.output
    assert MATRICULE not in done.output
    assert json.loads(run("explain-status", "3", "--json").stdout)["status"] == "PROVISOIRE"


def test_leverage__lists_whom_to_qualify_and_what_it_brings(site: Path) -> None:
    done = run("leverage", "--first", "1")
    assert "+50,0 points" in done.output
    assert "récupérer l'INS" in done.output


def test_insi__requests_are_private_and_answers_are_read_back(site: Path) -> None:
    assert run("insi", "verify", "--lot", "L1", "--out", "v.csv").exit_code == 0
    assert stat.S_IMODE((site / "v.csv").stat().st_mode) == 0o600
    assert run("insi", "recover", "--lot", "L2", "--out", "r.csv").exit_code == 0
    assert MATRICULE[:13] not in (site / "r.csv").read_text()
    (site / "reponses.csv").write_text(
        "lot_id;ligne;resultat;ins_matricule;cle;oid;motif;date_reponse\nL1;1;KO;;;;;2026-03-05\nL1;9;OK;;;;;2026-03-05\n"
    )
    told = json.loads(run("insi", "answers", "v.csv", "reponses.csv", "--json").stdout)
    assert [(row["outcome"], row["effect"]) for row in told["evidence"]] == [("KO", "refused")]
    assert [(row["from_status"], row["to_status"]) for row in told["moves"]] == [("QUALIFIEE", "VALIDEE")]
    again = json.loads(run("insi", "answers", "v.csv", "reponses.csv", "--json").stdout)
    assert (told["new"], again["new"], again["moves"]) == (1, 0, [])
    assert json.loads(run("explain-status", "1", "--json").stdout)["status"] == "VALIDEE"
    assert told["refused"] == [{"file": "reponses.csv", "line": 3, "code": "INSI-SANS-DEMANDE"}]
