"""What is so in part, or in a tale, ends nothing of what is so; and what is pinned is put in question, not ended."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from openclaw_desktop.memory import MemoryStore, NewMemory
from openclaw_desktop.memory.consolidation.slots import contradicts, read_claims
from openclaw_desktop.memory.consolidation.statements import find_statements
from openclaw_desktop.storage.database import Database

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)

STANDS = [
    ("I work for Tom.", "I work at IBM."),
    ("I work at IBM.", "I work for Tom."),
    ("Anna works for Tom.", "Anna works at IBM."),
    ("I work for Tom on Saturdays.", "I work at IBM."),
    ("I stopped using Linux at work.", "I use Linux."),
    ("I stopped using Linux at work.", "I use Linux at home."),
    ("I stopped using Slack on my phone.", "I use Slack."),
    ("I no longer drink coffee after six.", "I drink coffee."),
    ("I don't drink coffee in the evening anymore.", "I drink coffee."),
    ("I stopped playing tennis with Ana.", "I play tennis."),
    ("I stopped eating meat on Fridays.", "I eat meat."),
    ("I stopped smoking at home.", "I smoke."),
    ("I no longer have a dog at work.", "I have a dog."),
    ("I can't swim in the sea anymore.", "I can swim."),
]
ENDS = [
    ("I work at Siemens.", "I work at IBM."),
    ("I work for Siemens.", "I work for IBM."),
    ("I work for Tom now.", "I work at IBM."),
    ("I no longer work for Tom.", "I work for Tom."),
    ("I stopped using Linux.", "I use Linux."),
    ("I stopped using Linux.", "I use Linux at work."),
    ("I stopped using Linux at work.", "I use Linux at work."),
    ("I stopped smoking on 3 May.", "I smoke."),
    ("I stopped smoking because of my daughter.", "I smoke."),
    ("I quit smoking for good.", "I smoke."),
    ("I stopped eating meat for health reasons.", "I eat meat."),
    ("I stopped drinking coffee in March.", "I drink coffee."),
    ("I stopped drinking coffee after my operation.", "I drink coffee."),
]


@pytest.mark.parametrize(("new", "old"), STANDS)
def test_what_is_so_elsewhere_stands(new: str, old: str) -> None:
    assert read_claims(new).claims or "Saturdays" in new
    assert read_claims(old).claims and not contradicts(read_claims(new), read_claims(old))


@pytest.mark.parametrize(("new", "old"), ENDS)
def test_what_is_over_altogether_or_in_the_same_part_ends(new: str, old: str) -> None:
    assert contradicts(read_claims(new), read_claims(old))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("In her latest novel, Anna is a nurse by trade.", []),
        ("In our D&D campaign Tom lives in Oslo.", []),
        ("I play a game where Tom lives in Oslo.", []),
        ("My main character Anna lives in Rome.", []),
        ("Once upon a time there was a girl called Anna. Anna lives in Rome.", []),
        ("In chapter two Anna moves to Rome. Anna lives in Rome.", []),
        ("I'm reading a book about a man called Tom. Tom lives in Oslo.", []),
        ("I'm writing a novel. Anna lives in Rome. I live in Porto.", ["I'm writing a novel.", "I live in Porto."]),
        ("My book club meets on Friday. Anna lives in Rome.", ["My book club meets on Friday.", "Anna lives in Rome."]),
        (
            "I work at a book shop in Rome. Anna lives in Rome.",
            ["I work at a book shop in Rome.", "Anna lives in Rome."],
        ),
        ("My sister plays in the Rome Game Studio.", ["My sister plays in the Rome Game Studio."]),
    ],
)
def test_who_lives_in_a_tale_lives_nowhere(text: str, kept: list[str]) -> None:
    assert [statement.text for statement in find_statements(text)] == kept


class Clock:
    moment = NOW

    def now(self) -> datetime:
        return self.moment

    def monotonic_s(self) -> float:
        return self.moment.timestamp()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path / "m.db", key=None)
    yield database
    await database.close()


async def test_what_is_pinned_stays_below_what_was_said_otherwise_and_says_so(database: Database) -> None:
    clock = Clock()
    store = MemoryStore(database, None, clock)
    pinned = await store.remember(NewMemory("I live in Porto.", speaker="user"), told=True)
    await database.write(lambda c: c.execute("update memories set pinned = 1").fetchall())
    clock.moment += timedelta(days=3)
    newer = await store.remember(NewMemory("I moved to Lisbon.", speaker="user"), told=True)
    (first, second) = await store.recall("Where do I live, in Porto?", 5)
    assert (first.id, second.id) == (newer, pinned)
    assert "pinned, but you said otherwise later" in second.why and "otherwise" not in first.why
    # For as long as that is known.
    await store.forget([newer])
    (only,) = await store.recall("Where do I live, in Porto?", 5)
    assert only.id == pinned and "otherwise" not in only.why


async def test_it_still_says_so_after_that_was_told_again_in_more_words(database: Database) -> None:
    clock = Clock()
    store = MemoryStore(database, None, clock)
    pinned = await store.remember(NewMemory("I live in Porto.", speaker="user"), told=True)
    await database.write(lambda c: c.execute("update memories set pinned = 1").fetchall())
    for text in ("Actually, I moved to Lisbon.", "Actually, I have moved over to Lisbon."):
        clock.moment += timedelta(days=3)
        turn = NewMemory(
            text, kind="turn", speaker="user", session_id="s", turn_id=text, created_at=clock.moment.isoformat()
        )
        await store.remember(turn, told=True)
    facts = await database.rows("select text from memories where kind = 'fact' order by rowid")
    assert facts == [("I live in Porto.",), ("I have moved over to Lisbon.",)]
    found = {hit.id: hit.why for hit in await store.recall("Where do I live, in Porto?", 5)}
    assert "pinned, but you said otherwise later" in found[pinned]


async def test_two_wordings_of_different_parts_stay_two_facts(database: Database) -> None:
    clock = Clock()
    store = MemoryStore(database, None, clock)
    for text in ("Actually, I use Linux at work.", "Actually, I use Linux at home."):
        clock.moment += timedelta(hours=1)
        turn = NewMemory(
            text, kind="turn", speaker="user", session_id="s", turn_id=text, created_at=clock.moment.isoformat()
        )
        await store.remember(turn, told=True)
    facts = await database.rows("select text from memories where kind = 'fact' order by rowid")
    assert facts == [("I use Linux at work.",), ("I use Linux at home.",)]
