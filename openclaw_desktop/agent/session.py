"""A user's message and all that happens to it: recall, the way it takes, the turn, and what is kept of it.

Owns the course of a turn over the session's stores, and which way a message takes (a model with tools, one that only
talks, or the deterministic path). Must not know a front end. Loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from openclaw_desktop.agent import compaction, context, loop, plain_requests, relevance, told_days
from openclaw_desktop.agent.plain_requests import RememberThis
from openclaw_desktop.agent.preparation import Preparation
from openclaw_desktop.agent.repair import FindTimes
from openclaw_desktop.core.clock import Clock
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.events import (
    ModelOffered,
    NoticeShown,
    TextAdded,
    TextWithdrawn,
    ToolFinished,
    ToolStarted,
    TurnEvent,
    TurnFinished,
    TurnStarted,
)
from openclaw_desktop.core.ids import new_id
from openclaw_desktop.core.labels import USER, Label
from openclaw_desktop.core.messages import Answer, CallOutcome, Message, Receipt, Timing, ToolCall, ToolSpec, Usage
from openclaw_desktop.core.protocols import (
    RELEVANT,
    Ask,
    CallScene,
    Complete,
    Embed,
    Execute,
    Memory,
    ModelCard,
    PlainForm,
    Prompt,
    Recall,
    Weigh,
    memory_lines,
)
from openclaw_desktop.core.text import tr

MEMORIES_OFFERED = 5
# Memories this close answer the question: searching once more would bring the same.
CERTAIN = 0.6
CHAT_TEMPERATURE = 0.3

Join = Callable[[Iterable[Label]], Label]
ParsePlain = Callable[[str], plain_requests.PlainRequest | None]


class Stores(Protocol):
    """What a turn reads and writes of its session."""

    async def past_turns(self, session_id: str) -> tuple[context.PastTurn, ...]:
        """Return the finished turns, oldest first."""
        ...

    async def extracts(self, session_id: str) -> tuple[compaction.Extract, ...]:
        """Return what is left of the turns that were folded, oldest first; they are no longer among the finished."""
        ...

    async def fold(self, session_id: str, extracts: Sequence[compaction.Extract]) -> None:
        """Store what is left of folded turns."""
        ...

    def erasures(self) -> int:
        """Return how often something was erased since the start."""
        ...

    async def keep_question(self, session_id: str, turn_id: str, text: str) -> None:
        """Store the user's message before anything else happens."""
        ...

    async def keep_unanswered(self, turn_id: str) -> None:
        """Remember what the user told in a turn that failed or was stopped before it had an answer."""
        ...

    async def keep_answer(self, session_id: str, answer: Answer, asked: Message | None, erasures: int) -> None:
        """Store the answer, its receipts, what its tools returned, and what the user told with the question.

        `asked`: the question as the model read it, to be repeated to the letter; None where none did. `erasures`, as
        they were when the turn began: what was read for it may hold what was erased since.
        """
        ...


class Models(Protocol):
    """Which model answers, and which larger one could."""

    def current(self) -> ModelCard | None:
        """Return the model in use."""
        ...

    def larger(self) -> ModelCard | None:
        """Return the model to offer where the one in use cannot call tools."""
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """What a session agent works with. `tools`, `plain_forms`: what is on offer by now, and what calls it."""

    complete: Complete
    weigh: Weigh | None
    embed: Embed | None
    execute: Execute
    recall: Recall
    stores: Stores
    models: Models
    join: Join
    tools: Callable[[], tuple[ToolSpec, ...]]
    find_times: FindTimes
    clock: Clock
    parse_plain: ParsePlain = plain_requests.parse_plain
    plain_forms: Callable[[], Iterable[PlainForm]] = tuple


@dataclass(frozen=True, slots=True)
class Task:
    """One message of the user. `ask` is None when nobody is there to answer questions.

    `call`: the one call that is asked for by name, and nothing else; no model takes part in it.
    """

    turn_id: str
    session_id: str
    text: str
    ask: Ask | None
    tools: bool = True
    incognito: bool = False
    folder: str | None = None
    files: tuple[str, ...] = ()
    call: plain_requests.ToolRequest | None = None


@dataclass(slots=True)
class _Course:
    """What is known of a turn while it runs.

    `said`: the user's words that its calls come of, behind those of the turn before where that one asked back. `told`:
    all that the model had read of this chat.
    """

    model: str | None
    started_s: float
    said: str
    label: Label = USER
    text: str = ""
    calls: list[CallOutcome] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    memories: tuple[Memory, ...] = ()
    usage: Usage = Usage()
    first_token_s: float | None = None
    offered: str | None = None
    asked: Message | None = None
    told: str = ""
    erasures: int = 0
    keeping: asyncio.Future[None] | None = None


class SessionAgent:
    """Answers messages."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        # By session: what was said of a call that still lacks something, which the next message may bring; and how
        # often something had been erased by then.
        self._asked_back: dict[str, tuple[str, int]] = {}

    async def run(self, task: Task) -> AsyncIterator[TurnEvent]:
        """Yield the events of the turn, the last of them TurnFinished; raises UserError where it cannot be answered."""
        parts = self._parts
        model = parts.models.current()
        with_tools = task.tools and model is not None and model.calls_tools
        erasures = parts.stores.erasures()
        before, erasures_before = self._asked_back.pop(task.session_id, ("", 0))
        said = f"{before}\n{task.text}" if before and erasures_before == erasures else task.text
        course = _Course(model.id if model else None, parts.clock.monotonic_s(), said, erasures=erasures)
        past = () if task.incognito else await parts.stores.past_turns(task.session_id)
        if not task.incognito:
            await parts.stores.keep_question(task.session_id, task.turn_id, task.text)
        plain = task.call or (None if task.files or not task.tools else self._parse_plain(task.text))
        if plain is not None and (plain.certain or not with_tools):
            recalled = await self._recall_for(plain, with_tools)
            if recalled is None or recalled:
                async for event in self._run_plain(task, plain, course, recalled or ()):
                    yield event
                return
        yield TurnStarted(task.turn_id, task.session_id, course.model, model is not None and model.leaves_machine)
        if model is None and (larger := parts.models.larger()) is not None:
            yield ModelOffered(task.turn_id, larger.id, larger.title, larger.size_bytes)
        try:
            async for event in self._run_model(task, course, model, with_tools, past):
                yield event
        except (asyncio.CancelledError, GeneratorExit, UserError):
            # Stopped or failed: what had been written stays in the chat, and what was done stays proved.
            if course.text or course.receipts:
                await self._keep(task, course, self._answer(task, course))
            elif not task.incognito:
                await parts.stores.keep_unanswered(task.turn_id)
            raise

    def _parse_plain(self, text: str) -> plain_requests.PlainRequest | None:
        """Return the plain request that a message is: of memory and files where that is certain, else of a tool."""
        own = self._parts.parse_plain(text)
        if own is not None and own.certain:
            return own
        return plain_requests.find_form(text, self._parts.plain_forms()) or own

    def opening(self) -> Prompt | None:
        """Return how the next prompt will begin, so that a model can read that much before a question comes."""
        model = self._parts.models.current()
        if model is None:
            return None
        tools = context.listed_tools(self._parts.tools()) if model.calls_tools else ()
        system = context.system_message(tools, plain=not model.calls_tools)
        return Prompt((system, Message("user", "", USER)), model=model.id, stable=1)

    async def _recall_for(self, plain: plain_requests.PlainRequest, with_tools: bool) -> tuple[Memory, ...] | None:
        """Return what a question about memories finds; None for other requests. () lets the model have the question."""
        if not isinstance(plain, plain_requests.RecallAbout) or (plain.certain and not with_tools):
            return None
        found = await self._parts.recall(plain.query, MEMORIES_OFFERED)
        return tuple(memory for memory in found if memory.relevance >= RELEVANT)

    async def _run_model(
        self, task: Task, course: _Course, model: ModelCard | None, with_tools: bool, past: tuple[context.PastTurn, ...]
    ) -> AsyncIterator[TurnEvent]:
        parts = self._parts
        scene = CallScene(
            task.session_id, task.turn_id, USER, folder=task.folder, incognito=task.incognito, attached=task.files
        )
        found = await parts.recall(task.text, MEMORIES_OFFERED)
        course.memories = tuple(memory for memory in found if memory.relevance >= RELEVANT)
        course.label = parts.join([course.label, *(memory.label for memory in course.memories)])
        tools = parts.tools() if with_tools else ()
        if task.incognito:
            tools = tuple(tool for tool in tools if tool.effect == "read")
        listed = context.listed_tools(tools)
        system = context.system_message(listed, plain=not with_tools)
        limit = model.context_tokens if model else 0
        room = context.room_tokens(limit, system.text, task.text, memory_lines(course.memories))
        steady = compaction.steady_room(limit, system.text, plain=not with_tools)
        compacted = await self._compact(task, past, steady, plain=not with_tools)
        if compacted.folded:
            yield NoticeShown(
                task.turn_id,
                tr("The first part of this chat no longer fits the model; it goes on with the gist of it."),
            )
        attachments: list[Message] = []
        for path in task.files:
            call = ToolCall(new_id("call"), "read_file", {"path": path})
            async for event in self._call(task, course, call, replace(scene, result_tokens=room // len(task.files))):
                yield event
            attachments.append(loop.call_messages(course.calls[-1])[1])
        remembered = [Message("user", memory.text, memory.label) for memory in course.memories]
        offered = await relevance.choose_tools(course.said, tools, parts.embed)
        further = [tool for tool in offered if tool not in listed]
        now = parts.clock.now().astimezone()
        question = context.last_message(task.text, course.memories, attachments, now, further)
        room = context.room_tokens(limit, system.text, question)
        for_results = min(context.RESULT_RESERVE_TOKENS, room // 2) if with_tools else 0
        history, whole = compaction.assemble(compacted, not with_tools, room - for_results, parts.join)
        question = context.last_message(task.text, course.memories, attachments, now, further, history)
        if not whole:
            yield NoticeShown(
                task.turn_id, tr("The first part of this chat no longer fits the model and was left out.")
            )
        course.label = parts.join([course.label, *(message.label for message in history)])
        course.told = "\n".join([task.text, *(message.text for message in history if message.role != "system")])
        turn = loop.Turn(
            (system, *history, Message("user", question, course.label)),
            offered,
            replace(
                scene,
                context=course.label,
                result_tokens=for_results,
                texts=(Message("user", task.text, USER), *remembered, *attachments, *history),
            ),
            Prompt(
                (),
                max_tokens=loop.ANSWER_LIMIT_TOKENS,
                temperature=0.0 if with_tools else CHAT_TEMPERATURE,
                model=course.model or "",
                stable=1,
                turn_id="" if task.incognito else task.turn_id,
            ),
            closing=_closing(task.text),
            withheld=self._withheld(course),
            plain=not with_tools,
        )
        if not task.files:  # files stand in the chat once, as what was read
            course.asked = turn.messages[-1]
        prepare = Preparation(
            course.said, course.label, turn.prompt.model, parts.weigh, parts.find_times, turn.prompt.turn_id
        )
        hooks = loop.Hooks(parts.complete, prepare, parts.execute, task.ask, parts.join)
        async for step in loop.run_turn(turn, hooks):
            for event in self._follow(task, course, step):
                yield event
        async for event in self._finish(task, course):
            yield event

    async def _compact(
        self, task: Task, past: tuple[context.PastTurn, ...], room: int, plain: bool
    ) -> compaction.Compacted:
        """Return the history, folded and stored so where it outgrew `room` tokens."""
        extracts = () if task.incognito else await self._parts.stores.extracts(task.session_id)
        compacted = compaction.compact(extracts, past, plain, room)
        if compacted.folded:
            await self._parts.stores.fold(task.session_id, compacted.extracts)
        return compacted

    def _withheld(self, course: _Course) -> frozenset[str]:
        """Return the tools that make no sense for this message, though the prompt names them."""
        withheld = set()
        found = any(memory.relevance >= CERTAIN for memory in course.memories)
        if found or not plain_requests.may_mean_memory(course.said):
            withheld.add("recall")
        if not plain_requests.asks_to_remember(course.said):
            withheld.add("remember")
        if not plain_requests.asks_to_forget(course.said):
            withheld.add("forget")
        return frozenset(withheld)

    def _follow(self, task: Task, course: _Course, step: loop.LoopEvent) -> list[TurnEvent]:
        turn_id = task.turn_id
        match step:
            case loop.Said(text):
                if course.first_token_s is None:
                    course.first_token_s = self._parts.clock.monotonic_s() - course.started_s
                course.text += text
                return [TextAdded(turn_id, text)]
            case loop.Withdrawn(reason):
                course.text = ""
                return [TextWithdrawn(turn_id), NoticeShown(turn_id, reason)]
            case loop.Noted(text):
                return [NoticeShown(turn_id, text)]
            case loop.Calling(call):
                return [ToolStarted(turn_id, call)]
            case loop.Called(outcome, receipts):
                self._note(course, outcome, receipts)
                return [ToolFinished(turn_id, outcome, receipts)]
            case loop.Ended(text, label, usage, model, asks_back):
                course.text, course.label, course.usage = text, label, usage
                if asks_back:
                    self._asked_back[task.session_id] = course.said, course.erasures
                # After a crash a smaller one may have taken over.
                course.model = model or course.model
                if _names_untold_day(task, course):
                    course.text = tr("I don't know: nothing that you told me says when.")
                    return [TextWithdrawn(turn_id), TextAdded(turn_id, course.text)]
                return []

    async def _run_plain(
        self, task: Task, plain: plain_requests.PlainRequest, course: _Course, recalled: Sequence[Memory]
    ) -> AsyncIterator[TurnEvent]:
        """Do a plain request by code alone."""
        course.model = None
        yield TurnStarted(task.turn_id, task.session_id, None)
        scene = CallScene(
            task.session_id,
            task.turn_id,
            USER,
            folder=task.folder,
            incognito=task.incognito,
            attached=task.files,
            texts=(Message("user", task.text, USER),),
        )
        named = plain_requests.name_call(plain)
        keeps = task.incognito and self._keeps(plain)
        if named is not None and not keeps:
            async for event in self._call(task, course, ToolCall(new_id("call"), *named), scene):
                yield event
            words = loop.outcome_text(course.calls[-1])
        elif isinstance(plain, plain_requests.RecallAbout):
            found = recalled or await self._parts.recall(plain.query, MEMORIES_OFFERED)
            course.memories = tuple(memory for memory in found if memory.relevance >= RELEVANT)
            words = _tell_memories(course.memories)
        elif keeps:
            words = tr("Nothing is kept of this chat, so that was not saved.")
        else:
            words = tr("That needs a model that can use tools, and the one in use can only talk.")
            if self._parts.models.current() is None:
                words = tr("That needs a model that can use tools, and there is none on this machine yet.")
            larger = self._parts.models.larger()
            if larger is not None:
                course.offered = larger.id
                words += " " + tr(
                    "{title} can ({size} MB). Fetch it with the button, or: openclaw-agent model pull {model}",
                    title=larger.title,
                    size=larger.size_bytes // 1_000_000,
                    model=larger.id,
                )
                yield ModelOffered(task.turn_id, larger.id, larger.title, larger.size_bytes)
        course.label = self._parts.join(
            [USER, *(outcome.label for outcome in course.calls), *(memory.label for memory in course.memories)]
        )
        course.text = words
        course.first_token_s = self._parts.clock.monotonic_s() - course.started_s
        yield TextAdded(task.turn_id, words)
        async for event in self._finish(task, course):
            yield event

    def _keeps(self, plain: plain_requests.PlainRequest) -> bool:
        """Return whether a plain request changes something, which a chat that is not kept never does."""
        if isinstance(plain, plain_requests.ToolRequest):
            return any(tool.name == plain.tool and tool.effect != "read" for tool in self._parts.tools())
        return isinstance(plain, RememberThis)

    async def _call(self, task: Task, course: _Course, call: ToolCall, scene: CallScene) -> AsyncIterator[TurnEvent]:
        yield ToolStarted(task.turn_id, call)
        outcome, receipts = await self._parts.execute(call, scene, task.ask)
        self._note(course, outcome, receipts)
        yield ToolFinished(task.turn_id, outcome, receipts)

    def _note(self, course: _Course, outcome: CallOutcome, receipts: tuple[Receipt, ...]) -> None:
        """Note a call's end; from here on the turn carries its label, whatever becomes of the turn."""
        course.calls.append(outcome)
        course.receipts += receipts
        course.label = self._parts.join([course.label, outcome.label])

    async def _finish(self, task: Task, course: _Course) -> AsyncIterator[TurnEvent]:
        answer = self._answer(task, course)
        await self._keep(task, course, answer)
        yield TurnFinished(task.turn_id, answer)

    async def _keep(self, task: Task, course: _Course, answer: Answer) -> None:
        """Store the answer once, also where the turn is stopped meanwhile."""
        if task.incognito:
            return
        if course.keeping is None:
            course.keeping = asyncio.ensure_future(
                self._parts.stores.keep_answer(task.session_id, answer, course.asked, course.erasures)
            )
        await asyncio.shield(course.keeping)

    def _answer(self, task: Task, course: _Course) -> Answer:
        total_s = self._parts.clock.monotonic_s() - course.started_s
        first = None if course.first_token_s is None else round(course.first_token_s * 1000, 1)
        return Answer(
            turn_id=task.turn_id,
            session_id=task.session_id,
            answer=course.text,
            model=course.model,
            label=course.label,
            tool_calls=tuple(course.calls),
            receipts=tuple(course.receipts),
            memories_used=tuple(memory.id for memory in course.memories),
            usage=course.usage,
            timing=Timing(first, round(total_s * 1000, 1)),
            offered_model=course.offered,
        )


def _closing(text: str) -> frozenset[str]:
    """Return the tools whose success is the whole answer; after an erasure no prompt may repeat what was erased."""
    plain = isinstance(plain_requests.parse_plain(text), RememberThis)
    return frozenset({"forget", "remember"} if plain else {"forget"})


def _names_untold_day(task: Task, course: _Course) -> bool:
    """Return whether the answer to "when is my ...?" names a day that the model had nowhere from."""
    if course.memories or task.files or any(call.name != "recall" for call in course.calls):
        return False
    told = "\n".join([course.told, *(call.result or "" for call in course.calls)])
    return told_days.asks_own_day(task.text) and told_days.is_untold(course.text, told)


def _tell_memories(memories: Sequence[Memory]) -> str:
    if not memories:
        return tr("You have told me nothing about that.")
    own = [memory for memory in memories if memory.label.integrity != "untrusted"]
    lines = [f"- {memory.text} ({memory.created_at[:10]})" for memory in (own or memories)]
    head = tr("You told me:") if own else tr("From texts that you did not write:")
    return head + "\n" + "\n".join(lines)
