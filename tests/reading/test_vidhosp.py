from __future__ import annotations

from pathlib import Path

import pytest

from insvigil.errors import SourceError, UsageError
from insvigil.reading import read_crosschecks, read_movements
from insvigil.reading.vidhosp import VIDHOSP, VIDIPP, Span
from insvigil.settings import ReadingSettings

SAMPLES = Path(__file__).parents[3] / "shared" / "samples" / "vidhosp"


def line(layout: dict[str, Span], size: int, **values: str) -> str:
    written = [" "] * size
    for name, value in values.items():
        first, last = layout[name]
        written[first - 1 : last] = value.ljust(last - first + 1)
    return "".join(written)


PERSON = {"insured_nir": "184037621904112", "birth_date": "17031984", "sex": "2", "ipp": "000123"}


def hospital(**values: str) -> str:
    fields = PERSON | {"format": "V015", "dossier": "24000777", "matricule": "284037621904173"}
    return line(VIDHOSP, 468, **(fields | values))


def write(folder: Path, *lines: str | bytes) -> Path:
    path = folder / "vidhosp.txt"
    path.write_bytes(b"\r\n".join(text if isinstance(text, bytes) else text.encode() for text in lines) + b"\r\n")
    return path


def test_read_crosschecks__reads_vidhosp(tmp_path: Path) -> None:
    newborn = hospital(
        ipp="000124", mother_dossier="24000777", birth_rank="1", birth_date="05012026", admitted="05012026"
    )
    found = read_crosschecks(write(tmp_path, hospital(), newborn, hospital(format="V014", sex="3", ipp="000125")))
    assert found.counts == {"read": 3, "kept": 3, "folded": 0, "rejected": 0}
    rows = found.rows
    assert rows["ipp"].to_list() == ["000123", "000124", "000125"]
    assert rows["birth_date"].to_list() == ["19840317", "20260105", "19840317"]
    assert rows["sex"].to_list() == ["F", "F", "I"]
    assert rows["mother_dossier"].to_list() == [None, "24000777", None]
    assert rows["admitted"].to_list() == [None, "20260105", None]
    assert rows["format"].to_list() == ["V015", "V015", "V014"]
    assert rows["insured_nir"][0] == "184037621904112"
    assert rows["matricule"][0] == "284037621904173"
    assert rows["billing_nir"].null_count() == 3
    assert rows["line"].to_list() == [1, 2, 3]


def test_read_crosschecks__reads_vidipp(tmp_path: Path) -> None:
    found = read_crosschecks(write(tmp_path, line(VIDIPP, 135, **PERSON, matricule="284037621904173")))
    assert found.rows.select("ipp", "birth_date", "sex", "matricule").row(0) == (
        "000123", "19840317", "F", "284037621904173",
    )  # fmt: skip


def test_read_crosschecks__rejects_lines_and_goes_on(tmp_path: Path) -> None:
    strange = hospital().encode().replace(b"000123", b"00\xe923")
    path = write(tmp_path, hospital(), hospital(ipp=""), hospital()[:200], strange, hospital(birth_date="1703198X"), "")
    found = read_crosschecks(path)
    assert found.counts == {"read": 5, "kept": 2, "folded": 0, "rejected": 3}
    assert found.rejects.select("code", "line", "rejected").rows() == [
        ("IDV-LEC-512", 2, True), ("IDV-LEC-511", 3, True), ("IDV-LEC-513", 4, True), ("IDV-LEC-514", 5, False),
    ]  # fmt: skip
    assert "000123" not in found.rejects.drop("path").write_csv()


def test_read_crosschecks__refuses_other_files(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        read_crosschecks(tmp_path / "absent.txt")
    for content in (b"", b"\n", b"bonjour\n", b"x" * 300):
        path = tmp_path / "a.txt"
        path.write_bytes(content)
        with pytest.raises(SourceError):
            read_crosschecks(path)


def test_read_movements__never_makes_an_identity_of_a_billing_file(tmp_path: Path) -> None:
    write(tmp_path, hospital())
    reading = read_movements([tmp_path], ReadingSettings())
    assert reading.movements.height == 0
    assert reading.rejects["code"].to_list() == ["IDV-LEC-510"]


@pytest.mark.skipif(not SAMPLES.exists(), reason="the shared samples are not here")
def test_read_crosschecks__reads_the_sample() -> None:
    found = read_crosschecks(next(SAMPLES.iterdir()))
    assert found.counts["kept"] == 1
    assert found.rows.select("format", "birth_date", "sex", "visit").row(0) == ("V014", "19790328", "F", "900249507")


@pytest.mark.parametrize(("layout", "size"), [(VIDHOSP, 468), (VIDIPP, 135)])
def test_read_crosschecks__reads_a_line_whose_last_blanks_were_trimmed(
    tmp_path: Path, layout: dict[str, Span], size: int
) -> None:
    form = {"format": "V015"} if layout is VIDHOSP else {}
    lines = [line(layout, size, **(PERSON | form | {"ipp": ipp})).rstrip() for ipp in ("000123", "000124")]
    found = read_crosschecks(write(tmp_path, *lines))
    assert found.rows["ipp"].to_list() == ["000123", "000124"]
    assert found.rejects.height == 0
    # a transfer that broke off: nothing tells where the IPP of the last line should have ended
    path = write(tmp_path, *lines)
    path.write_bytes(path.read_bytes().rstrip()[:-1])
    found = read_crosschecks(path)
    assert found.rows["ipp"].to_list() == ["000123"]
    assert found.rejects.select("code", "line", "rejected").rows() == [("IDV-LEC-511", 2, True)]
