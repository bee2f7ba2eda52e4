"""Looking after the register: check it, save it, bring it back, count it, forget what is too old."""

from __future__ import annotations

import contextlib
import os
import shutil
from datetime import date, datetime
from pathlib import Path

import orjson
import polars as pl

from insvigil.errors import ContractError, RegisterError
from insvigil.frames import IDENTITY_FIELDS
from insvigil.register.carried import forget_all
from insvigil.register.eliminations import family, owned
from insvigil.register.history import replay
from insvigil.register.opening import Register, RegisterHeldError, open_register
from insvigil.register.schema import TABLE, TABLES
from insvigil.register.statements import in_force
from insvigil.settings import RegisterSettings

_SOUND: dict[str, str] = {
    "Des numéros d'identité servent deux fois.": "SELECT key FROM identity GROUP BY key HAVING count(*) > 1",
    "Des IPP figurent deux fois.": "SELECT 1 FROM identity GROUP BY domain, ipp HAVING count(*) > 1",
    "Des messages parlent d'identités absentes.": "SELECT key FROM statement ANTI JOIN identity USING (key)",
    "Des fusions mènent à une identité inactive ou absente.": (
        "SELECT terminal FROM forward ANTI JOIN (SELECT key AS terminal FROM identity WHERE active) USING (terminal)"
    ),
    "Des mouvements figurent deux fois.": ("SELECT 1 FROM stay GROUP BY domain, venue, movement HAVING count(*) > 1"),
    "Des mouvements sont sans identité.": "SELECT key FROM stay ANTI JOIN identity USING (key)",
    "Des identités sont dans deux agrégats.": (
        "SELECT key FROM agregat_member WHERE until_run IS NULL GROUP BY key HAVING count(*) > 1"
    ),
    "Des décisions portent sur des identités absentes.": (
        "SELECT 1 FROM (SELECT unnest([left_key, right_key]) AS key FROM decision) ANTI JOIN identity USING (key)"
    ),
    "Des identités ont deux statuts en vigueur.": (
        "SELECT key FROM status WHERE standing GROUP BY key HAVING count(*) > 1"
    ),
    "Des passages de statut ne se suivent pas.": (
        "SELECT key FROM (SELECT *, row_number() OVER past AS age, lag(to_status) OVER past AS before FROM status "
        "WINDOW past AS (PARTITION BY key ORDER BY place)) WHERE age > 1 AND from_status IS DISTINCT FROM before"
    ),
    "Des réponses INSi portent sur des identités absentes.": (
        "SELECT key FROM insi_answer ANTI JOIN identity USING (key)"
    ),
}
"""What must hold: a query that finds a row tells the sentence."""


def check(register: Register) -> list[str]:
    """Return what is wrong with the register, one French sentence each; empty when it is sound.

    Verifies keys and references, then folds the whole ledger again and compares it with the states.
    """
    faults = [
        sentence
        for sentence, query in _SOUND.items()
        if register.connection.execute(f"SELECT count(*) FROM ({query})").fetchall()[0][0]
    ]
    differing = replay(register)
    if differing:
        faults.append(f"{differing} identités ne sont pas ce que disent leurs messages.")
    return faults


def stats(register: Register) -> dict[str, int]:
    """Return the figures of the register: bytes of the file, active identities, and rows of each table."""
    count = register.connection.execute
    figures = {
        "bytes": register.path.stat().st_size,
        "active_identities": count("SELECT count(*) FROM identity WHERE active").fetchall()[0][0],
        "living_agregats": count("SELECT count(*) FROM agregat WHERE closed_run IS NULL").fetchall()[0][0],
    }
    return figures | {table.name: count(f"SELECT count(*) FROM {table.name}").fetchall()[0][0] for table in TABLES}


def backup(register: Register, target: Path) -> None:
    """Copy the register to ``target`` (mode 0600), whole or not at all; the open register keeps others out meanwhile.

    Raises ``RegisterError`` when the copy cannot be written or cannot be read again.
    """
    if register.run is not None:
        raise ContractError("sauvegarde demandée pendant un traitement.")
    if not register.read_only:
        register.connection.execute("CHECKPOINT")
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        _copy(register.path, draft)
        with open_register(RegisterSettings(path=draft.absolute()), read_only=True) as copy:
            if _counts(copy) != _counts(register):
                raise RegisterError(f"La sauvegarde {target} n'est pas identique au registre.", hint="Recommencez.")
        draft.replace(target)
    except OSError as error:
        raise RegisterError(
            f"La sauvegarde {target} ne peut pas être écrite.", hint="Vérifiez la place et les droits."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


def restore(settings: RegisterSettings, source: Path, *, folder: Path = Path()) -> None:
    """Put the backup ``source`` in place of the register, which is kept beside it under ``<name>.ancien``.

    Raises ``RegisterError`` when the backup is not a register or when another process holds the present one.
    """
    with open_register(RegisterSettings(path=source.absolute()), read_only=True):
        pass
    path = folder / settings.path
    if path.exists():
        try:
            open_register(settings, folder=folder).close()  # nobody holds it, and its log is folded in
        except RegisterHeldError:
            raise
        except RegisterError:  # damaged or foreign: all the more reason to restore
            pass
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        _copy(source, draft)
        if path.exists():
            path.replace(path.with_name(path.name + ".ancien"))
        path.with_name(path.name + ".wal").unlink(missing_ok=True)
        draft.replace(path)
    except OSError as error:
        raise RegisterError(
            f"Le registre {path} ne peut pas être restauré.", hint="Vérifiez la place et les droits."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


def purge(register: Register, before: date, *, now: datetime) -> dict[str, int]:
    """Forget what is older than ``before`` and holds nothing any more; return the rows removed by table.

    Goes: statements that no field rests on, movements of stays, digests of messages, statuses replaced. Stays: every
    identity with its fields, merges, decisions, agrégats, figures. A row of ``purge`` keeps the trace.
    """
    limit = {"before": datetime(before.year, before.month, before.day)}
    removed: dict[str, int] = {}
    with register.transaction():
        removed["statement"] = _purge_statements(register, limit)
        old_stays = register.query("SELECT domain, venue, movement FROM stay WHERE movement_at < $before", limit)
        for table in ("movement_event", "stay"):
            removed[table] = register.delete(table, old_stays)
        for table, which in {
            "message": "message_time < $before",
            "status": '"at" < $before AND NOT standing',
        }.items():
            removed[table] = register.remove(table, which, limit)
        forget_all(register)
        register.connection.execute("INSERT INTO purge VALUES (?, ?, ?)", [now, before, orjson.dumps(removed).decode()])
    register.reclaim_room(wanted=True)
    register.connection.execute("CHECKPOINT")
    return removed


def export(register: Register, folder: Path) -> list[Path]:
    """Write a copy of the register for analysts, one parquet file a subject (mode 0600), each whole or not at all.

    The matricule is given for qualified identities only; the billing NIR never.
    """
    folder.mkdir(parents=True, exist_ok=True)
    fields = ", ".join(
        f"CASE WHEN s.to_status = 'QUALIFIEE' THEN i.{name} END AS {name}"
        if name.startswith("matricule")
        else f"i.{name}"
        for name in IDENTITY_FIELDS
        if name != "billing_nir"
    )
    subjects = {
        "identites": f"SELECT i.domain, i.ipp, {fields}, i.created_at, i.updated_at, s.to_status AS status "
        "FROM identity i LEFT JOIN status s ON s.key = i.key AND s.standing WHERE i.active ORDER BY i.domain, i.ipp",
        "fusions": "SELECT e.domain, e.ipp, f.since, t.domain AS domain_active, t.ipp AS ipp_active FROM forward f "
        "JOIN identity e USING (key) JOIN identity t ON t.key = f.terminal ORDER BY 1, 2",
        "mouvements": "SELECT i.domain, i.ipp, s.* EXCLUDE (domain, key, live, changed_run) FROM stay s "
        "LEFT JOIN forward f ON f.key = s.key JOIN identity i ON i.key = coalesce(f.terminal, s.key) WHERE s.live "
        "ORDER BY 1, 2, s.venue, s.movement_at, s.movement",
        "agregats": "SELECT m.agregat, i.domain, i.ipp, m.since_run FROM agregat_member m JOIN identity i USING (key) "
        "WHERE m.until_run IS NULL ORDER BY 1, 2, 3",
        "agregats_fermes": "SELECT agregat, closed_run, forward FROM agregat WHERE closed_run IS NOT NULL ORDER BY 1",
        "statuts": "SELECT i.domain, i.ipp, s.* EXCLUDE (key, place, standing) FROM status s "
        "JOIN identity i USING (key) ORDER BY s.place",
        "indicateurs": "SELECT r.started, i.* FROM indicator i JOIN run r USING (run) ORDER BY i.run, i.code",
    }
    written = []
    for subject, query in subjects.items():
        target, draft = folder / f"{subject}.parquet", folder / f".{subject}.{os.getpid()}"
        os.close(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600))
        register.query(f"COPY ({query}) TO '{_quoted(draft)}' (FORMAT parquet)")
        draft.chmod(0o600)
        draft.replace(target)
        written.append(target)
    return written


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _purge_statements(register: Register, limit: dict[str, datetime], slice_keys: int = 200_000) -> int:
    """Remove the statements older than the limit that no field, nor the date of creation, rests on."""
    lead = register.query("SELECT * FROM forward")
    last = register.connection.execute("SELECT coalesce(max(key), 0) FROM identity").fetchall()[0][0]
    removed = 0
    for start in range(1, last + 1, slice_keys):
        span = pl.int_range(start, min(start + slice_keys, last + 1), dtype=pl.UInt32, eager=True)
        keys = family(span, lead).alias("key").to_frame()
        force = in_force(
            owned(register.query("SELECT s.* FROM statement s SEMI JOIN keys USING (key)", keys=keys), lead)
        )
        rows = force.ordered.select("arrival", "owner", "driver", "message_time").with_row_index("row")
        held = force.origins.unpivot(value_name="row")["row"].drop_nulls().unique()
        first = rows.sort("driver", "message_time", descending=[True, False], nulls_last=True).unique(
            "owner", keep="first", maintain_order=True
        )
        free = rows.filter(
            ~pl.col("row").is_in(held.implode())
            & ~pl.col("arrival").is_in(first["arrival"].implode())
            & (pl.col("message_time") < limit["before"]).fill_null(value=False)
        )
        removed += register.delete("statement", free.select("arrival"))
        left = register.query("SELECT s.* FROM statement s SEMI JOIN keys USING (key)", keys=keys)
        driven = in_force(owned(left, lead)).states.select("driven", key="owner")
        columns = list(TABLE["identity"].names)
        state = register.query("SELECT i.* FROM identity i SEMI JOIN keys USING (key)", keys=keys)
        new = state.drop("driven").join(driven, on="key", how="left").with_columns(pl.col("driven").fill_null(0))
        moved = new.select(columns).join(state.select("key", "driven"), on=["key", "driven"], how="anti")
        register.delete("identity", moved.select("key"))
        register.insert("identity", moved)
    return removed


def _copy(source: Path, target: Path) -> None:
    """Copy a file to a private one and wait until it is on the disk."""
    descriptor = os.open(target, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with source.open("rb") as origin, os.fdopen(descriptor, "wb") as copy:
        shutil.copyfileobj(origin, copy, 1 << 22)
        copy.flush()
        os.fsync(copy.fileno())


def _counts(register: Register) -> dict[str, int]:
    figures = stats(register)
    return {name: figures[name] for name in TABLE}
