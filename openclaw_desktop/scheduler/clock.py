"""The clock of jobs: sleeps until the next time, claims what is due, and has it done.

Owns when a run begins, waits, ends by its time limit or is cut off, and that the user is told of it. Nothing polls: a
turn is made when the wall timer rings, a job is changed, a run ends, the machine's level changes or it wakes. Must not
know what a run does. One loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from openclaw_desktop.core.bus import Bus
from openclaw_desktop.core.clock import Clock
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.power import LevelChanged, Woke
from openclaw_desktop.core.tasks import TaskSet
from openclaw_desktop.core.text import tr
from openclaw_desktop.scheduler.job_store import JobStore
from openclaw_desktop.scheduler.jobs import ENDED, Deliver, Job, Run, RunJob, RunOutcome, Surroundings
from openclaw_desktop.scheduler.ledger import BY_HAND, Ledger
from openclaw_desktop.scheduler.triggers import EventName, OnEvent, words_of_length
from openclaw_desktop.system.file_watch import FileWatch, open_file_watch
from openclaw_desktop.system.wall_timer import WallTimer, open_wall_timer

log = logging.getLogger(__name__)

MOST_AT_ONCE = 8
# What the file refuses (a full disk) is tried again so often.
RETRY_S = 30.0
PRUNE_EVERY = timedelta(hours=24)
KIND = "job"


class JobClock:
    """Runs the jobs of one file, from `start` until `stop`."""

    def __init__(
        self,
        jobs: JobStore,
        ledger: Ledger,
        run_job: RunJob,
        deliver: Deliver,
        machine: Surroundings,
        clock: Clock,
        keep_runs: Callable[[], int] = lambda: 100,
        open_timer: Callable[[Callable[[], None], Clock], WallTimer] = open_wall_timer,
    ) -> None:
        """`keep_runs`: how many ended runs of each job the user keeps. `open_timer`: makes what rings by `clock`."""
        self._jobs = jobs
        self._ledger = ledger
        self._run_job = run_job
        self._deliver = deliver
        self._machine = machine
        self._clock = clock
        self._keep_runs = keep_runs
        self._open_timer = open_timer
        self._live: dict[str, tuple[Run, asyncio.Task[None]]] = {}
        self._tasks = TaskSet()
        self._woken = asyncio.Event()
        # Set at each turn and each end of a run, for those who wait to tell of it or to hear of it.
        self._moved = asyncio.Event()
        self._jobs_changed = True
        self._events: list[tuple[EventName, str]] = []
        self._prune_at: datetime | None = None
        self._timer: WallTimer | None = None
        self._watch: FileWatch | None = None
        self._presence, self._power = machine.presence, machine.power

    async def start(self) -> None:
        """Take up what was left, and go on with it in the background. Raises UserError where the file can't be used."""
        await self.take_up()
        self._timer = self._open_timer(self._woken.set, self._clock)
        self._watch = open_file_watch(lambda path: self.happened("file", path))
        self._presence, self._power = self._machine.presence, self._machine.power
        self._events.append(("start", ""))
        self._tasks.start(self._go_on(), "job clock")
        self._tasks.start(self._go_on_telling(), "tell of runs")

    async def take_up(self) -> None:
        """Take up what an agent before this one left; once, before the first turn."""
        await self._jobs.reckon()
        await self._ledger.take_over()

    async def stop(self) -> None:
        """Cut off what is going on, commit that, and end."""
        await self._tasks.stop()
        await self._put_back_unbegun()
        if self._timer is not None:
            self._timer.close()
        if self._watch is not None:
            self._watch.close()

    @property
    def going_on(self) -> frozenset[str]:
        """The ids of the runs that are going on."""
        return frozenset(self._live)

    def poke(self) -> None:
        """Look anew: a job was added, changed or removed."""
        self._jobs_changed = True
        self._woken.set()

    def happened(self, event: EventName, path: str = "") -> None:
        """Run the jobs that wait for this."""
        self._events.append((event, path))
        self._woken.set()

    async def follow(self, bus: Bus) -> None:
        """Hear of the machine's level and of its waking, until cancelled."""
        async for event in bus.subscribe():
            if isinstance(event, LevelChanged):
                self.level_changed(event)
            elif isinstance(event, Woke):
                self._woken.set()

    def level_changed(self, event: LevelChanged) -> None:
        """Take up what waits for this level, and what waits for the user or for mains to come."""
        if event.presence == "active" and self._presence != "active":
            self.happened("present")
        if event.power == "full" and self._power != "full":
            self.happened("mains")
        self._presence, self._power = event.presence, event.power
        self._woken.set()

    async def run_to_end(self, job_id: str) -> Run:
        """Run a job because the user asks for it, and return the run once it has ended. Raises UserError.

        Before `start`, as in a verb without an agent, this run alone is done and nothing else becomes due.
        """
        run = await self._ledger.claim_by_hand(job_id)
        if self._timer is None:
            job = await self._jobs.get(job_id)
            for begun in () if job is None else await self._ledger.begin([(job, run)], {}, {}):
                await self._do(*begun)
            await self.tell()
        else:
            self._woken.set()
        while True:
            moved = self._moved
            if (ended := await self._ledger.run(run.id)) is None:
                raise UserError("no_such_job", tr("That job was removed while it ran."))
            if ended.state in ENDED:
                return ended
            await moved.wait()

    async def cut_off(self, job_id: str) -> None:
        """Cancel what of this job is going on, before it is removed; returns when that has ended."""
        tasks = [task for run, task in self._live.values() if run.job_id == job_id]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._put_back_unbegun()

    async def _put_back_unbegun(self) -> None:
        """Put back what was committed as begun and cancelled before its first step: it did nothing."""
        for run, task in list(self._live.values()):
            if task.done():
                self._live.pop(run.id)
                with contextlib.suppress(UserError):  # then the next start finds it as it is
                    await self._ledger.put_back_unbegun(run)

    async def _go_on(self) -> None:
        assert self._timer is not None
        while True:
            self._woken.clear()
            try:
                next_at = await self.turn()
            except UserError as error:
                log.warning("jobs wait: %s", error)
                next_at = self._clock.now() + timedelta(seconds=RETRY_S)
            except Exception:
                # Whatever goes wrong in one turn must not end all jobs unseen.
                log.exception("a turn of the job clock failed")
                next_at = self._clock.now() + timedelta(seconds=RETRY_S)
            self._move()
            self._timer.set(next_at)
            await self._woken.wait()

    async def turn(self) -> datetime | None:
        """Begin what is due by now; return when the next look is due, None where nothing is planned."""
        if self._jobs_changed:
            self._jobs_changed = False
            await self._watch_files()
        while self._events:
            await self._ledger.claim_event(*self._events[0])
            self._events.pop(0)
        await self._prune()
        look = await self._ledger.look(self.going_on)
        starts: list[tuple[Job, Run]] = []
        waits: dict[str, str] = {}
        skips: dict[str, str] = {}
        times = [] if look.next_at is None else [look.next_at]
        for job, run in look.ready:
            reason = self._why_wait(job, run)
            limit = None if job.plan.wait_s is None else run.due_at + timedelta(seconds=job.plan.wait_s)
            if reason and limit is not None and limit <= self._clock.now():
                if job.plan.urgency == "background":
                    skips[run.id] = tr("{reason}, for too long", reason=reason)
                    continue
                reason = ""
            if reason:
                waits[run.id] = reason
                times += [] if limit is None else [limit]
            elif len(starts) + len(self._live) < MOST_AT_ONCE:
                starts.append((job, run))
            else:
                waits[run.id] = tr("waits until one of the {count} jobs that run has ended", count=MOST_AT_ONCE)
        if starts or skips or any(run.reason != waits.get(run.id, run.reason) for _, run in look.ready):
            for job, run in await self._begin(starts, waits, skips):
                self._live[run.id] = run, self._tasks.start(self._do(job, run), f"run of {job.id}")
        if skips:
            self._woken.set()
        return min(times, default=None)

    async def _begin(
        self, starts: list[tuple[Job, Run]], waits: dict[str, str], skips: dict[str, str]
    ) -> tuple[tuple[Job, Run], ...]:
        begun = asyncio.ensure_future(self._ledger.begin(starts, waits, skips))
        try:
            return await asyncio.shield(begun)
        except asyncio.CancelledError:
            # The agent ends while that is committed: what was committed as begun has done nothing.
            with contextlib.suppress(UserError):
                for _, run in await begun:
                    await self._ledger.put_back_unbegun(run)
            raise

    def _why_wait(self, job: Job, run: Run) -> str:
        """Return what a run waits for; "" where it may begin."""
        if run.slot.startswith(BY_HAND):
            return ""
        if job.plan.on_ac and self._machine.power != "full":
            return tr("waits for mains")
        if job.plan.when_idle and self._machine.presence == "active":
            return tr("waits until nobody is at the machine")
        if not self._machine.may_run(KIND, job.plan.urgency):
            return self._machine.why_not(KIND, job.plan.urgency) or tr("waits until the machine has room for it")
        return ""

    async def _do(self, job: Job, run: Run) -> None:
        """Do one run, commit what came of it, and tell it."""
        outcome: RunOutcome | None = None
        try:
            outcome = await self._outcome(job, run)
            await self._commit(job, run, outcome)
        except asyncio.CancelledError:
            # The agent ends, or the job is removed: what it was is committed before that goes on.
            await asyncio.shield(self._break_off(job, run, outcome))
            raise
        finally:
            self._live.pop(run.id, None)
            self._woken.set()
            self._move()

    async def _outcome(self, job: Job, run: Run) -> RunOutcome:
        try:
            async with asyncio.timeout(job.plan.timeout_s) as limit:
                return await self._run_job(job, run)
        except TimeoutError as error:
            if not limit.expired():
                log.warning("%s failed: %s", job.id, error)
                return RunOutcome("failed", reason=tr("something that it waited for did not answer in time"))
            length = words_of_length(job.plan.timeout_s)
            reason = tr("it was stopped after {length}; what it had done until then stays done", length=length)
            return RunOutcome("failed", reason=reason)
        except UserError as error:
            return RunOutcome("failed", reason=error.failure.text)
        except Exception as error:
            # Whatever goes wrong in one job must not end the others.
            log.exception("the run %s failed", run.id)
            return RunOutcome("failed", reason=tr("it failed: {error}", error=type(error).__name__))

    async def _commit(self, job: Job, run: Run, outcome: RunOutcome) -> None:
        """Commit an outcome, however long the file refuses it: until then the run counts as going on."""
        while True:
            try:
                await self._ledger.finish(job, run, outcome)
                return
            except UserError as error:
                log.warning("the outcome of %s is not kept yet: %s", run.id, error)
                await asyncio.sleep(RETRY_S)

    async def _break_off(self, job: Job, run: Run, outcome: RunOutcome | None) -> None:
        """Commit that a run was cut off, or how it had ended by then."""
        try:
            if outcome is None:
                await self._ledger.break_off(job, run)
            else:
                await self._ledger.finish(job, run, outcome)
        except UserError as error:  # then the next start finds it as it is
            log.warning("that %s was cut off is not kept: %s", run.id, error)

    def _move(self) -> None:
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    async def _go_on_telling(self) -> None:
        while True:
            moved = self._moved
            try:
                await self.tell()
            except UserError as error:
                log.warning("what jobs came to is not told yet: %s", error)
            except Exception:
                log.exception("what jobs came to is not told yet")
            await moved.wait()

    async def tell(self) -> None:
        """Tell the user of each run that is to be told of."""
        for job, run in await self._ledger.untold():
            await self._tell(job, run)

    async def _tell(self, job: Job, run: Run) -> None:
        try:
            notice_id = await self._deliver(job, run)
        except Exception:
            # Telling is tried again at the next start; the run itself is done.
            log.exception("the run %s could not be told", run.id)
            with contextlib.suppress(UserError):
                await self._ledger.note_told(run.id, None)
            return
        with contextlib.suppress(UserError):  # told twice under one key rather than not at all
            await self._ledger.note_told(run.id, notice_id)

    async def _watch_files(self) -> None:
        if self._watch is not None:
            triggers = [job.plan.trigger for job in await self._jobs.all() if job.enabled]
            self._watch.watch({one.path for one in triggers if isinstance(one, OnEvent) and one.event == "file"})

    async def _prune(self) -> None:
        now = self._clock.now()
        if self._prune_at is None or not now < self._prune_at <= now + PRUNE_EVERY:
            await self._ledger.prune(self._keep_runs())
            self._prune_at = now + PRUNE_EVERY
