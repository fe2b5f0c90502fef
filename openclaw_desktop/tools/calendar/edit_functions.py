"""Changing a calendar: the functions that run inside the jail, on a text from anybody.

Owns which lines of an event a change touches; every other line stays as it was, known or not. Must not know where the
text goes. Parsers' worker, in the jailed child.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from openclaw_desktop.tools.calendar.ics_lines import (
    Block,
    calendar_text,
    find_events,
    fold,
    head_of,
    line_of,
    name_of,
    unescape,
    unfold,
    value_of,
)
from openclaw_desktop.workers.calls import JSON, CallFailed, Handler

# An answer of the jail holds no more, and it must hold the whole text.
CHANGED_BYTES = 700_000

_REPEATS = frozenset(("RRULE", "RDATE", "EXDATE", "EXRULE"))
_KEPT_PARAMETERS = re.compile(r";(?:TZID|VALUE)=(?:\"[^\"]*\"|[^;:\"]*)", re.IGNORECASE)


def add(lines: Sequence[str], path: str = "") -> JSON:
    """Return {"text", "sha256"} of the calendar at `path` with one more event; "" for a new calendar.

    `sha256` is that of what was there, null where nothing was. Raises CallFailed `not_calendar`, `too_large`.
    """
    if not path:
        return {"text": calendar_text(lines), "sha256": None}
    text, sha256 = _read(path)
    known = unfold(text)
    if not known:
        return {"text": calendar_text(lines), "sha256": sha256}
    end = _end_of(known)
    return {"text": _checked(fold([*known[:end], *lines, *known[end:]])), "sha256": sha256}


def delete(uid: str, key: str, path: str = "", text: str = "") -> JSON:
    """Return {"text", "sha256", "empty"} without an event, or without one occurrence of it.

    `key`: when that occurrence was to begin, in the event's own form; "" for all of it. `empty`: no event is left.
    Raises CallFailed `no_event`, `not_calendar`, `too_large`.
    """
    text, sha256 = _read(path) if path else (text, "")
    lines = unfold(text)
    main, others = _blocks(lines, uid)
    if not key:
        gone = [*([main] if main else []), *others]
        left = len(find_events(lines)) - len(gone)
        return {"text": _checked(fold(_without(lines, gone))), "sha256": sha256, "empty": left == 0}
    single = [block for block in others if value_of(line_of(lines, block, "RECURRENCE-ID")) == key]
    if main is None:
        if not single:
            raise CallFailed("no_event", "there is no such event any more")
        return {"text": _checked(fold(_without(lines, single))), "sha256": sha256, "empty": False}
    pattern = line_of(lines, single[0], "RECURRENCE-ID") if single else line_of(lines, main, "DTSTART")
    excluded = _times_line("EXDATE", pattern, key)
    changed = [*lines[: main.last - 1], excluded, *lines[main.last - 1 :]]
    return {
        "text": _checked(fold(_without(changed, [_shifted(block, main.last - 1) for block in single]))),
        "sha256": sha256,
        "empty": False,
    }


def move(uid: str, key: str, start: str, end: str, stamp: str, path: str = "", text: str = "") -> JSON:
    """Return {"text", "sha256"} with an event, or one occurrence of it, at other times.

    `start` and `end`: the lines that set them. `stamp`: now, as iCalendar writes it. Raises CallFailed `no_event`,
    `not_calendar`, `too_large`.
    """
    text, sha256 = _read(path) if path else (text, "")
    lines = unfold(text)
    main, others = _blocks(lines, uid)
    known = next((block for block in others if value_of(line_of(lines, block, "RECURRENCE-ID")) == key), None)
    target = known if key and known is not None else main
    if target is None:
        raise CallFailed("no_event", "there is no such event any more")
    new = _retimed(lines, target, start, end, stamp)
    if target is known or not key:
        changed = [*lines[: target.first], *new, *lines[target.last :]]
    else:
        assert main is not None
        plain = [line for line in new if name_of(line) not in _REPEATS]
        own = [*plain[:1], _times_line("RECURRENCE-ID", line_of(lines, main, "DTSTART"), key), *plain[1:]]
        changed = [*lines[: main.last], *own, *lines[main.last :]]
    return {"text": _checked(fold(changed)), "sha256": sha256}


def _read(path: str) -> tuple[str, str]:
    file = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    try:
        data = bytearray()
        while chunk := os.read(file, 1 << 16):
            data += chunk
            if len(data) > CHANGED_BYTES:
                raise CallFailed("too_large", "this calendar is too large to be changed here")
    finally:
        os.close(file)
    return bytes(data).decode("utf-8", "surrogateescape"), hashlib.sha256(data).hexdigest()


def _checked(text: str) -> str:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise CallFailed("not_calendar", "this is no text in UTF-8, as a calendar has to be") from None
    if size > CHANGED_BYTES:
        raise CallFailed("too_large", "this calendar is too large to be changed here")
    return text


def _end_of(lines: Sequence[str]) -> int:
    """Return where a further event belongs: before the end of the calendar."""
    for place in range(len(lines) - 1, -1, -1):
        if lines[place].strip().upper() == "END:VCALENDAR":
            return place
    raise CallFailed("not_calendar", "this is no calendar")


def _blocks(lines: Sequence[str], uid: str) -> tuple[Block | None, list[Block]]:
    """Return the event of that UID, and its occurrences that are events of their own."""
    _end_of(lines)
    blocks = [block for block in find_events(lines) if unescape(value_of(line_of(lines, block, "UID"))).strip() == uid]
    if not blocks or not uid:
        raise CallFailed("no_event", "there is no such event any more")
    main = next((block for block in blocks if not line_of(lines, block, "RECURRENCE-ID")), None)
    return main, [block for block in blocks if line_of(lines, block, "RECURRENCE-ID")]


def _without(lines: Sequence[str], blocks: Sequence[Block]) -> list[str]:
    gone = {place for block in blocks for place in range(block.first, block.last)}
    return [line for place, line in enumerate(lines) if place not in gone]


def _shifted(block: Block, inserted_at: int) -> Block:
    """Return where a block stands once a line was put in at a place."""
    by = 1 if block.first >= inserted_at else 0
    return Block(block.first + by, block.last + by, ())


def _times_line(name: str, pattern: str, key: str) -> str:
    """Return a line that names an occurrence in the form of its event's start."""
    return f"{name}{''.join(_KEPT_PARAMETERS.findall(head_of(pattern)))}:{key}"


def _retimed(lines: Sequence[str], block: Block, start: str, end: str, stamp: str) -> list[str]:
    """Return an event's lines with other times, marked as changed."""
    own, new = set(block.own), list[str]()
    for place in range(block.first, block.last):
        line = lines[place]
        name = name_of(line) if place in own else ""
        match name:
            case "DTSTART":
                new += [start, end]
            case "DTEND" | "DURATION" | "LAST-MODIFIED":
                continue
            case "DTSTAMP":
                new.append(f"DTSTAMP:{stamp}")
            case "SEQUENCE":
                continue
            case _:
                new.append(line)
    number = value_of(line_of(lines, block, "SEQUENCE")).strip()
    sequence = int(number) + 1 if re.fullmatch(r"[0-9]{1,6}", number) else 1
    return [*new[:-1], f"SEQUENCE:{sequence}", f"LAST-MODIFIED:{stamp}", new[-1]]


HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {"calendar.add": add, "calendar.delete": delete, "calendar.move": move}
)
