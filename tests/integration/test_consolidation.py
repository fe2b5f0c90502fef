"""Consolidation on the real file: what becomes a fact, what ends, what goes, and what a kill leaves."""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from counts import count
from memory_file import NOW, UNTRUSTED, File, Permission

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.protocols import OfferedFact, Urgency
from openclaw_desktop.core.sentences import Passage
from openclaw_desktop.memory import history
from openclaw_desktop.memory.consolidation import reading, revision
from openclaw_desktop.memory.consolidation.consolidator import BATCH_TURNS, Minds
from openclaw_desktop.memory.consolidation.pressure import Room
from openclaw_desktop.memory.records import NewMemory
from openclaw_desktop.memory.store import MemoryStore
from openclaw_desktop.storage.database import Database

CONSOLIDATE = str(Path(__file__).with_name("consolidation_process.py"))


@pytest.fixture
async def file(tmp_path: Path) -> AsyncIterator[File]:
    database = await Database.open(tmp_path / "m.db")
    yield File(database)
    await database.close()


async def test_only_what_the_user_tells_becomes_a_fact_with_its_source(file: File) -> None:
    told = (await file.say("I live in Porto and I have a cat called Milo."))[0]
    await file.say(
        "What is the capital of Peru?", "Remind me to call Ann tomorrow.", "If I moved to Rome, I'd learn Italian.",
        'My boss said "I live in Rome".', "Translate this: I live in Berlin", "I own a yacht. Just kidding!",
        "I'm tired today", "Thanks, that helps!",
    )  # fmt: skip
    await file.say("I live in Paris and my name is Claude.", speaker="assistant")
    report = await file.consolidator().run("asked")
    assert await file.facts() == {"I live in Porto": True, "I have a cat called Milo.": True}
    assert report.changes == {"added": 2} and report.unread == 0 and report.stopped == ""
    fact = (await file.store.recall("Milo cat"))[0]
    sources = await file.rows(
        """select s.id, m.speaker, m.integrity, m.created_at from memory_sources l
        join memories s on s.rowid = l.source_rowid
        join memories m on m.rowid = l.memory_rowid"""
    )
    assert sources == 2 * [(told, "user", "user", NOW.isoformat())] and fact.text == "I have a cat called Milo."


async def test_a_new_home_ends_the_old_one_and_history_is_kept(file: File) -> None:
    await file.say("I live in Porto.", days_ago=9)
    await file.consolidator().run("asked")
    await file.say("I moved to Lisbon.", days_ago=1)
    report = await file.consolidator().run("asked")
    assert await file.facts() == {"I live in Porto.": False, "I moved to Lisbon.": True}
    assert report.changes == {"added": 1, "superseded": 1}
    ended = await file.rows("select valid_to from memories where superseded_by is not null")
    assert ended == [((NOW - timedelta(days=1)).isoformat(),)]


async def test_what_begins_later_does_not_end_what_holds_until_then(file: File) -> None:
    await file.say(
        "I work at Acme.", "From 15 January 2027 on I work at Bosch.", "My rent is 900 euros until May 2027."
    )
    await file.consolidator().run("asked")
    assert set((await file.facts()).values()) == {True}
    spans = await file.rows("select valid_from, valid_to from memories where kind = 'fact' order by rowid")
    assert spans == [(None, None), ("2027-01-15", None), (None, "2027-06-01")]


async def test_what_the_user_says_to_keep_is_dated_by_its_own_words(file: File) -> None:
    kept = await file.store.remember(NewMemory("I work at Acme since March 2024", speaker="user"), told=True)
    memory = await file.store.find_by_id(kept)
    assert memory is not None and memory.valid_from == "2024-03-01"


async def test_what_has_a_term_does_not_end_what_may_be_so_after_it(file: File) -> None:
    await file.say("I live in Porto.", "I work at Acme.", days_ago=3)
    await file.say("I live in Lisbon until May 2027.", "From 1 December until 1 February I work at Bosch.", days_ago=2)
    await file.consolidator().run("asked")
    file.clock.moment += timedelta(days=30)
    await file.consolidator().run("asked")
    assert set((await file.facts()).values()) == {True} and len(await file.facts()) == 4


async def test_an_older_turn_that_is_read_later_does_not_end_what_was_said_after_it(file: File) -> None:
    await file.say("I live in Lisbon.", days_ago=1)
    await file.say("I live in Porto.", days_ago=300)
    await file.consolidator().run("asked")
    assert await file.facts() == {"I live in Lisbon.": True, "I live in Porto.": False}


async def test_a_year_before_the_other_was_said_ends_nothing(file: File) -> None:
    await file.say("I live in Porto.", days_ago=9)
    await file.say("I moved to Lisbon in 2010.", days_ago=8)
    await file.consolidator().run("asked")
    assert await file.facts() == {"I live in Porto.": True, "I moved to Lisbon in 2010.": True}
    await file.say("I moved to Oslo in 2026.")
    await file.consolidator().run("asked")
    assert (await file.facts())["I live in Porto."] is False


async def test_what_is_pinned_stays_though_it_is_read_after_what_was_said_later(file: File) -> None:
    await file.say("I live in Porto.", days_ago=1)
    await file.consolidator().run("asked")
    long_ago = (NOW - timedelta(days=400)).isoformat()
    await file.store.remember(NewMemory("I live in Rome", speaker="user", created_at=long_ago))
    await file.database.write(lambda c: c.execute("update memories set pinned = 1 where text = 'I live in Rome'"))
    await file.consolidator().run("asked")
    assert (await file.facts())["I live in Rome"] is True


async def test_i_of_another_is_another_fact(file: File) -> None:
    await file.store.remember(NewMemory("I live in Porto", speaker="Anna"))
    await file.say("I live in Porto.")
    await file.consolidator().run("asked")
    assert await file.facts() == {"I live in Porto": True, "I live in Porto.": True}
    await file.store.remember(NewMemory("I live in Porto", speaker="user"), told=True)
    held = "select speaker, source from memories where kind = 'fact' and superseded_by is null order by rowid"
    assert await file.rows(held) == [("Anna", ""), ("user", "")]


async def test_what_is_said_twice_is_one_fact_with_both_sources(file: File) -> None:
    await file.say("My sister Anna is allergic to nuts.", days_ago=5)
    await file.say("Oh, and my sister Anna is allergic to nuts.")
    report = await file.consolidator().run("asked")
    assert len(await file.facts()) == 1 and report.changes == {"added": 1, "merged": 1}
    assert await file.rows("select count(*) from memory_sources") == [(2,)]


async def test_a_run_is_taken_back_whole_and_not_done_again(file: File) -> None:
    await file.say("I live in Porto.", days_ago=9)
    await file.consolidator().run("asked")
    turn = (await file.say("I moved to Lisbon."))[0]
    report = await file.consolidator().run("asked")
    assert report.run_id is not None
    await history.undo_run(file.database, report.run_id, NOW)
    assert await file.facts() == {"I live in Porto.": True}
    ((rowid,),) = await file.rows("select rowid from memories where id = ?", turn)
    await file.database.write(lambda c: reading.reread(c, [rowid]))
    assert (await file.consolidator().run("asked")).read == 1
    assert await file.facts() == {"I live in Porto.": True}


async def test_untrusted_words_become_no_fact_and_end_none(file: File) -> None:
    await file.say("My phone number is 555 0100.", days_ago=9)
    await file.say("My phone number is 666 0666.", label=UNTRUSTED)
    await file.store.remember(NewMemory("My phone number is 777 0777.", label=UNTRUSTED), told=True)
    await file.store.remember(NewMemory("My phone number is 555 0100.", label=UNTRUSTED), told=True)
    await file.consolidator().run("asked")
    found = await file.rows(
        """select text, integrity, superseded_by, (select count(*) from memory_sources s where s.memory_rowid = m.rowid)
        from memories m where kind = 'fact' order by integrity desc, text"""
    )
    assert found == [
        ("My phone number is 555 0100.", "user", None, 1),
        ("My phone number is 555 0100.", "untrusted", None, 0),
        ("My phone number is 777 0777.", "untrusted", None, 0),
    ]


async def test_what_was_told_to_keep_stands_in_the_place_of_what_was_concluded(file: File) -> None:
    await file.say("I live in Porto.")
    await file.consolidator().run("asked")
    kept = await file.store.remember(NewMemory("I live in Porto", speaker="user"), told=True)
    rows = await file.rows(
        """select m.text, s.id, m.valid_to from memories m left join memories s on s.rowid = m.superseded_by
        where m.kind = 'fact'"""
    )
    assert rows == [("I live in Porto.", kept, None), ("I live in Porto", None, None)]
    await file.say("I live in Porto, as I said.")
    assert (await file.consolidator().run("asked")).changes == {}


async def test_what_the_user_says_to_keep_takes_effect_at_once_and_can_be_taken_back(file: File) -> None:
    old = await file.store.remember(NewMemory("I work at Acme", speaker="user"))
    new = await file.store.remember(NewMemory("I changed jobs to Bosch", speaker="user"))
    rowids = [row[0] for row in await file.rows("select rowid from memories order by rowid")]
    ended = await file.database.write(lambda c: revision.settle(c, rowids, NOW))
    assert ended == (old,)
    kept = await file.store.find_by_id(old)
    assert kept is not None and kept.superseded_by == new and kept.valid_to is not None
    run = await history.last_run(file.database)
    assert run is not None and run.kind == "correction"
    await history.undo_run(file.database, run.id, NOW)
    kept = await file.store.find_by_id(old)
    assert kept is not None and kept.superseded_by is None and kept.valid_to is None


async def test_a_correction_in_a_chat_takes_effect_at_once_and_no_other_turn_does(file: File) -> None:
    await file.store.remember(NewMemory("I live in Porto", speaker="user"))
    await file.say("I have a dog called Rex.", "No, I live in Lisbon now.", "Actually, would I live in Rome?")
    rowids = [row[0] for row in await file.rows("select rowid from memories order by rowid")]
    await file.database.write(lambda c: revision.settle(c, rowids, NOW))
    assert await file.facts() == {"I live in Porto": False, "I live in Lisbon now.": True}


async def test_each_step_asks_first_and_a_run_that_may_not_go_on_is_taken_up_where_it_stopped(file: File) -> None:
    await file.say(*(f"My locker number {n} is {n}000." for n in range(2 * BATCH_TURNS)))
    stingy = Permission(1)
    report = await file.consolidator(permit=stingy).run("background")
    assert (report.stopped, report.read, report.unread) == ("permit", BATCH_TURNS, BATCH_TURNS)
    assert set(stingy.asked) == {("memory.consolidate", "background")}
    rest = await file.consolidator().run("background")
    assert (rest.stopped, rest.read, rest.unread) == ("", BATCH_TURNS, 0)


async def test_what_is_erased_while_it_waits_is_not_read(file: File) -> None:
    ids = await file.say("I own a red bicycle.", "I own a blue kayak.")
    await file.store.forget(ids[:1])
    await file.consolidator().run("asked")
    assert await file.facts() == {"I own a blue kayak.": True}


async def test_a_model_is_believed_where_the_turn_bears_it_out(file: File) -> None:
    async def offer(passages: Sequence[Passage]) -> list[OfferedFact]:
        turn = passages[0].turn_id
        return [
            OfferedFact("The plumber comes on Thursdays", turn),
            OfferedFact("The plumber comes on Fridays", turn),
            OfferedFact("The plumber is called Bob", turn),
            OfferedFact("The gardener comes on Mondays", turn),
        ]

    await file.say("The plumber comes on Thursdays. The gardener never comes on Mondays.")
    report = await file.consolidator(minds=Minds(extract=offer)).run("asked")
    assert await file.facts() == {"The plumber comes on Thursdays": True} and report.changes == {"added": 1}


async def test_a_model_that_offers_as_one_what_was_chosen_in_parts_adds_nothing(file: File) -> None:
    await file.say("I live in Porto and I work at Acme.")

    async def offer(passages: Sequence[Passage]) -> list[OfferedFact]:
        return [OfferedFact("I live in Porto and I work at Acme.", passages[0].turn_id)]

    await file.consolidator(minds=Minds(extract=offer)).run("asked")
    assert await file.facts() == {"I live in Porto": True, "I work at Acme.": True}


async def test_a_model_that_may_not_answer_leaves_the_work_to_code(file: File) -> None:
    async def refuse(passages: Sequence[Passage]) -> list[OfferedFact]:
        raise UserError("budget_spent", "spent", "wait")

    await file.say("I own a red bicycle.")
    await file.consolidator(minds=Minds(extract=refuse)).run("asked")
    assert await file.facts() == {"I own a red bicycle.": True}


async def test_a_models_score_decides_the_tier(file: File) -> None:
    async def score(passage: Passage) -> float:
        return 1.0

    await file.say("I own a red bicycle.", days_ago=3)
    for days in range(3):
        await file.say("I own a red bicycle.", days_ago=days)
    await file.consolidator(minds=Minds(score=score)).run("asked")
    assert await file.rows("select tier from memories where kind = 'fact'") == [("medium",)]


async def test_a_fact_nobody_speaks_of_fades_and_its_turn_stays(file: File) -> None:
    await file.say("We decided to paint the kitchen green.")
    await file.consolidator().run("asked")
    assert len(await file.facts()) == 1
    file.clock.moment += timedelta(days=400)
    report = await file.consolidator().run("background")
    assert report.changes == {"dropped": 1}
    assert await file.facts() == {}
    assert (await file.store.recall("kitchen green"))[0].kind == "turn"
    # Once taken back, it is not dropped again.
    assert report.run_id is not None
    await history.undo_run(file.database, report.run_id, NOW)
    await file.consolidator().run("asked")
    assert len(await file.facts()) == 1


async def test_pressure_lets_derived_rows_go_and_never_a_turn(file: File) -> None:
    await file.say(*(f"My sister Anna{n} lives in Rome and collects {n} stamps." for n in range(300)))
    await file.store.remember(NewMemory("I am allergic to nuts", speaker="user"))
    await file.consolidator().run("asked")
    before = await file.facts()
    assert len(before) == 301
    report = await file.consolidator(room=Room(limit_bytes=1, least_free_bytes=0)).run("pressure")
    assert await file.facts() == {"I am allergic to nuts": True}
    assert report.changes["dropped"] == 300 and report.missing.of_limit > 0
    assert await file.rows("select count(*) from memories where kind = 'turn'") == [(300,)]


async def test_an_old_chat_is_summed_up_in_the_users_words(file: File) -> None:
    hobbies = ("chess", "tennis", "the piano", "rugby")
    told = [f"My friend Anna{n} plays {hobby} on Sundays with the others." for n in range(10) for hobby in hobbies]
    await file.say(*told, days_ago=40)
    await file.consolidator().run("asked")
    ((text, session, sources),) = await file.rows(
        """select text, session_id, (select count(*) from memory_sources s where s.memory_rowid = m.rowid)
        from memories m where kind = 'summary'"""
    )
    sentences = [f"{part.strip('.')}." for part in text.split(". ")]
    assert session == "s1" and set(sentences) <= set(told) and sources == len(sentences) < 30
    assert sum(f"Anna{n} " in text for n in range(10)) >= 8


async def test_a_summary_that_would_lose_too_much_is_not_kept(file: File) -> None:
    told = [f"My friend Anna{n} works at Firm{n} since {1900 + n}." for n in range(40)]
    await file.say(*told, days_ago=40)
    await file.consolidator().run("asked")
    assert await file.rows("select count(*) from memories where kind = 'summary'") == [(0,)]


async def test_background_work_waits_for_quiet_and_permission_and_ends_when_cancelled(file: File) -> None:
    await file.say("I own a red bicycle.")
    pauses: list[float] = []
    enough = asyncio.Event()

    class Later:
        def may_run(self, kind: str, urgency: Urgency) -> bool:
            return len(pauses) >= 3

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(0)

    async def also() -> None:
        enough.set()

    working = asyncio.create_task(file.consolidator(permit=Later(), also=(also,)).work(pause))
    await asyncio.wait_for(enough.wait(), 20)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert pauses == [300.0, 600.0, 600.0]
    assert await file.facts() == {"I own a red bicycle.": True}


async def test_a_kill_at_any_moment_repeats_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "killed.db"
    database = await Database.open(path)
    told = [f"My locker number {n} code is {1000 + n}." for n in range(100)]
    turns = [NewMemory(text, kind="turn", speaker="user", tier="short") for text in told for _ in range(2)]
    await MemoryStore(database, None).remember_many(turns)
    await database.close()
    chance = random.Random(20)
    kills = count("consolidation killed", 100)
    for _ in range(kills):
        process = await asyncio.create_subprocess_exec(
            sys.executable, CONSOLIDATE, str(path), stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        for _ in range(chance.randint(1, 4)):
            await process.stdout.readline()
        for _ in range(chance.randint(0, 200)):
            await asyncio.sleep(0)  # somewhere within a step
        if process.returncode is None:
            process.kill()
        await process.wait()
    last = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(sys.executable, CONSOLIDATE, str(path), stdout=last)
    assert await process.wait() == 0
    database = await Database.open(path)
    facts = await database.rows("select text, count(*) from memories where kind = 'fact' group by text")
    assert sorted(facts) == sorted((text, 1) for text in told)
    assert await database.rows("select count(*) from memory_sources") == [(len(turns),)]
    assert await database.rows("select count(*) from reading_queue") == [(0,)]
    assert await database.rows("select count(*) from memory_runs where finished_at is null") == [(0,)]
    # Every change is in the diff: all of it can be taken back.
    actions = await database.rows("select action, count(*) from memory_changes group by action order by 1")
    assert actions == [("added", len(told)), ("merged", len(told)), ("retiered", len(told))]
    await database.close()


async def test_a_fact_goes_with_a_source_and_comes_again_of_the_one_that_stays(file: File) -> None:
    first = (await file.say("My sister Anna is allergic to nuts.", days_ago=5, session_id="s1", turn_id="t1"))[0]
    last = (await file.say("My sister Anna is allergic to nuts.", session_id="s2", turn_id="t2"))[0]
    await file.consolidator().run("asked")
    await file.store.forget([first])
    assert await file.facts() == {}
    await file.consolidator().run("asked")
    assert await file.facts() == {"My sister Anna is allergic to nuts.": True}
    sources = await file.rows("select s.id from memory_sources l join memories s on s.rowid = l.source_rowid")
    assert sources == [(last,)]
