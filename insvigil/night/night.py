"""What a night has made so far."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import dataframely as dy
import polars as pl

from insvigil.frames import Anomalies, CrossChecks, Identities, Indicators, Objectives
from insvigil.vocabulary import Stage

if TYPE_CHECKING:
    from insvigil.register import Carried

Tell = Callable[[str, str], None]
Progress = Callable[[int, int], None]


class Judgement(NamedTuple):
    """The statuses of the whole base, row for row, what is wrong with those judged tonight, and the figures."""

    standing: pl.DataFrame
    found: list[dy.DataFrame[Anomalies]]
    indicators: dy.DataFrame[Indicators]
    objectives: dy.DataFrame[Objectives]


@dataclass
class Night:
    """What a run made: frames by name, counts and wall seconds by stage, and the folder they were written to.

    ``frames["identities"]`` is the roster. ``before``: the run that asked what is ``carried``, if it stands; ``due``:
    the keys of those that days alone may have changed since. ``again``: numbers of the identities questioned tonight.
    ``judgement``: what was made of their statuses.
    ``owners``: those who came, with what figures need of them. ``filled``: in how many identities each field is.
    ``billed``: the lines of the billing files. ``reasons``: why the pairs that the page may show are proposed; the
    traits of the base are let go then (a gigabyte and a half at five millions, with what matching made of them).
    """

    started: datetime
    frames: dict[str, Any] = field(default_factory=dict)
    counts: dict[str, dict[str, Any]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    folder: Path | None = None
    before: dict[str, Any] | None = None
    carried: Future[Carried] | None = None
    due: Future[pl.Series] | None = None
    asked: dy.DataFrame[Identities] | None = None
    judgement: Judgement | None = None
    again: pl.Series = field(default_factory=lambda: pl.Series("identity_id", [], dtype=pl.UInt32))
    owners: pl.DataFrame = field(default_factory=pl.DataFrame)
    filled: dict[str, int] | None = None
    billed: dy.DataFrame[CrossChecks] = field(default_factory=CrossChecks.create_empty)
    reasons: pl.DataFrame | None = None

    @contextmanager
    def timed(self, stage: Stage) -> Iterator[None]:
        """Add the wall seconds of the block to ``seconds[stage]``."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage.value] = self.seconds.get(stage.value, 0.0) + time.perf_counter() - start
