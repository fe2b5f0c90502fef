"""The words for times in a calendar: a moment, a day, a range of days, the hours in which one may be free.

Owns what "this week" and "on Friday" mean here. What it does not know is read by whoever `runtime` hands over. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr, visible

# The moment (aware) that words such as "Friday at 5" mean; None where they mean none.
ReadTime = Callable[[str], datetime | None]

LONGEST_DAYS = 366
FIRST_YEAR, LAST_YEAR = 1000, 9998
DEFAULT_MINUTES = 60

_DAY = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:?\d\d.*")
# Words that name a time of day; without one a whole day is meant.
_CLOCK = re.compile(
    r"\d[:.]\d\d|\d ?[ap]\.?m\b|\bat \S|\b(?:noon|midnight|morning|afternoon|evening|tonight|o'clock|now)\b"
    r"|\bin (?:an?|\d+|[a-z]+) (?:hours?|minutes?)\b",
    re.IGNORECASE,
)
_NEXT_DAYS = re.compile(r"(?:the )?(?:next|coming) (\d{1,3}) days")
_HOURS = re.compile(r"(\d{1,2})\s*(?:-|–|to)\s*(\d{1,2})")


@dataclass(frozen=True, slots=True)
class Range:
    """From the first moment up to, but not with, the last; both aware, in the user's zone."""

    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Clocks:
    """Whose times are meant: `now` aware, in the user's `zone`; `read_time` reads words."""

    now: datetime
    zone: ZoneInfo
    read_time: ReadTime

    def moment(self, words: str) -> datetime | date:
        """Return the moment that `words` mean, or the day where they name no time of day; raises UserError."""
        found = self._moment(words)
        # Beyond, a time can't be told by other clocks: there is no such year in them.
        if not FIRST_YEAR <= found.year <= LAST_YEAR:
            raise _unclear(words)
        return found

    def _moment(self, words: str) -> datetime | date:
        text = words.strip().strip(".!?")
        low = re.sub(r"^(?:on|at) (?=\D)", "", text.lower())
        if low == "now":
            return self.now.replace(second=0, microsecond=0)
        try:
            if _MOMENT.fullmatch(text):
                found = datetime.fromisoformat(text)
                return found if found.tzinfo is not None else found.replace(tzinfo=self.zone)
            if (day := self._day(low)) is not None:
                return day
        except ValueError:
            raise _unclear(words) from None
        moment = self.read_time(text)
        if moment is None:
            raise _unclear(words)
        moment = moment.astimezone(self.zone)
        return moment if _CLOCK.search(low) else moment.date()

    def day(self, words: str) -> date:
        """Return the day that `words` mean; raises UserError."""
        found = self.moment(words)
        return found.date() if isinstance(found, datetime) else found

    def range(self, words: str, until: str = "", days: int = 0) -> Range:
        """Return the days that `words` mean, up to and with the day `until`, or so many `days`; "" is today.

        Raises UserError.
        """
        low = re.sub(r"^(?:on|for|in) ", "", words.strip().strip(".!?").lower()) or "today"
        first, length = self._span(low) or (self.day(low), 1)
        if until:
            length = (self.day(until) - first).days + 1
        elif days:
            length = days
        if not 1 <= length <= LONGEST_DAYS:
            raise UserError(
                "wrong_range",
                tr("From {first} on, that is no range of 1 to {count} days.", first=first, count=LONGEST_DAYS),
                tr("Name the first day and how many days."),
                ExitCode.USAGE,
            )
        try:
            return Range(self.midnight(first), self.midnight(first + timedelta(days=length)))
        except OverflowError:
            raise _unclear(words) from None

    def midnight(self, day: date) -> datetime:
        """Return the moment at which a day begins for the user."""
        return datetime.combine(day, time(), self.zone)

    def _span(self, low: str) -> tuple[date, int] | None:
        """Return the first day and the number of days of a span with a name."""
        today = self.now.date()
        monday = today - timedelta(days=today.weekday())
        if match := _NEXT_DAYS.fullmatch(low):
            return today, int(match[1])
        match low:
            case "this week" | "the week" | "week":
                return today, (monday + timedelta(days=7) - today).days
            case "next week":
                return monday + timedelta(days=7), 7
            case "this weekend" | "the weekend" | "weekend":
                saturday = max(today, monday + timedelta(days=5))
                return saturday, (monday + timedelta(days=7) - saturday).days
            case "next weekend":
                return monday + timedelta(days=12), 2
            case "this month" | "the month":
                return today, (_next_month(today) - today).days
            case "next month":
                first = _next_month(today)
                return first, (_next_month(first) - first).days
            case _:
                return None

    def _day(self, low: str) -> date | None:
        today = self.now.date()
        match low:
            case "today":
                return today
            case "tomorrow":
                return today + timedelta(days=1)
            case "yesterday":
                return today - timedelta(days=1)
            case _:
                found = _DAY.fullmatch(low)
                return date(int(found[1]), int(found[2]), int(found[3])) if found else None


def read_hours(text: str) -> tuple[int, int]:
    """Return the hours "9-18" as numbers; raises UserError."""
    match = _HOURS.fullmatch(text.strip())
    if match is None or not 0 <= int(match[1]) < int(match[2]) <= 24:
        raise UserError(
            "wrong_hours",
            tr("“{text}” are no hours of a day.", text=visible(text[:40])),
            tr("Write them as 9-18."),
            ExitCode.USAGE,
        )
    return int(match[1]), int(match[2])


def end_of(
    start: datetime | date, words: str, minutes: int, clocks: Clocks, usual: timedelta | None = None
) -> datetime | date:
    """Return the end of what begins at `start`: as `words` say, after `minutes`, else after the `usual` time.

    The end of days is the day after the last. Raises UserError.
    """
    try:
        if not words:
            if isinstance(start, datetime):
                return start + (timedelta(minutes=minutes) if minutes else usual or timedelta(minutes=DEFAULT_MINUTES))
            return start + max(usual or timedelta(days=1), timedelta(days=1))
        end = clocks.moment(_with_day(words, start))
        if isinstance(start, datetime):
            end = end if isinstance(end, datetime) else clocks.midnight(end)
        else:
            end = (end.date() if isinstance(end, datetime) else end) + timedelta(days=1)
    except OverflowError:
        raise _unclear(words) from None
    # A day and a moment are never compared: both are of the kind of the start by now.
    if end <= start:
        raise UserError("wrong_end", tr("That would end before it begins, so nothing was changed."), tr("Name both."))
    return end


def _with_day(words: str, start: datetime | date) -> str:
    """Return the words of an end with the day of the start, where they name only a time."""
    text = words.strip()
    clock = re.fullmatch(r"(?:at |until |till )?(\d{1,2})(?:[:.](\d\d))?(?: ?([ap])\.?m\.?)?", text, re.IGNORECASE)
    if clock is None or not isinstance(start, datetime):
        return text
    hour, minute = int(clock[1]), int(clock[2] or 0)
    if half := (clock[3] or "").lower():
        hour = hour % 12 + (12 if half == "p" else 0)
    if hour > 23 or minute > 59:
        return text
    return start.replace(hour=hour, minute=minute, second=0, microsecond=0).isoformat()


def _next_month(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


def _unclear(words: str) -> UserError:
    return UserError(
        "unclear_time",
        tr("“{words}” is no time that is understood, so nothing was done.", words=visible(words[:80])),
        tr("Say it as “tomorrow at 9” or “2026-03-14 15:00”."),
        ExitCode.USAGE,
    )
