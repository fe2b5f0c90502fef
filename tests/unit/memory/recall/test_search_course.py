"""The course of a search: what is done while an engine is at work, what is asked once, and what needs no look."""

from __future__ import annotations

import array
import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import apsw
import pytest

from openclaw_desktop.memory import MemoryStore, NewMemory
from openclaw_desktop.memory.recall import candidates, signals
from openclaw_desktop.memory.recall.candidates import Found, find_by_words
from openclaw_desktop.memory.recall.pool import Pool
from openclaw_desktop.memory.recall.query import Query
from openclaw_desktop.memory.recall.words import stemmer
from openclaw_desktop.storage.database import Database

NOW = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)


class Engine:
    """`core.protocols.Embed` that notes what it was asked, and gives an answer once it is `let`."""

    engine, version, dimension, instant, leaves_machine = "test", "1", 8, True, False

    def __init__(self) -> None:
        self.asked: list[Sequence[str]] = []
        self.let = asyncio.Event()
        self.let.set()

    async def __call__(self, texts: Sequence[str]) -> list[bytes]:
        self.asked.append(texts)
        await self.let.wait()
        return [array.array("f", [1.0, *[0.1 * len(text)] * 7]).tobytes() for text in texts]


def said(speaker: str, text: str) -> NewMemory:
    return NewMemory(text, kind="turn", speaker=speaker, session_id="s", created_at="2026-09-01T10:00:00+00:00")


async def test_all_that_needs_no_vector_is_done_while_the_engine_is_at_work(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, loop, begin = Engine(), asyncio.get_running_loop(), signals.begin
    store = MemoryStore(database, engine)
    await store.remember_many([said("user", "I like jazz."), said("user", "I like to swim.")])
    engine.let.clear()

    def note(pool: Pool, query: Query, now_s: float) -> None:
        begin(pool, query, now_s)
        loop.call_soon_threadsafe(engine.let.set)

    # The engine answers only when the words' hits have been looked at.
    monkeypatch.setattr(signals, "begin", note)
    async with asyncio.timeout(20):
        found = await store.recall("who likes jazz?", 1, NOW)
    assert found[0].text == "I like jazz."
    await store.vectors.close()


async def test_who_speaks_is_asked_for_beside_the_words_and_known_from_then_on(database: Database) -> None:
    engine = Engine()
    store = MemoryStore(database, engine)
    ids = await store.remember_many([said("Anna Berg", "I like jazz."), said("Tom", "I like jazz too.")])
    for asked, times in (("What music does Anna like?", 2), ("What songs does Anna like?", 1)):
        engine.asked.clear()
        found = await store.recall(asked, 2, NOW)
        assert found[0].speaker == "Anna Berg" and "said by Anna Berg" in found[0].why
        assert len(engine.asked) == times
        assert "Anna" not in "".join(engine.asked[-1])
    await store.forget(ids[:1])
    engine.asked.clear()
    assert "said by" not in (await store.recall("What tunes does Anna like?", 2, NOW))[0].why
    assert any("Anna" in text for texts in engine.asked for text in texts)
    await store.vectors.close()


async def test_a_common_word_chooses_the_same_memories_without_being_followed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MemoryStore(database, None)
    rare = [
        said("user", f"zebra {'common ' if number % 3 else ''}{'striped ' if number % 2 else ''}a{number}")
        for number in range(30)
    ]
    await store.remember_many(rare + [said("user", f"common b{number}") for number in range(300)])
    followed: list[tuple[str, int]] = []
    look = candidates._holders

    def note(connection: apsw.Connection, expression: str, limit: int) -> list[int]:
        found = look(connection, expression, limit)
        followed.append((expression, len(found)))
        return found

    monkeypatch.setattr(candidates, "_holders", note)

    async def find(limit: int) -> Found:
        return await database.read(lambda c: find_by_words(c, ("zebra", "striped", "common"), stemmer(c), limit))

    whole = {limit: await find(limit) for limit in (10, 20, 40)}
    assert max(count for _, count in followed) >= 300
    followed.clear()
    await database.write(lambda c: c.execute("insert into term_counts (term, documents) values ('common', 320)"))
    for limit, expected in whole.items():
        assert (await find(limit)).rowids == expected.rowids
        # More than hold a rarer word are asked for: then the common one is followed.
        assert (max(count for _, count in followed) >= 300) == (limit == 40)
        followed.clear()
