"""The calendars that the user has: servers and files under the names of their accounts, and files by their paths.

Owns what was last read of each, so that a change can name an event. Must not know tools. Loop.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

from openclaw_desktop.core.clock import Clock
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.protocols import CallScene
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.security.gate import Grant
from openclaw_desktop.security.labels import join
from openclaw_desktop.tools.accounts import Account, AccountBook
from openclaw_desktop.tools.calendar.caldav import CalDav
from openclaw_desktop.tools.calendar.events import Agenda, Event, agenda_of, find_event, label_for
from openclaw_desktop.tools.calendar.moments import Clocks, Range, ReadTime
from openclaw_desktop.tools.file_labels import FileLabels
from openclaw_desktop.tools.parsers import Parse
from openclaw_desktop.tools.path_finder import PathFinder
from openclaw_desktop.tools.sums import ZONE_FOLDERS
from openclaw_desktop.workers.tool_host import CallFailed

READ_S = 15.0
# Without a day an event is looked for so far back and ahead.
BACK_DAYS, AHEAD_DAYS = 1, 90
CAN_READ = "calendar:read"


class Granted(Protocol):
    """The standing permissions."""

    async def active(self) -> frozenset[Grant]:
        """Return the grants."""
        ...


class Calendars:
    """Reads calendars in the user's own time."""

    def __init__(
        self,
        book: AccountBook,
        dav: CalDav,
        parse: Parse,
        finder: PathFinder,
        labels: FileLabels,
        clock: Clock,
        zone_name: Callable[[], str],
        read_time: ReadTime,
    ) -> None:
        self.book = book
        self.dav = dav
        self.finder = finder
        self.labels = labels
        self._parse = parse
        self._clock = clock
        self._zone_name = zone_name
        self._read_time = read_time
        self._seen: dict[str, tuple[Event, ...]] = {}

    def clocks(self) -> Clocks:
        """Return the user's clocks as they are now."""
        zone = ZoneInfo(self._zone())
        return Clocks(self._clock.now().astimezone(zone), zone, self._read_time)

    async def read(self, account: Account, span: Range, scene: CallScene) -> tuple[Agenda, Label]:
        """Return what an account has in a range, and the label of that; raises UserError."""
        if account.path:
            path = await self.finder.find(account.path, scene)
            agenda = await self.read_path(path, span, account.name)
            label = await self.label_of(path, agenda)
        else:
            agenda = await self.dav.events(account, span, self._zone())
            label = label_for(agenda.events, account.name)
        self._seen[account.name] = agenda.events
        return agenda, label

    async def read_path(self, path: Path, span: Range, name: str = "") -> Agenda:
        """Return what the calendar file at a canonical path has in a range; raises UserError."""
        arguments = {
            "path": str(path), "first": span.first.isoformat(), "last": span.last.isoformat(), "zone": self._zone(),
        }  # fmt: skip
        try:
            found = await self._parse.call("calendar.file", arguments, read=(path, *ZONE_FOLDERS), timeout_s=READ_S)
        except CallFailed as failure:
            raise unreadable_file(path, failure) from failure
        agenda = agenda_of(found, name or path.name)
        if agenda is None:
            raise unreadable_file(path, CallFailed("failed", ""))
        return agenda

    async def label_of(self, path: Path, agenda: Agenda) -> Label:
        """Return the label of a file's events: those of an invitation are its sender's, whoever owns the file."""
        own = await self.labels.label_of(path, agenda.sha256 or None)
        theirs = [event for event in agenda.events if own.integrity == "untrusted" or event.organizer]
        return join([own, *([label_for(theirs, path.name)] if theirs else [])])

    async def find_on(self, account: Account, words: str, day: date | None, scene: CallScene, grants: Granted) -> Event:
        """Return the event of an account that `words` name.

        It is looked for in what was read last; a server is asked anew only where the user granted its reading, as
        nobody was asked yet. Raises UserError.
        """
        clocks = self.clocks()
        seen = self._seen.get(account.name, ())
        try:
            return find_event(seen, words, day, clocks.now)
        except UserError as error:
            allowed = Grant(CAN_READ, account.name) in await grants.active()
            if error.failure.code != "no_event" or not allowed:
                raise
        agenda, _ = await self.read(account, search_span(day, clocks), scene)
        return find_event(agenda.events, words, day, clocks.now)

    def forget_seen(self, name: str) -> None:
        """Forget what was read of an account: it was changed."""
        self._seen.pop(name, None)

    def _zone(self) -> str:
        return self._zone_name()


def search_span(day: date | None, clocks: Clocks) -> Range:
    """Return where an event is looked for: on its day, else in the near past and the weeks to come."""
    if day is not None:
        return Range(clocks.midnight(day), clocks.midnight(day + timedelta(days=1)))
    today = clocks.now.date()
    return Range(
        clocks.midnight(today - timedelta(days=BACK_DAYS)), clocks.midnight(today + timedelta(days=AHEAD_DAYS))
    )


def same_kind(first: datetime | date, second: datetime | date) -> bool:
    """Return whether both are moments, or both are days."""
    return isinstance(first, datetime) == isinstance(second, datetime)


def unreadable_file(path: Path, failure: CallFailed) -> UserError:
    """Return the error for a file that can't be read or changed as a calendar."""
    name = visible(path.name)
    match failure.code:
        case "timeout":
            return UserError("calendar_too_hard", tr("{name} took too long to read and was given up.", name=name))
        case "too_large":
            return UserError("too_large", tr("{name} is too large a calendar for that.", name=name))
        case "no_event":
            return UserError(
                "changed_since",
                tr("That event is not in {name} any more, so nothing was changed.", name=name),
                tr("Look at the calendar again."),
            )
        case _:
            return UserError(
                "not_calendar",
                tr("{name} can't be read as a calendar.", name=name),
                tr("It should be a file that ends in .ics, as calendar programs export it."),
            )
