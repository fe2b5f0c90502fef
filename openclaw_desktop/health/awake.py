"""Holding sleep off while a run is live and the machine is on mains, and not a moment longer.

Owns how many runs want that, and the one hold of them all. It is `core.protocols.StayAwake`. Must not know what runs.
Loop; the system is asked in a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.tasks import TaskSet
from openclaw_desktop.core.text import tr
from openclaw_desktop.system.inhibit import Inhibit

log = logging.getLogger(__name__)


class Awake:
    """Keeps the machine awake for the runs inside it."""

    def __init__(self, inhibit: Inhibit, on_mains: Callable[[], bool]) -> None:
        self._inhibit = inhibit
        self._on_mains = on_mains
        self._reasons: list[str] = []
        self._release: Callable[[], None] | None = None
        # Why nothing here could hold sleep off when it was asked last; "" as far as is known.
        self.refused = ""
        self._is_asked = False
        self._lock = asyncio.Lock()
        self._tasks = TaskSet()

    @property
    def held(self) -> bool:
        """Whether sleep is held off now."""
        return self._release is not None

    @contextlib.asynccontextmanager
    async def __call__(self, why: str) -> AsyncIterator[None]:
        """Hold sleep off inside, while the machine is on mains."""
        self._reasons.append(why)
        # What refused the run before may have come by now; who begins asks anew.
        self._is_asked = False
        try:
            if self.refused:
                self._tasks.start(self.settle(), "ask again for sleep to be held off")  # the run does not wait for it
            else:
                await self.settle()
            yield
        finally:
            self._reasons.remove(why)
            # A run that is cancelled must let go too.
            await asyncio.shield(self._tasks.start(self.settle(), "let the machine sleep"))

    def follow(self) -> None:
        """Take note that the power may have changed."""
        if self._reasons:
            self._is_asked = False
            self._tasks.start(self.settle(), "hold or let go of sleep")

    async def settle(self) -> None:
        """Hold, or let go, as it must be now."""
        async with self._lock:
            wanted = bool(self._reasons) and self._on_mains()
            if not wanted and self._release is not None:
                release, self._release = self._release, None
                await asyncio.to_thread(release)
            elif wanted and self._release is None and not self._is_asked:
                self._is_asked = True
                try:
                    # Whoever uses this machine can read these words: they name no run.
                    self._release = await asyncio.to_thread(self._inhibit.hold, tr("a run is under way"))
                    self.refused = ""
                except UserError as error:
                    if str(error) != self.refused:  # said once
                        log.info("%s", error)
                    self.refused = str(error)

    async def stop(self) -> None:
        """Let go, whoever still wants it."""
        await self._tasks.stop()
        async with self._lock:
            release, self._release = self._release, None
        if release is not None:
            await asyncio.to_thread(release)
