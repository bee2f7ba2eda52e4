from __future__ import annotations

import os

import pytest

from insvigil.cli import COMMAND, main


def test_main__an_unexpected_fault_is_one_line_without_its_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: object) -> None:
        raise ValueError("DUPONT 1850575123456")

    monkeypatch.setattr(COMMAND, "main", fail)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 3
    said = capsys.readouterr().err
    assert "ValueError" in said
    assert "DUPONT" not in said
    assert len(said.splitlines()) == 1


def test_main__a_full_disk_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(**_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(COMMAND, "main", fail)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 3
    assert "No space left" in capsys.readouterr().err


@pytest.mark.parametrize(("wanted", "told"), [(None, "0"), ("1", "1")])
def test_main__memory_is_not_asked_by_two_megabytes_unless_one_says_so(
    monkeypatch: pytest.MonkeyPatch, wanted: str | None, told: str
) -> None:
    monkeypatch.setenv("NUMPY_MADVISE_HUGEPAGE", wanted or "")
    if wanted is None:
        monkeypatch.delenv("NUMPY_MADVISE_HUGEPAGE")
    monkeypatch.setattr(COMMAND, "main", lambda **_: 0)
    with pytest.raises(SystemExit):
        main()
    assert os.environ["NUMPY_MADVISE_HUGEPAGE"] == told
