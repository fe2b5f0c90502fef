"""The tools that look at calendars: the events of a range, and the time that is free in it.

Owns their schemas, words and receipts. Must not know how a calendar is read. Loop.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.messages import Receipt, ToolCall, ToolSpec
from openclaw_desktop.core.protocols import CallScene, ToolResult
from openclaw_desktop.core.text import tr
from openclaw_desktop.core.tokens import clip
from openclaw_desktop.security.labels import join
from openclaw_desktop.tools.calendar.calendars import CAN_READ, Calendars
from openclaw_desktop.tools.calendar.events import Agenda, event_data, free_gaps, told_gaps, told_list
from openclaw_desktop.tools.calendar.moments import DEFAULT_MINUTES, Range, read_hours
from openclaw_desktop.tools.execution import with_arguments

HOURS = "9-18"
_SHORT = {"type": "string", "minLength": 1, "maxLength": 80}
_RANGE: Mapping[str, Any] = {
    "action": {"enum": ["events", "free"]},
    "date": {**_SHORT, "description": "a day or a range, such as today, tomorrow, next week, 2026-03-14"},
    "to": {**_SHORT, "description": "the last day"},
    "days": {"type": "integer", "minimum": 1, "maximum": 366},
    "about": {**_SHORT, "description": "only events with these words"},
    "minutes": {"type": "integer", "minimum": 5, "maximum": 1440, "description": "how long to be free"},
    "hours": {**_SHORT, "description": f"the hours to be free in, {HOURS} where it is left out"},
}


class _Looking:
    """What both tools share: which days are meant, and what is told of them."""

    def __init__(self, calendars: Calendars) -> None:
        self._calendars = calendars

    def _frozen_range(self, call: ToolCall) -> dict[str, Any]:
        """Return the arguments with the range as its first day and its number of days."""
        asked, clocks = call.arguments, self._calendars.clocks()
        span = clocks.range(str(asked.get("date", "")), str(asked.get("to", "")), int(asked.get("days", 0)))
        if asked.get("action") == "free":
            read_hours(str(asked.get("hours", HOURS)))
        kept = {name: value for name, value in asked.items() if name not in ("date", "to", "days")}
        days = (span.last.date() - span.first.date()).days
        return {**kept, "action": asked.get("action", "events"), "date": span.first.date().isoformat(), "days": days}

    def _span(self, call: ToolCall) -> Range:
        return self._calendars.clocks().range(str(call.arguments["date"]), days=int(call.arguments["days"]))

    def _told(
        self, call: ToolCall, scene: CallScene, agenda: Agenda, label: Label, notes: Sequence[str], *, named: bool
    ) -> ToolResult:
        span, asked = self._span(call), call.arguments
        words = [word.casefold() for word in re.findall(r"\w+", str(asked.get("about", "")))]
        events = [
            event
            for event in agenda.events
            if all(word in f"{event.title} {event.place} {event.notes}".casefold() for word in words)
        ]
        days = _days(span)
        data: dict[str, Any] = {"from": span.first.isoformat(), "to": span.last.isoformat()}
        if asked["action"] == "free":
            hours = read_hours(str(asked.get("hours", HOURS)))
            minutes = int(asked.get("minutes", DEFAULT_MINUTES))
            gaps = free_gaps(agenda.events, span, hours, minutes, self._calendars.clocks())
            head = tr("Free {days}, between {first}:00 and {last}:00, for {minutes} minutes or more:",
                      days=days, first=hours[0], last=hours[1], minutes=minutes)  # fmt: skip
            text = told_gaps(gaps) or tr("nothing")
            data["free"] = [{"from": gap.first.isoformat(), "to": gap.last.isoformat()} for gap in gaps]
        else:
            head = tr("In the calendar {days}:", days=days)
            text = told_list(events, named=named) or tr("nothing")
            data["events"] = [event_data(event) for event in events]
        whole = f"{head}\n{text}"
        shown = clip(whole, max(100, scene.result_tokens - 100))
        remarks = [*notes, *_remarks(agenda)]
        remarks += [tr("[cut: there are {count} events in all]", count=len(events))] if shown != whole else []
        receipt = Receipt("calendar.read", tr("looked at the calendar"), call.id)
        return ToolResult("\n".join([shown, *remarks]), label, (receipt,), data)


class CalendarTool(_Looking):
    """Looks at the calendars of the user's accounts."""

    spec = ToolSpec(
        name="calendar",
        description="the user's calendar: the events and appointments of some days, or when there is free time",
        parameters={
            "type": "object",
            "properties": {**_RANGE, "calendar": {**_SHORT, "description": "one of several"}},
            "additionalProperties": False,
        },
        effect="read",
        capability=CAN_READ,
        authority=("calendar",),
        timeout_s=60.0,
    )

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        """Return the call with the names of the calendars and the days that are meant."""
        asked = str(call.arguments.get("calendar", ""))
        book = self._calendars.book
        accounts = [book.find("calendar", asked)] if asked else book.all("calendar")
        if not accounts:
            raise UserError(
                "no_account",
                tr("There is no calendar yet."),
                tr("Add one: openclaw-agent account add NAME --calendar ADDRESS (or the path of a .ics file)."),
            )
        names = [account.name for account in accounts]
        return ToolCall(call.id, call.name, {**self._frozen_range(call), "calendar": names[0] if asked else names})

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Read them; where one of several can't be read the others are told all the same."""
        named = call.arguments["calendar"]
        names = [named] if isinstance(named, str) else named
        accounts = [self._calendars.book.find("calendar", name) for name in names]
        agendas: list[tuple[Agenda, Label]] = []
        notes, errors = [], []
        for account in accounts:
            try:
                agendas.append(await self._calendars.read(account, self._span(call), scene))
            except UserError as error:
                errors.append(error)
                notes.append(tr("[{name} was not read: {reason}]", name=account.name, reason=error.failure.sentence))
        if not agendas:
            raise errors[0]
        whole = _joined([agenda for agenda, _ in agendas])
        label = join(label for _, label in agendas)
        return self._told(call, scene, whole, label, notes, named=len(accounts) > 1)


class CalendarFileTool(_Looking):
    """Looks at a calendar file."""

    spec = ToolSpec(
        name="ics_events",
        description="the events of a calendar kept as .ics, such as an invitation that was sent, or free time in it",
        parameters={
            "type": "object",
            "properties": {"ics": {"type": "string", "minLength": 1, "maxLength": 1000}, **_RANGE},
            "required": ["ics"],
            "additionalProperties": False,
        },
        effect="read",
        capability="file:read",
        authority=("ics",),
        timeout_s=30.0,
    )

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        """Return the call with the canonical path and the days that are meant; left out, those are the next 366."""
        path = await self._calendars.finder.find(call.arguments["ics"], scene)
        if not {"date", "to", "days"} & set(call.arguments):
            call = with_arguments(call, days=7 if call.arguments.get("action") == "free" else 366)
        return ToolCall(call.id, call.name, {**self._frozen_range(call), "ics": str(path)})

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Read it."""
        path = Path(call.arguments["ics"])
        agenda = await self._calendars.read_path(path, self._span(call))
        label = await self._calendars.label_of(path, agenda)
        return self._told(call, scene, agenda, label, (), named=False)


def _joined(agendas: Sequence[Agenda]) -> Agenda:
    events = sorted((event for agenda in agendas for event in agenda.events), key=lambda event: event.start.isoformat())
    unread, unfinished = (sum(getattr(one, name) for one in agendas) for name in ("unread", "unfinished"))
    return Agenda(tuple(events), unread, unfinished, any(agenda.cut for agenda in agendas))


def _days(span: Range) -> str:
    first, last = span.first.date(), span.last.date()
    if (last - first).days == 1:
        return tr("on {day}", day=first.isoformat())
    return tr("from {first} up to {last} (not with it)", first=first.isoformat(), last=last.isoformat())


def _remarks(agenda: Agenda) -> list[str]:
    notes = []
    if agenda.unread:
        notes.append(tr("[{count} entries make no sense and were left out]", count=agenda.unread))
    if agenda.unfinished:
        notes.append(tr("[{count} entries repeat in a way that could not be worked out]", count=agenda.unfinished))
    if agenda.cut:
        notes.append(tr("[cut: there are more events; ask for fewer days]"))
    return notes
