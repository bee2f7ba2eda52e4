"""The table of identities that a night leaves to other programs: ``identities.parquet``."""

from __future__ import annotations

import os
from pathlib import Path

import dataframely as dy
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from insvigil.frames import IDENTITY_FIELDS, Statuses
from insvigil.register.identities import numbered_keys
from insvigil.register.opening import Register
from insvigil.vocabulary import Status

_FIELDS = tuple(name for name in IDENTITY_FIELDS if name != "billing_nir")
_OF_THE_INS = ("matricule", "matricule_oid")
_NEARLY_DISTINCT = frozenset({"id", "ipp", "birth_date", "given_names", "birth_name", "matricule", "address", "phone",
                              "email", "mother_ipp"})  # fmt: skip
_GROUP = 122_880
"""Rows of a group, as many as DuckDB keeps together."""

_STATUSES = pa.array([status.value for status in Status])


def write_identities(register: Register, target: Path, *, statuses: dy.DataFrame[Statuses] | None) -> None:
    """Write the active identities as they may leave to a parquet file (mode 0600), in the order of the register.

    No billing NIR, and a matricule for qualified identities only: none at all before ``statuses`` are known (row for
    row with their numbers). They are written as they are read, so that a base of millions need not fit in memory; a
    base whose columns DuckDB writes itself (``COPY``) takes 2.1 s of processor a million, this 1.5.
    """
    fields = ", ".join(_FIELDS)
    batches = register.batches(
        f"SELECT key, domain || '|' || ipp AS id, domain, ipp, NULL::VARCHAR AS status, {fields}, created_at, "
        f"updated_at, changed_run = {register.run} AS changed FROM identity WHERE active",
        _GROUP,
    )
    status, may_leave = _by_key(register, statuses)
    first = next(batches)
    schema = first.schema.remove(0)
    few = [name for name in schema.names if name not in _NEARLY_DISTINCT]
    os.close(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600))
    with (
        pa.OSFile(str(target), "wb") as file,  # a file of Python's would ask for its lock at every page
        pq.ParquetWriter(file, schema, compression="snappy", use_dictionary=few, write_statistics=False,
                         store_schema=False) as writer,
    ):  # fmt: skip
        for batch in batches:
            keys = batch["key"].to_numpy()
            said = status[keys]
            told = {"status": _STATUSES.take(pa.array(said, mask=said == len(Status)))}
            leaves = pa.array(may_leave[keys])
            told |= {name: pc.if_else(leaves, batch[name], None) for name in _OF_THE_INS}
            writer.write_batch(
                pa.RecordBatch.from_arrays([told.get(name, batch[name]) for name in schema.names], schema=schema)
            )


def _by_key(
    register: Register, statuses: dy.DataFrame[Statuses] | None
) -> tuple[np.ndarray[tuple[int], np.dtype[np.uint8]], np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Return by key the rank of the status among ``Status`` (one more than the last: unknown) and whether the INS
    may leave.
    """
    keys = numbered_keys(register).to_numpy()
    size = int(keys.max(initial=0)) + 1
    status, may_leave = np.full(size, len(Status), np.uint8), np.zeros(size, np.bool_)
    if statuses is not None:
        status[keys] = statuses["status"].cast(pl.Enum(Status)).to_physical().to_numpy()
        may_leave[keys] = statuses["ins_transmissible"].to_numpy()
    return status, may_leave
