"""Between memories and rows of the table `memories`.

Owns the columns' order and what is computed for a row: its second, the words of its date, its neighbours' text. Must
not know vectors or scores. Runs on the database's threads.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import apsw

from openclaw_desktop.core.labels import Label
from openclaw_desktop.memory.recall.words import index_words
from openclaw_desktop.memory.records import NewMemory, StoredMemory
from openclaw_desktop.storage.database import Row, fetch

# So much of a turn stands beside the turns before and after it: what it is about comes early.
NEIGHBOUR_CHARS = 300

COLUMNS = """m.rowid, m.id, m.text, m.tier, m.kind, m.speaker, m.source, m.session_id, m.turn_id, m.created_at,
    m.created_s, m.observed_at, m.valid_from, m.valid_to, m.expires_at, m.importance, m.confidence, m.pinned,
    m.access_count, m.last_access_at, m.integrity, m.confidentiality, m.origins, m.purpose,
    (select id from memories s where s.rowid = m.superseded_by)"""

_INSERT = """insert into memories (id, tier, kind, text, speaker, neighbours, date_words, source, session_id, turn_id,
    created_at, created_s, observed_at, valid_from, valid_to, expires_at, importance, confidence, integrity,
    confidentiality, origins, purpose) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""


@dataclass(frozen=True, slots=True)
class Placed:
    """A new memory with its id and the text of the turns around it, so far as they are known."""

    id: str
    memory: NewMemory
    before: str = ""
    after: str = ""


def stored(row: Row) -> StoredMemory:
    """Return the memory of a row of COLUMNS."""
    label = Label(row[20], row[21], tuple(json.loads(row[22])))
    return StoredMemory(*(*row[:17], bool(row[17]), row[18], row[19], label, row[23], row[24]))


def fetch_memories(connection: apsw.Connection, rowids: Iterable[int]) -> list[StoredMemory]:
    """Return the memories at `rowids` that there are, in no order."""
    sql = f"select {COLUMNS} from json_each(?) j cross join memories m on m.rowid = j.value"
    return [stored(row) for row in fetch(connection, sql, (json.dumps(list(rowids)),))]


def seconds_of(moment: str, now: datetime) -> int:
    """Return an ISO time in Unix seconds, read in `now`'s zone where it names none; raises ValueError."""
    parsed = datetime.fromisoformat(moment)
    return int((parsed if parsed.tzinfo else parsed.replace(tzinfo=now.tzinfo)).timestamp())


def place(memories: Sequence[NewMemory], ids: Sequence[str], last_texts: dict[str, str]) -> list[Placed]:
    """Return `memories` with their neighbours; `last_texts`: the text of the last stored turn of each session."""
    texts = dict(last_texts)
    placed: list[Placed] = []
    last_places: dict[str, int] = {}
    for memory_id, memory in zip(ids, memories, strict=True):
        session = memory.session_id
        if memory.kind != "turn" or session is None:
            placed.append(Placed(memory_id, memory))
            continue
        if (place_before := last_places.get(session)) is not None:
            earlier = placed[place_before]
            placed[place_before] = Placed(earlier.id, earlier.memory, earlier.before, memory.text[:NEIGHBOUR_CHARS])
        placed.append(Placed(memory_id, memory, texts.get(session, "")[:NEIGHBOUR_CHARS]))
        texts[session] = memory.text
        last_places[session] = len(placed) - 1
    return placed


def last_turn(connection: apsw.Connection, session_id: str) -> tuple[int, str] | None:
    """Return rowid and text of the last turn of a session."""
    sql = "select rowid, text from memories where session_id = ? and kind = 'turn' order by rowid desc limit 1"
    rows = fetch(connection, sql, (session_id,))
    return (int(rows[0][0]), str(rows[0][1])) if rows else None


def insert(connection: apsw.Connection, items: Sequence[Placed], now: datetime) -> list[int]:
    """Insert `items` and return their rowids; the last stored turn of each session gets its new neighbour."""
    rowids: list[int] = []
    begun: set[str] = set()
    moment = now.isoformat(timespec="milliseconds")
    for item in items:
        memory = item.memory
        session = memory.session_id
        if memory.kind == "turn" and session is not None and session not in begun:
            begun.add(session)
            if (previous := last_turn(connection, session)) is not None:
                _add_neighbour(connection, previous[0], memory.text[:NEIGHBOUR_CHARS])
        connection.execute(_INSERT, _values(item, moment, now))
        rowid = connection.last_insert_rowid()
        rowids.append(rowid)
        for source in memory.derived_from:
            connection.execute(
                "insert or ignore into memory_sources select ?, rowid from memories where id = ?", (rowid, source)
            )
    return rowids


def _add_neighbour(connection: apsw.Connection, rowid: int, text: str) -> None:
    connection.execute("update memories set neighbours = trim(neighbours || ' ' || ?) where rowid = ?", (text, rowid))


def joined(texts: Iterable[str]) -> str:
    """Return what stands beside a turn, as SQLite's `trim` leaves it: spaces go from its ends, other blanks stay."""
    return " ".join(texts).strip(" ")


def _values(item: Placed, moment: str, now: datetime) -> Row:
    memory, label = item.memory, item.memory.label
    created_at = memory.created_at or moment
    return (
        item.id, memory.tier, memory.kind, memory.text, memory.speaker, joined((item.before, item.after)),
        index_words(created_at, memory.text), memory.source, memory.session_id, memory.turn_id, created_at,
        seconds_of(created_at, now), moment, memory.valid_from, memory.valid_to, memory.expires_at,
        memory.importance, memory.confidence, label.integrity, label.confidentiality, json.dumps(label.origins),
        memory.purpose,
    )  # fmt: skip
