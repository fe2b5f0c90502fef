"""Memories on the real file: kept, found, erased."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.labels import Label
from openclaw_desktop.memory import NewMemory, open_memory
from openclaw_desktop.memory.recall.query import read_query
from openclaw_desktop.memory.sessions import SCRATCH_LIFE, Scratch, SessionStore, SpokenMessage
from openclaw_desktop.memory.store import MemoryStore
from openclaw_desktop.memory.vectors import index
from openclaw_desktop.memory.vectors.embedder import WORDLLAMA, Embedder
from openclaw_desktop.memory.vectors.int8 import Vector
from openclaw_desktop.memory.vectors.wordllama import WordLlama
from openclaw_desktop.storage.database import Database

USER = Label("user", "private", ("user",))


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(tmp_path / "m.db")
    yield opened
    await opened.close()


class MovingClock:
    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 22, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def monotonic_s(self) -> float:
        return self.moment.timestamp()


async def test_what_is_kept_is_found_by_words_and_by_meaning(tmp_path: Path) -> None:
    async with open_memory(tmp_path / "m.db") as memory:
        kept = await memory.remember(NewMemory("my sister's birthday is on March 14"))
        await memory.remember_many([NewMemory("the car is in the garage"), NewMemory("Anna likes jazz")])
        assert (await memory.recall("When is my sister's birthday?"))[0].id == kept
        by_meaning = await memory.recall("vehicle")
        assert by_meaning[0].text == "the car is in the garage"
        assert "meaning" in by_meaning[0].why


async def test_it_survives_a_restart_with_its_label_and_date(tmp_path: Path) -> None:
    untrusted = Label("untrusted", "private", ("file:/x",))
    async with open_memory(tmp_path / "m.db") as memory:
        await memory.remember(NewMemory("pay 100 to Bob", created_at="2026-03-01T10:00:00+00:00", label=untrusted))
    async with open_memory(tmp_path / "m.db") as memory:
        hit = (await memory.recall("Bob"))[0]
        assert hit.label == untrusted
        assert hit.created_at == "2026-03-01T10:00:00+00:00"


async def test_the_file_can_be_encrypted(tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    async with open_memory(path, key=b"k" * 32) as memory:
        await memory.remember(NewMemory("the canary sings at dawn"))
    raw = path.read_bytes()
    assert b"canary" not in raw
    assert not raw.startswith(b"SQLite format 3")
    async with open_memory(path, key=b"k" * 32) as memory:
        assert (await memory.recall("canary"))[0].text == "the canary sings at dawn"
    with pytest.raises(UserError):
        async with open_memory(path, key=b"x" * 32):
            pass


async def test_forgetting_leaves_no_byte_and_takes_the_turn_with_it(tmp_path: Path, database: Database) -> None:
    sessions, memories = SessionStore(database), MemoryStore(database, None)
    session = await sessions.begin()
    await sessions.add_message(session, SpokenMessage("turn1", "user", "Remember zanzibar-canary", USER))
    await sessions.add_message(session, SpokenMessage("turn1", "assistant", "Saved: zanzibar-canary", USER))
    await sessions.add_scratch(session, [Scratch("turn1", "k", "zanzibar-canary", USER)])
    memory_id = await memories.remember(NewMemory("zanzibar-canary", session_id=session, turn_id="turn1"))
    await memories.remember(NewMemory("something else"))
    assert await memories.forget([memory_id]) == 1
    assert await sessions.messages(session) == ()
    assert [hit.text for hit in await memories.recall("zanzibar canary something")] == ["something else"]
    await database.checkpoint()
    for file in tmp_path.iterdir():
        assert b"zanzibar" not in file.read_bytes(), file


async def test_forgetting_an_unknown_id_forgets_nothing(database: Database) -> None:
    memories = MemoryStore(database, None)
    await memories.remember(NewMemory("kept"))
    assert await memories.forget(["mem_none"]) == 0
    assert (await memories.count_by_tier())["long"] == 1


class Flaky:
    """An engine that fails until it is told to work; its real counterpart is WordLlama in the tests above."""

    engine, version, dimension = "flaky", "1", 4
    works = False

    async def __call__(self, texts: Sequence[str]) -> list[bytes]:
        if not self.works:
            raise UserError("engine_missing", "no engine")
        return [b"\x00\x00\x80\x3f" + bytes(12) for _ in texts]


async def test_without_an_engine_words_alone_find_and_vectors_follow_later(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "CATCH_UP_S", 60.0)  # however slow the machine is
    engine = Flaky()
    memories = MemoryStore(database, engine)
    await memories.remember_many([NewMemory(f"fact number {n}") for n in range(300)])
    assert (await memories.recall("number 7"))[0].text == "fact number 7"
    engine.works = True
    await memories.recall("anything")
    rows = await database.rows("select count(*) from vectors where engine_id = 1")
    assert rows[0][0] == 300


async def test_two_recalls_at_once_give_missing_vectors_once(database: Database) -> None:
    engine = Flaky()
    memories = MemoryStore(database, engine)
    await memories.remember_many([NewMemory(f"fact number {n}") for n in range(50)])
    engine.works = True
    await asyncio.gather(*(memories.recall("number") for _ in range(4)))
    assert (await database.rows("select count(*) from vectors where engine_id = 1"))[0][0] == 50


async def test_vectors_of_another_engine_are_kept_apart(database: Database) -> None:
    first, second = Flaky(), Flaky()
    first.works = second.works = True
    second.version = "2"
    await MemoryStore(database, first).remember(NewMemory("one"))
    await MemoryStore(database, second).recall("one")
    rows = await database.rows("select name, version, dimension from vector_engines order by id")
    assert rows == [("flaky", "1", 4), ("flaky", "2", 4)]


@pytest.mark.parametrize(
    "query", ['"', "AND OR NOT", "NEAR(a b)", "a*", "col:umn", "(", "'; drop table memories; --", "😀"]
)
async def test_no_query_is_an_operator(database: Database, query: str) -> None:
    memories = MemoryStore(database, None)
    await memories.remember(NewMemory("drop table"))
    await memories.recall(query)
    assert (await memories.count_by_tier())["long"] == 1


def test_words_that_say_nothing_are_left_out() -> None:
    now = datetime(2026, 11, 24, tzinfo=UTC)
    assert read_query("When is my sister's birthday?", now, ()).parts[0].words == ("sister", "birthday")
    assert read_query("who are you", now, ()).parts[0].words == ("who", "are", "you")


async def test_the_engine_comes_on_first_use_and_goes_when_idle() -> None:
    loads: list[str] = []

    class Engine:
        def encode(self, texts: Sequence[str]) -> list[bytes]:
            return [b"" for _ in texts]

    def load() -> Engine:
        loads.append("load")
        return Engine()

    embedder = Embedder(WORDLLAMA, load, idle_s=0.0)
    assert not loads
    await embedder(["a"])
    assert embedder.loaded
    gone = asyncio.Event()
    asyncio.get_running_loop().call_later(0.01, gone.set)
    await gone.wait()
    assert not embedder.loaded
    await embedder(["b"])
    assert loads == ["load", "load"]
    embedder.close()


async def test_scratch_expires_and_counts_its_uses(database: Database) -> None:
    clock = MovingClock()
    sessions = SessionStore(database, clock)
    session = await sessions.begin()
    await sessions.add_scratch(session, [Scratch("t", "k", "v", USER)])
    assert await sessions.scratch(session) == (Scratch("t", "k", "v", USER),)
    await sessions.scratch(session)
    assert (await database.rows("select access_count from working_memory"))[0][0] == 2
    clock.moment += SCRATCH_LIFE
    assert await sessions.scratch(session) == ()
    await sessions.add_scratch(session, [Scratch("t2", "k", "v", USER)])
    assert (await database.rows("select count(*) from working_memory"))[0][0] == 1


async def test_the_latest_session_is_the_one_last_spoken_in(database: Database) -> None:
    clock = MovingClock()
    sessions = SessionStore(database, clock)
    assert await sessions.latest() is None
    first, second = await sessions.begin(), await sessions.begin()
    assert await sessions.latest() is None
    for session in (first, second, first):
        clock.moment = clock.moment.replace(microsecond=clock.moment.microsecond + 2000)
        await sessions.add_message(session, SpokenMessage("t", "user", "hi", USER))
    assert await sessions.latest() == first
    # By the order of what was said: a clock that was ahead before dated the other one later.
    clock.moment -= timedelta(days=365)
    await sessions.add_message(second, SpokenMessage("t", "user", "hi", USER))
    assert await sessions.latest() == second


async def test_what_was_forgotten_while_the_next_turn_was_embedded_stands_nowhere_beside_it(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "m.db")
    memories = MemoryStore(database, Embedder(WORDLLAMA, WordLlama.load, idle_s=600))
    index = memories.vectors

    def said(text: str) -> NewMemory:
        return NewMemory(text, session_id="one", kind="turn", speaker="user")

    first = await memories.remember(said("My bank code is canary4711."))
    embed_new = index.embed_new

    async def forget_meanwhile(texts: Sequence[str]) -> list[list[Vector]]:
        vectors = await embed_new(texts)
        await memories.forget([first])
        return vectors

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index, "embed_new", forget_meanwhile)
        second = await memories.remember(said("Nice weather today."))
    assert await database.rows("select id, neighbours from memories") == [(second, "")]
    assert not await database.rows("select 1 from memories_fts where memories_fts match 'canary4711'")
    assert not await database.rows("select 1 from vectors"), "the vector that was made of both is not kept"
    await memories.recall("weather")
    assert await database.rows("select count(*) from vectors") == [(1,)]
    await database.close()
