"""Consolidation and the lists of vectors go behind a question and behind what is being kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import apsw
import pytest

from openclaw_desktop.core.clock import SystemClock
from openclaw_desktop.core.protocols import Urgency
from openclaw_desktop.memory import MemoryStore, NewMemory, history
from openclaw_desktop.memory.consolidation import reading
from openclaw_desktop.memory.consolidation.consolidator import Consolidator
from openclaw_desktop.memory.consolidation.facts import Diff
from openclaw_desktop.storage import waiting
from openclaw_desktop.storage.database import Database

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SAID = ("I live in Porto.", "My dog is called Rex.", "I drink tea.")


class Always:
    def may_run(self, kind: str, urgency: Urgency) -> bool:
        return True


class Engine:
    """Notes whether somebody was known to wait while a text was embedded."""

    engine, version, dimension, instant = "noting", "1", 4, True

    def __init__(self, database: Database) -> None:
        self._database = database
        self.waited: list[bool] = []

    async def __call__(self, texts: Sequence[str]) -> list[bytes]:
        self.waited.append(self._database.waiting.anyone)
        return [bytes(16) for _ in texts]


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path / "m.db")
    yield database
    await database.close()


async def tell(memories: MemoryStore) -> None:
    said = [NewMemory(text, kind="turn", speaker="user", session_id="s", turn_id=text) for text in SAID]
    await memories.remember_many(said)


async def facts(database: Database) -> set[str]:
    return {str(text) for (text,) in await database.rows("select text from memories where kind = 'fact'")}


async def test_a_step_ends_after_the_memory_at_which_somebody_waits(database: Database) -> None:
    await tell(MemoryStore(database, None))
    memories = await database.read(lambda c: reading.next_unread(c, 10))
    asked: list[int] = []

    def enough() -> bool:
        asked.append(1)
        return len(asked) == 2

    def read(connection: apsw.Connection) -> int:
        diff = Diff(connection, NOW, lambda c: history.begin_run(c, "consolidation", NOW))
        return reading.read(diff, memories, enough=enough)

    assert await database.write(read) == 2 and await facts(database) == set(SAID[:2])
    assert await database.read(reading.count_unread) == 1, "the rest is read the next time"


async def test_a_run_comes_to_its_end_although_somebody_always_waits(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting.Waiting.give_way, "__defaults__", (0.0,))
    await tell(MemoryStore(database, None))
    with database.waiting.someone():
        report = await Consolidator(database, Always(), SystemClock()).run("asked")
    assert report.read == len(SAID) and report.unread == 0 and await facts(database) == set(SAID)


async def test_no_step_begins_before_the_question_is_answered(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting.Waiting.give_way, "__defaults__", (60.0,))
    memories = MemoryStore(database, None)
    await tell(memories)
    consolidator = Consolidator(database, Always(), SystemClock())
    with database.waiting.someone():
        run = asyncio.ensure_future(consolidator.run("asked"))
        assert await memories.recall("where do I live?")
        assert await facts(database) == set()
    assert (await run).read == len(SAID)


async def test_who_asks_and_who_tells_waits(database: Database) -> None:
    engine = Engine(database)
    memories = MemoryStore(database, engine)
    await memories.remember(NewMemory("I live in Porto"))
    await memories.recall("where do I live?")
    assert engine.waited and all(engine.waited) and not database.waiting.anyone
    await memories.vectors.close()
