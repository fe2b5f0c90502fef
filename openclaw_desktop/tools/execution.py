"""Carrying out one call: validate, freeze, gate, ask, run, prove. The only way from the model to a tool.

Owns the order of these steps, and what holds a tool: its time, the size of its result, its errors. Must not know what a
tool does. Loop.
"""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from openclaw_desktop.core.clock import Clock, SystemClock
from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.ids import new_id
from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.messages import CallOutcome, CallStatus, Receipt, ToolCall, ToolSpec
from openclaw_desktop.core.protocols import Ask, CallScene, PlainForm, Tool, ToolResult
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.core.tokens import clip, estimate_tokens
from openclaw_desktop.security import approval
from openclaw_desktop.security.audit import AuditEntry
from openclaw_desktop.security.inbox import Parked
from openclaw_desktop.security.labels import join
from openclaw_desktop.tools.path_finder import UNCLEAR
from openclaw_desktop.tools.permission import Grants, Inbox, Permission, Record, Ruling
from openclaw_desktop.tools.registry import BuiltIns, Registry
from openclaw_desktop.tools.undoing import UndoStore

__all__ = ["Executor", "Grants", "Walls", "with_arguments"]

log = logging.getLogger(__name__)

NAMES = Label("untrusted", "private", ("names of files",))
# A tool that keeps its own time limit says better what took so long: it gets so much more.
GRACE_S = 2.0
# Finding out what a call means may ask a server or look through folders; a place that never answers holds up nobody.
FREEZE_TIMEOUT_S = 120.0
# What a tool adds to a result that it cut itself, such as how large the whole is.
SPARE_TOKENS = 200
FindProblem = Callable[[Mapping[str, Any], Mapping[str, Any]], str]
Outcome = tuple[CallOutcome, tuple[Receipt, ...]]


@dataclass(frozen=True, slots=True)
class Walls:
    """What is kept of calls: the audit log, the inbox of what waits, and what takes a call back. None: not kept."""

    audit: Record | None = None
    inbox: Inbox | None = None
    undo: UndoStore | None = None
    clock: Clock = dataclasses.field(default_factory=SystemClock)


class Executor:
    """`core.protocols.Execute` over the tools of a registry, or a fixed set of them.

    `find_problem` says what is wrong with a call's arguments against their JSON Schema, "" where nothing is.
    """

    def __init__(
        self, tools: Registry | Sequence[Tool], grants: Grants, find_problem: FindProblem, walls: Walls | None = None
    ) -> None:
        self.registry = tools if isinstance(tools, Registry) else Registry([BuiltIns(tools)])
        self._find_problem = find_problem
        self._walls = walls or Walls()
        self._permission = Permission(grants, self._walls.audit, self._walls.inbox, self._walls.clock)

    def specs(self) -> tuple[ToolSpec, ...]:
        """Return the tools on offer by now, sorted by name, so that prompts stay the same."""
        return self.registry.specs()

    def plain_forms(self) -> tuple[PlainForm, ...]:
        """Return the plain requests that the tools on offer bring."""
        return self.registry.plain_forms()

    def problem_of(self, name: str, arguments: Mapping[str, Any]) -> str | None:
        """Return what is wrong with such arguments of a tool, "" for nothing; None where there is no such tool."""
        tool = self.registry.get(name)
        return None if tool is None else self._problem(ToolCall("", name, arguments), tool.spec)

    async def __call__(self, call: ToolCall, scene: CallScene, ask: Ask | None) -> Outcome:
        """Carry out `call`; see `core.protocols.Execute`."""
        tool = self.registry.get(call.name)
        if tool is None:
            return _ended(call, "failed", tr("There is no tool {name}.", name=visible(call.name)))
        if problem := self._problem(call, tool.spec):
            wrong, receipts = _ended(call, "failed", tr("The call was wrong: {reason}.", reason=clip(problem, 60)))
            # The words of a schema stand in that sentence, and a stranger wrote those of its own tools.
            theirs = Label("untrusted", "private", (tool.spec.source,)) if tool.spec.source else wrong.label
            return dataclasses.replace(wrong, label=theirs), receipts
        try:
            return await self._carry_out(call, tool, scene, ask)
        except UserError as error:
            return _failed(call, error)
        except Exception:
            log.exception("the tool %s failed", call.name)
            return _ended(call, "failed", _own_error(call.name))

    async def permit_plan(self, calls: Sequence[ToolCall], scene: CallScene, ask: Ask | None) -> bool | None:
        """Ask one question about all of `calls` that need one, before the first of them runs.

        Return whether the answer was yes, for exactly these calls in this turn, each once; None where fewer than two
        need an answer. What cannot be frozen yet, because another must run first, is asked about by itself.
        """
        if ask is None:
            return None
        frozen = []
        for call in calls:
            tool = self.registry.get(call.name)
            if tool is None or self._problem(call, tool.spec):
                continue
            try:
                frozen.append((copy.deepcopy(await _freeze(tool, call, scene)), tool))
            except Exception as error:
                log.info("%s is no part of the plan yet: %s", call.name, type(error).__name__)
        return await self._permission.permit_plan(frozen, scene, ask)

    async def look_again(self, parked: Parked) -> tuple[ToolCall, ToolSpec]:
        """Return a parked call as it would run by now; raises UserError where it can't."""
        tool = self._tool_of(parked)
        return await _freeze(tool, parked.call, _scene_of(parked)), tool.spec

    async def resume(self, parked: Parked) -> Outcome:
        """Carry out a parked call that was answered yes, once: rebuilt, hashed and gated again (R9)."""
        try:
            tool = self._tool_of(parked)
            return await self._carry_out(parked.call, tool, _scene_of(parked), None, parked.call_hash)
        except UserError as error:
            return _failed(parked.call, error)
        except Exception:
            log.exception("the tool %s failed", parked.tool)
            return _ended(parked.call, "failed", _own_error(parked.tool))

    def _tool_of(self, parked: Parked) -> Tool:
        tool = self.registry.get(parked.tool)
        if tool is None:
            raise UserError("no_such_tool", tr("There is no tool {name}.", name=visible(parked.tool)))
        # What it takes may have changed since it was parked.
        if problem := self._problem(parked.call, tool.spec):
            raise UserError("bad_call", tr("The call was wrong: {reason}.", reason=clip(problem, 60)))
        return tool

    def _problem(self, call: ToolCall, spec: ToolSpec) -> str:
        try:
            # Half a surrogate pair can be neither kept nor asked about, and Infinity is no JSON.
            json.dumps(dict(call.arguments), ensure_ascii=False, allow_nan=False).encode()
        except (TypeError, ValueError, RecursionError):
            return tr("an argument is neither text nor number")
        try:
            return self._find_problem(dict(call.arguments), spec.parameters)
        except Exception as error:  # a schema that nobody can read, of a tool that is not ours
            log.warning("the schema of %s cannot be used: %s", spec.name, type(error).__name__)
            return tr("its tool describes its arguments in a way that makes no sense")

    async def _carry_out(
        self, call: ToolCall, tool: Tool, scene: CallScene, ask: Ask | None, approved: str = ""
    ) -> Outcome:
        source = tool.spec.source
        frozen = copy.deepcopy(await _freeze(tool, call, scene))
        shown = approval.call_hash(frozen, source)
        ruling = await self._permission.rule(call, frozen, tool, scene, ask, new_id("ref"), approved)
        if ruling.status != "run":
            ended, receipts = _ended(frozen, ruling.status, ruling.text)
            return dataclasses.replace(ended, inbox_id=ruling.inbox_id), receipts
        if ruling.until_s is not None:
            # What is run is what was shown: the call is frozen again, and any difference asks anew.
            again = approval.call_hash(await _freeze(tool, call, scene), source)
            changed = tr("What the call points to changed while you were asked; ask again.")
            late = tr("The answer came too long ago; ask again.")
            if again != shown or self._walls.clock.monotonic_s() > ruling.until_s:
                await self._permission.record(*ruling.first, self._row(ruling, "denied", frozen, tool, scene))
                return _ended(frozen, "denied", changed if again != shown else late)
        if approval.call_hash(frozen, source) != shown:
            await self._permission.record(*ruling.first, self._row(ruling, "denied", frozen, tool, scene))
            return _ended(frozen, "denied", tr("The call was changed after it was looked at, so it was not done."))
        return await self._run(frozen, tool, scene, ruling)

    def _row(self, ruling: Ruling, value: str, frozen: ToolCall, tool: Tool, scene: CallScene) -> AuditEntry:
        return self._permission.outcome(ruling, value, frozen, tool.spec, scene)

    async def _run(self, frozen: ToolCall, tool: Tool, scene: CallScene, ruling: Ruling) -> Outcome:
        """Run the call: for what changes something the intent is on the disk before, and the end after."""
        first, clock = ruling.first, self._walls.clock
        if tool.spec.effect != "read":
            await self._permission.record(*first, self._row(ruling, "started", frozen, tool, scene))
            first = ()
        started_s = clock.monotonic_s()
        end = "failed"
        try:
            result = await self._result(frozen, tool, scene)
            end = "done" if result.success else "failed"
        except asyncio.CancelledError:
            end = "stopped"
            raise
        finally:
            took_ms = (clock.monotonic_s() - started_s) * 1000
            await asyncio.shield(self._note_end(first, self._row(ruling, end, frozen, tool, scene)))
        label = join([result.label, scene.context])
        arguments = dict(frozen.arguments)
        if not result.success:
            outcome = CallOutcome(frozen.id, frozen.name, arguments, "failed", error=result.error, label=label)
            return dataclasses.replace(outcome, took_ms=took_ms), ()
        undo_id = await self._keep_undo(frozen, tool, scene, result, label)
        outcome = CallOutcome(
            frozen.id, frozen.name, arguments, "done", _fitting(result, tool.spec, scene), None, label, False,
            result.data, took_ms, undo_id,
        )  # fmt: skip
        return outcome, result.receipts

    async def _note_end(self, first: Sequence[AuditEntry], row: AuditEntry) -> None:
        """Record how a call ended; raises UserError only where nothing of it is in the log yet.

        Of what was begun the log has the intent, and the next start finds that its end is missing. A full disk makes
        nothing undone: the user is told what was done.
        """
        try:
            await self._permission.record(*first, row)
        except UserError:
            if first:
                raise
            log.exception("how %s ended is not in the audit log", row.tool)

    async def _result(self, frozen: ToolCall, tool: Tool, scene: CallScene) -> ToolResult:
        spec = tool.spec
        limit = asyncio.timeout(spec.timeout_s + GRACE_S)
        try:
            async with limit:
                result = await tool.run(frozen, scene)
        except TimeoutError:
            if not limit.expired():
                raise
            raise UserError(
                "timeout",
                tr("{tool} took longer than {seconds} seconds and was stopped.",
                   tool=visible(spec.name), seconds=f"{spec.timeout_s:g}"),
            ) from None  # fmt: skip
        if not isinstance(result, ToolResult) or not isinstance(result.text, str):
            raise UserError("bad_result", tr("{tool} returned something that makes no sense.", tool=visible(spec.name)))
        return result

    async def _keep_undo(self, frozen: ToolCall, tool: Tool, scene: CallScene, result: ToolResult, label: Label) -> str:
        if result.undo is None or self._walls.undo is None or scene.incognito:
            return ""
        what = "; ".join(receipt.text for receipt in result.receipts) or tool.spec.name
        try:
            return await self._walls.undo.keep(tool.spec.name, what, result.undo, scene, label)
        except UserError:
            log.exception("how to take back %s was not kept", tool.spec.name)
            return ""


def _fitting(result: ToolResult, spec: ToolSpec, scene: CallScene) -> str:
    """Return the result's text, cut to the limits of the tool and of the prompt, and saying so."""
    text = result.text
    # A letter has a byte at least: what is longer is cut before it is measured.
    cut = len(text) > spec.output_limit_bytes
    text = text[: spec.output_limit_bytes]
    if estimate_tokens(text) > scene.result_tokens + SPARE_TOKENS:
        text, cut = clip(text, scene.result_tokens), True
    return text + tr("\n[cut: there was more]") if cut else text


async def _freeze(tool: Tool, call: ToolCall, scene: CallScene) -> ToolCall:
    limit = asyncio.timeout(FREEZE_TIMEOUT_S)
    try:
        async with limit:
            return await tool.freeze(call, scene)
    except TimeoutError:
        if not limit.expired():
            raise
        name, seconds = visible(tool.spec.name), int(FREEZE_TIMEOUT_S)
        raise UserError(
            "timeout",
            tr("What {tool} was to do could not be found out within {seconds} seconds.", tool=name, seconds=seconds),
            tr("Check that what it is about can be reached, and try again."),
        ) from None


def _scene_of(parked: Parked) -> CallScene:
    return CallScene(parked.session_id or "", parked.turn_id, parked.context, folder=parked.folder)


def _failed(call: ToolCall, error: UserError) -> Outcome:
    denied = error.failure.exit_code == ExitCode.DENIED
    unclear = error.failure.code == UNCLEAR
    ended, receipts = _ended(call, "denied" if denied else "failed", error.failure.text)
    # The names of files stand in such a question, and anybody may have chosen those.
    return (dataclasses.replace(ended, unclear=True, label=NAMES) if unclear else ended), receipts


def _own_error(name: str) -> str:
    return tr("{tool} hit an error of its own, so it was not done; the log says more.", tool=visible(name))


def _ended(call: ToolCall, status: CallStatus, error: str) -> Outcome:
    return CallOutcome(call.id, call.name, dict(call.arguments), status, error=error), ()


def with_arguments(call: ToolCall, **arguments: Any) -> ToolCall:
    """Return `call` with some arguments replaced."""
    return dataclasses.replace(call, arguments={**call.arguments, **arguments})
