"""Scheduled jobs: how soon after its time a run begins, and what fifty jobs cost an agent that has nothing to do.

`serve` runs on a home whose file has the jobs. For the first row each of them is a reminder with one time, some times
shared by ten. A run is committed as begun, then done, and its end is noted: from its time until then is what is given,
so that it is no less than until it began. For the second no time comes: all of them lie days ahead, and no model is
loaded. Wake-ups and CPU are counted as those of the idle tray are.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import psutil

from benchmarks import desk, processes
from benchmarks.headless import Headless
from benchmarks.results import MET, MISSED, Options, Row, Unavailable, at_most, in_words
from openclaw_desktop.core.clock import SystemClock
from openclaw_desktop.core.labels import USER
from openclaw_desktop.scheduler.job_store import JobStore
from openclaw_desktop.scheduler.jobs import ENDED, JobPlan, Run
from openclaw_desktop.scheduler.ledger import Ledger
from openclaw_desktop.scheduler.schedules import Once
from openclaw_desktop.scheduler.triggers import Trigger, cron, every
from openclaw_desktop.storage.database import Database
from openclaw_desktop.system.paths import find_home

START_BAR_MS = 100.0
CPU_BAR_PERCENT, WAKES_BAR_PER_S, RSS_BAR = 0.05, 0.2, 0.05
AHEAD_S, SHARED = 20, 10
SETTLE_S = 60
UTC_ZONE = ZoneInfo("UTC")


def measure(options: Options) -> list[Row]:
    """Run the reminders, then leave the agent alone, and return both rows' figures."""
    with desk.bare_folder(options) as (folder, env):
        delays = _run_due(desk.warm_home(folder / "due", env), env, 30 if options.quick else 60)
        rows = [
            Row(
                "due time to run, running agent",
                f"p95 <= {START_BAR_MS:.0f} ms",
                in_words(delays, "ms"),
                at_most(delays, START_BAR_MS),
                len(delays),
            )
        ]
        home = desk.warm_home(folder / "idle", env)
        desk.command_line(home, env, "backup", "create")
        return rows + _stay_idle(home, env, 60 if options.quick else 600)


def _run_due(home: Path, env: dict[str, str], count: int) -> list[float]:
    with Headless(home, env):
        pass  # the first start does things that no later one does
    first = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=AHEAD_S)
    singles = [Once(first + timedelta(seconds=number)) for number in range(count - 2 * SHARED)]
    after = singles[-1].moment + timedelta(seconds=2)
    shared = [Once(after + timedelta(seconds=2 * (number // SHARED))) for number in range(2 * SHARED)]
    asyncio.run(_add(home, [*singles, *shared]))
    with Headless(home, env):
        end_s = (shared[-1].moment - datetime.now(UTC)).total_seconds() + 3
        time.sleep(max(0.0, end_s))
    runs = asyncio.run(_runs(home, count))
    if len(runs) != count or any(run.state != "done" or run.ended_at is None for run in runs):
        raise Unavailable(f"of {count} reminders {sum(run.state == 'done' for run in runs)} were done")
    return [1000 * (run.ended_at - run.due_at).total_seconds() for run in runs if run.ended_at is not None]


def _stay_idle(home: Path, env: dict[str, str], seconds: int) -> list[Row]:
    now = datetime.now(UTC)
    lines = [cron(f"{n} 9 {(now + timedelta(days=2 + n % 20)).day} * *", now, UTC_ZONE) for n in range(25)]
    asyncio.run(_add(home, [*lines, *(every(f"{n + 2}d", now, UTC_ZONE) for n in range(25))]))
    with Headless(home, env) as agent:
        time.sleep(SETTLE_S)
        before, rss, started_s = processes.usage(processes.family(agent.pid)), _rss(agent.pid), time.monotonic()
        time.sleep(seconds)
        after, taken_s = processes.usage(processes.family(agent.pid)), time.monotonic() - started_s
        grown_share = (_rss(agent.pid) - rss) / rss
    grown = processes.growth(before, after)
    cpu_percent = 100 * sum(cpu_s for _, cpu_s in grown.values()) / taken_s
    wakes_per_s = sum(wakes for wakes, _ in grown.values()) / taken_s
    each = ", ".join(f"{role} {wakes / taken_s:.3f}/s" for role, (wakes, _) in grown.items())
    return [
        _row("idle agent with 50 jobs: processor time", f"<= {CPU_BAR_PERCENT} %", f"{cpu_percent:.4f} %",
             cpu_percent <= CPU_BAR_PERCENT, taken_s),
        _row("idle agent with 50 jobs: wake-ups", f"<= {WAKES_BAR_PER_S}/s", f"{wakes_per_s:.3f}/s ({each})",
             wakes_per_s <= WAKES_BAR_PER_S, taken_s),
        _row("idle agent with 50 jobs: RSS", f"grows by <= {100 * RSS_BAR:.0f} %", f"{100 * grown_share:+.2f} %",
             grown_share <= RSS_BAR, taken_s),
    ]  # fmt: skip


def _row(what: str, bar: str, seen: str, met: bool, taken_s: float) -> Row:
    return Row(what, bar, f"{seen} over {taken_s:.0f} s", MET if met else MISSED, 1)


def _rss(pid: int) -> int:
    return sum(psutil.Process(member).memory_info().rss for member in processes.family(pid))


async def _add(home: Path, triggers: Iterable[Trigger]) -> None:
    database = await Database.open(find_home(home, {}).database)
    try:
        store = JobStore(database, SystemClock())
        for number, trigger in enumerate(triggers):
            work = {"do": "remind", "text": f"reminder {number}"}
            await store.add(JobPlan(f"reminder {number}", trigger, "UTC", work, urgency="now", notify="silent"), USER)
    finally:
        await database.close()


async def _runs(home: Path, count: int) -> list[Run]:
    database = await Database.open(find_home(home, {}).database)
    try:
        return [run for run in await Ledger(database, SystemClock(), "").runs(None, count) if run.state in ENDED]
    finally:
        await database.close()
