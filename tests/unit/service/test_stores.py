"""What a turn leaves in memory, and what of it later prompts are offered."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from openclaw_desktop.agent.plain_requests import RememberThis, parse_plain
from openclaw_desktop.core.labels import USER, Label
from openclaw_desktop.core.messages import Answer, CallOutcome, Message, Receipt, Timing, Usage
from openclaw_desktop.memory.erased_rows import redacted_request
from openclaw_desktop.memory.records import NewMemory
from openclaw_desktop.memory.sessions import SessionStore
from openclaw_desktop.memory.store import MemoryStore
from openclaw_desktop.service.stores import TurnStores, repeats
from openclaw_desktop.storage.database import Database

UNTRUSTED = Label("untrusted", "private", ("file:/x",))


class Desk:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.memories = MemoryStore(database, None)
        self.sessions = SessionStore(database)
        self.stores = TurnStores(self.sessions, self.memories)
        self.session_id, self.turns = "", 0

    async def turn(
        self,
        said: str,
        answered: str,
        label: Label = USER,
        used: tuple[str, ...] = (),
        receipts: tuple[Receipt, ...] = (),
    ) -> None:
        self.session_id = self.session_id or await self.sessions.begin()
        self.turns += 1
        turn_id = f"turn_{self.turns}"
        await self.stores.keep_question(self.session_id, turn_id, said)
        answer = Answer(
            turn_id, self.session_id, answered, "m", label, (), receipts, used, Usage(), Timing(None, 1.0), None
        )
        await self.stores.keep_answer(self.session_id, answer)

    async def offered(self, query: str) -> list[str]:
        return [memory.text for memory in await self.stores.recall(query, 5)]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    database = await Database.open(tmp_path / "m.db")
    yield Desk(database)
    await database.close()


async def test_both_sides_of_a_turn_are_kept_in_order_with_their_labels(desk: Desk) -> None:
    await desk.turn("What does the file say about zebras?", "Zebras sleep standing.", UNTRUSTED)
    rows = await desk.database.rows("select speaker, text, tier, kind, integrity, neighbours from memories")
    assert rows == [
        ("user", "What does the file say about zebras?", "short", "turn", "user", "Zebras sleep standing."),
        (
            "assistant", "Zebras sleep standing.", "short", "turn", "untrusted", "What does the file say about zebras?"
        ),
    ]  # fmt: skip


async def test_a_prompt_is_offered_what_tells_something_and_not_what_only_asks_or_orders(desk: Desk) -> None:
    await desk.turn("Where does my sister Vera live?", "I don't know.")
    await desk.turn("Remind me to call my sister Vera", "Done.")
    await desk.turn("My sister Vera lives in Porto", "Nice.")
    assert await desk.offered("Where does my sister Vera live?") == ["My sister Vera lives in Porto"]
    found = [hit.text for hit in await desk.memories.recall("sister Vera")]
    assert "Where does my sister Vera live?" in found, "the history is whole all the same"


async def test_the_agents_own_words_are_offered_only_where_they_are_asked_for(desk: Desk) -> None:
    await desk.turn("Which soup for tonight?", "Make the lentil soup with cumin.")
    assert await desk.offered("I am making lentil soup") == []
    assert await desk.offered("What soup did you suggest?") == ["Make the lentil soup with cumin."]
    assert await desk.offered("What was your suggestion for soup?") == ["Make the lentil soup with cumin."]


async def test_an_answer_goes_with_the_memory_that_it_repeats(desk: Desk) -> None:
    kept = await desk.stores.remember("my locker code is 4711", USER, None, None)
    other = await desk.stores.remember("my locker is blue", USER, None, None)
    await desk.turn("What is the code?", "It is 4711.", used=(kept.id, other.id))
    await desk.turn("And the weather?", "I can't know.", used=(kept.id,))
    sources = """select m.text, s.text from memory_sources join memories m on m.rowid = memory_rowid
        join memories s on s.rowid = source_rowid"""
    assert await desk.database.rows(sources) == [("It is 4711.", "my locker code is 4711")]


async def test_a_fact_is_found_before_those_who_ask_for_it_and_without_those_who_repeat_it(desk: Desk) -> None:
    await desk.turn("Remember that my sister's birthday is on March 14", "Saved: my sister's birthday is on March 14")
    kept = await desk.stores.remember("my sister's birthday is on March 14", USER, desk.session_id, "turn_1")
    await desk.turn("When is my sister's birthday?", "Your sister's birthday is on March 14.", used=(kept.id,))
    found = [hit.text for hit in await desk.memories.recall("sister birthday")]
    assert found == ["my sister's birthday is on March 14", "When is my sister's birthday?"]


async def test_a_medium_term_fact_is_offered_wherever_it_fits_as_well_as_a_turn(desk: Desk) -> None:
    for number in range(8):
        await desk.turn(f"My sister likes the boat {number}", "Nice.")
    long = "the boat of my sister is called Otter, and whoever takes it out has to write that into the book in the shed"
    await desk.stores.remember(long, USER, None, None)
    await desk.stores.remember(f"{long}, as was said before by somebody else", UNTRUSTED, None, None)
    await desk.database.write(
        lambda c: c.execute("update memories set tier = 'long' where text like '%else'").fetchall()
    )
    found = [hit.text for hit in await desk.memories.recall("boat sister", 20)]
    assert found.index(long) >= 5, "whoever says much in one chat is heard first"
    offered = await desk.offered("boat sister")
    assert offered == [*found[:4], long], "the best stays, a fact that earned only long-term waits"
    assert long not in await desk.offered("the boat that my sister likes"), "what fits less goes before nothing"


async def test_however_many_turns_say_its_words_a_medium_term_fact_is_offered(desk: Desk) -> None:
    session = await desk.sessions.begin()
    turns = [
        NewMemory(f"My sister likes the boat {n}", kind="turn", tier="short", speaker="user", session_id=session)
        for n in range(60)
    ]
    await desk.memories.remember_many(turns)
    told = "the boat of my sister is called Otter, and whoever takes it out writes that into the book in the shed"
    for text in (told, f"{told}, which a guest had said before"):
        await desk.stores.remember(text, USER, None, None)
    await desk.database.write(lambda c: c.execute("update memories set tier = 'long' where text like '%before'"))
    found = [hit.text for hit in await desk.memories.recall("boat sister", 20)]
    assert not [text for text in found if text.startswith(told)], "whoever says much in one chat is heard first"
    assert [text for text in await desk.offered("boat sister") if text.startswith(told)] == [told]


async def test_of_an_erasure_nothing_becomes_a_memory(desk: Desk) -> None:
    receipt = Receipt("memory.erased", "erased 1", "call_1")
    await desk.turn("Forget what I said about zebras", "Erased: 1.", receipts=(receipt,))
    assert await desk.database.rows("select count(*) from memories") == [(0,)]


@pytest.mark.parametrize(
    ("answer", "memory", "expected"),
    [
        ("Your code is 4711.", "my locker code is 4711", True),
        ("She lives in Porto with Jo.", "My sister lives in Porto", True),
        ("I can't know.", "my locker code is 4711", False),
        ("", "my sister lives in Porto", False),
        ("Nothing.", "", False),
    ],
)
def test_what_counts_as_repeating(answer: str, memory: str, expected: bool) -> None:
    assert repeats(answer, memory) is expected


async def test_what_was_told_in_a_turn_without_an_answer_is_a_memory_after_the_next_start(desk: Desk) -> None:
    await desk.turn("Hello", "Hi.")
    for turn_id, said in (
        ("killed", "My sister Vera lives in Porto"),
        ("erased", redacted_request()),
        ("asked", "Forget that my PIN is 4711"),
    ):
        await desk.stores.keep_question(desk.session_id, turn_id, said)
    await desk.stores.keep_unanswered()
    await desk.stores.keep_unanswered()
    rows = await desk.database.rows("select text, turn_id, session_id from memories where speaker = 'user'")
    assert rows == [
        ("Hello", "turn_1", desk.session_id),
        ("My sister Vera lives in Porto", "killed", desk.session_id),
    ]
    assert await desk.offered("Where does Vera live?") == ["My sister Vera lives in Porto"]


async def test_an_answer_written_while_something_is_erased_keeps_no_word_of_it(desk: Desk) -> None:
    code = await desk.memories.remember(NewMemory("My bank code is canary4711"))
    desk.session_id = await desk.sessions.begin()
    await desk.stores.keep_question(desk.session_id, "late", "Which code was it?")
    before = desk.stores.erasures()
    await desk.stores.forget([code])
    called = CallOutcome("c", "read_file", {"path": "/x"}, "done", result="canary4711", label=USER)
    answer = Answer(
        "late",
        desk.session_id,
        "It is canary4711.",
        "m",
        USER,
        (called,),
        (),
        (code,),
        Usage(),
        Timing(None, 1.0),
        None,
    )
    await desk.stores.keep_answer(desk.session_id, answer, Message("user", "canary4711?", USER), before)
    _, kept = await desk.sessions.messages(desk.session_id)
    assert "Left out" in kept.text
    assert not [
        table for table in ("messages", "memories", "working_memory") if await _holds(desk, table, "canary4711")
    ]


async def test_a_question_erased_while_it_becomes_a_memory_is_in_neither(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await desk.sessions.begin()
    await desk.stores.keep_question(session, "turn_failed", "My bank code is canary4711")
    begun, remember = asyncio.Event(), desk.memories.remember_many
    erasings: list[asyncio.Task[object]] = []

    async def erase_begins() -> None:
        begun.set()

    async def remember_late(memories: list[NewMemory], told: bool = False) -> list[str]:
        erasings.append(asyncio.ensure_future(desk.memories.erasing.erase(["turn_failed"])))
        await begun.wait()
        await desk.database.write(lambda connection: None)  # behind whatever the erasure writes by now
        return await remember(memories, told=told)

    desk.memories.erasing.when_erased(erase_begins)
    monkeypatch.setattr(desk.memories, "remember_many", remember_late)
    await desk.stores.keep_unanswered("turn_failed")
    await asyncio.gather(*erasings)
    assert not [table for table in ("messages", "memories") if await _holds(desk, table, "canary4711")]


async def test_an_answer_does_not_wait_for_files_that_an_erasure_writes_anew(desk: Desk) -> None:
    code = await desk.memories.remember(NewMemory("My bank code is canary4711"))

    async def answer_meanwhile() -> None:
        if desk.stores.erasures() and not desk.turns:
            async with asyncio.timeout(60):
                await desk.turn("Hello", "Hi.")

    desk.memories.erasing.when_erased(answer_meanwhile)
    await desk.stores.forget([code])
    assert await desk.database.rows("select text from memories order by rowid") == [("Hello",), ("Hi.",)]


async def _holds(desk: Desk, table: str, word: str) -> bool:
    return any(word in str(row) for row in await desk.database.rows(f"select * from {table}"))


async def test_what_the_agent_said_itself_is_not_kept_as_the_users_word(desk: Desk) -> None:
    await desk.turn("Who is the oldest of the Brothers Grimm?", "Jacob Grimm is the oldest.")
    await desk.turn("My sister Vera was born on 14 March 1990, near Porto", "Nice.")
    for text, speaker in (
        ("Jacob Grimm is the oldest.", "assistant"),
        ("Vera was born on 14 March 1990", "user"),
        ("Vera was born on 15 March 1990", "assistant"),
    ):
        kept = await desk.stores.remember(text, USER, desk.session_id, "turn_3")
        memory = await desk.memories.get(kept.id)
        assert memory is not None and memory.speaker == speaker, text


@pytest.mark.parametrize(
    "said",
    [
        "Please remember: I’m allergic to nuts",
        "Could you remember that I don’t eat fish, please?",
        "remember that my   boat is called  Otter",
        "REMEMBER that I dont eat fish.......",
        "Remember that Straße 5 is my address",
    ],
)
async def test_what_the_user_says_to_keep_is_their_word_however_it_is_typed(desk: Desk, said: str) -> None:
    request = parse_plain(said)
    assert isinstance(request, RememberThis)
    session = await desk.sessions.begin()
    await desk.stores.keep_question(session, "turn_1", said)
    kept = await desk.memories.get((await desk.stores.remember(request.text, USER, session, "turn_1")).id)
    assert kept is not None and kept.speaker == "user"


async def test_an_order_about_oneself_is_no_statement(desk: Desk) -> None:
    await desk.turn("Read /tmp/notes.txt and remember what it says about my bank.", "Done.")
    await desk.turn("My bank is Novo. Please read its last letter to me.", "Done.")
    assert await desk.offered("Which bank do I use?") == ["My bank is Novo. Please read its last letter to me."]
