"""The plain requests that mean the calendar, and need no model.

Owns their patterns, which are narrow: what is not certain is left to the model. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from openclaw_desktop.core.protocols import PlainForm

_DAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_SPAN = (
    rf"(?:(?:for |on |in )?(?P<span>today|tomorrow|(?:this|next) (?:week|weekend|month)|the weekend"
    rf"|(?:(?:this|next) )?{_DAY}|\d{{4}}-\d\d-\d\d|(?:the )?next \d{{1,2}} days))"
)
_AGENDA = r"(?:my |the )?(?:calendar|agenda|schedule)"
_CLOCK = r"(?:\d{1,2}(?:[:.]\d\d)?(?: ?[ap]\.?m\.?)?|noon|midday)"
_END = r"(?: please)?[?.!]*"
# What points elsewhere, repeats, or belongs to the time and not to the title.
_UNSURE = re.compile(
    r"\b(?:it|that|this|them|these|those|everything|all|every|each|daily|weekly|monthly)\b"
    r"|\b(?:by|before|after|until|till|from|since|due|or|not|to)$",
    re.IGNORECASE,
)


def _span(match: re.Match[str]) -> str:
    return (match["span"] or "today").lower()


def _new_event(match: re.Match[str]) -> Mapping[str, Any] | None:
    title = match["title"].strip("\"'“” ")
    if not title or _UNSURE.search(title):
        return None
    start = match["day"] + (f" at {match['clock']}" if match["clock"] else "")
    return {"action": "create", "title": title, "when": start}


PLAIN: tuple[PlainForm, ...] = (
    PlainForm(
        re.compile(
            rf"(?:what(?:'s| is) (?:on|in)|what do i have (?:on|in)) {_AGENDA}(?: {_SPAN})?{_END}", re.IGNORECASE
        ),
        "calendar",
        lambda match: {"action": "events", "date": _span(match)},
    ),
    PlainForm(
        re.compile(
            rf"(?:please )?(?:show|read|check|open)(?: me)? (?:my|the) (?:calendar|agenda)(?: {_SPAN})?{_END}",
            re.IGNORECASE,
        ),
        "calendar",
        lambda match: {"action": "events", "date": _span(match)},
    ),
    PlainForm(
        re.compile(rf"(?:when|what time|at what time) am i free {_SPAN}{_END}", re.IGNORECASE),
        "calendar",
        lambda match: {"action": "free", "date": _span(match)},
    ),
    PlainForm(
        re.compile(rf"when do i have (?:free )?time {_SPAN}{_END}", re.IGNORECASE),
        "calendar",
        lambda match: {"action": "free", "date": _span(match)},
    ),
    PlainForm(
        re.compile(
            rf"(?:please )?(?:add|put) (?P<title>[^,;:.!?\n]{{2,80}}?) (?:on |for )?"
            rf"(?P<day>today|tomorrow|(?:(?:this|next) )?{_DAY}|\d{{4}}-\d\d-\d\d)(?: at (?P<clock>{_CLOCK}))?"
            rf" (?:to|on|in|into) (?:my |the )calendar{_END}",
            re.IGNORECASE,
        ),
        "change_calendar",
        _new_event,
    ),
)
