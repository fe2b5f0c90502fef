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


@dataclass(frozen=True, slots=True)
class Missing:
    """By how much the file is over the user's limit, and the disk under what stays free; 0 where there is room."""

    of_limit: int = 0
    of_disk: int = 0

    def __bool__(self) -> bool:
        """True where room is missing."""
        return self.of_limit > 0 or self.of_disk > 0


def find_missing(connection: apsw.Connection, path: Path, room: Room, share: float = 1.0) -> Missing:
    """Return what is missing; `share`: of the limit, to free more than must be."""
    over = 0 if room.limit_bytes is None else used_bytes(connection) - int(share * room.limit_bytes)
    lacking = room.least_free_bytes - shutil.disk_usage(path.parent).free
    # Pages that are free in the file already need no room of the disk's.
    lacking -= int(connection.pragma("freelist_count")) * int(connection.pragma("page_size"))
    return Missing(max(0, over), max(0, lacking))


def free_some(diff: Diff, missing: Missing) -> bool:
    """Let the next of what was derived go: old runs, summaries, then facts by importance; False where none is left.

    For want of disk alone only old runs do: others fill it, and what is known would go without helping.
    """
    connection = diff.connection
    oldest = (diff.now - RUNS_KEPT).isoformat(timespec="seconds")
    connection.execute(
        "delete from memory_runs where julianday(started_at) < julianday(?) and finished_at is not null", (oldest,)
    )
    if connection.changes():
        diff.count("runs")
        return True
    if not missing.of_limit:
        return False
    sql = f"""select {COLUMNS} from memories m where m.source = ? and m.kind in ('fact', 'summary') and not m.pinned
        order by m.superseded_by is null, m.kind = 'fact', m.importance, m.created_s limit ?"""
    going = [stored(row) for row in fetch(connection, sql, (DERIVED, BATCH))]
    # Not `any`: each of them is to go.
    return sum([facts.drop(diff, memory) for memory in going]) > 0


def runs_for_room(connection: apsw.Connection) -> list[int]:
    """Return the runs that let something go for want of room and were not taken back, the newest first."""
    sql = """select id from memory_runs r where note = 'pressure' and finished_at is not null and undone_at is null
        and exists (select 1 from memory_changes where run_id = r.id and action = 'dropped') order by id desc"""
    return [int(run_id) for (run_id,) in fetch(connection, sql)]


def regret(connection: apsw.Connection, run_id: int) -> None:
    """Have a run that is about to be taken back count as no wish of the user's: all that it let go may go again."""
    connection.execute("delete from memory_deeds where run_id = ?", (run_id,))
