"""Lists of vectors: they grow, are split and made anew, and every vector is found at every step of it."""

import random
from collections.abc import AsyncIterator
from pathlib import Path

import apsw
import pytest
from heaps import Heaps, find, finish, remember

from openclaw_desktop.memory.vectors import lists, shaping, training
from openclaw_desktop.memory.vectors.index import VectorIndex, remove_vectors
from openclaw_desktop.memory.vectors.int8 import Vector, cosine_of, quantise
from openclaw_desktop.storage.database import Database

BEGUN = 320


@pytest.fixture(autouse=True)
def small_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shaping, "TRAINED_FROM", BEGUN)
    monkeypatch.setattr(shaping, "MOVED_AT_ONCE", 100)
    monkeypatch.setattr(shaping, "PASSED_AT_ONCE", 150)
    monkeypatch.setattr(shaping, "CHECKED_AT_ONCE", 16)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(tmp_path / "m.db")
    yield opened
    await opened.close()


def texts(heaps: int, each: int, begin: int = 0) -> list[str]:
    return [f"h{heap} {begin + number}" for number in range(each) for heap in range(heaps)]


async def engine_row(database: Database) -> lists.EngineRow:
    return (await database.read(lists.read_engines))[0]


async def share_found(database: Database, index: VectorIndex, asked: list[str], k: int = 10) -> float:
    """Return which share of an exact search's nearest a search finds."""
    shares = []
    for vector in await index.embed(asked):
        assert isinstance(vector, Vector)
        exact = await database.read(lambda c, v=vector: lists.nearest_exactly(c, v, k))
        found = await database.read(lambda c, v=vector: index.nearest(c, v, k))
        shares.append(len({row for row, _ in exact} & {row for row, _ in found}) / len(exact))
    return sum(shares) / len(shares)


async def test_few_vectors_are_searched_exactly(database: Database) -> None:
    index = VectorIndex(database, Heaps())
    await remember(database, index, texts(10, 20))
    await finish(index)
    assert (await engine_row(database)).generation == 0
    assert await share_found(database, index, texts(10, 1)) == 1.0


async def test_lists_find_what_an_exact_search_finds(database: Database) -> None:
    index = VectorIndex(database, Heaps())
    await remember(database, index, texts(40, 50))
    await finish(index)
    row = await engine_row(database)
    assert row.generation == 1 and row.unverified == 0 and row.trained_rows == 2000
    held = dict(await database.rows("select list, count(*) from vectors group by list"))
    assert 0 not in held and len(held) >= 30
    assert dict(await database.rows("select list, size from vector_lists where size > 0")) == held
    assert row.probes < len(held)
    assert await share_found(database, index, texts(40, 2)) >= 0.95


async def test_a_new_vector_goes_to_the_list_of_its_like(database: Database) -> None:
    index = VectorIndex(database, Heaps())
    await remember(database, index, texts(20, 40))
    await finish(index)
    (rowid,) = await remember(database, index, ["h3 900"])
    mine = await database.rows("select list from vectors where memory_rowid = ?", (rowid,))
    like = await database.rows(
        "select v.list from vectors v join memories m on m.rowid = v.memory_rowid where m.text like 'h3 %' group by 1"
    )
    assert mine[0][0] > 0 and mine[0] in like
    assert rowid in await find(database, index, "h3 900", 1)


async def test_nothing_is_missed_at_any_step_though_each_is_the_last_of_its_process(database: Database) -> None:
    engine, chance = Heaps(), random.Random(5)
    index = VectorIndex(database, engine)
    rowids = dict(zip(kept := texts(30, 20), await remember(database, index, kept), strict=True))
    steps = 0
    while True:
        more = await index.work(0)
        steps += 1
        for text in chance.sample(sorted(rowids), 5):
            assert await find(database, index, text, 1) == [rowids[text]], (steps, text)
        if steps % 7 == 3:
            text = f"h{chance.randrange(30)} {1000 + steps}"
            rowids[text] = (await remember(database, index, [text]))[0]
        if not more:
            break
        if steps in (5, 12, 20, 35, 60, 100):
            index = VectorIndex(database, engine)  # what is only in memory is lost
        assert steps < 500
    assert len(rowids) > 600
    for text, rowid in rowids.items():
        assert await find(database, index, text, 1) == [rowid]


async def test_lists_are_made_anew_when_there_are_four_times_as_many(database: Database) -> None:
    engine = Heaps()
    index = VectorIndex(database, engine)
    await remember(database, index, texts(20, 20))
    await finish(index)
    assert (await engine_row(database)).generation == 1
    await remember(database, index, texts(80, 16, begin=100))
    for _ in range(60):
        await index.work(0)
        assert await find(database, index, "h7 3", 1) == await find(database, index, "h7 3", 1) != []
    await finish(index)
    row = await engine_row(database)
    assert row.generation == 2 and row.trained_rows == 1680 and row.unverified == 0
    assert await database.rows("select count(*) from vector_lists where generation < 2") == [(0,)]
    assert await database.rows("select count(*) from vectors") == [(1680,)]
    assert await share_found(database, index, texts(80, 1, begin=100)) >= 0.95


async def test_lists_that_would_find_less_are_refused(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    index = VectorIndex(database, Heaps())
    await remember(database, index, texts(20, 20))
    await finish(index)
    before = await database.rows("select list, centroid from vector_lists")
    recalls = iter([0.98, 0.90])
    monkeypatch.setattr(training, "recall_of", lambda *_: next(recalls))
    await remember(database, index, texts(20, 70, begin=100))
    await finish(index)
    row = await engine_row(database)
    assert row.generation == 1 and row.trained_rows == 1800
    assert set(before) & set(await database.rows("select list, centroid from vector_lists")), "but for those split"
    assert await database.rows("select count(*) from vectors where list = 0") == [(0,)]


async def test_a_list_that_grows_too_large_is_split(database: Database) -> None:
    index = VectorIndex(database, Heaps())
    await remember(database, index, texts(16, 24))
    await finish(index)
    # Ten new kinds of memory that all fall to whatever list is nearest.
    for heap in range(10):
        await remember(database, index, [f"h3 {1000 + 100 * heap + number}" for number in range(60)])
    lists_before = (await database.rows("select count(*) from vector_lists"))[0][0]
    await finish(index)
    assert (await engine_row(database)).generation == 1
    assert (await database.rows("select count(*) from vector_lists"))[0][0] > lists_before
    assert await database.rows("select count(*) from vectors") == [(984,)]
    assert await share_found(database, index, ["h3 1000", "h3 1500", "h1 2"]) >= 0.9


async def test_memories_that_are_all_alike_end_the_work_too(database: Database) -> None:
    index = VectorIndex(database, Heaps())
    await remember(database, index, ["same 1"] * 700)
    await finish(index)
    # By rounding alone one processor would put all into the first of many equal lists, and another into three of them.
    assert [size for (size,) in await database.rows("select size from vector_lists")] == [700]
    assert len(await find(database, index, "same 1", 700)) == 700


async def test_the_cosine_of_a_few_takes_a_look_at_an_index_each(database: Database) -> None:
    index = VectorIndex(database, Heaps())
    rowids = await remember(database, index, texts(16, 30))
    (vector,) = await index.embed(["h3 1"])

    def plan(connection: apsw.Connection) -> list[str]:
        seen: list[str] = []
        connection.exec_trace = lambda _, sql, __: seen.append(sql) is None
        index.cosines(connection, vector, rowids[:3])
        connection.exec_trace = None
        return [row[3] for row in connection.execute(f"explain query plan {seen[0]}", (b"", "[1]", 1))]

    assert any("vectors_by_memory (memory_rowid=? AND engine_id=?)" in step for step in await database.read(plan))


async def test_no_byte_of_an_erased_vector_is_left(database: Database, tmp_path: Path) -> None:
    engine = Heaps()
    index = VectorIndex(database, engine)
    await remember(database, index, texts(16, 30))
    await finish(index)
    (rowid,) = await remember(database, index, ["canary 1"])
    bytes_of_it = quantise(engine.vector("canary 1"))
    await database.erase_traces()
    assert any(bytes_of_it in file.read_bytes() for file in tmp_path.iterdir())
    await database.write(lambda c: remove_vectors(c, [rowid]))
    await database.write(lambda c: c.execute("delete from memories where rowid = ?", (rowid,)))
    await database.erase_traces()
    for file in tmp_path.iterdir():
        for start in range(0, len(bytes_of_it) - 16, 16):
            assert bytes_of_it[start : start + 16] not in file.read_bytes(), file


async def test_no_byte_of_a_vector_of_an_earlier_version_is_left(database: Database, tmp_path: Path) -> None:
    vector = Heaps().vector("canary 1")

    def leave(connection: object) -> None:
        connection.execute(  # type: ignore[attr-defined]
            """insert into vector_engines (name, version, dimension) values ('heaps', '1', 64);
            create virtual table vectors_1 using vec0 (memory_rowid integer primary key, embedding float[64])"""
        )
        connection.execute("insert into vectors_1 values (7, ?)", (vector,))  # type: ignore[attr-defined]

    await database.write(leave)
    await database.erase_traces()
    assert any(vector[:64] in file.read_bytes() for file in tmp_path.iterdir())
    await database.write(lambda c: remove_vectors(c, [7]))
    await database.erase_traces()
    for file in tmp_path.iterdir():
        for start in range(0, len(vector), 32):
            assert vector[start : start + 32] not in file.read_bytes(), file


def test_a_stored_vector_keeps_its_cosine() -> None:
    engine = Heaps()
    one, other = quantise(engine.vector("a 1")), quantise(engine.vector("a 2"))
    distance = sum((x - y) ** 2 for x, y in zip(_signed(one), _signed(other), strict=True)) ** 0.5
    truth = training.as_matrix([one]) @ training.as_matrix([other]).T
    assert cosine_of(distance, 64) == pytest.approx(float(truth[0, 0]), abs=0.02)


def test_a_value_beyond_the_scale_is_cut_off() -> None:
    import array

    stored = quantise(array.array("f", [1.0, *[0.0] * 255]).tobytes())
    assert _signed(stored)[0] == 127 and len(stored) == 256


def _signed(stored: bytes) -> list[int]:
    return [byte - 256 if byte > 127 else byte for byte in stored]
