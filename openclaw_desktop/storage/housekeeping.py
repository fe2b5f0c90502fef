"""What the file needs now and then: a daily copy, its log folded in, and what its owners tidy daily.

Owns the jobs and when they run (`schedule`). Sleeps until the next is due; nothing polls. Loop; the work runs on
the writer thread.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path

import schedule

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.storage.backup import back_up, list_backups, prune_backups
from openclaw_desktop.storage.database import Database

log = logging.getLogger(__name__)

DAILY = "daily"
BACKUP_INTERVAL = timedelta(hours=24)
FIRST_DELAY = timedelta(minutes=2)
TIDY_DELAY = timedelta(minutes=10)
BATTERY_DELAY = timedelta(hours=1)
# A sleeping machine stops the loop's clock: after waking, the due time is looked at again within the hour.
LONGEST_SLEEP_S = 3600.0


class Housekeeping:
    """Backs the file up daily, also when the program never runs for a whole day, and folds the log in hourly."""

    def __init__(
        self,
        database: Database,
        backups: Path,
        keep_daily: int,
        on_battery: Callable[[], bool],
        tidy: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        """`tidy`: what the owners of tables do daily with old rows."""
        self._database = database
        self._backups = backups
        self._keep_daily = keep_daily
        self._on_battery = on_battery
        self._due: list[str] = []
        self._scheduler = schedule.Scheduler()
        self._scheduler.every(1).hours.do(self._due.append, "checkpoint").tag("checkpoint")
        self._backup_job = self._scheduler.every(24).hours.do(self._due.append, "backup").tag("backup")
        self._plan_backup()
        self._tidy = tidy
        if tidy is not None:
            tidying = self._scheduler.every(24).hours.do(self._due.append, "tidy").tag("tidy")
            tidying.next_run = datetime.now() + TIDY_DELAY

    def _plan_backup(self) -> None:
        job = self._backup_job
        copies = list_backups(self._backups, DAILY)
        last = datetime.fromtimestamp(copies[-1].stat().st_mtime) if copies else datetime.min
        now = datetime.now()
        # A copy from the future (the clock was wrong) must not put the next one off.
        following = min(last + BACKUP_INTERVAL, now + BACKUP_INTERVAL) if copies else now
        job.next_run = max(now + FIRST_DELAY, following)

    def next_job(self) -> tuple[str, datetime] | None:
        """Return the name and the local time of the next job."""
        planned = [(job.next_run, str(next(iter(job.tags)))) for job in self._scheduler.jobs if job.next_run]
        if not planned:
            return None
        moment, name = min(planned)
        return name, moment.astimezone()

    async def run(self) -> None:
        """Run jobs as they come due, until cancelled."""
        while True:
            pause_s = self._scheduler.idle_seconds
            await asyncio.sleep(min(max(0.0, pause_s or 0.0), LONGEST_SLEEP_S))
            self._scheduler.run_pending()
            while self._due:
                await self.do(self._due.pop(0))

    async def do(self, job: str) -> None:
        """Do one job now; what fails is logged and tried again at its next time."""
        try:
            if job == "backup":
                await self.back_up()
            elif job == "tidy" and self._tidy is not None:
                await self._tidy()
            else:
                await self._database.checkpoint()
        except UserError as error:
            log.warning("%s did not run: %s", job, error)
        except Exception:
            # A job that fails must not end the others, nor its own next time.
            log.exception("%s failed", job)

    async def back_up(self) -> Path | None:
        """Write today's copy and drop the oldest; None where nothing changed since the last, or on battery."""
        if self._on_battery():
            self._backup_job.next_run = datetime.now() + BATTERY_DELAY
            return None
        copies = list_backups(self._backups, DAILY)
        if copies and self._changed_s() <= copies[-1].stat().st_mtime:
            return None
        copy = await self._database.maintain(lambda connection: back_up(connection, self._backups, DAILY))
        prune_backups(self._backups, DAILY, self._keep_daily)
        return copy

    def _changed_s(self) -> float:
        files = (self._database.path, self._database.path.with_name(self._database.path.name + "-wal"))
        return max((file.stat().st_mtime for file in files if file.exists()), default=0.0)
