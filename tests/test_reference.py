"""The pages that come from the code say what the code says."""

from __future__ import annotations

import pytest

from tools.build_reference import FOLDER, PAGES


@pytest.mark.parametrize("name", PAGES)
def test_reference__page_is_up_to_date(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == PAGES[name](), "run: python tools/build_reference.py"
