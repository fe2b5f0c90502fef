"""The marks of erasures that are not done yet.

Owns the table `erasures`: a mark is set in the transaction that erases and goes when no trace is left, so that what a
kill cuts short is known at the next start. Must not know what is erased. Loop; SQL runs on the database's threads.
"""

from __future__ import annotations

import logging

import apsw

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.storage.database import Database

log = logging.getLogger(__name__)


def mark_erasure(connection: apsw.Connection) -> int:
    """Set a mark, within the transaction that erases, and return its id."""
    connection.execute("insert into erasures default values")
    return connection.last_insert_rowid()


async def unfinished(database: Database) -> tuple[int, ...]:
    """Return the marks that are set."""
    return tuple(int(mark) for (mark,) in await database.rows("select id from erasures"))


async def end_erasure(database: Database, mark: int) -> None:
    """Take a mark away: nothing is left of what was erased. One that stays costs the next start a look, and no more."""
    try:
        await database.write(lambda c: c.execute("delete from erasures where id = ?", (mark,)).fetchall())
    except UserError as error:
        log.warning("the mark of an erasure stays until the next start: %s", error)
