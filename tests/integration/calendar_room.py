"""The calendar's tools behind their walls, for somebody in Berlin whose clock stands on a Monday in November 2026."""

from __future__ import annotations

import os
import ssl
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hostile_web import KeptSecrets

from openclaw_desktop.core.clock import SystemClock
from openclaw_desktop.core.events import Question
from openclaw_desktop.core.labels import USER, Label
from openclaw_desktop.core.messages import CallOutcome, ToolCall
from openclaw_desktop.core.protocols import CallScene
from openclaw_desktop.scheduler.words import Unclear, understand
from openclaw_desktop.security.broker.dialling import Dialler
from openclaw_desktop.security.broker.fetching import Broker
from openclaw_desktop.security.grants import GrantStore
from openclaw_desktop.storage.database import Database
from openclaw_desktop.tools.accounts import Account, AccountBook
from openclaw_desktop.tools.arguments import find_problem
from openclaw_desktop.tools.calendar.provider import CalendarProvider, CalendarRoom
from openclaw_desktop.tools.execution import Executor, Walls
from openclaw_desktop.tools.parsers import ParserHost
from openclaw_desktop.tools.registry import BuiltIns, Registry
from openclaw_desktop.tools.undoing import UndoStore, UndoTool
from openclaw_desktop.workers.tool_host import ToolHost

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)  # a Monday, 9:00 in Berlin


# `worker parsers` with the calendar's functions alone: the other formats' libraries take seconds to load.
LEAN = """
from openclaw_desktop.tools.calendar import dav_functions, edit_functions, event_functions
from openclaw_desktop.workers.fork_server import serve
raise SystemExit(serve({**dav_functions.HANDLERS, **edit_functions.HANDLERS, **event_functions.HANDLERS}))
"""


def lean_parsers() -> ParserHost:
    """Return a host for the calendar's functions in their jail."""
    return ParserHost(ToolHost(command=(sys.executable, "-c", LEAN)))


class Clock(SystemClock):
    def now(self) -> datetime:
        return NOW


def read_time(words: str) -> datetime | None:
    understood = understand(words, NOW.astimezone(BERLIN), BERLIN, True)
    return (
        None if isinstance(understood, Unclear) else next(iter(understood.next_times(NOW.astimezone(BERLIN), 1)), None)
    )


class User:
    """Answers every question alike, and keeps them."""

    def __init__(self, choice: str) -> None:
        self.choice = choice
        self.asked: list[Question] = []
        self.before: Callable[[], object] = lambda: None

    async def __call__(self, question: Question) -> str:
        self.asked.append(question)
        self.before()
        return self.choice


class CalendarTools:
    """The executor, and what stands behind it."""

    def __init__(self, folder: Path, database: Database, trust: ssl.SSLContext | None, secrets: KeptSecrets) -> None:
        self.files = Path(os.path.realpath(folder)) / "files"
        self.files.mkdir()
        self._database = database
        self.book = AccountBook(folder / "accounts.toml")
        self.grants = GrantStore(database, ())
        self.jail, self.parsers = ToolHost(), lean_parsers()
        fetch = Broker(Dialler(secrets, trust=trust))
        room = CalendarRoom(self.files, folder / "share", Clock(), lambda: "Europe/Berlin", read_time)
        self.provider = CalendarProvider(self.book, database, self.grants, self.jail, self.parsers, fetch, room)
        self.undo = UndoStore(database)
        own = Registry([self.provider])
        registry = Registry([self.provider, BuiltIns([UndoTool(self.undo, own.get)])])
        self.execute = Executor(registry, self.grants, find_problem, Walls(undo=self.undo))

    def add(self, name: str, url: str, user: str = "ana@example.org") -> Account:
        account = Account(name, "calendar", user, "secret:cal", url=url)
        self.book.put(account)
        return account

    async def mark_own(self) -> None:
        """Let the folder be one that the user wrote themselves; a real grant refuses temporary folders."""
        row = ("grt_own", "file:own", str(self.files), "2026-11-29T12:00:00+00:00")
        await self._database.write(lambda c: c.execute("insert into grants values (?, ?, ?, ?)", row).fetchall())

    async def call(self, tool: str, user: User | None, context: Label = USER, /, **arguments: Any) -> CallOutcome:
        """Call a tool as a model would; `user` None: nobody is there."""
        scene = CallScene("ses", "turn", context, result_tokens=3000)
        outcome, _ = await self.execute(ToolCall("c", tool, arguments), scene, user)
        return outcome

    async def stop(self) -> None:
        await self.parsers.stop()
        await self.jail.stop()
