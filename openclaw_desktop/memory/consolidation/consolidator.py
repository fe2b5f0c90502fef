"""Consolidation in the background: reads what was said, weighs what is known, sums up what is old, makes room.

Owns when and in what steps. Each step is one transaction with its own place in the work, so that a kill repeats and
loses nothing. Must not know what a fact is. Loop; SQL runs on the writer's thread.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, TypeVar

import apsw

from openclaw_desktop.core.clock import Clock
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.protocols import ExtractFacts, Permit, ScoreImportance, Urgency
from openclaw_desktop.core.sentences import Passage
from openclaw_desktop.memory import history
from openclaw_desktop.memory.consolidation import pressure, reading, summaries
from openclaw_desktop.memory.consolidation.ageing import Feedback, age_some
from openclaw_desktop.memory.consolidation.deeds import learn_rejections
from openclaw_desktop.memory.consolidation.facts import Diff
from openclaw_desktop.memory.consolidation.pressure import Missing, Room
from openclaw_desktop.memory.consolidation.statements import find_statements, own_words
from openclaw_desktop.memory.records import StoredMemory
from openclaw_desktop.storage.database import Database, fetch

log = logging.getLogger(__name__)

T = TypeVar("T")
Reason = Literal["asked", "background", "pressure"]
# Why a run ended before all was done: "" where all was.
Stop = Literal["", "slice", "permit", "disk"]
KIND = "memory.consolidate"

BATCH_TURNS = 50
# While somebody waits for the file, which then is read for them between two memories.
BATCH_HURRIED = 4
# A model takes seconds for a few: between two steps it is asked anew whether that disturbs.
BATCH_ASKED = 6
SLICE_S = 20.0
# After something was said: by then the user may be away, and `Permit` is asked at all.
QUIET_S = 300.0
RETRY_S = 600.0
BREATH_S = 5.0
LONGEST_SLEEP_S = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class Minds:
    """What a loaded model gives; None: code works alone."""

    extract: ExtractFacts | None = None
    score: ScoreImportance | None = None


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run did. `changes`: how many by kind; `unread`: memories that still wait; `missing`: room, still.

    `run_id`: its diff, None where it changed nothing. `stopped`: why not all was done.
    """

    reason: Reason
    read: int = 0
    changes: dict[str, int] = field(default_factory=dict)
    unread: int = 0
    run_id: int | None = None
    stopped: Stop = ""
    missing: Missing = Missing()


@dataclass(slots=True)
class _Run:
    reason: Reason
    started_s: float
    read: int = 0
    changes: dict[str, int] = field(default_factory=dict)
    run_id: int | None = None
    stopped: Stop = ""
    models: bool = True

    @property
    def urgency(self) -> Urgency:
        # Short room is an emergency: who is at the machine would be disturbed more by a full disk.
        return "background" if self.reason == "background" else "now"


class Consolidator:
    """The consolidation of one file. One run at a time; a cancelled one ends between two transactions."""

    def __init__(
        self,
        database: Database,
        permit: Permit,
        clock: Clock,
        room: Room | None = None,
        minds: Minds | None = None,
        feedback: Feedback | None = None,
        also: Sequence[Callable[[], Awaitable[object]]] = (),
        slice_s: float = SLICE_S,
    ) -> None:
        """`also`: what else waits for low activity. `slice_s`: how long a run in the background takes at most."""
        self._database = database
        self._permit = permit
        self._clock = clock
        self._room = room or Room()
        self._minds = minds or Minds()
        self._feedback = feedback
        self._also = also
        self._slice_s = slice_s
        self._lock = asyncio.Lock()
        self._news = asyncio.Event()
        self._news.set()

    def note_news(self) -> None:
        """Have the background look again: something was said."""
        self._news.set()

    async def run(self, reason: Reason) -> RunReport:
        """Do what there is to do, within the slice where nobody asked for it, and return what was done."""
        async with self._lock:
            run = _Run(reason, self._clock.monotonic_s())
            await self._database.write(self._prepare)
            try:
                await self._work_through(run)
            except UserError as error:
                if error.failure.code != "disk_full":
                    raise
                run.stopped = "disk"
            finally:
                if run.run_id is not None:
                    await self._database.write(partial(self._finish, run_id=run.run_id))
            unread, missing = await self._database.read(self._look)
            return RunReport(reason, run.read, run.changes, unread, run.run_id, run.stopped, missing)

    async def work(self, pause: Callable[[float], Awaitable[object]] = asyncio.sleep) -> None:
        """Consolidate whenever nobody is disturbed by it, until cancelled. Sleeps while nothing was said."""
        while True:
            try:
                async with asyncio.timeout(LONGEST_SLEEP_S):
                    await self._news.wait()
            except TimeoutError:
                pass  # facts age although nothing was said
            await pause(QUIET_S)
            while not self._permit.may_run(KIND, "background"):
                await pause(RETRY_S)
            self._news.clear()
            try:
                report = await self.run("background")
                for work in self._also:
                    if self._permit.may_run(KIND, "background"):
                        await work()
            except UserError as error:
                log.warning("consolidation did not run: %s", error)
                continue
            if report.stopped in ("slice", "permit"):
                self._news.set()
                await pause(BREATH_S)

    async def _work_through(self, run: _Run) -> None:
        steps: tuple[Callable[[_Run], Awaitable[bool]], ...] = (self._read, self._weigh, self._sum_up)
        for step in (self._free,) if run.reason == "pressure" else steps:
            while True:
                run.stopped = run.stopped or self._stop(run)
                if run.stopped:
                    return
                await self._database.waiting.give_way()
                if not await step(run):
                    break
                await asyncio.sleep(0)  # others come first between two steps

    def _stop(self, run: _Run) -> Stop:
        if not self._permit.may_run(KIND, run.urgency):
            return "permit"
        spent_s = self._clock.monotonic_s() - run.started_s
        return "slice" if run.reason == "background" and spent_s > self._slice_s else ""

    async def _free(self, run: _Run) -> bool:
        def free(diff: Diff) -> bool:
            share = pressure.SHARE_LEFT
            missing = pressure.find_missing(diff.connection, self._database.path, self._room, share)
            return bool(missing) and pressure.free_some(diff, missing)

        return await self._step(run, free)

    async def _read(self, run: _Run) -> bool:
        asks = run.models and self._minds.extract is not None
        limit = BATCH_ASKED if asks else BATCH_HURRIED if self._database.waiting.anyone else BATCH_TURNS
        memories = await self._database.read(lambda c: reading.next_unread(c, limit))
        if not memories:
            return False
        offered = await self._ask_for_facts(run, memories)
        weights = await self._ask_for_weights(run, memories, offered)
        # What a model was asked is not asked again.
        enough = (lambda: False) if asks else (lambda: self._database.waiting.anyone)
        run.read += await self._step(run, lambda diff: reading.read(diff, memories, offered, weights, enough))
        return True

    async def _weigh(self, run: _Run) -> bool:
        return await self._step(run, lambda diff: age_some(diff, self._feedback))

    async def _sum_up(self, run: _Run) -> bool:
        return await self._step(run, summaries.summarise_next)

    async def _step(self, run: _Run, do: Callable[[Diff], T]) -> T:
        """Do one step in one transaction; what it did counts once that is on the disk."""
        now = self._clock.now()

        def step(connection: apsw.Connection) -> tuple[T, Diff]:
            diff = Diff(connection, now, lambda c: run.run_id or history.begin_run(c, "consolidation", now, run.reason))
            return do(diff), diff

        result, diff = await self._database.write(step)
        if diff.begun:
            run.run_id = diff.run_id
        for action, count in diff.counts.items():
            run.changes[action] = run.changes.get(action, 0) + count
        return result

    async def _ask_for_facts(self, run: _Run, memories: Sequence[StoredMemory]) -> dict[int, list[str]]:
        """Return a model's facts by the rowid of their turn; none where it can't answer: code reads on alone."""
        passages = [
            Passage(str(memory.rowid), words, memory.label)
            for memory in memories
            if memory.kind == "turn" and (words := own_words(memory.text))
        ]
        offered: dict[int, list[str]] = {}
        if self._minds.extract is None or not run.models or not passages:
            return offered
        try:
            for fact in await self._minds.extract(passages):
                offered.setdefault(int(fact.turn_id), []).append(fact.text)
        except (UserError, ValueError) as error:
            run.models = False
            log.info("facts are chosen without a model: %s", error)
        return offered

    async def _ask_for_weights(
        self, run: _Run, memories: Sequence[StoredMemory], offered: dict[int, list[str]]
    ) -> dict[str, float]:
        weights: dict[str, float] = {}
        if self._minds.score is None or not run.models:
            return weights
        try:
            for memory in memories:
                if memory.kind != "turn":
                    continue
                chosen = [statement.text for statement in find_statements(memory.text)]
                for text in (*chosen, *offered.get(memory.rowid, ())):
                    if (weight := await self._score(text, memory.label)) is not None:
                        weights[text] = weight
        except UserError as error:
            run.models = False
            log.info("facts are weighed without a model: %s", error)
        return weights

    async def _score(self, text: str, label: Label) -> float | None:
        assert self._minds.score is not None
        return await self._minds.score(Passage("", text, label))

    def _prepare(self, connection: apsw.Connection) -> None:
        learn_rejections(connection)
        # A run that a kill cut short has done what it shows.
        for (run_id,) in fetch(
            connection,
            """select id from memory_runs
            where kind = 'consolidation' and finished_at is null and undone_at is null""",
        ):
            history.finish_run(connection, int(run_id), self._clock.now())

    def _finish(self, connection: apsw.Connection, *, run_id: int) -> None:
        history.finish_run(connection, run_id, self._clock.now())

    def _look(self, connection: apsw.Connection) -> tuple[int, Missing]:
        missing = pressure.find_missing(connection, self._database.path, self._room)
        return reading.count_unread(connection), missing
