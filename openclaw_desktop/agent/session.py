"""A user's message and all that happens to it: recall, the way it takes, the turn, and what is kept of it.

Owns the course of a turn over the session's stores, and which way a message takes (a model with tools, one that only
talks, or the deterministic path). Must not know a front end. Loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from openclaw_desktop.agent import (
    compaction,
    context,
    loop,
    plain_looks,
    plain_requests,
    planning,
    relevance,
    told_days,
)
from openclaw_desktop.agent.course import After, Course, Models, Parts, Stores, Task
from openclaw_desktop.agent.plain_requests import RememberThis
from openclaw_desktop.agent.preparation import Preparation
from openclaw_desktop.agent.reply import PLAN
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
from openclaw_desktop.core.labels import USER
from openclaw_desktop.core.memory_lines import memory_lines
from openclaw_desktop.core.messages import Answer, CallOutcome, Message, Receipt, Timing, ToolCall, ToolSpec
from openclaw_desktop.core.protocols import RELEVANT, CallScene, Memory, ModelCard, Prompt
from openclaw_desktop.core.text import tr
from openclaw_desktop.core.tokens import estimate_tokens

__all__ = ["After", "Models", "Parts", "SessionAgent", "Stores", "Task"]

MEMORIES_OFFERED = 5
# Memories this close answer the question: searching once more would bring the same.
CERTAIN = 0.6
CHAT_TEMPERATURE = 0.3


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
        before, erasures_before = ("", 0) if task.after else self._asked_back.pop(task.session_id, ("", 0))
        said = f"{before}\n{task.text}" if before and erasures_before == erasures else task.text
        course = Course(model.id if model else None, parts.clock.monotonic_s(), said, task.label, erasures=erasures)
        past = () if task.incognito else await parts.stores.past_turns(task.session_id)
        if not task.incognito:
            spoken = task.after.shown if task.after is not None else task.text
            await parts.stores.keep_question(task.session_id, task.turn_id, spoken, task.label)
        by_model = bool(task.files or task.after) or not task.tools
        plain = task.call or (None if by_model else self._parse_plain(task.text))
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
        """Return the plain request that a message is: one, or several in a row."""
        one = self._parse_one(text)
        if one is not None and one.certain:
            return one
        return planning.plain_plan(text, self._parse_one) or one

    def _parse_one(self, text: str) -> plain_requests.PlainRequest | None:
        """Return one plain request: of memory and files where that is certain, else of a tool."""
        own = self._parts.parse_plain(text)
        if own is not None and own.certain:
            return own
        return plain_requests.find_form(text, self._parts.plain_forms()) or own

    def can_go_on(self) -> bool:
        """Return True where a model is in use that can go on with what was asked before."""
        model = self._parts.models.current()
        return model is not None and model.calls_tools

    def opening(self) -> Prompt | None:
        """Return how the next prompt will begin, so that a model can read that much before a question comes."""
        model = self._parts.models.current()
        if model is None:
            return None
        tools = context.listed_tools(self._parts.tools(), self._parts.favourites) if model.calls_tools else ()
        system = context.system_message(tools, plain=not model.calls_tools)
        return Prompt((system, Message("user", "", USER)), model=model.id, stable=1)

    async def _recall_for(self, plain: plain_requests.PlainRequest, with_tools: bool) -> tuple[Memory, ...] | None:
        """Return what a question about memories finds; None for other requests. () lets the model have the question."""
        if not isinstance(plain, plain_requests.RecallAbout) or (plain.certain and not with_tools):
            return None
        found = await self._parts.recall(plain.query, MEMORIES_OFFERED)
        return tuple(memory for memory in found if memory.relevance >= RELEVANT)

    async def _run_model(
        self, task: Task, course: Course, model: ModelCard | None, with_tools: bool, past: tuple[context.PastTurn, ...]
    ) -> AsyncIterator[TurnEvent]:
        parts = self._parts
        scene = CallScene(
            task.session_id, task.turn_id, task.label, folder=task.folder, incognito=task.incognito, attached=task.files
        )
        told, past = _told(task, past)
        found = await parts.recall(task.text, MEMORIES_OFFERED)
        course.memories = tuple(memory for memory in found if memory.relevance >= RELEVANT)
        course.label = parts.join([course.label, *(memory.label for memory in course.memories)])
        tools = parts.tools() if with_tools else ()
        if task.incognito:
            tools = tuple(tool for tool in tools if tool.effect == "read")
        listed = context.listed_tools(tools, parts.favourites)
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
        looks = _looks(task, tools)
        async for event in self._read_first(task, course, looks, scene, room):
            yield event
        if course.text:
            return
        attachments = [loop.call_messages(outcome)[1] for outcome in course.calls]
        after = tuple(message for end in told if with_tools for message in end.calls)
        for end in told:
            if not (with_tools and end.calls):
                attachments.append(Message("user", f"[{end.answer.text}]", end.answer.label))
        remembered = [Message("user", memory.text, memory.label) for memory in course.memories]
        offered = await relevance.choose_tools(course.said, relevance.spoken_of(course.said, tools), parts.embed)
        further = [tool for tool in offered if tool not in listed]
        plans = planning.asks_for_several(course.said) and PLAN not in {tool.name for tool in tools}
        further += [planning.PLAN_SPEC] if plans and offered else []
        now = parts.clock.now().astimezone()
        question = context.last_message(task.text, course.memories, attachments, now, further)
        room = context.room_tokens(limit, system.text, question)
        for_results = min(context.RESULT_RESERVE_TOKENS, room // 2) if with_tools else 0
        after_tokens = sum(estimate_tokens(message.text) for message in after)
        room -= max(for_results, after_tokens)
        history, whole = compaction.assemble(compacted, not with_tools, room, parts.join)
        question = context.last_message(task.text, course.memories, attachments, now, further, history)
        if not whole:
            yield NoticeShown(
                task.turn_id, tr("The first part of this chat no longer fits the model and was left out.")
            )
        read = (*history, *attachments, *after, *context.foreign_words(offered))
        course.label = parts.join([course.label, *(message.label for message in read)])
        course.told = "\n".join([task.text, *(message.text for message in read if message.role != "system")])
        asked = Message("user", question, course.label)
        turn = loop.Turn(
            (system, *history, asked, *after),
            offered,
            replace(
                scene,
                context=course.label,
                result_tokens=max(0, for_results - after_tokens),
                texts=(Message("user", task.text, task.label), *remembered, *read),
            ),
            Prompt(
                (),
                max_tokens=loop.ANSWER_LIMIT_TOKENS,
                temperature=0.0 if with_tools else CHAT_TEMPERATURE,
                model=course.model or "",
                stable=1,
                lane=task.lane,
                turn_id="" if task.incognito else task.turn_id,
                job=task.job,
            ),
            closing=_closing(task.text),
            withheld=self._withheld(course, offered) | (task.after.withheld if task.after is not None else frozenset()),
            plain=not with_tools,
            plans=plans,
            done=loop.keys_of(after),
        )
        if not looks:  # what was read stands in the chat once
            course.asked = asked
        prepare = Preparation(
            course.said, course.label, turn.prompt.model, parts.weigh, parts.find_times, turn.prompt.turn_id
        )
        hooks = loop.Hooks(parts.complete, prepare, parts.execute, task.ask, parts.join, parts.permit_plan)
        async for step in loop.run_turn(turn, hooks):
            for event in self._follow(task, course, step):
                yield event
        async for event in self._finish(task, course):
            yield event

    async def _read_first(
        self, task: Task, course: Course, looks: Sequence[tuple[str, dict[str, str]]], scene: CallScene, room: int
    ) -> AsyncIterator[TurnEvent]:
        """Read what the message is about; where that fails the turn ends, for a model would answer from nothing."""
        for name, arguments in looks:
            call = ToolCall(new_id("call"), name, arguments)
            async for event in self._call(task, course, call, replace(scene, result_tokens=room // len(looks))):
                yield event
        if not task.files and course.calls and course.calls[-1].status != "done":
            course.text = loop.outcome_text(course.calls[-1])
            yield TextAdded(task.turn_id, course.text)
            async for event in self._finish(task, course):
                yield event

    async def _compact(
        self, task: Task, past: tuple[context.PastTurn, ...], room: int, plain: bool
    ) -> compaction.Compacted:
        """Return the history, folded and stored so where it outgrew `room` tokens."""
        extracts = () if task.incognito else await self._parts.stores.extracts(task.session_id)
        compacted = compaction.compact(extracts, past, plain, room)
        if compacted.folded or compacted.lightened:
            await self._parts.stores.fold(task.session_id, compacted.extracts, compacted.lightened)
        return compacted

    def _withheld(self, course: Course, offered: Sequence[ToolSpec]) -> frozenset[str]:
        """Return the tools that make no sense for this message, though the prompt names them."""
        withheld = set()
        found = any(memory.relevance >= CERTAIN for memory in course.memories)
        if found or not plain_requests.may_mean_memory(course.said):
            withheld.add("recall")
        told = relevance.is_told(course.said, course.memories)
        if found and (told or isinstance(self._parts.parse_plain(course.said), plain_requests.RecallAbout)):
            # What the user told before is not looked up where they do not say so.
            withheld |= {tool.name for tool in offered if not relevance.is_named(course.said, tool)}
        if relevance.only_tells(course.said):
            withheld |= {tool.name for tool in offered if tool.effect != "read"}
        if not plain_requests.asks_to_remember(course.said):
            withheld.add("remember")
        if not plain_requests.asks_to_forget(course.said):
            withheld.add("forget")
        return frozenset(withheld)

    def _follow(self, task: Task, course: Course, step: loop.LoopEvent) -> list[TurnEvent]:
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
                if asks_back and not task.incognito:
                    self._asked_back[task.session_id] = course.said, course.erasures
                # After a crash a smaller one may have taken over.
                course.model = model or course.model
                if _names_untold_day(task, course):
                    course.text = tr("I don't know: nothing that you told me says when.")
                    return [TextWithdrawn(turn_id), TextAdded(turn_id, course.text)]
                return []

    async def _run_plain(
        self, task: Task, plain: plain_requests.PlainRequest, course: Course, recalled: Sequence[Memory]
    ) -> AsyncIterator[TurnEvent]:
        """Do a plain request by code alone."""
        course.model = None
        yield TurnStarted(task.turn_id, task.session_id, None)
        scene = CallScene(
            task.session_id,
            task.turn_id,
            task.label,
            folder=task.folder,
            incognito=task.incognito,
            attached=task.files,
            texts=(Message("user", task.text, task.label),),
        )
        named = [call for one in _requests(plain) if (call := plain_requests.name_call(one)) is not None]
        keeps = task.incognito and any(map(self._keeps, _requests(plain)))
        if named and not keeps:
            calls = [ToolCall(new_id("call"), *call) for call in named]
            async for event in self._call_all(task, course, calls, scene):
                yield event
            words = course.text
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
            [task.label, *(outcome.label for outcome in course.calls), *(memory.label for memory in course.memories)]
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

    async def _call_all(
        self, task: Task, course: Course, calls: Sequence[ToolCall], scene: CallScene
    ) -> AsyncIterator[TurnEvent]:
        """Carry out plain requests one after the other, up to the first that is not done, and say what came of them.

        With nobody there, what needs an answer is parked, and the rest is done as far as it does not need that.
        """
        permit = self._parts.permit_plan
        if len(calls) > 1 and permit is not None and await permit(calls, scene, task.ask) is False:
            for call in calls:
                yield ToolStarted(task.turn_id, call)
                self._note(course, loop.denied_with_plan(call), ())
                yield ToolFinished(task.turn_id, course.calls[-1])
            course.text = tr("You said no, so none of it was done.")
            return
        said: list[str] = []
        specs = {tool.name: tool for tool in self._parts.tools()}
        waiting: list[tuple[ToolSpec, Mapping[str, Any]]] = []
        for place, call in enumerate(calls):
            spec = specs.get(call.name)
            behind = spec is not None and planning.may_need(spec, call.arguments, waiting)
            async for event in self._call(task, course, call, replace(scene, behind=behind)):
                yield event
            outcome = course.calls[-1]
            said.append(loop.outcome_text(outcome))
            course.text = "\n\n".join(said)
            if spec is not None and loop.waits_alone(outcome, task.ask):
                waiting.append((spec, outcome.arguments))
            elif outcome.status != "done":
                course.text += loop.not_reached(len(calls) - place - 1)
                return
            scene = replace(scene, context=self._parts.join([scene.context, outcome.label]))

    async def _call(self, task: Task, course: Course, call: ToolCall, scene: CallScene) -> AsyncIterator[TurnEvent]:
        yield ToolStarted(task.turn_id, call)
        outcome, receipts = await self._parts.execute(call, scene, task.ask)
        self._note(course, outcome, receipts)
        yield ToolFinished(task.turn_id, outcome, receipts)

    def _note(self, course: Course, outcome: CallOutcome, receipts: tuple[Receipt, ...]) -> None:
        """Note a call's end; from here on the turn carries its label, whatever becomes of the turn."""
        course.calls.append(outcome)
        course.receipts += receipts
        course.label = self._parts.join([course.label, outcome.label])

    async def _finish(self, task: Task, course: Course) -> AsyncIterator[TurnEvent]:
        answer = self._answer(task, course)
        await self._keep(task, course, answer)
        yield TurnFinished(task.turn_id, answer)

    async def _keep(self, task: Task, course: Course, answer: Answer) -> None:
        """Store the answer once, also where the turn is stopped meanwhile."""
        if task.incognito:
            return
        if course.keeping is None:
            course.keeping = asyncio.ensure_future(
                self._parts.stores.keep_answer(task.session_id, answer, course.asked, course.erasures)
            )
        await asyncio.shield(course.keeping)

    def _answer(self, task: Task, course: Course) -> Answer:
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


def _requests(plain: plain_requests.PlainRequest) -> Sequence[plain_requests.PlainRequest]:
    return plain.requests if isinstance(plain, plain_requests.PlainPlan) else (plain,)


def _looks(task: Task, tools: Sequence[ToolSpec]) -> list[tuple[str, dict[str, str]]]:
    """Return what is read before the model answers: the attached files, else the one thing that is asked about."""
    if task.files or task.after is not None:
        return [("read_file", {"path": path}) for path in task.files]
    look = plain_looks.find_look(task.text)
    return [look] if look is not None and any(tool.name == look[0] for tool in tools) else []


def _told(
    task: Task, past: tuple[context.PastTurn, ...]
) -> tuple[tuple[context.PastTurn, ...], tuple[context.PastTurn, ...]]:
    """Return the turns that tell how the calls ended with which `task` goes on, and the turns without them."""
    told_turns = task.after.told_turns if task.after is not None else ()
    told = tuple(turn for turn in past if turn.turn_id in told_turns)
    return told, tuple(turn for turn in past if turn.turn_id not in told_turns)


def _closing(text: str) -> frozenset[str]:
    """Return the tools whose success is the whole answer; after an erasure no prompt may repeat what was erased."""
    plain = isinstance(plain_requests.parse_plain(text), RememberThis)
    return frozenset({"forget", "remember"} if plain else {"forget"})


def _names_untold_day(task: Task, course: Course) -> bool:
    """Return whether the answer to "when is my ...?" names a day that the model had nowhere from."""
    if course.memories or task.files or any(call.name != "recall" for call in course.calls):
        return False
    told = "\n".join([course.told, *(call.result or "" for call in course.calls)])
    return told_days.asks_own_day(task.text) and told_days.is_untold(course.text, told)


def _tell_memories(memories: Sequence[Memory]) -> str:
    if not memories:
        return tr("You have told me nothing about that.")
    own = [memory for memory in memories if memory.label.integrity != "untrusted"]
    ended = ", " + tr("no longer true")
    lines = [f"- {memory.text} ({memory.created_at[:10]}{ended * memory.ended})" for memory in (own or memories)]
    head = tr("You told me:") if own else tr("From texts that you did not write:")
    return head + "\n" + "\n".join(lines)
