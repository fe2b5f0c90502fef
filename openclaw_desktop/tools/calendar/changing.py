"""The tools that change calendars: create, move and delete events, on a server or in a file.

Owns their schemas, what a question shows of a change, and what is told after it. A change on a server leaves the
machine, and the server may write to everybody who takes part, so each is asked about; one in a file of the user's can
be taken back. Must not know protocols. Loop.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.ids import new_id
from openclaw_desktop.core.messages import Receipt, ToolCall, ToolSpec
from openclaw_desktop.core.protocols import CallScene, ToolResult
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.security.labels import join
from openclaw_desktop.tools.accounts import Account
from openclaw_desktop.tools.calendar.calendars import Calendars, Granted, same_kind, search_span
from openclaw_desktop.tools.calendar.events import Event, find_event, label_for, told_times
from openclaw_desktop.tools.calendar.ics_files import SUFFIX, IcsFiles
from openclaw_desktop.tools.calendar.ics_lines import NewEvent, event_lines
from openclaw_desktop.tools.calendar.moments import end_of
from openclaw_desktop.tools.calendar.server_changes import ServerChanges

_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
# Calls whose questions may stand at once.
READ_KEPT = 200
_SHORT = {"type": "string", "minLength": 1, "maxLength": 80}
# Where tools are chosen for a request, a "path" or a "when" speaks for a tool. None of these takes a path, and only the
# account's a "when": questions about files are left to the tools for files.
_WHEN = {**_SHORT, "description": "the new time, such as Friday at 12, or 2026-03-14 for a whole day"}
_CHANGE: Mapping[str, Any] = {
    "action": {"enum": ["create", "move", "delete"]},
    "title": {"type": "string", "minLength": 1, "maxLength": 200, "description": "what the event is called"},
    "on": {**_SHORT, "description": "the day of the event to move or delete"},
    "end": _SHORT,
    "minutes": {"type": "integer", "minimum": 1, "maximum": 10_080},
    "place": {"type": "string", "maxLength": 200},
    "notes": {"type": "string", "maxLength": 2000},
    "series": {"type": "boolean", "description": "delete all of an event that repeats"},
}


class _Changing:
    """What both tools share: times in words become moments, and a change is told before and after."""

    def __init__(self, calendars: Calendars, files: IcsFiles) -> None:
        self._calendars = calendars
        self._files = files
        self._read: dict[tuple[str, str, str], datetime | date] = {}

    def _start(self, call: ToolCall, scene: CallScene) -> datetime | date:
        """Return when something is to be; "in two hours" is read once for a call, however long its question stands."""
        words = str(call.arguments.get("when") or call.arguments.get("start", ""))
        if not words:
            raise UserError("nothing_given", tr("Say when it is to be."), "", ExitCode.USAGE)
        key = (scene.turn_id, call.id, words)
        if key not in self._read:
            found = self._calendars.clocks().moment(words)
            self._read[key] = found.replace(second=0, microsecond=0) if isinstance(found, datetime) else found
            while len(self._read) > READ_KEPT:
                self._read.pop(next(iter(self._read)))
        return self._read[key]

    def _frozen_new(self, call: ToolCall, scene: CallScene) -> dict[str, Any]:
        """Return the arguments of a new event, its times canonical; raises UserError."""
        asked, clocks = call.arguments, self._calendars.clocks()
        start = self._start(call, scene)
        end = end_of(start, str(asked.get("end", "")), int(asked.get("minutes", 0)), clocks)
        title = " ".join(str(asked["title"]).split())
        if not title:
            raise UserError("nothing_given", tr("Say what the event is called."), "", ExitCode.USAGE)
        texts = {name: str(asked[name]) for name in ("place", "notes") if asked.get(name)}
        return {"action": "create", "title": title, "start": start.isoformat(), "end": end.isoformat(), **texts}

    def _day(self, asked: Mapping[str, Any]) -> date | None:
        return self._calendars.clocks().day(str(asked["on"])) if asked.get("on") else None

    def _new_times(self, call: ToolCall, scene: CallScene, event: Event) -> dict[str, str]:
        """Return the new times of an event, which lasts as long as before where nothing else is said."""
        asked, clocks = call.arguments, self._calendars.clocks()
        start = self._start(call, scene)
        usual = _length(event) if same_kind(start, event.start) else None
        end = end_of(start, str(asked.get("end", "")), int(asked.get("minutes", 0)), clocks, usual)
        return {"start": start.isoformat(), "end": end.isoformat()}

    def _frozen_times(self, call: ToolCall, scene: CallScene) -> dict[str, str]:
        """Return the days and times of a change as they are meant now: a question may stand until another day."""
        asked, clocks = call.arguments, self._calendars.clocks()
        day = self._day(asked)
        found = {"on": day.isoformat()} if day is not None else {}
        if asked["action"] != "move":
            return found
        start = self._start(call, scene)
        found["start"] = start.isoformat()
        if asked.get("end"):
            end = end_of(start, str(asked["end"]), 0, clocks)
            # Words name the last of several days, not the one after it.
            found["end"] = (end if isinstance(end, datetime) else end - timedelta(days=1)).isoformat()
        return found

    def _new_event(self, frozen: Mapping[str, Any], organizer: str = "") -> NewEvent:
        start, end = times_of(frozen)
        return NewEvent(
            f"{new_id('evt')}@openclaw-desktop", frozen["title"], start, end, str(frozen.get("place", "")),
            str(frozen.get("notes", "")), tuple(frozen.get("attendees", ())), organizer,
        )  # fmt: skip

    def _lines(self, frozen: Mapping[str, Any]) -> list[str]:
        return event_lines(self._new_event(frozen), self._calendars.clocks().now)


class ChangeCalendarTool(_Changing):
    """Changes the calendars of the user's accounts."""

    spec = ToolSpec(
        name="change_calendar",
        description="create, move or delete an event or appointment in the user's calendar; people may be invited",
        parameters={
            "type": "object",
            "properties": {
                **_CHANGE,
                "when": _WHEN,
                "attendees": {
                    "type": "array", "items": {"type": "string", "maxLength": 200}, "maxItems": 30,
                    "description": "e-mail addresses of people to invite",
                },
                "calendar": {**_SHORT, "description": "one of several"},
            },
            "required": ["action", "title"],
            "additionalProperties": False,
        },
        effect="outbound",
        capability="calendar:write",
        authority=("calendar", "title", "start", "end", "attendees", "event"),
        timeout_s=90.0,
        undoable=True,
    )  # fmt: skip

    def __init__(self, calendars: Calendars, files: IcsFiles, servers: ServerChanges, grants: Granted) -> None:
        super().__init__(calendars, files)
        self._servers = servers
        self._grants = grants

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        """Return the call with its times, its people, and the very version of the event that it changes."""
        asked = call.arguments
        # A server may keep several calendars: ACCOUNT/CALENDAR names one of them.
        named, _, inner = str(asked.get("calendar", "")).partition("/")
        account = self._calendars.book.find("calendar", named)
        calendar = f"{account.name}/{inner}" if inner and not account.path else account.name
        if asked["action"] == "create":
            invited = addresses(asked.get("attendees", ()))
            frozen = {"calendar": calendar, **self._frozen_new(call, scene)}
            return ToolCall(call.id, call.name, {**frozen, "attendees": invited} if invited else frozen)
        event = await self._calendars.find_on(account, str(asked["title"]), self._day(asked), scene, self._grants)
        if not account.path and not event.etag:
            raise UserError(
                "no_version",
                tr("The server of {name} does not say which version of an event it has, so it is not changed here.",
                   name=account.name),
            )  # fmt: skip
        whole = bool(asked.get("series")) and asked["action"] == "delete"
        frozen = {"action": asked["action"], "calendar": calendar, "title": event.title}
        if event.people:
            frozen["attendees"] = list(event.people)
        if asked["action"] == "move":
            frozen |= self._new_times(call, scene, event)
        if whole:
            frozen["series"] = True
        frozen["event"] = {
            "now": told_times(event), "key": "" if whole else event.key, "uid": event.uid, "href": event.href,
            "etag": event.etag, "start": event.start.isoformat(), "end": event.end.isoformat(),
            "all": whole or not event.repeats,
        }  # fmt: skip
        return ToolCall(call.id, call.name, frozen)

    async def preview(self, call: ToolCall, scene: CallScene) -> str:
        """Return the event before and after."""
        return preview_of(call.arguments)

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Do it: on the server by the version that was seen, so that nobody else's change is lost."""
        frozen = call.arguments
        named, _, inner = str(frozen["calendar"]).partition("/")
        account = self._calendars.book.find("calendar", named)
        undo = None
        try:
            if account.path:
                path = await self._calendars.finder.find_new(account.path, scene)
                undo = await self._in_file(path, call, scene)
            else:
                await self._on_server(account, inner, frozen)
        finally:
            # Also where it failed: what was seen is not what is there, then.
            self._calendars.forget_seen(account.name)
        result = told_result(call, scene, account.name)
        invited = frozen.get("attendees") and not account.path
        text = result.text + (tr("\nThe server may now write to those who take part.") if invited else "")
        return replace(result, text=text, undo=undo)

    async def undo(self, token: Mapping[str, Any]) -> str:
        """Put a file back as it was; what was changed on a server stays."""
        return await self._files.undo(token)

    async def _in_file(self, path: Path, call: ToolCall, scene: CallScene) -> Mapping[str, Any]:
        frozen = call.arguments
        if frozen["action"] == "create":
            return await self._files.add(path, self._lines(frozen), call, scene)
        event = event_of(frozen)
        if frozen["action"] == "delete":
            return await self._files.delete(path, event, event.key, call, scene)
        return await self._files.move(path, event, times_of(frozen), self._calendars.clocks().now, call, scene)

    async def _on_server(self, account: Account, inner: str, frozen: Mapping[str, Any]) -> None:
        now = self._calendars.clocks().now
        if frozen["action"] == "create":
            # Who invites has to have an address; what one logs in with often is one.
            organizer = account.user if frozen.get("attendees") and _ADDRESS.fullmatch(account.user) else ""
            await self._servers.create(account, inner, self._new_event(frozen, organizer), now)
        elif frozen["action"] == "delete":
            await self._servers.delete(account, event_of(frozen))
        else:
            await self._servers.move(account, event_of(frozen), times_of(frozen), now)


class ChangeCalendarFileTool(_Changing):
    """Changes a calendar file."""

    spec = ToolSpec(
        name="change_ics",
        description="create, move or delete an event in an own calendar kept as .ics; invites nobody",
        parameters={
            "type": "object",
            "properties": {"ics": {"type": "string", "minLength": 1, "maxLength": 1000}, **_CHANGE, "start": _WHEN},
            "required": ["ics", "action", "title"],
            "additionalProperties": False,
        },
        effect="local-reversible",
        capability="file:write",
        authority=("ics",),
        timeout_s=60.0,
        undoable=True,
    )

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        """Return the call with the canonical path and, for a new event, its times; the file is not looked into yet."""
        asked, finder = call.arguments, self._calendars.finder
        creates = asked["action"] == "create"
        path = await (finder.find_new if creates else finder.find)(str(asked["ics"]), scene)
        if path.suffix.lower() != SUFFIX:
            raise UserError(
                "not_calendar",
                tr("{name} is no calendar file, so nothing was changed.", name=visible(path.name)),
                tr("It should be a file that ends in .ics."),
                ExitCode.USAGE,
            )
        if creates:
            return ToolCall(call.id, call.name, {"ics": str(path), **self._frozen_new(call, scene)})
        return ToolCall(call.id, call.name, {**asked, **self._frozen_times(call, scene), "ics": str(path)})

    async def preview(self, call: ToolCall, scene: CallScene) -> str:
        """Return the event before and after."""
        frozen, _ = await self._with_event(call, scene)
        return preview_of(frozen)

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Do it; what was there goes to the trash, from where `undo` fetches it."""
        path = Path(call.arguments["ics"])
        frozen, event = await self._with_event(call, scene)
        if event is None:
            undo = await self._files.add(path, self._lines(frozen), call, scene)
        elif event.people:
            raise UserError(
                "has_people",
                tr("Other people take part in that event, so it is not changed in the file alone."),
                tr("Change it in the calendar that it comes from."),
            )
        elif frozen["action"] == "delete":
            undo = await self._files.delete(path, event, frozen["event"]["key"], call, scene)
        else:
            now = self._calendars.clocks().now
            undo = await self._files.move(path, event, times_of(frozen), now, call, scene)
        return replace(told_result(replace(call, arguments=frozen), scene, path.name), undo=undo)

    async def undo(self, token: Mapping[str, Any]) -> str:
        """Put back what was there; raises UserError where the file has changed since."""
        return await self._files.undo(token)

    async def _with_event(self, call: ToolCall, scene: CallScene) -> tuple[dict[str, Any], Event | None]:
        """Return the arguments with the event that they are about, which is found in the file; None for a new one."""
        asked = call.arguments
        if asked["action"] == "create":
            return dict(asked), None
        clocks, day = self._calendars.clocks(), self._day(asked)
        agenda = await self._calendars.read_path(Path(asked["ics"]), search_span(day, clocks))
        event = find_event(agenda.events, str(asked["title"]), day, clocks.now)
        whole = bool(asked.get("series")) and asked["action"] == "delete"
        times = self._new_times(call, scene, event) if asked["action"] == "move" else {}
        found = {
            "now": told_times(event), "key": "" if whole else event.key, "uid": event.uid,
            "all": whole or not event.repeats,
        }  # fmt: skip
        return {**asked, "title": event.title, **times, "event": found}, event


def addresses(given: Any) -> list[str]:
    """Return e-mail addresses in their one form, each once; raises UserError for what is none."""
    found = []
    for text in given:
        address = str(text).strip().removeprefix("mailto:")
        if not _ADDRESS.fullmatch(address):
            raise UserError(
                "wrong_address",
                tr("{address} is no e-mail address, so nobody was invited.", address=visible(address[:80]) or '""'),
                tr("Write it as ana@example.org."),
                ExitCode.USAGE,
            )
        name, _, host = address.rpartition("@")
        found.append(f"{name}@{host.lower()}")
    return list(dict.fromkeys(found))


def times_of(frozen: Mapping[str, Any]) -> tuple[datetime | date, datetime | date]:
    """Return the times of a frozen call."""
    return _time(frozen["start"]), _time(frozen["end"])


def event_of(frozen: Mapping[str, Any]) -> Event:
    """Return the event that a frozen call is about."""
    known = frozen["event"]
    return Event(
        str(frozen["calendar"]), known["uid"], frozen["title"], _time(known["start"]), _time(known["end"]),
        key=known["key"], people=tuple(frozen.get("attendees", ())), repeats=not known["all"], href=known["href"],
        etag=known["etag"],
    )  # fmt: skip


def preview_of(frozen: Mapping[str, Any]) -> str:
    """Return what a change does to an event, as lines that go and lines that come."""
    title = " ".join(str(frozen["title"]).split())
    lines = []
    if known := frozen.get("event"):
        every = tr(" and every other day of it") if frozen["action"] == "delete" and frozen.get("series") else ""
        lines.append(f"- {title}: {known['now']}{every}")
    if "start" in frozen and frozen["action"] != "delete":
        start, end = times_of(frozen)
        lines.append(f"+ {title}: {told_times(Event('', '', title, start, end))}")
    return "\n".join(lines)


def told_result(call: ToolCall, scene: CallScene, calendar: str) -> ToolResult:
    """Return what is told of a change that was made."""
    frozen = call.arguments
    title, known = " ".join(str(frozen["title"]).split()), frozen.get("event")
    label = scene.context
    if known:
        label = join([label, label_for([Event("", known["uid"], "", date.min, date.min)], calendar)])
    match frozen["action"]:
        case "create":
            when = told_times(Event("", "", title, *times_of(frozen)))
            text = tr("In the calendar {calendar}: {title}, {when}", calendar=calendar, title=title, when=when)
            receipt = Receipt("calendar.added", tr("put it into the calendar"), call.id)
        case "move":
            when = told_times(Event("", "", title, *times_of(frozen)))
            text = tr("Moved in the calendar {calendar}: {title}, {when}", calendar=calendar, title=title, when=when)
            receipt = Receipt("calendar.moved", tr("moved it in the calendar"), call.id)
        case _:
            text = tr("Deleted from the calendar {calendar}: {title}, {when}",
                      calendar=calendar, title=title, when=known["now"] if known else "")  # fmt: skip
            receipt = Receipt("calendar.deleted", tr("deleted it from the calendar"), call.id)
    return ToolResult(text, label, (receipt,), {"calendar": calendar, "title": title, "action": frozen["action"]})


def _length(event: Event) -> timedelta:
    if isinstance(event.start, datetime) and isinstance(event.end, datetime):
        return event.end - event.start
    return timedelta(days=event.end.toordinal() - event.start.toordinal())


def _time(text: str) -> datetime | date:
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)
