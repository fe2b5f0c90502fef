"""Times of the day in words: "half past six", "5 pm", "17h", "between 9 and 5", "in the morning".

Owns their spelling, and the rule for hours that leave morning or afternoon open. Must not know dates. Pure.
"""

from __future__ import annotations

import re
from datetime import time

from openclaw_desktop.core.text import tr
from openclaw_desktop.scheduler.parts import Clock, DayPart, DayPartName, Doubt, Said, Setting, Window

Found = tuple[Clock | DayPart | Window, int]

# Said without an hour, these parts of the day mean:
PART_HOURS: dict[DayPartName, int] = {"morning": 9, "afternoon": 15, "evening": 19, "night": 21}
DEFAULT_HOUR = 9

_HALF_DAY = r"(?: ?(?P<half>am|pm)\b)?"
_HINT = r"(?: (?:in the|of the) (?P<part>morning|afternoon|evening)\b| (?P<at_night>at night)\b)?"
_TIME = re.compile(
    r"(?:"
    r"(?:12 )?(?P<name>noon|midday|midnight)\b(?: sharp)?"
    r"|(?:(?P<off>half|(?:a )?quarter|\d{1,2}(?: minutes?| mins?)?) (?P<side>past|after|to|before|till?)"
    r"|(?P<half_past>half)) (?:(?P<off_hour>\d{1,2})|(?P<off_name>noon|midday|midnight))\b(?: o'clock)?"
    rf"{_HALF_DAY.replace('half', 'off_half')}"
    rf"|(?P<hour>\d{{1,2}})(?:[:.h]| (?=[0-5]\d\b))(?P<minute>[0-5]\d)(?![\d:]|[./]\d|\.(?: |$))"
    r"(?: o'clock| hours| hrs)?"
    rf"{_HALF_DAY.replace('half', 'exact_half')}"
    r"|(?P<military>[01]\d|2[0-3])(?P<military_minute>[0-5]\d)\b(?! ?(?:am|pm))(?: hours| hrs| ?h\b)?"
    rf"|(?P<h_hour>\d{{1,2}}) ?h\b"
    rf"|(?P<bare>\d{{1,2}})(?![\w:]|[./-]\d)(?P<clock> o'clock)?{_HALF_DAY}"
    rf"){_HINT}"
)
# After "from", "10 to 5" are two times.
_EDGE = re.compile(_TIME.pattern.replace(r"|\d{1,2}(?: minutes?| mins?)?) (?P<side>", r") (?P<side>"))
_ABOUT = r"(?:exactly|around|about|approximately|roughly) "
_AT = re.compile(rf"(?:at |@ ?)(?:{_ABOUT})?|{_ABOUT}")
_AND = re.compile(r"(?:,? and |, ?| & )(?:at )?")
_UNIT = re.compile(r" ?(?:seconds?|minutes?|mins?|hours?|days?|weeks?|months?|years?|times?)\b")
_BETWEEN = re.compile(r"(?:(?P<between>between)|from) ")
_TO = re.compile(r"(?: ?- ?| to | and | till? | until )")
_PART = re.compile(
    r"(?:in the |(?P<this>this )|on the |during the |at )?(?P<part>morning|afternoon|evening|night)(?P<s>s?)\b"
)


def find_clock(text: str, position: int, setting: Setting) -> Found | None:
    """Return times, a window or a part of the day at `position`, with where they end."""
    if (window := _find_window(text, position)) is not None:
        return window
    if (part := _PART.match(text, position)) is not None:
        name: DayPartName = part["part"]  # type: ignore[assignment]
        return DayPart(name, bool(part["s"]), bool(part["this"])), part.end()
    at = _AT.match(text, position)
    end = at.end() if at else position
    times: list[Said] = []
    while (match := _TIME.match(text, end)) is not None and (_stands_alone(match) or at or times):
        if _UNIT.match(text, match.end()):  # "at 9, 20 minutes"
            break
        times.append(said(match))
        end = match.end()
        if (more := _AND.match(text, end)) is None or _TIME.match(text, more.end()) is None:
            break
        end = more.end()
    return (Clock(tuple(times)), end) if times else None


def find_time(text: str, position: int, *, edge: bool = False) -> tuple[Said, int] | None:
    """Return one time at `position`, a bare hour too, with where it ends; `edge`: "10 to 5" is 10, and no 4:50."""
    at = _AT.match(text, position)
    match = (_EDGE if edge else _TIME).match(text, at.end() if at else position)
    return (said(match), match.end()) if match else None


def _stands_alone(match: re.Match[str]) -> bool:
    """Return True where nothing but a time can be meant: a bare number needs "at" before it."""
    if match["bare"] is not None:
        return bool(match["half"] or match["clock"] or match["part"] or match["at_night"])
    return not match["military"] or match[0].endswith(("h", "hours", "hrs"))


def _find_window(text: str, position: int) -> Found | None:
    opening = _BETWEEN.match(text, position)
    first = _EDGE.match(text, opening.end()) if opening else _TIME.match(text, position)
    if first is None or (middle := _TO.match(text, first.end())) is None:
        return None
    if (last := _TIME.match(text, middle.end())) is None:
        return None
    if not opening and "and" in middle[0]:
        return None
    start, end = said(first), said(last)
    if start.open and not end.open and start.hour < 12 <= end.hour and start.hour + 12 < end.hour and start.hour < 6:
        start = Said(start.hour + 12, start.minute, False)
    start = Said(start.hour, start.minute, False)
    if (
        end.open
        and end.hour < 12
        and (end.hour, end.minute) <= (start.hour, start.minute) < (end.hour + 12, end.minute)
    ):
        end = Said(end.hour + 12, end.minute, False)
    if (end.hour, end.minute) == (start.hour, start.minute):
        raise Doubt(
            tr("“{words}” ends before it begins.", words=text[position : last.end()]),
            tr("Try “every hour between 9:00 and 17:00”."),
        )
    return Window(start, Said(end.hour, end.minute, False)), last.end()


def said(match: re.Match[str]) -> Said:
    """Return the time that `_TIME` matched; raises Doubt for hours and minutes that no clock shows."""
    hint: DayPartName | None = match["part"] or ("night" if match["at_night"] else None)  # type: ignore[assignment]
    named = match["name"] or match["off_name"]
    hour = {"noon": 12, "midday": 12, "midnight": 0}.get(named) if named else None
    if hour is None:
        digits = next(
            d for d in (match[g] for g in ("off_hour", "hour", "military", "h_hour", "bare")) if d is not None
        )
        hour, zero = int(digits), digits.startswith("0")
    else:
        zero = True
    minute = int(match["minute"] or match["military_minute"] or 0)
    half = match["half"] or match["exact_half"] or match["off_half"]
    if hour > 23 or (half and not 1 <= hour <= 12):
        raise Doubt(tr("“{words}” is no time of the day.", words=match[0]), tr("Try “at 18:30” or “at 6:30 pm”."))
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0)
    is_open = not (half or zero or named or hour > 12 or match["military"] or match["h_hour"])
    if match["off"] or match["half_past"]:
        hour, minute = _offset(match, hour)
    result = Said(hour, minute, is_open, hint)
    return Said(*_by_hint(result, hint), False, hint) if hint and is_open else result


def _offset(match: re.Match[str], hour: int) -> tuple[int, int]:
    """Return "quarter to 9" as 8:45."""
    words = match["off"] or match["half_past"]
    minutes = 30 if words == "half" else 15 if "quarter" in words else int(words.split()[0])
    back = match["side"] in ("to", "before", "till", "til")
    total = (hour * 60 + (-minutes if back else minutes)) % 1440
    if match["off_hour"] and total < 60 and hour == 1:
        total += 720  # a quarter to one
    return total // 60, total % 60


def _by_hint(said_time: Said, part: DayPartName) -> tuple[int, int]:
    hour = said_time.hour
    if part == "morning":
        hour %= 12
    elif part in ("afternoon", "evening") and hour < 12:
        hour += 12
    elif part == "night":
        hour = hour % 12 + (12 if 6 <= hour < 12 else 0)
    return hour, said_time.minute


def settle(said_time: Said, part: DayPartName | None) -> tuple[time, bool]:
    """Return the time on a named day, and whether it was assumed: hours 1 to 5 left open are the afternoon's."""
    if not said_time.open:
        return time(said_time.hour, said_time.minute), False
    if part is not None:
        return time(*_by_hint(said_time, part)), False
    afternoon = 1 <= said_time.hour <= 5
    return time(said_time.hour + 12 * afternoon, said_time.minute), 1 <= said_time.hour <= 7


def readings(said_time: Said) -> tuple[time, ...]:
    """Return the times of the waking day (6:00 to 23:00) that an open time may mean, else the time itself."""
    if not said_time.open:
        return (time(said_time.hour, said_time.minute),)
    both = (time(said_time.hour % 12, said_time.minute), time(said_time.hour % 12 + 12, said_time.minute))
    return tuple(clock for clock in both if time(6) <= clock <= time(23))
