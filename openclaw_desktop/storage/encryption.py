"""Another key for the one file: a copy under it, checked, in the old one's place.

Owns what kind of file lies there, whether a key opens it, the copy beside it and the two renames. The old file is kept,
under the name of `old_path`, until its owner calls `clear`. Must not know where keys come from, nor any table. The
writer thread, or any thread for a file that is closed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

import apsw

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.storage.atomic import sync_folder
from openclaw_desktop.storage.connection import CHACHA20, RAW_KEY_BYTES, connect, usual_cipher

if TYPE_CHECKING:  # it imports the restore, which looks at keys here
    from openclaw_desktop.storage.database import Database

MAGIC = b"SQLite format 3\0"

FileState = Literal["absent", "plain", "sealed"]


def step(name: str) -> None:
    """Mark a point where the program may end: a test kills it there."""


def file_state(path: Path) -> FileState:
    """Return what lies at `path`: "sealed" is any file that is no plain database, "absent" an empty one too.

    Raises OSError where it can't be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(len(MAGIC))
    except FileNotFoundError:
        return "absent"
    if not head:
        return "absent"
    return "plain" if head == MAGIC else "sealed"


def opens(path: Path, key: bytes | None) -> bool:
    """Return whether `key` (None: none) is the one of the file at `path`, whose end may be missing."""
    try:
        if key is None:
            return file_state(path) == "plain"
        connection = connect(path, key, cut=True)
        try:
            connection.pragma("schema_version")
        finally:
            connection.close()
    except (apsw.Error, OSError):
        return False
    return True


def key_of(path: Path, keys: Sequence[bytes | None]) -> bytes | None:
    """Return the first of `keys` (None: none) that opens the file at `path`; the first of all where none does."""
    return next((key for key in keys if opens(path, key)), keys[0])


def fresh_path(path: Path) -> Path:
    """Return where the copy under the new key is written."""
    return path.with_name(path.name + ".fresh")


def old_path(path: Path) -> Path:
    """Return where the old file stays until all is done."""
    return path.with_name(path.name + ".old")


def clear(path: Path) -> None:
    """Remove what a change of the key leaves beside the file at `path`."""
    for beside in (fresh_path(path), old_path(path)):
        for suffix in ("", "-journal", "-wal", "-shm"):
            beside.with_name(beside.name + suffix).unlink(missing_ok=True)
    sync_folder(path.parent)


async def change_key(database: Database, key: bytes | None) -> None:
    """Put a copy of the open file under `key` (None: plain) in its place, and go on with that.

    Reads go on meanwhile, writes wait. Raises UserError, and the file is then the old one, open as before. The old
    file stays beside it in both cases: `clear` removes it.
    """
    path = database.path
    before = database.key

    def prepare() -> None:
        clear(path)
        rewrite(path, before, fresh_path(path), key)

    await database.change_file(prepare, lambda: _swap_in(path), lambda: _swap_back(path), key)
    step("opened")


def rewrite(source: Path, old: bytes | None, target: Path, new: bytes | None) -> None:
    """Write a copy of the file at `source`, which has the key `old`, to `target` under `new`: flushed, then checked.

    Raises apsw.Error or OSError; `target` is then gone.
    """
    target.unlink(missing_ok=True)
    connection = connect(source, old, apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_URI)
    try:
        target.touch(mode=0o600)
        _vacuum_into(connection, target, new)
        step("copy written")
        _flush(target)
        _compare(connection, target, new)
        step("copy checked")
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    finally:
        connection.close()


def _vacuum_into(connection: apsw.Connection, target: Path, key: bytes | None) -> None:
    try:
        # An empty key in the address means: none, whatever the key of the source is.
        connection.execute("vacuum into ?", (f"file:{quote(str(target))}?{_parameter(key)}",))
    except apsw.Error as error:
        # SQLite quotes the address, and the key with it: that must reach no log.
        raise type(error)(f"the copy {target} could not be written") from None


def rewrite_copy(path: Path, old: bytes | None, new: bytes | None) -> None:
    """Put the closed file at `path` under `new`, with its times as they were: a kill leaves the one or the other.

    Raises apsw.Error or OSError; the file is then as it was.
    """
    times = path.stat()
    # No name that the list of backups knows.
    partial = path.with_suffix(".partial")
    rewrite(path, old, partial, new)
    os.utime(partial, ns=(times.st_atime_ns, times.st_mtime_ns))
    partial.replace(path)
    sync_folder(path.parent)


def _parameter(key: bytes | None) -> str:
    if key is None:
        return "key="
    if len(key) == RAW_KEY_BYTES:
        return f"cipher={usual_cipher()}&key=raw:{key.hex()}"
    return f"cipher={CHACHA20}&hexkey={key.hex()}"


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _compare(connection: apsw.Connection, target: Path, key: bytes | None) -> None:
    """Open the copy anew and hold it against the original: whole, of the same version, as many rows in each table."""
    if file_state(target) != ("plain" if key is None else "sealed"):
        raise apsw.CorruptError(f"the copy {target} does not have the key that it was to have")
    copy = connect(target, key)
    try:
        if copy.pragma("integrity_check", 1) != "ok" or _contents(copy) != _contents(connection):
            raise apsw.CorruptError(f"the copy {target} is not like the original")
    finally:
        copy.close()


def _contents(connection: apsw.Connection) -> dict[str, int]:
    names = connection.execute(
        "select name from pragma_table_list where schema = 'main' and type in ('table', 'shadow')"
        " and name not like 'sqlite_s%'"
    ).get
    tables = [names] if isinstance(names, str) else names or []
    counts = {str(name): int(connection.execute(f'select count(*) from "{name}"').get) for name in map(_quoted, tables)}
    return counts | {"user_version": int(connection.pragma("user_version"))}


def _quoted(name: object) -> str:
    return str(name).replace('"', '""')


def _swap_in(path: Path) -> None:
    """Keep the old file under another name and give its name to the copy: there is a file at `path` at each moment."""
    if path.with_name(path.name + "-wal").exists():
        # The last connection takes the log away: somebody else still has the file open, and would go on with the old.
        raise UserError(
            "database_locked",
            tr("Another program keeps {path} open.", path=visible(str(path))),
            tr("Close the program that has the file open, then try again; nothing is lost."),
        )
    old = old_path(path)
    old.unlink(missing_ok=True)
    try:
        os.link(path, old)
    except OSError:  # a file system without links
        try:
            shutil.copyfile(path, old)
            old.chmod(0o600)
            _flush(old)
        except BaseException:
            # Half a copy: `_swap_back` would put it in the place of the whole file.
            old.unlink(missing_ok=True)
            raise
    sync_folder(path.parent)
    step("old kept")
    fresh_path(path).replace(path)
    sync_folder(path.parent)
    step("renamed")


def _swap_back(path: Path) -> None:
    """Undo `_swap_in`, as far as it went."""
    with contextlib.suppress(FileNotFoundError):
        old_path(path).replace(path)
    fresh_path(path).unlink(missing_ok=True)
    sync_folder(path.parent)
