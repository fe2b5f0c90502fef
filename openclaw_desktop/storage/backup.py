"""Copies of the one file: written whole, checked, then named.

Owns the backups folder. Runs on the writer thread, through `Database.maintain`.
"""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path

import apsw

from openclaw_desktop.storage.atomic import sync_folder

NAME = re.compile(r"openclaw-\d{8}T\d{6}Z-(?P<reason>[\w-]+)\.db$")


def back_up(connection: apsw.Connection, folder: Path, reason: str) -> Path:
    """Write a checked copy named `openclaw-<time>-<reason>.db` and return its path; the folder never holds half a one.

    The copy is made by VACUUM INTO (https://sqlite.org/lang_vacuum.html), flushed, opened, checked and renamed.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = folder / f"openclaw-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{reason}.db"
    partial = target.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    try:
        connection.execute("vacuum into ?", (str(partial),))
        partial.chmod(0o600)
        descriptor = os.open(partial, os.O_RDWR)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        _check(connection, partial)
        partial.rename(target)
    finally:
        partial.unlink(missing_ok=True)
    sync_folder(folder)
    return target


def _check(connection: apsw.Connection, path: Path) -> None:
    # Attached without a key of its own, the copy is read with the key of the file that it came from.
    connection.execute("attach ? as copy", (str(path),))
    try:
        if connection.pragma("integrity_check", 1, schema="copy") != "ok":
            raise apsw.CorruptError(f"the copy {path} failed its check")
    finally:
        connection.execute("detach copy")


def list_backups(folder: Path, reason: str | None = None) -> list[Path]:
    """Return the finished copies, oldest first; only those made for `reason` where it is given."""
    if not folder.is_dir():
        return []
    named = ((path, NAME.fullmatch(path.name)) for path in folder.iterdir())
    return sorted(path for path, match in named if match and (reason is None or match["reason"] == reason))


def prune_backups(folder: Path, reason: str, keep: int) -> None:
    """Remove the oldest copies made for `reason` beyond `keep`."""
    for path in list_backups(folder, reason)[:-keep]:
        path.unlink(missing_ok=True)
