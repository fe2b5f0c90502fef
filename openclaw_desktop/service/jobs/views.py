"""What front ends see of jobs and their runs.

Owns the values and the commands. Must not know how they are done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from openclaw_desktop.core.notices import Priority

# How a time is given: a cron line, a length, an ISO moment, words, or an event (present, mains, start, file:/PATH).
TriggerKind = Literal["cron", "every", "at", "words", "on"]


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job that is wanted. What it does is one of `prompt`, `tool` with `arguments`, and `remind`.

    `zone`: an IANA name, "" for the user's own. `check`: a tool with `check_arguments` whose end, by `check_if`,
    decides whether anything is done. `missed`: skip, once, or within:10m.
    """

    name: str
    kind: TriggerKind
    when: str
    zone: str = ""
    missed: str = "once"
    timeout_s: float = 600.0
    retries: int = 0
    on_ac: bool = False
    when_idle: bool = False
    notify: Priority = "normal"
    prompt: str = ""
    tool: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    remind: str = ""
    check: str = ""
    check_arguments: Mapping[str, Any] = field(default_factory=dict)
    check_if: str = "ok"


@dataclass(frozen=True, slots=True)
class RunView:
    """One run of a job. `count`: of how many times a row of missed ones is made. Times: ISO 8601, "" where none.

    `checked`: the user has looked at what was missed or is unknown.
    """

    id: str
    job: str
    state: str
    reason: str
    due_at: str
    last_due_at: str
    started_at: str
    ended_at: str
    attempts: int
    count: int
    said: str
    untrusted: bool
    session_id: str
    delivery: str
    checked: bool


@dataclass(frozen=True, slots=True)
class JobView:
    """One job. `when`, `does`: in words; `next`: its coming times in ISO 8601 with offset; `waits`: why a run waits.

    `origins`: where it comes from, if it was made from text that the user did not write. `energy_wh`: what all its runs
    took, estimated; None where that was not asked. `problem`: why it can't run as it is kept, "" for none.
    `over`: it has had its last time.
    `heard`: how the words of its schedule were understood, with what was assumed; "" once it is kept.
    """

    id: str
    name: str
    when: str
    zone: str
    does: str
    work: Mapping[str, Any]
    enabled: bool
    next: tuple[str, ...]
    missed: str
    timeout_s: float
    retries: int
    on_ac: bool
    when_idle: bool
    notify: Priority
    untrusted: bool
    origins: tuple[str, ...]
    created_at: str
    waits: str = ""
    runs: tuple[RunView, ...] = ()
    energy_wh: float | None = None
    problem: str = ""
    heard: str = ""
    over: bool = False


@dataclass(frozen=True, slots=True)
class BuiltInView:
    """A job that we bring. `job_id`: "" where it was never switched on."""

    name: str
    title: str
    says: str
    when: str
    on: bool
    job_id: str


@dataclass(frozen=True, slots=True)
class HeartbeatStatus:
    """The heartbeat: when it beat last and what came of that, when it beats next; times in ISO 8601."""

    on: bool = False
    last_at: str = ""
    last: str = ""
    next_at: str = ""


@dataclass(frozen=True, slots=True)
class JobsStatus:
    """How jobs stand. `missed`, `unknown`: not yet looked at. `waits`: a sentence about what waits, "" for nothing."""

    jobs: int = 0
    next_job: str = ""
    next_run: str = ""
    missed: int = 0
    unknown: int = 0
    running: int = 0
    waiting: int = 0
    waits: str = ""
    heartbeat: HeartbeatStatus = HeartbeatStatus()


class JobCommands(Protocol):
    """The commands about jobs. `job`: an id, a name, or words that only one name has."""

    async def add_job(self, job: NewJob) -> JobView:
        """Keep a job; raises UserError where it can't be."""
        ...

    async def list_jobs(self) -> tuple[JobView, ...]:
        """List the jobs, the soonest first."""
        ...

    async def show_job(self, job: str) -> JobView:
        """Return a job with its newest runs; what was missed or is unknown counts as looked at from then on."""
        ...

    async def run_job(self, job: str) -> RunView:
        """Run a job now and return how that ended; raises UserError where it can't."""
        ...

    async def pause_job(self, job: str) -> JobView:
        """Let a job rest."""
        ...

    async def resume_job(self, job: str) -> JobView:
        """Go on with a job."""
        ...

    async def remove_job(self, job: str) -> str:
        """Remove a job with its runs, also one that can't be read; return its name."""
        ...

    async def job_runs(self, job: str = "", limit: int = 50) -> tuple[RunView, ...]:
        """Return the newest runs of a job, or of all; what was missed or is unknown counts as looked at, as above."""
        ...

    async def list_built_in_jobs(self) -> tuple[BuiltInView, ...]:
        """List the jobs that we bring."""
        ...

    async def enable_job(self, name: str, when: str = "", checklist: str = "") -> JobView:
        """Switch on a job that we bring; its `problem` says that it has no account to look at.

        `when`: words or a length, "" for its usual time or the one it had.

        `checklist`: of the heartbeat, a file whose text becomes the list; "" keeps the one that is there.
        """
        ...

    async def disable_job(self, name: str) -> JobView:
        """Switch it off; it keeps its time."""
        ...

    async def jobs_status(self) -> JobsStatus:
        """Say how jobs stand."""
        ...
