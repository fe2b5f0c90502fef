"""Backups by hand: made, listed, and one put in the file's place.

Owns the views of copies and the order of a restore. A restore needs the file closed, so it is no command of a running
agent. Must not know how a copy is written. Loop; the disk is waited for in threads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import apsw

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr
from openclaw_desktop.security.file_key import AtHand
from openclaw_desktop.security.key_problems import copies_closed, plain_copies
from openclaw_desktop.service.api import BackupView, RestoreView
from openclaw_desktop.service.status_views import Finding
from openclaw_desktop.storage.backup import (
    BY_HAND,
    BackupPlan,
    Copy,
    is_good,
    list_copies,
    newest_good,
    noted_erasures,
)
from openclaw_desktop.storage.connection import connect
from openclaw_desktop.storage.copy_folders import noted_folders
from openclaw_desktop.storage.database import Database, explain
from openclaw_desktop.storage.encryption import file_state, key_of, opens
from openclaw_desktop.storage.housekeeping import Housekeeping
from openclaw_desktop.storage.recovery import Replay, Salvaged, begin_anew, files_aside, find_copy, restore
from openclaw_desktop.storage.salvage import salvage
from openclaw_desktop.storage.settings import Settings
from openclaw_desktop.system.paths import Home


@dataclass(frozen=True, slots=True)
class CopyOffer:
    """The newest whole copy: its name, when it was made, how many memories it holds."""

    name: str
    made_at: str
    memories: int


def backup_plan(home: Home, settings: Settings) -> BackupPlan:
    """Return where this home's copies go and how many are kept."""
    wanted = settings.backup
    chosen = Path(wanted.folder).expanduser() if wanted.folder else None
    folder = chosen or home.backups
    others = (other for other in dict.fromkeys((home.backups, *noted_folders(home.data))) if other != folder)
    return BackupPlan(
        folder,
        chosen is not None,
        wanted.keep_hourly,
        wanted.keep_daily,
        wanted.budget_times,
        tuple(others),
        home.data,
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

    def age_of_newest(self, now: datetime) -> timedelta | None:
        """Return how old the newest copy is; None where there is none."""
        copies = list_copies(self._housekeeping.plan.folder)
        return now - copies[-1].made_at if copies else None

    def check(self) -> Finding:
        """Return what a doctor says of the copies, without reading them through."""
        plan = self._housekeeping.plan
        if self._housekeeping.backup_problem:
            return Finding("backups", "warning", self._housekeeping.backup_problem)
        try:
            plan.check_folder()
        except UserError as error:
            return Finding("backups", "warning", error.failure.sentence, error.failure.advice)
        copies = list_copies(plan.folder)
        if not copies:
            return Finding("backups", "ok", tr("There is no backup yet; the agent makes one in its first minutes."))
        sentence = tr(
            "{count} backups, the newest of {time}.",
            count=len(copies),
            time=copies[-1].made_at.astimezone().isoformat(" "),
        )
        return Finding("backups", "ok", sentence)


async def read_copies(folder: Path, *keys: bytes | None) -> tuple[BackupView, ...]:
    """Read every copy in `folder` through, with the one of `keys` that opens it; return what it is, newest first."""
    return await asyncio.to_thread(lambda: tuple(_read(copy, keys) for copy in reversed(list_copies(folder))))


async def restore_backup(home: Home, plan: BackupPlan, name: str, have: AtHand, replay: Replay) -> RestoreView:
    """Put the copy of that name ("latest": the newest good one) in the place of the file, which nobody has open.

    The memory then has the key that it is to have, whatever the copy has. Raises UserError; the file is then as it was.
    """

    def work() -> RestoreView:
        plan.check_folder()
        if have.lost and have.problem is not None:
            raise copies_closed(have.problem, name) if have.code_helps else have.problem
        # A plain copy could be anybody's: it takes the place of an encrypted memory only where it is named.
        keys = have.keys if name == "latest" else (*have.keys, None)
        try:
            copy = find_copy(plan.folder, name, *keys)
        except UserError as error:
            if have.problem is None and name == "latest" and newest_good(plan.folder, None) is not None:
                raise plain_copies(plan.folder) from error
            raise have.problem or error from error
        key = have.keys[0] if have.recorded else key_of(copy, keys)
        aside = files_aside(home.database)
        try:
            erased = noted_erasures(*plan.others)
            done = restore(home.database, copy, plan.folder, key, replay, others=keys, erased=erased, salvage=salvage)
        except (apsw.Error, OSError) as error:
            raise explain(error, home.database) from error
        kept = done.kept or (aside[-1] if aside else None)
        was_plain = key is not None and file_state(copy) == "plain"
        return RestoreView(copy.name, str(kept) if kept else None, done.erased, was_plain, _salvaged(done.salvaged))

    return await asyncio.to_thread(work)


def _salvaged(done: Salvaged | None) -> str:
    if done is None:
        return ""
    if not done.readable:
        return tr("Nothing could be read of the damaged file, so what was said after the backup is missing.")
    sentence = tr(
        "From the damaged file came {memories} memories and {messages} messages that the backup lacks.",
        memories=f"{done.memories:,}",
        messages=f"{done.messages:,}",
    )
    if not done.unread:
        return sentence
    lost = tr(
        "At least {unread} entries could not be read in it; of these there is what the backup holds.",
        unread=f"{done.unread:,}",
    )
    return f"{sentence} {lost}"


async def newest_offer(plan: BackupPlan, have: AtHand) -> CopyOffer | None:
    """Return the newest whole copy, to be offered in the place of a damaged memory; None where there is none."""

    def look() -> CopyOffer | None:
        path = newest_good(plan.folder, *have.keys)
        if path is None:
            return None
        connection = connect(path, key_of(path, have.keys), apsw.SQLITE_OPEN_READONLY)
        try:
            count = connection.execute("select count(*) from memories").get
        finally:
            connection.close()
        view = _view(next(copy for copy in list_copies(plan.folder) if copy.path == path), ok=True)
        return CopyOffer(view.name, view.made_at, int(count))

    return await asyncio.to_thread(look)


async def begin_empty(home: Home, key: bytes | None) -> None:
    """Put an empty memory under `key` in the place of a damaged one, which stays where it was set aside."""

    def work() -> None:
        try:
            begin_anew(home.database, key)
        except (apsw.Error, OSError) as error:
            raise explain(error, home.database) from error

    await asyncio.to_thread(work)


def _read(copy: Copy, keys: Sequence[bytes | None]) -> BackupView:
    plain = opens(copy.path, None)
    key = None if plain else key_of(copy.path, keys)
    ok = is_good(copy.path, key)
    if ok:
        return _view(copy, ok, tr("not encrypted") if plain and keys[0] is not None else "")
    if plain or (key is not None and opens(copy.path, key)):
        return _view(copy, ok, tr("damaged"))
    return _view(copy, ok, tr("can't be opened: damaged, or of another key than is at hand"))


def _view(copy: Copy, ok: bool, note: str = "") -> BackupView:
    made_at = copy.made_at.astimezone().isoformat(timespec="seconds")
    return BackupView(copy.path.name, made_at, copy.reason, copy.size_bytes, ok, str(copy.path), note)
