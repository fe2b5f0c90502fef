"""Events as the agent holds them, and what is told of them.

Owns the check of what the jail gave back, the wording of lists, and the finding of an event by its words. Must not know
where events come from. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.text import tr, visible, without_controls
from openclaw_desktop.tools.calendar.moments import Clocks, Range
from openclaw_desktop.tools.path_finder import UNCLEAR

ORIGINS = 20
UID_CHARS = 255
_WORD = re.compile(r"\w+")
_FLAGS = ("all_day", "busy", "cancelled", "repeats")
_TEXTS = ("uid", "key", "title", "place", "notes", "organizer", "href", "etag")


@dataclass(frozen=True, slots=True)
class Event:
    """An occurrence. `start`, `end`: aware moments, or days (the end is the day after). All texts are others' words.

    `calendar`: the account's name, or a file's path. `key` names the occurrence of what repeats. `href` and `etag`:
    where a server has it, and which version that was.
    """

    calendar: str
    uid: str
    title: str
    start: datetime | date
    end: datetime | date
    key: str = ""
    place: str = ""
    notes: str = ""
    organizer: str = ""
    people: tuple[str, ...] = ()
    all_day: bool = False
    busy: bool = True
    cancelled: bool = False
    repeats: bool = False
    href: str = ""
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Agenda:
    """The events of a range, and what could not be read: `unread` texts, `unfinished` repetitions, `cut` lists.

    `sha256`: of the file that was read, "" for a server.
    """

    events: tuple[Event, ...]
    unread: int = 0
    unfinished: int = 0
    cut: bool = False
    sha256: str = ""


def agenda_of(found: Any, calendar: str) -> Agenda | None:
    """Return what the jail gave back; None where it has not the right shape: a text may have taken the reader over."""
    if not isinstance(found, Mapping) or not isinstance(found.get("events"), list):
        return None
    events = [event for one in found["events"] if (event := _event(one, calendar)) is not None]
    counts = [found.get(name) for name in ("broken", "unfinished")]
    numbers = [count if isinstance(count, int) and 0 <= count < 10**6 else 0 for count in counts]
    cut = bool(found.get("truncated")) or bool(found.get("more"))
    sha256 = found.get("sha256")
    known = sha256 if isinstance(sha256, str) and re.fullmatch(r"[0-9a-f]{64}", sha256) else ""
    return Agenda(tuple(events), numbers[0] + len(found["events"]) - len(events), numbers[1], cut, known)


def _event(one: Any, calendar: str) -> Event | None:
    if not isinstance(one, Mapping):
        return None
    texts = {name: one.get(name, "") for name in _TEXTS}
    flags = {name: one.get(name, False) for name in _FLAGS}
    people, start, end = one.get("people", []), one.get("start"), one.get("end")
    sound = all(isinstance(text, str) for text in (*texts.values(), start, end)) and isinstance(people, list)
    if not sound or not all(isinstance(flag, bool) for flag in flags.values()):
        return None
    try:
        if flags["all_day"]:
            times: tuple[Any, Any] = (date.fromisoformat(str(start)), date.fromisoformat(str(end)))
        else:
            times = (datetime.fromisoformat(str(start)), datetime.fromisoformat(str(end)))
            if any(moment.tzinfo is None for moment in times):
                return None
    except ValueError:
        return None
    # These name something on a server or in a file: with one letter changed they would name something else.
    names = {name: texts.pop(name) for name in ("uid", "key", "href", "etag")}
    if any(not name.isprintable() for name in names.values()):
        names = dict.fromkeys(names, "")
    shown = {name: without_controls(text) for name, text in texts.items()}
    who = tuple(without_controls(str(person)) for person in people[:50])
    known: dict[str, Any] = {**names, **shown, **flags}
    return Event(calendar, start=times[0], end=times[1], people=who, **known)


def label_for(events: Iterable[Event], calendar: str) -> Label:
    """Return the label of what stands in a calendar: anybody who can send an invitation writes there."""
    origins = sorted({f"calendar:{visible(event.uid[:80])}" for event in events if event.uid})
    if not origins or len(origins) > ORIGINS:
        origins = [*origins[:ORIGINS], f"calendar:{calendar}"]
    return Label("untrusted", "private", tuple(origins))


def told_times(event: Event) -> str:
    """Return when an event is, in one line."""
    start, end = event.start, event.end
    if not isinstance(start, datetime) or not isinstance(end, datetime):
        last = end - timedelta(days=1)
        return f"{_day(start)}" if last <= start else f"{_day(start)} – {_day(last)}"
    if start.date() == end.date() or end - start == timedelta(0):
        return f"{_day(start.date())}, {start:%H:%M}" + (f"–{end:%H:%M}" if end > start else "")
    return f"{_day(start.date())}, {start:%H:%M} – {_day(end.date())}, {end:%H:%M}"


def told_list(events: Sequence[Event], *, named: bool) -> str:
    """Return events by days, one a line. `named`: say of which calendar each is."""
    lines = []
    for day, group in groupby(events, _first_day):
        lines.append(f"{_day(day)}:")
        lines += [_line(event, named) for event in group]
    return "\n".join(lines)


def _line(event: Event, named: bool) -> str:
    start, end = event.start, event.end
    if not isinstance(start, datetime) or not isinstance(end, datetime):
        last = end - timedelta(days=1)
        when = tr("all day") if last <= start else tr("until {day}", day=_day(last))
    elif start.date() == end.date():
        when = f"{start:%H:%M}–{end:%H:%M}" if end > start else f"{start:%H:%M}"
    else:
        when = f"{start:%H:%M} – {_day(end.date())}, {end:%H:%M}"
    more = [event.place] if event.place else []
    more += [tr("cancelled")] if event.cancelled else []
    more += [tr("repeats")] if event.repeats else []
    more += [tr("with {count} people", count=len(event.people))] if event.people else []
    text = " ".join(event.title.split()) or tr("[no title]")
    of = f" [{event.calendar}]" if named else ""
    notes = f"\n    {' '.join(event.notes.split())}" if event.notes else ""
    return (
        f"- {when} {text}" + (f" ({', '.join(' '.join(part.split()) for part in more)})" if more else "") + of + notes
    )


def event_data(event: Event) -> dict[str, Any]:
    """Return an event for programs."""
    return {
        "calendar": event.calendar, "uid": event.uid, "title": event.title, "start": event.start.isoformat(),
        "end": event.end.isoformat(), "all_day": event.all_day, "place": event.place, "notes": event.notes,
        "organizer": event.organizer, "attendees": list(event.people), "busy": event.busy,
        "cancelled": event.cancelled, "repeats": event.repeats,
    }  # fmt: skip


def find_event(events: Sequence[Event], words: str, day: date | None, now: datetime) -> Event:
    """Return the event that `words` name, on `day` where that is given: of what repeats, the next to come.

    Raises UserError. Its sentences quote no event: whoever sends invitations chose those words.
    """
    said = set(_WORD.findall(words.casefold()))
    fitting = [event for event in events if day is None or _first_day(event) == day or _covers(event, day)]
    same = [
        event for event in fitting if " ".join(event.title.split()).casefold() == " ".join(words.split()).casefold()
    ]
    near = same or [
        event for event in fitting if said and said <= set(_WORD.findall(f"{event.title} {event.place}".casefold()))
    ]
    if not near:
        raise UserError(
            "no_event",
            tr("No event like “{words}” was found there.", words=visible(words[:60])),
            tr("Look at the calendar of that day first, then name the event as it is called there."),
        )
    if len({(event.calendar, event.uid or event.href) for event in near}) > 1:
        shown = "; ".join(told_times(event) for event in near[:5])
        raise UserError(
            UNCLEAR,
            tr("“{words}” may be one of several: {shown}.", words=visible(words[:60]), shown=shown),
            tr("Say on which day it is, or name it by more of its words."),
        )
    coming = [event for event in near if _first_day(event) >= now.date()]
    return (coming or near)[0]


@dataclass(frozen=True, slots=True)
class Gap:
    """A time with nothing in it."""

    first: datetime
    last: datetime


def free_gaps(events: Iterable[Event], span: Range, hours: tuple[int, int], minutes: int, clocks: Clocks) -> list[Gap]:
    """Return the gaps of at least so many `minutes` within these `hours` of each day of `span`, from now on."""
    busy = sorted((_moment(event.start, clocks), _moment(event.end, clocks)) for event in events if _takes_time(event))
    gaps = []
    day = span.first.date()
    while clocks.midnight(day) < span.last:
        opens = max(_at(day, hours[0], clocks), clocks.now.replace(second=0, microsecond=0))
        closes = _at(day, hours[1], clocks)
        for begins, ends in busy:
            if ends <= opens or begins >= closes:
                continue
            if begins > opens:
                gaps.append(Gap(opens, begins))
            opens = max(opens, ends)
        if opens < closes:
            gaps.append(Gap(opens, closes))
        day += timedelta(days=1)
    return [gap for gap in gaps if gap.last - gap.first >= timedelta(minutes=minutes)]


def told_gaps(gaps: Sequence[Gap]) -> str:
    """Return gaps, one day a line."""
    lines = []
    for day, group in groupby(gaps, lambda gap: gap.first.date()):
        lines.append(f"{_day(day)}: " + ", ".join(f"{gap.first:%H:%M}–{gap.last:%H:%M}" for gap in group))
    return "\n".join(lines)


def _takes_time(event: Event) -> bool:
    return event.busy and not event.cancelled


def _moment(value: datetime | date, clocks: Clocks) -> datetime:
    return value.astimezone(clocks.zone) if isinstance(value, datetime) else clocks.midnight(value)


def _at(day: date, hour: int, clocks: Clocks) -> datetime:
    return clocks.midnight(day + timedelta(days=1)) if hour == 24 else clocks.midnight(day).replace(hour=hour)


def _first_day(event: Event) -> date:
    return event.start.date() if isinstance(event.start, datetime) else event.start


def _covers(event: Event, day: date) -> bool:
    if isinstance(event.start, datetime) or isinstance(event.end, datetime):
        return False
    return event.start <= day < event.end


def _day(day: date) -> str:
    names = (tr("Mon"), tr("Tue"), tr("Wed"), tr("Thu"), tr("Fri"), tr("Sat"), tr("Sun"))
    return f"{names[day.weekday()]} {day.isoformat()}"
