"""Whether a memory still holds, and whether it falls in a time that was asked for.

Owns these judgements, as pure functions. Must not know scores or SQL.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import datetime, tzinfo
from enum import Enum, auto

from openclaw_desktop.memory.recall.candidates import Candidate
from openclaw_desktop.memory.recall.query import Query
from openclaw_desktop.memory.recall.times import Span, seconds_of
from openclaw_desktop.memory.recall.words import MONTHS

_MONTHS = {name[:3]: number for number, name in enumerate(MONTHS, 1)}
_NAMES = "|".join(f"{name[:3]}(?:{name[3:]})?" for name in MONTHS)
_YEAR = r"(?:,? ((?:19|20)\d\d)\b)?"
# Of lower-case texts: to look for any case, and for a month at every word, takes four times as long.
_DAY_AND_MONTH = re.compile(
    rf"\b(?:(\d{{1,2}})(?:st|nd|rd|th)?(?: of)? ({_NAMES})\b{_YEAR}"
    rf"|(?=[jfmasond])({_NAMES}) (?:the )?(\d{{1,2}})(?:st|nd|rd|th)?\b{_YEAR})"
)


class Standing(Enum):
    """Whether a memory holds. What has expired is never found."""

    HOLDS = auto()
    REPLACED = auto()
    ENDED = auto()
    EXPIRED = auto()


def standing_of(memory: Candidate, now_s: float) -> Standing:
    """Return whether a memory holds."""
    expires_s = seconds_of(memory.expires_at)
    if expires_s is not None and expires_s <= now_s:
        return Standing.EXPIRED
    if memory.superseded_by is not None:
        return Standing.REPLACED
    ends_s = seconds_of(memory.valid_to)
    return Standing.ENDED if ends_s is not None and ends_s <= now_s else Standing.HOLDS


def asks_for_gone(query: Query, memory: Candidate, now_s: float) -> bool:
    """Return whether a question is for what was, or for a past time in which `memory` held."""
    span = query.span
    if query.past:
        return True
    if span is None or span.end is None or span.end.timestamp() > now_s:
        return False
    return (span.sure or span.start is None) and _overlaps(memory, *span.seconds())


def held_until(memory: Candidate) -> int | None:
    """Return when a memory ceased to hold, in Unix seconds; None where it still holds or nobody knows."""
    ends = [end for end in (seconds_of(memory.valid_to), memory.superseded_s) if end is not None]
    return min(ends, default=None)


def last_day(memory: Candidate, zone: tzinfo | None) -> str | None:
    """Return the day on which a memory ceased to hold, by the calendar of `zone`; None where nobody knows."""
    until_s = held_until(memory)
    if until_s is None:
        return None
    if memory.valid_to and seconds_of(memory.valid_to) == until_s:
        end = datetime.fromisoformat(memory.valid_to)
        if end.tzinfo is None:
            return end.date().isoformat()  # a day as it was told
    return datetime.fromtimestamp(until_s, zone).date().isoformat()


def in_time(memory: Candidate, span: Span | None) -> float:
    """Return 1 for what was said or held in `span`, or names a day in it; 0.5 where the question is not sure, else 0.

    A birthday that was told of in May is not "in May" where it names a day in August.
    """
    if span is None:
        return 0.0
    names = _names_day_in(memory.text, span)
    if names or (names is not None and not span.sure):
        return float(names)
    start_s, end_s = span.seconds()
    said = (start_s is None or memory.created_s >= start_s) and (end_s is None or memory.created_s < end_s)
    has_term = memory.valid_from is not None or memory.valid_to is not None or memory.superseded_by is not None
    if said or (has_term and _overlaps(memory, start_s, end_s)):
        return 1.0 if span.sure else 0.5
    return 0.0


def _names_day_in(text: str, span: Span) -> bool | None:
    """Return whether a day that `text` names falls in `span`; None where it names none, or the span is open.

    A day of any year does where the question names no year either: a birthday "on 14 March 1990" is in March.
    """
    if span.start is None or span.end is None:
        return None
    named = _DAY_AND_MONTH.findall(text.lower())
    if not named:
        return None
    zone = span.start.tzinfo
    for before, month, year_before, other, after, year_after in named:
        day, number, told = int(before or after), _MONTHS[(month or other)[:3]], year_before or year_after
        for year in [int(told)] if told and span.sure else range(span.start.year, span.end.year + 1):
            if 1 <= day <= monthrange(year, number)[1]:
                moment = datetime(year, number, day, tzinfo=zone)
                if span.start <= moment < span.end:
                    return True
    return False


def _overlaps(memory: Candidate, start_s: int | None, end_s: int | None) -> bool:
    from_s, until_s = seconds_of(memory.valid_from), held_until(memory)
    begins_s = memory.created_s if from_s is None else from_s
    return (end_s is None or begins_s < end_s) and (start_s is None or until_s is None or until_s > start_s)
