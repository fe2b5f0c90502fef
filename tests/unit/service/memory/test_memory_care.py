"""The daily care: what ends is erased, and a clock that jumps erases nothing unasked."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from openclaw_desktop.memory.records import NewMemory
from openclaw_desktop.memory.store import MemoryStore
from openclaw_desktop.memory.tiers import TierLimits
from openclaw_desktop.service.memory.care import MemoryCare, tier_limits
from openclaw_desktop.service.memory.desk import MemoryDesk
from openclaw_desktop.storage.database import Database
from openclaw_desktop.storage.settings import MemorySettings


class MovingClock:
    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 24, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def monotonic_s(self) -> float:
        return self.moment.timestamp()


class Desk:
    def __init__(self, database: Database) -> None:
        self.clock = MovingClock()
        self.database = database
        self.memories = MemoryStore(database, None, self.clock)
        limits = tier_limits(MemorySettings(keep_turns_days=30))
        self.care = MemoryCare(database, limits, self.clock, self.memories.forget)

    async def say(self, days_ago: int, count: int) -> None:
        created = (self.clock.moment - timedelta(days=days_ago)).isoformat()
        kept = [NewMemory(f"day {days_ago} word {n}", kind="turn", created_at=created) for n in range(count)]
        await self.memories.remember_many(kept)

    async def count(self) -> int:
        return sum((await self.memories.count_by_tier()).values())


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    database = await Database.open(tmp_path / "m.db")
    yield Desk(database)
    await database.close()


async def test_turns_end_by_the_users_own_rule(desk: Desk) -> None:
    await desk.say(1, 8)
    await desk.say(31, 2)
    await desk.care.tidy()
    assert await desk.count() == 8
    assert desk.care.finding() is None
    await desk.care.tidy()
    assert await desk.count() == 8


async def test_it_knows_how_old_the_oldest_turn_is_that_may_go(desk: Desk) -> None:
    await desk.care.look()
    assert desk.care.oldest_days() is None
    await desk.say(20, 1)
    (pinned,) = await desk.memories.remember_many(
        [NewMemory("kept", kind="turn", created_at=(desk.clock.moment - timedelta(days=300)).isoformat())]
    )
    await desk.database.write(lambda c: c.execute("update memories set pinned = 1 where id = ?", (pinned,)).fetchall())
    await desk.memories.remember(NewMemory("a fact", created_at="2020-01-01T00:00:00+00:00"))
    await desk.care.look()
    assert desk.care.oldest_days() == pytest.approx(20)
    desk.clock.moment += timedelta(days=11)
    await desk.care.tidy()
    assert desk.care.oldest_days() is None, "it went by its age"


async def test_a_jump_of_the_clock_erases_nothing_until_the_user_says_so(desk: Desk) -> None:
    await desk.say(1, 10)
    right = desk.clock.moment
    desk.clock.moment += timedelta(days=3000)
    await desk.care.tidy()
    assert await desk.count() == 10
    finding = desk.care.finding()
    assert finding is not None and "10" in finding.sentence and "--yes" in finding.advice
    desk.clock.moment = right
    await desk.care.tidy()
    assert (await desk.count(), desk.care.finding()) == (10, None), "the clock was put right, and all is as it was"
    desk.clock.moment += timedelta(days=3000)
    await desk.care.tidy(confirmed=True)
    assert await desk.count() == 0


async def test_a_few_ends_wait_a_day_too_where_the_clock_has_just_moved_far(desk: Desk) -> None:
    """A clock a year ahead ends what was to end in that year: few enough to go unasked."""
    await desk.say(1, 20)
    soon = (desk.clock.moment + timedelta(days=200)).isoformat()
    await desk.memories.remember(NewMemory("the ticket of the next summer", expires_at=soon))
    desk.care = MemoryCare(desk.database, tier_limits(MemorySettings()), desk.clock, desk.memories.forget)
    await desk.care.tidy()
    right = desk.clock.moment
    desk.clock.moment += timedelta(days=365)
    await desk.care.tidy()
    finding = desk.care.finding()
    assert (await desk.count(), desk.care.held_back) == (21, 1)
    assert finding is not None and "1 memories have come to their end since the clock moved far" in finding.sentence
    desk.clock.moment += timedelta(hours=1)
    again = MemoryCare(desk.database, tier_limits(MemorySettings()), desk.clock, desk.memories.forget)
    await again.tidy()
    assert (await desk.count(), again.held_back) == (21, 1), "a start anew is no day"
    desk.clock.moment = right
    await again.tidy()
    assert (await desk.count(), again.finding()) == (21, None)
    desk.clock.moment += timedelta(days=365)
    await again.tidy()
    desk.clock.moment += timedelta(hours=24)
    await again.tidy()
    assert await desk.count() == 20, "a day later it is believed"


async def test_whoever_comes_by_seldom_waits_for_the_second_look(desk: Desk) -> None:
    await desk.say(1, 20)
    await desk.memories.remember(NewMemory("the ticket", expires_at="2026-11-25T00:00:00+00:00"))
    desk.care = MemoryCare(desk.database, tier_limits(MemorySettings()), desk.clock, desk.memories.forget)
    await desk.care.tidy()
    desk.clock.moment += timedelta(days=9)
    await desk.care.tidy()
    assert (await desk.count(), desk.care.held_back) == (21, 1)
    desk.clock.moment += timedelta(days=9)
    await desk.care.tidy()
    assert (await desk.count(), desk.care.held_back) == (20, 0)


async def test_a_word_of_the_users_waits_for_no_day(desk: Desk) -> None:
    await desk.say(1, 20)
    await desk.memories.remember(NewMemory("the ticket", expires_at="2026-12-24T00:00:00+00:00"))
    await desk.care.tidy()
    desk.clock.moment += timedelta(days=30)
    desk.care = MemoryCare(desk.database, tier_limits(MemorySettings()), desk.clock, desk.memories.forget)
    front: Any = SimpleNamespace(care=desk.care)
    seen = await MemoryDesk.tidy_memories(front)
    assert (seen.ended, seen.waiting, await desk.count()) == (0, 1, 21)
    seen = await MemoryDesk.tidy_memories(front, confirmed=True)
    assert (seen.ended, seen.waiting, await desk.count(), desk.care.finding()) == (1, 0, 20, None)


def test_settings_say_how_long() -> None:
    assert tier_limits(MemorySettings()) == TierLimits(14, 400, 30, None)
