"""A fact that was put right by hand: since when it holds, what it ends, and that nothing lets it go again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from memory_file import File

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.memory import editing, history
from openclaw_desktop.memory.consolidation.pressure import Room
from openclaw_desktop.memory.records import NewMemory
from openclaw_desktop.storage.database import Database


@pytest.fixture
async def file(tmp_path: Path) -> AsyncIterator[File]:
    database = await Database.open(tmp_path / "m.db")
    yield File(database)
    await database.close()


async def edit(file: File, memory_id: str, **columns: object) -> int:
    run = await file.database.write(lambda c: editing.edit(c, memory_id, columns, file.clock.now()))
    assert run is not None
    return run


async def one_fact(file: File, column: str) -> object:
    ((value,),) = await file.rows(f"select {column} from memories where kind = 'fact'")
    return value


async def test_it_ends_what_it_contradicts_at_once_and_is_not_ended_by_what_was_said_before_it(file: File) -> None:
    fact = await file.store.remember(NewMemory("My locker code is 1111", speaker="user"))
    file.clock.moment += timedelta(hours=1)
    await file.store.remember(NewMemory("I live in Faro", speaker="user"), told=True)
    await file.say("I live in Rome.")
    file.clock.moment += timedelta(hours=1)
    run = await edit(file, fact, text="I live in Braga")
    assert await file.facts() == {"I live in Braga": True, "I live in Faro": False}
    await file.consolidator().run("asked")
    assert await file.facts() == {"I live in Braga": True, "I live in Faro": False, "I live in Rome.": False}
    with pytest.raises(UserError, match="changed the same"):
        await history.undo_run(file.database, run, file.clock.now())
    last = await history.last_run(file.database)
    assert last is not None
    await history.undo_run(file.database, last.id, file.clock.now())
    await history.undo_run(file.database, run, file.clock.now())
    held = [text for text, holds in (await file.facts()).items() if holds]
    assert held == ["My locker code is 1111", "I live in Faro"]
    kept = await file.store.find_by_id(fact)
    assert kept is not None and kept.created_at < (file.clock.moment - timedelta(hours=1)).isoformat()


async def test_what_was_learnt_and_put_right_goes_neither_with_time_nor_for_want_of_room(file: File) -> None:
    await file.say("We decided to paint the kitchen green.")
    await file.consolidator().run("asked")
    fact = str(await one_fact(file, "id"))
    await edit(file, fact, text="We decided to paint the kitchen white.")
    assert await one_fact(file, "tier") == "medium"
    file.clock.moment += timedelta(days=400)
    await file.consolidator().run("background")
    await file.consolidator(room=Room(limit_bytes=1, least_free_bytes=0)).run("pressure")
    assert await file.facts() == {"We decided to paint the kitchen white.": True}


async def test_the_time_that_its_old_words_named_goes_with_them_and_one_that_was_given_stays(file: File) -> None:
    fact = await file.store.remember(NewMemory("I work at Acme since March 2024", speaker="user"), told=True)
    assert await one_fact(file, "valid_from") == "2024-03-01"
    await edit(file, fact, text="I work at Acme since May 2023")
    assert await one_fact(file, "valid_from") == "2023-05-01"
    await edit(file, fact, text="I work at Acme", valid_to="2027-01-01")
    assert await one_fact(file, "valid_from") is None
    await edit(file, fact, text="I work at Acme in Porto")
    assert await one_fact(file, "valid_to") == "2027-01-01T00:00:00+00:00"


async def test_what_says_the_same_and_what_was_said_in_a_chat_keep_their_day(file: File) -> None:
    (turn,) = await file.say("Met Tom at teh library", days_ago=9)
    fact = await file.store.remember(NewMemory("i live in braga", speaker="user"))
    days = "select date(created_at) from memories order by rowid"
    before = await file.rows(days)
    file.clock.moment += timedelta(days=3)
    await edit(file, turn, text="Met Tom at the library")
    await edit(file, fact, text="I live in Braga.")
    assert await file.rows(days) == before
    await edit(file, fact, text="I live in Porto.")
    assert (await file.rows(days))[1] == (file.clock.moment.date().isoformat(),)
