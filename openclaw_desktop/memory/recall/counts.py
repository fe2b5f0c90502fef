"""How many memories hold each common word.

Owns the table `term_counts` and when it is counted again. Must not know questions. Counting reads the whole index, on
a connection and a thread of its own; searches go on meanwhile.
"""

from __future__ import annotations

import asyncio
import logging

import apsw

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.memory.recall.candidates import max_rowid
from openclaw_desktop.storage.database import Database, fetch

log = logging.getLogger(__name__)

# A word in fewer memories than this is followed as it stands.
COMMON_DOCUMENTS = 1_000
GROWTH = 1.25
# So many searches go by before the file's size is looked at again.
SEARCHES_BETWEEN = 50
COUNTED_KEY = "terms_counted_at"


class TermCounts:
    """The counts of one file, counted again when it has grown by a quarter."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.counting: asyncio.Task[None] | None = None
        self._searches = 0

    async def keep_current(self) -> None:
        """Begin to count in the background where that is due; called after each search."""
        self._searches += 1
        if self._searches % SEARCHES_BETWEEN != 1 % SEARCHES_BETWEEN:
            return
        if self.counting is not None and not self.counting.done():
            return
        total, counted = await self._database.read(_state)
        if total >= COMMON_DOCUMENTS and total > GROWTH * counted:
            self.counting = asyncio.create_task(self._count())

    async def _count(self) -> None:
        try:
            await self.count()
        except (UserError, apsw.Error, RuntimeError) as error:  # the two latter: the file is being closed
            log.warning("words were not counted: %s", error)

    async def count(self) -> None:
        """Count the common words now."""
        total, counts = await self._database.beside(_read_counts)

        def store(connection: apsw.Connection) -> None:
            connection.execute("delete from term_counts")
            connection.executemany("insert into term_counts (term, documents) values (?, ?)", counts)
            connection.execute(
                "insert or replace into memory_state (key, value) values (?, ?)", (COUNTED_KEY, str(total))
            )

        await self._database.write(store)


def _state(connection: apsw.Connection) -> tuple[int, int]:
    marks = fetch(connection, "select value from memory_state where key = ?", (COUNTED_KEY,))
    return max_rowid(connection), int(marks[0][0]) if marks else 0


def _read_counts(connection: apsw.Connection) -> tuple[int, list[tuple[str, int]]]:
    connection.execute("create virtual table temp.terms using fts5vocab ('main', 'memories_fts', 'row')")
    found = fetch(connection, "select term, doc from temp.terms where doc >= ?", (COMMON_DOCUMENTS,))
    return max_rowid(connection), [(str(term), int(count)) for term, count in found]
