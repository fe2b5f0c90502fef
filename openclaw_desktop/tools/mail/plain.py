"""The plain requests about mail that need no model.

Owns their patterns: narrow, so that what is not certain is left to the model. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from openclaw_desktop.core.protocols import PlainForm

_MAIL = r"(?:e-?mails?|mails?)"
_PLEASE = r"(?:please |can you |could you )?"
_END = r"(?: please)?[.?! ]*"


def _searched(match: re.Match[str]) -> Mapping[str, Any] | None:
    query = match["query"].strip("\"'“” ")
    return {"query": query} if query else None


PLAIN: tuple[PlainForm, ...] = (
    PlainForm(
        re.compile(
            rf"(?:{_PLEASE}(?:is there |are there |do i have |have i got |did i get )?(?:any|some) (?:new|unread)"
            rf" {_MAIL}(?: for me)?|{_PLEASE}check my {_MAIL}|{_PLEASE}(?:show|list)(?: me)? my (?:new|unread) {_MAIL}"
            rf"|(?:have i|do i have) (?:got )?(?:new |unread )?{_MAIL}){_END}",
            re.IGNORECASE,
        ),
        "find_mail",
        lambda match: {"unread": True},
    ),
    PlainForm(
        re.compile(rf"{_PLEASE}(?:search|look through) my {_MAIL} for (?P<query>[^?]{{1,200}}?){_END}", re.IGNORECASE),
        "find_mail",
        _searched,
    ),
    PlainForm(
        re.compile(
            rf"{_PLEASE}(?:summari[sz]e|sum up|give me a summary of|what(?: is|['’]s) in) my (?:new|unread)"
            rf" {_MAIL}{_END}",
            re.IGNORECASE,
        ),
        "summarise_mail",
        lambda match: {"unread": True},
    ),
)
