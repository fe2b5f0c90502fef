"""The tools over the user's jobs: a reminder, something done later or again and again, and what is planned.

Owns their schemas, and which of them changes what the agent does by itself (guarded): a reminder only says its words.
Must not know how jobs are kept or run. Loop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.labels import SYSTEM, Label
from openclaw_desktop.core.messages import Receipt, ToolCall, ToolSpec
from openclaw_desktop.core.protocols import CallScene, Tool, ToolResult
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.security.labels import join
from openclaw_desktop.tools.execution import with_arguments

JobChange = Literal["pause", "resume", "remove", "run"]

_WHEN = {
    "type": "string", "minLength": 1, "maxLength": 300,
    "description": "the time in the user's own words, such as tomorrow at 9 or every Monday at 8",
}  # fmt: skip
_TEXT = {"type": "string", "minLength": 1, "maxLength": 4000}


@dataclass(frozen=True, slots=True)
class Heard:
    """What words of a time mean. `sentence`: with the next three times; `day`: today, where they mean it from today."""

    sentence: str
    day: str = ""


@dataclass(frozen=True, slots=True)
class KnownJob:
    """A job as the tools tell of it. `said`: one line; `next`: its next time in ISO 8601, "" where none is known."""

    id: str
    name: str
    said: str
    next: str
    enabled: bool
    label: Label


class Jobs(Protocol):
    """Keeps the user's jobs."""

    def hear(self, when: str) -> Heard:
        """Return what words of a time mean; raises UserError where they mean none that is still to come."""
        ...

    async def remind(self, when: str, text: str, label: Label) -> KnownJob:
        """Keep a reminder; raises UserError."""
        ...

    async def plan(self, when: str, text: str, label: Label) -> KnownJob:
        """Keep a job that asks `text` at its times; raises UserError."""
        ...

    async def known(self) -> Sequence[KnownJob]:
        """Return the jobs, the soonest first."""
        ...

    async def find(self, words: str) -> KnownJob:
        """Return the one that `words` name; raises UserError."""
        ...

    async def change(self, job_id: str, change: JobChange) -> str:
        """Pause, resume, remove or run one; return a sentence. Raises UserError."""
        ...


class RemindTool:
    """Reminds the user at a time."""

    spec = ToolSpec(
        "remind",
        "remind the user of something at a time or again and again; it only shows the words",
        {
            "type": "object",
            "properties": {"when": _WHEN, "text": {**_TEXT, "maxLength": 500}},
            "required": ["when", "text"],
            "additionalProperties": False,
        },
        "local-reversible",
        undoable=True,
    )

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        """Return the call; raises UserError for an unclear time, and where others' words could have asked for it."""
        if scene.context.integrity == "untrusted":
            raise UserError(
                "untrusted_reminder",
                tr("A reminder that comes of a text you did not write needs your word."),
                tr("Use schedule_job for it, which asks first."),
            )
        self._jobs.hear(str(call.arguments["when"]))
        return call

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Keep it and say when it comes."""
        when, text = str(call.arguments["when"]), str(call.arguments["text"]).strip()
        heard, job = self._jobs.hear(when), await self._jobs.remind(when, text, scene.context)
        receipt = Receipt("reminder.set", tr("set the reminder"), call.id, job.id)
        said = tr("I'll remind you: {text}. {when}", text=visible(text), when=heard.sentence)
        return ToolResult(
            said, scene.context, (receipt,), {"id": job.id, "name": job.name, "next": job.next}, undo={"job": job.id}
        )

    async def undo(self, token: Mapping[str, Any]) -> str:
        """Take the reminder back."""
        await self._jobs.change(str(token["job"]), "remove")
        return tr("There will be no such reminder.")


class ScheduleJobTool:
    """Has the agent do something later, or again and again."""

    spec = ToolSpec(
        "schedule_job",
        "schedule a task: have the agent do or tell something at a time, later or again and again",
        {
            "type": "object",
            "properties": {
                "when": _WHEN,
                "text": {**_TEXT, "description": "what to do then, as the user would ask for it"},
                "kind": {"enum": ["do", "remind"]},
            },
            "required": ["when", "text"],
            "additionalProperties": False,
        },
        "guarded",
        authority=("when", "text"),
    )

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        """Return the call, with the day that its words are meant from: "tomorrow" is another day tomorrow."""
        heard = self._jobs.hear(str(call.arguments["when"]))
        kept = {name: value for name, value in call.arguments.items() if name != "day"}
        return ToolCall(call.id, call.name, {**kept, "day": heard.day} if heard.day else kept)

    async def preview(self, call: ToolCall, scene: CallScene) -> str:
        """Return when it would run."""
        return self._jobs.hear(str(call.arguments["when"])).sentence

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Keep it: whatever it does is judged by the label of what it was made from."""
        when, text = str(call.arguments["when"]), str(call.arguments["text"]).strip()
        heard = self._jobs.hear(when)
        keep = self._jobs.remind if call.arguments.get("kind") == "remind" else self._jobs.plan
        job = await keep(when, text, scene.context)
        receipt = Receipt("job.scheduled", tr("scheduled it"), call.id, job.id)
        said = tr("Scheduled as {name}. {when}", name=job.name, when=heard.sentence)
        return ToolResult(said, scene.context, (receipt,), {"id": job.id, "name": job.name, "next": job.next})


class ListJobsTool:
    """Tells what is scheduled."""

    spec = ToolSpec(
        "list_jobs",
        "list the scheduled tasks, jobs and reminders, and when each comes next",
        {"type": "object", "properties": {}, "additionalProperties": False},
        "read",
    )

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        """Return the call: it has no arguments."""
        return call

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Return a line for each."""
        known = await self._jobs.known()
        text = "\n".join(f"- {job.said}" for job in known) or tr("Nothing is scheduled.")
        data = [{"id": job.id, "name": job.name, "next": job.next, "enabled": job.enabled} for job in known]
        receipt = Receipt("jobs.listed", tr("looked at what is scheduled"), call.id)
        return ToolResult(text, join([SYSTEM, *(job.label for job in known)]), (receipt,), data)


class ChangeJobTool:
    """Pauses, resumes, removes or runs a job."""

    spec = ToolSpec(
        "change_job",
        "pause, resume, cancel or remove a scheduled task, job or reminder, or run it now",
        {
            "type": "object",
            "properties": {
                "action": {"enum": ["pause", "resume", "remove", "run"]},
                "job": {"type": "string", "minLength": 1, "maxLength": 200, "description": "its name"},
            },
            "required": ["action", "job"],
            "additionalProperties": False,
        },
        "guarded",
        authority=("job", "action"),
        timeout_s=600.0,
    )

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        """Return the call with the job's whole name."""
        job = await self._jobs.find(str(call.arguments["job"]))
        return with_arguments(call, job=job.name)

    async def preview(self, call: ToolCall, scene: CallScene) -> str:
        """Return which job is meant."""
        return (await self._jobs.find(str(call.arguments["job"]))).said

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Do it."""
        job = await self._jobs.find(str(call.arguments["job"]))
        said = await self._jobs.change(job.id, call.arguments["action"])
        receipt = Receipt("job.changed", tr("changed the job"), call.id, job.id)
        return ToolResult(said, join([scene.context, job.label]), (receipt,), {"id": job.id})


class JobTools:
    """`core.protocols.ToolProvider` over the user's jobs."""

    def __init__(self, jobs: Jobs) -> None:
        self._tools: tuple[Tool, ...] = (
            RemindTool(jobs), ScheduleJobTool(jobs), ListJobsTool(jobs), ChangeJobTool(jobs)
        )  # fmt: skip

    def tools(self) -> Sequence[Tool]:
        """Return the tools."""
        return self._tools
