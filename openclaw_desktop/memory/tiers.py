"""How turns age: short-term to long-term, chats to the archive, and out only by the user's own rule.

Owns which memories change their tier by age and number, which chats are archived, and which memories end: those that
were given an end, and turns where the user set one for all: an age, or a size of the file. Must not know how a memory
is erased. Loop; SQL runs on the database's threads.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

import apsw

from openclaw_desktop.storage.database import Database, fetch

# A clock that jumps ahead makes everything old at once: a run that would let go of more than this share asks instead.
LARGEST_SHARE = 0.2
# Of a handful of memories any one is a large share.
FEW = 3
# By size, a little more goes than must, so that it does not begin anew with the next turn.
SHARE_LEFT = 0.95


@dataclass(frozen=True, slots=True)
class TierLimits:
    """For how long and how many turns stay short-term, when an idle chat is archived, and how long turns are kept.

    `keep_turns_days` None: for ever; `keep_turns_bytes` None: however large the file gets.
    """

    short_days: int = 14
    short_turns: int = 400
    archive_days: int = 30
    keep_turns_days: int | None = None
    keep_turns_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Aged:
    """What one look changed. `ending`: ids of the memories whose end has come; `total`: of how many."""

    moved: int
    archived: int
    ending: tuple[str, ...]
    total: int

    @property
    def too_many(self) -> bool:
        """True where so much would end at once that the user has to say so: the clock may be wrong."""
        return len(self.ending) > max(FEW, LARGEST_SHARE * self.total)


async def age(database: Database, limits: TierLimits, now: datetime) -> Aged:
    """Move what is no longer recent, archive idle chats, drop expired scratch, and name what has come to its end."""

    def change(connection: apsw.Connection) -> tuple[int, int]:
        moment = now.isoformat(timespec="seconds")
        connection.execute("delete from working_memory where expires_at <= ?", (moment,))
        return _leave_short(connection, limits, now), _archive(connection, limits, now)

    moved, archived = await database.write(change)
    ending = await ended_by(database, limits, now)
    total = (await database.rows("select count(*) from memories"))[0][0]
    return Aged(moved, archived, ending, int(total))


async def ended_by(database: Database, limits: TierLimits, moment: datetime) -> tuple[str, ...]:
    """Return the ids of the memories whose end had come by `moment`."""
    return await database.read(lambda c: _ending(c, limits, moment))


def _leave_short(connection: apsw.Connection, limits: TierLimits, now: datetime) -> int:
    oldest_s = int((now - timedelta(days=limits.short_days)).timestamp())
    newest = "select rowid from memories where tier = 'short' order by created_s desc, rowid desc limit ?"
    connection.execute(
        f"update memories set tier = 'long' where tier = 'short' and (created_s < ? or rowid not in ({newest}))",
        (oldest_s, limits.short_turns),
    )
    return int(connection.changes())


def _archive(connection: apsw.Connection, limits: TierLimits, now: datetime) -> int:
    idle = f"-{limits.archive_days} days"
    # A clock that was ahead archived what is not idle by the right one.
    later = "update conversations set archived_at = null where julianday(archived_at) > julianday(?)"
    connection.execute(later, (now.isoformat(timespec="seconds"),))
    ids = fetch(
        connection,
        "select id from conversations where archived_at is null and julianday(updated_at) <= julianday(?, ?)",
        (now.isoformat(timespec="seconds"), idle),
    )
    moment = now.isoformat(timespec="seconds")
    connection.executemany("update conversations set archived_at = ? where id = ?", [(moment, id_) for (id_,) in ids])
    for sql in (
        "delete from working_memory where conversation_id = ?",
        "update memories set tier = 'long' where session_id = ? and tier = 'short'",
    ):
        connection.executemany(sql, ids)
    return len(ids)


def _ending(connection: apsw.Connection, limits: TierLimits, now: datetime) -> tuple[str, ...]:
    """Return the ids of memories whose own end has come, and of turns older than the user keeps them."""
    sql = """select id from memories
        where expires_at is not null and julianday(expires_at) <= julianday(?) and not pinned"""
    found = [str(row[0]) for row in fetch(connection, sql, (now.isoformat(timespec="seconds"),))]
    if limits.keep_turns_days is not None:
        oldest_s = int((now - timedelta(days=limits.keep_turns_days)).timestamp())
        sql = "select id from memories where kind = 'turn' and created_s < ? and not pinned"
        found += [str(row[0]) for row in fetch(connection, sql, (oldest_s,))]
    if limits.keep_turns_bytes is not None:
        found += _beyond(connection, limits.keep_turns_bytes)
    return tuple(dict.fromkeys(found))


def _beyond(connection: apsw.Connection, most_bytes: int) -> list[str]:
    """Return the turns that came first, about as many as the file has to lose to get below `most_bytes`."""
    pages, free, page_bytes = (int(connection.pragma(n)) for n in ("page_count", "freelist_count", "page_size"))
    used_bytes = (pages - free) * page_bytes
    if used_bytes <= most_bytes:
        return []
    ((total,),) = fetch(connection, "select count(*) from memories")
    count = math.ceil((used_bytes - SHARE_LEFT * most_bytes) / (used_bytes / max(1, total)))
    # In the order in which they came: a clock that was behind makes none of today's the oldest.
    sql = "select id from memories where kind = 'turn' and not pinned order by rowid limit ?"
    return [str(row[0]) for row in fetch(connection, sql, (count,))]
