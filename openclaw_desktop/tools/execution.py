"""Carrying out one call: validate, freeze, gate, ask, run, prove. The only way from the model to a tool.

Owns the order of these steps. Must not know what a tool does. Loop.
"""

from __future__ import annotations

import dataclasses
import logging
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.messages import CallOutcome, CallStatus, Receipt, ToolCall, ToolSpec
from openclaw_desktop.core.protocols import Ask, CallScene, Tool
from openclaw_desktop.core.text import tr
from openclaw_desktop.core.tokens import clip
from openclaw_desktop.security import approval
from openclaw_desktop.security.gate import Decision, Grant, decide
from openclaw_desktop.tools.path_finder import UNCLEAR

log = logging.getLogger(__name__)

NAMES = Label("untrusted", "private", ("names of files",))
FindProblem = Callable[[Mapping[str, Any], Mapping[str, Any]], str]
Outcome = tuple[CallOutcome, tuple[Receipt, ...]]


class Grants(Protocol):
    """The standing permissions, as the executor needs them."""

    async def active(self) -> frozenset[Grant]:
        """Return the grants."""
        ...

    async def add(self, capability: str, scope: str) -> object:
        """Keep a grant."""
        ...


class Executor:
    """`core.protocols.Execute` over a fixed set of tools.

    `find_problem` says what is wrong with a call's arguments against their JSON Schema, "" where nothing is.
    """

    def __init__(self, tools: Sequence[Tool], grants: Grants, find_problem: FindProblem) -> None:
        self._find_problem = find_problem
        self._tools = {tool.spec.name: tool for tool in tools}
        self._grants = grants

    def specs(self) -> tuple[ToolSpec, ...]:
        """Return the tools on offer, sorted by name, so that prompts stay the same."""
        return tuple(tool.spec for _, tool in sorted(self._tools.items()))

    async def __call__(self, call: ToolCall, scene: CallScene, ask: Ask | None) -> Outcome:
        """Carry out `call`; see `core.protocols.Execute`."""
        tool = self._tools.get(call.name)
        if tool is None:
            return _ended(call, "failed", tr("There is no tool {name}.", name=call.name))
        if problem := self._find_problem(dict(call.arguments), tool.spec.parameters):
            return _ended(call, "failed", tr("The call was wrong: {reason}.", reason=clip(problem, 60)))
        try:
            frozen = await tool.freeze(call, scene)
            refusal = await self._permit(call, frozen, tool, scene, ask)
            if refusal is not None:
                return refusal
            result = await tool.run(frozen, scene)
        except UserError as error:
            denied = error.failure.exit_code == ExitCode.DENIED
            unclear = error.failure.code == UNCLEAR
            ended, receipts = _ended(call, "denied" if denied else "failed", error.failure.text)
            # The names of files stand in such a question, and anybody may have chosen those.
            return (dataclasses.replace(ended, unclear=True, label=NAMES) if unclear else ended), receipts
        outcome = CallOutcome(
            call.id, call.name, dict(frozen.arguments), "done", result=result.text, label=result.label
        )
        return outcome, result.receipts

    async def _permit(
        self, call: ToolCall, frozen: ToolCall, tool: Tool, scene: CallScene, ask: Ask | None
    ) -> Outcome | None:
        """Return None where the frozen call may run, else how it ended."""
        decision = decide(scene.context, frozen, tool.spec, await self._scopes(tool.spec, scene), ask is not None)
        if decision.action in ("allow", "allow_undo"):
            return None
        if decision.action not in ("ask", "ask_twice") or ask is None:
            return _ended(frozen, "denied", _needs_permission(frozen, tool.spec, decision))
        for _ in range(2 if decision.action == "ask_twice" else 1):
            question = approval.question_for(frozen, tool.spec, scene.context, decision)
            choice = await ask(question)
            if choice not in {c.id for c in question.choices} or choice == approval.NO:
                return _ended(frozen, "denied", tr("You said no."))
        # What is run is what was shown: the call is frozen again, and any difference asks anew.
        if approval.call_hash(await tool.freeze(call, scene)) != question.call_hash:
            return _ended(frozen, "denied", tr("What the call points to changed while you were asked; ask again."))
        grant = approval.grant_for(choice, frozen, tool.spec)
        if grant is not None:
            await self._grants.add(grant.capability, grant.scope)
        return None

    async def _scopes(self, spec: ToolSpec, scene: CallScene) -> frozenset[Grant]:
        attached = {Grant(spec.capability, path) for path in scene.attached} if spec.capability else set()
        return await self._grants.active() | attached


def _needs_permission(call: ToolCall, spec: ToolSpec, decision: Decision) -> str:
    log.info("denied %s: %s", call.name, decision.reason)
    target = str(call.arguments[spec.authority[0]]) if spec.authority else ""
    if spec.capability and target.isprintable() and target:
        return tr(
            "This needs your permission, and nobody is there to ask. Allow it with: "
            "openclaw-agent grant add {capability} {target}",
            capability=spec.capability,
            target=shlex.quote(target),
        )
    return tr("This needs your permission, and nobody is there to ask. Ask for it in the window, or in a terminal.")


def _ended(call: ToolCall, status: CallStatus, error: str) -> Outcome:
    return CallOutcome(call.id, call.name, dict(call.arguments), status, error=error), ()


def with_arguments(call: ToolCall, **arguments: Any) -> ToolCall:
    """Return `call` with some arguments replaced."""
    return dataclasses.replace(call, arguments={**call.arguments, **arguments})
