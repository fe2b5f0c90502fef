"""Recall on the real file: what a question finds, and why."""

import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import apsw
import pytest

from openclaw_desktop.core.labels import Label
from openclaw_desktop.memory import MemoryStore, NewMemory, Recollection, word_vectors
from openclaw_desktop.memory.recall import candidates
from openclaw_desktop.memory.recall.counts import TermCounts
from openclaw_desktop.memory.recall.words import stemmer
from openclaw_desktop.memory.vectors.embedder import WORDLLAMA
from openclaw_desktop.storage.database import Database

NOW = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(tmp_path / "m.db", key=b"k" * 32)
    yield opened
    await opened.close()


@pytest.fixture
async def memory(database: Database) -> AsyncIterator[MemoryStore]:
    """Words and vectors, in an encrypted file."""
    engine = word_vectors()
    store = MemoryStore(database, engine)
    yield store
    await store.vectors.close()
    engine.close()


@pytest.fixture
def words(database: Database) -> MemoryStore:
    """Words alone."""
    return MemoryStore(database, None)


async def ask(memory: MemoryStore, question: str, k: int = 10) -> list[Recollection]:
    return await memory.recall(question, k, NOW)


async def texts(memory: MemoryStore, question: str, k: int = 10) -> list[str]:
    return [hit.text for hit in await ask(memory, question, k)]


def turn(speaker: str, text: str, session: str = "s1", at: str = "2026-09-01T10:00:00+00:00") -> NewMemory:
    return NewMemory(text, kind="turn", speaker=speaker, session_id=session, created_at=at)


async def test_without_an_engine_words_alone_find(words: MemoryStore) -> None:
    await words.remember_many([NewMemory("The boiler was serviced by Mr Lindt"), NewMemory("Anna likes jazz")])
    hits = await ask(words, "who serviced the boiler")
    assert hits[0].text.startswith("The boiler")
    assert "words: serviced, boiler" in hits[0].why
    assert "meaning" not in hits[0].why


async def test_as_many_are_found_as_were_asked_for(words: MemoryStore) -> None:
    await words.remember_many(
        [NewMemory(f"Meter reading {number}") for number in range(candidates.WORD_CANDIDATES + 40)]
    )
    assert len(await ask(words, "meter reading", 1_000)) == candidates.WORD_CANDIDATES + 40


async def test_a_fact_answers_the_words_that_it_is_asked_by(words: MemoryStore) -> None:
    await words.remember(NewMemory("I moved to Lisbon in March", kind="fact", speaker="user"), told=True)
    await words.remember(NewMemory("I moved the boxes", kind="turn", speaker="user"))
    (hit,) = await ask(words, "where do I live?", 1)
    assert hit.text.startswith("I moved to Lisbon") and hit.relevance == 1.0
    assert "words" not in hit.why, "it says none of them"


@pytest.mark.parametrize(("k", "wanted"), [(1, 80), (10, 80), (12, 96), (20, 160), (50, 160), (1_000, 1_000)])
def test_the_more_hits_are_wanted_the_more_candidates_are_looked_at(k: int, wanted: int) -> None:
    assert candidates.wanted_by_words(k) == wanted


@pytest.fixture
def in_auckland(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Pacific/Auckland")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone of a process can't be set here")
@pytest.mark.usefixtures("in_auckland")
async def test_yesterday_is_the_users(database: Database) -> None:
    class TuesdayMorning:
        def now(self) -> datetime:
            return datetime(2026, 11, 23, 20, tzinfo=UTC)

        def monotonic_s(self) -> float:
            return 0.0

    store = MemoryStore(database, None, TuesdayMorning())
    await store.remember_many(
        [
            NewMemory("I called Ben", created_at="2026-11-21T22:00:00+00:00"),
            NewMemory("I called Anna", created_at="2026-11-23T04:00:00+00:00"),
        ]
    )
    first, last = await store.recall("Whom did I call yesterday?")
    assert (first.text, last.text) == ("I called Anna", "I called Ben")
    assert "date: yesterday" in first.why
    assert "date" not in last.why


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone of a process can't be set here")
@pytest.mark.usefixtures("in_auckland")
async def test_days_are_those_of_the_users_calendar(words: MemoryStore, database: Database) -> None:
    auckland = ZoneInfo("Pacific/Auckland")
    old, new, _ = await words.remember_many(
        [
            NewMemory("the gate code is 1", created_at="2026-11-10T08:00:00+00:00"),
            NewMemory("the gate code is 2", created_at="2026-11-17T20:00:00+00:00"),  # a Wednesday there
            NewMemory("the gate code was asked for", created_at="2026-11-17T08:00:00+00:00"),
        ]
    )
    assert dict(await database.rows("select id, date_words from memories"))[new] == "wednesday 18 november 2026"
    await replace_fact(database, old, new)
    (hit, *_) = [hit for hit in await words.recall("gate code before", now=NOW.astimezone(auckland)) if hit.id == old]
    assert "no longer true since 2026-11-18" in hit.why


async def test_a_day_that_was_told_ends_on_that_day_in_every_zone(words: MemoryStore) -> None:
    await words.remember(NewMemory("Parking permit 17", valid_to="2026-01-01", created_at="2025-01-01"))
    for zone in ("America/Los_Angeles", "Pacific/Auckland"):
        (hit,) = await words.recall("which parking permit did I have before", now=NOW.astimezone(ZoneInfo(zone)))
        assert "no longer true since 2026-01-01" in hit.why


async def test_a_question_that_says_nothing_finds_only_its_own_word(memory: MemoryStore) -> None:
    await memory.remember_many([NewMemory("the car is in the garage"), NewMemory("I know who it was")])
    assert await texts(memory, "who?") == ["I know who it was"]
    assert await texts(memory, "whom?") == []
    assert await texts(memory, "of with") == []


@pytest.mark.parametrize("vectors", [ValueError("broken"), [], [b"x" * 1024] * 3, [b"\x00\x00\x80\x3f" * 3]])
async def test_an_engine_that_fails_leaves_the_words(
    database: Database, vectors: Exception | list[bytes], caplog: pytest.LogCaptureFixture
) -> None:
    engine = word_vectors()

    class Broken:
        engine, version, dimension, leaves_machine, instant = WORDLLAMA.engine, WORDLLAMA.version, 256, False, True

        async def __call__(self, texts: Sequence[str]) -> list[bytes]:
            if isinstance(vectors, Exception):
                raise vectors
            return vectors

    try:
        whole = MemoryStore(database, engine)
        await whole.remember_many([NewMemory("the boiler was serviced"), NewMemory("Anna likes jazz")])
        await whole.vectors.close()
    finally:
        engine.close()
    broken = MemoryStore(database, Broken())
    hits = await ask(broken, "who serviced the boiler")
    assert hits[0].text == "the boiler was serviced"
    assert "meaning" not in hits[0].why
    assert not vectors or "searched by words alone" in caplog.text
    await broken.vectors.close()


async def test_what_is_not_the_users_own_text_says_so(words: MemoryStore) -> None:
    await words.remember_many(
        [
            NewMemory("The bank opens at nine", label=Label("untrusted", "private", ("file",))),
            NewMemory("The bank is red"),
        ]
    )
    read, own = sorted(await ask(words, "bank"), key=lambda hit: hit.label.integrity)
    assert "from a text that is not yours" in read.why
    assert "not yours" not in own.why


async def test_a_fact_is_not_lost_among_the_turns_of_its_chat(memory: MemoryStore) -> None:
    ids = await memory.remember_many(
        [
            replace(turn(speaker, text, "chat"), turn_id=f"t{number}")
            for number, (speaker, text) in enumerate(
                [
                    ("user", "I have to pick something for the money from grandmother"),
                    ("assistant", "Which bank do you use for your money so far?"),
                    ("user", "Well, that is a long story. My bank is Novo. I was angry with the old bank"),
                    ("assistant", "Many a bank closes its counters. A bank with a branch near you is best."),
                    ("user", "A bank with good hours is what I want to use"),
                    ("assistant", "Then use a bank of the town."),
                ]
            )
        ]
    )
    fact = NewMemory("My bank is Novo.", speaker="user", turn_id="t2", derived_from=(ids[2],))
    await memory.remember(fact)
    assert "My bank is Novo." in await texts(memory, "which bank do I use?", 5)


async def test_what_is_meant_is_found_without_its_words(memory: MemoryStore) -> None:
    await memory.remember_many([NewMemory("the car is in the garage"), NewMemory("lunch is at noon")])
    hits = await ask(memory, "vehicle")
    assert hits[0].text == "the car is in the garage"
    assert "meaning" in hits[0].why


async def test_the_one_who_is_named_is_told_by_who_spoke(memory: MemoryStore) -> None:
    await memory.remember_many(
        [turn("Greta", "I adopted a beagle from the shelter", "s1"), turn("Tom", "I adopted a beagle too", "s2")]
    )
    for name in ("Greta", "Tom"):
        hits = await ask(memory, f"What did {name} adopt?")
        assert hits[0].speaker == name
        assert f"said by {name}" in hits[0].why
        assert "said by" not in hits[1].why


async def test_a_first_name_names_its_bearer_and_one_erased_is_no_name(words: MemoryStore, database: Database) -> None:
    ids = await words.remember_many([turn("Greta Olsen", "I sold the boat"), turn("greta olsen", "It was a good boat")])
    assert "said by greta olsen" in (await ask(words, "what did greta do with the boat"))[0].why.lower()
    await words.forget(ids)
    assert await database.rows("select * from speakers") == []


async def test_an_answer_is_found_by_its_question(words: MemoryStore) -> None:
    await words.remember_many(
        [
            turn("Tom", "Where did you two spend the honeymoon?"),
            turn("Greta", "In a small hut above Bergen, it rained all week"),
            turn("Tom", "The printer needs toner again", "s2"),
        ]
    )
    hits = await ask(words, "honeymoon")
    assert hits[0].text.startswith("In a small hut")
    assert "said next to another hit" in hits[0].why


async def test_hits_of_one_conversation_hold_together(words: MemoryStore) -> None:
    await words.remember_many(
        [turn("Tom", f"The kayak trip day {day} went well", "trip") for day in ("one", "two", "three")]
        + [turn("Tom", "I have nothing to do, a kayak trip perhaps", "other")]
    )
    hits = await ask(words, "kayak trip")
    assert {hit.session_id for hit in hits[:3]} == {"trip"}
    assert "same conversation as other hits" in hits[0].why


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("What did I cook last month?", "October"),
        ("What did I cook in September?", "September"),
        ("what did I cook on 3 August 2026", "August"),
        ("What did I cook yesterday?", "yesterday"),
        ("what did I cook last summer", "August"),
    ],
)
async def test_the_time_that_is_asked_for_wins(words: MemoryStore, question: str, found: str) -> None:
    days = {"October": "2026-10-12", "September": "2026-09-20", "August": "2026-08-03", "yesterday": "2026-11-23"}
    await words.remember_many(
        [NewMemory(f"I cooked a stew ({name})", created_at=f"{day}T18:00:00+00:00") for name, day in days.items()]
    )
    hits = await ask(words, question)
    assert found in hits[0].text
    assert "date: " in hits[0].why


async def test_a_time_alone_finds_what_was_said_then(words: MemoryStore) -> None:
    await words.remember_many(
        [
            NewMemory("The roof was mended", created_at="2026-11-23T09:00:00+00:00"),
            NewMemory("The roof leaks", created_at="2026-11-01T09:00:00+00:00"),
        ]
    )
    hits = await ask(words, "What did I do yesterday?")
    assert [hit.text for hit in hits] == ["The roof was mended"]
    assert hits[0].relevance >= 0.34


async def test_an_event_tells_the_time(words: MemoryStore) -> None:
    await words.remember_many(
        [
            NewMemory("My office was in Harbour Street", created_at="2026-01-10T09:00:00+00:00"),
            NewMemory("The move to Porto", created_at="2026-04-01T09:00:00+00:00"),
            NewMemory("My office is in Garden Street", created_at="2026-06-10T09:00:00+00:00"),
        ]
    )
    for relation, street in (("before", "Harbour Street"), ("after", "Garden Street")):
        hits = await ask(words, f"which street was my office in {relation} the move")
        offices = [hit for hit in hits if "office" in hit.text]
        assert offices[0].text.endswith(street)
        assert f"date: {relation} the move" in offices[0].why
        assert "date" not in offices[1].why
    assert await texts(words, "which street was my office in before the flood")


async def replace_fact(database: Database, old: str, new: str) -> None:
    sql = "update memories set superseded_by = (select rowid from memories where id = ?) where id = ?"
    await database.write(lambda c: c.execute(sql, (new, old)).fetchall())


async def test_what_was_replaced_is_found_only_by_a_question_for_the_past(
    memory: MemoryStore, database: Database
) -> None:
    old, new = await memory.remember_many(
        [
            NewMemory("I live in Porto", created_at="2024-02-01T10:00:00+00:00"),
            NewMemory("I live in Lisbon now", created_at="2026-05-01T10:00:00+00:00"),
        ]
    )
    await replace_fact(database, old, new)
    assert await texts(memory, "Where do I live?") == ["I live in Lisbon now"]
    for question in ("Where did I live before?", "Where did I live in 2025?", "what was my previous place to live"):
        hits = await ask(memory, question)
        assert hits[0].text == "I live in Porto", question
        assert "no longer true since 2026-05-01" in hits[0].why
    assert "I live in Porto" not in await texts(memory, "Where did I live in 2023?")
    assert "I live in Porto" not in await texts(memory, "Where did I live last month?")


async def test_what_has_ended_is_left_out_and_what_expired_is_never_found(words: MemoryStore) -> None:
    await words.remember_many(
        [
            NewMemory("Parking permit 17", valid_from="2025-01-01", valid_to="2026-01-01", created_at="2025-01-01"),
            NewMemory("Parking permit 18", valid_from="2026-01-01", created_at="2026-01-01"),
            NewMemory("Parking permit guest", expires_at="2026-11-01T00:00:00+00:00", created_at="2026-10-01"),
        ]
    )
    assert await texts(words, "parking permit") == ["Parking permit 18"]
    assert set(await texts(words, "which parking permit did I have before")) == {
        "Parking permit 17", "Parking permit 18",
    }  # fmt: skip
    assert (await texts(words, "parking permit in 2025"))[0] == "Parking permit 17"


async def test_friends_with_birthdays_in_spring_are_found_month_by_month(memory: MemoryStore) -> None:
    birthdays = {
        "Ines": "3 March", "Olaf": "28 April", "Wim": "11 May", "Jana": "2 July", "Bela": "9 August", "Cleo": "1 June",
        "Dora": "17 September", "Emil": "30 October", "Finn": "12 November", "Gail": "24 December",
    }  # fmt: skip
    await memory.remember_many(
        [NewMemory(f"My friend {name}'s birthday is on {day}") for name, day in birthdays.items()]
    )
    found = await texts(memory, "Which of my friends have birthdays in spring?", 3)
    assert {text.split()[2] for text in found} == {"Ines's", "Olaf's", "Wim's"}


async def test_a_day_that_a_memory_names_counts_for_more_than_when_it_was_said(memory: MemoryStore) -> None:
    await memory.remember_many(
        [
            NewMemory("My friend Tom has his birthday on 9 August", created_at="2026-05-04T10:00:00+00:00"),
            NewMemory("My friend Rui was born on the 21st of May", created_at="2026-11-02T10:00:00+00:00"),
            NewMemory("I met my friend Lia at the market", created_at="2026-05-05T10:00:00+00:00"),
        ]
    )
    hits = {hit.text.split()[2]: hit.why for hit in await ask(memory, "Which of my friends did we talk of in spring?")}
    assert {name: "date: in spring" in why for name, why in hits.items() if name in ("Tom", "Rui")} == {
        "Tom": False, "Rui": True,
    }  # fmt: skip
    (lia,) = [hit for hit in await ask(memory, "Which friend in May?") if "Lia" in hit.text]
    assert "date: in May" in lia.why, "what names no day is told by when it was said"


async def test_each_of_two_things_is_found(memory: MemoryStore) -> None:
    await memory.remember_many(
        [NewMemory(f"Anna drinks green tea in room {room}") for room in range(5)]
        + [NewMemory("Rob drinks cocoa when it snows"), NewMemory("The cellar is dry")]
    )
    assert "Rob drinks cocoa when it snows" in await texts(memory, "what do Anna and Rob drink", 3)


async def test_a_turn_that_asks_gives_way_to_the_one_that_tells(words: MemoryStore) -> None:
    await words.remember_many([turn("user", "Which dentist, again?", "s1"), turn("user", "The dentist is Dr Wu", "s2")])
    assert (await texts(words, "dentist"))[0] == "The dentist is Dr Wu"


@pytest.mark.parametrize(
    ("question", "talk"),
    [
        ("what is my blood group?", {"asked", "answered"}),
        ("can you tell me my blood group?", {"asked", "answered"}),
        ("do you remember my blood group?", {"asked", "answered"}),
        ("what did you tell me about my blood group?", set()),
        ("what was your answer on my blood group?", set()),
    ],
)
async def test_talk_with_the_agent_gives_way_unless_it_is_asked_for(
    words: MemoryStore, question: str, talk: set[str]
) -> None:
    def said(speaker: str, text: str) -> NewMemory:
        return NewMemory(text, kind="turn", speaker=speaker, session_id="s")

    names = ("asked", "answered", "told", "by Ann")
    ids = await words.remember_many(
        [
            said("user", "What is my blood group?"),
            said("assistant", "I don't know your blood group."),
            said("user", "The doctor says my blood group is AB."),
            said("Ann", "What is your blood group?"),  # a talk that was brought in, of somebody else
        ]
    )
    _, hits = await words.search.weigh(question, NOW, 10)
    assert {names[ids.index(hit.memory.id)] for hit in hits if hit.signals.talk} == talk and len(hits) == 4


async def test_pins_importance_and_age_decide_between_equals(words: MemoryStore, database: Database) -> None:
    plain, weighty = await words.remember_many(
        [NewMemory("the alarm code is 1", importance=0.2), NewMemory("the alarm code is 2", importance=0.9)]
    )
    hits = await ask(words, "alarm code")
    assert hits[0].id == weighty
    assert "important" in hits[0].why
    await database.write(lambda c: c.execute("update memories set pinned = 1 where id = ?", (plain,)).fetchall())
    pinned = next(hit for hit in await ask(words, "alarm code") if hit.id == plain)
    assert "pinned" in pinned.why
    await words.remember_many(
        [NewMemory(f"the gate key hangs left {n}", created_at=f"{y}-11-20") for n, y in ((1, 2020), (2, 2026))]
    )
    newest = (await ask(words, "gate key"))[0]
    assert newest.text.endswith("2")
    assert "recent" in newest.why


async def test_relevance_compares_across_questions(words: MemoryStore) -> None:
    await words.remember_many([NewMemory("the ferry leaves at seven"), NewMemory("nothing else")])
    assert (await ask(words, "when does the ferry leave"))[0].relevance == 1.0
    assert (await ask(words, "ferry cabin price dog"))[0].relevance == 0.25


@pytest.mark.parametrize(
    "question", ["", "  ", "?!", "\x00", '"', "NEAR(", "a AND NOT", "*", "💥", "the of and", "'); --"]
)
async def test_any_text_may_be_asked(words: MemoryStore, question: str) -> None:
    await words.remember(NewMemory("something to find"))
    await ask(words, question)


async def test_common_words_weigh_and_rare_ones_choose(
    words: MemoryStore, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidates, "POSTINGS_BUDGET", 50)
    rows = 1_000
    await words.remember_many([NewMemory(f"report {n} is filed") for n in range(rows)])
    await words.remember_many([NewMemory(f"other note {number}") for number in range(2 * rows)])
    await words.remember_many([NewMemory("the zebra report is filed"), NewMemory("a zebra ran")])
    await TermCounts(database).count()
    counted = dict(await database.rows("select term, documents from term_counts"))
    assert counted["report"] == rows + 1
    assert "zebra" not in counted
    assert (await texts(words, "zebra report filed"))[:2] == ["the zebra report is filed", "a zebra ran"]
    assert len(await texts(words, "report filed")) == 10  # all words are common: the newest that hold them


async def test_what_was_said_comes_before_what_was_only_said_beside_it(words: MemoryStore, database: Database) -> None:
    await words.remember_many([turn("user", "a zebra ran", "old"), turn("user", "the second turn", "old")])
    await words.remember_many(
        [turn("user", f"{text} {n}", f"s{n}") for n in range(3) for text in ("zebra", "after it")]
    )

    def find(connection: apsw.Connection, limit: int) -> tuple[int, ...]:
        return candidates.find_by_words(connection, ["zebra"], stemmer(connection), limit).rowids

    assert set(await database.read(lambda c: find(c, 4))) == {1, 3, 5, 7}
    assert set(await database.read(lambda c: find(c, 8))) == {1, 2, 3, 4, 5, 6, 7, 8}


async def test_words_are_counted_again_when_the_file_has_grown(
    words: MemoryStore, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("openclaw_desktop.memory.recall.counts.SEARCHES_BETWEEN", 1)
    counts = TermCounts(database)
    await counts.keep_current()
    assert counts.counting is None
    await words.remember_many([NewMemory(f"entry {number}") for number in range(1_000)])
    await counts.keep_current()
    assert counts.counting is not None
    await counts.counting
    assert ("entri", 1_000) in await database.rows("select term, documents from term_counts")
    before = counts.counting
    await counts.keep_current()
    assert counts.counting is before
