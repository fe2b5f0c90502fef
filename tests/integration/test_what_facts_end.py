"""What facts end and when, what a forgotten one leaves, what points back, and which words a fact is found by."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from memory_file import NOW, File

from openclaw_desktop.core.protocols import OfferedFact
from openclaw_desktop.core.sentences import Passage
from openclaw_desktop.memory.consolidation import revision
from openclaw_desktop.memory.consolidation.consolidator import Minds
from openclaw_desktop.memory.records import NewMemory
from openclaw_desktop.storage.database import Database


@pytest.fixture
async def file(tmp_path: Path) -> AsyncIterator[File]:
    database = await Database.open(tmp_path / "m.db")
    yield File(database)
    await database.close()


async def test_what_was_announced_ends_the_other_on_its_day(file: File) -> None:
    await file.say("I live in Porto.", days_ago=30)
    await file.say("From 1 December I'll live in Lisbon.", days_ago=20)
    await file.say("I live in Faro.", days_ago=10)
    await file.consolidator().run("asked")
    assert await file.facts() == {
        "I live in Porto.": False, "From 1 December I'll live in Lisbon.": True, "I live in Faro.": True,
    }  # fmt: skip
    file.clock.moment = datetime(2026, 12, 1, 8, tzinfo=UTC)
    report = await file.consolidator().run("background")
    assert report.changes["superseded"] == 1
    assert (await file.facts())["I live in Faro."] is False
    ended = await file.rows("select valid_to from memories where text = 'I live in Faro.' and kind = 'fact'")
    assert ended == [("2026-12-01",)]
    await file.say("I live in Faro again.")
    await file.consolidator().run("asked")
    assert (await file.facts())["From 1 December I'll live in Lisbon."] is False


async def test_what_a_forgotten_fact_had_ended_holds_again(file: File) -> None:
    await file.say("I live in Porto.", days_ago=9, turn_id="t1")
    await file.say("I moved to Lisbon.", days_ago=5, turn_id="t2")
    await file.consolidator().run("asked")
    assert (await file.facts())["I live in Porto."] is False
    ((moved,),) = await file.rows("select id from memories where text = 'I moved to Lisbon.' and kind = 'fact'")
    await file.store.forget([moved])
    assert await file.facts() == {"I live in Porto.": True}
    assert await file.rows("select valid_to from memories where kind = 'fact'") == [(None,)]


async def test_what_a_forgotten_fact_had_ended_is_ended_by_what_ended_that(file: File) -> None:
    for days, text in ((9, "I live in Porto."), (5, "I moved to Lisbon."), (1, "I moved to Oslo.")):
        await file.say(text, days_ago=days, turn_id=f"t{days}")
        await file.consolidator().run("asked")
    lisbon, oslo = [
        id_ for (id_,) in await file.rows("select id from memories where kind = 'fact' and rowid > 2 order by rowid")
        if id_ in {one for (one,) in await file.rows("select id from memories where text like 'I moved%'")}
    ]  # fmt: skip
    await file.store.forget([lisbon])
    ended = await file.rows(
        """select m.valid_to, s.id from memories m left join memories s on s.rowid = m.superseded_by
        where m.kind = 'fact' order by m.rowid"""
    )
    assert ended == [((NOW - timedelta(days=1)).isoformat(), oslo), (None, None)]
    await file.store.forget([oslo])
    assert await file.facts() == {"I live in Porto.": True}


async def test_of_what_was_told_together_the_rest_holds(file: File) -> None:
    await file.say("I live in Porto and I work at Acme.", days_ago=30)
    await file.say("Actually, no, I live in Bergen.", days_ago=2)
    await file.consolidator().run("asked")
    assert await file.facts() == {"I live in Porto": False, "I work at Acme.": True, "I live in Bergen.": True}
    assert [hit.text for hit in await file.store.recall("Where do I live?", 1)] == ["I live in Bergen."]
    assert [hit.text for hit in await file.store.recall("Where do I work?", 1)] == ["I work at Acme."]


async def test_a_fact_that_tells_more_stays_below_what_contradicts_a_part_of_it(file: File) -> None:
    told = "I live in Graz, work at Magna and play the cello."
    await file.say(told, days_ago=30)
    await file.say("I moved to Linz.", days_ago=2)
    await file.consolidator().run("asked")
    assert await file.facts() == {told: True, "I moved to Linz.": True}
    newer, older = [hit for hit in await file.store.recall("Where do I live?") if hit.kind == "fact"]
    assert (newer.text, older.text) == ("I moved to Linz.", told)
    assert "you said otherwise of a part of it later" in older.why
    # Of the rest it tells nothing, though it names the same.
    await file.say("I moved to Linz because of the cello.", days_ago=1)
    await file.consolidator().run("asked")
    for question in ("Which instrument do I play, is it the cello?", "Do I play the cello?"):
        first = (await file.store.recall(question))[0]
        assert first.text == told and "otherwise" not in first.why, question


async def test_a_turn_is_found_as_the_facts_that_tell_all_of_it(file: File) -> None:
    both, more = "I play the cello and my wife plays golf.", "I play the cello. What is wrong with its bow?"
    await file.say(both, more, days_ago=3)
    await file.consolidator().run("asked")
    hits = {(hit.kind, hit.text) for hit in await file.store.recall("cello golf")}
    assert {("fact", "I play the cello"), ("fact", "My wife plays golf.")} <= hits
    assert ("turn", both) not in hits and ("turn", more) in hits


async def test_a_fact_is_found_by_the_words_that_it_is_asked_for(file: File) -> None:
    await file.say("Anna settled in Turku.", "What a grey morning.")
    await file.say("Anna knows the profession of a nurse.", speaker="assistant")
    await file.consolidator().run("asked")
    assert (await file.store.recall("Which town is home?"))[0].text == "Anna settled in Turku."
    ((stands,),) = await file.rows("select neighbours from memories where kind = 'fact'")
    assert "home" in stands and "Anna" not in stands
    # It follows the text, and goes with it.
    await file.database.write(lambda c: c.execute("update memories set text = 'Anna drinks tea' where kind = 'fact'"))
    await file.consolidator().run("asked")
    assert await file.rows("select neighbours from memories where kind = 'fact'") == [("",)]


async def test_what_only_said_the_same_goes_with_the_kept_one(file: File) -> None:
    await file.say("I live in Porto.")
    await file.consolidator().run("asked")
    kept = await file.store.remember(NewMemory("I live in Porto", speaker="user"), told=True)
    assert list((await file.facts()).values()) == [False, True]
    await file.store.forget([kept])
    assert await file.rows("select text from memories") == []


async def test_what_was_forgotten_while_a_model_was_asked_is_no_fact(file: File) -> None:
    said = (await file.say("My bank code is 4711."))[0]

    async def forget(passages: Sequence[Passage]) -> list[OfferedFact]:
        if not await file.store.forget([said]):
            return []
        await file.say("I own a kayak.")  # gets the rowid of what is gone
        return [OfferedFact("The user's bank code is 4711", passages[0].turn_id)]

    await file.consolidator(minds=Minds(extract=forget)).run("asked")
    assert await file.rows("select rowid, text from memories where kind = 'turn'") == [(1, "I own a kayak.")]
    assert await file.facts() == {"I own a kayak.": True}


async def test_a_correction_that_points_back_takes_effect_at_once_and_when_it_is_read(file: File) -> None:
    await file.say("My sister Vera's birthday is on 14 March.")
    await file.consolidator().run("asked")
    turn = (await file.say("Actually, it's on 15 March."))[0]
    ((rowid,),) = await file.rows("select rowid from memories where id = ?", turn)
    ended = await file.database.write(lambda c: revision.settle(c, [rowid], NOW))
    right = {"My sister Vera's birthday is on 14 March.": False, "My sister Vera's birthday is on 15 March.": True}
    assert len(ended) == 1 and await file.facts() == right
    # Made of both: without either it would not be told.
    sql = "select count(*) from memory_sources s join memories m on m.rowid = s.memory_rowid where m.text like '%15%'"
    assert await file.rows(sql) == [(2,)]
    await file.say("My brother Tom's birthday is on 3 May.", "What a day!", "No, it's on 4 May.", session_id="s2")
    await file.consolidator().run("asked")
    assert (await file.facts())["My brother Tom's birthday is on 3 May."] is False
    assert (await file.facts())["My brother Tom's birthday is on 4 May."] is True


async def test_what_the_user_said_to_keep_is_put_right_by_a_word_that_points_back(file: File) -> None:
    told = "my sister's birthday is on March 14"
    (kept,) = await file.store.remember_many(
        [NewMemory(told, kind="fact", tier="medium", speaker="user", session_id="s1", turn_id="t1")], told=True
    )
    said = await file.say(f"Remember that {told}", turn_id="t1")
    await file.say("When is my sister's birthday?", turn_id="t2")
    turn = (await file.say("Actually, it is on 15 March.", turn_id="t3"))[0]
    ((rowid,),) = await file.rows("select rowid from memories where id = ?", turn)
    assert await file.database.write(lambda c: revision.settle(c, [rowid], NOW)) == (kept,)
    assert await file.facts() == {told: False, "My sister's birthday is on 15 March.": True}
    await file.consolidator().run("asked")
    assert (await file.facts())["My sister's birthday is on 15 March."] is True
    # Who has what they said forgotten leaves nothing that was made of it.
    await file.store.forget([*said, kept])
    assert await file.facts() == {}


async def test_a_word_that_points_back_is_about_the_one_just_spoken_of(file: File) -> None:
    await file.say("My sister's birthday is on 2 May.", session_id="s0", days_ago=3)
    await file.say("My sister's birthday is on March 14.", "Actually, it is on 15 March.")
    ((rowid,),) = await file.rows("select max(rowid) from memories")
    await file.database.write(lambda c: revision.settle(c, [rowid], NOW))
    await file.consolidator().run("asked")
    # There may be two sisters, and of one it was put right before what was said first had been read.
    assert await file.facts() == {
        "My sister's birthday is on 15 March.": True, "My sister's birthday is on 2 May.": True,
        "My sister's birthday is on March 14.": False,
    }  # fmt: skip


async def test_two_of_one_name_are_two(file: File) -> None:
    await file.say("My sister Ana lives in Foz.", days_ago=2)
    await file.say("My colleague Ana lives in Foz.", days_ago=1)
    await file.say("My colleague Ana moved to Rome.")
    await file.consolidator().run("asked")
    assert await file.facts() == {
        "My sister Ana lives in Foz.": True, "My colleague Ana lives in Foz.": False,
        "My colleague Ana moved to Rome.": True,
    }  # fmt: skip


async def test_what_the_next_message_takes_back_is_no_fact(file: File) -> None:
    await file.say("I own a castle.", "Haha, what a day.", session_id="s1")
    await file.say("I own a yacht.", "Just kidding!", "I own a bicycle.", session_id="s2")
    await file.consolidator().run("asked")
    assert await file.facts() == {"I own a castle.": True, "I own a bicycle.": True}


async def test_a_chat_brought_in_late_is_summed_up_too(file: File) -> None:
    hobbies = ("chess", "tennis", "the piano", "rugby")
    told = [f"My friend Anna{n} plays {hobby} on Sundays with the others." for n in range(10) for hobby in hobbies]
    await file.say("I own a red bicycle.", days_ago=40)
    await file.consolidator().run("asked")
    await file.say(*told, days_ago=400, session_id="old")
    await file.say(*told, days_ago=5, session_id="young")
    await file.consolidator().run("asked")
    assert await file.rows("select session_id from memories where kind = 'summary'") == [("old",)]
    file.clock.moment += timedelta(days=40)
    await file.consolidator().run("asked")
    assert await file.rows("select session_id from memories where kind = 'summary'") == [("old",), ("young",)]
