"""Both ends of the commands about servers of MCP: in the agent's process, and over its socket.

Owns the way of each command to where it is done. Must not know how. Loop.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from openclaw_desktop.service.mcp.views import McpChoice, McpServerView, McpWalls
from openclaw_desktop.service.wire import encode

if TYPE_CHECKING:  # a front end that attaches has no use for it
    from openclaw_desktop.service.mcp.desk import McpDesk

T = TypeVar("T")

MCP_COMMANDS = ("add_mcp", "list_mcp", "look_at_mcp", "approve_mcp", "choose_mcp", "remove_mcp")


class LocalMcp(ABC):
    """`McpCommands` of the agent's own process."""

    @property
    @abstractmethod
    def mcp_desk(self) -> McpDesk:
        """Who does them."""

    async def add_mcp(self, form: str, name: str, walls: McpWalls) -> tuple[McpServerView, ...]:
        """Take up servers."""
        return await self.mcp_desk.add(form, name, walls)

    async def list_mcp(self) -> tuple[McpServerView, ...]:
        """List the servers."""
        return self.mcp_desk.list()

    async def look_at_mcp(self, name: str) -> McpServerView:
        """Look at one anew."""
        return await self.mcp_desk.look(name)

    async def approve_mcp(self, name: str, fingerprint: str) -> McpServerView:
        """Allow the tools that were shown."""
        return await self.mcp_desk.approve(name, fingerprint)

    async def choose_mcp(self, name: str, choice: McpChoice) -> McpServerView:
        """Turn on or off."""
        return await self.mcp_desk.choose(name, choice)

    async def remove_mcp(self, name: str) -> None:
        """Forget one."""
        await self.mcp_desk.remove(name)


class _Calls(Protocol):
    async def _call(self, method: str, kind: type[T], **params: Any) -> T: ...


class RemoteMcp:
    """`McpCommands` at the other end of a socket."""

    async def add_mcp(self: _Calls, form: str, name: str, walls: McpWalls) -> tuple[McpServerView, ...]:
        """Take up servers."""
        return await self._call("add_mcp", tuple[McpServerView, ...], form=form, name=name, walls=encode(walls))

    async def list_mcp(self: _Calls) -> tuple[McpServerView, ...]:
        """List the servers."""
        return await self._call("list_mcp", tuple[McpServerView, ...])

    async def look_at_mcp(self: _Calls, name: str) -> McpServerView:
        """Look at one anew."""
        return await self._call("look_at_mcp", McpServerView, name=name)

    async def approve_mcp(self: _Calls, name: str, fingerprint: str) -> McpServerView:
        """Allow the tools that were shown."""
        return await self._call("approve_mcp", McpServerView, name=name, fingerprint=fingerprint)

    async def choose_mcp(self: _Calls, name: str, choice: McpChoice) -> McpServerView:
        """Turn on or off."""
        return await self._call("choose_mcp", McpServerView, name=name, choice=encode(choice))

    async def remove_mcp(self: _Calls, name: str) -> None:
        """Forget one."""
        await self._call("remove_mcp", type(None), name=name)
