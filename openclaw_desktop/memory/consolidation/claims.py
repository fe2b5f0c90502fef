"""A claim, and how its value stands in a clause: where it ends, and in which words it is compared.

Owns those. Must not know which slots there are. English, like the prompts. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from openclaw_desktop.core.patterns import LazyPattern
from openclaw_desktop.core.sentences import sense
from openclaw_desktop.memory.consolidation.spans import MONTHS

USER = "user"
# How many of something one has; of what is over soon nobody keeps the count.
COUNT = "number of"
ARTICLE = LazyPattern(r"^(?:a|an|the|my|our|some|any|his|her|their|lots of|two|three|four|both|this|that)\s+", re.I)
_LEFT_OUT = LazyPattern(r"[^\w@.+:'-]+")
# What ends a value and begins something else.
_TAIL = LazyPattern(
    r"(?:,|;|\s[-–—]\s|\s\()|\s(?:with|because|since|for|near|until|till|and|but|which|where|who|when|while|so|as|after"
    r"|before|from|though|although|every|at|on|in|by|to|than|or|during|again|too|anyway|very|a lot|most)\b",
    re.I,
)
# One may live elsewhere for a part of the year.
PARTLY = LazyPattern(
    r"\b(?:in (?:the )?|during (?:the )?|over (?:the )?|at (?:the )?|on |every )"
    r"(?:spring|summer|autumn|fall|winter|week|weekend|weekday|term|holiday|\w+day)s?\b"
    r"|\b(?:half|part|most|some) (?:of )?the (?:year|week|month|time)\b",
    re.I,
)
IN_MONTH = LazyPattern(rf"\bin (?:{'|'.join(MONTHS)})\b", re.I)
# ... or for some time only, unless that is how long it has been.
FOR_A_WHILE = LazyPattern(
    r"^(?!(?:have|has) (?:\w+ )?(?:lived|been)\b).*\bfor (?:the |an? |my |his |her |their |our |\w+ )?(?:\w+ )?"
    r"(?:spring|summer|autumn|fall|winter|terms?|semesters?|seasons?|holidays?|days?|weeks?|months?|years?|while"
    r"|time being|lent|ramadan|stud(?:y|ies)|internship|project|training)\b",
    re.I,
)


# Since when it is so is no part of a value.
_SINCE = LazyPattern(
    r"(?:\s+(?:now|any ?more|these days|instead|nowadays|yesterday|today|recently|(?:last|this) [a-z]+"
    r"|(?:an?|\w+) (?:days?|weeks?|months?|years?) ago))+$"
)


@dataclass(frozen=True, slots=True)
class Claim:
    """One thing said of `subject`. `denied`: it is said not to be so. `kin`: how a named one was told from others.

    `within`: where, when or with whom alone it is so: "I use Linux at work".
    """

    subject: str
    slot: str
    value: str
    denied: bool = False
    kin: str = field(default="", compare=False)
    within: str = field(default="", compare=False)


Found = tuple[Claim, str] | None


def cut(given: str) -> tuple[str, str]:
    """Return the value at the start of a text, and the rest."""
    found = _TAIL.search(given)
    value, rest = (given[: found.start()], given[found.start() :]) if found else (given, "")
    value = ARTICLE.sub("", value.strip(" .!\"'"))
    return _SINCE.sub("", value), rest


def plain(value: str) -> str:
    """Return a value in plain lower-case words."""
    return " ".join(_LEFT_OUT.sub(" ", value.lower()).split()).strip(".'")


def stems(value: str) -> str:
    """Return what a value means, whichever form its words have."""
    return " ".join(sense(ARTICLE.sub("", value), by_user=False))


def day_of(given: str) -> str | None:
    """Return "05-03" or "1990-05-03" for a date in words; None where there is no day in it."""
    words = re.findall(r"[a-z]+|\d+", re.sub(r"(?<=\d)(?:st|nd|rd|th)\b", "", given.lower()))
    month = next((MONTHS[word] for word in words if word in MONTHS), None)
    day = next((int(word) for word in words if word.isdigit() and 1 <= int(word) <= 31), None)
    year = next((word for word in words if word.isdigit() and len(word) == 4), None)
    if iso := re.search(r"\b(\d{4})-(\d\d)-(\d\d)\b", given):
        return f"{iso[2]}-{iso[3]} {iso[1]}"
    return None if month is None or day is None else f"{month:02}-{day:02}{' ' + year if year else ''}"
