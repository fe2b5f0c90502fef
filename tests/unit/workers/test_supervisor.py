"""When a child starts again: the pauses grow, a good run clears them, and stopping never waits for a pause."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from openclaw_desktop.workers.process import WorkerDied
from openclaw_desktop.workers.supervisor import Supervisor, pause_before_restart_s

COMMAND = ["cat"]


class Hands:
    """A clock and a sleep that the test moves by hand."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.slept: list[float] = []
        self.states: list[str] = []

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.now_s, UTC)

    def monotonic_s(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds

    def supervise(self, command: list[str] = COMMAND) -> Supervisor:
        return Supervisor("test", on_state=self.states.append, command=command, clock=self, sleep=self.sleep)


@pytest.fixture
def hands() -> Hands:
    return Hands()


def test_pauses_grow_to_a_limit() -> None:
    assert [pause_before_restart_s(deaths) for deaths in range(1, 10)] == [0, 0.5, 1, 2, 4, 8, 16, 30, 30]
    assert pause_before_restart_s(10_000) == 30


async def test_one_child_for_all(hands: Hands) -> None:
    supervisor = hands.supervise()
    assert supervisor.pid is None
    workers = await asyncio.gather(*(supervisor.acquire() for _ in range(5)))
    assert len({worker.pid for worker in workers}) == 1
    assert supervisor.pid == workers[0].pid
    await supervisor.stop()
    assert supervisor.pid is None
    assert not workers[0].running
    assert hands.states == ["starting", "running", "stopped"]
    assert (hands.slept, supervisor.restarts) == ([], 0)


async def test_each_death_makes_the_pause_longer(hands: Hands) -> None:
    supervisor = hands.supervise()
    for _ in range(4):
        await (await supervisor.acquire()).kill()
    await supervisor.acquire()
    assert hands.slept == [0, 0.5, 1, 2]
    assert supervisor.restarts == 4
    assert hands.states[:4] == ["starting", "running", "died", "starting"]
    await supervisor.stop()


async def test_a_good_run_clears_the_count(hands: Hands) -> None:
    supervisor = hands.supervise()
    for _ in range(3):
        await (await supervisor.acquire()).kill()
    worker = await supervisor.acquire()
    hands.now_s += 60
    await worker.kill()
    await supervisor.acquire()
    assert hands.slept == [0, 0.5, 1, 0]
    await supervisor.stop()


async def test_a_start_after_stop_is_no_restart(hands: Hands) -> None:
    supervisor = hands.supervise()
    await (await supervisor.acquire()).kill()
    await supervisor.acquire()
    await supervisor.stop()
    await supervisor.acquire()
    assert (hands.slept, supervisor.restarts) == ([0], 1)
    await supervisor.stop()


async def test_a_failed_start_counts_as_a_death(hands: Hands) -> None:
    supervisor = hands.supervise(["/nonexistent/program"])
    for _ in range(3):
        with pytest.raises(FileNotFoundError):
            await supervisor.acquire()
    assert hands.slept == [0, 0.5]
    assert hands.states == ["starting", "died"] * 3


async def test_stop_does_not_wait_for_a_pause(hands: Hands) -> None:
    asleep = asyncio.Event()

    async def sleep_for_ever(_seconds: float) -> None:
        asleep.set()
        await asyncio.Event().wait()

    supervisor = Supervisor("test", command=COMMAND, clock=hands, sleep=sleep_for_ever)
    await (await supervisor.acquire()).kill()
    waiters = [asyncio.ensure_future(supervisor.acquire()) for _ in range(2)]
    await asleep.wait()
    await supervisor.stop()
    for waiter in waiters:
        with pytest.raises(WorkerDied):
            await waiter


async def test_stop_does_not_wait_for_a_child_that_somebody_starts_meanwhile(hands: Hands) -> None:
    supervisor = hands.supervise()
    first = await supervisor.acquire()
    stopping = asyncio.ensure_future(supervisor.stop())
    await asyncio.sleep(0)
    second = await supervisor.acquire()
    await asyncio.wait_for(stopping, 30)
    assert not first.running and second.running
    await supervisor.stop()
    assert not second.running


async def test_one_that_gives_up_takes_nothing_from_the_rest(hands: Hands) -> None:
    supervisor = hands.supervise()
    impatient, patient = asyncio.ensure_future(supervisor.acquire()), asyncio.ensure_future(supervisor.acquire())
    await asyncio.sleep(0)  # both wait now
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    assert (await patient).running
    await supervisor.stop()
