"""Changing a calendar that is a file: the new text is made in the jail, and takes the file's place as any write does.

Owns the way from a change to the file, the label of the text that comes of it, and the way back. Must not know whether
it may: the gate has decided. Loop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.messages import ToolCall
from openclaw_desktop.core.protocols import CallScene
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.security.labels import join
from openclaw_desktop.tools.calendar.calendars import unreadable_file
from openclaw_desktop.tools.calendar.events import Event
from openclaw_desktop.tools.calendar.ics_lines import stamp, time_line
from openclaw_desktop.tools.file_changes import JailedChanges, WriteFileTool
from openclaw_desktop.tools.file_labels import FileLabels
from openclaw_desktop.tools.parsers import Parse
from openclaw_desktop.workers.tool_host import CallFailed

EDIT_S = 15.0
SUFFIX = ".ics"


class IcsFiles:
    """Changes calendar files."""

    def __init__(self, parse: Parse, jail: JailedChanges, labels: FileLabels, write: WriteFileTool) -> None:
        self._parse = parse
        self._jail = jail
        self._labels = labels
        self._write = write

    async def add(self, path: Path, lines: Sequence[str], call: ToolCall, scene: CallScene) -> Mapping[str, Any]:
        """Put an event into the file, which is made where there is none; return what takes it back."""
        there = await self._fingerprint(path) is not None
        arguments = {"lines": list(lines), "path": str(path) if there else ""}
        made = await self._edit("calendar.add", arguments, path)
        return await self._put(path, made, "replace" if there else "create", call, scene)

    async def delete(self, path: Path, event: Event, key: str, call: ToolCall, scene: CallScene) -> Mapping[str, Any]:
        """Take an event out, or the occurrence `key` of it; return what takes that back."""
        made = await self._edit("calendar.delete", {"uid": event.uid, "key": key, "path": str(path)}, path)
        return await self._put(path, made, "replace", call, scene)

    async def move(
        self,
        path: Path,
        event: Event,
        times: tuple[datetime | date, datetime | date],
        now: datetime,
        call: ToolCall,
        scene: CallScene,
    ) -> Mapping[str, Any]:
        """Give an event, or an occurrence, other times; return what takes that back."""
        made = await self._edit("calendar.move", {**move_arguments(event, times, now), "path": str(path)}, path)
        return await self._put(path, made, "replace", call, scene)

    async def undo(self, token: Mapping[str, Any]) -> str:
        """Put back what was there; raises UserError where the file has changed since."""
        return await self._write.undo(token)

    async def _edit(self, function: str, arguments: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
        read = (path,) if arguments.get("path") else ()
        try:
            made = await self._parse.call(function, arguments, read=read, timeout_s=EDIT_S)
        except CallFailed as failure:
            raise unreadable_file(path, failure) from failure
        if not isinstance(made, Mapping) or not isinstance(made.get("text"), str):
            raise unreadable_file(path, CallFailed("failed", ""))
        return made

    async def _put(
        self, path: Path, made: Mapping[str, Any], mode: str, call: ToolCall, scene: CallScene
    ) -> Mapping[str, Any]:
        before = made.get("sha256")
        # Somebody else's change since it was read is not written over; one within this moment lies in the trash.
        if mode == "replace" and await self._fingerprint(path) != before:
            raise UserError(
                "changed_since",
                tr("{name} was changed by somebody else meanwhile, so it was left as it is.", name=visible(path.name)),
                tr("Try again."),
            )
        if mode == "replace":
            # The new text is noted as what it is, once: cut off in between it would be known by the call alone.
            known = await self._labels.label_of(path, str(before))
            scene = replace(scene, context=join([known, scene.context]))
        arguments = {"path": str(path), "text": made["text"], "mode": mode}
        result = await self._write.run(ToolCall(call.id, "write_file", arguments), scene)
        assert result.undo is not None
        return result.undo

    async def _fingerprint(self, path: Path) -> str | None:
        try:
            found = await self._jail.call(
                "files.fingerprint", {"path": str(path)}, write=(path.parent,), timeout_s=EDIT_S
            )
        except CallFailed as failure:
            raise unreadable_file(path, failure) from failure
        sha256 = found.get("sha256") if isinstance(found, Mapping) else None
        return None if sha256 is None else str(sha256)


def move_arguments(event: Event, times: tuple[datetime | date, datetime | date], now: datetime) -> dict[str, str]:
    """Return what the jail needs to move an event."""
    return {
        "uid": event.uid,
        "key": event.key,
        "start": time_line("DTSTART", times[0]),
        "end": time_line("DTEND", times[1]),
        "stamp": stamp(now),
    }
