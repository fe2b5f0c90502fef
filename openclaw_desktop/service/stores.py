"""What a turn keeps: its messages, its scratch, and what the user told with it.

Owns the way between the agent's plain values and the stores. Must not know prompts. Loop.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Sequence

from openclaw_desktop.agent.compaction import Extract
from openclaw_desktop.agent.context import PastTurn
from openclaw_desktop.agent.loop import call_messages
from openclaw_desktop.agent.plain_requests import ForgetAbout, parse_plain
from openclaw_desktop.core.labels import USER, Label
from openclaw_desktop.core.messages import Answer, CallOutcome, Message
from openclaw_desktop.core.protocols import Memory
from openclaw_desktop.core.text import tr
from openclaw_desktop.memory.records import NewMemory, Recollection
from openclaw_desktop.memory.sessions import QUESTION_KEY, Scratch, SessionStore, SpokenMessage
from openclaw_desktop.memory.store import MemoryStore

FACT_IMPORTANCE = 0.8
TURN_IMPORTANCE = 0.3
STATEMENT_CHARS = (12, 600)
_QUESTION = re.compile(
    r"\?\s*$|^\s*(?:what|when|where|who|why|how|which|can|could|would|do|does|did|is|are|will)\b", re.I
)
_ABOUT_ME = re.compile(r"\b(?:i|i['’]m|i['’]ve|my|mine|me|we|our|us)\b", re.I)


class TurnStores:
    """`agent.session.Stores`, `Recall` and `Remember` over one file."""

    def __init__(self, sessions: SessionStore, memories: MemoryStore) -> None:
        self._sessions = sessions
        self._memories = memories

    async def past_turns(self, session_id: str) -> tuple[PastTurn, ...]:
        """Return the finished turns of a session, oldest first, with what their tools returned while it is kept."""
        scratch: dict[str, list[Message]] = defaultdict(list)
        read: dict[str, Message] = {}
        for entry in await self._sessions.scratch(session_id):
            if entry.key == QUESTION_KEY:
                read[entry.turn_id] = Message("user", entry.value, entry.label)
                continue
            call = json.loads(entry.key)
            outcome = CallOutcome("", call.pop("tool"), call, "done", result=entry.value, label=entry.label)
            scratch[entry.turn_id] += call_messages(outcome)
        turns: list[PastTurn] = []
        question: SpokenMessage | None = None
        for message in await self._sessions.messages(session_id, folded=False):
            if message.role == "user":
                question = message
            elif question is not None and question.turn_id == message.turn_id:
                asked = read.get(message.turn_id) or Message("user", question.text, question.label)
                answer = Message("assistant", message.text, message.label)
                spoken = Message("user", question.text, question.label)
                turns.append(PastTurn(asked, tuple(scratch[message.turn_id]), answer, message.turn_id, spoken))
        return tuple(turns)

    async def extracts(self, session_id: str) -> tuple[Extract, ...]:
        """Return what is left of a session's folded turns, oldest first."""
        folded = await self._sessions.folded(session_id)
        return tuple(Extract(message.turn_id, message.role, message.text, message.label) for message in folded)

    async def fold(self, session_id: str, extracts: Sequence[Extract]) -> None:
        """Store what is left of folded turns."""
        left = [SpokenMessage(extract.turn_id, extract.role, extract.text, extract.label) for extract in extracts]
        await self._sessions.fold(session_id, left)

    async def keep_question(self, session_id: str, turn_id: str, text: str) -> None:
        """Store the user's message."""
        await self._sessions.add_message(session_id, SpokenMessage(turn_id, "user", text, USER))

    async def keep_answer(self, session_id: str, answer: Answer, asked: Message | None = None) -> None:
        """Store the answer with its receipts, its tools' results as scratch, and a statement about the user.

        `asked`, the question with memories and date as the model read it, is scratch too.
        """
        receipts = tuple(receipt.text for receipt in answer.receipts)
        spoken = SpokenMessage(answer.turn_id, "assistant", answer.answer, answer.label, answer.model, receipts)
        await self._sessions.add_message(session_id, spoken)
        results = [
            Scratch(
                answer.turn_id,
                json.dumps({"tool": call.name, **call.arguments}, sort_keys=True),
                call.result,
                call.label,
            )
            for call in answer.tool_calls
            # Memories, erased ones and others, must not stay behind in what a call said or returned.
            if call.status == "done" and call.result is not None and call.name not in ("forget", "recall")
        ]
        erased = any(receipt.kind == "memory.erased" for receipt in answer.receipts)
        if erased:
            await self._sessions.redact(answer.turn_id, tr("[asked to forget something]"))
        if asked is not None:
            results.insert(0, Scratch(answer.turn_id, QUESTION_KEY, asked.text, asked.label))
        if results:
            await self._sessions.add_scratch(session_id, results)
        await self._memories.note_use(answer.memories_used)
        if not erased and not any(receipt.kind == "memory.saved" for receipt in answer.receipts):
            await self._keep_statement(session_id, answer.turn_id)

    async def _keep_statement(self, session_id: str, turn_id: str) -> None:
        messages = await self._sessions.messages(session_id, limit=2)
        told = next((m.text for m in messages if m.turn_id == turn_id and m.role == "user"), "")
        if is_statement(told) and not isinstance(parse_plain(told), ForgetAbout):
            await self._memories.remember(
                NewMemory(
                    told, source="chat", session_id=session_id, turn_id=turn_id, speaker="user",
                    importance=TURN_IMPORTANCE, kind="turn",
                )
            )  # fmt: skip

    def erasures(self) -> int:
        """Return how often something was erased since the start."""
        return self._memories.erasures

    async def recall(self, query: str, k: int) -> tuple[Memory, ...]:
        """Return memories for a prompt; see `core.protocols.Recall`."""
        return tuple(_as_memory(hit) for hit in await self._memories.recall(query, k))

    async def forget(self, ids: Sequence[str]) -> int:
        """Erase memories; see `core.protocols.Forget`."""
        return await self._memories.forget(ids)

    async def remember(self, text: str, label: Label, session_id: str | None, turn_id: str | None) -> Memory:
        """Keep a fact; see `core.protocols.Remember`."""
        memory_id = await self._memories.remember(
            NewMemory(
                text, source="chat", session_id=session_id, turn_id=turn_id,
                speaker="" if label.integrity == "untrusted" else "user", importance=FACT_IMPORTANCE, label=label,
            )
        )  # fmt: skip
        kept = await self._memories.get(memory_id)
        assert kept is not None
        return _as_memory(kept)


def is_statement(text: str) -> bool:
    """True where the user tells something about themselves, rather than asks or orders."""
    return (
        STATEMENT_CHARS[0] <= len(text) <= STATEMENT_CHARS[1]
        and not _QUESTION.search(text)
        and _ABOUT_ME.search(text) is not None
    )


def _as_memory(hit: Recollection) -> Memory:
    return Memory(hit.id, hit.text, hit.label, hit.created_at, hit.relevance)
