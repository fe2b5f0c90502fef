"""What front ends see of the servers of MCP.

Owns the values and the commands. Must not know how they are done.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

from openclaw_desktop.core.messages import Effect

# "waits": its tools, or what changed of them, wait for approval. "down": it failed when it was last needed.
McpState = Literal["ready", "running", "waits", "off", "down"]


@dataclass(frozen=True, slots=True)
class McpToolView:
    """A tool that a server lists. `called`: its name here; `problem`: why it is never offered, "" where it may be."""

    name: str
    called: str
    description: str
    arguments: tuple[str, ...]
    effect: Effect
    on: bool
    problem: str


@dataclass(frozen=True, slots=True)
class McpServerView:
    """One server. `target`: its command or its address; `title`: what it calls itself.

    `level`: of its jail. `network`: "none", "hosts" (those of `hosts`) or "full". `variables`, `headers`: names alone.
    `tools`: the list that waits for approval, else the approved one, with its `fingerprint`; `changes`: what differs
    from what was approved before. `unread`: paths of its command that it can't read. `detail`: its own last words.
    """

    name: str
    target: str
    title: str
    state: McpState
    problem: str
    detail: str
    level: int
    network: str
    hosts: tuple[str, ...]
    read: tuple[str, ...]
    write: tuple[str, ...]
    variables: tuple[str, ...]
    headers: tuple[str, ...]
    tools: tuple[McpToolView, ...]
    fingerprint: str
    changes: tuple[str, ...]
    unread: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class McpWalls:
    """What servers that are added may touch: canonical folders, and the network."""

    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    network: Literal["none", "hosts", "full"] = "none"
    hosts: tuple[str, ...] = ()
    timeout_s: float = 60.0


@dataclass(frozen=True, slots=True)
class McpChoice:
    """What is offered of a server: None and () leave it as it is. Names of tools as the server has them.

    `reads`: tools that only read, as the user says; `acts`: those that are again taken for more.
    """

    on: bool | None = None
    tools_on: tuple[str, ...] = ()
    tools_off: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    acts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class McpStatus:
    """How many servers there are, and why each of those that are on and can't be used is not, by name."""

    servers: int = 0
    down: dict[str, str] = field(default_factory=dict)


class McpCommands(Protocol):
    """The commands about servers of MCP; those that allow something are for a person in a window or a real terminal."""

    async def add_mcp(self, form: str, name: str, walls: McpWalls) -> tuple[McpServerView, ...]:
        """Take up the servers of a pasted JSON and look at their tools, which then wait for approval."""
        ...

    async def list_mcp(self) -> tuple[McpServerView, ...]:
        """List the servers."""
        ...

    async def look_at_mcp(self, name: str) -> McpServerView:
        """Start a server for a look and return it with the tools that it lists now; raises where it does not start."""
        ...

    async def approve_mcp(self, name: str, fingerprint: str) -> McpServerView:
        """Allow the list of tools that was shown; raises where it is another one by now."""
        ...

    async def choose_mcp(self, name: str, choice: McpChoice) -> McpServerView:
        """Turn a server or some of its tools on or off."""
        ...

    async def remove_mcp(self, name: str) -> None:
        """Forget a server."""
        ...
