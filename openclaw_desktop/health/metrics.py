"""How the agent did, as small time series: memory, processor, queues, the loop's lag, latencies, sizes.

Owns the table `metrics`: numbers by name and time, never a word of what was said; ten-minute values fold into hours,
those into days, and what is older goes. Writes only where something ran: an idle agent's values wait in memory. Loop;
SQL runs on the database's threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import apsw

from openclaw_desktop.core.clock import Clock
from openclaw_desktop.storage.database import Database, Row

# Values of so many seconds are one row; then how long such rows are kept.
FINE_S, HOUR_S, DAY_S = 600, 3600, 86_400
KEEP_S = {FINE_S: 2 * DAY_S, HOUR_S: 21 * DAY_S, DAY_S: 400 * DAY_S}
# So many rows wait in memory at most.
PENDING_LIMIT = 2000


@dataclass(frozen=True, slots=True)
class Point:
    """The values of one stretch of time that begins at `at`."""

    name: str
    at: datetime
    resolution_s: int
    samples: int
    mean: float
    lowest: float
    highest: float


@dataclass(slots=True)
class _Sum:
    samples: int = 0
    total: float = 0.0
    lowest: float = float("inf")
    highest: float = float("-inf")

    def add(self, value: float) -> None:
        self.samples += 1
        self.total += value
        self.lowest, self.highest = min(self.lowest, value), max(self.highest, value)


class Metrics:
    """The series of one file."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._pending: dict[tuple[str, int], _Sum] = {}

    def note(self, name: str, value: float) -> None:
        """Count `value` for now; a name ends in its unit, and may go on with what it is of (`rss_bytes.agent`)."""
        at_s = int(self._clock.now().timestamp()) // FINE_S * FINE_S
        if (name, at_s) not in self._pending and len(self._pending) >= PENDING_LIMIT:
            del self._pending[next(iter(self._pending))]
        self._pending.setdefault((name, at_s), _Sum()).add(value)

    async def save(self) -> None:
        """Write what was noted, and fold what has grown old; raises UserError."""
        pending, self._pending = self._pending, {}
        rows = [(name, FINE_S, at_s, s.samples, s.total, s.lowest, s.highest) for (name, at_s), s in pending.items()]
        now_s = int(self._clock.now().timestamp())
        if rows:
            await self._database.write(lambda connection: _write(connection, rows, now_s))

    async def series(self, name: str, since: datetime) -> tuple[Point, ...]:
        """Return the points of `name`, or of all beginning `name.`, since a moment, oldest first; raises UserError."""
        await self.save()
        rows = await self._database.rows(
            """select name, at_s, resolution_s, samples, total / samples, lowest, highest from metrics
            where (name = ?1 or substr(name, 1, length(?1) + 1) = ?1 || '.') and at_s + resolution_s > ?2
            order by name, at_s, resolution_s""",
            (name, int(since.timestamp())),
        )
        return tuple(_point(row) for row in rows)

    async def latest(self) -> tuple[Point, ...]:
        """Return the newest point of each name; raises UserError."""
        await self.save()
        rows = await self._database.rows(
            """select name, max(at_s), resolution_s, samples, total / samples, lowest, highest from metrics
            group by name order by name""",
            (),
        )
        return tuple(_point(row) for row in rows)


def _point(row: Row) -> Point:
    name, at_s, resolution_s, samples, mean, lowest, highest = row
    at = datetime.fromtimestamp(int(str(at_s))).astimezone()
    return Point(
        str(name), at, int(str(resolution_s)), int(str(samples)), *(float(str(v)) for v in (mean, lowest, highest))
    )


_MERGE = """on conflict do update set samples = samples + excluded.samples, total = total + excluded.total,
    lowest = min(lowest, excluded.lowest), highest = max(highest, excluded.highest)"""


def _write(connection: apsw.Connection, rows: list[tuple[str, int, int, int, float, float, float]], now_s: int) -> None:
    connection.executemany(
        f"""insert into metrics (name, resolution_s, at_s, samples, total, lowest, highest)
        values (?, ?, ?, ?, ?, ?, ?) {_MERGE}""",
        rows,
    )
    for fine_s, coarse_s in ((FINE_S, HOUR_S), (HOUR_S, DAY_S)):
        # Whole stretches of the coarser kind alone, or a stretch would be in both.
        until_s = (now_s - KEEP_S[fine_s]) // coarse_s * coarse_s
        old = (fine_s, until_s)
        connection.execute(
            f"""insert into metrics (name, resolution_s, at_s, samples, total, lowest, highest)
            select name, {coarse_s}, at_s / {coarse_s} * {coarse_s}, sum(samples), sum(total), min(lowest), max(highest)
            from metrics where resolution_s = ? and at_s < ? group by name, at_s / {coarse_s} {_MERGE}""",
            old,
        )
        connection.execute("delete from metrics where resolution_s = ? and at_s < ?", old)
    connection.execute("delete from metrics where resolution_s = ? and at_s < ?", (DAY_S, now_s - KEEP_S[DAY_S]))
    # A clock that was once far ahead must not keep its values for ever.
    connection.execute("delete from metrics where at_s > ?", (now_s + DAY_S,))
