"""A fact that was put right by hand, or comes from another file: what it ends, and that nothing lets it go again."""

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
from openclaw_desktop.memory.transfer import exporting, importing
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
    ((value,),) = await file.rows(f"select {column} from memories where kind = 'fact' and superseded_by is null")
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
    assert (await file.facts())["We decided to paint the kitchen white."] is True


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


async def test_what_said_it_before_is_known_to_hold_no_more(file: File) -> None:
    await file.say("I am allergic to peanuts.", turn_id="t1")
    await file.consolidator().run("asked")
    fact = str(await one_fact(file, "id"))
    run = await edit(file, fact, text="I am allergic to pollen.")
    assert await file.facts() == {"I am allergic to pollen.": True, "I am allergic to peanuts.": False}
    found = await file.store.recall("What am I allergic to?", 5, file.clock.now())
    assert [(hit.text, hit.ended) for hit in found] == [
        ("I am allergic to pollen.", False), ("I am allergic to peanuts.", True),
    ]  # fmt: skip
    await history.undo_run(file.database, run, file.clock.now())
    assert await file.facts() == {"I am allergic to peanuts.": True}
    await edit(file, fact, text="I am allergic to pollen.")
    await file.store.forget([fact])
    assert await file.rows("select text from memories") == [], "each of its wordings goes"
    assert await file.rows("select 1 from memory_changes where before like '%p%n%' or after like '%p%n%'") == []


async def test_what_a_turn_tells_no_more_goes_and_what_it_tells_now_is_read_at_once(file: File) -> None:
    await file.say("I am allergic to peanuts. My cat is called Mimi.", turn_id="t1")
    await file.say("My cat is called Mimi.", turn_id="t2")
    await file.consolidator().run("asked")
    assert set(await file.facts()) == {"I am allergic to peanuts.", "My cat is called Mimi."}
    ((turn,),) = await file.rows("select id from memories where turn_id = 't1' and kind = 'turn'")
    run = await edit(file, turn, text="I am allergic to pollen.")
    assert await file.facts() == {"I am allergic to pollen.": True, "My cat is called Mimi.": True}
    sources = """select s.turn_id from memory_sources l join memories s on s.rowid = l.source_rowid
        join memories f on f.rowid = l.memory_rowid where f.text = 'My cat is called Mimi.'"""
    assert await file.rows(sources) == [("t2",)]
    await history.undo_run(file.database, run, file.clock.now())
    assert set(await file.facts()) == {"I am allergic to peanuts.", "My cat is called Mimi."}
    assert len(await file.rows(sources)) == 2


async def test_another_wording_of_the_same_goes_with_it_and_what_it_ended_does_not(file: File) -> None:
    for text in ("I live in Porto", "My PIN is 4711", "my pin is 4711."):
        last = await file.store.remember(NewMemory(text, speaker="user"), told=True)
        file.clock.moment += timedelta(minutes=1)
    await file.store.forget([last])
    assert await file.facts() == {"I live in Porto": True}
    home = await file.store.remember(NewMemory("I moved to Faro", speaker="user"), told=True)
    await file.store.forget([home])
    assert await file.facts() == {"I live in Porto": True}, "it holds again"


async def test_a_run_of_which_nothing_is_left_is_passed_over(file: File) -> None:
    kept = await file.store.remember(NewMemory("I like tea", speaker="user"))
    first = await edit(file, kept, text="I like green tea")
    gone = await file.store.remember(NewMemory("I live in Porto", speaker="user"))
    second = await edit(file, gone, text="I live in Faro")
    await file.store.forget([gone])
    last = await history.last_run(file.database)
    assert last is not None and last.id == first
    with pytest.raises(UserError, match="Nothing of run"):
        await history.undo_run(file.database, second, file.clock.now())


async def test_facts_of_another_machine_are_not_learnt_twice_and_end_like_others(tmp_path: Path) -> None:
    there, here = await Database.open(tmp_path / "a.db"), await Database.open(tmp_path / "b.db")
    file = File(there)
    await file.say("I live in Coimbra. My cat is called Mimi.", days_ago=30, turn_id="t1")
    await file.consolidator().run("asked")
    path = tmp_path / "m.jsonl"
    await exporting.export(there, path, "json", False, file.clock.now())
    await importing.run(here, path, "jsonl", True, file.clock.now())
    other = File(here)
    await other.store.remember(NewMemory("I moved to Lisbon", speaker="user"), told=True)
    assert await other.facts() == {
        "I live in Coimbra.": False, "My cat is called Mimi.": True, "I moved to Lisbon": True,
    }  # fmt: skip
    await other.consolidator().run("asked")
    facts = "select text from memories where kind = 'fact' order by text"
    assert await here.rows(facts) == [("I live in Coimbra.",), ("I moved to Lisbon",), ("My cat is called Mimi.",)]
    await there.close()
    await here.close()
