from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from insvigil.errors import SourceError, UsageError
from insvigil.reading import Reading, read_movements
from insvigil.reading import sources as sources_module
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


def billed(path: Path) -> Reading:
    """Read a billing file or a folder of them: everything is accounted for, and nothing is a movement."""
    found = read_movements([path], ReadingSettings())
    counts = found.counts
    assert counts["read"] == counts["kept"] + counts["folded"] + counts["rejected"] == sum(found.sources["messages"])
    assert counts["kept"] == counts["billed"] == found.crosschecks.height
    assert counts["rejected"] == found.rejects["rejected"].sum()
    assert found.movements.is_empty()
    return found


def said(found: Reading) -> list[tuple[str, int, bool]]:
    """Return code, line and refusal of what is said of lines."""
    lines = found.rejects.filter(found.rejects["code"] != "IDV-LEC-510")
    return lines.select("code", "line", "rejected").rows()


def test_vidhosp__is_read(tmp_path: Path) -> None:
    newborn = hospital(
        ipp="000124", mother_dossier="24000777", birth_rank="1", birth_date="05012026", admitted="05012026"
    )
    found = billed(write(tmp_path, hospital(), newborn, hospital(format="V014", sex="3", ipp="000125")))
    assert [found.counts[name] for name in ("read", "kept", "folded", "rejected")] == [3, 3, 0, 0]
    rows = found.crosschecks
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


def test_vidipp__is_read(tmp_path: Path) -> None:
    found = billed(write(tmp_path, line(VIDIPP, 135, **PERSON, matricule="284037621904173")))
    assert found.crosschecks.select("ipp", "birth_date", "sex", "matricule").row(0) == (
        "000123", "19840317", "F", "284037621904173",
    )  # fmt: skip


def test_billing__rejects_lines_and_goes_on(tmp_path: Path) -> None:
    strange = hospital().encode().replace(b"000123", b"00\xe923")
    path = write(tmp_path, hospital(), hospital(ipp=""), hospital()[:200], strange, hospital(birth_date="1703198X"), "")
    found = billed(path)
    assert [found.counts[name] for name in ("read", "kept", "folded", "rejected")] == [5, 2, 0, 3]
    assert said(found) == [
        ("IDV-LEC-512", 2, True), ("IDV-LEC-511", 3, True), ("IDV-LEC-513", 4, True), ("IDV-LEC-514", 5, False),
    ]  # fmt: skip
    assert "000123" not in found.rejects.drop("path").write_csv()


def test_billing__refuses_other_files(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        billed(tmp_path / "absent.txt")
    for content in (b"", b"\n", b"bonjour\n", b"x" * 300):
        path = tmp_path / "a.txt"
        path.write_bytes(content)
        with pytest.raises(SourceError):
            billed(path)


def test_billing__never_makes_an_identity_of_a_billing_file(tmp_path: Path) -> None:
    write(tmp_path, hospital())
    reading = read_movements([tmp_path], ReadingSettings())
    assert reading.movements.height == 0
    assert reading.rejects["code"].to_list() == ["IDV-LEC-510"]


@pytest.mark.skipif(not SAMPLES.exists(), reason="the shared samples are not here")
def test_billing__reads_the_sample() -> None:
    found = billed(next(SAMPLES.iterdir()))
    assert found.counts["kept"] == 1
    assert found.crosschecks.select("format", "birth_date", "sex", "visit").row(0) == (
        "V014",
        "19790328",
        "F",
        "900249507",
    )


@pytest.mark.parametrize(("layout", "size"), [(VIDHOSP, 468), (VIDIPP, 135)])
def test_billing__reads_a_line_whose_last_blanks_were_trimmed(
    tmp_path: Path, layout: dict[str, Span], size: int
) -> None:
    form = {"format": "V015"} if layout is VIDHOSP else {}
    lines = [line(layout, size, **(PERSON | form | {"ipp": ipp})).rstrip() for ipp in ("000123", "000124")]
    found = billed(write(tmp_path, *lines))
    assert found.crosschecks["ipp"].to_list() == ["000123", "000124"]
    assert said(found) == []
    # a transfer that broke off: nothing tells where the IPP of the last line should have ended
    path = write(tmp_path, *lines)
    path.write_bytes(path.read_bytes().rstrip()[:-1])
    found = billed(path)
    assert found.crosschecks["ipp"].to_list() == ["000123"]
    assert said(found) == [("IDV-LEC-511", 2, True)]


PSYCHIATRY = line(VIDIPP, 135, **PERSON, matricule="284037621904173")


@pytest.mark.parametrize("text", [hospital(), PSYCHIATRY])
def test_billing__compressed_says_what_it_says_as_it_is(tmp_path: Path, text: str) -> None:
    content = "".join(f"{text.replace('000123', f'{number:06d}')}\r\n" for number in range(50)).encode()
    folders = [tmp_path / name for name in ("plain", "gz", "zip")]
    for folder in folders:
        folder.mkdir()
    (folders[0] / "a.txt").write_bytes(content)
    (folders[1] / "a.txt.gz").write_bytes(gzip.compress(content))
    with zipfile.ZipFile(folders[2] / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mco/a.txt", content)
    plain, gz, zipped = (billed(folder) for folder in folders)
    assert plain.crosschecks["ipp"].to_list() == [f"{number:06d}" for number in range(50)]
    assert gz.crosschecks.equals(plain.crosschecks)
    assert zipped.crosschecks.equals(plain.crosschecks)
    assert zipped.sources["path"][0].endswith("a.zip!mco/a.txt")
    assert len(zipped.sources["digest"][0]) == 32


@pytest.mark.parametrize("piece", [1 << 12, 1 << 20])
def test_billing__a_truncated_archive_is_refused_and_the_night_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    monkeypatch.setattr(sources_module, "PIECE", piece)
    draws = "".join(f"{hospital(ipp=str(number * 7919 % 100_003))}\r\n" for number in range(2000))
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(draws.encode())[:-20])
    (tmp_path / "b.zip").write_bytes(b"PK\x03\x04 nothing")
    (tmp_path / "c.txt").write_text(PSYCHIATRY, "ascii")
    found = read_movements([tmp_path], ReadingSettings())
    counts = found.counts
    assert found.sources["outcome"].to_list() == ["refused", "refused", "read"]
    refused = found.rejects.filter("rejected")
    assert refused.select("source", "code").rows() == [(0, "IDV-LEC-004"), (1, "IDV-LEC-004")]
    assert counts["read"] == counts["kept"] + counts["rejected"] == sum(found.sources["messages"]) + 2
    assert found.crosschecks.filter(source=2)["ipp"].to_list() == ["000123"]
    # what came before the cut of a long file was already told
    assert (found.crosschecks.filter(source=0).height > 0) == (piece == 1 << 12)


def test_billing__a_line_is_found_again_by_its_file_offset_and_number(tmp_path: Path) -> None:
    lines = [hospital(), hospital(ipp=""), "", hospital()[:90]]
    content = "\ufeff" + "\r\n".join(lines) + "\r\n"
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(content, "utf-8", newline="")
    (tmp_path / "b.txt").write_text(content.replace("24000777", "24000778"), "utf-8", newline="")
    found = billed(tmp_path)
    assert said(found) == [("IDV-LEC-512", 2, True), ("IDV-LEC-511", 4, True)] * 2
    assert found.rejects.filter("rejected")["path"].to_list() == [
        str(tmp_path / n) for n in ("a.txt",) * 2 + ("b.txt",) * 2
    ]
    assert found.crosschecks.select("source", "offset", "line").rows() == [(0, 3, 1), (1, 3, 1)]
    raw = content.encode()
    for offset, start in zip(found.rejects.filter("rejected")["offset"][:2], (lines[1], lines[3]), strict=True):
        assert raw[offset:].startswith(start.encode())
    assert "000123" not in found.rejects.drop("path").write_csv()


def test_billing__a_copy_in_the_same_run_is_folded_but_a_file_of_another_night_is_compared_anew(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(hospital() + "\n", "ascii")
    first = billed(tmp_path)
    assert (first.counts["kept"], first.counts["already_read"]) == (1, 1)
    assert first.sources["outcome"].to_list() == ["read", "already_read"]
    again = read_movements([tmp_path / "a.txt"], ReadingSettings(), known=first.sources["digest"].to_list())
    assert again.crosschecks.height == 1


other_lines = st.sampled_from(["", "\xe9" * 400]) | st.text("01 AV\r\x1a", max_size=40)
hospital_lines = st.sampled_from([hospital(), hospital(ipp="4"), hospital()[:360], hospital()[:60]])
files = st.one_of(  # of one layout each: which one a file has is read in its first kilobyte here
    st.tuples(st.just(hospital()), st.lists(hospital_lines | other_lines, max_size=12)),
    st.tuples(st.just(PSYCHIATRY), st.lists(st.just(PSYCHIATRY) | other_lines, max_size=12)),
)


@given(files, st.sampled_from(["\n", "\r\n"]), st.booleans())
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_billing__pieces_change_nothing(tmp_path: Path, made: tuple[str, list[str]], end: str, ended: bool) -> None:
    first, others = made
    path = tmp_path / "a.txt"
    path.write_bytes((end.join([first, *others]) + end * ended).encode("latin-1"))
    whole = billed(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources_module, "PIECE", 64)
        patch.setattr(sources_module, "HEAD", 1024)
        patch.setattr(sources_module, "WHOLE", 0)
        cut = billed(path)
    assert cut.crosschecks.equals(whole.crosschecks)
    assert cut.rejects.equals(whole.rejects)


@pytest.mark.parametrize(
    "other",
    [
        "750712184LES" + "24000777".ljust(20) + "17032026" + " " * 60,  # FICHCOMP
        "24000001".ljust(20) + "24000777".ljust(20),  # HOSP-PMSI
        "IPP;NOM;PRENOM;NE LE\n000123;BRINDILLE;LISON;17031984" + " " * 60,
        "0" * 15 + "39992026" + "1" + " " * 90,  # no such month
        PSYCHIATRY.ljust(240, "x"),
    ],
)
def test_billing__other_files_of_the_dim_are_not_taken_for_vidipp(tmp_path: Path, other: str) -> None:
    write(tmp_path, other)
    found = read_movements([tmp_path], ReadingSettings())
    assert found.rejects["code"].to_list() == ["IDV-LEC-003"]
    assert found.crosschecks.is_empty()
