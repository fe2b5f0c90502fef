"""Which memories lack which vectors, and which engines' vectors are kept.

Owns the queue of memories without vectors, the roles of the engines, and what earlier versions left (one vec0 table an
engine). Must not know how a vector is made. Runs on the database's threads.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import apsw

from openclaw_desktop.memory.vectors import lists
from openclaw_desktop.memory.vectors.int8 import Vector, cosine_of_floats, floats_of
from openclaw_desktop.memory.vectors.lists import EngineRow, read_engines, set_engine
from openclaw_desktop.storage.database import fetch

# The engine that serves hands over to the better one while at most this share of memories lacks the latter's vectors.
LACKING = 0.01
RETIRED_SLICE, LEGACY_SLICE = 2_000, 500

# What a turn answers is not said again in it: its vector is of both (figures: docs/adr/0018).
BEFORE_CHARS, TEXT_CHARS = 300, 900
_BEFORE = """coalesce((select p.text from memories p where m.kind = 'turn' and p.session_id = m.session_id
    and p.kind = 'turn' and p.rowid < m.rowid order by p.rowid desc limit 1), '')"""


@dataclass(frozen=True, slots=True)
class Lacking:
    """A memory without a vector. `text` as it was read; `before`: the turn before it, where it is a turn."""

    rowid: int
    text: str
    before: str


def embedded_text(before: str, text: str) -> str:
    """Return what a memory's vector is made of."""
    return f"{before[:BEFORE_CHARS]} {text[:TEXT_CHARS]}".strip()


def register(connection: apsw.Connection, name: str, version: str, dimension: int) -> EngineRow:
    """Return the engine's row, made now where it is new, and wanted again where it had been retired."""
    connection.execute(
        """insert or ignore into vector_engines (name, version, dimension, layout, state) values (?, ?, ?, 1,
        case when exists (select 1 from memories) then 'filling' else 'filled' end)""",
        (name, version, dimension),
    )
    row = next(e for e in read_engines(connection) if (e.name, e.version, e.dimension) == (name, version, dimension))
    if row.state == "retired":
        set_engine(connection, row.id, state="filling", filled_to=0)
    return next(e for e in read_engines(connection) if e.id == row.id)


def promote(connection: apsw.Connection, engine_id: int) -> bool:
    """Let an engine serve once it has looked at all memories and few lack its vector; True where it does."""
    state = fetch(connection, "select state from vector_engines where id = ?", (engine_id,))[0][0]
    if state == "filled":
        total = fetch(connection, "select coalesce(max(rowid), 0) from memories")[0][0]
        allowed = int(LACKING * total)
        sql = "select count(*) from (select 1 from vector_queue limit ?)"
        if total and fetch(connection, sql, (allowed + 1,))[0][0] <= allowed:
            set_engine(connection, engine_id, state="serving")
            return True
    return bool(state == "serving")


def retire_others(connection: apsw.Connection, engine_id: int) -> None:
    """Let every other engine's vectors go, in slices (`drop_retired`)."""
    connection.execute("update vector_engines set state = 'retired' where id <> ?", (engine_id,))
    done = "select 1 from vectors v where v.memory_rowid = vector_queue.memory_rowid and v.engine_id = ?"
    connection.execute(f"delete from vector_queue where exists ({done})", (engine_id,))


def any_queued(connection: apsw.Connection) -> bool:
    """Return whether a memory waits for a vector, of whatever engine."""
    return bool(fetch(connection, "select 1 from vector_queue limit 1"))


def queued(connection: apsw.Connection, engine_id: int, limit: int, newest: int | None = None) -> list[Lacking]:
    """Return up to `limit` queued memories without a vector of this engine, of the `newest` in the queue, or of all."""
    # A cross join keeps its order: an empty queue would else cost a look at every memory.
    queue = "vector_queue" if newest is None else f"(select * from vector_queue order by 1 desc limit {int(newest)})"
    sql = f"""select m.rowid, m.text, {_BEFORE} from {queue} q cross join memories m on m.rowid = q.memory_rowid
        where not exists (select 1 from vectors v where v.memory_rowid = m.rowid and v.engine_id = ?) limit ?"""
    return [Lacking(*row) for row in fetch(connection, sql, (engine_id, limit))]


def unlooked_at(connection: apsw.Connection, engine_id: int, limit: int) -> list[Lacking]:
    """Return up to `limit` memories behind `filled_to` without a vector of this engine, in order."""
    sql = f"""select m.rowid, m.text, {_BEFORE} from memories m
        where m.rowid > (select filled_to from vector_engines where id = ?1)
        and not exists (select 1 from vectors v where v.memory_rowid = m.rowid and v.engine_id = ?1)
        order by m.rowid limit ?2"""
    return [Lacking(*row) for row in fetch(connection, sql, (engine_id, limit))]


def keep(
    connection: apsw.Connection,
    made: Sequence[tuple[Lacking, Vector]],
    active: Sequence[int],
    *,
    at_once: bool,
    find: lists.FindLists | None = None,
) -> None:
    """Keep vectors of memories that still say, and follow, what they were made of; `find` as in `lists.list_for`."""
    unchanged = f"select 1 from memories m where m.rowid = ? and m.text = ? and {_BEFORE} = ?"
    for lacking, vector in made:
        if fetch(connection, unchanged, (lacking.rowid, lacking.text, lacking.before)):
            lists.insert_vector(connection, lacking.rowid, vector, lists.list_for(connection, vector, at_once, find))
    unqueue(connection, [lacking.rowid for lacking, _ in made], active)


def unqueue(connection: apsw.Connection, rowids: Sequence[int], active: Sequence[int]) -> None:
    """Take memories off the queue that have the vectors of all `active` engines."""
    connection.executemany(
        """delete from vector_queue where memory_rowid = ?1 and (select count(*) from vectors
        where memory_rowid = ?1 and engine_id in (select value from json_each(?2))) >= ?3""",
        [(rowid, json.dumps(list(active)), len(active)) for rowid in rowids],
    )


def remove_vectors(connection: apsw.Connection, rowids: Sequence[int]) -> None:
    """Remove the vectors of these memories, whatever made them; those that stay are given new ones."""
    tables = _legacy_tables(connection)
    values = [(rowid,) for rowid in rowids]
    connection.executemany("delete from vectors where memory_rowid = ?", values)
    for table, dimension in tables:
        # vec0 marks a deleted vector and leaves its bytes.
        blank = f"update {table} set embedding = vec_f32(zeroblob({4 * dimension})) where memory_rowid = ?"
        connection.executemany(blank, values)
        connection.executemany(f"delete from {table} where memory_rowid = ?", values)
    sql = "insert or ignore into vector_queue (memory_rowid) select rowid from memories where rowid = ?"
    connection.executemany(sql, values)


def drop_retired(connection: apsw.Connection) -> bool:
    """Delete one slice of what retired engines made; False where there is nothing left."""
    for engine in (row for row in read_engines(connection) if row.state == "retired"):
        if engine.layout == 0:
            connection.execute(f"drop table if exists vectors_{engine.id}")
            set_engine(connection, engine.id, layout=1)
            return True
        sql = """delete from vectors where engine_id = ?1 and (list, memory_rowid) in
            (select list, memory_rowid from vectors where engine_id = ?1 limit ?2)"""
        connection.execute(sql, (engine.id, RETIRED_SLICE))
        if connection.changes() < RETIRED_SLICE:
            connection.execute("delete from vector_engines where id = ?", (engine.id,))
        return True
    return False


def take_over_legacy(connection: apsw.Connection) -> bool:
    """Move one slice of what an earlier version kept into `vectors`; False where there is nothing left."""
    for engine in (row for row in read_engines(connection) if row.layout == 0 and row.state != "retired"):
        table = f"vectors_{engine.id}"
        exists = fetch(connection, "select 1 from sqlite_schema where name = ?", (table,))
        rows = fetch(connection, f"select memory_rowid, embedding from {table} limit {LEGACY_SLICE}") if exists else []
        for rowid, floats in rows:
            vector = Vector.of(floats, engine.id)
            lists.insert_vector(connection, rowid, vector, lists.list_for(connection, vector, at_once=False))
        connection.executemany(f"delete from {table} where memory_rowid = ?", [(rowid,) for rowid, _ in rows])
        if len(rows) < LEGACY_SLICE:
            connection.execute(f"drop table if exists {table}")
            set_engine(connection, engine.id, layout=1)
        return True
    return False


def nearest_in_legacy(connection: apsw.Connection, vector: Vector, k: int) -> list[tuple[int, float]]:
    """Return (rowid, cosine) of the nearest that are not taken over yet."""
    if not any(table == f"vectors_{vector.engine_id}" for table, _ in _legacy_tables(connection)):
        return []
    sql = f"""select memory_rowid, distance from vectors_{vector.engine_id}
        where embedding match ? and k = ?"""
    found = fetch(connection, sql, (floats_of(vector), k))
    return [(int(rowid), cosine_of_floats(distance)) for rowid, distance in found]


def _legacy_tables(connection: apsw.Connection) -> list[tuple[str, int]]:
    """Return name and dimension of each table that an earlier version left."""
    sql = """select 'vectors_' || e.id, e.dimension from vector_engines e
        join sqlite_schema s on s.name = 'vectors_' || e.id where e.layout = 0"""
    return [(str(name), int(dimension)) for name, dimension in fetch(connection, sql)]
