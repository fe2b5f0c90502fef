"""One tool of an MCP server, as a tool of the agent's.

Owns what a server's tool may do here: it acts on the world outside unless the user says that it only reads, each
argument carries authority, and what comes back is a stranger's text. Must not know how a server runs. Loop.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import re
from collections.abc import Awaitable, Mapping
from typing import Any, Protocol

from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.messages import Effect, Receipt, ToolCall, ToolSpec
from openclaw_desktop.core.protocols import CallScene, ToolResult
from openclaw_desktop.core.text import tr, without_controls
from openclaw_desktop.core.tokens import clip
from openclaw_desktop.tools.mcp.form import Server
from openclaw_desktop.tools.mcp.link import OPEN_TIMEOUT_S, Answer
from openclaw_desktop.tools.mcp.offers import Offer

NAME_CHARS = 64
ERROR_TOKENS = 200


class Calls(Protocol):
    """Calls a tool of a server."""

    def __call__(self, name: str, tool: str, arguments: Mapping[str, Any], timeout_s: float) -> Awaitable[Answer]:
        """Return what it gave back; raises UserError."""
        ...


def tool_name(server: str, tool: str) -> str:
    """Return what a server's tool is called here: its server's name stands before it."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", f"{server}_{tool}")[:NAME_CHARS]


class McpTool:
    """One tool of `server`; `call` carries it out."""

    def __init__(self, server: Server, offer: Offer, call: Calls) -> None:
        effect: Effect = "outbound"
        if offer.destructive:
            effect = "guarded"  # a server's word can only make it stricter
        elif offer.name in server.reads and not server.sends:
            effect = "read"  # what may leave this machine never only reads: its arguments carry data
        self._server = server
        self._offer = offer
        self._call = call
        self.spec = ToolSpec(
            name=tool_name(server.name, offer.name),
            description=offer.description,
            parameters=offer.schema,
            effect=effect,
            capability="mcp:call",
            authority=tuple(offer.schema.get("properties", {})),
            # The first call starts the server: the call itself keeps to the server's own limit.
            timeout_s=server.timeout_s + OPEN_TIMEOUT_S,
            source=server.origin,
        )

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        """Return the call as it is: its arguments were checked against the tool's schema."""
        return dataclasses.replace(call, arguments=copy.deepcopy(dict(call.arguments)))

    async def preview(self, call: ToolCall, scene: CallScene) -> str:
        """Return where the arguments may go."""
        server = self._server
        if server.url:
            return tr("It is sent to {host}.", host=server.secret_host)
        if server.network == "full":
            return tr("Its server has the whole network, and no jail holds it there (level 1).")
        if server.network == "hosts":
            return tr("Its server runs in a jail and may reach: {hosts}.", hosts=", ".join(server.hosts))
        return tr("Its server runs in a jail without a network.")

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Call the server and return what it says: untrusted text of `mcp:SERVER`."""
        answer = await self._call(self._server.name, self._offer.name, call.arguments, self._server.timeout_s)
        label = Label("untrusted", "private", (self._server.origin,))
        text = without_controls(answer.text)
        if answer.failed:
            said = clip(text, ERROR_TOKENS) or tr("nothing more")
            return ToolResult(
                "", label, error=tr("{server} says that it failed: {text}", server=self._server.name, text=said)
            )
        data = without_controls(json.dumps(answer.data, ensure_ascii=False))
        if not text and answer.data is not None:
            text = data
        shown = clip(text, scene.result_tokens)
        if shown != text or answer.cut:
            shown += tr("\n[cut: there was more]")
        receipt = Receipt("mcp.called", tr("called {tool}", tool=self.spec.name), call.id, self._server.origin)
        return ToolResult(shown or tr("It gave nothing back."), label, (receipt,), json.loads(data))
