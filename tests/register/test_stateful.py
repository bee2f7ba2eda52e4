"""Random nights against a plain Python model: whatever happens, the register holds what was said last."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from insvigil.register import fold, identities, replay, resolve
from tests.register.messages import NIGHT, live, movements, night, opener, sources, states
from tests.register.model import Message, Model
from tests.register.strategies import messages


class Nights(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.open = opener(self.folder)
        self.register = self.open()
        self.model = Model()
        self.nights: list[list[Message]] = []

    @rule(said=st.lists(messages(), min_size=1, max_size=12))
    def a_night(self, said: list[Message]) -> None:
        counts = night(self.register, *said, name=f"nuit{len(self.nights)}").counts
        assert counts["read"] == len(said) == counts["kept"] + counts["folded"] + counts["rejected"]
        self.model.take(*said)
        self.nights.append(said)

    @rule(choice=st.randoms(use_true_random=False))
    def the_same_messages_again(self, choice: Any) -> None:
        if self.nights:
            said = choice.choice(self.nights)
            before = identities(self.register)
            folding = night(self.register, *choice.sample(said, len(said)), name="encore")
            assert folding.changes.is_empty()
            assert folding.counts["folded"] + folding.counts["rejected"] + folding.counts["ignored"] == len(said)
            assert identities(self.register).drop("changed").equals(before.drop("changed"))

    @rule(said=st.lists(messages(), min_size=1, max_size=12))
    def a_night_cut_short(self, said: list[Message]) -> None:
        self.register.begin(NIGHT)
        fold(self.register, movements(*said), sources=sources("coupée"), now=NIGHT)
        self.register.close()
        self.register = self.open()

    @invariant()
    def the_register_holds_what_was_said_last(self) -> None:
        assert states(self.register) == self.model.identities()
        assert live(self.register) == self.model.stays()
        assert replay(self.register) == 0
        for ipp in ("1", "2", "3", "4"):
            if resolve(self.register, "CHX", ipp) is not None:
                assert resolve(self.register, "CHX", ipp) == self.model.end(("CHX", ipp))

    def teardown(self) -> None:
        self.register.close()
        shutil.rmtree(self.folder)


Nights.TestCase.settings = settings(max_examples=4, stateful_step_count=5, deadline=None)
TestNights = Nights.TestCase
