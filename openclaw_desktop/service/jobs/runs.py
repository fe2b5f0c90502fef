"""One run of a job: what it does, through the same walls as a chat, and how the user is told.

Owns the way from a job's work to what does it. Nobody is there to be asked: what isn't granted waits in the inbox or is
refused, and nothing is judged by a better label than that of the job's maker. Must not know schedules. Loop.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.ids import new_id
from openclaw_desktop.core.labels import SYSTEM
from openclaw_desktop.core.messages import CallOutcome, Message, ToolCall
from openclaw_desktop.core.notices import Notice, Notify, Priority
from openclaw_desktop.core.protocols import CallScene, Execute, Metered, RunPrompt, StayAwake
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.scheduler.jobs import Job, Run, RunOutcome
from openclaw_desktop.scheduler.ledger import BY_HAND
from openclaw_desktop.security.labels import join
from openclaw_desktop.service.jobs.built_in import BuiltInJobs, Marks, built_in_title
from openclaw_desktop.service.jobs.heartbeat import is_silent
from openclaw_desktop.service.jobs.prompts import is_turn_of, turn_of
from openclaw_desktop.service.jobs.work import CONTAINS, Check, Work, read_work

RESULT_TOKENS = 2000


def _not_metered(job: str) -> AbstractContextManager[None]:
    return nullcontext()


async def _none_waits() -> frozenset[str]:
    return frozenset()


def _not_awake(why: str) -> AbstractAsyncContextManager[None]:
    return nullcontext()


@dataclass(frozen=True, slots=True)
class RunParts:
    """What runs work with. `awake`, `meter`: keep the machine from sleeping over a run, and count what it takes.

    `waiting`: the turns whose requests wait in the inbox for an answer.
    """

    prompt: RunPrompt
    execute: Execute
    built_in: BuiltInJobs
    marks: Marks
    awake: StayAwake = _not_awake
    meter: Metered = _not_metered
    waiting: Callable[[], Awaitable[frozenset[str]]] = _none_waits


class JobRunner:
    """`scheduler.jobs.RunJob` of this agent."""

    def __init__(self, parts: RunParts) -> None:
        self._parts = parts

    async def __call__(self, job: Job, run: Run) -> RunOutcome:
        """Do a run; see `scheduler.jobs.RunJob`."""
        work = read_work(job.plan.work)
        if any(is_turn_of(job, turn_id) for turn_id in await self._parts.waiting()):
            # It would ask the same once more: a job has one question at a time.
            return RunOutcome("skipped", reason=tr("An earlier run waits in the inbox for your answer."), deliver=False)
        async with self._parts.awake(tr("the job {name} runs", name=visible(job.name))):
            with self._parts.meter(job.id):
                if work.check is not None and (said_no := await self._check(work.check, job, run)) is not None:
                    return said_no
                return await self._do(work, job, run)

    async def _do(self, work: Work, job: Job, run: Run) -> RunOutcome:
        match work.kind:
            case "remind":
                return RunOutcome("done", work.text, job.label)
            case "prompt":
                return await self._prompt(work, job, run)
            case "tool":
                return _of_call(await self._call(work.name, work.arguments or {}, job, run))
            case _:
                return await self._parts.built_in.run(work.name, job, run)

    async def _prompt(self, work: Work, job: Job, run: Run) -> RunOutcome:
        turn_id = turn_of(run)
        done = await self._parts.prompt(work.text, job.label, turn_id=turn_id, job=job.id, timeout_s=job.plan.timeout_s)
        if done.error:
            return RunOutcome("failed", done.error, SYSTEM, again=done.again, session_id=done.session_id)
        silent = is_silent(done.text) and not done.parked
        return RunOutcome(
            "done", "" if silent else done.text, done.label, tr("There was nothing to tell.") if silent else "",
            # That something waits for an answer was told when it was parked.
            deliver=not is_silent(done.text), turn_id=turn_id, session_id=done.session_id,
        )  # fmt: skip

    async def _call(self, tool: str, arguments: Any, job: Job, run: Run) -> CallOutcome:
        call = ToolCall(new_id("call"), tool, arguments)
        # A tool's arguments are the words of the job's maker: a question in the inbox names them so.
        words = Message("user", json.dumps(dict(arguments), ensure_ascii=False), job.label)
        scene = CallScene("", turn_of(run), job.label, result_tokens=RESULT_TOKENS, texts=(words,))
        outcome, _ = await self._parts.execute(call, scene, None)
        return outcome

    async def _check(self, check: Check, job: Job, run: Run) -> RunOutcome | None:
        """Return how the run ends where the check says no; None where the work is to be done."""
        outcome = await self._call(check.tool, check.arguments, job, run)
        if outcome.status != "done":
            return _of_call(outcome)
        if check.condition == "changed":
            mark = hashlib.sha256((outcome.result or "").encode()).hexdigest()
            before = await self._parts.marks.get(job.id, run.id)
            await self._parts.marks.put(job.id, run.id, (mark,))
            # The first look has nothing to compare with: it only takes note.
            holds = bool(before) and before != (mark,)
        else:
            holds = _holds(check.condition, outcome)
        if holds:
            return None
        reason = tr("The check said no ({tool}: not {condition}).", tool=visible(check.tool),
                    condition=visible(check.condition))  # fmt: skip
        return RunOutcome("skipped", reason=reason, deliver=False)


def _holds(condition: str, outcome: CallOutcome) -> bool:
    data = outcome.data
    if condition == "ok":
        return not isinstance(data, dict) or data.get("exit_code", 0) == 0
    if condition == "some":
        if isinstance(data, dict):
            data = next((value for value in data.values() if isinstance(value, list)), data.get("stdout", data))
        return bool(data) if data is not None else bool((outcome.result or "").strip())
    return condition.removeprefix(CONTAINS).casefold() in (outcome.result or "").casefold()


def _of_call(outcome: CallOutcome) -> RunOutcome:
    if outcome.status == "done":
        data = outcome.data
        if isinstance(data, dict) and data.get("exit_code", 0) != 0:
            return RunOutcome("failed", outcome.result or "", outcome.label, again=True)
        return RunOutcome("done", outcome.result or tr("There was nothing."), outcome.label)
    said = outcome.error or tr("That was not done.")
    if outcome.status == "parked":
        # What waits in the inbox is told there; the call runs after the answer, or never.
        return RunOutcome("skipped", said, SYSTEM, tr("It waits in the inbox for your answer."), deliver=False)
    # How it ended is known, and it is made again only as often as the user said. What may not be is no other way later.
    return RunOutcome("failed", said, outcome.label, again=outcome.status == "failed" and not outcome.unclear)


class JobTeller:
    """`scheduler.jobs.Deliver`: a run's end as a notice."""

    def __init__(self, notify: Notify) -> None:
        self._notify = notify

    async def __call__(self, job: Job, run: Run) -> str:
        """Tell it; return the notice's id."""
        title, body, priority = _words(job, run)
        why = tr("The job {name} ran as it was planned.", name=visible(job.name))
        if run.slot.startswith(BY_HAND):
            why = tr("You ran the job {name}.", name=visible(job.name))
        elif run.state != "done":
            why = tr("The job {name} was to run at {when}.", name=visible(job.name), when=_when(run))
        return await self._notify(
            Notice(
                f"job:{job.id}",
                title,
                body,
                join([run.label, job.label]),
                priority,
                why,
                run.key,
                session_id=run.session_id,
            )
        )


def _words(job: Job, run: Run) -> tuple[str, str, Priority]:
    """Return title, body and priority of the notice about a run."""
    name, wanted = built_in_title(job), job.plan.notify
    louder: Priority = "normal" if wanted in ("low", "silent") else wanted
    match run.state:
        case "done":
            title = tr("Reminder") if job.plan.work.get("do") == "remind" else name
            return title, run.said or tr("Done."), wanted
        case "missed":
            said = read_words(job)
            # Where its next run stands for it, or the user has looked at it, it is not worth an interruption.
            priority = "low" if run.checked else louder
            return tr("Missed: {name}", name=name), f"{_missed(run)}\n{said}" if said else _missed(run), priority
        case "unknown":
            body = tr("The agent ended while it ran. Look whether it was done; it is not repeated by itself.")
            return tr("Unknown: {name}", name=name), body, "high" if louder == "normal" else louder
        case _:
            return tr("Failed: {name}", name=name), run.said or run.reason, louder


def _missed(run: Run) -> str:
    if run.checked:
        return tr("It did not run at {when}: {reason}. You are told once a day; all its runs: openclaw-agent task runs",
                  when=_when(run), reason=run.reason)  # fmt: skip
    if run.count == 1:
        return tr("It was missed at {when}.", when=_when(run))
    return tr("It was missed {count} times, the last at {when}.", count=run.count, when=_when(run))


def read_words(job: Job) -> str:
    """Return the words of a reminder, which are worth telling late; "" for other work."""
    try:
        work = read_work(job.plan.work)
    except UserError:
        return ""
    return work.text if work.kind == "remind" else ""


def _when(run: Run) -> str:
    return f"{run.last_due_at.astimezone():%Y-%m-%d %H:%M}"
