"""The user's rhythm: what a week of presence says of the next one, and that it goes when it shall."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from openclaw_desktop.health.rhythm import Rhythm
from openclaw_desktop.storage.database import Database

MONDAY = datetime(2026, 11, 2, tzinfo=UTC)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path / "r.db")
    yield database
    await database.close()


def live(rhythm: Rhythm, weeks: int, begin: datetime = MONDAY, every: int = 5) -> datetime:
    """Live so many weeks: at the machine on working days from 9 to 17."""
    moment = begin
    while moment < begin + timedelta(weeks=weeks):
        rhythm.note(moment, moment.weekday() < 5 and 9 <= moment.hour < 17)
        moment += timedelta(minutes=every)
    return moment


def test_a_fortnight_teaches_when_somebody_is_there() -> None:
    rhythm = Rhythm()
    assert rhythm.chance(MONDAY) is None
    end = live(rhythm, 2)
    assert rhythm.chance(end.replace(hour=11)) == pytest.approx(1.0)
    assert rhythm.chance(end.replace(hour=3)) == 0.0
    friday = end + timedelta(days=4)
    assert rhythm.next_quiet(friday.replace(hour=12, minute=30)) == friday.replace(hour=17)
    assert rhythm.next_quiet(friday.replace(hour=23)) == (friday + timedelta(days=1)).replace(hour=0)


def test_one_week_says_nothing_yet_and_nothing_is_quiet_where_nothing_is_known() -> None:
    rhythm = Rhythm()
    end = live(rhythm, 1)
    assert rhythm.chance(end.replace(hour=11)) is None and rhythm.next_quiet(end) is None


def test_old_weeks_weigh_less() -> None:
    rhythm = Rhythm()
    end = live(rhythm, 4)
    for _ in range(4 * 7 * 24):  # four weeks of holidays
        rhythm.note(end, False)
        end += timedelta(hours=1)
    chance = rhythm.chance(end.replace(hour=11))
    assert chance is not None and 0.2 < chance < 0.45


def test_a_machine_that_was_off_had_nobody_at_it_and_a_clock_set_back_teaches_nothing() -> None:
    rhythm = Rhythm()
    rhythm.note(MONDAY.replace(hour=9), True)
    rhythm.note(MONDAY.replace(hour=13), True)
    hours = {cell.hour: cell for cell in rhythm.hours()}
    assert (hours[9].seen_s, hours[9].present_s) == (3600.0, 600.0)
    assert (hours[12].seen_s, hours[12].present_s) == (3600.0, 0.0)
    rhythm.note(MONDAY.replace(hour=8), True)
    rhythm.note(MONDAY.replace(hour=8, minute=30), True)
    assert {cell.hour for cell in rhythm.hours()} == {8, 9, 10, 11, 12}
    rhythm.note(MONDAY.replace(hour=8) + timedelta(days=4000), True)
    assert sum(cell.seen_s for cell in rhythm.hours()) <= 8 * 24 * 3600, "a clock far ahead fills no more than a week"


def test_every_second_is_counted_once_through_a_change_of_the_clocks() -> None:
    berlin, rhythm = ZoneInfo("Europe/Berlin"), Rhythm()
    moment = datetime(2026, 10, 25, 0, 0, tzinfo=UTC)
    for _ in range(13):
        # As the watch does: the zone's present offset.
        rhythm.note(datetime.fromtimestamp(moment.timestamp(), berlin).astimezone(berlin), True)
        moment += timedelta(minutes=10)
    assert sum(cell.seen_s for cell in rhythm.hours()) == 7200.0


async def test_it_is_kept_in_the_file_and_erased_from_it(database: Database) -> None:
    rhythm = Rhythm(database)
    live(rhythm, 2, every=30)
    await rhythm.save()
    other = Rhythm(database)
    await other.load()
    assert other.hours() == rhythm.hours() and len(other.hours()) == 7 * 24
    assert len(await database.rows("select 1 from presence_hours")) == 7 * 24, "an hour of the week is one row"
    await other.erase()
    assert other.hours() == () and not await database.rows("select 1 from presence_hours")
    await other.save()
    assert not await database.rows("select 1 from presence_hours"), "nor does it come back"
