"""A served agent on a machine whose battery runs down: its files are the test's, its bus has a mock of UPower.

The agent's psutil reads /sys/class/power_supply as ever; in its mount namespace the test's tree lies there.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from agent_process import Program, Serving
from counts import FULL
from desktop_buses import LOGIN, UPOWER, BatteryTree, MockDesktop, private_bus

from openclaw_desktop.core.events import AgentEvent
from openclaw_desktop.core.power import LevelChanged, Woke
from openclaw_desktop.service.jobs.views import NewJob
from openclaw_desktop.service.remote import RemoteService

T = TypeVar("T")

SUPPLIES = Path("/sys/class/power_supply")
# As root no namespace of users is needed, and some machines allow none.
UNSHARE = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
# The bar is a level within 35 s where nothing tells; a signal is heard at once, and a busy machine gets some seconds.
LOOK_S, AT_ONCE_S = 35.0, 20.0
STEPS = ((100, False, "saver"), (20, False, "low"), (4, False, "critical"), (4, True, "full"))


def can_mount() -> bool:
    return SUPPLIES.is_dir() and subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not shutil.which("unshare") or not can_mount(),
    reason="needs a mount namespace, to lay files over /sys/class/power_supply",
)


@pytest.fixture
def battery(tmp_path: Path) -> BatteryTree:
    return BatteryTree(tmp_path / "power_supply")


@pytest.fixture
def on_bus() -> Iterator[tuple[str, MockDesktop]]:
    with private_bus() as address:
        mock = MockDesktop(address, UPOWER, LOGIN)
        yield address, mock
        mock.end()


def serve(program: Program, battery: BatteryTree, address: str) -> Serving:
    mount = f"mount --bind {shlex.quote(str(battery.folder))} {SUPPLIES}"
    line = f"{mount} && exec {shlex.join(program.command('serve'))}"
    return program.serve([*UNSHARE, "sh", "-c", line], DBUS_SYSTEM_BUS_ADDRESS=address)


class Events:
    """What the agent tells a front end, as it tells it."""

    def __init__(self, remote: RemoteService) -> None:
        self.remote = remote
        self._queue: asyncio.Queue[AgentEvent] = asyncio.Queue()
        self._watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        async with contextlib.aclosing(self.remote.watch()) as events:
            async for event in events:
                self._queue.put_nowait(event)

    async def next(self, kind: type, limit_s: float) -> AgentEvent:
        async with asyncio.timeout(limit_s):
            while not isinstance(event := await self._queue.get(), kind):
                pass
        return event

    async def close(self) -> None:
        self._watching.cancel()
        await asyncio.gather(self._watching, return_exceptions=True)
        await self.remote.close()


async def until(ask: Callable[[], Awaitable[T]], holds: Callable[[T], bool]) -> T:
    """Ask the agent until it says so."""
    async with asyncio.timeout(AT_ONCE_S * 2):
        while not holds(said := await ask()):
            pass
    return said


@contextlib.asynccontextmanager
async def watched(agent: Serving) -> AsyncIterator[Events]:
    remote = await RemoteService.connect(agent.socket_path)
    assert remote is not None
    await remote.status()
    events = Events(remote)
    await asyncio.sleep(0)  # the task is on its way: its frame is sent before any later one's answer comes
    await remote.status()
    try:
        yield events
    finally:
        await events.close()


async def test_from_full_to_empty_to_mains_told_at_once_by_signals(
    program: Program, battery: BatteryTree, on_bus: tuple[str, MockDesktop]
) -> None:
    address, mock = on_bus
    agent = await asyncio.to_thread(serve, program, battery, address)
    async with watched(agent) as events:
        power = (await events.remote.status()).power
        assert (power.source, power.battery_percent, power.level) == ("mains", 100, "full")
        soon = (datetime.now().astimezone() + timedelta(seconds=2)).isoformat(timespec="seconds")
        await events.remote.add_job(NewJob("on mains", "at", soon, remind="Now", on_ac=True, notify="silent"))
        for percent, mains, level in STEPS:
            if mains:
                shed = await until(events.remote.jobs_status, lambda jobs: jobs.waiting == 1)
                assert shed.waits
            battery.show(percent, mains=mains)
            await asyncio.to_thread(mock.change_power, not mains)
            told = await events.next(LevelChanged, AT_ONCE_S)
            assert isinstance(told, LevelChanged) and told.power == level
            power = (await events.remote.status()).power
            assert (power.level, power.battery_percent, power.sentence) == (level, percent, told.sentence)
            assert bool(told.sentence) is (level != "full")
        (run,) = await until(events.remote.job_runs, lambda runs: [run.state for run in runs] == ["done"])
        assert run.said == "Now", "what waited for mains was done once they came"
        for asleep in (True, False):
            path = "/org/freedesktop/login1"
            await asyncio.to_thread(mock.emit, path, f"{LOGIN}.Manager", "PrepareForSleep", "b", (asleep,))
        assert isinstance(await events.next(Woke, AT_ONCE_S), Woke)
        for series in ("rss_bytes", ""):
            assert await events.remote.metrics(series, 24) == (), "it has run for seconds: nothing is recorded yet"
        assert sum(hour.seen_s for hour in (await events.remote.presence()).hours) < 600
        await events.remote.forget_presence()
        assert (await events.remote.presence()).hours == ()
    ended = await asyncio.to_thread(agent.stop)
    assert ended.code == 0 and "Traceback" not in ended.err


if FULL:  # its half minutes are for the proof; how long they are is tested by a clock that is moved

    async def test_from_full_to_empty_to_mains_seen_within_35_s_by_looking(
        program: Program, battery: BatteryTree
    ) -> None:
        agent = await asyncio.to_thread(serve, program, battery, "unix:path=/nowhere/bus")
        async with watched(agent) as events:
            for percent, mains, level in STEPS:
                battery.show(percent, mains=mains)
                began_s = time.monotonic()
                told = await events.next(LevelChanged, LOOK_S)  # nobody asks for anything meanwhile
                assert isinstance(told, LevelChanged) and told.power == level
                print(f"{level}: seen after {time.monotonic() - began_s:.1f} s")
        assert (await asyncio.to_thread(agent.stop)).code == 0
