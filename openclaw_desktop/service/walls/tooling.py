"""The tools of this agent, put together from its parts.

Owns what the tools are given of the user's machine: folders, clock, zone, the reading of times. Must not know what a
tool does. Loop.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from openclaw_desktop import __version__
from openclaw_desktop.core.clock import SystemClock
from openclaw_desktop.core.events import ChatChanged, InboxChanged
from openclaw_desktop.core.protocols import Secrets, Tool, ToolProvider
from openclaw_desktop.core.resources import resource_path
from openclaw_desktop.memory.sessions import SessionStore
from openclaw_desktop.security.audit import AuditLog
from openclaw_desktop.security.grants import GrantStore
from openclaw_desktop.security.inbox import InboxStore
from openclaw_desktop.security.labels import join
from openclaw_desktop.security.secrets import SecretKeeper
from openclaw_desktop.service.accounts.desk import AccountDesk
from openclaw_desktop.service.lifecycle.launch import launch_files
from openclaw_desktop.service.mcp.desk import McpDesk
from openclaw_desktop.service.memory.closed_home import own_folders
from openclaw_desktop.service.stores import TurnStores
from openclaw_desktop.service.walls.desk import WallDesk
from openclaw_desktop.service.walls.going_on import GoingOn
from openclaw_desktop.storage.database import Database
from openclaw_desktop.storage.settings import Settings
from openclaw_desktop.system.paths import Home
from openclaw_desktop.tools.accounts import AccountBook
from openclaw_desktop.tools.built_in import FORMS, Surroundings, make_built_in
from openclaw_desktop.tools.calendar.plain import PLAIN as CALENDAR_FORMS
from openclaw_desktop.tools.calendar.provider import CalendarProvider, CalendarRoom
from openclaw_desktop.tools.execution import Executor, Walls
from openclaw_desktop.tools.job_forms import job_forms
from openclaw_desktop.tools.mail.plain import PLAIN as MAIL_FORMS
from openclaw_desktop.tools.mail.provider import make_mail
from openclaw_desktop.tools.mcp.book import McpBook
from openclaw_desktop.tools.mcp.link import Ways
from openclaw_desktop.tools.mcp.servers import McpServers
from openclaw_desktop.tools.memory_tools import ForgetTool, RecallTool, RememberTool
from openclaw_desktop.tools.network import PLAIN as WEB_FORMS
from openclaw_desktop.tools.network import Network, make_network
from openclaw_desktop.tools.registry import BuiltIns, Registry
from openclaw_desktop.tools.undoing import UndoStore, UndoTool
from openclaw_desktop.workers.tool_host import ToolHost


def make_executor(
    home: Home,
    database: Database,
    stores: TurnStores,
    grants: GrantStore,
    tool_host: ToolHost,
    network: Network,
    walls: Walls | None = None,
    providers: Sequence[ToolProvider] = (),
) -> Executor:
    """Return the one way to the tools: the built-in ones, and those of `providers`."""
    around = Surroundings(
        Path.home(),
        (*own_folders(home), *(path for path in launch_files() if path.exists())),
        Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share"),
        os.environ,
        __version__,
        SystemClock(),
        zone_name,
        read_time,
        (resource_path("skills"), home.skills),
        home.data / "screenshots",
    )
    tools: tuple[Tool, ...] = (
        RememberTool(stores.remember),
        RecallTool(stores.recall, join),
        ForgetTool(stores.recall, stores.forget, stores.count_along),
        *make_built_in(database, grants, tool_host, network.parsers, around),
        *network.tools,
    )
    own = Registry([BuiltIns(tools), *providers])
    undo = [UndoTool(walls.undo, own.get)] if walls is not None and walls.undo is not None else []
    registry = Registry(
        [BuiltIns((*tools, *undo)), *providers],
        (*FORMS, *WEB_FORMS, *MAIL_FORMS, *CALENDAR_FORMS, *job_forms(find_times)),
    )
    return Executor(registry, grants, _find_problem, walls)


def make_mcp(home: Home, network: Network, secrets: Secrets, stack: AsyncExitStack) -> tuple[McpServers, McpDesk]:
    """Return the servers of MCP and who answers for them; none is started before it is needed. `stack` ends them."""
    own = own_folders(home)
    servers = McpServers(
        McpBook(home.config / "mcp.json"), Ways(network.fetch, network.dialler, secrets, own), SystemClock()
    )
    stack.push_async_callback(servers.stop)
    return servers, McpDesk(servers, own)


def make_accounts(
    home: Home, database: Database, grants: GrantStore, tool_host: ToolHost, network: Network
) -> tuple[tuple[ToolProvider, ...], AccountDesk]:
    """Return the tools over the user's accounts, and who answers for those."""
    book = AccountBook(home.config / "accounts.toml")
    folders = Path.home(), Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share")
    mail = make_mail(book, network.dialler.dial, network.parsers, tool_host, database, grants, folders)
    room = CalendarRoom(*folders, SystemClock(), zone_name, read_time)
    calendar = CalendarProvider(book, database, grants, tool_host, network.parsers, network.fetch, room)
    return (mail, calendar), AccountDesk(book, grants, {"mail": mail.check, "calendar": calendar.check})


@dataclass(frozen=True, slots=True)
class Walled:
    """The tools behind their walls, and what is kept of their calls."""

    executor: Executor
    audit: AuditLog
    inbox: InboxStore
    desk: WallDesk
    going_on: GoingOn
    accounts: AccountDesk


def make_walled(
    home: Home,
    database: Database,
    stores: TurnStores,
    grants: GrantStore,
    tool_host: ToolHost,
    network: Network,
    publish: Callable[[InboxChanged | ChatChanged], object],
    providers: Sequence[ToolProvider] = (),
) -> Walled:
    """Return the tools with audit log, inbox and undo; `publish` is told what changes in the inbox and the chats."""
    clock, sessions = SystemClock(), SessionStore(database)

    def changed(event: InboxChanged) -> None:
        publish(event)
        going_on.wake()

    def said(session_id: str) -> None:
        publish(ChatChanged(session_id))

    audit, inbox = AuditLog(database, clock), InboxStore(database, clock, changed)
    going_on = GoingOn(inbox, sessions, said)
    walls = Walls(audit, inbox, UndoStore(database, clock), clock)
    over_accounts, accounts = make_accounts(home, database, grants, tool_host, network)
    offered = (*over_accounts, *providers)
    executor = make_executor(home, database, stores, grants, tool_host, network, walls, offered)
    desk = WallDesk(inbox, audit, executor, sessions, going_on, said, clock)
    return Walled(executor, audit, inbox, desk, going_on, accounts)


@dataclass(frozen=True, slots=True)
class Toolbox:
    """The tools of an agent with what they work with: what is granted, who runs them, and the servers of MCP."""

    walled: Walled
    grants: GrantStore
    tool_host: ToolHost
    network: Network
    mcp: McpDesk


def make_toolbox(
    home: Home,
    settings: Settings,
    database: Database,
    stores: TurnStores,
    secrets: SecretKeeper,
    publish: Callable[[InboxChanged | ChatChanged], object],
    stack: AsyncExitStack,
    providers: Sequence[ToolProvider] = (),
) -> Toolbox:
    """Return the tools of an agent, those of `providers` among them; `stack` ends what runs them."""
    grants = GrantStore(database, (*own_folders(home), *launch_files()), SystemClock())
    tool_host = ToolHost()
    stack.push_async_callback(tool_host.stop)
    network = make_network(settings, secrets, grants, home.settings_file)
    stack.push_async_callback(network.stop)
    servers, mcp = make_mcp(home, network, secrets, stack)
    walled = make_walled(home, database, stores, grants, tool_host, network, publish, (servers, *providers))
    return Toolbox(walled, grants, tool_host, network, mcp)


def zone_name() -> str:
    """Return the name of the user's time zone."""
    from openclaw_desktop.system.region import find_zone

    return str(find_zone())


def read_time(words: str) -> datetime | None:
    """Return the coming moment that `words` mean in the user's zone and locale; None where they mean none."""
    from openclaw_desktop.scheduler.words import Unclear, understand
    from openclaw_desktop.system.region import find_zone, is_day_first

    zone = find_zone()
    now = datetime.now(zone)
    understood = understand(words, now, zone, is_day_first(os.environ))
    return None if isinstance(understood, Unclear) else next(iter(understood.next_times(now, 1)), None)


def find_times(text: str) -> tuple[str, ...]:
    """Return the times that stand in `text`, in its words, as the user's zone and locale read them."""
    # Imported with the first call that takes a time: dateutil has no place in an idle agent.
    from openclaw_desktop.scheduler.phrases import find_phrases
    from openclaw_desktop.system.region import find_zone, is_day_first

    zone = find_zone()
    return find_phrases(text, datetime.now(zone), zone, is_day_first(os.environ))


def _find_problem(arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    # Imported with the first call: jsonschema's 10 MB have no place in an idle agent.
    from openclaw_desktop.tools.arguments import find_problem

    return find_problem(arguments, schema)
