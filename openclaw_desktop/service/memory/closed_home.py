"""What is done with a home whose memory nobody has open: its copies listed, one offered or restored, or begun anew.

Owns how such a home is held, and where its key may be. Must not know an open file. Loop; the disk is waited for in
threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr
from openclaw_desktop.memory.erased_rows import replay_erasures
from openclaw_desktop.security.file_key import AtHand, FileKeys
from openclaw_desktop.security.key_problems import copies_closed
from openclaw_desktop.service.api import BackupView, RestoreView
from openclaw_desktop.service.memory.backups import (
    CopyOffer,
    backup_plan,
    begin_empty,
    newest_offer,
    read_copies,
    restore_backup,
)
from openclaw_desktop.storage.backup import BackupPlan, list_backups
from openclaw_desktop.storage.encryption import file_state
from openclaw_desktop.storage.recovery import discard_aside, files_aside, mark_suspect
from openclaw_desktop.storage.settings import Settings, load_settings
from openclaw_desktop.system.lock import HomeLock
from openclaw_desktop.system.paths import Home, prepare
from openclaw_desktop.system.secrets import KeyringStore


def keyring_of(home: Home, settings: Settings) -> KeyringStore:
    """Return the keyring as this home uses it: homes share no secrets."""
    service = "OpenCLaw Desktop" if home.root is None else f"OpenCLaw Desktop ({home.root})"
    return KeyringStore(service, settings.secrets.keyring_wait_s)


def own_folders(home: Home) -> tuple[Path, ...]:
    """Return the folders that are the agent's own."""
    return (home.root,) if home.root else home.folders


def file_keys(home: Home, settings: Settings, plan: BackupPlan) -> FileKeys:
    """Return the keys of this home's file."""
    return FileKeys(home.data, plan.folders, keyring_of(home, settings), os.environ, own_folders(home))


async def restore_closed(home: Home, name: str, code: str | None = None) -> RestoreView:
    """Put the copy of that name ("latest": the newest good one) in the memory's place; raises UserError.

    `code`: the recovery code, in the place of a key that is lost.
    """
    with _held(home, "backup restore"):
        plan, have = await _look(home, code)
        return await restore_backup(home, plan, name, have, replay_erasures)


async def begin_closed(home: Home, code: str | None = None) -> None:
    """Begin an empty memory, under the same key, where only a damaged one is left; raises UserError.

    `code`: as for `restore_closed`.
    """
    with _held(home, "begin anew"):
        settings = load_settings(home.settings_file)
        aside = files_aside(home.database)
        keys = file_keys(home, settings, backup_plan(home, settings))
        await begin_empty(home, (await keys.find(aside[-1] if aside else home.database, code)).key)


async def discard_damaged(home: Home) -> tuple[str, ...]:
    """Delete the damaged files that were set aside, and return their paths; raises UserError."""
    return tuple(str(path) for path in await asyncio.to_thread(discard_aside, home.database))


async def mend_at_start(home: Home) -> None:
    """Have the next start read the whole memory, and make anew or set aside what is damaged; raises UserError."""
    prepare(home)  # first: in a folder that isn't ours nothing is marked
    if await asyncio.to_thread(home.database.exists):
        await asyncio.to_thread(mark_suspect, home.database)


async def list_closed(home: Home) -> tuple[BackupView, ...]:
    """Return the copies of a home whose memory can't be opened, those that no key opens too; raises UserError."""
    plan, have = await _look(home)
    return await read_copies(plan.folder, *have.keys or (None,))


async def offer_closed(home: Home, code: str | None = None) -> CopyOffer | None:
    """Return the newest whole copy of a home whose memory can't be opened; raises UserError."""
    plan, have = await _look(home, code)
    if have.lost and have.problem is not None:
        raise copies_closed(have.problem, "latest") if have.code_helps else have.problem
    return await newest_offer(plan, have)


async def _look(home: Home, code: str | None = None) -> tuple[BackupPlan, AtHand]:
    settings = load_settings(home.settings_file)
    plan = backup_plan(home, settings)
    plan.check_folder()
    files = [home.database, *files_aside(home.database), *list_backups(plan.folder)]
    sealed = any(await asyncio.to_thread(lambda: [_is_sealed(file) for file in files]))
    return plan, await file_keys(home, settings, plan).at_hand(sealed, code)


def _is_sealed(file: Path) -> bool:
    try:
        return file_state(file) == "sealed"
    except OSError:  # what can't be read is told when it is to be used
        return False


@contextlib.contextmanager
def _held(home: Home, role: str) -> Iterator[None]:
    prepare(home)
    lock = HomeLock(home.lock_file)
    if not lock.acquire(role):
        raise UserError(
            "agent_running",
            tr("The agent is running and has the memory open."),
            tr("End it (Quit in its menu, or systemctl --user stop openclaw-agent), then try again."),
        )
    try:
        yield
    finally:
        lock.release()
