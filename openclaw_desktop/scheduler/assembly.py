"""From the parts of a phrase to a schedule, or to the doubt why there is none.

Owns which parts fit together, and what is assumed where the words leave something open. Must not know spelling. Pure.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from openclaw_desktop.core.text import tr
from openclaw_desktop.scheduler import wall_time
from openclaw_desktop.scheduler.clock_times import DEFAULT_HOUR, PART_HOURS, readings, settle
from openclaw_desktop.scheduler.combination import Phrase, bound, in_its_stretch, in_one_month, refuse
from openclaw_desktop.scheduler.lengths import day_after, moment_after
from openclaw_desktop.scheduler.parts import (
    Amount,
    Clock,
    DayPart,
    DayPartName,
    Doubt,
    Every,
    EveryYearOn,
    Except,
    From,
    Later,
    MonthDays,
    NthWeekdays,
    OfMonth,
    On,
    Part,
    PastHour,
    Said,
    Setting,
    TimesADay,
    TimesEach,
    Until,
    Weekdays,
    Window,
    Within,
)  # fmt: skip
from openclaw_desktop.scheduler.schedules import Days, Once, Repeats, Schedule, Steps


def assemble(parts: tuple[Part, ...], setting: Setting) -> tuple[Schedule, list[str]]:
    """Return the schedule that the parts make, and what was assumed; raises Doubt."""
    phrase = Phrase(in_its_stretch(parts), setting, [])
    every = _every(phrase)
    if every is not None and every.unit in ("minute", "hour"):
        schedule: Schedule = _running(phrase, every)
    elif (days := _days(phrase, every)) is not None:
        schedule = _repeated(phrase, *days)
    else:
        schedule = _once(phrase)
    return schedule, phrase.notes


def _every(phrase: Phrase) -> Every | None:
    """Return the one step; "every month" and "in January and July" are one."""
    found = [part for part in dict.fromkeys(phrase.parts) if isinstance(part, Every)]
    if len(found) == 2:
        one, other = sorted(found, key=lambda part: bool(part.months))
        if other.months and not one.months and one.count == 1 and one.unit in ("month", "year"):
            return replace(other, note=one.note)
    every = phrase.one(Every)
    if every is not None and every.note:
        phrase.notes.append(every.note)
    return every


# One moment.


def _once(phrase: Phrase) -> Once:
    if any(isinstance(part, Except) for part in phrase.parts):
        raise Doubt(tr("The words say when not, but not when."), tr("Try “every day except Friday at 9:00”."))
    on, within = phrase.one(On), phrase.one(Within)
    if within is not None and on is not None and on.loose and on.day <= within.last:
        phrase.parts = tuple(part for part in phrase.parts if part != within)
    refuse(phrase, PastHour, Within)
    if phrase.one(Until) or phrase.one(From) or phrase.one(Window):
        raise Doubt(tr("The words set a limit, but do not say how often."), tr("Try “every day at 9:00 until Friday”."))
    later = phrase.one(Later)
    if later is not None and (later.amount.seconds or len(set(phrase.parts)) == 1):
        refuse(phrase, On, Clock, DayPart, MonthDays, NthWeekdays, OfMonth)
        return Once(_future(phrase, moment_after(phrase.setting.now, later.amount)))
    if later is not None:
        refuse(phrase, On, MonthDays, NthWeekdays, OfMonth)
    today = phrase.setting.now.date()
    on = On(day_after(today, later.amount)) if later is not None else _named_day(phrase)
    clock = phrase.one(Clock)
    part = phrase.one(DayPart)
    if on is None and clock is None and part is None:
        raise Doubt(
            tr("The words do not say when."), tr("Try “tomorrow at 18:30”, “in 20 minutes” or “every Monday at 9:00”.")
        )
    if clock is not None and len(clock.times) > 1:
        raise Doubt(
            tr("The words name more than one time, but not how often."), tr("Try “every day at 9:00 and 17:00”.")
        )
    if on is not None and on.note:
        phrase.notes.append(on.note)
    if on is None or (on.day == today and on.loose is False and clock is not None):
        return _coming(phrase, on, clock, part)
    return _on_day(phrase, on, clock, part)


def _future(phrase: Phrase, moment: datetime) -> datetime:
    if moment.astimezone(UTC) <= phrase.setting.now.astimezone(UTC):
        raise Doubt(
            tr("{moment} has passed.", moment=moment.strftime("%Y-%m-%d %H:%M")),
            tr("Name a moment to come, such as “tomorrow at 9:00”."),
            "past",
        )
    return moment


def _local(phrase: Phrase, day: date, clock: time) -> datetime:
    zone = phrase.setting.zone
    return wall_time.moment_at(day, clock, zone).astimezone(zone)


def _coming(phrase: Phrase, on: On | None, clock: Clock | None, part: DayPart | None) -> Once:
    """Return the next moment that the clock shows this: today, or where no day was named, tomorrow."""
    now = phrase.setting.now
    today = now.date()
    if clock is None:
        name = part.name if part else "morning"
        phrase.notes.append(tr("{part} is read as {hour}:00", part=name, hour=PART_HOURS[name]))
        moment = _local(phrase, today, time(PART_HOURS[name]))
        if on is None and part is not None and not part.today and moment.astimezone(UTC) <= now.astimezone(UTC):
            moment = _local(phrase, today + timedelta(1), time(PART_HOURS[name]))
        return Once(_future(phrase, moment))
    spoken = clock.times[0]
    if part is not None:
        settled, _ = settle(spoken, part.name)
        night_after = part.name == "night" and settled < time(6)
        choices: tuple[time, ...] = (settled,)
        days = [today + timedelta(1)] if night_after else [today]
        if part.name == "night" and now.time() < time(6) and night_after:
            days = [today, *days]
        if on is None and not part.today:
            days.append(days[-1] + timedelta(1))
    else:
        choices = readings(spoken)
        midnight = choices == (time(),)
        days = [today, today + timedelta(1)] if on is None or midnight else [today]
    moments = [_local(phrase, day, choice) for day in days for choice in choices]
    ahead = [moment for moment in moments if moment.astimezone(UTC) > now.astimezone(UTC)]
    if part is None and spoken.open:
        phrase.notes.append(tr("morning or evening was left open: the next one is meant"))
    return Once(ahead[0] if ahead else _future(phrase, moments[-1]))


def _on_day(phrase: Phrase, on: On, clock: Clock | None, part: DayPart | None) -> Once:
    day = on.day
    chosen = _settled(phrase, clock.times[0] if clock else None, part)
    if part is not None and part.name == "night" and chosen < time(6):
        day += timedelta(1)
    moment = _local(phrase, day, chosen)
    passed = moment.astimezone(UTC) <= phrase.setting.now.astimezone(UTC)
    if passed and on.loose:
        moment = _local(phrase, day + timedelta(7), chosen)
    elif passed and on.guessed_year:
        moment = _local(phrase, day.replace(year=day.year + 1), chosen)
    elif passed and day == phrase.setting.now.date() and clock is None and part is None and day != on.day:
        moment = _local(phrase, day, time(PART_HOURS["evening"]))
    return Once(_future(phrase, moment))


def _settled(phrase: Phrase, spoken: Said | None, part: DayPart | None) -> time:
    """Return the time of a named day, and note what was assumed."""
    if spoken is not None:
        clock, assumed = settle(spoken, part.name if part else None)
        if clock == time():
            phrase.notes.append(tr("midnight is where the day begins"))
        if assumed:
            phrase.notes.append(tr("no am or pm was said: {clock} is assumed", clock=clock.strftime("%H:%M")))
        return clock
    hour = PART_HOURS[part.name] if part else DEFAULT_HOUR
    phrase.notes.append(tr("no time was said: {hour}:00 is assumed", hour=f"{hour:02}"))
    return time(hour)


def _named_day(phrase: Phrase) -> On | None:
    """Return the one day that is named; "Tuesday the 5th" must be both."""
    on, counted = phrase.one(On), _day_of_month(phrase)
    if on is None or counted is None:
        return on or counted
    if not on.loose or phrase.one(MonthDays) is None or on.day.weekday() != counted.day.weekday():
        raise Doubt(tr("The weekday and the date are not the same day."), tr("Say the weekday or the date alone."))
    return counted


def _day_of_month(phrase: Phrase) -> On | None:
    """Return "the 15th", "the first Monday of March" as the coming one."""
    month_days, nths, month = phrase.one(MonthDays), phrase.one(NthWeekdays), phrase.one(OfMonth)
    if month_days is None and nths is None:
        if month is not None:
            raise Doubt(tr("The words name a month, but no day."), tr("Try “on 3 March at 9:00”."))
        return None
    days = Days("month", month_days=month_days.days if month_days else ())
    if nths is not None:
        days = Days("month", weekdays=nths.weekdays, nth=nths.nth)
    if len(days.month_days or days.nth) > 1:
        raise Doubt(tr("Is that once, or every month?"), tr("Try “on the 1st and 15th of every month at 9:00”."))
    zone, today = phrase.setting.zone, phrase.setting.now.date()
    first = month.first if month else today.replace(day=1)
    if month is not None and not month.any_year:
        return On(next(days.since(first, zone)))
    if nths is not None and nths.nth == (-1,) and month is None:
        raise Doubt(
            tr("Is that the one that has passed, or the last of a month?"),
            tr("Try “the last Friday of each month at 9:00”."),
        )
    days = replace(days, months=(first.month,)) if month else days
    clock, part = phrase.one(Clock), phrase.one(DayPart)
    chosen = time(PART_HOURS[part.name] if part else DEFAULT_HOUR)
    if clock is not None:
        chosen, _ = settle(clock.times[0], part.name if part else None)
    return On(
        next(
            day
            for day in days.since(first, zone)
            if (not month_days or month_days.days[0] in (-1, day.day))  # the 31st, in a month that has one
            and _local(phrase, day, chosen).astimezone(UTC) > phrase.setting.now.astimezone(UTC)
        )
    )


# Days that come again.


def _days(phrase: Phrase, every: Every | None) -> tuple[Days, bool] | None:
    """Return the days, and whether which of them was left open; None where nothing repeats."""
    weekdays, yearly, times = phrase.one(Weekdays), phrase.one(EveryYearOn), phrase.one(TimesADay)
    part_repeats = any(isinstance(part, DayPart) and part.repeats for part in phrase.parts)
    month_days, nths = phrase.one(MonthDays), phrase.one(NthWeekdays)
    if weekdays is not None and weekdays.interval == 0 and every is None and phrase.one(TimesEach) is None:
        raise Doubt(tr("Is that once, or every week?"), tr("Try “every Monday and Thursday at 9:00”."))
    each = phrase.one(TimesEach)
    repeats = every or weekdays or yearly or times or each or part_repeats
    if not repeats:
        return None
    refuse(phrase, Later, PastHour)
    named = weekdays.days if weekdays else month_days.days if month_days else nths.nth if nths else ()
    if each is not None and (len(named) != each.count or (each.unit == "week") != (weekdays is not None)):
        raise Doubt(
            tr("“{count} times a {unit}” does not say when.", count=each.count, unit=each.unit),
            tr("Name the days: “every Monday and Thursday at 9”."),
        )
    bound(phrase)
    every, on = in_one_month(phrase, every), phrase.one(On)
    if yearly is not None:
        refuse(phrase, On, Weekdays, MonthDays, NthWeekdays)
        if every is not None and every != Every("year"):
            refuse(phrase, Every)
        return Days("year", months=(yearly.month,), month_days=(yearly.day,)), False
    if weekdays is not None:
        refuse(phrase, On, MonthDays, NthWeekdays, TimesADay)
        if every is not None and (
            every.unit not in ("week", "day", "month") or (every.unit == "day" and every.count > 1)
        ):
            refuse(phrase, Every)
        if every is not None and every.unit == "month" and every.count > 1:
            refuse(phrase, Every)
        interval = max(weekdays.interval, every.count if every is not None and every.unit == "week" else 1)
        return Days("week", interval, weekdays.days, months=every.months if every else ()), False
    if every is not None and (month_days or nths):
        refuse(phrase, On)
        return _in_month(phrase, every, month_days, nths), False
    if every is not None and on is not None:
        return _every_on(phrase, every, on), False
    return _left_open(phrase, every or Every("day"))


def _in_month(phrase: Phrase, every: Every, month_days: MonthDays | None, nths: NthWeekdays | None) -> Days:
    if every.unit != "month" or (month_days and nths):
        refuse(phrase, MonthDays, NthWeekdays)
    months = every.months
    counted = month_days.days if month_days else nths.nth if nths else ()
    if every.quarter and counted and max(counted) < 0:  # the last of a quarter lies in its last month
        months = tuple(month + 2 for month in months)
    if month_days:
        return Days("month", every.count, month_days=month_days.days, months=months)
    weekdays, nth = (nths.weekdays, nths.nth) if nths else ((), ())
    return Days("month", every.count, weekdays, nth, months=months)


def _every_on(phrase: Phrase, every: Every, on: On) -> Days:
    """Return "every year on 14 March", "every two weeks on Friday"."""
    if every.unit == "year" and not on.loose:
        return Days("year", every.count, months=(on.day.month,), month_days=(on.day.day,))
    if every.unit == "week" and on.loose:
        return Days("week", every.count, (on.day.weekday(),))
    refuse(phrase, On)
    raise AssertionError


def _left_open(phrase: Phrase, every: Every) -> tuple[Days, bool]:
    """Return a step whose day was not said: today's place in the week, month or year."""
    today = _begin(phrase)
    if every.unit == "week":
        phrase.notes.append(tr("no day was said: the weekday of the first day is taken"))
        return Days("week", every.count, (today.weekday(),)), True
    if every.unit == "month" and every.months:
        phrase.notes.append(tr("no day was said: the first of the month is taken"))
        return Days("month", months=every.months, month_days=(1,)), True
    if every.unit == "month":
        phrase.notes.append(tr("no day was said: the day of the first month is taken"))
        return Days("month", every.count, month_days=(today.day,)), True
    if every.unit == "year":
        phrase.notes.append(tr("no day was said: the first day is taken"))
        return Days("year", every.count, months=(today.month,), month_days=(today.day,)), True
    return Days("day", every.count, months=every.months), False


def _begin(phrase: Phrase) -> date:
    opening = phrase.one(From)
    return opening.start if opening and isinstance(opening.start, date) else phrase.setting.now.date()


def _repeated(phrase: Phrase, days: Days, left_open: bool) -> Repeats:
    refuse(phrase, Window)
    opening = phrase.one(From)
    without = _without(phrase, days)
    if opening is not None and isinstance(opening.start, date):
        phrase.notes.append(tr("from {day} on", day=opening.start.isoformat()))
    clock = _clock_of_days(phrase, opening, days)
    setting, begin = phrase.setting, _begin(phrase)
    days = replace(days, without=without)
    schedule = Repeats(days, clock, begin, setting.zone, _end(phrase, begin))
    if days.interval > 1 and not left_open:
        # Counting begins with the first that is still ahead, "every other Tuesday" with the coming one.
        whole = Repeats(replace(days, interval=1), clock, begin, setting.zone)
        schedule = replace(schedule, start=next(whole.times(setting.now)).date())
    if next(schedule.times(setting.now), None) is None:
        raise Doubt(
            tr("That is never due: it ends before it begins."), tr("Try “every day at 9:00 until Friday”."), "past"
        )
    return schedule


def _clock_of_days(phrase: Phrase, opening: From | None, days: Days) -> tuple[time, ...]:
    clock, times = phrase.one(Clock), phrase.one(TimesADay)
    names = dict.fromkeys(part.name for part in phrase.parts if isinstance(part, DayPart))
    if len(names) > 1:
        return _clock_of_parts(phrase, clock, times, tuple(names))
    part = next((part for part in phrase.parts if isinstance(part, DayPart)), None)
    if times is not None:
        if clock is not None and len(clock.times) != times.count:
            raise Doubt(
                tr("The words name another number of times than they say."), tr("Try “every day at 9:00 and 21:00”.")
            )
        if clock is None:
            step = 12 * 60 // (times.count - 1)
            phrase.notes.append(tr("no times were said: they are spread from 09:00 to 21:00"))
            return tuple(time((540 + step * n) // 60, (540 + step * n) % 60) for n in range(times.count))
    spoken: tuple[Said | None, ...] = clock.times if clock else (None,)
    if opening is not None and isinstance(opening.start, Said):
        if clock is not None:
            refuse(phrase, From)
        spoken = (opening.start,)
    found = tuple(dict.fromkeys(sorted(_settled(phrase, one, part) for one in spoken)))
    if part is not None and part.name == "night" and found[0] < time(6) and days.unit != "day":
        raise Doubt(
            tr("Is that the night before the day, or after it?"),
            tr("Name the day and the hour: “every Sunday at 1:00 am”."),
        )
    return found


def _clock_of_parts(
    phrase: Phrase, clock: Clock | None, times: TimesADay | None, names: tuple[DayPartName, ...]
) -> tuple[time, ...]:
    """Return a time for each part of the day: "every morning and evening", "mornings and evenings at 8"."""
    one_open = clock is not None and len(clock.times) == 1 and clock.times[0].open
    if (clock is not None and not one_open) or (times is not None and times.count != len(names)):
        refuse(phrase, DayPart)
    if clock is None:
        hours = sorted(time(PART_HOURS[name]) for name in names)
        said_hours = ", ".join(hour.strftime("%H:%M") for hour in hours)
        phrase.notes.append(tr("no time was said: {hours} are assumed", hours=said_hours))
        return tuple(hours)
    return tuple(sorted(settle(clock.times[0], name)[0] for name in names))


def _without(phrase: Phrase, days: Days) -> tuple[int, ...]:
    found = tuple(sorted({day for part in phrase.parts if isinstance(part, Except) for day in part.weekdays}))
    if set(days.weekdays or range(7)) <= set(found):
        raise Doubt(tr("No day is left."), tr("Try “every day except Sunday at 9:00”."))
    return found


def _end(phrase: Phrase, begin: date) -> datetime | None:
    until = phrase.one(Until)
    if until is None:
        return None
    setting = phrase.setting
    if isinstance(until.end, Amount):
        base = setting.now
        if begin > base.date():
            base = _local(phrase, begin, time())
            return moment_after(base, until.end) - timedelta(seconds=1)
        return moment_after(base, until.end)
    if isinstance(until.end, Said):
        clock, _ = settle(until.end, None)
        midnight = clock == time()  # the one at which today ends
        return _local(phrase, setting.now.date() + timedelta(int(midnight)), clock)
    return _local(phrase, until.end, time(23, 59, 59))


# Steps of minutes and hours.


def _running(phrase: Phrase, every: Every) -> Schedule:
    """Return "every 15 minutes": by the clock where the steps fill the hour or the day, else counted from now."""
    bound(phrase)
    end = _end_by_clock(phrase)
    refuse(phrase, On, Clock, DayPart, MonthDays, NthWeekdays, Later, EveryYearOn, TimesADay, TimesEach, OfMonth)
    setting, opening, window, past = phrase.setting, phrase.one(From), phrase.one(Window), phrase.one(PastHour)
    if past is not None and every.unit != "hour":
        refuse(phrase, PastHour)
    weekdays, begin = phrase.one(Weekdays), _begin(phrase)
    minutes = every.count * (60 if every.unit == "hour" else 1)
    end = end or _end(phrase, begin)
    days = Days("week", weekdays.interval, weekdays.days) if weekdays else Days("day")
    days = replace(days, without=_without(phrase, days))
    limited = weekdays is not None or days.without or window is not None
    if opening is not None and not isinstance(opening.start, date):
        if limited or past is not None:
            refuse(phrase, From)
        start = setting.now if opening.start is None else _next_reading(phrase, opening.start)
        return Steps(start, timedelta(minutes=minutes), opening.start is not None, end)
    by_clock = 60 % minutes == 0 or (minutes % 60 == 0 and 1440 % minutes == 0)
    if not by_clock and window is None:
        if limited or opening is not None:
            raise Doubt(
                tr("Steps of {minutes} minutes do not fill a day.", minutes=minutes),
                tr("Name the hours: “every 90 minutes between 9:00 and 17:00 on weekdays”."),
            )
        phrase.notes.append(tr("counted from now"))
        return Steps(setting.now.replace(second=0, microsecond=0), timedelta(minutes=minutes), end=end)
    first, last = 0, 1439
    if window is not None:
        first, last = (one.hour * 60 + one.minute for one in (window.start, window.end))
    if last < first:
        if limited and (weekdays is not None or days.without):
            raise Doubt(
                tr("Is that the night before those days, or after them?"),
                tr("Try “every hour between 9:00 and 17:00 on weekdays”."),
            )
        last += 1440
    if past is not None:
        first += (past.minute - first) % 60
    clock = tuple(time(minute // 60 % 24, minute % 60) for minute in range(first, last + 1, minutes))
    schedule = Repeats(days, clock, begin, setting.zone, end, running=True)
    if next(schedule.times(setting.now), None) is None:
        raise Doubt(tr("That is never due: it ends before it begins."), tr("Try “every hour until 18:00”."), "past")
    return schedule


def _end_by_clock(phrase: Phrase) -> datetime | None:
    """Take the clock of "every hour until tomorrow at noon", which can only be the end's, and return that moment."""
    until, clock = phrase.one(Until), phrase.one(Clock)
    if until is None or clock is None or not isinstance(until.end, date) or len(clock.times) > 1:
        return None
    phrase.parts = tuple(part for part in phrase.parts if part != clock)
    return _local(phrase, until.end, settle(clock.times[0], None)[0])


def _next_reading(phrase: Phrase, spoken: Said) -> datetime:
    return _coming(phrase, None, Clock((spoken,)), None).moment
