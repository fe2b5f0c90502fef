"""The machine as the watch sees it: its power, its user's presence, what it is short of, and who tells of changes.

Owns the two message buses and which handlers listen there. Must not know what follows of a reading. Loop; readings
take a few small files, and nothing here polls.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from openclaw_desktop.health.degradation import Pressure
from openclaw_desktop.system.battery import Power, UPowerSignals, read_power
from openclaw_desktop.system.bus_link import BusLink
from openclaw_desktop.system.idle import Idle, NoIdle, find_idle
from openclaw_desktop.system.memory import Memory, read_memory
from openclaw_desktop.system.session import LogindSignals, SessionState


class Machine(Protocol):
    """What the watch reads."""

    @property
    def tells_power(self) -> bool:
        """Whether changes of the power are told, so that nobody must look for them."""
        ...

    @property
    def session(self) -> SessionState:
        """The user's session."""
        ...

    def power(self) -> Power:
        """Return the power now."""
        ...

    def idle_s(self) -> float | None:
        """Return the seconds since the last input; None where nothing tells."""
        ...

    def pressure(self) -> Pressure:
        """Return how short memory, disk and processor are."""
        ...

    async def connect(self, on_news: Callable[[], None]) -> None:
        """Listen to whoever tells of changes and call `on_news` at each; again where a bus was lost."""
        ...

    async def refresh(self) -> None:
        """Have `idle_s` true, where that takes a question."""
        ...

    async def close(self) -> None:
        """Listen no longer."""
        ...


class ThisMachine:
    """The real one. `folder`: on the disk that must not fill up."""

    def __init__(
        self,
        folder: Path,
        environ: Mapping[str, str],
        idle: Idle | None = None,
        read_memory: Callable[[], Memory] = read_memory,
    ) -> None:
        self.idle: Idle = idle or NoIdle()
        self._folder = folder
        self._environ = environ
        self._read_memory = read_memory
        self._links: dict[str, BusLink] = {}
        self._watchers: list[asyncio.Task[object]] = []
        self._upower = UPowerSignals(self._note_news)
        self._logind = LogindSignals(environ, self._note_news)
        self._on_news: Callable[[], None] = lambda: None

    @property
    def tells_power(self) -> bool:
        """True while UPower is there."""
        return self._upower.working

    @property
    def session(self) -> SessionState:
        """The session as logind and the screen saver told it."""
        return self._logind.state

    def power(self) -> Power:
        """Return the power now."""
        return read_power()

    def idle_s(self) -> float | None:
        """Return the seconds since the last input; None where nothing tells."""
        return self.idle.idle_s()

    def pressure(self) -> Pressure:
        """Return how short memory, disk and processor are."""
        memory = self._read_memory()
        load: float | None = None
        if sys.platform != "win32":
            load = os.getloadavg()[1] / (os.cpu_count() or 1)
        return Pressure(memory.available_bytes / max(1, memory.total_bytes), shutil.disk_usage(self._folder).free, load)

    async def connect(self, on_news: Callable[[], None]) -> None:
        """Listen on the buses that are there; one that is connected stays."""
        self._on_news = on_news
        if "system" not in self._links and (link := await BusLink.open("system", self._environ)) is not None:
            self._keep("system", link)
            await self._upower.follow(link)
            await self._logind.follow(link)
        if "session" not in self._links and (link := await BusLink.open("session", self._environ)) is not None:
            self._keep("session", link)
            await self._logind.follow_savers(link)
            if isinstance(self.idle, NoIdle):
                self.idle = await find_idle(link, self._note_news)

    async def refresh(self) -> None:
        """Have `idle_s` true."""
        await self.idle.refresh()

    async def close(self) -> None:
        """Listen no longer."""
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        await self._logind.stop()
        for link in self._links.values():
            await link.close()
        self._links.clear()

    def _keep(self, name: str, link: BusLink) -> None:
        self._links[name] = link
        self._watchers = [watcher for watcher in self._watchers if not watcher.done()]
        self._watchers.append(asyncio.get_running_loop().create_task(self._await_loss(name, link), name=f"{name} bus"))

    async def _await_loss(self, name: str, link: BusLink) -> None:
        await link.lost.wait()
        self._links.pop(name, None)
        if name == "system":
            self._upower.lose()
            self._logind.lose()
        await link.close()
        self._note_news()

    def _note_news(self) -> None:
        self._on_news()
