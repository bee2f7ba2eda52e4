"""What the rooms said of each identity, carried from night to night: asked again only of those spoken of.

Three tables, pure functions of the identity, of the settings and of the version: ``trait`` (its comparable form, whose
texts are numbers of ``word``), ``anomaly`` (what detectors and statuses found in it alone) and ``standing`` (its
status). A night replaces the rows of the identities it questions; ``--full``, other settings or another version
question all of them again (``docs/decisions/0404-what-a-night-carries-over.md``).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import dataframely as dy
import numpy as np
import polars as pl

from insvigil.errors import ContractError
from insvigil.frames import Traits
from insvigil.register.identities import NOWHERE, keys_of, numbered_keys, places
from insvigil.register.opening import Register
from insvigil.register.runs import run_before
from insvigil.register.schema import TABLE
from insvigil.register.words import Words
from insvigil.vocabulary import Stage, Status

_SLICE = 200_000
_STANDING = tuple(TABLE["standing"].names[1:])
_UNSAID = 0xFFFF
"""The code of a value that is not given."""
_TRAITS = tuple(TABLE["trait"].names[1:])
_KINDS = {name: column.dtype for name, column in Traits.columns().items()}
_SHARED = frozenset(name for name in _TRAITS if _KINDS[name] == pl.Categorical)
_TEXTS = tuple(name for name in _TRAITS if _KINDS[name] == pl.String)


class Carried(NamedTuple):
    """The traits kept by the last run, in no order (``key`` and the columns of ``Traits``), and their texts."""

    rows: pl.DataFrame
    words: Words


def carried_traits(register: Register) -> Carried:
    """Return the traits kept by the last run.

    It reads on a connection of its own what was committed, so that a thread may do it while files are read and folded.
    """
    words = Words(
        piece["text"] for piece in register.slices("SELECT text FROM word ORDER BY number", _SLICE, committed=True)
    )
    # a text keeps all that was read with it: texts are read alone (together they would keep 0.6 GB)
    numbers, texts = (
        pl.concat(register.slices(f"SELECT {', '.join(map(_read, names))} FROM trait", _SLICE, committed=True))
        for names in (("key", *(name for name in _TRAITS if name not in _TEXTS)), _TEXTS)
    )
    whole = []
    for name in numbers.columns:  # one by one: no second copy of the base
        column = numbers.drop_in_place(name).rechunk()  # from a hundred pieces, gathering takes four times as long
        whole.append(words.told(column) if name in _SHARED else _typed(column))
    return Carried(pl.DataFrame([*whole, *texts.rechunk()]), words)


def _read(name: str) -> str:
    """Return what DuckDB is asked of a column: of a member of a closed list, its place from 1, a fifth of its cost."""
    kind = _KINDS.get(name)
    if not isinstance(kind, pl.Enum):
        return name
    return f"list_position({kind.categories.to_list()}, {name})::UTINYINT AS {name}"


def _typed(column: pl.Series) -> pl.Series:
    """Return a column that ``_read`` asked for as the one of ``Traits`` (or the key)."""
    kind = _KINDS.get(column.name, column.dtype)
    return (column - 1).cat.to(kind) if isinstance(kind, pl.Enum) else column.cast(kind)


def in_rows(register: Register, kept: Carried | None, fresh: list[pl.DataFrame]) -> dy.DataFrame[Traits]:
    """Return the traits of all identities, row for row with their numbers: the fresh ones, else those kept.

    ``kept`` comes from ``carried_traits``, ``fresh`` from normalising (``identity_id``). Columns are put in place two
    by two: no second copy of the base. Raises ``ContractError`` when an identity has none.
    """
    numbers = [part["identity_id"] for part in fresh]
    if kept is None:
        rows, theirs = pl.concat(fresh), pl.concat(numbers)
        numbers, fresh = [], []
    else:
        rows, theirs = kept.rows, pl.Series(places(register)[kept.rows["key"].to_numpy()])
    order = _in_order(register, theirs, numbers)

    def placed(name: str) -> pl.Series:
        column = rows[name].rechunk()[order]
        for number, part in zip(numbers, fresh, strict=True):
            column = column.scatter(number, part[name])
        return column

    with ThreadPoolExecutor(2) as pool:
        columns = list(pool.map(placed, _TRAITS))
    return Traits.validate(
        pl.DataFrame([pl.int_range(len(order), dtype=pl.UInt32, eager=True).alias("identity_id"), *columns])
    )


def _in_order(register: Register, theirs: pl.Series, others: list[pl.Series]) -> pl.Series:
    """Return, for each identity, the row that is its own among ``theirs``, or any for those numbered in ``others``.

    Raises ``ContractError`` when an identity has none.
    """
    height = len(numbered_keys(register))
    rows = (theirs < height).arg_true()
    order = np.full(height, NOWHERE, np.uint32)
    order[theirs.gather(rows).to_numpy()] = rows.to_numpy()
    for numbers in others:
        order[numbers.to_numpy()] = 0
    _refuse_holes(order == NOWHERE)
    return pl.Series(order)


def _refuse_holes(missing: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> None:
    if missing.any():
        raise ContractError("Il manque à des identités ce qui est gardé d'elles.", hint="Relancez avec « --full ».")


def store_traits(register: Register, traits: pl.DataFrame, words: Words) -> None:
    """Keep the traits of the identities questioned tonight, and the texts that ``words`` did not know.

    ``words`` are those carried, or none after all was forgotten.
    """
    texts = [pl.col(name).cast(pl.String) for name in _TRAITS if _KINDS[name] == pl.Enum]
    for piece in traits.iter_slices(_SLICE):
        _insert(
            register, "trait", piece.with_columns(*texts, *(words.numbers(piece[name]) for name in sorted(_SHARED)))
        )
    register.insert("word", words.met().with_columns(pl.col("text").cast(pl.String)))


def carried_anomalies(register: Register) -> pl.DataFrame:
    """Return what was found in active identities, each taken alone: identity_id, code, severity."""
    place = places(register)
    found = register.query("SELECT * FROM anomaly")
    number = pl.Series("identity_id", place[found["key"].to_numpy()])
    return found.drop("key").with_columns(number).filter(number != NOWHERE)


def store_anomalies(register: Register, anomalies: pl.DataFrame) -> None:
    """Keep what was found in the identities questioned tonight."""
    _insert(register, "anomaly", anomalies.with_columns(pl.col("severity").cast(pl.String)))


def carried_statuses(register: Register) -> pl.DataFrame:
    """Return the statuses kept, row for row with the numbers of the identities, eight bytes each at the most.

    Columns: status, counted, ins_transmissible, source, anomaly; a status, its source and its anomaly are ``Enum``.
    Each is put where it belongs as it is read: nothing else is as long as the base. Raises ``ContractError`` when an
    identity has none.
    """
    place, height = places(register), len(numbered_keys(register))
    few = {name: _said_of(register, name) for name in ("source", "anomaly")} | {"status": pl.Enum(Status)}
    columns = {name: np.full(height, _UNSAID, np.uint16) for name in few}
    columns |= {name: np.zeros(height, np.bool_) for name in ("counted", "ins_transmissible")}
    codes = [pl.col(name).cast(kind).to_physical().cast(pl.UInt16).fill_null(_UNSAID) for name, kind in few.items()]
    for piece in register.slices("SELECT * FROM standing", _SLICE):
        number = place[piece["key"].to_numpy()]
        active = number != NOWHERE
        told = piece.with_columns(codes)
        for name, column in columns.items():
            column[number[active]] = told[name].to_numpy()[active]
    _refuse_holes(columns["status"] == _UNSAID)
    return pl.DataFrame(
        [
            _as_enum(name, columns.pop(name), few[name]) if name in few else pl.Series(name, columns.pop(name))
            for name in _STANDING
        ]
    )


def _said_of(register: Register, name: str) -> pl.Enum:
    found = register.query(f"SELECT DISTINCT {name} FROM standing WHERE {name} IS NOT NULL ORDER BY 1")
    return pl.Enum(found.to_series())


def _as_enum(name: str, codes: np.ndarray[tuple[int], np.dtype[np.uint16]], kind: pl.Enum) -> pl.Series:
    told = pl.Series(name, codes)
    own = pl.Series([], dtype=kind).to_physical().dtype
    return told.set(told == _UNSAID, None).cast(own).cat.to(kind)


def store_standing(register: Register, statuses: pl.DataFrame) -> None:
    """Keep the statuses of the identities questioned tonight."""
    _insert(register, "standing", statuses.with_columns(pl.col("status").cast(pl.String)))


def restate(register: Register, statuses: pl.DataFrame, anomalies: pl.DataFrame, *, codes: str) -> None:
    """Put these statuses and these anomalies in place of what was kept of the same identities, outside a run.

    Of the anomalies kept, only those whose code begins with ``codes`` go. Nothing is kept before the first night.
    """
    keys = keys_of(register, statuses["identity_id"]).to_frame()
    if not register.delete("standing", keys):
        return
    store_standing(register, statuses)
    register.remove(
        "anomaly", "key IN (SELECT key FROM stale) AND starts_with(code, $codes)", {"codes": codes}, stale=keys
    )
    store_anomalies(register, anomalies)


def forget(register: Register, questioned: pl.Series | None) -> None:
    """Remove what was kept of the identities questioned tonight (None: of all) and of those that are gone."""
    if questioned is None:
        forget_all(register)
        return
    keys = keys_of(register, questioned)
    gone = register.query("SELECT key FROM identity WHERE NOT active AND changed_run = $run", {"run": register.run})
    stale = pl.concat([keys, gone["key"]]).unique().sort().alias("key").to_frame()
    for table in ("trait", "anomaly", "standing"):
        register.delete(table, stale)


def forget_all(register: Register) -> None:
    """Remove all that is carried: the next night asks everything again."""
    for table in ("trait", "word", "anomaly", "standing"):
        register.connection.execute(f"DELETE FROM {table}")


def carried_from(register: Register, settings_digest: str, version: str) -> dict[str, Any] | None:
    """Return the run that asked what is carried, None unless it stands: whole, and asked with the same settings."""
    last = run_before(register, settings_digest, version)
    if last is None or Stage.QUALIF.value not in last["counts"]:
        return None
    found = register.connection.execute(
        "SELECT (SELECT count(*) FROM trait), (SELECT count(*) FROM standing), "
        "(SELECT count(*) FROM identity WHERE active AND changed_run < coalesce(?, changed_run + 1))",
        [register.run],
    ).fetchall()
    traits, standing, active = found[0]
    return last if traits == standing and traits >= active > 0 else None


def _insert(register: Register, table: str, rows: pl.DataFrame) -> None:
    keys = keys_of(register, rows["identity_id"])
    columns = list(TABLE[table].names)
    register.insert(table, rows.with_columns(keys).select(columns))
