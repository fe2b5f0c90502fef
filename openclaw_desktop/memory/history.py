"""What was done to memories other than saying them: shown, and taken back.

Owns the tables `memory_runs` and `memory_changes`. Must not know who changes memories, nor why. The functions that
take a connection run on the writer's thread, within the transaction of the change; the others on the loop.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import apsw

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr
from openclaw_desktop.memory import neighbours
from openclaw_desktop.memory.vectors.index import remove_vectors
from openclaw_desktop.storage.database import Database, Row, fetch

RunKind = Literal["consolidation", "correction", "edit", "import"]
Columns = dict[str, Any]

KEPT = timedelta(days=90)
# Each new run makes room for more than itself.
MOST_DROPPED = 2
# What a whole row is kept with, so that all that hangs on it comes back: ids of what it was made of, of what was made
# of it, and of what it had taken the place of.
_LINKS = ("sources", "derived", "supersedes")
# Made of other rows, and made anew when a row comes back.
_COMPUTED = ("rowid", "neighbours")
_BY_ITSELF = {"confidence": 1.0, "pinned": 0, "access_count": 0, "origins": "[]", "purpose": "assist"}


@dataclass(frozen=True, slots=True)
class Run:
    """One run as stored. `changes`: how many; `undone_at`: when it was taken back."""

    id: int
    kind: RunKind
    started_at: str
    finished_at: str | None
    undone_at: str | None
    note: str
    changes: int


@dataclass(frozen=True, slots=True)
class Change:
    """One change. `before` None: the memory was added; `after` None: it was removed, and `before` tells all of it."""

    run_id: int
    memory_id: str
    action: str
    before: Columns | None
    after: Columns | None


def begin_run(connection: apsw.Connection, kind: RunKind, now: datetime, note: str = "") -> int:
    """Open a run and return its id; runs older than 90 days go, a few at a time: the clock may be wrong."""
    oldest = (now - KEPT).isoformat(timespec="seconds")
    old = "select id from memory_runs where julianday(started_at) < julianday(?) order by id limit ?"
    connection.execute(f"delete from memory_runs where id in ({old})", (oldest, MOST_DROPPED))
    sql = "insert into memory_runs (kind, started_at, note) values (?, ?, ?)"
    connection.execute(sql, (kind, _moment(now), note))
    return connection.last_insert_rowid()


def note_change(
    connection: apsw.Connection,
    run_id: int,
    memory_id: str,
    action: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
) -> None:
    """Record one change, in the transaction that makes it.

    `before` and `after` are the changed columns; `superseded_by` is an id there. `before` None: the memory was added
    (`after` may be empty: the row itself tells). `after` None: it was removed; `before` is then its `snapshot`.
    """
    if before is not None and after is None:
        # What goes for want of room must leave less than it takes: what a new row has by itself is not written down.
        before = {name: value for name, value in before.items() if value not in (None, "", [], _BY_ITSELF.get(name))}
    connection.execute(
        "insert into memory_changes (run_id, memory_id, action, before, after) values (?, ?, ?, ?, ?)",
        (run_id, memory_id, action, _as_json(before), _as_json(after)),
    )


def finish_run(connection: apsw.Connection, run_id: int, now: datetime) -> None:
    """Close a run; one without a change leaves nothing to show and goes."""
    if fetch(connection, "select 1 from memory_changes where run_id = ? limit 1", (run_id,)):
        connection.execute("update memory_runs set finished_at = ? where id = ?", (_moment(now), run_id))
    else:
        connection.execute("delete from memory_runs where id = ?", (run_id,))


def snapshot(connection: apsw.Connection, memory_id: str) -> Columns:
    """Return all of a memory's row and links, for `note_change` before it is removed; raises KeyError."""
    names = _column_names(connection)
    rows = fetch(connection, f"select rowid, {', '.join(names)} from memories where id = ?", (memory_id,))
    if not rows:
        raise KeyError(memory_id)
    rowid, row = rows[0][0], Columns(zip(names, rows[0][1:], strict=True))
    row["superseded_by"] = _id_at(connection, row["superseded_by"])
    links = {
        "sources": "select id from memory_sources join memories on rowid = source_rowid where memory_rowid = ?",
        "derived": "select id from memory_sources join memories on rowid = memory_rowid where source_rowid = ?",
        "supersedes": "select id from memories where superseded_by = ?",
    }
    return row | {link: [id_ for (id_,) in fetch(connection, sql, (rowid,))] for link, sql in links.items()}


def change_columns(
    connection: apsw.Connection, run_id: int, memory_id: str, action: str, columns: Mapping[str, Any]
) -> bool:
    """Change columns of a memory and record it; False where nothing differs. `superseded_by` is an id or None.

    A changed text loses its vectors. Raises KeyError for an unknown id.
    """
    whole = snapshot(connection, memory_id)
    before = {name: whole[name] for name, value in columns.items() if whole[name] != value}
    if not before:
        return False
    after = {name: columns[name] for name in before}
    _set_columns(connection, memory_id, after)
    note_change(connection, run_id, memory_id, action, before, after)
    return True


async def list_runs(database: Database, limit: int = 20) -> tuple[Run, ...]:
    """Return the last runs, newest first."""
    rows = await database.rows(f"{_RUNS} order by r.id desc limit ?", (limit,))
    return tuple(Run(*row) for row in rows)


async def find_run(database: Database, run_id: int) -> Run:
    """Return a run; raises UserError where there is none."""
    return await database.read(lambda c: _run(c, run_id))


async def show_run(database: Database, run_id: int) -> tuple[Run, tuple[Change, ...]]:
    """Return a run and its changes in order; raises UserError where there is none."""
    return await database.read(lambda c: (_run(c, run_id), _changes(c, "run_id = ?", run_id)))


async def changes_of(database: Database, memory_id: str) -> tuple[Change, ...]:
    """Return what was done to one memory, oldest first."""
    return await database.read(lambda c: _changes(c, "memory_id = ?", memory_id))


async def last_run(database: Database) -> Run | None:
    """Return the newest run that was not taken back, and of which an erasure left something."""
    left = "(r.finished_at is null or exists (select 1 from memory_changes c where c.run_id = r.id))"
    rows = await database.rows(f"{_RUNS} where r.undone_at is null and {left} order by r.id desc limit 1")
    return Run(*rows[0]) if rows else None


async def undo_run(database: Database, run_id: int, now: datetime) -> int:
    """Take back a run, its last change first, and return how many changes that were.

    Raises UserError where there is no such run, it was taken back before, or a later run builds on it.
    """

    def undo(connection: apsw.Connection) -> int:
        run = _run(connection, run_id)
        if run.undone_at is not None:
            raise UserError(
                "run_undone",
                tr("Run {run} was taken back already.", run=run_id),
                tr("`openclaw-agent memory runs` lists all of them."),
                ExitCode.USAGE,
            )
        if not run.changes and run.finished_at is not None:
            raise UserError(
                "run_empty",
                tr("Nothing of run {run} is left: what it had changed was erased since.", run=run_id),
                tr("`openclaw-agent memory runs` lists all of them."),
            )
        if (later := _built_on(connection, run_id)) is not None:
            raise UserError(
                "run_built_on",
                tr("Run {run} can't be taken back: run {later} changed the same memories later.",
                   run=run_id, later=later),
                tr("Take back run {later} first.", later=later),
            )  # fmt: skip
        return _undo(connection, run_id, now)

    return await database.write(undo)


def end_cut_short(connection: apsw.Connection, run_id: int, now: datetime) -> bool:
    """End an import that can't go on, and say so in its note: taken back, or False where what came of it is in use."""
    if _built_on(connection, run_id) is None:
        _undo(connection, run_id, now)
        end = tr("cut short and taken back by itself: import it again")
    else:
        finish_run(connection, run_id, now)
        end = tr("cut short: only a part of it is here; import it again for the rest")
    connection.execute("update memory_runs set note = note || ?1 where id = ?2", (f" ({end})", run_id))
    return _run(connection, run_id).undone_at is not None


def _undo(connection: apsw.Connection, run_id: int, now: datetime) -> int:
    changes = _changes(connection, "run_id = ?", run_id)
    for change in reversed(changes):
        _take_back(connection, change)
    _remove(connection, [change.memory_id for change in changes if change.before is None])
    sql = "update memory_runs set undone_at = ?1, finished_at = coalesce(finished_at, ?1) where id = ?2"
    connection.execute(sql, (_moment(now), run_id))
    return len(changes)


def _take_back(connection: apsw.Connection, change: Change) -> None:
    if change.before is None:
        return  # what was added goes last, all at once
    if change.after is None:
        _restore(connection, change.memory_id, change.before)
    elif fetch(connection, _ROWID, (change.memory_id,)):
        _set_columns(connection, change.memory_id, change.before)


def _remove(connection: apsw.Connection, memory_ids: Sequence[str]) -> None:
    sql = "select rowid from json_each(?) j cross join memories m on m.id = j.value"
    rowids = [int(rowid) for (rowid,) in fetch(connection, sql, (json.dumps(memory_ids),))]
    beside = neighbours.beside(connection, rowids)
    remove_vectors(connection, rowids)
    connection.executemany("delete from memories where rowid = ?", [(rowid,) for rowid in rowids])
    neighbours.rebuild(connection, beside)


def _restore(connection: apsw.Connection, memory_id: str, whole: Mapping[str, Any]) -> None:
    """Bring a removed memory back with all that hung on it, unless it is there or was erased since."""
    known = "select 1 from memories where id = ?1 union all select 1 from erased_memories where memory_id = ?1"
    if fetch(connection, known, (memory_id,)):
        return
    columns = {name: whole[name] for name in _column_names(connection) if name in whole and name != "superseded_by"}
    connection.execute(
        f"insert into memories ({', '.join(columns)}) values ({', '.join('?' * len(columns))})",
        tuple(columns.values()),
    )
    neighbours.rebuild_around(connection, connection.last_insert_rowid())
    _set_columns(connection, memory_id, {"superseded_by": whole.get("superseded_by")})
    sources, derived, supersedes = (whole.get(link) or [] for link in _LINKS)
    link = f"insert or ignore into memory_sources select ({_ROWID_1}), rowid from memories where id = ?2"
    connection.executemany(link, [(memory_id, source) for source in sources])
    link = f"insert or ignore into memory_sources select rowid, ({_ROWID_1}) from memories where id = ?2"
    connection.executemany(link, [(memory_id, made) for made in derived])
    supersede = f"update memories set superseded_by = ({_ROWID_1}) where id = ?2 and superseded_by is null"
    connection.executemany(supersede, [(memory_id, earlier) for earlier in supersedes])


def _set_columns(connection: apsw.Connection, memory_id: str, columns: Mapping[str, Any]) -> None:
    values = dict(columns)
    if values.get("superseded_by") is not None:
        found = fetch(connection, _ROWID, (values["superseded_by"],))
        values["superseded_by"] = found[0][0] if found else None
    rowids = [int(rowid) for (rowid,) in fetch(connection, _ROWID, (memory_id,))]
    if "text" in values:
        # A vector stands for the words it was made of: the next look for missing ones makes another.
        remove_vectors(connection, rowids)
    names = [name for name in values if name in _column_names(connection)]
    assignments = ", ".join(f"{name} = ?" for name in names)
    if names:
        connection.execute(
            f"update memories set {assignments} where id = ?", (*(values[name] for name in names), memory_id)
        )
    if "text" in values:
        for rowid in rowids:
            neighbours.rebuild_around(connection, rowid)
    if "sources" in values:
        _set_sources(connection, memory_id, values["sources"])


def _set_sources(connection: apsw.Connection, memory_id: str, sources: Sequence[str]) -> None:
    connection.execute(f"delete from memory_sources where memory_rowid = ({_ROWID_1})", (memory_id,))
    link = f"insert or ignore into memory_sources select ({_ROWID_1}), rowid from memories where id = ?2"
    connection.executemany(link, [(memory_id, source) for source in sources])


def _built_on(connection: apsw.Connection, run_id: int) -> int | None:
    """Return the last later run that changed what this one changed, or made something of it.

    What it added may have become the source of a memory, and what it changed, or added, may have ended another one.
    """
    later = "select c.run_id from memory_changes c join memory_runs r on r.id = c.run_id"
    same = f"""{later} where c.run_id > ?1 and r.undone_at is null
        and c.memory_id in (select memory_id from memory_changes where run_id = ?1)"""
    made = f"""{later} join memories m on m.id = c.memory_id
        join memory_sources s on s.memory_rowid = m.rowid join memories source on source.rowid = s.source_rowid
        where c.run_id > ?1 and r.undone_at is null and c.before is null
        and source.id in (select memory_id from memory_changes where run_id = ?1 and before is null)"""
    ended = f"""{later} where c.run_id > ?1 and r.undone_at is null
        and json_extract(c.after, '$.superseded_by') in (select memory_id from memory_changes where run_id = ?1)"""
    found = fetch(connection, f"select max(run_id) from ({same} union all {made} union all {ended})", (run_id,))
    return found[0][0] if found else None


def _run(connection: apsw.Connection, run_id: int) -> Run:
    rows = fetch(connection, f"{_RUNS} where r.id = ?", (run_id,))
    if not rows:
        raise UserError(
            "run_unknown",
            tr("There is no run {run}.", run=run_id),
            tr("`openclaw-agent memory runs` lists those of the last 90 days."),
            ExitCode.USAGE,
        )
    return Run(*rows[0])


def _changes(connection: apsw.Connection, condition: str, value: int | str) -> tuple[Change, ...]:
    sql = f"select run_id, memory_id, action, before, after from memory_changes where {condition} order by id"
    return tuple(_change(row) for row in fetch(connection, sql, (value,)))


def _change(row: Row) -> Change:
    run_id, memory_id, action, before, after = row
    return Change(run_id, memory_id, action, _of_json(before), _of_json(after))


def _column_names(connection: apsw.Connection) -> Sequence[str]:
    sql = "select name from pragma_table_info('memories') order by cid"
    return [name for (name,) in fetch(connection, sql) if name not in _COMPUTED]


def _id_at(connection: apsw.Connection, rowid: int | None) -> str | None:
    rows = fetch(connection, "select id from memories where rowid = ?", (rowid,))
    return str(rows[0][0]) if rows else None


def _as_json(columns: Mapping[str, Any] | None) -> str | None:
    return None if columns is None else json.dumps(columns, ensure_ascii=False, separators=(",", ":"))


def _of_json(text: str | None) -> Columns | None:
    return None if text is None else Columns(json.loads(text))


def _moment(now: datetime) -> str:
    return now.isoformat(timespec="milliseconds")


_ROWID = "select rowid from memories where id = ?"
_ROWID_1 = "select rowid from memories where id = ?1"
_RUNS = """select r.id, r.kind, r.started_at, r.finished_at, r.undone_at, r.note,
    (select count(*) from memory_changes c where c.run_id = r.id) from memory_runs r"""
