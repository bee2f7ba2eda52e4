"""Every sample of real feeds is read, and every message is accounted for."""

from __future__ import annotations

from pathlib import Path

import pytest

from insvigil.reading import read_movements
from insvigil.settings import ReadingSettings

SAMPLES = Path(__file__).parents[3] / "shared" / "samples"
pytestmark = pytest.mark.skipif(not SAMPLES.exists(), reason="the shared samples are not here")

SETTINGS = ReadingSettings(patterns=["*.hl7", "*.er7", "*.txt"])


@pytest.mark.parametrize("folder", ["pam_fr", "pam_spec", "simhospital", "hl7_batches"])
def test_read_movements__accounts_for_each_message_of_the_samples(folder: str) -> None:
    reading = read_movements([SAMPLES / folder], SETTINGS)
    counts = reading.counts
    assert counts["read"] == counts["kept"] + counts["folded"] + counts["rejected"]
    assert counts["kept"] == reading.movements.height
    assert counts["rejected"] == reading.rejects["rejected"].sum()
    assert counts["folded"] == counts["duplicates"] + counts["already_read"]
    assert reading.movements["ipp"].null_count() == 0
    expected = {"pam_fr": 7, "pam_spec": 4, "simhospital": 401}
    if folder in expected:
        assert counts["kept"] + counts["folded"] == expected[folder]


def test_read_movements__reads_the_ins_life_cycle() -> None:
    rows = read_movements([SAMPLES / "pam_spec"], SETTINGS).movements
    assert rows["trigger"].to_list() == ["A31", "A47", "A47", "A47"]
    assert rows["ipp"].unique().to_list() == ["1900068"]
    assert rows["domain"].unique().to_list() == ["350000121"]
    assert rows["matricule"].to_list() == ["260058815400233", "260058815400244", '""', '""']
    assert rows["merged_matricule"].to_list() == [None, *["260058815400233"] * 3]
    assert rows["merged_ipp"].null_count() == 4
    assert rows["identity_code"].to_list() == ["VALI", "VALI", "VALI", "PROV"]
    assert rows["birth_name"].unique().to_list() == ["DARK"]
    assert rows["used_given_name"].unique().to_list() == ["MARIE-CECILE"]
    assert rows["birth_place"].unique().to_list() == ["88154"]
