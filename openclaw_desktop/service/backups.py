"""Backups by hand: made, listed, and one put in the file's place.

Owns the views of copies and the order of a restore. A restore needs the file closed, so it is no command of a running
agent. Must not know how a copy is written. Loop; the disk is waited for in threads.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import apsw

from openclaw_desktop.core.text import tr
from openclaw_desktop.service.api import BackupView, Finding, RestoreView
from openclaw_desktop.storage.backup import BY_HAND, BackupPlan, Copy, is_good, list_copies
from openclaw_desktop.storage.database import Database, explain
from openclaw_desktop.storage.housekeeping import Housekeeping
from openclaw_desktop.storage.recovery import Replay, files_aside, find_copy, restore
from openclaw_desktop.storage.settings import Settings
from openclaw_desktop.system.paths import Home


def backup_plan(home: Home, settings: Settings) -> BackupPlan:
    """Return where this home's copies go and how many are kept."""
    wanted = settings.backup
    chosen = Path(wanted.folder).expanduser() if wanted.folder else None
    return BackupPlan(
        chosen or home.backups, chosen is not None, wanted.keep_hourly, wanted.keep_daily, wanted.budget_times
    )


class BackupDesk:
    """Makes and lists the copies of an open file."""

    def __init__(self, database: Database, housekeeping: Housekeeping) -> None:
        self._database = database
        self._housekeeping = housekeeping

    async def create(self) -> BackupView:
        """Make a copy now, which is never dropped by itself; raises UserError."""
        path = await self._housekeeping.copy_now(BY_HAND)
        copy = next(copy for copy in list_copies(path.parent) if copy.path == path)
        return _view(copy, ok=True)

    async def list(self) -> tuple[BackupView, ...]:
        """Read every copy through and return them, newest first; raises UserError where the folder is missing."""
        self._housekeeping.plan.check_folder()
        return await read_copies(self._housekeeping.plan.folder, self._database.key)

    def check(self) -> Finding:
        """Return what a doctor says of the copies, without reading them through."""
        plan = self._housekeeping.plan
        if self._housekeeping.backup_problem:
            return Finding("backups", "warning", self._housekeeping.backup_problem)
        if plan.chosen and not plan.folder.is_dir():
            sentence = tr("The backups folder {folder} is not there.", folder=plan.folder)
            return Finding("backups", "warning", sentence, tr("Connect its disk, or change backup.folder."))
        copies = list_copies(plan.folder)
        if not copies:
            return Finding("backups", "ok", tr("There is no backup yet; the agent makes one in its first minutes."))
        sentence = tr(
            "{count} backups, the newest of {time}.",
            count=len(copies),
            time=copies[-1].made_at.astimezone().isoformat(" "),
        )
        return Finding("backups", "ok", sentence)


async def read_copies(folder: Path, key: bytes | None) -> tuple[BackupView, ...]:
    """Read every copy in `folder` through and return what it is, newest first."""
    return await asyncio.to_thread(
        lambda: tuple(_view(copy, is_good(copy.path, key)) for copy in reversed(list_copies(folder)))
    )


async def restore_backup(home: Home, plan: BackupPlan, name: str, key: bytes | None, replay: Replay) -> RestoreView:
    """Put the copy of that name ("latest": the newest good one) in the place of the file, which nobody has open.

    Raises UserError; the file is then as it was.
    """

    def work() -> RestoreView:
        plan.check_folder()
        copy = find_copy(plan.folder, name, key)
        aside = files_aside(home.database)
        try:
            done = restore(home.database, copy, plan.folder, key, replay)
        except (apsw.Error, OSError) as error:
            raise explain(error, home.database) from error
        kept = done.kept or (aside[-1] if aside else None)
        return RestoreView(copy.name, str(kept) if kept else None, done.erased)

    return await asyncio.to_thread(work)


def _view(copy: Copy, ok: bool) -> BackupView:
    made_at = copy.made_at.astimezone().isoformat(timespec="seconds")
    return BackupView(copy.path.name, made_at, copy.reason, copy.size_bytes, ok, str(copy.path))
