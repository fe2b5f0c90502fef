"""How turns age, on the real file."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from openclaw_desktop.core.labels import USER
from openclaw_desktop.memory.records import NewMemory
from openclaw_desktop.memory.sessions import Scratch, SessionStore, SpokenMessage
from openclaw_desktop.memory.store import MemoryStore
from openclaw_desktop.memory.tiers import TierLimits, age
from openclaw_desktop.storage.database import Database

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


class MovingClock:
    def __init__(self) -> None:
        self.moment = NOW

    def now(self) -> datetime:
        return self.moment

    def monotonic_s(self) -> float:
        return self.moment.timestamp()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(tmp_path / "m.db")
    yield opened
    await opened.close()


def turn(text: str, days_ago: float, **fields: object) -> NewMemory:
    created = (NOW - timedelta(days=days_ago)).isoformat()
    return NewMemory(text, kind="turn", tier="short", created_at=created, **fields)  # type: ignore[arg-type]


async def test_turns_leave_short_term_by_age_and_by_number_and_are_still_found(database: Database) -> None:
    store = MemoryStore(database, None)
    await store.remember_many([turn("an old word about zebras", 15), *(turn(f"word {n}", 1) for n in range(12))])
    aged = await age(database, TierLimits(short_days=14, short_turns=10), NOW)
    assert aged.moved == 3
    assert await store.count_by_tier() == {"short": 10, "medium": 0, "long": 3}
    hit = (await store.recall("zebras"))[0]
    assert (hit.text, hit.tier) == ("an old word about zebras", "long")


async def test_a_chat_idle_for_long_is_archived_and_searched_still(database: Database) -> None:
    clock = MovingClock()
    sessions, store = SessionStore(database, clock), MemoryStore(database, None, clock)
    old = await sessions.begin()
    await sessions.add_message(old, SpokenMessage("t1", "user", "about the boat", USER))
    await sessions.add_scratch(old, [Scratch("t1", "k", "v", USER)])
    await store.remember(turn("about the boat", 0, session_id=old, turn_id="t1"))
    clock.moment += timedelta(days=31)
    fresh = await sessions.begin()
    await sessions.add_message(fresh, SpokenMessage("t2", "user", "hello", USER))
    aged = await age(database, TierLimits(short_days=100), clock.now())
    assert (aged.archived, aged.moved) == (1, 0)
    assert await database.rows("select id from conversations where archived_at is not null") == [(old,)]
    assert [m.text for m in await sessions.messages(old)] == ["about the boat"], "every word of it is kept"
    assert (await store.recall("boat"))[0].tier == "long"
    assert (await age(database, TierLimits(short_days=100), clock.now())).archived == 0


async def test_speaking_in_an_archived_chat_takes_it_up_again(database: Database) -> None:
    clock = MovingClock()
    sessions = SessionStore(database, clock)
    old = await sessions.begin()
    clock.moment += timedelta(days=31)
    await age(database, TierLimits(), clock.now())
    await sessions.add_message(old, SpokenMessage("t2", "user", "back again", USER))
    assert await database.rows("select count(*) from conversations where archived_at is not null") == [(0,)]


async def test_a_clock_that_was_ahead_leaves_no_chat_archived(database: Database) -> None:
    clock = MovingClock()
    sessions = SessionStore(database, clock)
    chat = await sessions.begin()
    await sessions.add_message(chat, SpokenMessage("t1", "user", "hello", USER))
    await age(database, TierLimits(), NOW + timedelta(days=365))
    assert await sessions.latest() is None
    await age(database, TierLimits(), NOW + timedelta(days=1))
    assert await sessions.latest() == chat


async def test_nothing_ends_without_a_rule_of_the_users(database: Database) -> None:
    store = MemoryStore(database, None)
    await store.remember_many([turn("ancient", 20_000), turn("old", 500)])
    assert (await age(database, TierLimits(), NOW)).ending == ()
    aged = await age(database, TierLimits(keep_turns_days=365), NOW)
    assert len(aged.ending) == 2


async def test_beyond_a_size_of_the_file_the_turns_that_came_first_end(database: Database) -> None:
    store = MemoryStore(database, None)
    pinned = await store.remember(turn("kept for ever", 3))
    await store.remember(NewMemory("a fact"))
    # The first that came is of the youngest date: dates may be wrong, the order of arrival is not.
    turns = await store.remember_many([turn(f"{n} " + "word " * 800, n / 100) for n in range(400)])
    await database.write(lambda c: c.execute("update memories set pinned = 1 where id = ?", (pinned,)).fetchall())
    await database.erase_traces()
    size_bytes = database.path.stat().st_size
    assert (await age(database, TierLimits(keep_turns_bytes=size_bytes), NOW)).ending == ()
    aged = await age(database, TierLimits(keep_turns_bytes=int(0.95 * size_bytes)), NOW)
    assert aged.ending == tuple(turns[: len(aged.ending)]) and 20 <= len(aged.ending) <= 60
    assert not aged.too_many
    assert (await age(database, TierLimits(keep_turns_bytes=size_bytes // 2), NOW)).too_many, "the user is asked first"


async def test_what_was_given_an_end_ends_then_in_whatever_zone_it_was_written(database: Database) -> None:
    store = MemoryStore(database, None)
    over = await store.remember(NewMemory("the code of the door", expires_at="2026-11-24T13:59:00+02:00"))
    await store.remember(NewMemory("the code of the gate", expires_at="2026-11-24T14:01:00+02:00"))
    pinned = await store.remember(NewMemory("kept for ever", expires_at="2026-01-01T00:00:00+00:00"))
    await database.write(lambda c: c.execute("update memories set pinned = 1 where id = ?", (pinned,)).fetchall())
    assert (await age(database, TierLimits(), NOW)).ending == (over,)


async def test_a_clock_that_jumps_ends_nothing_without_a_question(database: Database) -> None:
    store = MemoryStore(database, None)
    await store.remember_many([turn(f"word {n}", 1 + n) for n in range(20)])
    rule = TierLimits(keep_turns_days=19)
    assert (await age(database, rule, NOW)).too_many is False
    assert (await age(database, rule, NOW + timedelta(days=4000))).too_many
