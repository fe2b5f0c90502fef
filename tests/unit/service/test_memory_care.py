"""The daily care: what ends is erased, and a clock that jumps erases nothing unasked."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from openclaw_desktop.memory.records import NewMemory
from openclaw_desktop.memory.store import MemoryStore
from openclaw_desktop.memory.tiers import TierLimits
from openclaw_desktop.service.memory_care import MemoryCare, tier_limits
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


def test_settings_say_how_long() -> None:
    assert tier_limits(MemorySettings()) == TierLimits(14, 400, 30, None)
