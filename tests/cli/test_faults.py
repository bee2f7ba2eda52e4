"""Bad input: one French line that says what, where and what to do; the right exit code; nothing written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run

MAP = '[columns]\nid = "id"\nbirth_name = "nom"\n'


def one_line(text: str) -> bool:
    return len(text.strip().splitlines()) == 1


def listing(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["run"], 2, "il manque l'argument"),
        (["run", "absent"], 2, "absent"),
        (["run", "vide.hl7"], 3, "vide.hl7"),
        (["run", "binaire.hl7"], 3, "binaire.hl7"),
        (["run", "dossier_vide"], 3, "dossier_vide"),
        (["run", "bon.hl7", "--config", "inconnu.toml"], 2, "matching.seuil"),
        (["run", "bon.hl7", "--config", "absent.toml"], 2, "absent.toml"),
        (["run", "bon.hl7", "--until", "demain"], 2, "--until"),
        (["match", "absent.csv", "--columns", "map.toml", "--out", "sortie"], 2, "absent.csv"),
        (["match", "sans_colonne.csv", "--columns", "map.toml", "--out", "sortie"], 2, "nom"),
        (["match", "vide.csv", "--columns", "map.toml", "--out", "sortie"], 3, "vide.csv"),
        (["match", "binaire.parquet", "--columns", "map.toml", "--out", "sortie"], 3, "binaire.parquet"),
        (["match", "sans_colonne.csv", "--columns", "faux_map.toml", "--out", "sortie"], 2, "columns.nomm"),
        (["history", "1"], 3, "registre"),
        (["explain", "IDV-XXX-999"], 2, "IDV-XXX-999"),
        (["explain", "idv-nom-06"], 2, "Codes proches : IDV-NOM-006"),
        (["rules", "--select", "IDV-NOM,IDV-ZZZ"], 2, "IDV-ZZZ"),
        (["rules", "--ignore", "NOM"], 2, "NOM"),
        (["inconnu"], 2, "commande inconnue"),
        (["run", "--inconnu"], 2, "option inconnue"),
    ],
)
def test_fault__is_one_french_line_and_writes_nothing(
    insvigil: Run, tmp_path: Path, arguments: list[str], code: int, said: str
) -> None:
    (tmp_path / "vide.hl7").touch()
    (tmp_path / "vide.csv").touch()
    (tmp_path / "binaire.hl7").write_bytes(bytes(range(256)) * 16)
    (tmp_path / "binaire.parquet").write_bytes(bytes(range(256)) * 16)
    (tmp_path / "bon.hl7").write_bytes(
        b"MSH|^~\\&|A|B|C|D|20261120||ADT^A28^ADT_A05|1|P|2.5\rPID|1||1^^^H^PI||A^B^^^^^L\r"
    )
    (tmp_path / "sans_colonne.csv").write_text("id;prenom\n1;ANNE\n2;ANNA\n")
    (tmp_path / "map.toml").write_text(MAP)
    (tmp_path / "faux_map.toml").write_text(MAP + 'nomm = "x"\n')
    (tmp_path / "inconnu.toml").write_text("[matching]\nseuil = 1\n")
    (tmp_path / "dossier_vide").mkdir()
    before = listing(tmp_path)
    done = insvigil(*arguments)
    assert done.returncode == code, done.stderr
    assert one_line(done.stderr), done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert listing(tmp_path) == before


def test_init__writes_private_settings_and_refuses_to_overwrite(insvigil: Run, tmp_path: Path) -> None:
    assert insvigil("init", "site").returncode == 0
    written = tmp_path / "site" / "insvigil.toml"
    assert written.stat().st_mode & 0o777 == 0o600
    again = insvigil("init", "site")
    assert again.returncode == 2
    assert "existe déjà" in again.stderr
