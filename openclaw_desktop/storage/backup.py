"""Copies of the one file: written whole, checked, then named; dropped by number and by size.

Owns the backups folder. Must not know any table. Any thread but the loop's: all of it waits for the disk.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import apsw

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.storage.atomic import sync_folder
from openclaw_desktop.storage.connection import connect
from openclaw_desktop.storage.copy_folders import MARK, is_there
from openclaw_desktop.storage.encryption import key_of

HOURLY, DAILY, BEFORE, BY_HAND, BEFORE_RESTORE = "hourly", "daily", "before", "by-hand", "before-restore"
# Copies that a program update made: one for each schema that the user came through is enough.
KEEP_BEFORE = 3
FEWEST = 2
# Small files keep all their hours and days, whatever the budget's multiple is.
SMALLEST_BUDGET_BYTES = 64 << 20
# However wrong the clock or a setting is, one run takes no more than this; the next run goes on.
MOST_DROPPED = 2
NAME = re.compile(r"openclaw-(?P<moment>\d{8}T\d{6}Z)-(?P<reason>[\w-]+)\.db$")


@dataclass(frozen=True, slots=True)
class BackupPlan:
    """Where copies go and how many are kept. `chosen`: the user named the folder, so it is never made by us.

    `data`: the folder of the file, where it is noted which folders are known by a mark.
    """

    folder: Path
    chosen: bool = False
    keep_hourly: int = 24
    keep_daily: int = 14
    budget_times: int = 5
    # Other folders that copies were ever made in: what is done to all copies is done there too.
    others: tuple[Path, ...] = ()
    data: Path | None = None

    @property
    def folders(self) -> tuple[Path, ...]:
        """Every folder that may hold copies, the present one first."""
        return (self.folder, *self.others)

    def is_there(self, folder: Path) -> bool:
        """Return whether a folder of copies is in reach: the one that is known, not an empty one in its place."""
        return is_there(folder, self.data)

    def check_folder(self) -> None:
        """Raise UserError where the user's folder is not there, as when its disk is not plugged in."""
        if self.chosen and self.folder.is_dir() and not self.is_there(self.folder):
            raise UserError(
                "backups_missing",
                tr(
                    "The folder {folder} is there, but not the one that backups were made in: its disk may be missing.",
                    folder=visible(str(self.folder)),
                ),
                tr("Connect its disk. Is it the right folder after all, make an empty file {mark} in it.", mark=MARK),
            )
        if self.chosen and not self.folder.is_dir():
            raise UserError(
                "backups_missing",
                tr("The backups folder {folder} is not there.", folder=visible(str(self.folder))),
                tr("Connect its disk, make that folder, or name another one as backup.folder in settings.toml."),
            )


@dataclass(frozen=True, slots=True)
class Copy:
    """A finished copy, as its name tells it."""

    path: Path
    made_at: datetime
    reason: str
    size_bytes: int


def back_up(connection: apsw.Connection, folder: Path, reason: str) -> Path:
    """Write a checked copy named `openclaw-<time>-<reason>.db` and return its path; the folder never holds half a one.

    The copy is made by VACUUM INTO (https://sqlite.org/lang_vacuum.html), flushed, opened, checked and renamed.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = folder / f"openclaw-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{reason}.db"
    # Two processes may open an old file at the same moment, and each makes its copy.
    partial = target.with_suffix(f".{os.getpid()}.partial")
    _remove_partial(partial)
    try:
        connection.execute("vacuum into ?", (str(partial),))
        partial.chmod(0o600)
        _flush(partial)
        _check(connection, partial)
        partial.rename(target)
    finally:
        _remove_partial(partial)
    sync_folder(folder)
    return target


def clear_partials(folder: Path) -> None:
    """Remove what a kill left half written; only where nobody else writes copies now."""
    for partial in folder.glob("openclaw-*.partial*") if folder.is_dir() else ():
        partial.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_partial(partial: Path) -> None:
    for suffix in ("", "-journal", "-wal", "-shm"):
        partial.with_name(partial.name + suffix).unlink(missing_ok=True)


def _check(connection: apsw.Connection, path: Path) -> None:
    # Attached without a key of its own, the copy is read with the key of the file that it came from.
    connection.execute("attach ? as copy", (str(path),))
    try:
        if connection.pragma("integrity_check", 1, schema="copy") != "ok":
            raise UserError(
                "backup_failed",
                tr("The backup in {folder} failed its check and was not kept.", folder=visible(str(path.parent))),
                tr("Check that disk, or name another folder as backup.folder in settings.toml."),
            )
    finally:
        connection.execute("detach copy")


def list_backups(folder: Path, reason: str | None = None) -> list[Path]:
    """Return the finished copies, oldest first; only those made for `reason` where it is given."""
    return [copy.path for copy in list_copies(folder) if reason is None or copy.reason == reason]


def list_copies(folder: Path) -> list[Copy]:
    """Return the finished copies with what their names tell, oldest first."""
    copies = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if (match := NAME.fullmatch(path.name)) is None:
            continue
        with contextlib.suppress(ValueError, FileNotFoundError):  # no such day, or dropped just now
            moment = datetime.strptime(match["moment"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            copies.append(Copy(path, moment, match["reason"], path.stat().st_size))
    return copies


def is_good(path: Path, key: bytes | None) -> bool:
    """Read all of a copy: True where it is whole and of our program."""
    try:
        connection = connect(path, key, apsw.SQLITE_OPEN_READONLY)
        try:
            return int(connection.pragma("user_version")) > 0 and connection.pragma("integrity_check", 1) == "ok"
        finally:
            connection.close()
    except (apsw.Error, OSError):
        return False


def newest_good(folder: Path | None, *keys: bytes | None) -> Path | None:
    """Return the newest copy that is whole under one of `keys`; None where there is none.

    What a restore kept is not among them: it is what the user wanted to leave behind.
    """
    copies = reversed(list_copies(folder)) if folder is not None else ()
    wanted = (copy.path for copy in copies if copy.reason != BEFORE_RESTORE)
    return next((path for path in wanted if is_good(path, key_of(path, keys))), None)


def prune_backups(folder: Path, keep: Mapping[str, int], budget_bytes: int, now: datetime) -> list[Path]:
    """Drop the oldest copies beyond `keep` (by reason) and beyond the budget, and return them.

    At most MOST_DROPPED go in one run, and FEWEST always stay. What the user made by hand, and what a restore kept, is
    never dropped. A copy from the future (the clock was wrong then, or is now) counts as older than all others.
    """
    known = [copy for copy in list_copies(folder) if _group(copy.reason) in keep]
    copies = sorted(known, key=lambda copy: (copy.made_at <= now, copy.made_at))
    dropped: list[Copy] = []
    while len(copies) > FEWEST and len(dropped) < MOST_DROPPED:
        numbers = Counter(_group(copy.reason) for copy in copies)
        groups = [group for group, number in numbers.items() if number > keep[group]]
        if not groups and sum(copy.size_bytes for copy in copies) > max(budget_bytes, SMALLEST_BUDGET_BYTES):
            groups = [max(numbers, key=lambda group: (numbers[group], group == HOURLY))]
        if not groups:
            break
        oldest = next(copy for copy in copies if _group(copy.reason) in groups)
        copies.remove(oldest)
        dropped.append(oldest)
    for copy in dropped:
        copy.path.unlink(missing_ok=True)
    return [copy.path for copy in dropped]


def _group(reason: str) -> str:
    return BEFORE if reason.startswith("before-0") else reason


def rewrite_backups(folder: Path, key: bytes | None, change: Callable[[apsw.Connection], bool]) -> int:
    """Apply `change` to every finished copy in one transaction each, and return how many it changed.

    `change` returns whether it changed anything; such a copy is vacuumed, flushed, and replaced under its name and
    time: a kill leaves the old or the new one. Raises UserError, after the others are done, for those that can't be
    read or written: what was to be changed is still in them.
    """
    changed, failed = 0, []
    for path in list_backups(folder):
        partial = path.with_suffix(".partial")
        _remove_partial(partial)
        try:
            if _rewrite(path, partial, key, change):
                changed += 1
        except (apsw.Error, OSError):
            failed.append(path)
        finally:
            _remove_partial(partial)
    if failed:
        raise UserError(
            "backups_not_rewritten",
            tr("These backups can't be changed: {names}.", names=_names(failed)),
            tr("Make the folder writable, or delete them yourself if what they hold must go."),
        )
    return changed


def _rewrite(path: Path, partial: Path, key: bytes | None, change: Callable[[apsw.Connection], bool]) -> bool:
    if not _would_change(path, key, change):
        return False
    shutil.copyfile(path, partial)
    partial.chmod(0o600)
    connection = connect(partial, key)
    try:
        with connection:
            changed = change(connection)
        if changed:
            connection.execute("vacuum")
            if connection.pragma("integrity_check", 1) != "ok":
                raise apsw.CorruptError(f"the copy {path} failed its check")
    finally:
        connection.close()
    if changed:
        times = path.stat()
        _flush(partial)
        os.utime(partial, ns=(times.st_atime_ns, times.st_mtime_ns))
        partial.replace(path)
        sync_folder(path.parent)
    return changed


def _would_change(path: Path, key: bytes | None, change: Callable[[apsw.Connection], bool]) -> bool:
    # Most copies hold nothing of it, and need not be copied to know that. All stays in memory and is rolled back: with
    # neither journal nor spilled pages on the disk, a kill leaves the copy as it is.
    connection = connect(path, key)
    try:
        connection.pragma("journal_mode", "memory")
        connection.pragma("cache_spill", False)
        connection.execute("begin immediate")
        try:
            return change(connection)
        finally:
            connection.execute("rollback")
    finally:
        connection.close()


def _names(paths: Iterable[Path]) -> str:
    return ", ".join(visible(path.name) for path in paths)


ERASED = "erased.list"


def note_erased(folder: Path, ids: Iterable[str]) -> None:
    """Add the ids of erased memories to the list in the backups folder: no copy may bring them back."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / ERASED, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "ab") as file:
        # Begun on a line of its own: a kill may have left half an id behind.
        file.write(b"\n" + b"".join(one.encode() + b"\n" for one in ids))
        file.flush()
        os.fsync(file.fileno())


def noted_erasures(*folders: Path) -> set[str]:
    """Return the ids in the lists of these folders, those that are not there left out."""
    found: set[str] = set()
    for folder in folders:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            found.update((folder / ERASED).read_text(encoding="utf-8", errors="replace").split())
    return found
