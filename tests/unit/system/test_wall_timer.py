"""The timer by the wall clock: rings at its moment, at once for a past one, and at another once that is set."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from openclaw_desktop.core.clock import SystemClock
from openclaw_desktop.system.wall_timer import WallTimer, open_wall_timer
from openclaw_desktop.system.wall_timer.steps import LONGEST_STEP_S, SteppedTimer

SOON, PAST = timedelta(milliseconds=40), timedelta(hours=-1)
Make = Callable[[Callable[[], None]], WallTimer]


MAKERS: dict[str, Make] = {
    "steps": lambda ring: SteppedTimer(ring, SystemClock()),
    "the system's own": lambda ring: open_wall_timer(ring, SystemClock()),
}


@pytest.fixture(params=MAKERS.values(), ids=MAKERS)
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    open_ones: list[WallTimer] = []

    def make(ring: Callable[[], None]) -> WallTimer:
        open_ones.append(request.param(ring))
        return open_ones[-1]

    yield make
    for timer in open_ones:
        timer.close()


@pytest.mark.parametrize("length", [SOON, PAST])
async def test_it_rings_and_not_before(make: Make, length: timedelta) -> None:
    rung = asyncio.Event()
    timer = make(rung.set)
    moment = datetime.now(UTC) + length
    timer.set(moment)
    await rung.wait()
    # A millisecond is what the loop's own timer may be early by.
    assert datetime.now(UTC) >= moment - timedelta(milliseconds=2)
    timer.close()


async def test_another_moment_takes_the_place_of_the_first(make: Make) -> None:
    rung = asyncio.Event()
    timer = make(rung.set)
    timer.set(datetime.now(UTC) + timedelta(days=4))
    timer.set(datetime.now(UTC) + SOON)
    await rung.wait()
    rung.clear()
    timer.set(datetime.now(UTC) + SOON)
    timer.set(None)
    other = asyncio.Event()
    second = make(other.set)
    second.set(datetime.now(UTC) + 3 * SOON)
    await other.wait()
    assert not rung.is_set()
    timer.close()
    second.close()
    timer.close()


async def test_steps_are_never_longer_than_a_quarter_of_an_hour() -> None:
    timer = SteppedTimer(lambda: None, SystemClock())
    timer.set(datetime.now(UTC) + timedelta(days=4))
    assert timer._handle is not None
    assert timer._handle.when() - asyncio.get_running_loop().time() <= LONGEST_STEP_S
    timer.close()
    assert timer._handle is None


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's timer is Linux's")
async def test_linux_has_the_kernels_timer() -> None:
    from openclaw_desktop.system.wall_timer.timer_file import TimerFile

    timer = open_wall_timer(lambda: None, SystemClock())
    assert isinstance(timer, TimerFile)
    timer.close()
