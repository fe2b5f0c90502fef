"""The schema's history: plain SQL files, append-only, each applied once in its own transaction after a backup.

Owns the files in `schema/` and the version in the database's header. Runs on the writer thread.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import apsw

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr
from openclaw_desktop.storage.backup import back_up

SCHEMA_FOLDER = Path(__file__).parent / "schema"


def schema_files(folder: Path = SCHEMA_FOLDER) -> list[Path]:
    """Return the migrations in order; file number n brings the schema from version n-1 to n."""
    return sorted(folder.glob("[0-9][0-9][0-9][0-9]_*.sql"))


def migrate(
    connection: apsw.Connection,
    path: Path,
    backups: Path | None,
    folder: Path = SCHEMA_FOLDER,
    *,
    keep_copy: bool = True,
) -> int:
    """Apply what is missing and return the version.

    A file with data is backed up first (into `backups`, or beside the file), unless it is a copy itself. A migration
    that fails leaves the file at the version before. Raises UserError where the file comes from a newer program.
    """
    files = schema_files(folder)
    version = int(connection.pragma("user_version"))
    if version > len(files):
        raise UserError(
            "database_newer",
            tr("{path} was written by a newer version of OpenCLaw Desktop.", path=path),
            tr("Update this program, or choose another folder with --home."),
        )
    if keep_copy and 0 < version < len(files):
        back_up(connection, backups or path.parent, f"before-{files[version].stem}")
    for number, file in enumerate(files[version:], start=version + 1):
        connection.execute("begin immediate")
        with _committed(connection):
            # Another process may have been first while this one waited for its turn to write.
            if int(connection.pragma("user_version")) < number:
                connection.execute(file.read_text(encoding="utf-8"))
                connection.pragma("user_version", number)
    return len(files)


@contextlib.contextmanager
def _committed(connection: apsw.Connection) -> Iterator[None]:
    try:
        yield
        connection.execute("commit")
    except BaseException:
        if connection.in_transaction:
            connection.execute("rollback")
        raise
