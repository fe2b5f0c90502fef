"""Repetitions in words: "every other Tuesday", "the first Monday of each month", "twice a day", "until Friday".

Owns their spelling. Must not know which days come of them. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from openclaw_desktop.core.text import tr
from openclaw_desktop.scheduler.clock_times import find_time
from openclaw_desktop.scheduler.dates import HOLIDAY, HOLIDAYS, MONTH, MONTHS, NTH, coming_month, find_day, month_named
from openclaw_desktop.scheduler.lengths import UNITS, day_after, find_length, unit_named
from openclaw_desktop.scheduler.parts import (
    Amount,
    Clock,
    DayPart,
    Doubt,
    Every,
    EveryYearOn,
    Except,
    From,
    MonthDays,
    NthWeekdays,
    Part,
    PastHour,
    Said,
    Setting,
    TimesADay,
    TimesEach,
    Unit,
    Until,
    Weekdays,
)  # fmt: skip
from openclaw_desktop.scheduler.weekdays import WEEKDAY, find_weekdays, weekday_range

_EVERY = r"(?:(?:on )?(?:every|each)(?: single| and every)?|all(?= \w+s\b)) "
_ADVERBS: dict[str, Every] = {
    "daily": Every("day"), "nightly": Every("day"), "hourly": Every("hour"), "weekly": Every("week"),
    "fortnightly": Every("week", 2), "monthly": Every("month"),
    "quarterly": Every("month", months=(1, 4, 7, 10), quarter=True), "yearly": Every("year"), "annually": Every("year"),
    "half-hourly": Every("minute", 30), "half-yearly": Every("month", months=(1, 7)),
}  # fmt: skip
_STEP = r"(?:(?P<other>other|alternate|alternating|2nd)|(?P<nth>\d+)(?:st|nd|rd|th)|(?P<count>\d+)) "
_AND = r"(?:,? and |, ?| & )"
_NTHS = rf"(?:2nd last|{NTH}|last)(?:{_AND}(?:the )?(?:2nd last|{NTH}|last))*"
_MONTHS = rf"{MONTH}(?:{_AND}{MONTH})*"

_ADVERB = re.compile(rf"(?P<word>{'|'.join(_ADVERBS)}|(?P<bi>bi-?(?:weekly|monthly|annually|yearly)))\b")
_WEEKDAY_STEP = re.compile(rf"(?:{_EVERY}{_STEP}|(?:on )?(?P<plain>alternate|alternating) )(?={WEEKDAY}|week-?end)")
_UNIT_STEP = re.compile(
    rf"{_EVERY}(?:{_STEP})?(?P<unit>days?|weeks?|fortnights?|months?|quarters?(?! of an| hour)|years?"
    r"|mornings?|evenings?|nights?|afternoons?|noon|midday|midnight|minutes?|hours?)\b"
)
_EVERY_LENGTH = re.compile(_EVERY)
_EVERY_DAYS = re.compile(rf"{_EVERY}(?=(?:the )?(?:{WEEKDAY}|week|work|business))")
_NTH_WEEKDAY = re.compile(
    rf"(?:on )?(?P<every>{_EVERY})?(?:the )?(?P<nths>{_NTHS}) (?={WEEKDAY}|week-?day|work-?day|working|business)"
)
_OF_EVERY = re.compile(
    rf"(?:of|in) (?:(?P<plain>the) month\b"
    rf"|(?:every|each|the(?= quarter))(?: {_STEP.strip()})? (?P<unit>month|quarter|year)\b)"
    r"|of (?:a|the) (?P<plain_year>year)\b"
)
_EVERY_EDGE = re.compile(
    r"(?:(?:at |on )?(?:the )?(?P<edge>end|start|beginning) of (?:every|each) (?P<unit>day|week|month|quarter|year)"
    r"|(?:every|each) (?P<short>month|year) end)\b"
)
_EVERY_DATE = re.compile(
    rf"{_EVERY}(?:year (?:on |at )?(?:the )?)?(?:(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?P<month>{MONTH})"
    rf"|(?P<month2>{MONTH}) (?:the )?(?P<day2>\d{{1,2}})(?:st|nd|rd|th)?\b(?! ?(?:am|pm|:))|(?P<holiday>{HOLIDAY}))"
)
_EVERY_MONTHS = re.compile(rf"(?:(?:in )?{_EVERY}|in (?={MONTH}{_AND}{MONTH}))(?P<months>{_MONTHS})(?!\w)")
_EVERY_NTH = re.compile(
    rf"{_EVERY}(?={NTH}(?:{_AND}{NTH})*"
    rf"(?! (?:{WEEKDAY}|day|week|month|year|hour|minute|quarter|morning|evening|night))"
    r"(?:\W|$))"
)
_TIMES = re.compile(
    r"(?:(?P<once>once)|(?P<twice>twice)|(?P<count>\d+) times|(?P<thrice>thrice)) (?:an?|per|every|each) "
    r"(?P<unit>hour|day|week|month|quarter|year)\b|(?P<daily>once|twice|\d+ times) daily\b"
)
# "15 minutes past every hour", and beside "every hour" also "at quarter past", "on the half hour", "at :30".
_PAST_HOUR = re.compile(
    r"(?:at )?(?:(?P<off>half|(?:a )?quarter|\d{1,2}(?: minutes?| mins?)?) (?P<side>past|after|to|before)\b"
    r"(?: (?:the|(?P<every>every|each)) hour)?|(?:on )?the (?P<half>half) hour"
    r"|the (?P<top>top) of (?:the|(?P<every_top>every|each)) hour|:(?P<minute>[0-5]\d))"
    r"(?! ?(?:\d|noon|mid))"
)
# "From Monday to Friday" names days where no dates are counted.
_FROM_DAYS = re.compile(
    rf"(?:from (?P<first>{WEEKDAY})(?: ?- ?| to | through | thru )|between (?P<first2>{WEEKDAY}) and )"
    rf"(?P<last>{WEEKDAY})(?! week)"
)
_TO_DATE = re.compile(r"to ")
_BETWEEN = re.compile(r"between ")
_AND_DATE = re.compile(r" and ")
_IN = re.compile(r"in ")
_MONTH = re.compile(rf"(?:in )?(?P<month>{MONTH})(?! ?\d)")
_UNTIL = re.compile(r"(?:(?:up )?until|till?|til|through|up to|ending(?: on)?) (?:and including )?")
_FOR = re.compile(r"for (?:the (?:next|coming) )?")
_FROM = re.compile(r"(?:starting|beginning|start(?=s? )|as of|effective|from)(?:s)?(?: (?:on|at|from))? ")
_ONWARDS = re.compile(r" (?:onwards?\b|forward\b|on(?= ?(?:$|[,;]|at\b|until\b|every\b)))")
_NOW = re.compile(r"(?:right )?now\b(?: on(?:wards)?)?")
_EXCEPT = re.compile(
    r"(?:(?:but )?(?:except(?:ing)?|excluding|without|apart from|other than|skip(?:ping)?|not|never)"
    r"(?: for)?(?: on)?(?: the)?|but(?: on)?) "
)


def find_repetition(text: str, position: int, setting: Setting) -> tuple[tuple[Part, ...], int] | None:
    """Return the parts of a repetition, or of its bounds, at `position` and where they end."""
    finders: tuple[Callable[[str, int, Setting], tuple[tuple[Part, ...], int] | None], ...] = (
        _find_past_hour, _find_bound, _find_except, _find_edge, _find_nth_weekday, _find_every_date,
        _find_weekday_step, _find_days, _find_unit, _find_every_length, _find_times_a_day, _find_of_every,
    )  # fmt: skip
    for find in finders:
        if (found := find(text, position, setting)) is not None:
            return found
    return None


def _count(match: re.Match[str]) -> int:
    if match["other"] or match.groupdict().get("plain"):
        return 2
    return int(match["nth"] or match["count"] or 1)


def _find_past_hour(text: str, position: int, setting: Setting) -> tuple[tuple[Part, ...], int] | None:
    if (match := _PAST_HOUR.match(text, position)) is None:
        return None
    words = match["off"] or ""
    minute = int(match["minute"] or 0) or (30 if "half" in (words, match["half"]) else 15 if "quarter" in words else 0)
    minute = minute or int((re.findall(r"\d+", words) or [0])[0])
    if minute > 59:
        return None
    part = PastHour((60 - minute) % 60 if match["side"] in ("to", "before") else minute)
    return ((part, Every("hour")) if match["every"] or match["every_top"] else (part,)), match.end()


def _find_bound(text: str, position: int, setting: Setting) -> tuple[tuple[Part, ...], int] | None:
    if (match := _TO_DATE.match(text, position)) is not None:
        day = find_day(text, match.end(), setting)
        return ((Until(day[0].day),), day[1]) if day else None
    if (match := _BETWEEN.match(text, position)) is not None:
        first = find_day(text, match.end(), setting)
        joint = _AND_DATE.match(text, first[1]) if first else None
        last = find_day(text, joint.end(), setting) if joint else None
        if first and last and not (first[0].loose or last[0].loose):
            return (From(first[0].day), Until(last[0].day)), last[1]
    if (match := _FROM_DAYS.match(text, position)) is not None:
        return (Weekdays(weekday_range(match["first"] or match["first2"], match["last"])),), match.end()
    if (match := _UNTIL.match(text, position)) is not None:
        if (day := find_day(text, match.end(), setting)) is not None:
            return (Until(day[0].day),), day[1]
        if (clock := find_time(text, match.end())) is not None:
            return (Until(clock[0]),), clock[1]
    if (match := _FOR.match(text, position)) is not None:
        length = find_length(text, match.end())
        if length is None and match.end() > position + len("for "):  # "for the next week"
            length = _with_one(text, match.end())
        return ((Until(length[0]),), length[1]) if length else None
    if (match := _FROM.match(text, position)) is not None:
        found = _find_start(text, match.end(), setting, edge=match[0].startswith("from"))
        if found is not None:
            onwards = _ONWARDS.match(text, found[1])
            return (found[0],), onwards.end() if onwards else found[1]
    return None


def _find_start(text: str, position: int, setting: Setting, *, edge: bool) -> tuple[From, int] | None:
    if (now := _NOW.match(text, position)) is not None:
        return From(None), now.end()
    if (day := find_day(text, position, setting)) is not None:
        return From(day[0].day), day[1]
    if (month := _MONTH.match(text, position)) is not None:
        return From(coming_month(month_named(month["month"]), setting)), month.end()
    if (later := _IN.match(text, position)) and (length := find_length(text, later.end())) and not length[0].seconds:
        return From(day_after(setting.now.date(), length[0])), length[1]
    clock = find_time(text, position, edge=edge)
    return (From(clock[0]), clock[1]) if clock else None


def _find_except(text: str, position: int, setting: Setting) -> tuple[tuple[Part, ...], int] | None:
    if (match := _EXCEPT.match(text, position)) is None:
        return None
    days = find_weekdays(text, match.end())
    return ((Except(days[0].days),), days[1]) if days else None


def _find_edge(text: str, position: int, setting: Setting) -> tuple[tuple[Part, ...], int] | None:
    if (match := _EVERY_EDGE.match(text, position)) is None:
        return None
    unit, ends = match["unit"] or match["short"], match["edge"] in ("end", None)
    end = match.end()
    if unit == "day":
        if not ends:
            return None
        note = tr("the end of the day is 18:00 here")
        return (Every("day", note=note), Clock((Said(18, 0, False),))), end
    if unit == "week":
        note = tr("a week ends on Friday here") if ends else ""
        return (Weekdays((4,) if ends else (0,)), Every("week", note=note)), end
    if unit == "quarter":
        return (MonthDays((-1,) if ends else (1,)), _every(unit, 1)), end
    months = {"month": (), "year": (12,) if ends else (1,)}[unit]
    return (MonthDays((-1,) if ends else (1,)), Every("month", months=months)), end


def _find_nth_weekday(text: str, position: int, setting: Setting) -> tuple[tuple[Part, ...], int] | None:
    if (match := _NTH_WEEKDAY.match(text, position)) is None or (days := find_weekdays(text, match.end())) is None:
        return None
    end = days[1]
    found = re.findall(r"2nd last|last|\d+", match["nths"])
    nths = tuple({"last": -1, "2nd last": -2}.get(word) or int(word) for word in found)
    part = NthWeekdays(nths, days[0].days)
    followed = re.compile(rf" (?:of|in) (?P<month>{MONTH})?").match(text, end)
    if followed is None and (match["every"] or text[:end].endswith("days")):
        # "every second Tuesday" steps; "every first Monday" and "every last Friday" can only count in a month.
        if match["every"] and nths not in ((1,), (-1,), (-2,)):
            return None
        return (part, Every("month")), end
    if match["every"] and followed is not None and followed["month"]:
        return (part, Every("year")), end
    if any(nth > 5 for nth in nths) or 0 in nths:
        raise Doubt(
            tr("No month has so many: “{words}”.", words=text[position:end]), tr("Try “the last Friday of each month”.")
        )
    return (part,), end


def _find_every_date(text: str, position: int, setting: Setting) -> tuple[tuple[Part, ...], int] | None:
    if (match := _EVERY_DATE.match(text, position)) is not None:
        if match["holiday"]:
            return (EveryYearOn(*HOLIDAYS[match["holiday"]]),), match.end()
        month, day = month_named(match["month"] or match["month2"]), int(match["day"] or match["day2"])
        if find_day(f"{day} {MONTHS[month - 1]}", 0, setting) is None:
            return None
        return (EveryYearOn(month, day),), match.end()
    if (match := _EVERY_MONTHS.match(text, position)) is not None:
        months = tuple(sorted({month_named(word) for word in re.findall(MONTH, match["months"])}))
        return (Every("month", months=months),), match.end()
    if (match := _EVERY_NTH.match(text, position)) is not None:
        return (Every("month"),), match.end()
    return None


def _find_weekday_step(text: str, position: int, setting: Setting) -> tuple[tuple[Part, ...], int] | None:
    if (match := _WEEKDAY_STEP.match(text, position)) is None or (days := find_weekdays(text, match.end())) is None:
        return None
    if match["nth"]:
        raise Doubt(
            tr("“{words}” may count weeks or days of a month.", words=text[position : days[1]]),
            tr("Try “every 3 weeks on Thursday” or “the third Thursday of each month”."),
        )
    return (Weekdays(days[0].days, _count(match)),), days[1]


def _find_days(text: str, position: int, setting: Setting) -> tuple[tuple[Part, ...], int] | None:
    every = _EVERY_DAYS.match(text, position)
    days = find_weekdays(text, every.end() if every else position)
    if days is None:
        return None
    words, end = days
    if not every and not words.repeats and re.compile(r" (?:next|this) week").match(text, end):
        return None
    in_parts = re.compile(r" (?:mornings|afternoons|evenings|nights)\b").match(text, end)
    if every or words.repeats or in_parts:
        return (Weekdays(words.days),), end
    if words.single or (not find_day(text, position, setting)):
        return None
    # "Mon, Wed and Fri" is a week's plan; "on Monday and Thursday" may be the coming two, and "or" leaves a choice.
    unclear = words.choice or (len(words.days) == 2 and text.endswith("on ", 0, position))
    return (Weekdays(words.days, 0 if unclear else 1),), end


def _find_unit(text: str, position: int, setting: Setting) -> tuple[tuple[Part, ...], int] | None:
    if (match := _ADVERB.match(text, position)) is not None:
        if match["bi"]:
            raise Doubt(
                tr("“{word}” means two things.", word=match["bi"]), tr("Try “every two weeks”, or name the days.")
            )
        part = _ADVERBS[match["word"]]
        return ((part, DayPart("night")) if match["word"] == "nightly" else (part,)), match.end()
    if (match := _UNIT_STEP.match(text, position)) is None:
        return None
    word = match["unit"]
    unit = unit_named(word)
    count, end = _count(match), match.end()
    if unit not in UNITS:  # every morning: a day, and what part of it the next look finds
        return (Every("day", count),), match.start("unit")
    if re.compile(r" and a half\b").match(text, end):
        return None
    return (_every(unit, count),), end


def _every(unit: str, count: int) -> Every:
    if count == 0:
        raise Doubt(tr("“Every 0” is never."), tr("Try “every 15 minutes”."))
    if unit == "fortnight":
        return Every("week", 2 * count)
    if unit == "quarter":
        return Every("month", months=(1, 4, 7, 10), quarter=True) if count == 1 else Every("month", 3 * count)
    known: Unit = unit  # type: ignore[assignment]
    return Every(known, count)


def _find_every_length(text: str, position: int, setting: Setting) -> tuple[tuple[Part, ...], int] | None:
    match = _EVERY_LENGTH.match(text, position)
    if match is None:
        return None
    start = match.end()
    found = find_length(text, start)
    if found is None:  # "every hour and a half"
        found = _with_one(text, start)
    if found is None:
        return None
    amount, end = found
    return (_every_amount(amount, text[position:end]),), end


def _with_one(text: str, position: int) -> tuple[Amount, int] | None:
    """Return the length at `position` that has no number before it, and where it ends."""
    found = find_length(f"{text[:position]}an {text[position:]}", position)
    return (found[0], found[1] - len("an ")) if found else None


def _every_amount(amount: Amount, words: str) -> Every:
    match amount:
        case Amount(months=0, days=0, seconds=seconds) if seconds and seconds % 60 == 0:
            minutes = seconds // 60
            return Every("hour", minutes // 60) if minutes % 60 == 0 else Every("minute", minutes)
        case Amount(months=0, days=days, seconds=0) if days:
            return Every("week", days // 7) if days % 7 == 0 else Every("day", days)
        case Amount(months=months, days=0, seconds=0) if months:
            return Every("year", months // 12) if months % 12 == 0 else Every("month", months)
    raise Doubt(
        tr("“{words}” is no step that a schedule can keep.", words=words),
        tr("Steps are whole minutes, hours, days, weeks, months or years: “every 15 minutes”."),
    )


def _find_times_a_day(text: str, position: int, setting: Setting) -> tuple[tuple[Part, ...], int] | None:
    if (match := _TIMES.match(text, position)) is None:
        return None
    if match["daily"]:
        word = match["daily"].split()[0]
        count, unit = {"once": 1, "twice": 2}.get(word) or int(word), "day"
    else:
        unit = match["unit"]
        count = 1 if match["once"] else 2 if match["twice"] else 3 if match["thrice"] else int(match["count"])
    if count == 1:
        return (_every(unit, 1),), match.end()
    if unit == "hour" and 60 % max(1, count) == 0:
        return (Every("minute", 60 // count),), match.end()
    if unit == "week" and 2 <= count <= 7:
        return (TimesEach(count, "week"),), match.end()
    if unit == "month" and 2 <= count <= 31:
        return (TimesEach(count, "month"), Every("month")), match.end()
    if unit != "day" or not 2 <= count <= 12:
        raise Doubt(
            tr("“{words}” does not say when.", words=match[0]), tr("Name the days: “every Monday and Thursday at 9”.")
        )
    return (TimesADay(count),), match.end()


def _find_of_every(text: str, position: int, setting: Setting) -> tuple[tuple[Part, ...], int] | None:
    if (match := _OF_EVERY.match(text, position)) is None:
        return None
    if match["plain"]:
        note = tr("“of the month” is read as: of every month")
        return (Every("month", note=note),), match.end()
    if match["plain_year"]:
        return (Every("year"),), match.end()
    return (_every(match["unit"], _count(match)),), match.end()
