"""Vectors of the one file: what has them, who makes them, and that nothing is missed meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from heaps import Heaps, find, finish, insert, remember

from openclaw_desktop.memory.vectors.index import VectorIndex, embedded_text, remove_vectors
from openclaw_desktop.storage.database import Database

DEADLINE_S = 30.0


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(tmp_path / "m.db")
    yield opened
    await opened.close()


async def count(database: Database, table: str) -> int:
    return int((await database.rows(f"select count(*) from {table}"))[0][0])


async def states(database: Database) -> dict[str, str]:
    return dict(await database.rows("select version, state from vector_engines"))


async def test_the_nearest_come_first_with_their_cosine(database: Database) -> None:
    index = VectorIndex(database, Heaps())
    rowids = await remember(database, index, ["a 1", "a 2", "b 1"])
    (vector,) = await index.embed(["a 1"])
    found = await database.read(lambda c: index.nearest(c, vector, 3))
    assert found[0][0] == rowids[0] and found[0][1] == pytest.approx(1.0, abs=0.01)
    assert found[1][0] == rowids[1] and 0.8 < found[1][1] < 0.99
    by_rowid = await database.read(lambda c: index.cosines(c, vector, [*rowids, 99]))
    assert by_rowid == pytest.approx(dict(found))


async def test_a_text_without_meaning_is_near_nothing(database: Database) -> None:
    index = VectorIndex(database, Heaps())
    (rowid,) = await remember(database, index, ["nothing"])
    (vector,) = await index.embed(["a 1"])
    assert await database.read(lambda c: index.nearest(c, vector, 3)) == []
    assert await database.read(lambda c: index.cosines(c, vector, [rowid])) == {rowid: 0.0}
    assert await find(database, index, "nothing") == []
    assert await count(database, "vector_queue") == 0


async def test_what_lacks_vectors_gets_them_before_a_search(database: Database) -> None:
    index = VectorIndex(database, Heaps())
    assert await index.ready()
    rowid = await database.write(lambda c: insert(c, "a 1"))
    assert await index.ready()
    assert await find(database, index, "a 1") == [rowid]
    assert await count(database, "vector_queue") == 0
    await index.close()


async def test_a_changed_text_gets_a_new_vector(database: Database) -> None:
    index = VectorIndex(database, Heaps())
    first, second = await remember(database, index, ["a 1", "b 1"])
    await database.write(lambda c: c.execute("update memories set text = 'c 1' where rowid = ?", (first,)))
    assert await find(database, index, "c 1") == [second]
    await index.ready()
    assert (await find(database, index, "c 1"))[0] == first
    await index.close()


async def test_a_removed_vector_is_made_again_unless_its_memory_goes(database: Database) -> None:
    index = VectorIndex(database, Heaps())
    first, second = await remember(database, index, ["a 1", "b 1"])
    await database.write(lambda c: remove_vectors(c, [first, second]))
    await database.write(lambda c: c.execute("delete from memories where rowid = ?", (second,)))
    assert await find(database, index, "a 1") == []
    await index.ready()
    assert await find(database, index, "a 1") == [first]
    await index.close()


async def test_a_vector_of_a_text_that_changed_meanwhile_is_not_kept(database: Database) -> None:
    class Slow(Heaps):
        async def __call__(self, texts: list[str]) -> list[bytes]:  # type: ignore[override]
            made = await super().__call__(texts)
            if texts == ["a 1"]:
                await database.write(lambda c: c.execute("update memories set text = 'b 1'"))
            return made

    engine = Slow()
    index = VectorIndex(database, engine)
    await database.write(lambda c: insert(c, "a 1"))
    await finish(index)
    assert engine.asked == [["a 1"], ["b 1"]]
    (vector,) = await index.embed(["b 1"])
    assert (await database.read(lambda c: index.nearest(c, vector, 1)))[0][1] > 0.99


async def test_a_vector_made_with_a_turn_that_was_forgotten_meanwhile_is_not_kept(database: Database) -> None:
    class Slow(Heaps):
        async def __call__(self, texts: list[str]) -> list[bytes]:  # type: ignore[override]
            made = await super().__call__(texts)
            await database.write(lambda c: c.execute("delete from memories where text = 'secret'"))
            return made

    def talk(connection: object) -> None:
        insert(connection, "secret", "turn", "s")  # type: ignore[arg-type]
        insert(connection, "a 1", "turn", "s")  # type: ignore[arg-type]

    engine = Slow()
    index = VectorIndex(database, engine)
    await database.write(talk)
    await finish(index)
    assert engine.asked == [["secret", "secret a 1"], ["a 1"]]
    assert await count(database, "vectors") == 1


async def test_a_turn_is_embedded_with_the_turn_before(database: Database) -> None:
    engine = Heaps()
    index = VectorIndex(database, engine)

    def talk(connection: object) -> None:
        insert(connection, "Where do you live?", "turn", "s")  # type: ignore[arg-type]
        insert(connection, "Another chat", "turn", "other")  # type: ignore[arg-type]
        insert(connection, "In Porto.", "turn", "s")  # type: ignore[arg-type]
        insert(connection, "A fact", "fact", "s")  # type: ignore[arg-type]

    await database.write(talk)
    await finish(index)
    assert engine.asked == [["Where do you live?", "Another chat", "Where do you live? In Porto.", "A fact"]]
    assert embedded_text("x" * 1000, "y" * 2000) == "x" * 300 + " " + "y" * 900


async def test_without_an_engine_there_is_nothing(database: Database) -> None:
    index = VectorIndex(database, None)
    await remember(database, index, ["a 1"])
    assert await index.embed(["a 1"]) == [] and not await index.ready() and not await index.work(1)


async def test_an_engine_that_fails_leaves_the_rest_for_later(database: Database) -> None:
    engine = Heaps()
    index = VectorIndex(database, engine)
    engine.works = False
    await remember(database, index, ["a 1", "a 2"])
    assert await index.embed(["a 1"]) == []
    assert not await index.work(60)
    engine.works = True
    await finish(index)
    assert len(await find(database, index, "a 1")) == 2
    await index.close()


async def test_an_engine_that_is_not_loaded_keeps_nobody_waiting(database: Database) -> None:
    engine = Heaps(instant=False)
    index = VectorIndex(database, engine)
    await remember(database, index, ["a 1", "a 2"])
    engine.loaded = False
    assert await index.embed(["a 1"]) == []
    engine.loaded = True
    assert len(await find(database, index, "a 1")) == 2
    await index.close()


async def test_one_memory_is_kept_before_a_slow_engine_has_looked_at_it(database: Database) -> None:
    engine = Heaps(instant=False)
    index = VectorIndex(database, engine)
    await remember(database, index, ["a 1"])
    assert engine.asked == []
    await finish(index)
    assert engine.asked == [["a 1"]] and await count(database, "vector_queue") == 0
    await index.close()


async def test_new_memories_get_their_vectors_once_nobody_waits_for_an_answer(database: Database) -> None:
    engine = Heaps(instant=False)
    index = VectorIndex(database, engine)
    await remember(database, index, ["a 1"])
    with database.waiting.someone():
        index.follow()
        await asyncio.sleep(0)
        await database.read(lambda _: None)
        assert engine.asked == []
    async with asyncio.timeout(DEADLINE_S):
        while await count(database, "vector_queue"):
            pass
    assert engine.asked == [["a 1"]]
    await index.close()


async def test_new_memories_do_not_wait_for_ever(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openclaw_desktop.memory.vectors.index.FOLLOWS_WITHIN_S", 0.0)
    engine = Heaps(instant=False)
    index = VectorIndex(database, engine)
    await remember(database, index, ["a 1"])
    with database.waiting.someone():
        index.follow()
        async with asyncio.timeout(DEADLINE_S):
            while await count(database, "vector_queue"):
                pass
    await index.close()


@pytest.mark.parametrize("instant", [False, True])
async def test_a_search_makes_what_is_missing_only_where_that_takes_no_time(database: Database, instant: bool) -> None:
    index = VectorIndex(database, Heaps(instant=instant))
    await finish(index)
    assert await index.ready() and await database.read(index.complete)
    await database.write(lambda c: insert(c, "a 1"))
    assert await database.read(index.complete) is not instant
    await finish(index)
    assert await database.read(index.complete) and await count(database, "vectors") == 1
    await index.close()


async def test_the_old_engine_serves_until_the_new_one_knows_all(database: Database) -> None:
    old, new = Heaps("old"), Heaps("new", 32, instant=False)
    index = VectorIndex(database, old)
    rowids = await remember(database, index, [f"{heap} {number}" for heap in "abc" for number in range(20)])
    await finish(index)
    assert await states(database) == {"old": "serving"}

    index = VectorIndex(database, (new, old))
    assert set(await find(database, index, "b 1", 20)) == set(rowids[20:40])
    assert new.asked == [] and await states(database) == {"old": "serving", "new": "filling"}
    await index.work(0)  # one step
    assert 0 < sum(map(len, new.asked)) < 60
    # Killed here: another process goes on. What is remembered meanwhile is found by both.
    index = VectorIndex(database, (new, old))
    rowids += await remember(database, index, ["b 100", "b 101"])
    assert set(await find(database, index, "b 1", 22)) == {*rowids[20:40], *rowids[60:]}
    await finish(index)
    assert sum(map(len, new.asked)) == 62
    assert await states(database) == {"new": "serving"}
    assert await count(database, "vectors") == 62 and await count(database, "vector_queue") == 0
    assert set(await find(database, index, "b 1", 22)) == {*rowids[20:40], *rowids[60:]}
    assert await states(database) == {"new": "serving"}
    await index.close()


async def test_going_back_to_an_engine_makes_its_vectors_again(database: Database) -> None:
    first, second = Heaps("1"), Heaps("2")
    await remember(database, VectorIndex(database, first), ["a 1", "b 1"])
    await finish(VectorIndex(database, (second, first)))
    assert await states(database) == {"2": "serving"}
    index = VectorIndex(database, first)
    await finish(index)
    assert await states(database) == {"1": "serving"}
    assert len(await find(database, index, "a 1")) == 2
    await index.close()


async def test_vectors_of_earlier_versions_serve_and_are_taken_over(database: Database) -> None:
    engine = Heaps()
    texts = [f"a {number}" for number in range(1200)]

    def leave(connection: object) -> None:
        # What versions before schema 4 left.
        connection.execute(  # type: ignore[attr-defined]
            """insert into vector_engines (name, version, dimension) values ('heaps', '1', 64);
            create virtual table vectors_1 using vec0 (memory_rowid integer primary key, embedding float[64])"""
        )
        for text in texts:
            rowid = insert(connection, text)  # type: ignore[arg-type]
            connection.execute("insert into vectors_1 values (?, ?)", (rowid, engine.vector(text)))  # type: ignore[attr-defined]
        connection.execute("delete from vector_queue")  # type: ignore[attr-defined]

    await database.write(leave)
    index = VectorIndex(database, engine)
    assert await find(database, index, "a 7", 1) == [8]
    await index.work(0)
    assert 0 < await count(database, "vectors") < 1200
    for number in (7, 700, 1199):
        assert await find(database, index, f"a {number}", 1) == [number + 1]
    await finish(index)
    assert await count(database, "vectors") == 1200
    assert await database.rows("select name from sqlite_schema where name like 'vectors\\_1%' escape '\\'") == []
    for number in (7, 700, 1199):
        assert await find(database, index, f"a {number}", 1) == [number + 1]
    assert all(len(asked) == 1 for asked in engine.asked), "nothing was embedded anew"
    await index.close()
