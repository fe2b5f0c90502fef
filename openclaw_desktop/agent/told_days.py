"""The answer names no day of the user's own that nobody told.

Owns which questions ask for such a day, and how an answer names one. Small models take the day of the prompt, or any,
for the birthday that they are asked about. English, like the prompts. Pure.
"""

from __future__ import annotations

import re

_ASKS_OWN_DAY = re.compile(
    r"^\W*(?:so |and |but |then )?when(?:'s|’s| is| are| was| were)\s+(?:my|our)\b", re.IGNORECASE
)
_MONTH = (
    r"(?P<{}>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)"
)
_DAY = re.compile(
    rf"\b(?P<before>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? {_MONTH.format('month')}\b"
    rf"|\b{_MONTH.format('first')}\.? (?:the )?(?P<after>\d{{1,2}})(?:st|nd|rd|th)?\b"
    r"|\b\d{4}-(?P<m>\d\d)-(?P<d>\d\d)\b",
    re.IGNORECASE,
)
# How a prompt says what day it is (`context.last_message`): the user did not tell that.
_STAMP = re.compile(r"\[Today is [^\]]*\]")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def asks_own_day(question: str) -> bool:
    """Return whether a question asks for a day that only the user can have told: "When is my sister's birthday?"."""
    return _ASKS_OWN_DAY.match(question) is not None


def is_untold(answer: str, told: str) -> bool:
    """Return whether `answer` names a day of the year that stands nowhere in `told`."""
    return bool(_days(answer) - _days(_STAMP.sub("", told)))


def _days(text: str) -> set[tuple[int, int]]:
    days = set()
    for match in _DAY.finditer(text):
        if match["m"]:
            days.add((int(match["m"]), int(match["d"])))
        else:
            name = (match["month"] or match["first"])[:3].lower()
            days.add((_MONTHS.index(name) + 1, int(match["before"] or match["after"])))
    return days
