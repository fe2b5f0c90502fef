"""A machine that a test describes, and a clock that it moves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from openclaw_desktop.core.power import LevelChanged, Woke
from openclaw_desktop.health.degradation import Pressure
from openclaw_desktop.health.rhythm import Rhythm
from openclaw_desktop.health.watch import HealthWatch
from openclaw_desktop.system.battery import Power
from openclaw_desktop.system.session import SessionState

MAINS = Power("mains", None)
ROOMY = Pressure(0.5, 100 << 30, 0.1)
MONDAY = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


class MovingClock:
    def __init__(self) -> None:
        self.wall, self.s = MONDAY, 1000.0

    def now(self) -> datetime:
        return self.wall

    def monotonic_s(self) -> float:
        return self.s

    def pass_s(self, seconds: float) -> None:
        self.s += seconds
        self.wall += timedelta(seconds=seconds)


class Described:
    """`health.machine.Machine` as the test says."""

    def __init__(self, power: Power = MAINS, idle_s: float | None = None) -> None:
        self.is_power, self.is_idle_s, self.is_pressure = power, idle_s, ROOMY
        self.session, self.tells_power = SessionState(), False
        self.on_news: Callable[[], None] = lambda: None
        self.connected = 0

    def power(self) -> Power:
        return self.is_power

    def idle_s(self) -> float | None:
        return self.is_idle_s

    def pressure(self) -> Pressure:
        return self.is_pressure

    async def connect(self, on_news: Callable[[], None]) -> None:
        self.on_news = on_news
        self.connected += 1

    async def refresh(self) -> None:
        return None

    async def close(self) -> None:
        self.connected = 0


class Watched:
    """A watch over a described machine, and what it published."""

    def __init__(self, machine: Described | None = None, rhythm: Rhythm | None = None) -> None:
        self.machine, self.clock = machine or Described(), MovingClock()
        self.events: list[LevelChanged | Woke] = []
        self.watch = HealthWatch(self.machine, self.clock, self.events.append, rhythm, UTC)
        self.pauses: asyncio.Queue[float] = asyncio.Queue()

    def away(self, seconds: float) -> None:
        """Nobody touches machine or agent for so long."""
        self.clock.pass_s(seconds)
        if self.machine.is_idle_s is not None:
            self.machine.is_idle_s += seconds

    async def wait(self, news: asyncio.Event, pause_s: float) -> None:
        """Wait for news, for as long as the test likes; `pauses` tells how long the watch would have waited."""
        self.pauses.put_nowait(pause_s)
        await news.wait()
