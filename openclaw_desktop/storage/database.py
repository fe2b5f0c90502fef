"""The one SQLite file: one writer thread, one reader thread, and an async face.

Owns the connections, their settings and the sentences for what can go wrong with a file. Must not know any table.
The loop only awaits; SQLite runs on the two threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import apsw

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr
from openclaw_desktop.storage.atomic import sync_folder
from openclaw_desktop.storage.connection import BUSY_TIMEOUT_MS, WITHOUT_SHARED_FILE, connect
from openclaw_desktop.storage.migrations import migrate
from openclaw_desktop.storage.recovery import (
    READ_AT_ONCE_BYTES,
    damaged,
    ended_uncleanly,
    find_damage,
    glance,
    is_foreign,
    is_suspect,
    mark_suspect,
    prepare_place,
)
from openclaw_desktop.storage.repair import make_anew
from openclaw_desktop.storage.waiting import Waiting

log = logging.getLogger(__name__)

T = TypeVar("T")
Row = tuple[Any, ...]

WRITER = "database-writer"
# Between two tries to open a file that others are opening.
RETRY_EVERY_S = 0.01
_NO_ROOM_TO_SHARE = {apsw.SQLITE_IOERR_SHMOPEN, apsw.SQLITE_IOERR_SHMSIZE, apsw.SQLITE_IOERR_SHMMAP}


class Database:
    """An open file. Every write is one transaction that has reached the disk when it returns."""

    def __init__(self, path: Path, key: bytes | None) -> None:
        self.path = path
        self._key = key
        self._vfs: str | None = None
        self._writer = ThreadPoolExecutor(1, WRITER)
        self._reader = ThreadPoolExecutor(1, "database-reader")
        self._write_connection: apsw.Connection | None = None
        self._read_connection: apsw.Connection | None = None
        self._beside = ThreadPoolExecutor(1, "database-beside")
        self._beside_connection: apsw.Connection | None = None
        # How much is done, or waits to be, on its threads now.
        self.queued = 0
        # Background work gives way to those.
        self.waiting = Waiting()
        # The last end was unclean, and the file is too large to be read through before the start.
        self.unread = False
        # A page was found damaged while the file was open.
        self._damaged = False

    @property
    def key(self) -> bytes | None:
        """The key of the file and of its copies; None: not encrypted."""
        return self._key

    @property
    def encrypted(self) -> bool:
        """Whether the file is encrypted."""
        return self._key is not None

    @classmethod
    async def open(cls, path: Path, *, key: bytes | None = None, backups: Path | None = None) -> Database:
        """Open or create the file and bring it to the newest schema, with a copy in `backups` first.

        Raises UserError with a sentence where the file is locked, damaged, of a newer version, or cannot be written.
        """
        database = cls(path, key)
        try:
            await database._on(database._writer, lambda: database._prepare(backups))
        except BaseException:
            await database.close()
            raise
        return database

    def _prepare(self, backups: Path | None) -> None:
        prepare_place(self.path, backups)
        if not self.path.exists():
            self.path.touch(mode=0o600)
            sync_folder(self.path.parent)
        unclean = ended_uncleanly(self.path)
        # Where a page was found damaged, that is settled before anything is written, however large the file.
        self.unread = unclean and not is_suspect(self.path) and self.path.stat().st_size > READ_AT_ONCE_BYTES
        try:
            try:
                self._open_writer(read_through=unclean and not self.unread)
            except apsw.IOError as error:
                if getattr(error, "extendedresult", 0) not in _NO_ROOM_TO_SHARE or not WITHOUT_SHARED_FILE:
                    raise
                # A full disk keeps nobody from reading.
                self._close_writer()
                self._vfs = WITHOUT_SHARED_FILE
                self._open_writer(read_through=unclean and not self.unread)
        except (apsw.CorruptError, apsw.NotADBError) as error:
            if is_foreign(self.path, self._key, error):
                raise
            self._let_go()
            kept = make_anew(self.path, self._key)
            if kept is None:
                raise damaged(self.path, str(error), backups, self._key) from error
            log.warning("%s was damaged (%s) and is made anew, with every memory; kept as %s", self.path, error, kept)
            self._open_writer(read_through=False)
        self._damaged = False
        assert self._write_connection is not None
        migrate(self._write_connection, self.path, backups)

    def _open_writer(self, *, read_through: bool) -> None:
        """Open the connection that writes; raises apsw.CorruptError where the file is damaged.

        Two that open a new file at once may each stand in the other's way, or see its tables change under their eyes:
        SQLite gives that up at once, whatever its time limit, so it is tried again within the same limit.
        """
        until_s = time.monotonic() + BUSY_TIMEOUT_MS / 1000
        while True:
            try:
                return self._open_writer_once(read_through)
            except (apsw.BusyError, apsw.SchemaChangeError):
                if time.monotonic() >= until_s:
                    raise
                self._close_writer()
                time.sleep(RETRY_EVERY_S)

    def _open_writer_once(self, read_through: bool) -> None:
        self._write_connection = connection = self._connect(apsw.SQLITE_OPEN_READWRITE)
        if int(connection.pragma("page_count")) == 0:
            connection.pragma("auto_vacuum", "incremental")
        connection.pragma("journal_mode", "wal")
        connection.pragma("synchronous", "full")
        glance(connection)
        if read_through and (reason := find_damage(connection, self.path)):
            raise apsw.CorruptError(reason)

    def _let_go(self) -> None:
        """Close the writer's connection without folding the log into a damaged file."""
        if self._write_connection is not None:
            self._write_connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            self._close_writer()

    def _connect(self, flags: int) -> apsw.Connection:
        return connect(self.path, self._key, flags, BUSY_TIMEOUT_MS, self._vfs)

    async def write(self, change: Callable[[apsw.Connection], T]) -> T:
        """Run `change` in one transaction on the writer thread; returns after COMMIT.

        Raises UserError, and nothing is changed, once a part of the file was found damaged.
        """
        if self._damaged:
            raise UserError(
                "database_damaged",
                tr("A part of {path} is damaged, so nothing was changed.", path=self.path),
                advice_for_damage(),
            )

        def transact() -> T:
            assert self._write_connection is not None
            with self._write_connection:
                result = change(self._write_connection)
            return result

        return await self._on(self._writer, transact)

    async def read(self, query: Callable[[apsw.Connection], T]) -> T:
        """Run `query` on the reader thread, on a connection that cannot write."""

        def run() -> T:
            if self._read_connection is None:
                self._read_connection = self._connect(apsw.SQLITE_OPEN_READONLY)
            return query(self._read_connection)

        return await self._on(self._reader, run)

    async def rows(self, sql: str, values: tuple[Any, ...] = ()) -> list[Row]:
        """Return the rows of one query."""
        return await self.read(lambda connection: fetch(connection, sql, values))

    async def maintain(self, work: Callable[[apsw.Connection], T]) -> T:
        """Run `work` on the writer thread outside a transaction: checkpoints, VACUUM, backups."""

        def run() -> T:
            assert self._write_connection is not None
            return work(self._write_connection)

        return await self._on(self._writer, run)

    async def beside(self, work: Callable[[apsw.Connection], T]) -> T:
        """Run `work` on a reading connection and a thread of its own: reads and writes go on. Backups and checks."""

        def run() -> T:
            self._beside_connection = connection = self._connect(apsw.SQLITE_OPEN_READONLY)
            try:
                return work(connection)
            finally:
                self._beside_connection = None
                connection.close()

        return await self._on(self._beside, run)

    def _end_beside(self) -> None:
        if (connection := self._beside_connection) is not None:
            with contextlib.suppress(apsw.Error):  # it is closed just now
                connection.interrupt()

    async def change_file(
        self,
        prepare: Callable[[], object],
        swap: Callable[[], object],
        undo: Callable[[], object],
        key: bytes | None,
    ) -> None:
        """Put another file, with `key`, in the place of this one: `prepare`, then `swap` once nothing has it open.

        Reads go on during `prepare`, writes wait for all of it. Where the new file does not open, `undo` brings the old
        one back, which is then open as before. All three run on the writer thread.
        """

        def run() -> None:
            prepare()
            parked, go_on = threading.Event(), threading.Event()
            self._end_beside()
            self._beside.submit(parked.set)
            parked.wait()
            parked.clear()
            self._beside.submit(go_on.wait)
            self._reader.submit(self._park, parked, go_on)
            parked.wait()
            try:
                self._exchange(swap, undo, key)
            finally:
                go_on.set()

        await self._on(self._writer, run)

    def _park(self, parked: threading.Event, go_on: threading.Event) -> None:
        """Close the reader's connection and keep its thread until the other file is there."""
        if self._read_connection is not None:
            self._read_connection.close()
            self._read_connection = None
        parked.set()
        go_on.wait()

    def _exchange(self, swap: Callable[[], object], undo: Callable[[], object], key: bytes | None) -> None:
        before = self._key
        try:
            self._close_writer()
            swap()
            self._key = key
            self._prepare(None)
        except BaseException:
            self._close_writer()
            undo()
            self._key = before
            self._prepare(None)
            raise

    def _close_writer(self) -> None:
        if self._write_connection is not None:
            self._write_connection.close()
            self._write_connection = None

    async def erase_traces(self) -> None:
        """Leave no byte of what was deleted: fold the log into the file and cut it to nothing."""
        try:
            await self.maintain(lambda connection: connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE))
        except UserError as error:
            if error.failure.code != "disk_full":
                raise
            raise UserError(
                "disk_full",
                tr(
                    "The disk that holds {path} is full: it is deleted, but not yet erased from the file.",
                    path=self.path,
                ),
                tr("Free some space and start again; the start finishes it."),
            ) from error

    async def checkpoint(self) -> None:
        """Fold the log into the file without waiting for readers."""
        await self.maintain(lambda connection: connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE))

    async def give_back_memory(self) -> None:
        """Let go of the pages that are kept in memory; they are read again when needed."""
        for run in (self.maintain, self.read):
            await run(lambda connection: connection.pragma("shrink_memory"))

    def ask_writer(self, answer: Callable[[], None]) -> None:
        """Have `answer` called on the writer thread once all that waits there is done; after `close` it never is."""
        with contextlib.suppress(RuntimeError):
            self._writer.submit(answer)

    def writer_worked_s(self) -> float | None:
        """Return how long the writer thread has kept a processor busy, in seconds; None where that isn't told."""
        if sys.platform != "linux":
            return None
        for thread in threading.enumerate():
            if thread.name.startswith(f"{WRITER}_") and thread.ident is not None and thread in self._writer._threads:
                with contextlib.suppress(OSError):
                    return time.clock_gettime(time.pthread_getcpuclockid(thread.ident))
        return None

    async def close(self) -> None:
        """Finish what is queued, fold the log into the file and close."""

        def close(connection: apsw.Connection | None) -> None:
            if connection is not None:
                connection.close()

        loop = asyncio.get_running_loop()
        self._end_beside()
        await loop.run_in_executor(self._beside, self._end_beside)
        await loop.run_in_executor(self._reader, lambda: close(self._read_connection))
        await loop.run_in_executor(self._writer, lambda: close(self._write_connection))
        self._read_connection = self._write_connection = None
        self._beside.shutdown(wait=False)
        self._reader.shutdown(wait=False)
        self._writer.shutdown(wait=False)

    def note_damage(self) -> None:
        """Write nothing more to the file, and have the next start mend it: a part of it was found damaged."""
        self._damaged = True
        mark_suspect(self.path)

    async def _on(self, thread: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        self.queued += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(thread, work)
        except apsw.CorruptError as error:
            if hasattr(error, "result"):  # SQLite's own word, not ours about a copy
                self.note_damage()
            raise explain(error, self.path) from error
        except (apsw.Error, OSError) as error:
            raise explain(error, self.path) from error
        finally:
            self.queued -= 1


def fetch(connection: apsw.Connection, sql: str, values: tuple[Any, ...] = ()) -> list[Row]:
    """Run one statement and return its rows."""
    return [tuple(row) for row in connection.execute(sql, values)]


def advice_for_damage() -> str:
    """Return what to do about a file that was found damaged while it was open."""
    return tr(
        "With the agent ended, openclaw-agent doctor --fix makes it whole again or brings back the newest good backup; "
        "the damaged file is kept."
    )


def explain(error: Exception, path: Path) -> Exception:
    """Return the sentence for what SQLite or the system said about the file; other errors come back as they are."""
    if isinstance(error, apsw.FullError) or (isinstance(error, OSError) and error.errno == 28):
        return UserError(
            "disk_full",
            tr("The disk that holds {path} is full, so nothing was changed.", path=path),
            tr("Free some space and try again; what was saved before is safe."),
        )
    if isinstance(error, (apsw.BusyError, apsw.LockedError)):
        return UserError(
            "database_locked",
            tr("Another program keeps {path} locked.", path=path),
            tr("Close the program that has the file open, then try again; nothing is lost."),
        )
    if isinstance(error, (apsw.ReadOnlyError, apsw.CantOpenError, PermissionError)):
        return UserError(
            "database_read_only",
            tr("{path} cannot be written.", path=path),
            tr("Make its folder writable for you, or choose another with --home."),
        )
    if isinstance(error, (apsw.CorruptError, apsw.NotADBError)):
        advice = advice_for_damage()
        if isinstance(error, apsw.NotADBError):  # not even its first page: a start can't tell whose file it is
            advice = tr("Bring back the newest good backup: openclaw-agent backup restore latest. That file is kept.")
        return UserError(
            "database_damaged",
            tr("{path} is damaged or is not ours ({reason}). It was left as it is.", path=path, reason=error),
            advice,
        )
    if isinstance(error, (apsw.IOError, OSError)):
        return UserError(
            "database_io",
            tr("The disk reported an error for {path}: {reason}.", path=path, reason=error),
            tr("Check the disk and its free space, then try again."),
        )
    return error
