"""Too little room: what was derived goes, the least important first, and never a turn.

Owns what counts as too little, and the order. Writer's thread, within the caller's transaction.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import apsw

from openclaw_desktop.memory.consolidation import facts
from openclaw_desktop.memory.consolidation.facts import DERIVED, Diff
from openclaw_desktop.memory.rows import COLUMNS, stored
from openclaw_desktop.storage.database import fetch

BATCH = 200
# Freed to a little below the limit, so that the next turn does not bring it back at once.
SHARE_LEFT = 0.95
RUNS_KEPT = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Room:
    """How much room there may be. `limit_bytes` None: the file may grow as the disk allows.

    `least_free_bytes`: the disk is never filled beyond this by what was derived.
    """

    limit_bytes: int | None = None
    least_free_bytes: int = 256 * 1024 * 1024


def used_bytes(connection: apsw.Connection) -> int:
    """Return how much of the file is in use."""
    pages = int(connection.pragma("page_count")) - int(connection.pragma("freelist_count"))
    return pages * int(connection.pragma("page_size"))


def missing_bytes(connection: apsw.Connection, path: Path, room: Room, share: float = 1.0) -> int:
    """Return by how much the file is over its limit, or the disk under its own; 0 where there is room."""
    over = 0 if room.limit_bytes is None else used_bytes(connection) - int(share * room.limit_bytes)
    lacking = room.least_free_bytes - shutil.disk_usage(path.parent).free
    # Pages that are free in the file already need no room of the disk's.
    lacking -= int(connection.pragma("freelist_count")) * int(connection.pragma("page_size"))
    return max(0, over, lacking)


def free_some(diff: Diff) -> bool:
    """Let the next of what was derived go: old runs, summaries, then facts by importance; False where none is left."""
    connection = diff.connection
    oldest = (diff.now - RUNS_KEPT).isoformat(timespec="seconds")
    connection.execute(
        "delete from memory_runs where julianday(started_at) < julianday(?) and finished_at is not null", (oldest,)
    )
    if connection.changes():
        diff.count("runs")
        return True
    sql = f"""select {COLUMNS} from memories m where m.source = ? and m.kind in ('fact', 'summary') and not m.pinned
        order by m.superseded_by is null, m.kind = 'fact', m.importance, m.created_s limit ?"""
    going = [stored(row) for row in fetch(connection, sql, (DERIVED, BATCH))]
    # Not `any`: each of them is to go.
    return sum([facts.drop(diff, memory) for memory in going]) > 0
