"""Whether a frozen call may run: the gate, the grants, the answers that were given, and the question where one is due.

Owns the answers of plans and chats, and the audit rows about decisions. Must not know what a tool does. Loop.
"""

from __future__ import annotations

import asyncio
import logging
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol, runtime_checkable

from openclaw_desktop.core.clock import Clock, SystemClock
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.events import Question
from openclaw_desktop.core.ids import new_id
from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.messages import ToolCall, ToolSpec
from openclaw_desktop.core.protocols import Ask, CallScene, Previews, Tool
from openclaw_desktop.core.text import tr
from openclaw_desktop.security import approval
from openclaw_desktop.security.approval import Planned
from openclaw_desktop.security.audit import AuditEntry, AuditEvent
from openclaw_desktop.security.gate import Action, Decision, Grant, decide, decide_reach
from openclaw_desktop.security.inbox import Parked
from openclaw_desktop.security.named_pages import names_page

log = logging.getLogger(__name__)

# So long an answer holds: who said yes an hour ago has forgotten to what.
ANSWER_LIFE_S = 300.0
PREVIEW_TIMEOUT_S = 10.0
# The chats whose answers "in this chat" are kept, and the calls of plans that wait to be run.
CHATS_KEPT, PLANNED_KEPT = 200, 200
_STRICTNESS: tuple[Action, ...] = ("allow", "allow_undo", "ask", "ask_twice", "park", "refuse")


class Grants(Protocol):
    """The standing permissions, as the executor needs them."""

    async def active(self) -> frozenset[Grant]:
        """Return the grants."""
        ...

    async def add(self, capability: str, scope: str) -> object:
        """Keep a grant."""
        ...


@runtime_checkable
class CleansScopes(Protocol):
    """Grants that know which scopes are sound."""

    async def clean(self, capability: str, scope: str) -> str:
        """Return the scope in canonical form; raises UserError where it may never stand."""
        ...


class Record(Protocol):
    """Keeps rows of the audit log."""

    async def record(self, *entries: AuditEntry) -> None:
        """Append rows; returns after the commit."""
        ...


class Inbox(Protocol):
    """Keeps calls that wait for an answer."""

    def new_entry(
        self, call: ToolCall, frozen: ToolCall | None, *, hash_: str, capability: str, target: str, preview: str,
        reason: str, session_id: str, turn_id: str, folder: str | None, context: Label,
    ) -> Parked:  # fmt: skip
        """Return an open entry for `call`."""
        ...

    async def park(self, entry: Parked) -> str:
        """Keep it and return its id."""
        ...


@dataclass(frozen=True, slots=True)
class Ruling:
    """Whether a call runs, or how it ended.

    `first`: rows of the audit log that its outcome is written with. `until_s`: a yes holds until then, by the monotonic
    clock; None where no answer was needed.
    """

    status: Literal["run", "denied", "parked"]
    text: str = ""
    inbox_id: str = ""
    call_ref: str = ""
    first: tuple[AuditEntry, ...] = ()
    until_s: float | None = None


@dataclass(slots=True)
class _Answer:
    """A yes to a call of a plan: how strict a question it was, and until when it holds."""

    action: Action
    until_s: float


@dataclass(slots=True)
class _Chat:
    """What was answered "in this chat"."""

    grants: set[Grant] = field(default_factory=set)


class Permission:
    """Rules on calls."""

    def __init__(
        self,
        grants: Grants,
        audit: Record | None = None,
        inbox: Inbox | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._grants = grants
        self._audit = audit
        self._inbox = inbox
        self._clock = clock or SystemClock()
        self._chats: dict[str, _Chat] = {}
        self._planned: dict[tuple[str, str], _Answer] = {}

    async def rule(
        self,
        call: ToolCall,
        frozen: ToolCall,
        tool: Tool,
        scene: CallScene,
        ask: Ask | None,
        call_ref: str,
        approved: str = "",
    ) -> Ruling:
        """Return whether the frozen call may run; asks where the gate wants it, parks where nobody is there.

        `approved`: the hash of the call that was answered yes in the inbox. It stands for one answer to that call, and
        for none where the gate wants two.
        """
        spec = tool.spec
        decision = await self._decide(frozen, spec, scene, ask is not None or bool(approved))
        if scene.behind and ask is None and decision.action in ("allow", "allow_undo"):
            decision = Decision("park", "it may need what another call is to do, which waits for an answer")
        decided = self._entry("decision", decision.action, decision.reason, frozen, spec, scene, call_ref)
        if decision.action in ("allow", "allow_undo"):
            return Ruling("run", call_ref=call_ref, first=(decided,))
        if self._take_planned(scene.turn_id, approval.call_hash(frozen, spec.source), decision):
            answered = self._entry("answer", "plan", "part of a plan that was allowed", frozen, spec, scene, call_ref)
            return Ruling("run", call_ref=call_ref, first=(decided, answered))
        if approved:
            yes = approved == approval.call_hash(frozen, spec.source) and decision.action == "ask"
            value, reason = ("inbox", "") if yes else (approval.NO, "another call than the one that was answered")
            answered = self._entry("answer", value, reason, frozen, spec, scene, call_ref)
            if yes:
                return Ruling("run", call_ref=call_ref, first=(decided, answered))
            await self.record(decided, answered)
            return Ruling("denied", tr("This is not the call that was shown, so it was not done."))
        if decision.action == "park" and ask is None and self._inbox is not None and not scene.incognito:
            await self.record(decided)
            return await self._park(call, frozen, tool, scene, decision)
        if decision.action not in ("ask", "ask_twice") or ask is None:
            await self.record(decided)
            return Ruling("denied", _needs_permission(frozen, spec, decision))
        await self.record(decided)
        choice = await self._ask(frozen, tool, scene, decision, ask)
        until_s = self._clock.monotonic_s() + ANSWER_LIFE_S
        yes = choice != approval.NO
        reason = "" if yes else "the user said no, or nobody answered"
        answered = self._entry("answer", choice, reason, frozen, spec, scene, call_ref)
        if not yes:
            await self.record(answered)
            return Ruling("denied", tr("You said no."))
        await self._keep(choice, frozen, spec, scene)
        return Ruling("run", call_ref=call_ref, first=(answered,), until_s=until_s)

    async def permit_plan(self, calls: Sequence[tuple[ToolCall, Tool]], scene: CallScene, ask: Ask) -> bool | None:
        """Ask one question about all frozen `calls` that need one; None where fewer than two do, else if it was a yes.

        A yes holds for exactly those calls in this turn, for five minutes and one run each. Those that are asked twice
        stand in a second window, by themselves.
        """
        planned = []
        for frozen, tool in calls:
            decision = await self._decide(frozen, tool.spec, scene, attended=True)
            if decision.action in ("ask", "ask_twice"):
                preview = await _preview(tool, frozen, scene)
                planned.append(Planned(frozen, tool.spec, decision, preview))
        if len(planned) < 2:
            return None
        question = approval.plan_question(planned, scene.context, scene.texts)
        choice = await _choice(question, ask)
        twice = [one for one in planned if one.decision.action == "ask_twice"]
        if twice and choice == approval.ONCE:
            question = approval.plan_question(twice, scene.context, scene.texts)
            choice = await _choice(approval.second_question(question, scene.context), ask)
        if choice != approval.ONCE:
            await self.record(*(row for one in planned for row in self._refused(one, scene)))
            return False
        until_s = self._clock.monotonic_s() + ANSWER_LIFE_S
        for one in planned:
            key = scene.turn_id, approval.call_hash(one.call, one.tool.source)
            self._planned[key] = _Answer(one.decision.action, until_s)
        while len(self._planned) > PLANNED_KEPT:
            self._planned.pop(next(iter(self._planned)))
        return True

    def _refused(self, one: Planned, scene: CallScene) -> tuple[AuditEntry, AuditEntry]:
        """Return the rows about a call whose plan was answered no."""
        ref, action, why = new_id("ref"), one.decision.action, one.decision.reason
        no = "part of a plan that was not allowed"
        return (
            self._entry("decision", action, why, one.call, one.tool, scene, ref),
            self._entry("answer", approval.NO, no, one.call, one.tool, scene, ref),
        )

    async def record(self, *entries: AuditEntry) -> None:
        """Append rows to the audit log, where there is one."""
        if self._audit is not None:
            await self._audit.record(*entries)

    def outcome(self, ruling: Ruling, value: str, frozen: ToolCall, spec: ToolSpec, scene: CallScene) -> AuditEntry:
        """Return the row about a call's end."""
        return self._entry("outcome", value, "", frozen, spec, scene, ruling.call_ref, about=False)

    async def _decide(self, frozen: ToolCall, spec: ToolSpec, scene: CallScene, attended: bool) -> Decision:
        # What the user attached is given to be read; to be changed or run it is asked about like everything else.
        attached = {Grant("file:read", path) for path in scene.attached}
        chat = self._chats.get(scene.session_id)
        grants = await self._grants.active() | attached | (chat.grants if chat else set())
        decision = decide(scene.context, frozen, spec, grants, attended)
        reach = decide_reach(scene.context, frozen, spec, grants, attended)
        if reach is not None and _stricter(reach.action, decision.action):
            return reach
        # "standing": nothing untrusted was read. With nobody there a request may be old, so it waits for an answer.
        if decision.action == "ask" and decision.standing and names_page(scene.texts, frozen, spec):
            return Decision("allow", "the user wrote this address in the request")
        return decision

    async def _ask(self, frozen: ToolCall, tool: Tool, scene: CallScene, decision: Decision, ask: Ask) -> str:
        """Return the choice of the user's, NO where it is none of those that were offered or came too late."""
        preview = await _preview(tool, frozen, scene)
        question = approval.question_for(frozen, tool.spec, scene.context, decision, scene.texts, preview)
        choice = await _choice(question, ask)
        if choice != approval.NO and decision.action == "ask_twice":
            return await _choice(approval.second_question(question, scene.context), ask)
        return choice

    async def _keep(self, choice: str, frozen: ToolCall, spec: ToolSpec, scene: CallScene) -> None:
        grants = approval.grants_for(choice, frozen, spec)
        for grant in grants:
            try:
                if choice != approval.SESSION:
                    await self._grants.add(grant.capability, grant.scope)
                    continue
                scope = grant.scope
                if isinstance(self._grants, CleansScopes):
                    scope = await self._grants.clean(grant.capability, scope)
                self._chats.setdefault(scene.session_id, _Chat()).grants.add(Grant(grant.capability, scope))
                while len(self._chats) > CHATS_KEPT:
                    self._chats.pop(next(iter(self._chats)))
            except UserError as error:
                # The yes to this call stands; for the next one it is asked again.
                log.info("%s was not granted for good: %s", frozen.name, error.failure.code)

    def _take_planned(self, turn_id: str, hash_: str, decision: Decision) -> bool:
        answer = self._planned.pop((turn_id, hash_), None)
        return (
            answer is not None
            and decision.action in ("ask", "ask_twice")
            and not _stricter(decision.action, answer.action)
            and self._clock.monotonic_s() <= answer.until_s
        )

    async def _park(self, call: ToolCall, frozen: ToolCall, tool: Tool, scene: CallScene, decision: Decision) -> Ruling:
        assert self._inbox is not None
        spec = tool.spec
        # A call over the agent's own data quotes memories, which must not stay in the inbox when they are erased.
        reaches_out = spec.capability is not None
        entry = self._inbox.new_entry(
            call,
            frozen if reaches_out else None,
            hash_=approval.call_hash(frozen, spec.source),
            capability=spec.capability or "",
            target=approval.target_of(frozen if reaches_out else call, _without_hidden(spec, reaches_out)),
            preview=approval.shown_preview(await _preview(tool, frozen, scene)) if reaches_out else "",
            reason=decision.reason,
            session_id=scene.session_id,
            turn_id=scene.turn_id,
            folder=scene.folder,
            context=scene.context,
        )
        inbox_id = await self._inbox.park(entry)
        waits = tr("It waits for your answer (openclaw-agent inbox approve {id}).", id=inbox_id)
        return Ruling("parked", _needs_permission(frozen, spec, decision, scene.behind, waits), inbox_id)

    def _entry(
        self,
        event: AuditEvent,
        value: str,
        reason: str,
        frozen: ToolCall,
        spec: ToolSpec,
        scene: CallScene,
        call_ref: str,
        *,
        about: bool = True,
    ) -> AuditEntry:
        # Where nothing of a chat is kept, the log keeps that something was done, and not what.
        told = about and spec.capability is not None and not scene.incognito
        target = approval.target_of(frozen, spec) if told else ""
        hash_ = approval.call_hash(frozen, spec.source) if about and not scene.incognito else ""
        return AuditEntry(
            call_ref,
            scene.turn_id,
            spec.name,
            event,
            value,
            reason,
            scene.context,
            spec.capability or "",
            hash_,
            target,
        )


def _without_hidden(spec: ToolSpec, reaches_out: bool) -> ToolSpec:
    """Return the spec to word a target by: without authority arguments that only the frozen call has."""
    return spec if reaches_out else replace(spec, authority=())


def _stricter(one: Action, other: Action) -> bool:
    return _STRICTNESS.index(one) > _STRICTNESS.index(other)


async def _choice(question: Question, ask: Ask) -> str:
    choice = await ask(question)
    return choice if choice in {known.id for known in question.choices} else approval.NO


async def _preview(tool: Tool, frozen: ToolCall, scene: CallScene) -> str:
    """Return what the call would change; a tool that can't say so leaves the question as it is."""
    if not isinstance(tool, Previews):
        return ""
    try:
        async with asyncio.timeout(PREVIEW_TIMEOUT_S):
            return await tool.preview(frozen, scene)
    except Exception as error:
        log.warning("no preview of %s: %s", frozen.name, type(error).__name__)
        return tr("[What this would change could not be shown.]")


def _needs_permission(call: ToolCall, spec: ToolSpec, decision: Decision, behind: bool = False, waits: str = "") -> str:
    """Return why a call does not run and what to do; a command to paste stands at the end, where nothing follows."""
    log.info("not let run: %s (%s)", call.name, decision.reason)
    if behind:
        told = [tr("This comes after something that waits for your answer, and may need it."), waits]
        return " ".join(filter(None, told))
    target = call.arguments.get(spec.authority[0]) if spec.authority else None
    if spec.capability == "file:read" and isinstance(target, str) and target.isprintable() and target:
        how = tr(
            "Allow it with: openclaw-agent grant add {capability} {target}",
            capability=spec.capability,
            target=shlex.quote(target),
        )
    else:
        how = tr("Ask for it in the window, or in a terminal.")
    return " ".join(filter(None, (tr("This needs your permission, and nobody is there to ask."), waits, how)))
