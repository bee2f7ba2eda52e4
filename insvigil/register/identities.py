"""The identities as they stand, numbered for a run."""

from __future__ import annotations

from collections.abc import Iterator

import dataframely as dy
import polars as pl

from insvigil.errors import ContractError
from insvigil.frames import IDENTITY_FIELDS, Identities
from insvigil.register.opening import Register


def identities(register: Register) -> dy.DataFrame[Identities]:
    """Return the active identities by (domain, IPP), numbered from 0, and keep that numbering in ``register.keys``.

    ``changed``: created or changed in the run under way, or in the last one when none is. All in memory: 0.9 GB a
    million; ``identity_slices`` gives them piece by piece.
    """
    return Identities.validate(pl.concat(identity_slices(register)))


def identity_slices(register: Register, *, size: int = 500_000) -> Iterator[dy.DataFrame[Identities]]:
    """Yield the same rows as ``identities`` in slices of ``size``, at least one; ``register.keys`` is set at the end.

    DuckDB sorts within ``register.memory_gb``, so that a base of millions need not fit in memory. Nothing else may be
    asked of the register before the last slice.
    """
    register.keys = None
    run = register.run or last_run(register)
    slices = register.slices(
        f"SELECT key, domain, ipp, {', '.join(IDENTITY_FIELDS)}, created_at, updated_at, "
        f"changed_run = {run} AS changed FROM identity WHERE active ORDER BY domain, ipp",
        size,
    )
    keys = [pl.Series("key", dtype=pl.UInt32)]
    offset = 0
    for found in slices:
        keys.append(found["key"])
        numbered = found.with_row_index("identity_id", offset=offset)
        offset += found.height
        yield Identities.validate(numbered.select(Identities.column_names()))
    register.keys = pl.concat(keys)


def absorbed(register: Register) -> pl.DataFrame:
    """Return the identities merged into another in the run under way: domain, ipp and their fields as last received."""
    run = register.run or last_run(register)
    return register.query(
        f"SELECT i.domain, i.ipp, {', '.join(f'i.{name}' for name in IDENTITY_FIELDS)}, "
        "t.domain AS into_domain, t.ipp AS into_ipp FROM identity i JOIN forward f USING (key) "
        "JOIN identity t ON t.key = f.terminal WHERE NOT i.active AND i.changed_run = $run ORDER BY i.domain, i.ipp",
        {"run": run},
    )


def resolve(register: Register, domain: str, ipp: str) -> tuple[str, str] | None:
    """Return the ``(domain, ipp)`` an IPP designates today, through chains of merges; None when never seen."""
    found = register.connection.execute(
        "SELECT e.domain, e.ipp FROM identity i LEFT JOIN forward f USING (key) "
        "JOIN identity e ON e.key = coalesce(f.terminal, i.key) WHERE i.domain = ? AND i.ipp = ?",
        [domain, ipp],
    ).fetchall()
    return (found[0][0], found[0][1]) if found else None


def last_run(register: Register) -> int:
    """Return the number of the last run, 0 when there is none."""
    found = register.connection.execute("SELECT coalesce(max(run), 0) FROM run").fetchall()
    return int(found[0][0])


def numbering(register: Register) -> pl.DataFrame:
    """Return ``identity_id`` and ``key`` as the last call of ``identities`` numbered them."""
    if register.keys is None:
        raise ContractError("les identités du traitement n'ont pas encore été numérotées (identities).")
    return register.keys.alias("key").to_frame().with_row_index("identity_id")
