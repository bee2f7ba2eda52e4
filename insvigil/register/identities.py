"""The identities as they stand, numbered for a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import dataframely as dy
import numpy as np
import polars as pl

from insvigil.errors import ContractError
from insvigil.frames import IDENTITY_FIELDS, Identities, Roster
from insvigil.register.eliminations import family
from insvigil.register.opening import Register


def identities(register: Register, *, of: pl.Series | None = None) -> dy.DataFrame[Identities]:
    """Return the active identities by (domain, IPP), numbered from 0, and keep that numbering in ``register.keys``.

    ``changed``: created or changed in the run under way, or in the last one when none is. All in memory: 0.9 GB a
    million; ``identity_slices`` gives them piece by piece. With ``of`` (numbers given by ``roster``), only those, in
    order.
    """
    if of is None:
        return Identities.validate(pl.concat(identity_slices(register)))
    wanted = of.sort()
    held = register.recalled and register.recalled.states_of(keys_of(register, wanted))
    if held is not None:
        changed = (pl.col("changed_run") == register.run).alias("changed")
        return Identities.validate(held.with_columns(wanted, changed).select(Identities.column_names()))
    return Identities.validate(
        fields_of(register, of, IDENTITY_FIELDS, "i.created_at, i.updated_at, i.changed_run = $run AS changed")
    )


def fields_of(register: Register, of: pl.Series, fields: tuple[str, ...], *more: str) -> pl.DataFrame:
    """Return ``identity_id``, domain, ipp and some fields of the identities numbered ``of``, by number."""
    wanted = numbering(register)[of.sort()]
    return register.query(
        f"SELECT w.identity_id, i.domain, i.ipp, {', '.join([*(f'i.{name}' for name in fields), *more])} "
        "FROM wanted w JOIN identity i USING (key) WHERE $run IS NOT NULL ORDER BY w.identity_id",
        {"run": register.run or last_run(register)},
        wanted=wanted,
    ).with_columns(pl.col("identity_id").cast(pl.UInt32))


def roster(register: Register, *, size: int = 500_000) -> dy.DataFrame[Roster]:
    """Return the active identities by name, numbered as ``identities`` does: 80 bytes each."""
    run = register.run or last_run(register)
    register.keys = None
    pieces, keys = [], []
    # a domain is sorted, and told, by its rank: two thirds of the time, and its text is held once, not once a row
    domains = register.query("SELECT DISTINCT domain FROM identity ORDER BY domain")["domain"]
    for found in register.slices(
        "SELECT key, list_position((SELECT list(DISTINCT domain ORDER BY domain) FROM identity), domain)::UINTEGER "
        f"AS rank, ipp, mother_ipp, created_at, updated_at, changed_run = {run} AS changed FROM identity "
        "WHERE active ORDER BY rank, ipp",
        size,
    ):
        keys.append(found["key"])
        pieces.append(found.select(domains.gather(found["rank"] - 1), pl.all().exclude("key", "rank")))
    register.keys = pl.concat(keys).rechunk()  # a column alone would keep all that was read with it: 0.4 GB
    named = pl.concat(pieces).rechunk().with_row_index("identity_id")
    del keys, pieces, found
    spoken = np.zeros(named.height, np.bool_)
    spoken[numbers_of(register, _spoken(register, run))] = True
    return Roster.validate(named.with_columns(spoken=pl.Series(spoken) | named["changed"]))


def _spoken(register: Register, run: int) -> pl.Series:
    """Return the keys of the identities whose story a message of the run may have changed, their whole families."""
    said = register.query(
        "SELECT key FROM statement WHERE run = $run UNION SELECT unnest([key, survivor]) FROM elimination "
        "WHERE run = $run",
        {"run": run},
    )
    return family(said["key"], register.query("SELECT * FROM forward"))


def filled(register: Register, fields: Sequence[str]) -> dict[str, int]:
    """Return in how many active identities each of some fields says something; folding leaves no deletion there."""
    counts = ", ".join(f"count(nullif({name}, '')) AS {name}" for name in fields)
    return register.query(f"SELECT {counts} FROM identity WHERE active").row(0, named=True)


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
    register.keys = pl.concat(keys).rechunk()


def absorbed(register: Register) -> pl.DataFrame:
    """Return the identities merged into another in the run under way: domain, ipp and their fields as last received."""
    run = register.run or last_run(register)
    return register.query(
        f"SELECT i.domain, i.ipp, {', '.join(f'i.{name}' for name in IDENTITY_FIELDS)}, "
        "t.domain AS into_domain, t.ipp AS into_ipp FROM identity i JOIN forward f USING (key) "
        "JOIN identity t ON t.key = f.terminal WHERE NOT i.active AND i.changed_run = $run ORDER BY i.domain, i.ipp",
        {"run": run},
    )


def survivors(register: Register) -> pl.DataFrame:
    """Return each IPP that a merge removed and the one it designates today: domain, ipp, into_ipp."""
    return register.query(
        "SELECT DISTINCT i.domain, i.ipp, t.ipp AS into_ipp FROM forward f JOIN identity i USING (key) "
        "JOIN identity t ON t.key = f.terminal WHERE NOT i.active ORDER BY ALL"
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


def numbered_keys(register: Register) -> pl.Series:
    """Return the key of each identity, as the last call of ``identities`` numbered them."""
    if register.keys is None:
        raise ContractError("les identités du traitement n'ont pas encore été numérotées (identities).")
    return register.keys


def numbering(register: Register) -> pl.DataFrame:
    """Return ``identity_id`` and ``key`` of each identity."""
    return numbered_keys(register).alias("key").to_frame().with_row_index("identity_id")


def numbers_of(register: Register, keys: pl.Series) -> pl.Series:
    """Return the numbers in this run, in order, of the identities that are active among some keys."""
    found = np.unique(places(register)[keys.to_numpy()])
    return pl.Series("identity_id", found[found != NOWHERE])


def keys_of(register: Register, numbers: pl.Series) -> pl.Series:
    """Return the keys of the identities numbered so in this run."""
    return numbered_keys(register).alias("key").gather(numbers)


NOWHERE = 0xFFFFFFFF
"""The number of what is not active."""


def places(register: Register) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
    """Return the number of each key in this run, ``NOWHERE`` for those that are not active: joining would hash all."""
    keys = numbered_keys(register)
    if register.placed is None or register.placed[0] is not keys:
        last = register.connection.execute("SELECT coalesce(max(key), 0) FROM identity").fetchall()[0][0]
        place = np.full(last + 1, NOWHERE, np.uint32)
        place[keys.to_numpy()] = np.arange(len(keys), dtype=np.uint32)
        place.flags.writeable = False  # shared by all who ask in a run
        register.placed = keys, place
    return register.placed[1]
