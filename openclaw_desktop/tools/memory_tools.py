"""The tools over the agent's own memory: remember, recall, forget.

Owns their schemas and receipts. Must not know how memories are stored. Loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.memory_lines import memory_lines
from openclaw_desktop.core.messages import Receipt, ToolCall, ToolSpec
from openclaw_desktop.core.protocols import (
    RELEVANT,
    CallScene,
    CountAlong,
    Forget,
    Recall,
    Remember,
    ToolResult,
)
from openclaw_desktop.core.text import tr
from openclaw_desktop.tools.execution import with_arguments

RECALL_LIMIT = 5
# Beside the best memory about something, only those nearly as close are meant by the same words.
MEANT = 0.8

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

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
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

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
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


class ForgetTool:
    """Erases what the user told about something, after they saw what it is."""

    spec = ToolSpec(
        name="forget",
        description="erase what the user told you about something; only when they ask you to forget it",
        parameters={
            "type": "object",
            "properties": {"query": {"type": "string", "minLength": 1, "maxLength": 500}},
            "required": ["query"],
            "additionalProperties": False,
        },
        effect="guarded",
        authority=("memories",),
    )

    def __init__(self, recall: Recall, forget: Forget, count_along: CountAlong) -> None:
        self._recall = recall
        self._forget = forget
        self._count_along = count_along

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        """Return the call with the memories that are meant: their ids, and their texts for the question."""
        found = await self._recall(call.arguments["query"], RECALL_LIMIT)
        best = max((memory.relevance for memory in found), default=0.0)
        meant = [memory for memory in found if memory.relevance >= max(RELEVANT, MEANT * best)]
        if not meant:
            raise UserError("nothing_remembered", tr("Nothing about that is remembered, so nothing was erased."))
        ids = sorted(memory.id for memory in meant)
        shown = "; ".join(f"{memory.created_at[:10]}: {memory.text}" for memory in meant)
        if along := await self._count_along(ids):
            shown += "; " + tr("with it go {count} more: the words it came from, and what was made of it", count=along)
        return with_arguments(call, ids=ids, memories=shown)

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Erase exactly the memories of the frozen call; the result says how many, and repeats none of them.

        It counts what the question counted: what was shown, and what goes with that.
        """
        along = await self._count_along(call.arguments["ids"])
        gone = await self._forget(call.arguments["ids"], None if scene.incognito else scene.turn_id)
        receipt = Receipt("memory.erased", tr("erased {count}", count=gone.count + along), call.id)
        done = tr("Erased: {count}.", count=gone.count)
        if along:
            done = tr("Erased: {count}, and with it {along} more.", count=gone.count, along=along)
        return ToolResult(f"{done} {gone.pending}".strip(), scene.context, (receipt,))
