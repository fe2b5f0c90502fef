"""Files that the agent wrote, and what they are worth: as much as what they were written from.

Owns the table `written_files`. Must not know who writes or reads a file. Loop; SQL on the database's threads.
"""

from __future__ import annotations

import apsw

from openclaw_desktop.core.clock import Clock, SystemClock
from openclaw_desktop.core.labels import Label
from openclaw_desktop.security.labels import join, label_columns, label_of
from openclaw_desktop.storage.database import Database, fetch


class WrittenFiles:
    """The labels of written files, bound to their bytes: a file that somebody changed since is not ours any more."""

    def __init__(self, database: Database, clock: Clock | None = None) -> None:
        self._database = database
        self._clock = clock or SystemClock()

    async def note(self, path: str, sha256: str, label: Label) -> None:
        """Keep that the canonical `path` now holds bytes of that SHA-256 (hex), written in a context of `label`."""
        row = (path, sha256, *label_columns(label), self._clock.now().isoformat(timespec="seconds"))
        sql = "insert or replace into written_files values (?, ?, ?, ?, ?, ?)"
        await self._database.write(lambda c: c.execute(sql, row).fetchall())

    async def foretell(self, path: str, sha256: str, label: Label) -> bool:
        """Keep, before it is so, that `path` will hold those bytes; return True where worse is known of them there.

        The worse of both counts until `note` says what came of it: whatever ends in between, nothing becomes better.
        """

        def insert(connection: apsw.Connection) -> bool:
            sql = "select integrity, confidentiality, origins from written_files where path = ? and sha256 = ?"
            known = [label_of(*row) for row in fetch(connection, sql, (path, sha256))]
            worse = join([*known, label])
            row = (path, sha256, *label_columns(worse), self._clock.now().isoformat(timespec="seconds"))
            connection.execute("insert or replace into written_files values (?, ?, ?, ?, ?, ?)", row).fetchall()
            return worse != join([label])

        return await self._database.write(insert)

    async def label_of(self, path: str, sha256: str) -> Label | None:
        """Return the label of the text of that hash, wherever it lies by now; None where the agent wrote no such.

        A copy in another folder is what it was: the least trusted of all that were written with these bytes.
        """
        sql = "select integrity, confidentiality, origins from written_files where sha256 = ?"
        rows = await self._database.rows(sql, (sha256,))
        return join(label_of(*row) for row in rows) if rows else None

    async def moved(self, old: str, new: str) -> None:
        """Keep the label with a file that was moved."""
        sql = "update or replace written_files set path = ?2 where path = ?1"
        await self._database.write(lambda c: c.execute(sql, (old, new)).fetchall())
