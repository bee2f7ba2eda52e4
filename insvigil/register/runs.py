"""The runs: what each one read, counted and was set to do."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
import polars as pl

from insvigil.register.opening import Register


def known_digests(register: Register) -> set[str]:
    """Return the digests of the files already read."""
    return {digest for (digest,) in register.connection.execute("SELECT digest FROM source").fetchall()}


def describe_run(
    register: Register, *, ended: datetime, version: str, settings_digest: str, counts: dict[str, object]
) -> None:
    """Complete the row of the run under way, before ``commit``."""
    register.connection.execute(
        "UPDATE run SET ended = ?, version = ?, settings_digest = ?, counts = ? WHERE run = ?",
        [ended, version, settings_digest, orjson.dumps(counts, option=orjson.OPT_SORT_KEYS).decode(), register.run],
    )


def runs(register: Register) -> pl.DataFrame:
    """Return one row a run (run, started, ended, version, settings_digest, counts as JSON, sources), oldest first."""
    return register.query(
        "SELECT r.*, (SELECT count(*) FROM source s WHERE s.run = r.run) AS sources FROM run r ORDER BY run"
    )


def run_before(register: Register, settings_digest: str, version: str) -> dict[str, Any] | None:
    """Return the run before the one under way (or the last), its counts read, None if run otherwise than so."""
    past = runs(register)
    if register.run is not None:
        past = past.filter(pl.col("run") < register.run)
    if past.is_empty():
        return None
    last = past.row(-1, named=True)
    if last["settings_digest"] != settings_digest or last["version"] != version:
        return None
    return last | {"counts": orjson.loads(last["counts"] or "{}")}
