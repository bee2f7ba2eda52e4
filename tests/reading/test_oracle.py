"""Fields as python-hl7 reads them, on every well-formed message of the samples and of an invented night."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from insvigil.bench.movement_files import write_nights
from insvigil.bench.population import generate
from insvigil.reading import hl7_grammar
from insvigil.reading.hl7_grammar import Batch, Pick, Plan

hl7 = pytest.importorskip("hl7")

SAMPLES = Path(__file__).parents[3] / "shared" / "samples"
PLACES = (
    "MSH-9.2",
    "MSH-10",
    "PID-3.1",
    "PID-3.4.1",
    "PID-3.4.2",
    "PID-3.5",
    "PID-5.1",
    "PID-5.2",
    "PID-5.3",
    "PID-7.1",
    "PID-8.1",
    "PID-11.3",
    "PID-18.1",
    "PID-32.1",
    "PV1-2.1",
    "PV1-19.1",
    "ZBE-1.1",
    "ZBE-2.1",
    "ZBE-4.1",
    "ZBE-7.10",
    "MRG-1.1",
)
PLAN = Plan([Pick(place, place) for place in PLACES], ())


def oracle(message: object, place: str) -> str | None:
    segment, field, component, sub = [*re.split(r"[-.]", place), "1", "1"][:4]
    try:
        value = message.extract_field(segment, 1, int(field), 1, int(component), int(sub))  # type: ignore[attr-defined]
    except (KeyError, IndexError, LookupError):
        return None
    return str(message.unescape(value)).strip(" ") or None  # type: ignore[attr-defined]


def check(data: bytes) -> int:
    batch = Batch.of(data)
    index = hl7_grammar.index(PLAN, batch)
    rows = np.flatnonzero(index.messages[:, 4] & 1 == 0)
    found = hl7_grammar.extract(PLAN, batch, index, rows)
    for row in rows:
        begin, end = index.messages[row, 1:3]
        text = data[begin:end].decode("utf-8")
        message = hl7.parse("\r".join(line for line in re.split("[\r\n]+", text) if line))
        for place in PLACES:
            assert found.columns[place][int(row)] == oracle(message, place), place
    return len(rows)


@pytest.mark.skipif(not SAMPLES.exists(), reason="the shared samples are not here")
@pytest.mark.parametrize("folder", ["pam_fr", "pam_spec", "simhospital"])
def test_extract__reads_the_samples_as_python_hl7_does(folder: str) -> None:
    paths = [path for path in (SAMPLES / folder).iterdir() if path.suffix in (".hl7", ".er7")]
    assert sum(check(path.read_bytes()) for path in paths) >= 4


def test_extract__reads_an_invented_night_as_python_hl7_does(tmp_path: Path) -> None:
    write_nights(generate(60, 7), tmp_path, nights=1, seed=7, deviations=False)
    texts = [path.read_bytes() for path in tmp_path.rglob("urgences*.hl7")]  # this sender writes UTF-8
    assert sum(check(re.sub(rb"(FHS|BHS|BTS|FTS)[^\r\n]*[\r\n]+", b"", text)) for text in texts) > 10
