"""What the file needs now and then: copies, its log folded in, what its owners tidy daily, and its upkeep.

Owns the jobs and when they run (`schedule`). Sleeps until the next is due; nothing polls. Loop; the work runs on
the database's threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw
import schedule

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.storage.backup import (
    BEFORE,
    DAILY,
    HOURLY,
    KEEP_BEFORE,
    BackupPlan,
    back_up,
    clear_partials,
    list_copies,
    prune_backups,
)
from openclaw_desktop.storage.copy_folders import note_folder
from openclaw_desktop.storage.database import Database
from openclaw_desktop.storage.upkeep import Upkeep

log = logging.getLogger(__name__)

DAY = timedelta(hours=24)
FIRST_DELAY = timedelta(minutes=2)
TIDY_DELAY = timedelta(minutes=10)
UPKEEP_DELAY = timedelta(minutes=15)
BATTERY_DELAY = timedelta(hours=1)
BUSY_DELAY = timedelta(minutes=5)
# A sleeping machine stops the loop's clock: after waking, the due time is looked at again within the hour.
LONGEST_SLEEP_S = 3600.0


class Housekeeping:
    """Backs the file up hourly where it changed, folds the log in, and looks after the file in low activity."""

    def __init__(
        self,
        database: Database,
        plan: BackupPlan,
        on_battery: Callable[[], bool],
        tidy: Callable[[], Awaitable[object]] | None = None,
        *,
        is_busy: Callable[[], bool] = lambda: False,
        may_run: Callable[[], bool] = lambda: True,
        on_return: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        """`tidy`: what the owners of tables do daily with old rows. `may_run`: whether the machine is left alone.

        `on_return`: what is to be done once a folder of copies that was away is back.
        """
        self.plan = plan
        self.backup_problem = ""
        self._database = database
        self._on_battery = on_battery
        self._is_busy = is_busy
        self._upkeep = Upkeep(database, may_run)
        self._on_return = on_return
        self._away = self._folders_away()
        self._copied_at_changes: int | None = None
        self._due: list[str] = []
        self._intervals: dict[str, timedelta] = {}
        self._scheduler = schedule.Scheduler()
        self._plan_job("checkpoint", hours=1)
        self._backup_job = self._plan_job("backup", hours=1, first=FIRST_DELAY)
        if self._last_copy_age() < timedelta(hours=1):
            self._backup_job.next_run = datetime.now() + timedelta(hours=1) - self._last_copy_age()
        self._upkeep_job = self._plan_job("upkeep", hours=24, first=UPKEEP_DELAY)
        self._tidy = tidy
        if tidy is not None:
            self._plan_job("tidy", hours=24, first=TIDY_DELAY)

    def _plan_job(self, name: str, *, hours: int, first: timedelta | None = None) -> schedule.Job:
        job: schedule.Job = self._scheduler.every(hours).hours.do(self._due.append, name).tag(name)
        self._intervals[name] = timedelta(hours=hours)
        if first is not None:
            job.next_run = datetime.now() + first
        return job

    def _last_copy_age(self) -> timedelta:
        """Return the age of the newest copy that is not from the future (the clock was wrong); long where none is."""
        now = datetime.now(UTC)
        ages = [now - copy.made_at for copy in list_copies(self.plan.folder) if copy.made_at <= now]
        return min(ages, default=timedelta.max)

    def next_job(self) -> tuple[str, datetime] | None:
        """Return the name and the local time of the next job."""
        planned = [(job.next_run, str(next(iter(job.tags)))) for job in self._scheduler.jobs if job.next_run]
        if not planned:
            return None
        moment, name = min(planned)
        return name, moment.astimezone()

    async def run(self) -> None:
        """Run jobs as they come due, until cancelled."""
        with contextlib.suppress(OSError):
            clear_partials(self.plan.folder)
        if self._database.unread:
            await self.do("check")
        while True:
            self.mend_plan()
            pause_s = self._scheduler.idle_seconds
            await asyncio.sleep(min(max(0.0, pause_s or 0.0), LONGEST_SLEEP_S))
            self.mend_plan()
            self._scheduler.run_pending()
            while self._due:
                await self.do(self._due.pop(0))

    def mend_plan(self) -> None:
        """Bring jobs back that a clock set back has put further off than their interval."""
        now = datetime.now()
        for job in self._scheduler.jobs:
            latest = now + self._intervals[str(next(iter(job.tags)))]
            if job.next_run is not None and job.next_run > latest:
                job.next_run = latest

    async def do(self, job: str) -> None:
        """Do one job now; what fails is logged and tried again at its next time."""
        try:
            if job == "backup":
                await self._look_for_folders()
                await self.back_up()
            elif job == "return" and self._on_return is not None:
                await self._on_return()
            elif job == "tidy" and self._tidy is not None:
                await self._tidy()
            elif job == "upkeep":
                await self.look_after()
            elif job == "check":
                await self._upkeep.check()
                self._database.unread = False
            else:
                await self._database.checkpoint()
        except UserError as error:
            level = logging.ERROR if error.failure.code == "database_damaged" else logging.WARNING
            log.log(level, "%s did not run: %s", job, error)
        except Exception:
            # A job that fails must not end the others, nor its own next time.
            log.exception("%s failed", job)

    async def _look_for_folders(self) -> None:
        before, self._away = self._away, self._folders_away()
        if before - self._away:
            await self.do("return")

    def _folders_away(self) -> set[Path]:
        return {folder for folder in self.plan.folders if not self.plan.is_there(folder)}

    async def look_after(self) -> bool:
        """Do the upkeep that is due; False where it was broken off, and then it goes on in a while."""
        done = await self._upkeep.run()
        if not done:
            self._upkeep_job.next_run = datetime.now() + UPKEEP_DELAY
        return done

    async def give_back_room(self) -> None:
        """Give what is free in the file back to the disk at once, its log too: room is short."""
        async for _ in self._upkeep.give_back_pages(spare_share=0):
            pass
        await self._database.erase_traces()

    async def back_up(self) -> Path | None:
        """Write this hour's or day's copy and drop old ones; None where nothing changed, on battery or when busy."""
        if self._on_battery():
            self._backup_job.next_run = datetime.now() + BATTERY_DELAY
            return None
        if self._is_busy():
            self._backup_job.next_run = datetime.now() + BUSY_DELAY
            return None
        if not await self._has_changed():
            return None
        now = datetime.now(UTC)
        days = [now - copy.made_at for copy in list_copies(self.plan.folder) if copy.reason == DAILY]
        reason = HOURLY if any(timedelta(0) <= age < DAY for age in days) else DAILY
        return await self.copy_now(reason)

    async def copy_now(self, reason: str) -> Path:
        """Write a copy, whatever the hour; raises UserError where its folder is missing or has no room."""
        try:
            self.plan.check_folder()
            self._check_room()
            changes, changed_ns = await self._changes(), self._changed_ns()
            copy = await self._database.beside(lambda connection: self._write_copy(connection, reason))
        except UserError as error:
            self.backup_problem = str(error)
            raise
        self.backup_problem = ""
        self._copied_at_changes = changes
        with contextlib.suppress(OSError):  # only saves a copy after the next start
            os.utime(copy, ns=(changed_ns, changed_ns))
        plan = self.plan
        keep = {HOURLY: plan.keep_hourly, DAILY: plan.keep_daily, BEFORE: KEEP_BEFORE}
        budget_bytes = plan.budget_times * self._database.path.stat().st_size
        prune_backups(plan.folder, keep, budget_bytes, datetime.now(UTC))
        return copy

    def _write_copy(self, connection: apsw.Connection, reason: str) -> Path:
        if self.plan.chosen and self.plan.data is not None:  # before the first copy: an erasure has to find it there
            note_folder(self.plan.data, self.plan.folder)
        return back_up(connection, self.plan.folder, reason)

    def _check_room(self) -> None:
        """A copy must not be what fills the disk up."""
        folder = self.plan.folder if self.plan.folder.is_dir() else self._database.path.parent
        need, free = self._database.path.stat().st_size, shutil.disk_usage(folder).free
        if free < need + (need >> 2):
            raise UserError(
                "backup_no_room",
                tr("There is no room for a backup in {folder}.", folder=visible(str(self.plan.folder))),
                tr("It takes {need} MB, and {free} MB are free.", need=need // 1_000_000 + 1, free=free // 1_000_000),
            )

    async def _has_changed(self) -> bool:
        """Return whether anything was written since the newest copy; once after a start, by the files' times."""
        copies = list_copies(self.plan.folder)
        if not copies:
            return True
        if self._copied_at_changes is not None:
            return await self._changes() != self._copied_at_changes
        # Not "later than": the clock may have been wrong.
        return self._changed_ns() not in {copy.path.stat().st_mtime_ns for copy in copies}

    async def _changes(self) -> int:
        return await self._database.maintain(lambda connection: connection.total_changes())

    def _changed_ns(self) -> int:
        files = (self._database.path, self._database.path.with_name(self._database.path.name + "-wal"))
        return max((file.stat().st_mtime_ns for file in files if file.exists()), default=0)
