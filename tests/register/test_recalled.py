"""What folding keeps in mind is what the register says, and no more than it may."""

from __future__ import annotations

import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insvigil.qualif import OBSERVED
from insvigil.register import Register, fold, identities, keys_of, roster, told_of
from insvigil.register import recalled as recalled_module
from tests.register.messages import NIGHT, message, movements, opener, sources
from tests.register.model import Message
from tests.register.strategies import feeds

TRIGGERS = ("A28", "A28", "A31", "A31", "A40", "A47", "A01")


@settings(max_examples=20, deadline=None)
@given(nights=st.lists(feeds(TRIGGERS), min_size=1, max_size=3), also=st.integers(0, 3))
def test_recalled__is_what_the_register_says(nights: list[list[Message]], also: int) -> None:
    with tempfile.TemporaryDirectory() as folder, opener(Path(folder))() as register:
        for feed in nights:
            register.begin(NIGHT)
            known = register.query("SELECT key FROM identity ORDER BY key")["key"].gather_every(also + 1)
            for batch in (feed[: len(feed) // 2], feed[len(feed) // 2 :]):
                if batch:
                    fold(register, movements(*batch), sources=sources(), now=NIGHT, also=lambda keys=known: keys)  # type: ignore[misc]
            assert register.recalled is not None
            spoken = roster(register).filter("spoken")["identity_id"]
            keys = keys_of(register, spoken)
            assert register.recalled.states_of(keys) is not None
            found, told = identities(register, of=spoken), told_of(register, keys, OBSERVED)
            register.recalled = None
            assert found.equals(identities(register, of=spoken))
            same = told_of(register, keys, OBSERVED)
            assert told.keys.equals(same.keys)
            assert told.said.sort("arrival", "key").equals(same.said.sort("arrival", "key"))
            register.commit()


def test_recalled__of_others_says_nothing(register: Register) -> None:
    register.begin(NIGHT)
    fold(register, movements(message("A28", "1", 1), message("A28", "2", 1)), sources=sources(), now=NIGHT)
    assert register.recalled is not None
    assert register.recalled.states_of(pl.Series([1, 2, 3], dtype=pl.UInt32)) is None
    assert register.recalled.said_of(pl.Series([3], dtype=pl.UInt32)) is None
    register.commit()
    assert register.recalled is None


def test_recalled__lets_go_of_a_night_that_speaks_of_too_many(
    register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recalled_module, "AT_MOST", 3)
    register.begin(NIGHT)
    for ipps in ("12", "34"):
        fold(register, movements(*(message("A28", ipp, 1) for ipp in ipps)), sources=sources(), now=NIGHT)
    assert register.recalled is None
    assert identities(register).height == 4
