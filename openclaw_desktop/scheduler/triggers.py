"""What sets a job off: a schedule, or something that happens; read from what the user wrote.

Owns the triggers' kinds and their reading. Must not know jobs, nor how triggers are kept. Any thread.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.scheduler.cron import read_cron
from openclaw_desktop.scheduler.cron_times import cron_batches
from openclaw_desktop.scheduler.schedules import CronLine, Once, Repeats, Schedule, Steps
from openclaw_desktop.scheduler.wall_time import moment_at

# "present": somebody is at the machine again. "mains": it was plugged in. "start": the agent has started.
EventName = Literal["present", "mains", "start", "file"]
EVENTS: tuple[EventName, ...] = get_args(EventName)
SHORTEST_STEP_S = 10.0
LONGEST_LENGTH_S = 366 * 86400.0
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_LENGTH = re.compile(r"(?:\d+(?:\.\d+)?[smhdw])+")
_PIECE = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")


@dataclass(frozen=True, slots=True)
class OnEvent:
    """Whenever this happens. `path`: of "file", the file or folder that changes; absolute."""

    event: EventName
    path: str = ""

    def times(self, after: datetime) -> Iterator[datetime]:
        """Yield nothing: when it happens isn't known before."""
        return iter(())


Trigger = Once | Repeats | Steps | CronLine | OnEvent


@dataclass(frozen=True, slots=True)
class Slots:
    """Some times of a schedule that follow one another. Moments in UTC."""

    count: int
    first: datetime
    last: datetime
    before_last: datetime


def is_length(text: str) -> bool:
    """Return whether a text is written like a length: `15m`, but not `8am`."""
    return _LENGTH.fullmatch(text.strip().lower()) is not None


def read_length(text: str) -> float:
    """Return the seconds of a length such as `90s`, `15m`, `1h30m`, `2d`; raises UserError."""
    written = text.strip().lower()
    seconds = sum(float(number) * _UNITS[unit] for number, unit in _PIECE.findall(written))
    if not is_length(text) or not 0 < seconds <= LONGEST_LENGTH_S:
        raise UserError(
            "bad_length",
            tr("“{text}” is no length of time up to a year.", text=visible(text[:60])),
            tr("Write it like 90s, 15m, 1h30m or 2d."),
            ExitCode.USAGE,
        )
    return seconds


def words_of_length(seconds: float) -> str:
    """Return 5400 as "1h30m", so that `read_length` reads it back."""
    rest, words = seconds, ""
    for unit in ("d", "h", "m"):
        count, rest = divmod(rest, _UNITS[unit])
        words += f"{int(count)}{unit}" if count else ""
    return words + (f"{rest:g}s" if rest or not words else "")


def every(text: str, now: datetime, zone: ZoneInfo) -> Steps:
    """Return the steps that `--every` names, counted from `now` in real time; raises UserError."""
    seconds = read_length(text)
    if seconds < SHORTEST_STEP_S:
        raise UserError(
            "bad_length",
            tr("A job may run every {shortest:g} seconds and not more often.", shortest=SHORTEST_STEP_S),
            tr("Choose a longer --every."),
            ExitCode.USAGE,
        )
    return Steps(now.astimezone(zone).replace(microsecond=0), timedelta(seconds=round(seconds)))


def cron(text: str, now: datetime, zone: ZoneInfo) -> CronLine | OnEvent:
    """Return the schedule of a line of five fields or a nickname; `@reboot` is the start. Raises UserError."""
    if text.strip().lower() == "@reboot":
        return OnEvent("start")
    return read_cron(text, now, zone)


def at(text: str, zone: ZoneInfo) -> Once:
    """Return the moment of an ISO 8601 text; without an offset it is the zone's. Raises UserError."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UserError(
            "bad_moment",
            tr("“{text}” is no moment in ISO 8601.", text=visible(text[:60])),
            tr("Write it as 2026-11-23T09:00 or 2026-11-23T09:00+01:00."),
            ExitCode.USAGE,
        ) from None
    moment = moment.replace(microsecond=0)
    try:
        if moment.tzinfo is None:
            moment = moment_at(moment.date(), moment.time(), zone)
        return Once(moment.astimezone(UTC).astimezone(zone))
    except OverflowError:
        raise UserError(
            "bad_moment",
            tr("“{text}” is too far away.", text=visible(text[:60])),
            tr("Choose a moment between the years 1 and 9999, whatever the zone."),
            ExitCode.USAGE,
        ) from None


def on_event(text: str) -> OnEvent:
    """Return the event that `present`, `mains`, `start` or `file:/PATH` names; raises UserError."""
    name, _, path = text.strip().partition(":")
    for event in EVENTS:
        if event == name and (event == "file") == bool(path):
            place = Path(path).expanduser()
            if event == "file" and not place.is_absolute():
                break
            if event == "file" and not place.parent.is_dir():
                raise UserError(
                    "bad_event",
                    tr("There is no folder {folder}.", folder=visible(str(place.parent))),
                    tr("Make it first, so that it can be watched."),
                    ExitCode.USAGE,
                )
            return OnEvent(event, str(place) if path else "")
    raise UserError(
        "bad_event",
        tr("“{text}” is nothing that a job can wait for.", text=visible(text[:60])),
        tr("It can wait for present, mains, start, or file:/a/whole/path."),
        ExitCode.USAGE,
    )


def slots_between(schedule: Schedule, after: datetime, until: datetime) -> Slots | None:
    """Return the times later than `after` up to and including `until` (aware); None where there are none."""
    first = next(iter(schedule.times(after)), None)
    if first is None or first.astimezone(UTC) > until:
        return None
    first = first.astimezone(UTC)
    if isinstance(schedule, Steps):
        end = until if schedule.end is None else min(until, schedule.end.astimezone(UTC))
        count = (end - first) // schedule.step + 1
        last = first + (count - 1) * schedule.step
        return Slots(count, first, last, last - schedule.step if count > 1 else first)
    count, last, before = 0, first, first
    for moments in _batches(schedule, after):
        due = moments if moments[-1] <= until else [moment for moment in moments if moment <= until]
        if due:
            before = due[-2] if len(due) > 1 else last
            count, last = count + len(due), due[-1]
        if len(due) < len(moments):
            break
    return Slots(count, first, last, before)


def _batches(schedule: Schedule, after: datetime) -> Iterator[list[datetime]]:
    if isinstance(schedule, CronLine):
        return cron_batches(schedule.line, schedule.zone, after)
    return ([moment.astimezone(UTC)] for moment in schedule.times(after))


def next_after(schedule: Schedule, after: datetime) -> datetime | None:
    """Return the first time later than `after`, in UTC; None where there is none."""
    found = next(iter(islice(schedule.times(after), 1)), None)
    return None if found is None else found.astimezone(UTC)
