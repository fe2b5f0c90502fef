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


def _posted(match: re.Match[str]) -> Mapping[str, Any]:
    addresses = re.sub(r" and |,\s*", ", ", match["to"])
    subject = {"subject": match["subject"]} if match["subject"] else {}
    return {"to": addresses, **subject, "text": match["text"]}


def _attached(match: re.Match[str]) -> Mapping[str, Any]:
    number = {"number": int(match["number"])} if match["number"] else {}
    path = {"path": match["path"].strip()} if match["path"] else {}
    return {"mail": match["mail"], **number, **path}


_ONE = r"(?:e-?mail|mail)"
_ADDRESS = r"[^\s@,;:\"“”'<>()]+@[\w-]+(?:\.[\w-]+)+"
_ID = r"\[?(?P<mail>[a-z0-9][a-z0-9._-]{0,31}/[^\x00-\x1f\[\]]{1,250}?/\d{1,10}\.[0-9a-f]{4})\]?"
_POST = (
    rf" an? {_ONE} to (?P<to>{_ADDRESS}(?:(?:, ?| and ){_ADDRESS}){{0,9}})"
    r"(?:(?: with the subject| about) [\"“](?P<subject>[^\"“”\n]{1,200})[\"”])?"
    rf"(?: and)?(?: saying| that says| with the text)[:,]? [\"“](?P<text>[^\"“”]{{1,1000}})[\"”]{_END}"
)
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
    PlainForm(
        re.compile(rf"{_PLEASE}(?:read|show|open)(?: me)? (?:the )?{_ONE} {_ID}{_END}", re.IGNORECASE),
        "read_mail",
        lambda match: {"mail": match["mail"]},
    ),
    PlainForm(re.compile(rf"{_PLEASE}send{_POST}", re.IGNORECASE), "send_mail", _posted),
    PlainForm(re.compile(rf"{_PLEASE}(?:draft|prepare|write){_POST}", re.IGNORECASE), "draft_mail", _posted),
    PlainForm(
        re.compile(
            rf"{_PLEASE}save (?:the |its )?attachment(?: (?P<number>[1-9]|1\d|20))? (?:of|from) (?:the )?{_ONE} {_ID}"
            r"(?: (?:in|to|into|as) [\"“'`]?(?P<path>[~/\w.-][\w./~ -]*?)[\"”'`]?)?" + _END,
            re.IGNORECASE,
        ),
        "save_attachment",
        _attached,
    ),
)
