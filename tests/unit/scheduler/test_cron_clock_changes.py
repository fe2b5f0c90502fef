"""Cron lines at every change of the clocks of 2024 to 2030, in every zone, held against two other readings.

One is croniter's matching of plain wall times, walked over minute by minute of real time by the rule in words; the
other is croniter's own way through the zone, wherever no change of the clocks is near.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import takewhile
from zoneinfo import ZoneInfo, available_timezones

import pytest
from counts import FULL, count
from croniter import croniter

from openclaw_desktop.scheduler.cron_times import cron_times

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
# No clock changes twice within it.
STEP = timedelta(days=5)
# The largest change is of two hours.
LEAD = 6 * HOUR
FIRST, LAST = datetime(2024, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)
# Lines of each kind, around the hours at which clocks change, in wall time.
LINES = (
    "30 2 * * *", "0 0 * * *", "15,45 1-3 * * *", "0 3 * * 1-5", "59 23 * * sun", "5 0-4/2 * * 0,6", "30 23 L * *",
    "0 2 1-7 3,10,11 *", "10-50/20 0,1,2,3,23 * * *", "30 1 * mar,oct,nov,apr,sep sat-sun", "0 1 13 * 5",
    "*/15 * * * *", "30 * * * *", "* 2 * * *", "*/20 0-3 * * *", "0 */2 * * *", "7-59/10 */3 * * 6,0", "* * * * *",
)  # fmt: skip


@cache
def changes() -> dict[tuple[datetime, timedelta, timedelta], str]:
    """Return every change of the clocks (when, from which offset, to which) with one zone that has it."""
    found: dict[tuple[datetime, timedelta, timedelta], str] = {}
    for name in sorted(available_timezones()):
        zone = ZoneInfo(name)
        for moment in _changes_of(zone):
            before, after = offset(moment - MINUTE, zone), offset(moment, zone)
            found.setdefault((moment, before, after), name)
    return found


def _changes_of(zone: ZoneInfo) -> Iterator[datetime]:
    moment = FIRST
    while moment < LAST:
        early, late = moment, moment + STEP
        if offset(early, zone) != offset(late, zone):
            while late - early > MINUTE:
                middle = early + (late - early) // 2
                middle -= timedelta(seconds=middle.second, microseconds=middle.microsecond)
                early, late = (middle, late) if offset(middle, zone) == offset(early, zone) else (early, middle)
            yield late
        moment += STEP


def offset(moment: datetime, zone: ZoneInfo) -> timedelta:
    found = moment.astimezone(zone).utcoffset()
    assert found is not None
    return found


def wall(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def by_walking(line: str, zone: ZoneInfo, after: datetime, until: datetime) -> list[datetime]:
    """Walk over each minute of real time: the rule as it stands in the decision, croniter for the fields."""
    minute, hour, *_ = line.split()
    begin = after - LEAD
    shown = [wall(begin + k * MINUTE, zone) for k in range(int((until - begin) / MINUTE) + 1)]
    named = named_walls(line, min(shown), max(shown))
    if minute.startswith("*") or hour.startswith("*"):
        return [begin + k * MINUTE for k, now in enumerate(shown) if now in named and begin + k * MINUTE > after]
    due: list[datetime] = []
    waiting = sorted(one for one in named if one >= shown[0])[::-1]
    for k, now in enumerate(shown):
        happens = False
        while waiting and waiting[-1] <= now:  # what the clock has reached or leapt over; it is reached once
            happens = bool(waiting.pop())
        if happens and begin + k * MINUTE > after:
            due.append(begin + k * MINUTE)
    return due


def named_walls(line: str, first: datetime, last: datetime) -> set[datetime]:
    """Return the wall times that croniter finds for a line, where clocks never change."""
    walls = croniter(line, first - MINUTE, implement_cron_bug=True)
    return set(takewhile(lambda one: one <= last, iter(lambda: walls.get_next(datetime), None)))


def through_the_zone(line: str, zone: ZoneInfo, after: datetime, until: datetime) -> list[datetime]:
    walls = croniter(line, after.astimezone(zone), implement_cron_bug=True)
    moments = (moment.astimezone(UTC) for moment in iter(lambda: walls.get_next(datetime), None))
    return list(takewhile(lambda moment: moment <= until, moments))


def ours(line: str, zone: ZoneInfo, after: datetime, until: datetime) -> list[datetime]:
    moments = (moment.astimezone(UTC) for moment in cron_times(line, zone, after))
    return list(takewhile(lambda moment: moment <= until, moments))


def test_there_are_changes_of_every_kind() -> None:
    shifts = {after - before for _, before, after in changes()}
    assert len(changes()) > 200 and len({name for name in changes().values()}) > 20
    assert {HOUR, -HOUR, HOUR / 2, -HOUR / 2} <= shifts
    midnights = {wall(moment - MINUTE, ZoneInfo(name)).hour for (moment, _, _), name in changes().items()}
    assert 23 in midnights, "somewhere the clocks change at midnight"


def test_at_every_change_the_rule_in_words_gives_the_same_moments() -> None:
    chance = random.Random(6)
    known = list(changes().items())
    taken = chance.sample(known, count("changes of the clocks at which cron lines are read", len(known)))
    wrong = []
    pairs = [(key[0], name, line) for key, name in taken for line in (LINES if FULL else chance.sample(LINES, 6))]
    for moment, name, line in pairs:
        zone = ZoneInfo(name)
        after = moment - chance.randrange(60 * 30) * MINUTE
        until = moment + 30 * HOUR
        if (mine := ours(line, zone, after, until)) != (other := by_walking(line, zone, after, until)):
            wrong.append((name, moment, line, sorted(set(mine) ^ set(other))[:4]))
    assert not wrong, wrong[:5]


def test_in_every_zone_croniter_agrees_wherever_clocks_do_not_change() -> None:
    chance = random.Random(7)
    names = sorted(available_timezones())
    wrong = []
    for _ in range(count("stretches of days in which cron lines are read", 2000)):
        zone, line = ZoneInfo(chance.choice(names)), chance.choice(LINES)
        start = FIRST + timedelta(minutes=chance.randrange(7 * 365 * 24 * 60))
        until = start + 60 * HOUR
        steps = [start + k * HOUR for k in range(-26, 87)]
        if len({offset(one, zone) for one in steps}) > 1:
            continue
        if ours(line, zone, start, until) != through_the_zone(line, zone, start, until):
            wrong.append((zone.key, start, line))
    assert not wrong, wrong[:5]


@pytest.mark.parametrize(
    ("line", "zone", "after", "expected"),
    [
        ("30 2 * * *", "Europe/Berlin", "2026-03-29T00:00+01:00", ["2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"]),
        ("0,30 2 * * *", "Europe/Berlin", "2026-03-29T00:00+01:00",
         ["2026-03-29T03:00+02:00", "2026-03-30T02:00+02:00"]),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T00:00+02:00", ["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"]),
        # Asked in the second of the two hours, what the first one had is not due again.
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T02:10+01:00", ["2026-10-26T02:30+01:00"]),
        ("30 * * * *", "Europe/Berlin", "2026-10-25T02:00+02:00", ["2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00"]),
        ("30 * * * *", "Europe/Berlin", "2026-03-29T01:00+01:00", ["2026-03-29T01:30+01:00", "2026-03-29T03:30+02:00"]),
        ("0 0 * * *", "Africa/Cairo", "2026-04-23T12:00+02:00", ["2026-04-24T01:00+03:00", "2026-04-25T00:00+03:00"]),
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00+10:30", ["2026-10-04T02:30+11:00"]),
        # The day that Samoa left out.
        ("0 9 30 12 *", "Pacific/Apia", "2011-12-28T00:00-10:00", ["2011-12-31T00:00+14:00", "2012-12-30T09:00+14:00"]),
        # Clocks that go back over midnight: the evening comes twice.
        ("*/30 * * * *", "America/St_Johns", "2009-10-31T23:30-02:30",
         ["2009-11-01T00:00-02:30", "2009-10-31T23:30-03:30", "2009-11-01T00:00-03:30"]),
        ("0 9 29 2 *", "UTC", "2026-01-01T00:00+00:00", ["2028-02-29T09:00+00:00", "2032-02-29T09:00+00:00"]),
    ],
)  # fmt: skip
def test_known_moments(line: str, zone: str, after: str, expected: list[str]) -> None:
    moments = cron_times(line, ZoneInfo(zone), datetime.fromisoformat(after))
    assert [next(moments).isoformat(timespec="minutes") for _ in expected] == expected
