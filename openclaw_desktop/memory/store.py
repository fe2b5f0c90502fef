"""Memory of one file: keep, find, erase.

Owns the way of a memory into the file and out of it. Must not know prompts or sessions' messages. Loop; SQL runs on
the database's threads.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

import apsw

from openclaw_desktop.core.clock import Clock, SystemClock
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.ids import new_id
from openclaw_desktop.core.protocols import Embed
from openclaw_desktop.memory import rows
from openclaw_desktop.memory.erasures import end_erasure, mark_erasure, unfinished
from openclaw_desktop.memory.recall.search import Search
from openclaw_desktop.memory.records import NewMemory, Recollection, StoredMemory, as_recollection
from openclaw_desktop.memory.sessions import QUESTION_KEY
from openclaw_desktop.memory.vectors.index import VectorIndex, remove_vectors
from openclaw_desktop.storage.database import Database, fetch

log = logging.getLogger(__name__)

# A fact and both sides of the turn that it was told in may all be found.
FOUND_PER_HIT = 3


class MemoryStore:
    """The memories of one file."""

    def __init__(self, database: Database, embed: Embed | None, clock: Clock | None = None) -> None:
        self._database = database
        self._clock = clock or SystemClock()
        self._vectors = VectorIndex(database, embed)
        self._search = Search(database, self._vectors)
        self._derived: list[Callable[[], Awaitable[None]]] = []
        self.erasures = 0

    async def remember(self, memory: NewMemory) -> str:
        """Keep one memory and return its id after the commit."""
        return (await self.remember_many([memory]))[0]

    async def remember_many(self, memories: Sequence[NewMemory]) -> list[str]:
        """Keep all of `memories` in one transaction and return their ids, in order."""
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
        vectors = await self._vectors.embed([memory.text for memory in memories])
        if vectors:
            await self._vectors.open()

        def insert(connection: apsw.Connection) -> None:
            rowids = rows.insert(connection, placed, now)
            if vectors:
                self._vectors.add(connection, list(zip(rowids, vectors, strict=True)))

        await self._database.write(insert)
        return ids

    async def recall(self, query: str, k: int = 10, now: datetime | None = None) -> list[Recollection]:
        """Return up to `k` memories for `query`, best first; each says why.

        What became a fact at once is found as that fact alone, and not as the words of its turn too.
        """
        hits = await self._search.find(query, FOUND_PER_HIT * k, now or self._clock.now())
        told = {hit.turn_id for hit in hits if hit.kind == "fact" and hit.turn_id}
        return [hit for hit in hits if hit.kind != "turn" or hit.turn_id not in told][:k]

    async def forget(self, ids: Sequence[str]) -> int:
        """Erase memories, their vectors and index entries, and the words of the turns they came from.

        Returns how many memories there were. After it the file and its log hold none of the bytes of those rows; an
        answer of another turn that quoted one is a text of its own. Where a kill comes in between, `finish_erasures`
        does the rest.
        """

        def erase(connection: apsw.Connection) -> tuple[int, int | None]:
            marks = ",".join("?" * len(ids))
            found = fetch(connection, f"select rowid, turn_id from memories where id in ({marks})", tuple(ids))
            turns = tuple(turn for _, turn in found if turn)
            same_turn = f"select rowid, turn_id from memories where turn_id in ({','.join('?' * len(turns))})"
            derived = fetch(connection, same_turn, turns)
            rowids = sorted({row[0] for row in [*found, *derived]})
            remove_vectors(connection, rowids)
            connection.executemany("delete from memories where rowid = ?", [(rowid,) for rowid in rowids])
            connection.executemany("delete from messages where turn_id = ?", [(turn,) for turn in turns])
            connection.executemany("delete from working_memory where turn_id = ?", [(turn,) for turn in turns])
            # Any question may have been read together with what is erased.
            connection.execute("delete from working_memory where key = ?", (QUESTION_KEY,))
            connection.execute("delete from working_memory where key like ?", ('%"tool": "recall"%',))
            return len(found), mark_erasure(connection) if found else None

        # Before, so that what cannot be erased stops all of it, and after, for what was made meanwhile.
        await self._erase_derived()
        try:
            count, mark = await self._database.write(erase)
            self.erasures += bool(count)
            if mark is not None:
                await self._database.erase_traces()
        finally:
            await self._erase_derived()
        if mark is not None:
            await end_erasure(self._database, mark)
        return count

    async def finish_erasures(self) -> None:
        """Finish what a kill cut short, at the start and before anything is answered; what fails is tried next time."""
        try:
            if not (marks := await unfinished(self._database)):
                return
            log.warning("an erasure was cut short; it is finished now")
            await self._database.erase_traces()
            await self._erase_derived()
            for mark in marks:
                await end_erasure(self._database, mark)
        except (UserError, OSError) as error:
            log.error("an erasure that was cut short could not be finished: %s", error)

    async def _erase_derived(self) -> None:
        for erase_derived in self._derived:
            await erase_derived()

    def when_erased(self, erase_derived: Callable[[], Awaitable[None]]) -> None:
        """Have `erase_derived` called after memories were erased: by whoever keeps something made of them."""
        self._derived.append(erase_derived)

    async def note_use(self, ids: Sequence[str]) -> None:
        """Count that an answer used these memories."""
        if not ids:
            return
        moment = self._clock.now().isoformat(timespec="seconds")
        sql = "update memories set access_count = access_count + 1, last_access_at = ? where id = ?"
        await self._database.write(lambda c: c.executemany(sql, [(moment, memory_id) for memory_id in ids]).fetchall())

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
