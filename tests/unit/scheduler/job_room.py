"""A file with jobs, a clock that is set by hand, and a machine that is what the test says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from openclaw_desktop.core.labels import USER
from openclaw_desktop.core.power import PowerLevel, Presence
from openclaw_desktop.scheduler.clock import JobClock
from openclaw_desktop.scheduler.job_store import JobStore
from openclaw_desktop.scheduler.jobs import Job, JobPlan, JobUrgency, Run, RunOutcome
from openclaw_desktop.scheduler.ledger import Ledger
from openclaw_desktop.scheduler.schedules import CronLine
from openclaw_desktop.scheduler.triggers import Trigger
from openclaw_desktop.storage.database import Database

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


class SetClock:
    def __init__(self, moment: datetime = NOON) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment

    def monotonic_s(self) -> float:
        return (self.moment - NOON).total_seconds()


class Machine:
    def __init__(self) -> None:
        self.power: PowerLevel = "full"
        self.presence: Presence = "idle"
        self.spare = True

    def may_run(self, kind: str, urgency: JobUrgency) -> bool:
        return self.spare or urgency == "now"

    def why_not(self, kind: str, urgency: JobUrgency) -> str:
        return "" if self.spare else "memory is short"


class ByHandTimer:
    """Rings when the test moves the clock."""

    def __init__(self, on_ring: Callable[[], None]) -> None:
        self.on_ring = on_ring
        self.moment: datetime | None = None

    def set(self, moment: datetime | None) -> None:
        self.moment = moment

    def close(self) -> None:
        self.moment = None


@dataclass
class JobRoom:
    """A life of the agent's jobs; `again` begins another on the same file."""

    database: Database
    clock: SetClock = field(default_factory=SetClock)
    machine: Machine = field(default_factory=Machine)
    owner: str = "first"

    def __post_init__(self) -> None:
        self.ran: list[tuple[str, str, int]] = []
        self.told: list[Run] = []
        self.outcomes: dict[str, Any] = {}
        self.gate = asyncio.Event()
        self.gate.set()
        self.began = asyncio.Event()
        self.timers: list[ByHandTimer] = []
        self.store = JobStore(self.database, self.clock)
        self.ledger = Ledger(self.database, self.clock, self.owner)
        self.jobs = JobClock(
            self.store, self.ledger, self.run_job, self.deliver, self.machine, self.clock, lambda: 100, self._timer
        )

    def again(self, owner: str = "second") -> JobRoom:
        return JobRoom(self.database, self.clock, self.machine, owner)

    def _timer(self, on_ring: Callable[[], None], clock: object) -> ByHandTimer:
        self.timers.append(ByHandTimer(on_ring))
        return self.timers[-1]

    async def add(self, name: str = "job", trigger: Trigger | str = "0 * * * *", **rules: Any) -> Job:
        if isinstance(trigger, str):
            from zoneinfo import ZoneInfo

            trigger = CronLine(trigger, ZoneInfo("UTC"))
        return await self.store.add(JobPlan(name, trigger, "UTC", {"do": name}, **rules), USER)

    def pass_(self, **length: float) -> None:
        self.clock.moment += timedelta(**length)

    async def turn(self, **length: float) -> datetime | None:
        """Let time pass, make a turn, and wait for what can end."""
        self.pass_(**length)
        next_at = await self.jobs.turn()
        if self.gate.is_set():
            await self.rest()
        return next_at

    async def rest(self) -> None:
        """Wait until nothing goes on."""
        await asyncio.gather(*(task for _, task in self.jobs._live.values()), return_exceptions=True)
        await self.jobs.tell()

    async def run_job(self, job: Job, run: Run) -> RunOutcome:
        self.ran.append((job.name, run.slot, run.attempts))
        self.began.set()
        await self.gate.wait()
        outcome = self.outcomes.get(job.name, RunOutcome("done"))
        if isinstance(outcome, list):
            outcome = outcome.pop(0)
        if isinstance(outcome, BaseException):
            raise outcome
        assert isinstance(outcome, RunOutcome)
        return outcome

    async def deliver(self, job: Job, run: Run) -> str:
        self.told.append(run)
        return f"notice-{len(self.told)}"

    async def runs(self, job: Job) -> list[tuple[str, str]]:
        """Return time (or kind) and state of each row, in the order of their times."""
        found = sorted(await self.ledger.runs(job.id, 1_000), key=lambda run: (run.due_at, run.slot))
        return [(f"{run.due_at:%d %H:%M}" + (f" x{run.count}" if run.count > 1 else ""), run.state) for run in found]
