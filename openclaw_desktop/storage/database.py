"""The one SQLite file: one writer thread, one reader thread, and an async face.

Owns the connections, their settings and the sentences for what can go wrong with a file. Must not know any table.
The loop only awaits; SQLite runs on the two threads.
"""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import apsw

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr
from openclaw_desktop.storage.migrations import migrate

T = TypeVar("T")
Row = tuple[Any, ...]

BUSY_TIMEOUT_MS = 5_000
PAGE_CACHE_KIB = 4_096


class Database:
    """An open file. Every write is one transaction that has reached the disk when it returns."""

    def __init__(self, path: Path, key: bytes | None) -> None:
        self.path = path
        self.encrypted = key is not None
        self._key = key
        self._writer = ThreadPoolExecutor(1, "database-writer")
        self._reader = ThreadPoolExecutor(1, "database-reader")
        self._write_connection: apsw.Connection | None = None
        self._read_connection: apsw.Connection | None = None

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
        if not self.path.exists():
            self.path.touch(mode=0o600)
        connection = self._connect(apsw.SQLITE_OPEN_READWRITE)
        self._write_connection = connection
        connection.pragma("journal_mode", "wal")
        connection.pragma("synchronous", "full")
        if connection.pragma("quick_check", 1) != "ok":
            raise _damaged(self.path, "quick_check")
        migrate(connection, self.path, backups)

    def _connect(self, flags: int) -> apsw.Connection:
        connection = apsw.Connection(str(self.path), flags=flags)
        if self._key is not None:
            connection.pragma("hexkey", self._key.hex())
        connection.set_busy_timeout(BUSY_TIMEOUT_MS)
        connection.enable_load_extension(True)
        connection.load_extension(_vector_extension())
        connection.enable_load_extension(False)
        connection.pragma("foreign_keys", True)
        connection.pragma("secure_delete", True)
        connection.pragma("trusted_schema", True)
        connection.pragma("cache_size", -PAGE_CACHE_KIB)
        return connection

    async def write(self, change: Callable[[apsw.Connection], T]) -> T:
        """Run `change` in one transaction on the writer thread; returns after COMMIT."""

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

    async def erase_traces(self) -> None:
        """Leave no byte of what was deleted: fold the log into the file and cut it to nothing."""
        await self.maintain(lambda connection: connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE))

    async def checkpoint(self) -> None:
        """Fold the log into the file without waiting for readers."""
        await self.maintain(lambda connection: connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE))

    async def close(self) -> None:
        """Finish what is queued, fold the log into the file and close."""

        def close(connection: apsw.Connection | None) -> None:
            if connection is not None:
                connection.close()

        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._reader, lambda: close(self._read_connection))
        await loop.run_in_executor(self._writer, lambda: close(self._write_connection))
        self._read_connection = self._write_connection = None
        self._reader.shutdown(wait=False)
        self._writer.shutdown(wait=False)

    async def _on(self, thread: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(thread, work)
        except (apsw.Error, OSError) as error:
            raise explain(error, self.path) from error


def _vector_extension() -> str:
    # Found, not imported: the package's module imports numpy, 14 MB that an idle agent must not hold.
    found = importlib.util.find_spec("sqlite_vec")
    assert found is not None
    assert found.submodule_search_locations
    return str(Path(found.submodule_search_locations[0]) / "vec0")


def fetch(connection: apsw.Connection, sql: str, values: tuple[Any, ...] = ()) -> list[Row]:
    """Run one statement and return its rows."""
    return [tuple(row) for row in connection.execute(sql, values)]


def explain(error: Exception, path: Path) -> Exception:
    """Return the sentence for what SQLite or the system said about the file; other errors come back as they are."""
    if isinstance(error, apsw.FullError) or (isinstance(error, OSError) and error.errno == 28):
        return UserError(
            "disk_full",
            tr("The disk that holds {path} is full, so nothing was saved.", path=path),
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
        return _damaged(path, str(error))
    if isinstance(error, (apsw.IOError, OSError)):
        return UserError(
            "database_io",
            tr("The disk reported an error for {path}: {reason}.", path=path, reason=error),
            tr("Check the disk and its free space, then try again."),
        )
    return error


def _damaged(path: Path, reason: str) -> UserError:
    return UserError(
        "database_damaged",
        tr("{path} is damaged or is not ours ({reason}). It was left as it is.", path=path, reason=reason),
        tr("Move it away and put the newest good copy from the backups folder in its place, then start again."),
    )
