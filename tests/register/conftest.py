"""A fresh register."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from insvigil.register import Register
from tests.register.messages import opener


@pytest.fixture
def register(tmp_path: Path) -> Iterator[Register]:
    with opener(tmp_path)() as opened:
        yield opened
