"""A schedule in plain words, so that the user sees what was understood.

Owns the sentences. Its words for a schedule can be read back by `words`. Must not know how the user said it. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, time, timedelta

from cronsim import CronSim

from openclaw_desktop.core.text import tr
from openclaw_desktop.scheduler.dates import MONTHS
from openclaw_desktop.scheduler.schedules import CronLine, Days, Once, Repeats, Schedule, Steps
from openclaw_desktop.scheduler.weekdays import NAMES
from openclaw_desktop.scheduler.wording import ordinal


def narrate(schedule: Schedule, notes: Sequence[str]) -> str:
    """Return a sentence: what the schedule is, and in brackets what was assumed."""
    words = phrase(schedule)
    notes = list(dict.fromkeys(notes))
    return f"{words[0].upper()}{words[1:]}{' (' + '; '.join(notes) + ')' if notes else ''}."


def narrate_times(times: Sequence[datetime]) -> str:
    """Return the coming moments as a sentence."""
    if not times:
        return tr("There is no further time.")
    return tr("Next: {times}.", times=", ".join(map(describe_moment, times)))


def describe_moment(moment: datetime) -> str:
    """Return "Tue 24 Nov 2026 17:00 CET"."""
    day = f"{NAMES[moment.weekday()][:3].title()} {moment.day} {MONTHS[moment.month - 1][:3].title()} {moment.year}"
    return f"{day} {_hour(moment.time())} {moment.tzname() or ''}".strip()


def phrase(schedule: Schedule) -> str:
    """Return the schedule in words that `words.understand` reads back."""
    match schedule:
        case Once(moment=moment):
            return tr("once, on {day} at {hour}", day=_day(moment), hour=_hour(moment.time()))
        case Repeats(running=True):
            return _running(schedule)
        case Repeats():
            at = _list([_hour(clock) for clock in schedule.clock])
            begins = schedule.days.interval > 1
            start = tr(" from {day}", day=_day(next(schedule.times(_just_before(schedule))))) if begins else ""
            return tr("{days} at {clock}", days=_days(schedule.days), clock=at) + start + _until(schedule.end)
        case Steps():
            seconds = int(schedule.step.total_seconds())
            first = schedule.start if schedule.first else schedule.start + schedule.step
            return tr(
                "every {step}, first on {day} at {hour}",
                step=tr("{count} seconds", count=seconds) if seconds % 60 else _minutes(seconds // 60),
                day=_day(first),
                hour=_hour(first.time()),
            ) + _until(schedule.end)
        case CronLine(line=line):
            words = CronSim(line, datetime.now(schedule.zone)).explain()
            return tr("{words} (cron {line})", words=words, line=line)
    raise TypeError(schedule)


def _just_before(schedule: Repeats) -> datetime:
    return datetime.combine(schedule.start, time(), tzinfo=schedule.zone) - timedelta(seconds=1)


def _running(schedule: Repeats) -> str:
    clock = schedule.clock
    minutes = [one.hour * 60 + one.minute for one in clock]
    step = minutes[1] - minutes[0] if len(minutes) > 1 else 1440
    window = ""
    if minutes[0] != 0 or minutes[-1] + step < 1440:
        window = tr(" between {first} and {last}", first=_hour(clock[0]), last=_hour(clock[-1]))
    plain = schedule.days.unit == "day" and not schedule.days.without
    days = "" if plain else " " + _days(schedule.days)
    return tr("every {step}{days}{window}", step=_minutes(step), days=days, window=window) + _until(schedule.end)


def _days(days: Days) -> str:
    months = (
        tr(" in {months}", months=_list([MONTHS[month - 1].title() for month in days.months])) if days.months else ""
    )
    without = tr(" except {days}", days=_list(_names(days.without))) if days.without else ""
    if days.unit == "month" and days.interval == 1 and days.months == _quarter_months(days):
        return _which(days).removesuffix(tr("every month")) + tr("every quarter") + without
    return _which(days) + months * (days.unit != "year") + without


def _quarter_months(days: Days) -> tuple[int, ...]:
    """Return the months of the quarters in which such days are said to lie: the last ones lie in the third."""
    counted = days.nth or days.month_days
    return () if not counted else (3, 6, 9, 12) if max(counted) < 0 else (1, 4, 7, 10)


def _which(days: Days) -> str:
    step = (
        tr("every other {unit}", unit=days.unit)
        if days.interval == 2
        else tr("every {count} {unit}s", count=days.interval, unit=days.unit)
    )
    step = tr("every {unit}", unit=days.unit) if days.interval == 1 else step
    if days.unit == "week":
        names = _list(_names(days.weekdays))
        if days.interval == 1:
            return tr("every {days}", days=names)
        return (
            tr("every other {days}", days=names)
            if days.interval == 2 and len(days.weekdays) == 1
            else tr("{step} on {days}", step=step, days=names)
        )
    if days.unit == "year":
        return tr(
            "{step} on {day} {month}", step=step, day=days.month_days[0], month=MONTHS[days.months[0] - 1].title()
        )
    if days.nth:
        nths = _list([_nth(nth) for nth in days.nth])
        return tr("on the {nths} {names} of {step}", nths=nths, names=_list(_names(days.weekdays)), step=step)
    if days.month_days:
        numbers = _list([tr("last day") if day == -1 else ordinal(day) for day in days.month_days])
        return tr("on the {days} of {step}", days=numbers, step=step)
    return step


def _nth(nth: int) -> str:
    return {-1: tr("last"), -2: tr("second last")}.get(nth) or ordinal(nth)


def _names(days: Sequence[int]) -> list[str]:
    if tuple(days) == (0, 1, 2, 3, 4):
        return [tr("weekday")]
    return [NAMES[day].title() for day in days]


def _until(end: datetime | None) -> str:
    if end is None:
        return ""
    return (
        tr(", until {day}", day=_day(end))
        if end.time() >= time(23, 59)
        else tr(", until {day} {hour}", day=_day(end), hour=_hour(end.time()))
    )


def _minutes(minutes: int) -> str:
    if minutes % 60 == 0:
        return tr("hour") if minutes == 60 else tr("{count} hours", count=minutes // 60)
    return tr("minute") if minutes == 1 else tr("{count} minutes", count=minutes)


def _day(moment: datetime) -> str:
    return f"{NAMES[moment.weekday()].title()} {moment.day} {MONTHS[moment.month - 1].title()} {moment.year}"


def _hour(clock: time) -> str:
    return clock.strftime("%H:%M:%S" if clock.second else "%H:%M")


def _list(words: Iterable[str]) -> str:
    *first, last = words
    return tr("{first} and {last}", first=", ".join(first), last=last) if first else last
