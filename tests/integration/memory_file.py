"""One memory file with a clock that is moved and a permit that is counted, for tests of consolidation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.protocols import Urgency
from openclaw_desktop.memory.consolidation.consolidator import Consolidator
from openclaw_desktop.memory.records import NewMemory
from openclaw_desktop.memory.store import MemoryStore
from openclaw_desktop.storage.database import Database, Row

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
UNTRUSTED = Label("untrusted", "private", ("import",))


class MovingClock:
    def __init__(self) -> None:
        self.moment = NOW

    def now(self) -> datetime:
        return self.moment

    def monotonic_s(self) -> float:
        return self.moment.timestamp()


class Permission:
    """Lets so many steps run; None: all."""

    def __init__(self, steps: int | None = None) -> None:
        self.steps = steps
        self.asked: list[tuple[str, Urgency]] = []

    def may_run(self, kind: str, urgency: Urgency) -> bool:
        self.asked.append((kind, urgency))
        return self.steps is None or len(self.asked) <= self.steps


class File:
    def __init__(self, database: Database) -> None:
        self.database, self.clock = database, MovingClock()
        self.store = MemoryStore(database, None, self.clock)

    def consolidator(self, **parts: object) -> Consolidator:
        return Consolidator(self.database, parts.pop("permit", Permission()), self.clock, **parts)  # type: ignore[arg-type]

    async def say(self, *texts: str, days_ago: float = 0, **fields: object) -> list[str]:
        created = (self.clock.moment - timedelta(days=days_ago)).isoformat()
        kept = {"kind": "turn", "speaker": "user", "tier": "short", "session_id": "s1", "created_at": created} | fields
        return await self.store.remember_many([NewMemory(text, **kept) for text in texts])  # type: ignore[arg-type]

    async def rows(self, sql: str, *values: object) -> list[Row]:
        return await self.database.rows(sql, values)

    async def facts(self) -> dict[str, bool]:
        """Return the derived facts, each with whether it holds."""
        sql = "select text, superseded_by is null from memories where kind = 'fact' order by rowid"
        return {text: bool(holds) for text, holds in await self.rows(sql)}
