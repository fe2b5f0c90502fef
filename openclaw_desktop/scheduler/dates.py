"""Single days in words: "tomorrow", "next Friday", "3 March", "14/3", "the end of the month", "in two weeks".

Owns their spelling and which day is meant. Must not know times of the day or repetitions. Pure.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

from dateutil.relativedelta import relativedelta

from openclaw_desktop.core.text import tr
from openclaw_desktop.scheduler.lengths import day_after, find_length
from openclaw_desktop.scheduler.parts import Amount, Doubt, Later, MonthDays, OfMonth, On, Setting, Within
from openclaw_desktop.scheduler.weekdays import WEEKDAY, weekday_named

MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
MONTH = r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
MONTH += r"|nov(?:ember)?|dec(?:ember)?)\b\.?"
NTH = r"(?:\d{1,2}(?:st|nd|rd|th)\b)"
HOLIDAYS = {
    "christmas eve": (12, 24), "christmas day": (12, 25), "christmas": (12, 25), "boxing day": (12, 26),
    "new year's eve": (12, 31), "new year's day": (1, 1), "new year's": (1, 1), "new year": (1, 1),
    "valentine's day": (2, 14), "halloween": (10, 31),
}  # fmt: skip
HOLIDAY = rf"(?:{'|'.join(HOLIDAYS)})\b"
_AND = r"(?:,? and |, ?| & )"

_ISO = re.compile(r"(?P<year>\d{4})(?P<mark>[-/])(?P<month>\d{2})(?P=mark)(?P<day>\d{2})(?!\d)")
_NUMERIC = re.compile(
    r"(?P<one>\d{1,2})(?P<mark>[/.-])(?P<two>\d{1,2})(?:(?P=mark)(?P<year>\d{4}|\d{2}))?(?P<dot>\.)?(?![\d/])"
)
_DAY_MONTH = re.compile(
    rf"(?:the )?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?P<month>{MONTH})(?:,? (?P<year>\d{{4}})\b)?"
)
_MONTH_DAY = re.compile(
    rf"(?P<month>{MONTH}) (?:the )?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?![\d:])(?! ?(?:am|pm)\b)"
    r"(?:,? (?P<year>\d{4})\b)?"
)
_HOLIDAY = re.compile(rf"(?:the )?(?P<name>{HOLIDAY})")
_WORD = re.compile(
    r"(?P<today>today|tonight)\b|(?:the )?(?P<over>day after tomorrow|day after)\b|(?P<tomorrow>tomorrow|tmrw|tmw)\b"
    r"|(?P<yesterday>(?:the day before )?yesterday)\b"
)
_WEEKDAY = re.compile(
    rf"(?:the )?(?P<which>this coming|coming|this|next|last)? ?(?P<name>{WEEKDAY})"
    r"(?P<week> next week|(?: in)? a week| week| this week)?\b"
)
_NEXT = re.compile(
    r"(?:(?:the )?(?P<which>this|next|coming) (?P<unit>week-?end|week|month|year|quarter)"
    r"|(?:the )?(?P<only>week-?end))\b"
)
_AFTER_NEXT = re.compile(rf"(?:the )?(?P<unit>week|month|year|quarter|(?P<name>{WEEKDAY})) after next\b")
_BESIDE = re.compile(r"(?:the )?day (?P<side>before|after) (?!tomorrow)")
_EDGE = re.compile(
    r"(?:the )?(?P<edge>end|last day|start|beginning) of (?:the |this )?(?P<next>next )?"
    rf"(?P<unit>day|week|month|year|(?P<month>{MONTH}))(?=\W|$)"
)
_OF_MONTH = re.compile(rf"(?:of|in) (?P<which>this|next) month\b|(?:of|in) (?P<month>{MONTH})(?: (?P<year>\d{{4}}))?")
_MONTH_DAYS = re.compile(
    r"(?:the )?(?:(?P<last>last(?: calendar)? day)|day (?P<bare>\d{1,2})(?= of )"
    rf"|(?P<days>{NTH}(?:{_AND}(?:the )?{NTH})*(?:{_AND}(?:the )?last(?: day)?\b)?))"
    r"(?: days?\b)?"
)
_IN = re.compile(r"(?:in|after) (?:exactly |around |about |approximately |roughly )?")
_TIME_LATER = re.compile(r"(?:'s|')? time\b")
# "The last day of the month", like "the first of the month", is every month's; "until" has a day of this one.
_LAST_OF_MONTH = re.compile(rf"(?:the )?last(?: calendar)? day(?= of (?:the month\b|{MONTH}))")
_FROM = re.compile(r" from (?:now\b|(?=today|tomorrow|" + WEEKDAY + r"))| later\b| hence\b")


def find_day(text: str, position: int, setting: Setting) -> tuple[On, int] | None:
    """Return the single day at `position` and where it ends; raises Doubt for one that is not in the calendar."""
    finders = (_find_written, _find_beside, _find_word, _find_after_next, _find_weekday, _find_edge, _find_length_from)
    for find in finders:
        if (found := find(text, position, setting)) is not None:
            return found
    return None


def find_date(
    text: str, position: int, setting: Setting
) -> tuple[On | Within | Later | MonthDays | OfMonth, int] | None:
    """Return what `find_day` does, and "in 20 minutes", "the 15th", "of next month", "this week"."""
    if (later := _find_later(text, position)) is not None:
        return later
    if (match := _LAST_OF_MONTH.match(text, position)) is not None:
        return MonthDays((-1,)), match.end()
    if (day := find_day(text, position, setting)) is not None:
        return day
    if (match := _NEXT.match(text, position)) is not None and match["which"] == "this":
        return Within(_start_of(match["unit"], setting.now.date()) - timedelta(1)), match.end()
    if (match := _MONTH_DAYS.match(text, position)) is not None:
        named = match["bare"] or match["days"] or ""
        days = (-1,) if match["last"] else tuple(int(day) for day in re.findall(r"\d+", named))
        if not match["last"] and "last" in named:
            days = (*days, -1)
        if max(days) > 31 or 0 in days:
            raise Doubt(tr("No month has a day “{day}”.", day=match[0]), tr("Try “on the 31st”."))
        return MonthDays(days), match.end()
    if (match := _OF_MONTH.match(text, position)) is not None:
        return OfMonth(_month_meant(match, setting), not (match["which"] or match["year"])), match.end()
    return None


def month_named(word: str) -> int:
    """Return 1 for "jan" or "January"."""
    return next(number for number, name in enumerate(MONTHS, 1) if name.startswith(word.rstrip(".")[:3]))


def _find_later(text: str, position: int) -> tuple[Later, int] | None:
    opening = _IN.match(text, position)
    if (length := find_length(text, opening.end() if opening else position)) is None:
        return None
    amount, end = length
    closing = _FROM.match(text, end)
    if opening is not None and (time_later := _TIME_LATER.match(text, end)) is not None:
        return Later(amount), time_later.end()
    if opening is None and (closing is None or closing[0] == " from "):
        return None
    return Later(amount), end if opening else closing.end() if closing else end


def _find_length_from(text: str, position: int, setting: Setting) -> tuple[On, int] | None:
    length = find_length(text, position)
    joint = None if length is None else re.compile(r" (?:from|after|on|before) |(?= tomorrow) ").match(text, length[1])
    if length is None or joint is None:
        return None
    base = find_day(text, joint.end(), setting)
    if base is None or length[0].seconds:
        return None
    amount = length[0]
    if "before" in joint[0]:
        amount = Amount(-amount.months, -amount.days)
    return On(day_after(base[0].day, amount)), base[1]


def _find_beside(text: str, position: int, setting: Setting) -> tuple[On, int] | None:
    """Return "the day before Christmas"."""
    if (match := _BESIDE.match(text, position)) is None or (base := find_day(text, match.end(), setting)) is None:
        return None
    return On(base[0].day + timedelta(1 if match["side"] == "after" else -1)), base[1]


def _find_written(text: str, position: int, setting: Setting) -> tuple[On, int] | None:
    if (match := _ISO.match(text, position)) is not None:
        return On(_day(int(match["year"]), int(match["month"]), int(match["day"]), match[0])), match.end()
    if (match := _HOLIDAY.match(text, position)) is not None:
        month, day = HOLIDAYS[match["name"]]
        return _dated(setting, month, day, None, match[0]), match.end()
    for pattern in (_DAY_MONTH, _MONTH_DAY):
        if (match := pattern.match(text, position)) is not None:
            return _dated(setting, month_named(match["month"]), int(match["day"]), match["year"], match[0]), match.end()
    match = _NUMERIC.match(text, position)
    if match is None or (match["mark"] != "/" and not match["year"] and not (match["mark"] == "." and match["dot"])):
        return None
    one, two = int(match["one"]), int(match["two"])
    day_first = setting.day_first or match["mark"] == "."
    if one > 12 or two > 12:  # only one order is a date
        day_first = one > 12
    day, month = (one, two) if day_first else (two, one)
    return _dated(setting, month, day, match["year"], match[0]), match.end()


def _dated(setting: Setting, month: int, day: int, year: str | None, words: str) -> On:
    if year is not None:
        return On(_day(int(year) + (2000 if len(year) == 2 else 0), month, day, words))
    today = setting.now.date()
    if (month, day) == (2, 29):
        years = (y for y in range(today.year, today.year + 9) if (y % 4 == 0 and y % 100 != 0) or y % 400 == 0)
        return On(next(date(y, 2, 29) for y in years if date(y, 2, 29) >= today))
    found = _day(today.year, month, day, words)
    return On(found, guessed_year=True) if found >= today else On(_day(today.year + 1, month, day, words))


def _day(year: int, month: int, day: int, words: str) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise Doubt(
            tr("“{words}” is not a day of the calendar.", words=words.strip()),
            tr("Try “on 3 March” or “on 2027-03-03”."),
        ) from None


def _find_word(text: str, position: int, setting: Setting) -> tuple[On, int] | None:
    if (match := _WORD.match(text, position)) is None:
        return None
    today = setting.now.date()
    if match["yesterday"]:
        raise Doubt(
            tr("“{words}” has passed.", words=match[0]), tr("Name a moment to come, such as “tomorrow at 9”."), "past"
        )
    days = 0 if match["today"] else 2 if match["over"] else 1
    # "tonight" is a day and a part of it: the part is found by the next look, at "night".
    end = match.start() + 2 if match[0] == "tonight" else match.end()
    return On(today + timedelta(days)), end


def _find_weekday(text: str, position: int, setting: Setting) -> tuple[On, int] | None:
    match = _WEEKDAY.match(text, position)
    if match is None or match["which"] == "last" or match["name"].endswith("days"):
        return None
    today = setting.now.date()
    weekday = weekday_named(match["name"])
    coming = today + timedelta((weekday - today.weekday()) % 7)
    monday = today - timedelta(today.weekday())
    end = match.end()
    week = (match["week"] or "").strip()
    if week == "this week":
        return On(monday + timedelta(weekday)), end
    if week in ("week", "a week", "in a week"):
        return On(coming + timedelta(7)), end
    if match["which"] == "next" or week == "next week":
        found = monday + timedelta(7 + weekday)
        note = tr("“next” is read as: in the next calendar week") if found != coming and not week else ""
        return On(found, note), end
    if (comma := re.compile(r",? (?:the )?").match(text, end)) and (
        written := _find_written(text, comma.end(), setting) or _find_written(text, comma.start(), setting)
    ):
        if written[0].day.weekday() != weekday:
            raise Doubt(
                tr("{day} is no {name}.", day=written[0].day.isoformat(), name=match["name"]),
                tr("Say the weekday or the date alone."),
            )
        return written
    return On(coming, loose=True), end


def _find_after_next(text: str, position: int, setting: Setting) -> tuple[On, int] | None:
    if (match := _AFTER_NEXT.match(text, position)) is None:
        return None
    today = setting.now.date()
    if match["name"]:
        return On(today + timedelta(14 - today.weekday() + weekday_named(match["name"]))), match.end()
    first = _start_of(match["unit"], _start_of(match["unit"], today))
    return _stretch(match["unit"], first), match.end()


def _find_edge(text: str, position: int, setting: Setting) -> tuple[On, int] | None:
    today = setting.now.date()
    if (match := _NEXT.match(text, position)) is not None:
        unit, coming = match["unit"] or "weekend", match["which"] == "next"
        if unit.endswith("end"):
            saturday = today - timedelta(today.weekday()) + timedelta(5 + 7 * coming)
            return On(max(saturday, today), tr("the weekend begins on Saturday")), match.end()
        if not coming:
            return None
        return _stretch(unit, _start_of(unit, today)), match.end()
    if (match := _EDGE.match(text, position)) is None:
        return None
    unit, later = match["unit"], bool(match["next"])
    first = _start_of(unit, today) if later else today
    last_day = match["edge"] in ("end", "last day")
    if match["month"]:
        number = month_named(match["month"])
        first = date(today.year + (number < today.month), number, 1)
        unit = "month"
    if unit == "day":
        return None
    if not last_day:
        start = first if later or match["month"] else _start_of(unit, today)
        return On(start), match.end()
    if unit == "week":
        note = tr("a week ends on Friday here") if match["edge"] == "end" else ""
        monday = first - timedelta(first.weekday())
        return On(monday + timedelta(4 if note else 6), note), match.end()
    return On(first + relativedelta(month=12 if unit == "year" else first.month, day=31)), match.end()


def _stretch(unit: str, first: date) -> On:
    """Return a week, month, quarter or year that begins on `first`."""
    return On(first, tr("the first day of it"), last=_start_of(unit, first) - timedelta(1))


def _start_of(unit: str, today: date) -> date:
    """Return the first day of the next week, month, quarter or year."""
    if unit == "week":
        return today + timedelta(7 - today.weekday())
    if unit == "month":
        return today + relativedelta(months=1, day=1)
    if unit == "quarter":
        return today + relativedelta(months=3 - (today.month - 1) % 3, day=1)
    return today + relativedelta(years=1, month=1, day=1)


def _month_meant(match: re.Match[str], setting: Setting) -> date:
    today = setting.now.date()
    if match["which"]:
        return today.replace(day=1) + relativedelta(months=int(match["which"] == "next"))
    number = month_named(match["month"])
    return date(int(match["year"]), number, 1) if match["year"] else coming_month(number, setting)


def coming_month(number: int, setting: Setting) -> date:
    """Return the first day of this month, this year's or next year's."""
    today = setting.now.date()
    return date(today.year + (number < today.month), number, 1)
