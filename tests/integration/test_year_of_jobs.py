"""A year of jobs by the clock: crashes at every commit, sleep, clocks that jump and change, a restart each hour.

The file is the real one and is opened anew at each restart. A crash stops the process's every later write, before or
after a commit, or in the middle of what a run does. No time of a job is run twice, and each is accounted for.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from counts import FULL, count
from job_accounts import check_accounts

from openclaw_desktop.core.labels import USER
from openclaw_desktop.core.power import PowerLevel, Presence
from openclaw_desktop.scheduler.clock import JobClock
from openclaw_desktop.scheduler.job_rows import read_jobs, read_runs
from openclaw_desktop.scheduler.job_store import JobStore
from openclaw_desktop.scheduler.jobs import Job, JobPlan, JobUrgency, Missed, Run, RunOutcome
from openclaw_desktop.scheduler.ledger import Ledger
from openclaw_desktop.scheduler.triggers import at, cron, every
from openclaw_desktop.scheduler.words import Understood, understand
from openclaw_desktop.storage.database import Database

HOURS = count("hours of a year of jobs", 8760)
JOBS = 50 if FULL else 20
HOUR = timedelta(hours=1)
LIFE = HOUR if FULL else 3 * HOUR
# Two weeks before clocks change in Europe, so that the short run has that too.
BEGIN = datetime(2026, 3, 15, 0, 0, tzinfo=UTC)
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Chatham", "UTC")
CRON = ("0 9 * * *", "30 2 * * *", "0 */8 * * *", "15 7 * * 1-5", "0 3 * * 0", "0 0 1 * *", "45 1,2 * * *", "5 * * * *")
WORDS = ("every other day at 6:30", "every monday at 2:15", "every 12 hours", "the last friday of each month at 18:00")


class Died(BaseException):
    """The process is no more."""


class FakeClock:
    def __init__(self) -> None:
        self.moment = BEGIN

    def now(self) -> datetime:
        return self.moment

    def monotonic_s(self) -> float:
        return 0.0


class Machine:
    power: PowerLevel = "full"
    presence: Presence = "away"

    def may_run(self, kind: str, urgency: JobUrgency) -> bool:
        return urgency == "now" or self.power in ("full", "saver")

    def why_not(self, kind: str, urgency: JobUrgency) -> str:
        return "waits for more power"


class Mortal:
    """The file of a process that may die before or after any of its commits."""

    def __init__(self, database: Database, dies: Callable[[], bool]) -> None:
        self._database, self._dies = database, dies
        self.dead = False

    def die(self) -> None:
        self.dead = True
        raise Died

    async def write(self, change: Callable[[Any], Any]) -> Any:
        if self.dead or self._dies():
            self.die()
        done = await self._database.write(change)
        if self.dead or self._dies():
            self.die()
        return done

    async def read(self, query: Callable[[Any], Any]) -> Any:
        if self.dead:
            raise Died
        return await self._database.read(query)


class StirringClock(JobClock):
    stirred: asyncio.Event

    def _move(self) -> None:
        super()._move()
        self.stirred.set()


class NotingLedger(Ledger):
    """Notes which runs are known to be done: those are never done again, whatever they do."""

    committed: set[tuple[str, str]]

    async def finish(self, job: Job, run: Run, outcome: RunOutcome) -> Run | None:
        ended = await super().finish(job, run, outcome)
        if ended is not None and ended.state == "done":
            self.committed.add((job.id, run.slot))
        return ended


class World:
    """What jobs do, and what happens to the machine."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.chance = random.Random(seed)
        self.clock = FakeClock()
        self.machine = Machine()
        self.effects = Counter[tuple[str, str]]()
        self.done = set[tuple[str, str]]()
        self.committed = set[tuple[str, str]]()
        self.wrong: list[Run] = []
        self.told = Counter[str]()
        self.happened = Counter[str]()
        self.ahead = timedelta(0)
        self.long: dict[str, asyncio.Event] = {}

    async def live(self) -> bool:
        """One life of the agent, of an hour by its own clock, or three; return whether it ended by a crash."""
        database = await Database.open(self.folder / "jobs.db")
        crashes = self.chance.random() < 0.3
        mortal = Mortal(database, lambda: crashes and self.chance.random() < 0.03)
        self.mortal = mortal
        jobs = JobStore(mortal, self.clock)  # type: ignore[arg-type]
        ledger = NotingLedger(mortal, self.clock, f"life {self.happened['life']}")  # type: ignore[arg-type]
        ledger.committed = self.committed
        clock = StirringClock(jobs, ledger, self.run_job, self.deliver, self.machine, self.clock, lambda: 1_000_000)
        clock.stirred = asyncio.Event()
        self.stirring = clock
        self.happened["life"] += 1
        try:
            await clock.take_up()
            await self.hour(clock)
            await self.settle(clock)
            return False
        except Died:
            self.happened["crash"] += 1
            return True
        finally:
            # By then the file takes nothing any more, or nothing is going on.
            await clock.stop()
            self.long.clear()
            await database.close()

    async def hour(self, clock: JobClock) -> None:
        until = self.clock.moment + LIFE
        for _ in range(200):
            self.let_on()
            next_at = await clock.turn()
            await self.settle(clock, all_of_them=False)
            await clock.tell()
            if self.mortal.dead:
                raise Died
            now = self.clock.moment
            if now >= until or abs(now - until) > timedelta(days=1):
                return
            self.clock.moment = min(until, max(next_at or until, now + timedelta(milliseconds=1)))
            self.happen()

    async def settle(self, clock: JobClock, *, all_of_them: bool = True) -> None:
        """Wait for what goes on; `all_of_them`: what takes long ends too."""
        assert isinstance(clock, StirringClock)
        while True:
            if all_of_them:
                self.let_on(every_one=True)
            if not clock.going_on - self.long.keys():
                break
            clock.stirred.clear()
            await clock.stirred.wait()
        if self.mortal.dead:
            raise Died

    def let_on(self, *, every_one: bool = False) -> None:
        """End some of what takes long."""
        for run_id in [one for one in self.long if every_one or self.chance.random() < 0.5]:
            self.long.pop(run_id).set()

    def happen(self) -> None:
        """Now and then: the lid is closed, the clock is set, the plug is pulled."""
        what = self.chance.random()
        if what < 0.008:
            self.clock.moment += timedelta(hours=self.chance.choice([1, 3, 9, 40]))
            self.happened["asleep"] += 1
        elif what < 0.014:
            self.clock.moment -= timedelta(minutes=self.chance.choice([1, 61, 300]))
            self.happened["clock back"] += 1
        elif what < 0.018:
            self.ahead = timedelta(days=self.chance.choice([1, 3, 40]))
            self.clock.moment += self.ahead
            self.happened["clock ahead"] += 1
        elif self.ahead and what < 0.2:
            self.clock.moment -= self.ahead
            self.ahead = timedelta(0)
            self.happened["clock put right"] += 1
        if what > 0.9:
            self.machine.power = self.chance.choice(["full", "full", "saver", "low"])
            self.machine.presence = self.chance.choice(["active", "idle", "away"])

    async def run_job(self, job: Job, run: Run) -> RunOutcome:
        which = (job.id, run.slot)
        if which in self.committed or (which in self.done and not job.plan.repeatable):
            self.wrong.append(run)
        if self.chance.random() < 0.1:
            event = self.long[run.id] = asyncio.Event()
            self.stirring.stirred.set()
            await event.wait()
        fate = self.chance.random()
        if fate < 0.01:
            self.mortal.die()
        if fate < 0.05:
            return RunOutcome("failed", reason="not reached", again=True)
        self.effects[which] += 1
        if fate < 0.06:
            self.mortal.die()
        if fate < 0.08:
            raise RuntimeError("broke after its effect")
        self.done.add(which)
        return RunOutcome("done", said="told" if fate < 0.5 else "", label=USER)

    async def deliver(self, job: Job, run: Run) -> str:
        self.told[run.id] += 1
        return f"notice {run.key}"


def plans(chance: random.Random) -> list[JobPlan]:
    found: list[JobPlan] = []
    for number in range(JOBS):
        zone = ZoneInfo(chance.choice(ZONES))
        kind = number % 4
        trigger: Any = cron(chance.choice(CRON), BEGIN, zone)
        if kind == 1:
            understood = understand(chance.choice(WORDS), BEGIN, zone)
            assert isinstance(understood, Understood)
            trigger = understood.schedule
        elif kind == 2:
            trigger = every(chance.choice(["47m", "5h", "11h", "36h"]), BEGIN, zone)
        elif number % 8 == 3:
            moment = BEGIN + timedelta(minutes=chance.randrange(1, 30 * 24 * 60))
            trigger = at(moment.isoformat(), zone)
        missed = chance.choice([Missed("skip"), Missed("once"), Missed("once"), Missed("within", 7200.0)])
        found.append(
            JobPlan(
                f"job {number}", trigger, zone.key, {"do": number}, missed, retries=chance.choice([0, 0, 2]),
                overlap=chance.choice(["skip", "wait", "beside"]), on_ac=chance.random() < 0.15,
                when_idle=chance.random() < 0.15, urgency=chance.choice(["background", "due", "now"]),
                wait_s=chance.choice([None, 1800.0]), repeatable=chance.random() < 0.3,
            )
        )  # fmt: skip
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Yield a folder in memory, where there is such: that the disk has taken it is what the kills are for."""
    if not os.access("/dev/shm", os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        yield Path(name)


async def test_every_time_of_every_job_is_run_once_or_accounted_for(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)  # what died is logged, some thousand times
    world = World(folder, seed=11)
    database = await Database.open(folder / "jobs.db")
    store = JobStore(database, world.clock)
    for plan in plans(random.Random(5)):
        await store.add(plan, USER)
    await database.close()
    for _ in range(HOURS * HOUR // LIFE):
        await world.live()
    # In the end the machine is left alone, on mains, and what waits is done.
    world.machine.power, world.machine.presence = "full", "away"
    while await world.live():
        pass
    database = await Database.open(folder / "jobs.db")
    jobs = {job.id: job for job in await database.read(read_jobs)}
    runs = await database.read(read_runs)
    await database.close()
    by_job = defaultdict[str, list[Run]](list)
    for run in runs:
        by_job[run.job_id].append(run)
    assert len(jobs) == JOBS and not world.wrong
    now = max(job.accounted_to for job in jobs.values())
    for job in jobs.values():
        check_accounts(job, by_job[job.id], BEGIN, now)
    once = {which: times for which, times in world.effects.items() if not jobs[which[0]].plan.repeatable}
    assert len(once) > HOURS // 4 and set(once.values()) == {1}, "an effect twice for one time"
    of_slot = {(run.job_id, run.slot): run for run in runs}
    assert {of_slot[which].state for which in once} <= {"done", "failed", "unknown", "running"}
    # What may be repeated was done, died before that was written down, and then failed when it was done once more, or
    # gave way to the next time before that.
    ended = {of_slot[which].state for which in world.done if not jobs[which[0]].plan.repeatable}
    assert ended <= {"done", "unknown", "running"}
    ended = {of_slot[which].state for which in world.done if jobs[which[0]].plan.repeatable}
    assert ended <= {"done", "failed", "unknown", "claimed", "running"}
    assert all(run.reason for run in runs if run.state in ("missed", "skipped", "unknown"))
    assert {run.delivery for run in runs} == {"none", "delivered"}
    assert all(world.told[run.id] for run in runs if run.delivery == "delivered")
    found = Counter(run.state for run in runs)
    assert all(found[state] for state in ("done", "failed", "missed", "skipped", "unknown")), found
    assert all(world.happened[what] for what in ("crash", "asleep", "clock back", "clock ahead", "clock put right")), (
        world.happened
    )
