"""What the tests of vectors share: a file with memories, and an engine whose vectors lie in heaps."""

import hashlib
from collections.abc import Sequence

import apsw
import numpy as np

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.memory.vectors.index import VectorIndex
from openclaw_desktop.storage.database import Database

DIMENSION = 64


class Heaps:
    """An engine whose texts "HEAP NUMBER" of one heap lie near one another; its real counterparts are MiniLM's worker
    (test_embed_worker) and WordLlama (test_store)."""

    def __init__(self, version: str = "1", dimension: int = DIMENSION, *, instant: bool = True) -> None:
        self.engine, self.version, self.dimension = "heaps", version, dimension
        self.instant = instant
        self.asked: list[list[str]] = []
        self.works = self.loaded = True

    def load_soon(self) -> bool:
        return self.loaded

    async def __call__(self, texts: Sequence[str]) -> list[bytes]:
        if not self.works:
            raise UserError("engine_missing", "no engine")
        self.asked.append(list(texts))
        return [self.vector(text) for text in texts]

    def vector(self, text: str) -> bytes:
        heap = text.split()[-2] if len(text.split()) > 1 else text
        row = self._draw(f"heap {heap}") + 0.3 * self._draw(text)
        if text == "nothing":
            row = np.zeros(self.dimension)
        length = np.linalg.norm(row) or 1.0
        return (row / length).astype("<f4").tobytes()

    def _draw(self, seed: str) -> np.ndarray:
        number = int.from_bytes(hashlib.sha256(f"{self.version}{seed}".encode()).digest()[:8], "big")
        return np.random.default_rng(number).standard_normal(self.dimension)


def insert(connection: apsw.Connection, text: str, kind: str = "fact", session: str | None = None) -> int:
    """Put a memory into the table alone, as an earlier version or a failed engine would leave it."""
    connection.execute(
        """insert into memories (id, tier, kind, text, session_id, created_at, created_s, observed_at, integrity,
        confidentiality) values (hex(randomblob(8)), 'long', ?, ?, ?, '2026-01-01', 0, '2026-01-01', 'user', 'private')
        """,
        (kind, text, session),
    )
    return connection.last_insert_rowid()


async def remember(database: Database, index: VectorIndex, texts: Sequence[str]) -> list[int]:
    """Keep memories with their vectors, as the store does."""
    vectors = await index.embed_new(texts)

    def change(connection: apsw.Connection) -> list[int]:
        rowids = [insert(connection, text) for text in texts]
        if vectors:
            index.add(connection, list(zip(rowids, vectors, strict=True)))
        return rowids

    rowids = await database.write(change)
    index.follow()
    return rowids


async def find(database: Database, index: VectorIndex, text: str, k: int = 10) -> list[int]:
    """Return the rowids that a question finds."""
    (vector,) = await index.embed([text])
    return [rowid for rowid, _ in await database.read(lambda c: index.nearest(c, vector, k))]


async def finish(index: VectorIndex) -> None:
    """Do all background work that there is."""
    while await index.work(60):
        pass


def stale_codes(connection: apsw.Connection) -> list[int]:
    """Return the lists whose codes are not those of the vectors that they hold."""
    stale = []
    for engine, number, entries in connection.execute("select engine_id, list, entries from vector_codes").fetchall():
        sql = "select memory_rowid, vector from vectors where engine_id = ? and list = ?"
        held = {
            rowid.to_bytes(8, "big") + np.packbits(np.frombuffer(vector, np.int8) > 0, bitorder="little").tobytes()
            for rowid, vector in connection.execute(sql, (engine, number))
        }
        size = max(map(len, held), default=1)
        found = [entries[start : start + size] for start in range(0, len(entries), size)]
        if sorted(found) != sorted(held):
            stale.append(number)
    return stale
