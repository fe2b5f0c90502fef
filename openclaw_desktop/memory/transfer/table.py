"""Whole memories out of the table and into it, with what hangs on them.

Owns the way between rows and the export's lines. Must not know files. Runs on the database's threads; inserting, within
the transaction of the import.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime

import apsw

from openclaw_desktop.memory import neighbours, rows
from openclaw_desktop.memory.recall.words import index_words
from openclaw_desktop.memory.transfer.whole import WholeMemory
from openclaw_desktop.storage.database import fetch

_BATCH = 500

_SELECT = f"select {rows.COLUMNS} from memories m where m.rowid > ? order by m.rowid limit {_BATCH}"
_SOURCES = """select ms.memory_rowid, s.id from memory_sources ms join memories s on s.rowid = ms.source_rowid
    where ms.memory_rowid between ? and ? order by ms.memory_rowid, s.id"""
_INSERT = """insert or ignore into memories (id, tier, kind, text, speaker, date_words, source, session_id, turn_id,
    created_at, created_s, observed_at, valid_from, valid_to, expires_at, importance, confidence, pinned, access_count,
    last_access_at, integrity, confidentiality, origins, purpose)
    values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""


def whole_memories(connection: apsw.Connection) -> Iterator[WholeMemory]:
    """Yield all memories in the order they were stored, a few hundred held at a time."""
    rowid = 0
    while batch := [rows.stored(row) for row in fetch(connection, _SELECT, (rowid,))]:
        sources: dict[int, list[str]] = {}
        for memory_rowid, source in fetch(connection, _SOURCES, (batch[0].rowid, batch[-1].rowid)):
            sources.setdefault(memory_rowid, []).append(source)
        for stored in batch:
            label = stored.label
            yield WholeMemory(
                id=stored.id, tier=stored.tier, kind=stored.kind, text=stored.text, speaker=stored.speaker,
                source=stored.source, session_id=stored.session_id, turn_id=stored.turn_id,
                created_at=stored.created_at, observed_at=stored.observed_at, valid_from=stored.valid_from,
                valid_to=stored.valid_to, expires_at=stored.expires_at, importance=stored.importance,
                confidence=stored.confidence, pinned=stored.pinned, access_count=stored.access_count,
                last_access_at=stored.last_access_at, integrity=label.integrity,
                confidentiality=label.confidentiality, origins=label.origins, purpose=stored.purpose,
                superseded_by=stored.superseded_by, sources=tuple(sources.get(stored.rowid, ())),
            )  # fmt: skip
        rowid = batch[-1].rowid


def insert_whole(connection: apsw.Connection, memories: Iterable[WholeMemory], now: datetime) -> list[str]:
    """Insert memories as they are, labels and ids too, and return the ids of those that were not there before.

    `now` tells the zone of times that name none. What one was made of, and what took its place, is linked where it is
    in the table at the end. Vectors are made later, as for any new memory.
    """
    added: dict[str, int] = {}
    linked: list[tuple[str, str | None, tuple[str, ...]]] = []
    for memory in memories:
        before = connection.total_changes()
        connection.execute(_INSERT, _values(memory, now))
        if connection.total_changes() == before:
            continue
        added[memory.id] = connection.last_insert_rowid()
        if memory.superseded_by is not None or memory.sources:
            linked.append((memory.id, memory.superseded_by, memory.sources))
    rowid_of = "(select rowid from memories where id = ?)"
    for memory_id, successor, sources in linked:
        if successor is not None:
            sql = f"update memories set superseded_by = {rowid_of} where rowid = ?"
            connection.execute(sql, (successor, added[memory_id]))
        for source in sources:
            sql = "insert or ignore into memory_sources select ?, rowid from memories where id = ?"
            connection.execute(sql, (added[memory_id], source))
    # Turns of a chat that was here before have new neighbours too.
    around = neighbours.beside(connection, added.values()) if added else set()
    neighbours.rebuild(connection, sorted({*added.values(), *around}))
    return list(added)


def _values(memory: WholeMemory, now: datetime) -> tuple[object, ...]:
    return (
        memory.id, memory.tier, memory.kind, memory.text, memory.speaker,
        index_words(memory.created_at, memory.text), memory.source, memory.session_id, memory.turn_id,
        memory.created_at, rows.seconds_of(memory.created_at, now), memory.observed_at, memory.valid_from,
        memory.valid_to, memory.expires_at, memory.importance, memory.confidence,
        int(memory.pinned), memory.access_count, memory.last_access_at, memory.integrity,
        memory.confidentiality, json.dumps(memory.origins), memory.purpose,
    )  # fmt: skip
