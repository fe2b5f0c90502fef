"""Times in questions: "last month", "on 5 May", "two weeks ago" as ranges.

Owns the patterns and the arithmetic, as pure functions of a text and of now. Must not know memories. A day begins and
ends by the clock of `now`'s zone, so that one may last 23 or 25 hours. Seasons are those of the northern half.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dateutil.relativedelta import relativedelta

from openclaw_desktop.core.patterns import LazyPattern
from openclaw_desktop.memory.recall.words import MONTHS, WEEKDAYS, WORD

_NUMBERS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "a couple of": 2, "couple of": 2, "a few": 3, "few": 3, "several": 5,
}  # fmt: skip
SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
_YEAR = r"(?:19|20)\d\d"
_MONTH_NAMES = "|".join(f"{name}|{name[:3]}" if len(name) > 4 else name for name in MONTHS) + "|sept"
_DAY = r"(?:3[01]|[12]\d|0?[1-9])(?:st|nd|rd|th)?"
_ORDINALS = (
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh",
    "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth",
    "twentieth", "twenty-first", "twenty-second", "twenty-third", "twenty-fourth", "twenty-fifth", "twenty-sixth",
    "twenty-seventh", "twenty-eighth", "twenty-ninth", "thirtieth", "thirty-first",
)  # fmt: skip
_SPELT_DAY = "|".join(sorted(_ORDINALS, key=len, reverse=True))
# "Did we march 10 km", "you may 3 times".
_NO_COUNT = r"(?!\s?(?:times|miles?|km|kilomet(?:re|er)s?|people|hours?|minutes?|days?|weeks?)\b)"
_COUNT = r"\d{1,3}|" + "|".join(sorted(_NUMBERS, key=len, reverse=True))
_UNIT = r"(?P<unit>day|week|month|year)s?"


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` (inclusive) to `end` (exclusive); None: open. `phrase`: the words of the question that say so.

    `sure`: the question names one such time. "In March" may mean any year's, and is taken for the latest.
    """

    start: datetime | None
    end: datetime | None
    phrase: str
    sure: bool = True

    def seconds(self) -> tuple[int | None, int | None]:
        """Return both ends in Unix seconds."""
        return tuple(int(end.timestamp()) if end else None for end in (self.start, self.end))  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class Anchor:
    """A time told by something that happened: "before the move". `event`: the words that find it."""

    relation: str
    event: str
    phrase: str

    def span(self, when: datetime) -> Span:
        """Return the range that is meant once it is known when the event was."""
        if self.relation in ("before", "until"):
            return Span(None, when, self.phrase, sure=False)
        return Span(when, None, self.phrase, sure=False)


_PATTERNS = [
    (kind, LazyPattern(rf"\b{pattern}\b", re.IGNORECASE))
    for kind, pattern in (
        ("iso", r"(?:on |since |before |after |until )?(?P<iso>(?:19|20)\d\d-\d\d-\d\d)"),
        ("day", rf"(?P<day>{_DAY})(?: of)? (?P<month>{_MONTH_NAMES})\.?(?:,? (?P<year>{_YEAR}))?"),
        ("day", rf"(?P<day>{_SPELT_DAY}) of (?P<month>{_MONTH_NAMES})\.?(?:,? (?P<year>{_YEAR}))?"),
        ("day", rf"(?P<month>{_MONTH_NAMES}) the (?P<day>{_SPELT_DAY})\b(?:,? (?P<year>{_YEAR}))?"),
        ("day", rf"(?P<month>{_MONTH_NAMES})\.? (?:the )?(?P<day>{_DAY}){_NO_COUNT}(?:,? (?P<year>{_YEAR}))?"),
        ("month", rf"(?P<month>{_MONTH_NAMES})\.?,? (?:of )?(?P<year>{_YEAR})"),
        ("month", rf"(?:in|during|since|until|before|after|of) (?P<which>last |this )?(?P<month>{_MONTH_NAMES})"),
        ("month", rf"(?P<which>last |this |next )(?P<month>{_MONTH_NAMES})"),
        ("season", rf"(?:in |during |over )?(?:the )?(?P<which>last |this |next |past )?(?P<season>{'|'.join(SEASONS)})"
                   rf"(?: (?:of |in )?(?P<year>{_YEAR}))?"),
        ("ago", rf"(?P<count>{_COUNT}) {_UNIT} ago"),
        ("lately", rf"(?:in|over|during|within|for)? ?(?:the )?(?:last|past) (?P<count>{_COUNT}) {_UNIT}"),
        ("unit", r"(?P<which>last|this|next|past|previous) (?P<unit>weekend|week|month|year)"),
        ("before_yesterday", r"(?:the )?day before yesterday"),
        ("day_word", r"(?P<word>yesterday|today|tonight|tomorrow|last night|this (?:morning|afternoon|evening))"),
        ("weekday", rf"(?:on |this |since |by )?(?P<which>last |next |this )?(?P<weekday>{'|'.join(WEEKDAYS)})"),
        ("year", rf"(?:in|during|of|since|until|before|after|from) (?P<year>{_YEAR})"),
    )
]  # fmt: skip
# No time is told without one of these or a number: most questions are read no further.
_OF_NOW = "ago last past this next previous yesterday today tonight tomorrow"
_TIME_WORDS = frozenset([*_MONTH_NAMES.split("|"), *SEASONS, *WEEKDAYS, *_OF_NOW.split()])
_RELATIONS = ("since", "before", "until", "till", "after")
_RELATION = LazyPattern(rf"\b({'|'.join(_RELATIONS)})\s+(?:the\s+)?$", re.IGNORECASE)
_ANCHOR = LazyPattern(
    r"\b(?P<relation>before|after|since|until)\s+(?P<event>(?:the|my|our|his|her|their|i|we|you|he|she|they)\s+"
    r"[^\W\d_][^?.!,;]{1,60})",
    re.IGNORECASE,
)
_BETWEEN = LazyPattern(
    r"\b(?:between\s+(.{1,40}?)\s+and|from\s+(.{1,40}?)\s+(?:to|until|till))\s+(.{1,40})", re.IGNORECASE
)
_DAY_ALONE = LazyPattern(rf"(?:the\s+)?(?:{_DAY}|{_SPELT_DAY})(?=\W|$)", re.IGNORECASE)
_DAY_OF_MONTH = LazyPattern(rf"{_DAY_ALONE.pattern}((?:\s+of)?\s+(?:{_MONTH_NAMES})\b)", re.IGNORECASE)
_MONTH_OF_DAY = LazyPattern(rf"\b(?:{_MONTH_NAMES})\b(?=\.?\s+{_DAY_ALONE.pattern})", re.IGNORECASE)


def find_span(text: str, now: datetime) -> Span | None:
    """Return the time that a question asks about, or None; `now` has a zone."""
    if (between := _BETWEEN.search(text)) is not None and (span := _between(between, now)) is not None:
        return span
    if (found := _find(text, now)) is None:
        return None
    span, position = found
    lead = span.phrase.split(" ")[0].lower()
    if lead not in _RELATIONS:
        relation = _RELATION.search(text[:position])
        lead = relation[1].lower() if relation else ""
    if lead == "since":
        return Span(span.start, None, span.phrase, span.sure)
    if lead in ("before", "until", "till"):
        return Span(None, span.start, span.phrase, span.sure)
    if lead == "after":
        return Span(span.end, None, span.phrase, span.sure)
    return span


def find_anchor(text: str) -> Anchor | None:
    """Return the event by which a question tells its time, or None."""
    found = _ANCHOR.search(text)
    return Anchor(found["relation"].lower(), found["event"].strip(), found[0].strip()) if found else None


def _between(match: re.Match[str], now: datetime) -> Span | None:
    """Return from the first to the last time of a match of _BETWEEN; None where either is no time."""
    first_words, last_words = match[1] or match[2], match[3]
    lent = ""
    if _DAY_ALONE.fullmatch(first_words) and (day := _DAY_OF_MONTH.match(last_words)):
        first_words += day[1]  # "between 3 and 5 March"
    elif (month := _MONTH_OF_DAY.search(first_words)) and _DAY_ALONE.match(last_words):
        lent = "" if _DAY_OF_MONTH.match(last_words) else f"{month[0]} "  # "from March 3 to 5"
    if re.search(_YEAR, first_words) is None and (year := re.search(_YEAR, last_words)) is not None:
        first_words += f" {year[0]}"  # "between March and May 2025"
    lead = f"in {lent}"
    first, last = _find(f"in {first_words}", now), _find(lead + last_words, now)
    if not (first and last and first[0].start and last[0].end and first[0].start < last[0].end):
        return None
    told = match.start(3) + last[1] + len(last[0].phrase) - len(lead)
    return Span(first[0].start, last[0].end, match.string[match.start() : told], first[0].sure and last[0].sure)


def _find(text: str, now: datetime) -> tuple[Span, int] | None:
    """Return the first kind of time that `text` holds, the more exact kinds first, and its place."""
    if not any(word in _TIME_WORDS or word[0].isdigit() for word in WORD.findall(text.lower())):
        return None
    for kind, pattern in _PATTERNS:
        for match in pattern.finditer(text):
            try:
                span = _READ[kind](match, now)
            except (ValueError, OverflowError):  # 31 June, the year 0
                continue
            if span is not None:
                return span, match.start()
    return None


def _midnight(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def _date(year: int, month: int, day: int, now: datetime) -> datetime:
    return _midnight(now).replace(year=year, month=month, day=day, fold=0)


def _days(start: datetime, days: int, phrase: str, sure: bool = True) -> Span:
    # Within one zone, adding days keeps the clock's hour whatever the length of the day.
    return Span(start, start + timedelta(days=days), phrase, sure)


def _months(start: datetime, months: int, phrase: str, sure: bool = True) -> Span:
    return Span(start, start + relativedelta(months=months), phrase, sure)


def _iso(match: re.Match[str], now: datetime) -> Span:
    day = datetime.fromisoformat(match["iso"])
    return _days(_date(day.year, day.month, day.day, now), 1, match[0])


def _day(match: re.Match[str], now: datetime) -> Span:
    month, day = _month_number(match["month"]), _day_number(match["day"])
    if match["year"]:
        return _days(_date(int(match["year"]), month, day, now), 1, match[0])
    for year in range(now.year, now.year - 9, -1):  # 29 February: up to eight years back
        try:
            start = _date(year, month, day, now)
        except ValueError:
            continue
        if start <= now:
            return _days(start, 1, match[0], sure=False)
    raise ValueError("no such day")


def _month(match: re.Match[str], now: datetime) -> Span:
    month, groups = _month_number(match["month"]), match.groupdict()
    if groups.get("year"):
        return _months(_date(int(groups["year"]), month, 1, now), 1, match[0])
    which = (groups.get("which") or "").strip().lower()
    start = _date(now.year, month, 1, now)
    if which == "next":
        start = start if start > now else _date(now.year + 1, month, 1, now)
    elif which != "this" and (start > now or (which == "last" and month == now.month)):
        start = _date(now.year - 1, month, 1, now)
    return _months(start, 1, match[0], sure=which in ("last", "this", "next"))


def _season(match: re.Match[str], now: datetime) -> Span | None:
    first, which = SEASONS[match["season"].lower()], (match["which"] or "").strip().lower()
    if not which and not match["year"] and not re.match(r"(?:in|during|over) ", match[0], re.IGNORECASE):
        return None  # "a spring", "fall down"
    year = int(match["year"]) if match["year"] else now.year
    start = _date(year, first, 1, now)
    if match["year"]:
        return _months(start, 3, match[0])
    running = start - relativedelta(years=1) if start > now else start
    if which == "next":
        return _months(running + relativedelta(years=1), 3, match[0])
    if which in ("last", "past") and running + relativedelta(months=3) > now:
        running -= relativedelta(years=1)
    return _months(running, 3, match[0], sure=which != "")


def _ago(match: re.Match[str], now: datetime) -> Span:
    count, unit, today = _number(match["count"]), match["unit"].lower(), _midnight(now)
    exact = match["count"].lower() not in ("a few", "few", "several")
    if unit == "day":
        day, slack = today - timedelta(days=count), 0 if exact else 2
        return Span(day - timedelta(days=slack), day + timedelta(days=slack + 1), match[0], exact)
    if unit == "week":
        day, slack = today - timedelta(weeks=count), 3 if exact else 10
        return Span(day - timedelta(days=slack), day + timedelta(days=slack + 1), match[0], exact)
    if unit == "month":
        return _months(today.replace(day=1) - relativedelta(months=count), 1, match[0], exact)
    return _months(_date(now.year - count, 1, 1, now), 12, match[0], exact)


def _lately(match: re.Match[str], now: datetime) -> Span:
    count, unit = _number(match["count"]), match["unit"].lower()
    start = _midnight(now) - relativedelta(**{f"{unit}s": count})  # type: ignore[arg-type]
    return Span(start, _midnight(now) + timedelta(days=1), match[0])


def _unit(match: re.Match[str], now: datetime) -> Span:
    which, unit, today = match["which"].lower(), match["unit"].lower(), _midnight(now)
    step = {"this": 0, "next": 1}.get(which, -1)
    monday = today - timedelta(days=today.weekday())
    if unit == "week":
        return _days(monday + timedelta(weeks=step), 7, match[0])
    if unit == "weekend":
        # On Sunday, "last weekend" is the one before; on Monday to Friday, the one just gone.
        return _days(monday + timedelta(weeks=step, days=5), 2, match[0])
    if unit == "month":
        return _months(today.replace(day=1) + relativedelta(months=step), 1, match[0])
    return _months(_date(now.year + step, 1, 1, now), 12, match[0])


def _before_yesterday(match: re.Match[str], now: datetime) -> Span:
    return _days(_midnight(now) - timedelta(days=2), 1, match[0])


def _day_word(match: re.Match[str], now: datetime) -> Span:
    step = {"yesterday": -1, "last night": -1, "tomorrow": 1}.get(match["word"].lower(), 0)
    return _days(_midnight(now) + timedelta(days=step), 1, match[0])


def _weekday(match: re.Match[str], now: datetime) -> Span:
    wanted, today = WEEKDAYS.index(match["weekday"].lower()), _midnight(now)
    back = (today.weekday() - wanted) % 7
    if (match["which"] or "").strip().lower() == "next":
        return _days(today + timedelta(days=(wanted - today.weekday()) % 7 or 7), 1, match[0])
    # "last Monday", said on a Monday, is a week ago; "on Monday" is today then.
    if back == 0 and (match["which"] or "").strip().lower() == "last":
        back = 7
    return _days(today - timedelta(days=back), 1, match[0], sure=bool(match["which"]))


def _year(match: re.Match[str], now: datetime) -> Span:
    return _months(_date(int(match["year"]), 1, 1, now), 12, match[0])


def _month_number(name: str) -> int:
    return next(number for number, month in enumerate(MONTHS, 1) if month.startswith(name.lower()[:3]))


def _day_number(words: str) -> int:
    return int(re.sub(r"\D", "", words)) if words[0].isdigit() else _ORDINALS.index(words.lower()) + 1


def _number(words: str) -> int:
    return int(words) if words.isdigit() else _NUMBERS[words.lower()]


_READ = {
    "iso": _iso, "day": _day, "month": _month, "season": _season, "ago": _ago, "lately": _lately, "unit": _unit,
    "before_yesterday": _before_yesterday, "day_word": _day_word, "weekday": _weekday, "year": _year,
}  # fmt: skip


def seconds_of(moment: str | None) -> int | None:
    """Return an ISO time in Unix seconds, UTC where it names no zone; None for what cannot be read."""
    if not moment:
        return None
    try:
        read = datetime.fromisoformat(moment)
    except ValueError:
        return None
    return int((read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp())
