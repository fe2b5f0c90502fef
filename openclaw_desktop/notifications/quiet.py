"""Quiet hours: when they are, in a zone whose clock may jump.

Owns their form ("22:00-07:00", "Mon-Fri 22:00-07:00; Sat,Sun 23:00-09:00") and their ends. Pure functions. Must not
know what is held back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr, visible

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN = re.compile(r"(?:(?P<days>[a-z,-]+)\s+)?(?P<start>\d{1,2}:\d{2})\s*-\s*(?P<end>\d{1,2}:\d{2})", re.I)
# Spans may run into one another for as long as a week.
_FURTHEST = 8


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` to `end` of the clock on the wall, beginning on some days of the week (0: Monday).

    Where `end` is not after `start` it is on the next day.
    """

    days: frozenset[int]
    start: time
    end: time


def read_quiet_hours(text: str | None) -> tuple[Span, ...]:
    """Return the spans that a setting names, () for none; raises UserError."""
    if text is None or text.strip().lower() in ("", "off", "none"):
        return ()
    spans = []
    for part in text.split(";"):
        found = _SPAN.fullmatch(part.strip())
        try:
            if found is None:
                raise ValueError(part)
            spans.append(Span(_days(found["days"]), _time(found["start"]), _time(found["end"])))
        except ValueError:
            raise UserError(
                "quiet_hours",
                tr("The quiet hours “{text}” can't be understood.", text=visible(text)),
                tr("Write them as 22:00-07:00, or as Mon-Fri 22:00-07:00; Sat,Sun 23:00-09:00"),
                ExitCode.USAGE,
            ) from None
    return tuple(spans)


def read_time_of_day(text: str) -> time:
    """Return a time such as 17:30; raises UserError."""
    try:
        return _time(text.strip())
    except ValueError:
        raise UserError(
            "time_of_day",
            tr("“{text}” is no time of the day.", text=visible(text)),
            tr("Write it as 17:30."),
            ExitCode.USAGE,
        ) from None


def quiet_until(spans: tuple[Span, ...], now: datetime, zone: tzinfo) -> datetime | None:
    """Return the moment (UTC) at which the quiet that holds `now` ends, None where there is none.

    Spans that meet or overlap are one quiet. A wall time that the clock skips is taken as the moment of the jump; of
    one that comes twice, a span begins with the first and ends with the second: the longer quiet.
    """
    end: datetime | None = None
    for _ in range(_FURTHEST):
        at = end or now
        later = [until for until in _ends(spans, at, zone) if until > at]
        if not later:
            return end
        end = max(later)
        if end - now > timedelta(days=_FURTHEST):
            return end
    return end


def next_at(moment: time, now: datetime, zone: tzinfo) -> datetime:
    """Return when the clock on the wall next shows `moment`, in UTC."""
    today = now.astimezone(zone).date()
    for days in range(3):
        if (at := wall_moment(today + timedelta(days=days), moment, zone, late=False)) > now:
            return at
    raise AssertionError("a day has no such time for three days")


def wall_moment(day: date, moment: time, zone: tzinfo, *, late: bool) -> datetime:
    """Return the moment (UTC) of a wall time; `late`: the second of two."""
    local = datetime.combine(day, moment, zone).replace(fold=int(late))
    at = local.astimezone(UTC)
    if at.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
        return at
    # Skipped: with one reading it falls before the jump and with the other after it; between them lies the jump.
    before, after = sorted((local.replace(fold=0).astimezone(UTC), local.replace(fold=1).astimezone(UTC)))
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) / 2
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)


def _ends(spans: tuple[Span, ...], at: datetime, zone: tzinfo) -> list[datetime]:
    """Return the ends of the spans that hold `at`; one that ends just then counts as over."""
    today, ends = at.astimezone(zone).date(), []
    for span in spans:
        for day in (today - timedelta(days=1), today):
            if day.weekday() not in span.days:
                continue
            last = day if span.end > span.start else day + timedelta(days=1)
            start, end = (
                wall_moment(day, span.start, zone, late=False),
                wall_moment(last, span.end, zone, late=True),
            )
            if start <= at < end:
                ends.append(end)
    return ends


def _days(text: str | None) -> frozenset[int]:
    if text is None:
        return frozenset(range(7))
    days: set[int] = set()
    for part in text.lower().split(","):
        first, dash, last = part.partition("-")
        start = DAYS.index(first[:3])
        if not dash:
            days.add(start)
            continue
        length = (DAYS.index(last[:3]) - start) % 7
        days.update((start + step) % 7 for step in range(length + 1))
    return frozenset(days)


def _time(text: str) -> time:
    hour, minute = text.split(":")
    return time(int(hour), int(minute))
