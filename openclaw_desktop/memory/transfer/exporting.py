"""Writing all memories out: whole, to move them, or as Markdown, to read them elsewhere.

Owns what goes into which form. Must not know who asks. Loop; the file is written on a connection of its own, so that
reads and writes go on.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import apsw

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.memory import browsing
from openclaw_desktop.memory.records import StoredMemory
from openclaw_desktop.memory.transfer.table import whole_memories
from openclaw_desktop.memory.transfer.whole import is_whole, write_whole
from openclaw_desktop.memory.transfer.workspace import DAYS, FACTS, PROFILE, write_workspace
from openclaw_desktop.storage.database import Database

Form = Literal["json", "markdown"]
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written. `left_out`: memories that have no place in the form.

    `withheld`: of these, facts that others wrote, on which other programs would act; `removed`: of an earlier export.
    """

    path: Path
    memories: int
    files: int
    size_bytes: int
    left_out: int = 0
    withheld: int = 0
    removed: int = 0


async def export(
    database: Database, path: Path, form: Form, overwrite: bool, now: datetime, own_folders: Sequence[Path] = ()
) -> Exported:
    """Write all memories to the file (json) or folder (markdown) `path`, for the user alone; raises UserError.

    Nothing is written in `own_folders`, the agent's: there it could take the place of the memory itself. `overwrite`:
    an earlier export; a file of another kind may be a copy of the memory, or its key.
    """

    def write(connection: apsw.Connection) -> Exported:
        for place in (path,) if form == "json" else (path, *(path / name for name in (FACTS, PROFILE, DAYS))):
            _refuse_own(place, own_folders)
        if form == "json" and overwrite:
            _refuse_other_kinds(path)
        connection.execute("begin deferred")  # one moment, whatever is written meanwhile
        try:
            return _write(connection, path, form, overwrite, now)
        finally:
            connection.execute("rollback")

    return await database.beside(write)


def _refuse_own(path: Path, own_folders: Sequence[Path]) -> None:
    real = Path(os.path.realpath(path))
    if any(real.is_relative_to(os.path.realpath(folder)) for folder in own_folders):
        raise UserError(
            "export_to_own_folder",
            tr("{path} is in the agent's own folder.", path=visible(str(path))),
            tr("Choose a place outside of it."),
            ExitCode.USAGE,
        )


def _refuse_other_kinds(path: Path) -> None:
    if path.is_file() and path.stat().st_size and not is_whole(path):
        raise UserError(
            "export_not_an_export",
            tr("{path} is no earlier export, and is not overwritten.", path=visible(str(path))),
            tr("Choose another name, or move that file away."),
            ExitCode.USAGE,
        )


def _write(connection: apsw.Connection, path: Path, form: Form, overwrite: bool, now: datetime) -> Exported:
    if form == "json":
        count = write_whole(path, whole_memories(connection), now.isoformat(timespec="seconds"), overwrite)
        return Exported(path, count, 1, path.stat().st_size)
    withheld: list[str] = []
    written = write_workspace(_for_others(connection, withheld), path, overwrite)
    sizes = written.sizes_bytes
    return Exported(
        path, written.facts + written.turns, len(sizes), sum(sizes.values()), written.left_out + len(withheld),
        len(withheld), written.removed,
    )  # fmt: skip


def _for_others(connection: apsw.Connection, withheld: list[str]) -> Iterator[StoredMemory]:
    """Yield what other programs may read: they put facts into their instructions, where untrusted ones would act."""
    place = 0
    while batch := browsing.all_memories(connection, place, _BATCH):
        for memory in batch:
            if memory.kind == "fact" and memory.label.integrity == "untrusted":
                withheld.append(memory.id)
            else:
                yield memory
        place = batch[-1].rowid
