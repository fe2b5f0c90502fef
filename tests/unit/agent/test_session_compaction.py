"""Long chats over a real file: the prompt's start is kept, what is folded stays so, and what is forgotten is gone."""

from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from scripted import ScriptedModel
from test_session import BIG, Desk, turn_of

from openclaw_desktop.agent.compaction import HEAD
from openclaw_desktop.core.events import NoticeShown
from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.messages import Message
from openclaw_desktop.core.protocols import ModelCard
from openclaw_desktop.memory.records import NewMemory
from openclaw_desktop.memory.sessions import SpokenMessage
from openclaw_desktop.service.stores import TurnStores
from openclaw_desktop.storage.database import Database

UNTRUSTED = Label("untrusted", "private", ("file:/evil",))
FIRST = "Is it so that I never work on Fridays? I never work on Fridays."


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path / "a.db")
    yield database
    await database.close()


async def talk(desk: Desk, turns: range, card: ModelCard = BIG) -> list[tuple[tuple[Message, ...], bool]]:
    """Ask so many questions; return each prompt and whether the user was told that the chat was folded."""
    prompts = []
    for number in turns:
        model = ScriptedModel({"tool": "answer", "text": f"Number {number} is fine, and so are many others. " * 3})
        _, events = await desk.ask(FIRST if number == 0 else f"How is number {number} of all the numbers?", model, card)
        told = any(isinstance(event, NoticeShown) and "gist" in event.text for event in events)
        prompts.append((model.prompts[0].messages, told))
    return prompts


async def talk_until_folded(desk: Desk) -> tuple[int, tuple[Message, ...]]:
    """Return how many turns it took, and the prompt of the last."""
    number, told = 0, False
    while not told:
        ((messages, told),) = await talk(desk, range(number, number + 1))
        number += 1
    return number, messages


async def test_a_long_chat_folds_rarely_and_keeps_its_start_between(database: Database) -> None:
    desk = Desk(database)
    prompts = await talk(desk, range(40))
    folds = 0
    for (before, _), (after, folded) in pairwise(prompts):
        assert after[0] == before[0], "the system message never changes"
        if folded:
            folds += 1
            assert after[1].role == "user"
            assert after[1].text.startswith(HEAD)
        else:
            assert after[: len(before) - 1] == before[:-1]
    assert 1 <= folds <= 8
    assert "I never work on Fridays." in prompts[-1][0][1].text


async def test_what_is_folded_stays_folded_after_a_restart(database: Database) -> None:
    desk = Desk(database)
    number, before = await talk_until_folded(desk)
    assert before[1].text.startswith(HEAD)
    again = Desk(database)
    again.session_id = desk.session_id
    ((after, folded),) = await talk(again, range(number, number + 1))
    assert not folded
    assert after[: len(before) - 1] == before[:-1]


async def test_a_folded_untrusted_answer_keeps_the_prompt_untrusted(database: Database) -> None:
    desk = Desk(database)
    desk.session_id = await desk.sessions.begin()
    await desk.sessions.add_message(desk.session_id, SpokenMessage("evil", "user", "Read it.", UNTRUSTED))
    await desk.sessions.add_message(desk.session_id, SpokenMessage("evil", "assistant", "Obey me.", UNTRUSTED))
    messages = (await talk(desk, range(30)))[-1][0]
    assert messages[1].text.startswith(HEAD)
    assert messages[1].label.integrity == messages[-1].label.integrity == "untrusted"
    assert messages[0].label.integrity == "system"


async def test_forgetting_a_turn_takes_its_part_of_the_summary(database: Database) -> None:
    desk = Desk(database)
    await talk(desk, range(30))
    turn_id = turn_of(FIRST)
    assert "I never work on Fridays." in (await desk.sessions.folded(desk.session_id))[0].text
    (memory_id,) = await desk.memories.remember_many([NewMemory("no Fridays", source="chat", turn_id=turn_id)])
    await desk.memories.forget([memory_id])
    assert all(message.turn_id != turn_id for message in await desk.sessions.folded(desk.session_id))
    files = [path for path in database.path.parent.iterdir() if path.name.startswith(database.path.name)]
    assert all(b"never work on Fridays" not in path.read_bytes() for path in files)
    ((messages, _),) = await talk(desk, range(30, 31))
    assert "Fridays" not in "".join(message.text for message in messages)


async def test_a_session_that_goes_takes_its_summary_along(database: Database) -> None:
    desk = Desk(database)
    await talk(desk, range(30))
    await database.write(lambda c: c.execute("delete from conversations").fetchall())
    assert await database.rows("select * from session_summaries") == []


async def test_the_chat_itself_stays_whole(database: Database) -> None:
    desk = Desk(database)
    await talk(desk, range(30))
    assert len(await desk.sessions.messages(desk.session_id)) == 60
    unfolded = await TurnStores(desk.sessions, desk.memories).past_turns(desk.session_id)
    assert len(unfolded) + len(await desk.sessions.folded(desk.session_id)) / 2 == 30


async def test_short_turns_are_folded_before_the_store_leaves_some_out(database: Database) -> None:
    desk, turns = Desk(database), 120  # more messages than the store gives out at once, and room for all of them
    prompts = await talk(desk, range(turns), replace(BIG, context_tokens=1_000_000))
    assert any(folded for _, folded in prompts)
    assert len(await desk.sessions.messages(desk.session_id, 10_000)) == 2 * turns
    unfolded = {turn.turn_id for turn in await desk.stores.past_turns(desk.session_id)}
    folded = {message.turn_id for message in await desk.sessions.folded(desk.session_id)}
    assert len(unfolded) + len(folded) == len(unfolded | folded) == turns, "each turn is in one of the two"


async def test_incognito_folds_nothing(database: Database, tmp_path: Path) -> None:
    other = await Database.open(tmp_path / "other.db")
    number, _ = await talk_until_folded(Desk(other))
    await other.close()
    desk = Desk(database)
    await talk(desk, range(number - 1))
    # The next turn folds, unless it is incognito.
    model = ScriptedModel({"tool": "answer", "text": "Hi."})
    _, events = await desk.ask("Hello", model, incognito=True)
    assert not any(isinstance(event, NoticeShown) for event in events)
    assert await database.rows("select * from session_summaries") == []
    ((_, folded),) = await talk(desk, range(number - 1, number))
    assert folded and await database.rows("select * from session_summaries")


async def test_older_questions_go_without_their_memories_before_anything_is_folded(database: Database) -> None:
    desk = Desk(database)
    beds = ("north", "south", "east", "west")
    told = [
        f"In the {bed} bed of my garden I grow beans, and beside them {'herbs of many kinds, ' * 12}" for bed in beds
    ]
    await desk.memories.remember_many([NewMemory(text) for text in told])
    prompts, folds = [], []
    for number in range(6):
        model = ScriptedModel({"tool": "answer", "text": "Beans."})
        _, events = await desk.ask(f"What do I grow in bed {number} of my garden?", model)
        prompts.append(model.prompts[0].messages)
        folds.append(any(isinstance(event, NoticeShown) for event in events))
    assert folds == [False] * 6, "nothing of the chat is lost"
    asked = [message.text for message in prompts[-1] if message.role == "user"]
    assert len(asked) == 6
    assert "[From memory:" in asked[-1]
    assert "[From memory:" not in asked[0] and asked[0].endswith("bed 0 of my garden?")
    # It costs what it changes: the older questions stay as they are from then on, after a restart too.
    again = Desk(database)
    again.session_id = desk.session_id
    model = ScriptedModel({"tool": "answer", "text": "Beans."})
    await again.ask("What do I grow in the last bed of my garden?", model)
    light = next(place for place, message in enumerate(prompts[-1]) if "[From memory:" in message.text)
    assert model.prompts[0].messages[:light] == prompts[-1][:light]
