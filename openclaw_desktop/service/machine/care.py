"""The watch over the machine, put together: what it reads, who follows its word, and what is kept of it.

Owns how these are joined, and what `status` says of power and health. Must not know how a level is found. Loop.
"""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Mapping
from datetime import datetime, timedelta

import psutil

from openclaw_desktop.core.bus import Bus
from openclaw_desktop.core.clock import Clock
from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.notices import Notify
from openclaw_desktop.core.text import tr
from openclaw_desktop.health.awake import Awake
from openclaw_desktop.health.degradation import ORDER, advise, explain
from openclaw_desktop.health.energy import RunMeter
from openclaw_desktop.health.machine import ThisMachine
from openclaw_desktop.health.metrics import Metrics, Point
from openclaw_desktop.health.rhythm import Rhythm
from openclaw_desktop.health.watch import HealthWatch
from openclaw_desktop.inference.client import ModelClient
from openclaw_desktop.inference.ledger import Ledger
from openclaw_desktop.inference.records import CompletionRecord
from openclaw_desktop.service.machine.relief import Relief
from openclaw_desktop.service.machine.views import MetricView, PresenceHour, PresenceView
from openclaw_desktop.service.status_views import Finding, HealthStatus, PowerStatus
from openclaw_desktop.storage.database import Database
from openclaw_desktop.system.idle import Idle
from openclaw_desktop.system.inhibit import choose_inhibit
from openclaw_desktop.system.processes import process_cpu_s, process_sizes
from openclaw_desktop.workers.tool_host import ToolHost

log = logging.getLogger(__name__)

LONGEST_HOURS = 24 * 400


class MachineCare:
    """Watch, series and energy of one agent."""

    def __init__(self, watch: HealthWatch, metrics: Metrics, awake: Awake, database: Database) -> None:
        self.watch = watch
        self.metrics = metrics
        self.awake = awake
        self._database = database
        self._client: ModelClient | None = None
        self._tool_host: ToolHost | None = None
        self._started_s = time.monotonic()
        self._counted: tuple[float, float] = (time.monotonic(), _own_cpu_s())
        self.meter = RunMeter(self._cpu_s, lambda _job, _seconds, _cpu_s: None)
        watch.record = self.record
        watch.when_changed(awake.follow)

    def join(self, client: ModelClient, ledger: Ledger, tool_host: ToolHost, relief: Relief, notify: Notify) -> None:
        """Have these follow the watch: how long the model is kept, what is let go where memory is short."""
        self._client, self._tool_host = client, tool_host
        self.meter = RunMeter(self._cpu_s, ledger.note_work)
        self.watch.is_busy = lambda: client.state == "busy"
        self.watch.notify = notify
        relief.when_short = self.watch.note_news
        client.on_finished(self._note_completion)

        def follow() -> None:
            step = ORDER.index(self.watch.degradation[0])
            bare = step >= ORDER.index("no_model")
            client.keep_at_most(0.0 if bare else self.watch.allowance.keep_model_s)
            if step >= ORDER.index("no_caches"):
                relief.note_news()

        self.watch.when_changed(follow)

    def pids(self) -> dict[str, int]:
        """Return the agent's processes by role."""
        pids = {"agent": os.getpid()}
        for role, part in (("tools", self._tool_host), ("inference", self._client)):
            if part is not None and part.pid:
                pids[role] = part.pid
        return pids

    def power_status(self) -> PowerStatus:
        """Return what `status` says of power and presence."""
        reading = self.watch.reading
        return PowerStatus(
            reading.power.source, reading.power.battery_percent, reading.idle_s, self.watch.power, self.watch.presence,
            self.watch.sentence,
        )  # fmt: skip

    def health_status(self, last_error: str | None) -> HealthStatus:
        """Return what `status` says of health: processor use of all processes since the start."""
        pids, uptime_s = self.pids(), time.monotonic() - self._started_s
        level, cause = self.watch.degradation
        return HealthStatus(
            process_sizes(pids),
            round(100 * sum(process_cpu_s(pids).values()) / max(uptime_s, 1.0), 2),
            last_error,
            level,
            "" if level == "normal" else explain(level, cause),
        )

    async def record(self) -> None:
        """Take the values of this moment into the series; raises UserError, OSError."""
        note, path = self.metrics.note, self._database.path
        for role, size in process_sizes(self.pids()).items():
            note(f"rss_bytes.{role}", size)
        now_s, cpu_s = time.monotonic(), self._cpu_s()
        (before_s, before_cpu_s), self._counted = self._counted, (now_s, cpu_s)
        if now_s > before_s:
            note("cpu_percent", 100 * max(0.0, cpu_s - before_cpu_s) / (now_s - before_s))
        note("loop_lag_ms", 1000 * self.watch.lag_s)
        note("db_bytes", path.stat().st_size)
        note("disk_free_bytes", shutil.disk_usage(path.parent).free)
        note("file_queue", self._database.queued)
        if self._client is not None:
            note("model_queue", self._client.queued)
        await self.metrics.save()

    async def series(self, name: str, hours: int) -> tuple[MetricView, ...]:
        """Return the points of a series, "" for the newest of each; raises UserError."""
        if not 0 < hours <= LONGEST_HOURS:
            raise UserError("bad_hours", tr("Name 1 to {most} hours.", most=LONGEST_HOURS), "", ExitCode.USAGE)
        if not name:
            return tuple(_view(point) for point in await self.metrics.latest())
        since = self._clock_now() - timedelta(hours=hours)
        return tuple(_view(point) for point in await self.metrics.series(name, since))

    async def presence(self) -> PresenceView:
        """Return the user's rhythm; raises UserError."""
        rhythm = self.watch.rhythm
        await rhythm.load()
        quiet = rhythm.next_quiet(self._clock_now().astimezone())
        hours = tuple(PresenceHour(h.weekday, h.hour, h.seen_s, h.present_s) for h in rhythm.hours())
        return PresenceView(hours, quiet.isoformat(timespec="minutes") if quiet else "")

    async def findings(self) -> tuple[Finding, ...]:
        """Return what a doctor says: whether the machine is short of anything, and whether it can be kept awake."""
        level, cause = self.watch.degradation
        if level == "normal":
            shortage = Finding("pressure", "ok", tr("Memory, disk and processor leave room: nothing is given up."))
        else:
            shortage = Finding("pressure", "warning", explain(level, cause), advise(cause))
        if not self.awake.refused:
            return (shortage,)
        return (shortage, Finding("sleep", "warning", self.awake.refused))

    async def stop(self) -> None:
        """Let the machine sleep, and write what is not written yet."""
        await self.awake.stop()
        try:
            if self.watch.began:
                await self.watch.rhythm.save()
            await self.metrics.save()
        except UserError as error:
            log.warning("what was measured is not kept: %s", error)

    def _clock_now(self) -> datetime:
        return self.watch.clock.now()

    def _cpu_s(self) -> float:
        """Return processor seconds of the agent and its tools so far, without the model's, which counts its own."""
        pid = self._tool_host.pid if self._tool_host is not None else None
        return _own_cpu_s() + (_family_cpu_s(pid) if pid else 0.0)

    def _note_completion(self, record: CompletionRecord) -> None:
        self.watch.note_ran()
        self.metrics.note(f"answer_ms.{record.lane}", 1000 * record.wall_s)
        self.metrics.note(f"prompt_ms.{record.lane}", 1000 * record.prompt_s)
        if record.decode_s > 0 and record.completion_tokens:
            self.metrics.note(f"tokens_per_s.{record.lane}", record.completion_tokens / record.decode_s)


def make_machine_care(
    database: Database, bus: Bus, clock: Clock, idle: Idle, environ: Mapping[str, str] = os.environ
) -> MachineCare:
    """Return the care for this machine. `idle`: what `system.idle.choose_idle` found."""
    machine = ThisMachine(database.path.parent, environ, idle)
    watch = HealthWatch(machine, clock, bus.publish, Rhythm(database))
    awake = Awake(choose_inhibit(environ), lambda: watch.reading.power.source == "mains")
    return MachineCare(watch, Metrics(database, clock), awake, database)


def _view(point: Point) -> MetricView:
    return MetricView(
        point.name, point.at.isoformat(timespec="seconds"), point.resolution_s, point.samples, round(point.mean, 3),
        round(point.lowest, 3), round(point.highest, 3),
    )  # fmt: skip


def _own_cpu_s() -> float:
    return time.process_time()


def _family_cpu_s(pid: int) -> float:
    try:
        times = psutil.Process(pid).cpu_times()
    except (psutil.Error, OSError, ValueError):
        return 0.0
    # What its own children took is known once they ended, as each call's does.
    children = getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
    return float(times.user + times.system + children)
