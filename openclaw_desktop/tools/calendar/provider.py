"""The calendar's tools, put together, and when they are on offer.

Owns the rule: looking at the calendar is always on offer, as its answer says how to add one; the rest once there is an
account, so that prompts stay short for everybody else. Owns how an account is tried, too. Must not know how a tool
works. Loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from openclaw_desktop.core.clock import Clock
from openclaw_desktop.core.protocols import Fetch, Tool
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.security.grants import GrantStore
from openclaw_desktop.security.written import WrittenFiles
from openclaw_desktop.storage.database import Database
from openclaw_desktop.tools.accounts import Account, AccountBook
from openclaw_desktop.tools.calendar.caldav import CalDav
from openclaw_desktop.tools.calendar.calendars import Calendars
from openclaw_desktop.tools.calendar.changing import ChangeCalendarFileTool, ChangeCalendarTool
from openclaw_desktop.tools.calendar.ics_files import IcsFiles
from openclaw_desktop.tools.calendar.moments import ReadTime
from openclaw_desktop.tools.calendar.reading import CalendarFileTool, CalendarTool
from openclaw_desktop.tools.calendar.server_changes import ServerChanges
from openclaw_desktop.tools.file_changes import JailedChanges, WriteFileTool
from openclaw_desktop.tools.file_labels import FileLabels
from openclaw_desktop.tools.parsers import Parse
from openclaw_desktop.tools.path_finder import PathFinder


@dataclass(frozen=True, slots=True)
class CalendarRoom:
    """What the calendar stands in. `home`: the user's; `data_home`: XDG_DATA_HOME; `zone_name`: of the user's zone."""

    home: Path
    data_home: Path
    clock: Clock
    zone_name: Callable[[], str]
    read_time: ReadTime


class CalendarProvider:
    """`core.protocols.ToolProvider` over the calendar's tools."""

    def __init__(
        self,
        book: AccountBook,
        database: Database,
        grants: GrantStore,
        jail: JailedChanges,
        parse: Parse,
        fetch: Fetch,
        room: CalendarRoom,
    ) -> None:
        finder = PathFinder(grants, room.home)
        labels = FileLabels(WrittenFiles(database, room.clock), grants)
        dav = CalDav(fetch, parse)
        calendars = Calendars(book, dav, parse, finder, labels, room.clock, room.zone_name, room.read_time)
        files = IcsFiles(parse, jail, labels, WriteFileTool(jail, finder, labels, room.data_home))
        self._book, self._dav = book, dav
        self._looking = CalendarTool(calendars)
        self._others = (
            ChangeCalendarTool(calendars, files, ServerChanges(dav, parse), grants),
            CalendarFileTool(calendars),
            ChangeCalendarFileTool(calendars, files),
        )

    def tools(self) -> Sequence[Tool]:
        """Return what is on offer by now."""
        return (self._looking, *self._others) if self._book.has("calendar") else (self._looking,)

    async def check(self, account: Account) -> tuple[str, ...]:
        """Log in and return a sentence on what is there; raises UserError where the account does not work."""
        if account.path:
            if not await asyncio.to_thread(Path(account.path).is_file):
                return (tr("There is no {path} yet; it is made with the first event.", path=visible(account.path)),)
            return (tr("The calendar file is there: {path}", path=visible(account.path)),)
        names = [visible(one.name) for one in await self._dav.collections(account, anew=True)]
        return (tr("{count} calendars: {names}", count=len(names), names=", ".join(names)),)
