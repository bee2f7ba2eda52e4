"""Opening the register: one file, one writer, a clear word when it cannot be had."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa

from insvigil.errors import ContractError, RegisterError
from insvigil.register import migrations, schema
from insvigil.register.recalled import Recalled
from insvigil.settings import RegisterSettings

CLOCK_TOLERANCE = timedelta(hours=2)
"""How far the clock may step back between two runs (the end of summer time is one hour)."""

LEAST_GB = 0.5
"""Under it, DuckDB may not sort or write a base of millions."""

RECLAIMED_EVERY = 7
"""Runs from one whose commit takes back the room of rows that changed to the next.

Left to itself, DuckDB does so at any commit, whenever rows fit in fewer groups: 1 s of a night at five millions, and
12 s of one in some. The file grows by 25 MB a night in between.
"""

_LOCK_POLL_SECONDS = 0.2
_FULL = ("no space left", "quota exceeded", "file too large")


class RegisterHeldError(RegisterError):
    """Another process holds the register."""


class Register:
    """An open register: a DuckDB connection, the run under way and the numbering of its identities.

    Use as a context manager. What is done between ``begin`` and ``commit`` is one transaction; leaving without
    ``commit`` undoes it. A writer keeps the process umask at 077, so that DuckDB's side files stay private.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: Path, *, read_only: bool, memory_gb: float) -> None:
        self.connection = connection
        self.memory_gb = memory_gb
        self.path = path
        self.read_only = read_only
        self.schema_version = schema.SCHEMA_VERSION
        self.run: int | None = None
        self.known_at: datetime | None = None
        self.arrival = 0
        self.keys: pl.Series | None = None  # key of identity 0, 1, 2 …, once `identities` has numbered them
        self.recalled: Recalled | None = None  # what folding read in the run under way
        self.placed: tuple[pl.Series, np.ndarray[tuple[int], np.dtype[np.uint32]]] | None = None  # see `places`
        self._umask = None if read_only else os.umask(0o077)

    def begin(self, now: datetime) -> int:
        """Open the transaction of a run and return its number.

        The time of a run never goes backwards in the register: a clock behind by less than two hours (end of summer
        time) takes the time of the last run; further behind is refused with ``RegisterError``.
        """
        if self.read_only:
            raise RegisterError("Le registre est ouvert en lecture seule : un traitement ne peut pas y écrire.")
        last_run, last_time = self.connection.execute("SELECT max(run), max(started) FROM run").fetchall()[0]
        if last_time is not None and now < last_time - CLOCK_TOLERANCE:
            raise RegisterError(
                f"L'horloge de la machine ({now:%d/%m/%Y %H:%M}) est en retard sur le dernier traitement du registre "
                f"({last_time:%d/%m/%Y %H:%M}).",
                hint="Remettez la machine à l'heure puis relancez ; le registre est intact. Un recul de deux heures au "
                "plus (la fin de l'heure d'été n'en prend qu'une) est accepté.",
            )
        now = now if last_time is None else max(now, last_time)
        run = (last_run or 0) + 1
        with _faults(self.path):
            self.reclaim_room(wanted=run % RECLAIMED_EVERY == 0)
            self.connection.execute("BEGIN TRANSACTION")
            self.run, self.known_at, self.keys, self.recalled = run, now, None, None
            self.connection.execute("INSERT INTO run (run, started) VALUES (?, ?)", [run, now])
            self.arrival = self.connection.execute(
                "SELECT greatest(coalesce((SELECT max(arrival) FROM statement), 0), "
                "coalesce((SELECT max(arrival) FROM movement_event), 0), "
                "coalesce((SELECT max(arrival) FROM dossier_move), 0), "
                "coalesce((SELECT max(arrival) FROM link), 0))"
            ).fetchall()[0][0]
        return run

    def reclaim_room(self, *, wanted: bool) -> None:
        """Let what is committed from now on take back, or not, the room of rows that are gone."""
        self.connection.execute(f"SET max_vacuum_tasks = {100 if wanted else 0}")

    def spare_memory(self, *, spare: bool) -> None:
        """Do with half of ``register.memory_gb`` (half a gigabyte at the least), or with all of it again.

        While the stages hold the base, what DuckDB keeps at hand of the file is memory they lack.
        """
        taken = max(self.memory_gb / 2, min(self.memory_gb, LEAST_GB)) if spare else self.memory_gb
        with _faults(self.path):
            self.connection.execute(f"SET memory_limit = '{taken}GB'")

    def commit(self) -> None:
        """Make the run last. Called once, last."""
        with _faults(self.path):
            self.connection.execute("COMMIT")
        self.run, self.recalled = None, None

    def query(self, sql: str, values: Any = None, /, **frames: pl.DataFrame) -> pl.DataFrame:
        """Return the answer to ``sql``, in which each frame is a table of its name.

        Frames reach DuckDB as Python variables: a frame registered inside a transaction is only let go at its end,
        which would keep every batch of a long run in memory (measured: 1.7 kB an identity).
        """
        scope = {**frames, "ask": self.connection.sql, "text": sql, "values": values}
        with _faults(self.path):
            answer = eval("ask(text, params=values)", scope)
            return pl.DataFrame() if answer is None else pl.DataFrame(answer.pl())

    def _do(self, sql: str, values: Any, frames: dict[str, pl.DataFrame]) -> int:
        """Do what ``sql`` says, each frame a table of its name; return how many rows it touched."""
        scope = {**frames, "do": self.connection.execute, "text": sql, "values": values}
        with _faults(self.path):
            return int(eval("do(text, values)", scope).fetchall()[0][0])

    def slices(self, sql: str, size: int, *, committed: bool = False) -> Iterator[pl.DataFrame]:
        """Yield the answer to ``sql`` in frames of at most ``size`` rows, at least one, in its order.

        With ``committed``, from what the last run left, on a connection of its own that a thread may use.
        """
        for batch in self.batches(sql, size, committed=committed):
            yield pl.DataFrame(pl.from_arrow(batch))

    def batches(self, sql: str, size: int, *, committed: bool = False) -> Iterator[pa.RecordBatch]:
        """Yield what ``slices`` does as Arrow batches, the first of them empty."""
        with _faults(self.path), contextlib.ExitStack() as closing:
            connection = closing.enter_context(self.connection.cursor()) if committed else self.connection
            reader = connection.sql(sql).to_arrow_reader(size)
            yield pa.RecordBatch.from_pylist([], schema=reader.schema)
            yield from reader

    def insert(self, table: str, rows: pl.DataFrame) -> None:
        """Add the rows to the table, columns matched by name."""
        if not rows.is_empty():
            self.query(f"INSERT INTO {table} BY NAME SELECT * FROM incoming_rows", incoming_rows=rows)

    def delete(self, table: str, stale: pl.DataFrame) -> int:
        """Remove the rows whose columns equal those of a row of ``stale``; return how many."""
        if stale.is_empty():
            return 0
        same = " AND ".join(f"{table}.{name} = stale.{name}" for name in stale.columns)
        return self.remove(table, f"EXISTS (SELECT 1 FROM stale WHERE {same})", stale=stale)

    def remove(self, table: str, condition: str, values: Any = None, /, **frames: pl.DataFrame) -> int:
        """Remove the rows for which ``condition`` holds; return how many.

        It reads the columns of the condition only: ``RETURNING`` would read them all (0.5 s at five millions).
        """
        return self._do(f"DELETE FROM {table} WHERE {condition}", values, frames)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Make what is done inside last as a whole, or not at all; for what is not a run."""
        if self.run is not None:
            raise ContractError("transaction demandée pendant un traitement.")
        with _faults(self.path):
            self.connection.execute("BEGIN TRANSACTION")
            try:
                yield
            except BaseException:
                with contextlib.suppress(duckdb.Error):
                    self.connection.execute("ROLLBACK")
                raise
            self.connection.execute("COMMIT")

    def rollback(self) -> None:
        """Undo the run under way, if there is one."""
        if self.run is not None:
            self.run, self.keys, self.recalled = None, None, None
            # A failed commit has already ended the transaction.
            with contextlib.suppress(duckdb.Error):
                self.connection.execute("ROLLBACK")

    def close(self) -> None:
        """Undo what was not committed and let go of the file."""
        self.rollback()
        self.connection.close()
        if self._umask is not None:
            os.umask(self._umask)
            self._umask = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_register(settings: RegisterSettings, *, folder: Path = Path(), read_only: bool = False) -> Register:
    """Open the register at ``folder / settings.path``; create it (mode 0600) when absent, unless ``read_only``.

    Waits ``settings.wait_seconds`` for another process to let go of it. Raises ``RegisterError`` when it is missing
    (read only), held, foreign, damaged, not writable or from a newer version.
    """
    path = folder / settings.path
    if not path.exists():
        if read_only:
            raise RegisterError(
                f"Le registre {path} n'existe pas.", hint="Lancez d'abord « insvigil run » ou vérifiez register.path."
            )
        _create(path)
    if not read_only and not os.access(path, os.W_OK):
        raise RegisterError(
            f"Le registre {path} est protégé en écriture.", hint="Rendez le fichier accessible au compte du traitement."
        )
    connection = _connect(path, settings, read_only=read_only)
    if not read_only:  # what a killed run spilled holds people's data
        shutil.rmtree(f"{path}.tmp", ignore_errors=True)
    try:
        version = _version(connection, path)
        if version > schema.SCHEMA_VERSION:
            raise RegisterError(
                f"Le registre {path} vient d'une version plus récente d'insvigil (schéma {version}, "
                f"connu : {schema.SCHEMA_VERSION}).",
                hint="Mettez insvigil à jour ; le registre n'a pas été modifié.",
            )
        if version < schema.SCHEMA_VERSION:
            if read_only:
                raise RegisterError(
                    f"Le registre {path} vient d'une version plus ancienne d'insvigil.",
                    hint="Le prochain « insvigil run » le mettra à niveau.",
                )
            migrations.migrate(connection, version)
    except BaseException:
        connection.close()
        raise
    return Register(connection, path, read_only=read_only, memory_gb=settings.memory_gb)


def _create(path: Path) -> None:
    """Make an empty register under another name, then give it its name: it is never seen half made."""
    if not path.parent.is_dir():
        raise RegisterError(
            f"Le dossier {path.parent} du registre n'existe pas.", hint="Créez-le ou changez register.path."
        )
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    mask = os.umask(0o077)
    try:
        with _faults(path):
            draft.unlink(missing_ok=True)
            with duckdb.connect(str(draft)) as connection:
                for table in schema.TABLES:
                    connection.execute(table.ddl())
                connection.execute(
                    "INSERT INTO about VALUES ('application', 'insvigil'), ('schema_version', ?)",
                    [str(schema.SCHEMA_VERSION)],
                )
            try:
                os.link(draft, path)
            except FileExistsError:  # another run made it in between: theirs stands
                pass
            except OSError:  # a file system without hard links
                draft.rename(path)
    finally:
        os.umask(mask)
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


def _connect(path: Path, settings: RegisterSettings, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    """Connect, waiting for the lock as long as the settings say."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "temp_directory": f"{path}.tmp",
        "memory_limit": f"{settings.memory_gb}GB",
        "max_vacuum_tasks": 0,
    }
    deadline = time.monotonic() + settings.wait_seconds
    while True:
        try:
            return duckdb.connect(str(path), read_only=read_only, config=config)
        except duckdb.IOException as error:
            if "lock" not in str(error).lower():
                raise _not_a_register(path) from error
            if time.monotonic() >= deadline:
                holder = re.search(r"PID (\d+)", str(error))
                raise RegisterHeldError(
                    f"Le registre {path} est tenu par un autre traitement"
                    + (f" (processus {holder[1]})" if holder else "")
                    + f" depuis plus de {settings.wait_seconds:g} s.",
                    hint="Attendez sa fin, ou arrêtez-le s'il est bloqué, puis relancez ; rien n'a été modifié.",
                ) from None
            time.sleep(_LOCK_POLL_SECONDS)
        except duckdb.Error as error:
            raise _not_a_register(path) from error


def _version(connection: duckdb.DuckDBPyConnection, path: Path) -> int:
    try:
        about = dict(connection.execute("SELECT name, value FROM about").fetchall())
        if about["application"] == "insvigil":
            return int(about["schema_version"])
    except (duckdb.Error, KeyError, ValueError) as error:
        raise _not_a_register(path) from error
    raise _not_a_register(path)


def _not_a_register(path: Path) -> RegisterError:
    return RegisterError(
        f"Le fichier {path} n'est pas un registre insvigil lisible.",
        hint="Vérifiez register.path, ou restaurez une sauvegarde avec « insvigil register restore ».",
    )


@contextlib.contextmanager
def _faults(path: Path) -> Iterator[None]:
    """Turn what the disk refuses into one French sentence; DuckDB has already undone the transaction."""
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise RegisterError(
            f"Le registre {path} manque de mémoire.",
            hint="Augmentez register.memory_gb et relancez ; le registre est resté tel qu'au dernier traitement.",
        ) from error
    except (OSError, duckdb.IOException, duckdb.FatalException, duckdb.TransactionException) as error:
        full = any(sign in str(error).lower() for sign in _FULL)
        raise RegisterError(
            f"Le disque qui porte le registre {path} est plein."
            if full
            else f"Le registre {path} ne peut pas être écrit.",
            hint="Libérez de la place (ou rendez le dossier accessible en écriture) et relancez ; "
            "le registre est resté tel qu'au dernier traitement.",
        ) from error
