"""The text that stands beside a memory in the index: what was said just before and after a turn in the same session.

Owns how that text follows when a memory goes, comes back or is reworded. Must not know why. Runs on the database's
threads, within the transaction of the change.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Collection, Iterable

import apsw

from openclaw_desktop.memory.recall.words import index_words
from openclaw_desktop.memory.rows import NEIGHBOUR_CHARS, joined
from openclaw_desktop.storage.database import fetch


def beside(connection: apsw.Connection, rowids: Collection[int]) -> set[int]:
    """Return the nearest turns before and after each of `rowids` that are not among them themselves."""
    sql = """select distinct session_id from json_each(?) j cross join memories m on m.rowid = j.value
        where m.kind = 'turn' and m.session_id is not null"""
    sessions = [session for (session,) in fetch(connection, sql, (json.dumps(list(rowids)),))]
    gone, found = set(rowids), set[int]()
    for session in sessions:
        turns = _turns(connection, session)
        staying = [rowid for rowid in turns if rowid not in gone]
        for rowid in turns:
            if rowid in gone:
                place = bisect_left(staying, rowid)
                found.update(staying[max(0, place - 1) : place + 1])
    return found


def rebuild(connection: apsw.Connection, rowids: Iterable[int]) -> int:
    """Write the text beside each of these turns anew, as the session is now, and return how many changed."""
    changed = 0
    for rowid in rowids:
        rows = fetch(
            connection, "select session_id, neighbours from memories where rowid = ? and kind = 'turn'", (rowid,)
        )
        if not rows or rows[0][0] is None:
            continue
        texts = [text[:NEIGHBOUR_CHARS] for side in _SIDES for (text,) in fetch(connection, side, (rows[0][0], rowid))]
        if (written := joined(texts)) != rows[0][1]:
            connection.execute("update memories set neighbours = ? where rowid = ?", (written, rowid))
            # A turn's vector is made of what was said before it too.
            connection.execute("delete from vectors where memory_rowid = ?", (rowid,))
            connection.execute("insert or ignore into vector_queue (memory_rowid) values (?)", (rowid,))
            changed += 1
    return changed


def rebuild_around(connection: apsw.Connection, rowid: int) -> None:
    """Write the text beside a memory that came back or was reworded, and beside its neighbours, anew."""
    for text, created_at, written in fetch(connection, _INDEXED, (rowid,)):
        if (words := index_words(created_at, text)) != written:
            connection.execute("update memories set date_words = ? where rowid = ?", (words, rowid))
    rebuild(connection, [*beside(connection, [rowid]), rowid])


def _turns(connection: apsw.Connection, session: str) -> list[int]:
    sql = "select rowid from memories where session_id = ? and kind = 'turn' order by rowid"
    return [int(rowid) for (rowid,) in fetch(connection, sql, (session,))]


_INDEXED = "select text, created_at, date_words from memories where rowid = ?"
_SIDES = tuple(
    f"select text from memories where session_id = ? and kind = 'turn' and rowid {side} limit 1"
    for side in ("< ? order by rowid desc", "> ? order by rowid")
)
