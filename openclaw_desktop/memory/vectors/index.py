"""The vectors of the one file: kept for each memory, and the nearest found.

Owns the tables `vector_engines`, `vector_lists` and `vectors_<engine>`. Must not know words, scores or what a memory
is. Loop; SQL runs on the database's threads.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from typing import Any

import apsw

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.protocols import Embed
from openclaw_desktop.memory.recall.scoring import cosine_of_distance
from openclaw_desktop.storage.database import Database, fetch

log = logging.getLogger(__name__)

CATCH_UP_BATCH = 256


class VectorIndex:
    """The vectors made by one engine; `embed` None: there are none, and words alone find."""

    def __init__(self, database: Database, embed: Embed | None) -> None:
        self._database = database
        self._embed = embed
        self._table: str | None = None

    async def embed(self, texts: Sequence[str]) -> list[bytes]:
        """Return a vector for each text, or nothing where no engine works."""
        if self._embed is None or not texts:
            return []
        try:
            return await self._embed(texts)
        except (UserError, OSError, MemoryError) as error:
            log.warning("no vectors: %s", error)
            return []

    async def open(self) -> bool:
        """Make the engine's table ready for `add`; False where there is no engine."""
        if self._table is None and self._embed is not None:
            name = (self._embed.engine, self._embed.version, self._embed.dimension)
            self._table = await self._database.write(lambda c: _register_engine(c, *name))
        return self._table is not None

    async def ready(self) -> bool:
        """Make every memory have its vector, before a search; False where it can't be: words still find."""
        try:
            if await self.open():
                await self._catch_up()
                return True
        except UserError as error:  # a full disk keeps nobody from reading
            log.warning("searched by words alone: %s", error)
        return False

    def add(self, connection: apsw.Connection, pairs: Sequence[tuple[int, bytes]]) -> None:
        """Keep the vectors of new rows, in the transaction that inserts them; after `open`."""
        if self._table is not None:
            sql = f"insert into {self._table} (memory_rowid, embedding) values (?, ?)"
            connection.executemany(sql, pairs)

    def nearest(self, connection: apsw.Connection, vector: bytes, k: int) -> list[tuple[int, float]]:
        """Return (rowid, cosine) of the `k` nearest, nearest first."""
        if self._table is None:
            return []
        sql = f"select memory_rowid, distance from {self._table} where embedding match ? and k = ?"
        return [(int(rowid), cosine_of_distance(distance)) for rowid, distance in fetch(connection, sql, (vector, k))]

    async def _catch_up(self) -> None:
        table = self._table
        assert table is not None
        missing_sql = f"""select rowid, text from memories
            where rowid not in (select memory_rowid from {table}) limit {CATCH_UP_BATCH}"""
        counts = f"select (select count(*) from memories) - (select count(*) from {table}_rowids)"
        while (await self._database.rows(counts))[0][0] > 0:
            missing = await self._database.rows(missing_sql)
            vectors = await self.embed([text for _, text in missing])
            if not missing or not vectors:
                return
            pairs = [(rowid, vector) for (rowid, _), vector in zip(missing, vectors, strict=True)]
            await self._database.write(partial(_insert_missing, table=table, pairs=pairs))


def remove_vectors(connection: apsw.Connection, rowids: Sequence[int]) -> None:
    """Remove the vectors of erased rows, whatever engine made them."""
    for (number,) in fetch(connection, "select id from vector_engines"):
        sql = f"delete from vectors_{int(number)} where memory_rowid = ?"
        connection.executemany(sql, [(rowid,) for rowid in rowids])


def _register_engine(connection: apsw.Connection, engine: str, version: str, dimension: int) -> str:
    name = (engine, version, dimension)
    connection.execute("insert or ignore into vector_engines (name, version, dimension) values (?, ?, ?)", name)
    number = fetch(connection, "select id from vector_engines where name = ? and version = ? and dimension = ?", name)[
        0
    ][0]
    table = f"vectors_{int(number)}"
    connection.execute(
        f"""create virtual table if not exists {table}
        using vec0 (memory_rowid integer primary key, embedding float[{int(dimension)}])"""
    )
    return table


def _insert_missing(connection: apsw.Connection, *, table: str, pairs: list[tuple[Any, bytes]]) -> None:
    # On the writer: a memory may have been forgotten, or given its vector by another recall, since it was read.
    connection.executemany(
        f"""insert into {table} (memory_rowid, embedding) select ?1, ?2
        where exists (select 1 from memories where rowid = ?1)
        and not exists (select 1 from {table} where memory_rowid = ?1)""",
        pairs,
    )
