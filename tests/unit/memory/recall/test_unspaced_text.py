"""Texts without spaces between words: what is said in them is found by any phrase of theirs."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from openclaw_desktop.memory import MemoryStore, NewMemory, history
from openclaw_desktop.memory.editing import edit
from openclaw_desktop.storage.database import Database

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SAID = (
    "我住在柏林的一间小公寓里",
    "我姐姐的生日是三月十四日",
    "猫の名前はタマです",
    "나는 학교에서 수학을 가르친다",
    "The cellar is dry",
)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(tmp_path / "m.db")
    yield opened
    await opened.close()


@pytest.fixture
async def memory(database: Database) -> MemoryStore:
    store = MemoryStore(database, None)
    await store.remember_many([NewMemory(text) for text in SAID])
    return store


@pytest.mark.parametrize(
    ("asked", "found"), [("柏林", 0), ("姐姐的生日是什么时候?", 1), ("タマ", 2), ("猫", 2), ("학교", 3), ("cellar", 4)]
)
async def test_a_phrase_in_the_midst_is_found(memory: MemoryStore, asked: str, found: int) -> None:
    hits = await memory.recall(asked)
    assert hits[0].text == SAID[found]
    assert "words: " in hits[0].why
    assert len(hits) == 1 or found == 1


async def test_what_was_reworded_is_found_by_its_new_words_and_again_after_an_undo(
    memory: MemoryStore, database: Database
) -> None:
    (hit,) = await memory.recall("柏林")
    run = await database.write(lambda c: edit(c, hit.id, {"text": "我住在里斯本"}, NOW))
    assert [found.text for found in await memory.recall("柏林")] == ["我住在里斯本"], "what took its place"
    assert [found.id for found in await memory.recall("里斯本")] == [hit.id]
    assert run is not None
    await history.undo_run(database, run, NOW)
    assert [found.id for found in await memory.recall("柏林")] == [hit.id]
