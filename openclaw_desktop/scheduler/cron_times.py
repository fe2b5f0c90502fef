"""When a cron line is due, right through changes of the clocks.

Owns the way from a line's fields to moments. The fields are read by cronsim. Two kinds of lines differ where clocks
change: one that has a minute or an hour that starts with `*` runs on real time, so what an hour that comes twice shows
is due twice and what is left out is not due; any other is due once for each time it names, at the first moment after a
gap that swallowed it and the first time round where a time comes twice. Must not know words. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from openclaw_desktop.scheduler.wall_time import moment_at, moments_at

# 29 February may be a Monday once in forty years.
SEARCHED_YEARS = 50
# From before the day begins in the east until after it ends in the west, in UTC.
_AROUND = (timedelta(hours=-15), timedelta(hours=12), timedelta(hours=39))
_LAST_YEAR = 9990
_TO_SUNDAY = re.compile(r"-(?:SUN|0)(?=$|[,/])", re.I)


class _Fields:
    """The fields of one line."""

    def __init__(self, line: str) -> None:
        """Raises ValueError for a wrong line."""
        parts = line.split()
        if len(parts) != 5:
            raise ValueError(line)
        parts[4] = _TO_SUNDAY.sub("-7", parts[4])
        try:
            self._read = CronSim(" ".join(parts), datetime(2000, 1, 1))
        except (CronSimError, AssertionError, IndexError) as error:
            raise ValueError(line) from error
        self.months = frozenset(self._read.months)
        self.on_real_time = parts[0].startswith("*") or parts[1].startswith("*")
        hours, minutes = sorted(self._read.hours), sorted(self._read.minutes)
        self.clock = tuple(time(hour, minute) for hour in hours for minute in minutes)
        self.steps = tuple(timedelta(hours=hour, minutes=minute) for hour in hours for minute in minutes)

    def has(self, day: date) -> bool:
        """Return whether the line is due on a day of one of its months."""
        return self._read.match_day(day)


@lru_cache(maxsize=256)
def _fields(line: str) -> _Fields:
    return _Fields(line)


def check_fields(line: str) -> None:
    """Raise ValueError where a line is wrong."""
    _fields(line)


def check_line(line: str, zone: ZoneInfo, now: datetime) -> None:
    """Raise ValueError where a line is wrong, or never due after `now` (aware)."""
    if next(cron_times(line, zone, now), None) is None:
        raise ValueError(line)


def cron_times(line: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """Yield the moments later than `after` (aware) at which a line is due, in its zone; ValueError for a wrong line."""
    for moments in cron_batches(line, zone, after):
        for moment in moments:
            yield moment.astimezone(zone)


def cron_batches(line: str, zone: ZoneInfo, after: datetime) -> Iterator[list[datetime]]:
    """Yield the same moments in UTC, those of a day or some days together; no batch is empty."""
    fields = _fields(line)
    start = after.astimezone(UTC)
    for span in _spans(fields, zone, start.astimezone(zone).date() - timedelta(1)):
        moments = _moments(fields, span, zone)
        if moments and moments[0] <= start:
            moments = [moment for moment in moments if moment > start]
        if moments:
            yield moments


def _spans(fields: _Fields, zone: ZoneInfo, start: date) -> Iterator[tuple[list[date], bool]]:
    """Yield the days on which the line is due, and whether no change of the clocks is near: those are taken together.

    Clocks that are put back over midnight bring the times of two days in another order than that of the days.
    """
    day = start
    end = min(start.year + SEARCHED_YEARS, _LAST_YEAR)
    while day.year <= end:
        if day.month not in fields.months:
            day = (day.replace(day=1) + timedelta(32)).replace(day=1)
        elif not fields.has(day):
            day += timedelta(1)
        elif _is_steady(day, zone):
            yield [day], True
            day += timedelta(1)
        else:
            near = []
            while not _is_steady(day, zone):
                if day.month in fields.months and fields.has(day):
                    near.append(day)
                day += timedelta(1)
            yield near, False


def _moments(fields: _Fields, span: tuple[list[date], bool], zone: ZoneInfo) -> list[datetime]:
    near, steady = span
    if steady:
        midnight = datetime.combine(near[0], time(), tzinfo=zone).astimezone(UTC)
        return [midnight + step for step in fields.steps]
    if fields.on_real_time:
        return sorted({moment for day in near for clock in fields.clock for moment in moments_at(day, clock, zone)})
    return sorted({moment_at(day, clock, zone) for day in near for clock in fields.clock})


def _is_steady(day: date, zone: ZoneInfo) -> bool:
    midnight = datetime.combine(day, time(), tzinfo=UTC)
    return len({(midnight + around).astimezone(zone).utcoffset() for around in _AROUND}) == 1
