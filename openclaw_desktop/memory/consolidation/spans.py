"""While what a sentence says holds: "since March", "until May", "from 2024 on".

Owns the phrases that name such a span and the dates that they mean. English, like the prompts. Pure.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date

from openclaw_desktop.core.patterns import LazyPattern

MONTHS = {name.lower(): number for number, name in enumerate(calendar.month_name) if name}
MONTHS |= {name.lower(): number for number, name in enumerate(calendar.month_abbr) if name} | {"sept": 9}

_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
_WHEN = (
    rf"(?:(?:the )?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? )?(?P<month>{_MONTH})\.?"
    r"(?: (?P<day_after>\d{1,2})(?:st|nd|rd|th)?\b(?!\d))?(?:,? (?P<year>(?:19|20)\d\d))?"
    r"|(?P<iso>\d{4}-\d{2}-\d{2})|(?P<year_alone>(?:19|20)\d\d)|(?P<relative>(?:last|this|next) (?:year|month))"
)
_SINCE = LazyPattern(
    r"\b(?P<word>since|starting|as of|from)(?: (?:on|in))?(?: (?:early|mid|late|the (?:start|end) of))? "
    rf"(?:{_WHEN})\b(?: on)?",
    re.I,
)
# What is to come is told so: "from 1 May I'll live in Lisbon". "Will" may be a name.
_TO_COME = LazyPattern(
    r"(?:'ll\b|\b(?-i:will)\b|\b(?P<wont>won't)\b|(?:\b(?:am|are|is)|'m|'re|'s) going to\b|\bgonna\b)"
    r"(?P<be> be\b)?",
    re.I,
)
_UNTIL = LazyPattern(
    rf"\b(?:until|till|up to|through|ending)(?: (?:early|mid|late|the (?:start|end) of))? (?:{_WHEN})\b", re.I
)


@dataclass(frozen=True, slots=True)
class Span:
    """From the first day on, and to the last, both included; None where nothing is said of it."""

    first: date | None
    last: date | None


def find_span(sentence: str, said_on: date) -> Span:
    """Return the span that a sentence names; a month alone is the one before or after the day that it was said on.

    "Until May" includes May: what may still hold is not taken for over.
    """
    since, until = _SINCE.search(sentence), _UNTIL.search(sentence)
    return Span(
        _resolve(since, said_on, ahead=_TO_COME.search(sentence) is not None)[0] if since else None,
        _resolve(until, said_on, ahead=True)[1] if until else None,
    )


def as_present(sentence: str) -> str:
    """Return a sentence as it will be told from the day on that it names; any other as it is.

    "From 1 May I'll live in Lisbon" becomes "From 1 May I live in Lisbon": it is settled, and only has not begun.
    """
    since = _SINCE.search(sentence)
    if since is None or since["word"].lower() == "since":
        return sentence
    return _TO_COME.sub(lambda found: (" is" if found["be"] else "") + (" not" if found["wont"] else ""), sentence)


def without_span(sentence: str) -> str:
    """Return a sentence without the words that name its span."""
    return _UNTIL.sub("", _SINCE.sub("", sentence)).strip()


def _resolve(found: re.Match[str], said_on: date, *, ahead: bool) -> tuple[date | None, date | None]:
    """Return the first and the last day of what was named; (None, None) where there is no such day."""
    if found["iso"]:
        try:
            day = date.fromisoformat(found["iso"])
        except ValueError:
            return None, None
        return day, day
    if found["year_alone"]:
        year = int(found["year_alone"])
        return date(year, 1, 1), date(year, 12, 31)
    if found["relative"]:
        return _relative(found["relative"].lower(), said_on)
    month, numbered = MONTHS[found["month"].lower()], found["day"] or found["day_after"]
    if found["year"]:
        year = int(found["year"])
    else:
        year = said_on.year + (month < said_on.month if ahead else -(month > said_on.month))
    last = calendar.monthrange(year, month)[1]
    if numbered and not 1 <= int(numbered) <= last:
        return None, None
    return date(year, month, int(numbered or 1)), date(year, month, int(numbered or last))


def _relative(words: str, said_on: date) -> tuple[date, date]:
    which, unit = words.split()
    step = {"last": -1, "this": 0, "next": 1}[which]
    if unit == "year":
        return date(said_on.year + step, 1, 1), date(said_on.year + step, 12, 31)
    year, month = divmod(said_on.year * 12 + said_on.month - 1 + step, 12)
    return date(year, month + 1, 1), date(year, month + 1, calendar.monthrange(year, month + 1)[1])
