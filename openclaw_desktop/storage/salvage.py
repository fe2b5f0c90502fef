"""What can still be read of a damaged file, for the copy that takes its place: nothing readable is lost.

Owns how rows are read past a bad page, and what is left where what they belong to is gone. A table that is whole is
taken as it is in the damaged file; of another the copy's rows are taken, and over them what can be read. Must not know
how files are named or put in place (`recovery`). Any thread but the loop's, on files that nobody else has open.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

import apsw

from openclaw_desktop.storage.connection import connect
from openclaw_desktop.storage.migrations import migrate
from openclaw_desktop.storage.recovery import Salvaged
from openclaw_desktop.storage.repair import OpenSource, column_names, held, own_index, quoted, write_whole

log = logging.getLogger(__name__)

# What a page that can't be read raises, and what letters do that are none.
BROKEN = (apsw.CorruptError, apsw.NotADBError, UnicodeDecodeError)
# Rows that others belong to, made of those where they themselves can't be read.
_OWNERS = (
    """insert or ignore into conversations (id, created_at, updated_at)
        select conversation_id, min(created_at), max(created_at) from messages group by 1""",
    """insert or ignore into memory_runs (id, kind, started_at, finished_at)
        select distinct run_id, 'edit', datetime('now'), datetime('now') from memory_changes""",
)
_NEWER = (
    "select id from memories where kind <> 'summary'",
    "select turn_id || ' ' || role || ' ' || created_at from messages",
)


def salvage(damaged: Path, damaged_key: bytes | None, copy: Path, key: bytes | None) -> Salvaged:
    """Put into `copy`, a file under `key`, what can be read of a damaged one, which stays as it is.

    A kill leaves the copy as it was or whole. Where the damaged file's own list of tables can't be read, nothing is
    done. Raises apsw.FullError and OSError where there is no room.
    """

    def open_damaged() -> apsw.Connection:
        return connect(damaged, damaged_key, cut=True)

    target = copy.with_name(copy.name + "-read")
    reading = _Reading(copy, key)
    try:
        target.touch(mode=0o600)
        with held(open_damaged):
            write_whole(open_damaged, target, key, reading.fill)
        # Damage that is found after an update of the program stands in a file of before.
        with contextlib.closing(connect(target, key)) as connection:
            migrate(connection, target, None, keep_copy=False)
        memories, messages = (_newer(sql, target, copy, key) for sql in _NEWER)
        target.replace(copy)
    except (*BROKEN, apsw.ConstraintError, apsw.SQLError) as error:
        log.warning("nothing could be read of %s: %s: %s", damaged, type(error).__name__, error)
        return Salvaged(readable=False)
    finally:
        for suffix in ("", "-journal", "-wal", "-shm"):
            target.with_name(target.name + suffix).unlink(missing_ok=True)
    return Salvaged(memories, messages, reading.unread)


def _newer(sql: str, target: Path, copy: Path, key: bytes | None) -> int:
    """Return how many rows the new file has that the copy lacks."""
    with contextlib.closing(connect(target, key)) as one, contextlib.closing(connect(copy, key)) as other:
        return len({*one.execute(sql)} - {*other.execute(sql)})


class _Reading:
    """Reads the tables that are not whole. `unread`: how many rows could not be read, so far as that can be told."""

    def __init__(self, copy: Path, key: bytes | None) -> None:
        self._copy, self._key = copy, key
        self.unread = 0

    def fill(self, target: apsw.Connection, open_damaged: OpenSource, lost: set[str]) -> None:
        """Fill the tables `lost` of a new file, in whose transaction this runs, and tie up what hangs loose."""
        for table in sorted(lost):
            with contextlib.closing(connect(self._copy, self._key)) as copy:
                both = [name for name in column_names(target, table) if name in column_names(copy, table)]
                columns, values = ", ".join(map(quoted, both)), ", ".join("?" * len(both))
                rows = copy.execute(f"select {columns} from {quoted(table)}") if both else ()
                target.executemany(f"insert or ignore into {quoted(table)} ({columns}) values ({values})", rows)
            values = ", ".join("?" * len(column_names(target, table)))
            for row in self._readable(open_damaged, table):
                try:
                    target.execute(f"insert or replace into {quoted(table)} values ({values})", row)
                except apsw.ConstraintError:  # it can be read, and no program of ours wrote it
                    self.unread += 1
        if lost:
            _tie_up(target)

    def _readable(self, open_damaged: OpenSource, table: str) -> Iterator[tuple[object, ...]]:
        """Yield every row that can be read: from both ends, and between by the rowids that the indexes know."""
        with contextlib.closing(open_damaged()) as source:
            own = own_index(source, table)
            keys = "select name from pragma_table_info(?) where pk > 0 order by pk"
            names = [quoted(str(name)) for (name,) in source.execute(keys, (table,))] if own else ["rowid"]
        way = "not indexed" if own is None else f"indexed by {quoted(own)}"
        sql = f"select {', '.join(names)}, * from {quoted(table)} {way}"
        seen = set[tuple[object, ...]]()
        for order in ("asc", "desc"):
            by = ", ".join(f"{name} {order}" for name in names)
            try:
                with contextlib.closing(open_damaged()) as source:
                    for row in source.execute(f"{sql} order by {by}"):
                        if row[: len(names)] in seen:
                            return  # nothing lies between
                        seen.add(row[: len(names)])
                        yield row[len(names) :]
                    return
            except BROKEN:
                continue
        failed = 0
        for rowid in sorted(_known_rowids(open_damaged, table) - {row[0] for row in seen}) if own is None else ():
            try:
                with contextlib.closing(open_damaged()) as source:
                    found = source.execute(f"{sql} where rowid = ?", (rowid,)).fetchall()
            except BROKEN:
                failed += 1
            else:
                yield from (row[1:] for row in found)
        self.unread += max(failed, 1)


def _known_rowids(open_damaged: OpenSource, table: str) -> set[int]:
    """Return the rowids that a table's indexes name, as far as those can be read."""
    with contextlib.closing(open_damaged()) as source:
        sql = "select name from pragma_index_list(?) where not partial"
        indexes = [str(name) for (name,) in source.execute(sql, (table,))]
    found = set[int]()
    for index in indexes:
        with contextlib.suppress(*BROKEN, apsw.SQLError), contextlib.closing(open_damaged()) as source:
            # One row at a time: what comes before a bad page counts.
            for (rowid,) in source.execute(f"select rowid from {quoted(table)} indexed by {quoted(index)}"):
                found.add(int(rowid))
    return found


def _tie_up(connection: apsw.Connection) -> None:
    """Make or let go of what refers to a row that is not there, as if that one had been deleted."""
    for sql in _OWNERS:
        connection.execute(sql)
    links = connection.execute(
        """select m.name, f."table", f."from", f."to", f.on_delete from sqlite_schema m
        join pragma_foreign_key_list(m.name) f where m.type = 'table'"""
    ).fetchall()
    before = -1
    while before != connection.total_changes():
        before = connection.total_changes()
        for *names, on_delete in links:
            table, parent, column, key = (quoted(str(name)) for name in names)
            do = f"update {table} set {column} = null" if on_delete == "SET NULL" else f"delete from {table}"
            connection.execute(f"{do} where {column} is not null and {column} not in (select {key} from {parent})")
