"""The identities spoken of, normalised and questioned again; what was carried of the others, taken as it is."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING, Any

import dataframely as dy
import numpy as np
import polars as pl

from insvigil.frames import Anomalies, Identities
from insvigil.night.night import Night
from insvigil.reporting.wording import integer
from insvigil.vocabulary import Stage

if TYPE_CHECKING:
    from insvigil.register import Register
    from insvigil.settings import Settings


def due(night: Night, register: Register) -> pl.Series:
    """Return the keys of the identities that days alone may have changed since what is carried was asked."""
    from insvigil.traits import overtaken, timely

    assert night.before is not None
    assert night.carried is not None
    rows, last = night.carried.result().rows, night.before["started"].date()
    past = rows["key"].filter(overtaken(rows, last=last, today=night.started.date()))
    codes = ", ".join(f"'{code}'" for code in sorted(timely()))
    found = register.slices(f"SELECT key FROM anomaly WHERE code IN ({codes})", QUESTIONED_AT_ONCE, committed=True)
    return pl.concat([past, *(piece["key"] for piece in found)]).unique()


def normalise_again(night: Night, settings: Settings, register: Register) -> str:
    """Question again the identities spoken of, and those that days alone may have changed; carry over the others."""
    from insvigil.register import (
        Words,
        carried_anomalies,
        filled,
        forget,
        in_rows,
        numbers_of,
        store_anomalies,
        store_traits,
    )  # fmt: skip
    from insvigil.reporting.figures import COMPLETENESS
    from insvigil.traits import ASKED_OF_ALL, detect, normalise

    frames, today = night.frames, night.started.date()
    names = frames["identities"]
    night.filled = night.filled or filled(register, sorted({*COMPLETENESS, *ASKED_OF_ALL}))
    given = {field for field in ASKED_OF_ALL if night.filled[field]}
    since = _carried_since(night, given)
    again = names["spoken"].to_numpy().copy() if since else np.ones(names.height, np.bool_)
    kept = old = None
    if since is not None and night.carried is not None and night.due is not None:
        kept, old = night.carried.result(), carried_anomalies(register)
        again[numbers_of(register, night.due.result())] = True
        night.carried = night.due = None
        old = old.filter(~pl.Series(again).gather(old["identity_id"]))
    night.again = pl.Series("identity_id", np.flatnonzero(again).astype(np.uint32))
    forget(register, None if since is None else night.again)
    words = Words() if kept is None else kept.words
    fresh: list[pl.DataFrame] = []
    found: list[pl.DataFrame] = []
    for asked in asked_again(night, register):
        traits = normalise(asked, settings.traits)
        store_traits(register, traits, words)
        fresh.append(traits)
        own = detect(
            asked, traits, settings=settings.traits, today=today, given=given, only=("identities", "referential")
        )
        store_anomalies(register, own)
        found.append(own)
    frames["traits"] = in_rows(register, kept, fresh)
    del kept, words, fresh
    if old is not None:
        found.append(_named_again(old, names))
    frames["anomalies"] = pl.concat([*found, *_of_the_night(night, settings, register)])
    night.counts[Stage.TRAITS.value] = {
        "identities": names.height, "questioned": night.again.len(), "anomalies": frames["anomalies"].height,
        "given": sorted(given), "filled": night.filled,
    }  # fmt: skip
    return f"{integer(night.again.len())} identités normalisées, {integer(frames['anomalies'].height)} anomalies"


QUESTIONED_AT_ONCE = 500_000
"""Identities normalised and questioned together: 0.9 GB of text as received a million."""


def asked_again(night: Night, register: Register) -> Iterator[dy.DataFrame[Identities]]:
    """Yield the identities questioned tonight as received, by pieces; a single piece is kept for the next stage."""
    from insvigil.register import identities

    size = night.again.len()
    for start in range(0, max(size, 1), QUESTIONED_AT_ONCE):
        if night.asked is None:
            asked = identities(register, of=night.again.slice(start, QUESTIONED_AT_ONCE))
        else:
            asked = night.asked
        if size <= QUESTIONED_AT_ONCE:
            night.asked = asked
        yield asked


def _named_again(found: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """Return the anomalies carried over (identity_id, code, severity) with the names their identities have now."""
    wanted = {name: column.dtype for name, column in Anomalies.columns().items()}
    who = names.select("domain", "ipp")[found["identity_id"]]
    missing = [pl.lit(None, wanted[name]).alias(name) for name in ("other_id", "subject")]
    return Anomalies.validate(found.hstack(who).with_columns(missing).select(list(wanted)), cast=True)


def _of_the_night(night: Night, settings: Settings, register: Register) -> list[pl.DataFrame]:
    """Return what detectors find by setting identities side by side, in changes, merges and stays."""
    from insvigil.register import fields_of, owners
    from insvigil.traits import detect

    frames, names = night.frames, night.frames["identities"]
    told: dict[str, Any] = {"settings": settings.traits, "today": night.started.date()}
    with ThreadPoolExecutor(1) as aside:  # the longest asks nothing of the register
        base = aside.submit(
            detect, names, frames["traits"], changes=frames["changes"], only=("base", "changes"), **told
        )
        merged = frames["changes"].filter(pl.col("field") == "merged_into").select("domain", ipp="new")
        survivors = _told(night, register, _numbers(names, merged))
        came = owners(register)
        night.owners = fields_of(register, came, ("identity_code", "attributes", "birth_date"))
        others = [
            detect(
                survivors, frames["traits"][survivors["identity_id"]], changes=frames["changes"],
                absorbed=frames["absorbed"], only=("absorbed",), **told,
            ),
            _billed(night, register),
            detect(night.owners, frames["traits"][came], stays=frames["stays"], only=("stays",), **told),
        ]  # fmt: skip
        return [base.result(), *others]


def _told(night: Night, register: Register, numbers: pl.Series) -> dy.DataFrame[Identities]:
    """Return some identities as received: they are among those questioned, as a rule."""
    from insvigil.register import identities

    if night.asked is not None:
        found = night.asked.filter(pl.col("identity_id").is_in(numbers.implode()))
        if found.height == numbers.len():
            return Identities.validate(found)
    return identities(register, of=numbers)


def _billed(night: Night, register: Register) -> dy.DataFrame[Anomalies]:
    """Return what the billing files of the night contradict in identities; they make none."""
    from insvigil.reading import crosscheck, with_survivors
    from insvigil.register import identities, survivors

    if night.billed.is_empty():
        return Anomalies.create_empty()
    names = night.frames["identities"]
    billed = with_survivors(night.billed, survivors(register).join(names, on="ipp", how="anti"))
    near = names["identity_id"].filter(names["ipp"].is_in(billed["ipp"].unique().implode()))
    return crosscheck(billed, identities(register, of=near), night.frames["stays"])


def _numbers(names: pl.DataFrame, wanted: pl.DataFrame) -> pl.Series:
    """Return the numbers of the identities that a frame names by (domain, ipp), sorted."""
    near = names.select("identity_id", "domain", "ipp").filter(pl.col("ipp").is_in(wanted["ipp"].unique().implode()))
    return near.join(wanted.select("domain", "ipp").unique(), on=["domain", "ipp"], how="semi")["identity_id"].sort()


def _carried_since(night: Night, given: set[str]) -> datetime | None:
    """Return when the run before asked all that is carried, None when everything must be asked again.

    Nothing of what it rests on may have changed: settings, version, and the fields that somebody has.
    """
    last = night.before
    if last is None or set(last["counts"][Stage.TRAITS.value].get("given", ())) != given:
        return None
    started: datetime = last["started"]
    return started
