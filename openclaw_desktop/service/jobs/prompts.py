"""The prompts of jobs: each a turn in a chat of its own, that nobody watches.

Owns what a job's turn is given, and what its end means for the run. Must not know schedules, nor how a turn goes. Loop.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Protocol

from openclaw_desktop.agent.course import Task
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.events import ToolFinished, TurnEvent, TurnFailed, TurnFinished
from openclaw_desktop.core.labels import SYSTEM, Label
from openclaw_desktop.core.protocols import Complete, CompletionEvent, Prompt, PromptDone, TextDropped
from openclaw_desktop.core.text import tr
from openclaw_desktop.memory.sessions import JOB_TURN, SessionStore, SpokenMessage
from openclaw_desktop.scheduler.jobs import Job, Run


class Turns(Protocol):
    """What runs turns."""

    async def run_alone(
        self, task: Task, timeout_s: float | None = None, see: Callable[[TurnEvent], object] | None = None
    ) -> TurnEvent | None:
        """Run a turn that no front end watches; return its last event. `see`: told each of them."""
        ...


class JobPrompts:
    """`core.protocols.RunPrompt` over the turns of this agent, and the chats of jobs that need no model."""

    def __init__(self, sessions: SessionStore) -> None:
        self._sessions = sessions
        self._turns: Turns | None = None

    def use(self, turns: Turns) -> None:
        """Take what runs the turns."""
        self._turns = turns

    async def __call__(self, text: str, label: Label, *, turn_id: str, job: str, timeout_s: float) -> PromptDone:
        """Run a prompt; see `core.protocols.RunPrompt`."""
        assert self._turns is not None, "handed over when the agent is put together"
        parked = done = 0

        def see(event: TurnEvent) -> None:
            nonlocal parked, done
            if isinstance(event, ToolFinished):
                parked += event.outcome.status == "parked"
                done += event.outcome.status == "done"

        session_id = await self._sessions.begin()
        task = Task(turn_id, session_id, text, None, label=label, lane="background", job=job)
        last = await self._turns.run_alone(task, timeout_s, see)
        if isinstance(last, TurnFinished):
            return PromptDone(last.answer.answer, last.answer.label, session_id, parked)
        why = last.failure.text if isinstance(last, TurnFailed) else tr("It was stopped.")
        return PromptDone("", label, session_id, parked, why, again=not done)

    async def keep(self, turn_id: str, title: str, text: str, label: Label) -> str:
        """Keep what a job found without a model as a chat, so that it can be asked about; return the chat's id."""
        session_id = await self._sessions.begin()
        await self._sessions.add_message(session_id, SpokenMessage(turn_id, "user", f"[{title}]", SYSTEM))
        await self._sessions.add_message(session_id, SpokenMessage(turn_id, "assistant", text, label))
        return session_id


def turn_of(run: Run) -> str:
    """Return the id of the turn that this attempt at a run is; it names the job too."""
    return f"{_turns_of(run.job_id)}{run.id}_{run.attempts}"


def is_turn_of(job: Job, turn_id: str) -> bool:
    """Return whether a turn is one of this job's, be its run kept or taken out by now."""
    return turn_id.startswith(_turns_of(job.id))


def _turns_of(job_id: str) -> str:
    return f"{JOB_TURN}{job_id}_"


class Patient:
    """`core.protocols.Complete` that asks again where a turn in the background gave way to the chat."""

    def __init__(self, complete: Complete) -> None:
        self._complete = complete

    async def __call__(self, prompt: Prompt) -> AsyncIterator[CompletionEvent]:
        """Yield the completion; what was written before it gave way is dropped."""
        while True:
            try:
                async with aclosing(self._complete(prompt)) as events:  # type: ignore[type-var]
                    async for event in events:
                        yield event
                return
            except UserError as error:
                if error.failure.code != "preempted" or not prompt.turn_id:
                    raise
                yield TextDropped(error.failure.sentence)
