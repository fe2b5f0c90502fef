"""Scheduled jobs, put together: what keeps them, runs them, tells of them, and the tools over them.

Owns how these are joined. Must not know what a job does. Loop.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from openclaw_desktop.core.clock import Clock
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.ids import new_id
from openclaw_desktop.core.notices import Notify
from openclaw_desktop.inference.ledger import Ledger as EnergyLedger
from openclaw_desktop.memory.consolidation.consolidator import Consolidator
from openclaw_desktop.memory.sessions import SessionStore
from openclaw_desktop.scheduler.clock import JobClock
from openclaw_desktop.scheduler.job_store import JobStore
from openclaw_desktop.scheduler.ledger import Ledger
from openclaw_desktop.security.grants import GrantStore
from openclaw_desktop.service.api import ConsolidationView
from openclaw_desktop.service.jobs.briefs import Briefs
from openclaw_desktop.service.jobs.built_in import BuiltInJobs, BuiltInParts, Marks
from openclaw_desktop.service.jobs.desk import JobsDesk
from openclaw_desktop.service.jobs.heartbeat import Heartbeat
from openclaw_desktop.service.jobs.looks import Looks
from openclaw_desktop.service.jobs.prompts import JobPrompts, Turns
from openclaw_desktop.service.jobs.runs import JobRunner, JobTeller, RunParts
from openclaw_desktop.service.machine.care import MachineCare
from openclaw_desktop.service.memory.consolidation import consolidate
from openclaw_desktop.service.walls.tooling import Walled
from openclaw_desktop.storage.backup import DAILY
from openclaw_desktop.storage.database import Database
from openclaw_desktop.storage.housekeeping import Housekeeping
from openclaw_desktop.storage.settings import load_settings
from openclaw_desktop.system.paths import Home
from openclaw_desktop.system.region import find_zone
from openclaw_desktop.tools.execution import Executor
from openclaw_desktop.tools.job_tools import JobTools


class Scheduling:
    """The jobs of one agent. `tools` go among the others before `join` hands over what is built of those."""

    def __init__(self, home: Home, database: Database, clock: Clock) -> None:
        self._home = home
        self._clock = clock
        self._store = JobStore(database, clock)
        self._ledger = Ledger(database, clock, new_id("own"))
        self._executor: Executor | None = None
        self.desk = JobsDesk(self._store, self._ledger, clock, self._problem_of)
        self.tools = JobTools(self.desk)
        self.prompts = JobPrompts(SessionStore(database, clock))

    def _problem_of(self, tool: str, arguments: Mapping[str, Any]) -> str | None:
        return None if self._executor is None else self._executor.problem_of(tool, arguments)

    def join(
        self,
        walled: Walled,
        grants: GrantStore,
        machine: MachineCare,
        notify: Notify,
        consolidator: Consolidator,
        housekeeping: Housekeeping,
        turns: Turns,
        energy: EnergyLedger,
    ) -> JobClock:
        """Take the parts that runs work with, and return what runs the jobs once it is started."""
        executor = self._executor = walled.executor
        self.prompts.use(turns)
        looks = Looks(executor, grants, walled.accounts, walled.inbox.pending)
        heartbeat, marks = Heartbeat(self._home.config, looks), Marks(self._home.data / "seen.json")

        async def tidy() -> ConsolidationView:
            return await consolidate(consolidator)

        built_in = BuiltInJobs(
            BuiltInParts(
                Briefs(looks), heartbeat, self.prompts, marks, tidy, lambda: housekeeping.copy_now(DAILY),
                self.desk.past, self._clock, find_zone,
            )
        )  # fmt: skip
        run = JobRunner(
            RunParts(
                self.prompts, executor, built_in, marks, machine.awake, machine.meter, walled.going_on.waiting
            )
        )  # fmt: skip
        file = self._home.settings_file
        keep_runs = load_settings(file).jobs.keep_runs
        clock = JobClock(
            self._store, self._ledger, run, JobTeller(notify), machine.watch, self._clock,
            lambda: runs_kept(file, keep_runs),
        )  # fmt: skip

        async def energy_wh(job_id: str) -> float:
            return (await energy.of_job(job_id)).wh

        self.desk.use(clock, heartbeat, marks, energy_wh, looks.lacks)
        return clock


def runs_kept(settings_file: Path, otherwise: int) -> int:
    """Return how many ended runs of each job the user keeps by now; `otherwise` where the settings can't be read."""
    try:
        return load_settings(settings_file).jobs.keep_runs
    except UserError:  # the doctor says so, and jobs go on
        return otherwise


async def start_jobs(clock: JobClock, stack: AsyncExitStack) -> None:
    """Begin to run the jobs; `stack` ends that."""
    stack.push_async_callback(clock.stop)
    await clock.start()
