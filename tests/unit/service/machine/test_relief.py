"""What goes where room runs short, how often, what never goes, and that the user hears of it once."""

from __future__ import annotations

import asyncio
import random
import shutil
import struct
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw
import pytest

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.labels import USER
from openclaw_desktop.memory import history
from openclaw_desktop.memory.consolidation.consolidator import Consolidator
from openclaw_desktop.memory.records import NewMemory
from openclaw_desktop.memory.sessions import Scratch, SessionStore
from openclaw_desktop.memory.store import MemoryStore
from openclaw_desktop.memory.vectors.embedder import WORDLLAMA, Embedder
from openclaw_desktop.service.machine import relief as relief_module
from openclaw_desktop.service.machine.relief import PAUSE_S, Relief
from openclaw_desktop.service.memory.care import MemoryCare, tier_limits
from openclaw_desktop.service.memory.growth import Growth
from openclaw_desktop.storage.backup import BackupPlan
from openclaw_desktop.storage.database import Database
from openclaw_desktop.storage.housekeeping import Housekeeping
from openclaw_desktop.storage.settings import MemorySettings
from openclaw_desktop.system.memory import Memory
from openclaw_desktop.system.memory_pressure import PressureWatch

GB = 1_000_000_000
LIMIT_MB = 10


class MovingClock:
    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 24, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def monotonic_s(self) -> float:
        return self.moment.timestamp()


class NobodyMay:
    """The user is at the machine, on battery."""

    def may_run(self, kind: str, urgency: str) -> bool:
        return urgency == "now"


class Chance:
    """Vectors without a meaning, as large as any."""

    def encode(self, texts: Sequence[str]) -> list[bytes]:
        return [struct.pack("<256f", *(random.gauss(0.0, 1 / 16) for _ in range(256))) for _ in texts]


class Watch(PressureWatch):
    """The kernel's word, said by the test."""

    made: Watch

    def __init__(self, on_short: Callable[[], None], short: Callable[[], bool]) -> None:
        super().__init__(on_short, short)
        self.speak, self.started = on_short, False
        Watch.made = self

    def start(self) -> None:
        self.started = True

    def stop(self) -> None:
        self.started = False


class Desk:
    def __init__(
        self, database: Database, folder: Path, limit_mb: int | None, keep_turns_mb: int | None = None
    ) -> None:
        self.clock, self.memory = MovingClock(), Memory(8 * GB, 4 * GB)
        self.database, self.dropped = database, 0
        self.engine = Embedder(WORDLLAMA, Chance, 600.0)
        self.store = MemoryStore(database, self.engine, self.clock)
        self.sessions = SessionStore(database, self.clock)
        self.growth = Growth(database.path, limit_mb, lambda: self.memory, keep_turns_mb)
        limits = tier_limits(MemorySettings(keep_turns_mb=keep_turns_mb))
        self.care = MemoryCare(database, limits, self.clock, self.store.erasing.let_go)
        self.consolidator = Consolidator(database, NobodyMay(), self.clock, self.growth.room)
        keeper = Housekeeping(database, BackupPlan(folder / "b"), lambda: True)
        self.relief = Relief(
            database, self.sessions, self.consolidator, keeper, self.growth, self.clock,
            (self.engine.give_back, self.note_drop), Watch, self.care.tidy,
        )  # fmt: skip

    async def note_drop(self) -> None:
        self.dropped += 1

    async def tell(self, count: int = 300) -> None:
        """Have as many turns, and the facts that are made of them."""
        told = [f"My sister Anna{n} lives in Rome and collects {n} stamps." for n in range(count)]
        created = self.clock.moment.isoformat()
        turns = [NewMemory(t, kind="turn", tier="short", speaker="user", created_at=created) for t in told]
        await self.store.remember_many(turns)
        await self.store.remember(NewMemory("I am allergic to nuts", speaker="user"))
        await self.consolidator.run("asked")
        await self.store.vectors.work(60.0)

    async def fill(self, size_bytes: int) -> None:
        """Let the file grow to this by turns that hold no words."""
        await self.database.erase_traces()
        lacking = size_bytes - self.database.path.stat().st_size
        turn = NewMemory("." * 8_000, kind="turn", speaker="assistant")
        await self.store.remember_many([turn] * (1 + lacking // 8_300))
        await self.database.erase_traces()

    async def counts(self) -> tuple[int, int]:
        """Return how many turns there are, and how many derived facts."""
        sql = "select coalesce(sum(kind = 'turn'), 0), coalesce(sum(source = 'consolidation'), 0) from memories"
        return (await self.database.rows(sql))[0]

    async def runs(self) -> int:
        return int((await self.database.rows("select count(*) from memory_runs where note = 'pressure'"))[0][0])


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    usage = shutil.disk_usage("/")

    def free(count: int) -> None:
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=count))

    free(100 * GB)
    return free


@pytest.fixture
async def desk(tmp_path: Path, disk: Callable[[int], None]) -> AsyncIterator[Desk]:
    database = await Database.open(tmp_path / "m.db")
    yield Desk(database, tmp_path, LIMIT_MB)
    await database.close()


async def test_over_the_limit_derived_rows_go_whoever_is_there_and_the_file_is_smaller(desk: Desk) -> None:
    await desk.tell()
    assert await desk.counts() == (300, 300)
    await desk.fill(LIMIT_MB * 1_000_000 + 50_000)
    before, size_bytes = await desk.counts(), desk.growth.size_bytes()
    assert desk.growth.lacking_bytes()
    await desk.relief.look()
    turns, facts = await desk.counts()
    assert turns == before[0] and facts < 300, "never a turn"
    assert await desk.database.rows("select count(*) from memories where text like '%nuts'") == [(1,)]
    assert desk.growth.size_bytes() < size_bytes, "what was freed is the disk's again"


async def test_a_file_that_keeps_turns_up_to_a_size_grows_no_further_and_keeps_facts_and_the_newest(
    desk: Desk,
) -> None:
    bounded = Desk(desk.database, desk.database.path.parent, None, keep_turns_mb=LIMIT_MB)
    await bounded.tell(30)
    first = "select count(*) from memories where kind = 'turn' and text like 'My sister%'"
    for _ in range(8):
        await bounded.fill(LIMIT_MB * 1_000_000 + 300_000)
        newest = await bounded.store.remember(NewMemory("What I said last.", kind="turn", speaker="user"))
        await bounded.relief.look()
        assert bounded.growth.size_bytes() <= LIMIT_MB * 1_000_000
        assert await bounded.store.get(newest) is not None
    assert await bounded.database.rows(first) == [(0,)], "they came first"
    assert (await bounded.counts())[1] == 30, "what was learnt from them stays"
    assert bounded.care.held_back == 0


async def test_a_size_that_is_set_far_too_low_costs_nothing_until_the_user_says_so(desk: Desk) -> None:
    low = Desk(desk.database, desk.database.path.parent, None, keep_turns_mb=LIMIT_MB)
    await low.fill(2 * LIMIT_MB * 1_000_000)
    turns = (await low.counts())[0]
    await low.relief.look()
    assert (await low.counts())[0] == turns and low.care.finding() is not None
    assert (await low.care.tidy(confirmed=True)).too_many
    assert 0.4 * turns < (await low.counts())[0] < 0.55 * turns


async def test_what_can_not_be_freed_is_not_tried_again_with_every_turn(desk: Desk) -> None:
    await desk.tell(10)
    await desk.fill((LIMIT_MB + 1) * 1_000_000)
    await desk.relief.look()
    assert (await desk.counts())[1] == 0 and await desk.runs() == 1
    await desk.tell(10)
    await desk.relief.look()
    assert (await desk.counts())[1] == 10, "a turn more: nothing is tried in vain"
    await desk.fill((LIMIT_MB + 3) * 1_000_000)
    await desk.relief.look()
    assert (await desk.counts())[1] == 0 and await desk.runs() == 2


async def test_a_disk_that_others_fill_costs_scratch_and_old_runs_and_nothing_that_is_known(
    desk: Desk, disk: Callable[[int], None]
) -> None:
    await desk.tell(10)
    session = await desk.sessions.begin()
    await desk.sessions.add_scratch(session, [Scratch("t1", "k", "v", USER)])
    await desk.relief.look()
    assert len(await desk.sessions.scratch(session)) == 1, "there is room"
    desk.clock.moment += timedelta(days=8)
    await desk.relief.look()
    assert await history.list_runs(desk.database)
    disk(10_000_000)
    await desk.relief.look()
    assert (await desk.counts(), await desk.sessions.scratch(session)) == ((10, 10), ())
    assert await history.list_runs(desk.database) == ()


async def test_what_went_for_want_of_room_comes_back_with_it_and_nothing_is_made_meanwhile(desk: Desk) -> None:
    await desk.tell(10)
    columns = "id, text, tier, speaker, date_words, created_s, valid_from, importance, confidence, origins, purpose"
    facts = f"select {columns}, pinned, access_count from memories where source = 'consolidation' order by id"
    before = await desk.database.rows(facts)
    await desk.fill((LIMIT_MB + 1) * 1_000_000)
    await desk.store.remember(NewMemory("I own a red bicycle.", kind="turn", speaker="user"))
    await desk.relief.look()
    assert await desk.database.rows(facts) == []
    assert await desk.database.rows("select count(*) from reading_queue") == [(1,)]
    run = await history.last_run(desk.database)
    assert run is not None and run.note == "pressure"
    wider = Desk(desk.database, desk.database.path.parent, LIMIT_MB + 2)
    await wider.relief.look()
    assert await desk.database.rows(facts) == [], "there is some room, but not plenty"
    wider = Desk(desk.database, desk.database.path.parent, None)
    await wider.relief.look()
    assert await desk.database.rows(facts) == before, "it comes back by itself"
    await Desk(desk.database, desk.database.path.parent, LIMIT_MB).relief.look()
    assert await desk.database.rows(facts) == [], "and may go again: to take it back was no wish of the user's"


async def test_short_memory_gives_back_what_can_be_loaded_again_once_in_a_while(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.tell(10)
    await desk.engine(["a word"])
    shrunk: list[str] = []
    monkeypatch.setattr(relief_module, "_give_back_heap", lambda: shrunk.append("heap"))
    await desk.relief.look()
    assert desk.engine.loaded and not desk.dropped
    desk.memory = Memory(8 * GB, GB // 2)
    await desk.relief.look()
    assert not desk.engine.loaded and (desk.dropped, shrunk) == (1, ["heap"])
    await desk.engine(["another word"])
    await desk.relief.look()
    assert desk.engine.loaded and desk.dropped == 1, "not with every word of the kernel's"
    desk.clock.moment += timedelta(seconds=PAUSE_S)
    await desk.relief.look()
    assert not desk.engine.loaded and desk.dropped == 2
    desk.memory = Memory(8 * GB, 850_000_000)
    await desk.relief.look()
    desk.memory = Memory(8 * GB, GB // 2)
    await desk.relief.look()
    assert desk.dropped == 2, "a little more and a little less is the same shortage"
    desk.memory = Memory(8 * GB, 4 * GB)
    await desk.relief.look()
    desk.memory = Memory(8 * GB, GB // 2)
    await desk.relief.look()
    assert desk.dropped == 3
    assert await desk.counts() == (10, 10), "no row helps the machine's memory"


async def test_an_engine_at_work_is_not_dropped_under_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()
    encode = Chance.encode

    def wait(self: Chance, texts: Sequence[str]) -> list[bytes]:
        loop.call_soon_threadsafe(begun.set)
        go_on.wait()
        return encode(self, texts)

    monkeypatch.setattr(Chance, "encode", wait)
    working = asyncio.create_task(desk.engine(["a word"]))
    await begun.wait()
    await desk.engine.give_back()
    loaded = desk.engine.loaded
    go_on.set()
    assert loaded and len(await working) == 1
    await desk.engine.give_back()
    assert not desk.engine.loaded


async def test_pages_kept_in_memory_are_given_back_by_all_connections(desk: Desk) -> None:
    await desk.fill(3_000_000)
    read, write = desk.database.read, desk.database.maintain

    async def kept() -> list[int]:
        await read(lambda c: c.execute("select sum(text like '%x%') from memories").fetchall())
        return [await run(lambda c: c.status(apsw.SQLITE_DBSTATUS_CACHE_USED)[0]) for run in (read, write)]

    before = await kept()
    desk.memory = Memory(8 * GB, GB // 2)
    await desk.relief.look()
    after = [await run(lambda c: c.status(apsw.SQLITE_DBSTATUS_CACHE_USED)[0]) for run in (read, write)]
    assert min(before) > 100_000 and max(after) < 20_000, (before, after)


async def test_the_kernels_word_and_what_is_new_are_looked_at_and_nothing_is_between(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: asyncio.Queue[None] = asyncio.Queue()
    look = desk.relief.look

    async def count() -> None:
        await look()
        looked.put_nowait(None)

    monkeypatch.setattr(desk.relief, "look", count)
    working = asyncio.create_task(desk.relief.work())
    async with asyncio.timeout(30):
        await looked.get()  # the start
        assert Watch.made.started
        desk.memory = Memory(8 * GB, GB // 2)
        Watch.made.speak()
        await looked.get()
        assert desk.dropped == 1
        desk.relief.note_news()
        await looked.get()
    for _ in range(20):
        await asyncio.sleep(0)
    assert looked.empty()
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    assert not Watch.made.started


async def test_a_full_disk_ends_nothing_of_it(desk: Desk, disk: Callable[[int], None]) -> None:
    looked: asyncio.Queue[None] = asyncio.Queue()

    async def fail() -> None:
        looked.put_nowait(None)
        raise UserError("disk_full", "The disk is full.")

    desk.sessions.drop_scratch = fail  # type: ignore[method-assign]
    disk(10_000_000)
    working = asyncio.create_task(desk.relief.work())
    async with asyncio.timeout(30):
        await looked.get()
        desk.relief.note_news()
        await looked.get()
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


async def test_the_user_is_told_once_before_it_bites_and_again_when_it_does(desk: Desk) -> None:
    assert await desk.relief.notice() == ""
    await desk.fill(8_100_000)
    assert "of its 10 MB" in await desk.relief.notice()
    assert await desk.relief.notice() == ""
    again = Desk(desk.database, desk.database.path.parent, LIMIT_MB)
    assert await again.relief.notice() == "", "not after every start"
    await desk.fill(10_100_000)
    told = await desk.relief.notice()
    assert told.count("of its 10 MB") == 1 and "Raise memory.limit_mb" in told
    assert await desk.relief.notice() == ""
    wider = Desk(desk.database, desk.database.path.parent, 12)
    assert await wider.relief.notice() == ""
    assert "of its 10 MB" in await desk.relief.notice(), "it was better meanwhile: that is news again"
