"""How fast files become frames, on one core, beside the parsers of the field.

Run with ``pytest benchmarks/test_reading.py --benchmark-enable -s``, alone and pinned: ``POLARS_MAX_THREADS=1 taskset
-c 1``. The night is invented (``insvigil.bench``, seed 7): 100,000 PAM messages of about 1.1 kB, with the doctor, the
next of kin and the consents that hospitals send around what insvigil reads. The figure is from disk to the validated
``Movements`` frame, digest, duplicates and deviations included, in processor time. Peers parse the same messages from
memory to their own objects, which is less than half of the work; they are skipped when absent.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from insvigil.bench.movement_files import write_nights
from insvigil.bench.population import generate
from insvigil.reading import ColumnMap, read_extract, read_movements
from insvigil.settings import ReadingSettings

pytestmark = pytest.mark.benchmark(timer=time.process_time)  # processor time: other work on the machine counts less

SEED = 7
MESSAGES = 100_000
SETTINGS = ReadingSettings()

PD1 = "PD1||U||||||||||N"
ROL = (
    "ROL||UC|ODRP|99700000001^MEDECIN^INVENTE^^^^^^ASIP-SANTE-PS&1.2.250.1.71.4.2.1&ISO^L^^^RPPS|||||||"
    "1 RUE DU CABINET^BATIMENT B^VALMONT^^76540^FRA^O|^WPN^PH^^^^^^^^^0235000001"
)
NK1 = (
    "NK1|1|PROCHE^INVENTE|MTH^MERE|4 RUE DU PUITS^^VALMONT^^76540^FRA^H|^PRN^PH^^^^^^^^^0235000002||"
    "K^Personne de confiance"
)
PV2 = "PV2|||||||SM|||||||||||||N||||||||||N"
ZFA = "ZFA|ACTIF|20240306111154|||||||INO|20240306111154|IC|20240306111154"


def _longer(message: bytes) -> bytes:
    segments = message.split(b"\r")
    extra = [text.encode() for text in (PD1, ROL, NK1)]
    return b"\r".join([*segments[:3], *extra, *segments[3:4], PV2.encode(), *segments[4:], ZFA.encode()])


def _messages(folder: Path, count: int) -> Iterator[bytes]:
    write_nights(generate(45_000, SEED), folder, nights=3, seed=SEED)
    yielded = 0
    for path in sorted(folder.rglob("*.hl7")):
        data = path.read_bytes().replace(b"\r\n", b"\r")
        for text in data.split(b"MSH|")[1:]:
            if yielded == count:
                return
            yielded += 1
            yield _longer(b"MSH|" + text.split(b"\rBTS|")[0].rstrip(b"\r")) + b"\r"


@pytest.fixture(scope="module")
def messages(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    return list(_messages(tmp_path_factory.mktemp("nights"), MESSAGES))


@pytest.fixture(scope="module")
def night(messages: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("night") / "night.hl7"
    path.write_bytes(b"".join(messages))
    return path


def _rate(benchmark: Any, work: Callable[[], object], count: int, what: str) -> float:
    benchmark.pedantic(work, rounds=5, warmup_rounds=1)
    rate = count / benchmark.stats.stats.min if benchmark.enabled else 0.0
    benchmark.extra_info[what] = round(rate)
    return float(rate)


def test_movements__from_disk_to_the_validated_frame(benchmark: Any, night: Path, messages: list[bytes]) -> None:
    reading = read_movements([night], SETTINGS)
    assert reading.counts["read"] == len(messages)
    assert reading.counts["rejected"] == 0
    rate = _rate(benchmark, lambda: read_movements([night], SETTINGS), len(messages), "messages/s")
    benchmark.extra_info["bytes/message"] = round(night.stat().st_size / len(messages))
    sample = [message.decode("latin-1") for message in messages[:: MESSAGES // 1000]]
    for peer, parse in _peers().items():
        spent = []
        for _ in range(3):
            start = time.process_time()
            for message in sample:
                parse(message)
            spent.append(time.process_time() - start)
        benchmark.extra_info[f"times {peer}"] = round(rate * min(spent) / len(sample))


def _peers() -> dict[str, Callable[[str], object]]:
    peers: dict[str, Callable[[str], object]] = {}
    try:
        import hl7

        peers["python-hl7"] = hl7.parse
    except ImportError:
        pass
    try:
        import hl7conv2

        peers["hl7conv2"] = lambda text: hl7conv2.Hl7Json(text).hl7_json
    except ImportError:
        pass
    return peers


def test_movements__folder_in_bounded_memory(benchmark: Any, messages: list[bytes], tmp_path: Path) -> None:
    """A folder of ``INSVIGIL_FOLDER_GB`` gigabytes (default 0.3), read in a process of its own: its peak memory."""
    wanted, written = float(os.environ.get("INSVIGIL_FOLDER_GB", "0.3")) * 1e9, 0
    while written < wanted:
        path = tmp_path / f"{written}.hl7"
        path.write_bytes(b"".join(messages).replace(b"|GAM|", b"|G%d|" % written))
        written += path.stat().st_size
    program = (
        "import resource, sys, time; from pathlib import Path; from insvigil.reading import iter_movements; "
        "from insvigil.settings import ReadingSettings; "
        "print(sum(batch.counts['read'] for batch in iter_movements([Path(sys.argv[1])], ReadingSettings())), "
        "resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, time.process_time())"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    told = benchmark.pedantic(subprocess.check_output, (command,), rounds=1).split()
    benchmark.extra_info |= {"GB": written / 1e9, "messages": int(told[0])}
    benchmark.extra_info |= {"peak GB": float(told[1]), "processor seconds": float(told[2])}
    assert float(told[1]) <= 1.5


def test_movements__one_message_a_file(benchmark: Any, messages: list[bytes], tmp_path: Path) -> None:
    for number, message in enumerate(messages[:5000]):
        (tmp_path / f"{number}.hl7").write_bytes(message)
    _rate(benchmark, lambda: read_movements([tmp_path], SETTINGS), 5000, "messages/s")


FAMILIES = ("BRINDILLE", "ROSEAU", "D'ÉPINE", "SAINT-JUST", "ŒILLET", "LE CHÊNE")
GIVEN = ("LISON", "MAUD", "ÉLOI", "ANNE-SOPHIE", "JULES", "CÔME")


def _patients(count: int, seed: int) -> Iterator[bytes]:
    """Invented Patients of FR Core 2.2, whose optional parts come and go: some hundred shapes, ever new data."""
    draw = random.Random(seed)
    line = (Path(__file__).parents[1] / "fixtures/reading/fhir/three_generations.ndjson").read_text().splitlines()[2]
    for number in range(count):
        patient = json.loads(line)
        ipp, nir = patient["identifier"][0], patient["identifier"][2]
        ipp["value"], nir["value"] = f"{number:06d}", f"{draw.randrange(10**14, 3 * 10**14)}"
        patient["identifier"] = [ipp, nir] if draw.random() < 0.6 else [ipp]
        patient["id"] = f"{draw.getrandbits(64):016x}"
        patient["meta"] = {"versionId": str(draw.randrange(1, 90)), "lastUpdated": "2026-01-05T08:15:00+01:00"}
        given = draw.sample(GIVEN, draw.choice((1, 2, 3)))
        for name in patient["name"]:
            name["given"] = given[:1]
            if "family" in name:
                name["family"] = draw.choice(FAMILIES) + f" {number % 977}"
        patient["name"] = patient["name"][: draw.choice((1, 1, 2))]
        patient["birthDate"] = f"{draw.randrange(1930, 2026)}-{draw.randrange(1, 13):02d}-{draw.randrange(1, 29):02d}"
        patient["gender"] = draw.choice(("male", "female"))
        for key in ("deceasedDateTime", "multipleBirthInteger"):
            if draw.random() < 0.9:
                patient.pop(key, None)
        for extension in patient["extension"]:
            for inner in extension.get("extension", ()):
                if inner["url"] == "identityStatus":
                    inner["valueCoding"]["code"] = draw.choice(("PROV", "VALI", "RECUP", "QUAL"))
        if draw.random() < 0.5:
            patient["telecom"] = [{"system": "phone", "value": f"06{draw.randrange(10**8):08d}"}]
        patient["address"] = [{"use": "home", "line": [f"{number % 99} RUE DU PUITS"], "city": "VALMONT"}]
        yield json.dumps(patient, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def test_fhir__patients_by_line(benchmark: Any, tmp_path: Path) -> None:
    path = tmp_path / "Patient.ndjson"
    count = 50_000
    path.write_bytes(b"".join(_patients(count, SEED)))
    assert read_movements([path], SETTINGS).counts["kept"] == count
    _rate(benchmark, lambda: read_movements([path], SETTINGS), count, "patients/s")
    benchmark.extra_info["bytes/patient"] = round(path.stat().st_size / count)


def test_vidhosp__lines(benchmark: Any, tmp_path: Path) -> None:
    path = tmp_path / "vidhosp.txt"
    count = 200_000
    head = "1840376219041122" + " " * 3 + "170319842" + "24000777".ljust(20) + "V015"
    with path.open("w") as out:
        for number in range(count):
            out.write(f"{head:<353}{number:<20}{'':<95}\r\n")
    assert read_movements([path], SETTINGS).counts["billed"] == count
    _rate(benchmark, lambda: read_movements([path], SETTINGS), count, "lines/s")


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_extract__beside_polars(benchmark: Any, tmp_path: Path, form: str) -> None:
    traits = [name for name in ColumnMap.model_fields if name != "id"]
    count = 1_000_000
    frame = pl.DataFrame({name: [f"{name} {row % 7919}" for row in range(count)] for name in traits})
    frame = frame.with_row_index("id")
    path = tmp_path / f"a.{form}"
    if form == "parquet":
        frame.write_parquet(path)
    else:
        frame.write_csv(path)
    columns = ColumnMap.model_validate({name: name for name in ColumnMap.model_fields})
    _rate(benchmark, lambda: read_extract(path, columns), count, "rows/s")
    start = time.process_time()
    _ = pl.read_parquet(path) if form == "parquet" else pl.read_csv(path, infer_schema=False)
    if benchmark.enabled:
        benchmark.extra_info["times polars"] = round(benchmark.stats.stats.min / (time.process_time() - start), 2)
