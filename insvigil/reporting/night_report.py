"""What a report is made from: the frames of one night and where they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import dataframely as dy
import polars as pl

from insvigil.frames import (
    Anomalies,
    Groups,
    Identities,
    Indicators,
    Objectives,
    Rejects,
    Roster,
    ScoredPairs,
    Sources,
    Statuses,
    Stays,
)
from insvigil.settings import Settings
from insvigil.vocabulary import Rule, Stage


@dataclass(frozen=True)
class NightReport:
    """One night: its frames (empty when the stage was not run), its account and the words it needs.

    ``until`` is the last stage that was run.
    ``counts`` holds one mapping a stage and ``messages`` (read, kept, folded, rejected). ``agregats`` is what the
    register says of the groups (group, agregat, outcome « new » or « kept »); without it a group is its own number.
    ``history`` is the figures of past runs (started and the columns of ``Indicators``). ``reasons`` explains a few
    pairs (left, right, sentence, bits, in the order to be read). ``identities`` may be the roster alone: ``told``
    then has the fields of those that are shown (``cases.shown``), and ``filled`` in how many identities each field
    is. ``levels`` says in French what each agreement level of each trait means, ``whole`` which one is whole agreement
    (the last, unless told); ``definitions`` what each indicator counts (code, label, numerator, denominator, source);
    ``status_sources`` what each source of status is.
    """

    started: datetime
    version: str
    settings: Settings
    counts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    run: int | None = None
    until: Stage = Stage.REPORTING
    sources: dy.DataFrame[Sources] = field(default_factory=Sources.create_empty)
    rejects: dy.DataFrame[Rejects] = field(default_factory=Rejects.create_empty)
    identities: dy.DataFrame[Identities] | dy.DataFrame[Roster] = field(default_factory=Identities.create_empty)
    told: pl.DataFrame | None = None
    filled: Mapping[str, int] | None = None
    stays: dy.DataFrame[Stays] = field(default_factory=Stays.create_empty)
    anomalies: dy.DataFrame[Anomalies] = field(default_factory=Anomalies.create_empty)
    pairs: dy.DataFrame[ScoredPairs] = field(default_factory=ScoredPairs.create_empty)
    groups: dy.DataFrame[Groups] = field(default_factory=Groups.create_empty)
    statuses: dy.DataFrame[Statuses] = field(default_factory=Statuses.create_empty)
    indicators: dy.DataFrame[Indicators] = field(default_factory=Indicators.create_empty)
    objectives: dy.DataFrame[Objectives] = field(default_factory=Objectives.create_empty)
    agregats: pl.DataFrame | None = None
    resolved: int | None = None
    history: pl.DataFrame | None = None
    reasons: pl.DataFrame | None = None
    rules: Mapping[str, Rule] = field(default_factory=dict)
    levels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    whole: Mapping[str, int] = field(default_factory=dict)
    definitions: Sequence[Mapping[str, str]] = ()
    status_sources: Mapping[str, str] = field(default_factory=dict)
    made: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
