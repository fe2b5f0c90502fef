"""A schedule in the user's own words: what is meant, or a plain sentence about what is not understood.

Owns the way from text to schedule. Nothing is half understood: a word that no rule takes ends it. The model copies the
words, this code reads them. Must not know jobs, tools or the model. English, like the prompts. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from zoneinfo import ZoneInfo

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.scheduler.assembly import assemble
from openclaw_desktop.scheduler.clock_times import find_clock
from openclaw_desktop.scheduler.cron import find_cron
from openclaw_desktop.scheduler.dates import find_date
from openclaw_desktop.scheduler.narration import narrate, narrate_times
from openclaw_desktop.scheduler.parts import Doubt, Part, Setting
from openclaw_desktop.scheduler.recurrences import find_repetition
from openclaw_desktop.scheduler.schedules import Schedule
from openclaw_desktop.scheduler.wording import normalise

LONGEST_CHARS = 300
SHOWN_TIMES = 3
_FILLER = re.compile(
    r"(?:please|pls|only|on the hour|on|at|the|and|then|once|sharp|exactly|precisely|schedule it|remind me|o'clock"
    r"|starting from|run|do it|of the day|local time|my time)\b|[,;.:]+(?= |$)|-(?= )"
)
# What something should have followed: "every Monday at" is broken off.
_BROKEN_OFF = re.compile(r"(?:on|at|the|and|then|starting from)\W*$")
_SPACE = re.compile(r"[ ,;]*")


@dataclass(frozen=True, slots=True)
class Understood:
    """A schedule, and a sentence that says what it is and what was assumed."""

    schedule: Schedule
    sentence: str

    def next_times(self, after: datetime, count: int = SHOWN_TIMES) -> tuple[datetime, ...]:
        """Return at most `count` coming moments later than `after` (aware), in the schedule's zone."""
        return tuple(islice(self.schedule.times(after), count))


@dataclass(frozen=True, slots=True)
class Unclear:
    """What was not understood, and an example that would be. `code`: `unclear_schedule`, or `past`."""

    sentence: str
    advice: str
    code: str = "unclear_schedule"


def understand(text: str, now: datetime, zone: ZoneInfo, day_first: bool = True) -> Understood | Unclear:
    """Return what `text` means at `now` (aware) in `zone`, or why that is unclear.

    `day_first`: whether 3/4 is the third of April. A five-field cron line and "@daily" are understood too.
    """
    setting = Setting(now.astimezone(zone), zone, day_first)
    try:
        if (cron := find_cron(text, setting)) is not None:
            return Understood(cron, narrate(cron, []))
        if len(text) > LONGEST_CHARS:
            raise Doubt(tr("These words are too long for a time or a schedule."), tr("Try “every Monday at 9:00”."))
        schedule, notes = assemble(_scan(normalise(text), setting), setting)
        return Understood(schedule, narrate(schedule, notes))
    except Doubt as doubt:
        return Unclear(doubt.sentence, doubt.advice, doubt.code)
    except (OverflowError, ValueError, StopIteration):  # years beyond the calendar
        return Unclear(
            tr("“{text}” lies outside the calendar.", text=visible(text[:LONGEST_CHARS])),
            tr("Try “tomorrow at 18:30” or “every Monday at 9:00”."),
        )


def describe(text: str, now: datetime, zone: ZoneInfo, day_first: bool = True) -> str:
    """Return what `text` means and its next three times, in words; raises UserError where it is unclear."""
    understood = understand(text, now, zone, day_first)
    if isinstance(understood, Unclear):
        raise UserError(understood.code, understood.sentence, understood.advice, ExitCode.USAGE)
    return f"{understood.sentence} {narrate_times(understood.next_times(now))}".strip()


def _scan(text: str, setting: Setting) -> tuple[Part, ...]:
    """Return the parts of normalised words, the longest reading at each place; raises Doubt for a word too many."""
    parts: list[Part] = []
    position = 0
    while (position := _skip(text, position)) < len(text):
        found: list[tuple[tuple[Part, ...], int]] = []
        # Of two readings that are equally long, the first is meant.
        if (clock := find_clock(text, position, setting)) is not None:
            found.append(((clock[0],), clock[1]))
        if (repetition := find_repetition(text, position, setting)) is not None:
            found.append(repetition)
        if (day := find_date(text, position, setting)) is not None:
            found.append(((day[0],), day[1]))
        if found:
            best = max(found, key=lambda one: one[1])
            parts.extend(best[0])
            position = best[1]
        elif (filler := _FILLER.match(text, position)) is not None and not _BROKEN_OFF.match(text, position):
            position = filler.end()
        else:
            raise _left_over(text, position)
    return tuple(parts)


def _skip(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _left_over(text: str, position: int) -> Doubt:
    rest = visible(text[position:])
    return Doubt(
        tr("“{rest}” was not understood.", rest=rest if len(rest) <= 60 else rest[:60] + "…"),
        tr("Try “tomorrow at 18:30”, “in 20 minutes” or “every other Tuesday at 5 pm”."),
    )
