"""Writing all memories out: whole, to move them, or as Markdown, to read them elsewhere.

Owns what goes into which form. Must not know who asks. Loop; the file is written on a connection of its own, so that
reads and writes go on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import apsw

from openclaw_desktop.memory import browsing
from openclaw_desktop.memory.records import StoredMemory
from openclaw_desktop.memory.transfer.table import whole_memories
from openclaw_desktop.memory.transfer.whole import write_whole
from openclaw_desktop.memory.transfer.workspace import write_workspace
from openclaw_desktop.storage.database import Database

Form = Literal["json", "markdown"]
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written. `left_out`: memories that have no place in the form."""

    path: Path
    memories: int
    files: int
    size_bytes: int
    left_out: int = 0


async def export(database: Database, path: Path, form: Form, overwrite: bool, now: datetime) -> Exported:
    """Write all memories to the file (json) or folder (markdown) `path`, for the user alone; raises UserError."""

    def write(connection: apsw.Connection) -> Exported:
        connection.execute("begin deferred")  # one moment, whatever is written meanwhile
        try:
            return _write(connection, path, form, overwrite, now)
        finally:
            connection.execute("rollback")

    return await database.beside(write)


def _write(connection: apsw.Connection, path: Path, form: Form, overwrite: bool, now: datetime) -> Exported:
    if form == "json":
        count = write_whole(path, whole_memories(connection), now.isoformat(timespec="seconds"), overwrite)
        return Exported(path, count, 1, path.stat().st_size)
    withheld: list[str] = []
    written = write_workspace(_for_others(connection, withheld), path, overwrite)
    files = [file for file in path.rglob("*.md") if file.is_file()]
    size_bytes = sum(file.stat().st_size for file in files)
    return Exported(path, written.facts + written.turns, len(files), size_bytes, written.left_out + len(withheld))


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
