"""What is given back where room runs short: the machine's memory, the disk, or the user's own limit.

Owns when (the kernel's word, something new in the file, or once an hour), how often at most, and that the user is told
once. Must not know what is derived of what, nor how anything is freed. Loop; sleeps while nothing happens.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import logging
import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from openclaw_desktop.core.clock import Clock
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.memory import history
from openclaw_desktop.memory.consolidation import pressure
from openclaw_desktop.memory.consolidation.consolidator import Consolidator
from openclaw_desktop.memory.marks import read_mark, set_mark
from openclaw_desktop.memory.sessions import SessionStore
from openclaw_desktop.service.memory.growth import SLACK, Growth
from openclaw_desktop.storage.database import Database
from openclaw_desktop.storage.housekeeping import Housekeeping
from openclaw_desktop.system.memory_pressure import PressureWatch

log = logging.getLogger(__name__)

LOOK_S = 3600.0
# While memory stays short, what came back meanwhile is given back again this often at most.
PAUSE_S = 600.0
# Where nothing more could be freed, it is tried again only after so much has come on top.
MORE_BYTES = 1_000_000
_TOLD = "growth.told"


class Relief:
    """Watches over the room of one file and its agent."""

    def __init__(
        self,
        database: Database,
        sessions: SessionStore,
        consolidator: Consolidator,
        housekeeping: Housekeeping,
        growth: Growth,
        clock: Clock,
        drop: Sequence[Callable[[], Awaitable[object]]] = (),
        make_watch: Callable[[Callable[[], None], Callable[[], bool]], PressureWatch] = PressureWatch,
        tidy: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        """`drop`: who lets go of what can be loaded or read again; `make_watch`: see `system.memory_pressure`.

        `tidy`: lets turns go where the user keeps them only up to a size of the file.
        """
        self._database = database
        self._sessions = sessions
        self._consolidator = consolidator
        self._housekeeping = housekeeping
        self._growth = growth
        self._clock = clock
        self._drop = drop
        self._watch = make_watch(self.note_news, growth.is_memory_short)
        self._news = asyncio.Event()
        self._dropped_s: float | None = None
        self._left_bytes = 0
        self._tidy = tidy
        self._outgrown_bytes = 0
        # Runs that can't be taken back: later ones build on them.
        self._built_on: set[int] = set()
        # Who else must know that memory is short.
        self.when_short: Callable[[], None] = lambda: None

    def note_news(self) -> None:
        """Have it looked at soon: something was written, or memory is short."""
        self._news.set()

    async def work(self) -> None:
        """Look whenever there is news, and once an hour, until cancelled."""
        self._watch.start()
        try:
            while True:
                self._news.clear()
                try:
                    await self.look()
                except (UserError, OSError) as error:
                    log.warning("no room was made: %s", error)
                try:
                    async with asyncio.timeout(LOOK_S):
                        await self._news.wait()
                except TimeoutError:
                    pass  # other programs fill a disk too
        finally:
            self._watch.stop()

    async def look(self) -> None:
        """Give back what can be, where memory or room is short; raises UserError."""
        if self._growth.is_memory_short():
            self.when_short()
        if not self._growth.is_memory_short(SLACK):
            self._dropped_s = None
        elif self._growth.is_memory_short() and self._may_drop():
            await self._relieve_memory()
        await self._let_turns_go()
        lacking = self._growth.lacking_bytes()
        if lacking > self._left_bytes:
            await self._make_room()
        elif not lacking:
            self._left_bytes = 0
            await self._take_back()

    async def notice(self) -> str:
        """Return what the user has not been told yet; "" where that is nothing."""
        try:
            told = set(json.loads(await self._database.read(lambda c: read_mark(c, _TOLD)) or "[]"))
            concerns = self._growth.concerns()
            now_told = told & self._growth.concerns(SLACK).keys() | concerns.keys()
            if now_told != told:
                await self._database.write(partial(set_mark, name=_TOLD, value=json.dumps(sorted(now_told))))
        except (UserError, OSError) as error:  # the turn goes on, and what it can't keep it says itself
            log.warning("how full the memory is was not told: %s", error)
            return ""
        new = {finding: None for name, finding in concerns.items() if name not in told}
        return " ".join(f"{finding.sentence} {finding.advice}" for finding in new)

    def _may_drop(self) -> bool:
        return self._dropped_s is None or self._clock.monotonic_s() - self._dropped_s >= PAUSE_S

    async def _relieve_memory(self) -> None:
        self._dropped_s = self._clock.monotonic_s()
        log.info("memory is short: what can be read again is given back")
        for drop in self._drop:
            await drop()
        await self._database.give_back_memory()
        _give_back_heap()

    async def _let_turns_go(self) -> None:
        if self._tidy is not None and self._growth.outgrown_bytes() > self._outgrown_bytes:
            await self._tidy()
            await self._housekeeping.give_back_room()
            # Where so many would go that the user has to say so, that is told by the doctor.
            left = self._growth.outgrown_bytes()
            self._outgrown_bytes = left + MORE_BYTES if left else 0

    async def _make_room(self) -> None:
        log.info("room is short: what was derived goes")
        await self._sessions.drop_scratch()
        report = await self._consolidator.run("pressure")
        await self._housekeeping.give_back_room()
        # What is missing still is told; it would be in vain to try again with every turn.
        lacking = self._growth.lacking_bytes()
        self._left_bytes = lacking + MORE_BYTES if lacking else 0
        log.info("room was made: %s; %d bytes are missing still", report.changes, lacking)

    async def _take_back(self) -> None:
        """Bring back what went for want of room, where there is plenty of it by now."""
        if any(name.startswith("memory size") for name in self._growth.concerns(SLACK)):
            return
        for run_id in await self._database.read(pressure.runs_for_room):
            if run_id in self._built_on:
                continue
            await self._database.write(partial(pressure.regret, run_id=run_id))
            try:
                await history.undo_run(self._database, run_id, self._clock.now())
            except UserError as error:
                self._built_on.add(run_id)
                log.info("what went for want of room stays away: %s", error)


def _give_back_heap() -> None:
    """Return to the system what was freed; only glibc keeps much of it."""
    if sys.platform == "linux":
        try:
            ctypes.CDLL(None).malloc_trim(0)
        except (OSError, AttributeError):  # another C library
            return
