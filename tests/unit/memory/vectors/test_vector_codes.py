"""Codes: one bit a dimension of each vector in a list, always those of what the list holds, and gone with it."""

import importlib
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import apsw
import numpy as np
import pytest
from heaps import Heaps, find, finish, remember, stale_codes

from openclaw_desktop.memory import MemoryStore, NewMemory
from openclaw_desktop.memory.vectors import bits, codes, lists, shaping
from openclaw_desktop.memory.vectors import index as index_module
from openclaw_desktop.memory.vectors.index import VectorIndex, remove_vectors
from openclaw_desktop.memory.vectors.int8 import Vector, quantise
from openclaw_desktop.storage.connection import connect
from openclaw_desktop.storage.database import Database

UNCODED = """select count(*) from vector_lists l where not exists
    (select 1 from vector_codes c where c.engine_id = l.engine_id and c.list = l.list)"""


@pytest.fixture(autouse=True)
def small_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shaping, "TRAINED_FROM", 320)
    monkeypatch.setattr(shaping, "MOVED_AT_ONCE", 100)
    monkeypatch.setattr(shaping, "CHECKED_AT_ONCE", 16)
    monkeypatch.setattr(codes, "MOST_RESIDENT_BYTES", 0)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(tmp_path / "m.db")
    yield opened
    await opened.close()


def texts(heaps: int, each: int, begin: int = 0) -> list[str]:
    return [f"h{heap} {begin + number}" for number in range(each) for heap in range(heaps)]


async def grown(database: Database, engine: Heaps, heaps: int = 20, each: int = 20) -> VectorIndex:
    """Return an index over memories that lie in lists with codes."""
    index = VectorIndex(database, engine)
    await remember(database, index, texts(heaps, each))
    await finish(index)
    return index


async def statements(database: Database, index: VectorIndex, text: str) -> list[str]:
    """Return the statements of a search."""
    (vector,) = await index.embed([text])

    def search(connection: apsw.Connection) -> list[str]:
        seen: list[str] = []
        connection.exec_trace = lambda _, sql, __: seen.append(sql) is None
        index.nearest(connection, vector, 10)
        connection.exec_trace = None
        return seen

    return await database.read(search)


@pytest.mark.parametrize("dimension", [384, 72])
async def test_what_bits_choose_holds_the_nearest(
    database: Database, monkeypatch: pytest.MonkeyPatch, dimension: int
) -> None:
    monkeypatch.setattr(codes, "BY_BITS", 120)
    monkeypatch.setattr(codes, "BY_VALUES", 40)
    monkeypatch.setattr(bits, "SOME", 50)
    index = await grown(database, Heaps(dimension=dimension), heaps=40, each=30)
    shares = []
    for vector in await index.embed(texts(40, 1)):
        assert isinstance(vector, Vector)
        exact = await database.read(lambda c, v=vector: lists.nearest_exactly(c, v, 10))
        found = await database.read(lambda c, v=vector: index.nearest(c, v, 10))
        shares.append(len(set(exact) & set(found)) / 10)
        assert found == sorted(found, key=lambda one: -one[1])
    assert sum(shares) / len(shares) >= 0.95


async def test_a_search_reads_the_vectors_of_the_best_alone(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codes, "BY_BITS", 26)
    monkeypatch.setattr(codes, "BY_VALUES", 4)
    index = await grown(database, Heaps(dimension=256))
    read = []
    look = lists.read_places
    monkeypatch.setattr(lists, "read_places", lambda c, one, places: read.append(len(places)) or look(c, one, places))
    assert len(await find(database, index, "h3 1", 10)) == 10
    assert read == [20]


async def test_the_codes_are_those_of_the_vectors_whatever_happens(database: Database) -> None:
    index = await grown(database, Heaps())
    assert await database.rows(UNCODED) == [(0,)]
    assert await database.read(stale_codes) == []
    rowids = await remember(database, index, ["h3 900", "h5 900"])
    assert await database.rows(UNCODED) == [(0,)], "a new memory costs its list nothing"
    assert await database.read(stale_codes) == []
    await database.write(lambda c: c.execute("update memories set text = 'h7 901' where rowid = ?", (rowids[0],)))
    assert await database.read(stale_codes) == []
    await database.write(lambda c: c.execute("delete from memories where rowid = ?", (rowids[1],)))
    assert await database.read(stale_codes) == []
    assert (await database.rows(UNCODED))[0][0] >= 1
    await finish(index)
    assert await database.rows(UNCODED) == [(0,)]
    assert await database.read(stale_codes) == []
    assert await find(database, index, "h7 901", 1) == [rowids[0]]


async def test_lists_that_are_made_anew_have_codes_at_every_step(database: Database) -> None:
    index = await grown(database, Heaps())
    await remember(database, index, texts(60, 25, begin=100))
    newest, steps = f"{UNCODED} and generation = 2", 0
    while await index.work(0):
        steps += 1
        assert await database.read(stale_codes) == []
        assert await database.rows(newest) == [(0,)]
    assert steps > 20
    assert await database.rows("select max(generation) from vector_engines") == [(2,)]


async def test_a_list_without_codes_is_read_itself(database: Database) -> None:
    index = await grown(database, Heaps())
    before = await find(database, index, "h3 1", 10)
    await database.write(lambda c: c.execute("delete from vector_codes"))
    assert await find(database, index, "h3 1", 10) == before
    await finish(index)
    assert await database.rows(UNCODED) == [(0,)], "made by the background, as for a file of an earlier version"


async def test_a_start_searches_by_codes_once_they_can_be_counted(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, loaded = Heaps(), threading.Event()
    await grown(database, engine)
    load = importlib.import_module
    monkeypatch.setattr(index_module.importlib, "import_module", lambda name: loaded.wait() and load(name))
    index = VectorIndex(database, engine)
    found = await find(database, index, "h3 1", 10)
    before = await statements(database, index, "h3 1")
    assert not any("vector_codes" in sql for sql in before), "the first search waits for nothing"
    loaded.set()
    await finish(index)
    assert any("vector_codes" in sql for sql in await statements(database, index, "h3 1"))
    assert await find(database, index, "h3 1", 10) == found
    await index.close()


async def test_a_vector_that_moves_during_a_search_is_found(database: Database) -> None:
    engine = Heaps()
    index = await grown(database, engine)
    (rowid,) = await remember(database, index, ["h3 900"])
    ((number,),) = await database.rows("select list from vectors where memory_rowid = ?", (rowid,))
    other = connect(database.path, None)
    (vector,) = await index.embed(["h3 900"])
    assert isinstance(vector, Vector)
    await database.write(lambda c: c.execute("update vectors set list = 0 where memory_rowid = ?", (rowid,)))
    await database.write(lambda c: codes.code_lists(c, vector.engine_id, [number]))

    def search(connection: apsw.Connection) -> list[tuple[int, float]]:
        def move(_: object, sql: str, __: object) -> bool:
            if "vec_distance_l2" in sql and "limit" in sql:
                other.execute("update vectors set list = ? where memory_rowid = ?", (number, rowid))
            return True

        connection.exec_trace = move
        found = index.nearest(connection, vector, 1)
        connection.exec_trace = None
        return found

    found = await database.read(search)
    other.close()
    assert [one for one, _ in found] == [rowid]
    assert await database.rows("select list from vectors where memory_rowid = ?", (rowid,)) == [(number,)]


@pytest.mark.parametrize("room", [0, 64 << 20])
async def test_codes_that_are_kept_follow_the_file(
    database: Database, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    monkeypatch.setattr(codes, "MOST_KEPT_BYTES", room)
    index = await grown(database, Heaps())
    for _ in range(2):  # the first search looks into the file, the second takes all of it
        await find(database, index, "h3 1")
    read = any("vector_codes" in sql for sql in await statements(database, index, "h3 1"))
    assert read == (room == 0), "nothing changed: what was kept is not read again"
    (first,) = await remember(database, index, ["h3 900"])
    assert await find(database, index, "h3 900", 1) == [first]
    # One goes and another comes: the codes are as long as before, and others.
    await database.write(lambda c: c.execute("delete from memories where rowid = ?", (first,)))
    (second,) = await remember(database, index, ["h3 901"])
    await finish(index)
    assert await database.rows(UNCODED) == [(0,)]
    assert await find(database, index, "h3 901", 1) == [second]
    (vector,) = await index.embed(["h3 900"])
    assert isinstance(vector, Vector)
    exact = await database.read(lambda c: lists.nearest_exactly(c, vector, 10))
    assert dict(await database.read(lambda c: index.nearest(c, vector, 10))) == pytest.approx(dict(exact))
    await index.give_back()
    assert await find(database, index, "h3 901", 1) == [second]


async def test_an_engine_whose_dimensions_fill_no_bytes_is_searched_without(database: Database) -> None:
    index = await grown(database, Heaps(dimension=60))
    await remember(database, index, ["h3 900"])
    assert await database.rows("select count(*) from vector_codes") == [(0,)]
    assert (await database.rows("select unverified, generation from vector_engines"))[0] == (0, 1)
    assert await find(database, index, "h3 900", 1) == await database.read(
        lambda c: [row for (row,) in c.execute("select rowid from memories where text = 'h3 900'")]
    )


async def test_no_bit_of_an_erased_vector_is_left(database: Database, tmp_path: Path) -> None:
    engine = Heaps(dimension=512)
    index = await grown(database, engine)
    (rowid,) = await remember(database, index, ["canary 1"])
    bits = np.packbits(np.frombuffer(quantise(engine.vector("canary 1")), np.int8) > 0, bitorder="little").tobytes()
    await database.erase_traces()
    assert any(bits in file.read_bytes() for file in tmp_path.iterdir())
    await database.write(lambda c: remove_vectors(c, [rowid]))
    await database.write(lambda c: c.execute("delete from memories where rowid = ?", (rowid,)))
    await database.erase_traces()
    for file in tmp_path.iterdir():
        for start in range(0, len(bits), 8):
            assert bits[start : start + 8] not in file.read_bytes(), file


async def test_vectors_of_another_length_keep_nothing_from_being_found_or_kept(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = MemoryStore(database, Heaps())
    await memory.remember_many([NewMemory(text) for text in texts(20, 20)])
    await finish(memory.vectors)
    monkeypatch.setattr(Heaps, "vector", lambda *_: b"\x00\x00\x80\x3f" * 3)
    assert (await memory.recall("h3 1"))[0].text == "h3 1"
    kept = await memory.remember(NewMemory("h3 canary"))
    assert [hit.id for hit in await memory.recall("canary")] == [kept]
    await memory.vectors.close()
