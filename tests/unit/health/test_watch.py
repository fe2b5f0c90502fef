"""The watch: what it tells, when it looks, and who may work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from watched import MAINS, ROOMY, Described, Watched

from openclaw_desktop.core.notices import Notice
from openclaw_desktop.core.power import LevelChanged, Woke
from openclaw_desktop.core.protocols import Conditions
from openclaw_desktop.health.awake import Awake
from openclaw_desktop.health.watch import HealthWatch
from openclaw_desktop.system.battery import Power
from openclaw_desktop.system.session import SessionState

KIND = "memory.consolidate"


@asynccontextmanager
async def at_work(watched: Watched) -> AsyncIterator[None]:
    working = asyncio.create_task(watched.watch.work(watched.wait))
    try:
        yield
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


@pytest.mark.parametrize(
    ("power", "idle_s", "busy", "may"),
    [
        (MAINS, 600.0, False, True),
        (Power("unknown", None), 600.0, False, True),
        (MAINS, None, False, True),
        (Power("battery", 90.0), 600.0, False, False),
        (MAINS, 10.0, False, False),
        (MAINS, 600.0, True, False),
    ],
)
def test_background_work_waits_for_mains_and_for_nobody_at_the_machine(
    power: Power, idle_s: float | None, busy: bool, may: bool
) -> None:
    watched = Watched(Described(power, idle_s))
    watched.watch.is_busy = lambda: busy
    watched.clock.pass_s(3600)
    asked: Conditions = watched.watch
    assert asked.may_run(KIND, "background") is may
    assert bool(asked.why_not(KIND, "background")) is not may
    assert asked.may_run(KIND, "now")


def test_who_has_just_used_the_agent_is_there_without_a_screen_too() -> None:
    watched = Watched()
    watched.clock.pass_s(301)
    assert watched.watch.presence == "idle" and watched.watch.may_run(KIND, "background")
    watched.watch.touch()
    assert watched.events[-1] == LevelChanged("full", "active", ""), "at once"
    assert not watched.watch.may_run(KIND, "background") and watched.watch.may_run(KIND, "due")
    watched.clock.pass_s(301)
    assert watched.watch.may_run(KIND, "background")


def test_asking_often_reads_the_machine_once_a_second() -> None:
    watched = Watched(Described(MAINS, 600.0))
    watched.clock.pass_s(3600)
    assert watched.watch.may_run(KIND, "background")
    watched.machine.is_power = Power("battery", 50.0)
    assert watched.watch.may_run(KIND, "background"), "known from just now"
    watched.clock.pass_s(1)
    assert not watched.watch.may_run(KIND, "background")


async def test_a_battery_runs_down_and_mains_come_each_level_told_at_once_on_a_signal() -> None:
    watched = Watched()
    async with at_work(watched):
        await watched.pauses.get()
        for percent in (100, 60, 20, 19, 8, 4):
            watched.machine.is_power = Power("battery", float(percent))
            watched.machine.on_news()
            await watched.pauses.get()
        watched.machine.is_power = Power("mains", 4.0)
        watched.machine.on_news()
        await watched.pauses.get()
    told = [(event.power, event.presence) for event in watched.events if isinstance(event, LevelChanged)]
    assert told == [("saver", "active"), ("low", "active"), ("critical", "active"), ("full", "active")]


@pytest.mark.parametrize(
    ("power", "idle_s", "tells", "pause_s"),
    [
        # Without a word of the power: every 30 s where there is a battery, every 5 min where none exists.
        (Power("battery", 50.0), None, False, 30.0),
        (Power("mains", 50.0), None, False, 30.0),
        (MAINS, None, False, 300.0),
        # With it: only when presence may change by itself.
        (Power("battery", 50.0), None, True, 1440.0),
        (MAINS, 0.0, True, 300.0),
        (MAINS, 900.0, True, 60.0),
    ],
)
def test_how_often_it_looks(power: Power, idle_s: float | None, tells: bool, pause_s: float) -> None:
    watched = Watched(Described(power, idle_s))
    watched.machine.tells_power = tells
    watched.clock.pass_s(360)
    watched.watch.look()
    assert watched.watch.pause_s() == pause_s


def test_away_and_told_of_everything_it_sleeps_an_hour() -> None:
    watched = Watched()
    watched.machine.tells_power = True
    watched.clock.pass_s(4000)
    watched.watch.look()
    assert watched.watch.pause_s() == 3600.0


def test_without_a_signal_the_level_is_seen_with_the_next_look() -> None:
    watched = Watched(Described(Power("battery", 30.0)))
    watched.watch.look()
    watched.machine.is_power = Power("battery", 5.0)
    assert watched.watch.pause_s() <= 30
    watched.clock.pass_s(watched.watch.pause_s())
    watched.watch.look()
    assert watched.events[-1].power == "critical"  # type: ignore[union-attr]


async def test_a_lock_and_sleep_make_the_user_away_and_waking_is_told() -> None:
    watched = Watched(Described(MAINS, 0.0))
    watched.clock.pass_s(600)
    async with at_work(watched):
        await watched.pauses.get()
        asleep, awake = SessionState(asleep=True), SessionState(wakes=1)
        for session in (SessionState(locked=True), SessionState(), asleep, awake, awake):
            watched.machine.session = session
            watched.machine.on_news()
            await watched.pauses.get()
    presences = [event.presence for event in watched.events if isinstance(event, LevelChanged)]
    assert presences == ["away", "active", "away", "active"]
    assert [event for event in watched.events if isinstance(event, Woke)] == [Woke(0.0)]


def test_a_sleep_so_short_that_no_look_saw_it_is_told_once() -> None:
    watched = Watched()
    watched.watch.look()
    watched.machine.session = SessionState(wakes=1)
    watched.watch.look()
    watched.watch.look()
    assert [event for event in watched.events if isinstance(event, Woke)] == [Woke(0.0)]


def test_a_jump_of_the_clock_is_taken_for_sleep_where_nobody_tells_of_it() -> None:
    watched = Watched()
    watched.watch.look()
    watched.clock.pass_s(60)
    watched.clock.wall += timedelta(hours=2)
    watched.watch.look()
    assert watched.events[0] == Woke(7200.0)
    watched.clock.pass_s(60)
    watched.clock.wall -= timedelta(hours=1)
    watched.watch.look()
    assert len([event for event in watched.events if isinstance(event, Woke)]) == 1, "set back is no sleep"


async def test_shortage_is_told_once_stops_background_work_and_comes_back() -> None:
    watched, told = Watched(Described(MAINS, 4000.0)), asyncio.Queue[Notice]()

    async def notify(notice: Notice) -> str:
        told.put_nowait(notice)
        return "ntc_1"

    steps: list[str] = []
    watched.watch.notify = notify
    watched.watch.when_changed(lambda: steps.append(watched.watch.degradation[0]))
    watched.clock.pass_s(4000)
    async with at_work(watched):
        await watched.pauses.get()
        for share in (0.14, 0.13, 0.04, 0.5):
            watched.machine.is_pressure = replace(ROOMY, memory_share=share)
            watched.machine.on_news()
            await watched.pauses.get()
            assert watched.watch.may_run(KIND, "background") is (share == 0.5)
            if share == 0.04:
                assert watched.watch.pause_s() <= 60, "it looks whether there is room again"
        notices = [await told.get() for _ in range(3)]
    assert steps == ["normal", "normal", "no_background", "no_model", "normal"]
    assert told.empty() and {notice.key for notice in notices} == {"health.health"}, "a later one takes its place"
    assert all(notice.body and notice.why for notice in notices)


async def test_a_low_battery_is_told_and_mains_are_not() -> None:
    watched, told = Watched(), asyncio.Queue[Notice]()

    async def notify(notice: Notice) -> str:
        told.put_nowait(notice)
        return "ntc_1"

    watched.watch.notify = notify
    async with at_work(watched):
        for power in (Power("battery", 90.0), Power("battery", 15.0), Power("battery", 5.0), Power("mains", 5.0)):
            await watched.pauses.get()
            watched.machine.is_power = power
            watched.machine.on_news()
        await watched.pauses.get()
        priorities = [(await told.get()).priority for _ in range(2)]
    assert priorities == ["normal", "high"] and told.empty()


async def test_one_who_hears_and_fails_keeps_nobody_else_from_hearing() -> None:
    watched, heard = Watched(), []

    def fail() -> None:
        raise ValueError("deaf")

    watched.watch.when_changed(fail)
    watched.watch.when_changed(lambda: heard.append(watched.watch.power))
    watched.machine.is_power = Power("battery", 50.0)
    watched.watch.look()
    assert heard == ["saver"]


async def test_it_records_where_something_ran_and_not_where_nothing_did() -> None:
    watched, recorded = Watched(), []

    async def record() -> None:
        recorded.append(watched.clock.s)

    watched.watch.record = record
    async with at_work(watched):
        await watched.pauses.get()
        watched.clock.pass_s(5000)
        watched.machine.on_news()
        await watched.pauses.get()  # the user is away since: that alone is something
        once = len(recorded)
        for _ in range(5):
            watched.clock.pass_s(1000)
            watched.machine.on_news()
            await watched.pauses.get()
        assert len(recorded) == once == 1
        watched.watch.note_ran()
        watched.machine.on_news()
        await watched.pauses.get()
        assert len(recorded) == 2


async def test_ending_it_lets_go_of_the_machine() -> None:
    watched = Watched()
    async with at_work(watched):
        await watched.pauses.get()
        assert watched.machine.connected == 1
        watched.clock.pass_s(301)
        watched.machine.on_news()
        await watched.pauses.get()
        assert watched.machine.connected == 2, "a bus that was lost is tried again"
    assert watched.machine.connected == 0


def test_a_machine_that_tells_nothing_of_itself_takes_nothing_away() -> None:
    watched = Watched(Described(Power("unknown", None)))

    def fail() -> object:
        raise OSError(5, "I/O")

    watched.machine.pressure = fail  # type: ignore[method-assign, assignment]
    watched.watch.look()
    assert isinstance(watched.watch, HealthWatch) and watched.watch.power == "full"
    assert watched.watch.degradation[0] == "normal"


async def test_a_look_that_fails_ends_neither_the_watch_nor_those_who_go_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched()

    async def stumble(*_given: object) -> None:
        raise ValueError("not enough values to unpack")

    with monkeypatch.context() as failing:
        failing.setattr(watched.machine, "refresh", stumble)
        failing.setattr(watched.machine, "connect", stumble)
        working = asyncio.create_task(watched.watch.work(watched.wait))
        assert await asyncio.wait_for(watched.pauses.get(), 20) == 60.0
    watched.machine.is_power = Power("battery", 50.0)
    watched.clock.pass_s(300)
    watched.watch.note_news()
    await asyncio.wait_for(watched.pauses.get(), 20)
    assert watched.events[-1].power == "saver"  # type: ignore[union-attr]
    while not watched.machine.connected:
        watched.watch.note_news()
        await asyncio.wait_for(watched.pauses.get(), 20)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


async def test_what_holds_sleep_off_names_no_run_to_other_users_of_the_machine() -> None:
    held: list[str] = []

    class Inhibited:
        def hold(self, why: str) -> Callable[[], None]:
            held.append(why)
            return held.clear

    awake = Awake(Inhibited(), lambda: True)
    async with awake("the job Letter to the oncologist runs"):
        assert held == ["a run is under way"]
    assert held == [] and not awake.held
