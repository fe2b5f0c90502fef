"""The parts of one phrase, and those that say one thing together: "next week" and "on Friday".

Owns which parts bound others. Must not know schedules or spelling. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TypeVar

from dateutil.relativedelta import relativedelta

from openclaw_desktop.core.text import tr
from openclaw_desktop.scheduler.dates import MONTHS
from openclaw_desktop.scheduler.parts import (
    Doubt,
    Every,
    From,
    MonthDays,
    NthWeekdays,
    OfMonth,
    On,
    Part,
    Setting,
    Until,
    Within,
)  # fmt: skip

P = TypeVar("P")


@dataclass(slots=True)
class Phrase:
    """The parts of one phrase, each kind at most once, and what was assumed so far."""

    parts: tuple[Part, ...]
    setting: Setting
    notes: list[str]

    def one(self, kind: type[P]) -> P | None:
        """Return the part of this kind; raises Doubt where two speak of the same thing."""
        found = [part for part in dict.fromkeys(self.parts) if isinstance(part, kind)]
        if len(found) > 1:
            raise Doubt(
                tr("These words hold more than one schedule."), tr("Say one at a time: “every Monday at 9:00”.")
            )
        return found[0] if found else None


def refuse(phrase: Phrase, *kinds: type[Part]) -> None:
    """Raise Doubt where the phrase has a part of these kinds."""
    if any(isinstance(part, kinds) for part in phrase.parts):
        raise Doubt(tr("These words do not fit together as one schedule."), tr("Try “every Monday at 9:00”."))


def in_its_stretch(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """Return the parts with "next week" and "on Friday", or "next month" and "on the 5th", as one day."""
    stretches = [part for part in parts if isinstance(part, On) and part.last is not None]
    days = [part for part in parts if isinstance(part, On) and part.last is None]
    in_month = any(isinstance(part, (MonthDays, NthWeekdays)) for part in parts)
    if len(stretches) != 1 or stretches[0].last is None:
        return parts
    first, length = stretches[0].day, (stretches[0].last - stretches[0].day).days + 1
    rest = tuple(part for part in parts if not isinstance(part, On))
    if len(days) == 1 and days[0].loose and length == 7:
        return (On(first + timedelta(days[0].day.weekday())), *rest)
    if len(days) == 1 and not days[0].loose and length >= 365:
        return (On(days[0].day.replace(year=first.year)), *rest)
    if not days and in_month and 28 <= length <= 31:
        return (OfMonth(first), *rest)
    return parts


def bound(phrase: Phrase) -> None:
    """Put the first and the last day in the place of a stretch in which something repeats: "every day next week"."""
    on, within, month = phrase.one(On), phrase.one(Within), phrase.one(OfMonth)
    bounds: list[Part] = []
    if on is not None and on.last is not None:
        bounds += [From(on.day), Until(on.last)]
    if within is not None:
        bounds.append(Until(within.last))
    if month is not None and not month.any_year:
        bounds += [From(month.first), Until(month.first + relativedelta(day=31))]
    if bounds:
        gone = (on if on is not None and on.last is not None else None, within, month)
        phrase.parts = (*(part for part in phrase.parts if part not in gone), *bounds)


def in_one_month(phrase: Phrase, every: Every | None) -> Every | None:
    """Return the step with the month whose year was left open: "every Monday in December" is every year's."""
    month = phrase.one(OfMonth)
    if month is None:
        return every
    number = month.first.month
    phrase.notes.append(tr("{month} of every year", month=MONTHS[number - 1].title()))
    if every is None or (every.count == 1 and every.unit in ("month", "year") and not every.months):
        return Every("month", months=(number,))
    if every.count == 1 and every.unit in ("day", "week") and not every.months:
        return replace(every, months=(number,))
    refuse(phrase, OfMonth)
    return every
