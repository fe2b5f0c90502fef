"""What a schedule is once it is understood: one moment, days with times, equal steps, or a cron line.

Owns the coming moments of each. Must not know words. Pure. Every moment handed out is aware, in the schedule's zone.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal, Protocol
from zoneinfo import ZoneInfo

from dateutil import rrule

from openclaw_desktop.scheduler.cron_times import cron_times
from openclaw_desktop.scheduler.wall_time import moment_at, moments_at

DayUnit = Literal["day", "week", "month", "year"]
_FREQUENCY: dict[str, Literal[0, 1, 2, 3]] = {
    "day": rrule.DAILY,
    "week": rrule.WEEKLY,
    "month": rrule.MONTHLY,
    "year": rrule.YEARLY,
}


class Schedule(Protocol):
    """Knows when it is due."""

    def times(self, after: datetime) -> Iterator[datetime]:
        """Yield the coming moments later than `after` (aware), in order, in the schedule's zone."""
        ...


@dataclass(frozen=True, slots=True)
class Once:
    """One moment, aware."""

    moment: datetime

    def times(self, after: datetime) -> Iterator[datetime]:
        """Yield the moment where it is still to come."""
        if self.moment.astimezone(UTC) > after.astimezone(UTC):
            yield self.moment


@dataclass(frozen=True, slots=True)
class Days:
    """Which days: every `interval`-th unit, in it these weekdays, month days, or nth weekdays, in these months."""

    unit: DayUnit
    interval: int = 1
    weekdays: tuple[int, ...] = ()
    nth: tuple[int, ...] = ()
    month_days: tuple[int, ...] = ()
    months: tuple[int, ...] = ()
    without: tuple[int, ...] = ()

    def since(self, start: date, zone: ZoneInfo) -> Iterator[date]:
        """Yield the days from `start` on, in order; `start` is where counting begins."""
        opening = datetime.combine(start, time(), tzinfo=zone)
        found: date | None = None
        for moment in heapq.merge(*(iter(rule) for rule in self._rules(opening))):
            if moment.date() != found and moment.weekday() not in self.without:
                found = moment.date()
                yield found

    def _rules(self, opening: datetime) -> list[rrule.rrule]:
        def rule(**by: Any) -> rrule.rrule:
            months = self.months or None
            return rrule.rrule(
                _FREQUENCY[self.unit], dtstart=opening, interval=self.interval, bymonth=months, wkst=rrule.MO, **by
            )

        if self.nth and len(self.weekdays) > 1:  # the last working day of the month
            return [rule(byweekday=self.weekdays, bysetpos=nth) for nth in self.nth]
        if self.nth:
            return [rule(byweekday=rrule.weekday(self.weekdays[0], nth)) for nth in self.nth]
        if self.month_days:
            return [rule(**_month_day(day, self.unit)) for day in self.month_days]
        return [rule(byweekday=self.weekdays or None)]


def _month_day(day: int, unit: DayUnit) -> dict[str, Any]:
    """Return the rule of one day of the month: shorter months have their last day instead of the 29th to 31st."""
    if day <= 28 or unit == "year":
        return {"bymonthday": day}
    return {"bymonthday": tuple(range(28, day + 1)), "bysetpos": -1}


@dataclass(frozen=True, slots=True)
class Repeats:
    """On these days from `start`, at these times of the day; not after `end` (aware).

    `running`: the times are a clock's steps ("every 15 minutes"), so an hour that comes twice has them twice, and one
    that is left out has none.
    """

    days: Days
    clock: tuple[time, ...]
    start: date
    zone: ZoneInfo
    end: datetime | None = None
    running: bool = False

    def times(self, after: datetime) -> Iterator[datetime]:
        """Yield the coming moments."""
        last = after.astimezone(UTC)
        end = None if self.end is None else self.end.astimezone(UTC)
        first_day = after.astimezone(self.zone).date() - timedelta(1)
        for day in self.days.since(self.start, self.zone):
            if day < first_day:
                continue
            for moment in self._moments(day):
                if end is not None and moment > end:
                    return
                if moment > last:
                    last = moment
                    yield moment.astimezone(self.zone)

    def _moments(self, day: date) -> list[datetime]:
        # Steps of two hours and more are times like any other: a change of the clocks leaves none out.
        if self.running and len(self.clock) > 1 and self.clock[1] <= _hour_after(self.clock[0]):
            return sorted(moment for clock in self.clock for moment in moments_at(day, clock, self.zone))
        return sorted(moment_at(day, clock, self.zone) for clock in self.clock)


def _hour_after(clock: time) -> time:
    return clock.replace(hour=clock.hour + 1) if clock.hour < 23 else time.max


@dataclass(frozen=True, slots=True)
class Steps:
    """Every `step` of real time, counted from `start` (aware; itself due only where `first` says so)."""

    start: datetime
    step: timedelta
    first: bool = False
    end: datetime | None = None

    def times(self, after: datetime) -> Iterator[datetime]:
        """Yield the coming moments."""
        start, last = self.start.astimezone(UTC), after.astimezone(UTC)
        number = max(0 if self.first else 1, (last - start) // self.step + 1)
        while self.end is None or start + number * self.step <= self.end.astimezone(UTC):
            yield (start + number * self.step).astimezone(self.start.tzinfo)
            number += 1


@dataclass(frozen=True, slots=True)
class CronLine:
    """A cron line of five fields, in a zone."""

    line: str
    zone: ZoneInfo

    def times(self, after: datetime) -> Iterator[datetime]:
        """Yield the coming moments."""
        yield from cron_times(self.line, self.zone, after)
