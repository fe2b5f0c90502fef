"""When the user is usually at the machine: a histogram of weekday and hour, forgotten by halves in four weeks.

Owns the table `presence_hours`: two sums of seconds for each hour of the week, never what anybody did. Must not know
where presence comes from. Loop; SQL runs on the database's threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

import apsw

from openclaw_desktop.health.levels import SELDOM
from openclaw_desktop.storage.database import Database

HALF_LIFE_WEEKS = 4.0
# So much of an hour of the week must have been seen before it says anything: in two weeks, older ones weighing less.
LEAST_SEEN_S = 6000.0
# Where nothing was noted for longer, the machine or the agent was off, and nobody was there.
LONGEST_GAP = timedelta(days=7)
PRESENT_GAP = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class HourOfWeek:
    """One cell. `weekday`: 0 is Monday; both sums in seconds, older ones weigh less."""

    weekday: int
    hour: int
    seen_s: float
    present_s: float


@dataclass(slots=True)
class _Cell:
    week: int = 0
    seen_s: float = 0.0
    present_s: float = 0.0


class Rhythm:
    """The rhythm of one user. `note` is cheap; `save` writes what changed."""

    def __init__(self, database: Database | None = None) -> None:
        self._database = database
        self._cells: dict[tuple[int, int], _Cell] = {}
        self._changed: set[tuple[int, int]] = set()
        self._last: tuple[datetime, bool] | None = None
        self._loaded = False

    async def load(self) -> None:
        """Read what is known, once, and add what was noted meanwhile; raises UserError."""
        if self._database is None or self._loaded:
            return
        self._loaded = True
        rows = await self._database.rows("select weekday, hour, week, seen_s, present_s from presence_hours", ())
        for weekday, hour, week, seen_s, present_s in rows:
            cell = self._cells.setdefault((weekday, hour), _Cell(week))
            cell.seen_s += seen_s
            cell.present_s += present_s

    def note(self, moment: datetime, present: bool) -> None:
        """Take note of whether somebody is there at `moment`, an aware time in the user's zone."""
        # With its offset fixed: in an hour that the clocks skip or repeat, a zone's wall time does not pass evenly.
        moment = moment.astimezone(timezone(moment.utcoffset() or timedelta()))
        last, self._last = self._last, (moment, present)
        if last is None:
            return
        begin, was_present = last
        if begin > moment:
            return  # the clock was set back
        begin = max(begin, moment - LONGEST_GAP)
        there_until = min(moment, begin + PRESENT_GAP) if was_present else begin
        while begin < moment:
            over = timedelta(hours=1) - timedelta(
                minutes=begin.minute, seconds=begin.second, microseconds=begin.microsecond
            )
            end = min(begin + over, moment)
            present_s = max(0.0, (min(end, there_until) - begin).total_seconds())
            self._add(begin, (end - begin).total_seconds(), present_s)
            begin = end

    def chance(self, moment: datetime) -> float | None:
        """Return how likely somebody is there in that hour of the week, 0 to 1; None where too little is known."""
        cell = self._cells.get((moment.weekday(), moment.hour))
        if cell is None or cell.seen_s < LEAST_SEEN_S:
            return None
        return cell.present_s / cell.seen_s

    def next_quiet(self, moment: datetime, hours: int = 2) -> datetime | None:
        """Return the start of the next `hours` hours in which seldom anybody is there; None where nothing says so."""
        start = moment.replace(minute=0, second=0, microsecond=0)
        for ahead in range(1, 24 * 7 + 1):
            begin = start + timedelta(hours=ahead)
            chances = [self.chance(begin + timedelta(hours=n)) for n in range(hours)]
            if all(chance is not None and chance <= SELDOM for chance in chances):
                return begin
        return None

    def hours(self) -> tuple[HourOfWeek, ...]:
        """Return all that is known, for its export."""
        return tuple(
            HourOfWeek(weekday, hour, round(cell.seen_s, 1), round(cell.present_s, 1))
            for (weekday, hour), cell in sorted(self._cells.items())
        )

    async def save(self) -> None:
        """Write what changed; raises UserError."""
        changed, self._changed = self._changed, set()
        rows = [(day, hour, c.week, c.seen_s, c.present_s) for day, hour in changed for c in (self._cells[day, hour],)]
        if not rows or self._database is None:
            return

        def write(connection: apsw.Connection) -> None:
            connection.executemany("insert or replace into presence_hours values (?, ?, ?, ?, ?)", rows)

        await self._database.write(write)

    async def erase(self) -> None:
        """Forget all of it; raises UserError."""
        self._cells.clear()
        self._changed.clear()
        self._last = None
        if self._database is not None:
            await self._database.write(_erase)

    def _add(self, moment: datetime, seen_s: float, present_s: float) -> None:
        key = (moment.weekday(), moment.hour)
        week = (moment.date().toordinal() - moment.weekday()) // 7
        cell = self._cells.setdefault(key, _Cell(week))
        if week > cell.week:
            kept = 0.5 ** ((week - cell.week) / HALF_LIFE_WEEKS)
            cell.seen_s, cell.present_s, cell.week = cell.seen_s * kept, cell.present_s * kept, week
        cell.seen_s += seen_s
        cell.present_s += present_s
        self._changed.add(key)


def _erase(connection: apsw.Connection) -> None:
    connection.execute("delete from presence_hours")
