"""Memory of one file: keep, find, erase.

Owns the way of a memory into the file and out of it. Must not know prompts or sessions' messages. Loop; SQL runs on
the database's threads.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime

import apsw
from dateutil.tz import tzlocal

from openclaw_desktop.core.clock import Clock, SystemClock
from openclaw_desktop.core.ids import new_id
from openclaw_desktop.core.protocols import Embed
from openclaw_desktop.memory import rows
from openclaw_desktop.memory.consolidation import reading, revision
from openclaw_desktop.memory.erasing import Erasing
from openclaw_desktop.memory.recall.search import Search
from openclaw_desktop.memory.records import NewMemory, Recollection, StoredMemory, as_recollection
from openclaw_desktop.memory.vectors.index import VectorIndex, embedded_text
from openclaw_desktop.storage.database import Database

log = logging.getLogger(__name__)


class MemoryStore:
    """The memories of one file."""

    def __init__(self, database: Database, embed: Embed | Sequence[Embed] | None, clock: Clock | None = None) -> None:
        self._database = database
        self._clock = clock or SystemClock()
        self._vectors = VectorIndex(database, embed)
        self._search = Search(database, self._vectors)
        self.erasing = Erasing(database, self._clock)
        self._when_told: list[Callable[[], object]] = []

    @property
    def vectors(self) -> VectorIndex:
        """The vectors of these memories: what they lack is made by `vectors.work`; close them before the file."""
        return self._vectors

    @property
    def search(self) -> Search:
        """The search, with all that it weighs: for those who measure it."""
        return self._search

    def when_told(self, note: Callable[[], object]) -> None:
        """Have `note` called after the user told something."""
        self._when_told.append(note)

    async def remember(self, memory: NewMemory, told: bool = False) -> str:
        """Keep one memory and return its id after the commit; see `remember_many`."""
        return (await self.remember_many([memory], told))[0]

    async def remember_many(self, memories: Sequence[NewMemory], told: bool = False) -> list[str]:
        """Keep all of `memories` in one transaction and return their ids, in order.

        `told`: the user just said them, so that in the same transaction they end what they contradict.
        """
        with self._database.waiting.someone():
            ids = await self._keep(memories, told)
        self._vectors.follow()
        if told:
            for note in self._when_told:
                note()
        return ids

    async def _keep(self, memories: Sequence[NewMemory], told: bool) -> list[str]:
        now = self._clock.now()
        for memory in memories:
            if not memory.text.strip():
                raise ValueError("a memory needs text")
            if not (0.0 <= memory.importance <= 1.0 and 0.0 <= memory.confidence <= 1.0):
                raise ValueError("importance and confidence lie between 0 and 1")
        ids = [new_id("mem") for _ in memories]
        sessions = {memory.session_id for memory in memories if memory.session_id and memory.kind == "turn"}
        last_texts = await self._database.read(lambda c: _last_texts(c, sessions)) if sessions else {}
        placed = rows.place(memories, ids, last_texts)
        vectors = await self._vectors.embed_new([embedded_text(item.before, item.memory.text) for item in placed])

        def insert(connection: apsw.Connection) -> None:
            # What stood before may have been forgotten while the vectors were made: then they are made anew, later.
            before = _last_texts(connection, sessions)
            rowids = rows.insert(connection, rows.place(memories, ids, before), now)
            if vectors and before == last_texts:
                self._vectors.add(connection, list(zip(rowids, vectors, strict=True)))
            if told:
                revision.settle(connection, rowids, now)

        await self._database.write(insert)
        return ids

    async def recall(self, query: str, k: int = 10, now: datetime | None = None, facts: int = 0) -> list[Recollection]:
        """Return up to `k` memories for `query`, best first; each says why.

        `facts`: after those, so many medium-term facts that stand further down.
        """
        # "Yesterday" is the user's: the clock tells the time in UTC.
        with self._database.waiting.someone():
            return await self._search.find(query, k, now or self._clock.now().astimezone(tzlocal()), facts)

    async def forget(self, ids: Sequence[str], asked_in: str | None = None) -> int:
        """Erase memories, and all that was made of them and of the turns they came from; see `Erasing.erase`.

        Returns how many memories there were, when no file in reach holds a byte of them any more: a large one is
        written anew for that, 100 MB in a second or a few.
        """
        return (await self.erasing.erase(ids, asked_in, patient=True)).asked

    @property
    def erasures(self) -> int:
        """How often something was erased since the start."""
        return self.erasing.count

    async def note_use(self, ids: Sequence[str]) -> None:
        """Count that an answer used these memories; of a turn among them that has no fact, one may be made again."""
        if not ids:
            return
        moment = self._clock.now().isoformat(timespec="seconds")
        sql = "update memories set access_count = access_count + 1, last_access_at = ? where id = ?"

        def note(connection: apsw.Connection) -> None:
            connection.executemany(sql, [(moment, memory_id) for memory_id in ids])
            reading.reread_used(connection, ids)

        await self._database.write(note)

    async def count_by_tier(self) -> dict[str, int]:
        """Return how many memories each tier holds."""
        rows = await self._database.rows("select tier, count(*) from memories group by tier")
        return {"short": 0, "medium": 0, "long": 0} | {str(tier): int(count) for tier, count in rows}

    async def get(self, memory_id: str) -> Recollection | None:
        """Return one memory by its id."""
        memory = await self.find_by_id(memory_id)
        return as_recollection(memory) if memory else None

    async def find_by_id(self, memory_id: str) -> StoredMemory | None:
        """Return one memory with all that is stored of it."""
        found = await self._database.rows(f"select {rows.COLUMNS} from memories m where m.id = ?", (memory_id,))
        return rows.stored(found[0]) if found else None


def _last_texts(connection: apsw.Connection, sessions: set[str]) -> dict[str, str]:
    found = {session: rows.last_turn(connection, session) for session in sessions}
    return {session: turn[1] for session, turn in found.items() if turn is not None}
