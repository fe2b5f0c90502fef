"""The servers of MCP, as front ends use them: added, looked at, approved, chosen from.

Owns what is shown of them and what the doctor says. Must not know any front end. Loop.
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.service.mcp.views import McpChoice, McpServerView, McpState, McpStatus, McpToolView, McpWalls
from openclaw_desktop.service.status_views import Finding
from openclaw_desktop.tools.mcp.form import LONGEST_TIMEOUT_S, Server, already_there, clean_hosts, read_form
from openclaw_desktop.tools.mcp.launch import check_folders, find_program, named_paths, script_places
from openclaw_desktop.tools.mcp.offers import Offer, differences, fingerprint
from openclaw_desktop.tools.mcp.servers import McpServers
from openclaw_desktop.tools.mcp.tool import McpTool


class McpDesk:
    """Answers for the servers. `own`: the agent's own folders."""

    def __init__(self, servers: McpServers, own: Sequence[Path]) -> None:
        self._servers = servers
        self._own = tuple(own)
        self._titles: dict[str, str] = {}

    async def add(self, form: str, name: str, walls: McpWalls) -> tuple[McpServerView, ...]:
        """Take up servers; see `McpCommands.add_mcp`."""
        check_folders((*walls.read, *walls.write), self._own)
        if not 1 <= walls.timeout_s <= LONGEST_TIMEOUT_S:
            raise UserError("mcp_timeout", tr("A call may take 1 to 600 seconds."), exit_code=ExitCode.USAGE)
        known, hosts = self._servers.book.servers(), clean_hosts(walls.hosts)
        added = []
        for read in read_form(form, name):
            if read.name in known:
                raise already_there(read.name)
            if read.command:
                find_program(read.command[0])
                added.append(
                    replace(read, read=walls.read, write=walls.write, network=walls.network, hosts=hosts,
                            timeout_s=walls.timeout_s)
                )  # fmt: skip
            else:
                added.append(replace(read, timeout_s=walls.timeout_s))
        self._servers.book.put(*added)
        return tuple(await asyncio.gather(*(self._try(server.name) for server in added)))

    async def _try(self, name: str) -> McpServerView:
        try:
            return await self.look(name)
        except UserError as error:
            return replace(self._view(self._servers.book.get(name)), state="down", problem=error.failure.text)

    async def look(self, name: str) -> McpServerView:
        """Return a server with what it lists now; see `McpCommands.look_at_mcp`."""
        server = self._servers.book.get(name)
        await self._servers.end(name)
        title, offers = await self._servers.look(server)
        self._titles[name] = title
        same = server.tools is not None and fingerprint(server.tools) == fingerprint(offers)
        changed = self._servers.book.change(name, lambda one: replace(one, offered=None if same else offers))
        return self._view(changed)

    async def approve(self, name: str, shown: str) -> McpServerView:
        """Allow what was shown; see `McpCommands.approve_mcp`."""
        server = self._servers.book.get(name)
        if server.offered is None and server.tools is not None and fingerprint(server.tools) == shown:
            return self._view(server)
        if server.offered is None or fingerprint(server.offered) != shown:
            raise UserError(
                "mcp_changed",
                tr("That is not the list of tools that was shown."),
                tr("Look at it again: openclaw-agent mcp approve {server}", server=name),
                ExitCode.DENIED,
            )
        approved = self._servers.book.change(name, lambda one: replace(one, tools=server.offered, offered=None))
        await self._servers.end(name)
        return self._view(approved)

    async def choose(self, name: str, choice: McpChoice) -> McpServerView:
        """Turn a server or its tools on or off; see `McpCommands.choose_mcp`."""
        server = self._servers.book.get(name)
        known = {offer.name for offer in (*(server.tools or ()), *(server.offered or ()))}
        for tool in (*choice.tools_on, *choice.tools_off, *choice.reads, *choice.acts):
            if tool not in known:
                raise UserError(
                    "no_such_tool",
                    tr("{server} has no tool {tool}.", server=name, tool=visible(tool[:80])),
                    tr("See which it has: openclaw-agent mcp show {server}", server=name),
                    ExitCode.USAGE,
                )
        if choice.reads and server.sends:
            raise UserError(
                "mcp_reads",
                tr("What {server} is asked may leave this machine, so none of its tools only reads.", server=name),
                tr("That can be said of a server without a network."),
                ExitCode.USAGE,
            )
        off = (set(server.off) | set(choice.tools_off)) - set(choice.tools_on)
        reads = (set(server.reads) | set(choice.reads)) - set(choice.acts)
        on = server.on if choice.on is None else choice.on
        changed = self._servers.book.change(
            name, lambda one: replace(one, on=on, off=tuple(sorted(off)), reads=tuple(sorted(reads)))
        )
        if not on:
            await self._servers.end(name)
        return self._view(changed)

    async def remove(self, name: str) -> None:
        """Forget a server."""
        self._servers.book.remove(name)
        await self._servers.end(name)

    def list(self) -> tuple[McpServerView, ...]:
        """Return the servers; raises UserError where their file is damaged."""
        return tuple(self._view(server) for server in self._servers.book.servers().values())

    def status(self) -> McpStatus:
        """Return how many servers there are, and which of those that are on are down or wait."""
        try:
            views = self.list()
        except UserError as error:
            return McpStatus(0, {"": error.failure.text})
        bad = {view.name: view.problem for view in views if view.state in ("down", "waits")}
        return McpStatus(len(views), bad)

    async def findings(self) -> tuple[Finding, ...]:
        """Start every server that is on, and say which are down."""
        try:
            await self._servers.try_out()
            views = self.list()
        except UserError as error:
            return (Finding("mcp", "error", error.failure.sentence, error.failure.advice),)
        bad = [view for view in views if view.state in ("down", "waits")]
        if not bad:
            on = sum(view.state != "off" for view in views)
            return (Finding("mcp", "ok", tr("MCP servers that answer: {count}.", count=on)),) if views else ()
        return tuple(
            Finding(
                "mcp",
                "warning",
                tr("The MCP server {server} is not used. {why}", server=view.name, why=view.problem),
                tr("See openclaw-agent mcp show {server}", server=view.name) if view.state == "down" else "",
            )
            for view in bad
        )

    def _view(self, server: Server) -> McpServerView:
        health = self._servers.health(server)
        listed = server.offered if server.offered is not None else server.tools or ()
        waits = server.offered is not None or server.tools is None
        before = server.tools if server.tools is not None and server.offered is not None else None
        return McpServerView(
            server.name,
            server.url or visible(shlex.join(server.command)),
            self._titles.get(server.name, ""),
            _state(server.on, waits, health.running, health.problem),
            health.problem,
            health.detail,
            server.level,
            "hosts" if server.url else server.network,
            (server.secret_host,) if server.url else server.hosts,
            tuple(dict.fromkeys((*server.read, *script_places(server.command[1:], self._own)))),
            server.write,
            tuple(sorted(server.env)),
            tuple(sorted(server.headers)),
            tuple(self._tool(server, offer) for offer in listed),
            fingerprint(listed),
            differences(before, listed) if before is not None else (),
            named_paths(server),
        )

    def _tool(self, server: Server, offer: Offer) -> McpToolView:
        spec = McpTool(server, offer, self._servers.call).spec
        on = not offer.problem and offer.name not in server.off
        return McpToolView(
            offer.name, spec.name, offer.description, spec.authority, spec.effect, on, offer.problem
        )  # fmt: skip


def _state(on: bool, waits: bool, running: bool, problem: str) -> McpState:
    if not on:
        return "off"
    if waits:
        return "waits"
    if problem and not running:
        return "down"
    return "running" if running else "ready"
