"""Looking at memories: counted, listed, and one with all that belongs to it.

Owns the queries for it. Must not know who looks. Runs on the reader's thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import apsw

from openclaw_desktop.memory.records import StoredMemory
from openclaw_desktop.memory.rows import COLUMNS, stored
from openclaw_desktop.storage.database import fetch


@dataclass(frozen=True, slots=True)
class Counts:
    """What there is. `by_tier`: per tier and kind."""

    by_tier: dict[str, dict[str, int]]
    total: int
    oldest: str | None
    newest: str | None
    superseded: int
    expired: int
    pinned: int
    untrusted: int
    erased: int
    unfinished: int


@dataclass(frozen=True, slots=True)
class Filter:
    """Which memories. `since_s`: Unix seconds; `everything`: superseded and expired ones too."""

    tier: str | None = None
    kind: str | None = None
    since_s: int | None = None
    contains: str | None = None
    everything: bool = False


def count(connection: apsw.Connection, now: datetime) -> Counts:
    """Return what there is."""
    by_tier: dict[str, dict[str, int]] = {tier: {} for tier in ("short", "medium", "long")}
    for tier, kind, number in fetch(connection, "select tier, kind, count(*) from memories group by tier, kind"):
        by_tier[tier][kind] = number
    total = sum(sum(kinds.values()) for kinds in by_tier.values())
    ends = "select created_at from memories order by created_s {} limit 1"
    oldest, newest = (fetch(connection, ends.format(order)) for order in ("asc", "desc"))
    number = """select count(superseded_by), sum(pinned), sum(integrity = 'untrusted') from memories"""
    superseded, pinned, untrusted = fetch(connection, number)[0]
    sql = "select count(*) from memories where expires_at is not null and julianday(expires_at) <= julianday(?)"
    expired = fetch(connection, sql, (now.isoformat(),))[0][0]
    erased = fetch(connection, "select count(*) from erased_memories where memory_id like 'mem_%'")[0][0]
    unfinished = fetch(connection, "select count(*) from erasures")[0][0]
    return Counts(
        by_tier, total, oldest[0][0] if oldest else None, newest[0][0] if newest else None, superseded, expired,
        pinned or 0, untrusted or 0, erased, unfinished,
    )  # fmt: skip


def find(
    connection: apsw.Connection, wanted: Filter, limit: int, offset: int, now: datetime
) -> tuple[list[StoredMemory], int]:
    """Return `limit` memories from `offset` on, newest first, and how many there are."""
    conditions: list[str] = ["true"]
    values: list[Any] = []
    for condition, value in (
        ("m.tier = ?", wanted.tier),
        ("m.kind = ?", wanted.kind),
        ("m.created_s >= ?", wanted.since_s),
        ("instr(lower(m.text), lower(?)) > 0", wanted.contains),
        (_CURRENT, None if wanted.everything else now.isoformat()),
    ):
        if value is not None:
            conditions.append(condition)
            values.append(value)
    where = " and ".join(conditions)
    sql = f"select {COLUMNS} from memories m where {where} order by m.created_s desc, m.rowid desc limit ? offset ?"
    found = [stored(row) for row in fetch(connection, sql, (*values, limit, offset))]
    total = fetch(connection, f"select count(*) from memories m where {where}", tuple(values))[0][0]
    return found, int(total)


@dataclass(frozen=True, slots=True)
class Linked:
    """What hangs on a memory: the first of it, oldest first, and how many there are."""

    memories: tuple[StoredMemory, ...]
    total: int


def linked(connection: apsw.Connection, rowid: int) -> tuple[Linked, Linked, Linked]:
    """Return what a memory was made of, what was made of it, and what it took the place of."""
    conditions = (
        "m.rowid in (select source_rowid from memory_sources where memory_rowid = ?)",
        "m.rowid in (select memory_rowid from memory_sources where source_rowid = ?)",
        "m.superseded_by = ?",
    )
    sources, derived, supersedes = (_linked(connection, condition, rowid) for condition in conditions)
    return sources, derived, supersedes


def all_memories(connection: apsw.Connection, after: int, limit: int) -> Sequence[StoredMemory]:
    """Return the next `limit` memories after the place `after`, in the order they were stored."""
    sql = f"select {COLUMNS} from memories m where m.rowid > ? order by m.rowid limit ?"
    return [stored(row) for row in fetch(connection, sql, (after, limit))]


def _linked(connection: apsw.Connection, condition: str, rowid: int) -> Linked:
    sql = f"select {COLUMNS} from memories m where {condition} order by m.created_s, m.rowid limit {_MOST_LINKED}"
    first = tuple(stored(row) for row in fetch(connection, sql, (rowid,)))
    total = fetch(connection, f"select count(*) from memories m where {condition}", (rowid,))[0][0]
    return Linked(first, int(total))


_MOST_LINKED = 100
_CURRENT = """m.superseded_by is null and coalesce(julianday(m.expires_at) > julianday(?), true)"""
