"""All vectors of a small file in memory, or all bits: always those of the file, whatever was kept or erased since."""

from collections.abc import AsyncIterator
from pathlib import Path

import apsw
import pytest
from heaps import Heaps, find, finish, insert, remember

from openclaw_desktop.memory.vectors import codes, lists, shaping
from openclaw_desktop.memory.vectors.index import VectorIndex, remove_vectors
from openclaw_desktop.memory.vectors.int8 import Vector
from openclaw_desktop.storage.database import Database


@pytest.fixture(autouse=True, params=["vectors", "bits"])
def kept(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """What is in memory, with lists of a size for tests."""
    if request.param == "bits":
        monkeypatch.setattr(codes, "MOST_RESIDENT_BYTES", 0)
    monkeypatch.setattr(shaping, "TRAINED_FROM", 320)
    monkeypatch.setattr(shaping, "MOVED_AT_ONCE", 100)
    monkeypatch.setattr(shaping, "CHECKED_AT_ONCE", 16)
    return str(request.param)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(tmp_path / "m.db")
    yield opened
    await opened.close()


async def grown(database: Database, engine: Heaps) -> VectorIndex:
    """Return an index whose vectors lie in lists, all of them in memory."""
    index = VectorIndex(database, engine)
    await remember(database, index, [f"h{heap} {number}" for number in range(20) for heap in range(20)])
    await finish(index)
    await database.write(lambda c: c.execute("update vector_engines set probes = 4096"))  # a list may be any one's
    for _ in range(2):  # the first search looks into the file, the second takes all of it
        await find(database, index, "h3 1")
    assert await read_of_file(database, index, "h3 1") == 0
    return index


async def read_of_file(database: Database, index: VectorIndex, text: str) -> int:
    """Return how many vectors of lists, or lists of bits, a search reads from the file, but for the best vectors."""
    whole = bool(codes.MOST_RESIDENT_BYTES)
    (vector,) = await index.embed([text])
    read: list[int] = []

    def search(connection: apsw.Connection) -> None:
        with pytest.MonkeyPatch.context() as patch:
            for name in ("read_places", "count_listed", "read_vectors") if whole else ("read_codes",):
                look = getattr(lists, name)

                def count(*values: object, look=look) -> object:
                    found = look(*values)
                    read.append(found if isinstance(found, int) else len(found[0] if whole else found))
                    return found

                patch.setattr(lists, name, count)
            index.nearest(connection, vector, 10)

    await database.read(search)
    return sum(read)


async def compare(database: Database, index: VectorIndex, text: str) -> None:
    """Hold that a search finds what the file says, and that the cosines of all memories are the file's."""
    (vector,) = await index.embed([text])
    assert isinstance(vector, Vector)

    def look(connection: apsw.Connection) -> None:
        exact = lists.nearest_exactly(connection, vector, 10)
        assert dict(index.nearest(connection, vector, 10)) == pytest.approx(dict(exact))
        rowids = [row for (row,) in connection.execute("select rowid from memories")]
        stored = index.read(connection, [*rowids, 10**6])
        assert stored is not None
        meant = {rowid: cosine for rowid, cosine in lists.cosines(connection, vector, rowids).items() if cosine}
        assert stored.cosines(vector) == pytest.approx(meant)

    await database.read(look)


async def test_a_search_reads_nothing_and_finds_what_the_file_holds(database: Database) -> None:
    index = await grown(database, Heaps())
    for heap in range(20):
        await compare(database, index, f"h{heap} 500")
        assert await read_of_file(database, index, f"h{heap} 501") == 0


async def test_what_comes_is_taken_over_and_no_more_than_that(database: Database, kept: str) -> None:
    index = await grown(database, Heaps())
    (rowid, _) = await remember(database, index, ["h3 900", "h5 900"])
    assert await read_of_file(database, index, "h3 900") == (2 if kept == "vectors" else 0)
    assert (await find(database, index, "h3 900", 1)) == [rowid]
    await compare(database, index, "h3 900")
    await remember(database, index, [f"h{heap} {number}" for number in range(950, 960) for heap in range(20)])
    await compare(database, index, "h7 950")  # more than there was room for


async def test_what_waits_outside_of_lists_is_found_too(database: Database) -> None:
    index = await grown(database, Heaps())
    (rowid,) = await remember(database, index, ["h3 900"])
    await database.write(lambda c: c.execute("update vectors set list = 0 where memory_rowid = ?", (rowid,)))
    assert await find(database, index, "h3 900", 1) == [rowid]
    await compare(database, index, "h3 900")


@pytest.mark.parametrize("change", ["erased", "changed", "moved"])
async def test_nothing_that_went_is_found(database: Database, change: str) -> None:
    index = await grown(database, Heaps())
    (rowid,) = await find(database, index, "h3 1", 1)
    ((other,),) = await database.rows("select max(list) from vector_lists")

    def write(connection: apsw.Connection) -> None:
        if change == "erased":
            remove_vectors(connection, [rowid])
            connection.execute("delete from memories where rowid = ?", (rowid,))
        elif change == "changed":
            connection.execute("update memories set text = 'h7 901' where rowid = ?", (rowid,))
        else:
            connection.execute("update vectors set list = ? where memory_rowid = ?", (other, rowid))

    await database.write(write)
    for _ in range(3):
        assert (await find(database, index, "h3 1", 1) == [rowid]) == (change == "moved")
        await compare(database, index, "h3 1")
    await finish(index)
    await database.write(lambda c: c.execute("update vector_engines set probes = 4096"))
    for _ in range(3):
        await compare(database, index, "h7 901")
    assert await read_of_file(database, index, "h7 901") == 0, "all of it is in memory again"


async def test_lists_that_are_made_anew_change_nothing_that_is_found(database: Database) -> None:
    index = await grown(database, Heaps())
    await remember(database, index, [f"h{heap} {number}" for number in range(100, 125) for heap in range(60)])
    steps = 0
    while await index.work(0):
        steps += 1
        (vector,) = await index.embed(["h3 101"])
        rowids = [row for row, _ in await database.read(lambda c, v=vector: index.nearest(c, v, 1))]
        assert await database.rows("select text from memories where rowid = ?", (rowids[0],)) == [("h3 101",)]
    assert steps > 20
    await compare(database, index, "h3 101")


async def test_memory_that_is_given_back_is_filled_by_the_next_searches(database: Database) -> None:
    index = await grown(database, Heaps())
    await index.give_back()
    assert await read_of_file(database, index, "h3 1") > 0
    await compare(database, index, "h3 1")
    assert await read_of_file(database, index, "h3 1") == 0


async def test_more_vectors_than_fit_are_looked_up_in_the_file(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = await grown(database, Heaps())
    for limit in ("MOST_RESIDENT_BYTES", "MOST_KEPT_BYTES"):
        monkeypatch.setattr(codes, limit, min(getattr(codes, limit), 64))
    assert await read_of_file(database, index, "h3 1") > 0


async def test_a_memory_without_a_vector_has_no_cosine(database: Database) -> None:
    index = await grown(database, Heaps())
    rowid = await database.write(lambda c: insert(c, "not embedded"))
    (vector,) = await index.embed(["h3 1"])

    def look(connection: apsw.Connection) -> dict[int, float] | None:
        stored = index.read(connection, [rowid])
        assert stored is not None
        return dict(stored.cosines(vector) or {})

    assert await database.read(look) == {}
