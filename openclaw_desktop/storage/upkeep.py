"""What the file needs when nobody is waiting: its indexes merged, its free pages given back, its pages read through.

Owns the steps and when each was last done (table `upkeep`). Each step on the writer thread is short, so that a write
waits for one step at most, and between two steps it is asked whether the machine is still left alone. Loop.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import apsw

from openclaw_desktop.core.clock import Clock, SystemClock
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr
from openclaw_desktop.storage.database import Database, advice_for_damage, fetch
from openclaw_desktop.storage.recovery import read_through, word_indexes

log = logging.getLogger(__name__)

DAY, WEEK = timedelta(days=1), timedelta(days=7)
# Of a merge and of giving back pages, so many pages in one step: about ten milliseconds on a slow disk.
STEP_PAGES = 64
# Fewer free pages than this share stay: the next memories take them.
SPARE_SHARE = 0.02
# How many rows ANALYZE looks at for each index: enough to choose between them.
ANALYSIS_LIMIT = 400


class Upkeep:
    """Does what is due, step by step, while `may_run` allows it."""

    def __init__(self, database: Database, may_run: Callable[[], bool], clock: Clock | None = None) -> None:
        self._database = database
        self._may_run = may_run
        self._clock = clock or SystemClock()
        self._read: set[str] = set()

    async def run(self) -> bool:
        """Do what is due and return whether all of it is done; False where it was broken off, to be gone on with."""
        for job, interval, steps in (
            ("words", DAY, self._merge_words),
            ("plans", DAY, self._analyse),
            ("pages", DAY, self.give_back_pages),
            ("check", WEEK, self._read_through),
        ):
            if not await self.is_due(job, interval):
                continue
            if not self._may_run():
                return False
            async for _ in steps():
                if not self._may_run():
                    return False
            await self._note(job)
        return True

    async def is_due(self, job: str, interval: timedelta) -> bool:
        """Return whether `job` was last done longer than `interval` ago, never, or in a future that the clock left."""
        rows = await self._database.rows("select done_s from upkeep where job = ?", (job,))
        age_s = self._clock.now().timestamp() - rows[0][0] if rows else None
        return age_s is None or not 0 <= age_s < interval.total_seconds()

    async def _note(self, job: str) -> None:
        sql = "insert into upkeep (job, done_s) values (?, ?) on conflict (job) do update set done_s = excluded.done_s"
        values = (job, int(self._clock.now().timestamp()))
        await self._database.write(lambda connection: fetch(connection, sql, values))

    async def _merge_words(self) -> AsyncIterator[None]:
        """Merge the parts of each index of words; https://sqlite.org/fts5.html#the_merge_command."""
        for table in await self._database.read(word_indexes):

            def merge(connection: apsw.Connection, table: str = table) -> bool:
                before = connection.total_changes()
                connection.execute(f"insert into {table} ({table}, rank) values ('merge', ?)", (STEP_PAGES,))
                # Below two changes there was nothing left to merge.
                return connection.total_changes() - before >= 2

            while await self._database.write(merge):
                yield

    async def _analyse(self) -> AsyncIterator[None]:
        def analyse(connection: apsw.Connection) -> None:
            connection.pragma("analysis_limit", ANALYSIS_LIMIT)
            connection.execute("pragma optimize").fetchall()

        await self._database.maintain(analyse)
        yield

    async def give_back_pages(self, spare_share: float = SPARE_SHARE) -> AsyncIterator[None]:
        """Give free pages back to the disk, some at a time; below `spare_share` of the file they stay."""
        spare_pages = STEP_PAGES if spare_share else 0

        def give_back(connection: apsw.Connection) -> bool:
            free, pages = int(connection.pragma("freelist_count")), int(connection.pragma("page_count"))
            if free <= max(spare_pages, spare_share * pages):
                return False
            if int(connection.pragma("auto_vacuum")) != 2:
                # A file from before the first release of this: whole, once, and then page by page.
                connection.pragma("auto_vacuum", "incremental")
                connection.execute("vacuum")
                return False
            connection.execute(f"pragma incremental_vacuum({STEP_PAGES})").fetchall()
            return True

        while await self._database.maintain(give_back):
            yield

    async def _read_through(self) -> AsyncIterator[None]:
        """Check one table after the other; what was checked stays so while the program runs."""
        tables = "select name from sqlite_schema where type = 'table' and rootpage > 0 or sql like 'create virtual%'"
        for (name,) in await self._database.rows(tables):
            if name not in self._read:
                await self.check(str(name))
                self._read.add(name)
                yield
        self._read.clear()

    async def check(self, table: str | None = None) -> None:
        """Check all of the file, or one table; raises UserError, and the next start mends a damaged file."""
        verdict = await self._database.beside(lambda connection: read_through(connection, "integrity_check", table))
        if verdict != ["ok"]:
            self._database.note_damage()
            raise UserError(
                "database_damaged",
                tr("A part of {path} is damaged ({reason}).", path=self._database.path, reason=verdict[0]),
                advice_for_damage(),
            )
