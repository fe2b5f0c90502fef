"""What the model costs: tokens, seconds and estimated energy of each turn and job, and the day's limit for jobs.

Owns the table `ledger`: numbers by day, turn, job, lane and model, never a word of what was said. Must not know the
texts of prompts, or who asks. Loop; SQL runs on the database's threads.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from functools import partial
from typing import cast

import apsw

from openclaw_desktop.core.clock import Clock
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.protocols import Complete, CompletionEvent, Lane, Prompt
from openclaw_desktop.core.text import tr
from openclaw_desktop.inference.records import CompletionRecord
from openclaw_desktop.storage.database import Database, Row

log = logging.getLogger(__name__)

KEEP_TURNS_DAYS = 90
JOULES_PER_WH = 3600.0

_SUMS = """sum(calls), sum(prompt_tokens), sum(cached_tokens), sum(completion_tokens), sum(seconds), sum(cpu_seconds),
    sum(wh)"""
_ADD = """on conflict do update set calls = calls + excluded.calls,
    prompt_tokens = prompt_tokens + excluded.prompt_tokens, cached_tokens = cached_tokens + excluded.cached_tokens,
    completion_tokens = completion_tokens + excluded.completion_tokens, seconds = seconds + excluded.seconds,
    cpu_seconds = cpu_seconds + excluded.cpu_seconds, wh = wh + excluded.wh"""


@dataclass(frozen=True, slots=True)
class Sums:
    """What some completions took together; `wh` is estimated from processor seconds, not measured."""

    calls: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    wh: float = 0.0

    @property
    def spent_tokens(self) -> int:
        """Tokens that took work: read anew, or written."""
        return self.prompt_tokens - self.cached_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """The sums of one day, lane, job and model. `turns`: of how many turns; 0 where they are no longer told apart."""

    day: date
    lane: Lane
    job: str
    model: str
    turns: int
    sums: Sums


class Ledger:
    """The ledger of one file.

    `watts_per_core`: what a busy core is taken to draw. `background_tokens`: what jobs may spend in a day. `zone`: the
    user's, None for the machine's own; a day ends at its midnight.
    """

    def __init__(
        self, database: Database, clock: Clock, watts_per_core: int, background_tokens: int, zone: tzinfo | None = None
    ) -> None:
        self._database = database
        self._clock = clock
        self._watts_per_core = watts_per_core
        self.background_tokens = background_tokens
        self._zone = zone
        self._pending: list[tuple[date, CompletionRecord]] = []
        self._writing: asyncio.Task[None] | None = None
        self._spent: tuple[date, int] | None = None

    def note(self, record: CompletionRecord) -> None:
        """Count a completion; it is written soon, without anybody waiting."""
        day = self._now().date()
        if self._spent is not None and self._spent[0] == day and record.lane == "background":
            self._spent = (day, self._spent[1] + _spent_tokens(record))
        self._pending.append((day, record))
        if self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._write(), name="ledger")

    def note_work(self, job: str, seconds: float, cpu_s: float) -> None:
        """Count what a job's run took beside the model: `cpu_s` of the processor in `seconds`."""
        self.note(CompletionRecord("", "background", 0, 0, 0, 0.0, 0.0, seconds, cpu_s, None, 0, 0, job=job))

    async def of_job(self, job: str) -> Sums:
        """Return the sums of everything that was counted for `job`."""
        await self.flush()
        return await self._sum("job = ?", job)

    async def flush(self) -> None:
        """Wait until everything counted so far is written."""
        if self._writing is not None:
            await asyncio.shield(self._writing)

    async def _write(self) -> None:
        try:
            while self._pending:
                rows = [self._row(day, record) for day, record in self._pending]
                self._pending.clear()
                await self._database.write(partial(_add, rows=rows))
        except UserError as error:
            # A full disk must not end a turn that only wanted to be counted.
            log.warning("the ledger was not written: %s", error)
        finally:
            self._writing = None

    def _row(self, day: date, record: CompletionRecord) -> Row:
        return (
            day.isoformat(), record.turn_id, record.job, record.lane, record.model, record.prompt_tokens,
            record.cached_tokens, record.completion_tokens, record.wall_s, record.cpu_s,
            record.cpu_s * self._watts_per_core / JOULES_PER_WH,
        )  # fmt: skip

    async def admit(self, lane: Lane) -> None:
        """Raise UserError where the day's tokens for background work are spent; whoever waits is always let through."""
        if lane == "background" and await self.background_left() <= 0:
            raise UserError(
                "budget_spent",
                tr(
                    "Today's {limit} tokens for background work are spent; it goes on after midnight, {until}.",
                    limit=f"{self.background_tokens:,}",
                    until=f"{self.reset_at():%Y-%m-%d %H:%M}",
                ),
                tr("Allow more with budget.background_tokens_per_day in the settings."),
            )

    async def background_left(self) -> int:
        """Return how many tokens background work may still spend today."""
        day = self._now().date()
        if self._spent is None or self._spent[0] != day:
            await self.flush()
            self._spent = (day, (await self._sum("day = ? and lane = 'background'", day.isoformat())).spent_tokens)
        return max(0, self.background_tokens - self._spent[1])

    def reset_at(self) -> datetime:
        """Return when the next day begins for the user."""
        midnight = datetime.combine(self._now().date() + timedelta(days=1), time())
        return midnight.replace(tzinfo=self._zone) if self._zone else midnight.astimezone()

    async def today(self) -> Sums:
        """Return today's sums, of all lanes."""
        await self.flush()
        return await self._sum("day = ?", self._now().date().isoformat())

    async def lines(self, days: int) -> tuple[LedgerLine, ...]:
        """Return the sums of the last `days` days, today among them, newest first."""
        await self.flush()
        first = (self._now().date() - timedelta(days=days - 1)).isoformat()
        sql = f"""select day, lane, job, model, count(distinct nullif(turn_id, '')), {_SUMS} from ledger where day >= ?
            group by day, lane, job, model order by day desc, lane desc, job, model"""
        rows = await self._database.rows(sql, (first,))
        return tuple(
            LedgerLine(date.fromisoformat(day), cast(Lane, lane), job, model, turns, Sums(*sums))
            for day, lane, job, model, turns, *sums in rows
        )

    async def fold(self) -> int:
        """Make sums of a day of what is older than 90 days, and return how many rows went into them."""
        before = (self._now().date() - timedelta(days=KEEP_TURNS_DAYS)).isoformat()

        def fold(connection: apsw.Connection) -> int:
            old = "day < ? and turn_id <> ''"
            connection.execute(
                f"""insert into ledger select day, '', job, lane, model, {_SUMS} from ledger where {old}
                group by day, job, lane, model {_ADD}""",
                (before,),
            )
            connection.execute(f"delete from ledger where {old}", (before,))
            return int(connection.changes())

        return await self._database.write(fold)

    async def _sum(self, condition: str, *values: str) -> Sums:
        (row,) = await self._database.rows(f"select {_SUMS} from ledger where {condition}", values)
        return Sums(*(value or 0 for value in row))

    def _now(self) -> datetime:
        return self._clock.now().astimezone(self._zone)


class Budgeted:
    """`core.protocols.Complete` that asks the ledger first."""

    def __init__(self, complete: Complete, ledger: Ledger) -> None:
        self._complete = complete
        self._ledger = ledger

    async def __call__(self, prompt: Prompt) -> AsyncIterator[CompletionEvent]:
        """Ask the model; raises UserError where a background prompt finds the day's tokens spent."""
        await self._ledger.admit(prompt.lane)
        events = self._complete(prompt)
        async with aclosing(events):  # type: ignore[type-var]
            async for event in events:
                yield event


def _add(connection: apsw.Connection, rows: Sequence[Row]) -> None:
    connection.executemany(f"insert into ledger values (?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?) {_ADD}", rows)


def _spent_tokens(record: CompletionRecord) -> int:
    return record.prompt_tokens - record.cached_tokens + record.completion_tokens
