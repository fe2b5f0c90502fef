"""Changing a calendar on a server: which one a new event goes to, and events changed by the version that was seen.

Owns the comparison of what the jail made with what was there: no more than what was approved leaves. Must not know
tools. Loop.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.tools.accounts import Account
from openclaw_desktop.tools.calendar.caldav import CalDav, Collection, changed_since, odd_event
from openclaw_desktop.tools.calendar.events import Event
from openclaw_desktop.tools.calendar.ics_files import move_arguments
from openclaw_desktop.tools.calendar.ics_lines import (
    NewEvent,
    calendar_text,
    event_lines,
    is_only_less,
    is_only_moved,
)
from openclaw_desktop.tools.parsers import Parse
from openclaw_desktop.workers.tool_host import CallFailed

EDIT_S = 15.0


class ServerChanges:
    """Changes events on servers."""

    def __init__(self, dav: CalDav, parse: Parse) -> None:
        self._dav = dav
        self._parse = parse

    async def create(self, account: Account, inner: str, event: NewEvent, now: datetime) -> None:
        """Put a new event into the calendar `inner` of an account, into its only one where that is ""."""
        collection = _chosen(await self._dav.collections(account), inner, account)
        uid = event.uid.partition("@")[0]
        await self._dav.create(account, collection, uid, calendar_text(event_lines(event, now)))

    async def delete(self, account: Account, event: Event) -> None:
        """Delete an event, or the one occurrence that `event.key` names."""
        if not event.key:
            await self._dav.delete(account, event)
            return
        old = await self._dav.get(account, event)
        new = await self._edit("calendar.delete", {"uid": event.uid, "key": event.key, "text": old})
        if not is_only_less(old, new):
            raise odd_event()
        await self._dav.replace(account, event, new)

    async def move(
        self, account: Account, event: Event, times: tuple[datetime | date, datetime | date], now: datetime
    ) -> None:
        """Give an event, or an occurrence, other times."""
        old = await self._dav.get(account, event)
        arguments = move_arguments(event, times, now)
        new = await self._edit("calendar.move", {**arguments, "text": old})
        if not is_only_moved(old, new, (arguments["start"], arguments["end"])):
            raise odd_event()
        await self._dav.replace(account, event, new)

    async def _edit(self, function: str, arguments: Mapping[str, Any]) -> str:
        try:
            made = await self._parse.call(function, arguments, timeout_s=EDIT_S)
        except CallFailed as failure:
            raise changed_since() if failure.code == "no_event" else odd_event() from failure
        if not isinstance(made, Mapping) or not isinstance(made.get("text"), str):
            raise odd_event()
        return str(made["text"])


def _chosen(collections: tuple[Collection, ...], inner: str, account: Account) -> Collection:
    said = inner.strip().casefold()
    fitting = [one for one in collections if said in ("", one.name.casefold())]
    if len(fitting) == 1:
        return fitting[0]
    if said and not fitting:
        raise UserError(
            "unknown_calendar",
            tr("{name} has no calendar {inner}.", name=account.name, inner=visible(inner[:80])),
            tr("See which it has: openclaw-agent account check {name}", name=account.name),
        )
    raise UserError(
        "several_calendars",
        tr("{name} has {count} calendars.", name=account.name, count=len(fitting)),
        tr("Name one as {name}/CALENDAR; openclaw-agent account check {name} lists them.", name=account.name),
    )
