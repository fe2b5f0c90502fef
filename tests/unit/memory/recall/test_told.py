"""A fact is found among many turns that say the words of the question, and the user's own before anybody else's."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from openclaw_desktop.memory import MemoryStore, NewMemory
from openclaw_desktop.memory.consolidation.matters import words_asked_by
from openclaw_desktop.memory.recall import told
from openclaw_desktop.memory.recall.query import read_query
from openclaw_desktop.memory.recall.subjects import asks_of_user, is_of_other, only_asks
from openclaw_desktop.memory.recall.told import FACT_CANDIDATES, facts_holding
from openclaw_desktop.storage.database import Database

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TURNS = 200


async def keep_fact(memories: MemoryStore, database: Database, text: str) -> str:
    """Keep a fact as consolidation does, with the words that it is asked by."""
    id_ = await memories.remember(NewMemory(text, speaker="user", created_at="2026-01-02T10:00:00+00:00"))
    words = words_asked_by(text)
    await database.write(
        lambda c: c.execute("update memories set neighbours = ? where id = ?", (words, id_)).fetchall()
    )
    return id_


async def talk(memories: MemoryStore, text: str) -> None:
    """Keep many newer turns with the same words."""
    said = [
        NewMemory(
            text.format(number), kind="turn", speaker="user", session_id=f"s{number % 9}", turn_id=f"t{number}",
            created_at=f"2026-10-{1 + number % 28:02}T10:00:00+00:00",
        )
        for number in range(TURNS)
    ]  # fmt: skip
    await memories.remember_many(said)


async def test_a_fact_does_not_drown_among_turns_that_say_the_word(memories: MemoryStore, database: Database) -> None:
    home = await keep_fact(memories, database, "I moved to Graz.")
    await talk(memories, "Where do people live well, in town {} maybe? Make the list shorter.")
    hits = await memories.recall("Where do I live?", 10, NOW)
    assert hits[0].id == home, [hit.text for hit in hits]


async def test_the_users_own_comes_before_what_is_told_of_others(memories: MemoryStore, database: Database) -> None:
    others = ("Leo", "Mara", "Ivo", "Nele", "Ada", "Finn", "Ria", "Max", "Uma", "Kai", "Liv", "Ole")
    for name in others:
        await keep_fact(memories, database, f"My colleague {name} works as a carpenter.")
    own = await keep_fact(memories, database, "I'm a midwife now.")
    assert (await memories.recall("What do I do for a living?", 10, NOW))[0].id == own
    hits = await memories.recall("What does Ivo do for a living?", 10, NOW)
    assert "Ivo" in hits[0].text and own not in [hit.id for hit in hits[:2]]


async def test_a_name_in_the_question_is_in_what_answers_it(memories: MemoryStore, database: Database) -> None:
    for name in ("Leo", "Mara", "Ivo", "Nele"):
        await keep_fact(memories, database, f"3 May is {name}'s big day, cake and candles.")
    asked = await keep_fact(memories, database, "My aunt Thea has a birthday on 9 July.")
    assert (await memories.recall("When do I need a cake for Thea?", 5, NOW))[0].id == asked


async def test_the_rarest_words_choose_within_the_budget(
    memories: MemoryStore, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await database.read(lambda c: facts_holding(c, {"lamp": 1.0})) == []
    kept = [NewMemory(f"Lamp {number} is green") for number in range(FACT_CANDIDATES + 20)]
    await memories.remember_many(kept)
    common = 0.01
    found = await database.read(lambda c: facts_holding(c, {"lamp": common, "7": 3.0}))
    ((seventh,),) = await database.rows("select rowid from memories where text = 'Lamp 7 is green'")
    assert len(found) == FACT_CANDIDATES and found[0] == seventh
    monkeypatch.setattr(told, "POSTINGS_BUDGET", 10)
    assert await database.read(lambda c: facts_holding(c, {"lamp": common, "7": 3.0})) == [seventh]
    assert await database.read(lambda c: facts_holding(c, {"lamp": common})) == []
    assert await database.read(lambda c: facts_holding(c, {})) == []


@pytest.mark.parametrize(
    ("question", "own", "subjects"),
    [
        ("Where do I live?", True, ()),
        ("What is my rent?", True, ()),
        ("Where does Anna live?", False, ("anna",)),
        ("Who was with me in New Haven?", False, ("new", "haven")),
        ("What does my sister do?", False, ()),
        ("Who has my ladder?", False, ()),
        ("When is the next train?", False, ()),
        ("Anna's birthday?", False, ()),
        ("What happened in May? Did I go?", True, ()),
    ],
)
def test_whom_a_question_is_about(question: str, own: bool, subjects: tuple[str, ...]) -> None:
    query = read_query(question, NOW, ())
    assert (query.own, query.subjects) == (own, subjects)
    assert asks_of_user(question) or not own


def test_a_speaker_is_known_otherwise() -> None:
    query = read_query("What did Anna tell Ben?", NOW, ("anna",))
    assert query.subjects == ("ben",) and query.names == {"anna"} and not query.own


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("I moved to Graz.", False),
        ("Dr Raab is our family doctor.", False),
        ("My shift begins at nine.", False),
        ("My piano teacher Leo is a welder.", True),
        ("My landlady's son Leo is a welder.", True),
        ("Leo is a welder.", True),
        ("Leo has my ladder.", False),
        ("The passport is in the drawer.", False),
        ("Nothing beats rye as a bread.", False),
    ],
)
def test_whom_a_fact_is_about(text: str, other: bool) -> None:
    assert is_of_other(text) is other


def test_a_turn_that_tells_something_too_is_no_mere_question() -> None:
    assert only_asks("Where do I live?") and only_asks("住在哪里？")
    assert not only_asks("I moved to Graz. Where's my coffee?") and not only_asks("I moved to Graz.")
