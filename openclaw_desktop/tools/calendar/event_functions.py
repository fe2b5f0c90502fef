"""Reading calendars: the functions that run inside the jail, on bytes from anybody.

Owns how iCalendar becomes the events of a range: repetitions written out, times in the user's zone. What never ends or
makes no sense is left out and counted. Must not know where the bytes came from. Parsers' worker, in the jailed child.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import signal
import sys
import time
import zoneinfo
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from types import MappingProxyType
from typing import Any, ClassVar

from dateutil.rrule import rrulestr
from icalendar import Calendar
from icalendar.prop import vDDDLists, vDDDTypes, vRecur

from openclaw_desktop.tools.calendar.dav_functions import read_multistatus
from openclaw_desktop.workers.calls import JSON, CallFailed, Handler

FILE_BYTES = 8_000_000
EVENTS = 500
TEXT_CHARS, NOTES_CHARS, UID_CHARS, PEOPLE = 300, 1000, 255, 40
# Processor time for the reading of one text and for the repetitions of one event: one that never ends costs no more.
READ_CPU_S, REPEAT_CPU_S = 3.0, 0.5
# Once so much went to repetitions that were given up, each further one gets little: many cost no calendar its reading.
GIVEN_UP_CPU_S, LITTLE_CPU_S = 3.0, 0.05
TICK_S = 0.05
STEPS = 50_000
MIDNIGHT = datetime.min.time()
_DAY = timedelta(days=1)
_LONGEST = timedelta(days=366)
_UNTIL = re.compile(r";?UNTIL=[^;]*", re.IGNORECASE)


class _TooHard(BaseException):
    """The processor time for a part is up; no library may take it for an error of its own."""


@dataclass(slots=True)
class _Found:
    """What was read so far, within `first` and `last`, for somebody in `zone`."""

    first: datetime
    last: datetime
    zone: tzinfo
    events: list[dict[str, JSON]] = field(default_factory=list)
    broken: int = 0
    unfinished: int = 0
    given_up_s: float = 0.0


def read_file(path: str, first: str, last: str, zone: str) -> JSON:
    """Return {"events", "broken", "unfinished", "truncated", "sha256"} of the calendar at `path`.

    `first`, `last`: ISO with an offset. `zone`: the user's. `broken`: texts and events that make no sense;
    `unfinished`: those whose repetition was given up. Raises CallFailed `too_large`, `not_calendar`.
    """
    file = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    try:
        data = bytearray()
        while chunk := os.read(file, 1 << 18):
            data += chunk
            if len(data) > FILE_BYTES:
                raise CallFailed("too_large", f"it has more than {FILE_BYTES:,} bytes")
    finally:
        os.close(file)
    text = bytes(data).decode("utf-8-sig", "replace")
    if text.strip() and "BEGIN:VCALENDAR" not in text.upper():
        raise CallFailed("not_calendar", "this is no calendar")
    return {**_read([("", "", text)], first, last, zone), "sha256": hashlib.sha256(data).hexdigest()}


def read_report(data: str, first: str, last: str, zone: str) -> JSON:
    """Return the same of a CalDAV server's answer (base64), each event with its "href" and "etag".

    Raises CallFailed `not_dav`.
    """
    found = read_multistatus(data)
    texts = [(one["href"], one["etag"], one["data"]) for one in found["responses"] if one["data"]]
    return {**_read(texts, first, last, zone), "more": bool(found["truncated"])}


def _read(texts: Sequence[tuple[str, str, str]], first: str, last: str, zone: str) -> dict[str, JSON]:
    found = _Found(datetime.fromisoformat(first), datetime.fromisoformat(last), zoneinfo.ZoneInfo(zone))
    for href, etag, text in texts:
        before = len(found.events)
        try:
            with _patience(READ_CPU_S):
                calendars = Calendar.from_ical(text, multiple=True) if text.strip() else []
                parts = [part for calendar in calendars for part in getattr(calendar, "subcomponents", ())]
        except (_TooHard, Exception):
            found.broken += 1
            continue
        _take(parts, found)
        for event in found.events[before:]:
            event["href"], event["etag"] = href, etag
    found.events.sort(key=lambda event: (event["moment"], event["title"]))
    for event in found.events:
        del event["moment"]
    return {
        "events": found.events[:EVENTS],
        "broken": found.broken,
        "unfinished": found.unfinished,
        "truncated": len(found.events) > EVENTS,
    }


class _Budget:
    """The processor time that the part in work may take. The jail has no call that sets a timer: one runs before it."""

    until_s: ClassVar[float | None] = None

    @classmethod
    def start(cls) -> None:
        """Let a timer look at the time from now on; called before the jail closes."""
        if sys.platform != "win32":
            signal.signal(signal.SIGVTALRM, cls.look)
            signal.setitimer(signal.ITIMER_VIRTUAL, TICK_S, TICK_S)

    @classmethod
    def look(cls, number: int, frame: object) -> None:
        """Raise _TooHard in whatever runs, once its time is up."""
        if cls.until_s is not None and time.process_time() > cls.until_s:
            raise _TooHard


@contextlib.contextmanager
def _patience(seconds: float) -> Iterator[None]:
    """Raise _TooHard in the block once it used so much processor time."""
    _Budget.until_s = time.process_time() + seconds
    try:
        yield
    finally:
        _Budget.until_s = None


@dataclass(frozen=True, slots=True)
class _Event:
    """An event, read as far as its times go. `start`: by the clocks of `zone`; a day begins at midnight."""

    part: Any
    uid: str
    start: datetime
    length: timedelta
    all_day: bool
    zone: tzinfo
    in_utc: bool

    def key(self, start: datetime) -> str:
        """Return how an occurrence is named: its start, in the event's own form."""
        return f"{start:%Y%m%d}" if self.all_day else f"{start:%Y%m%dT%H%M%S}{'Z' if self.in_utc else ''}"


def _take(parts: Sequence[Any], found: _Found) -> None:
    """Add the events of one text; an occurrence that was changed by itself takes the place of the repeated one."""
    plain: list[_Event] = []
    own: dict[str, list[tuple[Any, _Event]]] = {}
    for part in parts:
        if getattr(part, "name", "") != "VEVENT":
            continue
        try:
            event = _event(part, found.zone)
            if "RECURRENCE-ID" not in part:
                plain.append(event)
                continue
            named = part["RECURRENCE-ID"]
            _naive(named.dt, found.zone)
            own.setdefault(event.uid, []).append((named, event))
            # It stands for all later ones too, which is not worked out here.
            found.unfinished += "RANGE" in named.params
        except Exception:
            found.broken += 1
    for event in plain:
        began_s = time.process_time()
        try:
            with _patience(REPEAT_CPU_S if found.given_up_s < GIVEN_UP_CPU_S else LITTLE_CPU_S):
                starts = list(_starts(event, found))
        except (_TooHard, Exception):
            found.unfinished += 1
            found.given_up_s += time.process_time() - began_s
            starts = [event.start]
        changed = {_naive(named.dt, event.zone) for named, _ in own.get(event.uid, ())}
        for start in dict.fromkeys(starts):
            if start not in changed:
                _put(event, start, event.key(start) if _repeats(event.part) else "", found)
    for named, event in (pair for pairs in own.values() for pair in pairs):
        _put(event, event.start, named.to_ical().decode(), found)


def _event(part: Any, zone: tzinfo) -> _Event:
    """Return an event's times; raises whatever a broken one raises."""
    start = part["DTSTART"].dt
    if not isinstance(start, date):
        raise TypeError("no start")
    all_day = not isinstance(start, datetime)
    length = timedelta(days=1) if all_day else timedelta(0)
    if isinstance(end := getattr(part.get("DTEND"), "dt", None), date) and isinstance(end, datetime) != all_day:
        length = _moment(end, zone) - _moment(start, zone) if not all_day else end - start
    elif isinstance(lasts := getattr(part.get("DURATION"), "dt", None), timedelta):
        length = lasts
    own = start.tzinfo if isinstance(start, datetime) and start.tzinfo is not None else zone
    uid = str(part.get("UID", ""))[:UID_CHARS]
    in_utc = isinstance(start, datetime) and start.tzinfo is not None and str(own) == "UTC"
    return _Event(part, uid, _naive(start, own), max(length, timedelta(0)), all_day, own, in_utc)


def _moment(value: date, zone: tzinfo) -> datetime:
    """Return a time as an aware moment; what names no zone is told by the user's clocks."""
    if not isinstance(value, datetime):
        value = datetime.combine(value, MIDNIGHT)
    return value if value.tzinfo is not None else value.replace(tzinfo=zone)


def _naive(value: date, zone: tzinfo) -> datetime:
    """Return a time by the clocks of `zone`, without saying so."""
    if not isinstance(value, datetime):
        return datetime.combine(value, MIDNIGHT)
    return value if value.tzinfo is None else value.astimezone(zone).replace(tzinfo=None)


def _repeats(part: Any) -> bool:
    return "RRULE" in part or "RDATE" in part


def _starts(event: _Event, found: _Found) -> Iterator[datetime]:
    """Yield the starts of an event's occurrences about the range; raises where its rule makes no sense."""
    if not _repeats(event.part):
        yield event.start
        return
    zone = found.zone if event.all_day else event.zone
    early = found.first.astimezone(zone).replace(tzinfo=None) - min(event.length, _LONGEST) - _DAY
    late = found.last.astimezone(zone).replace(tzinfo=None) + _DAY
    gone = {_naive(value, event.zone) for value in _dates(event.part, "EXDATE")}
    starts = [event.start] if "RRULE" not in event.part else []
    starts += [_naive(value, event.zone) for value in _dates(event.part, "RDATE")]
    yield from (start for start in starts if early <= start <= late and start not in gone)
    for rule in _values(event.part, "RRULE"):
        if not isinstance(rule, vRecur):
            raise TypeError("a rule that makes no sense")
        text = _UNTIL.sub("", bytes(rule.to_ical()).decode())  # type: ignore[no-untyped-call]
        if until := rule.get("UNTIL"):
            # A day as the end of times is meant with that day.
            end = _naive(until[0], event.zone)
            end += timedelta(0) if isinstance(until[0], datetime) else _DAY - timedelta(seconds=1)
            text = f"{text};UNTIL={end:%Y%m%dT%H%M%S}"
        for step, start in enumerate(rrulestr(text.strip(";"), dtstart=event.start)):
            if start > late:
                break
            if step > STEPS:
                raise OverflowError("too many occurrences")
            if start >= early and start not in gone:
                yield start


def _values(part: Any, name: str) -> list[Any]:
    value = part.get(name)
    return value if isinstance(value, list) else [] if value is None else [value]


def _dates(part: Any, name: str) -> Iterator[date]:
    for values in _values(part, name):
        if not isinstance(values, (vDDDLists, vDDDTypes)):
            raise TypeError("dates that make no sense")
        for value in values.dts if isinstance(values, vDDDLists) else (values,):
            moment = value.dt[0] if isinstance(value.dt, tuple) else value.dt
            if isinstance(moment, date):
                yield moment


def _put(event: _Event, start: datetime, key: str, found: _Found) -> None:
    """Add an occurrence that touches the range."""
    if len(found.events) > 4 * EVENTS:
        return
    try:
        own = found.zone if event.all_day else event.zone
        begins = start.replace(tzinfo=own)
        # A day has the hours that the clocks give it, a meeting those that it lasts.
        ends = (start + event.length).replace(tzinfo=own) if event.all_day else begins + event.length
        if not event.all_day:
            ends = (begins.astimezone(UTC) + event.length).astimezone(found.zone)
        if begins >= found.last or (ends <= found.first and begins < found.first):
            return
        shown_start, shown_end = begins.astimezone(found.zone), ends.astimezone(found.zone)
        moment = begins.timestamp()
    except (OverflowError, ValueError):
        found.broken += 1
        return
    part = event.part
    shown = (
        (shown_start.date().isoformat(), shown_end.date().isoformat())
        if event.all_day
        else (shown_start.isoformat(), shown_end.isoformat())
    )
    found.events.append(
        {
            "moment": moment,
            "uid": event.uid,
            "key": key,
            "title": _text(part, "SUMMARY", TEXT_CHARS),
            "start": shown[0],
            "end": shown[1],
            "all_day": event.all_day,
            "place": _text(part, "LOCATION", TEXT_CHARS),
            "notes": _text(part, "DESCRIPTION", NOTES_CHARS),
            "organizer": _address(part.get("ORGANIZER")),
            "people": [_address(who) for who in _values(part, "ATTENDEE")[:PEOPLE]],
            "cancelled": _text(part, "STATUS", 20).upper() == "CANCELLED",
            # A birthday does not take the day; whoever is away for it says so.
            "busy": _text(part, "TRANSP", 20).upper() == "OPAQUE"
            or (not event.all_day and _text(part, "TRANSP", 20).upper() != "TRANSPARENT"),
            "repeats": _repeats(part) or "RECURRENCE-ID" in part,
        }
    )


def _text(part: Any, name: str, limit: int) -> str:
    value = part.get(name)
    value = value[0] if isinstance(value, list) and value else value
    return str(value)[:limit] if isinstance(value, str) else ""


def _address(value: Any) -> str:
    text = str(value)[:TEXT_CHARS] if isinstance(value, str) else ""
    return text[7:] if text.lower().startswith("mailto:") else text


# The libraries load parts of themselves when they meet something for the first time; inside, nothing can be loaded.
_SAMPLE = """BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VTIMEZONE
TZID:Sample
BEGIN:STANDARD
DTSTART:19701025T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:19700329T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE
BEGIN:VEVENT
UID:a
DTSTART;TZID=Sample:20260704T120000
DURATION:PT1H
RRULE:FREQ=MONTHLY;UNTIL=20260904T120000Z;BYDAY=1SA,-1MO
RDATE;VALUE=PERIOD:20260801T120000Z/PT1H
EXDATE;TZID=Europe/Berlin:20260705T100000
ATTENDEE;CN="A, B":mailto:a@example.org
END:VEVENT
BEGIN:VEVENT
UID:b
DTSTART;TZID=W. Europe Standard Time:20260704T120000
RRULE:FREQ=NEVER
END:VEVENT
END:VCALENDAR
"""
_read([("", "", _SAMPLE)], "2026-07-01T00:00:00+00:00", "2026-08-01T00:00:00+00:00", "Europe/Berlin")

read_file.prepare = _Budget.start  # type: ignore[attr-defined]
read_report.prepare = _Budget.start  # type: ignore[attr-defined]

HANDLERS: Mapping[str, Handler] = MappingProxyType({"calendar.file": read_file, "calendar.report": read_report})
