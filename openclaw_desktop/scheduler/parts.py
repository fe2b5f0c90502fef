"""What single words of a schedule say, before they are put together.

Owns the parts that the grammar finds, and the doubt that ends it. Must not know how any of them is spelt. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

Unit = Literal["second", "minute", "hour", "day", "week", "month", "year"]
DayPartName = Literal["morning", "afternoon", "evening", "night"]


class Doubt(Exception):
    """The words are not understood, or only partly: a sentence, and an example that would be understood."""

    def __init__(self, sentence: str, advice: str = "", code: str = "unclear_schedule") -> None:
        super().__init__(sentence)
        self.sentence, self.advice, self.code = sentence, advice, code


@dataclass(frozen=True, slots=True)
class Setting:
    """Where the words are said: the present moment in the user's zone, and how dates are written there."""

    now: datetime
    zone: ZoneInfo
    day_first: bool


@dataclass(frozen=True, slots=True)
class Said:
    """A time of day as it was said. `open`: morning or afternoon was left open; `hint`: the part of the day with it."""

    hour: int
    minute: int
    open: bool
    hint: DayPartName | None = None


@dataclass(frozen=True, slots=True)
class Clock:
    """At these times of a day."""

    times: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class DayPart:
    """In this part of the day; `repeats`: said of every day ("mornings"); `today`: said of this day alone."""

    name: DayPartName
    repeats: bool = False
    today: bool = False


@dataclass(frozen=True, slots=True)
class On:
    """On one day. `note` says what was assumed; `guessed_year`: a past date may mean next year's; `loose`: "Friday".

    `last`: the day is the first of a stretch that was named ("next week"), which ends here.
    """

    day: date
    note: str = ""
    guessed_year: bool = False
    loose: bool = False
    last: date | None = None


@dataclass(frozen=True, slots=True)
class Within:
    """On the days that are left of this week, month, quarter or year: up to and including `last`."""

    last: date


@dataclass(frozen=True, slots=True)
class Amount:
    """A length of time."""

    months: int = 0
    days: int = 0
    seconds: int = 0


@dataclass(frozen=True, slots=True)
class Later:
    """So long from now."""

    amount: Amount


@dataclass(frozen=True, slots=True)
class MonthDays:
    """On these days of a month; -1 is the last."""

    days: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class NthWeekdays:
    """On the nth of these weekdays in a month (0 is Monday); several weekdays count together. -1 is the last."""

    nth: tuple[int, ...]
    weekdays: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Weekdays:
    """On these days of every `interval`-th week."""

    days: tuple[int, ...]
    interval: int = 1


@dataclass(frozen=True, slots=True)
class Every:
    """Every `count` units; `months`: in these months alone; `note` says what was assumed.

    `quarter`: the months are the first ones of the quarters, and stand for whole quarters.
    """

    unit: Unit
    count: int = 1
    months: tuple[int, ...] = ()
    note: str = ""
    quarter: bool = False


@dataclass(frozen=True, slots=True)
class EveryYearOn:
    """Every year on this day."""

    month: int
    day: int


@dataclass(frozen=True, slots=True)
class TimesADay:
    """So many times a day, hours left open."""

    count: int


@dataclass(frozen=True, slots=True)
class TimesEach:
    """So many times a week or a month, on days named beside it."""

    count: int
    unit: Literal["week", "month"]


@dataclass(frozen=True, slots=True)
class PastHour:
    """At this minute of an hour, which is left open."""

    minute: int


@dataclass(frozen=True, slots=True)
class OfMonth:
    """In one month (its first day), not in every one; `any_year`: the coming one, but its year was not said."""

    first: date
    any_year: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """Between two times of the day."""

    start: Said
    end: Said


@dataclass(frozen=True, slots=True)
class Until:
    """Up to and including this day, or so long from the start, or up to a time of today."""

    end: date | Amount | Said


@dataclass(frozen=True, slots=True)
class From:
    """From this day on, or from this time of the day on; None: from this moment on."""

    start: date | Said | None


@dataclass(frozen=True, slots=True)
class Except:
    """Not on these weekdays."""

    weekdays: tuple[int, ...]


Part = (
    Clock | DayPart | On | Within | Later | MonthDays | NthWeekdays | Weekdays | Every | EveryYearOn | TimesADay
    | TimesEach | PastHour | OfMonth | Window | Until | From | Except
)  # fmt: skip
