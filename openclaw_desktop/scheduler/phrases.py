"""The times and schedules that stand in a longer text, in its own words.

Owns the search for the longest phrases that `words` understands. Must not know what they are for. Pure.
"""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from openclaw_desktop.scheduler.words import Understood, understand

LONGEST_WORDS = 16
# A text may be long; a time stands in its first words.
SEARCHED_WORDS = 120
_WORD = re.compile(r"\S+")
_EDGE = ".,;:!?\"'“”‘’()[]"
# Words that `words` passes over, but that are no part of a time: a phrase neither begins nor ends with them.
_NOT_OF_TIME = frozenset({"please", "remind", "me", "run", "schedule", "do", "it", "and", "then", "only"})


def find_phrases(text: str, now: datetime, zone: ZoneInfo, day_first: bool = True) -> tuple[str, ...]:
    """Return the phrases of `text` that mean a time or a schedule, each as long as it goes, in their order."""
    words = list(_WORD.finditer(text))[:SEARCHED_WORDS]
    found: list[str] = []
    start = 0
    while start < len(words):
        end = _longest(text, words, start, now, zone, day_first)
        if end is None:
            start += 1
        else:
            found.append(_between(text, words, start, end))
            start = end
    return tuple(found)


def _longest(
    text: str, words: list[re.Match[str]], start: int, now: datetime, zone: ZoneInfo, day_first: bool
) -> int | None:
    if words[start][0].strip(_EDGE).lower() in _NOT_OF_TIME:
        return None
    for end in range(min(len(words), start + LONGEST_WORDS), start, -1):
        last = words[end - 1][0].strip(_EDGE).lower()
        if last in _NOT_OF_TIME:
            continue
        phrase = _between(text, words, start, end)
        meant = understand(phrase, now, zone, day_first)
        if isinstance(meant, Understood) or meant.code == "past":
            return end
    return None


def _between(text: str, words: list[re.Match[str]], start: int, end: int) -> str:
    return text[words[start].start() : words[end - 1].end()].strip(_EDGE + " ")
