"""Real messages published by others, read whole: beside the checkout for those who have them, skipped elsewhere."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from insvigil import pipeline
from insvigil.register import open_register
from insvigil.settings import RegisterSettings, Settings
from insvigil.vocabulary import Stage

SAMPLES = Path(__file__).parents[2] / "shared" / "samples"
FOLDERS = ("pam_fr", "pam_spec", "simhospital", "hl7_batches")

pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the samples are not beside the checkout")


def messages_in(data: bytes) -> int:
    """Count the messages of a file the slow way: lines that begin with MSH and a separator."""
    return len(re.findall(rb"(?:^|[\r\n])\s*MSH[^A-Za-z0-9\s]", data))


def night(paths: list[Path], folder: Path, out: str, *, until: Stage = Stage.QUALIF) -> pipeline.Night:
    settings = Settings(register=RegisterSettings(path=folder / "registre.duckdb"))
    with open_register(settings.register_) as register:
        return pipeline.run(paths, settings, register, out=folder / out, until=until, now=datetime(2026, 11, 21, 3))


@pytest.mark.parametrize("name", FOLDERS)
def test_samples__every_message_is_accounted_for(name: str, tmp_path: Path) -> None:
    files = [path for path in sorted((SAMPLES / name).iterdir()) if messages_in(path.read_bytes())]
    night(files, tmp_path, "sortie")
    summary = json.loads((tmp_path / "sortie" / "run.json").read_text(encoding="utf-8"))
    account = summary["counts"]["messages"]
    assert account["read"] == account["kept"] + account["folded"] + account["rejected"]
    assert account["read"] >= sum(messages_in(path.read_bytes()) for path in files)
    read = {Path(source["path"]).name: source for source in summary["sources"]}
    assert {path.name for path in files} <= set(read)


@pytest.mark.parametrize(
    ("case", "status", "transmitted"),
    [
        ("4.4.1_A31_NIA_to_NIR", "QUALIFIEE", True),
        ("4.4.2_A47_change_INS_NIR", "QUALIFIEE", False),  # the key printed in the norm's example is wrong
        ("4.4.3_A47_delete_INS", "VALIDEE", False),
        ("4.4.4_A47_qualified_to_recovered", "PROVISOIRE", False),
    ],
)
def test_samples__ins_life_cycle_ends_with_the_right_status(
    case: str, status: str, transmitted: bool, tmp_path: Path
) -> None:
    """PAM FR §4.4: after a withdrawal PID-32 decides; a consumer sees « récupérée » as provisoire."""
    before = SAMPLES / "pam_spec" / "4.4.1_A31_NIA_to_NIR.hl7"
    night([before], tmp_path, "avant")
    message = (SAMPLES / "pam_spec" / f"{case}.hl7").read_bytes().replace(b"20210318151910", b"20210319151910")
    later = tmp_path / "apres.hl7"
    later.write_bytes(message)
    night([later], tmp_path, "apres")
    identities = pl.read_parquet(tmp_path / "apres" / "identities.parquet")
    assert identities["status"].to_list() == [status]
    assert identities["matricule"].is_not_null().to_list() == [transmitted]
