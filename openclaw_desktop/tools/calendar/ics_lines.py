"""iCalendar (RFC 5545) as content lines: how they are folded, escaped, grouped and written.

Owns the text of a new event and what counts as a mere change of times. Must not know where a text comes from. The
standard library alone, so that it serves the agent and the jail alike. Pure.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from openclaw_desktop.core.text import without_controls

PRODUCT = "-//OpenCLaw Desktop//calendar//EN"
FOLD_BYTES = 75

_FOLD = re.compile(r"\r?\n[ \t]")
_BREAK = re.compile(r"\r?\n|\r")
_NAME = re.compile(r"[A-Za-z0-9-]+")
_ESCAPED = re.compile(r"\\(.)")
# What a move changes in an event; the frame of a block comes with an occurrence that becomes an event of its own.
TIMES = frozenset(("DTSTART", "DTEND", "DURATION", "DTSTAMP", "LAST-MODIFIED", "SEQUENCE", "EXDATE", "RECURRENCE-ID"))
# A move takes them away and writes none: they would say other times than those that were approved.
_ONLY_GO = frozenset(("DURATION", "EXDATE"))
_FRAME = frozenset(("BEGIN", "END"))


@dataclass(frozen=True, slots=True)
class Block:
    """An event within the lines of a calendar: lines[first:last], with BEGIN and END. `own`: not its alarms' lines."""

    first: int
    last: int
    own: tuple[int, ...]


def unfold(text: str) -> list[str]:
    """Return the content lines of a calendar, none of them empty."""
    return [line for line in _BREAK.split(_FOLD.sub("", text.removeprefix("\ufeff"))) if line]


def fold(lines: Iterable[str]) -> str:
    """Return content lines as a text with lines of at most 75 bytes."""
    return "".join(f"{piece}\r\n" for line in lines for piece in _pieces(line))


def _pieces(line: str) -> Iterable[str]:
    room, piece, size = FOLD_BYTES, "", 0
    for letter in line:
        width = len(letter.encode("utf-8", "replace"))
        if size + width > room:
            yield piece
            piece, size = " ", 1
        piece += letter
        size += width
    yield piece


def name_of(line: str) -> str:
    """Return the property that a line sets, in capitals; "" where it sets none."""
    match = _NAME.match(line)
    return match[0].upper() if match else ""


def value_of(line: str) -> str:
    """Return what stands behind the colon of a line; a colon within quotes belongs to a parameter."""
    quoted = False
    for place, letter in enumerate(line):
        if letter == '"':
            quoted = not quoted
        elif letter == ":" and not quoted:
            return line[place + 1 :]
    return ""


def head_of(line: str) -> str:
    """Return what stands before that colon: the name and its parameters."""
    return line[: len(line) - len(value_of(line)) - 1] if value_of(line) else line.rstrip(":")


def escape(text: str) -> str:
    """Return a text as the value of a line."""
    plain = without_controls(text).replace("\t", " ")
    return plain.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def unescape(value: str) -> str:
    """Return the text that a value means."""
    return _ESCAPED.sub(lambda match: "\n" if match[1] in "nN" else match[1], value)


def find_events(lines: Sequence[str]) -> list[Block]:
    """Return the events that stand directly in a calendar, in their order."""
    found: list[Block] = []
    stack: list[str] = []
    first, own = 0, list[int]()
    for place, line in enumerate(lines):
        name = name_of(line)
        if name == "BEGIN":
            stack.append(value_of(line).strip().upper())
            if stack == ["VCALENDAR", "VEVENT"]:
                first, own = place, []
        elif name == "END":
            if stack == ["VCALENDAR", "VEVENT"]:
                found.append(Block(first, place + 1, tuple(own)))
            if stack:
                stack.pop()
        elif stack == ["VCALENDAR", "VEVENT"]:
            own.append(place)
    return found


def line_of(lines: Sequence[str], block: Block, name: str) -> str:
    """Return the line of an event that sets `name`, "" where none does."""
    return next((lines[place] for place in block.own if name_of(lines[place]) == name), "")


def time_line(name: str, moment: datetime | date) -> str:
    """Return the line that sets a time: a moment in UTC, or a day."""
    if isinstance(moment, datetime):
        return f"{name}:{stamp(moment)}"
    return f"{name};VALUE=DATE:{moment:%Y%m%d}"


def stamp(moment: datetime) -> str:
    """Return an aware moment as iCalendar writes it."""
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to be written. `start` and `end`: both aware moments, or both days (the end is the day after)."""

    uid: str
    title: str
    start: datetime | date
    end: datetime | date
    place: str = ""
    notes: str = ""
    attendees: tuple[str, ...] = ()
    organizer: str = ""


def event_lines(event: NewEvent, made_at: datetime) -> list[str]:
    """Return the lines of a new event; addresses are plain ones, checked by the caller."""
    lines = [
        "BEGIN:VEVENT",
        f"UID:{escape(event.uid)}",
        f"DTSTAMP:{stamp(made_at)}",
        time_line("DTSTART", event.start),
        time_line("DTEND", event.end),
        f"SUMMARY:{escape(event.title)}",
    ]
    lines += [f"LOCATION:{escape(event.place)}"] if event.place else []
    lines += [f"DESCRIPTION:{escape(event.notes)}"] if event.notes else []
    lines += [f"ORGANIZER:mailto:{event.organizer}"] if event.organizer else []
    lines += [f"ATTENDEE;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:{who}" for who in event.attendees]
    return [*lines, "END:VEVENT"]


def calendar_text(lines: Iterable[str]) -> str:
    """Return a calendar with these lines in it."""
    return fold(["BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:{PRODUCT}", *lines, "END:VCALENDAR"])


def is_only_moved(old: str, new: str, written: Iterable[str]) -> bool:
    """Return whether `new` is `old` with other times alone, those that stand in the lines `written`.

    The worker that made `new` has read a stranger's bytes: what it gives back is compared before it leaves.
    """
    before, after = Counter(unfold(old)), Counter(unfold(new))
    allowed = set(written)
    if not allowed <= set(after):
        return False
    for line in after - before:
        name = name_of(line)
        if line in before or name in _FRAME:
            continue
        if name not in TIMES - _ONLY_GO or (name in ("DTSTART", "DTEND") and line not in allowed):
            return False
    return all(name_of(line) in TIMES for line in before - after)


def is_only_less(old: str, new: str) -> bool:
    """Return whether `new` is `old` with lines left out, and with the days on which an event no longer repeats."""
    added = Counter(unfold(new)) - Counter(unfold(old))
    return all(name_of(line) == "EXDATE" for line in added)
