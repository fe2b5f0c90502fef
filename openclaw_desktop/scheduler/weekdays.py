"""Names of weekdays, alone, in lists, in ranges and as groups: "Mon-Fri", "weekends", "Mondays and Thursdays".

Owns their spelling. Must not know how often they come. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

WEEKDAY = (
    r"(?:mon(?:days?)?|tue(?:s(?:days?)?)?|wed(?:s|nesdays?)?|thu(?:r(?:s(?:days?)?)?)?|fri(?:days?)?"
    r"|sat(?:urdays?)?|sun(?:days?)?)\b\.?"
)
NAMES = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_GROUPS = {"weekday": range(5), "workday": range(5), "weeknight": range(5), "weekend": range(5, 7)}
_GROUP = r"(?:week-?days?|work-?days?|working days?|business days?|week ?nights?|week-?ends?|week-?end days?)\b"
_TO = r"(?: ?- ?| to | through | thru | until | till )"
_ITEM = re.compile(rf"(?P<first>{WEEKDAY})(?:{_TO}(?P<last>{WEEKDAY}))?|(?:the )?(?P<group>{_GROUP})")
# "mon wed fri": between two names a space is enough.
_AND = re.compile(rf"(?:,? and |, ?| ?& ?| ?/ ?|(?P<choice>,? or )| ?\+ ?| (?={WEEKDAY}))(?:on )?(?:the )?(?:every )?")


@dataclass(frozen=True, slots=True)
class WeekdayWords:
    """Days that words name (0 is Monday).

    `single`: one singular name; `repeats`: plural, a group or a range; `choice`: one of them ("Monday or Tuesday").
    """

    days: tuple[int, ...]
    single: bool
    repeats: bool
    choice: bool = False


def weekday_named(word: str) -> int:
    """Return 0 for "Mon" or "Monday"."""
    return next(number for number, name in enumerate(NAMES) if name.startswith(word[:3]))


def weekday_range(first: str, last: str) -> tuple[int, ...]:
    """Return the days from one to the other: "Sat" and "Mon" are Saturday, Sunday and Monday."""
    start = weekday_named(first)
    return tuple((start + step) % 7 for step in range((weekday_named(last) - start) % 7 + 1))


def find_weekdays(text: str, position: int) -> tuple[WeekdayWords, int] | None:
    """Return the weekdays at `position` and where they end."""
    days: set[int] = set()
    count, repeats, choice, end, start = 0, False, False, position, position
    while (match := _ITEM.match(text, start)) is not None:
        days |= set(_days(match))
        count += 1
        repeats |= bool(
            (match["group"] and not match["group"].endswith("end"))
            or match["last"]
            or (match["first"] or "").rstrip(".").endswith("days")
        )
        end = match.end()
        if (joint := _AND.match(text, end)) is None:
            break
        start = joint.end()
        choice |= joint["choice"] is not None and _ITEM.match(text, start) is not None
    return (WeekdayWords(tuple(sorted(days)), count == 1, repeats, choice), end) if count else None


def _days(match: re.Match[str]) -> range | list[int]:
    if match["group"]:
        word = match["group"].replace("-", "").replace(" ", "")
        return _GROUPS["weekend" if word.startswith("weekend") else "weekday"]
    return list(weekday_range(match["first"], match["last"] or match["first"]))
