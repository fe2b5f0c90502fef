"""What is known of erasures: which are not done yet, and what no copy of the file may bring back.

Owns the tables `erasures` and `erased_memories`. A mark is set in the transaction that erases and goes when no trace is
left, so that what a kill cuts short is known at the next start. Must not know what is erased. Loop; SQL runs on the
database's threads.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

import apsw

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.storage.database import Database

log = logging.getLogger(__name__)


def mark_erasure(connection: apsw.Connection) -> int:
    """Set a mark, within the transaction that erases, and return its id."""
    connection.execute("insert into erasures default values")
    return connection.last_insert_rowid()


def note_erased_ids(connection: apsw.Connection, ids: Iterable[str], moment: str) -> None:
    """Keep the ids of what is erased, and nothing else of it, within the transaction that erases."""
    sql = "insert or ignore into erased_memories (memory_id, erased_at) values (?, ?)"
    connection.executemany(sql, [(id_, moment) for id_ in ids])


async def erased_ids(database: Database) -> tuple[str, ...]:
    """Return the ids of all that was ever erased."""
    return tuple(str(id_) for (id_,) in await database.rows("select memory_id from erased_memories"))


async def unfinished(database: Database) -> tuple[int, ...]:
    """Return the marks that are set."""
    return tuple(int(mark) for (mark,) in await database.rows("select id from erasures"))


async def end_erasure(database: Database, mark: int) -> None:
    """Take a mark away: nothing is left of what was erased. One that stays costs the next start a look, and no more."""
    try:
        await database.write(lambda c: c.execute("delete from erasures where id = ?", (mark,)).fetchall())
    except UserError as error:
        log.warning("the mark of an erasure stays until the next start: %s", error)
