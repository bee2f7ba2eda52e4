from __future__ import annotations

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
