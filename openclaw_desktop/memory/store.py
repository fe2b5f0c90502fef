"""Long-term memory: keep, find, erase.

Owns the tables `memories`, `memories_fts`, `vector_engines` and `vectors_<engine>`. Must not know prompts or sessions'
messages. Loop; SQL runs on the database's threads.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import apsw

from openclaw_desktop.core.clock import Clock, SystemClock
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.ids import new_id
from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.protocols import Embed
from openclaw_desktop.memory import scoring
from openclaw_desktop.memory.erasures import end_erasure, mark_erasure, unfinished
from openclaw_desktop.memory.records import NewMemory, Recollection
from openclaw_desktop.memory.sessions import QUESTION_KEY
from openclaw_desktop.storage.database import Database, Row, fetch

log = logging.getLogger(__name__)

WORD_CANDIDATES = 200
VECTOR_CANDIDATES = 50
CATCH_UP_BATCH = 256

COLUMNS = """m.rowid, m.id, m.text, m.tier, m.created_at, m.source, m.kind, m.speaker, m.session_id, m.importance,
    m.integrity, m.confidentiality, m.origins, m.purpose"""


class MemoryStore:
    """The memories of one file."""

    def __init__(self, database: Database, embed: Embed | None, clock: Clock | None = None) -> None:
        self._database = database
        self._embed = embed
        self._clock = clock or SystemClock()
        self._table: str | None = None
        self._derived: list[Callable[[], Awaitable[None]]] = []
        self.erasures = 0

    async def remember(self, memory: NewMemory) -> str:
        """Keep one memory and return its id after the commit."""
        return (await self.remember_many([memory]))[0]

    async def remember_many(self, memories: Sequence[NewMemory]) -> list[str]:
        """Keep all of `memories` in one transaction and return their ids, in order."""
        now = self._clock.now().isoformat(timespec="milliseconds")
        for memory in memories:
            if not memory.text.strip():
                raise ValueError("a memory needs text")
            if not 0.0 <= memory.importance <= 1.0:
                raise ValueError("importance lies between 0 and 1")
        vectors = await self._vectors([memory.text for memory in memories])
        table = await self._vector_table() if vectors else None
        ids = [new_id("mem") for _ in memories]

        def insert(connection: apsw.Connection) -> None:
            for index, (memory_id, memory) in enumerate(zip(ids, memories, strict=True)):
                connection.execute(_INSERT, _row(memory_id, memory, memory.created_at or now))
                if table and vectors:
                    connection.execute(
                        f"insert into {table} (memory_rowid, embedding) values (?, ?)",
                        (connection.last_insert_rowid(), vectors[index]),
                    )

        await self._database.write(insert)
        return ids

    async def recall(self, query: str, k: int = 10, now: datetime | None = None) -> list[Recollection]:
        """Return up to `k` memories for `query`, best first (see `scoring` for the formula)."""
        now = now or self._clock.now()
        words = scoring.query_words(query)
        if not words or k < 1:
            return []
        vectors = await self._vectors([query])
        table = await self._searchable_vectors() if vectors else None
        vector = vectors[0] if vectors else None
        rows = await self._database.read(lambda c: _candidates(c, words, table, vector))
        return sorted((_hit(row, words, now) for row in rows), key=lambda hit: (-hit.score, hit.id))[:k]

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
            for table in _vector_tables(connection):
                connection.executemany(f"delete from {table} where memory_rowid = ?", [(rowid,) for rowid in rowids])
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
        sql = f"select {COLUMNS} from memories m where m.id = ?"
        rows = await self._database.rows(sql, (memory_id,))
        return _recollection(rows[0], 0.0, 0.0, "") if rows else None

    async def _vectors(self, texts: Sequence[str]) -> list[bytes]:
        """Embed, or return nothing where no engine works: words alone still find."""
        if self._embed is None or not texts:
            return []
        try:
            return await self._embed(texts)
        except (UserError, OSError, MemoryError) as error:
            log.warning("no vectors: %s", error)
            return []

    async def _vector_table(self) -> str | None:
        if self._table is None and self._embed is not None:
            name = (self._embed.engine, self._embed.version, self._embed.dimension)
            self._table = await self._database.write(lambda c: _register_engine(c, *name))
        return self._table

    async def _searchable_vectors(self) -> str | None:
        """Return the table of this engine's vectors, complete; None where it cannot be written: words still find."""
        try:
            table = await self._vector_table()
            if table:
                await self._catch_up(table)
        except UserError as error:  # a full disk keeps nobody from reading
            log.warning("searched by words alone: %s", error)
            return None
        return table

    async def _catch_up(self, table: str) -> None:
        """Give vectors to rows that have none of this engine: kept while no engine worked, or before it came."""
        missing_sql = f"""select rowid, text from memories
            where rowid not in (select memory_rowid from {table}) limit {CATCH_UP_BATCH}"""
        counts = f"select (select count(*) from memories) - (select count(*) from {table}_rowids)"
        while (await self._database.rows(counts))[0][0] > 0:
            missing = await self._database.rows(missing_sql)
            vectors = await self._vectors([text for _, text in missing])
            if not missing or not vectors:
                return
            pairs = [(rowid, vector) for (rowid, _), vector in zip(missing, vectors, strict=True)]
            await self._database.write(partial(_insert_vectors, table=table, pairs=pairs))


_INSERT = """insert into memories (id, tier, kind, text, speaker, date_words, source, session_id, turn_id, importance,
    integrity, confidentiality, origins, purpose, created_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""


def _row(memory_id: str, memory: NewMemory, created_at: str) -> Row:
    label = memory.label
    return (
        memory_id, memory.tier, memory.kind, memory.text, memory.speaker, scoring.date_words(created_at),
        memory.source, memory.session_id, memory.turn_id, memory.importance,
        label.integrity, label.confidentiality, json.dumps(label.origins), memory.purpose, created_at,
    )  # fmt: skip


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


def _insert_vectors(connection: apsw.Connection, *, table: str, pairs: list[tuple[Any, bytes]]) -> None:
    # On the writer: a memory may have been forgotten, or given its vector by another recall, since it was read.
    connection.executemany(
        f"""insert into {table} (memory_rowid, embedding) select ?1, ?2
        where exists (select 1 from memories where rowid = ?1)
        and not exists (select 1 from {table} where memory_rowid = ?1)""",
        pairs,
    )


def _vector_tables(connection: apsw.Connection) -> list[str]:
    return [f"vectors_{int(number)}" for (number,) in fetch(connection, "select id from vector_engines")]


def _candidates(
    connection: apsw.Connection, words: list[str], table: str | None, vector: bytes | None
) -> list[tuple[Row, float, float, bool]]:
    """Return (row, BM25 over the best BM25, cosine, said by the one named) for what words or meaning find."""
    speakers = {name.lower() for (name,) in fetch(connection, "select distinct speaker from memories") if name}
    named = [word for word in words if word in speakers]
    sought = [word for word in words if word not in named] or words
    found = fetch(
        connection,
        f"""select rowid, -bm25(memories_fts, 1.0, 0.2, 0.5) from memories_fts where memories_fts match ?
        order by bm25(memories_fts, 1.0, 0.2, 0.5) limit {WORD_CANDIDATES}""",
        (scoring.match_expression(sought),),
    )
    best = max((value for _, value in found), default=0.0)
    by_words = {rowid: value / best if best > 0 else 0.0 for rowid, value in found}
    by_meaning: dict[Any, float] = {}
    if table and vector:
        nearest_sql = f"select memory_rowid, distance from {table} where embedding match ? and k = {VECTOR_CANDIDATES}"
        nearest = fetch(connection, nearest_sql, (vector,))
        by_meaning = {rowid: scoring.cosine_of_distance(distance) for rowid, distance in nearest}
    rowids = list(by_words.keys() | by_meaning.keys())
    rows = fetch(
        connection,
        f"select {COLUMNS} from memories m where m.rowid in (select value from json_each(?))",
        (json.dumps(rowids),),
    )
    return [(row, by_words.get(row[0], 0.0), by_meaning.get(row[0], 0.0), str(row[7]).lower() in named) for row in rows]


def _hit(candidate: tuple[Row, float, float, bool], words: list[str], now: datetime) -> Recollection:
    row, by_words, by_meaning, by_speaker = candidate
    # Prefixes stand in for the stemmer of the index: this decides what is shown, not what is found.
    held = [word[: scoring.STEM_CHARS] for word in scoring.query_words(str(row[2]))]
    matched = [word for word in words if by_words and word[: scoring.STEM_CHARS] in held]
    signals = scoring.Signals(
        words=by_words,
        meaning=by_meaning,
        coverage=len(matched) / len(words),
        speaker=by_speaker,
        importance=float(row[9]),
        age_days=scoring.age_days(str(row[4]), now),
    )
    return _recollection(row, scoring.score(signals), scoring.relevance(signals), scoring.explain(signals, matched))


def _recollection(row: Row, score: float, relevance: float, why: str) -> Recollection:
    (_, memory_id, text, tier, created_at, source, kind, speaker, session_id, importance, *rest) = row
    integrity, confidentiality, origins, purpose = rest
    return Recollection(
        id=memory_id,
        text=text,
        tier=tier,
        score=round(score, 4),
        created_at=created_at,
        source=source,
        why=why,
        relevance=round(relevance, 4),
        kind=kind,
        speaker=speaker,
        session_id=session_id,
        importance=importance,
        label=Label(integrity, confidentiality, tuple(json.loads(origins))),
        purpose=purpose,
    )
