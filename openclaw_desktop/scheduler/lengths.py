"""Lengths of time in words: "20 minutes", "an hour and a half", "1h30", "a couple of weeks".

Owns their spelling and how they are added to a moment. Must not know what they are used for. Pure.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

from dateutil.relativedelta import relativedelta

from openclaw_desktop.scheduler.parts import Amount

UNITS = {
    "second": Amount(seconds=1),
    "minute": Amount(seconds=60),
    "hour": Amount(seconds=3600),
    "day": Amount(days=1),
    "week": Amount(days=7),
    "fortnight": Amount(days=14),
    "month": Amount(months=1),
    "quarter": Amount(months=3),
    "year": Amount(months=12),
}
_SHORT = {"s": "second", "sec": "second", "m": "minute", "min": "minute", "h": "hour", "hr": "hour", "d": "day"}
_SHORT |= {"w": "week", "wk": "week", "yr": "year", "y": "year"}
UNIT = r"(?:(?:second|minute|hour|day|week|fortnight|month|quarter|year|sec|min|hr|wk|yr)s?|[smhdwy])\b"
_FEW = r"(?:(?:a|3) )?quarters?(?: of an|(?= hour\b))|(?:a )?half(?: an?)?|(?:a |1 )?couple(?: of)?|an?"
_ONE = re.compile(
    rf"(?P<count>3 quarters of an|\d+(?:[.,]\d+)?|{_FEW}) ?(?P<half>and a half )?"
    rf"(?P<unit>{UNIT})(?P<tail> and a half\b)?"
)
_HOURS_MINUTES = re.compile(r"(?P<hours>\d+) ?h ?(?P<minutes>\d{2})(?: ?m(?:in)?)?\b")
_JOIN = re.compile(r"(?:,? and |, ?| )")


def find_length(text: str, position: int) -> tuple[Amount, int] | None:
    """Return the length of time at `position` and where it ends."""
    if (match := _HOURS_MINUTES.match(text, position)) is not None:
        return Amount(seconds=3600 * int(match["hours"]) + 60 * int(match["minutes"])), match.end()
    total: Amount | None = None
    end = position
    start = position
    while (match := _ONE.match(text, start)) is not None:
        if (amount := _amount(match)) is None:
            break
        total = amount if total is None else _add(total, amount)
        end = match.end()
        if (join := _JOIN.match(text, end)) is None:
            break
        start = join.end()
    return None if total is None else (total, end)


def unit_named(word: str) -> str:
    """Return the unit that "mins" or "hours" names."""
    word = word if word in _SHORT else word.removesuffix("s")
    return _SHORT.get(word, word)


def _amount(match: re.Match[str]) -> Amount | None:
    count = match["count"]
    if count[0].isdigit() and not count.startswith(("1 couple", "3 quarter")):
        halves = round(2 * float(count.replace(",", ".")), 6)
    elif "couple" in count:
        halves = 4
    elif "quarter" in count:
        halves = 1.5 if count.startswith("3") else 0.5
    else:
        halves = 1 if "half" in count else 2
    halves += bool(match["half"] or match["tail"])
    unit = UNITS[unit_named(match["unit"])]
    amount = (unit.months * halves / 2, unit.days * halves / 2, unit.seconds * halves / 2)
    if unit.days and amount[1] % 1:
        amount = (0, int(amount[1]), amount[1] % 1 * 86400)
    if amount[0] % 1 or amount[2] % 1:  # half a month is no length
        return None
    return Amount(*map(int, amount))


def _add(one: Amount, other: Amount) -> Amount:
    return Amount(one.months + other.months, one.days + other.days, one.seconds + other.seconds)


def day_after(day: date, amount: Amount) -> date:
    """Return the day so many months and days after `day`."""
    return day + relativedelta(months=amount.months, days=amount.days)


def moment_after(now: datetime, amount: Amount) -> datetime:
    """Return the moment so long after `now`, in its zone: days by the calendar, hours by the clock that runs."""
    day = now + relativedelta(months=amount.months, days=amount.days)
    return (day.astimezone(UTC) + relativedelta(seconds=amount.seconds)).astimezone(now.tzinfo)
