"""What is done about a file that is damaged: found at the start, kept aside, never begun anew, and restored.

Owns the names that a file has while it is aside or on its way back. Must not know any table but the list of erasures.
Any thread but the loop's: all of it waits for the disk. docs/adr/0022-durability.md says why it is so.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import apsw

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.storage.atomic import sync_folder
from openclaw_desktop.storage.backup import (
    BEFORE_RESTORE,
    NAME,
    back_up,
    is_good,
    list_backups,
    list_copies,
    newest_good,
    noted_erasures,
)
from openclaw_desktop.storage.connection import connect
from openclaw_desktop.storage.encryption import key_of, rewrite
from openclaw_desktop.storage.migrations import migrate

# A larger file is read through after the start, not before it: its reading would keep the user waiting for seconds.
READ_AT_ONCE_BYTES = 256 << 20
_MAGIC = b"SQLite format 3\x00"


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def ended_uncleanly(path: Path) -> bool:
    """Return whether the file should be read through: its log is left over, or a page was found damaged before.

    SQLite removes the log when the last connection closes, so no mark of our own needs to be written at each start.
    """
    return _beside(path, "-wal").exists() or is_suspect(path)


def is_suspect(path: Path) -> bool:
    """Return whether a page of the file was found damaged, and nothing was done about it yet."""
    return _beside(path, ".suspect").exists()


def mark_suspect(path: Path) -> None:
    """Have the file read through at the next start: a page of it was found damaged."""
    with contextlib.suppress(OSError):  # a disk that can't be written is told elsewhere
        _beside(path, ".suspect").touch(mode=0o600)


def find_damage(connection: apsw.Connection, path: Path) -> str:
    """Return what is wrong with a file after an unclean end, "" where nothing is; an index of words is built anew.

    Raises apsw.Error where the file can't be read for another reason, such as its key, a lock or the disk.
    """
    check = "integrity_check" if is_suspect(path) else "quick_check"
    verdict = read_through(connection, check)[0]
    if "fts5" in verdict.lower():  # what is wrong with the pages themselves comes first
        rebuild_words(connection)
        verdict = read_through(connection, check)[0]
    if verdict != "ok":
        return verdict
    _beside(path, ".suspect").unlink(missing_ok=True)
    return ""


def read_through(connection: apsw.Connection, check: str, table: str | None = None) -> list[str]:
    """Return what SQLite finds wrong with all of a file, or with one table and its indexes; ["ok"] where nothing is.

    Raises apsw.IOError where it was the disk that failed.
    """
    argument = "" if table is None else "('" + table.replace("'", "''") + "')"
    found: list[str] = []
    try:
        found += (str(message) for (message,) in connection.execute(f"pragma {check}{argument}"))
    except apsw.CorruptError as error:  # after what it could say
        found.append(str(error))
    for message in found:
        if any(int(code) & 0xFF == apsw.SQLITE_IOERR for code in re.findall(r"error code=(\d+)", message)):
            raise apsw.IOError(message)
    # The first line may be a heading.
    return [line for message in found for line in message.splitlines() if not line.startswith("***")] or ["damaged"]


def glance(connection: apsw.Connection) -> None:
    """Look at the first pages of each table, as quick for a large file as for a small one; raises apsw.CorruptError.

    That the file's end is missing SQLite says by itself.
    """
    tables = "select name from sqlite_schema where type = 'table' and rootpage > 0"
    for (name,) in connection.execute(tables).fetchall():
        quoted = str(name).replace('"', '""')
        connection.execute(f'select 1 from "{quoted}" limit 1').fetchall()


def word_indexes(connection: apsw.Connection) -> list[str]:
    """Return the names of the FTS5 tables, quoted."""
    sql = "select name from sqlite_schema where type = 'table' and sql like 'create virtual table%using fts5%'"
    return ['"' + str(name).replace('"', '""') + '"' for (name,) in connection.execute(sql)]


def rebuild_words(connection: apsw.Connection) -> None:
    """Build every index of words anew from the rows that it is of."""
    with connection:
        for table in word_indexes(connection):
            connection.execute(f"insert into {table} ({table}) values ('rebuild')")


def is_foreign(path: Path, key: bytes | None, error: Exception) -> bool:
    """Return whether a file that SQLite can't read may be a whole one under another key; then nothing is done to it.

    With a key, a first page that can't be read says nothing about which of the two is wrong. Without one, the bytes 16
    to 23 tell: they are plain in an encrypted file too, and the 21st counts the bytes kept for each page's seal.
    """
    if key is not None:
        return isinstance(error, apsw.NotADBError)
    with path.open("rb") as file:
        header = file.read(24)
    return len(header) == 24 and not header.startswith(_MAGIC) and header[16:18] == b"\x10\x00" and header[20] > 0


def set_aside(path: Path) -> Path:
    """Rename a damaged file and its log, and return the new name; nothing is deleted."""
    stamp = f".damaged-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    kept = _beside(path, stamp)
    while kept.exists():
        kept = _beside(kept, "-again")
    # The log goes first: without its file it is nothing, while a file without its log would be opened as it is.
    _beside(path, "-shm").unlink(missing_ok=True)  # SQLite makes it anew out of the log
    for suffix in ("-wal", ".suspect", ""):
        with contextlib.suppress(FileNotFoundError):
            _beside(path, suffix).rename(_beside(kept, suffix))
    sync_folder(path.parent)
    return kept


def files_aside(path: Path) -> list[Path]:
    """Return the damaged files that were set aside, oldest first."""
    found = path.parent.glob(f"{path.name}.damaged-*")
    return sorted(one for one in found if not one.name.endswith(("-wal", "-shm", ".suspect")))


def discard_aside(path: Path) -> list[Path]:
    """Delete the damaged files that were set aside, and return them; raises UserError while nothing is in their place.

    Only on the user's word: what a later erasure takes from the memory and its copies stays readable in them.
    """
    found = files_aside(path)
    if found and is_gone(path):
        raise UserError(
            "memory_not_there",
            tr("Nothing is in the place of the damaged memory, so it was kept."),
            tr("Bring back a copy first: openclaw-agent backup restore latest"),
        )
    for file in found:
        for suffix in ("-wal", "-shm", ".suspect", ""):
            _beside(file, suffix).unlink(missing_ok=True)
    sync_folder(path.parent)
    return found


def is_gone(path: Path) -> bool:
    """Return whether there is no file or nothing in it. SQLite would begin a new one, and delete a log beside it."""
    return not path.exists() or path.stat().st_size == 0


def prepare_place(path: Path, backups: Path | None = None) -> None:
    """Finish a restore that was cut short; raises UserError where only a damaged file or a copy is left.

    A file that was damaged or is gone must not be followed by an empty one without the user's word.
    """
    ready = _beside(path, ".restoring")
    _remove_partial(path)
    if not is_gone(path):
        ready.unlink(missing_ok=True)  # the present file was not yet out of the way: the restore never happened
    elif ready.exists():
        _put(ready, path)
    elif (aside := files_aside(path)) and not path.exists():
        raise UserError(
            "database_damaged",
            tr("The memory was damaged and is kept as {kept}; nothing is in its place.", kept=visible(str(aside[-1]))),
            tr(
                "Bring back a copy from the backups folder: openclaw-agent backup restore latest; "
                "or move the damaged file and that folder elsewhere to begin anew."
            ),
        )
    elif backups is not None and list_backups(backups):
        raise UserError(
            "database_damaged",
            tr("The memory file {file} is gone. Nothing was begun in its place.", file=visible(str(path))),
            tr(
                "Put it back, or its newest good backup: openclaw-agent backup restore latest; "
                "or move the backups in {folder} elsewhere to begin anew.",
                folder=visible(str(backups)),
            ),
        )


def _put(ready: Path, path: Path) -> None:
    """Give a finished file its place; into it SQLite would play the log of one that is gone, so that is set aside."""
    if _beside(path, "-wal").exists():
        set_aside(path)
    ready.replace(path)
    _beside(path, ".suspect").unlink(missing_ok=True)
    sync_folder(path.parent)


def _remove_partial(path: Path) -> None:
    # It may hold what was erased, and a journal that is left over would be played into the next one.
    for partial in path.parent.glob(f"{path.name}.restoring-partial*"):
        partial.unlink(missing_ok=True)


def damaged(path: Path, reason: str, backups: Path | None, key: bytes | None) -> UserError:
    """Set a damaged file aside and return the sentence that offers the newest good copy."""
    kept = set_aside(path)
    newest = newest_good(backups, key)
    if newest is None:
        advice = tr(
            "There is no good copy in the backups folder; "
            "move the damaged file and that folder elsewhere to begin anew."
        )
    else:
        advice = tr(
            "Bring back the newest good copy in the backups folder, {name}: openclaw-agent backup restore latest "
            "(what was said after it was made may be missing then)",
            name=newest.name,
        )
    reason = " ".join(visible(reason).split())
    return UserError(
        "database_damaged",
        tr(
            "{path} is damaged ({reason}). It is kept as {kept}.",
            path=visible(str(path)),
            reason=reason,
            kept=kept.name,
        ),
        advice,
    )


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What of a damaged file came into the copy: memories and messages that it lacks.

    `unread`: rows that were lost, so far as that can be told. `readable`: False where nothing of it can be read.
    """

    memories: int = 0
    messages: int = 0
    unread: int = 0
    readable: bool = True


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did. `kept`: where the file is that was there before; None where there was none.

    `salvaged`: what came of a damaged file; None where there was none.
    """

    copy: Path
    kept: Path | None
    erased: int
    salvaged: Salvaged | None = None


Replay = Callable[[apsw.Connection, list[str]], object]
# Gets the damaged file and its key, the copy and its key, into which it puts what can be read.
Salvage = Callable[[Path, bytes | None, Path, bytes | None], Salvaged]


def find_copy(backups: Path, name: str, *keys: bytes | None) -> Path:
    """Return the copy of that name, or the newest for "latest", whole under one of `keys`; raises UserError."""
    if name == "latest":
        found = newest_good(backups, *keys)
        if found is None:
            raise UserError(
                "no_backup",
                tr("There is no good copy in {folder}.", folder=visible(str(backups))),
                tr("openclaw-agent backup list shows what is there."),
            )
        return found
    known = {copy.path.name: copy.path for copy in list_copies(backups)}
    path = known.get(name) or known.get(f"{name}.db")
    if path is None:
        raise UserError(
            "no_backup",
            tr("There is no backup {name}.", name=visible(name)),
            tr("openclaw-agent backup list shows what is there."),
        )
    if not is_good(path, key_of(path, keys)):
        raise UserError(
            "backup_damaged",
            tr("The backup {name} is damaged or has another key; nothing was changed.", name=path.name),
            tr("Choose another; openclaw-agent backup list shows them."),
        )
    return path


def restore(
    path: Path,
    copy: Path,
    backups: Path,
    key: bytes | None,
    replay: Replay,
    *,
    others: tuple[bytes | None, ...] = (),
    erased: Iterable[str] = (),
    salvage: Salvage | None = None,
) -> Restored:
    """Put a checked copy in the place of the file, which no process may have open.

    `key`: what the file has afterwards; `others`: keys that the copy and the present file may have instead. The present
    file becomes a copy itself (reason "before-restore"), or is set aside where it is damaged. What was erased since the
    copy was made is erased in it again: `replay` gets the connection and the ids, `erased` being known ones. `salvage`
    adds what can be read of the damaged file. A kill leaves the old file or the new one, or none, and then the next
    start puts the new one in place. Raises UserError, apsw.Error.
    """
    keys = (key, *others)
    kept, ids = _keep_present(path, backups, keys)
    ids |= noted_erasures(backups) | set(erased)
    damaged = None if kept is not None else _aside_since(path, copy) if is_gone(path) else path
    salvaged: Salvaged | None = None

    def erase(connection: apsw.Connection) -> None:
        if ids:
            with connection:
                replay(connection, sorted(ids))
            connection.execute("vacuum")

    def write(partial: Path) -> None:
        nonlocal salvaged
        source = key_of(copy, keys)
        if source == key:
            shutil.copyfile(copy, partial)
        else:
            rewrite(copy, source, partial, key)
        connection = connect(partial, key)
        try:
            migrate(connection, partial, None, keep_copy=False)
            erase(connection)
        finally:
            connection.close()
        if damaged is not None and salvage is not None:
            salvaged = salvage(damaged, key_of(damaged, keys), partial, key)
            connection = connect(partial, key)
            try:
                ids.update(_erased_from(connection))
                erase(connection)
            finally:
                connection.close()

    aside = exchange(path, write, keep_present=kept is None)
    return Restored(copy, kept or aside, len(ids), salvaged)


def exchange(path: Path, write: Callable[[Path], None], *, keep_present: bool = True) -> Path | None:
    """Put the file that `write` makes in the place of the one that is there, which no process may have open.

    The present one is set aside, and its new name returned, or is let go where it is kept already. A kill leaves the
    old file or the new one, or none, and then the next start puts the new one in place.
    """
    ready, partial = _beside(path, ".restoring"), _beside(path, ".restoring-partial")
    _remove_partial(path)
    try:
        partial.touch(mode=0o600)
        write(partial)
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.rename(ready)
    finally:
        _remove_partial(path)
    sync_folder(path.parent)
    kept = set_aside(path) if keep_present and not is_gone(path) else None
    _put(ready, path)
    return kept


def begin_anew(path: Path, key: bytes | None) -> None:
    """Put an empty memory in the place of one that was set aside, whole or not at all; raises UserError, apsw.Error."""
    if not is_gone(path):
        raise UserError(
            "memory_there",
            tr("There is a memory in {path}; nothing was changed.", path=visible(str(path))),
            tr("Start OpenCLaw again."),
        )
    partial = _beside(path, ".restoring-partial")
    _remove_partial(path)
    try:
        partial.touch(mode=0o600)
        connection = connect(partial, key)
        try:
            connection.pragma("auto_vacuum", "incremental")
            migrate(connection, partial, None, keep_copy=False)
        finally:
            connection.close()
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        _put(partial, path)
    finally:
        _remove_partial(path)


def _aside_since(path: Path, copy: Path) -> Path | None:
    """Return the last file that was set aside; None where the copy was made after that, of one that came after it.

    What can be read of a damaged file goes before what the copy has: of an older one it would undo what came since.
    """
    last, made = next(reversed(files_aside(path)), None), NAME.search(copy.name)
    if (
        last is None
        or is_gone(last)
        or (made is not None and last.name.removeprefix(f"{path.name}.damaged-") < made["moment"])
    ):
        return None
    return last


def _erased_from(connection: apsw.Connection) -> set[str]:
    """Return the ids of what was erased from a file; of an older one none are known."""
    if "erased_memories" not in {name for (name,) in connection.execute("select name from sqlite_schema")}:
        return set()
    return {str(one) for (one,) in connection.execute("select memory_id from erased_memories")}


def _keep_present(path: Path, backups: Path, keys: Sequence[bytes | None]) -> tuple[Path | None, set[str]]:
    """Return the copy of the present file and the ids erased from it; (None, …) where it can't be read whole."""
    if is_gone(path):
        return None, set()
    connection: apsw.Connection | None = None
    erased: set[str] = set()
    try:
        connection = connect(path, key_of(path, keys))
        erased = _erased_from(connection)
        if connection.pragma("quick_check", 1) != "ok":
            return None, erased
        kept = back_up(connection, backups, BEFORE_RESTORE)
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    except (apsw.CorruptError, apsw.NotADBError):
        return None, erased
    finally:
        if connection is not None:
            connection.close()
    if _beside(path, "-wal").exists():
        raise apsw.BusyError("another program has the file open")
    return kept, erased
