"""The series: what is noted is found, folded, bounded, and nothing is written where nothing was noted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from watched import MONDAY, MovingClock

from openclaw_desktop.health.metrics import DAY_S, FINE_S, HOUR_S, PENDING_LIMIT, Metrics
from openclaw_desktop.storage.database import Database


class Kept:
    def __init__(self, database: Database) -> None:
        self.database, self.clock = database, MovingClock()
        self.metrics = Metrics(database, self.clock)

    async def rows(self) -> int:
        return len(await self.database.rows("select 1 from metrics"))


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Kept]:
    database = await Database.open(tmp_path / "m.db")
    yield Kept(database)
    await database.close()


async def test_values_of_ten_minutes_are_one_point(kept: Kept) -> None:
    for value in (10.0, 30.0, 20.0):
        kept.metrics.note("rss_bytes.agent", value)
    kept.clock.pass_s(FINE_S)
    kept.metrics.note("rss_bytes.agent", 5.0)
    kept.metrics.note("rss_bytes_other", 1.0)
    first, second = await kept.metrics.series("rss_bytes", MONDAY)
    assert (first.name, first.samples, first.mean, first.lowest, first.highest) == ("rss_bytes.agent", 3, 20, 10, 30)
    assert (second.samples, second.mean) == (1, 5.0) and second.at > first.at
    assert [point.name for point in await kept.metrics.latest()] == ["rss_bytes.agent", "rss_bytes_other"]
    kept.metrics.note("rss_bytes.agent", 7.0)  # written after the same ten minutes were
    assert (await kept.metrics.series("rss_bytes.agent", MONDAY))[-1].samples == 2


async def test_what_grows_old_folds_into_hours_and_days_and_no_value_is_lost(kept: Kept) -> None:
    steps = 60 * 24 * 6  # sixty days of ten minutes
    for n in range(steps):
        kept.metrics.note("loop_lag_ms", float(n % 7))
        kept.clock.pass_s(FINE_S)
        if n % 300 == 0:
            await kept.metrics.save()
    points = await kept.metrics.series("loop_lag_ms", MONDAY)
    assert sum(point.samples for point in points) == steps
    assert sum(point.samples * point.mean for point in points) == pytest.approx(sum(n % 7 for n in range(steps)))
    assert {point.resolution_s for point in points} == {FINE_S, HOUR_S, DAY_S}
    assert all(point.lowest >= 0 and point.highest <= 6 for point in points)
    assert await kept.rows() < 2 * 144 + 24 * 22 + 60 + 144, "a few hundred rows a series, whatever its age"


async def test_after_a_year_and_more_it_goes_and_a_clock_once_ahead_leaves_nothing(kept: Kept) -> None:
    kept.metrics.note("db_bytes", 1.0)
    await kept.metrics.save()
    kept.clock.pass_s(500 * DAY_S)
    kept.metrics.note("db_bytes", 2.0)
    await kept.metrics.save()
    assert [point.mean for point in await kept.metrics.series("db_bytes", MONDAY)] == [2.0]
    kept.clock.wall -= timedelta(days=300)
    kept.metrics.note("db_bytes", 3.0)
    await kept.metrics.save()
    assert [point.mean for point in await kept.metrics.series("db_bytes", MONDAY)] == [3.0]


async def test_nothing_is_written_where_nothing_was_noted_and_memory_is_bounded(kept: Kept) -> None:
    before = await kept.database.rows("select total_changes()")
    await kept.metrics.save()
    assert await kept.database.rows("select total_changes()") == before and await kept.rows() == 0
    for n in range(PENDING_LIMIT + 50):
        kept.metrics.note(f"made_up.{n}", 1.0)
    assert len(await kept.metrics.series("made_up", MONDAY)) == PENDING_LIMIT
