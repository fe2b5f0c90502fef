"""The table of vectors in SQL: put into lists, found in them, moved between them.

Owns the statements on `vectors`, `vector_lists` and `vector_engines`. A list is all vectors nearest to its centroid; a
search reads the lists whose centroids are nearest to the question (docs/adr/0019). Must not know how centroids are
made, nor what a memory is. Runs on the database's threads.
"""

from __future__ import annotations

import array
import contextlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import apsw

from openclaw_desktop.memory.vectors.int8 import Vector, cosine_of
from openclaw_desktop.storage.database import fetch

UNLISTED, MEANINGLESS = 0, -1
# A list and a rowid in one number: no file has 2^40 memories.
ROWID_BITS = 40
# More new vectors at once than this wait in list 0 for the background: to find the list of one costs up to 4 ms.
ASSIGNED_AT_ONCE = 16

# Said where the planner, which knows no numbers, would read all of an engine's vectors instead.
BY_MEMORY = "indexed by vectors_by_memory"

_DISTANCE = "vec_distance_l2(vec_int8(v.vector), vec_int8(?))"


@dataclass(frozen=True, slots=True)
class EngineRow:
    """An engine as the file knows it; see schemas 0004 and 0005."""

    id: int
    name: str
    version: str
    dimension: int
    layout: int
    state: str
    filled_to: int
    trained_rows: int
    generation: int
    probes: int
    unverified: int
    shape: int


def read_engines(connection: apsw.Connection) -> list[EngineRow]:
    """Return every engine that the file knows."""
    columns = ", ".join(EngineRow.__slots__)
    return [EngineRow(*row) for row in fetch(connection, f"select {columns} from vector_engines order by id")]


def engine_row(connection: apsw.Connection, engine_id: int) -> EngineRow | None:
    """Return one engine; None where the file knows it no more."""
    found = fetch(connection, f"select {', '.join(EngineRow.__slots__)} from vector_engines where id = ?", (engine_id,))
    return EngineRow(*found[0]) if found else None


@contextlib.contextmanager
def one_state(connection: apsw.Connection) -> Iterator[None]:
    """Let several statements see the same state of the file: no vector slips past from one list to another."""
    if connection.in_transaction:
        yield
        return
    connection.execute("begin deferred")
    try:
        yield
    finally:
        if connection.in_transaction:
            connection.execute("rollback")


def set_engine(connection: apsw.Connection, engine_id: int, **columns: int | str) -> None:
    """Change columns of an engine's row."""
    names = ", ".join(f"{name} = ?" for name in columns)
    connection.execute(f"update vector_engines set {names} where id = ?", (*columns.values(), engine_id))


def insert_vector(connection: apsw.Connection, rowid: int, vector: Vector, list_number: int) -> None:
    """Keep the vector of a memory that is there and has none of this engine."""
    connection.execute(
        """insert into vectors (engine_id, list, memory_rowid, vector) select ?1, ?2, ?3, ?4
        where exists (select 1 from memories where rowid = ?3)
        and not exists (select 1 from vectors where memory_rowid = ?3 and engine_id = ?1)""",
        (vector.engine_id, list_number, rowid, bytes(vector)),
    )
    if list_number > UNLISTED and connection.changes():
        sql = "update vector_lists set size = size + 1 where engine_id = ? and generation = ? and list = ?"
        generation = newest_generation(connection, vector.engine_id)
        connection.execute(sql, (vector.engine_id, generation, list_number))


FindLists = Callable[[apsw.Connection, Vector, int, int], list[int]]


def list_for(connection: apsw.Connection, vector: Vector, at_once: bool, find: FindLists | None = None) -> int:
    """Return the list that a new vector belongs to; list 0 where there are none yet, or not `at_once`.

    `find`: what takes the place of `nearest_lists`, where it is faster.
    """
    if not vector:
        return MEANINGLESS
    if not at_once:
        return UNLISTED
    find = find or nearest_lists
    found = find(connection, vector, newest_generation(connection, vector.engine_id), 1)
    return found[0] if found else UNLISTED


def newest_generation(connection: apsw.Connection, engine_id: int) -> int:
    """Return the generation of lists that new vectors go to."""
    return int(fetch(connection, "select generation from vector_engines where id = ?", (engine_id,))[0][0])


def nearest_lists(connection: apsw.Connection, vector: Vector, generation: int, count: int) -> list[int]:
    """Return the lists of a generation whose centroids are nearest."""
    sql = """select list from vector_lists where engine_id = ? and generation = ?
        order by vec_distance_l2(vec_int8(centroid), vec_int8(?)) limit ?"""
    return [int(row[0]) for row in fetch(connection, sql, (vector.engine_id, generation, bytes(vector), count))]


def nearest(connection: apsw.Connection, vector: Vector, k: int, probes: int | None = None) -> list[tuple[int, float]]:
    """Return (rowid, cosine) of the `k` nearest, nearest first; `probes` None: as many lists as the engine says."""
    if not vector:
        return []
    with one_state(connection):
        if (engine := engine_row(connection, vector.engine_id)) is None:
            return []
        numbers = [UNLISTED]
        for generation in generations(connection, vector.engine_id):
            numbers += nearest_lists(connection, vector, generation, probes or engine.probes)
        return nearest_in(connection, vector, k, numbers)


def nearest_in(connection: apsw.Connection, vector: Vector, k: int, numbers: Sequence[int]) -> list[tuple[int, float]]:
    """Return the `k` nearest of some lists, nearest first."""
    where = "and v.list in (select value from json_each(?))"
    return _nearest_where(connection, vector, k, where, json.dumps(list(numbers)))


# What many rows hold comes in one: between two rows another thread may take the interpreter, for milliseconds.
_TOGETHER = "select json_group_array(v.memory_rowid), cast(group_concat(v.vector, '') as blob)"


def read_places(
    connection: apsw.Connection, engine_id: int, places: Sequence[tuple[int, int]]
) -> tuple[list[int], bytes]:
    """Return the rowids, and the vectors end to end, of those of `places` that hold one: (list, rowid) each."""
    sql = f"""{_TOGETHER} from carray(?) j cross join vectors v on v.engine_id = ?
        and v.list = j.value >> {ROWID_BITS} and v.memory_rowid = j.value & {(1 << ROWID_BITS) - 1}"""
    return _vectors_of(connection, sql, [number << ROWID_BITS | rowid for number, rowid in places], engine_id)


def read_vectors(connection: apsw.Connection, engine_id: int, rowids: Iterable[int]) -> tuple[list[int], bytes]:
    """Return the same of those of `rowids` that have a vector of this engine with a meaning."""
    sql = f"""{_TOGETHER} from carray(?) j cross join vectors v {BY_MEMORY}
        on v.memory_rowid = j.value and v.engine_id = ? where +v.list > {MEANINGLESS}"""
    return _vectors_of(connection, sql, rowids, engine_id)


def read_codes(connection: apsw.Connection, engine_id: int, numbers: Iterable[int]) -> list[tuple[int, bytes]]:
    """Return (list, codes) of those lists that have codes."""
    sql = """select c.list, c.entries from carray(?) j
        cross join vector_codes c on c.list = j.value and c.engine_id = ?"""
    return _rows_of(connection, sql, numbers, engine_id)


def code_lengths(connection: apsw.Connection, engine_id: int) -> tuple[str, str, str]:
    """Return the lists that have codes, of these the ids, and the lengths: JSON each, in the order of the lists."""
    sql = """select json_group_array(list), json_group_array(id), json_group_array(length) from
        (select list, id, length(entries) as length from vector_codes indexed by vector_codes_length
        where engine_id = ? order by list)"""
    ((numbers, ids, lengths),) = fetch(connection, sql, (engine_id,))
    return str(numbers), str(ids), str(lengths)


def count_lists(connection: apsw.Connection, engine_id: int) -> int:
    """Return how many lists an engine has."""
    return int(fetch(connection, "select count(*) from vector_lists where engine_id = ?", (engine_id,))[0][0])


def new_places(connection: apsw.Connection, engine_id: int, grown: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return (list, rowid) of what came to lists: (list, length of its codes before) each."""
    entry = "8 + (select dimension from vector_engines where id = ?1) / 8"
    sql = f"select substr(entries, ?3 + 1), {entry} from vector_codes where engine_id = ?1 and list = ?2"
    found: list[tuple[int, int]] = []
    for number, length in grown:
        for entries, size in fetch(connection, sql, (engine_id, number, length)):
            rowids = (int.from_bytes(entries[start : start + 8]) for start in range(0, len(entries), size))
            found += [(number, rowid) for rowid in rowids]
    return found


def count_listed(connection: apsw.Connection, engine_id: int) -> int:
    """Return how many vectors lie in lists."""
    sql = "select count(*) from vectors where engine_id = ? and list > ?"
    return int(fetch(connection, sql, (engine_id, UNLISTED))[0][0])


def any_unlisted(connection: apsw.Connection, engine_id: int) -> bool:
    """Return whether a vector waits for its list."""
    sql = "select 1 from vectors where engine_id = ? and list = ? limit 1"
    return bool(fetch(connection, sql, (engine_id, UNLISTED)))


def read_listed(connection: apsw.Connection, engine_id: int, at_once: int) -> Iterator[tuple[list[int], bytes]]:
    """Yield the rowids, and the vectors end to end, of all that lie in lists, so many at a time."""
    sql = "select memory_rowid, vector from vectors where engine_id = ? and list > ?"
    cursor = connection.execute(sql, (engine_id, UNLISTED))
    while rows := list(islice(cursor, at_once)):
        yield [int(rowid) for rowid, _ in rows], b"".join(vector for _, vector in rows)


def _vectors_of(
    connection: apsw.Connection, sql: str, numbers: Iterable[int], engine_id: int
) -> tuple[list[int], bytes]:
    found = _rows_of(connection, sql, numbers, engine_id)
    return (json.loads(found[0][0]), found[0][1] or b"") if found else ([], b"")


def _rows_of(connection: apsw.Connection, sql: str, numbers: Iterable[int], engine_id: int) -> list[Any]:
    """Return what a statement finds of an array of whole numbers: they cost a tenth of what they do as JSON."""
    values = array.array("q", numbers)
    return list(connection.execute(sql, (apsw.carray(values), engine_id))) if values else []


def highest_rowid(connection: apsw.Connection) -> int:
    """Return the highest rowid of a memory with a vector: about how many there are, without a count."""
    return int(fetch(connection, "select coalesce(max(memory_rowid), 0) from vectors")[0][0])


def generations(connection: apsw.Connection, engine_id: int) -> list[int]:
    """Return the generations that have lists, oldest first: two while vectors move from one to the next."""
    sql = """select (select min(generation) from vector_lists where engine_id = ?1),
        (select max(generation) from vector_lists where engine_id = ?1)"""
    return sorted({int(value) for value in fetch(connection, sql, (engine_id,))[0] if value is not None})


def nearest_exactly(connection: apsw.Connection, vector: Vector, k: int) -> list[tuple[int, float]]:
    """Return what `nearest` would if it read every list."""
    return _nearest_where(connection, vector, k, "and v.list > ?", MEANINGLESS)


def _nearest_where(
    connection: apsw.Connection, vector: Vector, k: int, where: str, value: str | int
) -> list[tuple[int, float]]:
    sql = f"""select v.memory_rowid, {_DISTANCE} as distance from vectors v where v.engine_id = ? {where}
        order by distance limit ?"""
    found = fetch(connection, sql, (bytes(vector), vector.engine_id, value, k))
    return [(int(rowid), cosine_of(distance, len(vector))) for rowid, distance in found]


def cosines(connection: apsw.Connection, vector: Vector, rowids: Iterable[int]) -> dict[int, float]:
    """Return the cosines of those of `rowids` that have a vector of this engine; 0 for a text without a meaning."""
    if not vector:
        return {}
    sql = f"""select v.memory_rowid, case when v.list < 0 then null else {_DISTANCE} end
        from json_each(?) j cross join vectors v indexed by vectors_by_memory
        on v.memory_rowid = j.value and v.engine_id = ?"""
    found = fetch(connection, sql, (bytes(vector), json.dumps(list(rowids)), vector.engine_id))
    return {int(row): 0.0 if distance is None else cosine_of(distance, len(vector)) for row, distance in found}


def move(connection: apsw.Connection, engine_id: int, moves: Sequence[tuple[int, int, int]]) -> None:
    """Put vectors into other lists: (rowid, list now, list then) each; what is no longer where it was stays."""
    connection.executemany(
        "update vectors set list = ? where engine_id = ? and list = ? and memory_rowid = ?",
        # In the order of the file, so that neighbours are written together.
        [(new, engine_id, old, rowid) for rowid, old, new in sorted(moves, key=lambda one: (one[2], one[0]))],
    )


def read_list(
    connection: apsw.Connection, engine_id: int, list_number: int, limit: int, after: int = -1
) -> list[tuple[int, bytes]]:
    """Return up to `limit` (rowid, vector) of a list, from the rowid behind `after` on."""
    sql = """select memory_rowid, vector from vectors where engine_id = ? and list = ? and memory_rowid > ?
        order by memory_rowid limit ?"""
    return [
        (int(rowid), bytes(vector)) for rowid, vector in fetch(connection, sql, (engine_id, list_number, after, limit))
    ]


def read_lists(connection: apsw.Connection, engine_id: int, generation: int) -> list[tuple[int, int, bytes]]:
    """Return (list, size, centroid) of every list of a generation."""
    sql = "select list, size, centroid from vector_lists where engine_id = ? and generation = ? order by list"
    return [
        (int(number), int(size), bytes(centroid))
        for number, size, centroid in fetch(connection, sql, (engine_id, generation))
    ]


def add_lists(
    connection: apsw.Connection, engine_id: int, generation: int, centroids: Sequence[bytes], *, coded: bool
) -> list[int]:
    """Make empty lists around `centroids` and return their numbers, which no other list of the engine has.

    `coded`: each has its codes from the beginning.
    """
    sql = "select coalesce(max(list), 0) + 1 from vector_lists where engine_id = ?"
    first = int(fetch(connection, sql, (engine_id,))[0][0])
    numbers = range(first, first + len(centroids))
    connection.executemany(
        "insert into vector_lists (engine_id, generation, list, centroid) values (?, ?, ?, ?)",
        [(engine_id, generation, number, centroid) for number, centroid in zip(numbers, centroids, strict=True)],
    )
    if coded:
        connection.executemany(
            """insert into vector_codes (id, engine_id, list, entries)
            select random() & (1 << 62) - 1, id, ?, x'' from vector_engines where id = ? and dimension % 8 = 0""",
            [(number, engine_id) for number in numbers],
        )
    return list(numbers)


def count_vectors(connection: apsw.Connection, engine_id: int) -> int:
    """Return about how many vectors an engine has: those in lists as noted, those outside counted."""
    listed = fetch(connection, "select coalesce(sum(size), 0) from vector_lists where engine_id = ?", (engine_id,))
    outside = fetch(connection, "select count(*) from vectors where engine_id = ? and list = 0", (engine_id,))
    return int(listed[0][0]) + int(outside[0][0])


def grow(connection: apsw.Connection, engine_id: int, generation: int, targets: Sequence[int]) -> None:
    """Note that each of `targets` has got one vector more."""
    connection.executemany(
        "update vector_lists set size = size + ? where engine_id = ? and generation = ? and list = ?",
        [(count, engine_id, generation, number) for number, count in Counter(targets).items()],
    )


def set_size(connection: apsw.Connection, engine_id: int, generation: int, list_number: int, size: int) -> None:
    """Note how many vectors a list holds."""
    sql = "update vector_lists set size = ? where engine_id = ? and generation = ? and list = ?"
    connection.execute(sql, (size, engine_id, generation, list_number))


def fullest(connection: apsw.Connection, engine_id: int, generation: int) -> tuple[int, int, float] | None:
    """Return the number and size of the largest list, and the usual size; None where there are no lists."""
    sql = """select list, max(size), avg(size) from vector_lists
        where engine_id = ? and generation = ? having count(*) > 0"""
    found = fetch(connection, sql, (engine_id, generation))
    return (int(found[0][0]), int(found[0][1]), float(found[0][2])) if found else None


def drop_if_empty(connection: apsw.Connection, engine_id: int, list_number: int) -> None:
    """Drop a list that holds nothing any more."""
    connection.execute(
        """delete from vector_lists where engine_id = ?1 and list = ?2
        and not exists (select 1 from vectors where engine_id = ?1 and list = ?2)""",
        (engine_id, list_number),
    )


def read_on(
    connection: apsw.Connection, engine_id: int, place: tuple[int, int], limit: int
) -> tuple[list[bytes], tuple[int, int] | None]:
    """Return up to `limit` vectors behind `place` (list, rowid) in the order of the file, and the place to go on from.

    None for a place: these were the last.
    """
    sql = """select list, memory_rowid, vector from vectors
        where engine_id = ? and (list, memory_rowid) > (?, ?) order by list, memory_rowid limit ?"""
    found = fetch(connection, sql, (engine_id, *place, limit))
    after = (int(found[-1][0]), int(found[-1][1])) if len(found) == limit else None
    return [bytes(row[2]) for row in found], after
