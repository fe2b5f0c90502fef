"""Whose tool a name means, whoever offers it."""

import re
from collections.abc import Sequence

from openclaw_desktop.core.messages import ToolCall, ToolSpec
from openclaw_desktop.core.protocols import CallScene, PlainForm, Tool, ToolResult
from openclaw_desktop.tools.registry import BuiltIns, Registry


class Named:
    def __init__(self, name: str, source: str = "") -> None:
        self.spec = ToolSpec(name, "", {}, "read", source=source)

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        return call

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        raise NotImplementedError


class Changing:
    def __init__(self, *tools: Tool) -> None:
        self.offered = tools

    def tools(self) -> Sequence[Tool]:
        return self.offered


def test_nobody_puts_a_tool_in_the_place_of_ours() -> None:
    ours, theirs = Named("read_file"), Named("read_file", "mcp:evil")
    first, second = Named("search", "mcp:a"), Named("search", "mcp:b")
    registry = Registry([Changing(theirs, first), BuiltIns([ours]), Changing(second)])
    assert registry.get("read_file") is ours
    assert registry.get("search") is first
    assert [spec.name for spec in registry.specs()] == ["read_file", "search"]


def test_what_is_on_offer_may_change_and_plain_requests_with_it() -> None:
    server = Changing()
    form = PlainForm(re.compile("go"), "later", lambda match: {})
    registry = Registry([BuiltIns([Named("b"), Named("a")]), server], [form])
    assert ([spec.name for spec in registry.specs()], registry.plain_forms()) == (["a", "b"], ())
    server.offered = (Named("later", "mcp:x"),)
    assert ([spec.name for spec in registry.specs()], registry.plain_forms()) == (["a", "b", "later"], (form,))
    assert registry.get("gone") is None
