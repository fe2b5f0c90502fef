"""kill -9 at random moments while jobs run: no time of a job is lost, and nothing is done twice.

The clock of the killed process runs six hundred times as fast as ours, on and on over all its lives. What a run does is
a line in a file, which a kill leaves: it shows what was done, whatever the ledger says.
"""

from __future__ import annotations

import os
import random
import select
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agent_process import DEADLINE_S
from counts import count
from job_accounts import check_accounts

from openclaw_desktop.core.labels import USER
from openclaw_desktop.scheduler.job_rows import read_jobs, read_runs
from openclaw_desktop.scheduler.job_store import JobStore
from openclaw_desktop.scheduler.jobs import JobPlan, Missed
from openclaw_desktop.scheduler.schedules import Steps
from openclaw_desktop.storage.database import Database

KILLS = count("kill -9 while jobs run", 300)
BEGIN = datetime(2026, 3, 28, 20, 0, tzinfo=UTC)

NURSERY = """
import asyncio, os, sys, time
from datetime import datetime, timedelta
from pathlib import Path
from openclaw_desktop.scheduler.clock import JobClock
from openclaw_desktop.scheduler.job_store import JobStore
from openclaw_desktop.scheduler.jobs import RunOutcome
from openclaw_desktop.scheduler.ledger import Ledger
from openclaw_desktop.storage.database import Database

folder, begin, started = Path(sys.argv[1]), datetime.fromisoformat(sys.argv[2]), float(sys.argv[3])
SPEED = 600

def tell(*words):
    os.write(1, (" ".join(words) + "\\n").encode())

class Fast:
    held = None

    def now(self):
        return self.held or begin + timedelta(seconds=(time.time() - started) * SPEED)

    def monotonic_s(self):
        return time.monotonic()

class FastTimer:
    def __init__(self, on_ring, clock):
        self.on_ring, self.clock, self.handle = on_ring, clock, None

    def set(self, moment):
        self.close()
        if moment is not None:
            pause_s = max(0.0, (moment - self.clock.now()).total_seconds()) / SPEED
            self.handle = asyncio.get_running_loop().call_later(pause_s, self.on_ring)

    def close(self):
        if self.handle:
            self.handle.cancel()

class Machine:
    power, presence = "full", "away"

    def may_run(self, kind, urgency):
        return True

    def why_not(self, kind, urgency):
        return ""

async def run_job(job, run):
    tell("begins", run.id)
    with open(folder / "done", "ab", buffering=0) as file:
        file.write(f"{job.id} {run.slot}\\n".encode())
    tell("did", run.id)
    await asyncio.sleep(0)
    return RunOutcome("done", said="done" if job.plan.retries else "")

async def deliver(job, run):
    tell("told", run.id)
    return "notice"

async def life(turns):
    database = await Database.open(folder / "jobs.db")
    jobs, ledger = JobStore(database, Fast()), Ledger(database, Fast(), str(os.getpid()))
    clock = JobClock(jobs, ledger, run_job, deliver, Machine(), Fast(), lambda: 100_000, FastTimer)
    tell("open")
    if turns:
        await clock.start()
        await asyncio.Event().wait()
    await clock.take_up()
    # The last life: its clock stands, what is left is taken up, what is due is done, and it ends by itself.
    Fast.held = Fast().now()
    while True:
        await clock.turn()
        if not clock.going_on and not any(run.state == "claimed" for run in await ledger.runs(None, 1_000)):
            break
        await asyncio.sleep(0)
    await clock.tell()
    await database.close()

for line in sys.stdin:
    if (pid := os.fork()) == 0:
        asyncio.run(life(int(line)))
        os._exit(0)
    tell("pid", str(pid))
    _, status = os.waitpid(pid, 0)
    tell("ended", str(os.waitstatus_to_exitcode(status)))
"""


class Lives:
    """One process that has imported all forks each life."""

    def __init__(self, folder: Path, started_s: float) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", NURSERY, str(folder), BEGIN.isoformat(), str(started_s)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
        )  # fmt: skip
        self._lines: list[str] = []
        self._rest = b""

    def next(self) -> list[str]:
        assert self._process.stdout is not None
        while not self._lines:
            ready, _, _ = select.select([self._process.stdout], [], [], DEADLINE_S)
            chunk = self._process.stdout.read(1 << 16) if ready else b""
            assert chunk, "the process says no more"
            *whole, self._rest = (self._rest + chunk).split(b"\n")
            self._lines += [line.decode() for line in whole]
        return self._lines.pop(0).split()

    def live(self, lines: int) -> int:
        """Kill a life after so many of its lines, or let it end for 0; return its exit code."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{lines}\n".encode())
        word, pid = self.next()
        assert word == "pid"
        for _ in range(lines):
            said = self.next()
            assert said[0] != "ended", said
        if lines:
            os.kill(int(pid), signal.SIGKILL)
        while (said := self.next())[0] != "ended":
            pass
        return int(said[1])

    def end(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(DEADLINE_S)
        self._process.stdout.close()


class Still:
    def now(self) -> datetime:
        return BEGIN

    def monotonic_s(self) -> float:
        return 0.0


async def test_no_time_is_lost_and_nothing_done_twice(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "jobs.db")
    store = JobStore(database, Still())
    for number in range(12):
        plan = JobPlan(
            f"job {number}", Steps(BEGIN, timedelta(seconds=7 + 5 * number)), "Europe/Berlin", {"do": number},
            Missed("once") if number % 3 else Missed("skip"), overlap="beside" if number % 2 else "skip",
            retries=number % 2, repeatable=number == 11,
        )  # fmt: skip
        await store.add(plan, USER)
    await database.close()
    chance = random.Random(300)
    lives = Lives(tmp_path, time.time())
    for _ in range(KILLS):
        assert lives.live(chance.randrange(1, 60)) == -signal.SIGKILL
    assert lives.live(0) == 0
    lives.end()
    database = await Database.open(tmp_path / "jobs.db")
    jobs = {job.id: job for job in await database.read(read_jobs)}
    runs = await database.read(read_runs)
    await database.close()
    for job in jobs.values():
        check_accounts(job, [run for run in runs if run.job_id == job.id], BEGIN, job.accounted_to)
    did = Counter(tuple(line.split()) for line in (tmp_path / "done").read_text().splitlines())
    twice = {which for which, times in did.items() if times > 1}
    assert all(jobs[job_id].plan.repeatable for job_id, _ in twice)
    states = {(run.job_id, run.slot): run.state for run in runs}
    assert all(which in did for which, state in states.items() if state == "done"), "said to be done, and is not"
    # What may be repeated waits to be, and its next time may be there first.
    once = {which for which in did if not jobs[which[0]].plan.repeatable}
    assert {states[which] for which in once} <= {"done", "unknown"}
    assert {run.delivery for run in runs if run.state == "unknown"} == {"delivered"}
    assert not [run for run in runs if run.state in ("claimed", "running")]
    counted = Counter(run.state for run in runs)
    assert counted["done"] > KILLS and counted["unknown"] > KILLS // 10 and counted["missed"], counted
