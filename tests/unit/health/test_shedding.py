"""Work that is shed where the machine can spare less, and resumed: the real consolidation, the model's keeping."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from watched import ROOMY, Described, Watched

from openclaw_desktop.core.notices import Notice
from openclaw_desktop.health.awake import Awake
from openclaw_desktop.health.metrics import Metrics
from openclaw_desktop.health.rhythm import Rhythm
from openclaw_desktop.inference.records import CompletionRecord
from openclaw_desktop.memory.consolidation.consolidator import Consolidator
from openclaw_desktop.memory.records import NewMemory
from openclaw_desktop.memory.store import MemoryStore
from openclaw_desktop.service.machine.care import MachineCare
from openclaw_desktop.storage.database import Database
from openclaw_desktop.system.battery import Power


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path / "s.db")
    yield database
    await database.close()


class Model:
    """What the care asks of the model's client."""

    pid, queued, state = None, 0, "ready"

    def __init__(self) -> None:
        self.kept: list[float | None] = []
        self.finished: list[Any] = []

    def keep_at_most(self, idle_s: float | None) -> None:
        self.kept.append(idle_s)

    def on_finished(self, callback: Any) -> None:
        self.finished.append(callback)


class Job:
    """The ledger and the process of the tools, as far as the care asks them."""

    pid = None

    def __init__(self) -> None:
        self.noted: list[str] = []

    def note_work(self, job: str, _seconds: float, _cpu_s: float) -> None:
        self.noted.append(job)


class Relieving:
    """Who lets caches go."""

    asked = 0
    when_short: Any = None

    def note_news(self) -> None:
        self.asked += 1


class Inhibited:
    def hold(self, why: str) -> Any:
        raise AssertionError("nothing runs")


class Cared:
    def __init__(self, database: Database) -> None:
        self.watched = Watched(Described(idle_s=4000.0), Rhythm(database))
        self.watch = self.watched.watch
        self.model, self.job = Model(), Job()
        metrics = Metrics(database, self.watched.clock)
        self.care = MachineCare(self.watch, metrics, Awake(Inhibited(), lambda: True), database)
        self.relief, self.told = Relieving(), list[Notice]()
        self.care.join(self.model, self.job, self.job, self.relief, self.tell)  # type: ignore[arg-type]
        self.watched.clock.pass_s(4000)
        self.watch.look()

    async def tell(self, notice: Notice) -> str:
        self.told.append(notice)
        return "ntc_1"

    def show(self, *, power: Power | None = None, memory_share: float = 0.5) -> None:
        """Let the machine be so from now on, and look."""
        self.watched.machine.is_power = power or Power("mains", 100.0)
        self.watched.machine.is_pressure = replace(ROOMY, memory_share=memory_share)
        self.watched.clock.pass_s(30)
        self.watch.look()


async def test_consolidation_stops_between_two_steps_on_battery_and_goes_on_on_mains(database: Database) -> None:
    cared = Cared(database)
    store = MemoryStore(database, None, cared.watched.clock)
    turns = [f"My locker number {n} code is {1000 + n}." for n in range(120)]
    await store.remember_many([NewMemory(text, kind="turn", speaker="user", tier="short") for text in turns])
    consolidator = Consolidator(database, cared.watch, cared.watched.clock, slice_s=1e9)

    class Unplugged:
        """Pulls the plug after the first step."""

        steps = 0

        def may_run(self, kind: str, urgency: str) -> bool:
            self.steps += 1
            if self.steps == 2:
                cared.show(power=Power("battery", 70.0))
            return cared.watch.may_run(kind, urgency)  # type: ignore[arg-type]

    consolidator._permit = Unplugged()
    first = await consolidator.run("background")
    assert first.stopped == "permit" and 0 < first.unread < len(turns)
    cared.show(power=Power("battery", 4.0))
    still = await consolidator.run("background")
    assert still.stopped == "permit" and still.read == 0, "nothing runs while the battery runs down"
    cared.show()
    last = await consolidator.run("background")
    assert (last.stopped, last.unread) == ("", 0), "resumed, and done"


async def test_the_model_goes_sooner_the_less_is_left_and_stays_as_ever_on_mains(database: Database) -> None:
    cared = Cared(database)
    for percent in (90, 15, 4):
        cared.show(power=Power("battery", float(percent)))
    cared.show(power=Power("mains", 4.0))
    assert cared.model.kept[-4:] == [300.0, 60.0, 0.0, None]


async def test_memory_takes_background_work_then_caches_then_the_model_and_gives_them_back(database: Database) -> None:
    cared = Cared(database)
    seen = []
    for share in (0.5, 0.14, 0.09, 0.04, 0.5):
        cared.show(memory_share=share)
        kept = cared.model.kept[-1] if cared.model.kept else None
        seen.append((cared.watch.may_run("x", "background"), cared.relief.asked, kept))
        (found,) = await cared.care.findings()
        assert (found.check, found.level) == ("pressure", "ok" if share == 0.5 else "warning")
    assert seen == [(True, 0, None), (False, 0, None), (False, 1, None), (False, 2, 0.0), (True, 2, None)]
    assert cared.care.health_status(None).level == "normal"
    await asyncio.sleep(0)  # the notices are on their way
    assert [notice.key for notice in cared.told] == ["health.health"] * 4
    cared.relief.when_short()
    assert cared.watch._news.is_set(), "who hears of short memory first has it looked at"


async def test_what_ran_is_recorded_and_found_and_a_command_alone_keeps_no_rhythm(database: Database) -> None:
    cared = Cared(database)
    record = CompletionRecord("m", "chat", 100, 0, 50, 0.5, 2.0, 2.5, 2.0, 2, 4096, 0)
    for finished in cared.model.finished:
        finished(record)
    await cared.care.record()
    points = {point.name: point.mean for point in await cared.care.series("", 24)}
    assert points["answer_ms.chat"] == 2500.0 and points["tokens_per_s.chat"] == 25.0
    assert points["rss_bytes.agent"] > 1_000_000 and points["disk_free_bytes"] > 0 and "loop_lag_ms" in points
    assert {"file_queue", "model_queue", "db_bytes", "cpu_percent"} <= points.keys()
    (one,) = await cared.care.series("answer_ms", 24)
    assert (one.samples, one.seconds) == (1, 600)
    with cared.care.meter("job_1"):
        pass
    assert cared.job.noted == ["job_1"]
    await cared.care.stop()
    assert not await database.rows("select 1 from presence_hours")


async def test_the_rhythm_is_shown_written_at_the_end_and_forgotten_on_demand(database: Database) -> None:
    cared = Cared(database)
    working = asyncio.create_task(cared.watch.work(cared.watched.wait))
    for _ in range(3):
        await cared.watched.pauses.get()
        cared.watched.clock.pass_s(1800)
        cared.watched.machine.on_news()
    await cared.watched.pauses.get()
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    await cared.care.stop()
    kept = await database.rows("select sum(seen_s) from presence_hours")
    assert kept == [(5400.0,)]
    assert sum(hour.seen_s for hour in (await cared.care.presence()).hours) == 5400.0
    await cared.watch.rhythm.erase()
    assert (await cared.care.presence()).hours == ()
