"""The tools over the agent's own memory: remember, recall.

Owns their schemas and receipts. Must not know how memories are stored. Loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.messages import Receipt, ToolCall, ToolSpec
from openclaw_desktop.core.protocols import RELEVANT, CallScene, Recall, Remember, ToolResult, memory_lines
from openclaw_desktop.core.text import tr

RECALL_LIMIT = 5

Join = Callable[[Iterable[Label]], Label]


class RememberTool:
    """Keeps a fact."""

    spec = ToolSpec(
        name="remember",
        description="keep a fact for the user; only when they ask you to remember or note something",
        parameters={
            "type": "object",
            "properties": {"text": {"type": "string", "minLength": 1, "maxLength": 2000}},
            "required": ["text"],
            "additionalProperties": False,
        },
        effect="local-reversible",
    )

    def __init__(self, remember: Remember) -> None:
        self._remember = remember

    def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        """Return the call: it has no authority arguments."""
        return call

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Keep the text with the label of all that the model had read: a poisoned context makes no trusted fact."""
        session, turn = (None, None) if scene.incognito else (scene.session_id, scene.turn_id)
        memory = await self._remember(call.arguments["text"], scene.context, session, turn)
        receipt = Receipt("memory.saved", tr("saved"), call.id, memory.id)
        return ToolResult(f"Saved: {memory.text}", scene.context, (receipt,))


class RecallTool:
    """Searches the memories."""

    spec = ToolSpec(
        name="recall",
        description="search what the user told you before",
        parameters={
            "type": "object",
            "properties": {"query": {"type": "string", "minLength": 1, "maxLength": 500}},
            "required": ["query"],
            "additionalProperties": False,
        },
        effect="read",
    )

    def __init__(self, recall: Recall, join: Join) -> None:
        self._recall = recall
        self._join = join

    def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        """Return the call: it has no authority arguments."""
        return call

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Return the best memories, one a line."""
        found = [
            memory
            for memory in await self._recall(call.arguments["query"], RECALL_LIMIT)
            if memory.relevance >= RELEVANT
        ]
        receipt = Receipt("memory.searched", tr("searched memory"), call.id)
        return ToolResult(
            memory_lines(found) or "Nothing about that is remembered.", self._join(m.label for m in found), (receipt,)
        )
