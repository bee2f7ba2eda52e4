"""No trait, IPP or matricule in a log, a message or a file that is not a result."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run

NAME, GIVEN, IPP, MATRICULE, STREET = "ZZYXWOMBAT", "QUOKKANETTE", "77553311", "185057512345673", "VENELLE DU PANGOLIN"
MARKS = (NAME, GIVEN, IPP, MATRICULE[:13], STREET)


def message(number: int, ipp: str, *, birth_date: str = "19850512", trigger: str = "A28") -> str:
    return "\r".join(
        [
            f"MSH|^~\\&|GAM|CHU|VIGIE|CHU|20261119{number:06d}||ADT^{trigger}^ADT_A05|{number}|P|2.5^FRA^2.11|||||FRA|UTF-8",
            f"EVN||20261119{number:06d}",
            f"PID|1||{ipp}^^^CHU&1.2.3&ISO^PI~{MATRICULE}^^^ASIP-SANTE-INS-NIR&1.2.250.1.213.1.4.8&ISO^INS||"
            f"{NAME}^{GIVEN}^{GIVEN}^^^^L||{birth_date}|F|||1 {STREET}^^PARIS^^75007^FRA^H~^^^^^^BDL^^75123"
            "|||||||||||||||||||||VALI",
            "PV1|1|N",
            "",
        ]
    )


@pytest.fixture
def night(tmp_path: Path) -> Path:
    folder = tmp_path / "flux"
    folder.mkdir()
    good = message(1, IPP) + message(2, IPP + "9", birth_date="19850521")
    broken = message(3, IPP).replace("PID|", "PIX|") + f"GARBAGE {NAME} {IPP}\r" + message(4, IPP, birth_date=NAME)
    merge = message(5, IPP, trigger="A40") + f"MRG|{IPP}8^^^CHU&1.2.3&ISO^PI\r"
    (folder / "a.hl7").write_text(good + broken + merge, encoding="utf-8")
    (folder / f"{NAME}.hl7").write_bytes(bytes(range(256)))
    return folder


def test_run__names_nobody_outside_its_results(insvigil: Run, tmp_path: Path, night: Path) -> None:
    (night / f"{NAME}.hl7").unlink()
    for out in ("sortie1", "sortie2"):
        done = insvigil("run", night, "--out", out)
        assert done.returncode == 0, done.stderr
        for mark in MARKS:
            assert mark not in done.stdout + done.stderr
            assert mark not in (tmp_path / out / "run.json").read_text(encoding="utf-8")
            assert not [path for path in tmp_path.rglob("*") if mark in path.name]
        summary = json.loads((tmp_path / out / "run.json").read_text(encoding="utf-8"))
        messages = summary["counts"]["messages"]
        assert messages["read"] == messages["kept"] + messages["folded"] + messages["rejected"]
    for mark in MARKS:
        rejects = (tmp_path / "sortie1" / "rejects.parquet").read_bytes()
        assert mark.encode() not in rejects


@pytest.mark.parametrize(
    "arguments",
    [
        ("match", "gens.csv", "--columns", "map.toml", "--out", "sortie"),
        ("match", "gens.csv", "--columns", "autre.toml", "--out", "sortie"),
        ("explain-pair", "--file", "gens.csv", "--columns", "map.toml", IPP, "absent"),
        ("history", IPP),
    ],
)
def test_fault__names_nobody(insvigil: Run, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    rows = [f"{IPP}{n};{NAME};{GIVEN};{MATRICULE};{STREET}" for n in range(5)]
    (tmp_path / "gens.csv").write_text("\n".join(["id;nom;prenom;nir;rue", *rows, f"{IPP};{NAME};{GIVEN}"]))
    (tmp_path / "map.toml").write_text('[columns]\nid="id"\nbirth_name="nom"\ngiven_names="prenom"\nmatricule="nir"\n')
    (tmp_path / "autre.toml").write_text('[columns]\nid="id"\nbirth_name="absente"\n')
    done = insvigil(*arguments)
    for mark in MARKS:
        assert mark not in done.stdout + done.stderr
