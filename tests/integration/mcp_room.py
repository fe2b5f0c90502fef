"""Servers of MCP for tests: a book, the ways that a server is given, and a yes to all of its tools."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from hostile_web import KeptSecrets

from openclaw_desktop.core.clock import Clock
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.security.broker.dialling import Dialler
from openclaw_desktop.security.broker.fetching import Broker
from openclaw_desktop.tools.mcp.book import McpBook
from openclaw_desktop.tools.mcp.form import Server, read_form
from openclaw_desktop.tools.mcp.link import Answer, Ways
from openclaw_desktop.tools.mcp.offers import Offer
from openclaw_desktop.tools.mcp.servers import McpServers

_SEEN: dict[tuple[str, ...], tuple[Offer, ...]] = {}
HOSTILE = Path(__file__).with_name("hostile_mcp.py")
BESIDE = Path(sys.executable).parent


def hostile(mode: str = "list", **more: Any) -> Server:
    """Return the hostile server, which needs no folder but its own script's."""
    return replace(Server("hostile", (sys.executable, str(HOSTILE), mode), timeout_s=20.0), **more)


def installed(name: str, *arguments: str, **more: Any) -> Server:
    """Return a public server that is installed beside this Python, as a user pastes it."""
    form = f'{{"mcpServers": {{"{name.removeprefix("mcp-server-")}": {{"command": "{BESIDE / name}"}}}}}}'
    server = read_form(form)[0]
    return replace(server, command=(*server.command, *arguments), **more)


class Room:
    """Servers over a book in `folder`."""

    def __init__(
        self,
        folder: Path,
        *servers: Server,
        secrets: Mapping[tuple[str, str], str] | None = None,
        dialler: Dialler | None = None,
        clock: Clock | None = None,
        open_timeout_s: float = 60.0,
        idle_s: float = 600.0,
    ) -> None:
        kept = KeptSecrets(secrets or {})
        dialler = dialler or Dialler(kept)
        own = folder / "own"
        own.mkdir(exist_ok=True)
        self.book = McpBook(folder / "mcp.json")
        self.ways = Ways(Broker(dialler), dialler, kept, (own,), open_timeout_s)
        self.servers = McpServers(self.book, self.ways, clock, idle_s)
        self.book.put(*servers)

    async def approve(self, name: str) -> tuple[str, ...]:
        """See what a server lists, the hostile one's list once for all tests, and allow it; return the names.

        The process that was seen and refused is the one that is called after that: a start takes a second or two.
        """
        server = self.book.get(name)
        key = server.command if name == "hostile" else ()
        offers = _SEEN.get(key)
        if offers is None:
            try:
                await self.servers.running(name)
            except UserError as error:
                if error.failure.code != "mcp_changed":
                    raise
            offers = self.book.get(name).offered
            assert offers is not None and self.servers.tools() == ()
        if key:
            _SEEN[key] = offers
        self.book.change(name, lambda server: replace(server, tools=offers, offered=None))
        return tuple(offer.name for offer in offers)

    async def call(self, name: str, tool: str, timeout_s: float = 20.0, **arguments: Any) -> Answer:
        return await self.servers.call(name, tool, arguments, timeout_s)
