"""Which tools there are by now: the built-in ones, the servers of MCP, plugins.

Owns their order and whose tool a name means. Must not know what a tool does, nor who may call it. Loop.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from openclaw_desktop.core.messages import ToolSpec
from openclaw_desktop.core.protocols import PlainForm, Tool, ToolProvider

log = logging.getLogger(__name__)


class BuiltIns:
    """`core.protocols.ToolProvider` over a fixed set of tools."""

    def __init__(self, tools: Iterable[Tool]) -> None:
        self._tools = tuple(tools)

    def tools(self) -> Sequence[Tool]:
        """Return the tools."""
        return self._tools


class Registry:
    """The tools of several providers under one name each. What they offer may change while the agent runs."""

    def __init__(self, providers: Iterable[ToolProvider], plain: Iterable[PlainForm] = ()) -> None:
        """`plain`: the plain requests of the tools, in the order in which they are tried."""
        self._providers = list(providers)
        self._plain = tuple(plain)
        self._refused: set[tuple[str, str]] = set()

    def tools(self) -> tuple[Tool, ...]:
        """Return the tools on offer, sorted by name, so that prompts stay the same.

        Of a name that is offered twice our own tool counts, else the first one: nobody can put a tool in its place.
        """
        found: dict[str, Tool] = {}
        offered = [tool for provider in self._providers for tool in provider.tools()]
        for tool in sorted(offered, key=lambda tool: tool.spec.source != ""):
            if found.setdefault(tool.spec.name, tool) is not tool:
                self._tell(tool.spec)
        return tuple(tool for _, tool in sorted(found.items()))

    def specs(self) -> tuple[ToolSpec, ...]:
        """Return what the tools on offer are, sorted by name."""
        return tuple(tool.spec for tool in self.tools())

    def get(self, name: str) -> Tool | None:
        """Return the tool of that name; None where there is none by now."""
        return next((tool for tool in self.tools() if tool.spec.name == name), None)

    def plain_forms(self) -> tuple[PlainForm, ...]:
        """Return the plain requests whose tool is on offer."""
        names = {tool.spec.name for tool in self.tools()}
        return tuple(form for form in self._plain if form.tool in names)

    def _tell(self, spec: ToolSpec) -> None:
        refused = (spec.source, spec.name)
        if refused not in self._refused:
            self._refused.add(refused)
            log.warning("a second tool %r (from %r) is not offered: the name is taken", *refused)
