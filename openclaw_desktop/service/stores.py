"""What a turn keeps: its messages, its scratch, and what the user told with it.

Owns the way between the agent's plain values and the stores. Must not know prompts. Loop.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from openclaw_desktop.agent.compaction import Extract
from openclaw_desktop.agent.context import PastTurn
from openclaw_desktop.agent.loop import call_messages
from openclaw_desktop.agent.plain_requests import ForgetAbout, parse_plain
from openclaw_desktop.core.labels import USER, Label
from openclaw_desktop.core.messages import Answer, CallOutcome, Message
from openclaw_desktop.core.protocols import Forgotten, Memory
from openclaw_desktop.core.sentences import Passage, split_sentences
from openclaw_desktop.core.text import tr
from openclaw_desktop.memory.consolidation import mood
from openclaw_desktop.memory.consolidation.checking import is_borne_out
from openclaw_desktop.memory.erased_rows import redacted_request
from openclaw_desktop.memory.records import NewMemory, Recollection
from openclaw_desktop.memory.sessions import AFTER_PARKED, JOB_TURN, QUESTION_KEY, Scratch, SessionStore, SpokenMessage
from openclaw_desktop.memory.store import MemoryStore

FACT_IMPORTANCE = 0.8
TURN_IMPORTANCE = {"user": 0.3, "assistant": 0.1}
STATEMENT_CHARS = (12, 600)
# Of every turn there is a memory, and only some of them tell anything: so many are looked at for each one offered.
LOOKED_AT = 4
EMBEDDING_WAIT_S = 2.0
# The turns that code puts into a chat, by the id of an inbox entry: what became of its call, and what was gone on with.
TOLD_TURN, THEN_TURN = AFTER_PARKED
# "Save that" may mean what the user said some turns ago.
LATELY_SAID = 12
_QUESTION = re.compile(
    r"\?\s*$|^\s*(?:what|when|where|who|why|how|which|can|could|would|do|does|did|is|are|will)\b", re.I
)
_ABOUT_ME = re.compile(r"\b(?:i|i['’]m|i['’]ve|my|mine|me|we|our|us)\b", re.I)
_YOU_SAID = re.compile(
    r"\byou(?:'ve)?(?: \w+){0,2} (?:say|said|suggest\w*|recommend\w*|advis\w*|tell|told|answer\w*|explain\w*|mention\w*"
    r"|propos\w*|call\w*|writ\w*|wrote)\b|\byour (?:answer|suggestion|recommendation|advice|explanation|idea)\b",
    re.I,
)
_CONTENT_WORD = re.compile(r"[^\W_]{4,}")
_NUMBER = re.compile(r"\d{2,}")
_LETTERS = re.compile(r"\w+")


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

    async def fold(self, session_id: str, extracts: Sequence[Extract], lightened: Sequence[str] = ()) -> None:
        """Store what is left of folded turns, and that the questions of `lightened` turns stand alone from now on."""
        left = [SpokenMessage(extract.turn_id, extract.role, extract.text, extract.label) for extract in extracts]
        await self._sessions.fold(session_id, left, lightened)

    async def keep_question(self, session_id: str, turn_id: str, text: str, label: Label = USER) -> None:
        """Store the user's message, or a job's."""
        await self._sessions.add_message(session_id, SpokenMessage(turn_id, "user", text, label))

    async def keep_answer(
        self, session_id: str, answer: Answer, asked: Message | None = None, erasures: int | None = None
    ) -> None:
        """Store the answer with its receipts, its tools' results as scratch, and both sides of the turn as memories.

        `asked`, the question with memories and date as the model read it, is scratch too. `erasures`: how often
        something had been erased when the turn began; the words may hold what went since, and are not stored then.
        """
        async with self._memories.erasing.held():
            if erasures is not None and erasures != self.erasures():
                answer, asked = _without_words(answer), None
            receipts = tuple(receipt.text for receipt in answer.receipts)
            spoken = SpokenMessage(answer.turn_id, "assistant", answer.answer, answer.label, answer.model, receipts)
            await self._sessions.add_message(session_id, spoken)
            erased = _erases(answer)
            if erased:
                await self._sessions.redact(answer.turn_id, redacted_request())
            if results := _results(answer, asked):
                await self._sessions.add_scratch(session_id, results)
            await self._memories.note_use(answer.memories_used)
            if not erased:
                await self._keep_turn(session_id, answer)

    async def _keep_turn(self, session_id: str, answer: Answer) -> None:
        """Make memories of what both said; the answer is derived from the memories that it repeats."""
        messages = [m for m in await self._sessions.messages(session_id, limit=2) if m.turn_id == answer.turn_id]
        used = [memory for id_ in answer.memories_used if (memory := await self._memories.get(id_)) is not None]
        repeated = tuple(memory.id for memory in used if repeats(answer.answer, memory.text))
        await self._keep_turns([(session_id, message) for message in messages], repeated)

    async def keep_unanswered(self, turn_id: str | None = None) -> None:
        """Make memories of what the user told in a turn that never came to an answer; None: in any, before a start."""
        async with self._memories.erasing.held():
            await self._keep_turns(await self._sessions.unremembered(turn_id), ())

    async def _keep_turns(self, spoken: Sequence[tuple[str, SpokenMessage]], repeated: tuple[str, ...]) -> None:
        kept = [
            NewMemory(
                message.text, source="chat", created_at=message.created_at, session_id=session_id,
                speaker=message.role, importance=TURN_IMPORTANCE[message.role], turn_id=message.turn_id,
                kind="turn", tier="short", label=message.label,
                derived_from=repeated if message.role == "assistant" else (),
            )
            for session_id, message in spoken
            if message.text.strip() and message.text != redacted_request() and not _is_by_code(message)
            and not isinstance(parse_plain(message.text), ForgetAbout)
        ]  # fmt: skip
        if kept:
            await self._memories.remember_many(kept, told=True)

    async def _who_said(self, text: str, session_id: str | None) -> str:
        """Return whose words a model or the plain path wants kept: the user's, or what the agent made itself."""
        if session_id is None:
            return "user"
        messages = await self._sessions.messages(session_id, limit=LATELY_SAID)
        return "user" if any(m.role == "user" and _is_said(text, m.text) for m in messages) else "assistant"

    def erasures(self) -> int:
        """Return how often something was erased since the start."""
        return self._memories.erasures

    async def recall(self, query: str, k: int) -> tuple[Memory, ...]:
        """Return memories that tell something, for a prompt or a tool; see `core.protocols.Recall`.

        What the agent said itself is among them only where that is asked for. A medium-term fact is offered wherever it
        fits: it goes before what fits no better. Whoever asks waits for a model of seconds, so the one of half a second
        that finds by meaning is waited for too.
        """
        await self._memories.vectors.load_within(EMBEDDING_WAIT_S)
        hits = await self._memories.recall(query, LOOKED_AT * k, facts=LOOKED_AT * k)
        by_agent = _YOU_SAID.search(query) is not None
        telling = [hit for hit in hits if hit.kind != "turn" or _tells(hit, by_agent)]
        return tuple(_as_memory(hit) for hit in _with_facts(telling, k))

    async def forget(self, ids: Sequence[str], asked_in: str | None = None) -> Forgotten:
        """Erase memories; see `core.protocols.Forget`. Large files are written anew later: a chat goes on meanwhile."""
        receipt = await self._memories.erasing.erase(ids, asked_in)
        return Forgotten(receipt.asked, receipt.pending)

    async def count_along(self, ids: Sequence[str]) -> int:
        """Return how many other memories go with these; see `core.protocols.CountAlong`."""
        return await self._memories.erasing.count_along(ids)

    async def remember(self, text: str, label: Label, session_id: str | None, turn_id: str | None) -> Memory:
        """Keep a fact; see `core.protocols.Remember`."""
        speaker = "" if label.integrity == "untrusted" else await self._who_said(text, session_id)
        memory_id = await self._memories.remember(
            NewMemory(
                text, source="chat", session_id=session_id, turn_id=turn_id, tier="medium", speaker=speaker,
                importance=FACT_IMPORTANCE, confidence=0.5 if speaker == "assistant" else 1.0, label=label,
            ),
            told=speaker == "user",
        )  # fmt: skip
        kept = await self._memories.get(memory_id)
        assert kept is not None
        return _as_memory(kept)


def _is_by_code(message: SpokenMessage) -> bool:
    """True for what stands in a chat in the place of the user's words and tells nothing of theirs."""
    return message.role == "user" and message.turn_id.startswith((TOLD_TURN, THEN_TURN, JOB_TURN))


def _is_said(text: str, said: str) -> bool:
    """True where the user's words have `text`, letter for letter, or bear out what a model made of them."""
    return _letters(text) in _letters(said) or is_borne_out(text, said)


def _letters(text: str) -> str:
    """Return a text without what is typed one way and read another: spaces, quotes, apostrophes, capitals."""
    return "".join(_LETTERS.findall(text.casefold()))


def is_statement(text: str) -> bool:
    """True where the user tells something about themselves in a sentence of it, rather than asks or orders."""
    return STATEMENT_CHARS[0] <= len(text) <= STATEMENT_CHARS[1] and any(
        _ABOUT_ME.search(sentence) and not _QUESTION.search(sentence) and not mood.orders(sentence)
        for sentence in (passage.text for passage in split_sentences([Passage("", text, USER)]))
    )


def repeats(answer: str, memory: str) -> bool:
    """True where an answer says again what a memory says: most of its longer words, or one of its numbers."""
    held = {word.lower() for word in _CONTENT_WORD.findall(memory)}
    said = {word.lower() for word in _CONTENT_WORD.findall(answer)}
    numbers = set(_NUMBER.findall(memory)) & set(_NUMBER.findall(answer))
    return bool(numbers) or (bool(held) and len(held & said) * 2 >= len(held))


def _erases(answer: Answer) -> bool:
    return any(receipt.kind == "memory.erased" for receipt in answer.receipts)


def _without_words(answer: Answer) -> Answer:
    """Return an answer that says what was done, or that it was left out, and nothing of what was read for it."""
    left_out = tr("[Left out: something was erased while this was being written.]")
    words = " ".join(receipt.text for receipt in answer.receipts) if _erases(answer) else left_out
    return replace(answer, answer=words, tool_calls=())


def _results(answer: Answer, asked: Message | None) -> list[Scratch]:
    """Return what a turn read, for the questions that follow."""
    question = [Scratch(answer.turn_id, QUESTION_KEY, asked.text, asked.label)] if asked is not None else []
    return question + [
        Scratch(
            answer.turn_id, json.dumps({"tool": call.name, **call.arguments}, sort_keys=True), call.result, call.label
        )
        for call in answer.tool_calls
        # Memories, erased ones and others, must not stay behind in what a call said or returned.
        if call.status == "done" and call.result is not None and call.name not in ("forget", "recall")
    ]


def _with_facts(hits: Sequence[Recollection], k: int) -> list[Recollection]:
    """Return the best `k`, but for the last of them that medium-term facts further down fit as well as."""
    chosen = list(hits[:k])
    for fact in hits[k:]:
        if fact.tier != "medium":
            continue
        for place in range(len(chosen) - 1, 0, -1):
            if chosen[place].tier != "medium" and chosen[place].relevance <= fact.relevance:
                chosen[place:] = [*chosen[place + 1 :], fact]
                break
    return chosen


def _tells(hit: Recollection, by_agent: bool) -> bool:
    if hit.speaker == "assistant":
        return by_agent
    if hit.speaker == "user":
        return is_statement(hit.text) and parse_plain(hit.text) is None
    return not _QUESTION.search(hit.text)


def _as_memory(hit: Recollection) -> Memory:
    return Memory(hit.id, hit.text, hit.label, hit.created_at, hit.relevance, hit.ended)
